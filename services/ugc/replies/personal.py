"""What makes a reply personal without saying anything risky: the person's first name and a few of their own words."""

import re
from collections.abc import Collection

from services.ugc.understanding.safety import toxicity_of
from services.ugc.understanding.sentiment import sentiment_of
from services.ugc.understanding.text import known_russian, read

_NAME = re.compile(r"^[^\W\d_]{2,20}(?:-[^\W\d_]{2,20})?$")
_CLAUSE = re.compile(r"[.!?…,;:()\n«»\"“”—–]+|\s-\s")
_PLAIN = re.compile(r"^[^\W\d_]+(?:[-' ][^\W\d_]+)*$")
_VOWELS = re.compile(r"[aeiouyаеёиоуыэюяіїє]", re.I)
# A quote is repeated in the brand's name: nothing that could be read as an offer, an instruction or about somebody
# else.
_NEVER_QUOTED = re.compile(
    r"скид|промо|бесплат|подар|деньг|гарант|вернё|цен[аыуе]|discount|promo|free|refund|money|guarantee|price|gift|code|instruction|ignore|prompt|"
    r"system|assistant|admin|игнор|инструкц|систем|пароль|password|token|\bвы\b|\bваш|\byou\b|\byour|\bне\b|\bnot\b|\bя\b|\bмы\b|\bмой|\bмоя|\bмне\b|\bi\b|\bmy\b|\bme\b|n't",
    re.I,
)
_MIN_QUOTE, _MAX_QUOTE = 11, 40


def first_name(name: str | None, not_names: Collection[str]) -> str | None:
    """A first name one can speak to, or None for nicknames, shops and whatever looks like neither."""
    if not name or len(name.split()) > 3:
        return None
    first = name.split()[0].strip(".,!") if name.split() else ""
    lowered = {word.casefold() for word in name.split()}
    if not _NAME.match(first) or lowered & set(not_names) or not _VOWELS.search(first):
        return None
    return first.capitalize() if first.isupper() or first.islower() else first


def quote_of(text: str) -> str | None:
    """The warmest short clause of a text, 2 to 5 plain words, fit to be repeated; None when there is none."""
    clauses = [" ".join(clause.split()) for clause in _CLAUSE.split(read(text).plain)]
    fitting = [clause for clause in clauses if _quotable(clause)]
    best = max(fitting, key=lambda clause: sentiment_of(read(clause)).score, default=None)
    return best[0].lower() + best[1:] if best else None


def _quotable(clause: str) -> bool:
    words = clause.split()
    if (
        not 2 <= len(words) <= 5
        or not _MIN_QUOTE <= len(clause) <= _MAX_QUOTE
        or not _PLAIN.match(clause)
        or _NEVER_QUOTED.search(clause)
    ):
        return False
    return (
        all(_dictionary(word) for word in words)
        and sentiment_of(read(clause)).score > 0.3
        and toxicity_of(read(clause)) == 0
    )


def _dictionary(word: str) -> bool:
    return word.isascii() or known_russian(word.casefold())
