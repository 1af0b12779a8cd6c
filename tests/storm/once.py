"""`python -m storm.once [--every N] [--of WORDS]`: money paid ahead for machines, and data for
Vast to copy, while replies are lost, servers are killed or stand still before and after each commit
of the journal, and two ask for the same. An agent repeats its call until it is told; a person says
yes to a payment wherever the question names no other that was paid or may have been. What counts is
the ledger; the last line is that sentence with its figures, and non-zero exits 1.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import sys
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from storm.process import Control, Json, Sandbox, Server, Spawned, insist, least_env
from storm.spending import CODE
from vast_mcp.commands.approve import decided
from vast_mcp.journal import Journal
from vast_mcp.renting.approval_codes import code_of

TRIES = 60
SCALE = "0.02"  # a request has half a second, which a busy machine needs
USD = 1.0
REFUSED = ("refused", "before")
LOST = [*((kind, when) for kind in ("drop", "html502") for when in ("before", "after")), REFUSED]
REFUSAL = {"success": False, "error": "invalid_args", "msg": "Not now."}
OURS = "vast-mcp#0123456789abcdef"


@dataclass(frozen=True)
class Row:
    """One way to break a wish: where its first server stops, whether it is killed there or goes on
    once another one is through, which reply is lost, how many servers ask at once.
    """

    wish: type[Wish]
    stop: str = ""
    fault: tuple[str, str] | None = None
    servers: int = 1
    goes_on: bool = False

    @property
    def name(self) -> str:
        how = "stands still at" if self.goes_on else "killed at"
        where = f"{how} {self.stop}" if self.stop else "no kill"
        lost = "nothing lost" if self.fault is None else "-".join(self.fault)
        return f"{self.wish.kind}: {where}, {lost}, {self.servers} at once"


class Wish(ABC):
    """One wish, its journal, and whoever asks for it."""

    kind: ClassVar[str]  # its entry in the ledger, and its endpoint
    stops: ClassVar[tuple[str, ...]]

    def __init__(self, sandbox: Sandbox, row: Row, folder: Path, machines: list[int]) -> None:
        self.row, self.folder, self.machines = row, folder, machines
        self.sandbox, self.control = sandbox, Control()
        self.told: list[str] = []
        self.killed = 0
        self.mutation = ""  # a safeguard that its servers lack
        self.stands, self.through = asyncio.Event(), asyncio.Event()  # a server, another one

    async def run(self) -> None:
        await self.control.open()
        try:
            if self.row.fault is not None:
                await self.sandbox._ask("faults", self._fault(*self.row.fault))
            if self.row.goes_on:
                await asyncio.gather(self._agent(self.row.stop), self._second())
            else:
                await asyncio.gather(*(self._agent(self.row.stop) for _ in range(self.row.servers)))
        finally:
            await self.sandbox._ask("faults", {"clear": True})
            await self.control.close()

    def _fault(self, kind: str, when: str) -> Json:
        if kind == "refused":
            return {"endpoint": self.kind, "kind": "status", "status": 400, "body": REFUSAL}
        return {"endpoint": self.kind, "kind": kind, "when": when}

    async def _second(self) -> None:
        """Ask once the first server stands still, and let that go on then."""
        await self.stands.wait()
        await self._agent("")
        self.through.set()

    async def _agent(self, stop: str) -> None:
        """Ask until there is an answer; a server that was killed is followed by another."""
        killed = await insist(self._server, self._asked, stop, TRIES)
        self.killed += killed  # several agents count at once

    def _server(self, stop: str) -> Server:
        server = Server(Spawned("storm.served", self._env(stop), self.folder / "log"))
        if stop:
            self.control.on_stop = self._at_stop(server)
        return server

    async def _asked(self, server: Server) -> bool:
        for _ in range(TRIES):
            said = self.judged(await self.ask(server))
            if said:
                self.told.append(said)
                return True
            await asyncio.sleep(0.05)
        return False

    @abstractmethod
    async def ask(self, server: Server) -> Json:
        """The call."""

    @abstractmethod
    def judged(self, answer: Json) -> str:
        """What an agent goes home with: done, unknown or no; empty where it asks again."""

    def _at_stop(self, server: Server) -> object:
        async def kill(_name: str) -> None:
            server.strike("SIGKILL")

        async def wait(_name: str) -> None:
            self.stands.set()
            await self.through.wait()

        return wait if self.row.goes_on else kill

    def _env(self, stop: str) -> dict[str, str]:
        env = least_env(self.folder) | {
            "VAST_URL": f"http://127.0.0.1:{self.sandbox.port}",
            "VAST_API_KEY": "storm",
            "VAST_MCP_STATE_DIR": str(self.folder / "state"),
            "VAST_MCP_TIME_SCALE": SCALE,
            "STORM_BUDGET_S": "6",
        }
        if self.mutation:
            env["STORM_MUTATION"] = self.mutation
        return env | {"STORM_STOPS": stop, "STORM_CONTROL": str(self.control.port)} if stop else env


class Payment(Wish):
    """Money is paid ahead, with a person's yes."""

    kind = "prepay"
    stops = ("deposit announced", "deposit settled", "deposit lacked")

    async def ask(self, server: Server) -> Json:
        given = {"instance_id": self.machines[0], "action": "reserve", "amount_usd": USD}
        answer = await server.call("manage_instance", **given)
        error = answer.get("error", {})
        code = CODE.search(error.get("message", ""))
        if error.get("code") != "needs_confirmation" or code is None:
            return answer
        if "were paid ahead for it" in error["message"] or "may have been" in error["message"]:
            return {"error": {"code": "declined"}}
        journal = Journal(self.folder / "state")
        try:
            decided(journal, code_of(code.group()), yes=True)
        finally:
            journal.close()
        return await server.call("manage_instance", **given)

    def judged(self, answer: Json) -> str:
        if "reserved" in answer:
            return "done"
        code = answer["error"]["code"]
        assert code in {"declined", "needs_confirmation", "outcome_unknown"} or (
            code in {"invalid_request", "not_rented"} and not answer["error"]["billing_possible"]
        ), answer
        return "no" if code == "declined" else ""


class Copy(Wish):
    """Vast copies from one machine to another."""

    kind = "copy"
    stops = ("copy begun", "copy marked", "copy forgotten")

    async def ask(self, server: Server) -> Json:
        source, destination = (f"{one}:/data" for one in self.machines)
        return await server.call("copy_data", source=source, destination=destination)

    def judged(self, answer: Json) -> str:
        if "copy_name" in answer:
            return "done" if answer["state"] == "taken" else "unknown"
        code = answer["error"]["code"]
        assert code in {"outcome_unknown", "invalid_request"}, answer
        return ""


def rows() -> list[Row]:
    """Every stop by every lost reply, twins, and servers that go on when all is over."""
    found: list[Row] = []
    for wish in (Payment, Copy):
        faults = (None, *LOST)
        found += [Row(wish, fault=fault, servers=n) for fault in faults for n in (1, 2)]
        sides = [f"{stop}:{side}" for stop in wish.stops for side in ("before", "after")]
        found += [Row(wish, stop, fault) for stop, fault in itertools.product(sides, faults)]
        found.append(Row(wish, sides[1], goes_on=True))
    return found


@dataclass
class Tally:
    """What the ledger shows beside what agents were told."""

    wishes: int = 0
    killed: int = 0
    twice: int = 0  # paid or copied
    untold: int = 0  # paid, and no answer said so; or copied, and told to be none
    false: int = 0  # told done, and not in the ledger
    unpaid: int = 0  # nothing was paid in the end, though the person had said yes

    @property
    def good(self) -> bool:
        return not (self.twice or self.untold or self.false or self.unpaid)

    def sentence(self) -> str:
        return (
            f"{self.wishes} payments and copies, {self.killed} servers killed: {self.twice} done "
            f"twice, {self.untold} untold, {self.false} told that never were, {self.unpaid} never "
            "paid."
        )

    def judge(self, wish: Wish, done: int) -> None:
        self.wishes += 1
        self.killed += wish.killed
        before = (self.twice, self.untold, self.false, self.unpaid)
        self.twice += done > 1
        # A person who said no had read of the payment in the question.
        self.untold += done == 1 and not {"done", "unknown", "no"} & set(wish.told)
        self.false += done == 0 and "done" in wish.told
        self.unpaid += done == 0 and wish.kind == "prepay"
        if before != (self.twice, self.untold, self.false, self.unpaid):
            print(f"broken: {wish.row.name}: {done} in the ledger, told {wish.told}")


async def storm(chosen: Sequence[Row], folder: Path, mutation: str = "") -> Tally:
    sandbox = Sandbox(folder)
    await sandbox.start(credit=100_000.0)
    tally = Tally()
    try:
        query = {"limit": 64, "rentable": {"eq": True}, "disk_space": {"gt": 64}}
        found = sandbox._http("/api/v0/bundles/", "POST", query)["offers"]
        longest = max(found, key=lambda one: one["end_date"] or 0)["id"]
        for number, row in enumerate(chosen):
            home = folder / str(number)
            home.mkdir()
            machines = [await sandbox.rent(longest, OURS) for _ in range(2)]
            before = len((await sandbox.ledger())["ledger"])
            wish = row.wish(sandbox, row, home, machines)
            wish.mutation = mutation
            await wish.run()
            entries = (await sandbox.ledger())["ledger"][before:]
            tally.judge(wish, sum(one["kind"] == row.wish.kind for one in entries))
    finally:
        await sandbox.close()
    return tally


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="storm.once")
    parser.add_argument("--every", type=int, default=1, help="of the rows, each so manieth")
    parser.add_argument("--of", default="", help="only rows whose name has this in it")
    options = parser.parse_args(arguments)
    chosen = [row for row in rows() if options.of in row.name][:: options.every]
    with tempfile.TemporaryDirectory(prefix="storm-once-") as folder:
        tally = asyncio.run(storm(chosen, Path(folder)))
    print(tally.sentence())
    return 0 if tally.good else 1


if __name__ == "__main__":
    sys.exit(main())
