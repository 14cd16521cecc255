"""Following an ambassador's link: where it leads, and whether somebody really followed it."""

import re
from collections.abc import Mapping
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

# Programs that name themselves; what hides is for the fraud rules to find. Previews of messengers count as programs.
_PROGRAMS = re.compile(
    r"bot\b|bot/|crawl|spider|slurp|preview|scan|monitor|fetch|curl/|wget/|python-|okhttp|java/|go-http|libwww|headless|lighthouse|"
    r"facebookexternalhit|facebookcatalog|whatsapp|telegrambot|vkshare|embedly|pinterest/|skypeuri|discordbot|node-fetch|axios/|undici",
    re.IGNORECASE,
)
_PREFETCH = ("purpose", "sec-purpose", "x-purpose", "x-moz")


def is_program(user_agent: str) -> bool:
    """Whether the client says it is no person's browser."""
    return not user_agent or _PROGRAMS.search(user_agent) is not None


def is_prefetch(headers: Mapping[str, str]) -> bool:
    """Whether a browser only looks ahead (https://wicg.github.io/nav-speculation/prefetch.html#sec-purpose-header)."""
    return any(
        word in headers.get(name, "").lower() for name in _PREFETCH for word in ("prefetch", "prerender", "preview")
    )


def destination(
    storefront: str, path: str | None, parameters: Mapping[str, str], passed_on: list[tuple[str, str]]
) -> str:
    """The storefront's address with `parameters`. `path` stays within it; `passed_on` (utm_…) comes along."""
    base = urlsplit(storefront)
    wanted = urlsplit(_inside(path))
    query = parse_qsl(base.query) + parse_qsl(wanted.query) + passed_on
    query = [(name, value) for name, value in query if name not in parameters] + list(parameters.items())
    where = base.path.rstrip("/") + "/" + wanted.path.lstrip("/") if path else base.path or "/"
    return urlunsplit((base.scheme, base.netloc, where, urlencode(query), ""))


def _inside(path: str | None) -> str:
    """A path of the storefront, or nothing: never another host, never a step up."""
    if (
        not path
        or not path.startswith("/")
        or path.startswith("//")
        or "\\" in path
        or ".." in path
        or any(c < " " for c in path)
    ):
        return ""
    return path
