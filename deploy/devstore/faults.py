"""Faults on demand: rules that say which calls fail, how, how often and for how long. Kept across restarts.

A rule's dice are seeded and numbered, so the same rule over the same calls fails the same ones in every run.
"""

import asyncio
import random
import time
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from deploy.devstore.store import Store

Target = Literal["admin", "oauth", "proxy", "webhook"]
Kind = Literal[
    "429", "throttle", "5xx", "timeout_before", "timeout_after", "drop", "delay",
    "duplicate", "reorder", "bad_signature",
]  # fmt: skip
FOR_CALLS = {"429", "throttle", "5xx", "timeout_before", "timeout_after", "drop", "delay"}
FOR_WEBHOOKS = {"duplicate", "reorder", "delay", "drop", "bad_signature"}


class Rule(BaseModel):
    """One fault. `match` is a glob over the admin operation or root field, the webhook topic, or the path."""

    model_config = ConfigDict(extra="forbid")

    target: Target
    kind: Kind
    match: str = "*"
    shop: str = "*"
    probability: float = Field(1.0, ge=0, le=1)
    seed: int = 0
    count: int | None = Field(None, ge=1, description="Stop after this many hits.")
    duration: float | None = Field(None, gt=0, description="Stop after this many seconds.")
    seconds: float | None = Field(
        None, ge=0, description="How long: time-outs (null = never answers), delay, reorder window."
    )
    times: int = Field(1, ge=1, le=100, description="Duplicates in addition to the delivery.")
    status: int = Field(503, ge=500, le=599)
    retry_after: float = Field(2.0, ge=0)
    since: float = Field(default_factory=time.time)
    seen: int = 0
    hits: int = 0

    def unusable(self) -> str | None:
        """Why this kind cannot happen to this target; None when it can."""
        allowed = FOR_WEBHOOKS if self.target == "webhook" else FOR_CALLS
        if self.kind not in allowed or (self.kind == "throttle" and self.target != "admin"):
            return f"{self.kind} does not apply to {self.target}; use one of {', '.join(sorted(allowed))}"
        return None

    def live(self, now: float) -> bool:
        return (self.count is None or self.hits < self.count) and (
            self.duration is None or now < self.since + self.duration
        )

    def concerns(self, target: Target, shop: str, names: Sequence[str]) -> bool:
        matches = any(fnmatchcase(name.lower(), self.match.lower()) for name in names)
        return self.target == target and fnmatchcase(shop, self.shop) and matches

    def dice(self) -> random.Random:
        """Fresh dice for the call numbered `seen`."""
        return random.Random(f"{self.seed}/{self.seen}")


class Faults:
    """The rules in force."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.rules = [Rule.model_validate(raw) for raw in store.setting("faults", [])]

    def replace(self, rules: Sequence[Rule]) -> None:
        self.rules = list(rules)
        self._save()

    def _save(self) -> None:
        self.store.set_setting("faults", [rule.model_dump() for rule in self.rules])

    def pick(self, target: Target, shop: str, names: Sequence[str]) -> Rule | None:
        """The first rule that strikes this call; counts it. Every concerned rule's dice are thrown once."""
        struck: Rule | None = None
        concerned = [rule for rule in self.rules if rule.live(time.time()) and rule.concerns(target, shop, names)]
        for rule in concerned:
            rule.seen += 1
            if struck is None and rule.dice().random() < rule.probability:
                rule.hits += 1
                struck = rule
        if concerned:
            self._save()
        return struck


class Hang(Response):
    """Never answers (`seconds` null) or answers `late` after that time; ends when the caller goes away."""

    def __init__(self, seconds: float | None, late: Response | None = None) -> None:
        super().__init__()
        self.seconds, self.late = seconds, late

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        gone = asyncio.ensure_future(_disconnected(receive))
        done, _ = await asyncio.wait({gone}, timeout=self.seconds)
        gone.cancel()
        if not done:
            await (self.late or Cut())(scope, receive, send)


class Cut(Response):
    """The connection breaks in the middle of the answer."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"65536")]})
        await send({"type": "http.response.body", "body": b"{", "more_body": True})


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def refused_by(rule: Rule | None) -> Response | None:
    """The answer of a fault that strikes before the work; None when the work is to be done."""
    if rule is None:
        return None
    if rule.kind == "429":
        headers = {"Retry-After": str(rule.retry_after)}
        return JSONResponse({"errors": "Exceeded 2 calls per second for api client."}, 429, headers)
    if rule.kind == "5xx":
        return JSONResponse({"errors": "Internal Server Error"}, rule.status)
    if rule.kind == "timeout_before":
        return Hang(rule.seconds)
    return Cut() if rule.kind == "drop" else None


async def answer_with(rule: Rule | None, response: Response) -> Response:
    """What becomes of a finished answer: late after `delay`, later or never after `timeout_after`."""
    if rule is not None and rule.kind == "timeout_after":
        return Hang(rule.seconds, response)
    if rule is not None and rule.kind == "delay":
        await asyncio.sleep(rule.seconds or 1.0)
    return response
