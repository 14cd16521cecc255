"""Poison or bad deploy: the watch's verdicts."""

import pytest

from shared.failures import FailureWatch, MassFailure


def test_poison_among_successes_is_buried_at_once() -> None:
    assert FailureWatch().judge(["t/0/1"], 5, "boom") is None


def test_poison_after_successes_is_buried_at_once() -> None:
    watch = FailureWatch()
    watch.settled(succeeded=3, buried=0)
    assert watch.judge(["t/0/1"], 0, "boom") is None


def test_a_lone_failure_waits_for_evidence_then_is_buried() -> None:
    assert FailureWatch(patience=60).judge(["t/0/1"], 0, "boom") == 0.5
    assert FailureWatch(patience=0).judge(["t/0/1"], 0, "boom") is None


def test_a_success_elsewhere_is_the_evidence_it_waits_for() -> None:
    watch = FailureWatch(patience=60)
    assert watch.judge(["t/0/1"], 0, "boom") == 0.5
    watch.settled(succeeded=1, buried=0)
    assert watch.judge(["t/0/1"], 0, "boom") is None


def test_three_different_failures_and_no_success_since_the_start_stop_the_processor() -> None:
    watch = FailureWatch(patience=60)
    assert watch.judge(["t/0/1"], 0, "boom") == 0.5
    assert watch.judge(["t/0/1"], 0, "boom") == 0.5, "the same record counts once"
    assert watch.judge(["t/1/1"], 0, "boom") == 0.5
    with pytest.raises(MassFailure, match=r"3 of the last 3 records failed, last with boom"):
        watch.judge(["t/2/9"], 0, "boom")


def test_a_handful_of_poison_on_a_quiet_system_is_not_a_bad_deploy() -> None:
    watch = FailureWatch()
    watch.settled(succeeded=1, buried=0)
    for number in range(9):
        assert watch.judge([f"t/0/{number}"], 0, "boom") is None
        watch.settled(succeeded=0, buried=1)


def test_nearly_everything_failing_stops_although_some_succeeded_once() -> None:
    watch = FailureWatch()
    watch.settled(succeeded=2, buried=0)
    with pytest.raises(MassFailure, match="Deploy a fix and restart"):
        watch.judge([f"t/0/{number}" for number in range(40)], 0, "boom")
