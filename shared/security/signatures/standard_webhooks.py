"""Standard Webhooks, symmetric signatures (`v1`): https://www.standardwebhooks.com, specification 1.0."""

import base64
import binascii
import secrets as randomness
import time
from collections.abc import Sequence
from dataclasses import dataclass

from shared.security.signatures.base import SignatureInvalid, any_same, fresh, hmac_sha256, required, unix_time

TOLERANCE = 300
PREFIX = "whsec_"


@dataclass(frozen=True)
class StandardWebhook:
    """A verified delivery: `id` stays the same over retries, so it dedupes."""

    id: str
    sent_at: int


def new_standard_secret() -> str:
    """A fresh secret as the specification writes it: `whsec_` and 32 random bytes in base64."""
    return PREFIX + base64.b64encode(randomness.token_bytes(32)).decode()


def _key(secret: str) -> bytes:
    """The bytes of a secret. Raises ValueError when it is not base64: a wrong configuration, not a wrong sender."""
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        key = b""
    if not key:
        raise ValueError("A Standard Webhooks secret is 'whsec_' followed by base64.")
    return key


def sign_standard_webhook(body: bytes, message_id: str, at: int, secret: str) -> str:
    """One entry of `webhook-signature`: `v1,` and base64 of the HMAC over `id.timestamp.body`."""
    return _signature(body, message_id, str(at), secret)


def _signature(body: bytes, message_id: str, timestamp: str, secret: str) -> str:
    signed = b".".join((message_id.encode("utf-8", "surrogatepass"), timestamp.encode(), body))
    return "v1," + base64.b64encode(hmac_sha256(_key(secret), signed)).decode()


def standard_headers(body: bytes, message_id: str, at: int, secrets: Sequence[str]) -> dict[str, str]:
    """The three headers of a delivery, signed with every secret that a receiver may still hold."""
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(at),
        "webhook-signature": " ".join(sign_standard_webhook(body, message_id, at, secret) for secret in secrets),
    }


def verify_standard_webhook(
    body: bytes,
    message_id: str | None,
    timestamp: str | None,
    signature: str | None,
    secrets: Sequence[str],
    now: float | None = None,
) -> StandardWebhook:
    """Check a delivery. The signature header may list several; entries of other versions than `v1` are passed over."""
    message_id = required(message_id, "The header webhook-id")
    timestamp = required(timestamp, "The header webhook-timestamp")
    given = required(signature, "The header webhook-signature").split(" ")
    at = unix_time(timestamp, "The header webhook-timestamp")
    if not any_same(given, [_signature(body, message_id, timestamp, secret) for secret in secrets]):
        raise SignatureInvalid("No entry of the header webhook-signature matches the message.")
    now = time.time() if now is None else now
    fresh(at, now, past=TOLERANCE, future=TOLERANCE, name="The header webhook-timestamp")
    return StandardWebhook(message_id, at)
