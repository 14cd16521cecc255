"""Brands, their keys, networks and shops: owned by the gateway, copied by whoever needs them.

Secrets travel sealed (`shared/security/sealing.py`): ciphertext bound to the brand, readable only with the master key.
"""

from datetime import datetime
from typing import ClassVar, Literal

from pydantic import Field

from shared.contracts.base import Command, Event, Value
from shared.topics import Topic

Role = Literal["owner", "marketer", "viewer"]
NetworkName = Literal["telegram", "vk", "instagram", "tiktok", "youtube", "inbound"]


class BrandProfile(Value):
    """What a brand is called and how it counts."""

    name: str = Field(examples=["Northwind Coffee"])
    shop_domain: str = Field(
        description="The shop's permanent myshopify.com domain.", examples=["vouch-demo.myshopify.com"]
    )
    currency: str = Field(description="ISO 4217, the shop's currency; all accounting is in it.", examples=["EUR"])
    time_zone: str = Field(
        "UTC", description="IANA name; days in reports begin at its midnight.", examples=["Europe/Berlin"]
    )
    storefront_url: str = Field(description="Where ambassador links lead.", examples=["https://northwind.example"])
    languages: list[str] = Field(default_factory=lambda: ["en", "ru"])


class _Command(Command):
    topic: ClassVar[Topic] = Topic.COMMANDS_GATEWAY


class _Event(Event):
    topic: ClassVar[Topic] = Topic.EVENTS_GATEWAY


class BrandChanges(Value):
    """What of a profile changes; left-out fields stay. Shop and currency never change: all books are kept in it."""

    name: str | None = Field(None, examples=["Northwind Coffee Roasters"])
    time_zone: str | None = Field(None, examples=["Europe/Berlin"])
    storefront_url: str | None = Field(None, examples=["https://northwind.example"])
    languages: list[str] | None = Field(None, examples=[["en", "ru"]])


class CreateBrand(_Command):
    """Take a brand on. Its id is derived from the shop domain, so one shop is one brand; refused when it exists."""

    keyed_by: ClassVar[str] = "brand_id"
    shop_domain: str = Field(examples=["vouch-demo.myshopify.com"])
    profile: BrandProfile


class UpdateBrand(_Command):
    """Change a brand's profile."""

    keyed_by: ClassVar[str] = "brand_id"
    changes: BrandChanges


class CreateApiKey(_Command):
    """Add an API key; only its SHA-256 is kept."""

    keyed_by: ClassVar[str] = "brand_id"
    key_id: str = Field(examples=["key_01J9ZQ4Y3N8M5K7T2V6W1X0ABC"])
    name: str
    role: Role
    digest: str = Field(description="Lower-case hex SHA-256 of the whole key.")
    hint: str = Field(description="The key's first characters, to recognise it by.", examples=["vk_live_3f9a"])


class RevokeApiKey(_Command):
    """Make an API key useless at once."""

    keyed_by: ClassVar[str] = "brand_id"
    key_id: str


class ConnectNetwork(_Command):
    """Connect a social network (or a neutral inbound source)."""

    keyed_by: ClassVar[str] = "brand_id"
    connection_id: str = Field(examples=["con_01J9ZQ4Y3N8M5K7T2V6W1X0ABC"])
    network: NetworkName
    name: str
    settings: dict[str, str] = Field(
        default_factory=dict, description="What is not secret: group_id, account_id, reply_url…"
    )
    sealed_secrets: str = Field(description="Sealed JSON object of the connection's secrets.")


class DisconnectNetwork(_Command):
    """Forget a connection: its webhooks are refused from then on, nothing is published through it."""

    keyed_by: ClassVar[str] = "brand_id"
    connection_id: str


class ConfigureShopApp(_Command):
    """Use the brand's own app at Shopify. A new secret keeps the one before valid, for the days of a rotation."""

    keyed_by: ClassVar[str] = "brand_id"
    client_id: str = Field(examples=["3f1c0de5a4b94f0f8a1a2f6f0d1c2b3a"])
    sealed_secret: str = Field(description="The app's client secret, sealed.")


class ConnectShop(_Command):
    """Keep the offline token that an install (OAuth) or its refresh brought."""

    keyed_by: ClassVar[str] = "brand_id"
    shop_domain: str = Field(examples=["vouch-demo.myshopify.com"])
    sealed_token: str
    scopes: list[str] = Field(default_factory=list, examples=[["read_orders", "write_discounts"]])
    expires_at: datetime | None = Field(None, description="When the token ends; None: never.")
    sealed_refresh_token: str | None = Field(None, description="Brings the next token, once.")
    refreshed: bool = Field(False, description="The next token of an installed app, not a new install.")


class RecordShopSubscriptions(_Command):
    """What came of subscribing to the shop's webhooks (internal)."""

    keyed_by: ClassVar[str] = "brand_id"
    topics: list[str] = Field(description="Subscribed webhook topics.", examples=[["ORDERS_CREATE", "REFUNDS_CREATE"]])
    refused: dict[str, str] = Field(default_factory=dict, description="Topic to the reason Shopify gave.")


class ReplayDeadLetter(_Command):
    """Put a dead letter back on the topic it came from, for the service that could not handle it."""

    keyed_by: ClassVar[str] = "brand_id"
    dead_letter_id: str = Field(examples=["dlq_k3v6m2x7q4n5p8r9s2t3u4v5wa"])


class DisconnectShop(_Command):
    """The app was uninstalled: the token is gone. Ignored when the app was installed again after `at`."""

    keyed_by: ClassVar[str] = "brand_id"
    shop_domain: str
    at: datetime | None = Field(None, description="When it was uninstalled; None: now.")


class BrandConfigured(_Event):
    """The brand's whole profile, after every change."""

    keyed_by: ClassVar[str] = "brand_id"
    profile: BrandProfile


class ConnectionConfigured(_Event):
    """A connection's whole state, after every change."""

    keyed_by: ClassVar[str] = "brand_id"
    connection_id: str
    network: NetworkName
    name: str
    settings: dict[str, str]
    sealed_secrets: str


class ConnectionRemoved(_Event):
    """A connection is gone."""

    keyed_by: ClassVar[str] = "brand_id"
    connection_id: str


class ApiKeyChanged(_Event):
    """An API key was created or revoked; every gateway process refreshes what it holds in memory."""

    keyed_by: ClassVar[str] = "brand_id"
    key_id: str
    revoked_at: datetime | None = None


class ShopConnected(_Event):
    """The app is installed at the shop and may call the Admin API with this token."""

    keyed_by: ClassVar[str] = "brand_id"
    shop_domain: str
    sealed_token: str
    scopes: list[str] = Field(default_factory=list)
    refreshed: bool = Field(False, description="Only the token is new; the app was installed before.")


class ShopDisconnected(_Event):
    """The app was uninstalled."""

    keyed_by: ClassVar[str] = "brand_id"
    shop_domain: str
