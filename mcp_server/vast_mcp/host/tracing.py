"""OpenTelemetry: the SDK's spans, one per message, sent out where the person configured an
exporter.

The MCP SDK makes a span for every message; without a tracer provider they go nowhere. What leaves
this computer is narrowed here to names, ids, times and verdicts: no arguments, results, error texts
or values of the environment, whatever a newer SDK may add.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import TYPE_CHECKING

from vast_mcp import __version__
from vast_mcp.errors import clean, redacted

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan


# Semantic conventions of MCP and RPC, as the SDK sets them (observed, mcp 2.3). Everything else is
# dropped.
ATTRIBUTES = frozenset(
    {
        "mcp.method.name",
        "mcp.protocol.version",
        "jsonrpc.request.id",
        "gen_ai.operation.name",
        "gen_ai.tool.name",
        "gen_ai.prompt.name",
        "error.type",
        "rpc.response.status_code",
    }
)


LONGEST = 128  # characters of a name or value: the caller chooses some of them


LAST_S = 2.0  # for spans still on their way when the process ends


def configured(environ: Mapping[str, str]) -> bool:
    """Whether the standard variables ask for spans to be sent."""
    said = {name: value.strip() for name, value in environ.items() if name.startswith("OTEL_")}
    if said.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return False
    if exporter := said.get("OTEL_TRACES_EXPORTER"):
        return exporter.lower() != "none"
    return bool(
        said.get("OTEL_EXPORTER_OTLP_ENDPOINT") or said.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    )


def _unknown(environ: Mapping[str, str]) -> str | None:
    """What is asked for and not there."""
    for name, known in (
        ("OTEL_TRACES_EXPORTER", "otlp"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/protobuf"),
    ):
        if environ.get(name, "").strip().lower() not in {"", known}:
            return f"{name} may only be {known} here; no spans are sent."
    for name in ("OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_TRACES_HEADERS"):
        if not all("=" in pair for pair in environ.get(name, "").split(",") if pair.strip()):
            # the SDK would print it whole
            return f"{name} wants NAME=VALUE, separated by commas; no spans are sent."
    return None


@contextlib.contextmanager
def spans(
    environ: Mapping[str, str], secrets: list[str], warn: Callable[[str], None]
) -> Generator[None]:
    """Send spans while the context lasts, where the environment asks for it. A collector that is
    away costs nothing.
    """
    if not configured(environ):
        yield
        return
    if (problem := _unknown(environ)) is not None:
        warn(problem)
        yield
        return
    try:
        end = _start(environ, secrets)
    except ImportError:
        warn(
            "OTEL_* asks for spans, and the exporter is not installed: pip install '.[otel]' in "
            "vast-mcp's folder."
        )
        yield
        return
    except Exception as exc:
        # A variable that the exporter cannot use; its text may hold what that one held.
        warn(
            f"OTEL_* asks for spans, and the exporter does not start with it "
            f"({type(exc).__name__}); none are sent."
        )
        yield
        return
    try:
        yield
    finally:
        # In a thread that does not keep the process: a collector that hangs would hold it for half
        # a minute.
        last = threading.Thread(target=end, daemon=True)
        last.start()
        last.join(LAST_S)


def _names_itself(environ: Mapping[str, str]) -> bool:
    return bool(environ.get("OTEL_SERVICE_NAME")) or "service.name=" in environ.get(
        "OTEL_RESOURCE_ATTRIBUTES", ""
    )


def _start(environ: Mapping[str, str], secrets: list[str]) -> Callable[[], None]:
    """Become the process's tracer provider; how to end it. Raises ImportError without the extra."""
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    class Narrow(OTLPSpanExporter):
        def export(self, spans: Sequence[ReadableSpan]):
            return super().export([narrowed(span, secrets) for span in spans])

    # Resource.create takes OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES only for what is not
    # given here.
    named = {} if _names_itself(environ) else {"service.name": "vast-mcp"}
    resource = Resource.create({"service.version": __version__, **named})
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(Narrow()))
    trace.set_tracer_provider(provider)
    return provider.shutdown


def narrowed(span: ReadableSpan, secrets: list[str]) -> ReadableSpan:
    """The span without events, links, its status's text, and any attribute that is not in
    ATTRIBUTES.
    """
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.trace import Status

    def plain(text: str) -> str:
        return clean(redacted(text, secrets), LONGEST)

    kept = {key: value for key, value in (span.attributes or {}).items() if key in ATTRIBUTES}
    return ReadableSpan(
        name=plain(span.name),
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes={
            key: plain(value) if isinstance(value, str) else value for key, value in kept.items()
        },
        kind=span.kind,
        status=Status(span.status.status_code),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )
