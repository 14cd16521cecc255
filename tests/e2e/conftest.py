"""One whole Vouch for all end-to-end tests of a run."""

from collections.abc import Iterator

import pytest

from tests import stack
from tests.live import LiveStack, live_stack


@pytest.fixture(scope="session")
def live(tmp_path_factory: pytest.TempPathFactory, kafka_kind: stack.Kind) -> Iterator[LiveStack]:
    """`vouch up --demo --no-traffic`, shared by the run."""
    with live_stack(tmp_path_factory.mktemp("vouch"), kafka_kind) as running:
        yield running
        running.down()
