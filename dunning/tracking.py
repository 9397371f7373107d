"""What is told to others: errors to Sentry (`dunning[sentry]`), spans to OpenTelemetry (`dunning[otel]`).

An error is told as it stands in the log, redacted; a span has a name of a few words, and ids.
"""

import importlib.util
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from dunning import __version__, logs, spans
from dunning.errors import Unusable
from dunning.settings import Settings

NOT_TAGS: Final = frozenset({"event", "level", "exception", "timestamp", "module"})
WORDS_MOST: Final = 200


def track_errors(settings: Settings) -> None:
    """Begin to tell errors to Sentry, where DUNNING_SENTRY_DSN is set; without it nothing is imported.

    Sentry sees no request, no local variable and no name of a machine: only the redacted line.

    Raises:
        Unusable: the DSN is none, or the extra is not installed.
    """
    if settings.sentry_dsn is None:
        return
    if importlib.util.find_spec("sentry_sdk") is None:
        raise Unusable("DUNNING_SENTRY_DSN takes the extra dunning[sentry]: install it, or unset it.")
    import sentry_sdk  # noqa: PLC0415 - costs nothing where it is not asked for
    from sentry_sdk.utils import BadDsn  # noqa: PLC0415

    try:
        sentry_sdk.init(
            dsn=settings.sentry_dsn.get_secret_value(),
            release=f"dunning@{__version__}",
            environment="live" if settings.livemode else "test",
            server_name="",
            default_integrations=False,
            auto_enabling_integrations=False,
            include_local_variables=False,
        )
    except BadDsn as error:
        raise Unusable(f"DUNNING_SENTRY_DSN is not a DSN of Sentry: {error}.") from None
    logs.report_errors(lambda line: _tell(sentry_sdk, line))


def trace_spans(settings: Settings, service: str) -> None:
    """Begin to send spans to a collector, where DUNNING_OTLP_ENDPOINT is set; without it nothing is imported.

    They go in batches beside the work (OTLP over HTTP): a collector that is away costs spans, nothing else.

    Raises:
        Unusable: the extra is not installed.
    """
    if settings.otlp_endpoint is None:
        return
    if importlib.util.find_spec("opentelemetry.exporter.otlp.proto.http") is None:
        raise Unusable("DUNNING_OTLP_ENDPOINT takes the extra dunning[otel]: install it, or unset it.")
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    named = {"service.name": f"dunning-{service}", "service.version": __version__}
    provider = TracerProvider(resource=Resource(named))
    exporter = OTLPSpanExporter(endpoint=f"{str(settings.otlp_endpoint).rstrip('/')}/v1/traces")
    provider.add_span_processor(BatchSpanProcessor(exporter))
    spans.trace_with(tracer_of(provider))


def tracer_of(provider: Any) -> spans.Tracer:
    """Return what makes our spans with an OpenTelemetry provider; an error is named, its text stays here."""
    from opentelemetry.trace import StatusCode  # noqa: PLC0415

    tracer = provider.get_tracer("dunning", __version__)

    @contextmanager
    def make(name: str, ids: dict[str, str]) -> Iterator[spans.Rename]:
        told = {f"dunning.{key}": value for key, value in ids.items()}
        with tracer.start_as_current_span(
            name, attributes=told, record_exception=False, set_status_on_exception=False
        ) as made:
            try:
                yield made.update_name
            except Exception as error:
                made.set_status(StatusCode.ERROR, type(error).__name__)
                raise

    return make


def _tell(sentry: Any, line: Mapping[str, Any]) -> None:
    tags = {name: str(value)[:WORDS_MOST] for name, value in line.items() if name not in NOT_TAGS}
    what = str(line.get("event"))
    told = {"message": what, "level": line.get("level"), "logger": line.get("module"), "tags": tags}
    sentry.capture_event({**told, "fingerprint": [what], "extra": {"traceback": line.get("exception")}})
