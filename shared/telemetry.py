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
_tracer = trace.get_tracer("vouch")


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
    for noisy in ("aiokafka", "pymongo", "uvicorn.access"):
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
    """A consumer span around one record's handler, a child of whoever sent the record."""
    if not trace.get_tracer_provider().__class__.__module__.startswith("opentelemetry.sdk"):
        yield
        return
    parent = _propagator.extract(headers)
    attributes = {"messaging.system": "kafka", "messaging.destination.name": meta.topic, "vouch.brand": meta.brand_id}
    with _tracer.start_as_current_span(
        f"handle {meta.type or meta.topic}", parent, trace.SpanKind.CONSUMER, attributes
    ):
        yield
