"""What can come of a call to Shopify. Each class is a policy: what the caller should do about it."""

from dataclasses import dataclass


class ShopifyError(Exception):
    """Base of everything the client raises; `shop` says whose call it was."""

    def __init__(self, shop: str, detail: str) -> None:
        super().__init__(f"{shop}: {detail}")
        self.shop = shop
        self.detail = detail


class Throttled(ShopifyError):
    """The shop's bucket is empty: nothing was done. Try again after `retry_after` seconds, other shops may go on."""

    def __init__(self, shop: str, retry_after: float) -> None:
        super().__init__(shop, f"throttled, again in {retry_after:.1f} s")
        self.retry_after = retry_after


class Unauthorized(ShopifyError):
    """The token is not (or no longer) good for this call: a fresh token or a re-install is needed."""


class BadDocument(ShopifyError):
    """Shopify does not understand the document or its variables: a bug here, repeating does not help."""


class Unavailable(ShopifyError):
    """No answer that says what happened. `uncertain`: the call may have taken effect; read back before repeating it."""

    def __init__(self, shop: str, detail: str, *, uncertain: bool) -> None:
        super().__init__(shop, detail)
        self.uncertain = uncertain


@dataclass(frozen=True, slots=True)
class UserError:
    """One entry of a mutation's `userErrors`; `field` is the path joined with dots ('' = the call as a whole)."""

    field: str
    code: str | None
    message: str


class UserErrors(ShopifyError):
    """The mutation was understood and refused: nothing was done."""

    def __init__(self, shop: str, errors: list[UserError]) -> None:
        super().__init__(shop, "; ".join(f"{e.field}: {e.message}" if e.field else e.message for e in errors))
        self.errors = errors

    def has(self, code: str) -> bool:
        """Whether one of the errors has this `code` (for example `TAKEN`)."""
        return any(error.code == code for error in self.errors)
