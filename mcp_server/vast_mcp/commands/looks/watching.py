"""`vast-mcp machines --watch`: the list, read anew at the service's pace until somebody ends it.

An outage ends nothing: what was last known stays, with how old it is and why no more is heard.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections import deque
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NoReturn

import anyio

from vast_mcp import signals
from vast_mcp.commands import options
from vast_mcp.commands.composing import warn
from vast_mcp.commands.looks.asking import Desk, Look, desk_of, printed
from vast_mcp.commands.looks.figures import lasting
from vast_mcp.commands.looks.pages import Page
from vast_mcp.commands.statuses import EXIT_ERROR, as_text, exit_status
from vast_mcp.commands.terminal import Progressing, console_on, silence_stdout
from vast_mcp.errors import Json
from vast_mcp.settings import Settings
from vast_mcp.vast.pace import INTERVALS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rich.console import Console

APART = 10  # times what Vast wants between two lists
AT_ONCE = 4  # machines that a round reads one by one: each of them in turn
READINGS = 24  # of a GPU that are drawn
NEWS_S = 300.0  # in which news stay to be read
REDRAWN_S = 1.0
BESIDE = 12  # lines of a screen that are not for machines

Use = dict[int, deque[float | None]]  # of each machine's GPUs in percent, the last at the end


@dataclass(frozen=True)
class Watch:
    """What is watched: the look of one round, which machines are read alone, and how it is drawn of
    the list, of what those told, of their GPUs' use, and with how many rows.
    """

    look: Look
    worth_reading: Callable[[Json], list[int]]
    page_of: Callable[[Json, Mapping[int, Json], Use, int | None], Page]


@dataclass(eq=False)
class Seen:
    """What is known, and since when nothing more is."""

    listed: Json | None = None
    failure: Json | None = None
    answer: Json = field(default_factory=Json)  # the last, whichever it is
    looks: int = 0
    heard_at: float = 0.0  # epoch seconds
    alone: dict[int, Json] = field(default_factory=dict[int, Json])
    use: Use = field(default_factory=Use)
    news: list[tuple[float, str]] = field(default_factory=list[tuple[float, str]])
    rounds: int = 0
    changed: anyio.Event = field(default_factory=anyio.Event)

    def take(self, answer: Json) -> None:
        """Take the answer of a round: the list, or why there is none."""
        self._take_news(answer)
        self.answer, self.looks = answer, self.looks + 1
        self.failure = answer.get("error")
        if self.failure is None:
            self.listed, self.heard_at = answer, time.time()
            there = {row["instance_id"] for row in answer["instances"]}
            self.alone = {one: told for one, told in self.alone.items() if one in there}
            self.use = {one: use for one, use in self.use.items() if one in there}
        self._tell()

    def take_alone(self, instance_id: int, answer: Json) -> None:
        """Take what one machine told; what it does not tell is no reading."""
        self._take_news(answer)
        if "error" in answer:
            return
        self.alone[instance_id] = answer
        readings = self.use.setdefault(instance_id, deque(maxlen=READINGS))
        readings.append(answer.get("gpu_util_percent"))
        self._tell()

    def _take_news(self, answer: Json) -> None:
        """Keep what an answer tells once."""
        now = time.time()
        self.news = [one for one in self.news if now - one[0] < NEWS_S]
        self.news += [(now, said) for said in answer.get("notices") or ()]

    def _tell(self) -> None:
        self.changed.set()
        self.changed = anyio.Event()

    def next_to_read(self, wanted: list[int]) -> list[int]:
        """Of these machines those whose turn it is: each comes as often as the others."""
        self.rounds += 1
        if len(wanted) <= AT_ONCE:
            return wanted
        first = (self.rounds - 1) * AT_ONCE % len(wanted)
        return [*wanted[first:], *wanted[:first]][:AT_ONCE]

    def page(self, watch: Watch, now: float, most: int | None = None) -> Page:
        """What is known now, in epoch seconds; its age is said first. `most`: rows that have
        room.
        """
        page = Page()
        if self.listed is None:
            page.say("Nothing was heard yet.", "bold")
        else:
            at = time.strftime("%H:%M:%S", time.localtime(self.heard_at))
            page.say(f"As of {at}, {lasting(now - self.heard_at)} ago. Ctrl-C ends.", "dim")
        if self.failure is not None:
            page.say(f"Nothing more is heard: {self.failure['message']}", "red")
        if self.listed is not None:
            listed = {**self.listed, "notices": [said for _, said in self.news]}
            page.blocks += watch.page_of(listed, self.alone, self.use, most).blocks
        return page


# ── the rounds ─────────────────────────────────────────────────────────────────────────────────


def watch(chosen: argparse.Namespace, one: Watch) -> int:
    """Look again and again until an interrupt; the exit status."""
    return anyio.run(_watched, options.settings_of(chosen), chosen, one)


async def _watched(settings: Settings, chosen: argparse.Namespace, one: Watch) -> int:
    seen, progressing = Seen(), Progressing(one.look.name)
    async with desk_of(settings, progressing) as desk:
        with progressing:
            answer = await one.look.ask(desk)
        if "error" in answer and not answer["error"]["retryable"]:
            await printed(desk, chosen, one.look, answer)
            return exit_status(answer)
        seen.take(answer)
        apart = APART * INTERVALS["list"] * settings.times.pace
        trouble: OSError | None = None
        with _until_interrupted():
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(_look_on, desk, one, seen, apart)
                trouble = await _show(desk, chosen, one, seen)
                tasks.cancel_scope.cancel()
        if trouble is not None:
            warn(f"nobody reads it any more ({trouble.strerror})")
            return EXIT_ERROR
    return signals.INTERRUPTED


@contextmanager
def _until_interrupted() -> Generator[None]:
    """What goes on until an interrupt, or until the system asks the process to end; a second
    interrupt waits for nothing.
    """
    with anyio.CancelScope() as scope:
        loop = asyncio.get_running_loop()

        def stop() -> None:
            loop.call_soon_threadsafe(scope.cancel)

        signals.end_in_order(stop)
        yield


async def _look_on(desk: Desk, one: Watch, seen: Seen, apart: float) -> None:
    """Read machines alone, wait, read the list, and so on."""
    while True:
        began = anyio.current_time()
        if seen.failure is None and seen.listed is not None:
            for instance_id in seen.next_to_read(one.worth_reading(seen.listed)):
                told = await desk.ask("show_instance", instance_id=instance_id)
                seen.take_alone(instance_id, told)
        wait = apart - (anyio.current_time() - began)
        if seen.failure is not None:
            wait = max(wait, seen.failure.get("retry_after_s") or 0.0)
        await anyio.sleep(max(0.0, wait))
        seen.take(await one.look.ask(desk))


# ── how it is shown ────────────────────────────────────────────────────────────────────────────


async def _show(desk: Desk, chosen: argparse.Namespace, one: Watch, seen: Seen) -> OSError:
    """Show what is known for as long as somebody reads it; what ended that."""
    console = None if chosen.json else console_on(sys.stdout)
    try:
        if console is None or console.is_dumb_terminal:
            await _in_lines(desk, chosen, one, seen)
        await _on_screen(desk, one, seen, console)
    except OSError as exc:
        silence_stdout()
        return exc


async def _in_lines(desk: Desk, chosen: argparse.Namespace, one: Watch, seen: Seen) -> NoReturn:
    """Print every look, below the one before: JSON has a line each."""
    looks = 0
    while True:
        if looks != seen.looks:
            looks = seen.looks
            page = seen.page(one, time.time())
            print(as_text(seen.answer) if chosen.json else page.plain(), flush=True)
            desk.telling.arrived_all()
        await seen.changed.wait()


async def _on_screen(desk: Desk, one: Watch, seen: Seen, console: Console) -> NoReturn:
    """Draw what is known in place. In the end it stays below what the terminal showed before."""
    from rich.console import Group
    from rich.live import Live

    try:
        with Live(
            console=console,
            screen=True,
            auto_refresh=False,
            redirect_stdout=False,
            redirect_stderr=False,
        ) as live:
            while True:
                room = max(1, console.height - BESIDE)
                blocks = seen.page(one, time.time(), room).blocks
                live.update(Group(*(block.drawn(console.width) for block in blocks)), refresh=True)
                desk.telling.arrived_all()
                with anyio.move_on_after(REDRAWN_S):
                    await seen.changed.wait()
    finally:
        seen.page(one, time.time()).print_on(console)
