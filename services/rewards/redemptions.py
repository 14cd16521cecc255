"""Orders that use codes. The order's partition knows the order; the campaign's partition keeps its grants.

So this side states, per grant, whether the order uses it now, with a revision that grows; the other side believes the
newest. Webhooks may come late, twice and in any order.
"""

from services.rewards.codes import normalised
from services.rewards.handlers import handlers
from services.rewards.models import CodeUse, Grant, OrderUse
from services.rewards.orders import (
    ORDER_TOPICS,
    REFUND_TOPIC,
    codes_of,
    counts,
    parsed,
    refund_of,
    refunds_of,
    snapshot_of,
    with_refunds,
    with_snapshot,
)
from services.rewards.repository import grants_with_codes, order_use
from shared.contracts.ingress import IngressHeader
from shared.contracts.rewards import SettleRedemption
from shared.errors import Permanent
from shared.money import Money
from shared.records import IngressRecord
from shared.topics import Topic
from shared.unit_of_work import UnitOfWork


@handlers.ingress(Topic.INGRESS_SHOPIFY)
async def hear_shop(record: IngressRecord, uow: UnitOfWork) -> None:
    """An order or refund webhook; others are not for rewards."""
    topic = record.headers.get(IngressHeader.SHOPIFY_TOPIC, "")
    if topic in ORDER_TOPICS:
        payload = parsed(record.body)
        snapshot = snapshot_of(payload)
        known = await order_use(uow, record.brand_id, snapshot.order_id)
        await _settle(uow, known, with_refunds(with_snapshot(known, snapshot), refunds_of(payload)))
    elif topic == REFUND_TOPIC:
        payload = parsed(record.body)
        if payload.get("order_id") is None:
            raise Permanent("a refund without order_id")
        known = await order_use(uow, record.brand_id, str(payload["order_id"]))
        await _settle(uow, known, with_refunds(known, [refund_of(payload)]))


async def _settle(uow: UnitOfWork, known: OrderUse, order: OrderUse) -> None:
    """Keep the order's facts and tell each grant's campaign what changed for it."""
    codes = codes_of(order)
    named = {grant.id: grant for grant in await grants_with_codes(uow, order.brand_id, codes)}
    told = {**dict.fromkeys(order.told, False), **dict.fromkeys(named, True)}
    now = {id: on_order and counts(order) for id, on_order in told.items()}
    news = {id: used for id, used in now.items() if order.told.get(id, False) != used}
    if not news:
        if order != known:
            uow.save(order)
        return
    order = order.model_copy(update={"told": {**order.told, **news}, "revision": order.revision + 1})
    uow.save(order)
    others = await uow.get_many(Grant, [id for id in news if id not in named])
    for id, used in news.items():
        grant = named.get(id) or others[id]
        uow.emit(_settlement(order, grant, used, codes.get(normalised(grant.code))))


def _settlement(order: OrderUse, grant: Grant, used: bool, use: CodeUse | None) -> SettleRedemption:
    snapshot = order.snapshot
    assert snapshot  # a code is known from a snapshot only
    amount = use.amount if use and used else None
    return SettleRedemption(
        brand_id=order.brand_id,
        campaign_id=grant.campaign_id,
        grant_id=grant.id,
        order_id=order.order_id,
        revision=order.revision,
        used=used,
        at=snapshot.created_at,
        discount=Money.of(amount, snapshot.currency) if amount is not None and snapshot.currency else None,
    )
