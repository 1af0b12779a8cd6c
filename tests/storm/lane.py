"""One agent, its servers, the wire and the service: everything a scenario needs, kept apart from
every other lane.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import random
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from storm.judge import Answer, Evidence, Figures, Wish, journal_states, judge
from storm.process import (
    PATIENCE_S,
    Control,
    Died,
    Forked,
    Json,
    Nursery,
    Sandbox,
    Server,
    Spawned,
    least_env,
)
from storm.proxy import Proxy
from storm.release import first_release
from vast_mcp.sandbox.world import World

TRIES = 16  # calls of an honest agent before the storm says that there is no verdict
OLDER = "older"  # the name of a server of the first release
STEP_S = 0.01  # between looks of this program at a condition


def offers_of_the_world() -> list[int]:
    """Offers that every sandbox of the default seed has, on demand and by bid."""
    offers = World().offers.values()
    return [
        one["id"]
        for one in offers
        if one["rentable"] and not one["external"] and one["disk_space"] > 32
    ]


class Lane:
    """Runs one scenario after the other. `mutation` removes one safeguard from its servers."""

    def __init__(
        self,
        folder: Path,
        name: str,
        *,
        scale: float,
        seed: int = 0,
        mutation: str | None = None,
        whole_scale: bool = False,
        nursery: Nursery | None = None,
    ) -> None:
        self.name = name
        self.scale = scale
        self.mutation = mutation
        self.nursery = nursery
        self.whole_scale = whole_scale  # the 50 s of a call are shortened like everything else
        self.dice = random.Random(f"{seed}/{name}")
        self.home = folder / name
        self.sandbox = Sandbox(self.home)
        self.control = Control()
        self.proxy = Proxy(0)
        self.servers: dict[str, Server] = {}
        self.wishes: list[Wish] = []
        self.states: list[Path] = []
        self.crashed: list[str] = []
        self.mounts: list[Path] = []  # small disks under journals
        self._offers: Iterator[int] = iter(())
        self.spoiled: set[int] = (
            set()
        )  # offers whose machine cannot start any more: nobody else shall meet them
        self._numbers = itertools.count(1)
        self._computers = 1
        self._starts = 0

    # ── opening and closing ────────────────────────────────────────────────────────────────────

    async def open(self) -> None:
        self.home.mkdir(parents=True)
        await self.sandbox.start()
        offers = offers_of_the_world()
        self.dice.shuffle(offers)
        self._offers = itertools.cycle(offers)
        self.proxy.upstream = self.sandbox.port
        await self.proxy.open()
        await self.control.open()
        self._new_state()

    async def close(self) -> None:
        for server in self.servers.values():
            await server.close()
        await self.proxy.close()
        await self.control.close()
        await self.sandbox.close()
        for folder in self.mounts:
            await asyncio.to_thread(subprocess.run, ["umount", "-l", str(folder)], check=False)

    def _new_state(self) -> None:
        self.states.append(self.home / f"state-{len(self.states) + 1}")

    def env(self, stops: str = "") -> dict[str, str]:
        env = least_env(self.home) | {
            "VAST_URL": self.proxy.url,
            "VAST_API_KEY": "storm",
            "VAST_MCP_STATE_DIR": str(self.states[-1]),
        }
        if self.scale < 1:
            env["VAST_MCP_TIME_SCALE"] = str(self.scale)
        if stops:
            env |= {"STORM_STOPS": stops, "STORM_CONTROL": str(self.control.port)}
        if self.mutation:
            env["STORM_MUTATION"] = self.mutation
        if self.whole_scale:
            env["STORM_BUDGET_S"] = str(50 * self.scale)
        return env

    @property
    def module(self) -> str:
        """What runs as the server when nothing is to be stopped: the real program wherever it
        can be.
        """
        return "storm.served" if self.mutation or self.whole_scale else "vast_mcp"

    def protocol(self, seconds: float) -> float:
        """Seconds of the protocol as seconds of this run."""
        return seconds * self.scale

    # ── servers ────────────────────────────────────────────────────────────────────────────────

    async def server(self, which: str = "first", *, stops: str = "") -> Server:
        """The living server of that name, started if need be. `stops` asks for one that stands
        still there.
        """
        found = self.servers.get(which)
        if found is not None and (stops or not found.alive):
            await found.close()
            found = None
        if found is None:
            found = Server(self._older() if which == OLDER else self._process(stops), stops)
            self.servers[which] = found
            await found.start()
        return found

    def _process(self, stops: str) -> Spawned | Forked:
        """The real program where it can be, and the first time in any case; a fork where only
        time would be lost.
        """
        log = self.home / "stderr"
        self._starts += 1
        if self._starts > 1 and self.nursery is not None:
            return Forked(self.nursery, self.env(stops), log)
        return Spawned("storm.served" if stops else self.module, self.env(stops), log)

    def _older(self) -> Spawned:
        """The first release, from its commit."""
        sources = first_release(self.home.parent / "0.1.0")
        path = os.pathsep.join(str(sources / part) for part in ("mcp_server", "tools"))
        return Spawned("vast_mcp", self.env() | {"PYTHONPATH": path}, self.home / "stderr")

    async def kill(self, how: str, which: str = "first") -> None:
        """Strike and do not wait."""
        self.servers[which].strike(how)

    # ── wishes ─────────────────────────────────────────────────────────────────────────────────

    def offer(self) -> int:
        """A free offer: none that an earlier scenario left unable to start."""
        return next(offer for offer in self._offers if offer not in self.spoiled)

    def wish(self, **arguments: Any) -> Wish:
        """A wish of its own for a fresh offer; every second one names itself with a request_key."""
        number = next(self._numbers)
        label = f"storm-{self.name}-{number}"
        offer = self.offer()
        given: Json = {"offer_id": offer, "label": label, "disk": 16, **arguments}
        if number % 2 and "request_key" not in given:
            given["request_key"] = f"wish-{number}"
        self.wishes.append(Wish(label, given, [offer]))
        return self.wishes[-1]

    async def ask(self, wish: Wish, which: str = "first", **changes: Any) -> Answer:
        """One call of create_instance; what it came to is remembered with the wish."""
        payload: Json | None = None
        begun = time.monotonic()
        with contextlib.suppress(Died):
            server = await self.server(which)
            begun = time.monotonic()
            payload = await server.call("create_instance", **{**wish.arguments, **changes})
        answer = Answer(begun, time.monotonic(), time.time(), payload)
        wish.answers.append(answer)
        return answer

    async def pursue(
        self, wish: Wish, which: str = "first", tries: int = TRIES, **changes: Any
    ) -> Answer:
        """An honest agent: the same call until it gets a verdict."""
        for _ in range(tries):
            answer = await self.ask(wish, which, **changes)
            if answer.verdict:
                break
            wait = ((answer.error or {}).get("retry_after_s") or 0.05) if self.scale < 1 else 1.0
            await asyncio.sleep(min(wait, 1.0))
        return wish.answers[-1]

    async def show(self, wish: Wish, which: str = "first") -> Json:
        """Look at what exists; what it says of late finds counts as told."""
        begun = time.monotonic()
        payload = await (await self.server(which)).call("show_instances")
        wish.looks.append(Answer(begun, time.monotonic(), time.time(), payload))
        return payload

    def another_computer(self) -> None:
        """Servers that start from here on share the account with the others, and nothing else."""
        self._new_state()
        self._computers += 1

    def journal(self) -> Path:
        return self.states[-1] / "journal.db"

    async def until_state(self, state: str, bound_s: float = PATIENCE_S) -> None:
        """Return when the newest attempt of this lane is in that state."""
        end = time.monotonic() + bound_s
        while time.monotonic() < end:
            if state in journal_states([self.journal()]).values():
                return
            await asyncio.sleep(STEP_S)
        raise TimeoutError(f"no attempt became {state}")

    # ── verdicts ───────────────────────────────────────────────────────────────────────────────

    async def evidence(self) -> Evidence:
        rentals = (await self.sandbox.ledger())["rentals"]
        return Evidence(
            rentals, self.proxy.seen, [state / "journal.db" for state in self.states], self.scale
        )

    async def judge(self, wishes: list[Wish]) -> Figures:
        """After everything that was held back has happened."""
        await self.proxy.settled()
        evidence = await self.evidence()
        total = Figures()
        for wish in wishes:
            total += judge(wish, evidence)
        return total

    async def tidy(self) -> None:
        """Nothing of one scenario may weigh on the next: no fault, no stop, no machine, no
        doubt.
        """
        self.proxy.calm()
        self.control.on_stop = None
        await self.proxy.open()
        await self.sandbox.set(visible_after_looks=0, gone_after_looks=0)
        for name, server in list(self.servers.items()):
            if name != "first" or not server.alive or server.stops:
                await self.servers.pop(name).close()
        doubtful = {"intended", "sending", "unknown"} & set(
            journal_states([self.journal()]).values()
        )
        on_small_disk = self.states[-1] in self.mounts
        several = self._computers > 1  # the servers that live on have not all this journal
        if not await self._destroy_all() or doubtful or on_small_disk or several:
            await self.begin_anew()

    async def _destroy_all(self) -> bool:
        """Through the server, as an agent would; whether that left nothing."""
        living = (await self.sandbox.ledger())["living"]
        if not living:
            return True
        try:
            server = await self.server()
            payload = await server.call("destroy_instance", instance_ids=living[:25], not_ours=True)
        except Died:
            return False
        return "error" not in payload and not (await self.sandbox.ledger())["living"]

    async def begin_anew(self) -> None:
        """A new journal and an empty account."""
        for server in self.servers.values():
            await server.close()
        self.servers.clear()
        self._computers = 1
        for instance_id in (await self.sandbox.ledger())["living"]:
            await self.sandbox.set(cancel_rental=instance_id)
        self._new_state()
