"""Which products of the catalogue a text is about: titles in both languages, nicknames, hashtags, inflected and
mistyped.

A product's names become sequences of dictionary forms. Exact runs of them score highest, then hashtags, then a
distinctive word of the name alone, then near spellings (rapidfuzz). A name shared by several products matches none of
them alone.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from rapidfuzz import fuzz, process

from services.ugc.understanding.text import Text, lemma
from shared.contracts.ugc import ProductMatch

_WORD = re.compile(r"[^\W_]+(?:[-'][^\W_]+)*")
_TYPO_MIN_LENGTH = 5
_TYPO_SCORE = 84.0
_LIMIT = 5


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    """What the matcher knows of a product: every name people may use for it, in any language."""

    product_id: str
    names: tuple[str, ...]
    aliases: tuple[str, ...] = ()
    generic: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Hit:
    product_id: str
    score: float
    evidence: str


class ProductMatcher:
    """Matches texts against one brand's catalogue. Build once per version of the catalogue."""

    def __init__(self, catalogue: Iterable[CatalogueEntry]) -> None:
        entries = list(catalogue)
        self._runs: dict[tuple[str, ...], set[str]] = defaultdict(set)
        self._tags: dict[str, set[str]] = defaultdict(set)
        self._telling: dict[str, set[str]] = defaultdict(set)
        common = _common_words(entries)
        for entry in entries:
            self._add(entry, common)
        self._longest = max((len(run) for run in self._runs), default=0)
        self._spellings = sorted(word for word in self._telling if len(word) >= _TYPO_MIN_LENGTH)

    def _add(self, entry: CatalogueEntry, common: frozenset[str]) -> None:
        for name in (*entry.names, *entry.aliases):
            run = _forms(name)
            if run and (len(run) > 1 or name in entry.aliases or run[0] not in common):
                self._runs[run].add(entry.product_id)
            self._tags[_tag(name)].add(entry.product_id)
        for name in entry.names:
            for word in _forms(name):
                if len(word) >= 4 and word not in common and not word.isdigit():
                    self._telling[word].add(entry.product_id)

    def match(self, text: Text) -> list[ProductMatch]:
        """Products named in the text, surest first, at most five, each with what says so."""
        best: dict[str, _Hit] = {}
        for hit in (*self._by_run(text), *self._by_tag(text), *self._by_word(text)):
            if hit.product_id not in best or hit.score > best[hit.product_id].score:
                best[hit.product_id] = hit
        ranked = sorted(best.values(), key=lambda hit: (-hit.score, hit.product_id))[:_LIMIT]
        return [ProductMatch(product_id=hit.product_id, score=hit.score, evidence=hit.evidence[:200]) for hit in ranked]

    def _by_run(self, text: Text) -> Iterable[_Hit]:
        tokens = [(word, _form(word)) for word in _WORD.findall(text.plain.casefold())]
        covered: set[int] = set()
        for length in range(min(self._longest, len(tokens)), 0, -1):
            for start in range(len(tokens) - length + 1):
                span = range(start, start + length)
                owners = self._runs.get(tuple(tokens[index][1] for index in span), set())
                if owners and covered.isdisjoint(span):
                    covered.update(span)
                    said = " ".join(tokens[index][0] for index in span)
                    yield from (
                        _Hit(owner, round((0.97 if length > 1 else 0.9) / len(owners), 3), said) for owner in owners
                    )

    def _by_tag(self, text: Text) -> Iterable[_Hit]:
        for tag in text.hashtags:
            owners = self._tags.get(_tag(tag), set())
            yield from (_Hit(owner, round(0.95 / len(owners), 3), f"#{tag}") for owner in owners)

    def _by_word(self, text: Text) -> Iterable[_Hit]:
        for word in dict.fromkeys(_WORD.findall(text.plain.casefold())):
            form = _form(word)
            if form in self._telling:
                owners, score = self._telling[form], 0.8
            elif spelled := self._spelled(form):
                owners, score = self._telling[spelled], 0.6
            else:
                continue
            if len(owners) == 1:
                yield _Hit(next(iter(owners)), score, word)

    def _spelled(self, form: str) -> str | None:
        if len(form) < _TYPO_MIN_LENGTH or not self._spellings:
            return None
        found = process.extractOne(form, self._spellings, scorer=fuzz.ratio, score_cutoff=_TYPO_SCORE)
        return found[0] if found and found[0][0] == form[0] and abs(len(found[0]) - len(form)) <= 2 else None


def _common_words(entries: list[CatalogueEntry]) -> frozenset[str]:
    """Words in the names of several products, or of their types: they tell none of them apart."""
    counts = Counter(word for entry in entries for word in {form for name in entry.names for form in _forms(name)})
    generic = {form for entry in entries for name in entry.generic for form in _forms(name)}
    return frozenset(word for word, count in counts.items() if count > 1) | frozenset(generic)


def _forms(name: str) -> tuple[str, ...]:
    return tuple(_form(word) for word in _WORD.findall(name.casefold()))


@lru_cache(maxsize=50_000)
def _form(word: str) -> str:
    return lemma(word)


def _tag(name: str) -> str:
    return "".join(_WORD.findall(name.casefold())).replace("-", "").replace("'", "").replace("ё", "е")
