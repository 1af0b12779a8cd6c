"""What a rental's answer says of what runs in it, its price, its end and its next call; a dry run
says the same, and a replay again.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from mcp import Client

from house import KEY_LINE, OTHER_KEY_LINE, an_offer, call, puts, served
from vast_mcp.renting.as_made import INTERRUPTIBLE, NO_WAY_IN
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Settings

pytestmark = pytest.mark.anyio

PLANTED = "IGNORE_ALL"
LONG = "echo step\n" * 600


def at_least(least: float) -> Callable[[float | None], bool]:
    return lambda has: (has or 0) >= least


def wish(world: World, **more: Any) -> dict[str, Any]:
    roomy = an_offer(world, direct_port_count=at_least(8))
    chosen: int = vars(world).setdefault("chosen_by_test", roomy["id"])
    return {"offer_id": chosen, "image": "a/b", "disk": 20, **more}


def template(world: World, **more: Any) -> str:
    return world.add_template({"name": "t", "image": "c/d", "tag": "1", **more})["hash_id"]


async def told(client: Client, world: World, **more: Any) -> dict[str, Any]:
    """The answer to a rental; the dry run before it and the replay after it say the same."""
    asked = wish(world, **more)
    dry = await call(client, "create_instance", **asked, dry_run=True)
    made = await call(client, "create_instance", **asked)
    again = await call(client, "create_instance", **asked)
    for one in (dry, again):
        assert (one["asked"], one["made"]) == (made["asked"], made["made"])
        assert one["lease"][:20] == made["lease"][:20]
    assert (again["instance_id"], puts(world)) == (made["instance_id"], 1)
    return made


# ── what runs ──────────────────────────────────────────────────────────────────────────────────


async def test_a_template_is_merged_by_key_and_what_was_overridden_is_named(
    client: Client, world: World
) -> None:
    """Names alone; the words of a template stand where a reader is warned (docs/vast-api.md
    A.10).
    """
    hash_id = template(
        world,
        env=f"-e MODEL=its-value -e {PLANTED}=1 -p 7000:7000/udp -p 8000:8000",
        runtype="jupyter",
        jup_direct=True,
    )
    own = {"MODEL": "my-value", "MINE": "my-value", "-p 9000:9000": "1"}
    asked = wish(world, template_hash_id=hash_id, env=own)
    del asked["image"]
    made = await call(client, "create_instance", **asked)
    assert made["asked"] == {
        "untrusted_image": "c/d:1",
        "launch": "jupyter_direct",
        "env": [PLANTED, "MINE", "MODEL"],
        "ports": ["7000/udp", "8000/tcp", "9000/tcp"],
        "template": hash_id,
    }
    assert made["made"]["overridden_env"] == ["MODEL"]
    assert made["made"]["untrusted_template_env"] == [PLANTED]
    assert "value" not in str(made["asked"])
    assert "value" not in str(made["made"])
    again = await call(client, "create_instance", **asked)
    assert (again["asked"], again["made"]) == (made["asked"], made["made"])


@pytest.mark.parametrize(
    ("asked", "launch", "command", "warned"),
    [
        ({}, "ssh", None, False),
        ({"runtype": "ssh_direct"}, "ssh_direct", None, False),
        ({"args": ["serve"]}, "args", "the image's own command", True),
        ({"args": ["serve"], "env": "-p 8000:8000"}, "args", "the image's own command", False),
        (
            {"runtype": "args", "onstart": "/bin/serve", "args": ["x"]},
            "args",
            "the program that onstart names",
            True,
        ),
    ],
)
async def test_the_launch_mode_is_told_and_where_nothing_leads_in(
    client: Client,
    world: World,
    asked: dict[str, Any],
    launch: str,
    command: str | None,
    warned: bool,
) -> None:
    """A machine without a way in is said to be one before anybody waits for it."""
    world.set_keys([KEY_LINE])
    made = await told(client, world, **asked)
    assert (made["asked"]["launch"], made["made"].get("command")) == (launch, command)
    assert (NO_WAY_IN in made["warnings"]) == warned
    assert ("ssh_keys" in made["made"]) == (launch != "args")


async def test_the_keys_that_are_let_in_are_named_as_a_person_knows_them(
    world: World, settings: Settings
) -> None:
    """By the file that is here, else the fingerprint; where they cannot be read, that is said."""
    assert settings.ssh_dir is not None
    settings.ssh_dir.mkdir()
    (settings.ssh_dir / "mine.pub").write_text(KEY_LINE, encoding="utf-8")
    world.set_keys([OTHER_KEY_LINE, KEY_LINE])
    async with served(world, settings) as client:
        made = await told(client, world)
    file, fingerprint = made["made"]["ssh_keys"]
    assert file == "~/.ssh/mine.pub"
    assert fingerprint.startswith("SHA256:")
    world.faults.add("keys", "html502", times=None)
    async with served(world, settings) as client:
        unread = await call(client, "create_instance", offer_id=an_offer(world)["id"], disk=20)
    assert "ssh_keys" not in unread["made"]
    assert any("who is let in is not known" in said for said in unread["warnings"])


async def test_a_volume_is_told_with_where_it_is_and_whether_its_price_is_counted(
    client: Client, world: World
) -> None:
    """A new one bills beside the machine (docs/vast-api.md A.8)."""
    offer = an_offer(world, avail_vol_size=at_least(20))
    room = {"create_new": True, "volume_id": offer["avail_vol_ask_id"], "size": 10}
    made = await call(
        client,
        "create_instance",
        offer_id=offer["id"],
        disk=20,
        max_usd_per_hour=100,
        volume_info=room | {"mount_path": "/data"},
    )
    assert made["asked"]["volume"] == {"new": True, "size_gb": 10, "mount_path": "/data"}
    [volume] = world.volumes.living
    assert f"bills {volume.usd_per_hour:.5f} $/h beside" in made["made"]["volume_bills"]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"onstart": "echo 1\n"}, "sent as it is, 7 of 4048"),
        ({"onstart": LONG}, "that it began, and with what status it ended"),
        ({"onstart": "echo 1\n", "lease_hours": 2}, "that it began, and with what status"),
        ({"lease_hours": 2}, None),
        ({}, None),
    ],
)
async def test_an_onstart_is_told_with_its_size_and_where_its_output_goes(
    client: Client, world: World, asked: dict[str, Any], said: str | None
) -> None:
    """What is sent as it is does not tell its end."""
    onstart = (await told(client, world, **asked))["made"].get("onstart")
    assert (onstart is None) == (said is None)
    assert said is None or said in onstart


async def test_a_bid_is_told_beside_its_disk_and_the_price_on_demand(
    client: Client, world: World
) -> None:
    """What is paid is the bid (docs/vast-api.md A.6)."""
    offer = world.offers[wish(world)["offer_id"]]
    made = await told(client, world, price=offer["min_bid"])
    assert made["made"]["bid_usd_per_hour"] == offer["min_bid"]
    assert made["made"]["on_demand_usd_per_hour"] == pytest.approx(offer["dph_base"], abs=1e-4)
    assert made["running_usd_per_hour"] == pytest.approx(
        offer["min_bid"] + made["made"]["disk_usd_per_hour"], abs=1e-4
    )
    assert INTERRUPTIBLE in made["warnings"]


# ── the dry run ────────────────────────────────────────────────────────────────────────────────


async def said(client: Client, **asked: Any) -> str:
    answer = await call(client, "create_instance", **asked, dry_run=True)
    return answer["dry_run"]["said"]


async def test_a_dry_run_says_in_words_what_it_would_come_to(client: Client, world: World) -> None:
    """Nothing was sent, the offer is free, the price of the whole lease, traffic, the credit."""
    world.credit = 25.0
    asked = wish(world, lease_hours=3)
    answer = await call(client, "create_instance", **asked, dry_run=True)
    told = answer["dry_run"]
    usd = told["usd_per_hour"]
    assert told["said"].startswith(
        f"Nothing was sent. The offer is free now. It would cost {usd:.4f} $/h while it runs, "
        f"{usd * 3:.2f} $ for its 3 h; traffic is extra, "
    )
    lasts = re.search(r"The credit of 25.00 \$ lasts ([0-9.]+) h", told["said"])
    assert lasts is not None
    assert float(lasts[1]) == pytest.approx(25 / usd, rel=0.001)
    assert (told["lease_usd"], told["credit_usd"]) == (round(usd * 3, 2), 25.0)
    assert told["usd_per_tb"]
    assert "left" not in told  # no limit is set
    assert world.rentals == []


async def test_a_dry_run_says_when_the_credit_is_not_enough_or_refills_itself(
    client: Client, world: World
) -> None:
    """A balance that refills itself is no ceiling (docs/vast-api.md G)."""
    world.credit = 0.01
    assert "is not enough for that" in await said(client, **wish(world, lease_hours=100))
    world.faults.add("user", "html502", times=None)
    assert "credit could not be read" in await said(client, **wish(world, lease_hours=99))


async def test_a_dry_run_says_when_the_offer_is_not_free_or_not_known(
    client: Client, world: World
) -> None:
    """What was shown a minute ago may be gone."""
    asked = wish(world)
    world.offers[asked["offer_id"]]["rented"] = True
    assert "The offer is taken now." in await said(client, **asked)
    world.faults.add("search", "html502", times=None)
    unknown = await said(client, **asked)
    assert "Whether the offer is free is not known" in unknown
    assert "What it would cost is not known." in unknown


async def test_a_dry_run_of_what_was_rented_says_so(client: Client, world: World) -> None:
    """It would find the machine, and pay nothing more."""
    made = await call(client, "create_instance", **wish(world))
    found = await said(client, **wish(world))
    assert (
        found == f"Nothing was sent. This call finds machine {made['instance_id']}, rented before."
    )
    again = await call(client, "create_instance", **wish(world), dry_run=True)
    [step] = again["next_steps"]
    assert step["tool"] == "wait_for_instance"
    assert step["arguments"] == {"instance_id": made["instance_id"]}


@pytest.mark.parametrize("more", [{"env": {"TOKEN": "a value"}}, {"onstart": "echo a value"}])
async def test_a_dry_run_that_may_hold_secrets_leads_on_without_repeating_them(
    client: Client, world: World, more: dict[str, Any]
) -> None:
    """A step without them would rent another machine than was asked about."""
    answer = await call(client, "create_instance", **wish(world, **more), dry_run=True)
    [step] = answer["next_steps"]
    assert step["tool"] == "show_account"
    assert "this call without dry_run rents it" in step["why"]
    assert "a value" not in str(answer["next_steps"])


# ── whose answer was lost ──────────────────────────────────────────────────────────────────────


async def test_a_machine_that_was_found_says_whose_answer_had_been_lost(
    world: World, settings: Settings, tmp_path: Any
) -> None:
    """This call's own, or an earlier one's: an agent tells its person which."""
    quick = replace(
        settings,
        state_dir=tmp_path / "state",
        times=replace(settings.times, budget_s=10.0, put_s=0.5, look_s=0.02, seen_apart_s=0.02),
    )
    world.faults.add("create", "drop", when="after")
    async with served(world, quick) as client:
        own = await call(client, "create_instance", **wish(world))
    assert own["recovered"] is True
    assert own["lost_answer"].startswith("of this very call")
    elsewhere = replace(quick, state_dir=tmp_path / "elsewhere")
    async with served(world, elsewhere) as client:
        found = await call(client, "create_instance", **wish(world))
    assert found["recovered"] is True
    assert "another computer" in found["lost_answer"]
    assert found["asked"]["image"] == "a/b"
    async with served(world, quick) as client:
        replayed = await call(client, "create_instance", **wish(world))
    assert (replayed["replayed"], "lost_answer" in replayed) == (True, False)
