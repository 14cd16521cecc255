"""Telegram tells who a person is: Mini App `initData` and the login widget.

https://core.telegram.org/bots/webapps#validating-data-received-via-the-mini-app
https://core.telegram.org/widgets/login#checking-authorization
"""

import hashlib
import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode

from shared.security.signatures.base import SignatureInvalid, any_same, fresh, hmac_sha256, required, unix_time

MAX_AGE = 3600
_AHEAD = 60


@dataclass(frozen=True)
class TelegramPerson:
    """A Telegram account, vouched for by the bot's token. `start_param` is what the link to the Mini App carried."""

    id: int
    username: str | None
    first_name: str | None
    last_name: str | None
    language_code: str | None
    authenticated_at: int
    start_param: str | None = None


def _message(pairs: Iterable[tuple[str, str]]) -> bytes:
    return "\n".join(sorted(f"{name}={value}" for name, value in pairs if name != "hash")).encode()


def _init_data_mac(pairs: Iterable[tuple[str, str]], bot_token: str) -> str:
    return hmac_sha256(hmac_sha256("WebAppData", bot_token.encode()), _message(pairs)).hex()


def sign_init_data(fields: Mapping[str, str], bot_token: str) -> str:
    """`initData` as Telegram hands it to a Mini App: a query string that ends in its `hash`."""
    return urlencode({**fields, "hash": _init_data_mac(fields.items(), bot_token)})


def verify_init_data(
    init_data: str | None, bot_tokens: Sequence[str], now: float | None = None, max_age: float = MAX_AGE
) -> TelegramPerson:
    pairs = _pairs(required(init_data, "initData"))
    fields = dict(pairs)
    given = required(fields.get("hash"), "The field hash of initData")
    if not any_same([given], [_init_data_mac(pairs, token) for token in bot_tokens]):
        raise SignatureInvalid("The field hash of initData does not match.")
    at = _authenticated_at(fields, now, max_age)
    return _person(_user(fields.get("user")), at, fields.get("start_param"))


def _pairs(init_data: str) -> list[tuple[str, str]]:
    try:
        pairs = parse_qsl(init_data, keep_blank_values=True, strict_parsing=True, errors="strict", max_num_fields=50)
    except ValueError as error:
        raise SignatureInvalid("initData is not a query string.") from error
    if len({name for name, _ in pairs}) != len(pairs):
        raise SignatureInvalid("A field of initData is given more than once.")
    return pairs


def _authenticated_at(fields: Mapping[str, str], now: float | None, max_age: float) -> int:
    at = unix_time(required(fields.get("auth_date"), "The field auth_date"), "The field auth_date")
    fresh(at, time.time() if now is None else now, past=max_age, future=_AHEAD, name="The field auth_date")
    return at


def _user(value: str | None) -> dict[str, Any]:
    try:
        user = json.loads(required(value, "The field user of initData"))
    except ValueError as error:
        raise SignatureInvalid("The field user of initData is not JSON.") from error
    if not isinstance(user, dict):
        raise SignatureInvalid("The field user of initData is not an object.")
    return user


def _person(user: Mapping[str, Any], at: int, start_param: str | None = None) -> TelegramPerson:
    try:
        person_id = int(user["id"])
    except (KeyError, TypeError, ValueError) as error:
        raise SignatureInvalid("The user has no id.") from error
    names = {name: _text(user.get(name)) for name in ("username", "first_name", "last_name", "language_code")}
    return TelegramPerson(id=person_id, authenticated_at=at, start_param=start_param, **names)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _login_mac(fields: Mapping[str, str], bot_token: str) -> str:
    return hmac_sha256(hashlib.sha256(bot_token.encode()).digest(), _message(fields.items())).hex()


def sign_telegram_login(fields: Mapping[str, str], bot_token: str) -> dict[str, str]:
    """What the login widget hands over: the fields and their `hash`."""
    return {**fields, "hash": _login_mac(fields, bot_token)}


def verify_telegram_login(
    fields: Mapping[str, str], bot_tokens: Sequence[str], now: float | None = None, max_age: float = MAX_AGE
) -> TelegramPerson:
    given = required(fields.get("hash"), "The field hash")
    if not any_same([given], [_login_mac(fields, token) for token in bot_tokens]):
        raise SignatureInvalid("The field hash does not match.")
    return _person(fields, _authenticated_at(fields, now, max_age))
