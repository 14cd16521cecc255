"""Posting to a network: what the failures of HTTP mean for a reply."""

from typing import Any

from shared.http import Answer, HttpClient, NotSent, OutcomeUnknown
from shared.networks.base import PublishRefused, PublishRetry, PublishUncertain

SOON = 5.0
LATER = 60.0


async def post(client: HttpClient, url: str, *, repeatable: bool = False, **call: Any) -> Answer:
    """POST once. `repeatable`: the network dedupes by a key of ours, so an unknown outcome may simply be repeated.

    Raises PublishRetry when nothing was posted and PublishUncertain when that is not known. An answer of the network,
    also a refusal, is returned; 5xx says nothing about what happened before it.
    """
    try:
        answer = await client.request("POST", url, **call)
    except NotSent as error:
        raise PublishRetry(SOON, str(error)) from None
    except OutcomeUnknown as error:
        raise unknown(str(error), repeatable) from None
    if answer.status >= 500:
        raise unknown(f"The network answered {answer.status}.", repeatable, answer.retry_after)
    return answer


def unknown(reason: str, repeatable: bool, after: float | None = None) -> Exception:
    return PublishRetry(after or SOON, reason) if repeatable else PublishUncertain(reason)


async def get(client: HttpClient, url: str, **call: Any) -> Answer:
    """GET, for looking: any failure is a reason to look again later."""
    try:
        answer = await client.request("GET", url, **call)
    except (NotSent, OutcomeUnknown) as error:
        raise PublishRetry(SOON, str(error)) from None
    if answer.status >= 500 or answer.status == 429:
        raise PublishRetry(answer.retry_after or SOON, f"The network answered {answer.status}.")
    return answer


def found(value: Any, *path: str | int) -> Any:
    """What lies at a path inside JSON of unknown shape, or None."""
    for step in path:
        if isinstance(value, dict) and isinstance(step, str):
            value = value.get(step)
        elif isinstance(value, list) and isinstance(step, int) and len(value) > step:
            value = value[step]
        else:
            return None
    return value


def token(secrets: dict[str, str], name: str) -> str:
    """A secret that calls need. Its absence needs a person, not a retry."""
    if not secrets.get(name):
        raise PublishRefused(permanent=False, reason=f"The connection has no {name}.")
    return secrets[name]
