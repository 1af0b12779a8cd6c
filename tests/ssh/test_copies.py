"""Files to a real OpenSSH server and back: whole, the same, and nothing else touched."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from openssh import Sshd, needs_openssh, needs_root_to_serve, public_line
from pydantic import SecretStr
from trying import MACHINE, Tryer, machine

from vast_mcp import errors
from vast_mcp.session import Call
from vast_mcp.working.files import moving, streaming
from vast_mcp.working.files.copying import Copy
from vast_mcp.working.files.ends import Wish, place_to_read, place_to_write
from vast_mcp.working.files.sides import PIECE
from vast_mcp.working.files.tally import Left, Tally

pytestmark = [needs_openssh, needs_root_to_serve]

BIG = PIECE + streaming.BLOCK * 4 + 12_345  # bytes, in two pieces


@dataclass
class Desk:
    """A person's folder, a machine's disk, and copies between them."""

    tryer: Tryer
    sshd: Sshd
    here: Path
    there: Path

    async def copy(
        self, up: str, local: str = "", remote: str = "x", *, overwrite: bool = False
    ) -> Tally:
        """Copy up or down, as one call does."""
        settings = self.tryer.session.settings
        path = f"{self.here}/{local}"
        place = (place_to_read if up == "up" else place_to_write)(path, settings)
        wish = Wish(MACHINE, up == "up", path, remote, overwrite, place)
        return await Copy(Call.quiet(self.tryer.session), machine(self.sshd.port), wish).run()


@pytest.fixture
def desk(tryer: Tryer, workplace: Sshd, tmp_path: Path) -> Desk:
    here = tmp_path / "work"
    here.mkdir()
    tryer.set(files=(here,))
    workplace.authorize(public_line(tryer.key()))
    return Desk(tryer, workplace, here, workplace.folder / "home")


def fill(folder: Path) -> None:
    """Files of all sizes, folders within folders, odd names, a program, an old one."""
    for name, data in {
        "empty": b"",
        "small": b"hello\n",
        "sub/inner/deep": os.urandom(3_000),
        "sub/middle": os.urandom(moving.SMALL + 1),
        "big": os.urandom(BIG),
        " a 'quoted' \"name\" $HOME `id`;*?": b"odd",
        "-rf": b"dash",
        "back\\slash": b"back",
        "new\nline": b"line",
        "umläut ☃": b"utf-8",
    }.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    (folder / os.fsdecode(b"latin-\xe9")).write_bytes(b"latin")
    (folder / "none").mkdir()
    (folder / "small").chmod(0o755)
    os.utime(folder / "small", (10**9, 10**9))


def held(folder: Path) -> dict[bytes, tuple[bytes, int, int]]:
    """What each file holds, its rights and its time."""
    return {
        os.fsencode(path.relative_to(folder)): (
            path.read_bytes(),
            path.stat().st_mode & 0o777,
            int(path.stat().st_mtime),
        )
        for path in folder.rglob("*")
        if path.is_file()
    }


def said(left: Left) -> dict[bytes, str]:
    return dict(left.all)


async def test_a_folder_goes_up_and_comes_down_the_same(desk: Desk) -> None:
    """Names in any encoding, rights and times; what is there already is not moved again."""
    (desk.here / "a").mkdir()
    fill(desk.here / "a")
    up = await desk.copy("up", "a", "b/new")
    assert (up.is_over, up.there, len(up.done), up.by_size_only) == (True, 11, 11, False)
    assert held(desk.there / "b" / "new") == held(desk.here / "a")
    assert (desk.there / "b/new/none").is_dir()
    again = await desk.copy("up", "a", "b/new")
    assert (again.there, len(again.done), again.moved) == (11, 0, 0)
    down = await desk.copy("down", "c", "b/new")
    assert (down.there, len(down.done)) == (11, 11)
    assert held(desk.here / "c") == held(desk.here / "a")
    left = [*desk.here.rglob(".vast-mcp*"), *desk.there.rglob(".vast-mcp*")]
    assert left == []


async def test_a_file_goes_into_a_folder_or_gets_another_name(desk: Desk) -> None:
    """As cp has it: into what is a folder, or is spelled like one."""
    (desk.here / "one").write_text("1", "utf-8")
    (desk.there / "into").mkdir()
    for remote in ("into", "new/", "other/name", "~/homely", str(desk.there / "absolute")):
        assert (await desk.copy("up", "one", remote)).there == 1
    made = ("into/one", "new/one", "other/name", "homely", "absolute")
    assert all((desk.there / name).read_text("utf-8") == "1" for name in made)
    (desk.here / "folder").mkdir()
    for local in ("folder", "fresh/", "fresh/name"):
        assert (await desk.copy("down", local, "into/one")).there == 1
    made = ("folder/one", "fresh/one", "fresh/name")
    assert all((desk.here / name).read_text("utf-8") == "1" for name in made)


async def test_what_differs_stays_unless_told_and_is_named(desk: Desk) -> None:
    """Nobody's work is written over by a guess, in either direction."""
    for folder in (desk.here / "a", desk.there / "x"):
        folder.mkdir()
        (folder / "same").write_text("same", "utf-8")
    (desk.here / "a" / "differs").write_text("mine", "utf-8")
    (desk.there / "x" / "differs").write_text("hers", "utf-8")
    (desk.here / "a" / "longer").write_text("mine and more", "utf-8")
    (desk.there / "x" / "longer").write_text("hers", "utf-8")
    up = await desk.copy("up", "a")
    assert (up.is_over, up.there, up.files) == (True, 1, 3)
    assert said(up.differ) == {b"differs": "differs", b"longer": "differs"}
    assert (desk.there / "x" / "differs").read_text("utf-8") == "hers"
    down = await desk.copy("down", "a", overwrite=True)
    assert (down.there, len(down.done)) == (3, 2)
    assert (desk.here / "a" / "longer").read_text("utf-8") == "hers"


async def test_links_and_devices_are_left_out_and_named(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A link could lead to a key; a pipe waits for ever."""
    for folder in (desk.here / "a", desk.there / "b"):
        folder.mkdir()
        (folder / "kept").write_text("kept", "utf-8")
        (folder / "link").symlink_to(desk.tryer.ssh_dir / "id_ed25519")
        (folder / "way").symlink_to(desk.tryer.ssh_dir)
        os.mkfifo(folder / "pipe")
        with socket.socket(socket.AF_UNIX) as one:
            monkeypatch.chdir(folder)  # the names of sockets are short
            one.bind("socket")
    wanted = {
        b"link": "is a link",
        b"way": "is a link",
        b"pipe": "is a pipe",
        b"socket": "is a socket",
    }
    up = await desk.copy("up", "a", "up")
    down = await desk.copy("down", "down", "b")
    assert (said(up.left), said(down.left)) == (wanted, wanted)
    assert [*os.listdir(desk.there / "up"), *os.listdir(desk.here / "down")] == ["kept", "kept"]


async def test_nothing_is_written_through_a_link_that_stands_at_the_target(desk: Desk) -> None:
    """Neither a file nor a folder of what is copied may lead to where somebody else's are."""
    outside = desk.here.parent / "outside"
    outside.mkdir()
    (outside / "file").write_text("before", "utf-8")
    (desk.there / "x" / "way").mkdir(parents=True)
    for name in ("way/new", "way/file", "link", "fine"):
        (desk.there / "x" / name).write_text("theirs", "utf-8")
    (desk.here / "a").mkdir()
    (desk.here / "a" / "way").symlink_to(outside)
    (desk.here / "a" / "link").symlink_to(outside / "file")
    down = await desk.copy("down", "a", overwrite=True)
    assert said(down.differ) == {
        b"way/new": "lies beneath a link there",
        b"way/file": "lies beneath a link there",
        b"link": "is a link there",
    }
    assert (os.listdir(outside), (outside / "file").read_text("utf-8")) == (["file"], "before")
    assert (desk.here / "a" / "fine").read_text("utf-8") == "theirs"


async def test_a_key_of_the_servers_own_leaves_in_no_file(desk: Desk) -> None:
    """Strangers own the machines: neither whole, nor in the middle of a large file."""
    token = "t" * 40
    desk.tryer.set(http_token=SecretStr(token))
    (desk.here / "a").mkdir()
    (desk.here / "a" / "plain").write_text("plain", "utf-8")
    (desk.here / "a" / "small").write_text(f"export X={token}", "utf-8")
    data = bytearray(BIG)
    at = streaming.BLOCK * 3 - 20
    data[at : at + 40] = token.encode()
    (desk.here / "a" / "large").write_bytes(data)
    up = await desk.copy("up", "a")
    assert set(said(up.failed)) == {b"small", b"large"}
    assert "a key of this server's own" in said(up.failed)[b"large"]
    assert os.listdir(desk.there / "x")[:1] == ["plain"] or "plain" in os.listdir(desk.there / "x")
    assert not any(token.encode() in one[0] for one in held(desk.there).values())


async def test_a_machine_without_a_tool_for_digests_is_told_as_such(desk: Desk) -> None:
    """Size only, and said; what is the same by size and time is not moved again."""
    (desk.sshd.folder / "at_home").write_text(
        f"#!/bin/sh\ncd '{desk.there}'\ncase $SSH_ORIGINAL_COMMAND in\n"
        f"internal-sftp*) exec /usr/lib/openssh/sftp-server -d '{desk.there}' ;;\n"
        "*) PATH=/nowhere exec /bin/sh -c /bin/sh ;;\nesac\n",
        "utf-8",
    )
    (desk.here / "a").mkdir()
    fill(desk.here / "a")
    first = await desk.copy("up", "a")
    again = await desk.copy("up", "a")
    assert (first.there, first.by_size_only) == (11, True)
    assert (again.there, again.moved, again.by_size_only) == (11, 0, True)
    assert held(desk.there / "x") == held(desk.here / "a")


LIES = """\
#!/bin/sh
found=$(/usr/bin/sha256sum "$@")
if [ "$#" = 0 ] && [ "${found#e3b0c442}" != "$found" ]; then echo "$found"; exit; fi
for one in "$@"; do echo "$(printf %064d 0)  $one"; done
[ "$#" != 0 ] || printf "%064d  -\\n" 0
"""


async def test_what_the_machine_has_is_compared_by_its_digest(desk: Desk) -> None:
    """Bytes that are not those that were sent have no real name, and are not left behind."""
    tools = desk.sshd.folder / "tools"
    tools.mkdir()
    (tools / "sha256sum").write_text(LIES, "utf-8")
    (tools / "sha256sum").chmod(0o755)
    for name in ("sh", "cut", "dd"):
        (tools / name).symlink_to(f"/bin/{name}")
    (desk.sshd.folder / "at_home").write_text(
        f"#!/bin/bash\ncd '{desk.there}'\ncase $SSH_ORIGINAL_COMMAND in\n"
        f"internal-sftp*) exec /usr/lib/openssh/sftp-server -d '{desk.there}' ;;\n"
        f"*) PATH='{tools}' exec /bin/sh -c /bin/sh ;;\nesac\n",
        "utf-8",
    )
    (desk.here / "a").mkdir()
    (desk.here / "a" / "small").write_text("small", "utf-8")
    (desk.here / "a" / "large").write_bytes(bytes(1_000_000))
    up = await desk.copy("up", "a")
    assert (up.is_over, up.there, up.by_size_only) == (True, 0, False)
    assert set(said(up.failed).values()) == {streaming.CHANGED}
    assert os.listdir(desk.there / "x") == []


IMPOSSIBLE: dict[str, tuple[Callable[[Desk], None], tuple[str, str, str], str]] = {
    "no such file there": (lambda _: None, ("down", "a", "none"), "is not there on the machine"),
    "a folder over a file there": (
        lambda desk: ((desk.here / "a").mkdir(), (desk.there / "x").write_text("x"), None)[-1],
        ("up", "a", "x"),
        "is a file, and a folder is to be copied there",
    ),
    "a folder over a file here": (
        lambda desk: ((desk.there / "x").mkdir(), (desk.here / "a").write_text("x"), None)[-1],
        ("down", "a", "x"),
        "is a file, and a folder is to be copied there",
    ),
    "a device there": (lambda _: None, ("down", "a", "/dev/zero"), "neither a plain file"),
    "over the jobs of vast-mcp": (
        lambda desk: (desk.here / "a").write_text("x") and None,
        ("up", "a", ".vast-mcp/jobs/k/status"),
        "where vast-mcp keeps what it does there",
    ),
}


@pytest.mark.parametrize("what", IMPOSSIBLE)
async def test_paths_that_make_no_copy_are_refused_and_nothing_is_touched(
    desk: Desk, what: str
) -> None:
    """The argument at fault is named, and why."""
    made, asked, why = IMPOSSIBLE[what]
    made(desk)
    before = (sorted(desk.here.rglob("*")), sorted(desk.there.rglob("*")))
    with pytest.raises(errors.BadArguments) as caught:
        await desk.copy(*asked)
    assert why in caught.value.problems[0].problem
    assert (sorted(desk.here.rglob("*")), sorted(desk.there.rglob("*"))) == before
