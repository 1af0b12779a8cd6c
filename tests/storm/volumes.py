"""`python -m storm.volumes [--every N]`: volumes made by themselves while replies are lost, servers
are killed before and after each commit of the journal, and two ask for the same. An agent repeats
its call until it has a volume. What counts is the ledger; the last line is that sentence with its
figures, and non-zero exits 1.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from storm.process import Control, Sandbox, Server, Spawned, insist, least_env

TRIES = 40
SCALE = "0.004"  # ten minutes are 2.4 s
LOST = [(kind, when) for kind in ("drop", "html502") for when in ("before", "after")]
STOPS = ("volume intended", "volume sending", "volume unknown", "volume made", "volume absent")


@dataclass(frozen=True)
class Row:
    """One way to break a wish: where its first server is killed, which reply is lost, how many
    servers ask at once.
    """

    stop: str = ""
    fault: tuple[str, str] | None = None
    servers: int = 1

    @property
    def name(self) -> str:
        return f"{self.stop or 'no kill'}, {self.fault or 'nothing lost'}, {self.servers} at once"


def rows() -> list[Row]:
    """Every stop by every lost reply, for one server and for two that ask for the same."""
    sides = [f"{stop}:{side}" for stop in STOPS for side in ("before", "after")]
    ways = itertools.product(("", *sides), (None, *LOST), (1, 2))
    return [Row(stop, fault, servers) for stop, fault, servers in ways]


class Wish:
    """One wish, its journal, and whoever asks for it."""

    def __init__(self, sandbox: Sandbox, row: Row, folder: Path, room: int) -> None:
        self.row, self.folder, self.room = row, folder, room
        self.sandbox = sandbox
        self.told: list[int] = []
        self.killed = 0

    async def run(self) -> None:
        try:
            if self.row.fault is not None:
                kind, when = self.row.fault
                await self.sandbox._ask(
                    "faults", {"endpoint": "rent_volume", "kind": kind, "when": when}
                )
            await asyncio.gather(*(self._agent(n) for n in range(self.row.servers)))
        finally:
            await self.sandbox._ask("faults", {"clear": True})

    async def _agent(self, number: int) -> None:
        """Ask until there is a volume; a server that was killed is followed by another."""
        control = Control()
        await control.open()
        try:
            await self._insists(control, number)
        finally:
            await control.close()

    async def _insists(self, control: Control, number: int) -> None:
        def server_of(stop: str) -> Server:
            env = self._env(stop, control.port)
            server = Server(Spawned("storm.served", env, self.folder / f"log{number}"))
            control.on_stop = self._killer(server)
            return server

        killed = await insist(server_of, self._asked, self.row.stop, TRIES)
        self.killed += killed  # several agents count at once

    async def _asked(self, server: Server) -> bool:
        for _ in range(TRIES):
            answer = await server.call("create_volume", volume_offer_id=self.room, size_gb=2)
            if "volume_id" in answer:
                self.told.append(answer["volume_id"])
                return True
            assert answer["error"]["retryable"], answer
        return False

    def _killer(self, server: Server) -> Any:
        async def kill(_name: str) -> None:
            server.strike("SIGKILL")

        return kill

    def _env(self, stop: str, port: int) -> dict[str, str]:
        env = least_env(self.folder) | {
            "VAST_URL": f"http://127.0.0.1:{self.sandbox.port}",
            "VAST_API_KEY": "storm",
            "VAST_MCP_STATE_DIR": str(self.folder / "state"),
            "VAST_MCP_TIME_SCALE": SCALE,
            "STORM_BUDGET_S": "6",
        }
        return env | {"STORM_STOPS": stop, "STORM_CONTROL": str(port)} if stop else env


async def made(sandbox: Sandbox) -> list[int]:
    """Every volume that bills."""
    return [one["id"] for one in (await sandbox.ledger())["volumes"]]


async def storm(every: int, folder: Path) -> int:
    sandbox = Sandbox(folder)
    await sandbox.start()
    doubles = orphans = lost = 0
    killed = {1: 0, 2: 0}  # by how many servers ask at once
    chosen = rows()[::every]
    try:
        found = sandbox._http("/api/v0/volumes/search/", "POST", {"limit": 64})["offers"]
        roomy = max(found, key=lambda one: one["disk_space"])["id"]
        for number, row in enumerate(chosen):
            home = folder / str(number)
            home.mkdir()
            before = await made(sandbox)
            wish = Wish(sandbox, row, home, roomy)
            await wish.run()
            new = set(await made(sandbox)) - set(before)
            for volume in new:  # the next wish has another journal, and is the same
                sandbox._http(f"/api/v0/volumes/?id={volume}", "DELETE", {})
            wrong = (len(new) - 1, len(new - set(wish.told)), len(set(wish.told) - new))
            if any(wrong):
                print(f"broken: {row.name}: made {sorted(new)}, told {wish.told}")
            doubles += max(0, wrong[0])
            orphans += wrong[1]
            lost += wrong[2]
            killed[row.servers] += wish.killed
    finally:
        await sandbox.close()
    print(
        f"{len(chosen)} volumes, {killed[1]} servers killed alone and {killed[2]} of two that ask "
        f"for the same: {doubles} doubles, {orphans} orphans, {lost} told that never were."
    )
    return 1 if doubles or orphans or lost else 0


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="storm.volumes")
    parser.add_argument("--every", type=int, default=1, help="of the rows, each so manieth")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="storm-volumes-") as folder:
        return asyncio.run(storm(options.every, Path(folder)))


if __name__ == "__main__":
    sys.exit(main())
