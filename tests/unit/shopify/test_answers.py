"""An answer of the Admin API becomes data or an error that says what to do."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.shopify import BadDocument, ShopifyError, Throttled, Unauthorized, Unavailable, UserErrors
from shared.shopify.answers import Answer, data_of, throttle_wait

SHOP = "vouch-demo.myshopify.com"


def ok(document: Any, status: int = 200, **headers: str) -> Answer:
    return Answer(status, json.dumps(document).encode(), headers)


def cost(requested: float, available: float, rate: float) -> dict[str, Any]:
    status = {"maximumAvailable": 2000.0, "currentlyAvailable": available, "restoreRate": rate}
    return {"cost": {"requestedQueryCost": requested, "actualQueryCost": None, "throttleStatus": status}}


def test_data() -> None:
    assert data_of(SHOP, ok({"data": {"shop": {"name": "Demo"}}})) == {"shop": {"name": "Demo"}}


def test_throttled_in_a_200_waits_for_the_bucket() -> None:
    body = {"errors": [{"message": "Throttled", "extensions": {"code": "THROTTLED"}}], "extensions": cost(120, 20, 50)}
    with pytest.raises(Throttled) as caught:
        data_of(SHOP, ok(body))
    assert (caught.value.shop, caught.value.retry_after) == (SHOP, 2.0)


@pytest.mark.parametrize(("said", "wait"), [({"retry-after": "3.5"}, 3.5), ({}, 2.0), ({"retry-after": "soon"}, 2.0)])
def test_429(said: dict[str, str], wait: float) -> None:
    with pytest.raises(Throttled) as caught:
        data_of(SHOP, Answer(429, b"", said))
    assert caught.value.retry_after == wait


@given(st.floats(0, 2000), st.floats(0, 2000), st.floats(1, 1000))
def test_after_the_wait_the_bucket_holds_the_cost(requested: float, available: float, rate: float) -> None:
    wait = throttle_wait(cost(requested, available, rate))
    assert wait > 0
    assert available + wait * rate >= requested - 1e-6


def test_user_errors() -> None:
    errors = [{"field": ["basicCodeDiscount", "code"], "code": "TAKEN", "message": "Code must be unique."}]
    with pytest.raises(UserErrors) as caught:
        data_of(SHOP, ok({"data": {"discountCodeBasicCreate": {"codeDiscountNode": None, "userErrors": errors}}}))
    assert caught.value.has("TAKEN")
    assert caught.value.errors[0].field == "basicCodeDiscount.code"


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Answer(401, b""), Unauthorized),
        (Answer(403, b""), Unauthorized),
        (Answer(400, b""), BadDocument),
        (
            ok({"errors": [{"message": "Field 'x' doesn't exist", "extensions": {"code": "undefinedField"}}]}),
            BadDocument,
        ),
        (ok({"errors": [{"message": "no", "extensions": {"code": "ACCESS_DENIED"}}]}), Unauthorized),
        (ok({"errors": "Not Found"}), BadDocument),
    ],
)
def test_errors_by_policy(answer: Answer, error: type[ShopifyError]) -> None:
    with pytest.raises(error):
        data_of(SHOP, answer)


@pytest.mark.parametrize(
    ("answer", "uncertain"),
    [
        (Answer(500, b"oops"), True),
        (Answer(503, b""), True),
        (Answer(302, b""), False),
        (Answer(402, b""), False),
        (Answer(404, b""), False),
        (Answer(200, b"<html>"), True),
        (Answer(200, b"[]"), True),
        (Answer(200, b"{}"), True),
        (ok({"errors": [{"message": "x", "extensions": {"code": "INTERNAL_SERVER_ERROR"}}]}), True),
    ],
)
def test_unavailable_says_whether_work_may_have_been_done(answer: Answer, uncertain: bool) -> None:
    with pytest.raises(Unavailable) as caught:
        data_of(SHOP, answer)
    assert caught.value.uncertain is uncertain


@given(st.integers(100, 599), st.binary(max_size=200))
def test_never_another_exception(status: int, body: bytes) -> None:
    with contextlib.suppress(ShopifyError):
        data_of(SHOP, Answer(status, body))
