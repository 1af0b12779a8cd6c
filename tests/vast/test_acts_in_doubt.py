"""Acts of the newer routes (docs/vast-api.md C.7, C.10, D, E, F, G) under every answer that is no
verdict: nothing that was not done is told as done, and what costs money is sent once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from house import a_machine, a_template, call, sampled, served
from people import Person, two_keys_world
from refusals import REFUSED, RIDDLES, TOO_MANY, Row, hurried
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Settings

Arguments = dict[str, Any]


@dataclass(frozen=True)
class Act:
    """A call that sends one request, by its name in the sandbox. `done` are the words by which an
    answer says that it was carried out; without them each answer that is no error says so. `once`:
    it costs, and is never sent a second time.
    """

    tool: str
    kind: str
    arrange: Callable[[World], Arguments]
    done: tuple[str, ...] = ()
    once: bool = False

    def __str__(self) -> str:
        return self.kind

    def claims(self, told: dict[str, Any]) -> bool:
        """Whether an answer says that it was carried out."""
        if "error" in told:
            return False
        return not self.done or told.get("outcome", told.get("state")) in self.done


def runs(world: World) -> int:
    made = a_machine(world)
    for _ in range(3):
        world.show(made)
    return made


def raised(action: str) -> Callable[[World], Arguments]:
    def arrange(world: World) -> Arguments:
        machine = runs(world)
        world.raise_price(machine)
        return {"instance_id": machine, "action": action}

    return arrange


def a_deposit(world: World) -> Arguments:
    for offer in world.offers.values():
        offer["end_date"] = world.now + 200 * 86_400
    return {"instance_id": runs(world), "action": "reserve", "amount_usd": 5.0}


def on_a_disk(world: World) -> Arguments:
    machine = runs(world)
    world.instances[machine].stop(world.now)
    return {"instance_id": machine, "command": "rm -r /workspace/a"}


def a_key(world: World) -> Arguments:
    return {"key_id": min(world.keys)}


def a_room(world: World) -> Arguments:
    return {"volume_offer_id": min(world.volumes.rooms)}


def a_volume(world: World) -> Arguments:
    return {"volume_id": world.volumes.rent(min(world.volumes.rooms), 20, None, world.now).id}


def a_clone(world: World) -> Arguments:
    return a_room(world) | {"clone_of": a_volume(world)["volume_id"], "size_gb": 20}


def a_hash(world: World) -> Arguments:
    return {"template_hash_id": a_template(world)}


def between(world: World) -> Arguments:
    return {"source": f"{runs(world)}:/data", "destination": f"{runs(world)}:/data"}


def to_a_cloud(world: World) -> Arguments:
    world.clouds = [{"id": 101, "cloud_type": "s3", "name": "mine"}]
    return {"source": f"{runs(world)}:/data", "destination": "s3.101:/data"}


def says_yes(row: Row) -> bool:
    """Whether it is a success of what gives no id."""
    body: object = row.reply.get("body")
    return isinstance(body, dict) and body.get("success") is True


NOT_OURS = {"not_ours": True}
ACTS = (
    Act("create_volume", "rent_volume", a_room, once=True),
    Act("create_volume", "clone_volume", a_clone, once=True),
    Act(
        "destroy_volume", "delete_volume", lambda world: a_volume(world) | NOT_OURS, ("destroyed",)
    ),
    Act("delete_ssh_key", "delete_key", a_key, ("deleted",)),
    Act(
        "detach_ssh_key",
        "detach_key",
        lambda world: {"instance_id": runs(world)} | a_key(world),
        ("detached",),
    ),
    Act("attach_ssh_key", "attach_key", lambda world: {"instance_id": runs(world)} | a_key(world)),
    Act("create_template", "save_template", lambda _: {"name": "mine", "image": "a/b"}),
    Act("create_template", "save_template", lambda world: a_hash(world) | {"image": "a/c"}),
    Act("delete_template", "delete_template", a_hash, ("deleted",)),
    Act("manage_instance", "accept_rise", raised("accept_price")),
    Act("manage_instance", "reject_rise", raised("reject_price")),
    Act("manage_instance", "prepay", a_deposit),  # settled by the balance, and sent again
    Act(
        "update_instance",
        "update_template",
        lambda world: {"instance_id": runs(world), "image": "a/c"},
    ),
    Act("copy_data", "copy", between, ("taken",), once=True),
    Act("copy_data", "copy", to_a_cloud, ("taken",), once=True),
    Act("run_command", "execute", on_a_disk, ("ended",)),
)
NO_YES = tuple(
    Row(f"200 {body}", {"status": 200, "body": body}, "unexpected_reply")
    for body in ([], {}, 0, "done", {"error": "no"}, {"success": None, "error": "no"})
)
ANSWERS = [row for row in (*NO_YES, *RIDDLES, *REFUSED, *TOO_MANY) if not says_yes(row)]
ROWS = [(act, row) for row in ANSWERS for act in ACTS]


@pytest.fixture
def world() -> World:
    return two_keys_world()


@pytest.mark.parametrize(("act", "row"), sampled(ROWS, 13), ids=str)
async def test_what_was_not_done_is_never_told_as_done(
    world: World, settings: Settings, act: Act, row: Row
) -> None:
    """Whatever Vast answers in the place of a yes."""
    settings = replace(settings, times=hurried(settings.times))
    asked = act.arrange(world)
    before = len(world.ledger)
    world.faults.add(act.kind, "status", times=None, **row.reply)
    async with served(world, settings, elicitation_callback=Person()) as client:
        told = await call(client, act.tool, **asked)
        assert world.asked(act.kind), told
        assert not act.claims(told), told
        assert told.get("error", {}).get("code") != "internal_error"
        if act.once:
            again = await call(client, act.tool, **asked)
            assert not act.claims(again), again
    assert len(world.ledger) == before
    if act.once and told.get("error", {}).get("code") == "outcome_unknown":
        assert len(world.asked(act.kind)) == 1, again
