"""OpenTelemetry: what leaves this computer, when, and what never does. A collector on loopback
hears it.
"""

from __future__ import annotations

import http.server
import queue
import select
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, MCPError
from mcp.client.stdio import StdioServerParameters, stdio_client
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from house import DEAD, call
from processes import PATIENCE, an_offer, command, hello, process, ran
from vast_mcp.host.tracing import ATTRIBUTES

PLANTED = (
    "planted-key-of-length",
    "planted-value",
    "planted-image",
    "planted-label",
    "planted/uri",
)


@dataclass
class Collector:
    """What was sent to it."""

    url: str
    bodies: queue.Queue[bytes] = field(default_factory=queue.Queue[bytes])

    def spans(self) -> list[Any]:
        """Every span so far, as the protocol carries it."""
        found: list[Any] = []
        for body in list(self.bodies.queue):
            sent = ExportTraceServiceRequest.FromString(body)
            for resource in sent.resource_spans:
                for scope in resource.scope_spans:
                    found.extend(scope.spans)
        return found


@pytest.fixture
def collector() -> Iterator[Collector]:
    class Heard(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            made.bodies.put(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Heard) as server:
        made = Collector(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield made
        server.shutdown()
        thread.join()


async def conversation(env: dict[str, str], cwd: Path) -> None:
    """A rental, a refusal, an unknown tool, a resource that is not there."""
    first, *rest = command("--sandbox")
    transport = stdio_client(StdioServerParameters(command=first, args=rest, env=env, cwd=cwd))
    async with Client(transport, read_timeout_seconds=PATIENCE) as client:
        wish = {
            "offer_id": an_offer(),
            "disk": 16,
            "image": "planted-image",
            "label": "planted-label",
        }
        assert "error" not in await call(
            client, "create_instance", **wish, env={"A": "planted-value"}
        )
        assert "error" in await call(client, "destroy_instance", instance_ids=[1])
        assert "error" in await call(client, "planted-key-of-length")
        for uri in ("vast://instances/77", "vast://planted/uri"):
            with pytest.raises(MCPError):
                await client.read_resource(uri)


async def test_every_call_is_a_span_and_none_says_what_was_in_it(
    env: dict[str, str], collector: Collector, tmp_path: Path
) -> None:
    """README: names, times and verdicts leave this computer; no argument, key, label or error
    text does.
    """
    env |= {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        "NO_PROXY": "127.0.0.1",
        "VAST_MCP_ENV_PASS": "SECRET",
        "SECRET": "planted-key-of-length",
    }
    await conversation(env, tmp_path)
    spans = collector.spans()
    names = [span.name for span in spans]
    assert {"tools/call create_instance", "tools/call destroy_instance", "resources/read"} <= set(
        names
    )
    failed = next(span for span in spans if span.name == "tools/call destroy_instance")
    assert {one.key: one.value.string_value for one in failed.attributes}[
        "error.type"
    ] == "tool_error"
    assert {one.key for span in spans for one in span.attributes} <= ATTRIBUTES
    assert not any(span.events or span.links or span.status.message for span in spans)
    sent = b"".join(collector.bodies.queue)
    assert b"vast-mcp" in sent
    assert [
        word for word in (*PLANTED, "no_such_instance", str(an_offer())) if word.encode() in sent
    ] == []


def test_a_collector_that_never_answers_holds_nobody_up(
    env: dict[str, str], tmp_path: Path
) -> None:
    """Hosts end a server within a second or two; spans are not worth the ten that an
    exporter would wait.
    """
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        env |= {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{deaf.getsockname()[1]}",
            "NO_PROXY": "127.0.0.1",
        }
        with process("--sandbox", env=env, cwd=tmp_path) as started:
            hello(started)
            begun = time.monotonic()
            started.communicate(timeout=PATIENCE)
            assert time.monotonic() - begun < 8.0
            assert started.returncode == 0
        assert select.select([deaf], [], [], 0)[0]  # it was asked


@pytest.mark.parametrize(
    "variables",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"OTEL_TRACES_EXPORTER": "none"}, id="none"),
        pytest.param({"OTEL_SDK_DISABLED": "true"}, id="disabled"),
    ],
)
async def test_nothing_is_sent_unless_it_was_asked_for(
    env: dict[str, str], collector: Collector, tmp_path: Path, variables: dict[str, str]
) -> None:
    """The OpenTelemetry specification, environment variables."""
    if variables:
        env |= {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "NO_PROXY": "127.0.0.1"}
    await conversation(env | variables, tmp_path)
    assert collector.spans() == []


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"OTEL_TRACES_EXPORTER": "console"}, "otlp"),
        ({"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "http/protobuf"),
    ],
)
def test_what_is_not_there_is_said_in_one_line(
    env: dict[str, str], tmp_path: Path, variables: dict[str, str], said: str
) -> None:
    """A person who waits for spans must learn why none come; the server serves all the same."""
    status, out, err = ran("--sandbox", env=env | variables, cwd=tmp_path)
    assert (status, out, err.count("\n")) == (0, "", 1)
    assert said in err


def test_without_the_extra_one_line_says_what_to_install(
    env: dict[str, str], tmp_path: Path
) -> None:
    """README: the extra `otel`. Here its module is made impossible to import, as where it is
    missing.
    """
    hide = (
        "import sys; sys.modules['opentelemetry.sdk'] = None; from vast_mcp.commands.cli import "
        "run; run(['--sandbox'])"
    )
    env |= {"OTEL_EXPORTER_OTLP_ENDPOINT": DEAD}
    done = subprocess.run(
        [sys.executable, "-c", hide],
        env=env,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=PATIENCE,
        check=True,
    )
    assert (done.stdout, done.stderr.count("\n")) == ("", 1)
    assert "pip install '.[otel]'" in done.stderr
