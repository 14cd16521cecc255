"""Money, ids, settings and sealing."""

import base64
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from shared.ids import derived_id, new_id
from shared.money import Money, exponent, quantize
from shared.security.sealing import Sealer, Unsealable, derive_key
from shared.settings import Settings, SettingsError, load_settings
from tests.settings import MASTER_KEY

amounts = st.decimals(min_value=-(10**9), max_value=10**9, places=4, allow_nan=False, allow_infinity=False)
currencies = st.sampled_from(["EUR", "JPY", "KWD", "CLF", "RUB"])


@given(amounts, currencies)
def test_money_survives_minor_units(amount: Decimal, currency: str) -> None:
    money = Money.of(amount, currency)
    assert Money.from_minor(money.minor, currency) == money
    assert abs(money.amount - amount) <= Decimal(1).scaleb(-exponent(currency)) / 2


@pytest.mark.parametrize(
    ("amount", "currency", "rounded"),
    [
        ("2.675", "EUR", "2.68"),
        ("-2.675", "EUR", "-2.68"),
        ("0.5", "JPY", "1"),
        ("1.2345", "KWD", "1.235"),
        ("0.5", "RUB", "0.50"),
    ],
)
def test_half_is_rounded_up_in_the_currency_s_own_units(amount: str, currency: str, rounded: str) -> None:
    assert str(quantize(Decimal(amount), currency)) == rounded


def test_money_refuses_floats_and_other_currencies() -> None:
    with pytest.raises(ValidationError, match="as a string"):
        Money.model_validate({"amount": 12.5, "currency": "EUR"})
    with pytest.raises(ValueError, match="cannot add USD to EUR"):
        Money.of("1", "EUR") + Money.of("1", "USD")
    assert Money.of("12.5", "EUR").model_dump() == {"amount": "12.50", "currency": "EUR"}


def test_ids_sort_by_time_and_derived_ones_depend_on_every_part() -> None:
    first, second = new_id("men"), new_id("men")
    assert first.startswith("men_")
    assert first != second
    assert derived_id("grt", "a", "bc") == derived_id("grt", "a", "bc") != derived_id("grt", "ab", "c")
    assert len(derived_id("grt", "x")) == 30


@given(st.text(), st.text())
def test_what_is_sealed_opens_for_its_brand_only(text: str, brand: str) -> None:
    text = text.encode("utf-8", "replace").decode()
    brand = brand.encode("utf-8", "replace").decode()
    sealer = Sealer(b"k" * 32)
    sealed = sealer.seal(brand, text)
    assert sealer.unseal(brand, sealed) == text
    assert sealer.seal(brand, text) != sealed, "the nonce was used twice"
    with pytest.raises(Unsealable):
        sealer.unseal(brand + "x", sealed)
    with pytest.raises(Unsealable):
        Sealer(b"l" * 32).unseal(brand, sealed)


def test_keys_of_different_purposes_differ() -> None:
    assert derive_key(b"k" * 32, "sealing") != derive_key(b"k" * 32, "codes")


GOOD = {
    "VOUCH_MONGO_URI": "mongodb://x",
    "VOUCH_KAFKA": "x:1",
    "VOUCH_MASTER_KEY": MASTER_KEY,
    "VOUCH_OPERATOR_TOKEN": "t" * 24,
}


def load(monkeypatch: pytest.MonkeyPatch, **changes: str | None) -> Settings:
    for name, value in (GOOD | changes).items():
        if value is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, value)
    return load_settings.__wrapped__()


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load(monkeypatch, VOUCH_SHOPIFY_CLIENT_SECRETS="new, old")
    assert [secret.get_secret_value() for secret in settings.shopify_client_secrets] == ["new", "old"]
    assert settings.key_bytes == bytes(range(32))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"VOUCH_MONGO_URI": None}, "VOUCH_MONGO_URI: is not set (MongoDB replica set, for example mongodb://"),
        ({"VOUCH_MASTER_KEY": "short"}, "VOUCH_MASTER_KEY: must be base64; make one with: openssl rand -base64 32"),
        ({"VOUCH_MASTER_KEY": base64.b64encode(b"1").decode()}, "VOUCH_MASTER_KEY: must be 32 bytes, has 1"),
        ({"VOUCH_OPERATOR_TOKEN": "short"}, "VOUCH_OPERATOR_TOKEN: must have at least 24 characters"),
        ({"VOUCH_PARTITIONS": "many"}, "VOUCH_PARTITIONS: Input should be a valid integer"),
    ],
)
def test_a_wrong_setting_ends_with_a_sentence_that_says_what_to_set(
    monkeypatch: pytest.MonkeyPatch, changes: dict[str, str | None], sentence: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        load(monkeypatch, **changes)
    assert sentence in str(caught.value)
    assert "short" not in str(caught.value), "a secret is in the message"
