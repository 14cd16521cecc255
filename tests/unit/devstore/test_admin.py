"""The Admin API: what a client that knows only Shopify's documentation would run into."""

from typing import Any

import pytest
from graphql import assert_valid_schema

from deploy.devstore.admin import document
from deploy.devstore.sales import Till
from deploy.devstore.webhooks import subscribe
from deploy.devstore.wishes import CheckoutIn, RefundIn
from deploy.devstore.world import World
from shared.shopify import documents
from tests.unit.devstore.conftest import SHOP, Api

Json = dict[str, Any]
CREATE = """mutation($d: DiscountCodeBasicInput!) { discountCodeBasicCreate(basicCodeDiscount: $d) {
  codeDiscountNode { id } userErrors { field code message } } }"""


def input_of(code: str, **more: Any) -> Json:
    gets = {"value": {"percentage": 0.1}, "items": {"all": True}}
    return {
        "title": code,
        "code": code,
        "startsAt": "2026-01-01T00:00:00Z",
        "customerGets": gets,
        "context": {"all": "ALL"},
    } | more


async def create(api: Api, code: str, **more: Any) -> Json:
    return dict((await api(CREATE, {"d": input_of(code, **more)}))["data"]["discountCodeBasicCreate"])


def messages(answer: Json) -> str:
    return " | ".join(error["message"] for error in answer["errors"])


def test_the_schema_is_valid_graphql() -> None:
    assert_valid_schema(document.schema())


@pytest.mark.parametrize("name", sorted(documents.ALL))
def test_every_document_of_the_project_is_valid_and_undeprecated(name: str) -> None:
    assert document.checked(documents.ALL[name])[1] == ()


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("{ orders(first: 1) { nodes { totalPrice } } }", "Order.totalPrice is deprecated"),
        ("{ codeDiscountNodes(first: 1) { nodes { id } } }", "QueryRoot.codeDiscountNodes is deprecated"),
        ('{ webhookSubscriptions(first: 1, callbackUrl: "https://a.b") { nodes { id } } }', "callbackUrl"),
        ("{ orders(first: 1) { nodes { grandTotal } } }", "Cannot query field 'grandTotal'"),
        ("{ orders(first: 1, colour: 1) { nodes { id } } }", "Unknown argument 'colour'"),
        ('{ order(id: "x") { id name ', "Syntax Error"),
        ("query($a: Int!) { orders(first: $a, sortKey: WHAT) { nodes { id } } }", "WHAT"),
    ],
)
async def test_what_shopify_does_not_know_or_want_is_an_error(api: Api, query: str, said: str) -> None:
    answer = await api(query)
    assert said in messages(answer)
    assert "data" not in answer


async def test_deprecated_input_fields_are_found_in_literals_and_in_variables(api: Api) -> None:
    literal = CREATE.replace("$d: DiscountCodeBasicInput!", "$x: String").replace(
        "$d", "{title: $x, customerSelection: {all: true}}"
    )
    assert "customerSelection" in messages(await api(literal))
    answer = await api(CREATE, {"d": input_of("A", customerSelection={"all": True})})
    assert "customerSelection ($d) is deprecated" in messages(answer)
    nested = "mutation($i: OrderInput!) { orderUpdate(input: $i) { order { id } } }"
    answer = await api(nested, {"i": {"id": "gid://shopify/Order/1", "shippingAddress": {"country": "Germany"}}})
    assert "MailingAddressInput.country ($i.shippingAddress)" in messages(answer)


async def test_bad_variables_are_errors(api: Api) -> None:
    assert "errors" in await api(CREATE, {"d": {"title": "x", "nope": 1}})
    assert "DateTime cannot represent" in messages(await api(CREATE, {"d": input_of("A", startsAt="yesterday")}))
    literal = CREATE.replace("$d: DiscountCodeBasicInput!", "$x: String").replace("$d", '{title: $x, startsAt: "soon"}')
    assert "DateTime cannot represent" in messages(await api(literal))
    both = {"all": "ALL", "customers": {"add": []}}
    assert "DiscountContextInput" in messages(await api(CREATE, {"d": input_of("A", context=both)}))


async def test_tokens_versions_and_empty_bodies(api: Api) -> None:
    assert (await api.raw("{ shop { name } }", version="2025-01")).status_code == 404
    wrong = await api.raw("{ shop { name } }", token="shpat_0")
    assert (wrong.status_code, "Invalid API key or access token" in wrong.text) == (401, True)
    assert (await api.raw(" ")).status_code == 400


async def test_cost_is_asked_for_and_the_rest_given_back(api: Api) -> None:
    answer = await api('{ products(first: 250, query: "handle:v60-dripper") { nodes { id featuredMedia { id } } } }')
    cost = answer["extensions"]["cost"]
    assert (cost["requestedQueryCost"], cost["actualQueryCost"]) == (2 + 11 * 2, 2 + 1 * 2)
    assert cost["throttleStatus"]["maximumAvailable"] == 2000.0
    assert cost["throttleStatus"]["currentlyAvailable"] >= 2000.0 - 4
    assert (await api("mutation { appUninstall { userErrors { message } } }"))["extensions"]["cost"][
        "requestedQueryCost"
    ] == 10


async def test_a_query_above_the_maximum_is_refused_before_it_runs(api: Api) -> None:
    lines = "lineItems(first: 250) { nodes { product { id variants(first: 250) { nodes { id } } } } }"
    query = f"{{ orders(first: 250) {{ nodes {{ {lines} }} }} }}"
    (error,) = (await api(query))["errors"]
    assert (error["extensions"]["code"], error["extensions"]["maxCost"]) == ("MAX_COST_EXCEEDED", 1000)


async def test_an_empty_bucket_throttles_and_does_nothing(api: Api, world: World) -> None:
    world.store.set_setting(f"throttle/{SHOP}", {"maximum": 15, "restore": 0.001})
    assert (await create(api, "FIRST"))["userErrors"] == []
    answer = await api(CREATE, {"d": input_of("SECOND")})
    assert [(e["message"], e["extensions"]["code"]) for e in answer["errors"]] == [("Throttled", "THROTTLED")]
    cost = answer["extensions"]["cost"]
    assert (cost["requestedQueryCost"], cost["actualQueryCost"]) == (10, None)
    assert cost["throttleStatus"]["currentlyAvailable"] < 10
    assert "data" not in answer
    assert world.store.find(SHOP, "code", "SECOND") is None


async def test_what_is_not_simulated_says_so(api: Api) -> None:
    (error,) = (await api("{ publicationsCount { count } }"))["errors"]
    assert error["extensions"]["code"] == "NOT_SIMULATED"


async def test_a_code_is_unique_whatever_its_case(api: Api) -> None:
    assert (await create(api, "Anna10"))["codeDiscountNode"]
    taken = await create(api, "ANNA10")
    assert taken["codeDiscountNode"] is None
    assert taken["userErrors"] == [
        {
            "field": ["basicCodeDiscount", "code"],
            "code": "TAKEN",
            "message": "Code must be unique. Please try a different code.",
        }
    ]


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"title": ""}, "BLANK"),
        ({"endsAt": "2025-01-01T00:00:00Z"}, "END_DATE_BEFORE_START_DATE"),
        ({"usageLimit": 0}, "GREATER_THAN"),
        ({"customerGets": {"items": {"all": True}}}, "BLANK"),
        ({"customerGets": {"value": {"percentage": 10.0}, "items": {"all": True}}}, "VALUE_OUTSIDE_RANGE"),
        (
            {
                "customerGets": {
                    "value": {"percentage": 0.1},
                    "items": {"products": {"productsToAdd": ["gid://shopify/Product/1"]}},
                }
            },
            "INVALID",
        ),
        ({"context": {"customers": {"add": ["gid://shopify/Customer/1"]}}}, "INVALID"),
        ({"context": {"markets": {"add": []}}}, "INVALID"),
        (
            {
                "minimumRequirement": {
                    "subtotal": {"greaterThanOrEqualToSubtotal": "5"},
                    "quantity": {"greaterThanOrEqualToQuantity": "2"},
                }
            },
            "MINIMUM_SUBTOTAL_AND_QUANTITY_RANGE_BOTH_PRESENT",
        ),
    ],
)
async def test_bad_discounts_are_user_errors(api: Api, more: Json, code: str) -> None:
    assert code in [error["code"] for error in (await create(api, "BAD", **more))["userErrors"]]


READ = """query($c: String!) { codeDiscountNodeByCode(code: $c) { id codeDiscount { ... on DiscountCodeBasic {
  title status endsAt usageLimit appliesOncePerCustomer asyncUsageCount discountClasses codesCount { count }
  combinesWith { orderDiscounts shippingDiscounts }
  minimumRequirement { ... on DiscountMinimumSubtotal { greaterThanOrEqualToSubtotal { amount } } }
  context { ... on DiscountCustomers { customers { legacyResourceId } } }
  customerGets {
    value { ... on DiscountAmount { amount { amount currencyCode } } }
    items { ... on DiscountProducts { products(first: 5) { nodes { handle } } } }
  }
} } } }"""


async def test_a_discount_reads_back_as_it_was_made_and_changed(api: Api, till: Till) -> None:
    product = next(till.world.store.all(SHOP, "product"))["id"]
    customer = next(till.world.store.all(SHOP, "customer"))["id"]
    more = {
        "customerGets": {"value": {"discountAmount": {"amount": "5", "appliesOnEachItem": False}},
                         "items": {"products": {"productsToAdd": [f"gid://shopify/Product/{product}"]}}},
        "context": {"customers": {"add": [f"gid://shopify/Customer/{customer}"]}},
        "combinesWith": {"shippingDiscounts": True},
        "minimumRequirement": {"subtotal": {"greaterThanOrEqualToSubtotal": "20"}},
        "usageLimit": 1, "appliesOncePerCustomer": True,
    }  # fmt: skip
    id_ = (await create(api, "FULL", **more))["codeDiscountNode"]["id"]
    read = (await api(READ, {"c": "full"}))["data"]["codeDiscountNodeByCode"]["codeDiscount"]
    assert read["customerGets"] == {"value": {"amount": {"amount": "5.00", "currencyCode": "EUR"}},
                                    "items": {"products": {"nodes": [{"handle": "ethiopia-yirgacheffe"}]}}}  # fmt: skip
    assert read["context"] == {"customers": [{"legacyResourceId": str(customer)}]}
    assert read["combinesWith"] == {"orderDiscounts": False, "shippingDiscounts": True}
    assert (read["usageLimit"], read["discountClasses"], read["status"]) == (1, ["PRODUCT"], "ACTIVE")
    assert read["minimumRequirement"] == {"greaterThanOrEqualToSubtotal": {"amount": "20.00"}}
    update = """mutation($id: ID!, $d: DiscountCodeBasicInput!) {
      discountCodeBasicUpdate(id: $id, basicCodeDiscount: $d) { userErrors { message } } }"""
    assert (await api(update, {"id": id_, "d": {"usageLimit": None}}))["data"]["discountCodeBasicUpdate"][
        "userErrors"
    ] == []
    again = (await api(READ, {"c": "FULL"}))["data"]["codeDiscountNodeByCode"]["codeDiscount"]
    assert again == read | {"usageLimit": None}


async def test_a_deactivated_code_is_refused_at_checkout_until_it_is_active_again(
    api: Api, till: Till, variants: list[int]
) -> None:
    id_ = (await create(api, "PAUSE"))["codeDiscountNode"]["id"]
    wish = CheckoutIn.model_validate({"lines": [{"variant_id": variants[0]}], "discount_codes": ["PAUSE"]})
    for action, rejected in (("Deactivate", {"PAUSE": "expired"}), ("Activate", {})):
        mutation = f"mutation($id: ID!) {{ discountCode{action}(id: $id) {{ userErrors {{ message }} }} }}"
        assert (await api(mutation, {"id": id_}))["data"][f"discountCode{action}"]["userErrors"] == []
        assert till.checkout(wish)[1] == rejected


async def test_use_counts_lag(api: Api, till: Till, variants: list[int]) -> None:
    await create(api, "LAG")
    till.checkout(CheckoutIn.model_validate({"lines": [{"variant_id": variants[0]}], "discount_codes": ["LAG"]}))
    counts = []
    for _ in range(2):
        counts.append(
            (await api(READ, {"c": "LAG"}))["data"]["codeDiscountNodeByCode"]["codeDiscount"]["asyncUsageCount"]
        )
        till.world.clock(till.shop).advance(6)
    assert counts == [0, 1]


async def test_bulk_codes_come_later_and_say_which_failed(api: Api, till: Till) -> None:
    id_ = (await create(api, "ONE"))["codeDiscountNode"]["id"]
    add = """mutation($id: ID!, $c: [DiscountRedeemCodeInput!]!) {
      discountRedeemCodeBulkAdd(discountId: $id, codes: $c) {
        bulkCreation { id done codesCount } userErrors { code } } }"""
    bulk = (await api(add, {"id": id_, "c": [{"code": "TWO"}, {"code": "one"}]}))["data"]["discountRedeemCodeBulkAdd"][
        "bulkCreation"
    ]
    assert (bulk["done"], bulk["codesCount"]) == (False, 2)
    till.world.clock(till.shop).advance(2)
    poll = """query($id: ID!) { discountRedeemCodeBulkCreation(id: $id) { done importedCount failedCount
      codes(first: 5) { nodes { code errors { code } discountRedeemCode { id } } } } }"""
    done = (await api(poll, {"id": bulk["id"]}))["data"]["discountRedeemCodeBulkCreation"]
    assert (done["done"], done["importedCount"], done["failedCount"]) == (True, 1, 1)
    assert [(c["code"], [e["code"] for e in c["errors"]]) for c in done["codes"]["nodes"]] == [
        ("TWO", []),
        ("one", ["TAKEN"]),
    ]
    many = await api(add, {"id": id_, "c": [{"code": f"M{i}"} for i in range(251)]})
    assert many["data"]["discountRedeemCodeBulkAdd"]["userErrors"] == [{"code": "TOO_MANY_ARGUMENTS"}]


async def test_pages_follow_cursors_without_gaps_or_repeats(api: Api) -> None:
    query = """query($after: String) { products(first: 5, after: $after, sortKey: TITLE, reverse: true) {
      nodes { title } pageInfo { hasNextPage hasPreviousPage endCursor } } }"""
    titles, after, sizes = [], None, []
    while True:
        page = (await api(query, {"after": after}))["data"]["products"]
        titles += [node["title"] for node in page["nodes"]]
        sizes.append(len(page["nodes"]))
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert sizes == [5, 5, 2]
    assert titles == sorted(set(titles), reverse=True)


async def test_orders_can_be_asked_for_by_their_last_change(api: Api, till: Till, variants: list[int]) -> None:
    wish = CheckoutIn.model_validate({"lines": [{"variant_id": variants[0]}]})
    first, _ = till.checkout(wish)
    till.world.clock(till.shop).advance(3600)
    since = till.now.strftime("%Y-%m-%dT%H:%M:%SZ")
    second, _ = till.checkout(wish)
    till.refund_as_asked(first["id"], RefundIn())
    query = "query($q: String) { orders(first: 9, query: $q, sortKey: UPDATED_AT) { nodes { name } } }"
    found = (await api(query, {"q": f"updated_at:>='{since}'"}))["data"]["orders"]["nodes"]
    assert [order["name"] for order in found] == [first["name"], second["name"]]
    assert (await api(query, {"q": "name:#1002"}))["data"]["orders"]["nodes"] == [{"name": "#1002"}]
    assert "cannot search by colour" in messages(await api(query, {"q": "colour:red"}))


async def test_first_or_last_is_needed(api: Api) -> None:
    assert messages(await api("{ products { nodes { id } } }")) == "you must provide one of first or last"


async def test_the_orders_page_of_the_project_says_what_the_payload_says(
    api: Api, till: Till, variants: list[int]
) -> None:
    order, _ = till.checkout(
        CheckoutIn.model_validate(
            {"lines": [{"variant_id": variants[0], "quantity": 2}], "customer": {"email": "a@b.c"}}
        )
    )
    till.refund_as_asked(order["id"], RefundIn())
    answer = await api(documents.ORDERS_PAGE, {"first": 1, "after": None, "query": None})
    (node,) = answer["data"]["orders"]["nodes"]
    assert (node["legacyResourceId"], node["displayFinancialStatus"]) == (str(order["id"]), "REFUNDED")
    assert node["currentTotalPriceSet"]["shopMoney"] == {"amount": "0.00", "currencyCode": "EUR"}


TAGS = "mutation($id: ID!, $t: [String!]!) { tagsAdd(id: $id, tags: $t) { node { id } userErrors { message } } }"


async def test_tags_ignore_case_and_tell_only_changes(api: Api, till: Till) -> None:
    subscribe(till.world, till.shop, "CUSTOMERS_UPDATE", {"uri": "http://127.0.0.1:9/x"})
    customer = next(till.world.store.all(SHOP, "customer"))["id"]
    for tags in (["Gold", "Newsletter"], ["gold"]):
        await api(TAGS, {"id": f"gid://shopify/Customer/{customer}", "t": tags})
    found = await api("query($id: ID!) { customer(id: $id) { tags } }", {"id": f"gid://shopify/Customer/{customer}"})
    assert [tag.lower() for tag in found["data"]["customer"]["tags"]] == ["gold", "newsletter"]
    sent = till.world.store.db.execute("SELECT count(*) FROM deliveries").fetchone()[0]
    assert sent == 1


async def test_customers_are_made_changed_and_found_by_mail(api: Api) -> None:
    make = "mutation($i: CustomerInput!) { customerCreate(input: $i) { customer { id } userErrors { field message } } }"
    made = (await api(make, {"i": {"email": "New@x.io", "firstName": "N", "tags": ["b", "a"]}}))["data"][
        "customerCreate"
    ]
    again = (await api(make, {"i": {"email": "new@X.io"}}))["data"]["customerCreate"]
    assert again["userErrors"] == [{"field": ["email"], "message": "Email has already been taken"}]
    change = (
        "mutation($i: CustomerInput!) { customerUpdate(input: $i) { customer { note tags } userErrors { message } } }"
    )
    changed = await api(change, {"i": {"id": made["customer"]["id"], "note": "vip"}})
    assert changed["data"]["customerUpdate"]["customer"] == {"note": "vip", "tags": ["a", "b"]}
    find = (
        '{ customerByIdentifier(identifier: {emailAddress: "new@x.io"}) { id defaultEmailAddress { emailAddress } } }'
    )
    assert (await api(find))["data"]["customerByIdentifier"]["id"] == made["customer"]["id"]


async def test_store_credit_adds_up_and_never_goes_below_zero(api: Api, till: Till) -> None:
    customer = f"gid://shopify/Customer/{next(till.world.store.all(SHOP, 'customer'))['id']}"
    credit = """mutation($id: ID!, $c: StoreCreditAccountCreditInput!) {
      storeCreditAccountCredit(id: $id, creditInput: $c) {
      storeCreditAccountTransaction { account { id balance { amount } } } userErrors { code } } }"""
    for balance in ("5.00", "10.00"):
        answer = await api(credit, {"id": customer, "c": {"creditAmount": {"amount": "5.00", "currencyCode": "EUR"}}})
        account = answer["data"]["storeCreditAccountCredit"]["storeCreditAccountTransaction"]["account"]
        assert account["balance"]["amount"] == balance
    debit = """mutation($id: ID!, $d: StoreCreditAccountDebitInput!) {
      storeCreditAccountDebit(id: $id, debitInput: $d) { userErrors { code } } }"""
    over = await api(debit, {"id": account["id"], "d": {"debitAmount": {"amount": "10.01", "currencyCode": "EUR"}}})
    assert over["data"]["storeCreditAccountDebit"]["userErrors"] == [{"code": "INSUFFICIENT_FUNDS"}]


async def test_gift_cards_have_unique_codes(api: Api) -> None:
    make = """mutation($i: GiftCardCreateInput!) { giftCardCreate(input: $i) {
      giftCard { id lastCharacters balance { amount } } giftCardCode userErrors { code } } }"""
    wish = {"code": "vouchgift01", "initialAmount": {"amount": "25", "currencyCode": "EUR"}}
    made = (await api(make, {"i": wish}))["data"]["giftCardCreate"]
    assert (made["giftCardCode"], made["giftCard"]["lastCharacters"], made["giftCard"]["balance"]["amount"]) == (
        "vouchgift01",
        "ft01",
        "25.00",
    )
    assert (await api(make, {"i": wish}))["data"]["giftCardCreate"]["userErrors"] == [{"code": "TAKEN"}]


async def test_metafields_are_set_all_or_none(api: Api, till: Till) -> None:
    owner = f"gid://shopify/Product/{next(till.world.store.all(SHOP, 'product'))['id']}"
    set_ = """mutation($m: [MetafieldsSetInput!]!) {
      metafieldsSet(metafields: $m) { metafields { key value } userErrors { field code } } }"""
    good = {"ownerId": owner, "namespace": "vouch", "key": "early", "type": "json", "value": "[1]"}
    bad = {**good, "key": "late", "value": "{"}
    answer = (await api(set_, {"m": [good, bad]}))["data"]["metafieldsSet"]
    assert answer == {
        "metafields": None,
        "userErrors": [{"field": ["metafields", "1", "value"], "code": "INVALID_VALUE"}],
    }
    read = (
        'query($id: ID!) { product(id: $id) { metafield(namespace: "vouch", key: "early") { jsonValue ownerType } } }'
    )
    assert (await api(read, {"id": owner}))["data"]["product"]["metafield"] is None
    await api(set_, {"m": [good]})
    assert (await api(read, {"id": owner}))["data"]["product"]["metafield"] == {
        "jsonValue": [1],
        "ownerType": "PRODUCT",
    }


REFUND = """mutation($i: RefundInput!) { refundCreate(input: $i) @idempotent(key: "k1") {
  refund { id totalRefundedSet { shopMoney { amount } } refundLineItems(first: 5) { nodes { quantity restockType } } }
  userErrors { message } } }"""


async def test_a_refund_needs_a_key_and_happens_once(api: Api, till: Till, variants: list[int]) -> None:
    order, _ = till.checkout(CheckoutIn.model_validate({"lines": [{"variant_id": variants[0], "quantity": 2}]}))
    line = f"gid://shopify/LineItem/{order['line_items'][0]['id']}"
    order_id = f"gid://shopify/Order/{order['id']}"
    wish = {
        "orderId": order_id,
        "refundLineItems": [{"lineItemId": line, "quantity": 1, "restockType": "RETURN"}],
        "transactions": [{"orderId": order_id, "kind": "REFUND", "gateway": "bogus", "amount": "14.90"}],
    }
    assert "@idempotent directive is required" in messages(
        await api(REFUND.replace('@idempotent(key: "k1")', ""), {"i": wish})
    )
    first, second = [(await api(REFUND, {"i": wish}))["data"]["refundCreate"] for _ in range(2)]
    assert first == second
    assert first["refund"]["totalRefundedSet"]["shopMoney"]["amount"] == "14.90"
    assert first["refund"]["refundLineItems"]["nodes"] == [{"quantity": 1, "restockType": "RETURN"}]
    assert len(till.order(order["id"])["refunds"]) == 1
    (error,) = (await api(REFUND, {"i": {**wish, "note": "other"}}))["errors"]
    assert error["extensions"]["code"] == "IDEMPOTENCY_KEY_PARAMETER_MISMATCH"


async def test_subscriptions_are_unique_by_topic_and_address(api: Api) -> None:
    wish = {"topic": "ORDERS_CREATE", "subscription": {"uri": "https://app.example/webhooks", "format": "JSON"}}
    made = (await api(documents.WEBHOOK_SUBSCRIPTION_CREATE, wish))["data"]["webhookSubscriptionCreate"]
    again = (await api(documents.WEBHOOK_SUBSCRIPTION_CREATE, wish))["data"]["webhookSubscriptionCreate"]
    assert again["userErrors"][0]["message"] == "Address for this topic has already been taken"
    plain = {"topic": "ORDERS_CREATE", "subscription": {"uri": "http://app.example/webhooks"}}
    assert (await api(documents.WEBHOOK_SUBSCRIPTION_CREATE, plain))["data"]["webhookSubscriptionCreate"]["userErrors"]
    id_ = made["webhookSubscription"]["id"]
    gone = (await api(documents.WEBHOOK_SUBSCRIPTION_DELETE, {"id": id_}))["data"]["webhookSubscriptionDelete"]
    assert gone["deletedWebhookSubscriptionId"] == id_
    assert (await api(documents.WEBHOOK_SUBSCRIPTIONS, {"first": 5}))["data"]["webhookSubscriptions"]["nodes"] == []


async def test_an_id_of_another_kind_is_an_error(api: Api) -> None:
    answer = await api('{ order(id: "gid://shopify/Product/1") { id } }')
    assert "Invalid global id" in messages(answer)
