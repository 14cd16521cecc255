"""Mutations of code discounts."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from deploy.devstore.admin.context import Context, Json, Obj, gid, lister, number_of, user_error
from deploy.devstore.admin.discounts import MAX_CODES_PER_CALL, merged, node, redeem_code
from deploy.devstore.discounts import Discount
from deploy.devstore.shops import utc
from deploy.devstore.webhooks import emit

BULK_SECONDS = 1.0  # a bulk creation is done this long after it was asked for


def mutations(ctx: Context) -> dict[str, Callable[..., Obj]]:
    """Root fields by name."""
    basic, shipping = ("basic", "basicCodeDiscount"), ("free_shipping", "freeShippingCodeDiscount")
    return {
        "discountCodeBasicCreate": lambda **a: _create(ctx, *basic, a[basic[1]]),
        "discountCodeBasicUpdate": lambda **a: _update(ctx, *basic, a["id"], a[basic[1]]),
        "discountCodeFreeShippingCreate": lambda **a: _create(ctx, *shipping, a[shipping[1]]),
        "discountCodeFreeShippingUpdate": lambda **a: _update(ctx, *shipping, a["id"], a[shipping[1]]),
        "discountCodeActivate": lambda id, **_: _activate(ctx, id),
        "discountCodeDeactivate": lambda id, **_: _deactivate(ctx, id),
        "discountCodeDelete": lambda id, **_: _delete(ctx, id),
        "discountRedeemCodeBulkAdd": lambda **a: _bulk_add(ctx, a["discountId"], [c["code"] for c in a["codes"]]),
        "discountCodeRedeemCodeBulkDelete": lambda **a: _bulk_delete(ctx, **a),
    }


def _found(ctx: Context, id_: str) -> Json | None:
    return ctx.get("discount", number_of(id_, "DiscountCodeNode", "DiscountNode"))


def _gone() -> Obj:
    return {
        "codeDiscountNode": None,
        "userErrors": [user_error("Discount does not exist", ["id"], code="INVALID", extraInfo=None)],
    }


def _answer(ctx: Context, doc: Json | None, errors: list[Obj]) -> Obj:
    errors = [{"extraInfo": None, **error} for error in errors]
    return {"codeDiscountNode": node(ctx, doc) if doc else None, "userErrors": errors}


def _save(ctx: Context, discount: Discount) -> Json:
    doc = discount.model_dump(mode="json")
    created, updated = utc(discount.created_at), utc(discount.updated_at)
    ctx.store.put(ctx.shop.domain, "discount", doc, created=created, updated=updated)
    return doc


def _code_errors(ctx: Context, code: str | None, path: list[str], own: int | None = None) -> list[Obj]:
    problem = ctx.codes.problem(code, own)
    return [user_error(problem[1], path, code=problem[0])] if problem else []


def _create(ctx: Context, kind: str, argument: str, wish: Obj) -> Obj:
    ctx.need("write_discounts", argument)
    discount, errors = merged(ctx, kind, argument, wish, None)
    errors = _code_errors(ctx, wish.get("code"), [argument, "code"]) + errors
    if discount is None or errors:
        return _answer(ctx, None, errors)
    doc = _save(ctx, discount.model_copy(update={"id": ctx.till.new_id("discount")}))
    ctx.codes.add(doc["id"], wish["code"])
    _tell(ctx, "discounts/create", doc)
    return _answer(ctx, doc, [])


def _tell(ctx: Context, topic: str, doc: Json) -> None:
    body = {
        "admin_graphql_api_id": gid("DiscountCodeNode", doc["id"]),
        "title": doc["title"],
        "updated_at": doc["updated_at"],
    }
    emit(ctx.world, ctx.shop, topic, body)


def _update(ctx: Context, kind: str, argument: str, id_: str, wish: Obj) -> Obj:
    ctx.need("write_discounts", argument)
    old = _found(ctx, id_)
    if old is None or old["type"] != kind:
        return _gone()
    discount, errors = merged(ctx, kind, argument, wish, old)
    first = next(iter(ctx.codes.of(old["id"])), None)
    if "code" in wish:
        errors = _code_errors(ctx, wish["code"], [argument, "code"], first["id"] if first else None) + errors
    if discount is None or errors:
        return _answer(ctx, None, errors)
    if "code" in wish and first:
        ctx.codes.save({**first, "code": wish["code"]})
    doc = _save(ctx, discount)
    _tell(ctx, "discounts/update", doc)
    return _answer(ctx, doc, [])


def _changed(ctx: Context, id_: str, change: Callable[[Discount], dict[str, Any]]) -> Obj:
    ctx.need("write_discounts", "discountCodeActivate")
    old = _found(ctx, id_)
    if old is None:
        return _gone()
    discount = Discount.model_validate(old)
    doc = _save(ctx, discount.model_copy(update={**change(discount), "updated_at": ctx.till.now}))
    _tell(ctx, "discounts/update", doc)
    return _answer(ctx, doc, [])


def _activate(ctx: Context, id_: str) -> Obj:
    """Active from now on, without an end if it had passed."""
    now = ctx.till.now

    def change(discount: Discount) -> dict[str, Any]:
        over = discount.ends_at is not None and discount.ends_at <= now
        return {"starts_at": min(discount.starts_at, now), "ends_at": None if over else discount.ends_at}

    return _changed(ctx, id_, change)


def _deactivate(ctx: Context, id_: str) -> Obj:
    """Ends now; one that had not started never will."""
    now = ctx.till.now
    return _changed(ctx, id_, lambda d: {"starts_at": min(d.starts_at, now), "ends_at": min(d.ends_at or now, now)})


def _delete(ctx: Context, id_: str) -> Obj:
    ctx.need("write_discounts", "discountCodeDelete")
    doc = _found(ctx, id_)
    if doc is None:
        return {"deletedCodeDiscountId": None, "userErrors": _gone()["userErrors"]}
    for code in ctx.codes.of(doc["id"]):
        ctx.codes.delete(code["id"])
    ctx.store.delete(ctx.shop.domain, "discount", doc["id"])
    emit(
        ctx.world,
        ctx.shop,
        "discounts/delete",
        {"admin_graphql_api_id": gid("DiscountCodeNode", doc["id"]), "deleted_at": utc(ctx.till.now)},
    )
    return {"deletedCodeDiscountId": gid("DiscountCodeNode", doc["id"]), "userErrors": []}


def _bulk_add(ctx: Context, id_: str, codes: list[str]) -> Obj:
    """Codes are added in the background: what was asked for is recorded now, visible when the bulk creation is done."""
    ctx.need("write_discounts", "discountRedeemCodeBulkAdd")
    doc = _found(ctx, id_)
    errors = []
    if doc is None:
        errors = [user_error("Code discount does not exist.", ["discountId"], code="INVALID", extraInfo=None)]
    elif not 0 < len(codes) <= MAX_CODES_PER_CALL:
        message = f"The number of codes must be between 1 and {MAX_CODES_PER_CALL}."
        errors = [user_error(message, ["codes"], code="TOO_MANY_ARGUMENTS", extraInfo=None)]
    if doc is None or errors:
        return {"bulkCreation": None, "userErrors": errors}
    bulk = ctx.codes.ask_bulk(doc["id"], codes, utc(ctx.till.now + timedelta(seconds=BULK_SECONDS)))
    return {"bulkCreation": bulk_creation(ctx, bulk), "userErrors": []}


def bulk_creation(ctx: Context, bulk: Json) -> Obj:
    """`DiscountRedeemCodeBulkCreation`."""
    failed = sum(1 for entry in bulk["codes"] if entry["problem"])
    entries = bulk["codes"] or [{"code": code, "id": None, "problem": None} for code in bulk["wanted"]]
    return {
        "__typename": "DiscountRedeemCodeBulkCreation", "id": gid("DiscountRedeemCodeBulkCreation", bulk["id"]),
        "createdAt": bulk["created_at"], "done": not bulk["wanted"], "codesCount": len(entries), "failedCount": failed,
        "importedCount": len(bulk["codes"]) - failed,
        "codes": lister(lambda: entries, lambda entry: _entry(ctx, entry)),
        "discountCode": lambda **_: _node_of(ctx, bulk["discount_id"]),
    }  # fmt: skip


def _node_of(ctx: Context, discount_id: int) -> Obj | None:
    doc = ctx.get("discount", discount_id)
    return node(ctx, doc) if doc else None


def _entry(ctx: Context, entry: Json) -> Obj:
    code, problem = ctx.get("code", entry["id"]) if entry["id"] else None, entry["problem"]
    errors = [user_error(problem[1], ["code"], code=problem[0], extraInfo=None)] if problem else []
    return {"code": entry["code"], "errors": errors, "discountRedeemCode": redeem_code(ctx, code) if code else None}


def _bulk_delete(ctx: Context, **args: Any) -> Obj:
    ctx.need("write_discounts", "discountCodeRedeemCodeBulkDelete")
    doc = _found(ctx, args["discountId"])
    if doc is None or not args.get("ids"):
        message = "Code discount does not exist." if doc is None else "Missing expected argument key: 'ids'."
        return {"job": None, "userErrors": [user_error(message, ["ids"], code="MISSING_ARGUMENT", extraInfo=None)]}
    wanted = {number_of(id_, "DiscountRedeemCode") for id_ in args["ids"]}
    for code in ctx.codes.of(doc["id"]):
        if code["id"] in wanted:
            ctx.codes.delete(code["id"])
    return {"job": {"id": gid("Job", f"delete-{doc['id']}"), "done": True}, "userErrors": []}
