"""What every analyser looks at: words, lemmas, emoji, hashtags, and a skeleton that sees through obfuscation."""

import re
import unicodedata
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

import yaml
from pymorphy3 import MorphAnalyzer

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_WORD = re.compile(r"[^\W\d_]+(?:[-'’][^\W\d_]+)*")
_URL = re.compile(
    r"(?:https?://|www\.)\S+|\b[\w-]+(?:\.[\w-]+)*\.(?:com|ru|org|net|io|me|shop|store|info|biz|top|xyz|site|online)\b\S*",
    re.I,
)
_HASHTAG = re.compile(r"#(\w{2,100})")
_HANDLE = re.compile(r"(?<![\w/])@([\w.]{2,64})")
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]")
_CYRILLIC = re.compile(r"[\u0400-\u04ff]")
_SPACED = re.compile(r"(?<!\w)(?:[^\W_][\s.\-_*]{1,2}){2,}[^\W_](?!\w)")
_CLAUSE = re.compile(r"[,.;:!?…\n()«»\"]+|\s[-–—]\s")
_STRETCHED = re.compile(r"([^\W\d_])\1{2,}")

# Letters that look alike, mapped to one of the two (Unicode confusables, and the digits people write for letters).
_ALIKE = str.maketrans(
    {
        **dict(zip("авекмнорстухіїёйѕј", "abekmhopctyxiieиsj", strict=True)),
        **dict(zip("0134567@$!", "oizasbtasi", strict=True)),
        "з": "z",
        "б": "b",
        "ч": "4",
        "г": "r",
        "п": "n",
        "и": "u",
        "й": "u",
    }
)


@cache
def data(name: str) -> Any:
    """A file of `understanding/data/`, parsed once."""
    return yaml.load(
        files(__package__).joinpath("data", name).read_text("utf-8"),
        Loader=_LOADER,  # noqa: S506  # the safe loader, in C where it is there
    )


@cache
def morphology() -> MorphAnalyzer:
    """The Russian morphology (loads once, about 0.2 s)."""
    return MorphAnalyzer()


@lru_cache(maxsize=50_000)
def lemma(word: str) -> str:
    """The dictionary form of a lower-case word; `ё` is written `е`. Words that are not Russian stay as they are."""
    if not _CYRILLIC.search(word):
        return _english_lemma(word)
    return str(morphology().parse(word)[0].normal_form).replace("ё", "е")


def _english_lemma(word: str) -> str:
    word = word.removesuffix("'s")
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


@lru_cache(maxsize=50_000)
def known_russian(word: str) -> bool:
    """Whether the dictionary knows this lower-case word."""
    return bool(morphology().word_is_known(word))


@lru_cache(maxsize=20_000)
def skeleton(text: str) -> str:
    """The text as the eye sees it: look-alike letters and digits of both scripts become one, stretches collapse."""
    plain = unicodedata.normalize("NFKC", _INVISIBLE.sub("", text)).casefold()
    return _STRETCHED.sub(r"\1", plain).translate(_ALIKE)


def join_spaced(text: str) -> str:
    """Undo `к а з и н о` and `f.r.e.e`: single letters set apart become one word."""
    return _SPACED.sub(lambda match: re.sub(r"[\s.\-_*]", "", match[0]), text)


def is_emoji(char: str) -> bool:
    """Whether a character is drawn as an emoji (symbols and their pictographic blocks)."""
    return unicodedata.category(char) == "So" and (
        ord(char) >= 0x1F000 or 0x2600 <= ord(char) <= 0x27BF or ord(char) in (0x2B50, 0x2B55)
    )


@dataclass(frozen=True, slots=True)
class Text:
    """A text taken apart once for all analysers. `clauses` numbers each word's clause (parts between punctuation)."""

    raw: str
    plain: str
    words: tuple[str, ...]
    lemmas: tuple[str, ...]
    clauses: tuple[int, ...]
    emoji: tuple[str, ...]
    hashtags: tuple[str, ...]
    handles: tuple[str, ...]
    links: tuple[str, ...]

    @property
    def cyrillic_share(self) -> float:
        """Share of the words that are in Cyrillic, 0 to 1 (0 when there are none)."""
        return sum(1 for word in self.words if _CYRILLIC.search(word)) / len(self.words) if self.words else 0.0


def read(raw: str) -> Text:
    """Take a text apart. Words are case-folded, without links, handles and hashtag signs; `ё` stays in words."""
    visible = unicodedata.normalize("NFC", _INVISIBLE.sub("", raw))
    plain = _HANDLE.sub(" ", _URL.sub(" ", visible)).replace("’", "'")
    found = [
        (word.casefold(), number)
        for number, clause in enumerate(_CLAUSE.split(plain))
        for word in _WORD.findall(clause.replace("_", " "))
    ]
    words = tuple(word for word, _ in found)
    return Text(
        raw=raw,
        plain=plain.strip(),
        words=words,
        lemmas=tuple(lemma(_STRETCHED.sub(r"\1", word)) for word in words),
        clauses=tuple(number for _, number in found),
        emoji=tuple(char for char in visible if is_emoji(char)),
        hashtags=hashtags(visible),
        handles=tuple(handle.rstrip(".").casefold() for handle in _HANDLE.findall(visible)),
        links=tuple(match[0] for match in _URL.finditer(visible)),
    )


def hashtags(text: str) -> tuple[str, ...]:
    """Hashtags in order, without '#', case-folded, each once."""
    return tuple(dict.fromkeys(tag.casefold() for tag in _HASHTAG.findall(_URL.sub(" ", text))))
