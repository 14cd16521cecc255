"""Reading an answer of the Admin GraphQL API: data out, or one of the errors of `errors.py`. Pure.

Status codes and error shapes: https://shopify.dev/docs/api/admin-graphql#status_and_error_codes
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Never

from shared.shopify.errors import BadDocument, Throttled, Unauthorized, Unavailable, UserError, UserErrors

Json = dict[str, Any]
DEFAULT_WAIT = 2.0
"""Seconds to wait when a throttled answer does not say."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer: header names in lower case, body as it came."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


def data_of(shop: str, answer: Answer) -> Json:
    """The answer's `data`; raises a `ShopifyError` for everything that is not a plain success."""
    if answer.status != 200:
        _raise_for_status(shop, answer)
    document = _parsed(shop, answer.body)
    if errors := document.get("errors"):
        _raise_for_errors(shop, errors, document.get("extensions") or {})
    data = document.get("data")
    if not isinstance(data, dict):
        raise Unavailable(shop, "an answer without data", uncertain=True)
    if refused := list(_user_errors(data)):
        raise UserErrors(shop, refused)
    return data


def throttle_wait(extensions: Mapping[str, Any]) -> float:
    """Seconds until the bucket holds what the query asked for: (requested - available) / restore rate."""
    cost = extensions.get("cost") or {}
    status = cost.get("throttleStatus") or {}
    requested, rate = cost.get("requestedQueryCost"), status.get("restoreRate")
    if requested is None or not rate:
        return DEFAULT_WAIT
    missing = float(requested) - float(status.get("currentlyAvailable") or 0)
    return max(missing / float(rate), 0.1)


def _raise_for_status(shop: str, answer: Answer) -> Never:
    said = f"HTTP {answer.status} {answer.body[:300].decode('utf-8', 'replace').strip()}"
    match answer.status:
        case 429 | 430:
            raise Throttled(shop, _retry_after(answer.headers))
        case 401 | 403:
            raise Unauthorized(shop, said)
        case 400 | 413 | 414 | 422:
            raise BadDocument(shop, said)
        case status:
            # A server error or a time-out at Shopify's edge may come after the work; 402, 404, 423 (frozen, gone,
            # locked) and redirects come before it.
            raise Unavailable(shop, said, uncertain=status >= 500 or status == 408)


def _retry_after(headers: Mapping[str, str]) -> float:
    try:
        return max(float(headers.get("retry-after", DEFAULT_WAIT)), 0.1)
    except ValueError:  # the HTTP-date form, which Shopify does not send
        return DEFAULT_WAIT


def _parsed(shop: str, body: bytes) -> Json:
    try:
        document = json.loads(body)
    except ValueError as error:
        raise Unavailable(shop, f"an answer that is no JSON: {body[:100]!r}", uncertain=True) from error
    if not isinstance(document, dict):
        raise Unavailable(shop, "an answer that is no JSON object", uncertain=True)
    return document


def _raise_for_errors(shop: str, errors: Any, extensions: Json) -> Never:
    if isinstance(errors, str):  # REST-like errors of the edge come as one string
        raise BadDocument(shop, errors)
    listed = [error for error in errors if isinstance(error, dict)]
    codes = {str((error.get("extensions") or {}).get("code")) for error in listed}
    said = "; ".join(str(error.get("message")) for error in listed) or "errors without a message"
    if "THROTTLED" in codes or said == "Throttled":
        raise Throttled(shop, throttle_wait(extensions))
    if "ACCESS_DENIED" in codes:
        raise Unauthorized(shop, said)
    if "SHOP_INACTIVE" in codes:
        raise Unavailable(shop, said, uncertain=False)
    if codes & {"INTERNAL_SERVER_ERROR", "TIMEOUT"}:
        raise Unavailable(shop, said, uncertain=True)
    raise BadDocument(shop, said)


def _user_errors(data: Json) -> Iterator[UserError]:
    """The `userErrors` (or `orderCancelUserErrors`, …) of every mutation in the answer."""
    for payload in data.values():
        for name, errors in payload.items() if isinstance(payload, dict) else ():
            if name.lower().endswith("usererrors"):
                yield from map(_user_error, errors or ())


def _user_error(error: Json) -> UserError:
    path = error.get("field") or []
    return UserError(
        field=".".join(map(str, path)) if isinstance(path, list) else str(path),
        code=error.get("code"),
        message=str(error.get("message")),
    )
