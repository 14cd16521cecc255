"""What the author wants: signs per intent add up, sentiment tips the balance, spam overrides."""

import re
from functools import cache

from services.ugc.understanding.text import Text, data
from shared.contracts.ugc import Intent, Sentiment

_THRESHOLD = 1.0
_SPAM = 0.75
# A complaint in the form of a question is a complaint; a question about buying is a purchase.
_ORDER: tuple[Intent, ...] = ("complaint", "purchase", "idea", "recipe", "question")


@cache
def _patterns(intent: str) -> tuple[tuple[re.Pattern[str], float], ...]:
    return tuple(
        (re.compile(pattern, re.I), float(weight))
        for pattern, weight in data("intent.yaml")[intent]["patterns"].items()
    )


def signs(text: Text, intent: str) -> float:
    """Sum of the weights of the signs of an intent in the text."""
    lowered = " ".join(text.plain.casefold().split())
    lemmas = data("intent.yaml")[intent].get("lemmas", {})
    said = sum(weight for pattern, weight in _patterns(intent) if pattern.search(lowered))
    return said + float(sum(lemmas.get(lemma, 0) for lemma in set(text.lemmas)))


def intent_of(text: Text, sentiment: Sentiment, spam: float) -> Intent:
    """The one intent that decides how to answer."""
    if spam >= _SPAM:
        return "spam"
    weights = {intent: signs(text, intent) for intent in _ORDER}
    if sentiment.score < -0.2:
        weights["complaint"] += 0.6 + abs(sentiment.score)
    if sentiment.score > 0.3:
        weights["complaint"] -= 1.2
    best = max(_ORDER, key=lambda intent: weights[intent])
    if weights[best] >= _THRESHOLD and (best != "question" or weights["question"] >= _THRESHOLD):
        return best
    return _by_feeling(text, sentiment)


def _by_feeling(text: Text, sentiment: Sentiment) -> Intent:
    if sentiment.score > 0.25 or (sentiment.score > 0.1 and signs(text, "praise") > 0):
        return "praise"
    return "complaint" if sentiment.score < -0.4 and sentiment.confidence >= 0.4 else "other"
