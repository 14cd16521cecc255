"""What people said, and what the brand answers."""

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Response
from pydantic import Field

from services.gateway.api.common import ONE, READS, WRITES, PageOf, Since, Until, there
from services.gateway.auth import MarketerKey, ViewerKey
from services.gateway.bodies import VoiceBody, VoiceFactBody
from services.gateway.commands import Pending, Write
from services.gateway.gateway import Gateway, Gw
from services.gateway.strict import Body
from services.ugc import views
from shared.contracts.gateway import NetworkName
from shared.contracts.ugc import (
    ApproveReply,
    DescribeProduct,
    EditReply,
    Intent,
    MentionStatus,
    ModerateMention,
    RegenerateReply,
    RejectionCode,
    RejectReply,
    ReplyStatus,
    RequestRights,
    SetVoice,
    Voice,
)
from shared.pages import Paged

router = APIRouter(prefix="/v1/admin", tags=["Admin: mentions and replies"])
MentionId = Annotated[str, Path(max_length=64, examples=["men_k3v6q2n7r4t5w8x9y0z1a2b3c4"])]
_LATER = {status: response for status, response in (WRITES | ONE).items() if status != 202}
ReplyId = Annotated[str, Path(max_length=64, examples=["rpl_k3v6q2n7r4t5w8x9y0z1a2b3c4"])]
ProductId = Annotated[str, Path(max_length=64, description="Shopify's product id.", examples=["8001"])]


# -- mentions ----------------------------------------------------------------------------------------------------
class Rejection(Body):
    """Why the mention is rejected, as a short code."""

    reason: RejectionCode


class RightsRequest(Body):
    """What the author is asked for."""

    scope: str = Field("storefront", min_length=1, max_length=200)
    valid_days: int = Field(365, ge=1, le=3650)


@router.get(
    "/mentions", responses=READS, summary="Mentions", description="What people said about the brand, the newest first."
)
async def mentions(
    who: ViewerKey,
    gateway: Gw,
    page: PageOf,
    status: Annotated[MentionStatus | None, Query(description="Where moderation stands.")] = None,
    network: Annotated[NetworkName | None, Query(description="Where it was said.")] = None,
    sentiment: Annotated[
        Literal["positive", "neutral", "negative"] | None, Query(description="How the author feels.")
    ] = None,
    intent: Annotated[Intent | None, Query(description="What the author wants.")] = None,
    product: Annotated[str | None, Query(max_length=64, description="About this product (Shopify's id).")] = None,
    challenge: Annotated[str | None, Query(max_length=64)] = None,
    author: Annotated[
        str | None, Query(max_length=256, description="Handle, name, the network's id, or an ambassador's id.")
    ] = None,
    q: Annotated[str | None, Query(max_length=200, description="A part of the text.")] = None,
    since: Since = None,
    until: Until = None,
) -> Paged[views.MentionView]:
    return await views.mentions(
        gateway.databases.ugc,
        who.brand_id,
        page,
        status=status,
        network=network,
        sentiment=sentiment,
        intent=intent,
        product=product,
        challenge=challenge,
        author=author,
        q=q,
        since=since,
        until=until,
    )


@router.get(
    "/mentions/counts",
    responses=READS,
    summary="What waits for a person",
    description="Mentions and replies by status.",
)
async def counts(who: ViewerKey, gateway: Gw) -> views.Counts:
    return await views.counts(gateway.databases.ugc, who.brand_id)


async def _mention(gateway: Gateway, brand_id: str, mention_id: str) -> views.MentionView:
    return there(await views.mention(gateway.databases.ugc, brand_id, mention_id), f"mention {mention_id}")


@router.get(
    "/mentions/{mention_id}", responses=READS | ONE, summary="A mention", description="With what was understood of it."
)
async def mention(mention_id: MentionId, who: ViewerKey, gateway: Gw) -> views.MentionView:
    return await _mention(gateway, who.brand_id, mention_id)


@router.post(
    "/mentions/{mention_id}/approve",
    response_model=views.MentionView,
    responses=WRITES | ONE,
    summary="Approve a mention",
    description="It may be shown and rewarded. Campaigns on approved mentions give now.",
)
async def approve_mention(mention_id: MentionId, who: MarketerKey, write: Write) -> Response:
    return await write(who, ModerateMention(brand_id=who.brand_id, mention_id=mention_id, action="approve"))


@router.post(
    "/mentions/{mention_id}/reject",
    response_model=views.MentionView,
    responses=WRITES | ONE,
    summary="Reject a mention",
    description="With a short code: SPAM, PII, TOXIC, COMPETITOR, OFF_TOPIC, URL or QUALITY.",
)
async def reject_mention(mention_id: MentionId, body: Rejection, who: MarketerKey, write: Write) -> Response:
    return await write(
        who, ModerateMention(brand_id=who.brand_id, mention_id=mention_id, action="reject", reason=body.reason)
    )


@router.post(
    "/mentions/{mention_id}/feature",
    response_model=views.MentionView,
    responses=WRITES | ONE,
    summary="Feature a mention",
    description="One of the best. Campaigns on featured mentions give now.",
)
async def feature_mention(mention_id: MentionId, who: MarketerKey, write: Write) -> Response:
    return await write(who, ModerateMention(brand_id=who.brand_id, mention_id=mention_id, action="feature"))


@router.post(
    "/mentions/{mention_id}/hide",
    response_model=views.MentionView,
    responses=WRITES | ONE,
    summary="Hide a mention",
    description="It is shown nowhere.",
)
async def hide_mention(mention_id: MentionId, who: MarketerKey, write: Write) -> Response:
    return await write(who, ModerateMention(brand_id=who.brand_id, mention_id=mention_id, action="hide"))


@router.post(
    "/mentions/{mention_id}/request-rights",
    response_model=views.MentionView,
    responses=WRITES | ONE,
    summary="Ask for the right to show it",
    description="A reply in the thread asks the author; their clear yes grants.",
)
async def request_rights(
    mention_id: MentionId, who: MarketerKey, write: Write, body: RightsRequest | None = None
) -> Response:
    wish = body or RightsRequest(scope="storefront", valid_days=365)
    command = RequestRights(brand_id=who.brand_id, mention_id=mention_id, scope=wish.scope, valid_days=wish.valid_days)
    return await write(who, command)


# -- replies -----------------------------------------------------------------------------------------------------
class ReplyPatch(Body):
    """The text to send instead."""

    text: str = Field(min_length=1, max_length=4096, examples=["Анна, спасибо! А с молоком пробовали?"])


class Refusal(Body):
    """Why the draft isn't sent."""

    reason: str | None = Field(None, max_length=500, examples=["We answered by phone"])


@router.get(
    "/replies", responses=READS, summary="Replies", description="Drafts and what became of them, the newest first."
)
async def replies(
    who: ViewerKey,
    gateway: Gw,
    page: PageOf,
    status: Annotated[ReplyStatus | None, Query(description="Where it stands.")] = None,
    mention_id: Annotated[str | None, Query(max_length=64, description="Only answers to this mention.")] = None,
) -> Paged[views.ReplyView]:
    return await views.replies(gateway.databases.ugc, who.brand_id, page, status=status, mention_id=mention_id)


async def _reply(gateway: Gateway, brand_id: str, reply_id: str) -> views.ReplyView:
    return there(await views.reply(gateway.databases.ugc, brand_id, reply_id), f"reply {reply_id}")


@router.get("/replies/{reply_id}", responses=READS | ONE, summary="A reply", description="With its history.")
async def reply(reply_id: ReplyId, who: ViewerKey, gateway: Gw) -> views.ReplyView:
    return await _reply(gateway, who.brand_id, reply_id)


@router.patch(
    "/replies/{reply_id}",
    response_model=views.ReplyView,
    responses=WRITES | ONE,
    summary="Edit a draft",
    description="The guardrails run again; 422 says what to change.",
)
async def edit_reply(reply_id: ReplyId, body: ReplyPatch, who: MarketerKey, write: Write, gateway: Gw) -> Response:
    mention_id = (await _reply(gateway, who.brand_id, reply_id)).mention_id
    return await write(who, EditReply(brand_id=who.brand_id, mention_id=mention_id, reply_id=reply_id, text=body.text))


@router.post(
    "/replies/{reply_id}/approve",
    response_model=views.ReplyView,
    responses=WRITES | ONE,
    summary="Send a draft",
    description="It is published to the network, once.",
)
async def approve_reply(reply_id: ReplyId, who: MarketerKey, write: Write, gateway: Gw) -> Response:
    mention_id = (await _reply(gateway, who.brand_id, reply_id)).mention_id
    return await write(who, ApproveReply(brand_id=who.brand_id, mention_id=mention_id, reply_id=reply_id))


@router.post(
    "/replies/{reply_id}/reject",
    response_model=views.ReplyView,
    responses=WRITES | ONE,
    summary="Do not send a draft",
    description="With the reason, if you like: it teaches the composer.",
)
async def reject_reply(
    reply_id: ReplyId, who: MarketerKey, write: Write, gateway: Gw, body: Refusal | None = None
) -> Response:
    mention_id = (await _reply(gateway, who.brand_id, reply_id)).mention_id
    reason = body.reason if body else None
    return await write(who, RejectReply(brand_id=who.brand_id, mention_id=mention_id, reply_id=reply_id, reason=reason))


@router.post(
    "/replies/{reply_id}/regenerate",
    status_code=202,
    response_model=views.ReplyView | Pending,
    responses=_LATER,
    summary="Draft anew",
    description="The present draft is superseded; `superseded_by` names the one that is being written.",
)
async def regenerate_reply(reply_id: ReplyId, who: MarketerKey, write: Write, gateway: Gw) -> Response:
    mention_id = (await _reply(gateway, who.brand_id, reply_id)).mention_id
    return await write(who, RegenerateReply(brand_id=who.brand_id, mention_id=mention_id, reply_id=reply_id))


# -- voice and products ------------------------------------------------------------------------------------------
_VOICE = {
    "persona": "A barista who remembers everybody's order",
    "tone": ["warm", "brief"],
    "do": ["answer the question first"],
    "dont": ["sell in every line"],
    "emoji": "few",
    "languages": ["ru", "en"],
    "signature": None,
    "banned_words": [],
    "allowed_links": [],
    "facts": [
        {"id": "roast", "text": {"ru": "Обжариваем по вторникам.", "en": "We roast on Tuesdays."}, "product_id": None}
    ],
    "policy": {"auto_send": False},
}


@router.get(
    "/voice",
    responses=READS,
    summary="The brand's voice",
    description="The default one until the brand has set its own.",
)
async def voice(who: ViewerKey, gateway: Gw) -> Voice:
    return await views.voice(gateway.databases.ugc, who.brand_id)


@router.put(
    "/voice",
    response_model=Voice,
    responses=WRITES,
    summary="Set the brand's voice",
    description="Replaces it whole: persona, tone, facts that replies may cite, what may be sent without a person.",
    openapi_extra={"requestBody": {"content": {"application/json": {"example": _VOICE}}}},
)
async def set_voice(body: VoiceBody, who: MarketerKey, write: Write) -> Response:
    return await write(who, SetVoice(brand_id=who.brand_id, voice=body))


class ProductPatch(Body):
    """What the shop doesn't know of a product; left-out fields stay."""

    aliases: list[Annotated[str, Field(min_length=1, max_length=200)]] | None = Field(
        None, max_length=100, examples=[["иргачиф"]]
    )
    facts: list[VoiceFactBody] | None = Field(None, max_length=100)


@router.get(
    "/products",
    responses=READS,
    summary="Products",
    description="The catalogue as the shop has it, with nicknames and facts.",
)
async def products(
    who: ViewerKey,
    gateway: Gw,
    page: PageOf,
    q: Annotated[str | None, Query(max_length=200, description="A part of the title.")] = None,
) -> Paged[views.ProductView]:
    return await views.products(gateway.databases.ugc, who.brand_id, page, q=q)


@router.get("/products/{product_id}", responses=READS | ONE, summary="A product", description="By Shopify's id.")
async def product(product_id: ProductId, who: ViewerKey, gateway: Gw) -> views.ProductView:
    return there(await views.product(gateway.databases.ugc, who.brand_id, product_id), f"product {product_id}")


@router.patch(
    "/products/{product_id}",
    response_model=views.ProductView,
    responses=WRITES | ONE,
    summary="Describe a product",
    description="Nicknames people use, and facts replies may cite.",
)
async def describe_product(product_id: ProductId, body: ProductPatch, who: MarketerKey, write: Write) -> Response:
    command = DescribeProduct(brand_id=who.brand_id, product_id=product_id, aliases=body.aliases, facts=body.facts)
    return await write(who, command)
