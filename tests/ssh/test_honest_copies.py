"""What is said of a copy is true: what nobody read is not copied, and half a change is no file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from liar import FILE, FOLDER, Lies
from openssh import Sshd, needs_openssh, needs_root_to_serve, public_line
from test_copies import Desk, said
from test_lying_machines import SIZE, copied
from trying import Tryer

from vast_mcp import errors
from vast_mcp.working.files import streaming
from vast_mcp.working.files.here_file import HereFile
from vast_mcp.working.files.sides import Digest
from vast_mcp.working.files.tree import MOST_BYTES

pytestmark = [needs_openssh, needs_root_to_serve]


@pytest.fixture
def desk(tryer: Tryer, workplace: Sshd, tmp_path: Path) -> Desk:
    here = tmp_path / "work"
    here.mkdir()
    tryer.set(files=(here,))
    workplace.authorize(public_line(tryer.key()))
    return Desk(tryer, workplace, here, workplace.folder / "home")


async def test_a_folder_that_cannot_be_read_is_not_said_to_be_copied(
    tryer: Tryer, tmp_path: Path
) -> None:
    """What is in it is nowhere, so not all is there."""
    (tmp_path / "work").mkdir()
    tryer.set(files=(tmp_path / "work",))
    tryer.key()
    names = [(b"good", FILE, SIZE), (b"shut", FOLDER, 0)]
    tally = await copied(
        tryer, tmp_path / "work", Lies({b"/root/x": names}, denied={b"/root/x/shut"})
    )
    assert said(tally.failed) == {b"shut": "may not be touched on the machine"}
    assert (tally.is_over, tally.there, tally.files) == (True, 1, 2)


async def test_the_whole_output_of_a_job_comes_down_and_nothing_goes_up_over_it(
    desk: Desk,
) -> None:
    """An answer has the end of it only; and a folder is refused as a file is."""
    job = desk.there / ".vast-mcp" / "jobs" / "j"
    job.mkdir(parents=True)
    (job / "out").write_text("all of it", "utf-8")
    assert (await desk.copy("down", "out.txt", ".vast-mcp/jobs/j/out")).there == 1
    assert (await desk.copy("down", "j", "~/.vast-mcp/jobs/j")).there == 1
    assert (desk.here / "out.txt").read_text("utf-8") == "all of it"
    with pytest.raises(errors.BadArguments) as caught:
        await desk.copy("up", "j", ".vast-mcp/jobs/k")
    assert caught.value.problems[0].problem == "is where vast-mcp keeps what it does there"
    assert os.listdir(job.parent) == ["j"]


async def test_a_folder_with_the_name_of_ours_is_said_to_be_left_out(desk: Desk) -> None:
    """It may be a project's own."""
    (desk.here / "a" / ".vast-mcp").mkdir(parents=True)
    tally = await desk.copy("up", "a")
    assert said(tally.left) == {
        b".vast-mcp": "has the name of the folder in which vast-mcp keeps its jobs"
    }


async def test_a_file_alone_is_no_larger_than_a_folder_may_be(desk: Desk) -> None:
    """The limit is that of a copy."""
    with (desk.here / "large").open("wb") as file:
        file.truncate(MOST_BYTES + 1)
    with pytest.raises(errors.BadArguments) as caught:
        await desk.copy("up", "large")
    assert "over 50 GB" in caught.value.problems[0].problem
    assert not list(desk.there.glob("x*"))


async def test_what_changes_behind_the_place_that_is_read_is_no_whole_file(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its beginning is of one time and its end of another: neither is what anybody wrote."""
    path = desk.here / "a"
    path.write_bytes(bytes(streaming.BLOCK * 2))
    os.utime(path, (10**9, 10**9))
    read = HereFile.read

    async def changing(
        file: HereFile, offset: int, length: int, digest: Digest | None = None
    ) -> bytes:
        if offset:
            path.write_bytes(b"1" * streaming.BLOCK * 2)
        return await read(file, offset, length, digest)

    monkeypatch.setattr(HereFile, "read", changing)
    tally = await desk.copy("up", "a")
    assert said(tally.failed) == {b"x": streaming.CHANGED}
    assert not list(desk.there.glob("*x*"))
    monkeypatch.undo()
    assert (await desk.copy("up", "a")).there == 1
    assert (desk.there / "x").read_bytes() == path.read_bytes()


async def test_an_allowed_folder_that_is_gone_is_no_name_for_a_file(desk: Desk) -> None:
    """The person names folders."""
    (desk.there / "x").write_text("x", "utf-8")
    desk.tryer.set(files=(desk.here / "gone",))
    with pytest.raises(errors.BadArguments) as caught:
        await desk.copy("down", "gone")
    assert caught.value.problems[0].field == "local"
    assert not (desk.here / "gone").exists()
