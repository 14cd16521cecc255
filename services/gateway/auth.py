"""Who is asking: an API key of a brand, an ambassador, a customer at the storefront, or the operator."""

from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyQuery, HTTPAuthorizationCredentials, HTTPBearer

from services.gateway.credentials import KEY_PREFIX, BadToken, digest
from services.gateway.gateway import Gateway, Gw
from services.gateway.misses import Unknowable
from services.gateway.models import Brand
from shared.contracts.gateway import Role
from shared.problems import ProblemError
from shared.security.signatures import SignatureError, verify_app_proxy

_KEY = HTTPBearer(
    scheme_name="ApiKey", bearerFormat=f"{KEY_PREFIX}…", description="A brand's API key.", auto_error=False
)
_TOKEN = HTTPBearer(
    scheme_name="AmbassadorToken", bearerFormat="JWT", description="An ambassador's token.", auto_error=False
)
_OPERATOR = HTTPBearer(
    scheme_name="OperatorToken", description="The operator's token (VOUCH_OPERATOR_TOKEN).", auto_error=False
)
_PROXY = APIKeyQuery(
    scheme_name="ShopifyAppProxy",
    name="signature",
    auto_error=False,
    description="Shopify's signature of a request that its App Proxy forwards; `logged_in_customer_id` says who.",
)
_RANK: dict[Role, int] = {"viewer": 0, "marketer": 1, "owner": 2}
# Left the programme: no door opens any more. A paused or offboarded person may still read what is theirs.
_SHUT_OUT = frozenset({"banned", "rejected"})


@dataclass(frozen=True, slots=True)
class Principal:
    """On whose behalf a request acts. `id` is the key's, ambassador's or customer's."""

    kind: Literal["key", "ambassador", "customer", "visitor", "operator"]
    id: str
    brand_id: str
    role: Role | None = None

    @property
    def actor(self) -> str:
        """As messages and the audit name it."""
        return f"{self.kind}:{self.id}"

    @property
    def scope(self) -> str:
        """What Idempotency-Keys belong to."""
        return f"{self.brand_id}/{self.actor}"


def _unauthorized(detail: str) -> ProblemError:
    return ProblemError("unauthorized", detail)


def _unknowable() -> ProblemError:
    return ProblemError("unavailable", "It cannot be checked now who is asking.")


async def _key_principal(gateway: Gateway, token: str | None) -> Principal:
    if not token:
        raise _unauthorized("Send an API key: `Authorization: Bearer vk_…`.")
    try:
        key = await gateway.directory.key(digest(token))
    except Unknowable:
        raise _unknowable() from None
    if key is None:
        raise _unauthorized("The API key is unknown or revoked.")
    return Principal("key", key.id, key.brand_id, key.role)


def _ambassador(gateway: Gateway, token: str | None) -> Principal:
    if not token:
        raise _unauthorized("Send an ambassador's token: `Authorization: Bearer …`.")
    try:
        claims = gateway.credentials.read_ambassador_token(token)
    except BadToken:
        raise _unauthorized("The token is not valid, or past its time.") from None
    link = gateway.directory.ambassador(claims.ambassador_id)
    if link and (link.status in _SHUT_OUT or link.brand_id != claims.brand_id):
        raise _unauthorized("The token is not valid any more.")
    return Principal("ambassador", claims.ambassador_id, claims.brand_id)


Bearer = HTTPAuthorizationCredentials | None


def _text(credentials: Bearer) -> str | None:
    return credentials.credentials if credentials else None


async def viewer(gateway: Gw, credentials: Annotated[Bearer, Security(_KEY)]) -> Principal:
    """Any key of a brand."""
    return await _key_principal(gateway, _text(credentials))


def _at_least(principal: Principal, role: Role) -> Principal:
    if _RANK[principal.role or "viewer"] < _RANK[role]:
        raise ProblemError("forbidden", f"This needs a key with the role {role}; yours is {principal.role}.")
    return principal


async def marketer(principal: Annotated[Principal, Depends(viewer)]) -> Principal:
    """A key that may change campaigns, mentions, people."""
    return _at_least(principal, "marketer")


async def owner(principal: Annotated[Principal, Depends(viewer)]) -> Principal:
    """A key that may change the brand's connections, shop and money."""
    return _at_least(principal, "owner")


async def ambassador(gateway: Gw, credentials: Annotated[Bearer, Security(_TOKEN)]) -> Principal:
    """The ambassador whose token it is."""
    return _ambassador(gateway, _text(credentials))


async def key_or_ambassador(gateway: Gw, credentials: Annotated[Bearer, Security(_KEY)]) -> Principal:
    """Either; for what both may ask."""
    token = _text(credentials)
    return (
        await _key_principal(gateway, token)
        if not token or token.startswith(KEY_PREFIX)
        else _ambassador(gateway, token)
    )


async def operator(gateway: Gw, credentials: Annotated[Bearer, Security(_OPERATOR)]) -> Principal:
    """Whoever runs this installation."""
    token = _text(credentials)
    if not token or not gateway.credentials.is_operator(token):
        raise _unauthorized("Send the operator's token.")
    return Principal("operator", "operator", "")


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody at a brand's storefront, as Shopify's App Proxy says. `customer_id` is None for anonymous ones."""

    brand: Brand
    customer_id: str | None

    @property
    def principal(self) -> Principal:
        if self.customer_id:
            return Principal("customer", self.customer_id, self.brand.id)
        return Principal("visitor", "anonymous", self.brand.id)


async def visitor(request: Request, gateway: Gw, _: Annotated[str | None, Security(_PROXY)]) -> Visitor:
    """Anybody whose request the App Proxy signed."""
    shop = request.query_params.get("shop", "")
    try:
        brand = await gateway.directory.brand_of_shop(shop)
    except Unknowable:
        raise _unknowable() from None
    secrets = gateway.directory.app(brand.id).secrets if brand else ()
    try:
        caller = verify_app_proxy(request.query_params.multi_items(), secrets)
    except SignatureError as error:
        raise ProblemError("malformed-request" if error.status == 400 else "unauthorized", error.sentence) from None
    if brand is None or caller.shop != brand.profile.shop_domain:
        raise _unauthorized("The shop is not one of ours.")
    return Visitor(brand, caller.customer_id)


async def customer(visitor: Annotated[Visitor, Depends(visitor)]) -> Visitor:
    """A signed-in customer."""
    if visitor.customer_id is None:
        raise _unauthorized("Sign in at the shop first.")
    return visitor


ViewerKey = Annotated[Principal, Depends(viewer)]
MarketerKey = Annotated[Principal, Depends(marketer)]
OwnerKey = Annotated[Principal, Depends(owner)]
Ambassador = Annotated[Principal, Depends(ambassador)]
KeyOrAmbassador = Annotated[Principal, Depends(key_or_ambassador)]
Operator = Annotated[Principal, Depends(operator)]
AnyVisitor = Annotated[Visitor, Depends(visitor)]
Customer = Annotated[Visitor, Depends(customer)]
