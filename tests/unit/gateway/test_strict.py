"""Contracts as request bodies."""

import pytest
from pydantic import ValidationError

from services.gateway.bodies import CampaignBody, VoiceBody
from shared.contracts.rewards import CampaignTerms
from shared.contracts.ugc import Voice

TERMS = {
    "name": "x",
    "trigger": "order_attributed",
    "recipient": "buyer",
    "reward": {"kind": "percent", "value": "10"},
    "caps": {"per_person": 1},
}


def test_what_is_known_passes_and_is_still_the_contract() -> None:
    body = CampaignBody.model_validate(TERMS)
    assert isinstance(body, CampaignTerms)
    assert body.model_dump() == CampaignTerms.model_validate(TERMS).model_dump()
    assert CampaignBody.model_validate_json(body.model_dump_json()) == body


@pytest.mark.parametrize("place", [(), ("reward",), ("caps",)])
def test_unknown_fields_are_refused_at_every_depth(place: tuple[str, ...]) -> None:
    wrong: dict[str, object] = {**TERMS, **{name: {**TERMS[name], "odd": 1} for name in place}}  # type: ignore[dict-item]
    if not place:
        wrong["odd"] = 1
    with pytest.raises(ValidationError) as refusal:
        CampaignBody.model_validate(wrong)
    assert [error["loc"] for error in refusal.value.errors()] == [(*place, "odd")]


def test_lists_of_models_too() -> None:
    with pytest.raises(ValidationError):
        VoiceBody.model_validate({"persona": "x", "facts": [{"id": "a", "text": {"en": "b"}, "odd": 1}]})
    assert isinstance(VoiceBody.model_validate({"persona": "x"}), Voice)


def test_rules_of_the_contract_still_hold() -> None:
    with pytest.raises(ValidationError):
        CampaignBody.model_validate({**TERMS, "reward": {"kind": "percent", "value": "0"}})
