"""The service's handlers over plain dictionaries: messages wait in a queue per key, delivered in any interleaving."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from copy import deepcopy
from datetime import UTC, datetime
from random import Random
from typing import Any, cast

from services.ambassadors.app import app
from services.ambassadors.handling import handlers
from services.ambassadors.ledger.models import Commission, LedgerEntry
from services.ambassadors.orders.models import Order
from shared.contracts.base import Command, Event, Message
from shared.contracts.ingress import IngressHeader
from shared.documents import Document
from shared.errors import Reply
from shared.records import IngressRecord, Meta
from shared.topics import Topic
from shared.unit_of_work import UnitOfWork

BRAND = "brd_1"
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
assert app.handlers is handlers


class Store(UnitOfWork):
    """A unit of work without a database: every record is its own batch. Documents pass through their stored form."""

    def __init__(self) -> None:  # no database, no session
        self.now = NOW
        self.rows: dict[str, dict[str, dict[str, Any]]] = defaultdict(dict)
        self.sums: dict[tuple[str, str], dict[str, int]] = defaultdict(lambda: defaultdict(int))
        self.sent: list[Message] = []
        self.effects: dict[str, tuple[str, dict[str, Any]]] = {}

    async def get(self, model: type[Any], id: str) -> Any:
        row = self.rows[model.collection].get(id)
        return model.load(deepcopy(row)) if row else None

    async def get_many(self, model: type[Any], ids: Iterable[str]) -> dict[str, Any]:
        found = {id: await self.get(model, id) for id in ids}
        return {id: document for id, document in found.items() if document}

    async def find(self, model: type[Any], filter: Mapping[str, Any], **_: Any) -> list[Any]:
        raise NotImplementedError("queries are MongoDB's: see the integration tests")

    def save(self, document: Document) -> None:
        raw = document.dump()
        self.rows[document.collection][raw["_id"]] = raw

    def delete(self, model: type[Document], id: str) -> None:
        self.rows[model.collection].pop(id, None)

    def increment(self, model: type[Document], id: str, inc: Mapping[str, int], on_insert: Mapping[str, Any]) -> None:
        for name, amount in inc.items():
            self.sums[(model.collection, id)][name] += amount

    def emit(self, message: Message, *, extra: Any = None) -> None:
        self.sent.append(message)

    def effect(self, kind: str, effect_id: str, brand_id: str, payload: dict[str, Any], **_: Any) -> None:
        self.effects[effect_id] = (kind, payload)

    def all(self, model: type[Any]) -> list[Any]:
        return [model.load(deepcopy(row)) for row in self.rows[model.collection].values()]


class World:
    """A brand's ambassadors service in memory."""

    def __init__(self, seed: int = 0) -> None:
        self.store = Store()
        self.random = Random(seed)
        self.queues: dict[str, list[Message]] = defaultdict(list)
        self.events: list[Event] = []

    async def do(self, command: Command, actor: str = "key:key_1") -> Reply | None:
        """Handle a command and all that follows from it."""
        reply = await self._handle(command, actor)
        await self.settle()
        return reply

    async def webhook(self, topic: str, body: bytes) -> None:
        """An order webhook reaches the service; what follows waits in the queues."""
        headers = {IngressHeader.SHOPIFY_TOPIC.value: topic}
        await handlers.ingress_routes[Topic.INGRESS_SHOPIFY](IngressRecord(body, headers, BRAND, _meta("")), self.store)
        self._route()

    async def settle(self) -> None:
        """Deliver until nothing waits: in order per key, in any order between keys."""
        while waiting := sorted(key for key, queue in self.queues.items() if queue):
            await self._handle(self.queues[self.random.choice(waiting)].pop(0), "system")

    async def step(self) -> None:
        """Deliver one waiting message."""
        if waiting := sorted(key for key, queue in self.queues.items() if queue):
            await self._handle(self.queues[self.random.choice(waiting)].pop(0), "system")

    async def _handle(self, message: Message, actor: str) -> Reply | None:
        reply = await handlers.routes[type(message).__name__].handle(message, self.store, _meta(actor))
        self._route()
        return reply

    def _route(self) -> None:
        for message in self.store.sent:
            if isinstance(message, Event):
                self.events.append(message)
            else:
                self.queues[message.key].append(message)
        self.store.sent.clear()

    def said(self, event: type[Event]) -> list[Any]:
        return [message for message in self.events if isinstance(message, event)]

    def order(self, order_id: int = 5500001) -> Order:
        orders = cast("list[Order]", self.store.all(Order))
        return next(order for order in orders if order.order_id == str(order_id))

    def commissions(self) -> list[Commission]:
        return cast("list[Commission]", self.store.all(Commission))

    def ledger(self) -> list[LedgerEntry]:
        return cast("list[LedgerEntry]", self.store.all(LedgerEntry))


def _meta(actor: str) -> Meta:
    return Meta("", "cmd_1", BRAND, NOW, "c", actor, "", 0, 0)
