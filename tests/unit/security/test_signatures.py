"""Every scheme against vectors that other implementations made, and against everything that must not pass."""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook

from shared.security import signatures as sig
from shared.security.signatures import SignatureInvalid, SignatureMissing

VECTORS: dict[str, list[dict[str, Any]]] = json.loads(
    (Path(__file__).parents[2] / "vectors" / "signatures.json").read_text()
)


def vectors(scheme: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("v", VECTORS[scheme], ids=lambda v: str(v["name"]))


def body_of(v: dict[str, Any]) -> bytes:
    return base64.b64decode(v["body"])


def flipped(data: bytes, at: int, bit: int) -> bytes:
    at %= len(data)
    return data[:at] + bytes([data[at] ^ (1 << bit)]) + data[at + 1 :]


FLIPS = given(at=st.integers(0, 10_000), bit=st.integers(0, 6))


def refused(check: Callable[[], object], error: type[sig.SignatureError] = SignatureInvalid) -> None:
    with pytest.raises(error) as caught:
        check()
    assert type(caught.value) is error
    assert caught.value.status == (400 if error is SignatureMissing else 401)
    assert caught.value.sentence.endswith(".")


class BodyMacs:
    """The three schemes that sign a body into one header."""

    @staticmethod
    def verify(scheme: str, v: dict[str, Any], body: bytes, header: str | None, secrets: list[str]) -> None:
        if scheme == "shopify_webhook":
            sig.verify_shopify_webhook(body, header, secrets)
        elif scheme == "instagram":
            sig.verify_instagram(body, header, secrets)
        else:
            sig.verify_tiktok(body, header, secrets, now=v["now"])


MACS = [(scheme, v) for scheme in ("shopify_webhook", "instagram", "tiktok") for v in VECTORS[scheme]]
body_macs = pytest.mark.parametrize(("scheme", "v"), MACS, ids=[f"{s}-{v['name']}" for s, v in MACS])


@body_macs
def test_a_signed_body_is_believed_also_during_a_rotation(scheme: str, v: dict[str, Any]) -> None:
    BodyMacs.verify(scheme, v, body_of(v), v["header"], [v["secret"]])
    BodyMacs.verify(scheme, v, body_of(v), v["header"], ["the next secret", v["secret"]])


@body_macs
@FLIPS
def test_any_flipped_bit_of_the_body_is_refused(scheme: str, v: dict[str, Any], at: int, bit: int) -> None:
    refused(lambda: BodyMacs.verify(scheme, v, flipped(body_of(v), at, bit), v["header"], [v["secret"]]))


@body_macs
@FLIPS
def test_any_flipped_bit_of_the_header_is_refused(scheme: str, v: dict[str, Any], at: int, bit: int) -> None:
    header = flipped(v["header"].encode(), at, bit).decode("latin-1")
    with pytest.raises(sig.SignatureError):
        BodyMacs.verify(scheme, v, body_of(v), header, [v["secret"]])


@body_macs
def test_other_secrets_and_other_spellings_are_refused(scheme: str, v: dict[str, Any]) -> None:
    refused(lambda: BodyMacs.verify(scheme, v, body_of(v), v["header"], ["another"]))
    refused(lambda: BodyMacs.verify(scheme, v, body_of(v), v["header"], []))
    refused(lambda: BodyMacs.verify(scheme, v, body_of(v), v["header"] + "ü", [v["secret"]]))
    refused(lambda: BodyMacs.verify(scheme, v, body_of(v), None, [v["secret"]]), SignatureMissing)
    refused(lambda: BodyMacs.verify(scheme, v, body_of(v), "", [v["secret"]]), SignatureMissing)


@pytest.mark.parametrize("scheme", ["shopify_webhook", "instagram", "tiktok"])
def test_json_that_was_parsed_and_written_again_is_refused(scheme: str) -> None:
    v = next(v for v in VECTORS[scheme] if v["name"] == "spaced")
    again = json.dumps(json.loads(body_of(v))).encode()
    assert again != body_of(v)
    refused(lambda: BodyMacs.verify(scheme, v, again, v["header"], [v["secret"]]))


def test_tiktok_refuses_old_doubled_and_partial_headers() -> None:
    v = VECTORS["tiktok"][0]
    body, secrets = body_of(v), [v["secret"]]
    sig.verify_tiktok(body, v["header"], secrets, now=v["now"] + 300)
    refused(lambda: sig.verify_tiktok(body, v["header"], secrets, now=v["now"] + 301))
    refused(lambda: sig.verify_tiktok(body, v["header"], secrets, now=v["now"] - 301))
    refused(lambda: sig.verify_tiktok(body, v["header"] + f",t={v['now']}", secrets, now=v["now"]))
    refused(lambda: sig.verify_tiktok(body, v["header"] + ",s=00", secrets, now=v["now"]))
    refused(lambda: sig.verify_tiktok(body, f"t={v['now']}", secrets, now=v["now"]), SignatureMissing)
    refused(lambda: sig.verify_tiktok(body, "s=00", secrets, now=v["now"]), SignatureMissing)


def pairs_of(v: dict[str, Any]) -> list[tuple[str, str]]:
    return [(name, value) for name, value in v["query"]]


@vectors("app_proxy")
def test_app_proxy_tells_who_calls(v: dict[str, Any]) -> None:
    caller = sig.verify_app_proxy(pairs_of(v), ["the next secret", v["secret"]], now=v["now"])
    query = dict(pairs_of(v))
    assert caller.shop == query["shop"]
    assert caller.customer_id == (query["logged_in_customer_id"] or None)


@vectors("app_proxy")
def test_app_proxy_refuses_a_reserved_parameter_given_twice(v: dict[str, Any]) -> None:
    for name in ("shop", "path_prefix", "timestamp", "logged_in_customer_id", "signature"):
        query = [*pairs_of(v), (name, dict(pairs_of(v))[name])]
        refused(lambda query=query: sig.verify_app_proxy(query, [v["secret"]], now=v["now"]))  # type: ignore[misc]
        resigned = [pair for pair in query if pair[0] != "signature"]
        resigned.append(("signature", sig.sign_app_proxy(resigned, v["secret"])))
        if name != "signature":
            refused(lambda q=resigned: sig.verify_app_proxy(q, [v["secret"]], now=v["now"]))  # type: ignore[misc]


@vectors("app_proxy")
@FLIPS
def test_app_proxy_refuses_any_change(v: dict[str, Any], at: int, bit: int) -> None:
    query = pairs_of(v)
    index = at % len(query)
    name, value = query[index]
    name, _, value = flipped(f"{name}\0{value}".encode(), at, bit).decode("latin-1").partition("\0")
    query[index] = (name, value)
    with pytest.raises(sig.SignatureError):
        sig.verify_app_proxy(query, [v["secret"]], now=v["now"])


def test_app_proxy_refuses_old_and_future_times_missing_signatures_and_other_secrets() -> None:
    v = VECTORS["app_proxy"][0]
    query, secrets = pairs_of(v), [v["secret"]]
    sig.verify_app_proxy(query, secrets, now=v["now"] + 90)
    refused(lambda: sig.verify_app_proxy(query, secrets, now=v["now"] + 91))
    refused(lambda: sig.verify_app_proxy(query, secrets, now=v["now"] - 91))
    refused(lambda: sig.verify_app_proxy(query, ["another"], now=v["now"]))
    refused(lambda: sig.verify_app_proxy(query[:-1], secrets, now=v["now"]), SignatureMissing)


def test_app_proxy_refuses_a_visitors_parameter_that_spells_out_another_customer() -> None:
    """The signed text has no separators: these two queries have the same signature."""
    rest = [("path_prefix", "/apps/vouch"), ("shop", "vouch-demo.myshopify.com"), ("timestamp", "1795341600")]
    honest = [("a", "1logged_in_customer_id=7001m="), ("logged_in_customer_id", ""), *rest]
    forged = [("a", "1"), ("logged_in_customer_id", "7001"), ("m", "logged_in_customer_id="), *rest]
    signature = ("signature", sig.sign_app_proxy(honest, "secret"))
    assert signature[1] == sig.sign_app_proxy(forged, "secret")
    refused(lambda: sig.verify_app_proxy([*forged, signature], ["secret"], now=1795341600))


@vectors("oauth")
def test_oauth_callbacks_name_the_shop(v: dict[str, Any]) -> None:
    assert sig.verify_oauth(pairs_of(v), ["the next", v["secret"]], now=v["now"]) == "vouch-demo.myshopify.com"


def test_oauth_as_the_python_library_signs_it() -> None:
    import shopify

    shopify.Session.setup(api_key="key", secret="secret")
    params = {"code": "a b&c", "shop": "vouch-demo.myshopify.com", "state": "s=%1", "timestamp": "1795341600"}
    mac = shopify.Session.calculate_hmac(params)
    query = [*params.items(), ("hmac", mac)]
    assert sig.sign_oauth(query, "secret") == mac
    sig.verify_oauth(query, ["secret"], now=1795341600)


@vectors("oauth")
@FLIPS
def test_oauth_refuses_any_change(v: dict[str, Any], at: int, bit: int) -> None:
    query = pairs_of(v)
    index = at % len(query)
    name, _, value = flipped("\0".join(query[index]).encode(), at, bit).decode("latin-1").partition("\0")
    query[index] = (name, value)
    with pytest.raises(sig.SignatureError):
        sig.verify_oauth(query, [v["secret"]], now=v["now"])


def test_oauth_refuses_old_missing_doubled_and_foreign() -> None:
    v = VECTORS["oauth"][0]
    query, secrets = pairs_of(v), [v["secret"]]
    refused(lambda: sig.verify_oauth(query, secrets, now=v["now"] + 91))
    refused(lambda: sig.verify_oauth(query, ["another"], now=v["now"]))
    refused(lambda: sig.verify_oauth(query[:-1], secrets, now=v["now"]), SignatureMissing)
    refused(lambda: sig.verify_oauth([*query, ("shop", "evil.myshopify.com")], secrets, now=v["now"]))
    foreign = [("shop", "vouch-demo.myshopify.com.evil.example"), ("timestamp", str(v["now"]))]
    foreign.append(("hmac", sig.sign_oauth(foreign, v["secret"])))
    refused(lambda: sig.verify_oauth(foreign, secrets, now=v["now"]))


@vectors("session_token")
def test_session_tokens_hold_for_a_minute(v: dict[str, Any]) -> None:
    def check(**changes: Any) -> sig.SessionToken:
        call = {"token": v["token"], "api_key": v["api_key"], "secrets": [v["secret"]], "now": v["now"], **changes}
        return sig.verify_session_token(**call)

    assert (check().shop, check().user_id) == (v["shop"], v["user_id"])
    check(now=v["now"] + 69, secrets=["the next secret, which is long enough", v["secret"]])
    refused(lambda: check(now=v["now"] + 70))
    refused(lambda: check(now=v["now"] - 11))
    refused(lambda: check(api_key="another"))
    refused(lambda: check(secrets=["another secret that is long enough too"]))
    refused(lambda: check(token=v["token"][:-1]))
    refused(lambda: check(token="not.a.token"))
    refused(lambda: check(token=None), SignatureMissing)


def test_session_tokens_of_two_shops_or_no_algorithm_are_refused() -> None:
    import jwt

    secret, now = "a secret of more than thirty-two bytes", 1795341600
    good = sig.sign_session_token("vouch-demo.myshopify.com", "42", "key", secret, now)
    claims = jwt.decode(good, options={"verify_signature": False})
    crossed = jwt.encode({**claims, "dest": "https://other-brand.myshopify.com"}, secret, algorithm="HS256")
    unsigned = jwt.encode(claims, "", algorithm="none")
    sig.verify_session_token(good, "key", [secret], now)
    refused(lambda: sig.verify_session_token(crossed, "key", [secret], now))
    refused(lambda: sig.verify_session_token(unsigned, "key", [secret], now))


def standard(v: dict[str, Any], **changes: Any) -> sig.StandardWebhook:
    call = {
        "body": body_of(v),
        "message_id": v["id"],
        "timestamp": v["timestamp"],
        "signature": v["signature"],
        "secrets": v["secrets"],
        "now": v["now"],
        **changes,
    }
    return sig.verify_standard_webhook(**call)


@vectors("standard_webhooks")
def test_standard_webhooks_of_two_libraries_are_believed(v: dict[str, Any]) -> None:
    assert standard(v) == sig.StandardWebhook(v["id"], v["now"])
    standard(v, now=v["now"] + 300)


@vectors("standard_webhooks")
def test_standard_webhooks_refuse_what_is_old_missing_or_foreign(v: dict[str, Any]) -> None:
    refused(lambda: standard(v, now=v["now"] + 301))
    refused(lambda: standard(v, now=v["now"] - 301))
    refused(lambda: standard(v, secrets=[sig.new_standard_secret()]))
    refused(lambda: standard(v, timestamp="١٧٩٥٣٤١٦٠٠"))
    refused(lambda: standard(v, signature=v["signature"].replace("v1,", "v2,")))
    for name in ("message_id", "timestamp", "signature"):
        refused(lambda name=name: standard(v, **{name: None}), SignatureMissing)  # type: ignore[misc]


@vectors("standard_webhooks")
@FLIPS
def test_standard_webhooks_refuse_any_flipped_bit(v: dict[str, Any], at: int, bit: int) -> None:
    refused(lambda: standard(v, body=flipped(body_of(v), at, bit)))
    refused(lambda: standard(v, message_id=flipped(v["id"].encode(), at, bit).decode("latin-1")))
    refused(lambda: standard(v, timestamp=flipped(v["timestamp"].encode(), at, bit).decode("latin-1")))


def test_what_we_sign_the_standard_library_believes() -> None:
    secrets = [sig.new_standard_secret(), sig.new_standard_secret()]
    body = '{"text":"Спасибо"}'.encode()
    import time

    headers = sig.standard_headers(body, "msg_1", int(time.time()), secrets)
    for secret in secrets:
        assert Webhook(secret).verify(body, headers) == {"text": "Спасибо"}


def test_a_standard_secret_that_is_no_base64_is_a_wrong_configuration() -> None:
    with pytest.raises(ValueError, match="whsec_"):
        sig.sign_standard_webhook(b"{}", "msg_1", 1, "whsec_!")


@vectors("init_data")
def test_init_data_tells_who_it_is(v: dict[str, Any]) -> None:
    person = sig.verify_init_data(v["init_data"], ["1:next", v["bot_token"]], now=v["now"])
    assert person.id == v["user_id"]


def test_init_data_refuses_old_missing_doubled_and_changed() -> None:
    v = VECTORS["init_data"][0]
    data, tokens, now = v["init_data"], [v["bot_token"]], v["now"]
    refused(lambda: sig.verify_init_data(data, tokens, now=now + 3601))
    refused(lambda: sig.verify_init_data(data, tokens, now=now - 61))
    refused(lambda: sig.verify_init_data(data, ["1:another"], now=now))
    refused(lambda: sig.verify_init_data(data.replace("amb_1", "amb_2"), tokens, now=now))
    refused(lambda: sig.verify_init_data(data + "&start_param=amb_2", tokens, now=now))
    refused(lambda: sig.verify_init_data(data + "&hash=00", tokens, now=now))
    refused(lambda: sig.verify_init_data("%", tokens, now=now))
    refused(lambda: sig.verify_init_data("", tokens, now=now), SignatureMissing)
    refused(lambda: sig.verify_init_data(data.replace("hash=", "hush="), tokens, now=now), SignatureMissing)


@given(st.dictionaries(st.text("abcxyz", min_size=1), st.text()), st.integers(0, 1000), st.integers(0, 6))
def test_init_data_refuses_any_change_of_a_value(extra: dict[str, str], at: int, bit: int) -> None:
    from urllib.parse import parse_qsl, urlencode

    fields = {**{k: v.encode("utf-8", "replace").decode() for k, v in extra.items()}, "user": '{"id": 5}'}
    signed = sig.sign_init_data({**fields, "auth_date": "1795341600"}, "1:token")
    assert sig.verify_init_data(signed, ["1:token"], now=1795341600).id == 5
    pairs = parse_qsl(signed, keep_blank_values=True)
    index = at % len(pairs)
    name, value = pairs[index]
    changed = flipped((value or "x").encode(), at, bit).decode("latin-1")
    pairs[index] = (name, changed if changed != value else value + "x")
    with pytest.raises(sig.SignatureError):
        sig.verify_init_data(urlencode(pairs), ["1:token"], now=1795341600)


@vectors("telegram_login")
def test_telegram_login(v: dict[str, Any]) -> None:
    fields, tokens, now = v["fields"], [v["bot_token"]], v["now"]
    assert sig.verify_telegram_login(fields, tokens, now=now).id == v["user_id"]
    refused(lambda: sig.verify_telegram_login({**fields, "id": "1"}, tokens, now=now))
    refused(lambda: sig.verify_telegram_login(fields, ["1:another"], now=now))
    refused(lambda: sig.verify_telegram_login(fields, tokens, now=now + 3601))
    refused(lambda: sig.verify_telegram_login({**fields, "hash": ""}, tokens, now=now), SignatureMissing)


def test_shared_secrets_of_telegram_and_vk() -> None:
    sig.verify_telegram_secret("one", ["two", "one"])
    refused(lambda: sig.verify_telegram_secret("One", ["two", "one"]))
    refused(lambda: sig.verify_telegram_secret(None, ["one"]), SignatureMissing)
    sig.verify_vk_secret("секрет", ["секрет"])
    refused(lambda: sig.verify_vk_secret(["секрет"], ["секрет"]))
    refused(lambda: sig.verify_vk_secret("секре", ["секрет"]))
    refused(lambda: sig.verify_vk_secret(None, ["секрет"]), SignatureMissing)
    sig.verify_verify_token("token", ["token"])
    refused(lambda: sig.verify_verify_token("tokem", ["token"]))
    refused(lambda: sig.verify_verify_token(None, ["token"]), SignatureMissing)
