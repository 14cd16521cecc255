"""Ambassador links: a redirect that does next to nothing, so that it costs next to nothing."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import RedirectResponse, Response

from services.gateway.clicks import destination, is_prefetch, is_program
from services.gateway.gateway import Gateway, Gw
from services.gateway.middleware import client_address
from services.gateway.misses import Unknowable
from services.gateway.models import AmbassadorLink
from shared.contracts.ambassadors import RecordClick
from shared.ids import new_id
from shared.problems import ProblemError, answers
from shared.records import outgoing
from shared.telemetry import trace_header

router = APIRouter(tags=["Links"])
_GONE = frozenset({"banned", "rejected", "offboarded", "candidate", "invited", "applied"})


@router.head("/r/{code}", include_in_schema=False)
@router.get(
    "/r/{code}",
    status_code=302,
    response_class=RedirectResponse,
    summary="Follow an ambassador's link",
    description=(
        "Leads to the storefront with `ref` (the code) and `vclid` (this click), and records the click; "
        "programs, HEAD and prefetches are "
        "not counted. An unknown code leads to the storefront of `brand`, when one is named."
    ),
    responses=answers("not-found")
    | {302: {"description": "To the storefront.", "headers": {"Location": {"schema": {"type": "string"}}}}},
)
async def follow(
    request: Request,
    gateway: Gw,
    code: Annotated[str, Path(max_length=64, examples=["ANNA10"])],
    brand: Annotated[
        str | None,
        Query(max_length=255, description="The brand's id, or its shop's domain, where a code alone is not enough."),
    ] = None,
    to: Annotated[
        str | None, Query(max_length=1000, description="A path of the storefront.", examples=["/products/ethiopia"])
    ] = None,
) -> Response:
    known = gateway.directory.brand_named(brand) if brand else None
    link = await _link(gateway, code, known.id if known else None) if known or not brand else None
    home = gateway.directory.brand(link.brand_id) if link else known
    if home is None:
        raise ProblemError("not-found", "Nobody has this code.")
    parameters = {}
    if link and link.status not in _GONE:
        parameters = {"ref": link.code.upper(), "vclid": new_id("clk")}
        _count(request, gateway, link, parameters["vclid"])
    passed_on = [(name, value) for name, value in request.query_params.multi_items() if name.startswith("utm_")]
    return RedirectResponse(destination(home.profile.storefront_url, to, parameters, passed_on), 302)


async def _link(gateway: Gateway, code: str, brand_id: str | None) -> AmbassadorLink | None:
    try:
        return await gateway.directory.find_link(code, brand_id)
    except Unknowable:
        return None  # a visitor is led to the shop rather than nowhere


def _count(request: Request, gateway: Gateway, link: AmbassadorLink, click_id: str) -> None:
    """Record the click behind the visitor's back; the redirect doesn't wait for it."""
    agent = request.headers.get("user-agent", "")
    if request.method == "HEAD" or is_prefetch(request.headers):
        return
    record_click(request, gateway, link, click_id, bot=is_program(agent))


def record_click(request: Request, gateway: Gateway, link: AmbassadorLink, click_id: str, *, bot: bool) -> None:
    """Send the click to its ambassador's partition, by way of the spool if need be."""
    agent = request.headers.get("user-agent", "")
    address = client_address(request)
    click = RecordClick(
        brand_id=link.brand_id,
        ambassador_id=link.id,
        click_id=click_id,
        code=link.code.upper(),
        at=datetime.now(UTC),
        bot=bot,
        address_digest=gateway.credentials.address_digest(address) if address else None,
        user_agent=agent[:300] or None,
    )
    gateway.door.accept_later(
        outgoing(click, id=click_id, actor="visitor", correlation_id=request.state.request_id, trace=trace_header())
    )
