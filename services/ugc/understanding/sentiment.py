"""How the author feels: VADER for English, a lexicon with morphology, negation and contrast for Russian, emoji for all.

A score is −1 to 1 by VADER's normalisation (Hutto & Gilbert 2014: x / √(x² + 15)); confidence grows with the evidence
and shrinks where it contradicts itself or smells of sarcasm. No evidence at all is neutral with middling confidence.
"""

import math
import re
from dataclasses import dataclass
from functools import cache

from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from services.ugc.understanding.text import Text, data, lemma
from shared.contracts.ugc import Sentiment

_ALPHA = 15
_LOOK_BACK = 3
_ENGLISH = re.compile(r"[a-z]", re.I)


@dataclass(frozen=True, slots=True)
class _Evidence:
    """Valences found in a text, each −4 to 4, emphasis included."""

    valences: tuple[float, ...]

    @property
    def score(self) -> float:
        total = sum(self.valences)
        return total / math.sqrt(total * total + _ALPHA) if self.valences else 0.0

    @property
    def agreement(self) -> float:
        """1 when all evidence points one way, 0 when it cancels out."""
        weight = sum(abs(valence) for valence in self.valences)
        return abs(sum(self.valences)) / weight if weight else 0.0


@cache
def _vader() -> SentimentIntensityAnalyzer:
    analyzer = SentimentIntensityAnalyzer()
    analyzer.lexicon.update(data("sentiment.yaml")["english"])
    return analyzer


@cache
def _russian() -> dict[str, float]:
    words = data("sentiment_ru.yaml")["words"].items()
    return {word.replace("ё", "е"): float(value) for value, group in words for word in group}


@cache
def _phrases() -> tuple[tuple[tuple[str, ...], float], ...]:
    found = [
        (tuple(lemma(word) for word in phrase.split()), float(value))
        for phrase, value in data("sentiment_ru.yaml")["phrases"].items()
    ]
    return tuple(sorted(found, key=lambda item: -len(item[0])))


def sentiment_of(text: Text) -> Sentiment:
    """Sentiment of a text in Russian, English or both; other languages are judged by emoji and borrowed words."""
    valences = _russian_valences(text) + _english_valences(text) + _emoji_valences(text)
    evidence = _Evidence(tuple(valences))
    score = evidence.score * _emphasis(text)
    ironic = sarcastic(text, evidence)
    if ironic:
        score = -max(0.35, abs(score) * 0.6)
    return Sentiment(score=round(max(-1.0, min(1.0, score)), 3), confidence=_confidence(evidence, text, ironic))


def sarcastic(text: Text, evidence: _Evidence) -> bool:
    """Praise words beside a marker of irony, or applause under something bad."""
    lowered = " ".join(text.raw.casefold().split())
    marked = any(_contains(lowered, phrase) for group in data("sentiment.yaml")["sarcasm"].values() for phrase in group)
    bad = any(valence < -1 for valence in evidence.valences)
    mocking = any(char in "👏🤡🙄" for char in text.emoji)
    praised = any(valence > 1 for valence in evidence.valences)
    return (marked and (bad or mocking or "опять" in lowered or "another" in lowered)) or (mocking and bad and praised)


def _contains(text: str, phrase: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(phrase)}(?!\w)", text) is not None


def _confidence(evidence: _Evidence, text: Text, ironic: bool) -> float:
    if not evidence.valences:
        return 0.5
    strength = 1 - math.exp(-sum(abs(valence) for valence in evidence.valences) / 3)
    length = 1.0 if len(text.words) <= 40 else 0.85
    return round(max(0.1, strength * (0.35 + 0.65 * evidence.agreement) * length * (0.6 if ironic else 1)), 3)


def _emphasis(text: Text) -> float:
    return 1 + min(text.raw.count("!"), 3) * 0.03


def _russian_valences(text: Text) -> list[float]:
    rules, lexicon = data("sentiment_ru.yaml"), _russian()
    lemmas, found, position = text.lemmas, [], 0
    while position < len(lemmas):
        phrase = next((item for item in _phrases() if lemmas[position : position + len(item[0])] == item[0]), None)
        if phrase:
            found.append((position, phrase[1]))
            position += len(phrase[0])
            continue
        if value := lexicon.get(text.words[position].replace("ё", "е"), 0.0) or lexicon.get(lemmas[position], 0.0):
            found.append((position, _in_context(value, _before(text, position), rules)))
        position += 1
    return _weigh_contrast(found, lemmas, rules["contrast"])


def _before(text: Text, position: int) -> tuple[str, ...]:
    """The few dictionary forms before a word within its clause."""
    start = max(0, position - _LOOK_BACK)
    return tuple(
        text.lemmas[index] for index in range(start, position) if text.clauses[index] == text.clauses[position]
    )


def _in_context(value: float, before: tuple[str, ...], rules: dict[str, dict[str, float]]) -> float:
    for word in before[-2:]:
        value *= rules["boosters"].get(word, 1.0) * rules["dampers"].get(word, 1.0)
    if any(word in rules["negations"] for word in before):
        value *= -0.6 if value > 0 else -0.4
    return value


def _weigh_contrast(found: list[tuple[int, float]], lemmas: tuple[str, ...], contrast: list[str]) -> list[float]:
    """What stands before a 'but' counts half, what follows it one and a half."""
    turn = next((index for index, word in enumerate(lemmas) if word in contrast), None)
    if turn is None:
        return [value for _, value in found]
    return [value * (0.5 if position < turn else 1.5) for position, value in found]


def _english_valences(text: Text) -> list[float]:
    if not _ENGLISH.search(text.plain):
        return []
    lowered = text.plain.casefold()
    phrases = [value for phrase, value in data("sentiment.yaml")["english_phrases"].items() if phrase in lowered]
    latin = " ".join(word for word in _without_emoji(text).split() if not re.search(r"[а-яё]", word, re.I))
    compound = _vader().polarity_scores(latin)["compound"]
    if abs(compound) < 0.05:
        return phrases
    return [*phrases, math.copysign(math.sqrt(_ALPHA * compound**2 / max(1e-6, 1 - compound**2)), compound)]


def _without_emoji(text: Text) -> str:
    return "".join(char for char in text.plain if char not in text.emoji)


def _emoji_valences(text: Text) -> list[float]:
    table = data("sentiment.yaml")
    unique = dict.fromkeys(text.emoji)
    found = [table["emoji"].get(char) if char in table["emoji"] else _described(char) for char in unique]
    smileys = [value for sign, value in table["emoticons"].items() if sign in text.raw and "://" not in text.raw]
    return [value for value in found if value] + smileys[:2]


@cache
def _described(char: str) -> float:
    words = _vader().emojis.get(char, "").split()
    return float(sum(_vader().lexicon.get(lemma(word), 0.0) for word in words))
