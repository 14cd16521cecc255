"""A campaign's partition in memory: the handlers, a unit of work, settings."""

from collections.abc import Iterator

import pytest

from services.rewards.handlers import set_campaign
from shared.contracts.rewards import SetCampaign
from shared.settings import load_settings
from tests.settings import environment, settings_for
from tests.unit.rewards.fakes import BRAND, CAMPAIGN, FakeUnitOfWork, meta, terms


@pytest.fixture(autouse=True)
def _settings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, value in environment(settings_for("mongodb://unused", "unused:1", "t.", "t_")).items():
        monkeypatch.setenv(name, value)
    load_settings.cache_clear()
    yield
    load_settings.cache_clear()


@pytest.fixture
async def uow() -> FakeUnitOfWork:
    """With one active campaign: 10% for buyers, no caps."""
    fake = FakeUnitOfWork()
    await set_campaign(SetCampaign(brand_id=BRAND, campaign_id=CAMPAIGN, terms=terms()), fake, meta())  # type: ignore[arg-type]
    fake.taken()
    return fake
