"""Load that keeps a log of everything Vouch accepted, and a checker that replays the log against what Vouch says now.

Senders behave as senders do: whatever is not answered 2xx is sent again, with the same identity.
"""

import json
import random
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal

import httpx
from pymongo import MongoClient
from standardwebhooks.webhooks import Webhook

from tests.live import Json, LiveStack, eventually

CENT = Decimal("0.01")


@dataclass
class Accepted:
    """What Vouch said yes to."""

    mentions: list[str] = field(default_factory=list)
    orders: list[Json] = field(default_factory=list)
    refunded: set[str] = field(default_factory=set)
    people: dict[str, str] = field(default_factory=dict)
    refusals: list[str] = field(default_factory=list)


class Load:
    """Three senders until `stop` is called: a network, a shop with buyers, a marketer."""

    def __init__(self, live: LiveStack, seed: int = 1) -> None:
        self.live, self.log = live, Accepted()
        self._random = random.Random(seed)
        self._variants = live.variants()
        self.program, self.ambassador = _flat_programme(live)
        self._stopping = threading.Event()
        senders = (self._mention, self._order, self._person)
        self._threads = [threading.Thread(target=self._send, args=(sender,), daemon=True) for sender in senders]

    def start(self) -> None:
        self.live.devstore.put("/_dev/webhooks", json={"retry_scale": 0.002})
        for thread in self._threads:
            thread.start()

    def stop(self) -> Accepted:
        """Let every sender finish what it has begun."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(120)
            assert not thread.is_alive(), "a sender never got its answer"
        return self.log

    def _send(self, sender: Callable[[], None]) -> None:
        while not self._stopping.is_set():
            sender()
            time.sleep(0.2)

    def _until_accepted(
        self, path: str, content: bytes, headers: dict[str, str], client: httpx.Client
    ) -> httpx.Response:
        """Send until 2xx, as the sender of a webhook or a person with an Idempotency-Key would."""
        for _ in range(600):
            try:
                answer = client.post(path, content=content, headers=headers)
                if answer.is_success:
                    return answer
                if answer.status_code not in {409, 429, 503}:
                    self.log.refusals.append(f"{path}: {answer.status_code} {answer.text[:300]}")
            except httpx.TransportError:
                pass
            time.sleep(0.2)
        raise AssertionError(f"{path} was never accepted")

    def _mention(self) -> None:
        facts = self.live.facts["connections"]["inbound"]
        identity = uuid.uuid4().hex
        now = datetime.now(UTC)
        body = json.dumps(
            {
                "external_id": identity, "kind": "comment", "text": f"Love this coffee! {identity[:6]}",
                "author": {"id": identity[:4], "handle": identity[:4]}, "posted_at": now.isoformat(),
            }
        )  # fmt: skip
        signature = Webhook(facts["secret"]).sign(identity, now, body)
        headers = {
            "webhook-id": identity,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": signature,
        }
        for _ in range(self._random.choice((1, 1, 3))):  # networks repeat themselves
            self._until_accepted(f"/webhooks/inbound/{facts['id']}", body.encode(), headers, self.live.door)
        self.log.mentions.append(identity)

    def _order(self) -> None:
        lines = [
            {"variant_id": self._random.choice(self._variants)["id"], "quantity": self._random.randint(1, 3)}
            for _ in range(self._random.randint(1, 3))
        ]
        buyer = {"email": f"{uuid.uuid4().hex}@example.com"}
        sold = self.live.buy(lines=lines, customer=buyer, landing_site=f"/?ref={self.ambassador['code']}")
        self.log.orders.append(sold["order"])
        if self._random.random() < 0.2:
            self.live.order(sold["order"]["id"], "refund")
            self.log.refunded.add(str(sold["order"]["id"]))

    def _person(self) -> None:
        key = uuid.uuid4().hex
        body = json.dumps({"program_id": self.program, "name": f"Chaos {key}", "email": f"{key}@example.com"}).encode()
        headers = {"Idempotency-Key": key, "Content-Type": "application/json"}
        for _ in range(self._random.choice((1, 2))):  # people press twice
            self._until_accepted("/v1/admin/ambassadors", body, headers, self.live.admin)
        self.log.people[key] = f"Chaos {key}"
        time.sleep(0.2)


def _flat_programme(live: LiveStack) -> tuple[str, Json]:
    """A programme that pays ten percent whatever happens, and its one ambassador, active, with a token."""
    terms = {"commission": {"kind": "percent", "value": "10"}}
    program = live.post("/v1/admin/programs", {"name": "Flat", "terms": terms})["id"]
    person = live.post("/v1/admin/ambassadors", {"program_id": program, "name": "Marathon", "code": "MARATHON"})
    live.post(f"/v1/admin/ambassadors/{person['id']}/approve")
    token = live.post(f"/v1/admin/ambassadors/{person['id']}/token")["token"]
    return program, {"id": person["id"], "code": "MARATHON", "token": token}


def commission_of(order: Json) -> Decimal:
    """What ten percent of an order is, reckoned from its payload alone: plain, and not by Vouch's own code."""
    total = Decimal(0)
    for line in order["line_items"]:
        if line["gift_card"]:
            continue  # earns nothing
        paid = Decimal(line["price"]) * line["quantity"]
        paid -= sum((Decimal(part["amount"]) for part in line["discount_allocations"]), Decimal(0))
        if order["taxes_included"]:
            paid -= sum((Decimal(tax["price"]) for tax in line["tax_lines"]), Decimal(0))
        total += (paid / 10).quantize(CENT, ROUND_HALF_UP)
    return total


def check(live: LiveStack, log: Accepted, ambassador: Json, *, seconds: float = 120) -> None:
    """Everything accepted had its effect exactly once, and the books agree with a replay of the log."""
    assert log.refusals == []
    eventually(lambda: settled(live, log), "everything handled and published", seconds)
    heard = [mention["external_id"] for mention in live.everything("/v1/admin/mentions", network="inbound")]
    assert sorted(heard) == sorted(log.mentions), "mentions lost or doubled"
    names = [
        person["name"] for person in live.everything("/v1/admin/ambassadors") if person["name"].startswith("Chaos ")
    ]
    assert sorted(names) == sorted(log.people.values()), "commands lost or doubled"
    books(live, log, ambassador)
    codes(live, log)
    assert live.everything("/v1/admin/dead-letters") == []


def settled(live: LiveStack, log: Accepted) -> bool:
    """Nothing waits anywhere: no outbox, no spool, no effect; every order and refund is in the ledger."""
    left = waiting(live)
    if any(left.values()):
        print("waits for", {place: count for place, count in left.items() if count}, flush=True)
        time.sleep(1)
        return False
    rows = live.everything("/v1/admin/commissions")
    refunded = {str(row["order_id"]) for row in rows if row["status"] == "refunded"}
    issued = [grant for grant in live.everything("/v1/admin/grants") if grant["status"] == "issued"]
    heard = live.everything("/v1/admin/mentions", network="inbound")
    counts = {
        "orders": len(log.orders) - len(rows),
        "refunds": len(log.refunded & {str(order["id"]) for order in log.orders if commission_of(order)} - refunded),
        "grants": len(log.orders) - len(issued),
        "mentions": len(log.mentions) - len(heard),
    }
    if any(count > 0 for count in counts.values()):
        print("still missing", counts, flush=True)
        time.sleep(1)
        return False
    return True


def waiting(live: LiveStack) -> dict[str, int]:
    """What is committed but not yet out, by place."""
    with MongoClient[Json](live.facts["mongo_uri"]) as client:
        return {
            f"{name}.{kind}": client[name][kind].count_documents(filter)
            for name in client.list_database_names()
            if name.startswith("vouch_")
            for kind, filter in WAITING.items()
        }


WAITING: dict[str, Json] = {
    "outbox": {},
    "spool": {},
    "effects": {"state": {"$ne": "done"}, "kind": {"$in": ["create_code"]}},
}


def books(live: LiveStack, log: Accepted, ambassador: Json) -> None:
    """Receipts, ledger and stats say the same as the orders themselves."""
    expected = {
        str(order["id"]): Decimal(0) if str(order["id"]) in log.refunded else commission_of(order)
        for order in log.orders
    }
    rows = live.everything("/v1/admin/commissions")
    assert sorted(str(row["order_id"]) for row in rows) == sorted(expected), "commissions lost or doubled"
    booked = {str(row["order_id"]): Decimal(row["amount"]["amount"]) for row in rows}
    wrong = {order: (booked[order], amount) for order, amount in expected.items() if booked[order] != amount}
    assert not wrong, f"booked and expected differ: {wrong}"
    stats = live.door.get("/v1/me/stats", headers={"Authorization": f"Bearer {ambassador['token']}"}).json()
    assert Decimal(stats["commission"]["pending"]["amount"]) == sum(expected.values(), Decimal(0))
    assert stats["orders"] == len(log.orders)


def codes(live: LiveStack, log: Accepted) -> None:
    """Every grant has one code at the shop, and the shop has none that no grant knows."""
    issued = [grant["code"] for grant in live.everything("/v1/admin/grants") if grant["status"] == "issued"]
    assert len(set(issued)) == len(issued)
    at_shop = [entry["code"] for entry in live.devstore.get(f"/_dev/shops/{live.shop}/codes").json()["data"]]
    ours = [code for code in at_shop if code != live.facts["ambassador"]["code"]]
    assert sorted(ours) == sorted(issued), "codes at the shop and grants differ"
