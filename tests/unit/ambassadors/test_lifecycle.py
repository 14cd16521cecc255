"""The lifecycle as a table."""

from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest

from services.ambassadors.lifecycle import NoSuchStep, actions, step
from shared.contracts.ambassadors import AmbassadorAction, AmbassadorStatus

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def walk(*path: AmbassadorAction, status: AmbassadorStatus = "candidate") -> AmbassadorStatus:
    for action in path:
        status = step(status, action, since=NOW, now=NOW)
    return status


def test_from_candidate_to_farewell() -> None:
    assert walk("invite", "apply", "approve", "pause", "resume", "offboard") == "offboarded"


def test_the_offboarded_may_come_back() -> None:
    assert walk("approve", "offboard", "apply", "approve") == "active"


def test_the_rejected_may_apply_again_after_thirty_days() -> None:
    with pytest.raises(NoSuchStep, match="from 2026-12-22 on"):
        step("rejected", "apply", since=NOW, now=NOW + timedelta(days=30, seconds=-1))
    assert step("rejected", "apply", since=NOW, now=NOW + timedelta(days=30)) == "applied"


@pytest.mark.parametrize("action", get_args(AmbassadorAction))
def test_nothing_leads_out_of_a_ban(action: AmbassadorAction) -> None:
    with pytest.raises(NoSuchStep):
        step("banned", action, since=NOW, now=NOW)


@pytest.mark.parametrize("status", get_args(AmbassadorStatus))
def test_what_may_be_done_can_be_done(status: AmbassadorStatus) -> None:
    later = NOW + timedelta(days=31)
    for action in get_args(AmbassadorAction):
        if action in actions(status):
            assert step(status, action, since=NOW, now=later)
        else:
            with pytest.raises(NoSuchStep):
                step(status, action, since=NOW, now=later)
