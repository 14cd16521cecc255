"""Spam and toxicity, 0 to 1 each, also when letters are swapped, spaced out or hidden."""

import math
import re
from functools import cache

from glin_profanity import Filter  # type: ignore[import-untyped]

from services.ugc.understanding.text import Text, data, join_spaced, skeleton

_PHONE = re.compile(r"(?<!\d)(?:\+?\d[\s\-()]?){10,14}(?!\d)")
_LETTERS = re.compile(r"[^\W_]+", re.S)
_MIXED = re.compile(r"(?=\w*[a-z])(?=\w*[а-яё])\w{4,}", re.I)
_TO_CYRILLIC = str.maketrans("aeopcyxkmthbu3064", "аеорсухкмтнви3о64")
_MASKED = re.compile(r"(?<=[^\W\d_])[*#@$%.]{1,3}(?=[^\W\d_])")


@cache
def _words() -> tuple[tuple[str, float], ...]:
    return tuple(
        (skeleton(word), float(weight)) for weight, group in data("safety.yaml")["spam_words"].items() for word in group
    )


@cache
def _profanity() -> Filter:
    return Filter({"languages": ["english"], "detect_leetspeak": True, "normalize_unicode": True})


@cache
def _obscene() -> tuple[re.Pattern[str], re.Pattern[str]]:
    rules = data("safety.yaml")["obscene_ru"]
    return re.compile("|".join(rules["roots"])), re.compile("|".join(rules["innocent"]))


def spam_of(text: Text) -> float:
    """How surely it is advertising for something else. 0.75 and more is spam; one weak sign is not enough."""
    weight = _word_signs(text) + _shape_signs(text)
    return round(1 - math.exp(-weight / 1.5), 3) if weight > 0 else 0.0


def _word_signs(text: Text) -> float:
    seen = {skeleton(word) for word in _LETTERS.findall(join_spaced(text.raw))} | {
        skeleton(lemma) for lemma in text.lemmas
    }
    lowered = " ".join(text.raw.casefold().split())
    phrases = data("safety.yaml")["spam_phrases"].items()
    return sum(weight for word, weight in _words() if word in seen) + sum(
        float(weight) for weight, group in phrases for phrase in group if phrase in lowered
    )


def _shape_signs(text: Text) -> float:
    lowered = text.raw.casefold()
    weight = 0.5 * min(len(text.links), 4)
    weight += 1.5 * any(host in lowered for host in data("safety.yaml")["link_hosts"])
    weight += (
        0.7 * bool(_PHONE.search(text.raw))
        + 0.6 * max(0, len(text.hashtags) - 10) / 5
        + 0.5 * max(0, len(text.handles) - 4) / 3
    )
    weight += 0.6 * bool(_MIXED.search(text.plain))
    shouting = sum(char.isupper() for char in text.raw) / max(1, sum(char.isalpha() for char in text.raw))
    return weight + 0.4 * (shouting > 0.7 and len(text.words) > 6 and bool(text.links))


def toxicity_of(text: Text) -> float:
    """How surely it is obscene or insulting. 0.6: strong language; 0.85 and more: an attack."""
    obscene, insult = _obscene_words(text), _insults(text)
    score = 0.6 * min(obscene, 1) + 0.12 * max(0, obscene - 1) + 0.5 * min(insult, 1) + 0.2 * max(0, insult - 1)
    return round(min(1.0, score), 3)


def _obscene_words(text: Text) -> int:
    roots, innocent = _obscene()
    joined = join_spaced(text.raw).casefold()
    found = {word for word in _russian_readings(joined) if roots.search(word) and not innocent.search(word)}
    return len(found) + len(_english_profanity(text))


def _russian_readings(joined: str) -> set[str]:
    words = {hidden for part in joined.split() if _MASKED.search(part) for hidden in _behind_mask(part)}
    for word in _LETTERS.findall(joined):
        if (
            re.search(r"[а-яё]", word)
            or (re.search(r"\d", word) and not word.isdigit())
            or re.fullmatch(r"[aeopcyxkmthbu]{3,}", word)
        ):
            words.add(re.sub(r"(.)\1{2,}", r"\1", word.translate(_TO_CYRILLIC)))
    return words


def _behind_mask(part: str) -> list[str]:
    """Obscene words that `part` spells with some letters starred out."""
    pattern = re.compile(".{1,3}".join(re.escape(piece) for piece in _MASKED.split(part.strip(".,!?:;()"))))
    return [word for word in data("safety.yaml")["often_masked"] if pattern.fullmatch(word)]


def _english_profanity(text: Text) -> set[str]:
    if not re.search(r"[a-z]", text.plain, re.I):
        return set()
    latin = " ".join(word for word in text.plain.split() if not re.search(r"[а-яё]", word, re.I))
    found = _profanity().check_profanity(latin)
    words = found["profane_words"] if isinstance(found, dict) else found.profane_words
    return {word.casefold() for word in words if len(word) > 2} - set(data("safety.yaml")["harmless_en"])


def _insults(text: Text) -> int:
    rules = data("safety.yaml")["insults"]
    lowered = " ".join(text.plain.casefold().split())
    russian = set(text.lemmas) & set(rules["ru"])
    return len(russian) + sum(1 for phrase in rules["en"] if re.search(rf"\b{re.escape(phrase)}\b", lowered))
