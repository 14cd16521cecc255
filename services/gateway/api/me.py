"""An ambassador's own endpoints. The token says who; nothing in a path or body can make it somebody else."""

from typing import Annotated

import segno
from fastapi import APIRouter, Path, Response
from pydantic import BaseModel, Field

from services.ambassadors import views
from services.gateway.api.admin_ambassadors import person_of
from services.gateway.api.common import ONE, READS, WRITES, PageOf, Since, Until, there
from services.gateway.auth import Ambassador, Principal
from services.gateway.commands import Write
from services.gateway.gateway import Gateway, Gw
from services.gateway.strict import Body
from services.rewards import views as rewards
from shared.contracts.ambassadors import NetworkAccount, ProfileChanges, UpdateAmbassador
from shared.contracts.rewards import ClaimGrant
from shared.pages import Paged
from shared.problems import ProblemError

router = APIRouter(prefix="/v1/me", tags=["Me (ambassador)"])
GrantId = Annotated[str, Path(max_length=64, examples=["grt_k3v6q2xd7k3m5n2p4r6s8t0w1y"])]


class Me(BaseModel):
    """The ambassador as they see themselves."""

    id: str = Field(examples=["amb_01J9ZQ4Y3N8M5K7T2V6W1X0ABC"])
    brand: str = Field(examples=["Northwind Coffee"])
    status: str = Field(examples=["active"])
    name: str = Field(examples=["Anna Petrova"])
    email: str | None
    language: str = Field(examples=["ru"])
    accounts: list[NetworkAccount]
    code: str = Field(examples=["ANNA"])
    link: str = Field(examples=["https://go.example/r/ANNA"])
    tier: str | None = Field(examples=["gold"])


class MePatch(Body):
    """What a person may change of themselves. Left out (or null) stays; an empty e-mail empties it."""

    name: str | None = Field(None, min_length=1, max_length=200)
    email: str | None = Field(None, max_length=320, pattern=r"^([^@\s]+@[^@\s]+)?$")
    language: str | None = Field(None, pattern="^[a-z]{2}$")


class MyLink(views.LinkView):
    """A link to share, also as a QR code."""

    qr_svg: str = Field(description="The link as a QR code (SVG).", examples=["<svg …"])


def _me(gateway: Gateway, person: views.AmbassadorView, brand_id: str) -> Me:
    brand = gateway.directory.brand(brand_id)
    shown = person.model_dump(include=set(Me.model_fields))
    return Me(**shown, brand=brand.profile.name if brand else "", link=gateway.link_of(person.id, person.code))


async def _self(gateway: Gateway, who: Principal) -> views.AmbassadorView:
    return await person_of(gateway, who.brand_id, who.id)


@router.get("", responses=READS | ONE, summary="Me", description="Profile, code and link.")
async def me(who: Ambassador, gateway: Gw) -> Me:
    return _me(gateway, await _self(gateway, who), who.brand_id)


@router.patch(
    "", response_model=Me, responses=WRITES | ONE, summary="Change my profile", description="Left-out fields stay."
)
async def change_me(body: MePatch, who: Ambassador, write: Write, gateway: Gw) -> Response:
    changes = ProfileChanges.model_validate(body.model_dump(exclude_unset=True))
    command = UpdateAmbassador(brand_id=who.brand_id, ambassador_id=who.id, changes=changes)
    return await write(
        who,
        command,
        shape=lambda changed: _me(gateway, views.AmbassadorView.model_validate(changed), who.brand_id).model_dump(
            mode="json"
        ),
    )


@router.get(
    "/stats",
    responses=READS,
    summary="My numbers",
    description=(
        "Clicks, orders, conversion, revenue, commission by state, balance, the tier and what is missing to "
        "the next, as a series too. "
        "The last 30 days by default; exact against the ledger."
    ),
)
async def stats(
    who: Ambassador, gateway: Gw, since: Since = None, until: Until = None, bucket: views.Bucket = "day"
) -> views.Stats:
    db = gateway.databases.ambassadors
    return await views.stats(db, who.brand_id, ambassador_id=who.id, since=since, until=until, bucket=bucket)


@router.get("/orders", responses=READS, summary="My orders", description="The newest first; nothing of the buyers.")
async def orders(who: Ambassador, gateway: Gw, page: PageOf) -> Paged[views.MyOrder]:
    return await views.my_orders(gateway.databases.ambassadors, who.brand_id, who.id, page)


@router.get(
    "/commissions",
    responses=READS,
    summary="My commissions",
    description="By the time of their orders, the newest first.",
)
async def commissions(who: Ambassador, gateway: Gw, page: PageOf) -> Paged[views.CommissionView]:
    return await views.commissions(gateway.databases.ambassadors, who.brand_id, page, ambassador_id=who.id)


@router.get(
    "/links",
    responses=READS | ONE,
    summary="My links",
    description="The present one first; former codes go on working.",
)
async def links(who: Ambassador, gateway: Gw) -> list[MyLink]:
    await _self(gateway, who)
    found = await views.links(gateway.databases.ambassadors, who.brand_id, who.id, gateway.settings.public_url)
    return [_my_link(link, gateway.link_of(who.id, link.code)) for link in found]


def _my_link(link: views.LinkView, url: str) -> MyLink:
    qr = segno.make(url, error="m").svg_inline(scale=4, border=2)
    return MyLink(code=link.code, url=url, present=link.present, qr_svg=qr)


@router.get("/rewards", responses=READS, summary="My rewards", description="What I have, and what waits to be claimed.")
async def my_rewards(who: Ambassador, gateway: Gw, page: PageOf) -> Paged[rewards.GrantView]:
    return await rewards.rewards_of_ambassador(gateway.databases.rewards, who.brand_id, who.id, page)


@router.post(
    "/rewards/{grant_id}/claim",
    response_model=rewards.GrantView,
    responses=WRITES | ONE,
    summary="Claim a reward",
    description="Binds it to my customer account at the shop. 409 when the brand doesn't know that account.",
)
async def claim(grant_id: GrantId, who: Ambassador, write: Write, gateway: Gw) -> Response:
    person = await _self(gateway, who)
    if person.customer_id is None:
        raise ProblemError(
            "conflict", "Your customer account at the shop isn't linked yet: claim it signed in at the shop."
        )
    grant = there(await rewards.grant(gateway.databases.rewards, who.brand_id, grant_id), f"reward {grant_id}")
    command = ClaimGrant(
        brand_id=who.brand_id, campaign_id=grant.campaign_id, grant_id=grant_id, customer_id=person.customer_id
    )
    return await write(who, command)
