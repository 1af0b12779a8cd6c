"""create_ssh_key: public keys only, read from *.pub only, registered once."""

from __future__ import annotations

import base64
import os
import threading
from pathlib import Path
from typing import Any

import pytest
from mcp import Client

from house import KEY_LINE, OTHER_KEY_LINE, call
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Settings
from vast_mcp_tools.create_ssh_key import KINDS

BLOB = KEY_LINE.split()[1]
FINGERPRINT = "SHA256:sAyGeVaiH7hFVjuD/Q7GLzqfysMveM1tpVWRbZAUgAI"  # as ssh-keygen -l prints it
PRIVATE = (
    "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmUPlantedPrivate\n"
    "-----END OPENSSH PRIVATE KEY-----\n"
)


async def refused(client: Client, public_key: Any) -> str:
    """The one problem with the argument."""
    result = await client.call_tool("create_ssh_key", {"public_key": public_key})
    assert result.structured_content is not None
    error = result.structured_content["error"]
    assert (error["code"], error["billing_possible"]) == ("bad_arguments", False)
    [problem] = error["problems"]
    assert problem["field"] == "public_key"
    assert "Planted" not in result.model_dump_json()
    return problem["problem"]


def ssh_dir(settings: Settings) -> Path:
    assert settings.ssh_dir is not None
    settings.ssh_dir.mkdir(exist_ok=True)
    return settings.ssh_dir


def line_of(kind: str, body: bytes = b"\0\0\0\x20" + b"k" * 32, named: str | None = None) -> str:
    name = (named or kind).encode()
    return f"{kind} {base64.b64encode(len(name).to_bytes(4, 'big') + name + body).decode()}"


# ── what is taken ──────────────────────────────────────────────────────────────────────────────


async def test_the_text_of_a_key_is_registered_as_it_is(client: Client, world: World) -> None:
    """POST /ssh/ takes the text; the answer names the key by id and fingerprint, never by text
    (docs/vast-api.md D).
    """
    result = await client.call_tool("create_ssh_key", {"public_key": f"  {KEY_LINE}\n"})
    [key] = world.keys.values()
    assert key.public_key == KEY_LINE
    assert result.structured_content == {
        "key_id": key.id,
        "fingerprint": FINGERPRINT,
        "already_registered": False,
        "warnings": [],
        "sandbox": True,
    }
    assert BLOB not in result.model_dump_json()


@pytest.mark.parametrize("kind", sorted(KINDS))
async def test_every_kind_that_openssh_makes_today_is_taken(
    client: Client, world: World, kind: str
) -> None:
    """ssh-keygen(1): ed25519, RSA, ECDSA, and those of security keys."""
    made = await call(client, "create_ssh_key", public_key=line_of(kind))
    assert made["already_registered"] is False
    assert next(iter(world.keys.values())).public_key.startswith(kind)


async def test_a_pub_file_of_the_home_is_read(
    client: Client, world: World, settings: Settings
) -> None:
    """The official client registers the path's text; this reads the file (vast-cli#498)."""
    (ssh_dir(settings) / "id_ed25519.pub").write_text(
        f"# a comment\n\n{KEY_LINE}\n", encoding="utf-8"
    )
    made = await call(client, "create_ssh_key", public_key="~/.ssh/id_ed25519.pub")
    assert made["fingerprint"] == FINGERPRINT
    assert [key.public_key for key in world.keys.values()] == [KEY_LINE]


@pytest.mark.parametrize("folder", ["keys", "My Keys"])
async def test_a_pub_file_elsewhere_is_read(
    client: Client, world: World, tmp_path: Path, folder: str
) -> None:
    """Any *.pub file may be named, in folders with spaces too."""
    path = tmp_path / folder / "work.pub"
    path.parent.mkdir()
    path.write_text(KEY_LINE, encoding="utf-8")
    await call(client, "create_ssh_key", public_key=str(path))
    assert [key.public_key for key in world.keys.values()] == [KEY_LINE]


async def test_the_same_key_twice_is_one_key(client: Client, world: World) -> None:
    """A key is the same whatever its comment, and registering it again sends nothing."""
    first = await call(client, "create_ssh_key", public_key=KEY_LINE)
    again = await call(client, "create_ssh_key", public_key=f"ssh-ed25519 {BLOB} other-comment")
    assert again == first | {"already_registered": True}
    assert [one.method for one in world.asked("keys")] == ["GET", "POST", "GET"]


async def test_a_second_key_is_a_key_of_its_own(client: Client, world: World) -> None:
    """What is already there is not replaced."""
    first = await call(client, "create_ssh_key", public_key=KEY_LINE)
    second = await call(client, "create_ssh_key", public_key=OTHER_KEY_LINE)
    assert second["already_registered"] is False
    assert first["key_id"] != second["key_id"]
    assert len(world.keys) == 2


async def test_a_key_registered_with_its_path_as_text_is_no_obstacle(
    client: Client, world: World
) -> None:
    """Accounts hold such entries (vast-cli#498)."""
    world.set_keys(["/home/someone/.ssh/id_ed25519.pub", "", "ssh-ed25519"])
    assert (await call(client, "create_ssh_key", public_key=KEY_LINE))[
        "already_registered"
    ] is False


async def test_a_reply_that_was_lost_does_not_make_a_second_key(
    client: Client, world: World
) -> None:
    """Asked again, the key that is there is found."""
    world.faults.add("keys", "drop", when="after", method="POST")
    await call(client, "create_ssh_key", public_key=KEY_LINE)
    assert len(world.keys) == 1


async def test_a_vm_can_be_rented_with_the_key_just_registered(
    client: Client, world: World
) -> None:
    """A VM takes its keys at birth; the refusal's own step must lead to the rental
    (docs/vast-api.md A.5).
    """
    offer = world.offer(vm=True, direct_port_count=lambda count: count > 0)
    wish = {
        "offer_id": offer["id"],
        "disk": 16,
        "vm": True,
        "image": "docker.io/vastai/kvm:ubuntu_terminal",
    }
    assert (await call(client, "create_instance", **wish))["error"]["code"] == "no_ssh_key"
    await call(client, "create_ssh_key", public_key=KEY_LINE)
    assert "instance_id" in await call(client, "create_instance", **wish)


# ── what is refused ────────────────────────────────────────────────────────────────────────────


async def test_a_private_key_is_refused_and_never_repeated(client: Client, world: World) -> None:
    """A private key that reached a tool call must go no further."""
    assert "private key" in await refused(client, PRIVATE)
    assert "private key" in await refused(client, PRIVATE.replace("\n", " "))
    assert world.requests == []


async def test_a_private_key_behind_a_pub_name_is_refused(
    client: Client, world: World, settings: Settings
) -> None:
    """The name of a file is no promise."""
    (ssh_dir(settings) / "id.pub").write_text(PRIVATE, encoding="utf-8")
    assert "private key" in await refused(client, "~/.ssh/id.pub")
    assert world.requests == []


async def test_a_file_that_is_no_pub_file_is_not_opened(
    client: Client, world: World, tmp_path: Path
) -> None:
    """This tool is no way to read, or to find out about, other files."""
    secret = tmp_path / "credentials"
    secret.write_text(KEY_LINE, encoding="utf-8")
    there = await refused(client, str(secret))
    assert there == await refused(client, str(tmp_path / "missing"))
    assert there == await refused(client, "~/.ssh/id_ed25519")
    assert there == await refused(client, f"{secret}.pub/../credentials")
    assert ".pub" in there
    assert world.requests == []


async def test_a_pub_file_that_holds_something_else_is_not_repeated(
    client: Client, world: World, tmp_path: Path
) -> None:
    """A link named x.pub may lead anywhere."""
    (tmp_path / "target").write_text("Planted secret of another file\n", encoding="utf-8")
    (tmp_path / "x.pub").symlink_to(tmp_path / "target")
    assert "expected a line" in await refused(client, str(tmp_path / "x.pub"))
    assert world.requests == []


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("absent", None, "no such file"),
        ("large", b"ssh-ed25519 " + b"A" * 20_000, "cannot be read"),
        ("binary", b"\xff\xfe\x00\x01", "cannot be read as text"),
        ("empty", b"", "exactly one"),
        ("two", f"{KEY_LINE}\n{OTHER_KEY_LINE}\n".encode(), "exactly one"),
    ],
)
async def test_a_pub_file_that_is_no_key_says_why(
    client: Client, world: World, tmp_path: Path, name: str, content: bytes | None, problem: str
) -> None:
    """One reason, and what to do."""
    if content is not None:
        (tmp_path / f"{name}.pub").write_bytes(content)
    assert problem in await refused(client, str(tmp_path / f"{name}.pub"))
    assert world.requests == []


@pytest.mark.parametrize(
    "path", ["~nobody-of-this-name/x.pub", "nul\0byte.pub", f"{'x' * 5000}.pub", "~/.ssh/../x.pub"]
)
async def test_a_path_that_leads_nowhere_is_a_slip_and_no_defect(
    client: Client, world: World, path: str
) -> None:
    """What a caller gives is never a defect of ours (docs/architecture.md)."""
    assert await refused(client, path)
    assert world.requests == []


async def test_a_folder_named_like_a_key_is_no_file(client: Client, tmp_path: Path) -> None:
    """What cannot be read is said to be so, without a traceback."""
    (tmp_path / "folder.pub").mkdir()
    assert "cannot be read" in await refused(client, str(tmp_path / "folder.pub"))


async def test_a_pipe_named_like_a_key_does_not_hold_the_server(
    client: Client, tmp_path: Path
) -> None:
    """Every tool answers within its budget; reading a pipe that nobody closes would
    wait for ever.
    """
    os.mkfifo(tmp_path / "pipe.pub")
    writer = os.open(tmp_path / "pipe.pub", os.O_RDWR)
    lets_go = threading.Timer(
        2.0, os.close, [writer]
    )  # so that a server that does wait fails this test only
    lets_go.start()
    try:
        assert "cannot be read" in await refused(client, str(tmp_path / "pipe.pub"))
        waited = not lets_go.is_alive()
    finally:
        lets_go.cancel()
        lets_go.join()
    assert not waited
    os.close(writer)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (f"ssh-ed25519 {BLOB[:-3]}", "base64"),
        (f"ssh-ed25519 {BLOB[:30]}!{BLOB[30:]}", "base64"),
        (f"ssh-ed25519 {BLOB[:12]}", "cut"),
        ("ssh-ed25519 AAAA", "cut"),
        (f"ssh-rsa {BLOB}", "cut"),
        (line_of("ssh-ed25519", named="ssh-rsa"), "cut"),
        (line_of("ssh-ed25519", body=b""), "cut"),
        (f"ssh-dss {BLOB}", "expected a line"),
        (f"{BLOB} ssh-ed25519", "expected a line"),
        (f'command="Planted" {KEY_LINE}', "expected a line"),
        (f"{KEY_LINE}\n{OTHER_KEY_LINE}", "exactly one"),
        (BLOB, ".pub"),
        ("ssh-ed25519", ".pub"),
        (" ", "required"),
    ],
)
async def test_a_key_that_is_broken_is_refused_before_it_is_sent(
    client: Client, world: World, text: str, problem: str
) -> None:
    """vast-cli#498 and #133: Vast keeps whatever text comes, and nobody can log in with it."""
    assert problem in await refused(client, text)
    assert world.requests == []


async def test_a_team_account_is_told_that_keys_are_personal(client: Client, world: World) -> None:
    """A team cannot hold SSH keys (docs/vast-api.md D; recorded live)."""
    world.team = True
    error = (await call(client, "create_ssh_key", public_key=KEY_LINE))["error"]
    assert (error["code"], error["http_status"], error["billing_possible"]) == (
        "team_account",
        400,
        False,
    )
    assert "personal" in error["message"]
