"""copy_files as an agent sees it, on a pretended machine. What it copies, and over what breaks, is
in tests/ssh/, where a real server stands.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncssh
import pytest
from pydantic import SecretStr

from house import call, served
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Settings

pytestmark = pytest.mark.anyio


@pytest.fixture
def allowed(settings: Settings, tmp_path: Path) -> Settings:
    (tmp_path / "work").mkdir()
    return replace(settings, files=(tmp_path / "work",))


@pytest.fixture
def entered() -> Iterator[World]:
    """A world whose machines are entered."""
    made = World(ssh_banners=True, looks_per_step=0)
    yield made
    made.close()


async def test_a_folder_goes_there_and_back_and_each_answer_leads_on(
    entered: World, allowed: Settings, tmp_path: Path
) -> None:
    """Copied, there already, and differing: what is true, in numbers, and the names of strangers
    marked as theirs.
    """
    key = asyncssh.generate_private_key("ssh-ed25519")
    (tmp_path / ".ssh").mkdir(mode=0o700)
    key.write_private_key(tmp_path / ".ssh" / "id_ed25519")
    entered.set_keys([key.export_public_key().decode()])
    work = tmp_path / "work"
    (work / "a" / "sub").mkdir(parents=True)
    (work / "a" / "one").write_text("one", "utf-8")
    (work / "a" / "sub" / "two").write_bytes(bytes(300_000))
    (work / "a" / "link").symlink_to(tmp_path)
    offer = entered.offer(ports=True, disk_space=lambda free: free > 40)
    made = entered.rent(offer["id"], {"image": "a/b", "disk": 16, "runtype": "ssh_direct"}).id
    given = {"instance_id": made, "remote": "copied", "not_ours": True}
    async with served(entered, replace(allowed, times=replace(allowed.times, pace=0.0))) as client:
        await call(client, "wait_for_instance", instance_id=made, timeout_s=4)
        up = await call(client, "copy_files", direction="up", local=str(work / "a"), **given)
        again = await call(client, "copy_files", direction="up", local=str(work / "a"), **given)
        down = await call(client, "copy_files", direction="down", local=str(work / "b"), **given)
        (work / "b" / "one").write_text("two", "utf-8")
        other = await call(client, "copy_files", direction="down", local=str(work / "b"), **given)
    counted = {"state": "copied", "files": 2, "there": 2, "bytes": 300_003}
    assert {**up, **counted, "copied": 2, "left_out": 1} == up
    assert up["untrusted_names"] == ["link is a link"]
    assert {**again, **counted, "copied": 0, "bytes_moved": 0} == again
    assert {**down, **counted, "copied": 2, "compared_by": "size and SHA-256"} == down
    assert (other["state"], other["differ"], other["there"]) == ("incomplete", 1, 1)
    assert other["untrusted_names"] == ["one differs"]
    assert (work / "b" / "one").read_text("utf-8") == "two"
    assert (work / "b" / "sub" / "two").read_bytes() == bytes(300_000)
    assert [step["tool"] for step in other["next_steps"]] == ["show_instance"]


def asked(world: World, local: str, **more: Any) -> dict[str, Any]:
    made = world.rent(world.offer()["id"], {"image": "x", "disk": 8, "label": "somebody's"})
    given = {"instance_id": made.id, "direction": "up", "local": local, "remote": "x"}
    return {**given, **more}


REFUSED = {
    "outside": ("up", "{}/outside", "in no folder that the person allows"),
    "by ..": ("down", "{}/work/../outside", "in no folder that the person allows"),
    "a link out": ("up", "{}/work/link", "in no folder that the person allows"),
    "beneath a link out": ("down", "{}/work/way/new", "in no folder that the person allows"),
    "keys": ("up", "{}/work/.ssh/id", "where the person's SSH keys are"),
    "over keys": ("down", "{}/work/.ssh/new", "where the person's SSH keys are"),
    "relative": ("up", "work/x", "must be an absolute path"),
    "nothing": ("up", "{}/work/none", "there is nothing at that path"),
    "a device": ("up", "/dev/null", "in no folder that the person allows"),
}


@pytest.mark.parametrize("what", REFUSED)
async def test_what_is_not_to_be_touched_here_is_refused_before_anything_is_asked(
    world: World, allowed: Settings, tmp_path: Path, what: str
) -> None:
    """The rule is that of onstart_file, for writing too."""
    direction, local, why = REFUSED[what]
    (tmp_path / "outside").write_text("planted", "utf-8")
    work = tmp_path / "work"
    (work / ".ssh").mkdir()
    (work / ".ssh" / "id").write_text("planted", "utf-8")
    (work / "link").symlink_to(tmp_path / "outside")
    (work / "way").symlink_to(tmp_path)
    settings = replace(allowed, ssh_dir=work / ".ssh")
    given = asked(world, local.format(tmp_path), direction=direction)
    async with served(world, settings) as client:
        error = (await call(client, "copy_files", **given))["error"]
    [problem] = error["problems"]
    assert (error["code"], problem["field"]) == ("bad_arguments", "local")
    assert why in problem["problem"]
    assert "planted" not in str(error)
    assert not world.requests


async def test_no_file_is_anybodys_over_http_or_without_a_folder(
    world: World, settings: Settings, allowed: Settings, tmp_path: Path
) -> None:
    """A key of the server's own lets others enter machines, and touch no file."""
    key = tmp_path / "key"
    over_http = replace(allowed, ssh_dir=None, ssh_key=key, http_token=SecretStr("t" * 16))
    for told, why in ((settings, "VAST_MCP_FILES names it"), (over_http, "reached over HTTP")):
        async with served(world, told) as client:
            given = asked(world, str(tmp_path / "work"))
            error = (await call(client, "copy_files", **given))["error"]
        assert why in error["problems"][0]["problem"]


async def test_a_machine_of_others_is_left_alone_unless_told(
    world: World, allowed: Settings, tmp_path: Path
) -> None:
    """The call that is offered then is the same, with a word more."""
    given = asked(world, str(tmp_path / "work"))
    async with served(world, allowed) as client:
        error = (await call(client, "copy_files", **given))["error"]
    assert error["code"] == "not_ours"
    step = error["next_steps"][-1]
    assert step["arguments"] == {**given, "not_ours": True}


async def test_vast_mcps_own_notes_are_not_copied_over(
    world: World, allowed: Settings, tmp_path: Path
) -> None:
    """A journal or an env file from a machine would change what the person allowed."""
    work = tmp_path / "work"
    (work / "state").mkdir()
    (work / "env").write_text("VAST_MCP_READ_ONLY=1", "utf-8")
    settings = replace(allowed, state_dir=work / "state", env_file=work / "env")
    async with served(world, settings) as client:
        for local in ("state", "state/intents.sqlite3", "env"):
            given = asked(world, str(work / local), direction="down")
            error = (await call(client, "copy_files", **given))["error"]
            assert "its own notes and settings" in error["problems"][0]["problem"]


async def test_the_key_of_vasts_own_client_is_not_copied(
    world: World, allowed: Settings, tmp_path: Path
) -> None:
    """It may be another one than this server's; what lies beside it is the person's affair."""
    keys = tmp_path / "work" / "vastai"
    keys.mkdir()
    for name in ("vast_api_key", "notes"):
        (keys / name).write_text("another-key", "utf-8")
    settings = replace(allowed, client_keys=(keys / "vast_api_key",))
    async with served(world, settings) as client:
        said = [
            (await call(client, "copy_files", **asked(world, str(keys / name))))["error"]
            for name in ("vast_api_key", "notes")
        ]
    assert "own client keeps its key" in said[0]["problems"][0]["problem"]
    assert said[1]["code"] == "not_ours"


async def test_a_folder_of_keys_that_is_not_there_yet_is_shut_too(
    world: World, allowed: Settings, tmp_path: Path
) -> None:
    """Who has no ~/.ssh is given none by a machine, nor an env file; beside them is a place."""
    work = tmp_path / "work"
    settings = replace(allowed, ssh_dir=work / ".ssh", env_file=work / "env")
    said = dict[str, str]()
    async with served(world, settings) as client:
        for local in (".ssh", ".ssh/authorized_keys", ".SSH/config", "env", ".sshd", "env.d"):
            given = asked(world, str(work / local), direction="down")
            error = (await call(client, "copy_files", **given))["error"]
            code = error["code"]
            said[local] = error["problems"][0]["problem"] if code == "bad_arguments" else code
    assert all("SSH keys are" in said[one] for one in said if one.lower().startswith(".ssh/"))
    assert "SSH keys are" in said[".ssh"]
    assert "its own notes and settings" in said["env"]
    assert said[".sshd"] == said["env.d"] == "not_ours"
