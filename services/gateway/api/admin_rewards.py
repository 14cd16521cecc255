"""Campaigns and what they gave."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, Field, model_validator

from services.gateway.api.admin_orders import Why
from services.gateway.api.common import ONE, READS, WRITES, PageOf, there
from services.gateway.auth import MarketerKey, OwnerKey, ViewerKey
from services.gateway.bodies import CampaignBody
from services.gateway.commands import Write
from services.gateway.gateway import Gw
from services.gateway.strict import Body
from services.rewards import views
from shared.contracts.rewards import (
    CampaignStatus,
    ChangeCampaign,
    GrantStatus,
    IssueGrant,
    Recipient,
    RevokeGrant,
    SetCampaign,
    Trigger,
)
from shared.pages import Paged

router = APIRouter(prefix="/v1/admin", tags=["Admin: rewards"])
CampaignId = Annotated[str, Path(max_length=64, examples=["cmp_01J9ZQ4Y3N8M5K7T2V6W1X0ABC"])]
GrantId = Annotated[str, Path(max_length=64, examples=["grt_k3v6q2xd7k3m5n2p4r6s8t0w1y"])]
_EXAMPLE = {
    "name": "Thank every sale",
    "title": {"en": "10% off your next order", "ru": "Скидка 10% на следующий заказ"},
    "trigger": "order_attributed",
    "condition": "order.total >= 20.0",
    "recipient": "buyer",
    "reward": {"kind": "percent", "value": "10", "valid_days": 30},
    "caps": {"total": 1000, "per_person": 1},
}


class ConditionField(BaseModel):
    """One thing a condition may ask."""

    path: str = Field(examples=["mention.sentiment"])
    type: str = Field(description="Its type in CEL.", examples=["double"])
    description: str = Field(examples=["How the author feels, -1 to 1."])


# -- campaigns ---------------------------------------------------------------------------------------------------
@router.get("/campaigns", responses=READS, summary="Campaigns", description="All of the brand's, the newest first.")
async def campaigns(
    who: ViewerKey,
    gateway: Gw,
    page: PageOf,
    status: Annotated[CampaignStatus | None, Query(description="Only in this state.")] = None,
    trigger: Annotated[Trigger | None, Query(description="Only on this trigger.")] = None,
) -> Paged[views.CampaignView]:
    return await views.campaigns(gateway.databases.rewards, who.brand_id, page, status=status, trigger=trigger)


@router.post(
    "/campaigns",
    status_code=201,
    response_model=views.CampaignView,
    responses=WRITES,
    summary="Create a campaign",
    description=(
        "What, for whom, when, how many, on what. The condition (CEL) is checked now; an error points at the spot."
    ),
    openapi_extra={"requestBody": {"content": {"application/json": {"example": _EXAMPLE}}}},
)
async def create_campaign(body: CampaignBody, who: MarketerKey, write: Write) -> Response:
    return await write(who, SetCampaign(brand_id=who.brand_id, campaign_id=write.new_id("cmp", who), terms=body))


@router.get(
    "/campaigns/{campaign_id}",
    responses=READS | ONE,
    summary="A campaign",
    description="With what it has given so far.",
)
async def campaign(campaign_id: CampaignId, who: ViewerKey, gateway: Gw) -> views.CampaignView:
    return there(await views.campaign(gateway.databases.rewards, who.brand_id, campaign_id), f"campaign {campaign_id}")


@router.put(
    "/campaigns/{campaign_id}",
    response_model=views.CampaignView,
    responses=WRITES | ONE,
    summary="Give a campaign new terms",
    description="A new version, for grants from now on; what was given keeps its terms.",
    openapi_extra={"requestBody": {"content": {"application/json": {"example": _EXAMPLE}}}},
)
async def set_campaign(
    campaign_id: CampaignId, body: CampaignBody, who: MarketerKey, write: Write, gateway: Gw
) -> Response:
    await campaign(campaign_id, who, gateway)
    return await write(who, SetCampaign(brand_id=who.brand_id, campaign_id=campaign_id, terms=body))


@router.post(
    "/campaigns/{campaign_id}/pause",
    response_model=views.CampaignView,
    responses=WRITES | ONE,
    summary="Pause a campaign",
    description="It gives nothing until resumed; what it gave stays good.",
)
async def pause(campaign_id: CampaignId, who: MarketerKey, write: Write) -> Response:
    return await write(who, ChangeCampaign(brand_id=who.brand_id, campaign_id=campaign_id, action="pause"))


@router.post(
    "/campaigns/{campaign_id}/resume",
    response_model=views.CampaignView,
    responses=WRITES | ONE,
    summary="Resume a campaign",
    description="It gives again, within its caps and window.",
)
async def resume(campaign_id: CampaignId, who: MarketerKey, write: Write) -> Response:
    return await write(who, ChangeCampaign(brand_id=who.brand_id, campaign_id=campaign_id, action="resume"))


@router.delete(
    "/campaigns/{campaign_id}",
    response_model=views.CampaignView,
    responses=WRITES | ONE,
    summary="Archive a campaign",
    description="For good. What it gave stays good.",
)
async def archive(campaign_id: CampaignId, who: MarketerKey, write: Write) -> Response:
    return await write(who, ChangeCampaign(brand_id=who.brand_id, campaign_id=campaign_id, action="archive"))


@router.post(
    "/campaigns/{campaign_id}/dry-run",
    responses=WRITES | ONE,
    summary="Would it give?",
    description=(
        "Tries the campaign without giving anything, and explains every check: the condition part by part, "
        "window, caps."
    ),
)
async def dry_run(
    campaign_id: CampaignId, who: ViewerKey, gateway: Gw, body: views.DryRunRequest | None = None
) -> views.DryRun:
    found = await views.dry_run(
        gateway.databases.rewards, who.brand_id, campaign_id, body or views.DryRunRequest.model_validate({})
    )
    return there(found, f"campaign {campaign_id}")


@router.get(
    "/conditions/{trigger}",
    responses=READS,
    summary="What a condition may ask",
    description="Every field of the trigger's context, with type and meaning.",
)
async def condition_fields(trigger: Trigger, who: ViewerKey) -> list[ConditionField]:
    return [ConditionField.model_validate(field.model_dump()) for field in views.condition_fields(trigger)]


# -- grants ------------------------------------------------------------------------------------------------------
class NewGrant(Body):
    """A reward by hand. Repeating it under the same `source_id` gives the same grant."""

    campaign_id: str = Field(max_length=64, description="A campaign with the trigger by_hand.")
    source_id: str | None = Field(
        None,
        min_length=1,
        max_length=200,
        description="Your name for this occasion; the request's own when left out.",
        examples=["fair-2026-anna"],
    )
    customer_id: str | None = Field(
        None, pattern=r"^[0-9]{1,20}$", description="Shopify customer id.", examples=["7001"]
    )
    ambassador_id: str | None = Field(None, max_length=64)
    language: str = Field("en", pattern="^[a-z]{2}$")
    note: str | None = Field(None, max_length=500)

    @model_validator(mode="after")
    def _somebody(self) -> "NewGrant":
        if not (self.customer_id or self.ambassador_id):
            raise ValueError("give customer_id or ambassador_id")
        return self

    @property
    def recipient(self) -> Recipient:
        key = f"customer:{self.customer_id}" if self.customer_id else f"ambassador:{self.ambassador_id}"
        return Recipient(
            key=key, customer_id=self.customer_id, ambassador_id=self.ambassador_id, language=self.language
        )


@router.get("/grants", responses=READS, summary="Grants", description="The newest first.")
async def grants(
    who: ViewerKey,
    gateway: Gw,
    page: PageOf,
    campaign_id: Annotated[str | None, Query(max_length=64)] = None,
    status: Annotated[GrantStatus | None, Query(description="Only in this state.")] = None,
    trigger: Annotated[Trigger | None, Query()] = None,
    source_id: Annotated[
        str | None, Query(max_length=200, description="Only of this order, mention or occasion.")
    ] = None,
    customer_id: Annotated[str | None, Query(max_length=64)] = None,
    ambassador_id: Annotated[str | None, Query(max_length=64)] = None,
    code: Annotated[str | None, Query(max_length=100, description="With this code, whatever its case.")] = None,
) -> Paged[views.GrantView]:
    return await views.grants(
        gateway.databases.rewards,
        who.brand_id,
        page,
        campaign_id=campaign_id,
        status=status,
        trigger=trigger,
        source_id=source_id,
        customer_id=customer_id,
        ambassador_id=ambassador_id,
        code=code,
    )


@router.get(
    "/grants/{grant_id}",
    responses=READS | ONE,
    summary="A grant",
    description="What was given, to whom, why, and what became of it.",
)
async def grant(grant_id: GrantId, who: ViewerKey, gateway: Gw) -> views.GrantView:
    return there(await views.grant(gateway.databases.rewards, who.brand_id, grant_id), f"grant {grant_id}")


@router.post(
    "/grants",
    status_code=201,
    response_model=views.GrantView,
    responses=WRITES | ONE,
    summary="Give a reward by hand",
    description="Within the campaign's caps; the same `source_id` again answers the same grant.",
)
async def give(body: NewGrant, who: MarketerKey, write: Write) -> Response:
    command = IssueGrant(
        brand_id=who.brand_id,
        campaign_id=body.campaign_id,
        source_id=body.source_id or write.command_id(who),
        trigger="by_hand",
        recipient=body.recipient,
        at=datetime.now(UTC),
        note=body.note,
    )
    return await write(who, command)


@router.post(
    "/grants/{grant_id}/revoke",
    response_model=views.GrantView,
    responses=WRITES | ONE,
    summary="Take a grant back",
    description="Its code is deactivated at Shopify. A redeemed or expired one is refused.",
)
async def revoke(grant_id: GrantId, body: Why, who: OwnerKey, write: Write, gateway: Gw) -> Response:
    found = await grant(grant_id, who, gateway)
    command = RevokeGrant(brand_id=who.brand_id, campaign_id=found.campaign_id, grant_id=grant_id, reason=body.reason)
    return await write(who, command)
