"""Programmes and the people in them."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, Field

from services.ambassadors import views
from services.gateway.api.common import ONE, READS, WRITES, PageOf, Since, Until, there
from services.gateway.auth import MarketerKey, OwnerKey, ViewerKey
from services.gateway.bodies import AccountBody, ProgramTermsBody
from services.gateway.commands import Write, Writer
from services.gateway.credentials import AmbassadorClaims
from services.gateway.gateway import Gateway, Gw
from services.gateway.strict import Body
from shared.contracts.ambassadors import (
    AddAmbassador,
    AmbassadorAction,
    AmbassadorProfile,
    AmbassadorStatus,
    ChangeAmbassador,
    ProfileChanges,
    SetProgram,
    UpdateAmbassador,
)
from shared.ids import new_id
from shared.pages import Paged

router = APIRouter(prefix="/v1/admin", tags=["Admin: ambassadors"])
Code = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{3,32}$", examples=["ANNA10"])]
ProgramId = Annotated[str, Path(max_length=64, examples=["prg_01J9ZQ4Y3N8M5K7T2V6W1X0ABC"])]
AmbassadorId = Annotated[str, Path(max_length=64, examples=["amb_01J9ZQ4Y3N8M5K7T2V6W1X0ABC"])]


# -- programmes --------------------------------------------------------------------------------------------------
class ProgramBody(Body):
    """A programme: its name and terms. New terms are a new version; what was awarded keeps its own."""

    name: str = Field(min_length=1, max_length=200, examples=["Friends of the roastery"])
    terms: ProgramTermsBody = Field(default_factory=ProgramTermsBody)


@router.get("/programs", responses=READS, summary="Programmes", description="All of the brand's, the newest first.")
async def programs(who: ViewerKey, gateway: Gw, page: PageOf) -> Paged[views.ProgramView]:
    return await views.programs(gateway.databases.ambassadors, who.brand_id, page)


@router.get(
    "/programs/{program_id}", responses=READS | ONE, summary="A programme", description="With its present terms."
)
async def program(program_id: ProgramId, who: ViewerKey, gateway: Gw) -> views.ProgramView:
    return there(
        await views.program(gateway.databases.ambassadors, who.brand_id, program_id), f"programme {program_id}"
    )


@router.post(
    "/programs",
    status_code=201,
    response_model=views.ProgramView,
    responses=WRITES,
    summary="Create a programme",
    description="Terms that are left out get their defaults: 10 %, a window and a hold of 30 days.",
)
async def create_program(body: ProgramBody, who: OwnerKey, write: Write) -> Response:
    command = SetProgram(brand_id=who.brand_id, program_id=write.new_id("prg", who), name=body.name, terms=body.terms)
    return await write(who, command)


@router.put(
    "/programs/{program_id}",
    response_model=views.ProgramView,
    responses=WRITES | ONE,
    summary="Give a programme new terms",
    description="A new version, for orders from now on.",
)
async def set_program(program_id: ProgramId, body: ProgramBody, who: OwnerKey, write: Write, gateway: Gw) -> Response:
    await program(program_id, who, gateway)
    return await write(who, SetProgram(brand_id=who.brand_id, program_id=program_id, name=body.name, terms=body.terms))


# -- people ------------------------------------------------------------------------------------------------------
class AmbassadorWithLink(views.AmbassadorView):
    """An ambassador, with the link to share."""

    link: str | None = Field(
        None, description="Null until the gateway has heard of the code.", examples=["https://go.example/r/ANNA"]
    )


class NewAmbassador(Body):
    """A person to take in."""

    program_id: str = Field(max_length=64, examples=["prg_01J9ZQ4Y3N8M5K7T2V6W1X0ABC"])
    name: str = Field(min_length=1, max_length=200, examples=["Anna Petrova"])
    email: str | None = Field(None, max_length=320, pattern=r"^[^@\s]+@[^@\s]+$", examples=["anna@example.com"])
    customer_id: str | None = Field(
        None, pattern=r"^[0-9]{1,20}$", description="Shopify customer id.", examples=["7001"]
    )
    language: str = Field("en", pattern="^[a-z]{2}$")
    accounts: list[AccountBody] = Field(default_factory=list, max_length=20)
    code: Code | None = Field(None, description="Made from the name when left out.")
    status: str = Field(
        "applied", pattern="^(candidate|invited|applied)$", description="Where they begin; `approve` makes them active."
    )
    note: str | None = Field(None, max_length=2000)


class AmbassadorPatch(Body):
    """What changes of a person. Left out (or null) stays; an empty text empties e-mail, customer and pinned tier."""

    name: str | None = Field(None, min_length=1, max_length=200)
    email: str | None = Field(None, max_length=320, pattern=r"^([^@\s]+@[^@\s]+)?$")
    customer_id: str | None = Field(None, pattern=r"^[0-9]{0,20}$")
    language: str | None = Field(None, pattern="^[a-z]{2}$")
    accounts: list[AccountBody] | None = Field(None, max_length=20)
    code: Code | None = Field(None, description="The former code goes on leading to them.")
    tier: str | None = Field(None, max_length=100, description="Pins the tier.", examples=["gold"])


class Reason(Body):
    """Why, for the audit log."""

    reason: str | None = Field(None, max_length=500, examples=["Three great posts this month"])


async def person_of(gateway: Gateway, brand_id: str, ambassador_id: str) -> views.AmbassadorView:
    """An ambassador of the brand. Raises `ProblemError` (404)."""
    return there(
        await views.ambassador(gateway.databases.ambassadors, brand_id, ambassador_id), f"ambassador {ambassador_id}"
    )


def _linked(gateway: Gateway, person: views.AmbassadorView) -> AmbassadorWithLink:
    return AmbassadorWithLink(**person.model_dump(), link=gateway.link_of(person.id, person.code))


@router.get("/ambassadors", responses=READS, summary="Ambassadors", description="The newest first.")
async def ambassadors(
    who: ViewerKey,
    gateway: Gw,
    page: PageOf,
    status: Annotated[AmbassadorStatus | None, Query(description="Only in this state.")] = None,
    program_id: Annotated[str | None, Query(max_length=64)] = None,
    q: Annotated[
        str | None, Query(max_length=100, description="A part of the name, or the beginning of a code.")
    ] = None,
) -> Paged[AmbassadorWithLink]:
    found = await views.ambassadors(
        gateway.databases.ambassadors, who.brand_id, page, status=status, program_id=program_id, q=q
    )
    return Paged(data=[_linked(gateway, person) for person in found.data], next_cursor=found.next_cursor)


@router.post(
    "/ambassadors",
    status_code=201,
    response_model=AmbassadorWithLink,
    responses=WRITES,
    summary="Take a person in",
    description="They begin as an applicant unless said otherwise; `approve` makes them active.",
)
async def add(body: NewAmbassador, who: MarketerKey, write: Write, gateway: Gw) -> Response:
    profile = AmbassadorProfile(**body.model_dump(include=set(AmbassadorProfile.model_fields)))
    command = AddAmbassador.model_validate(
        {
            "brand_id": who.brand_id,
            "ambassador_id": write.new_id("amb", who),
            "program_id": body.program_id,
            "profile": profile,
            "code": body.code,
            "status": body.status,
            "note": body.note,
        }
    )
    return await write(who, command, shape=gateway.with_link, learn=gateway.learn_person(who.brand_id))


@router.get(
    "/ambassadors/{ambassador_id}",
    responses=READS | ONE,
    summary="An ambassador",
    description="With what may be done now.",
)
async def ambassador(ambassador_id: AmbassadorId, who: ViewerKey, gateway: Gw) -> AmbassadorWithLink:
    return _linked(gateway, await person_of(gateway, who.brand_id, ambassador_id))


@router.patch(
    "/ambassadors/{ambassador_id}",
    response_model=AmbassadorWithLink,
    responses=WRITES | ONE,
    summary="Change an ambassador",
    description="Left-out fields stay. A new code moves the link and the code at Shopify.",
)
async def update(
    ambassador_id: AmbassadorId, body: AmbassadorPatch, who: MarketerKey, write: Write, gateway: Gw
) -> Response:
    given = body.model_dump(exclude_unset=True, include=set(ProfileChanges.model_fields))
    command = UpdateAmbassador(
        brand_id=who.brand_id,
        ambassador_id=ambassador_id,
        changes=ProfileChanges.model_validate(given) if given else None,
        code=body.code,
        tier=body.tier,
    )
    return await write(who, command, shape=gateway.with_link, learn=gateway.learn_person(who.brand_id))


_ACTIONS: dict[AmbassadorAction, tuple[str, str]] = {
    "invite": ("Invite a person", "Only a candidate can be invited."),
    "approve": ("Approve a person", "They become active: the link counts, the personal code is created at Shopify."),
    "reject": ("Reject an application", "They may apply again after 30 days."),
    "pause": ("Pause an ambassador", "The link still leads to the shop, and earns nothing."),
    "resume": ("Let a paused ambassador go on", "From now on their orders earn again."),
    "offboard": ("Part with an ambassador", "What they have earned stays theirs; the code at Shopify is deactivated."),
    "ban": ("Ban a person", "At once and for good; the code at Shopify is deactivated."),
}


def _action(action: AmbassadorAction, summary: str, description: str) -> None:
    async def change(
        ambassador_id: AmbassadorId, who: MarketerKey, write: Write, gateway: Gw, body: Reason | None = None
    ) -> Response:
        return await _change(action, ambassador_id, who.brand_id, body, write, who, gateway)

    router.post(
        f"/ambassadors/{{ambassador_id}}/{action}",
        name=f"{action}_ambassador",
        response_model=AmbassadorWithLink,
        responses=WRITES | ONE,
        summary=summary,
        description=f"{description} 409 where the present state doesn't allow it.",
    )(change)


async def _change(
    action: AmbassadorAction,
    ambassador_id: str,
    brand_id: str,
    body: Reason | None,
    write: Writer,
    who: MarketerKey,
    gateway: Gateway,
) -> Response:
    command = ChangeAmbassador(
        brand_id=brand_id, ambassador_id=ambassador_id, action=action, reason=body.reason if body else None
    )
    return await write(who, command, shape=gateway.with_link, learn=gateway.learn_person(who.brand_id))


for _name, (_summary, _description) in _ACTIONS.items():
    _action(_name, _summary, _description)


class TokenRequest(Body):
    """How long the token is good for."""

    days: int = Field(90, ge=1, le=365)


class Token(BaseModel):
    """A token for the ambassador's own endpoints."""

    token: str = Field(examples=["eyJhbGciOi…"])
    expires_at: datetime


@router.post(
    "/ambassadors/{ambassador_id}/token",
    status_code=201,
    responses=WRITES | ONE,
    summary="Make a token for an ambassador",
    description="Opens `/v1/me` for this one person. Hand it over by a way only they can read.",
)
async def token(ambassador_id: AmbassadorId, who: MarketerKey, gateway: Gw, body: TokenRequest | None = None) -> Token:
    person = await person_of(gateway, who.brand_id, ambassador_id)
    expires_at = datetime.now(UTC) + timedelta(days=(body or TokenRequest()).days)
    claims = AmbassadorClaims(who.brand_id, person.id, new_id("tok"))
    return Token(token=gateway.credentials.ambassador_token(claims, expires_at), expires_at=expires_at)


@router.get(
    "/ambassadors/{ambassador_id}/stats",
    responses=READS | ONE,
    summary="An ambassador's numbers",
    description="The last 30 days by default; exact against the ledger.",
)
async def stats(
    ambassador_id: AmbassadorId,
    who: ViewerKey,
    gateway: Gw,
    since: Since = None,
    until: Until = None,
    bucket: views.Bucket = "day",
) -> views.Stats:
    await person_of(gateway, who.brand_id, ambassador_id)
    return await views.stats(
        gateway.databases.ambassadors,
        who.brand_id,
        ambassador_id=ambassador_id,
        since=since,
        until=until,
        bucket=bucket,
    )


@router.get(
    "/ambassadors/{ambassador_id}/ledger",
    responses=READS | ONE,
    summary="An ambassador's ledger",
    description="Every entry, the newest first; the balance is their sum.",
)
async def ledger(ambassador_id: AmbassadorId, who: ViewerKey, gateway: Gw, page: PageOf) -> Paged[views.EntryView]:
    await person_of(gateway, who.brand_id, ambassador_id)
    return await views.ledger(gateway.databases.ambassadors, who.brand_id, ambassador_id, page)


@router.get(
    "/audit",
    responses=READS,
    summary="Who changed what",
    description="Changes of people, programmes and commissions, the newest first: by whom, from what to what, why.",
)
async def audit(
    who: MarketerKey,
    gateway: Gw,
    page: PageOf,
    subject: Annotated[str | None, Query(max_length=64, description="Only about this one.")] = None,
) -> Paged[views.AuditView]:
    return await views.audit(gateway.databases.ambassadors, who.brand_id, page, subject=subject)
