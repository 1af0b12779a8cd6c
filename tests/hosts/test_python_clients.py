"""Clients in Python, each in its own environment and through its own conversion of tools: what
they hand a model, and what a call comes to that fills every field.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from typing import IO

import pytest

from filling import FILLERS, Filler
from served_sandbox import control
from stand_in import PARTING, Heard, Json, play
from trial import (
    ALONE,
    KEY,
    ROOT,
    Desk,
    a_desk,
    assert_one_rental_begun_and_ended,
    snapshot,
    the_environment,
)
from vast_mcp_tools import CATALOGUE

AS_IT_IS = "as it is"
# Google's own form loses the words of a field that may be null.
WORDLESS = "Gemini's"
# The client, the environment that it is in, and the conversions that it has.
CLIENTS = {
    "openai_agents": ("mcp2", [AS_IT_IS, "strict"]),
    "pydantic_ai": ("mcp2", [AS_IT_IS, "OpenAI, strict", "Google"]),
    "fastmcp": ("mcp2", [AS_IT_IS]),
    "langchain": ("mcp1", [AS_IT_IS, "strict"]),
    "google_adk": ("mcp1", [AS_IT_IS, WORDLESS]),
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

    @property
    def conversions(self) -> list[str]:
        """Those that change something, or the only one."""
        return [one for one in self.handed if one != AS_IT_IS] or [AS_IT_IS]

    def filled(self, how: tuple[str, Filler] | None, tool: str, **said: object) -> Json:
        """The answer to a call that fills every field, if one is to; it must be no error."""
        arguments: Json = said
        if how is not None:
            conversion, filler = how
            arguments = filler.filled(self.handed[conversion][tool], said)
        answer = self.call(tool, arguments).payload
        assert "error" not in answer, (how, tool, arguments, answer)
        return answer


@pytest.fixture(scope="module", params=CLIENTS)
def peer(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Peer]:
    """A client on a desk of its own."""
    client: str = request.param
    command = [
        str(ROOT / f".venv-hosts-{CLIENTS[client][0]}/bin/python"),
        str(ROOT / f"tests/hosts/peers/by_{client}.py"),
        str(ROOT / ".venv/bin/vast-mcp"),
    ]
    with a_desk(tmp_path_factory.mktemp(client)) as desk:
        control(desk.sandbox, "world", {"looks_per_step": 0, "log_looks": 0})  # nothing to wait for
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
    """Search, create, wait, two errors, destroy, by the model's stand-in (docs/hosts-more.md)."""
    heard: list[Heard] = []
    while (ask := play(heard)) is not None:
        heard.append(peer.call(ask.tool, ask.arguments))
    assert_one_rental_begun_and_ended(peer.desk, heard, PARTING)


def test_every_conversion_keeps_every_tool_and_all_its_arguments(peer: Peer) -> None:
    """No tool is left as it was because it could not be converted, and no argument is lost or
    without its words (docs/hosts-more.md).
    """
    assert list(peer.handed) == CLIENTS[peer.client][1]
    for conversion, tools in peer.handed.items():
        assert set(tools) == {spec.name for spec in CATALOGUE}
        for name, schema in tools.items():
            published = snapshot(name)["inputSchema"]["properties"]
            properties = schema.get("properties") or {}
            assert set(properties) == set(published)
            mute = {one for one, has in properties.items() if not has.get("description")}
            lost = {one for one in mute if "description" in published[one]}
            assert not lost or conversion == WORDLESS, (conversion, name, lost)


@pytest.mark.parametrize("filler", FILLERS, ids=str)
def test_a_call_that_fills_every_field_rents_one_plain_machine(peer: Peer, filler: Filler) -> None:
    """What is filled in because it must be makes no bid, no VM, no volume, no cap and no label,
    and finds, waits and destroys as if it were not there (docs/hosts-more.md).
    """
    found = offers(peer.call("search_offers", {}).payload)
    order = {"offer_id": found[0]["offer_id"]}
    plain = rented(peer, peer.call("create_instance", order).payload, None)
    for how in ((conversion, filler) for conversion in peer.conversions):
        assert offers(peer.filled(how, "search_offers")) == found
        made = peer.filled(how, "create_instance", **order)
        assert rented(peer, made, how) == plain


def offers(answer: Json) -> list[Json]:
    """What was found, without what was met before: that grows."""
    return [{name: one[name] for name in one if name != "before"} for one in answer["offers"]]


def rented(peer: Peer, made: Json, how: tuple[str, Filler] | None) -> Json:
    """What was rented, as far as an order could make it another: one machine, which is waited for
    and destroyed.
    """
    mine = made["instance_id"]
    ready = peer.filled(how, "wait_for_instance", instance_id=mine)
    ledger = control(peer.desk.sandbox, "ledger")
    [rental] = [one for one in ledger["rentals"] if one["alive"]]
    assert (ready["state"], rental["id"], ledger["volumes"]) == ("ready", mine, [])
    [row] = peer.filled(how, "destroy_instance", instance_ids=[mine])["results"]
    assert row["outcome"] == "destroyed"
    facts = ("kind", "is_bid", "price", "image", "disk", "onstart", "args", "intended_status")
    told = {"kind told": made["kind"], "leased": "lease" in json.dumps(made)}
    return told | {name: rental[name] for name in facts}


@pytest.mark.parametrize("filler", FILLERS, ids=str)
def test_what_only_looks_answers_a_call_that_fills_every_field(peer: Peer, filler: Filler) -> None:
    """Every tool that rents, changes and destroys nothing (docs/hosts-more.md)."""
    offer = peer.call("search_offers", {"gpu_name": ["4090"]}).payload["offers"][0]["offer_id"]
    mine = peer.call("create_instance", {"offer_id": offer}).payload["instance_id"]
    # So that neither is required.
    one_of_two = {
        "search_volumes": {"offer_id": offer},
        "wait_for_instance": {"instance_id": mine},
    }
    for spec in (one for one in CATALOGUE if one.read_only):
        required = snapshot(spec.name)["inputSchema"].get("required", [])
        needed = dict.fromkeys(required, mine) | one_of_two.get(spec.name, {})
        for conversion in peer.conversions:
            peer.filled((conversion, filler), spec.name, **needed)
    peer.call("destroy_instance", {"instance_ids": [mine]})
