"""Structured logs, Prometheus metrics and OpenTelemetry traces, correlated from HTTP through Kafka to HTTP.

Traces are recorded when `OTEL_EXPORTER_OTLP_ENDPOINT` is set; W3C trace context travels in every record either way.
"""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from prometheus_client import Counter, Gauge, Histogram

from shared.records import Header, Headers, Meta

RECORDS = Counter("vouch_records_total", "Records by what became of them.", ["service", "topic", "outcome"])
BATCH_SECONDS = Histogram("vouch_batch_seconds", "Duration of a batch's transaction.", ["service"])
BATCH_RECORDS = Histogram(
    "vouch_batch_records", "Records in a batch.", ["service"], buckets=(1, 3, 10, 30, 100, 300, 1000)
)
LAG = Gauge("vouch_lag_records", "Records not yet handled.", ["service", "topic", "partition"])
PROCESSOR_UP = Gauge("vouch_processor_up", "1 while the processor handles records, 0 when it has stopped.", ["service"])
OUTBOX = Gauge("vouch_outbox_batches", "Committed batches whose messages wait to be published.", ["service"])
DEAD_LETTERS = Counter("vouch_dead_letters_total", "Records put on the dead-letter topic.", ["service", "topic"])
EFFECTS = Counter(
    "vouch_effects_total", "Calls to the outside by kind and what became of them.", ["service", "kind", "outcome"]
)
EFFECT_SECONDS = Histogram("vouch_effect_seconds", "Duration of a call to the outside.", ["service", "kind"])

_propagator = TraceContextTextMapPropagator()


def configure_logging(service: str, level: str) -> None:
    """One JSON object a line on standard error, for Vouch's own records and everybody else's."""
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.dict_tracebacks,
        _named(service),
    ]
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # What these say about a broker that is away, Vouch says once and better.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    for noisy in ("pymongo", "uvicorn.access"):
        logging.getLogger(noisy).setLevel(logging.ERROR)


def _named(service: str) -> structlog.types.Processor:
    def add(_: structlog.types.WrappedLogger, __: str, event: structlog.types.EventDict) -> structlog.types.EventDict:
        return {"service": service, **event}

    return add


def configure_tracing(service: str) -> None:
    """Export spans by OTLP/HTTP where an endpoint is named."""
    if not os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT"):
        return
    provider = TracerProvider(resource=Resource.create({"service.name": f"vouch-{service}"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)


def trace_header() -> str | None:
    """The present span as a W3C `traceparent`, or None outside of any."""
    carrier: dict[str, str] = {}
    _propagator.inject(carrier)
    return carrier.get(Header.TRACE)


@contextmanager
def record_span(meta: Meta, headers: Headers) -> Iterator[None]:
    """A span around one record's handler, a child of whoever sent the record."""
    attributes = {"messaging.system": "kafka", "messaging.destination.name": meta.topic, "vouch.brand": meta.brand_id}
    with _span(f"handle {meta.type or meta.topic}", trace.SpanKind.CONSUMER, headers, attributes):
        yield


@contextmanager
def request_span(method: str, path: str, headers: Headers) -> Iterator[None]:
    """A span around one HTTP request, a child of the caller's where it sent a `traceparent`."""
    with _span(f"{method} {path.split('/')[1]}", trace.SpanKind.SERVER, headers, {"url.path": path}):
        yield


@contextmanager
def effect_span(kind: str, brand_id: str, parent: str | None) -> Iterator[None]:
    """A span around one call to the outside, a child of the record that asked for it."""
    headers = {Header.TRACE: parent} if parent else {}
    with _span(f"effect {kind}", trace.SpanKind.CLIENT, headers, {"vouch.brand": brand_id}):
        yield


@contextmanager
def _span(name: str, kind: trace.SpanKind, headers: Headers, attributes: dict[str, str]) -> Iterator[None]:
    if not isinstance(trace.get_tracer_provider(), TracerProvider):
        yield  # nobody records: not even the propagation is worth its time
        return
    with trace.get_tracer("vouch").start_as_current_span(name, _propagator.extract(headers), kind, attributes):
        yield
