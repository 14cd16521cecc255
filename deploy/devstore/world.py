"""What every part of the dev store works with: its settings, its memory, its faults, its clocks."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime

from deploy.devstore.catalogue import seed, shops
from deploy.devstore.faults import Faults
from deploy.devstore.shops import Clock, Shop
from deploy.devstore.store import Store

API_VERSION = "2026-10"
COMPLIANCE = ("customers/data_request", "customers/redact", "shop/redact")


@dataclass(frozen=True)
class Settings:
    """`data`: SQLite file. `gateway`: where the app (Vouch) listens. `public_url`: where browsers reach the shops."""

    data: str
    gateway: str
    public_url: str
    usage_lag: float = 2.0


@dataclass
class World:
    """One running dev store."""

    settings: Settings
    store: Store
    faults: Faults
    wake: asyncio.Event = field(default_factory=asyncio.Event)

    @classmethod
    def open(cls, settings: Settings) -> "World":
        store = Store(settings.data)
        seed(store, settings.public_url)
        return cls(settings, store, Faults(store))

    def shop(self, domain: str) -> Shop | None:
        return shops().get(domain)

    def clock(self, shop: Shop) -> Clock:
        return Clock(self.store, shop.domain)

    def now(self, shop: Shop) -> datetime:
        return self.clock(shop).now()
