"""Whatever vast-mcp made is in show_account's sum, ends with its lease where it has one, and can be
ended by a tool: over random histories, against the ledger's meters.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
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


@dataclass
class History:
    """What an agent does, by dice, and what it was given."""

    client: Client
    world: World
    dice: random.Random
    leased: set[int] = field(default_factory=set[int])  # machines and volumes with an end
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
        return {"lease_hours": 0.5} if self.dice.random() < 0.5 else {}

    def note(self, made: dict[str, Any], name: str, lease: dict[str, float]) -> None:
        if lease and name in made:
            self.leased.add(made[name])

    async def step(self) -> None:
        self.steps += 1
        acts: list[Callable[[], Awaitable[object]]] = [
            self.rents,
            self.rents_with_a_volume,
            self.makes_a_volume,
            self.copies_a_volume,
            self.stops,
            self.starts,
            self.ends_a_machine,
            self.ends_a_volume,
            self.moves_a_lease,
        ]
        if self.dice.random() < 0.3:
            endpoint = self.dice.choice(["create", "rent_volume"])
            self.world.faults.add(endpoint, "drop", when=self.dice.choice(["before", "after"]))
        await self.dice.choice(acts)()

    async def rents(self, **more: Any) -> None:
        lease = self.lease()
        offer = self.dice.choice(offers(self.world, 6))["id"]
        key = f"m{self.steps}"
        wish = {"offer_id": offer, "disk": 8, "request_key": key, **lease, **more}
        self.note(await self.call("create_instance", **wish), "instance_id", lease)

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
        self.note(await self.call("create_volume", **wish, **lease, **more), "volume_id", lease)

    async def copies_a_volume(self) -> None:
        if (source := self.volume()) is not None:
            await self.makes_a_volume(clone_of=source)

    async def stops(self) -> None:
        if (machine := self.machine()) is not None:
            await self.call("manage_instance", instance_id=machine, action="stop")

    async def starts(self) -> None:
        if (machine := self.machine()) is not None:
            await self.call("manage_instance", instance_id=machine, action="start")

    async def ends_a_machine(self) -> None:
        if (machine := self.machine()) is not None:
            await self.call("destroy_instance", instance_ids=[machine])

    async def ends_a_volume(self) -> None:
        if (volume := self.volume()) is not None:
            await self.call("destroy_volume", volume_id=volume)

    async def moves_a_lease(self) -> None:
        if (volume := self.volume()) is not None:
            await self.call("manage_volume", volume_id=volume, lease_hours=0.5)
            self.leased.add(volume)

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
        """Destroy all of mine: then the ledger bills nothing."""
        if machines := [one.id for one in self.world.living]:
            await self.call("destroy_instance", instance_ids=machines)
        for volume in list(self.world.volumes.living):
            await self.call("destroy_volume", volume_id=volume.id)
        assert (self.world.living, self.world.volumes.living) == ([], [])
        assert self.world.metered() == 0


@pytest.mark.parametrize("seed", range(so_many(50)))
async def test_what_was_made_is_summed_and_ends_whatever_happened(
    settings: Settings, seed: int
) -> None:
    """No history of tools leaves something that bills, and that cannot be seen or ended here."""
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
    world = lenient_world()
    async with served(world, replace(settings, times=times)) as client:
        history = History(client, world, random.Random(seed))
        for _ in range(STEPS):
            await history.step()
            world.faults.clear()
            await history.is_summed()
        await history.ends_with_its_leases()
        await history.ends_all()
