"""One trace joins the request, the handler of its command, the events and the call to the outside."""

from collections.abc import Iterator, Sequence

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from shared.commands import CommandBus
from shared.contracts.base import Message
from shared.contracts.rewards import CampaignChanged, ChangeCampaign, ExpireGrants
from shared.effects import Effects, Job, Resources
from shared.handlers import Handlers
from shared.records import Meta
from shared.runtime import Runtime, ServiceApp
from shared.settings import Settings
from shared.telemetry import request_span
from shared.topics import Service
from shared.unit_of_work import UnitOfWork
from tests.integration.platform.conftest import until


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    """What is recorded during the test."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)
    yield exporter
    provider.shutdown()


def joined() -> ServiceApp:
    """A command that emits an event whose handler asks for a call whose outcome is another command."""
    handlers, effects = Handlers(Service.REWARDS), Effects(Service.REWARDS)

    @handlers.on(ChangeCampaign)
    async def change(message: ChangeCampaign, uow: UnitOfWork, meta: Meta) -> None:
        changed = CampaignChanged(
            brand_id=message.brand_id, campaign_id=message.campaign_id, campaign_version=1, status="active", name=""
        )
        uow.emit(changed)

    @handlers.on(CampaignChanged)
    async def changed(event: CampaignChanged, uow: UnitOfWork, meta: Meta) -> None:
        uow.effect("call", f"call/{event.campaign_id}", event.brand_id, {"campaign_id": event.campaign_id})

    @effects.on("call")
    async def call(job: Job, resources: Resources) -> Sequence[Message]:
        return [ExpireGrants(brand_id=job.brand_id, campaign_id=job.payload["campaign_id"], as_of=job.created_at)]

    @handlers.on(ExpireGrants)
    async def expire(message: ExpireGrants, uow: UnitOfWork, meta: Meta) -> None:
        """The end of the way."""

    return ServiceApp(Service.REWARDS, handlers, effects)


async def test_a_trace_joins_the_whole_way(settings: Settings, spans: InMemorySpanExporter) -> None:
    runtime = Runtime(joined(), settings)
    await runtime.start()
    bus = CommandBus(settings, runtime.producer)
    await bus.start()
    caller = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
    with request_span("POST", "/v1/admin/campaigns", caller):
        command = ChangeCampaign(brand_id="brd_1", campaign_id="cmp_1", action="pause")
        await bus.execute(command, actor="key:1", command_id="one", timeout=20)

    async def arrived() -> bool:
        return any(span.name == "handle ExpireGrants" for span in spans.get_finished_spans())

    await until(arrived, "the end of the way")
    await bus.stop()
    await runtime.stop()
    names = {span.name for span in spans.get_finished_spans()}
    assert names == {"POST v1", "handle ChangeCampaign", "handle CampaignChanged", "effect call", "handle ExpireGrants"}
    traces = {f"{span.context.trace_id:032x}" for span in spans.get_finished_spans() if span.context}
    assert traces == {"0af7651916cd43dd8448eb211c80319c"}
