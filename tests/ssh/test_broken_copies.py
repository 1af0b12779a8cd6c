"""A copy whose connection breaks, whose server dies, or whose time is up: it goes on where it was,
and half a file never has a real name.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import anyio
import pytest
from cutting import Way, way_to
from openssh import Sshd, needs_openssh, needs_root_to_serve, public_line
from trying import MACHINE, Tryer, machine

from vast_mcp import errors
from vast_mcp.caller import no_progress
from vast_mcp.session import Call, Session
from vast_mcp.working.files import moving
from vast_mcp.working.files.copying import Copy
from vast_mcp.working.files.ends import Wish, place_to_read, place_to_write
from vast_mcp.working.files.sides import PIECE
from vast_mcp.working.files.tally import Tally

pytestmark = [needs_openssh, needs_root_to_serve]

CUT = PIECE + 13_000_000  # when a piece is there, and the file is not
BIG = 2 * PIECE + 12_345
FILES = 200
NEVER = 1 << 40


@dataclass
class Desk:
    """Folders on both sides, and a way between them that breaks."""

    tryer: Tryer
    way: Way
    folders: dict[bool, Path]

    async def copy(self, *, up: bool, within_s: float | None = None) -> Tally:
        session = self.tryer.session
        call = Call.quiet(session)
        if within_s is not None:
            call = Call(session, anyio.current_time() + within_s, no_progress)
        local, remote = (self.folders[True], "x") if up else (self.folders[False], "y")
        find = place_to_read if up else place_to_write
        wish = Wish(MACHINE, up, str(local), remote, False, find(str(local), session.settings))
        return await Copy(call, machine(self.way.port), wish).run()

    def fill(self, folder: Path, size: int = BIG) -> None:
        """A large file, and many small ones."""
        (folder / "big").write_bytes(os.urandom(size))
        for number in range(FILES):
            (folder / f"f{number}").write_bytes(bytes([number]) * (1_000 + number))

    def forget(self) -> None:
        """Another process goes on."""
        session = self.tryer.session
        self.tryer.session = Session(session.settings, session.app)


@pytest.fixture
async def desk(tryer: Tryer, workplace: Sshd, tmp_path: Path) -> AsyncIterator[Desk]:
    """What goes up to `x` is in `work/a`; what comes down from `y`, to `work/b`."""
    (tmp_path / "work" / "a").mkdir(parents=True)
    tryer.set(files=(tmp_path / "work",))
    workplace.authorize(public_line(tryer.key()))
    home = workplace.folder / "home"
    (home / "y").mkdir()
    folders = {True: tmp_path / "work" / "a", False: tmp_path / "work" / "b"}
    async with way_to(workplace.port) as way:
        yield Desk(tryer, way, folders)


def held(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def ends(desk: Desk, home: Path, *, up: bool) -> tuple[Path, Path]:
    """What is copied, and where it lies."""
    return (desk.folders[True], home / "x") if up else (home / "y", desk.folders[False])


@pytest.mark.parametrize("up", [True, False])
@pytest.mark.thorough
async def test_a_connection_that_breaks_again_and_again_costs_what_was_on_its_way(
    desk: Desk, workplace: Sshd, up: bool
) -> None:
    """One call, four breaks, every digest right, and nothing left beside."""
    source, target = ends(desk, workplace.folder / "home", up=up)
    desk.fill(source, PIECE + 12_345)
    desk.way.cuts = [2_000_000, 9_000_000, 15_000, 6_000_000]
    tally = await desk.copy(up=up)
    assert (tally.is_over, tally.there, tally.breaks) == (True, FILES + 1, 4)
    assert held(target) == held(source)
    # What was moved twice is what was on its way, small files that were not yet compared among it.
    again = tally.moved - sum(len(data) for data in held(source).values())
    assert again < 2 * FILES * 2_000


@pytest.mark.parametrize("cut", [5_800, 6_100, 6_400, NEVER])
async def test_a_folder_without_files_is_there_once_it_is_said_to_be(
    desk: Desk, workplace: Sshd, cut: int
) -> None:
    """Wherever the connection broke for good: what was not made is not said to be there."""
    (desk.folders[True] / "a" / "b").mkdir(parents=True)
    desk.way.cuts, desk.way.then_shut = [cut], True
    said = False
    with contextlib.suppress(errors.NotEntered):
        said = (await desk.copy(up=True)).is_over
    assert said <= (workplace.folder / "home" / "x" / "a" / "b").is_dir()
    assert said or cut < NEVER


@pytest.mark.parametrize("up", [True, False])
@pytest.mark.thorough
async def test_another_process_goes_on_by_what_lies_there(
    desk: Desk, workplace: Sshd, up: bool
) -> None:
    """kill -9 leaves no memory: pieces that arrived are found by their digests, whole files too."""
    source, target = ends(desk, workplace.folder / "home", up=up)
    desk.fill(source)
    desk.way.cuts, desk.way.then_shut = [CUT], True
    first = await desk.copy(up=up)
    assert not first.is_over
    assert "big" not in os.listdir(target)
    assert all(name.startswith(".vast-mcp-") or name in held(source) for name in held(target))
    desk.forget()
    desk.way.shut = False
    second = await desk.copy(up=up)
    assert (second.is_over, second.there) == (True, FILES + 1)
    assert second.moved < BIG
    assert held(target) == held(source)


@pytest.mark.thorough
async def test_what_is_damaged_or_of_another_source_is_not_built_upon(
    desk: Desk, workplace: Sshd
) -> None:
    """A partial file with a hole in it, as a machine that crashed leaves it; a source that is new
    since.
    """
    source, target = ends(desk, workplace.folder / "home", up=True)
    desk.fill(source)
    desk.way.cuts, desk.way.then_shut = [CUT], True
    await desk.copy(up=True)
    desk.way.shut = False
    [partial] = [path for path in target.glob(".vast-mcp-*") if path.stat().st_size > PIECE]
    data = bytearray(partial.read_bytes())
    data[1_000:2_000] = bytes(1_000)
    partial.write_bytes(data)
    desk.forget()
    done = await desk.copy(up=True)
    assert done.is_over
    assert held(target) == held(source)
    (target / "big").unlink()
    stale = target / partial.name
    stale.write_bytes(data)
    (source / "big").write_bytes(os.urandom(moving.SMALL * 3))
    desk.forget()
    await desk.copy(up=True)
    assert held(target) == held(source)


async def test_a_call_whose_time_is_up_says_so_and_the_next_one_goes_on(
    desk: Desk, workplace: Sshd
) -> None:
    """It does not wait for a machine that stands still, and claims nothing of what it has not
    read.
    """
    source, target = ends(desk, workplace.folder / "home", up=True)
    desk.fill(source, 5_000_000)
    early = await desk.copy(up=True, within_s=0)
    assert (early.is_over, early.files, early.there) == (False, None, 0)
    desk.way.cuts, desk.way.stalls = [3_000_000], True
    late = await desk.copy(up=True, within_s=1)
    assert not late.is_over
    done = await desk.copy(up=True)
    assert (done.is_over, done.there) == (True, FILES + 1)
    assert held(target) == held(source)


async def test_the_same_call_beside_a_call_moves_nothing_twice(desk: Desk) -> None:
    """A host that repeats a call hears that it is under way."""
    desk.fill(desk.folders[True], 1_000)
    found: list[Tally] = []

    async def one() -> None:
        found.append(await desk.copy(up=True))

    async with anyio.create_task_group() as group:
        group.start_soon(one)
        group.start_soon(one)
    assert sorted(tally.is_over for tally in found) == [False, True]
    assert "Another call" in next(tally.warnings[0] for tally in found if not tally.is_over)
