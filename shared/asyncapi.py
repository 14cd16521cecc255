"""The AsyncAPI 3.0 document of everything on Kafka, made from the contracts themselves.

Every message has a description and an example that validates; what can't be taken from the contracts (record headers,
raw topics) is written here. https://www.asyncapi.com/docs/reference/specification/v3.0.0
"""

import importlib
import inspect
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic.json_schema import models_json_schema
from pydantic_core import PydanticUndefined

from shared.contracts.base import Command, Message, registry
from shared.contracts.ingress import IngressHeader
from shared.errors import Reply
from shared.topics import Service, Topic

VERSION = "1.0.0"
Json = dict[str, Any]
_CONTRACTS = ("gateway", "ugc", "ambassadors", "rewards")
_AT = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
_ULID = "01J9ZQ4Y3N8M5K7T2V6W1X0ABC"
_DIGEST = "k3v6q2n7r4t5w8x9y0z1a2b3c4"

_TOPICS: dict[str, str] = {
    "ingress.social": "Verified deliveries of networks, byte for byte as they came. Key: brand and connection.",
    "ingress.shopify": "Verified webhooks of Shopify, byte for byte. Key: brand and order, product or customer.",
    "replies": "Answers to commands, for the process that waits for them; its partition is in the command's headers.",
}
_HEADERS: dict[str, str] = {
    "type": "The message's name.",
    "v": "The message's version.",
    "id": "Identity of the message; commands are deduplicated by it.",
    "brand": "The tenant.",
    "at": "When it was sent, RFC 3339.",
    "corr": "Correlation id: one for everything that follows from one request.",
    "actor": "Who: key:…, customer:…, ambassador:…, webhook, system.",
    "traceparent": "W3C trace context.",
    "origin": "The partition that emitted it; absent on what comes from outside.",
    "seq": "Grows per origin; a consumer skips what is not above the highest it has seen.",
    "dedupe": "Identity of a record from outside, when it isn't its id.",
    "reply-to": "Where the answer goes: instance and partition of the replies topic.",
    "fp": "Digest of a command's request, for idempotency keys.",
    "only": "A replayed dead letter is for this service alone.",
}
# Examples for fields whose contract gives none: by name, as they look in a running system.
_NAMED: dict[str, Any] = {
    "mention_id": f"men_{_DIGEST}",
    "reply_id": f"rpl_{_DIGEST}",
    "commission_id": f"com_{_DIGEST}",
    "grant_id": f"grt_{_DIGEST}",
    "program_id": f"prg_{_ULID}",
    "ambassador_id": f"amb_{_ULID}",
    "connection_id": f"con_{_ULID}",
    "click_id": f"clk_{_ULID}",
    "campaign_id": f"cmp_{_ULID}",
    "key_id": f"key_{_DIGEST}",
    "person_id": f"amb_{_ULID}",
    "customer_id": "7001",
    "product_id": "8001",
    "order_id": "5001",
    "order_name": "#1001",
    "line_id": "9101",
    "external_id": "-100200:45",
    "author_id": "42",
    "code": "ANNA10",
    "shop_domain": "vouch-demo.myshopify.com",
    "currency": "EUR",
    "language": "en",
    "url": "https://cdn.example/photo.jpg",
    "discount_id": "gid://shopify/DiscountCodeNode/1",
    "source_id": "5001",
    "digest": "9f86d081884c7d65" * 4,
    "handle": "anna",
    "storefront_url": "https://northwind.example",
    "time_zone": "Europe/Berlin",
    "name": "Anna Petrova",
    "text": "Best coffee in town!",
    "title": "Ethiopia Yirgacheffe",
    "reason": "Asked by the author",
    "move": "thank",
    "note": "Met at the fair",
    "key": "customer:7001",
}


def messages() -> dict[str, type[Message]]:
    """Every message there is, by name."""
    for name in _CONTRACTS:
        importlib.import_module(f"shared.contracts.{name}")
    return dict(sorted(registry.items()))


# -- examples ----------------------------------------------------------------------------------------------------
def example(model: type[BaseModel]) -> Json:
    """A valid example of a model, in JSON: its fields' own examples, else what suits their name and type."""
    return {name: _field(name, field) for name, field in model.model_fields.items()}


def _field(name: str, field: FieldInfo) -> Any:
    if field.examples:
        return _json(field.examples[0])
    if not field.is_required() and _quiet(field.annotation):
        return _json(field.get_default(call_default_factory=True))
    return _typed(name, field.annotation)


def _quiet(annotation: Any) -> bool:
    """Fields whose default says enough: flags, numbers, choices, lists, models of such."""
    return NoneType not in get_args(annotation)


def _typed(name: str, annotation: Any) -> Any:
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _typed(name, args[0])
    if origin in (Union, UnionType):
        return _typed(name, next(arg for arg in args if arg is not NoneType))
    if origin is Literal:
        return args[0]
    if origin is list:
        return [_typed(name.removesuffix("s"), args[0])]
    if origin is dict:
        return {"en": _typed(name, args[1])}
    return _plain(name, annotation)


def _plain(name: str, kind: Any) -> Any:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return example(kind)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return next(iter(kind)).value
    if name in _NAMED and kind is str:
        return _NAMED[name]
    plain = {bool: False, int: 1, float: 0.5, Decimal: "12.50", datetime: _json(_AT), str: name.replace("_", " ")}
    return plain.get(kind, {})


def _json(value: Any) -> Any:
    if value is PydanticUndefined:
        return None
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, list | tuple):
        return [_json(item) for item in value]
    return {key: _json(item) for key, item in value.items()} if isinstance(value, dict) else value


def message_example(model: type[Message]) -> Json:
    """A valid example of a message. Raises `ValidationError` when the contract's own examples do not fit it."""
    made = {"brand_id": f"brd_{_DIGEST}"} | _EXAMPLES.get(model.__name__, {})
    found = example(model) | made
    model.model_validate_json(model.model_validate(found).model_dump_json())
    return found


# Where a rule spans several fields, the example is given whole.
_EXAMPLES: dict[str, Json] = {
    "SetCampaign": {
        "terms": {
            "name": "Thank every sale",
            "title": {"en": "10% off your next order", "ru": "Скидка 10% на следующий заказ"},
            "trigger": "order_attributed",
            "condition": "order.total >= 20.0",
            "recipient": "buyer",
            "reward": {"kind": "percent", "value": "10", "valid_days": 30},
            "caps": {"total": 1000, "per_person": 1},
        }
    },
}


# -- the document ------------------------------------------------------------------------------------------------
def document(prefix: str = "vouch.") -> Json:
    """The AsyncAPI document for topics with this prefix."""
    known = messages()
    models: list[type[BaseModel]] = [*known.values(), Reply]
    _, definitions = models_json_schema(
        [(model, "validation") for model in models], ref_template="#/components/schemas/{model}"
    )
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Vouch on Kafka",
            "version": VERSION,
            "license": {"name": "Apache-2.0"},
            "description": "Commands are wishes in the imperative, decided by one owner per key in log order; "
            "events are facts in the past tense. "
            "Keys start with the brand; order holds per key. Readers ignore fields they don't know.",
        },
        "defaultContentType": "application/json",
        "channels": {topic.value: _channel(topic, known, prefix) for topic in Topic},
        "operations": {topic.value: _operation(topic) for topic in Topic},
        "components": {
            "messages": {name: _message(model) for name, model in known.items()} | _RAW,
            "schemas": definitions["$defs"],
            "messageTraits": {"record": {"headers": _headers(_HEADERS)}},
        },
    }


def _channel(topic: Topic, known: dict[str, type[Message]], prefix: str) -> Json:
    return {
        "address": f"{prefix}{topic}",
        "description": _about(topic),
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in _names(topic, known)},
    }


def _names(topic: Topic, known: dict[str, type[Message]]) -> list[str]:
    if topic.startswith("dlq."):
        return ["DeadLetter"]
    special = {Topic.INGRESS_SOCIAL: "SocialDelivery", Topic.INGRESS_SHOPIFY: "ShopifyDelivery", Topic.REPLIES: "Reply"}
    if topic in special:
        return [special[topic]]
    return [name for name, model in known.items() if model.topic == topic]


def _about(topic: Topic) -> str:
    kind, _, owner = topic.partition(".")
    if kind == "dlq":
        return f"What {owner} could not handle, untouched, with the reason in its headers."
    if kind in ("commands", "events"):
        return f"{'Wishes to' if kind == 'commands' else 'What happened at'} {owner}."
    return _TOPICS[topic]


def _operation(topic: Topic) -> Json:
    kind, _, owner = topic.partition(".")
    reader = kind == "commands" or topic.startswith("ingress.")
    said = {
        "commands": f"{owner} decides them.",
        "events": f"{owner} tells what happened.",
        "dlq": f"{owner} puts aside what it can't handle.",
    }
    summary = said.get(kind, "Services read them." if kind == "ingress" else "Whoever asked reads the answer.")
    return {"action": "receive" if reader else "send", "channel": {"$ref": f"#/channels/{topic}"}, "summary": summary}


def _message(model: type[Message]) -> Json:
    doc = inspect.getdoc(model) or ""
    return {
        "name": model.__name__,
        "title": model.__name__,
        "summary": doc.partition("\n")[0],
        "description": f"{doc}\n\nKeyed by {_key(model)}.",
        "contentType": "application/json",
        "traits": [{"$ref": "#/components/messageTraits/record"}],
        "payload": {"$ref": f"#/components/schemas/{model.__name__}"},
        "examples": [{"name": "example", "headers": _header_example(model), "payload": message_example(model)}],
    }


def _key(model: type[Message]) -> str:
    return "brand" if model.keyed_by == "brand_id" else f"brand and {model.keyed_by}"


def _header_example(model: type[Message]) -> Json:
    kind = "cmd" if issubclass(model, Command) else "evt"
    return {
        "type": model.__name__,
        "v": str(model.version),
        "id": f"{kind}_{_ULID}",
        "brand": f"brd_{_DIGEST}",
        "at": _json(_AT),
    }


def _headers(named: dict[str, str]) -> Json:
    return {
        "type": "object",
        "properties": {str(name): {"type": "string", "description": text} for name, text in named.items()},
    }


_INGRESS: dict[str, str] = {
    IngressHeader.BRAND: "The tenant.",
    IngressHeader.NETWORK: "The network.",
    IngressHeader.CONNECTION: "The connection it came through.",
    IngressHeader.SHOP: "The shop's domain.",
    IngressHeader.SHOPIFY_TOPIC: "Shopify's topic, for example orders/create.",
    IngressHeader.API_VERSION: "Version of the payload.",
    IngressHeader.TRIGGERED_AT: "When it happened at the shop.",
    IngressHeader.EVENT_ID: "Shopify's event id.",
    "dedupe": "The same for every repetition of one delivery.",
    "at": "When it was accepted.",
    "corr": "The request's id.",
}
_RAW: dict[str, Json] = {
    "SocialDelivery": {
        "name": "SocialDelivery",
        "title": "SocialDelivery",
        "summary": "A network's delivery, verified and untouched.",
        "description": "The value is the sender's body; `shared/networks` reads it.",
        "headers": _headers(_INGRESS),
        "payload": {"type": "object"},
        "examples": [
            {"name": "telegram", "payload": {"update_id": 1, "message": {"message_id": 7, "text": "Люблю ваш кофе!"}}}
        ],
    },
    "ShopifyDelivery": {
        "name": "ShopifyDelivery",
        "title": "ShopifyDelivery",
        "summary": "A webhook of Shopify, verified and untouched.",
        "description": "The value is the webhook's body.",
        "headers": _headers(_INGRESS),
        "payload": {"type": "object"},
        "examples": [{"name": "order", "payload": {"id": 5001, "name": "#1001"}}],
    },
    "Reply": {
        "name": "Reply",
        "title": "Reply",
        "summary": "A command's outcome: HTTP status and body.",
        "description": "A refused command's body is a problem (RFC 9457).",
        "headers": _headers({"id": "The command.", "to": "The process that asked."}),
        "payload": {"$ref": "#/components/schemas/Reply"},
        "examples": [
            {"name": "done", "payload": {"status": 200, "body": {"id": f"men_{_DIGEST}", "status": "approved"}}}
        ],
    },
    "DeadLetter": {
        "name": "DeadLetter",
        "title": "DeadLetter",
        "summary": "A record that could not be handled.",
        "description": "Key, value and headers as they were, and where it was and why in headers.",
        "headers": _headers(
            {f"dlq-{name}": name for name in ("service", "topic", "partition", "offset", "error", "trace", "at")}
        ),
        "payload": {},
        "examples": [
            {
                "name": "poison",
                "headers": {"dlq-service": Service.UGC.value, "dlq-error": "ValidationError: …"},
                "payload": {"mention_id": 1},
            }
        ],
    },
}
