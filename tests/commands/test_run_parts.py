"""The parts of `vast-mcp run`: what a line means, and what is printed into what."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from vast_mcp.commands.run.copies import usd_of
from vast_mcp.commands.run.line import Line, Misused, carried
from vast_mcp.commands.run.sinks import BOOT, Sink
from vast_mcp.commands.run.spool import ERR, OUT, Printer, Spool

HERE = Path("/home/somebody/project")


@pytest.mark.parametrize(
    ("text", "local", "remote"),
    [
        ("src", HERE / "src", "run/src"),
        (".", HERE, "run"),
        ("./a/../b/", HERE / "b", "run/b"),
        ("/data/set", Path("/data/set"), "run/set"),
        ("../beside", HERE.parent / "beside", "run/beside"),
        ("src:code", HERE / "src", "run/code"),
        ("src:.", HERE / "src", "run"),
        ("src:/workspace", HERE / "src", "/workspace"),
        ("src:~/x", HERE / "src", "~/x"),
        ("a:b:c", HERE / "a:b", "run/c"),
        ("c:data", HERE / "c:data", "run/c:data"),
    ],
)
def test_a_path_lies_there_as_it_lies_here(text: str, local: Path, remote: str) -> None:
    """`LOCAL[:REMOTE]`; a letter before a colon is a disk."""
    found = carried(text, HERE)
    assert (found.local, found.remote) == (local, remote)


@pytest.mark.parametrize("text", ["", "a\0b"])
def test_no_path_is_none(text: str) -> None:
    with pytest.raises(Misused):
        carried(text, HERE)


def line(*words: str, **more: object) -> Line:
    least: dict[str, object] = {
        "folder": HERE,
        "key": "",
        "budget_usd": 1.0,
        "max_usd_per_hour": None,
        "wants": {},
        "up": (),
        "down": (),
        "overwrite": False,
        "env_from": (),
        "words": words,
    }
    return Line(**{**least, **more})  # type: ignore[arg-type]


def test_one_word_is_the_shells_and_several_are_a_program_and_its_arguments() -> None:
    assert line("a && b").command.endswith("\na && b\n")
    assert line("echo", "a  b", "$HOME").command.endswith("\necho 'a  b' '$HOME'\n")


def test_lines_are_the_same_run_where_all_of_them_is_the_same() -> None:
    """Words, folder, money and key count."""
    one = line("true")
    assert one.wish == line("true").wish
    others = [
        line("false"),
        line("true", key="b"),
        line("true", budget_usd=2.0),
        line("true", folder=HERE / "x"),
        line("true", env_from=("A",)),
        line("true", wants={"disk": 20}),
        line("true", down=(carried("out", HERE),)),
    ]
    assert len({each.wish for each in (one, *others)}) == 1 + len(others)


@pytest.mark.parametrize(("prices", "usd"), [([2.0, 40.0], 42.0), ([3.0], 6.0), ([0.0], 0.0)])
def test_traffic_costs_what_a_row_says_of_each_way(prices: list[float], usd: float) -> None:
    """A row has one price where both ways cost the same."""
    assert usd_of(prices, up=10**12, down=10**12) == usd


# ── what is printed into what ──────────────────────────────────────────────────────────────────


async def printed(spool: Spool, number: int, beside: int | None = None) -> None:
    """One process prints what is kept, to its end."""
    with spool.paths[OUT].open("rb") as source:
        await Printer(source, Sink.of(number, spool.base, beside), last=True).run()


async def test_a_file_that_is_appended_to_has_it_once_and_another_has_all_of_it(
    tmp_path: Path,
) -> None:
    """What a killed process had written counts, noted or not; what else is in the file does not."""
    spool = Spool(tmp_path / "runs", "a")
    log, other = tmp_path / "log", tmp_path / "other"
    log.write_bytes(b"of yesterday\n")
    spool.add(b"one\n", b"")
    for more in (b"two\n", b""):
        with log.open("ab") as file, (tmp_path / "err").open("ab") as err:
            await printed(spool, file.fileno(), err.fileno())
        spool.add(more, b"")
    with log.open("ab") as file:
        file.write(b"thr")  # as if it were killed before it noted that
    spool.add(b"three\n", b"")
    with log.open("ab") as file, (tmp_path / "err").open("ab") as err:
        await printed(spool, file.fileno(), err.fileno())
    assert log.read_bytes() == b"of yesterday\none\ntwo\nthree\n"
    for _ in range(2):
        with other.open("wb") as file, (tmp_path / "err").open("ab") as err:
            await printed(spool, file.fileno(), err.fileno())
        assert other.read_bytes() == b"one\ntwo\nthree\n"


@pytest.mark.skipif(not BOOT.exists(), reason="pipes have no number here")
async def test_a_pipe_that_an_earlier_process_printed_into_is_gone_on_with(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "runs", "a")
    spool.add(b"one\n", b"")
    reader, writer = os.pipe()
    await printed(spool, writer)
    spool.add(b"two\n", b"")
    await printed(spool, writer)
    assert os.read(reader, 100) == b"one\ntwo\n"
    os.close(reader)
    os.close(writer)


async def test_a_reader_that_went_away_ends_nothing(tmp_path: Path) -> None:
    """`| head` is no reason to leave a machine behind."""
    spool = Spool(tmp_path / "runs", "a")
    spool.add(b"one\n", b"")
    reader, writer = os.pipe()
    os.close(reader)
    await printed(spool, writer)
    os.close(writer)


def test_what_a_job_said_is_for_nobody_else_and_goes_once_it_was_told(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "runs", "a")
    spool.add(b"out", b"err")
    assert spool.kept == (3, 3)
    assert spool.sink(ERR).number == ERR
    assert all(path.stat().st_mode & 0o77 == 0 for path in spool.base.parent.iterdir())
    spool.forget()
    assert list(spool.base.parent.iterdir()) == []
