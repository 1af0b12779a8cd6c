"""Whatever vast-mcp made is in show_account's sum, ends with its lease where it has one, and can be
ended by a tool: over random histories, against the ledger's meters.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client

from house import call, lenient_world, offers, served, so_many
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Settings

HOUR_S = 3600.0
STEPS = 5
NEAR = 2e-4  # $/h by which rounded sums may differ
LOST = [(kind, when) for kind in ("drop", "html502") for when in ("before", "after")]
MADE_BY = {"makes_a_volume": "rent_volume", "copies_a_volume": "clone_volume"}


@dataclass
class History:
    """What an agent does, by dice, and what it was given."""

    client: Client
    world: World
    dice: random.Random
    leased: set[int] = field(default_factory=set[int])  # machines and volumes with an end
    lost: set[int] = field(default_factory=set[int])  # copies that no answer named
    steps: int = 0

    async def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        return await call(self.client, tool, **arguments)

    def machine(self) -> int | None:
        ids = [one.id for one in self.world.living]
        return self.dice.choice(ids) if ids else None

    def volume(self) -> int | None:
        ids = [one.id for one in self.world.volumes.living]
        return self.dice.choice(ids) if ids else None

    def lease(self) -> dict[str, float]:
        return {"lease_hours": 0.5} if self.dice.random() < 0.7 else {}

    async def made(self, tool: str, wish: dict[str, Any]) -> None:
        """Make something. What the ledger has of it ends with its lease, whether an answer names it
        or not: of copies alone a lost one is not known again.
        """
        before = self.living()
        named = (await self.call(tool, **wish)).get("volume_id")
        new = self.living() - before
        if "clone_of" in wish and named is None:
            self.lost |= new
        elif "lease_hours" in wish:
            self.leased |= new

    def living(self) -> set[int]:
        return {one.id for one in (*self.world.living, *self.world.volumes.living)}

    async def step(self) -> None:
        self.steps += 1
        makes: list[Callable[[], Awaitable[object]]] = [
            self.rents,
            self.rents_with_a_volume,
            self.makes_a_volume,
            self.copies_a_volume,
        ]
        changes = [
            self.stops,
            self.starts,
            self.stops_all,
            self.makes_a_container_anew,
            self.ends_a_machine,
            self.ends_two,
            self.ends_a_volume,
            self.moves_a_lease,
        ]
        act = self.dice.choice(makes if self.steps % 2 else changes)
        if self.dice.random() < 0.7:
            kind, when = (
                self.dice.choice(["drop", "html502"]),
                self.dice.choice(["before", "after"]),
            )
            self.world.faults.add(MADE_BY.get(act.__name__, "create"), kind, when=when)
        await act()

    async def rents(self, **more: Any) -> None:
        lease = self.lease()
        offer = self.dice.choice(offers(self.world, 6))["id"]
        key = f"m{self.steps}"
        wish = {"offer_id": offer, "disk": 8, "request_key": key, **lease, **more}
        await self.made("create_instance", wish)

    async def rents_with_a_volume(self) -> None:
        rooms = self.world.volumes.rooms_by_machine
        for offer in offers(self.world, 30):
            room = rooms.get(offer["machine_id"])
            if room is not None and room["disk_space"] > 20:
                info = {"create_new": True, "volume_id": room["id"], "size": 5, "mount_path": "/w"}
                wish = {"offer_id": offer["id"], "disk": 8, "volume_info": info}
                await self.call("create_instance", **wish, request_key=f"v{self.steps}")
                return

    async def makes_a_volume(self, **more: Any) -> None:
        lease = self.lease()
        rooms = [one["id"] for one in self.world.volumes.rooms.values() if one["disk_space"] > 20]
        wish = {"volume_offer_id": self.dice.choice(rooms), "request_key": f"v{self.steps}"}
        await self.made("create_volume", {**wish, **lease, **more})

    async def copies_a_volume(self) -> None:
        if (source := self.volume()) is not None:
            await self.makes_a_volume(clone_of=source)

    async def stops(self) -> None:
        if (machine := self.machine()) is not None:
            await self.call("manage_instance", instance_id=machine, action="stop")

    async def starts(self) -> None:
        if (machine := self.machine()) is not None:
            await self.call("manage_instance", instance_id=machine, action="start")

    async def stops_all(self) -> None:
        if ids := [one.id for one in self.world.living]:
            await self.call("manage_instance", instance_ids=ids, action="stop")

    async def ends_two(self) -> None:
        if ids := [one.id for one in self.world.living][:2]:
            await self.call("destroy_instance", instance_ids=ids)

    async def makes_a_container_anew(self) -> None:
        if (machine := self.machine()) is not None:
            await self.call("update_instance", instance_id=machine, image="other/image")

    async def ends_a_machine(self) -> None:
        if (machine := self.machine()) is not None:
            await self.call("destroy_instance", instance_ids=[machine])

    async def ends_a_volume(self) -> None:
        if (volume := self.volume()) is not None:
            await self.call("destroy_volume", volume_id=volume)

    async def moves_a_lease(self) -> None:
        if (volume := self.volume()) is not None:
            moved = await self.call("manage_volume", volume_id=volume, lease_hours=0.5)
            assert ("error" in moved) == (volume in self.lost), moved
            self.leased |= {volume} - self.lost

    async def goes_on(self, steps: int) -> None:
        for _ in range(steps):
            await self.step()
            self.world.faults.clear()
            await self.is_summed()

    async def is_summed(self) -> None:
        """What bills by the ledger's meters is what show_account says, where a machine that starts
        may be told as starting.
        """
        before = self.world.metered()
        shown = await self.call("show_account")
        after = self.world.metered()
        total, starting = shown["total_usd_per_hour"], shown.get("starting_usd_per_hour", 0.0)
        assert total <= max(before, after) + NEAR
        assert total + starting >= min(before, after) - NEAR
        volumes = sum(one.usd_per_hour for one in self.world.volumes.living)
        assert shown["of_which"]["volumes"] == pytest.approx(volumes, abs=NEAR)

    async def ends_with_its_leases(self) -> None:
        """Past every lease nothing is left that has one; volumes once no machine holds them."""
        now = self.world.clock()
        self.world.clock = lambda: now + HOUR_S
        with anyio.fail_after(60):
            while self.leased & self.living_unheld():
                await self.call("show_volumes")
                await asyncio.sleep(0.02)

    def living_unheld(self) -> set[int]:
        free = {one.id for one in self.world.volumes.living if not one.in_use}
        return free | {one.id for one in self.world.living}

    async def ends_all(self) -> None:
        """Destroy all of mine, as the tools show it: then the ledger bills nothing."""
        shown = (await self.call("show_instances"))["instances"]
        if machines := [one["instance_id"] for one in shown]:
            await self.call("destroy_instance", instance_ids=machines)
        for volume in (await self.call("show_volumes"))["volumes"]:
            volume_id = volume["volume_id"]
            theirs = {"not_ours": True} if volume_id in self.lost else {}
            await self.call("destroy_volume", volume_id=volume_id, **theirs)
        assert (self.world.living, self.world.volumes.living) == ([], [])
        assert self.world.metered() == 0


@pytest.mark.parametrize("seed", range(so_many(50)))
async def test_what_was_made_is_summed_and_ends_whatever_happened(
    settings: Settings, state: Path, seed: int
) -> None:
    """No history of tools, on one server and then another, leaves something that bills, and that
    cannot be seen or ended here.
    """
    times = replace(
        settings.times,
        budget_s=3.0,
        pace=0.0,
        look_s=0.01,
        seen_apart_s=0.01,
        lists_apart_s=0.02,
        absent_after_s=0.02,
        taken_after_s=0.03,
        lease_margin_s=0.02,
        lease_look_s=0.02,
    )
    world, dice = lenient_world(), random.Random(seed)
    settings = replace(settings, times=times, state_dir=state)
    async with served(world, settings) as client:
        history = History(client, world, dice)
        await history.goes_on(dice.randint(0, STEPS))
    async with served(world, settings) as client:
        history.client = client
        await history.goes_on(STEPS - history.steps)
        await history.ends_with_its_leases()
        await history.ends_all()
