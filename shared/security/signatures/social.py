"""The social networks' webhooks.

Telegram: https://core.telegram.org/bots/api#setwebhook (`secret_token`)
VK: https://dev.vk.com/ru/api/callback/getting-started (`secret`)
Instagram: https://developers.facebook.com/docs/graph-api/webhooks/getting-started#validate-payloads
TikTok: https://developers.tiktok.com/doc/webhooks-verification

Telegram and VK send a shared secret and sign nothing: it proves the sender, not that the body is unchanged.
"""

import time
from collections.abc import Sequence

from shared.security.signatures.base import (
    SignatureInvalid,
    SignatureMissing,
    any_same,
    fresh,
    hmac_sha256,
    once,
    required,
    unix_time,
)

TIKTOK_TOLERANCE = 300


def verify_telegram_secret(header: str | None, secrets: Sequence[str]) -> None:
    given = required(header, "The header X-Telegram-Bot-Api-Secret-Token")
    if not any_same([given], secrets):
        raise SignatureInvalid("The header X-Telegram-Bot-Api-Secret-Token is not the one agreed on.")


def verify_vk_secret(value: object, secrets: Sequence[str]) -> None:
    """`value` is the field `secret` of the notification, whatever it turned out to be."""
    if value is None or value == "":
        raise SignatureMissing("The field secret is missing.")
    if not isinstance(value, str) or not any_same([value], secrets):
        raise SignatureInvalid("The field secret is not the one agreed on.")


def sign_instagram(body: bytes, secret: str) -> str:
    """The value of `X-Hub-Signature-256`, over the bytes as sent (Meta escapes non-ASCII before it signs)."""
    return "sha256=" + hmac_sha256(secret, body).hex()


def verify_instagram(body: bytes, header: str | None, secrets: Sequence[str]) -> None:
    given = required(header, "The header X-Hub-Signature-256")
    if not any_same([given], [sign_instagram(body, secret) for secret in secrets]):
        raise SignatureInvalid("The header X-Hub-Signature-256 does not match the body.")


def verify_verify_token(value: str | None, tokens: Sequence[str]) -> None:
    """`hub.verify_token` of Meta's subscription handshake."""
    if not any_same([required(value, "The parameter hub.verify_token")], tokens):
        raise SignatureInvalid("The parameter hub.verify_token is not the one agreed on.")


def sign_tiktok(body: bytes, secret: str, at: int) -> str:
    """The value of `TikTok-Signature`: hex HMAC over `t.body`."""
    return f"t={at},s={_tiktok_mac(body, secret, str(at))}"


def _tiktok_mac(body: bytes, secret: str, timestamp: str) -> str:
    return hmac_sha256(secret, timestamp.encode() + b"." + body).hex()


def verify_tiktok(body: bytes, header: str | None, secrets: Sequence[str], now: float | None = None) -> None:
    parts = required(header, "The header TikTok-Signature").split(",")
    pairs = [(name.strip(), value) for name, _, value in (part.partition("=") for part in parts)]
    found = once(pairs, frozenset({"t", "s"}))
    timestamp = required(found.get("t"), "The part t of TikTok-Signature")
    given = required(found.get("s"), "The part s of TikTok-Signature")
    at = unix_time(timestamp, "The part t of TikTok-Signature")
    if not any_same([given], [_tiktok_mac(body, secret, timestamp) for secret in secrets]):
        raise SignatureInvalid("The header TikTok-Signature does not match the body.")
    now = time.time() if now is None else now
    fresh(at, now, past=TIKTOK_TOLERANCE, future=TIKTOK_TOLERANCE, name="The part t of TikTok-Signature")
