"""Orders: from a webhook to facts, from facts to an attribution, and on to the ambassador's ledger.

An order's document is written by the order's partition alone, a customer's by the customer's; they tell each other by
messages, so that orders of one buyer may arrive in any sequence and still be bound to the first one's ambassador.
"""

from services.ambassadors.handling import handlers
from services.ambassadors.orders.deciding import decide, question, value
from services.ambassadors.orders.joining import join
from services.ambassadors.orders.models import Customer, CustomerOrder, Noted, Order
from services.ambassadors.orders.payloads import TOPICS, read_order
from services.ambassadors.orders.telling import announce, settle
from services.ambassadors.repository import customer_key, named_by, order_key, standing_of, touches_and_people
from shared.brands import Brand
from shared.contracts.ambassadors import ApplyStanding, CustomerStanding, NoteCustomerOrder, RecordOrder
from shared.contracts.ingress import IngressHeader
from shared.records import IngressRecord, Meta
from shared.topics import Topic
from shared.unit_of_work import UnitOfWork

NO_CURRENCY = "XXX"  # ISO 4217 for "none": a payload without one, of a brand not heard of yet


@handlers.ingress(Topic.INGRESS_SHOPIFY)
async def hear(record: IngressRecord, uow: UnitOfWork) -> None:
    """Hand the facts of an order webhook to the order's owner."""
    topic = record.headers.get(IngressHeader.SHOPIFY_TOPIC, "")
    if topic not in TOPICS:
        return
    brand = await uow.get(Brand, record.brand_id)
    currency = brand.profile.currency if brand else NO_CURRENCY
    order_id, facts = read_order(topic, record.body, record.meta.at, currency)
    uow.emit(RecordOrder(brand_id=record.brand_id, order_id=order_id, facts=facts))


@handlers.on(RecordOrder, prefetch=named_by)
async def record_order(message: RecordOrder, uow: UnitOfWork, meta: Meta) -> None:
    """Join the facts to what is known; go on when they say something new."""
    order = await _order(uow, message.brand_id, message.order_id)
    facts = join(order.facts, message.facts)
    if facts == order.facts:
        return
    heard = order.model_copy(update={"facts": facts})
    if question(heard) != question(order):
        heard = heard.model_copy(update={"standing": await standing_of(uow, heard)})
    await _conclude(uow, order, heard)


@handlers.on(ApplyStanding, prefetch=lambda m: [(Order, order_key(m.brand_id, m.order_id))])
async def apply_standing(message: ApplyStanding, uow: UnitOfWork, meta: Meta) -> None:
    """The buyer's earlier orders mean something else now. Of no concern once the order is somebody else's."""
    order = await _order(uow, message.brand_id, message.order_id)
    evidence = order.facts.evidence
    if evidence is None or evidence.customer_id != message.customer_id or order.standing == message.standing:
        return
    await _conclude(uow, order, order.model_copy(update={"standing": message.standing}))


async def _order(uow: UnitOfWork, brand_id: str, order_id: str) -> Order:
    key = order_key(brand_id, order_id)
    return await uow.get(Order, key) or Order(id=key, brand_id=brand_id, order_id=order_id)


async def _conclude(uow: UnitOfWork, before: Order, heard: Order) -> None:
    """Answer the question of the order's origin if it changed, value the order, and tell whom it concerns."""
    after = heard
    if after.facts.evidence and (before.verdict is None or question(after) != question(before)):
        after = decide(after, *await touches_and_people(uow, after))
    after = value(after).model_copy(update={"revision": before.revision + 1})
    if after.verdict:
        after = settle(uow, _note(uow, after))
        after = announce(uow, before, after)
    uow.save(after)


def _note(uow: UnitOfWork, order: Order) -> Order:
    """Tell the buyer's owner of the order, and a former buyer's that it is none of theirs."""
    evidence = order.facts.evidence
    known, noted = order.noted, None
    if evidence and evidence.customer_id and not order.facts.test:
        noted = Noted(customer_id=evidence.customer_id, ordered_at=evidence.ordered_at, ambassador_id=order.credited)
    if noted == known:
        return order
    if known and (noted is None or noted.customer_id != known.customer_id):
        uow.emit(_about(order, known.customer_id, None))
    if noted:
        uow.emit(_about(order, noted.customer_id, noted))
    return order.model_copy(update={"noted": noted})


def _about(order: Order, customer_id: str, noted: Noted | None) -> NoteCustomerOrder:
    return NoteCustomerOrder(
        brand_id=order.brand_id, customer_id=customer_id, order_id=order.order_id, seen=order.standing,
        ordered_at=noted.ordered_at if noted else None, ambassador_id=noted.ambassador_id if noted else None,
    )  # fmt: skip


@handlers.on(NoteCustomerOrder, prefetch=lambda m: [(Customer, customer_key(m.brand_id, m.customer_id))])
async def note_customer_order(message: NoteCustomerOrder, uow: UnitOfWork, meta: Meta) -> None:
    """Keep a customer's orders, and tell each of them what the earlier ones mean when that has changed."""
    key = customer_key(message.brand_id, message.customer_id)
    customer = await uow.get(Customer, key) or Customer(
        id=key, brand_id=message.brand_id, customer_id=message.customer_id
    )
    orders = {id: order for id, order in customer.orders.items() if id != message.order_id}
    if message.ordered_at:
        orders[message.order_id] = CustomerOrder(
            ordered_at=message.ordered_at, ambassador_id=message.ambassador_id, told=message.seen
        )
    uow.save(_told(uow, customer.model_copy(update={"orders": orders})))


def _told(uow: UnitOfWork, customer: Customer) -> Customer:
    orders = dict(customer.orders)
    for id, order in customer.orders.items():
        standing = customer.standing(id, order.ordered_at)
        if standing != order.told:
            uow.emit(_standing(customer, id, standing))
            orders[id] = order.model_copy(update={"told": standing})
    return customer.model_copy(update={"orders": orders})


def _standing(customer: Customer, order_id: str, standing: CustomerStanding) -> ApplyStanding:
    return ApplyStanding(
        brand_id=customer.brand_id, order_id=order_id, customer_id=customer.customer_id, standing=standing
    )
