"""What a condition may ask, per trigger. Every field always has a value: an unknown text is "", an unknown number 0.

A new trigger is a `Context` here, a line in `CONTEXTS`, and a handler in `services/rewards/triggers.py`.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field

from shared.contracts.rewards import Trigger


class Context(BaseModel):
    """Base of the contexts; unknown fields are refused, so that a dry-run's typo is seen."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class MentionFacts(Context):
    """The mention that triggers."""

    network: str = Field("", description="Where it was posted.", examples=["telegram"])
    kind: str = Field("", description="post, comment, story, video, review or message.", examples=["post"])
    language: str = Field("", description="ISO 639-1.", examples=["ru"])
    intent: str = Field(
        "", description="praise, question, complaint, purchase, idea, recipe, other.", examples=["praise"]
    )
    sentiment: float = Field(0, description="-1 (bad) to 1 (good).", examples=[0.7])
    confidence: float = Field(0, description="How sure the sentiment is, 0 to 1.", examples=[0.9])
    products: list[str] = Field(
        default_factory=list, description="Shopify product ids it is about.", examples=[["8001"]]
    )
    hashtags: list[str] = Field(default_factory=list, description="Lower case, without #.", examples=[["coffee"]])
    followers: int = Field(0, description="The author's followers.", examples=[1200])
    likes: int = Field(0, examples=[12])
    comments: int = Field(0, examples=[3])
    shares: int = Field(0, examples=[1])
    views: int = Field(0, examples=[900])
    posted_at: datetime = Field(description="When it was posted, UTC.", examples=["2026-11-22T10:00:00Z"])


class OrderFacts(Context):
    """The attributed order that triggers."""

    name: str = Field("", examples=["#1001"])
    total: float = Field(
        0, description="Lines after discounts, without tax and shipping; shop currency.", examples=[54.0]
    )
    commission: float = Field(0, description="The ambassador's commission; shop currency.", examples=[5.4])
    currency: str = Field("", examples=["EUR"])
    rule: str = Field("", description="code, click or bound_customer.", examples=["code"])
    first_order: bool = Field(False, description="The customer's first order at the shop.", examples=[True])
    ordered_at: datetime = Field(description="When it was placed, UTC.", examples=["2026-11-22T10:00:00Z"])


class AmbassadorFacts(Context):
    """The ambassador concerned; `known` is false and the rest empty when there is none."""

    known: bool = Field(False, examples=[True])
    id: str = Field("", examples=["amb_01J9ZQ4Y3N8M5K7T2V6W1X0ABC"])
    tier: str = Field("", examples=["gold"])
    status: str = Field("", examples=["active"])
    language: str = Field("", examples=["en"])
    networks: list[str] = Field(default_factory=list, description="Networks with an account.", examples=[["vk"]])


class MentionContext(Context):
    mention: MentionFacts
    ambassador: AmbassadorFacts = Field(
        default_factory=lambda: AmbassadorFacts(), description="The author, if known as one."
    )
    now: datetime = Field(description="When the trigger happened, UTC.", examples=["2026-11-22T10:00:00Z"])


class OrderContext(Context):
    order: OrderFacts
    ambassador: AmbassadorFacts = Field(
        default_factory=lambda: AmbassadorFacts(), description="Whom the order belongs to."
    )
    now: datetime = Field(description="When the trigger happened, UTC.", examples=["2026-11-22T10:00:00Z"])


class AmbassadorContext(Context):
    ambassador: AmbassadorFacts
    now: datetime = Field(description="When the trigger happened, UTC.", examples=["2026-11-22T10:00:00Z"])


class ByHandContext(Context):
    now: datetime = Field(description="When the grant is made, UTC.", examples=["2026-11-22T10:00:00Z"])


CONTEXTS: dict[Trigger, type[Context]] = {
    "order_attributed": OrderContext,
    "mention_approved": MentionContext,
    "mention_featured": MentionContext,
    "tier_reached": AmbassadorContext,
    "ambassador_activated": AmbassadorContext,
    "by_hand": ByHandContext,
}


class FieldInfo(BaseModel):
    """One thing a condition may ask."""

    path: str = Field(examples=["mention.sentiment"])
    type: str = Field(examples=["double"])
    description: str = ""


def context_fields(trigger: Trigger) -> list[FieldInfo]:
    """The documentation of a trigger's context, one entry per field."""
    return list(_fields(CONTEXTS[trigger], ""))


def _fields(model: type[BaseModel], prefix: str) -> Iterator[FieldInfo]:
    for name, field in model.model_fields.items():
        path, annotation = f"{prefix}{name}", field.annotation
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            yield from _fields(annotation, f"{path}.")
        else:
            yield FieldInfo(path=path, type=cel_type(annotation), description=field.description or "")


_SCALARS: dict[object, str] = {str: "string", int: "int", float: "double", bool: "bool", datetime: "timestamp"}


def cel_type(annotation: object) -> str:
    """CEL's name of a field's type: string, int, double, bool, timestamp, list(string)."""
    if get_origin(annotation) is list:
        return f"list({cel_type(get_args(annotation)[0])})"
    return _SCALARS[annotation]


def example(trigger: Trigger) -> Context:
    """The context made of every field's documented example: what a dry-run without facts uses."""
    return CONTEXTS[trigger].model_validate(_example(CONTEXTS[trigger]))


def _example(model: type[BaseModel]) -> dict[str, object]:
    values: dict[str, object] = {}
    for name, field in model.model_fields.items():
        annotation = field.annotation
        nested = isinstance(annotation, type) and issubclass(annotation, BaseModel)
        values[name] = _example(annotation) if nested else (field.examples or [None])[0]  # type: ignore[arg-type]
    return values
