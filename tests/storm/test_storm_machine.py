"""A state machine: servers that live, crash and come back over one journal, agents that ask, a
clock that jumps.

Everything is in this process: the sandbox as an ASGI app behind a tap that remembers every
request, real journal files, and a server built as the program builds it in place of each
process. The owner's lock belongs to the journal object, so two servers here stand to each other
as two processes do. The invariant is the storm's own judge.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import tempfile
import time
from collections.abc import Coroutine
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, Phase, settings, strategies
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from mcp import Client

from storm.faults import is_rent
from storm.judge import Answer, Evidence, Figures, Wish, judge
from storm.lane import offers_of_the_world
from storm.proxy import Reply, Seen
from vast_mcp import errors, journal
from vast_mcp.environment import load
from vast_mcp.host.server import VastServer, build
from vast_mcp.journal import questions
from vast_mcp.reconcile import doubts
from vast_mcp.sandbox.control import rental_json
from vast_mcp.sandbox.instances import Instance
from vast_mcp.sandbox.routes import create_app
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Settings, Times
from vast_mcp_tools import CATALOGUE

pytestmark = pytest.mark.timeout(120)

SCALE = 0.001
HELD_S = 0.2  # a PUT on its way; longer than an absence takes, and shorter than a PUT may
OFFERS = offers_of_the_world()
TRIES = 60  # calls of an honest agent before it is said to have no verdict
ARROWS = ("mark_sending", "mark_unknown", "mark_confirmed", "mark_refused", "mark_absent")
FAULTS: dict[str, dict[str, Any] | None] = {
    "none": None,
    "lost before": {"kind": "drop", "when": "before"},
    "lost after": {"kind": "drop", "when": "after"},
    "504 before": {"kind": "html504", "when": "before"},
    "504 after": {"kind": "html504", "when": "after"},
    "429": {"kind": "too_many_plain", "when": "before"},
    "success:false": {"kind": "success_false", "when": "before"},
}

T = TypeVar("T")


def shortened(home: Path, *, patient: bool) -> Settings:
    """The protocol's times in proportion. A patient process sees a doubt through in one call,
    the other in several.
    """
    budget = (
        {"budget_s": 1.0, "put_s": HELD_S * 2} if patient else {"budget_s": 0.16, "put_s": 0.08}
    )
    times = replace(Times().scaled(SCALE), pace=0.0, **budget)
    return replace(load({}, home=home, sandbox=True), state_dir=home / "state", times=times)


class Tap:
    """Between the servers and the sandbox: every request and its answer, as the proxy of a storm
    would see them.
    """

    def __init__(self, app: Any) -> None:
        self._app = app
        self.seen: list[Seen] = []
        self.holds = False  # whether the next PUT is long on its way

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        message = await receive()
        target = f"{scope['path']}?{scope['query_string'].decode()}"
        one = Seen(
            len(self.seen) + 1,
            time.monotonic(),
            scope["method"],
            target,
            message.get("body", b""),
            fresh=True,
        )
        self.seen.append(one)
        if self.holds and is_rent(one):
            self.holds = False
            await asyncio.sleep(HELD_S)
        once = iter([message])
        reply = Reply(0, {}, b"")

        async def replay() -> Any:
            return next(once, None) or await receive()

        async def listen(part: Any) -> None:
            if part["type"] == "http.response.start":
                reply.status = part["status"]
            else:
                reply.body += part.get("body", b"")
                if not part.get("more_body"):
                    one.reply = reply
            await send(part)

        await self._app(scope, replay, listen)


class Process:
    """One server with its session, as a task: it can end well, or be gone between two
    instructions.
    """

    def __init__(self, chosen: Settings, app: Any) -> None:
        self._settings, self._app = chosen, app
        self._end = asyncio.Event()
        self._calls: set[asyncio.Task[Any]] = set()
        self._life: asyncio.Task[None] | None = None
        self._client: Client | None = None
        self._server: VastServer | None = None
        self.alive = False

    async def start(self) -> None:
        ready = asyncio.Event()
        self._life = asyncio.create_task(self._live(ready))
        await ready.wait()
        self.alive = True

    async def _live(self, ready: asyncio.Event) -> None:
        self._server = build(self._settings, CATALOGUE, self._app)
        async with Client(self._server) as self._client:
            ready.set()
            await self._end.wait()

    async def call(self, tool: str, **arguments: Any) -> dict[str, Any] | None:
        """The answer's JSON; None where the process died first."""
        assert self._client is not None
        task = asyncio.create_task(self._client.call_tool(tool, arguments))
        self._calls.add(task)
        try:
            # whatever the SDK says of a connection that ended
            with contextlib.suppress(Exception):
                payload = (await task).structured_content
                return payload if self.alive else None
        except asyncio.CancelledError:
            if self.alive:
                raise
        finally:
            self._calls.discard(task)
        return None

    def crash(self) -> None:
        """From here on it writes nothing and holds nothing, as if its memory were gone and its
        files were closed.
        """
        assert self._server is not None
        self.alive = False
        session = self._server.session
        session.telling.settled(session.telling.heard())
        database, owner = session.journal._db, session.journal._owner
        database.close()
        database.open = _dead  # type: ignore[method-assign]
        if owner._lock is not None:
            owner._lock.release(force=True)
            owner._lock = None

    def crash_at(self, arrow: str, when: str) -> None:
        """Crash before or after the journal's next commit of that kind."""
        assert self._server is not None
        book = self._server.session.journal
        commit = getattr(book, arrow)

        def struck(*args: Any, **kwargs: Any) -> Any:
            if when == "before":
                self.crash()
            done = commit(*args, **kwargs)
            if when == "after":
                self.crash()
                _dead()
            return done

        setattr(book, arrow, struck)

    async def ended(self) -> None:
        """Reap it, dead or alive."""
        self.alive = False
        for task in self._calls:
            task.cancel()
        self._end.set()
        assert self._life is not None
        await asyncio.wait({self._life})
        self._life.exception()


def _dead() -> Any:
    raise errors.JournalUnavailable("This process is dead.")


class Clock:
    """The wall's clock as the journal and the reconciler read it; the monotonic one cannot be
    set.
    """

    def __init__(self) -> None:
        self.ahead = 0.0
        self.module = SimpleNamespace(
            time=lambda: time.time() + self.ahead, monotonic=time.monotonic
        )


class Agents(RuleBasedStateMachine):
    """Two processes and three wishes of one person; each rule is one thing that happens to them."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.patch = pytest.MonkeyPatch()
        self.clock = Clock()
        for module in (journal, questions, doubts):
            self.patch.setattr(module, "time", self.clock.module)
        self.folder = tempfile.TemporaryDirectory(prefix="storm-machine-")
        self.world = World(rent_again=True)
        self.tap = Tap(create_app(self.world))
        self.chosen = [
            shortened(Path(self.folder.name), patient=patient) for patient in (True, False)
        ]
        self.offers = itertools.cycle(OFFERS)
        self.processes: list[Process] = []
        self.wishes: list[Wish] = []
        self.calls: dict[tuple[str, int], dict[str, Any]] = {}  # label and offer → the arguments

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(asyncio.wait_for(work, 30))

    # ── what there is at the start ─────────────────────────────────────────────────────────────

    @initialize()
    def begin(self) -> None:
        for number in range(3):
            offer = next(self.offers)
            arguments = {"offer_id": offer, "label": f"storm-{number}", "disk": 16}
            if number:
                arguments["request_key"] = f"wish-{number}"
            self.wishes.append(Wish(f"storm-{number}", arguments, [offer]))
            self.calls[f"storm-{number}", offer] = arguments
        self.processes += [Process(chosen, self.tap) for chosen in self.chosen]
        for process in self.processes:
            self.run(process.start())

    async def process(self, which: int) -> Process:
        """One of the two that live; a dead one is replaced by a new one, as a host does."""
        if not self.processes[which].alive:
            await self.processes[which].ended()
            self.processes[which] = Process(self.chosen[which], self.tap)
            await self.processes[which].start()
        return self.processes[which]

    # ── agents ─────────────────────────────────────────────────────────────────────────────────

    async def ask(self, wish: Wish, which: int) -> Answer:
        process = await self.process(which)
        self.go_back(wish)
        begun = time.monotonic()
        payload = await process.call("create_instance", **wish.arguments)
        wish.answers.append(Answer(begun, time.monotonic(), time.time(), payload))
        return wish.answers[-1]

    async def pursue(self, wish: Wish, which: int) -> None:
        """The same call until there is a verdict; word of another wish's machine is not one for
        this wish.
        """
        for _ in range(TRIES):
            answer = await self.ask(wish, which)
            if answer.verdict and not self.is_anothers(answer, wish):
                return
            await asyncio.sleep(SCALE)

    def is_anothers(self, answer: Answer, wish: Wish) -> bool:
        if answer.said != "earlier_rental_found":
            return False
        return not self.machines_of(wish) & answer.named_ids

    def machines_of(self, wish: Wish) -> set[int]:
        return {
            one.id
            for one in self.world.rentals
            if (one.label or "").rpartition("#")[0] == wish.label
        }

    def with_next_steps(self, wish: Wish) -> list[Instance]:
        """Its living machines that any answer named: the agents are one person's, and word gets
        around.
        """
        told = frozenset[int]().union(*(one.named_ids() for one in self.wishes))
        mine = self.machines_of(wish)
        return [one for one in self.world.living if one.id in told & mine]

    def go_back(self, wish: Wish) -> None:
        """An agent that turned to another offer and then heard of its first machine asks for
        that one.
        """
        for machine in self.with_next_steps(wish):
            wish.arguments = self.calls[wish.label, machine.offer_id]

    def has_machine(self, wish: Wish) -> bool:
        """Whether its agent knows what it came to: then it does not turn elsewhere."""
        last = wish.answers[-1] if wish.answers else None
        return last is not None and last.verdict and not self.is_anothers(last, wish)

    # ── rules ──────────────────────────────────────────────────────────────────────────────────

    wish_numbers = strategies.integers(0, 2)
    process_numbers = strategies.integers(0, 1)

    @rule(number=wish_numbers, which=process_numbers, fault=strategies.sampled_from(sorted(FAULTS)))
    def create(self, number: int, which: int, fault: str) -> None:
        """One call, new or repeated, while one PUT may meet a fault."""
        if (detail := FAULTS[fault]) is not None:
            self.world.faults.add("create", **detail)
        self.run(self.ask(self.wishes[number], which))
        self.world.faults.clear()

    @rule(number=wish_numbers, fault=strategies.sampled_from(["none", "lost before", "lost after"]))
    def create_in_both(self, number: int, fault: str) -> None:
        """Both processes are asked at once."""
        if (detail := FAULTS[fault]) is not None:
            self.world.faults.add("create", **detail)

        async def both() -> None:
            for which in (0, 1):
                await self.process(which)
            await asyncio.gather(*(self.ask(self.wishes[number], which) for which in (0, 1)))

        self.run(both())
        self.world.faults.clear()

    @rule(number=wish_numbers)
    def ask_again_while_it_is_sent(self, number: int) -> None:
        """The other process is asked while the patient one's PUT is on its way: it must not take
        it for lost.
        """

        async def meanwhile() -> None:
            for which in (0, 1):
                await self.process(which)
            self.tap.holds = True
            first = asyncio.create_task(self.ask(self.wishes[number], 0))
            await asyncio.wait({first}, timeout=HELD_S / 10)
            second = asyncio.create_task(self.pursue(self.wishes[number], 1))
            await asyncio.gather(first, second)
            self.tap.holds = False

        self.run(meanwhile())

    @rule(
        number=wish_numbers,
        which=process_numbers,
        when=strategies.sampled_from(["before", "after"]),
    )
    def crash_while_it_is_sent(self, number: int, which: int, when: str) -> None:
        """The process is gone while its PUT hangs, heard of by the service or not."""
        self.world.faults.add("create", "hang", when=when)

        async def strike() -> None:
            process = await self.process(which)
            asked = asyncio.create_task(self.ask(self.wishes[number], which))
            hanging = asyncio.create_task(self.world.faults.until_hanging())
            await asyncio.wait({asked, hanging}, return_when=asyncio.FIRST_COMPLETED)
            hanging.cancel()
            process.crash()
            self.world.faults.clear()
            await process.ended()
            await asked

        self.run(strike())

    @rule(
        number=wish_numbers,
        which=process_numbers,
        arrow=strategies.sampled_from(ARROWS),
        when=strategies.sampled_from(["before", "after"]),
        fault=strategies.sampled_from(["none", "lost before", "lost after"]),
    )
    def crash_at_a_commit(self, number: int, which: int, arrow: str, when: str, fault: str) -> None:
        """The process is gone just before or just after it writes; or it never writes that, and
        lives.
        """
        if (detail := FAULTS[fault]) is not None:
            self.world.faults.add("create", **detail)

        async def strike() -> None:
            process = await self.process(which)
            process.crash_at(arrow, when)
            await self.ask(self.wishes[number], which)
            process.crash()

        self.run(strike())
        self.world.faults.clear()

    @rule(which=process_numbers)
    def crash(self, which: int) -> None:
        async def strike() -> None:
            (await self.process(which)).crash()

        self.run(strike())

    @rule(which=process_numbers)
    def restart(self, which: int) -> None:
        """A clean end, and a new process."""

        async def turn() -> None:
            process = await self.process(which)
            await process.ended()
            await self.process(which)

        self.run(turn())

    @rule(number=wish_numbers, which=process_numbers)
    def destroy(self, number: int, which: int) -> None:
        """The machine that this wish's agent was told of."""
        wish = self.wishes[number]
        mine = [one.id for one in self.with_next_steps(wish)]
        if not mine:
            return

        async def end() -> None:
            process = await self.process(which)
            payload = await process.call("destroy_instance", instance_ids=mine)
            assert payload is None or "error" not in payload, payload

        self.run(end())
        wish.reborn.append(time.monotonic())

    @rule(number=wish_numbers)
    def turn_to_another_offer(self, number: int) -> None:
        """An agent without an answer gives up on this offer and will ask for the next one."""
        wish = self.wishes[number]
        if not wish.answers or self.has_machine(wish) or self.with_next_steps(wish):
            return
        wish.offers.append(next(self.offers))
        wish.arguments = wish.arguments | {"offer_id": wish.offers[-1]}
        if "request_key" in wish.arguments:
            wish.arguments["request_key"] += "-other"
        self.calls[wish.label, wish.offers[-1]] = wish.arguments

    @rule(seconds=strategies.sampled_from([-7200.0, -900.0, -1.0, 1.0, 900.0, 7200.0]))
    def step_the_clock(self, seconds: float) -> None:
        self.clock.ahead += seconds

    @rule(looks=strategies.integers(0, 2))
    def hide_new_machines(self, looks: int) -> None:
        """Vast's list is eventually consistent."""
        self.world.visible_after_looks = looks

    @rule(which=process_numbers)
    def reconcile(self, which: int) -> None:
        """Any look at the machines settles what it can; what it says counts as told."""

        async def look() -> None:
            process = await self.process(which)
            begun = time.monotonic()
            payload = await process.call("show_instances")
            self.wishes[0].looks.append(Answer(begun, time.monotonic(), time.time(), payload))

        self.run(look())

    # ── what must hold ─────────────────────────────────────────────────────────────────────────

    def figures(self) -> Figures:
        now = self.world.clock()
        told = frozenset[int]().union(*(wish.named_ids() for wish in self.wishes))
        rentals = [rental_json(one, now) for one in self.world.rentals]
        book = Path(self.folder.name) / "state" / "journal.db"
        evidence = Evidence(rentals, self.tap.seen, [book], SCALE, told)
        total = Figures()
        for wish in self.wishes:
            total += judge(wish, evidence)
        return total

    @invariant()
    def zeros(self) -> None:
        """A machine may still be on its way to being named, and a wish to its verdict; the rest
        holds at any time.
        """
        found = self.figures()
        wrong = (found.two_machines, found.extra_puts, found.false_success, found.false_refusal)
        assert wrong == (0, 0, 0, 0), self.story(found)

    def teardown(self) -> None:
        """Faults end, every agent asks until it has its verdict, somebody looks; then every
        figure is nothing.
        """
        try:
            if self.wishes:
                self.world.faults.clear()
                for wish in self.wishes:
                    if wish.answers and not self.has_machine(wish):
                        self.run(self.pursue(wish, 0))
                self.wishes = [wish for wish in self.wishes if wish.answers]
                if self.wishes:
                    self.reconcile(0)
                found = self.figures()
                assert found.bad == 0, self.story(found)
        finally:
            for process in self.processes:
                self.run(process.ended())
            self.runner.close()
            self.patch.undo()
            self.folder.cleanup()

    def story(self, found: Figures) -> str:
        """What each agent was told, for whoever reads a failure."""
        lines = [found.sentence()]
        for wish in self.wishes:
            lines.append(
                f"{wish.label} {wish.offers}: {[(one.said, one.payload) for one in wish.answers]}"
            )
        for one in self.world.rentals:
            lines.append(f"machine {one.id} of {one.label}, alive {one.alive}")
        return "\n".join(lines)


def test_zeros_hold_whatever_happens() -> None:
    """The protocol holds over create, repeat, crash, restart, destroy, clock steps and reconcile
    (docs/protocol.md).
    """
    run_state_machine_as_test(
        Agents,
        settings=settings(
            max_examples=15,
            stateful_step_count=15,
            derandomize=True,
            phases=[Phase.generate],  # time is a part of it: a shrunk story would be another one
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
