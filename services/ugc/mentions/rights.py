"""The right to show a mention: `requested → granted | declined`, `granted → revoked | expired`. Pure."""

import re
from datetime import datetime, timedelta
from functools import cache

from services.ugc.models import Mention, Rights
from services.ugc.understanding.text import data
from shared.errors import Refused


def request(mention: Mention, scope: str, valid_days: int, at: datetime) -> Rights:
    """Rights after a request. 409 when they are granted already or the post is gone; asking again is allowed
    otherwise.
    """
    if mention.deleted:
        raise Refused(
            409, "mention-deleted", "The mention was deleted by its author", "There is nothing left to ask for."
        )
    if mention.rights.status in ("requested", "granted"):
        raise Refused(409, "rights-state", f"Rights are {mention.rights.status} already")
    return Rights(status="requested", scope=scope, valid_days=valid_days, requested_at=at)


def answer(rights: Rights, granted: bool, answered_by: str, at: datetime) -> Rights:
    """Rights after the author's answer; an answer nobody asked for changes nothing. A later no revokes."""
    if rights.status == "requested":
        expires = at + timedelta(days=rights.valid_days or 365) if granted else None
        update = {"status": "granted" if granted else "declined", "answered_by": answered_by, "expires_at": expires}
        return rights.model_copy(update=update)
    if rights.status == "granted" and not granted:
        return rights.model_copy(update={"status": "revoked", "answered_by": answered_by, "expires_at": None})
    return rights


def lost(rights: Rights, why: str) -> Rights:
    """Rights after they ran out or the post was taken back."""
    if rights.status == "granted":
        return rights.model_copy(update={"status": "expired" if why == "expired" else "revoked", "expires_at": None})
    return (
        rights.model_copy(update={"status": "declined"})
        if rights.status == "requested" and why != "expired"
        else rights
    )


def reads_as(text: str) -> bool | None:
    """True for a clear yes, False for a clear no, None for anything else (a person reads it)."""
    plain = " ".join(re.findall(r"[\w']+|#\w+", text.casefold()))
    yes, no = (_pattern(kind).search(plain) for kind in ("yes", "no"))
    asking = "?" in text
    if no:
        return False
    return True if yes and not asking else None


@cache
def _pattern(kind: str) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in data("consent.yaml")[kind]))
