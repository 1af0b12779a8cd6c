"""copy_files, as far as it is refused before a machine is entered. What it copies is in
tests/ssh/test_copies.py, where a real server stands.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

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
