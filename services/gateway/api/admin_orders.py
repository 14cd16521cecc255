"""Orders, whose they are and why; what they earned."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from pydantic import Field

from services.ambassadors import views
from services.gateway.api.common import ONE, READS, WRITES, PageOf, Since, Until, there
from services.gateway.auth import MarketerKey, OwnerKey, ViewerKey
from services.gateway.commands import Write
from services.gateway.gateway import Gateway, Gw
from services.gateway.strict import Body
from shared.contracts.ambassadors import CommissionStatus, HoldCommission, ReleaseCommission, VoidCommission
from shared.pages import Paged

router = APIRouter(prefix="/v1/admin", tags=["Admin: orders and commissions"])
CommissionId = Annotated[str, Path(max_length=64, examples=["com_k3v6wq2e7yfh5n4xjz1m8d0rbt"])]
AmbassadorQuery = Annotated[str | None, Query(max_length=64, description="Only this ambassador's.")]


class Why(Body):
    """Why, for the audit log and for the ambassador."""

    reason: str = Field(min_length=1, max_length=500, examples=["Bought by the same household"])


@router.get("/orders", responses=READS, summary="Orders", description="Orders heard of, the newest first.")
async def orders(
    who: ViewerKey,
    gateway: Gw,
    page: PageOf,
    ambassador_id: AmbassadorQuery = None,
    attributed: Annotated[bool | None, Query(description="Only those that are, or are not, an ambassador's.")] = None,
    since: Since = None,
    until: Until = None,
) -> Paged[views.OrderView]:
    return await views.orders(
        gateway.databases.ambassadors,
        who.brand_id,
        page,
        ambassador_id=ambassador_id,
        attributed=attributed,
        since=since,
        until=until,
    )


@router.get(
    "/orders/{order_id}/attribution",
    responses=READS | ONE,
    summary="An order's receipt",
    description=(
        "Whose the order is and why: every candidate, its time, what accepted or refused it, the terms' "
        "version, the amounts."
    ),
)
async def attribution(
    order_id: Annotated[str, Path(max_length=64, description="Shopify's order number.", examples=["5500001"])],
    who: ViewerKey,
    gateway: Gw,
) -> views.Receipt:
    return there(await views.receipt(gateway.databases.ambassadors, who.brand_id, order_id), f"order {order_id}")


@router.get(
    "/commissions", responses=READS, summary="Commissions", description="By the time of their orders, the newest first."
)
async def commissions(
    who: ViewerKey,
    gateway: Gw,
    page: PageOf,
    ambassador_id: AmbassadorQuery = None,
    status: Annotated[CommissionStatus | None, Query(description="Only in this state.")] = None,
    order_id: Annotated[str | None, Query(max_length=64)] = None,
) -> Paged[views.CommissionView]:
    return await views.commissions(
        gateway.databases.ambassadors, who.brand_id, page, ambassador_id=ambassador_id, status=status, order_id=order_id
    )


async def _owner_of(gateway: Gateway, brand_id: str, commission_id: str) -> str:
    found = await views.commission(gateway.databases.ambassadors, brand_id, commission_id)
    return there(found, f"commission {commission_id}").ambassador_id


@router.get(
    "/commissions/{commission_id}",
    responses=READS | ONE,
    summary="A commission",
    description="What an ambassador earns of one order.",
)
async def commission(commission_id: CommissionId, who: ViewerKey, gateway: Gw) -> views.CommissionView:
    return there(
        await views.commission(gateway.databases.ambassadors, who.brand_id, commission_id),
        f"commission {commission_id}",
    )


@router.post(
    "/commissions/{commission_id}/hold",
    response_model=views.CommissionView,
    responses=WRITES | ONE,
    summary="Hold a commission",
    description="It isn't approved until somebody releases it.",
)
async def hold(commission_id: CommissionId, body: Why, who: MarketerKey, write: Write, gateway: Gw) -> Response:
    ambassador_id = await _owner_of(gateway, who.brand_id, commission_id)
    return await write(
        who,
        HoldCommission(
            brand_id=who.brand_id, ambassador_id=ambassador_id, commission_id=commission_id, reason=body.reason
        ),
    )


@router.post(
    "/commissions/{commission_id}/release",
    response_model=views.CommissionView,
    responses=WRITES | ONE,
    summary="Release a held commission",
    description="Whatever held it, it goes on.",
)
async def release(commission_id: CommissionId, who: MarketerKey, write: Write, gateway: Gw) -> Response:
    ambassador_id = await _owner_of(gateway, who.brand_id, commission_id)
    return await write(
        who, ReleaseCommission(brand_id=who.brand_id, ambassador_id=ambassador_id, commission_id=commission_id)
    )


@router.post(
    "/commissions/{commission_id}/void",
    response_model=views.CommissionView,
    responses=WRITES | ONE,
    summary="Void a commission",
    description="Takes it away, with the reason. A paid one is refused.",
)
async def void(commission_id: CommissionId, body: Why, who: OwnerKey, write: Write, gateway: Gw) -> Response:
    ambassador_id = await _owner_of(gateway, who.brand_id, commission_id)
    return await write(
        who,
        VoidCommission(
            brand_id=who.brand_id, ambassador_id=ambassador_id, commission_id=commission_id, reason=body.reason
        ),
    )
