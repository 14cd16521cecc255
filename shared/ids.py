"""Identifiers: a prefix that says what it is, then a ULID (sorts by time) or a digest of what it identifies."""

import base64
import hashlib

from ulid import ULID


def new_id(prefix: str) -> str:
    """A fresh id such as `com_01J…`: sorts by creation time (https://github.com/ulid/spec)."""
    return f"{prefix}_{ULID()}"


def derived_id(prefix: str, *parts: str) -> str:
    """The same id for the same parts, for whatever must not exist twice (a mention, a grant of one trigger).

    26 base32 characters of SHA-256, so 130 bits: no two of a brand's documents meet by chance.
    """
    digest = hashlib.sha256("\x1f".join(parts).encode("utf-8", "surrogatepass")).digest()
    return f"{prefix}_{base64.b32encode(digest).decode().lower()[:26]}"
