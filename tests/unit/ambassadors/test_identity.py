"""Disguises of a mailbox, and codes."""

from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ambassadors.codes import fold, suggestions
from services.ambassadors.identity import normalise_email


@pytest.mark.parametrize(
    "disguise",
    [
        "anna.petrova@gmail.com",
        "AnnaPetrova@Gmail.com",
        " annapetrova+shop@gmail.com ",
        "a.n.n.a.petrova+1+2@googlemail.com",
        "ａｎｎａpetrova@gmail.com",
        "annapetrova@gmail.com.",
    ],
)
def test_one_mailbox_behind_its_disguises(disguise: str) -> None:
    assert normalise_email(disguise) == "annapetrova@gmail.com"


def test_dots_count_elsewhere() -> None:
    assert normalise_email("anna.petrova@example.com") != normalise_email("annapetrova@example.com")
    assert normalise_email("anna+x@example.com") == "anna@example.com"
    assert normalise_email("anna.p@ya.ru") == normalise_email("anna-p@yandex.com")


@pytest.mark.parametrize("nothing", [None, "", "anna", "@example.com", "anna@", "  "])
def test_no_address(nothing: str | None) -> None:
    assert normalise_email(nothing) is None


@given(st.emails())
def test_normalising_twice_changes_nothing_more(address: str) -> None:
    once = normalise_email(address)
    assert once == normalise_email(once)


def test_codes_of_names_in_both_alphabets() -> None:
    assert list(islice(suggestions("Анна Щукина"), 4)) == ["ANNA", "ANNASHCHUKINA", "ANNA2", "ANNA3"]
    assert next(suggestions("José Ibáñez")) == "JOSE"
    assert next(suggestions("Li Wu")) == "LIWU"
    assert next(suggestions("王小明")) == "FRIEND"


@given(st.text(max_size=80))
def test_every_suggestion_is_a_code(name: str) -> None:
    for code in islice(suggestions(name), 5):
        assert 3 <= len(code) <= 32
        assert code.isascii()
        assert code.isalnum()


def test_codes_ignore_case() -> None:
    assert fold(" Anna-10 ") == fold("ANNA-10")
