"""For storefronts, through Shopify's App Proxy: its signature says which shop, and which customer is signed in."""

from functools import cache
from importlib import resources
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, Field

from services.gateway.api.common import ONE, READS, WRITES, PageOf, there
from services.gateway.api.links import record_click
from services.gateway.auth import AnyVisitor, Customer
from services.gateway.clicks import is_program
from services.gateway.commands import Write
from services.gateway.gateway import Gw
from services.gateway.strict import Body
from services.rewards import views
from shared.contracts.rewards import ClaimGrant
from shared.ids import new_id
from shared.pages import Paged
from shared.problems import ProblemError, answers

router = APIRouter(prefix="/proxy", tags=["Storefront"])
_SIGNED = answers("malformed-request")


@router.get(
    "/rewards",
    responses=READS | _SIGNED,
    summary="The customer's rewards",
    description="What the signed-in customer has or may claim; an empty list for anonymous visitors.",
)
async def rewards(
    visitor: AnyVisitor,
    gateway: Gw,
    page: PageOf,
    lang: Annotated[str | None, Query(pattern="^[a-z]{2}$", description="Language of the titles.")] = None,
) -> Paged[views.GrantView]:
    if visitor.customer_id is None:
        return Paged(data=[], next_cursor=None)
    return await views.rewards_of_customer(
        gateway.databases.rewards, visitor.brand.id, visitor.customer_id, page, language=lang
    )


@router.post(
    "/rewards/{grant_id}/claim",
    response_model=views.GrantView,
    responses=WRITES | ONE,
    summary="Claim a reward",
    description="Binds a waiting reward to the customer who is signed in; its code is created then.",
)
async def claim(
    grant_id: Annotated[str, Path(max_length=64, examples=["grt_k3v6q2xd7k3m5n2p4r6s8t0w1y"])],
    visitor: Customer,
    write: Write,
    gateway: Gw,
) -> Response:
    grant = there(await views.grant(gateway.databases.rewards, visitor.brand.id, grant_id), f"reward {grant_id}")
    customer_id = there(visitor.customer_id, "customer")
    command = ClaimGrant(
        brand_id=visitor.brand.id, campaign_id=grant.campaign_id, grant_id=grant_id, customer_id=customer_id
    )
    return await write(visitor.principal, command)


class Bind(Body):
    """What the visitor came with."""

    ref: str = Field(pattern=r"^[A-Za-z0-9_-]{3,32}$", description="The code from the link.", examples=["ANNA"])
    click_id: str | None = Field(
        None, pattern=r"^clk_[A-Za-z0-9]{10,40}$", description="`vclid` from the link, if it is still there."
    )


class Bound(BaseModel):
    """What to keep in the cart, so that the order says who brought it."""

    ref: str = Field(examples=["ANNA"])
    click_id: str = Field(examples=["clk_01J9ZQ4Y3N8M5K7T2V6W1X0ABC"])
    attributes: dict[str, str] = Field(
        examples=[{"_vouch_ref": "ANNA", "_vouch_click": "clk_01J9ZQ4Y3N8M5K7T2V6W1X0ABC"}]
    )


@router.post(
    "/attribution",
    responses=READS | _SIGNED | answers("not-found", "too-large", "unsupported-media-type", "invalid-request"),
    summary="Bind a visitor to an ambassador",
    description=(
        "For pages that were reached with `ref` but without `/r/{code}`: records the visit as a click and "
        "says what to keep in the cart."
    ),
)
async def bind(body: Bind, visitor: AnyVisitor, request: Request, gateway: Gw) -> Bound:
    link = gateway.directory.link(body.ref, visitor.brand.id)
    if link is None or link.status != "active":
        raise ProblemError("not-found", f"There is no ambassador with the code {body.ref}.")
    click_id = body.click_id or new_id("clk")
    if body.click_id is None:
        record_click(request, gateway, link, click_id, bot=is_program(request.headers.get("user-agent", "")))
    ref = link.code.upper()
    return Bound(ref=ref, click_id=click_id, attributes={"_vouch_ref": ref, "_vouch_click": click_id})


@cache
def _snippet() -> bytes:
    return (resources.files("services.gateway") / "static" / "vouch.js").read_bytes()


@router.get(
    "/vouch.js",
    response_class=Response,
    summary="The storefront's snippet",
    description=(
        "Keeps `ref` and `vclid` of a link in the cart's attributes. Small, no dependency; works unsigned, "
        "since it holds no data."
    ),
    responses={200: {"description": "JavaScript.", "content": {"text/javascript": {"schema": {"type": "string"}}}}},
)
async def vouch_js() -> Response:
    return Response(_snippet(), media_type="text/javascript", headers={"Cache-Control": "public, max-age=300"})
