"""The analyser: a pure function from a text and a catalogue to what was understood of it."""

from functools import cache

from services.ugc.understanding.intent import intent_of
from services.ugc.understanding.language import detector, language_of
from services.ugc.understanding.products import ProductMatcher
from services.ugc.understanding.safety import spam_of, toxicity_of
from services.ugc.understanding.sentiment import sentiment_of
from services.ugc.understanding.text import read
from shared.contracts.ugc import Understanding

VERSION = "2026.11"
_NO_PRODUCTS = ProductMatcher([])
_LONGEST = 5_000


def understand(raw: str, matcher: ProductMatcher = _NO_PRODUCTS) -> Understanding:
    """Language, sentiment, intent, products, spam and toxicity of a text; the same text gives the same result.

    Only the first 5,000 characters are read: what a post is about is said by then, and time per post stays bounded.
    """
    text = read(raw[:_LONGEST])
    sentiment, spam = sentiment_of(text), spam_of(text)
    return Understanding(
        analyser=VERSION,
        language=language_of(text),
        sentiment=sentiment,
        intent=intent_of(text, sentiment, spam),
        products=matcher.match(text),
        spam=spam,
        toxicity=toxicity_of(text),
    )


@cache
def warm_up() -> None:
    """Load models and lexicons before the first message asks for them (about a second)."""
    detector()
    understand("Спасибо, отличный кофе! Great coffee, thanks.")
