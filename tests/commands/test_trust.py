"""`vast-mcp trust`: a person at a terminal, and nobody else, accepts another host key."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import anyio
import asyncssh
import httpx
import pytest

from processes import post
from vast_mcp.commands import cli
from vast_mcp.environment import load
from vast_mcp.session import Call, Session
from vast_mcp.settings import Settings
from vast_mcp.ssh.tried import Tried
from vast_mcp.ssh.trying import try_ssh

pytestmark = pytest.mark.processes


class Person(io.StringIO):
    """Somebody at a terminal who types this."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def settings(url: str, state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A person's settings for this world, in the environment of commands too."""
    environ = {
        "VAST_URL": url,
        "VAST_API_KEY": "k" * 20,
        "VAST_MCP_STATE_DIR": str(state),
        "VAST_MCP_TIME_SCALE": "0.001",
    }
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    return load(environ, home=tmp_path)


@pytest.fixture
def machine(url: str, settings: Settings) -> int:
    """A machine that lets a key of ~/.ssh in."""
    assert settings.ssh_dir is not None
    settings.ssh_dir.mkdir()
    key = asyncssh.generate_private_key("ssh-ed25519")
    key.write_private_key(settings.ssh_dir / "id_ed25519")
    key.write_public_key(settings.ssh_dir / "id_ed25519.pub")
    post(f"{url}/_sandbox/world", keys=[key.export_public_key().decode()], looks_per_step=0)
    with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {'k' * 20}"}) as wire:
        found = wire.put("/api/v0/search/asks/", json={"q": {"direct_port_count": {"gte": 2}}})
        offer = found.json()["offers"][0]["id"]
        body = {"image": "a/b", "disk": 10, "runtype": "ssh_direct"}
        return wire.put(f"/api/v0/asks/{offer}/", json=body).json()["new_contract"]


async def entered(settings: Settings, machine: int) -> Tried:
    """What a server of this person's comes to, once the machine runs."""
    session = Session(settings)
    call = Call.quiet(session)
    try:
        row = await call.vast.show_instance(machine)
        assert row is not None
        return await try_ssh(call, row, "direct", within_s=20)
    finally:
        await session.close()


def trust(machine: int, capsys: pytest.CaptureFixture[str]) -> tuple[int, Any, str]:
    """Exit status, what a script reads, and what a person reads."""
    status = cli.run(["trust", str(machine), "--json"])
    out, err = capsys.readouterr()
    return status, json.loads(out)["ways"], err


def test_only_a_person_who_saw_both_keys_makes_a_machine_trusted_again(
    url: str,
    settings: Settings,
    machine: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A no, and a shell without a person, change nothing; a yes does."""
    first = anyio.run(entered, settings, machine)
    post(f"{url}/_sandbox/world", host_key={"instance_id": machine, "way": "direct"})
    changed = anyio.run(entered, settings, machine)
    assert (first.answer, changed.answer) == ("entered", "host_key_changed")
    assert f"`vast-mcp trust {machine}`" in changed.said

    shown = Person()
    for stdin, stderr in (
        (io.StringIO("y\n"), shown),
        (Person("n\n"), shown),
        (Person("y\n"), io.StringIO()),  # who sees no question says yes to nothing
    ):
        monkeypatch.setattr(sys, "stdin", stdin)
        monkeypatch.setattr(sys, "stderr", stderr)
        status, ways, _ = trust(machine, capsys)
        said = stderr.getvalue()
        assert (status, ways[0]["trusted"]) == (1, False)
        assert str(first.fingerprint) in said
        assert str(changed.fingerprint) in said
    assert anyio.run(entered, settings, machine).answer == "host_key_changed"

    monkeypatch.setattr(sys, "stdin", Person("y\n"))
    monkeypatch.setattr(sys, "stderr", shown)
    status, ways, _ = trust(machine, capsys)
    assert (status, [way["trusted"] for way in ways]) == (0, [True, True])
    assert anyio.run(entered, settings, machine).answer == "entered"


def test_where_no_key_is_shown_none_is_said_to_be_trusted(
    url: str, settings: Settings, machine: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """A door that is shut says nothing about whose it is."""
    assert anyio.run(entered, settings, machine).answer == "entered"
    for way in ("direct", "proxy"):
        door = {"instance_id": machine, "way": way, "manner": "closed"}
        post(f"{url}/_sandbox/world", door=door)
    status, ways, _ = trust(machine, capsys)
    assert (status, [way["trusted"] for way in ways]) == (1, [None, None])
