"""What arrives from outside, verified but raw: the value of an ingress record is the sender's body, byte for byte.

Ingress records are not `Message`s. Their headers say what they are; handlers are registered per topic.
"""

from enum import StrEnum


class IngressHeader(StrEnum):
    """Record headers of `ingress.*`, beside the ones every record has (`shared/records.py`)."""

    BRAND = "brand"
    NETWORK = "network"
    CONNECTION = "connection"
    SHOP = "shop"
    SHOPIFY_TOPIC = "shopify-topic"
    API_VERSION = "api-version"
    TRIGGERED_AT = "triggered-at"
    EVENT_ID = "event-id"
