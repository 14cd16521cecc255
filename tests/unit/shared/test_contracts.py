"""Contracts may grow, never break."""

import copy
from typing import Any

import pytest

from shared.contracts.compatibility import agreed, breaks, current, without_prose


def test_nothing_breaks_what_was_agreed() -> None:
    assert breaks(agreed(), current()) == []


def test_the_agreed_schemas_are_the_present_ones() -> None:
    """Run `python -m shared.contracts.compatibility` after adding to a contract."""
    assert without_prose(agreed()) == without_prose(current())


def changed(change: Any) -> list[str]:
    new = copy.deepcopy(current())
    change(new)
    return breaks(current(), new)


def properties(schemas: dict[str, Any], message: str) -> dict[str, Any]:
    found: dict[str, Any] = schemas[message]["schema"]["properties"]
    return found


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda new: new.pop("ClaimGrant"), "ClaimGrant is gone"),
        (lambda new: properties(new, "ClaimGrant").pop("grant_id"), "ClaimGrant.grant_id is gone"),
        (lambda new: new["RevokeGrant"]["schema"]["required"].append("extra"), "RevokeGrant.extra is required now"),
        (
            lambda new: properties(new, "ClaimGrant")["grant_id"].update(type="integer"),
            "ClaimGrant.grant_id can no longer be string",
        ),
        (
            lambda new: properties(new, "ChangeCampaign")["action"]["enum"].remove("pause"),
            "ChangeCampaign.action no longer allows pause",
        ),
        (lambda new: new["ClaimGrant"].update(keyed_by="grant_id"), "ClaimGrant: keyed_by was 'campaign_id'"),
    ],
)
def test_a_breaking_change_is_named(change: Any, sentence: str) -> None:
    assert sentence in changed(change)


def test_a_new_optional_field_and_a_new_value_are_fine() -> None:
    def grow(new: dict[str, Any]) -> None:
        properties(new, "ClaimGrant")["note"] = {"type": "string"}
        properties(new, "ChangeCampaign")["action"]["enum"].append("rename")

    assert changed(grow) == []
