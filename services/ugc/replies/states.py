"""A reply's life: `proposed → approved | rejected | superseded | expired`, `approved → sending → sent | failed |
uncertain`.

Pure. Whoever looks into a failed or uncertain one may approve it again (send once more) or reject it (leave it be).
"""

from datetime import datetime
from typing import Any

from services.ugc.models import Change, ReplyDocument
from shared.contracts.ugc import ReplyStatus
from shared.errors import Refused

_EDGES: dict[tuple[ReplyStatus, str], ReplyStatus] = {
    ("proposed", "edit"): "proposed",
    ("proposed", "approve"): "approved",
    ("proposed", "reject"): "rejected",
    ("proposed", "supersede"): "superseded",
    ("proposed", "expire"): "expired",
    ("approved", "supersede"): "superseded",
    ("approved", "expire"): "expired",
    ("approved", "fail"): "failed",
    ("approved", "send"): "sending",
    ("sending", "sent"): "sent",
    ("sending", "failed"): "failed",
    ("sending", "uncertain"): "uncertain",
    ("uncertain", "sent"): "sent",
    ("uncertain", "approve"): "approved",
    ("uncertain", "reject"): "rejected",
    ("failed", "approve"): "approved",
    ("failed", "reject"): "rejected",
}
FINAL: frozenset[ReplyStatus] = frozenset({"sent", "rejected", "superseded", "expired", "failed", "uncertain"})


def allows(reply: ReplyDocument, change: str) -> bool:
    """Whether the reply's state has this way out."""
    return (reply.status, change) in _EDGES


def advance(
    reply: ReplyDocument, change: str, at: datetime, actor: str, *, reason: str | None = None, **fields: Any
) -> ReplyDocument:
    """The reply after a change, with its line of history; `fields` are replaced on the way. 409 when its state
    forbids it.
    """
    status = _EDGES.get((reply.status, change))
    if status is None:
        raise Refused(
            409,
            "reply-state",
            f"The reply can't be changed this way: it is {reply.status}",
            f"'{change}' does not lead out of '{reply.status}'.",
        )
    line = Change(at=at, actor=actor, change=change, text=fields.get("text"), reason=reason)
    update = {**fields, "status": status, "reason": reason, "updated_at": at, "history": [*reply.history, line]}
    return reply.model_copy(update=update)
