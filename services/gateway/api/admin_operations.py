"""What happens now (live), and what went wrong (dead letters)."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from services.gateway.api.common import ONE, READS, WRITES, PageOf
from services.gateway.auth import MarketerKey, OwnerKey, ViewerKey
from services.gateway.commands import Write
from services.gateway.gateway import Gw
from services.gateway.handlers import dead_letter_body
from services.gateway.models import DeadLetter
from shared.contracts.gateway import ReplayDeadLetter
from shared.pages import Paged, paginate

router = APIRouter(prefix="/v1/admin", tags=["Admin: operations"])


@router.get(
    "/live",
    summary="Events as they happen",
    description=(
        "Server-sent events: each event of the brand, `event` its type, `data` its content as in AsyncAPI. A "
        "comment every 15 s keeps the "
        "stream open; a reader who falls behind is disconnected and comes back."
    ),
    responses=READS
    | {
        200: {
            "description": "The stream.",
            "content": {
                "text/event-stream": {"schema": {"type": "string"}, "example": "event: MentionApproved\ndata: {…}\n\n"}
            },
        }
    },
    response_class=StreamingResponse,
)
async def live(
    who: ViewerKey,
    gateway: Gw,
    types: Annotated[
        str,
        Query(
            max_length=500, description="Event types, separated by commas; empty: all.", examples=["MentionApproved"]
        ),
    ] = "",
) -> StreamingResponse:
    wanted = frozenset(name for name in types.split(",") if name)
    return StreamingResponse(
        gateway.hub.watch(who.brand_id, wanted), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"}
    )


class DeadLetterView(BaseModel):
    """A record that a service could not handle: where it was, what it is, why."""

    id: str = Field(examples=["dlq_k3v6m2x7q4n5p8r9s2t3u4v5wa"])
    service: str = Field(examples=["ugc"])
    topic: str = Field(examples=["commands.ugc"])
    partition: int
    offset: int
    type: str = Field(description="The message's type; empty for what came from outside.", examples=["RecordMention"])
    error: str = Field(examples=["ValidationError: …"])
    trace: str
    at: datetime
    key: str
    body: str = Field(description="What the record held, as text (its first 20,000 bytes).")
    replayed_at: datetime | None
    replayed_by: str | None


@router.get(
    "/dead-letters",
    responses=READS,
    summary="Dead letters",
    description="Records of the brand that could not be handled, the newest first.",
)
async def dead_letters(
    who: MarketerKey,
    gateway: Gw,
    page: PageOf,
    service: Annotated[str | None, Query(max_length=50, description="Only of this service.", examples=["ugc"])] = None,
    replayed: Annotated[bool | None, Query(description="Only those that were, or were not, put back.")] = None,
) -> Paged[DeadLetterView]:
    mine: dict[str, Any] = {"brand_id": who.brand_id} | ({"service": service} if service else {})
    if replayed is not None:
        mine["replayed_at"] = {"$ne": None} if replayed else None
    return await paginate(gateway.databases.gateway, "dead_letters", mine, page, _view, by="at")


def _view(raw: dict[str, Any]) -> DeadLetterView:
    return DeadLetterView.model_validate(dead_letter_body(DeadLetter.load(raw)))


@router.post(
    "/dead-letters/{dead_letter_id}/replay",
    response_model=DeadLetterView,
    responses=WRITES | ONE,
    summary="Put a dead letter back",
    description=(
        "The original record returns to its topic, for the service that could not handle it. Once: if it "
        "fails again it is a new dead letter."
    ),
)
async def replay(dead_letter_id: Annotated[str, Path(max_length=64)], who: OwnerKey, write: Write) -> Response:
    return await write(who, ReplayDeadLetter(brand_id=who.brand_id, dead_letter_id=dead_letter_id))
