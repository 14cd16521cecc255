"""What a resolver knows: the shop, the token's scopes, and the small helpers that all objects share."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from graphql import GraphQLError

from deploy.devstore.admin import listing
from deploy.devstore.codes import Codes
from deploy.devstore.sales import Till
from deploy.devstore.shops import Shop, moment, utc
from deploy.devstore.store import Store
from deploy.devstore.world import World

Json = dict[str, Any]
Obj = dict[str, Any]


@dataclass(frozen=True)
class Context:
    """One call: whose shop, with which access."""

    world: World
    shop: Shop
    scopes: frozenset[str]

    @property
    def store(self) -> Store:
        return self.world.store

    @property
    def till(self) -> Till:
        return Till(self.world, self.shop)

    @property
    def codes(self) -> Codes:
        return Codes(self.world, self.shop)

    def get(self, kind: str, id_: int) -> Json | None:
        return self.store.get(self.shop.domain, kind, id_)

    def all(self, kind: str) -> list[Json]:
        return list(self.store.all(self.shop.domain, kind))

    def need(self, scope: str, field: str) -> None:
        """Refuse a field without its scope; `write_x` includes `read_x`."""
        if scope not in self.scopes and scope.replace("read_", "write_", 1) not in self.scopes:
            message = f"Access denied for {field} field. Required access: `{scope}` access scope."
            raise GraphQLError(
                message, extensions={"code": "ACCESS_DENIED", "requiredAccess": f"`{scope}` access scope."}
            )

    def money(self, amount: Decimal | str) -> Obj:
        """`MoneyV2` in shop currency."""
        return {"amount": self.shop.exchange().text(Decimal(amount)), "currencyCode": self.shop.currency}


def gid(kind: str, id_: int | str) -> str:
    return f"gid://shopify/{kind}/{id_}"


def number_of(global_id: str, *kinds: str) -> int:
    """The numeric id of `gid://shopify/Kind/1`; an id of another kind is an error, as at Shopify."""
    head, _, number = global_id.partition("?")[0].rpartition("/")
    if not number.isdigit() or head not in {f"gid://shopify/{kind}" for kind in kinds}:
        raise GraphQLError(
            f"Invalid global id '{global_id}'", extensions={"code": "argumentLiteralsIncompatible", "typeName": "ID"}
        )
    return int(number)


def bag(rest: Json | None) -> Obj | None:
    """A REST `*_set` as `MoneyBag`."""
    if rest is None:
        return None
    return {"shopMoney": money(rest["shop_money"]), "presentmentMoney": money(rest["presentment_money"])}


def money(rest: Json) -> Obj:
    return {"amount": rest["amount"], "currencyCode": rest["currency_code"]}


def when(rest: str | None) -> str | None:
    """A REST time as GraphQL writes it (UTC)."""
    return utc(moment(rest)) if rest else None


def split_tags(tags: str) -> list[str]:
    return [tag for tag in (part.strip() for part in tags.split(",")) if tag]


def lister(docs: Callable[[], Sequence[Json]], show: Callable[[Json], Obj]) -> Callable[..., Obj]:
    """A field that pages through a list in its own order."""
    return lambda **args: listing.plain(docs(), show, args)


def user_error(message: str, field: Sequence[str] | None = None, **more: Any) -> Obj:
    return {"message": message, "field": list(field) if field else None, **more}
