"""Templates are searched, made, edited and deleted (docs/vast-api.md E)."""

import json
from typing import Any

import pytest

from sandbox_wire import Wire, a_world

V0, V1 = "/api/v0/template/", "/api/v1/template/"


async def found(wire: Wire, path: str = V0, filters: Any = None, **query: Any) -> Any:
    return (await wire.ask("GET", path, select_filters=json.dumps(filters or {}), **query)).json()


async def made(wire: Wire, **more: Any) -> dict[str, Any]:
    body = {"name": "mine", "image": "example/mine", **more}
    return (await wire.ask("POST", V0, body)).json()["template"]


# Searched


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        ({"name": "cuda"}, ["NVIDIA CUDA"]),
        ({"image": "vllm"}, ["vLLM"]),
        ({"name": "cuda", "recommended": True}, ["NVIDIA CUDA"]),
        ({"name": {"eq": "vLLM"}, "count_created": {"gt": "100"}}, ["vLLM"]),
        ({"recommended": "true", "tag": "latest"}, ["vLLM"]),
    ],
)
async def test_a_filter_may_lack_its_operator(filters: Any, names: list[str]) -> None:
    """A bare name or image matches parts (docs/vast-api.md E)."""
    said = await found(Wire(a_world()), filters=filters)
    assert [row["name"] for row in said["templates"]] == names


@pytest.mark.parametrize("path", [V0, V1])
async def test_no_match_is_a_200_that_is_no_success(path: str) -> None:
    """Both searches say so in the same words (docs/vast-api.md E)."""
    said = await found(Wire(a_world()), path, {"name": {"eq": "none"}})
    assert said == {"success": False, "msg": "No templates found"}


async def test_templates_have_columns_an_order_and_a_limit() -> None:
    """select_cols, order_by, limit (docs/vast-api.md E)."""
    wire = Wire(a_world())
    said = await found(wire, select_cols='["id"]', order_by='[["id","desc"]]', limit="2")
    ids = [row["id"] for row in said["templates"]]
    assert ids == sorted(ids, reverse=True)
    assert [set(row) for row in said["templates"]] == [{"id"}] * 2


async def test_the_newer_search_has_pages() -> None:
    """With a next_token (docs/vast-api.md E)."""
    wire = Wire(a_world())
    first = await found(wire, V1, limit="3")
    last = await found(wire, V1, limit="3", after_token=first["next_token"])
    names = [row["name"] for row in first["templates"] + last["templates"]]
    assert (len(first["templates"]), last["next_token"]) == (3, None)
    assert len(set(names)) == len(names) == first["templates_found"]
    assert (await found(wire, V1, after_token="x"))["error"] == "invalid_token"


# Made


async def test_the_same_content_again_is_told_and_no_success() -> None:
    """With the template that is there (docs/vast-api.md E)."""
    world = a_world()
    wire, body = Wire(world), {"name": "mine", "image": "example/mine"}
    first = (await wire.ask("POST", V0, body)).json()
    number = first["template"]["id"]
    assert first["msg"] == f"Template Created Successfully! New Template ID: {number}"
    again = (await wire.ask("POST", V0, body)).json()
    assert (again["success"], again["template"]["id"]) == (False, number)
    assert again["msg"] == f"Existing Template Found: {number}. User relationship added."
    assert len(world.committed("template")) == 1


# Edited


async def test_an_edit_changes_the_hash_and_keeps_the_number() -> None:
    """The older edit takes what changes (docs/vast-api.md E)."""
    world = a_world()
    wire = Wire(world)
    old = await made(wire)
    said = (await wire.ask("PUT", V0, {"hash_id": old["hash_id"], "desc": "x"})).json()
    assert said["msg"] == f"Template {old['id']} Updated Successfully"
    assert said["hash_id"] == said["template"]["hash_id"] != old["hash_id"]
    assert said["template"]["id"] == old["id"]
    theirs = next(iter(world.templates.values()))["hash_id"]
    for body, words in (
        ({"hash_id": old["hash_id"], "desc": "y"}, "Unable to Update Template."),
        ({"hash_id": theirs, "desc": "y"}, "Only the Template Creator"),
        ({"hash_id": said["hash_id"], "colour": "red"}, "Unexpected Key 'colour'"),
    ):
        refused = await wire.ask("PUT", V0, body)
        assert (refused.status_code, words in refused.json()["msg"]) == (400, True)


async def test_the_newer_edit_writes_every_field_and_copies_what_is_in_use() -> None:
    """Nulls overwrite; not its creator, or instances use it: a copy (docs/vast-api.md E)."""
    world = a_world()
    wire = Wire(world)
    old = await made(wire, desc="old", onstart="x")
    body = {"id": old["id"], "hash_id": old["hash_id"], "name": "mine", "image": "example/mine"}
    same = (await wire.ask("PUT", V1, {**body, "desc": "old", "onstart": "x"})).json()
    assert same["msg"] == f"No Edits made for template {old['id']}"
    new = (await wire.ask("PUT", V1, {**body, "desc": "new", "onstart": None})).json()["template"]
    assert (new["id"], new["desc"], new["onstart"]) == (old["id"], "new", None)
    stale = await wire.ask("PUT", V1, body)
    assert (stale.status_code, stale.json()["error"]) == (404, "invalid_template")
    await wire.rent(world.offer()["id"], template_hash_id=new["hash_id"])
    body["hash_id"] = new["hash_id"]
    copy = (await wire.ask("PUT", V1, {**body, "desc": "newer"})).json()
    assert copy["msg"].startswith(f"Created an Edited Copy of Template {old['id']}.")
    assert copy["template"]["id"] != old["id"]
    assert new["hash_id"] in world.templates


# Deleted


async def test_a_template_is_deleted_by_its_number_alone() -> None:
    """The hash beside it is a 400, somebody else's a 401 (docs/vast-api.md E)."""
    world = a_world()
    wire = Wire(world)
    mine = await made(wire)
    theirs = next(iter(world.templates.values()))["id"]
    for body, status, words in (
        ({"hash_id": mine["hash_id"]}, 400, "Template ID must be integer"),
        ({"template_id": mine["id"], "hash_id": mine["hash_id"]}, 400, "Template ID"),
        ({"template_id": str(mine["id"])}, 400, "Template ID must be integer"),
        ({"template_id": 1}, 400, "Invalid Template ID or User ID"),
        ({"template_id": theirs}, 401, "by their Creator"),
    ):
        refused = await wire.ask("DELETE", V0, body)
        assert (refused.status_code, words in refused.json()["msg"]) == (status, True), body
    gone = await wire.ask("DELETE", V0, {"template_id": mine["id"]})
    assert gone.json()["msg"] == f"Template {mine['id']} Deleted Successfully"
    assert mine["hash_id"] not in world.templates
