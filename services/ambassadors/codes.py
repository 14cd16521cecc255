"""Personal codes: how they are compared and how one is made of a name. Pure."""

import re
import unicodedata
from collections.abc import Iterator

# Cyrillic to Latin by the simplified passport rules (ICAO 9303), Ukrainian and Belarusian letters included.
_CYRILLIC = "абвгдеёжзийклмнопрстуфхцчшщъыьэюяґєіїў"
_SPELLED = "a|b|v|g|d|e|e|zh|z|i|i|k|l|m|n|o|p|r|s|t|u|f|kh|ts|ch|sh|shch||y||e|iu|ia|g|ie|i|i|u"
_LATIN = dict(zip(_CYRILLIC, _SPELLED.split("|"), strict=True))
_LONGEST = 24


def fold(code: str) -> str:
    """The form in which codes are compared: they ignore case, as at Shopify."""
    return unicodedata.normalize("NFKC", code).strip().casefold()


def suggestions(name: str) -> Iterator[str]:
    """Codes for a name, the nicest first, without end: `ANNA`, `ANNAPETROVA`, `ANNA2`, `ANNA3`…"""
    words = [word for word in map(_latin, name.split()) if word] or ["FRIEND"]
    first = words[0] if len(words[0]) >= 3 else "".join(words)
    first = f"{first}XXX"[:3] if len(first) < 3 else first[:_LONGEST]
    yield first
    full = "".join(words)[:_LONGEST]
    if len(full) >= 3 and full != first:
        yield full
    number = 2
    while True:
        yield f"{first}{number}"
        number += 1


def _latin(word: str) -> str:
    spelled = "".join(_LATIN.get(letter, letter) for letter in word.casefold())
    return re.sub(r"[^A-Z0-9]", "", unicodedata.normalize("NFKD", spelled).upper())
