"""delete_template: one's own alone, and seen to be gone."""

from __future__ import annotations

from typing import Any

import pytest
from mcp import Client

from house import call, lenient_world
from vast_mcp.sandbox.world import World


@pytest.fixture
def world() -> World:
    return lenient_world()


async def made(client: Client, **given: Any) -> dict[str, Any]:
    return await call(client, "create_template", **{"name": "mine", "image": "a/b", **given})


async def test_a_template_is_deleted_by_its_hash_and_seen_to_be_gone(
    client: Client, world: World
) -> None:
    """Vast wants the number alone (docs/vast-api.md E)."""
    hash_id = (await made(client))["template"]["template_hash_id"]
    done = await call(client, "delete_template", template_hash_id=hash_id)
    assert (done["outcome"], done["was"]["untrusted_name"]) == ("deleted", "mine")
    assert hash_id not in world.templates
    [sent] = world.asked("delete_template")
    assert set(sent.body) == {"template_id"}
    again = await call(client, "delete_template", template_hash_id=hash_id)
    assert again["outcome"] == "already_gone"
    assert len(world.asked("delete_template")) == 1


async def test_a_lost_reply_to_a_delete_is_settled_by_a_look(client: Client, world: World) -> None:
    """The second request is told that the id is invalid (docs/vast-api.md E)."""
    hash_id = (await made(client))["template"]["template_hash_id"]
    world.faults.add("delete_template", "drop", when="after")
    done = await call(client, "delete_template", template_hash_id=hash_id)
    assert (done["outcome"], hash_id in world.templates) == ("deleted", False)


async def test_a_template_that_others_use_stays_and_vasts_reason_is_told(
    client: Client, world: World
) -> None:
    """(docs/vast-api.md E)."""
    hash_id = (await made(client))["template"]["template_hash_id"]
    msg = "Cannot Delete Template. Other Users are still using it."
    world.faults.add("delete_template", "msg_only", msg=msg)
    error = (await call(client, "delete_template", template_hash_id=hash_id))["error"]
    assert (error["code"], error["untrusted_vast_message"]) == ("invalid_request", msg)
    assert hash_id in world.templates


async def test_a_template_that_vast_says_is_anothers_is_no_matter_of_the_key(
    client: Client, world: World
) -> None:
    """Vast tells it with the status of a wrong key (docs/vast-api.md E)."""
    hash_id = (await made(client))["template"]["template_hash_id"]
    msg = "Templates can ONLY be Deleted by their Creator"
    body = {"success": False, "error": "not_authorized", "msg": msg}
    world.faults.add("delete_template", "status", status=401, body=body)
    error = (await call(client, "delete_template", template_hash_id=hash_id))["error"]
    assert (error["code"], error["untrusted_vast_message"]) == ("invalid_request", msg)
    assert error["next_steps"][0]["tool"] == "search_templates"
    assert hash_id in world.templates
