"""When two names are one person. Pure."""

import unicodedata

_DOTLESS = {"gmail.com"}
_SAME_HOST = {"googlemail.com": "gmail.com", "ya.ru": "yandex.ru", "yandex.com": "yandex.ru", "yandex.kz": "yandex.ru"}


def normalise_email(address: str | None) -> str | None:
    """The mailbox behind an address: one form for all its disguises, None when it is no address.

    Case, full-width letters, plus-tags (every provider that has sub-addresses uses `+`, RFC 5233), dots at Gmail, and
    the host names under which one provider keeps the same mailbox.
    """
    text = unicodedata.normalize("NFKC", address or "").strip().casefold()
    local, at, host = text.rpartition("@")
    host = _SAME_HOST.get(host.strip("."), host.strip("."))
    local = local.partition("+")[0] or local
    if host in _DOTLESS:
        local = local.replace(".", "")
    elif host == "yandex.ru":
        local = local.replace(".", "-")  # Yandex treats both the same
    return f"{local}@{host}" if at and local and host else None


def email_host(address: str) -> str:
    """The part after the `@`."""
    return address.rpartition("@")[2]
