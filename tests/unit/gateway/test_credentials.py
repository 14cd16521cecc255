"""Credentials: the same for a repeated command, worth nothing when changed."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.credentials import AmbassadorClaims, BadToken, Credentials

CREDENTIALS = Credentials(bytes(range(32)), "operator-token-of-the-tests")
OTHER = Credentials(bytes(32), "operator-token-of-the-tests")
CLAIMS = AmbassadorClaims("brd_1", "amb_1", "tok_1")


def later(minutes: int) -> datetime:
    return datetime.now(UTC) + timedelta(minutes=minutes)


def test_a_repeated_command_makes_the_same_key_and_another_another() -> None:
    assert CREDENTIALS.api_key("cmd_1") == CREDENTIALS.api_key("cmd_1")
    assert CREDENTIALS.api_key("cmd_1").startswith("vk_")
    assert len({CREDENTIALS.api_key("cmd_1"), CREDENTIALS.api_key("cmd_2"), OTHER.api_key("cmd_1")}) == 3
    assert CREDENTIALS.secret("cmd_1", "a") != CREDENTIALS.secret("cmd_1", "b")
    assert CREDENTIALS.standard_secret("cmd_1", "a").startswith("whsec_")


def test_tokens_say_who_until_their_time_is_over() -> None:
    assert CREDENTIALS.read_ambassador_token(CREDENTIALS.ambassador_token(CLAIMS, later(1))) == CLAIMS
    with pytest.raises(BadToken):
        CREDENTIALS.read_ambassador_token(CREDENTIALS.ambassador_token(CLAIMS, later(-1)))


def test_other_keys_and_other_uses_are_refused() -> None:
    token, state = CREDENTIALS.ambassador_token(CLAIMS, later(5)), CREDENTIALS.install_state("brd_1", "s.myshopify.com")
    assert CREDENTIALS.read_install_state(state).shop_domain == "s.myshopify.com"
    for read, text in (
        (OTHER.read_ambassador_token, token),
        (CREDENTIALS.read_ambassador_token, state),
        (CREDENTIALS.read_install_state, token),
        (OTHER.read_install_state, state),
    ):
        with pytest.raises(BadToken):
            read(text)


@given(st.text(max_size=60))
def test_garbage_is_a_bad_token(text: str) -> None:
    with pytest.raises(BadToken):
        CREDENTIALS.read_ambassador_token(text)
    assert not CREDENTIALS.is_operator(text)


def test_the_operator_and_addresses() -> None:
    assert CREDENTIALS.is_operator("operator-token-of-the-tests")
    assert (
        CREDENTIALS.address_digest("10.0.0.1")
        == CREDENTIALS.address_digest("10.0.0.1")
        != OTHER.address_digest("10.0.0.1")
    )
