"""What became of a command whose answer didn't come in time."""

import asyncio
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

from services.gateway.api.common import ONE, READS
from services.gateway.auth import KeyOrAmbassador, Principal
from services.gateway.gateway import Gateway, Gw
from shared.problems import ProblemError
from shared.topics import Service

router = APIRouter(prefix="/v1/commands", tags=["Commands"])


class Outcome(BaseModel):
    """The answer as it would have been: status and body (a problem when refused)."""

    status: int = Field(examples=[200])
    body: dict[str, Any] = Field(examples=[{"id": "men_k3v6", "status": "approved"}])


class CommandState(BaseModel):
    """A command: pending until its owner has decided it."""

    id: str = Field(examples=["cmd_01J9ZQ4Y3N8M5K7T2V6W1X0ABC"])
    status: Literal["pending", "done"]
    outcome: Outcome | None = None


@router.get(
    "/{command_id}",
    responses=READS | ONE,
    summary="What became of a command",
    description=(
        "For writes that were answered 202. A brand's keys see the commands of the brand's keys, an "
        "ambassador their own."
    ),
)
async def command(command_id: Annotated[str, Path(max_length=100)], who: KeyOrAmbassador, gateway: Gw) -> CommandState:
    if (seen := await _seen(gateway, command_id)) and _may_see(who, seen["brand_id"], seen["actor"]):
        return CommandState(id=command_id, status="done", outcome=Outcome(status=seen["status"], body=seen["body"]))
    known = await gateway.requests.get(command_id)
    if not seen and known and _may_see(who, known.brand_id, known.actor):
        return CommandState(id=command_id, status="pending")
    raise ProblemError("not-found", f"There is no command {command_id}.")


async def _seen(gateway: Gateway, command_id: str) -> dict[str, Any] | None:
    found = await asyncio.gather(
        *(gateway.databases.of(service).find_one("seen", {"_id": command_id}) for service in Service)
    )
    return next((raw for raw in found if raw and "status" in raw), None)


def _may_see(who: Principal, brand_id: str, actor: str) -> bool:
    return who.brand_id == brand_id and (actor == who.actor or (who.kind == "key" and actor.startswith("key:")))
