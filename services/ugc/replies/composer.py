"""The composer: a reply from the playbook, without an LLM and without a network.

Pure: the same situation and history give the same draft. It picks a move that fits the mention, shows that the
mention was read (aspect, product, the person's own words, an earlier meeting), and takes lines that neither the
person nor the last readers of the brand have seen. It states nothing that is not among the facts.
"""

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import product as combinations

from services.ugc.replies.facts import Fact, ProductFacts, fitting_fact
from services.ugc.replies.moves import Line, Move, echoes, lines, move, move_of_intent
from services.ugc.replies.personal import first_name, quote_of
from services.ugc.understanding.text import Text, read
from shared.contracts.ugc import Intent, MentionKind, Voice
from shared.networks.eligibility import text_length

RECENT_DRAFTS = 10
_MOODS = {"apologise": "sorry", "find_out": "ask", "answer": "ask", "purchase": "ask", "idea": "idea"}
_SIGNATURE_GAP = "\n"


@dataclass(frozen=True, slots=True)
class Situation:
    """All a draft is made from. `seed` varies the choice and repeats it: the mention's id and the attempt."""

    seed: str
    text: str
    language: str
    intent: Intent
    sentiment: float
    kind: MentionKind
    voice: Voice
    max_length: int
    now: datetime
    author_name: str | None = None
    products: tuple[ProductFacts, ...] = ()
    hashtags: tuple[str, ...] = ()
    earlier_product: str | None = None
    earlier_mentions: int = 0
    ambassador: bool = False
    has_image: bool = False
    purpose: str = "answer"


@dataclass(frozen=True, slots=True)
class History:
    """What was said before: ids of lines, newest draft last, and whole texts as digests."""

    brand: tuple[frozenset[str], ...] = ()
    person: frozenset[str] = frozenset()
    texts: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Draft:
    """A reply before the guardrails. `facts` are ids of what it cites, `lines` ids of playbook lines it is made of."""

    text: str
    language: str
    move: str
    facts: tuple[Fact, ...] = ()
    lines: tuple[str, ...] = ()
    needs_person: bool = False
    generator: str = "composer"


@dataclass(slots=True)
class _Work:
    """A draft in the making."""

    situation: Situation
    history: History
    move: Move
    values: dict[str, str]
    fact: Fact | None
    text: Text
    turn: int = 0
    used: list[str] = field(default_factory=list)


def digest(text: str) -> str:
    """What a text is remembered by: case, spaces and punctuation aside."""
    return hashlib.sha256("".join(re.findall(r"\w+", text.casefold())).encode()).hexdigest()[:16]


def compose(situation: Situation, history: History) -> Draft:
    """A draft that fits the length, in the situation's language, that this person never got and the brand didn't just
    send.
    """
    drafts = (_attempt(situation, history, turn) for turn in range(8))
    first: Draft | None = None
    for draft in drafts:
        first = first or draft
        if digest(draft.text) not in history.texts:
            return draft
    assert first is not None
    return first


def choose_move(situation: Situation) -> str:
    """The playbook file for a mention. A question without a fact is never guessed at; bad feelings outrank the form."""
    if situation.purpose == "rights":
        return "rights"
    wanted = move_of_intent()[situation.intent]
    if situation.sentiment < -0.3 and wanted not in ("answer", "purchase"):
        return "apologise"
    if wanted == "answer":
        return (
            "answer"
            if fitting_fact(situation.text, situation.language, situation.products, situation.voice.facts)
            else "find_out"
        )
    if wanted == "purchase":
        return _purchase_move(situation)
    return "thank" if wanted == "chat" and situation.sentiment > 0.2 else wanted


def _purchase_move(situation: Situation) -> str:
    asks_for_more = re.search(
        r"скольк|цен|почём|налич|доставл|отправл|how much|price|stock|ship|deliver", situation.text, re.I
    )
    if asks_for_more:
        known = fitting_fact(situation.text, situation.language, situation.products, situation.voice.facts)
        if known:
            return "answer"
    return "purchase" if any(product.url for product in situation.products) else "find_out"


def _attempt(situation: Situation, history: History, turn: int) -> Draft:
    name = choose_move(situation)
    work = _Work(situation, history, move(name), *_values(situation, name), text=read(situation.text), turn=turn)
    parts = {part: _part(work, name, part) for part in work.move.parts}
    return _fit(work, name, parts)


def _values(situation: Situation, name: str) -> tuple[dict[str, str], Fact | None]:
    """What placeholders stand for, and the fact that will be cited, if any."""
    fact = None
    if name in ("answer", "recipe"):
        fact = fitting_fact(
            situation.text, situation.language, situation.products, situation.voice.facts, loose=name == "recipe"
        )
    if name == "purchase":
        fact = next(product.link for product in situation.products if product.link)
    found = {
        "name": first_name(situation.author_name, echoes()["not_names"]),
        "product": next((product.title for product in situation.products), None),
        "url": next((product.url for product in situation.products if product.url), None),
        "fact": fact.text if fact else None,
        "earlier": situation.earlier_product,
        "hashtag": next(iter(situation.hashtags), None),
        "quote": quote_of(situation.text) if situation.sentiment > 0.2 else None,
    }
    if name == "purchase":
        found["product"] = next(product.title for product in situation.products if product.url)
    return {key: value for key, value in found.items() if value}, fact


def _part(work: _Work, name: str, part: str) -> str | None:
    """A part's text, chosen and filled in; None when nothing fits."""
    if part == "echo":
        line = _echo(work, _MOODS.get(name, "glad"))
    else:
        candidates = work.move.lines.get((part, work.situation.language), ())
        line = _pick(work, _prefer_name(work, candidates) if part == "open" else candidates, part)
    return _fill(work, line) if line else None


def _fill(work: _Work, line: Line) -> str:
    work.used.append(line.id)
    return line.text.format(**work.values)


def _prefer_name(work: _Work, candidates: Sequence[Line]) -> Sequence[Line]:
    """About every second draft to somebody with a name begins with it."""
    named = [line for line in candidates if "name" in line.needs]
    plain = [line for line in candidates if "name" not in line.needs]
    wanted, other = (named, plain) if "name" in work.values and _roll(work, "name") % 2 else (plain, named)
    return wanted if _unseen(work, wanted) else [*wanted, *other]


def _pick(work: _Work, candidates: Iterable[Line], salt: str) -> Line | None:
    """An unseen line whose placeholders are known; when all were seen, the one longest ago."""
    possible = [line for line in candidates if line.needs <= work.values.keys()]
    fresh = _unseen(work, possible)
    if fresh:
        return fresh[_roll(work, salt) % len(fresh)]
    return min(possible, key=lambda line: _last_seen(work, line), default=None)


def _unseen(work: _Work, candidates: Iterable[Line]) -> list[Line]:
    recent = frozenset().union(*work.history.brand[-RECENT_DRAFTS:])
    return [
        line
        for line in candidates
        if line.needs <= work.values.keys()
        and (line.needs & {"fact", "quote", "earlier", "hashtag"} or line.id not in work.history.person)
        and (line.text.startswith("{fact}") or line.id not in recent)
    ]


def _last_seen(work: _Work, line: Line) -> int:
    return max((index for index, draft in enumerate(work.history.brand) if line.id in draft), default=-1)


def _echo(work: _Work, mood: str) -> Line | None:
    """The most personal line that is still unseen: aspect and product first, then own words, history, kind, season."""
    for salt, candidates in _echo_choices(work, mood):
        fresh = _unseen(work, candidates)
        if fresh:
            return fresh[_roll(work, salt) % len(fresh)]
    return None


def _echo_choices(work: _Work, mood: str) -> Iterable[tuple[str, Sequence[Line]]]:
    language, situation = work.situation.language, work.situation
    aspects = [("aspect", lines("aspects", aspect, mood, language)) for aspect in aspects_of(work.text)]
    products = [("product", lines("product", mood, language))]
    yield from (products + aspects) if _roll(work, "order") % 3 == 0 else (aspects + products)
    if mood != "glad":
        return
    if situation.earlier_product and situation.earlier_product != work.values.get("product"):
        yield "earlier", lines("earlier", "glad", language)
    yield "quote", lines("quote", "glad", language)
    yield "kind", lines("kind", situation.kind, language)
    if situation.has_image:
        yield "image", lines("image", language)
    if situation.ambassador:
        yield "ambassador", lines("ambassador", "glad", language)
    if situation.earlier_mentions >= 2:
        yield "again", lines("again_here", "glad", language)
    yield "hashtag", lines("hashtag", language)
    if work.move.name == "thank":
        yield "season", lines("season", _season(situation.now), language)


def aspects_of(text: Text) -> list[str]:
    """What the text talks about, in the order of the playbook."""
    said = set(text.lemmas) | set(text.words)
    return [name for name, aspect in echoes()["aspects"].items() if said & set(aspect["words"])]


def _season(now: datetime) -> str:
    return ("winter", "spring", "summer", "autumn")[now.month % 12 // 3]


def _fit(work: _Work, name: str, parts: dict[str, str | None]) -> Draft:
    """The parts as one text, shortened to the network's length by leaving out what is not required."""
    optional = [part for part in work.move.parts if part not in work.move.required and parts[part]]
    chosen = next(
        (kept for kept in _shorter(optional) if text_length(_join(work, parts, kept)) <= work.situation.max_length), ()
    )
    text = _decorate(work, _join(work, parts, chosen))
    cited = (work.fact,) if (work.fact and work.fact.text in text) or (work.fact and name == "purchase") else ()
    return Draft(
        text=text,
        language=work.situation.language,
        move=work.move.name,
        facts=tuple(fact for fact in cited if fact),
        lines=tuple(work.used),
        needs_person=work.move.needs_person,
    )


def _shorter(optional: list[str]) -> Iterable[tuple[str, ...]]:
    """Which optional parts to keep, from all to none; the echo is given up last."""
    choices = [
        tuple(part for part, keep in zip(optional, keeps, strict=True) if keep)
        for keeps in combinations((True, False), repeat=len(optional))
    ]
    return sorted(choices, key=lambda kept: (-len(kept), "echo" not in kept))


def _join(work: _Work, parts: dict[str, str | None], kept: Sequence[str]) -> str:
    return " ".join(
        text for part in work.move.parts if (part in work.move.required or part in kept) and (text := parts[part])
    )


def _decorate(work: _Work, text: str) -> str:
    """Emoji by the brand's policy and the signature, where they fit."""
    for addition in (_emoji(work), _signature(work)):
        if addition and text_length(text + addition) <= work.situation.max_length:
            text += addition
    return text


def _emoji(work: _Work) -> str:
    policy, sets = work.situation.voice.emoji, [sign for kind in work.move.emoji for sign in echoes()["emoji"][kind]]
    if policy == "none" or not sets or (policy == "few" and _roll(work, "emoji?") % 3 == 0):
        return ""
    sign = sets[_roll(work, "emoji") % len(sets)]
    return f" {sign}" + (
        sets[_roll(work, "emoji2") % len(sets)] if policy == "many" and _roll(work, "more") % 2 else ""
    )


def _signature(work: _Work) -> str:
    signature = work.situation.voice.signature
    return f"{_SIGNATURE_GAP}{signature}" if signature else ""


def _roll(work: _Work, salt: str) -> int:
    seed = f"{work.situation.seed}\x1f{work.turn}\x1f{salt}"
    return int.from_bytes(hashlib.sha256(seed.encode()).digest()[:6])


def with_language(situation: Situation, languages: Sequence[str]) -> Situation:
    """The situation in a language the playbook speaks: the mention's, else the brand's first."""
    spoken = [language for language in languages if language in ("ru", "en")] or ["en"]
    return situation if situation.language in spoken else replace(situation, language=spoken[0])
