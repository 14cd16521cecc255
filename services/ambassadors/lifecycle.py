"""The lifecycle of an ambassador as a state machine. Pure.

candidate → invited → applied → active ⇄ paused → offboarded; beside it rejected (may apply again) and banned.
"""

from datetime import datetime, timedelta

from shared.contracts.ambassadors import AmbassadorAction, AmbassadorStatus

REAPPLY_AFTER = timedelta(days=30)
_EDGES: dict[AmbassadorAction, dict[AmbassadorStatus, AmbassadorStatus]] = {
    "invite": {"candidate": "invited", "applied": "invited", "rejected": "invited", "offboarded": "invited"},
    "apply": {"candidate": "applied", "invited": "applied", "rejected": "applied", "offboarded": "applied"},
    "approve": {"candidate": "active", "invited": "active", "applied": "active"},
    "reject": {"candidate": "rejected", "invited": "rejected", "applied": "rejected"},
    "pause": {"active": "paused"},
    "resume": {"paused": "active"},
    "offboard": {"active": "offboarded", "paused": "offboarded"},
    "ban": {
        "candidate": "banned", "invited": "banned", "applied": "banned", "active": "banned", "paused": "banned",
        "offboarded": "banned", "rejected": "banned",
    },
}  # fmt: skip


class NoSuchStep(Exception):
    """The state machine has no such edge; the text says what it has."""


def step(status: AmbassadorStatus, action: AmbassadorAction, *, since: datetime, now: datetime) -> AmbassadorStatus:
    """The state after `action`; `since` is when `status` began. Raises `NoSuchStep`."""
    target = _EDGES[action].get(status)
    if target is None:
        raise NoSuchStep(f"cannot {action} while {status}; possible now: {', '.join(actions(status)) or 'nothing'}")
    if (status, action) == ("rejected", "apply") and now < since + REAPPLY_AFTER:
        raise NoSuchStep(f"may apply again from {since + REAPPLY_AFTER:%Y-%m-%d} on")
    return target


def actions(status: AmbassadorStatus) -> list[AmbassadorAction]:
    """What may be done from here."""
    return [action for action, edges in _EDGES.items() if status in edges]


def holds_codes(status: AmbassadorStatus) -> bool:
    """Whether the person's discount code works at the shop in this state."""
    return status in {"active", "paused"}
