"""One whole Vouch for all end-to-end tests of a run."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import stack
from tests.live import LiveStack, live_stack


@pytest.fixture(scope="session")
def live(tmp_path_factory: pytest.TempPathFactory, kafka_kind: stack.Kind) -> Iterator[LiveStack]:
    """`vouch up --demo --no-traffic`, shared by the run; or the one that runs in VOUCH_TEST_DATA_DIR."""
    if given := os.environ.get("VOUCH_TEST_DATA_DIR"):
        running = LiveStack(Path(given), kafka_kind)
        running.connect()
        yield running
        return
    with live_stack(tmp_path_factory.mktemp("vouch"), kafka_kind) as running:
        yield running
        running.down()
