"""Store credit and gift cards."""

import hashlib
from collections.abc import Callable
from decimal import Decimal

from deploy.devstore.admin import customers
from deploy.devstore.admin.context import Context, Json, Obj, number_of, user_error
from deploy.devstore.shops import moment, utc
from shared.money import quantize


def mutations(ctx: Context) -> dict[str, Callable[..., Obj]]:
    """Root fields by name."""
    return {
        "storeCreditAccountCredit": lambda **a: _move(
            ctx, a["id"], a["creditInput"]["creditAmount"], a["creditInput"].get("expiresAt"), 1
        ),
        "storeCreditAccountDebit": lambda **a: _move(ctx, a["id"], a["debitInput"]["debitAmount"], None, -1),
        "giftCardCreate": lambda input, **_: _gift_card(ctx, input),
        "giftCardDeactivate": lambda id, **_: _deactivate(ctx, id),
    }


def _move(ctx: Context, global_id: str, wish: Obj, expires_at: str | None, sign: int) -> Obj:
    """Credit (+1) or debit (-1) a customer's account in one currency; a first credit opens it."""
    ctx.need("write_store_credit_account_transactions", "storeCreditAccountCredit")
    name, amount = ("creditInput", "creditAmount") if sign > 0 else ("debitInput", "debitAmount")
    account, errors = _account(ctx, global_id, wish["currencyCode"])
    value = quantize(Decimal(str(wish["amount"])), wish["currencyCode"])
    if value <= 0:
        errors = [
            user_error("A positive amount must be used", [name, amount, "amount"], code="NEGATIVE_OR_ZERO_AMOUNT")
        ]
    if expires_at and moment(expires_at) <= ctx.till.now:
        errors = [user_error("The expiry date must be in the future", [name, "expiresAt"], code="EXPIRES_AT_IN_PAST")]
    if account and sign < 0 and Decimal(account["balance"]["amount"]) < value:
        errors = [user_error("Insufficient funds", [name, amount], code="INSUFFICIENT_FUNDS")]
    if errors or account is None:
        return {"storeCreditAccountTransaction": None, "userErrors": errors}
    return {"storeCreditAccountTransaction": _book(ctx, account, value * sign, expires_at), "userErrors": []}


def _account(ctx: Context, global_id: str, currency: str) -> tuple[Json | None, list[Obj]]:
    if "/StoreCreditAccount/" in global_id:
        account = ctx.get("store_credit", number_of(global_id, "StoreCreditAccount"))
        missing = user_error("Store credit account does not exist", ["id"], code="ACCOUNT_NOT_FOUND")
        if account and account["balance"]["currencyCode"] != currency:
            return None, [user_error("The currency does not match the account's", ["id"], code="MISMATCHING_CURRENCY")]
        return account, [] if account else [missing]
    customer_id = number_of(global_id, "Customer")
    if ctx.get("customer", customer_id) is None:
        return None, [user_error("Owner does not exist", ["id"], code="OWNER_NOT_FOUND")]
    found = next((a for a in customers.accounts_of(ctx, customer_id) if a["balance"]["currencyCode"] == currency), None)
    fresh = {
        "id": ctx.till.new_id("store_credit"),
        "customer_id": customer_id,
        "balance": {"amount": "0.00", "currencyCode": currency},
    }
    return found or fresh, []


def _book(ctx: Context, account: Json, value: Decimal, expires_at: str | None) -> Obj:
    currency, now = account["balance"]["currencyCode"], utc(ctx.till.now)
    account["balance"] = {"amount": str(Decimal(account["balance"]["amount"]) + value), "currencyCode": currency}
    move = {
        "id": ctx.till.new_id("store_credit_move"), "amount": {"amount": str(value), "currencyCode": currency},
        "balance_after": dict(account["balance"]), "created_at": now, "expires_at": expires_at,
    }  # fmt: skip
    ctx.store.put(
        ctx.shop.domain, "store_credit", account, lookup=str(account["customer_id"]), created=now, updated=now
    )
    ctx.store.put(ctx.shop.domain, "store_credit_move", move, lookup=str(account["id"]), created=now, updated=now)
    return customers.move(ctx, account, move)


def _gift_card(ctx: Context, wish: Obj) -> Obj:
    ctx.need("write_gift_cards", "giftCardCreate")
    money, code = wish.get("initialAmount"), wish.get("code")
    id_ = ctx.till.new_id("gift_card")
    code = (code or hashlib.sha256(f"{ctx.shop.domain}/{id_}".encode()).hexdigest()[:16]).lower()
    errors = []
    if money is None or Decimal(str(money["amount"])) <= 0:
        errors.append(
            user_error("Initial value must be greater than 0", ["input", "initialAmount"], code="GREATER_THAN")
        )
    if not 8 <= len(code) <= 20:
        errors.append(
            user_error(
                "Code must be 8 to 20 characters", ["input", "code"], code="TOO_SHORT" if len(code) < 8 else "TOO_LONG"
            )
        )
    if ctx.store.find(ctx.shop.domain, "gift_card", code):
        errors.append(user_error("Code has already been taken", ["input", "code"], code="TAKEN"))
    customer = number_of(wish["customerId"], "Customer") if wish.get("customerId") else None
    if customer is not None and ctx.get("customer", customer) is None:
        errors.append(user_error("Customer could not be found.", ["input", "customerId"], code="CUSTOMER_NOT_FOUND"))
    if errors or money is None:
        return {"giftCard": None, "giftCardCode": None, "userErrors": errors}
    doc = _new_card(ctx, wish, id_, code, customer)
    return {"giftCard": customers.gift_card(ctx, doc), "giftCardCode": code, "userErrors": []}


def _new_card(ctx: Context, wish: Obj, id_: int, code: str, customer: int | None) -> Json:
    currency, now = wish["initialAmount"]["currencyCode"], utc(ctx.till.now)
    value = {"amount": str(quantize(Decimal(str(wish["initialAmount"]["amount"])), currency)), "currencyCode": currency}
    doc = {
        "id": id_, "code": code, "initial_value": value, "balance": value, "customer_id": customer,
        "note": wish.get("note"), "expires_on": wish.get("expiresOn"), "enabled": True, "deactivated_at": None,
        "created_at": now, "updated_at": now,
    }  # fmt: skip
    ctx.store.put(ctx.shop.domain, "gift_card", doc, lookup=code, created=now, updated=now)
    return doc


def _deactivate(ctx: Context, id_: str) -> Obj:
    ctx.need("write_gift_cards", "giftCardDeactivate")
    doc = ctx.get("gift_card", number_of(id_, "GiftCard"))
    if doc is None:
        return {
            "giftCard": None,
            "userErrors": [user_error("The gift card could not be found.", ["id"], code="GIFT_CARD_NOT_FOUND")],
        }
    now = utc(ctx.till.now)
    doc |= {"enabled": False, "deactivated_at": now, "updated_at": now}
    ctx.store.put(ctx.shop.domain, "gift_card", doc, lookup=doc["code"], created=doc["created_at"], updated=now)
    return {"giftCard": customers.gift_card(ctx, doc), "userErrors": []}
