"""The shops of the dev store and their clocks."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from pydantic import BaseModel

from deploy.devstore.amounts import Exchange
from deploy.devstore.store import Store


class Shop(BaseModel):
    """A shop's settings. The app's credentials derive from the domain: known, local, worth nothing elsewhere."""

    id: int
    domain: str
    name: str
    email: str
    currency: str
    time_zone: str
    country: str
    locale: str
    taxes_included: bool
    tax_rate: Decimal
    tax_title: str
    shipping_price: Decimal
    presentment: list[str]

    @property
    def client_id(self) -> str:
        return _digest("client", self.domain)[:32]

    @property
    def client_secret(self) -> str:
        return f"shpss_{_digest('secret', self.domain)[:32]}"

    @property
    def secrets(self) -> list[str]:
        return [self.client_secret]

    @property
    def tz(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    def exchange(self, presentment: str | None = None) -> Exchange:
        return Exchange(self.currency, presentment or self.currency)

    def stamp(self, moment: datetime) -> str:
        """Local time as REST payloads write it: `2026-11-22T18:00:00+01:00`."""
        return moment.astimezone(self.tz).isoformat(timespec="seconds")


def _digest(kind: str, domain: str) -> str:
    return hashlib.sha256(f"vouch dev store {kind} {domain}".encode()).hexdigest()


def utc(moment: datetime) -> str:
    """`2026-11-22T17:00:00Z`: how GraphQL writes a moment, and how the store sorts it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def moment(text: str) -> datetime:
    """An RFC 3339 moment, with its zone (UTC when it has none)."""
    parsed = datetime.fromisoformat(text)
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Clock:
    """A shop's time: the machine's, shifted by what `POST /_dev/shops/{shop}/clock` asked for."""

    store: Store
    domain: str

    @property
    def shift(self) -> timedelta:
        return timedelta(seconds=self.store.setting(f"clock/{self.domain}", 0))

    def now(self) -> datetime:
        return (datetime.now(UTC) + self.shift).replace(microsecond=0)

    def advance(self, seconds: float) -> None:
        """Move further; negative goes back."""
        self.store.set_setting(f"clock/{self.domain}", self.shift.total_seconds() + seconds)

    def reset(self) -> None:
        self.store.set_setting(f"clock/{self.domain}", 0)
