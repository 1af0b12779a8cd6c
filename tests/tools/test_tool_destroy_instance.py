"""destroy_instance: only what is meant, believed only when it is seen to be gone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from mcp import Client

from house import call, served
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Settings


async def ours(client: Client, world: World, **more: Any) -> int:
    offer = world.offer(disk_space=lambda free: free > 40)
    return (await call(client, "create_instance", offer_id=offer["id"], disk=16, **more))[
        "instance_id"
    ]


def theirs(world: World, label: str | None = None) -> int:
    """A machine that another client of the account made."""
    offer = world.offer(disk_space=lambda free: free > 40)
    return world.rent(offer["id"], {"image": "x", "disk": 8, "label": label}).id


def destroyed(*ids: int) -> list[dict[str, Any]]:
    return [{"instance_id": one, "outcome": "destroyed"} for one in ids]


def outcomes(result: dict[str, Any]) -> list[dict[str, Any]]:
    """The results without what each machine cost."""
    return [{key: row[key] for key in ("instance_id", "outcome")} for row in result["results"]]


async def test_a_destroyed_machine_was_looked_up_and_is_gone(client: Client, world: World) -> None:
    """The reply to a destroy is no proof; gone is what is no longer shown
    (docs/vast-api.md C.7).
    """
    made, other = await ours(client, world), await ours(client, world, label="other")
    result = await call(client, "destroy_instance", instance_ids=[made])
    assert outcomes(result) == destroyed(made)
    assert next(iter(result["results"][0])) == "instance_id"
    assert [one.id for one in world.living] == [other]
    assert [one.endpoint for one in world.requests][-3:] == ["destroy", "show", "list"]


async def test_several_machines_have_a_result_each(client: Client, world: World) -> None:
    """A failure among successes must not be lost (LibreYOLO#505)."""
    made = [await ours(client, world, label=f"n{n}") for n in range(3)]
    result = await call(client, "destroy_instance", instance_ids=[*made, made[0]])
    assert outcomes(result) == destroyed(*made)
    assert world.living == []
    assert len(world.asked("destroy_many")) == 1


async def test_destroying_twice_is_fine(client: Client, world: World) -> None:
    """An instance that is gone already is done (docs/vast-api.md C.7)."""
    made = await ours(client, world)
    await call(client, "destroy_instance", instance_ids=[made])
    again = await call(client, "destroy_instance", instance_ids=[made])
    assert again["results"] == [{"instance_id": made, "outcome": "already_gone"}]
    assert len(world.committed("destroy")) == 1


async def test_a_machine_that_vast_took_away_meanwhile_is_done(
    world: World, settings: Settings
) -> None:
    """DELETE of what is gone answers 404, which is what was wanted (docs/vast-api.md C.7)."""
    grown = replace(settings, times=replace(settings.times, young_s=0.0))
    async with served(world, grown) as client:
        made = await ours(client, world)
        world.cancel_rental(made)
        result = await call(client, "destroy_instance", instance_ids=[made])
    assert result["results"] == [{"instance_id": made, "outcome": "already_gone"}]


async def test_a_machine_too_young_to_be_readable_is_not_reported_as_gone(
    client: Client, world: World
) -> None:
    """A row can be unreadable for seconds after birth; a 404 proves nothing then, and the machine
    bills (docs/protocol.md).
    """
    world.visible_after_looks = 10_000
    made = await ours(client, world)
    world.faults.add(
        "destroy", "status", status=404, body={"success": False, "error": "no_such_instance"}
    )
    error = (await call(client, "destroy_instance", instance_ids=[made]))["error"]
    assert (error["code"], error["billing_possible"]) == ("destroy_unverified", True)
    assert [machine.id for machine in world.living] == [made]
    assert (await call(client, "destroy_instance", instance_ids=[made]))["results"][0][
        "instance_id"
    ] == made
    assert world.living == []


@pytest.mark.parametrize("endpoint", ["show", "destroy"])
async def test_a_gateways_page_is_no_word_of_vast_about_a_machine(
    client: Client, world: World, endpoint: str
) -> None:
    """Only Vast's own JSON says that there is no such instance (docs/vast-api.md C.7)."""
    made = await ours(client, world)
    for name in {"show", endpoint}:
        world.faults.add(
            name,
            "status",
            times=None,
            status=404,
            text="<html>Not Found</html>",
            content_type="text/html",
        )
    error = (await call(client, "destroy_instance", instance_ids=[made]))["error"]
    assert error["code"] == "destroy_unverified"


async def test_an_unknown_id_is_an_error_that_names_the_living(
    client: Client, world: World
) -> None:
    """A mistyped id must not look like the end of a machine that goes on billing."""
    made = await ours(client, world)
    error = (await call(client, "destroy_instance", instance_ids=[made, 4711]))["error"]
    assert error["code"] == "no_such_instance"
    assert "4711" in error["message"]
    assert str(made) in error["message"]
    assert [step["tool"] for step in error["next_steps"]] == ["show_instances"]
    assert [one.id for one in world.living] == [made]
    assert world.asked("destroy") == []


async def test_an_unknown_id_on_an_empty_account_says_that_it_is_empty(
    client: Client, world: World
) -> None:
    """ "nothing left" is an answer that a caller can act on."""
    error = (await call(client, "destroy_instance", instance_ids=[4711]))["error"]
    assert error["code"] == "no_such_instance"
    assert "no machines" in error["message"]


async def test_the_living_that_an_error_names_are_bounded(client: Client, world: World) -> None:
    """One host cuts an error's text at 10,000 characters (docs/hosts.md)."""
    for _ in range(60):
        theirs(world)
    error = (await call(client, "destroy_instance", instance_ids=[4711]))["error"]
    assert "40 more" in error["message"]
    assert len(error["message"]) < 500


async def test_a_machine_of_somebody_else_needs_their_word(client: Client, world: World) -> None:
    """A disk that vast-mcp did not fill is not deleted by a guess at an id."""
    made, foreign = await ours(client, world), theirs(world, "thesis")
    error = (await call(client, "destroy_instance", instance_ids=[made, foreign]))["error"]
    assert error["code"] == "not_ours"
    assert str(foreign) in error["message"]
    assert str(made) not in error["message"]
    assert len(world.living) == 2
    _, ours_alone, theirs_alone = error["next_steps"]
    assert theirs_alone["arguments"] == {"instance_ids": [foreign], "not_ours": True}
    for step, one in ((ours_alone, made), (theirs_alone, foreign)):
        result = await call(client, step["tool"], **step["arguments"])
        assert outcomes(result) == destroyed(one)
    assert world.living == []


async def test_a_label_that_only_looks_like_ours_protects_the_machine(
    client: Client, world: World
) -> None:
    """The token is parsed strictly (docs/protocol.md)."""
    foreign = theirs(world, "vast-mcp#0123456789abcdeX")
    assert (await call(client, "destroy_instance", instance_ids=[foreign]))["error"][
        "code"
    ] == "not_ours"


async def test_a_machine_that_lingers_a_moment_is_seen_to_go(client: Client, world: World) -> None:
    """Destroying is eventually consistent (docs/vast-api.md C.7)."""
    world.gone_after_looks = 3
    made = await ours(client, world)
    result = await call(client, "destroy_instance", instance_ids=[made])
    assert outcomes(result) == destroyed(made)
    assert len(world.asked("show")) == 4


async def test_a_machine_that_stays_is_not_reported_as_gone(client: Client, world: World) -> None:
    """Success means that it is gone; what is still shown may bill, and the same call
    again is safe.
    """
    world.gone_after_looks = 1000
    made = await ours(client, world)
    error = (await call(client, "destroy_instance", instance_ids=[made]))["error"]
    assert (error["code"], error["billing_possible"], error["retryable"]) == (
        "destroy_unverified",
        True,
        True,
    )
    assert error["instance_id"] == made
    assert error["results"] == [{"instance_id": made, "outcome": "still_there"}]
    assert error["next_steps"][0]["arguments"] == {"instance_ids": [made]}
    world.instances[made].lingering_looks = 0
    assert (await call(client, "destroy_instance", instance_ids=[made]))["results"][0][
        "instance_id"
    ] == made


async def test_one_failure_among_several_is_told_apart(client: Client, world: World) -> None:
    """Each id has its outcome, and the step tries only what failed."""
    made = [await ours(client, world, label=f"n{n}") for n in range(3)]
    refusal = {"error": "forbidden", "msg": "needs instance_write"}
    world.faults.add("destroy_many", "status", status=403, body=refusal)
    world.faults.add("destroy", "status", skip=1, status=403, body=refusal)
    error = (await call(client, "destroy_instance", instance_ids=made))["error"]
    assert error["code"] == "destroy_unverified"
    assert error["results"] == [
        *destroyed(made[0]),
        {"instance_id": made[1], "outcome": "forbidden"},
        *destroyed(made[2]),
    ]
    assert error["next_steps"][0]["arguments"] == {"instance_ids": [made[1]]}
    assert [one.id for one in world.living] == [made[1]]


async def test_a_look_that_fails_is_no_proof(client: Client, world: World) -> None:
    """What cannot be looked up is not known to be gone."""
    made = await ours(client, world)
    world.faults.add("show", "html502", times=None)
    error = (await call(client, "destroy_instance", instance_ids=[made]))["error"]
    assert (error["code"], error["results"][0]["outcome"]) == ("destroy_unverified", "still_there")


async def test_a_bad_key_while_looking_is_no_proof(client: Client, world: World) -> None:
    """A bad key answers 404 as well; "gone" is never inferred from the status
    (docs/vast-api.md I).
    """
    made = await ours(client, world)
    body = {"success": False, "error": "auth_error", "msg": "Invalid user key"}
    world.faults.add("show", "status", times=None, status=404, body=body)
    error = (await call(client, "destroy_instance", instance_ids=[made]))["error"]
    assert error["code"] == "destroy_unverified"


async def test_a_destroy_whose_reply_is_lost_is_asked_again_and_verified(
    client: Client, world: World
) -> None:
    """Repeating a destroy changes nothing; the second answers 404 and the look decides
    (docs/vast-api.md C.7).
    """
    made = await ours(client, world)
    world.faults.add("destroy", "drop", when="after")
    result = await call(client, "destroy_instance", instance_ids=[made])
    assert outcomes(result) == destroyed(made)
    assert len(world.committed("destroy")) == 1


async def test_ids_are_checked_before_anything_is_asked(client: Client, world: World) -> None:
    """The schema's bounds hold at run time, and no id is guessed."""
    for wrong in ([], list(range(1, 27)), [0], ["3e7"], [1.5], [True], "1,234"):
        error = (await call(client, "destroy_instance", instance_ids=wrong))["error"]
        assert error["code"] == "bad_arguments", wrong
    assert world.requests == []


async def test_each_machine_says_what_it_cost_and_one_that_was_gone_does_not(
    client: Client, world: World
) -> None:
    """So far as is known here (tests/tools/test_spent.py); the bill itself is Vast's."""
    made = await ours(client, world)
    [row] = (await call(client, "destroy_instance", instance_ids=[made]))["results"]
    assert (row["spent_usd"], row["spent_is"]) == (pytest.approx(0, abs=0.01), "estimate")
    [again] = (await call(client, "destroy_instance", instance_ids=[made]))["results"]
    assert again == {"instance_id": made, "outcome": "already_gone"}


async def test_a_volume_that_goes_on_billing_is_named(client: Client, world: World) -> None:
    """A volume outlives its instance, and bills (docs/vast-api.md F)."""
    room = next(one for one in world.volumes.rooms.values() if one["disk_space"] > 30)
    offer = world.offer(machine_id=room["machine_id"], verified=None, external=lambda _: True)
    info = {"create_new": True, "volume_id": room["id"], "size": 20, "mount_path": "/workspace"}
    made = (await call(client, "create_instance", offer_id=offer["id"], disk=8, volume_info=info))[
        "instance_id"
    ]
    other = await ours(client, world)
    [volume] = world.volumes.living
    elsewhere = world.volumes.rent(room["id"], 2, None, world.clock())
    elsewhere.instances.append(1)  # of a machine that stays
    result = await call(client, "destroy_instance", instance_ids=[other, made])
    assert result["volumes_still_billing"] == [
        {
            "volume_id": volume.id,
            "was_on": made,
            "size_gb": 20.0,
            "usd_per_hour": pytest.approx(volume.usd_per_hour, abs=1e-5),
        }
    ]
    [step] = result["next_steps"]
    assert (step["tool"], step["arguments"]) == ("show_volumes", {})
    assert world.living == []


async def test_volumes_that_cannot_be_read_stop_no_destroy(client: Client, world: World) -> None:
    """Ending the bill comes first; what could not be said is a warning."""
    made = await ours(client, world)
    world.faults.add(
        "volumes", "status", times=None, status=403, body={"error": "forbidden", "msg": "no"}
    )
    result = await call(client, "destroy_instance", instance_ids=[made])
    assert outcomes(result) == destroyed(made)
    assert "forbidden" in result["warnings"][0]
    assert world.living == []


async def test_volumes_that_take_too_long_stop_no_destroy(client: Client, world: World) -> None:
    """Looks at volumes are 5.5 s apart; a queue of them must not keep a machine alive
    (docs/vast-api.md H).
    """
    made = await ours(client, world)
    world.faults.add("volumes", "hang", times=None)
    result = await call(client, "destroy_instance", instance_ids=[made])
    assert outcomes(result) == destroyed(made)
    assert "too long" in result["warnings"][0]
