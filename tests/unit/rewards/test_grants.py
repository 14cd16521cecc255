"""Grants and campaigns through their handlers: once per trigger, never above a cap, every edge of the states."""

import contextlib
from collections import Counter
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.rewards.handlers import (
    change_campaign,
    claim_grant,
    expire_grants,
    issue_grant,
    record_code_outcome,
    revoke_grant,
    set_campaign,
    settle_redemption,
)
from services.rewards.lifecycle import LATE
from services.rewards.models import Grant, KnownAmbassador
from shared.contracts.rewards import (
    CampaignChanged,
    Caps,
    ChangeCampaign,
    ClaimGrant,
    ExpireGrants,
    GrantChanged,
    RecordCodeOutcome,
    RevokeGrant,
    SetCampaign,
    SettleRedemption,
)
from shared.errors import Refused
from tests.unit.rewards.fakes import AT, BRAND, CAMPAIGN, FakeUnitOfWork, issue, meta, terms

OWN = {"brand_id": BRAND, "campaign_id": CAMPAIGN}


async def do(uow: FakeUnitOfWork, handler: Any, message: Any, actor: str = "system") -> Any:
    return await handler(message, uow, meta(actor))


async def with_terms(uow: FakeUnitOfWork, **changes: Any) -> Any:
    return await do(uow, set_campaign, SetCampaign(**OWN, terms=terms(**changes)))


def outcome(grant: Grant, **changes: Any) -> RecordCodeOutcome:
    fields = {"grant_id": grant.id, "action": "create", "ok": True, "code": grant.code, "discount_id": "gid://d/1"}
    return RecordCodeOutcome.model_validate(OWN | fields | changes)


def use(grant: Grant, revision: int, used: bool, order: str = "5001") -> SettleRedemption:
    return SettleRedemption(**OWN, grant_id=grant.id, order_id=order, revision=revision, used=used, at=AT)


async def test_same_trigger_same_grant_same_code(uow: FakeUnitOfWork) -> None:
    first = await do(uow, issue_grant, issue("order-1"))
    again = await do(uow, issue_grant, issue("order-1"))
    assert (first.status, again.status) == (201, 200)
    assert first.body["id"] == again.body["id"]
    assert len(uow.grants) == len(uow.jobs) == 1


async def test_code_is_told_once_it_works(uow: FakeUnitOfWork) -> None:
    reply = await do(uow, issue_grant, issue("order-1"))
    assert (reply.body["status"], reply.body["code"]) == ("reserved", None)
    await do(uow, record_code_outcome, outcome(uow.grants[0]))
    changes = [(m.change, m.status, m.code) for m in uow.taken() if isinstance(m, GrantChanged)]
    assert changes == [("reserved", "reserved", None), ("issued", "issued", uow.grants[0].code)]


async def test_shopify_refused_for_good(uow: FakeUnitOfWork) -> None:
    await do(uow, issue_grant, issue("order-1"))
    await do(uow, record_code_outcome, outcome(uow.grants[0], ok=False, reason="Customer does not exist"))
    assert (uow.grants[0].status, uow.grants[0].reason) == ("failed", "Customer does not exist")
    assert uow.rows["tallies"][CAMPAIGN]["granted"] == 0


async def test_terms_are_frozen_into_grants(uow: FakeUnitOfWork) -> None:
    await do(uow, issue_grant, issue("order-1"))
    await with_terms(uow, reward={"kind": "fixed", "value": "5"})
    await do(uow, issue_grant, issue("order-2"))
    assert [(grant.campaign_version, grant.reward.kind) for grant in uow.grants] == [(1, "percent"), (2, "fixed")]
    assert len(uow.rows["campaign_versions"]) == 2


async def test_same_terms_make_no_version(uow: FakeUnitOfWork) -> None:
    assert (await with_terms(uow)).body["version"] == 1
    assert uow.taken() == []


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"condition": "order.totl > 5"}, "line 1, column 7: there is no field totl. Did you mean total?"),
        ({"condition": "mention.likes > 5"}, "line 1, column 1: there is nothing called mention here"),
        ({"trigger": "by_hand", "condition": "1 > 0"}, "asks no condition"),
    ],
)
async def test_wrong_condition_is_refused_at_its_spot(uow: FakeUnitOfWork, changes: dict[str, str], says: str) -> None:
    with pytest.raises(Refused) as caught:
        await with_terms(uow, **changes)
    assert caught.value.status == 422
    assert caught.value.errors
    assert caught.value.errors[0]["pointer"] == "/condition"
    assert says in caught.value.errors[0]["detail"]


async def test_pause_resume_archive(uow: FakeUnitOfWork) -> None:
    await do(uow, change_campaign, ChangeCampaign(**OWN, action="pause"))
    with pytest.raises(Refused, match="the campaign is paused"):
        await do(uow, issue_grant, issue("order-1"))
    await do(uow, change_campaign, ChangeCampaign(**OWN, action="resume"))
    await do(uow, change_campaign, ChangeCampaign(**OWN, action="archive"))
    assert [m.status for m in uow.taken() if isinstance(m, CampaignChanged)] == ["paused", "active", "archived"]
    with pytest.raises(Refused, match="cannot resume"):
        await do(uow, change_campaign, ChangeCampaign(**OWN, action="resume"))


async def test_other_brands_campaign_is_not_there(uow: FakeUnitOfWork) -> None:
    with pytest.raises(Refused) as caught:
        await do(uow, change_campaign, ChangeCampaign(brand_id="brd_2", campaign_id=CAMPAIGN, action="pause"))
    assert caught.value.status == 404


async def test_window_is_kept_to_the_second(uow: FakeUnitOfWork) -> None:
    await with_terms(uow, starts_at=AT, ends_at=AT + timedelta(seconds=1))
    assert (await do(uow, issue_grant, issue("order-1"))).status == 201
    late = issue("order-2").model_copy(update={"at": AT + timedelta(seconds=1)})
    with pytest.raises(Refused, match="ended"):
        await do(uow, issue_grant, late)


async def test_caps_count_people_by_every_name(uow: FakeUnitOfWork) -> None:
    await with_terms(uow, caps=Caps(per_person=1))
    known = KnownAmbassador(
        id="amb_1", brand_id=BRAND, status="active", tier=None, customer_id="7001", language="en", networks=[]
    )
    uow.save(known)
    await do(uow, issue_grant, issue("m-1", None, key="ambassador:amb_1", ambassador_id="amb_1"))
    await do(uow, claim_grant, ClaimGrant(**OWN, grant_id=uow.grants[0].id, customer_id="7001"))
    with pytest.raises(Refused, match="already-rewarded"):
        await do(uow, issue_grant, issue("order-1", "7001"))
    with pytest.raises(Refused, match="already-rewarded"):
        await do(uow, issue_grant, issue("m-2", None, key="x", ambassador_id="amb_1"))


async def test_claiming_a_second_one_as_the_same_customer_is_refused(uow: FakeUnitOfWork) -> None:
    await with_terms(uow, caps=Caps(per_person=1))
    await do(uow, issue_grant, issue("order-1", "7001"))
    await do(uow, issue_grant, issue("m-1", None, key="telegram:42", network="telegram", author_id="42"))
    with pytest.raises(Refused, match="already-rewarded"):
        await do(uow, claim_grant, ClaimGrant(**OWN, grant_id=uow.grants[1].id, customer_id="7001"))


async def test_unknown_author_waits_until_claimed(uow: FakeUnitOfWork) -> None:
    reply = await do(uow, issue_grant, issue("m-1", None, network="telegram", author_id="42"))
    assert (reply.body["claimable"], uow.jobs) == (True, {})
    uow.now = AT + timedelta(days=3)
    claimed = await do(uow, claim_grant, ClaimGrant(**OWN, grant_id=uow.grants[0].id, customer_id="7001"))
    assert claimed.body["recipient"]["customer_id"] == "7001"
    assert uow.grants[0].expires_at == AT + timedelta(days=33)
    ((_, payload),) = uow.jobs.values()
    assert payload["customer_id"] == "7001"
    again = await do(uow, claim_grant, ClaimGrant(**OWN, grant_id=uow.grants[0].id, customer_id="7001"))
    assert again.status == 200
    with pytest.raises(Refused) as caught:
        await do(uow, claim_grant, ClaimGrant(**OWN, grant_id=uow.grants[0].id, customer_id="7002"))
    assert caught.value.status == 404


async def test_ambassadors_grant_is_claimed_by_the_ambassador_alone(uow: FakeUnitOfWork) -> None:
    await do(uow, issue_grant, issue("m-1", None, key="ambassador:amb_1", ambassador_id="amb_1"))
    claim = ClaimGrant(**OWN, grant_id=uow.grants[0].id, customer_id="7001")
    for actor in ("customer:7001", "ambassador:amb_2"):
        with pytest.raises(Refused) as caught:
            await do(uow, claim_grant, claim, actor)
        assert caught.value.status == 404
    assert (await do(uow, claim_grant, claim, "ambassador:amb_1")).status == 200


async def test_bearer_codes_come_at_once(uow: FakeUnitOfWork) -> None:
    await with_terms(uow, bearer_codes=True)
    await do(uow, issue_grant, issue("m-1", None, network="telegram", author_id="42"))
    ((_, payload),) = uow.jobs.values()
    assert payload["customer_id"] is None
    await do(uow, claim_grant, ClaimGrant(**OWN, grant_id=uow.grants[0].id, customer_id="7001"))
    assert len(uow.jobs) == 1


async def test_revoking_deactivates_and_frees_when_the_code_is_dead(uow: FakeUnitOfWork) -> None:
    await with_terms(uow, caps=Caps(total=1, per_person=None))
    await do(uow, issue_grant, issue("order-1"))
    await do(uow, record_code_outcome, outcome(uow.grants[0]))
    await do(uow, revoke_grant, RevokeGrant(**OWN, grant_id=uow.grants[0].id, reason="fraud"))
    assert set(uow.jobs) == {f"{uow.grants[0].id}:create", f"{uow.grants[0].id}:deactivate"}
    with pytest.raises(Refused, match="campaign-exhausted"):
        await do(uow, issue_grant, issue("order-2"))
    await do(uow, record_code_outcome, outcome(uow.grants[0], action="deactivate"))
    assert (await do(uow, issue_grant, issue("order-2"))).status == 201


async def test_revoked_while_the_code_was_being_made(uow: FakeUnitOfWork) -> None:
    await do(uow, issue_grant, issue("order-1"))
    await do(uow, revoke_grant, RevokeGrant(**OWN, grant_id=uow.grants[0].id, reason="fraud"))
    await do(uow, record_code_outcome, outcome(uow.grants[0]))
    assert uow.grants[0].status == "revoked"
    assert f"{uow.grants[0].id}:deactivate" in uow.jobs


async def test_used_grant_cannot_be_revoked(uow: FakeUnitOfWork) -> None:
    await do(uow, issue_grant, issue("order-1"))
    await do(uow, settle_redemption, use(uow.grants[0], 1, True))
    with pytest.raises(Refused, match="grant-over"):
        await do(uow, revoke_grant, RevokeGrant(**OWN, grant_id=uow.grants[0].id, reason="fraud"))


async def test_expiry_waits_for_late_orders_before_money_is_free(uow: FakeUnitOfWork) -> None:
    await with_terms(uow, caps=Caps(per_person=None, budget="10", cost_estimate="10"))
    await do(uow, issue_grant, issue("order-1"))
    await do(uow, record_code_outcome, outcome(uow.grants[0]))
    end = uow.grants[0].expires_at
    await do(uow, expire_grants, ExpireGrants(**OWN, as_of=end - timedelta(milliseconds=1)))
    assert uow.grants[0].status == "issued"
    await do(uow, expire_grants, ExpireGrants(**OWN, as_of=end))
    assert (uow.grants[0].status, uow.rows["tallies"][CAMPAIGN]["spent"]) == ("expired", "10")
    await do(uow, expire_grants, ExpireGrants(**OWN, as_of=end + LATE))
    assert Decimal(uow.rows["tallies"][CAMPAIGN]["spent"]) == 0


async def test_late_order_redeems_an_expired_grant(uow: FakeUnitOfWork) -> None:
    await do(uow, issue_grant, issue("order-1"))
    await do(uow, record_code_outcome, outcome(uow.grants[0]))
    await do(uow, expire_grants, ExpireGrants(**OWN, as_of=uow.grants[0].expires_at))
    seen = []
    for revision, used in ((1, True), (2, False)):
        await do(uow, settle_redemption, use(uow.grants[0], revision, used))
        seen.append(uow.grants[0].status)
    assert seen == ["redeemed", "expired"]


_STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["issue", "issue", "issue", "ok", "refused", "use", "unuse", "revoke", "dead", "expire", "claim"]
        ),
        st.integers(0, 5),
        st.sampled_from(["7001", "7002", None]),
    ),
    max_size=40,
)


@settings(max_examples=150, deadline=None)
@given(_STEPS, st.integers(1, 3), st.integers(1, 2), st.integers(1, 4))
async def test_caps_and_tallies_hold_under_any_sequence(steps: Any, total: int, person: int, budget: int) -> None:
    """Whatever happens in whatever order: never more given than allowed, and tallies equal to what the grants say."""
    uow = FakeUnitOfWork()
    caps = Caps(total=total, per_person=person, budget=str(budget * 5), cost_estimate="5")
    await do(uow, set_campaign, SetCampaign(**OWN, terms=terms(caps=caps, bearer_codes=True)))
    for number, (step, index, customer) in enumerate(steps):
        uow.now += timedelta(days=1)
        with contextlib.suppress(Refused):
            await _step(uow, step, index, customer, number)
        _check(uow, caps)


async def _step(uow: FakeUnitOfWork, step: str, index: int, customer: str | None, number: int) -> None:
    if step == "issue":
        message = issue(f"s{index}", customer, network="telegram", author_id=str(index % 2))
        return await do(uow, issue_grant, message.model_copy(update={"at": uow.now}))  # type: ignore[no-any-return]
    if not uow.grants:
        return None
    grant = uow.grants[index % len(uow.grants)]
    messages: dict[str, tuple[Any, Any]] = {
        "ok": (record_code_outcome, outcome(grant)),
        "refused": (record_code_outcome, outcome(grant, ok=False, reason="no")),
        "dead": (record_code_outcome, outcome(grant, action="deactivate")),
        "use": (settle_redemption, use(grant, number, True)),
        "unuse": (settle_redemption, use(grant, number, False)),
        "revoke": (revoke_grant, RevokeGrant(**OWN, grant_id=grant.id, reason="r")),
        "expire": (expire_grants, ExpireGrants(**OWN, as_of=uow.now)),
        "claim": (claim_grant, ClaimGrant(**OWN, grant_id=grant.id, customer_id=customer or "7003")),
    }
    return await do(uow, *messages[step])  # type: ignore[no-any-return]


def _check(uow: FakeUnitOfWork, caps: Caps) -> None:
    def place(grant: Grant) -> bool:
        return grant.status == "redeemed" or not (grant.freed and grant.state in ("failed", "revoked"))

    holding = [grant for grant in uow.grants if place(grant)]
    tally = uow.rows.get("tallies", {}).get(CAMPAIGN, {"granted": 0, "redeemed": 0, "spent": "0"})
    assert tally["granted"] == len(holding)
    assert tally["redeemed"] == sum(grant.status == "redeemed" for grant in uow.grants)
    assert Decimal(tally["spent"]) == sum(
        (grant.cost for grant in holding if grant.status == "redeemed" or not grant.freed), Decimal(0)
    )
    per_person = Counter(person for grant in holding for person in grant.people)
    rows = uow.rows.get("person_tallies", {}).values()
    assert {row["person"]: row["granted"] for row in rows if row["granted"]} == dict(per_person)
    # A code that was used although it had been taken back (its use was heard of too late) is beyond any cap.
    late = [grant for grant in holding if grant.freed and grant.status == "redeemed"]
    assert caps.total is not None
    assert caps.per_person is not None
    assert len(holding) - len(late) <= caps.total
    assert max((count for count in per_person.values()), default=0) - len(late) <= caps.per_person
    assert caps.budget is not None
    assert Decimal(tally["spent"]) - 5 * len(late) <= caps.budget
