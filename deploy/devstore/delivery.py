"""The post office: takes queued webhooks to their addresses, with Shopify's time-outs and retries."""

import asyncio
import json
import sqlite3
import time
from contextlib import suppress
from dataclasses import dataclass

import aiohttp
from pydantic import BaseModel, ConfigDict, Field

from deploy.devstore import signing
from deploy.devstore.world import World

# Seconds between tries: eight retries within four hours.
BACKOFF = (60, 180, 480, 960, 1800, 2400, 3600, 4800)
CONNECT, ANSWER = 1.0, 5.0
AT_ONCE = 16
KEEP_ANSWER = 2000


class Policy(BaseModel):
    """How the post office behaves; kept across restarts (`PUT /_dev/webhooks`)."""

    model_config = ConfigDict(extra="forbid")

    retry_scale: float = Field(0.01, gt=0, description="1.0 = Shopify's four hours; 0.01 = two and a half minutes.")
    delete_failing: bool = Field(
        False, description="Delete a subscription when all tries of a delivery failed, as Shopify may."
    )
    paused: bool = Field(False, description="Keep queueing, deliver nothing: Shopify is silent.")


@dataclass(frozen=True)
class Outcome:
    """What an address answered; `status` null when it did not."""

    status: int | None
    ms: int
    error: str | None = None
    answer: str | None = None

    @property
    def ok(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


class PostOffice:
    """Delivers until cancelled. A delivery that was cut short by a crash is made again, as at Shopify."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.policy = Policy.model_validate(world.store.setting("webhooks", {}))
        self._flying: dict[int, asyncio.Task[None]] = {}

    def set_policy(self, policy: Policy) -> None:
        self.policy = policy
        self.world.store.set_setting("webhooks", policy.model_dump())
        self.world.wake.set()

    async def run(self) -> None:
        """Deliver what is due, sleep until something is."""
        timeout = aiohttp.ClientTimeout(total=ANSWER, sock_connect=CONNECT)
        async with aiohttp.ClientSession(timeout=timeout, auto_decompress=False) as client:
            try:
                while True:
                    self.world.wake.clear()
                    self._start_due(client)
                    with suppress(TimeoutError):
                        await asyncio.wait_for(self.world.wake.wait(), self._pause())
            finally:
                for task in self._flying.values():
                    task.cancel()

    def _start_due(self, client: aiohttp.ClientSession) -> None:
        free = 0 if self.policy.paused else AT_ONCE - len(self._flying)
        rows = self.world.store.db.execute(
            "SELECT * FROM deliveries WHERE state='pending' AND due<=? ORDER BY due, id LIMIT ?",
            (time.time(), free + len(self._flying)),
        ).fetchall()
        for row in [row for row in rows if row["id"] not in self._flying][:free]:
            self._flying[row["id"]] = asyncio.create_task(self._deliver(client, row))

    def _pause(self) -> float:
        """Seconds until the next delivery is due, at most one."""
        row = self.world.store.db.execute(
            "SELECT min(due) FROM deliveries WHERE state='pending' AND due>?", (time.time(),)
        ).fetchone()
        return 1.0 if row[0] is None else min(1.0, max(0.0, row[0] - time.time()))

    async def _deliver(self, client: aiohttp.ClientSession, row: sqlite3.Row) -> None:
        try:
            headers = json.loads(row["headers"])
            signature = self._sign(row["shop"], row["body"], bool(headers.pop("_bad_signature", None)))
            outcome = await post(client, row["uri"], row["body"], headers | {"X-Shopify-Hmac-SHA256": signature})
            self._record(row, outcome, signature)
        finally:
            del self._flying[row["id"]]
            self.world.wake.set()

    def _sign(self, domain: str, body: bytes, bad: bool) -> str:
        shop = self.world.shop(domain)
        assert shop is not None
        return signing.webhook("not the secret" if bad else shop.client_secret, body)

    def _record(self, row: sqlite3.Row, outcome: Outcome, signature: str) -> None:
        tries, db = row["tries"] + 1, self.world.store.db
        failed = not outcome.ok and tries > len(BACKOFF)
        state = "delivered" if outcome.ok else "failed" if failed else "pending"
        due = row["due"] if state != "pending" else time.time() + BACKOFF[tries - 1] * self.policy.retry_scale
        with self.world.store.transaction():
            db.execute("UPDATE deliveries SET state=?, tries=?, due=? WHERE id=?", (state, tries, due, row["id"]))
            db.execute(
                "INSERT INTO attempts(delivery, at, status, ms, error, answer, signature) VALUES (?,?,?,?,?,?,?)",
                (row["id"], time.time(), outcome.status, outcome.ms, outcome.error, outcome.answer, signature),
            )
            if failed and self.policy.delete_failing and row["subscription"]:
                self.world.store.delete(row["shop"], "subscription", row["subscription"])


async def post(client: aiohttp.ClientSession, uri: str, body: bytes, headers: dict[str, str]) -> Outcome:
    """One try. Redirects are not followed: at Shopify they count as failures."""
    start = time.monotonic()
    try:
        async with client.post(uri, data=body, headers=headers, allow_redirects=False) as response:
            text = (await response.content.read(KEEP_ANSWER)).decode(errors="replace")
            return Outcome(response.status, _ms(start), None, text)
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        return Outcome(None, _ms(start), f"{type(error).__name__}: {error}".rstrip(": "))


def _ms(start: float) -> int:
    return round((time.monotonic() - start) * 1000)
