"""What happens to a mention by itself, and what people may do with it. Pure."""

import re
from dataclasses import dataclass
from functools import cache

from services.ugc.understanding.text import data
from shared.contracts.ugc import MentionStatus, RejectionCode, Understanding
from shared.errors import Refused

_REJECT_SPAM, _REJECT_TOXIC, _CLEAN = 0.75, 0.85, 0.3
_PERSONAL = re.compile(
    r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+|(?<!\d)\+?\d(?:[\s\-()]{0,2}\d){10,13}(?!\d)|(?<!\d)(?:\d[ -]?){16}(?!\d)"
)
_EDGES: dict[str, dict[MentionStatus, MentionStatus]] = {
    "approve": {"new": "approved", "rejected": "approved", "hidden": "approved"},
    "reject": {"new": "rejected", "approved": "rejected", "hidden": "rejected", "featured": "rejected"},
    "hide": {"new": "hidden", "approved": "hidden", "featured": "hidden", "rejected": "hidden"},
    "feature": {"approved": "featured", "new": "featured"},
}


@dataclass(frozen=True, slots=True)
class Decision:
    """What moderation says: `reason` in words, `rejection` as the short code."""

    status: MentionStatus
    reason: str
    rejection: RejectionCode | None = None


def decide(text: str, understood: Understanding) -> Decision:
    """Approve or reject what is plain; leave the rest `new` for a person."""
    if understood.spam >= _REJECT_SPAM:
        return Decision("rejected", f"spam score {understood.spam:.2f}", "SPAM")
    if understood.toxicity >= _REJECT_TOXIC:
        return Decision("rejected", f"toxicity {understood.toxicity:.2f}", "TOXIC")
    doubts = _doubts(text, understood)
    return Decision("new", "; ".join(doubts)) if doubts else Decision("approved", "positive or neutral, clean")


def _doubts(text: str, understood: Understanding) -> list[str]:
    doubts = {
        f"spam score {understood.spam:.2f}": understood.spam >= _CLEAN,
        f"toxicity {understood.toxicity:.2f}": understood.toxicity >= _CLEAN,
        "a complaint": understood.intent == "complaint",
        "negative": understood.sentiment.score < -0.1,
        "personal data in the text": bool(_PERSONAL.search(text)),
        "speaks to the machine": speaks_to_machine(text),
    }
    return [reason for reason, found in doubts.items() if found]


def speaks_to_machine(text: str) -> bool:
    """Whether a text tries to instruct software rather than people."""
    return bool(_machine().search(text))


@cache
def _machine() -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in data("injection.yaml")["patterns"]), re.I)


def moderated(status: MentionStatus, action: str) -> MentionStatus:
    """The status after a person's decision; the same again stays. 409 where it makes no sense."""
    edges = _EDGES[action]
    if status in edges:
        return edges[status]
    if status in edges.values():
        return status
    raise Refused(
        409,
        "mention-state",
        f"A {status} mention can't be changed this way",
        f"'{action}' does not lead out of '{status}'.",
    )
