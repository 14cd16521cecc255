"""Every signature scheme Vouch accepts or makes, one file per sender: pure functions of bytes, secrets and time.

`verify_…` returns what the signature vouches for (or None) and raises `SignatureMissing` (400) when there is nothing
to check, `SignatureInvalid` (401) when there is and it does not hold. Each takes several secrets, so that a rotation
accepts the old one for a while. All comparisons take constant time, and compare the signature's text: a second
spelling of the same bytes (upper-case hex, loose base64) is refused.
"""

from shared.security.signatures.base import SignatureError, SignatureInvalid, SignatureMissing, same
from shared.security.signatures.shopify import (
    AppProxyCaller,
    SessionToken,
    sign_app_proxy,
    sign_oauth,
    sign_session_token,
    sign_shopify_webhook,
    verify_app_proxy,
    verify_oauth,
    verify_session_token,
    verify_shopify_webhook,
)
from shared.security.signatures.social import (
    sign_instagram,
    sign_tiktok,
    verify_instagram,
    verify_telegram_secret,
    verify_tiktok,
    verify_verify_token,
    verify_vk_secret,
)
from shared.security.signatures.standard_webhooks import (
    StandardWebhook,
    new_standard_secret,
    sign_standard_webhook,
    standard_headers,
    verify_standard_webhook,
)
from shared.security.signatures.telegram import (
    TelegramPerson,
    sign_init_data,
    sign_telegram_login,
    verify_init_data,
    verify_telegram_login,
)

__all__ = [
    "AppProxyCaller",
    "SessionToken",
    "SignatureError",
    "SignatureInvalid",
    "SignatureMissing",
    "StandardWebhook",
    "TelegramPerson",
    "new_standard_secret",
    "same",
    "sign_app_proxy",
    "sign_init_data",
    "sign_instagram",
    "sign_oauth",
    "sign_session_token",
    "sign_shopify_webhook",
    "sign_standard_webhook",
    "sign_telegram_login",
    "sign_tiktok",
    "standard_headers",
    "verify_app_proxy",
    "verify_init_data",
    "verify_instagram",
    "verify_oauth",
    "verify_session_token",
    "verify_shopify_webhook",
    "verify_standard_webhook",
    "verify_telegram_login",
    "verify_telegram_secret",
    "verify_tiktok",
    "verify_verify_token",
    "verify_vk_secret",
]
