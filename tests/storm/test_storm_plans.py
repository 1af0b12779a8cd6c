"""What judges plans is judged: the time, the ends of processes, the markets, the counts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from storm.process import TESTS

pytestmark = pytest.mark.timeout(600)  # worlds are computed, however busy the machine is

# In a process of its own: its clock is everybody's there.
BEGIN = "from storm.plans import virtual; virtual.begin()\n"


def printed(program: str) -> Any:
    """What a program printed last, as JSON."""
    done = subprocess.run(
        [sys.executable, "-c", BEGIN + program],
        env={**os.environ, "PYTHONPATH": str(TESTS)},
        check=True,
        capture_output=True,
        text=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


TOLD = """
import json
from dataclasses import asdict
from storm.plans.play import played
from storm.plans.story import Story

def told(seed, lots):
    story = Story()
    played(seed, "provision", lots, story)
    return story.digest, story.lines
"""


def test_a_world_is_the_same_each_time_it_is_played_and_in_each_process() -> None:
    program = f"{TOLD}\nprint(json.dumps([told(*one) for one in ((436, 0), (436, 1), (436, 0))]))"
    first, of_other_lots, again = printed(program)
    assert first == again == printed(program)[0]
    assert of_other_lots[0] != first[0]
    assert any("rents 30000001 by offer" in line for line in first[1])
    assert any("8.5 h are a try and lease" in line for line in first[1])


def test_a_request_of_a_killed_server_arrives_and_nothing_of_it_runs_after_that() -> None:
    told = printed(
        """
import asyncio, json, tempfile
from pathlib import Path
from storm.plans.computers import Died, Limits, Person, Server, Service
from storm.plans.market import Market
from storm.plans.play import KEY
from storm.plans.wishes import image_of
from storm.plans.worlds import world_of

async def main():
    world = world_of(Market(5), image_of(5), KEY.export_public_key().decode())
    world.faults.clear()
    service = Service(world, "wire")
    wish = {"offer_id": world.offer(ports=True)["id"], "request_key": "one"}
    with tempfile.TemporaryDirectory() as folder:
        person = Person(Path(folder, "home"), KEY, Limits())
        async with Server(person, service) as first:
            call = asyncio.ensure_future(first.call("create_instance", **wish))
            while not world.asked("user"):
                await asyncio.sleep(0.01)
            while not world.committed("rent"):
                await asyncio.sleep(0.01)
            first.kill()
            died = False
            try:
                await call
            except Died:
                died = True
        asked = len(world.requests)
        await asyncio.sleep(3600)
        silent = len(world.requests) == asked
        async with Server(person, service) as second:
            again = await second.call("create_instance", **wish)
    world.close()
    return died, silent, again.get("instance_id"), len(world.committed("rent"))

print(json.dumps(virtual.run(main)))
"""
    )
    assert told == [True, True, 30_000_001, 1]


def test_three_machines_of_ten_fail_and_more_often_where_reliability_is_low() -> None:
    told = printed(
        """
import json
from storm.plans.market import Market
from vast_mcp.sandbox.world import World

good, bad, worked = [], [], []
for seed in range(12):
    market, world = Market(seed), World(seed=seed, offer_count=440)
    market.arrange(world.offers)
    for offer in world.offers.values():
        fails = market.truths[offer["machine_id"]].fails is not None
        worked.append(not fails)
        (good if offer["reliability"] > 0.985 else bad).append(fails)
print(json.dumps([1 - sum(worked) / len(worked), sum(good) / len(good), sum(bad) / len(bad)]))
"""
    )
    of_all, of_good, of_bad = told
    assert 0.26 < of_all < 0.36
    assert of_good < 0.3 < of_bad
