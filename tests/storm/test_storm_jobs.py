"""Does the judge of jobs see what went wrong? It is asked of machines on which it did."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from storm.job_judge import Figures, Wish, judge

GONE = 2**22 + 1  # no process has this number


class Told:
    """A workplace of which only the servers' words matter."""

    machine = 1

    def __init__(self, *jobs: str) -> None:
        self.jobs = jobs

    async def call(self, tool: str, _which: str = "", **_: Any) -> dict[str, Any]:
        assert tool in {"show_jobs", "run_command"}
        if tool == "show_jobs":
            return {"jobs": [{"job": name} for name in self.jobs]}
        return {"state": "running", "job": "j"}


def ended(wish: Wish) -> dict[str, Any]:
    return {
        "job": "j",
        "state": "ended",
        "exit_status": wish.exit_status,
        "untrusted_stdout": f"out-{wish.number}\n",
    }


ONCE = f"{GONE} begun\nended\n"
# What the machine shows, what the agent was told, the jobs that are listed, and what is wrong.
CASES: list[tuple[str, str, Callable[[Wish], dict[str, Any]], tuple[str, ...], dict[str, int]]] = [
    ("once and told", ONCE, ended, ("j",), {}),
    ("twice", ONCE + ONCE, ended, ("j",), {"twice": 1}),
    ("in no list", ONCE, ended, (), {"unfindable": 1}),
    ("another in the list", ONCE, ended, ("k",), {"unfindable": 1}),
    ("ended, and it never began", "", ended, (), {"false_words": 1}),
    ("ended before its end", f"{GONE} begun\n", ended, ("j",), {"false_words": 1}),
    (
        "another exit",
        ONCE,
        lambda wish: ended(wish) | {"exit_status": 99},
        ("j",),
        {"false_words": 1},
    ),
    (
        "no output",
        ONCE,
        lambda wish: ended(wish) | {"untrusted_stdout": ""},
        ("j",),
        {"lost_exits": 1},
    ),
    ("lost", ONCE, lambda _: {"job": "j", "state": "lost"}, ("j",), {"lost_exits": 1}),
    ("lost, and it never began", "", lambda _: {"job": "j", "state": "lost"}, ("j",), {}),
    ("stopped", ONCE, lambda _: {"job": "j", "state": "stopped"}, ("j",), {"false_words": 1}),
    (
        "running for ever",
        ONCE,
        lambda _: {"job": "j", "state": "running"},
        ("j",),
        {"no_verdict": 1},
    ),
]


@pytest.mark.parametrize(
    ("shows", "told", "listed", "wrong"), [one[1:] for one in CASES], ids=[one[0] for one in CASES]
)
async def test_the_machine_is_believed_and_not_the_answer(
    tmp_path: Path,
    shows: str,
    told: Callable[[Wish], dict[str, Any]],
    listed: tuple[str, ...],
    wrong: dict[str, int],
) -> None:
    wish = Wish(7, tmp_path, random.Random(0))
    if shows:
        wish.witness.write_text(shows)
    wish.answers.append(told(wish))
    figures = await judge(Told(*listed), wish)  # type: ignore[arg-type]
    assert figures.wrong == wrong


async def test_a_command_that_was_stopped_and_runs_on_is_a_lie(tmp_path: Path) -> None:
    wish = Wish(7, tmp_path, random.Random(0), stops=True)
    wish.witness.write_text(f"{os.getpid()} begun\n")
    wish.answers.append({"job": "j", "state": "stopped"})
    assert wish.alive
    figures = await judge(Told("j"), wish, patience_s=0)  # type: ignore[arg-type]
    assert figures.wrong == {"false_words": 1}


def test_figures_add_up() -> None:
    one, other = Figures(runs=1, twice=1, slowest_s=2.0), Figures(runs=2, lost_exits=1)
    both = one + other
    assert (both.runs, both.bad, both.slowest_s) == (3, 2, 2.0)
