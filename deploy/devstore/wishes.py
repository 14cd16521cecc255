"""What may be asked of the shop: checkouts, refunds, edits, buyers, as JSON bodies. Unknown fields are refused."""

from decimal import Decimal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from deploy.devstore.amounts import RATES

USER_AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0 Safari/537.36"


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class NameValue(Strict):
    name: str
    value: str


class BuyerIn(Strict):
    """A buyer; one with a known e-mail is that customer."""

    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    phone: str | None = None
    locale: str | None = None


class LineIn(Strict):
    variant_id: int
    quantity: int = Field(1, ge=1, le=10_000)
    properties: list[NameValue] = []


class CheckoutIn(Strict):
    """A checkout. Amounts in shop currency. `customer_id` wins over `customer`; neither = nobody known."""

    lines: list[LineIn] = Field(min_length=1)
    customer: BuyerIn | None = None
    customer_id: int | None = None
    discount_codes: list[str] = []
    landing_site: str | None = None
    referring_site: str | None = None
    note: str | None = None
    note_attributes: list[NameValue] = []
    presentment_currency: str | None = None
    test: bool = False
    tip: Decimal = Field(Decimal(0), ge=0)
    shipping: Decimal | None = Field(None, ge=0, description="Instead of the shop's flat price.")
    paid: bool = True
    source_name: str = "web"
    browser_ip: str = "203.0.113.7"
    user_agent: str = USER_AGENT
    accept_language: str = "en"
    locale: str | None = None
    cart_token: str | None = None
    tags: list[str] = []

    @field_validator("presentment_currency")
    @classmethod
    def known_currency(cls, value: str | None) -> str | None:
        if value is not None and value not in RATES:
            raise ValueError(f"no rate for {value}; known: {', '.join(RATES)}")
        return value


class RefundLineIn(Strict):
    line_item_id: int
    quantity: int = Field(ge=1)
    restock_type: str = Field("return", pattern="^(no_restock|cancel|return)$")


class RefundIn(Strict):
    """A refund. Without lines, shipping and amount: everything that is left. `amount` alone: money without goods."""

    lines: list[RefundLineIn] = []
    shipping: Decimal | None = Field(None, ge=0)
    amount: Decimal | None = Field(None, ge=0)
    note: str | None = None


class EditLineIn(Strict):
    line_item_id: int
    quantity: int = Field(ge=0)


class EditIn(Strict):
    """An edit: current quantities of lines to set, variants to add."""

    set: list[EditLineIn] = []
    add: list[LineIn] = []
    note: str | None = None
