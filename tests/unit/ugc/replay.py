"""A replay of varied mentions through the composer, with the history that the service keeps.

`python -m tests.unit.ugc.replay 1000 40` prints measures over 1,000 drafts and every 25th of them, unedited.
"""

import sys
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime

from services.ugc.replies.composer import Draft, History, Situation, compose, digest, with_language
from services.ugc.replies.facts import ProductFacts
from services.ugc.replies.guardrails import Limits, check
from services.ugc.replies.moves import default_voice
from services.ugc.understanding import CatalogueEntry, ProductMatcher, understand
from shared.contracts.ugc import VoiceFact
from tests.unit.ugc.corpus import corpus

VOICE = default_voice().model_copy(
    update={
        "facts": [
            VoiceFact(id="roast_day", text={"ru": "Обжариваем зёрна по вторникам.", "en": "We roast on Tuesdays."}),
            VoiceFact(
                id="delivery_time", text={"ru": "Доставляем за один-два дня.", "en": "Delivery takes one to two days."}
            ),
        ]
    }
)
ETHIOPIA = ProductFacts("8001", "Ethiopia", "https://shop.example/products/ethiopia")
NOW = datetime(2026, 11, 22, tzinfo=UTC)


MATCHER = ProductMatcher([CatalogueEntry("8001", ("Ethiopia Yirgacheffe", "Эфиопия Иргачефф"), (), ("Coffee", "Кофе"))])


def situation(text: str, seed: str = "men_1", **more: object) -> Situation:
    found = understand(text, MATCHER)
    title = {"ru": "Эфиопия Иргачефф"}.get(found.language, "Ethiopia Yirgacheffe")
    base = Situation(
        seed=seed,
        text=text,
        language=found.language,
        intent=found.intent,
        sentiment=found.sentiment.score,
        kind="comment",
        voice=VOICE,
        max_length=500,
        now=NOW,
        author_name="Анна",
        products=(replace(ETHIOPIA, title=title),) if found.products else (),
    )
    return replace(with_language(base, ["ru", "en"]), **more)  # type: ignore[arg-type]


def replay(count: int) -> list[tuple[Situation, Draft]]:
    """Drafts for a stream of mentions, with the history that the service keeps."""
    brand: list[frozenset[str]] = []
    people: dict[str, set[str]] = {}
    texts: set[str] = set()
    drafts = []
    for number, (name, text) in enumerate(corpus(count)):
        told = people.setdefault(name, set())
        one = situation(text, f"men_{number}", author_name=name)
        draft = compose(one, History(tuple(brand[-40:]), frozenset(told), frozenset(texts)))
        brand.append(frozenset(draft.lines))
        told |= set(draft.lines)
        texts.add(digest(draft.text))
        drafts.append((one, draft))
    return drafts


def measures(drafts: list[tuple[Situation, Draft]]) -> dict[str, str]:
    """What can be counted about a replay."""
    total = len(drafts)
    echoes = sum(1 for one, draft in drafts if named(one, draft))
    clean = sum(1 for _, draft in drafts if not check(draft.text, limits(draft)))
    openings = Counter(" ".join(draft.text.split()[:3]) for _, draft in drafts)
    return {
        "drafts": f"{total}",
        "different texts": f"{len({draft.text for _, draft in drafts})}",
        "different openings (first three words)": f"{len(openings)}",
        "most frequent opening": f"{openings.most_common(1)[0][1] / total:.1%}",
        "in the language of the mention": f"{sum(draft.language == one.language for one, draft in drafts) / total:.1%}",
        "refer to the person or to what they said": f"{echoes / total:.1%}",
        "pass every guardrail": f"{clean / total:.1%}",
        "wait for a person whatever the policy": f"{sum(draft.needs_person for _, draft in drafts) / total:.1%}",
    }


def named(one: Situation, draft: Draft) -> bool:
    """Whether a draft names the author, cites a fact for the question, or holds an echo beside opening and close."""
    name = (one.author_name or "").split()[0]
    return bool(draft.facts) or name in draft.text or len(draft.lines) > 2


def limits(draft: Draft) -> Limits:
    """What the replay's drafts are held against."""
    facts = tuple(fact.text for fact in draft.facts)
    links = ("https://shop.example",)
    return Limits(VOICE, 500, draft.language, facts, links, complaint=draft.move == "apologise")


def main() -> None:
    """Print a Markdown table of measures and one of drafts."""
    count, shown = int(sys.argv[1]), int(sys.argv[2])
    drafts = replay(count)
    print("| measure | value |\n|---|---|")
    for measure, value in measures(drafts).items():
        print(f"| {measure} | {value} |")
    print("\n| mention | draft |\n|---|---|")
    for one, draft in drafts[:: count // shown]:
        print(f"| {one.author_name}: {one.text} | {draft.text} |")


if __name__ == "__main__":
    main()
