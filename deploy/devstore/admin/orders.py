"""Orders, lines, refunds and transactions as GraphQL objects, read from the REST documents."""

from decimal import Decimal
from urllib.parse import parse_qsl, urlsplit

from deploy.devstore import totals
from deploy.devstore.admin import catalogue, customers
from deploy.devstore.admin.context import Context, Json, Obj, bag, gid, lister, split_tags, when
from deploy.devstore.amounts import ZERO, Pair, read, total


def order(ctx: Context, doc: Json) -> Obj:
    """`Order`."""
    return {
        "__typename": "Order", "id": gid("Order", doc["id"]), "legacyResourceId": str(doc["id"]), "name": doc["name"],
        **_identity(ctx, doc), **_times(doc), **_amounts(doc), **_buyer(ctx, doc), **_states(doc),
        **_contents(ctx, doc), **catalogue.metafields(ctx, "Order", doc["id"]),
    }  # fmt: skip


def _identity(ctx: Context, doc: Json) -> Obj:
    return {
        "number": doc["order_number"], "confirmationNumber": doc["confirmation_number"], "cartToken": doc["cart_token"],
        "checkoutToken": doc["checkout_token"], "sourceName": doc["source_name"],
        "sourceIdentifier": doc["source_identifier"], "registeredSourceUrl": doc["source_url"], "test": doc["test"],
        "note": doc["note"], "poNumber": doc["po_number"], "tags": split_tags(doc["tags"]),
        "clientIp": doc["browser_ip"], "app": {"id": gid("App", doc["app_id"]), "name": "Online Store"},
        "customAttributes": [{"key": a["name"], "value": a["value"]} for a in doc["note_attributes"]],
        "statusPageUrl": lambda **_: doc["order_status_url"], "customerLocale": doc["customer_locale"],
        "customerJourneySummary": _journey(doc), "merchantOfRecordApp": None, "productNetwork": False,
    }  # fmt: skip


def _times(doc: Json) -> Obj:
    names = {
        "created_at": "createdAt", "updated_at": "updatedAt", "processed_at": "processedAt",
        "cancelled_at": "cancelledAt", "closed_at": "closedAt",
    }  # fmt: skip
    return {field: when(doc[key]) for key, field in names.items()}


def _amounts(doc: Json) -> Obj:
    exchange = totals.exchange_of(doc)
    names = {
        "current_shipping_price": "currentShippingPriceSet", "current_subtotal_price": "currentSubtotalPriceSet",
        "current_total_discounts": "currentTotalDiscountsSet", "current_total_price": "currentTotalPriceSet",
        "current_total_tax": "currentTotalTaxSet", "subtotal_price": "subtotalPriceSet",
        "total_discounts": "totalDiscountsSet", "total_price": "totalPriceSet", "total_tax": "totalTaxSet",
        "total_shipping_price": "totalShippingPriceSet", "original_total_duties": "originalTotalDutiesSet",
        "current_total_duties": "currentTotalDutiesSet",
        "original_total_additional_fees": "originalTotalAdditionalFeesSet",
        "current_total_additional_fees": "currentTotalAdditionalFeesSet",
    }  # fmt: skip
    received, refunded = totals.received(doc), totals.refunded(doc)

    def of_kind(kind: str) -> list[Json]:
        return [a for r in doc["refunds"] for a in r["order_adjustments"] if a["kind"] == kind]

    owed = read(doc["current_total_price_set"]) - (received - refunded)
    made = {
        "originalTotalPriceSet": read(doc["total_price_set"]), "totalTipReceivedSet": read(doc["_tip_set"]),
        "totalReceivedSet": received, "totalRefundedSet": refunded, "netPaymentSet": received - refunded,
        "totalOutstandingSet": owed if owed.shop > 0 else ZERO, "totalCapturableSet": ZERO,
        "totalRefundedShippingSet": -total(read(a["amount_set"]) for a in of_kind("shipping_refund")),
        "refundDiscrepancySet": total(read(a["amount_set"]) for a in of_kind("refund_discrepancy")),
        "cartDiscountAmountSet": read(doc["total_discounts_set"]),
        "currentCartDiscountAmountSet": read(doc["current_total_discounts_set"]),
    }  # fmt: skip
    rounding = {"paymentSet": bag(exchange.bag(ZERO)), "refundSet": bag(exchange.bag(ZERO))}
    return {
        **{field: bag(doc[f"{key}_set"]) for key, field in names.items()},
        **{k: bag(exchange.bag(v)) for k, v in made.items()}, "currencyCode": doc["currency"],
        "presentmentCurrencyCode": doc["presentment_currency"], "taxesIncluded": doc["taxes_included"],
        "taxExempt": doc["tax_exempt"], "estimatedTaxes": doc["estimated_taxes"],
        "dutiesIncluded": doc["duties_included"], "taxLines": [_tax(t) for t in doc["tax_lines"]],
        "currentTaxLines": [_current_tax(doc, t) for t in doc["tax_lines"]], "totalCashRoundingAdjustment": rounding,
    }  # fmt: skip


def _current_tax(doc: Json, tax: Json) -> Obj:
    return _tax({**tax, "price_set": doc["current_total_tax_set"]})


def _buyer(ctx: Context, doc: Json) -> Obj:
    return {
        "email": doc["email"] or None, "phone": doc["phone"], "customer": lambda **_: customers.of_order(ctx, doc),
        "billingAddress": customers.address(doc["billing_address"]),
        "shippingAddress": customers.address(doc["shipping_address"]),
        "displayAddress": customers.address(doc["shipping_address"]), "billingAddressMatchesShippingAddress": True,
        "customerAcceptsMarketing": doc["buyer_accepts_marketing"], "canNotifyCustomer": bool(doc["email"]),
    }  # fmt: skip


def _states(doc: Json) -> Obj:
    status = doc["financial_status"].upper()
    cancelled = doc["cancelled_at"] is not None
    return {
        "displayFinancialStatus": status, "displayFulfillmentStatus": "UNFULFILLED", "returnStatus": "NO_RETURN",
        "cancelReason": doc["cancel_reason"].upper() if doc["cancel_reason"] else None,
        "cancellation": {"staffNote": None} if cancelled else None, "closed": doc["closed_at"] is not None,
        "confirmed": doc["confirmed"], "edited": doc["_edited"],
        "fullyPaid": status in ("PAID", "PARTIALLY_REFUNDED", "REFUNDED"), "unpaid": status == "PENDING",
        "canMarkAsPaid": status == "PENDING" and not cancelled, "capturable": False,
        "refundable": totals.received(doc).shop > totals.refunded(doc).shop, "fulfillable": not cancelled,
        "restockable": not cancelled, "merchantEditable": not cancelled, "merchantEditableErrors": [],
        "hasTimelineComment": False, "paymentGatewayNames": doc["payment_gateway_names"],
        "fulfillmentsCount": {"count": 0, "precision": "EXACT"},
    }  # fmt: skip


def _contents(ctx: Context, doc: Json) -> Obj:
    lines = doc["line_items"]
    applications = [_application(doc, index) for index in range(len(doc["discount_applications"]))]
    shipping = [_shipping_line(doc, line) for line in doc["shipping_lines"]]
    transactions = [_transaction(ctx, doc, t) for t in doc["_transactions"]]
    codes = [code["code"] for code in doc["discount_codes"]]
    return {
        "lineItems": lister(lambda: lines, lambda line: line_item(ctx, doc, line)),
        "nonFulfillableLineItems": lister(lambda: [], lambda line: line),
        "subtotalLineItemsQuantity": sum(line["quantity"] for line in lines),
        "currentSubtotalLineItemsQuantity": sum(line["current_quantity"] for line in lines),
        "requiresShipping": any(line["requires_shipping"] for line in lines), "totalWeight": str(doc["total_weight"]),
        "currentTotalWeight": str(sum(line["grams"] * line["current_quantity"] for line in lines)),
        "discountApplications": lister(lambda: applications, lambda item: item), "discountCodes": codes,
        "discountCode": codes[0] if codes else None, "shippingLine": shipping[0] if shipping else None,
        "shippingLines": lister(lambda: shipping, lambda item: item),
        "refunds": lambda first=None, **_: [refund(ctx, doc, r) for r in doc["refunds"]][:first],
        "transactions": lambda first=None, **_: transactions[:first],
        "transactionsCount": {"count": len(transactions), "precision": "EXACT"},
    }  # fmt: skip


def _journey(doc: Json) -> Obj:
    """The last visit, as far as the checkout told it; Shopify makes it ready some time after the order."""
    visit = _visit(doc) if doc["landing_site"] or doc["referring_site"] else None
    moments = [visit] if visit else []
    return {
        "ready": True, "customerOrderIndex": None, "daysToConversion": 0 if visit else None, "firstVisit": visit,
        "lastVisit": visit, "momentsCount": {"count": len(moments), "precision": "EXACT"},
        "moments": lister(lambda: moments, lambda item: item),
    }  # fmt: skip


def _visit(doc: Json) -> Obj:
    query = dict(parse_qsl(urlsplit(doc["landing_site"] or "").query))
    utm = {name: query.get(f"utm_{name}") for name in ("campaign", "content", "medium", "source", "term")}
    return {
        "__typename": "CustomerVisit", "id": gid("CustomerVisit", doc["checkout_id"]),
        "landingPage": doc["landing_site"], "landingPageHtml": doc["landing_site"],
        "occurredAt": when(doc["created_at"]), "referralCode": doc["landing_site_ref"],
        "referralInfoHtml": doc["referring_site"] or "Direct", "referrerUrl": doc["referring_site"],
        "source": urlsplit(doc["referring_site"] or "").hostname or "direct", "sourceDescription": None,
        "sourceType": None, "utmParameters": utm if any(utm.values()) else None,
    }  # fmt: skip


def _tax(tax: Json) -> Obj:
    return {
        "title": tax["title"], "rate": tax["rate"], "ratePercentage": tax["rate"] * 100,
        "priceSet": bag(tax["price_set"]), "channelLiable": tax["channel_liable"], "source": "shopify",
    }  # fmt: skip


def line_item(ctx: Context, doc: Json, line: Json) -> Obj:
    """`LineItem`. `discountedTotalSet` is without code discounts unless asked for, as documented."""
    exchange = totals.exchange_of(doc)
    gross, net, tax = totals.gross(line), totals.net(line), totals.taxes(line)
    unit, left = exchange.part(net, 1, line["quantity"]), totals.remaining(line, net, exchange)
    before_tax = left - totals.remaining(line, tax, exchange) if doc["taxes_included"] else left

    def show(pair: Pair) -> Obj | None:
        return bag(exchange.bag(pair))

    return {
        "__typename": "LineItem", "id": gid("LineItem", line["id"]), "name": line["name"], "title": line["title"],
        "quantity": line["quantity"], "currentQuantity": line["current_quantity"],
        "refundableQuantity": line["current_quantity"], "unfulfilledQuantity": line["fulfillable_quantity"],
        "nonFulfillableQuantity": 0, "sku": line["sku"], "vendor": line["vendor"],
        "variantTitle": line["variant_title"], "taxable": line["taxable"],
        "requiresShipping": line["requires_shipping"], "isGiftCard": line["gift_card"], "restockable": True,
        "merchantEditable": True,
        "customAttributes": [{"key": p["name"], "value": p["value"]} for p in line["properties"]],
        "originalUnitPriceSet": bag(line["price_set"]), "originalTotalSet": show(gross), "totalDiscountSet": show(ZERO),
        "discountedTotalSet": lambda **args: show(net if args.get("withCodeDiscounts") else gross),
        "discountedUnitPriceSet": bag(line["price_set"]), "discountedUnitPriceAfterAllDiscountsSet": show(unit),
        "priceAfterAllDiscountsBeforeTaxesSet": show(before_tax),
        "unfulfilledOriginalTotalSet": show(read(line["price_set"]).times(line["fulfillable_quantity"])),
        "unfulfilledDiscountedTotalSet": show(read(line["price_set"]).times(line["fulfillable_quantity"])),
        "taxLines": lambda first=None, **_: [_tax(t) for t in line["tax_lines"]][:first],
        "discountAllocations": [_allocation(doc, a) for a in line["discount_allocations"]],
        "product": lambda **_: catalogue.product_by_id(ctx, line["product_id"]),
        "variant": lambda **_: catalogue.variant_by_id(ctx, line["variant_id"]),
    }  # fmt: skip


def _allocation(doc: Json, allocation: Json) -> Obj:
    return {
        "allocatedAmountSet": bag(allocation["amount_set"]),
        "discountApplication": _application(doc, allocation["discount_application_index"]),
    }  # fmt: skip


def _application(doc: Json, index: int) -> Obj:
    item = doc["discount_applications"][index]
    percent = item["value_type"] == "percentage"
    value: Obj = {"__typename": "PricingPercentageValue", "percentage": float(item["value"])}
    if not percent:
        value = {"__typename": "MoneyV2", "amount": str(Decimal(item["value"])), "currencyCode": doc["currency"]}
    return {
        "__typename": "DiscountCodeApplication", "index": index, "code": item["code"], "value": value,
        "allocationMethod": item["allocation_method"].upper(), "targetSelection": item["target_selection"].upper(),
        "targetType": item["target_type"].upper(),
    }  # fmt: skip


def _shipping_line(doc: Json, line: Json) -> Obj:
    return {
        "id": gid("ShippingLine", line["id"]), "title": line["title"], "code": line["code"], "source": line["source"],
        "custom": False, "carrierIdentifier": None, "deliveryCategory": None, "phone": None, "shippingRateHandle": None,
        "isRemoved": line["is_removed"], "originalPriceSet": bag(line["price_set"]),
        "discountedPriceSet": bag(line["discounted_price_set"]),
        "currentDiscountedPriceSet": bag(doc["current_shipping_price_set"]),
        "taxLines": [_tax(t) for t in line["tax_lines"]],
        "discountAllocations": [_allocation(doc, a) for a in line["discount_allocations"]],
    }  # fmt: skip


def refund(ctx: Context, doc: Json, item: Json) -> Obj:
    """`Refund`."""
    exchange = totals.exchange_of(doc)
    back = total(read(t["amount_set"]) for t in item["transactions"])
    differences = [a for a in item["order_adjustments"] if a["kind"] == "refund_discrepancy"]
    return {
        "__typename": "Refund", "id": gid("Refund", item["id"]), "legacyResourceId": str(item["id"]),
        "note": item["note"], "createdAt": when(item["created_at"]), "updatedAt": when(item["created_at"]),
        "processedAt": when(item["processed_at"]), "order": lambda **_: order(ctx, doc),
        "totalRefundedSet": bag(exchange.bag(back)), "duties": [],
        "refundLineItems": lister(lambda: item["refund_line_items"], lambda line: _refund_line(ctx, doc, line)),
        "refundShippingLines": lister(lambda: item["refund_shipping_lines"], lambda line: _refund_shipping(doc, line)),
        "orderAdjustments": lister(lambda: differences, _adjustment),
        "transactions": lister(lambda: item["transactions"], lambda t: _transaction(ctx, doc, t)),
    }  # fmt: skip


def _refund_line(ctx: Context, doc: Json, item: Json) -> Obj:
    line = next(line for line in doc["line_items"] if line["id"] == item["line_item_id"])
    return {
        "id": gid("RefundLineItem", item["id"]), "quantity": item["quantity"],
        "restockType": item["restock_type"].upper(), "restocked": item["restock_type"] != "no_restock",
        "priceSet": bag(line["price_set"]), "subtotalSet": bag(item["subtotal_set"]),
        "totalTaxSet": bag(item["total_tax_set"]), "lineItem": lambda **_: line_item(ctx, doc, line),
    }  # fmt: skip


def _refund_shipping(doc: Json, item: Json) -> Obj:
    return {
        "id": gid("RefundShippingLine", item["id"]), "shippingLine": _shipping_line(doc, item["shipping_line"]),
        "subtotalAmountSet": bag(item["subtotal_amount_set"]), "taxAmountSet": bag(item["tax_amount_set"]),
    }  # fmt: skip


def _adjustment(item: Json) -> Obj:
    return {
        "id": gid("OrderAdjustment", item["id"]), "amountSet": bag(item["amount_set"]), "reason": "REFUND_DISCREPANCY",
        "taxAmountSet": bag(item["tax_amount_set"]),
    }  # fmt: skip


def _transaction(ctx: Context, doc: Json, item: Json) -> Obj:
    parent = next((t for t in doc["_transactions"] if t["id"] == item["parent_id"]), None)
    return {
        "__typename": "OrderTransaction", "id": gid("OrderTransaction", item["id"]), "kind": item["kind"].upper(),
        "status": "SUCCESS", "amountSet": bag(item["amount_set"]), "gateway": item["gateway"],
        "formattedGateway": "Bogus", "test": item["test"], "createdAt": when(item["created_at"]),
        "processedAt": when(item["processed_at"]), "paymentId": item["payment_id"], "errorCode": None,
        "manualPaymentGateway": False, "manuallyCapturable": False, "multiCapturable": False, "accountNumber": None,
        "authorizationExpiresAt": None, "receiptJson": {}, "settlementCurrency": doc["currency"],
        "amountRoundingSet": None, "maximumRefundableV2": None, "settlementCurrencyRate": None,
        "totalUnsettledSet": None, "order": lambda **_: order(ctx, doc),
        "parentTransaction": _transaction(ctx, doc, parent) if parent else None,
    }  # fmt: skip
