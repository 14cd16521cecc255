"""Facts a reply may cite: what the brand said of itself and its products, and the addresses of its products."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from services.ugc.understanding.text import data, read
from shared.contracts.ugc import VoiceFact


@dataclass(frozen=True, slots=True)
class Fact:
    """A fact as cited: its id and its words in the reply's language."""

    id: str
    text: str
    product_id: str | None = None


@dataclass(frozen=True, slots=True)
class ProductFacts:
    """A product of the catalogue as a reply may speak of it. `title` is in the reply's language where one is known."""

    product_id: str
    title: str
    url: str | None = None
    facts: tuple[VoiceFact, ...] = ()

    @property
    def link(self) -> Fact | None:
        """The product's address as a fact."""
        return Fact(f"url:{self.product_id}", f"{self.title} {self.url}", self.product_id) if self.url else None


def fitting_fact(
    question: str,
    language: str,
    products: Sequence[ProductFacts],
    voice_facts: Iterable[VoiceFact],
    *,
    loose: bool = False,
) -> Fact | None:
    """The fact that shares most words of substance with the question, in its language; products named in it come first.

    `loose` takes any fact of a named product, as a tip rather than an answer.
    """
    asked = _substance(question)
    named = {product.product_id for product in products}
    own = [fact for product in products for fact in product.facts]
    candidates = [
        fact
        for fact in (*own, *voice_facts)
        if language in fact.text and (fact.product_id is None or fact.product_id in named)
    ]
    ranked = sorted(candidates, key=lambda fact: -_shared(asked, fact, own))
    if ranked and (_shared(asked, ranked[0], own) >= 1 or (loose and ranked[0] in own)):
        return Fact(ranked[0].id, ranked[0].text[language], ranked[0].product_id)
    return None


def _shared(asked: frozenset[str], fact: VoiceFact, own: list[VoiceFact]) -> float:
    words = frozenset().union(*(_substance(text) for text in fact.text.values())) | _substance(
        fact.id.replace("_", " ").replace("-", " ")
    )
    close = sum(1.0 for word in asked if word in words or any(_kin(word, other) for other in words))
    return close + (0.5 if fact in own and close else 0.0)


def _kin(one: str, other: str) -> bool:
    """Words of one family share a stem: доставка and доставлять, ship and shipping."""
    stem = min(len(one), len(other), 6)
    return stem >= 4 and one[:stem] == other[:stem] and abs(len(one) - len(other)) <= 5


def _substance(text: str) -> frozenset[str]:
    return frozenset(lemma for lemma in read(text).lemmas if len(lemma) > 2 and lemma not in data("empty_words.yaml"))
