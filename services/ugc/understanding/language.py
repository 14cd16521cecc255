"""Which language a text is in.

lingua in its low-accuracy mode (0.2 s and 40 MB to load; the full models take 6 s and 500 MB) decides longer texts.
Short ones, where trigrams guess, are decided by what is known: letters only one language has, words a dictionary knows.
"""

import re
from functools import cache

from lingua import Language, LanguageDetector, LanguageDetectorBuilder
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from services.ugc.understanding.text import Text, data, known_russian

UNKNOWN = "und"
_LANGUAGES = [
    "ENGLISH",
    "RUSSIAN",
    "UKRAINIAN",
    "BELARUSIAN",
    "KAZAKH",
    "BULGARIAN",
    "SERBIAN",
    "GERMAN",
    "FRENCH",
    "SPANISH",
    "ITALIAN",
    "PORTUGUESE",
    "DUTCH",
    "POLISH",
    "CZECH",
    "TURKISH",
    "ROMANIAN",
    "SWEDISH",
    "FINNISH",
    "GREEK",
    "JAPANESE",
    "CHINESE",
    "KOREAN",
    "ARABIC",
    "HEBREW",
    "HINDI",
]
# Letters that settle it between languages written in Cyrillic.
_TELLING = {
    "uk": re.compile("[іїєґ]"),
    "be": re.compile("ў"),
    "kk": re.compile("[әғқңөұүһ]"),
    "sr": re.compile("[ђјљњћџ]"),
}
_RUSSIAN_LETTERS = re.compile("[ыэё]")
_LATIN = re.compile(r"[a-z]", re.I)
_CYRILLIC = re.compile(r"[а-яёіїєґўәғқңөұүһђјљњћџ]", re.I)


@cache
def detector() -> LanguageDetector:
    """The statistical detector, loaded once."""
    chosen = [language for language in Language.all() if language.name in _LANGUAGES]
    return (
        LanguageDetectorBuilder.from_languages(*chosen)
        .with_low_accuracy_mode()
        .with_preloaded_language_models()
        .build()
    )


@cache
def _english_words() -> frozenset[str]:
    lexicon = (word for word in SentimentIntensityAnalyzer().lexicon if word.isascii() and word.isalpha())
    return frozenset(lexicon) | frozenset(data("language.yaml")["english"])


def language_of(text: Text) -> str:
    """ISO 639-1 code, or 'und' for a text without words (emoji, links, numbers only)."""
    joined = " ".join(text.words)
    if not joined:
        return UNKNOWN
    if _CYRILLIC.search(joined) and text.cyrillic_share >= 0.5:
        return _cyrillic(joined, text.words)
    return _latin(text.words) if _LATIN.search(joined) else _statistical(joined)


def _cyrillic(joined: str, words: tuple[str, ...]) -> str:
    for code, letters in _TELLING.items():
        if letters.search(joined):
            return code
    own = [word for word in words if _CYRILLIC.search(word)]
    known = sum(known_russian(word) for word in own) / len(own)
    if _RUSSIAN_LETTERS.search(joined) or known >= 0.6 or len(own) < 3:
        return "ru"
    ranked = (
        value.language.iso_code_639_1.name.lower() for value in detector().compute_language_confidence_values(joined)
    )
    return next((code for code in ranked if code in ("ru", "uk", "be", "bg")), "ru")


def _latin(words: tuple[str, ...]) -> str:
    own = [word for word in words if _LATIN.search(word)]
    joined = " ".join(own)
    known = sum(word in _english_words() for word in own) / len(own)
    if joined.isascii() and known >= (0.3 if len(own) <= 5 else 0.25):
        return "en"
    guess = _statistical(joined)
    return "en" if guess == UNKNOWN or (len(own) == 1 and joined.isascii() and len(joined) < 6) else guess


def _statistical(joined: str) -> str:
    found = detector().detect_language_of(joined)
    return found.iso_code_639_1.name.lower() if found else UNKNOWN
