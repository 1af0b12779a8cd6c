"""A machine that lies about its files: nothing outside the person's folder is read or written, and
no lie keeps a call busy for ever.
"""

from __future__ import annotations

import itertools
import os
from pathlib import Path

import pytest
from liar import FILE, FOLDER, LINK, Lies, endless, lying
from trying import MACHINE, Tryer, machine

from house import WHOLE
from vast_mcp import errors
from vast_mcp.session import Call
from vast_mcp.working.files.copying import Copy
from vast_mcp.working.files.ends import Wish, place_to_read, place_to_write
from vast_mcp.working.files.tally import Tally

SIZE = len(Lies.data)
PARTS = (b"..", b".", b"", b"a", b"/", b"\0", b"...", b"\xff\xfe", b"~", b"*", b"C:", b"-rf")
OUTSIDE = (b"etc/passwd", b"outside/new", b".ssh/authorized_keys", b"x" * 300)
# Ways out, as a hostile server might spell them, and names that only look like one.
SPELLINGS = sorted({
    *(b"/".join(parts) for n in (1, 2, 3) for parts in itertools.product(PARTS[:8], repeat=n)),
    *(b"../" * n + out for n in range(6) for out in OUTSIDE),
    *(b"/" * n + out for n in range(1, 4) for out in OUTSIDE),
    *PARTS,
})  # fmt: skip


@pytest.fixture
def here(tryer: Tryer, tmp_path: Path) -> Path:
    """The folder that the person allows, and another one beside it."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "kept").write_text("kept", "utf-8")
    tryer.set(files=(tmp_path / "work",))
    (tmp_path / "work").mkdir()
    tryer.key()
    return tmp_path / "work"


async def copied(tryer: Tryer, here: Path, lies: Lies, *, up: bool = False) -> Tally:
    settings = tryer.session.settings
    place = (place_to_read if up else place_to_write)(str(here / "a"), settings)
    async with lying(lies) as port:
        wish = Wish(MACHINE, up, str(here / "a"), "x", False, place)
        return await Copy(Call.quiet(tryer.session), machine(port), wish).run()


def beside(here: Path) -> list[str]:
    """What lies around the allowed folder, and whatever of the table could be written there."""
    return sorted(
        str(path.relative_to(here.parent))
        for path in here.parent.rglob("*")
        if not path.is_relative_to(here)
    )


async def test_no_name_leads_out_of_the_folder(tryer: Tryer, here: Path) -> None:
    """500 spellings, each as a file and as a folder."""
    assert len(SPELLINGS) >= 500
    names = [(name, kind, SIZE) for name in SPELLINGS for kind in (FILE, FOLDER)]
    before = beside(here)
    lies = Lies({b"/root/x": names})
    tally = await copied(tryer, here, lies)
    assert beside(here) == before
    good = {b"a", b"...", b"\xff\xfe", b"~", b"*", b"C:", b"-rf"}
    assert {os.fsencode(name) for name in os.listdir(here / "a")} == good
    assert all((here / "a" / os.fsdecode(name)).read_bytes() == b"planted" for name in good)
    opened = {path for what, path in lies.asked if what == "open"}
    too_long = b"x" * 300  # for a file here, and it leads nowhere
    assert opened == {b"/root/x/" + name for name in (*good, too_long)}
    assert tally.there == len(good)


async def test_a_folder_in_itself_ends(tryer: Tryer, here: Path) -> None:
    """A depth without a ground is left out from some depth on."""
    deep = await copied(tryer, here, Lies(else_=[(b"in", FOLDER, 0), (b"file", FILE, SIZE)]))
    assert {why for _, why in deep.left.all} == {"lies too deep"}


@pytest.mark.parametrize("kind", [FILE, LINK] if WHOLE else [LINK])
async def test_names_without_an_end_are_refused(tryer: Tryer, here: Path, kind: int) -> None:
    """Twenty thousand are heard, and nothing is made."""
    with pytest.raises(errors.BadArguments) as caught:
        await copied(tryer, here, Lies({b"/root/x": endless(kind)}))
    assert "more than 20000 files" in caught.value.problems[0].problem
    assert not (here / "a").exists()


@pytest.mark.parametrize("said", [0, SIZE - 1, SIZE + 1, 10**9])
async def test_a_size_that_is_a_lie_leaves_no_file(tryer: Tryer, here: Path, said: int) -> None:
    """More or less than it says: nothing has the real name."""
    lies = Lies({b"/root/x": [(b"f", FILE, said), (b"good", FILE, SIZE)]})
    tally = await copied(tryer, here, lies)
    assert [path for path, _ in tally.failed.all] == [b"f"]
    assert [name for name in os.listdir(here / "a") if not name.startswith(".")] == ["good"]


async def test_the_same_name_twice_is_taken_once(tryer: Tryer, here: Path) -> None:
    """A link, then a folder, then a file of one name: the second finds nothing to go through."""
    out = [(b"in", FILE, SIZE)]
    lies = Lies({
        b"/root/x": [(b"n", LINK, 0), (b"n", FOLDER, 0), (b"m", FILE, SIZE), (b"m", FOLDER, 0)],
        b"/root/x/n": out,
        b"/root/x/m": out,
    })  # fmt: skip
    tally = await copied(tryer, here, lies)
    assert dict(tally.left.all) == {b"n": "is told twice", b"m": "is told twice"}
    assert os.listdir(here / "a") == ["m"]


async def test_what_a_machine_says_stands_there_leads_no_reader_astray(
    tryer: Tryer, here: Path
) -> None:
    """Upwards, only what lies in the person's folder is read."""
    (here / "a").mkdir()
    (here / "a" / "mine").write_text("mine", "utf-8")
    lies = Lies({b"/root/x": [(name, FILE, 4) for name in SPELLINGS] + [(b"mine", LINK, 4)]})
    tally = await copied(tryer, here, lies, up=True)
    assert dict(tally.differ.all) == {b"mine": "is a link there"}
    assert [path for what, path in lies.asked if what == "open"] == []
