"""What is told to an OpenTelemetry collector: routes and ids, and never what a path or an error holds."""

import subprocess
import sys
from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from starlette.testclient import TestClient

from dunning import spans
from dunning.errors import Unusable
from dunning.settings import Settings
from dunning.tracking import trace_spans, tracer_of
from dunning.web.gates import WEBHOOK, Traced

CANARY = "c4n4ry"


@pytest.fixture
def kept() -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    end = spans.trace_with(tracer_of(provider))
    yield exporter
    end()


def told(spans_: tuple[ReadableSpan, ...]) -> str:
    return " ".join(each.to_json() for each in spans_)


def test_work_and_the_calls_inside_it_are_one_trace(kept: InMemorySpanExporter) -> None:
    with spans.span("work recovery", row="rec_1"), spans.span("ask stripe", account="self"):
        pass
    inner, outer = kept.get_finished_spans()
    assert (outer.name, inner.name) == ("work recovery", "ask stripe")
    assert outer.attributes == {"dunning.row": "rec_1"}
    assert inner.parent is not None
    assert inner.parent.span_id == outer.context.span_id


def test_an_error_is_named_and_its_text_stays_here(kept: InMemorySpanExporter) -> None:
    with pytest.raises(ValueError, match=CANARY), spans.span("work message", row="msg_1"):
        raise ValueError(CANARY)
    (failed,) = kept.get_finished_spans()
    assert failed.status.description == "ValueError"
    assert CANARY not in told(kept.get_finished_spans())


def test_a_request_is_named_by_its_route_and_not_by_the_secret_in_its_path(
    kept: InMemorySpanExporter,
) -> None:
    site = FastAPI()

    @site.get("/pay/{token}")
    def page(token: str) -> str:
        return token

    http = TestClient(Traced(site))
    for path in (f"/pay/{CANARY}", WEBHOOK, f"/{CANARY}"):
        http.get(path, headers={"authorization": CANARY})
    names = [each.name for each in kept.get_finished_spans()]
    assert names == ["GET /pay/{token}", f"GET {WEBHOOK}", "GET (none)"]
    assert CANARY not in told(kept.get_finished_spans())


def test_without_an_endpoint_nothing_is_imported() -> None:
    code = (
        "import sys\nfrom dunning.settings import Settings\nfrom dunning.tracking import trace_spans\n"
        "trace_spans(Settings(), 'web')\nassert 'opentelemetry' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_without_the_extra_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(Unusable, match=r"takes the extra dunning\[otel\]"):
        trace_spans(Settings(otlp_endpoint="http://127.0.0.1:4318"), "web")
