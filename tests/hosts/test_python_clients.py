"""Clients in Python, each in its own environment and through its own conversion of tools: a
rental over stdio.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from typing import IO

import pytest

from stand_in import PARTING, Heard, Json, play
from trial import (
    ALONE,
    KEY,
    ROOT,
    Desk,
    a_desk,
    assert_one_rental_begun_and_ended,
    the_environment,
)

# The client, the environment that it is in, and the conversions that it has.
CLIENTS = {
    "openai_agents": ("mcp2", ["as it is", "strict"]),
    "pydantic_ai": ("mcp2", ["as it is", "OpenAI, strict", "Google"]),
    "fastmcp": ("mcp2", ["as it is"]),
    "langchain": ("mcp1", ["as it is", "strict"]),
    "google_adk": ("mcp1", ["as it is", "Gemini's"]),
}


class Peer:
    """A client that runs, connected to the server."""

    def __init__(self, client: str, desk: Desk, to: IO[str], back: IO[str]) -> None:
        self.client, self.desk = client, desk
        self._to, self._back = to, back
        self.handed: dict[str, dict[str, Json]] = self._answer()  # by conversion, by tool

    def _answer(self) -> Json:
        line = self._back.readline()
        assert line, (self.desk.folder / "stderr").read_text(encoding="utf-8")[-2000:]
        return json.loads(line)

    def call(self, tool: str, arguments: Json) -> Heard:
        """A tool's answer as the client would hand it to its model."""
        self._to.write(json.dumps({"tool": tool, "arguments": arguments}) + "\n")
        self._to.flush()
        return Heard(tool, str(self._answer()), None)


@pytest.fixture(scope="module", params=CLIENTS)
def peer(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Peer]:
    """A client on a desk of its own."""
    client: str = request.param
    command = [
        str(ROOT / f".venv-hosts/clients/{CLIENTS[client][0]}/bin/python"),
        str(ROOT / f"tests/hosts/peers/by_{client}.py"),
        str(ROOT / ".venv/bin/vast-mcp"),
    ]
    with a_desk(tmp_path_factory.mktemp(client)) as desk:
        env = the_environment(desk.folder) | ALONE | {"VAST_URL": desk.sandbox, "VAST_API_KEY": KEY}
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        errors = (desk.folder / "stderr").open("w", encoding="utf-8")
        with (
            errors,
            subprocess.Popen(command, env=env, cwd=desk.work, stderr=errors, **pipes) as process,
        ):
            yield Peer(client, desk, process.stdin, process.stdout)
            process.stdin.close()
            process.wait(20)


def test_a_client_lists_the_tools_and_plays_a_rental(peer: Peer) -> None:
    """Search, create, wait, two errors, destroy, by the model's stand-in (docs/hosts.md)."""
    heard: list[Heard] = []
    while (ask := play(heard)) is not None:
        heard.append(peer.call(ask.tool, ask.arguments))
    assert_one_rental_begun_and_ended(peer.desk, heard, PARTING)
