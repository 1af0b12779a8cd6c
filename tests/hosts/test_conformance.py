"""The protocol's own conformance scenarios, those that any server must pass, over HTTP in both
eras.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from trial import a_program

LEGACY = (
    "server-initialize",
    "server-session-lifecycle",
    "ping",
    "tools-list",
    "resources-list",
    "prompts-list",
    "server-sse-multiple-streams",
    "dns-rebinding-protection",
)
MODERN = (
    "tools-list",
    "resources-list",
    "prompts-list",
    "sep-2164-resource-not-found",
    "caching",
    "http-header-validation",
    "server-sse-multiple-streams",
    "dns-rebinding-protection",
    "input-required-result-unsupported-methods",
)
RUNS = [("2025-11-25", name) for name in LEGACY] + [("2026-07-28", name) for name in MODERN]

# `vast-mcp serve` on the sandbox, with the token that the scenarios cannot send added before its
# gate. The port listens before its address is said, so that nobody has to try until it answers.
SERVE = """
import socket, sys
from pathlib import Path
import uvicorn
from vast_mcp.commands.composing import compose
from vast_mcp.environment import load
from vast_mcp.host import connections, serving
server = compose(load({}, home=Path(sys.argv[1]), sandbox=True))
address = serving.Address.of("127.0.0.1:0", behind_proxy=False)
gate = serving.app_of(server, address, "of-the-scenarios")

async def app(scope, receive, send):
    if scope["type"] == "http":
        scope["headers"] = [*scope["headers"], (b"authorization", b"Bearer of-the-scenarios")]
        scope[connections.KNOWN] = lambda: None  # what our own connections are told by the gate
    await gate(scope, receive, send)

with serving.listen(address) as listener:
    print(serving.url_of(listener), flush=True)
    uvicorn.Server(uvicorn.Config(app, log_level="error")).run(sockets=[listener])
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home = str(tmp_path_factory.mktemp("home"))
    with subprocess.Popen(
        [sys.executable, "-c", SERVE, home], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


@pytest.mark.parametrize(("era", "scenario"), RUNS)
def test_a_scenario_of_the_protocol_passes(
    server: str, tmp_path: Path, era: str, scenario: str
) -> None:
    """Generic, and meaningful for a server with tools of its own (docs/hosts.md).

    It is served without sessions, so the scenario that opens several streams in one has nothing to
    test, and says so.
    """
    said = a_program(
        tmp_path,
        "conformance",
        "server",
        "--url",
        server,
        "--spec-version",
        era,
        "--scenario",
        scenario,
    )
    without_a_session = (era, scenario) == ("2025-11-25", "server-sse-multiple-streams")
    assert ("0/0, 0 failed, 1 warnings" if without_a_session else "0 failed, 0 warnings") in said
