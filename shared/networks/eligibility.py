"""Who may be answered on a network, how soon, by whom, and how long: data with a version, not code.

Checked when a reply is drafted and again when it is sent. Change a rule by adding a version with its date.
"""

from datetime import datetime, timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict

from shared.contracts.ugc import MentionKind

Automation = Literal["allowed", "consent", "people_only"]
Refusal = Literal["kind_not_answerable", "window_closed", "automation_needs_consent", "people_only", "too_long"]


class ReplyRule(BaseModel):
    """The rule for some kinds of mention. `window` counts from the mention's `posted_at`; None means no end.

    `automation`: `allowed`; `consent`: only where the brand has switched automation on for this network and says in
    its profile that replies may be automated; `people_only`: a person sends each reply. `once`: a single reply.
    `max_length` counts UTF-16 code units, as the networks do.
    """

    model_config = ConfigDict(frozen=True)

    kinds: frozenset[MentionKind]
    window: timedelta | None = None
    audience: Literal["anyone", "wrote_to_us", "our_posts"] = "anyone"
    automation: Automation = "consent"
    max_length: int
    once: bool = False
    media: frozenset[Literal["image", "video", "gif"]] = frozenset()


class Eligibility(BaseModel):
    """A network's rules as of a date. `source` is where the network states them."""

    model_config = ConfigDict(frozen=True)

    version: str
    source: str
    rules: tuple[ReplyRule, ...]

    def rule(self, kind: MentionKind) -> ReplyRule | None:
        return next((rule for rule in self.rules if kind in rule.kinds), None)

    def refusal(
        self,
        kind: MentionKind,
        posted_at: datetime,
        now: datetime,
        *,
        text: str = "",
        automatic: bool = False,
        consent: bool = False,
    ) -> Refusal | None:
        """Why a reply may not be sent at `now`, or None. The window's edge is inclusive."""
        rule = self.rule(kind)
        if rule is None:
            return "kind_not_answerable"
        if rule.window is not None and now - posted_at > rule.window:
            return "window_closed"
        if automatic and rule.automation == "people_only":
            return "people_only"
        if automatic and rule.automation == "consent" and not consent:
            return "automation_needs_consent"
        return "too_long" if text_length(text) > rule.max_length else None


def text_length(text: str) -> int:
    """UTF-16 code units: an emoji outside the basic plane counts twice."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
