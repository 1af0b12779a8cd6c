"""What Vast repeats of a person's secret is heard with *** in its place: it is shown so, and never
sent back so, since a machine would start with three stars.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from house import OURS, an_offer, call, served
from vast_mcp.leases import watchdog
from vast_mcp.masking import HIDDEN
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Settings

SECRET = "a-kept-value-0f1e2d3c"
SCRIPT = f"export WANDB={SECRET}\npython train.py\n"
BANNER = "echo '*** ready ***'\npython train.py\n"


@pytest.fixture
def keeping(settings: Settings) -> Settings:
    return replace(settings, env_pass={"WANDB": SecretStr(SECRET)})


def template_of(world: World, onstart: str, **more: Any) -> str:
    body = {"name": "mine", "image": "a/b", "runtype": "ssh", "onstart": onstart, **more}
    return world.add_template(body)["hash_id"]


def sent(world: World, *endpoints: str) -> list[Any]:
    """The bodies of all that was sent to these."""
    return [one.body for name in endpoints for one in world.asked(name)]


async def rented(client: Any, world: World, **more: Any) -> dict[str, Any]:
    return await call(client, "create_instance", offer_id=an_offer(world)["id"], disk=16, **more)


@pytest.mark.parametrize("more", [{"lease_hours": 2}, {"lease_hours": 2, "check": True}])
async def test_a_template_that_repeats_a_secret_starts_as_vast_has_it(
    world: World, keeping: Settings, more: dict[str, Any]
) -> None:
    """No watchdog goes in front of a script that is not known, and the answer says so."""
    made_of = template_of(world, SCRIPT)
    async with served(world, keeping) as client:
        made = await rented(client, world, template_hash_id=made_of, **more)
    assert "from outside alone" in made["lease"]
    assert "repeats a secret" in made["lease"]
    assert HIDDEN not in str(sent(world, "create"))
    assert world.instances[made["instance_id"]].launch.onstart == SCRIPT


async def test_stars_that_somebody_wrote_are_carried_along(world: World, keeping: Settings) -> None:
    """A banner is no secret: the watchdog goes in front of it."""
    made_of = template_of(world, BANNER)
    async with served(world, keeping) as client:
        made = await rented(client, world, template_hash_id=made_of, lease_hours=2)
    onstart = world.instances[made["instance_id"]].launch.onstart
    assert watchdog.is_in(onstart)
    assert watchdog.without(onstart) == BANNER


async def test_update_instance_sends_no_such_script_either(world: World, keeping: Settings) -> None:
    """Its lease ends from outside alone from then on, and that is said."""
    made_of = template_of(world, SCRIPT)
    async with served(world, keeping) as client:
        made = await rented(client, world, image="a/b", lease_hours=2)
        result = await call(
            client,
            "update_instance",
            instance_id=made["instance_id"],
            template_hash_id=made_of,
        )
    assert "from outside alone" in result["lease"]
    assert HIDDEN not in str(sent(world, "update_template"))


async def test_a_label_that_repeats_a_secret_is_not_written_back(
    world: World, keeping: Settings, state: Path
) -> None:
    """A lease is written into a label: of ours the one that it was born with is known."""
    async with served(world, replace(keeping, state_dir=state)) as client:
        made = (await rented(client, world, image="a/b", label="run", lease_hours=2))["instance_id"]
        row = world.instances[made]
        row.label = f"{SECRET} {row.label}"
        moved = await call(
            client, "manage_instance", instance_id=made, action="extend_lease", lease_hours=5
        )
        assert moved["lease_left_hours"] == pytest.approx(5, abs=0.1)
        named = await call(
            client, "manage_instance", instance_id=made, action="label", label=f"of {SECRET}"
        )
        assert named["seen"] is True
        theirs = world.rent(an_offer(world)["id"], {"image": "a", "label": f"{SECRET} {OURS}"}).id
        given = {"instance_id": theirs, "action": "extend_lease", "lease_hours": 5}
        error = (await call(client, "manage_instance", **given))["error"]
        assert error["code"] == "no_such_instance"
    labels = str(sent(world, "label"))
    assert HIDDEN not in labels
    assert world.instances[theirs].label == f"{SECRET} {OURS}"


async def test_a_template_of_a_machine_and_a_description_take_no_stars(
    world: World, keeping: Settings
) -> None:
    """An image's name, a host name, and what somebody wrote beside a template."""
    body = {"image": f"r.example/{SECRET}", "disk": 20, "label": OURS, "env": {"-h": SECRET}}
    machine = world.rent(an_offer(world)["id"], body).id
    made_of = template_of(world, BANNER, desc=f"for {SECRET}")
    async with served(world, keeping) as client:
        lacking = (await call(client, "create_template", from_instance_id=machine))["error"]
        assert lacking["problems"][0]["field"] == "image"
        saved = await call(client, "create_template", from_instance_id=machine, image="a/b")
        assert "-h" in saved["left_out"]
        edit = {"template_hash_id": made_of, "env_from": ["WANDB"]}
        error = (await call(client, "create_template", **edit))["error"]
        assert error["problems"][0]["field"] == "env_from"
        assert "error" not in await call(
            client, "create_template", template_hash_id=made_of, disk=20
        )
    assert HIDDEN not in str(sent(world, "save_template"))
