"""A script that the person keeps in a file reaches the machine, and nobody else."""

from __future__ import annotations

import base64
import gzip
import logging
import os
import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from house import allowing, an_offer, call, lenient_world, puts, served
from people import approve, code_in, confirming, refused
from vast_mcp import errors
from vast_mcp.renting.onstart_file import script_in
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Settings

pytestmark = pytest.mark.anyio

SCRIPT = "echo planted-words-of-a-file\nexport TOKEN=planted-token-of-a-file\n"


@pytest.fixture
def world() -> World:
    return lenient_world()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The one folder that the person allows."""
    made = tmp_path / "scripts"
    made.mkdir()
    return made


@pytest.fixture
def allowed(settings: Settings, folder: Path) -> Settings:
    return replace(settings, files=(folder,))


def script(folder: Path, text: str = SCRIPT, name: str = "setup.sh") -> str:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return str(path)


def sent(world: World) -> str:
    """The onstart of the last machine, unpacked where it is packed."""
    text = next(reversed(world.instances.values())).launch.onstart or ""
    if "base64 -d" not in text:
        return text
    return gzip.decompress(base64.b64decode(text.split("echo ")[1].split("|")[0])).decode()


async def test_its_text_is_sent_and_shown_nowhere(
    world: World,
    allowed: Settings,
    folder: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Neither an answer nor the log or the journal repeats what is in a person's file."""
    caplog.set_level(logging.DEBUG)
    asked = {"offer_id": an_offer(world)["id"], "disk": 20, "onstart_file": script(folder)}
    state = tmp_path / "state"
    async with served(world, replace(allowed, state_dir=state)) as client:
        told = await call(client, "create_instance", **asked, dry_run=True)
        [again] = told["next_steps"]
        assert again == {"tool": "create_instance", "arguments": asked, "why": "rents it"}
        made = await call(client, "create_instance", **again["arguments"])
        found = await call(client, "create_instance", **asked)
    assert told["dry_run"]["request"]["onstart"] == f"*** ({len(SCRIPT)} characters)"
    assert sent(world) == SCRIPT
    assert found["replayed"]
    kept = b"".join(path.read_bytes() for path in state.rglob("*") if path.is_file())
    assert "planted" not in f"{told}{made}{found}{caplog.text}"
    assert b"planted" not in kept


async def test_a_long_one_is_packed_and_one_of_windows_is_mended(
    world: World, allowed: Settings, folder: Path
) -> None:
    """It is an onstart like one that was given as text."""
    async with served(world, allowed) as client:
        offer = an_offer(world)["id"]
        text = "\ufeff" + "echo line\r\n" * 2_000
        await call(
            client, "create_instance", offer_id=offer, disk=20, onstart_file=script(folder, text)
        )
    assert sent(world) == "echo line\n" * 2_000


async def test_another_text_in_the_file_is_another_wish(
    world: World, allowed: Settings, folder: Path
) -> None:
    """The journal's key covers what is sent, so that the same path never names two machines."""
    asked: dict[str, Any] = {"offer_id": an_offer(world)["id"], "disk": 20}
    async with served(world, allowed) as client:
        made = await call(client, "create_instance", **asked, onstart_file=script(folder))
        as_text = await call(client, "create_instance", **asked, onstart=SCRIPT)
        changed = script(folder, SCRIPT + "echo more\n")
        other = await call(client, "create_instance", **asked, onstart_file=changed)
        keyed = await call(
            client, "create_instance", **asked, onstart_file=changed, request_key="mine"
        )
        script(folder)
        reused = await call(
            client, "create_instance", **asked, onstart_file=changed, request_key="mine"
        )
    assert (as_text["instance_id"], as_text["replayed"]) == (made["instance_id"], True)
    assert other["error"]["code"] == "offer_already_rented"
    assert "error" not in keyed
    assert reused["error"]["code"] == "key_reused"


async def test_a_yes_to_one_text_is_none_to_another(
    world: World, allowed: Settings, folder: Path, state: Path
) -> None:
    """A code that a person approved holds for the file as it was then."""
    asked: dict[str, Any] = {"offer_id": an_offer(world)["id"], "onstart_file": script(folder)}
    async with confirming(world, allowed, state=state) as client:
        error = await refused(client, "needs_confirmation", **asked)
        assert approve(code_in(error)) == 0
        script(folder, "echo swapped\n")
        await refused(client, "needs_confirmation", **asked)
        assert puts(world) == 0
        script(folder)
        await call(client, "create_instance", **asked)
    assert sent(world) == SCRIPT


# ── what is not read ───────────────────────────────────────────────────────────────────────────


def outside(folder: Path) -> Path:
    path = folder.parent / "outside.sh"
    path.write_text(SCRIPT, encoding="utf-8")
    return path


def linked(folder: Path) -> str:
    (folder / "link.sh").symlink_to(outside(folder))
    return str(folder / "link.sh")


def beneath_a_link(folder: Path) -> str:
    outside(folder)
    (folder / "inner").symlink_to(folder.parent)
    return str(folder / "inner" / "outside.sh")


def in_a_circle(folder: Path) -> str:
    (folder / "a").symlink_to(folder / "b")
    (folder / "b").symlink_to(folder / "a")
    return str(folder / "a")


def a_pipe(folder: Path) -> str:
    os.mkfifo(folder / "pipe")
    return str(folder / "pipe")


def a_socket(folder: Path) -> str:
    here = os.getcwd()
    os.chdir(folder)  # the names of sockets are short
    with socket.socket(socket.AF_UNIX) as one:
        one.bind("socket")
    os.chdir(here)
    return str(folder / "socket")


def a_device(folder: Path) -> str:
    (folder / "zero").symlink_to("/dev/zero")
    return str(folder / "zero")


def a_folder(folder: Path) -> str:
    (folder / "inner.sh").mkdir()
    return str(folder / "inner.sh")


def holding(held: bytes) -> Callable[[Path], str]:
    def made(folder: Path) -> str:
        (folder / "held").write_bytes(held)
        return str(folder / "held")

    return made


def of_ten_gigabytes(folder: Path) -> str:
    with open(folder / "huge", "wb") as file:
        file.truncate(10 * 10**9)
    return str(folder / "huge")


ALLOWS = "in no folder that the person allows (VAST_MCP_FILES: "
REFUSED: dict[str, tuple[Callable[[Path], str], str]] = {
    "outside": (lambda folder: str(outside(folder)), ALLOWS),
    "by ..": (lambda folder: f"{folder}/../{outside(folder).name}", ALLOWS),
    "by a link": (linked, ALLOWS),
    "beneath a link": (beneath_a_link, ALLOWS),
    "a folder with the same beginning": (lambda folder: f"{folder}2/x", ALLOWS),
    "the folder itself": (str, ALLOWS),
    "a device": (a_device, ALLOWS),
    "nothing outside": (lambda folder: f"/no{folder}", ALLOWS),
    "nothing there": (lambda folder: f"{folder}/none.sh", "there is nothing at that path"),
    "beneath a file": (lambda folder: f"{script(folder)}/x", "there is nothing at that path"),
    "a circle": (in_a_circle, "there is nothing at that path"),
    "a NUL": (lambda folder: f"{folder}/a\0b", "there is nothing at that path"),
    "a pipe": (a_pipe, "is no plain file"),
    "a folder": (a_folder, "is no plain file"),
    "a socket": (a_socket, "onstart_file"),
    "10 GB": (of_ten_gigabytes, "has more than 65536 characters"),
    "a long text": (lambda folder: script(folder, "é" * 65_537), "more than 65536 characters"),
    "a program": (holding(b"\x7fELF\x02\x01\x01\0\0\xff"), "no text in UTF-8"),
    "a NUL in it": (holding(b"echo\0 1"), "no text in UTF-8"),
    "UTF-16": (holding("echo 1\n".encode("utf-16")), "no text in UTF-8"),
    "Latin-1": (holding("echo é\n".encode("latin-1")), "no text in UTF-8"),
    "empty": (holding(b"\n \r\n"), "is empty"),
    "relative": (lambda folder: folder.name + "/setup.sh", "must be an absolute path"),
    "an address alone": (lambda folder: script(folder, "https://a.example/x.sh"), "is an address"),
}


@pytest.mark.parametrize("what", REFUSED)
async def test_what_may_not_be_read_is_refused_without_a_word_of_it(
    world: World, allowed: Settings, folder: Path, what: str
) -> None:
    """A link leads nowhere, a pipe is not waited for, and no size fills the memory."""
    made, why = REFUSED[what]
    asked = {"offer_id": an_offer(world)["id"], "onstart_file": made(folder)}
    async with served(world, allowed) as client:
        error = (await call(client, "create_instance", **asked))["error"]
    [problem] = error["problems"]
    assert (error["code"], problem["field"]) == ("bad_arguments", "onstart_file")
    assert why in str(problem)
    assert "planted" not in str(error)
    assert puts(world) == 0


async def test_no_key_is_sent_where_a_whole_home_is_allowed(
    world: World, settings: Settings, tmp_path: Path
) -> None:
    """Whoever talks to the agent could have one sent to a machine of theirs."""
    ssh_dir = tmp_path / ".ssh"
    ssh_dir.mkdir()
    of_home = replace(
        settings,
        files=(tmp_path,),
        ssh_dir=ssh_dir,
        ssh_key=tmp_path / "named",
        http_token=SecretStr("t" * 16),
    )
    (tmp_path / "link").symlink_to(ssh_dir)
    refusals = {
        script(ssh_dir, name="id_ed25519"): "where the person's SSH keys are",
        f"{tmp_path}/link/id_ed25519": "where the person's SSH keys are",
        script(tmp_path, name="named"): "where the person's SSH keys are",
        script(tmp_path, f"export TOKEN={'t' * 16}\n", "with_token"): "a key of this server's own",
    }
    async with served(world, of_home) as client:
        for path, why in refusals.items():
            error = await refused(
                client, "bad_arguments", offer_id=an_offer(world)["id"], onstart_file=path
            )
            assert why in error["problems"][0]["problem"]
            assert "planted" not in str(error)
        assert puts(world) == 0
        beside = script(tmp_path, name=".sshrc")
        await call(
            client, "create_instance", offer_id=an_offer(world)["id"], disk=20, onstart_file=beside
        )
    assert sent(world) == SCRIPT


async def test_the_key_of_the_account_is_sent_to_no_machine(
    settings: Settings, tmp_path: Path
) -> None:
    """The official client keeps it in a file of the home."""
    real = replace(
        settings,
        sandbox=False,
        api_key=SecretStr("k" * 40),
        files=(tmp_path,),
        ssh_dir=tmp_path / "x",
    )
    path = script(tmp_path, f"{'k' * 40}\n", "vast_api_key")
    with pytest.raises(errors.BadArguments) as caught:
        await script_in(path, real, 1_000, instead_of=False)
    assert "a key of this server's own" in caught.value.problems[0].problem
    other = script(tmp_path, f"{'k' * 39}\n", "other")
    assert await script_in(other, real, 1_000, instead_of=False) == f"{'k' * 39}\n"


async def test_links_within_the_folder_and_a_home_are_followed(
    world: World, allowed: Settings, folder: Path
) -> None:
    """What lies in the folder may be named in any way."""
    (folder / "link.sh").symlink_to(script(folder))
    (folder.parent / "way").symlink_to(folder)
    spellings = ("link.sh", "../scripts/setup.sh", "../way/setup.sh", "./setup.sh")
    offer = an_offer(world)["id"]
    paths = [*(f"{folder}/{name}" for name in spellings), "~/scripts/setup.sh"]
    async with served(world, allowed) as client:
        made = [
            await call(client, "create_instance", offer_id=offer, disk=20, onstart_file=path)
            for path in paths
        ]
    assert len({one["instance_id"] for one in made}) == 1
    assert sent(world) == SCRIPT


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
async def test_what_this_server_may_not_read_is_said(
    world: World, allowed: Settings, folder: Path
) -> None:
    """A person sees to the rights of a file."""
    path = script(folder)
    os.chmod(path, 0)
    async with served(world, allowed) as client:
        told = await call(client, "create_instance", offer_id=1, onstart_file=path)
    assert "may not be read" in str(told["error"]["problems"])


async def test_without_a_folder_and_over_http_nothing_is_read(
    world: World, settings: Settings, allowed: Settings, folder: Path
) -> None:
    """By default no file is anybody's, and a caller over HTTP does not own those here."""
    asked = {"offer_id": an_offer(world)["id"], "onstart_file": script(folder)}
    for told, why in (
        (settings, "VAST_MCP_FILES names it"),
        (replace(allowed, ssh_dir=None), "reached over HTTP"),
    ):
        async with served(world, told) as client:
            error = (await call(client, "create_instance", **asked))["error"]
        assert why in error["problems"][0]["problem"]
    async with served(world, allowed) as client:
        twice = await call(client, "create_instance", **asked, onstart=SCRIPT)
    assert "give one of them" in twice["error"]["problems"][0]["problem"]
    assert puts(world) == 0


async def test_with_runtype_args_it_must_be_a_program(
    world: World, allowed: Settings, folder: Path
) -> None:
    """What speaks against an onstart speaks against the file, by its own name."""
    async with allowing(world, allowed) as client:
        told = await call(
            client,
            "create_instance",
            offer_id=an_offer(world)["id"],
            runtype="args",
            onstart_file=script(folder),
        )
    assert [problem["field"] for problem in told["error"]["problems"]] == ["onstart_file"]
    assert "planted" not in str(told)
