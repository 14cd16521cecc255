"""Customers, addresses, store credit and gift cards as GraphQL objects."""

from decimal import Decimal
from typing import Any

from deploy.devstore.admin import catalogue, listing
from deploy.devstore.admin.context import Context, Json, Obj, gid, lister, when


def by_id(ctx: Context, id_: int | None) -> Obj | None:
    doc = ctx.get("customer", id_) if id_ is not None else None
    return customer(ctx, doc) if doc else None


def of_order(ctx: Context, order: Json) -> Obj | None:
    """The customer of an order as it is now."""
    ctx.need("read_customers", "customer")
    return by_id(ctx, order["customer"]["id"]) if order["customer"] else None


def customer(ctx: Context, doc: Json) -> Obj:
    """`Customer`."""
    name = " ".join(part for part in (doc["first_name"], doc["last_name"]) if part)
    return {
        "__typename": "Customer", "id": gid("Customer", doc["id"]), "legacyResourceId": str(doc["id"]),
        "firstName": doc["first_name"], "lastName": doc["last_name"],
        "displayName": name or doc["email"] or f"Customer {doc['id']}", "note": doc["note"], "email": doc["email"],
        "defaultEmailAddress": _email(ctx, doc),
        "defaultPhoneNumber": {"phoneNumber": doc["phone"]} if doc["phone"] else None, "tags": doc["_tags"],
        "locale": doc["_locale"], "state": doc["state"].upper(), "verifiedEmail": doc["verified_email"],
        "taxExempt": doc["tax_exempt"], "taxExemptions": [], "multipassIdentifier": None, "dataSaleOptOut": False,
        "createdAt": when(doc["created_at"]), "updatedAt": when(doc["updated_at"]),
        "numberOfOrders": str(doc["_orders"]), "amountSpent": ctx.money(doc["_spent"]),
        "canDelete": doc["_orders"] == 0, "lifetimeDuration": "less than a year",
        "productSubscriberStatus": "NEVER_SUBSCRIBED", "statistics": {"predictedSpendTier": None, "rfmGroup": None},
        "defaultAddress": address(doc["default_address"]),
        "addressesV2": lister(lambda: [a for a in [doc["default_address"]] if a], lambda a: address(a) or {}),
        "lastOrder": lambda **_: _last_order(ctx, doc), "orders": lambda **args: _orders(ctx, doc, args),
        "storeCreditAccounts": lister(lambda: accounts_of(ctx, doc["id"]), lambda a: account(ctx, a)),
        **catalogue.metafields(ctx, "Customer", doc["id"]),
    }  # fmt: skip


def _email(ctx: Context, doc: Json) -> Obj | None:
    if not doc["email"]:
        return None
    consent, link = doc["email_marketing_consent"], catalogue.store_url(ctx, "/")
    return {
        "emailAddress": doc["email"], "marketingState": consent["state"].upper(),
        "marketingOptInLevel": consent["opt_in_level"].upper(),
        "marketingUpdatedAt": when(consent["consent_updated_at"]), "marketingUnsubscribeUrl": link,
        "openTrackingLevel": "UNKNOWN", "openTrackingUrl": link, "validFormat": "@" in doc["email"],
    }  # fmt: skip


def _last_order(ctx: Context, doc: Json) -> Obj | None:
    from deploy.devstore.admin import orders  # the two object types refer to each other

    last = ctx.get("order", doc["_last_order"]) if doc["_last_order"] else None
    return orders.order(ctx, last) if last else None


def _orders(ctx: Context, doc: Json, args: Obj) -> Obj:
    from deploy.devstore.admin import orders  # the two object types refer to each other

    ctx.need("read_orders", "orders")
    own = [o for o in ctx.all("order") if o["customer"] and o["customer"]["id"] == doc["id"]]
    return listing.page([listing.Item(o["id"], o["id"], o) for o in own], lambda o: orders.order(ctx, o), args)


def address(doc: Json | None) -> Obj | None:
    """`MailingAddress`."""
    if doc is None:
        return None
    lines = [doc["address1"], f"{doc['zip']} {doc['city']}", doc["country"]]
    return {
        "__typename": "MailingAddress", "id": gid("MailingAddress", doc["id"]), "address1": doc["address1"],
        "address2": doc["address2"], "city": doc["city"], "company": doc["company"], "country": doc["country"],
        "countryCodeV2": doc["country_code"], "firstName": doc["first_name"], "lastName": doc["last_name"],
        "name": doc["name"], "phone": doc["phone"], "province": doc["province"], "provinceCode": doc["province_code"],
        "zip": doc["zip"], "coordinatesValidated": False, "formatted": lambda **_: lines,
        "formattedArea": f"{doc['city']}, {doc['country']}", "latitude": None, "longitude": None, "timeZone": None,
        "validationResultSummary": None,
    }  # fmt: skip


def accounts_of(ctx: Context, customer_id: int) -> list[Json]:
    return ctx.store.find_all(ctx.shop.domain, "store_credit", str(customer_id))


def account(ctx: Context, doc: Json) -> Obj:
    """`StoreCreditAccount`: one per customer and currency."""
    return {
        "__typename": "StoreCreditAccount", "id": gid("StoreCreditAccount", doc["id"]), "balance": doc["balance"],
        "owner": lambda **_: by_id(ctx, doc["customer_id"]),
        "transactions": lister(lambda: moves_of(ctx, doc["id"]), lambda m: move(ctx, doc, m)),
    }  # fmt: skip


def moves_of(ctx: Context, account_id: int) -> list[Json]:
    return ctx.store.find_all(ctx.shop.domain, "store_credit_move", str(account_id))


def move(ctx: Context, owner: Json, doc: Json) -> Obj:
    """A credit or debit of an account; a debit's amount is negative."""
    kind = (
        "StoreCreditAccountCreditTransaction"
        if Decimal(doc["amount"]["amount"]) >= 0
        else "StoreCreditAccountDebitTransaction"
    )
    return {
        "__typename": kind, "id": gid(kind, doc["id"]), "account": lambda **_: account(ctx, owner),
        "amount": doc["amount"], "balanceAfterTransaction": doc["balance_after"], "createdAt": doc["created_at"],
        "event": "ADJUSTMENT", "expiresAt": doc["expires_at"], "remainingAmount": doc["amount"],
    }  # fmt: skip


def gift_card(ctx: Context, doc: Json) -> Obj:
    """`GiftCard`."""
    fields: dict[str, Any] = {key: doc[key] for key in ("balance", "note", "enabled")}
    return {
        "__typename": "GiftCard", "id": gid("GiftCard", doc["id"]), **fields, "initialValue": doc["initial_value"],
        "createdAt": doc["created_at"], "updatedAt": doc["updated_at"], "deactivatedAt": doc["deactivated_at"],
        "expiresOn": doc["expires_on"], "lastCharacters": doc["code"][-4:],
        "maskedCode": f"•••• •••• •••• {doc['code'][-4:]}", "customer": lambda **_: by_id(ctx, doc["customer_id"]),
        "order": None, "lineItem": None, "recipientAttributes": None, "templateSuffix": None,
        "isRedeemable": doc["enabled"], "crossCurrencyRedemptionStrategy": "MARKET_FX",
    }  # fmt: skip
