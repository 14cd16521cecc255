"""Discount codes: the same grant always gives the same code, nobody else can guess it, people can read it aloud."""

import base64
import hashlib
import hmac
import re
import unicodedata

_PLAIN = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # https://www.crockford.com/base32.html: no I, L, O, U
_READABLE = str.maketrans(_PLAIN, _CROCKFORD)
DEFAULT_PREFIX = "VOUCH"


def code_key(master_key: bytes) -> bytes:
    """The key codes are made with, derived from the master key for this one purpose."""
    return hmac.digest(master_key, b"vouch reward codes v1", hashlib.sha256)


def code_for(key: bytes, prefix: str, grant_id: str, attempt: int = 1) -> str:
    """A code such as `VOUCH-7K3M-Q2XD`: 40 bits of HMAC-SHA256. `attempt` gives another one when a code is taken."""
    digest = hmac.digest(key, f"{grant_id}/{attempt}".encode(), hashlib.sha256)
    letters = base64.b32encode(digest).decode()[:8].translate(_READABLE)
    return f"{prefix}-{letters[:4]}-{letters[4:]}"


def prefix_of(brand_name: str | None) -> str:
    """What a brand's codes begin with: its name's first word in Latin letters, 3 to 8 of them, else `VOUCH`."""
    plain = unicodedata.normalize("NFKD", brand_name or "").encode("ascii", "ignore").decode()
    words = re.findall(r"[A-Za-z]{3,}", plain)
    return words[0][:8].upper() if words else DEFAULT_PREFIX


def normalised(code: str) -> str:
    """How codes are compared: case and surrounding blanks do not count."""
    return code.strip().lower()
