"""The two ways a signature fails, and the comparisons that every scheme shares."""

import hashlib
import hmac
import re
from collections.abc import Iterable, Sequence
from typing import ClassVar

_UNIX_TIME = re.compile(r"[0-9]{1,11}", re.ASCII)


class SignatureError(Exception):
    """A request that must not be believed. `status` is the HTTP answer, `sentence` may be shown to the sender."""

    status: ClassVar[int]

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class SignatureMissing(SignatureError):
    """Nothing to check: the header, parameter or field that carries the signature is absent or empty."""

    status = 400


class SignatureInvalid(SignatureError):
    """There is a signature, and it does not hold (or is too old, or given twice)."""

    status = 401


def hmac_sha256(key: str | bytes, message: bytes) -> bytes:
    return hmac.new(key.encode() if isinstance(key, str) else key, message, hashlib.sha256).digest()


def same(given: str, expected: str) -> bool:
    """Equality in constant time, for any text a header may hold."""
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), expected.encode("utf-8", "surrogatepass"))


def any_same(given: Sequence[str], expected: Sequence[str]) -> bool:
    """True when one of the given equals one of the expected; every pair is compared, whatever the outcome so far."""
    return sum(same(one, other) for one in given for other in expected) > 0


def required(value: str | None, name: str) -> str:
    if not value:
        raise SignatureMissing(f"{name} is missing.")
    return value


def unix_time(value: str, name: str) -> int:
    """Seconds since 1970 written in plain ASCII digits; anything else is not what the sender signed."""
    if not _UNIX_TIME.fullmatch(value):
        raise SignatureInvalid(f"{name} is not a Unix time.")
    return int(value)


def fresh(at: int, now: float, *, past: float, future: float, name: str) -> None:
    """Refuse what was signed more than `past` seconds ago or lies more than `future` seconds ahead."""
    if now - at > past:
        raise SignatureInvalid(f"{name} is too old.")
    if at - now > future:
        raise SignatureInvalid(f"{name} lies in the future.")


def once(pairs: Iterable[tuple[str, str]], names: frozenset[str]) -> dict[str, str]:
    """The named parameters; one that is given twice is refused, since two readers would believe different ones."""
    found: dict[str, str] = {}
    for name, value in pairs:
        if name not in names:
            continue
        if name in found:
            raise SignatureInvalid(f"The parameter {name} is given more than once.")
        found[name] = value
    return found
