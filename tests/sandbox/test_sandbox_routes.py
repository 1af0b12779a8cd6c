"""The sandbox has the service's routes: their spelling, methods, keys and scopes (docs/vast-api.md
0, B, C.2, I).
"""

import json
from typing import Any

import pytest

from sandbox_wire import Wire, a_world
from vast_mcp.sandbox.account import ApiKey
from vast_mcp.sandbox.routes import TABLE

SLASHED = sorted({one.path for one in TABLE if one.path.endswith("/")})


def at(path: str) -> str:
    """An address of a route, with numbers where it has names."""
    while "{" in path:
        before, _, rest = path.partition("{")
        path = f"{before}1{rest.partition('}')[2]}"
    return path


# Spelling


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
async def test_a_bare_spelling_is_a_301_whose_body_is_json_without_data(method: str) -> None:
    """The bare form is no route, and its body parses (docs/vast-api.md 0)."""
    world = a_world()
    wire = Wire(world)
    for path in map(at, SLASHED):
        reply = await wire.ask(method, path.rstrip("/"), owner="me")
        assert (reply.status_code, reply.headers["location"]) == (301, f"{path}?owner=me"), path
        assert reply.headers["content-type"] == "application/json"
        assert not {"instances", "volumes", "offers", "success", "id"} & set(reply.json())
    assert not world.ledger
    assert {one.endpoint for one in world.requests} == {"moved"}


async def test_who_follows_a_bare_spelling_finds_the_data() -> None:
    """The official client sends bare GETs and follows (docs/vast-api.md 0, L)."""
    wire = Wire(a_world(api_keys={"right"}), "Bearer right")
    wire.http.follow_redirects = True
    assert (await wire.ask("GET", "/api/v0/users/current")).json()["credit"] == 25.0
    reply = await wire.ask("GET", "/api/v0/volumes", owner="me", type="all_volume")
    assert reply.json()["volumes"] == []
    assert (await wire.ask("GET", "/api/v1/instances")).json()["instances"] == []


async def test_renting_is_a_put_and_a_post_is_405() -> None:
    """The prose that says POST is wrong (docs/vast-api.md A.1)."""
    world = a_world()
    reply = await Wire(world).ask("POST", f"/api/v0/asks/{world.offer()['id']}/", {"image": "x/y"})
    assert (reply.status_code, world.rentals) == (405, [])


# Keys


@pytest.mark.parametrize("endpoint", TABLE, ids=lambda one: f"{one.method} {one.path}")
async def test_each_route_needs_its_group_and_no_other(endpoint: Any) -> None:
    """A scoped key opens the routes of its groups (docs/vast-api.md I)."""
    if not endpoint.scope:
        pytest.skip("open to all")
    groups = {one.scope for one in TABLE if one.scope}
    world = a_world(missing_permissions={endpoint.scope})
    wire = Wire(world)
    lacking = await wire.ask(endpoint.method, at(endpoint.path), {})
    assert lacking.status_code == 403
    assert endpoint.scope in lacking.json()["msg"]
    world.missing_permissions = groups - {endpoint.scope}
    having = await wire.ask(endpoint.method, at(endpoint.path), {})
    assert "permission group" not in having.text


async def test_a_keys_permissions_may_name_one_machine_whose_logs_it_reads() -> None:
    """A constraint on request_logs holds for the id in the path (docs/vast-api.md I)."""
    world = a_world(api_keys={"right"})
    account = Wire(world, "Bearer right")
    made = [
        (await account.rent(world.offer(min_bid=low)["id"])).json()["new_contract"]
        for low in (lambda _: True, lambda _: True)
    ]
    rule = {"api.instance.request_logs": {"constraints": {"id": {"eq": made[0]}}}}
    permissions: Any = {"api": {"misc": {}, "instance_read": rule}}
    world.issued[1] = ApiKey(1, "narrow", "n", permissions)
    wire = Wire(world, "Bearer narrow")
    asked = [
        (await wire.ask("PUT", f"/api/v0/instances/request_logs/{one}/", {})).status_code
        for one in made
    ]
    assert asked == [200, 403]
    assert await wire.search(limit=1)
    assert (await wire.ask("GET", "/api/v1/instances/")).status_code == 403
    assert (await wire.ask("DELETE", f"/api/v0/instances/{made[0]}/", {})).status_code == 403
    assert len(world.living) == 2


async def test_a_key_in_the_query_is_a_key_and_is_not_remembered() -> None:
    """Old clients send it there (docs/vast-api.md I); a header goes before it."""
    world = a_world(api_keys={"right"})
    wire = Wire(world, None)
    path = "/api/v0/users/current/"
    assert (await wire.ask("GET", path, api_key="right")).status_code == 200
    assert (await wire.ask("GET", path, api_key="wrong")).status_code == 404
    assert (await wire.ask("GET", path)).status_code == 403
    assert (await Wire(world, "Bearer wrong").ask("GET", path, api_key="right")).status_code == 404
    assert "right" not in json.dumps([one.as_json() for one in world.requests])


# The console's searches


async def test_the_console_searches_with_a_query_and_columns() -> None:
    """GET /bundles/ takes q and select_cols (docs/vast-api.md B.1)."""
    wire = Wire(a_world())
    query = json.dumps({"gpu_name": {"eq": "RTX 4090"}, "limit": 3})
    reply = await wire.ask("GET", "/api/v0/bundles/", q=query, select_cols='["id","gpu_name"]')
    assert [set(row) for row in reply.json()["offers"]] == [{"id", "gpu_name"}] * 3
    odd = await wire.ask("GET", "/api/v0/bundles/", q=query, select_cols='"id"')
    assert odd.status_code == 400


async def test_search_asks_says_whether_there_is_more_and_needs_no_columns() -> None:
    """The reply adds `truncated` (docs/vast-api.md B.3)."""
    wire, path = Wire(a_world()), "/api/v0/search/asks/"
    some = (await wire.ask("PUT", path, {"q": {"limit": 2}})).json()
    assert (len(some["offers"]), some["truncated"]) == (2, True)
    [row] = some["offers"][:1]
    wanted = {"ask_contract_id": {"eq": row["id"]}, "type": "on-demand"}
    one = (await wire.ask("PUT", path, {"q": wanted})).json()
    assert ([found["id"] for found in one["offers"]], one["truncated"]) == ([row["id"]], False)


async def test_search_asks_without_a_filter_finds_hosts_that_nobody_verified() -> None:
    """There are no defaults; an unfiltered q returned unverified and deverified hosts only
    (docs/vast-api.md B.3).
    """
    wire = Wire(a_world())
    rows = (await wire.ask("PUT", "/api/v0/search/asks/", {"q": {}})).json()["offers"]
    assert {row["verification"] for row in rows} == {"unverified", "deverified"}


async def test_no_search_says_more_than_64_rows_unless_the_world_says_100() -> None:
    """The cap is 64, and one client saw 100 (docs/vast-api.md B.1)."""
    world = a_world()
    wire = Wire(world)
    assert len(await wire.search(limit=2000)) == 64
    world.search_cap = 100
    assert len(await wire.search(limit=2000)) == 100
    assert len(await wire.search(limit=7)) == 7


async def test_the_disk_that_a_search_prices_has_to_be_there() -> None:
    """allocated_storage filters as well (docs/vast-api.md B.1)."""
    wire = Wire(a_world())
    rows = await wire.search(allocated_storage=1_000.0)
    assert rows
    assert all(row["disk_space"] >= 1_000 for row in rows)


@pytest.mark.parametrize(
    "filters",
    [
        {"dphtotal": {"lt": "1"}, "gpu_totalram": {"gte": 40_000}},
        {"gpu_ram_GB": {"gte": 40}, "cpu_ram_GB": {"gte": 100}, "gpu_totalram_GB": {"gte": "40"}},
    ],
)
async def test_a_search_knows_the_names_that_the_server_translates(filters: Any) -> None:
    """Some search keys are no row keys (docs/vast-api.md B.1)."""
    wire = Wire(a_world())
    rows = await wire.search(**filters)
    assert rows
    assert all(row["gpu_total_ram"] >= 40_000 for row in rows)


async def test_a_row_names_the_room_for_a_volume_on_its_machine() -> None:
    """avail_vol_* stand where there is room, and go down with it (docs/vast-api.md B.4, F)."""
    world = a_world()
    wire = Wire(world)
    rows = await wire.search()
    assert {row["avail_vol_ask_id"] is None for row in rows} == {True, False}
    row = next(one for one in rows if one["avail_vol_ask_id"] is not None)
    room = (
        await wire.ask("POST", "/api/v0/volumes/search/", {"machine_id": {"eq": row["machine_id"]}})
    ).json()["offers"][0]
    assert (row["avail_vol_ask_id"], row["avail_vol_size"]) == (room["id"], room["disk_space"])
    assert row["avail_vol_dph"] == pytest.approx(room["storage_cost"] / 720)
    await wire.ask("PUT", "/api/v0/volumes/", {"id": room["id"], "size": 15})
    [after] = await wire.search(ask_contract_id={"eq": row["id"]})
    assert after["avail_vol_size"] == pytest.approx(room["disk_space"] - 15)


async def test_a_row_spells_out_its_prices_running_and_stopped() -> None:
    """`instance.totalHour` is the price of a stopped machine: its disk; traffic is per GB and per
    TB, and in no total (docs/vast-api.md B.4, C.3).
    """
    world = a_world()
    wire = Wire(world)
    [row] = await wire.search(limit=1)
    assert row["search"]["totalHour"] == pytest.approx(row["dph_total"])
    assert row["instance"]["totalHour"] == pytest.approx(row["storage_total_cost"])
    assert row["dph_total"] == pytest.approx(row["dph_base"] + row["storage_cost"] * 8 / 720)
    assert row["dph_total_adj"] == pytest.approx(row["dph_total"] + 2 * row["inet_down_cost"])
    assert row["internet_up_cost_per_tb"] == pytest.approx(row["inet_up_cost"] * 1024)
    instance = (await wire.rent(row["id"], disk=20)).json()["new_contract"]
    rented = await wire.show(instance) or {}
    assert rented["instance"]["totalHour"] == pytest.approx(row["storage_cost"] * 20 / 720)
    assert rented["search"]["totalHour"] == pytest.approx(rented["dph_total"])


# The old list


async def test_the_old_list_answers_older_accounts() -> None:
    """410 by default; 200 with every machine by a switch (docs/vast-api.md C.2)."""
    world = a_world()
    wire = Wire(world)
    instance = (await wire.rent(world.offer()["id"])).json()["new_contract"]
    gone = await wire.ask("GET", "/api/v0/instances/", owner="me")
    assert (gone.status_code, gone.json()["error"]) == (410, "deprecated_endpoint")
    world.old_list = True
    old = (await wire.ask("GET", "/api/v0/instances/", owner="me")).json()
    assert (old["instances_found"], [row["id"] for row in old["instances"]]) == (1, [instance])
    assert "volume_info" not in old["instances"][0]
