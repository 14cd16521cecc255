"""Secrets at rest and on the wire between services: AES-256-GCM, bound to the brand they belong to."""

import base64
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_VERSION = "s1"


def derive_key(master_key: bytes, purpose: str) -> bytes:
    """32 bytes for one purpose from the master key (HKDF-SHA-256, RFC 5869)."""
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=f"vouch/{purpose}".encode()).derive(master_key)


class Unsealable(Exception):
    """The text was sealed with another master key or for another brand, or was changed."""


class Sealer:
    """Seals and unseals strings with a key derived from the master key."""

    def __init__(self, master_key: bytes) -> None:
        self._cipher = AESGCM(derive_key(master_key, "sealing"))

    def seal(self, brand_id: str, text: str) -> str:
        """Ciphertext as `s1.<base64url>`, readable for this brand only."""
        nonce = os.urandom(12)
        sealed = nonce + self._cipher.encrypt(nonce, text.encode(), brand_id.encode())
        return f"{_VERSION}.{base64.urlsafe_b64encode(sealed).decode()}"

    def unseal(self, brand_id: str, sealed: str) -> str:
        """The sealed text. Raises `Unsealable`."""
        version, _, data = sealed.partition(".")
        if version != _VERSION:
            raise Unsealable(f"unknown sealing version {version!r}")
        raw = base64.urlsafe_b64decode(data)
        try:
            return self._cipher.decrypt(raw[:12], raw[12:], brand_id.encode()).decode()
        except InvalidTag:
            raise Unsealable("sealed with another master key, for another brand, or changed") from None
