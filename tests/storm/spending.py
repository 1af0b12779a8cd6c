"""`python -m storm.spending [--flows N]`: machines rented, stopped, started, rebid, extended and
destroyed at random, with volumes and without, by several servers on one account, under random
limits and through faults, while machines write their own labels; the sandbox's ledger says whether
anything ever went over them. The last line is that sentence with its figures; a breach exits 1.

A group is one account with its limits, its journal and its servers; its flows run side by side. In
some groups a person is asked, and says yes or not. Where leases are limited, a group ends by ageing
its machines beyond the limit: what still lives then outlived it.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from storm.process import Died, Forked, Json, Nursery, Sandbox, Server, least_env
from vast_mcp.commands.approve import decided
from vast_mcp.journal import Journal
from vast_mcp.renting.approval_codes import code_of
from vast_mcp.sandbox.world import World

SCALE = 0.01
BUDGET_S = 3.0  # of a call, for which hosts allow 50
FLOWS = 25  # in a group
AT_ONCE = 4
DISK_GB = 16
SLACK_S = 60  # a lease is counted from before the request
LEASE = re.compile(r" lease-until=([0-9]+)#")
TOKEN = re.compile(r"#[0-9a-f]{16}\Z")
CODE = re.compile(r"\b[0-9A-Z]{4}-[0-9A-Z]{4}\b")
SWEPT_S = 20.0  # the longest that servers may need to end what is past its time

# What goes wrong on the way: endpoint, kind, before or after the world has acted.
FAULTS: list[tuple[str, str, str]] = [
    ("create", "drop", "after"),
    ("create", "drop", "before"),
    ("create", "html502", "after"),
    ("start", "drop", "after"),
    ("start", "html502", "before"),
    ("bid", "drop", "after"),
    ("bid", "html502", "before"),
    ("stop", "html502", "before"),
    ("destroy", "drop", "after"),
    ("list", "html502", "before"),
    ("user", "html502", "before"),
    ("show", "drop", "before"),
    ("volumes", "html502", "before"),
    ("search_volumes", "html502", "before"),
    ("delete_volume", "drop", "after"),
    ("delete_volume", "html502", "before"),
]


@dataclass
class Tally:
    """What the flows did and what the ledger shows."""

    flows: int = 0
    calls: int = 0
    acts: Counter[str] = field(default_factory=Counter[str])  # committed, by the ledger
    said: Counter[str] = field(default_factory=Counter[str])  # to the agents
    breaches: list[str] = field(default_factory=list)

    def __iadd__(self, other: Tally) -> Tally:
        self.flows += other.flows
        self.calls += other.calls
        self.acts += other.acts
        self.said += other.said
        self.breaches += other.breaches
        return self

    def sentence(self) -> str:
        acts = ", ".join(
            f"{self.acts[kind]:,} {name}"
            for kind, name in (
                ("rent", "rents"),
                ("start", "starts"),
                ("bid", "bids"),
                ("label", "labels"),
                ("destroy", "destroys"),
                ("volume", "volumes"),
                ("volume_delete", "deleted"),
            )
        )
        return (
            f"{self.flows:,} flows, {self.calls:,} calls, {acts}, {self.said['over_limit']:,} "
            f"refused as over a limit, {self.said['(yes)']:,} times a person's yes: "
            f"{len(self.breaches)} breaches by the ledger."
        )

    @property
    def good(self) -> bool:
        """No breach, and the limits were met often enough for that to mean something."""
        tried = all(self.acts[kind] for kind in ("rent", "start", "bid", "destroy", "volume"))
        return not self.breaches and tried and self.said["over_limit"] > self.flows / 10


@dataclass(frozen=True)
class Allowed:
    """The limits of a group; None is none."""

    usd: float | None
    total: float | None
    machines: int | None
    credit_hours: float | None
    lease_hours: float | None
    credit: float = 25.0
    asked: bool = False  # a person, about every act

    @classmethod
    def at_random(cls, dice: random.Random, typical: float) -> Allowed:
        """Tight enough to be met: `typical` is what a machine costs, in $/h."""

        def maybe(value: float) -> float | None:
            return round(value, 4) if dice.random() < 0.6 else None

        return cls(
            usd=maybe(typical * dice.uniform(0.7, 2.0)),
            total=maybe(typical * dice.uniform(0.8, 4.0)),
            machines=dice.randint(1, 4) if dice.random() < 0.5 else None,
            credit_hours=maybe(25.0 / (typical * dice.uniform(1.0, 4.0))),
            lease_hours=maybe(dice.uniform(1, 48)),
            asked=dice.random() < 0.3,
        )

    def env(self) -> dict[str, str]:
        named = {
            "VAST_MCP_MAX_USD_PER_HOUR": self.usd,
            "VAST_MCP_MAX_TOTAL_USD_PER_HOUR": self.total,
            "VAST_MCP_MAX_INSTANCES": self.machines,
            "VAST_MCP_MIN_CREDIT_HOURS": self.credit_hours,
            "VAST_MCP_MAX_LEASE_HOURS": self.lease_hours,
        }
        confirm = {"VAST_MCP_CONFIRM": "always"} if self.asked else {}
        return confirm | {name: str(value) for name, value in named.items() if value is not None}

    def breaches(self, entry: Json) -> list[str]:
        """What one entry of the ledger shows to be over the limits. Only what adds cost can break
        them.
        """
        if entry["kind"] not in {"rent", "start", "bid", "recycle", "reboot", "volume"}:
            return []
        found: list[str] = []
        total, one = entry["usd_per_hour"], entry["machine_usd_per_hour"]
        if entry["kind"] == "volume":
            one += entry["detail"]["usd_per_hour"]
        if self.machines is not None and entry["machines"] > self.machines:
            found.append(f"{entry['machines']} machines of {self.machines}")
        if self.total is not None and total > self.total + 1e-6:
            found.append(f"{total:.4f} of {self.total} $/h in all")
        if self.usd is not None and one > self.usd + 1e-6:
            found.append(f"{one:.4f} of {self.usd} $/h for one")
        if (
            self.credit_hours is not None
            and total > 0
            and self.credit / total < self.credit_hours - 1e-6
        ):
            found.append(f"credit for {self.credit / total:.1f} of {self.credit_hours} hours")
        return [f"{entry['kind']} of {entry['instance_id']}: {what}" for what in found]

    def overlong(self, entry: Json, born: float) -> list[str]:
        """A label of ours by which a machine may live longer than allowed, or for ever."""
        if self.lease_hours is None or entry["kind"] not in {"rent", "label"}:
            return []
        lease = LEASE.search(entry["label"] or "")
        if lease is None:
            return [f"{entry['instance_id']} has no lease"] if entry["kind"] == "rent" else []
        hours = (int(lease.group(1)) - born - SLACK_S) / 3600
        return (
            [f"{entry['instance_id']} may live {hours:.2f} of {self.lease_hours} h"]
            if hours > self.lease_hours
            else []
        )


class Group:
    """One account under its limits: a sandbox of its own, a journal, servers."""

    def __init__(
        self,
        folder: Path,
        number: int,
        seed: int,
        sandbox: Sandbox,
        nursery: Nursery,
        mutation: str | None,
    ) -> None:
        self.mutation = mutation
        self.dice = random.Random(f"{seed}/{number}")
        self.home = folder / f"group-{number}"
        self.home.mkdir(parents=True)
        self.sandbox, self.nursery = sandbox, nursery
        self.world_seed = self.dice.randrange(1, 1000)
        offers = [
            one
            for one in World(seed=self.world_seed).offers.values()
            if one["rentable"] and not one["external"] and one["disk_space"] > 64
        ]
        self.offers = sorted(offers, key=lambda one: one["dph_base"])[:60]
        self.rooms = {
            room["machine_id"]: room for room in World(seed=self.world_seed).volumes.rooms.values()
        }
        self.allowed = Allowed.at_random(self.dice, self.offers[len(self.offers) // 2]["dph_base"])
        self.servers: list[Server] = []
        self.named: set[int] = set()  # machines that an answer has named
        self.forged: set[tuple[int, str]] = set()  # labels that machines wrote themselves
        self.replacing = asyncio.Lock()
        self.agreed: Counter[str] = Counter()  # a person's yes, by tool
        self.tally = Tally()

    async def run(self) -> Tally:
        await self.sandbox.set(
            reset=True, seed=self.world_seed, rent_again=False, user_id=self.dice.randrange(10**6)
        )
        self.servers = [self.server() for _ in range(self.dice.choice((1, 2, 3)))]
        try:
            for server in self.servers:
                await server.start()
            gate = asyncio.Semaphore(AT_ONCE)
            await asyncio.gather(*(self._flow(gate) for _ in range(FLOWS)))
            if self.allowed.lease_hours is not None:
                await self._outlive(self.allowed.lease_hours)
        finally:
            for server in self.servers:
                await server.close()
            await asyncio.sleep(0)  # a closed pipe is let go in the loop's next turn
        await self._judge()
        return self.tally

    def server(self) -> Server:
        return Server(Forked(self.nursery, self._env(), self.home / "stderr"))

    def _env(self) -> dict[str, str]:
        return (
            least_env(self.home)
            | self.allowed.env()
            | {
                "VAST_URL": f"http://127.0.0.1:{self.sandbox.port}",
                "VAST_API_KEY": "storm",
                "VAST_MCP_STATE_DIR": str(self.home / "state"),
                "VAST_MCP_TIME_SCALE": str(SCALE),
                "STORM_BUDGET_S": str(BUDGET_S),
            }
            | ({"STORM_MUTATION": self.mutation} if self.mutation else {})
        )

    async def _flow(self, gate: asyncio.Semaphore) -> None:
        """What one agent does: it rents, and then this and that with its machine or any other."""
        async with gate:
            self.tally.flows += 1
            dice = self.dice
            mine = await self._create()
            for _ in range(dice.randint(1, 4)):
                if dice.random() < 0.25:
                    endpoint, kind, when = dice.choice(FAULTS)
                    await self.sandbox._ask(
                        "faults", {"endpoint": endpoint, "kind": kind, "when": when}
                    )
                if mine is None or dice.random() < 0.2:
                    living = (await self.sandbox.ledger())["living"]
                    mine = dice.choice(living) if living else None
                if mine is None:
                    mine = await self._create()
                elif dice.random() < 0.12:
                    await self._destroy_volume()
                elif dice.random() < 0.12:
                    await self._write_own_label(mine)
                else:
                    await self._act(mine)

    async def _create(self) -> int | None:
        dice = self.dice
        offer = dice.choice(self.offers)
        wish: Json = {"offer_id": offer["id"], "disk": DISK_GB, "label": f"flow-{self.tally.flows}"}
        if dice.random() < 0.5 and offer["min_bid"] < offer["dph_base"]:
            wish["price"] = dice.uniform(offer["min_bid"], offer["dph_base"])
        if dice.random() < 0.3:
            wish["lease_hours"] = round(dice.uniform(0.5, 60), 2)
        if dice.random() < 0.2:
            wish["target_state"] = "stopped"
        if dice.random() < 0.3:
            wish |= {
                "request_key": f"flow-{self.tally.flows}-{dice.randrange(10**6)}",
                "allow_unresolved": True,
            }
        if dice.random() < 0.4:
            await self._add_volume(wish, offer["machine_id"])
        told = await self._ask("create_instance", **wish)
        made = told.get("instance_id") or told.get("error", {}).get("instance_id")
        if made is not None:
            self.named.add(made)
        return made

    async def _add_volume(self, wish: Json, machine_id: int) -> None:
        """A new one where the machine has room; sometimes one that is there already."""
        there = [
            one["id"]
            for one in (await self.sandbox.ledger())["volumes"]
            if one["machine_id"] == machine_id
        ]
        if there and self.dice.random() < 0.5:
            wish["volume_info"] = {"volume_id": self.dice.choice(there), "mount_path": "/data"}
        elif room := self.rooms.get(machine_id):
            size = self.dice.randint(20, max(20, int(room["disk_space"] / 4)))
            info = {"create_new": True, "volume_id": room["id"], "size": size}
            wish["volume_info"] = info | {"mount_path": "/data"}

    async def _destroy_volume(self) -> None:
        there = (await self.sandbox.ledger())["volumes"]
        if there:
            volume_id = self.dice.choice(there)["id"]
            await self._call("destroy_volume", volume_id=volume_id, not_ours=True)

    async def _write_own_label(self, instance_id: int) -> None:
        """A machine has a key that may write its label: it lives for a month, is nobody's, or is
        another one.
        """
        if instance_id not in self.named:
            return
        living = {
            one["id"]: one["label"] or ""
            for one in (await self.sandbox.ledger())["rentals"]
            if one["alive"]
        }
        if instance_id not in living:
            return
        label = living[instance_id]
        token = TOKEN.search(label)
        month = f"mine lease-until={int(time.time()) + 30 * 86400}"
        other = self.dice.choice(list(living.values()))
        new = self.dice.choice(
            (month + (token.group() if token else ""), month, TOKEN.sub("", label), other)
        )
        self.forged.add((instance_id, new))
        await self.sandbox.label(instance_id, new)

    async def _act(self, instance_id: int) -> None:
        dice = self.dice
        action = dice.choice(
            ("start", "stop", "start", "change_bid", "extend_lease", "destroy", "recycle", "reboot")
        )
        more: Json = {}
        if action == "destroy":
            await self._call("destroy_instance", instance_ids=[instance_id], not_ours=True)
            return
        if action == "recycle":
            await self._ask("recycle_instance", instance_id=instance_id, not_ours=True)
            return
        if action == "change_bid":
            instance_id, more["price"] = await self._rebid(instance_id)
        elif action == "extend_lease":
            more["lease_hours"] = round(dice.uniform(0.5, 60), 2)
        await self._ask(
            "manage_instance", instance_id=instance_id, action=action, not_ours=True, **more
        )

    async def _rebid(self, instance_id: int) -> tuple[int, float]:
        """A bid, mostly for a machine that has one: it is half as high as the last one, or up to
        double.
        """
        dice = self.dice
        living = [one for one in (await self.sandbox.ledger())["rentals"] if one["alive"]]
        with_bids = [one for one in living if one["is_bid"]]
        if not with_bids or dice.random() < 0.1:
            usd = dice.choice(self.offers)["dph_base"]
            return instance_id, round(usd * dice.uniform(0.3, 2.0), 4)
        chosen = dice.choice(with_bids)
        return chosen["id"], round(chosen["price"] * dice.uniform(0.5, 2.0), 4)

    async def _ask(self, tool: str, **arguments: Any) -> Json:
        """The call, and once more where the person says yes to it, which is not every time."""
        told = await self._call(tool, **arguments)
        error = told.get("error", {})
        code = CODE.search(error.get("message", ""))
        if error.get("code") != "needs_confirmation" or code is None:
            return told
        if self.dice.random() < 0.3:
            return told
        journal = Journal(self.home / "state")
        try:
            outcome = decided(journal, code_of(code.group()), yes=True)
        finally:
            journal.close()
        if outcome.problem is None:
            self.tally.said["(yes)"] += 1
            self.agreed[tool] += 1
        return await self._call(tool, **arguments)

    async def _call(self, tool: str, **arguments: Any) -> Json:
        """Through any of the servers; one in a hundred dies under it and is followed by another."""
        number = self.dice.randrange(len(self.servers))
        server = self.servers[number]
        self.tally.calls += 1
        if self.dice.random() < 0.01:
            server.strike("SIGKILL")
        try:
            told = await server.call(tool, **arguments)
        except Died:
            self.tally.said["(server killed)"] += 1
            async with self.replacing:
                if self.servers[number] is server:
                    await server.close()
                    successor = self.server()
                    await successor.start()
                    self.servers[number] = successor
            return {}
        self.tally.said[told.get("error", {}).get("code", "(success)")] += 1
        return told

    async def _outlive(self, hours: float) -> None:
        """Every machine becomes older than any may: the servers end them, whatever labels say."""
        await self.sandbox._ask("faults", {"clear": True})
        living = (await self.sandbox.ledger())["living"]
        for instance_id in living:
            await self.sandbox.set(age={"instance_id": instance_id, "hours": hours + 1})
        until = time.monotonic() + SWEPT_S
        while living and time.monotonic() < until:
            await self._call("show_instances")
            await asyncio.sleep(0.1)
            living = (await self.sandbox.ledger())["living"]
        self.tally.breaches += [
            f"{self.home.name}: {one} outlived {hours} h" for one in living if one in self.named
        ]

    async def _judge(self) -> None:
        """Everything that was ever committed, entry by entry."""
        seen = await self.sandbox.ledger()
        born: dict[int, float] = {}
        found: list[str] = []
        for entry in seen["ledger"]:
            self.tally.acts[entry["kind"]] += 1
            found += self.allowed.breaches(entry)
            born.setdefault(entry["instance_id"], entry["at"])
            if (entry["instance_id"], entry["label"]) not in self.forged:
                found += self.allowed.overlong(entry, born[entry["instance_id"]])
        rents = sum(entry["kind"] == "rent" for entry in seen["ledger"])
        if self.allowed.asked and rents > self.agreed["create_instance"]:
            found.append(f"{rents} rents for {self.agreed['create_instance']} times yes")
        self.tally.breaches += [f"{self.home.name}: {what} ({self.allowed})" for what in found]


async def keep_volumes(folder: Path, mutation: str | None, rounds: int = 8) -> float:
    """Rent with a new volume, destroy, repeat, under a total of one machine and two volumes: the
    most that all of it ever cost, as a part of that total.
    """
    folder.mkdir(exist_ok=True)
    nursery, sandbox = Nursery(folder), Sandbox(folder)
    await nursery.open()
    await sandbox.start()
    group = Group(folder, 0, 0, sandbox, nursery, mutation)
    offer = next(one for one in group.offers if one["machine_id"] in group.rooms)
    room = group.rooms[offer["machine_id"]]
    size = int(room["disk_space"] / rounds)
    volume = room["storage_cost"] * size / 720
    machine = offer["dph_base"] + offer["storage_cost"] * DISK_GB / 720
    total = round(machine + 2.5 * volume, 6)
    group.allowed = Allowed(
        usd=None, total=total, machines=None, credit_hours=None, lease_hours=None
    )
    server = group.server()
    try:
        await sandbox.set(reset=True, seed=group.world_seed, rent_again=True)
        await server.start()
        for number in range(rounds):
            info = {"create_new": True, "volume_id": room["id"], "size": size}
            made = await server.call(
                "create_instance",
                offer_id=offer["id"],
                disk=DISK_GB,
                label=f"round-{number}",
                volume_info=info | {"mount_path": "/data"},
            )
            if "instance_id" in made:
                await server.call("destroy_instance", instance_ids=[made["instance_id"]])
        seen = await sandbox.ledger()
        return max(entry["usd_per_hour"] for entry in seen["ledger"]) / total
    finally:
        await server.close()
        await nursery.close()
        await sandbox.close()


async def race(folder: Path, mutation: str | None, callers: int = 20) -> int:
    """Four servers at once where one machine is allowed: how many they made."""
    folder.mkdir(exist_ok=True)
    nursery, sandbox = Nursery(folder), Sandbox(folder)
    await nursery.open()
    await sandbox.start()
    group = Group(folder, 0, 0, sandbox, nursery, mutation)
    group.allowed = Allowed(usd=None, total=None, machines=1, credit_hours=None, lease_hours=None)
    group.servers = [group.server() for _ in range(4)]
    try:
        await sandbox.set(reset=True, seed=group.world_seed, rent_again=False)
        await asyncio.gather(*(server.start() for server in group.servers))
        await asyncio.gather(
            *(
                group.servers[number % 4].call(
                    "create_instance", offer_id=offer["id"], disk=DISK_GB
                )
                for number, offer in enumerate(group.offers[:callers])
            )
        )
        return len((await sandbox.ledger())["rentals"])
    finally:
        for server in group.servers:
            await server.close()
        await nursery.close()
        await sandbox.close()


async def lane(
    folder: Path, numbers: asyncio.Queue[int], seed: int, nursery: Nursery, mutation: str | None
) -> Tally:
    """One sandbox, one group after the other."""
    total = Tally()
    sandbox = Sandbox(folder)
    try:
        await sandbox.start()
        while not numbers.empty():
            total += await Group(
                folder, numbers.get_nowait(), seed, sandbox, nursery, mutation
            ).run()
    finally:
        await sandbox.close()
    return total


async def spend(
    flows: int, seed: int, lanes: int, folder: Path, mutation: str | None = None
) -> Tally:
    """So many flows, in groups, over lanes side by side."""
    groups = -(-flows // FLOWS)
    numbers: asyncio.Queue[int] = asyncio.Queue()
    for number in range(groups):
        numbers.put_nowait(number)
    nursery = Nursery(folder)
    await nursery.open()
    total = Tally()
    try:
        for one in await asyncio.gather(
            *(lane(folder, numbers, seed, nursery, mutation) for _ in range(min(lanes, groups)))
        ):
            total += one
    finally:
        await nursery.close()
    return total


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="storm.spending", description="Spend at random under limits, and look."
    )
    parser.add_argument("--flows", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--lanes", type=int, default=3, help="accounts side by side (default 3)")
    parser.add_argument(
        "--report", type=Path, help="a page between whose markers the sentence goes"
    )
    options = parser.parse_args(arguments)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="spending-") as folder:
        tally = asyncio.run(spend(options.flows, options.seed, options.lanes, Path(folder)))
    for line in tally.breaches[:20]:
        print(f"breach: {line}")
    print("told: " + ", ".join(f"{count} {code}" for code, count in tally.said.most_common()))
    print(f"{time.monotonic() - began:.0f} s\n")
    if options.report:
        from storm.report import write

        write(options.report, {"spending": f"> {tally.sentence()}"})
    print(tally.sentence())
    return 0 if tally.good else 1


if __name__ == "__main__":
    sys.exit(main())
