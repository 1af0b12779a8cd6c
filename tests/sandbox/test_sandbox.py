"""The sandbox answers on the wire as Vast.ai does, creates and faults apart (docs/vast-api.md)."""

import json
from typing import Any

import pytest

from sandbox_wire import NOON, SSH_KEY, Clock, Wire, a_world, assert_golden
from vast_mcp.sandbox.world import World

PLAIN = {"gpu_name": {"eq": "RTX 4090"}}


async def rented(world: World, wire: Wire, **body: Any) -> int:
    return (await wire.rent(world.offer(ports=True)["id"], **body)).json()["new_contract"]


# Who is asking


async def test_a_wrong_key_is_a_404_and_by_switch_a_401() -> None:
    """A 404 was recorded, and the specification says 401 (docs/vast-api.md I)."""
    world = a_world(api_keys={"right"})
    wire = Wire(world, "Bearer wrong")
    assert_golden(await wire.ask("GET", "/api/v0/users/current/"), "auth_bad_key_404")
    world.bad_key_status = 401
    assert_golden(await wire.ask("GET", "/api/v0/users/current/"), "auth_bad_key_401")
    assert (
        await Wire(world, "Bearer right").ask("GET", "/api/v0/users/current/")
    ).status_code == 200


async def test_no_key_at_all_is_a_403() -> None:
    """A request without an Authorization header is refused with a 403 (docs/vast-api.md I)."""
    world = a_world()
    wire = Wire(world, None)
    assert_golden(await wire.rent(world.offer()["id"]), "auth_no_header")
    assert world.rentals == []


async def test_an_empty_bearer_is_a_wrong_key() -> None:
    """The official client sends an empty key when its variable is empty (docs/vast-api.md J)."""
    assert_golden(await Wire(a_world(), "Bearer ").ask("GET", "/api/v0/ssh/"), "auth_bad_key_404")


async def test_search_and_gpu_names_need_no_key_but_a_wrong_one_is_refused() -> None:
    """Both addresses answer without a key (docs/vast-api.md B.1, L)."""
    world = a_world(api_keys={"right"})
    assert (await Wire(world, None).ask("POST", "/api/v0/bundles/", PLAIN)).status_code == 200
    assert (await Wire(world, None).ask("GET", "/api/v0/gpu_names/unique/")).status_code == 200
    assert_golden(
        await Wire(world, "Bearer wrong").ask("POST", "/api/v0/bundles/", PLAIN), "auth_bad_key_404"
    )


async def test_a_scoped_key_is_told_which_permission_it_lacks() -> None:
    """The refusal of a scoped key names the missing group (docs/vast-api.md I)."""
    world = a_world(missing_permissions={"instance_read"})
    reply = await Wire(world).ask("GET", "/api/v1/instances/")
    assert reply.status_code == 403
    assert "instance_read" in reply.json()["msg"]


async def test_a_machines_own_key_opens_that_machine_only() -> None:
    """The key of the create reply, each its own; what it reaches beyond is refused as a scoped key
    is (docs/vast-api.md A.11).
    """
    world = a_world(api_keys={"right"})
    account = Wire(world, "Bearer right")
    made = [(await account.rent(world.offer(ports=True)["id"])).json() for _ in range(2)]
    ours, theirs = (reply["new_contract"] for reply in made)
    assert len({reply["instance_api_key"] for reply in made}) == 2
    own = Wire(world, f"Bearer {made[0]['instance_api_key']}")
    beyond = [
        ("GET", f"/api/v0/instances/{theirs}/"),
        ("DELETE", f"/api/v0/instances/{theirs}/"),
        ("GET", f"/api/v0/instances/{ours}/ssh/"),
        ("PUT", f"/api/v0/instances/reboot/{ours}/"),
        ("GET", "/api/v1/instances/"),
        ("GET", "/api/v0/users/current/"),
        ("POST", "/api/v0/bundles/"),
        ("PUT", f"/api/v0/asks/{world.offer()['id']}/"),
    ]
    for status in (403, 401):
        world.own_key_status = status
        for method, path in beyond:
            reply = await own.ask(method, path, {"image": "example/image"})
            assert (reply.status_code, reply.json()["error"]) == (status, "auth_error"), path
    assert (await own.show(ours) or {})["id"] == ours
    assert (await own.ask("PUT", f"/api/v0/instances/{ours}/", {"state": "stopped"})).json()[
        "success"
    ]
    assert (await own.ask("DELETE", f"/api/v0/instances/{ours}/", {})).json()["success"]
    assert_golden(
        await own.ask("DELETE", f"/api/v0/instances/{ours}/", {}),
        "destroy_no_such_instance",
        contract=ours,
    )
    assert [instance.id for instance in world.living] == [theirs]


@pytest.mark.parametrize(
    ("right", "method", "body"), [("show", "GET", None), ("destroy", "DELETE", {})]
)
async def test_a_machines_own_key_may_lack_a_right(right: str, method: str, body: Any) -> None:
    """Sources differ on what it may, so it is a switch; the account's own key is not touched by it
    (docs/vast-api.md I).
    """
    world = a_world(own_key_lacks={right}, own_key_status=401)
    wire = Wire(world)
    made = (await wire.rent(world.offer()["id"])).json()
    path = f"/api/v0/instances/{made['new_contract']}/"
    refused = await Wire(world, f"Bearer {made['instance_api_key']}").ask(method, path, body)
    assert (refused.status_code, refused.json()["error"]) == (401, "auth_error")
    assert (await wire.ask(method, path, body)).status_code == 200


async def test_every_reply_says_the_worlds_time() -> None:
    """A client may go by Date; refusals, faults and unknown addresses have it too."""
    world = a_world()
    wire, date = Wire(world), "Wed, 18 Nov 2026 11:06:40 GMT"
    world.faults.add("user", "html502")
    for path in (
        "/api/v0/users/current/",
        "/api/v0/users/current/",
        "/api/v0/instances/",
        "/nowhere",
    ):
        assert (await wire.ask("GET", path)).headers["date"] == date
    assert (await Wire(world, None).ask("GET", "/api/v0/users/current/")).headers["date"] == date


async def test_the_world_never_keeps_a_key() -> None:
    """Requests are recorded without headers."""
    world = a_world()
    await Wire(world, "Bearer very-secret-key").ask("POST", "/api/v0/bundles/", PLAIN)
    assert "very-secret-key" not in str(vars(world.requests[0]))
    assert "very-secret-key" not in str(world.ledger)


@pytest.mark.parametrize("authorization", ["Bearer some-key", None])
@pytest.mark.parametrize(
    "path", ["/api/v0/users/current", "/api/v0/volumes", "/api/v1/instances", "/api/v0/bundles"]
)
async def test_an_address_without_its_last_slash_leads_on(
    path: str, authorization: str | None
) -> None:
    """It is no route: a 301 whose JSON lacks the data; the official client follows it
    (docs/vast-api.md 0).
    """
    wire = Wire(a_world(), authorization)
    reply = await wire.ask("GET", path, q="{}")
    assert (reply.status_code, reply.headers["content-type"]) == (301, "application/json")
    assert reply.headers["location"] == f"{path}/?q=%7B%7D"
    assert not {"instances", "volumes", "offers", "id"} & reply.json().keys()


async def test_what_is_sent_without_the_last_slash_does_nothing() -> None:
    """A client that follows with a GET has lost its body (docs/vast-api.md 0)."""
    world = a_world()
    ask = world.offer()["id"]
    reply = await Wire(world).ask("PUT", f"/api/v0/asks/{ask}", {"image": "x"})
    assert (reply.status_code, world.rentals) == (301, [])


async def test_an_unknown_path_is_a_404_in_json() -> None:
    """An unknown address must not look like a bad key, which is a 404 too."""
    reply = await Wire(a_world()).ask("GET", "/api/v0/instances/no/such/path/")
    assert (reply.status_code, reply.headers["content-type"]) == (404, "application/json")
    assert "auth_error" not in reply.text


# The window


async def test_a_window_has_at_least_240_offers_and_is_the_same_for_the_same_seed() -> None:
    """Tests choose among offers, and must find the same ones each time."""
    assert len(a_world().offers) >= 240
    assert a_world(seed=3).offers == a_world(seed=3).offers != a_world(seed=4).offers


@pytest.mark.parametrize("seed", range(5))
def test_every_window_has_every_kind_of_offer(seed: int) -> None:
    """A test that needs a trap finds it, whatever the seed."""
    world = a_world(seed=seed)
    rows = list(world.offers.values())
    assert len({row["gpu_name"] for row in rows}) >= 20
    assert {row["num_gpus"] for row in rows} == {1, 2, 4, 8}
    assert {row["verification"] for row in rows} == {"verified", "unverified", "deverified"}
    for key in ("vms_enabled", "rentable", "rented", "static_ip"):
        assert {row[key] for row in rows} == {True, False}, key
    assert {row["external"] for row in rows} == {True, False, None}
    assert {row["cpu_arch"] for row in rows} == {"amd64", "arm64"}
    assert {row["min_bid"] > row["dph_base"] for row in rows} == {True, False}
    assert any(row["min_bid"] == pytest.approx(row["dph_base"]) for row in rows)
    assert all(row["inet_down_cost"] > 0 < row["inet_up_cost"] for row in rows)
    assert {row["direct_port_count"] == 0 for row in rows} == {True, False}
    assert any(row["end_date"] - NOON < 86_400 for row in rows)
    assert any(row["reliability"] < 0.9 for row in rows)
    assert {row["hosting_type"] for row in rows} == {0, 1}
    assert world.offer(vm=True, direct_port_count=lambda ports: ports > 0, country="US")


async def test_a_row_has_the_live_keys_and_not_the_ones_only_filters_have() -> None:
    """A row has the recorded keys, and some filters name none of them (docs/vast-api.md B.4)."""
    [row] = await Wire(a_world()).search(limit=1)
    assert not {"datacenter", "verified", "public_ports"} & set(row)
    assert row["id"] == row["ask_contract_id"]
    for key in (
        "hosting_type",
        "min_bid",
        "dph_base",
        "storage_cost",
        "vms_enabled",
        "search",
        "end_date",
        "is_bid",
    ):
        assert key in row


@pytest.mark.parametrize(
    ("asked", "gb"), [({}, 8), ({"allocated_storage": 99}, 99), ({"allocated_storage": "5.0"}, 5)]
)
async def test_the_price_contains_the_disk_asked_for(asked: dict[str, Any], gb: float) -> None:
    """A month is 720 hours (docs/vast-api.md A.6)."""
    for row in await Wire(a_world()).search(**asked):
        assert row["dph_total"] == pytest.approx(row["dph_base"] + row["storage_cost"] * gb / 720)
        assert row["search"]["totalHour"] == row["dph_total"]


@pytest.mark.parametrize("word", ["bid", "interruptible"])
async def test_in_a_bid_search_the_price_is_the_floor(word: str) -> None:
    """In a bid search dph_base is min_bid (docs/vast-api.md A.6)."""
    for row in await Wire(a_world()).search(type=word):
        assert row["is_bid"] is True
        assert row["dph_total"] == pytest.approx(row["min_bid"] + row["storage_cost"] * 8 / 720)


async def test_both_words_for_on_demand_find_the_same() -> None:
    """The specification and the official client spell on demand differently
    (docs/vast-api.md B.1).
    """
    wire = Wire(a_world())
    assert (
        await wire.search(type="on-demand")
        == await wire.search(type="ondemand")
        == await wire.search()
    )


async def test_a_search_shows_verified_free_offers_best_score_first_and_64_at_most() -> None:
    """These are the defaults of a search, and 64 its row cap (docs/vast-api.md B.1)."""
    rows = await Wire(a_world()).search(limit=3000)
    assert len(rows) == 64
    assert all(
        row["verification"] == "verified" and row["rentable"] and not row["external"]
        for row in rows
    )
    scores = [row["score"] for row in rows]
    assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize(
    ("filters", "holds"),
    [
        ({"num_gpus": {"eq": "1"}}, lambda row: row["num_gpus"] == 1),
        ({"dph_total": {"lt": "0.5"}}, lambda row: row["dph_total"] < 0.5),
        (
            {"cuda_max_good": {"gte": "12.4", "lte": 12.8}},
            lambda row: 12.4 <= row["cuda_max_good"] <= 12.8,
        ),
        ({"gpu_ram": {"gt": 24_000.0}}, lambda row: row["gpu_ram"] > 24_000),
        (
            {"gpu_name": {"in": ["RTX 4090", "H100 SXM"]}},
            lambda row: row["gpu_name"] in {"RTX 4090", "H100 SXM"},
        ),
        ({"gpu_name": {"notin": ["RTX 4090"]}}, lambda row: row["gpu_name"] != "RTX 4090"),
        ({"gpu_name": {"neq": "RTX 4090"}}, lambda row: row["gpu_name"] != "RTX 4090"),
        (
            {"geolocation": {"in": ["US", "CA"]}},
            lambda row: row["geolocation"][-2:] in {"US", "CA"},
        ),
        ({"datacenter": {"eq": True}}, lambda row: row["hosting_type"] == 1),
        ({"verified": {"eq": "false"}}, lambda row: row["verification"] != "verified"),
        ({"rentable": {"eq": False}}, lambda row: not row["rentable"]),
        ({"vms_enabled": {"eq": True}}, lambda row: row["vms_enabled"]),
        ({"driver_version": {"gte": 560_000_000}}, lambda row: row["driver_vers"] >= 560_000_000),
        ({"duration": {"lt": 86_400.0}}, lambda row: row["duration"] < 86_400),
        ({"direct_port_count": {"eq": 0}}, lambda row: row["direct_port_count"] == 0),
    ],
)
async def test_filters_find_what_they_say(filters: dict[str, Any], holds: Any) -> None:
    """Filters compare by their operator, and numbers may come as strings
    (docs/vast-api.md B.1, B.2).
    """
    rows = await Wire(a_world()).search(**filters)
    assert rows
    assert all(holds(row) for row in rows)


async def test_the_id_filter_finds_nothing_and_ask_contract_id_does() -> None:
    """Two recorded searches by id found nothing (docs/vast-api.md B.2)."""
    world = a_world()
    wire, offer = Wire(world), world.offer()
    assert await wire.search(id={"eq": offer["id"]}) == []
    assert [row["id"] for row in await wire.search(ask_contract_id={"eq": offer["id"]})] == [
        offer["id"]
    ]


@pytest.mark.parametrize("name", ["RTX_4090", "rtx 4090", "RTX 9999"])
async def test_a_gpu_is_found_by_its_exact_spaced_name_only(name: str) -> None:
    """A name with an underscore or other case finds nothing, as was recorded
    (docs/vast-api.md B.2).
    """
    assert await Wire(a_world()).search(gpu_name={"eq": name}) == []


@pytest.mark.parametrize(
    ("query", "golden"),
    [
        ({"no_such_field": {"eq": 1}}, "search_unknown_key"),
        ({"order": [["no_such_field", "asc"]]}, "search_unknown_key"),
        ({"num_gpus": {"0": 1}}, "search_unknown_op"),
        ({"num_gpus": 0}, "search_unknown_op"),
        ({"limit": {"eq": 5}}, "search_limit_not_integer"),
        ({"limit": "5"}, "search_limit_not_integer"),
        ({"limit": True}, "search_limit_not_integer"),
    ],
)
async def test_a_query_that_cannot_be_read_is_refused(query: dict[str, Any], golden: str) -> None:
    """The refusals are the recorded ones (docs/vast-api.md B.1, B.2)."""
    assert_golden(await Wire(a_world()).ask("POST", "/api/v0/bundles/", query), golden)


async def test_replies_are_json_without_a_charset() -> None:
    """The official client prints nothing otherwise (docs/vast-api.md B.4)."""
    reply = await Wire(a_world()).ask("POST", "/api/v0/bundles/", PLAIN)
    assert reply.headers["content-type"] == "application/json"


async def test_search_asks_takes_a_wrapped_query_and_applies_no_defaults() -> None:
    """The newer search wraps its query and showed unverified hosts, as was recorded
    (docs/vast-api.md B.3).
    """
    wire = Wire(a_world())
    path = "/api/v0/search/asks/"
    assert_golden(await wire.ask("PUT", path, {"rentable": {"eq": True}}), "search_asks_flat")
    every = (
        await wire.ask("PUT", path, {"q": {"num_gpus": {"gte": "1"}, "order": [["id", "asc"]]}})
    ).json()["offers"]
    assert {row["verification"] for row in every} == {"verified", "unverified", "deverified"}
    some = (await wire.ask("PUT", path, {"select_cols": ["id"], "q": {"limit": 2}})).json()[
        "offers"
    ]
    assert [list(row) for row in some] == [["id"], ["id"]]


async def test_the_get_form_of_search_is_served() -> None:
    """Older scripts search this way (docs/vast-api.md B.3)."""
    wire = Wire(a_world())
    reply = await wire.ask("GET", "/api/v0/bundles/", q=json.dumps({**PLAIN, "limit": 1}))
    assert [row["gpu_name"] for row in reply.json()["offers"]] == ["RTX 4090"]


async def test_leaky_filters_let_through_what_only_numbers_would_keep_out() -> None:
    """Numeric filters are not always applied (docs/vast-api.md B.2)."""
    rows = await Wire(a_world(leaky_filters=True)).search(
        num_gpus={"eq": 1}, order=[["num_gpus", "desc"]]
    )
    assert {row["num_gpus"] for row in rows} > {1}
    assert all(row["verification"] == "verified" for row in rows)


# Instances


async def test_a_new_instance_has_no_status_then_loads_then_runs() -> None:
    """A new instance has no status at first (docs/vast-api.md C.4); here each look moves it on."""
    world = a_world()
    wire = Wire(world)
    instance = await rented(
        world, wire, env={"-p 8000:8000": "1", "-p 70001:70001": "1"}, runtype="ssh_direct"
    )
    rows = [await wire.show(instance) for _ in range(4)]
    assert [row and row["actual_status"] for row in rows] == [None, "loading", "running", "running"]
    assert ["ports" in (row or {}) for row in rows] == [False, False, True, True]
    ports = (rows[2] or {})["ports"]
    assert set(ports) == {"22/tcp", "8000/tcp", "70001/tcp"}
    assert ports["70001/tcp"][0]["HostPort"] == "70001"
    assert int(ports["22/tcp"][0]["HostPort"]) != 22


async def test_an_instance_can_move_on_with_time_instead() -> None:
    """A world can be told to move on with its clock, for clients that look often."""
    clock = Clock()
    world = World(clock=clock, looks_per_step=None, seconds_per_step=30)
    wire = Wire(world)
    instance = await rented(world, wire)
    seen: list[str | None] = []
    for _ in range(3):
        seen += [(await wire.show(instance) or {})["actual_status"] for _ in range(2)]
        clock.now += 30
    assert seen == [None, None, "loading", "loading", "running", "running"]


async def test_a_row_has_what_the_official_client_needs() -> None:
    """The official client crashes on a row without these (docs/vast-api.md C.3, checklist 6)."""
    world = a_world()
    wire = Wire(world)
    row = await wire.show(await rented(world, wire, env={"A": "1"}, disk=9, label="mine")) or {}
    assert row["start_date"] == NOON
    assert isinstance(row["start_date"], float)
    assert row["extra_env"] == [["A", "1"]]
    assert row["public_ipaddr"].endswith("\n")
    assert (row["label"], row["disk_space"], row["image_uuid"]) == ("mine", 9, "example/image")
    assert row["dph_total"] == pytest.approx(row["dph_base"] + row["storage_cost"] * 9 / 720)
    assert "gpu_totalram" in row
    assert "gpu_total_ram" not in row
    assert row["geolocation"].endswith(row["country_code"])


async def test_stop_then_start_goes_over_exited_to_running() -> None:
    """A start shows exited for a while before it loads (docs/vast-api.md C.4, checklist 7)."""
    world = a_world(looks_per_step=1)
    wire = Wire(world)
    instance = await rented(world, wire)
    path = f"/api/v0/instances/{instance}/"
    assert (await wire.ask("PUT", path, {"state": "stopped"})).json() == {"success": True}
    row = await wire.show(instance) or {}
    assert (row["actual_status"], row["cur_state"], row["intended_status"]) == (
        "exited",
        "stopped",
        "stopped",
    )
    assert (await wire.ask("PUT", path, {"state": "running"})).json() == {"success": True}
    assert [(await wire.show(instance) or {})["actual_status"] for _ in range(3)] == [
        "exited",
        "loading",
        "running",
    ]
    assert [entry.kind for entry in world.ledger] == ["rent", "stop", "start"]


async def test_a_start_without_its_gpu_is_a_200_that_may_stay_queued() -> None:
    """One report and the documentation have it wait (docs/vast-api.md C.5)."""
    world = a_world(starts_wait=True)
    wire = Wire(world)
    instance = await rented(world, wire)
    path = f"/api/v0/instances/{instance}/"
    await wire.ask("PUT", path, {"state": "stopped"})
    world.take_gpu(instance)
    assert_golden(await wire.ask("PUT", path, {"state": "running"}), "start_queued")
    row = await wire.show(instance) or {}
    assert (row["actual_status"], row["intended_status"], row["cur_state"]) == (
        "scheduling",
        "running",
        "stopped",
    )
    assert world.committed("start") == []
    world.free_gpu(instance)
    assert len(world.committed("start")) == 1


@pytest.mark.parametrize(
    ("lost_bids_stop", "words"),
    [
        (True, ("loading", "stopped", "stopped", "stopped")),
        (False, ("exited", "running", "stopped", "stopped")),
    ],
)
async def test_a_lost_bid_has_one_of_the_two_forms_that_were_seen(
    lost_bids_stop: bool, words: tuple[str, ...]
) -> None:
    """All three words turn to stopped, or it is still asked to run (docs/vast-api.md C.4)."""
    world = a_world(lost_bids_stop=lost_bids_stop)
    wire, offer = Wire(world), world.offer()
    instance = (await wire.rent(offer["id"], price=offer["min_bid"])).json()["new_contract"]
    world.outbid(instance)
    row = await wire.show(instance) or {}
    assert row["is_bid"] is True
    fields = ("actual_status", "intended_status", "cur_state", "next_state")
    assert tuple(row[name] for name in fields) == words


async def test_an_offer_can_have_a_fate() -> None:
    """Some machines fail at boot, and some never come up (docs/vast-api.md C.4)."""
    world = a_world()
    wire, offer = Wire(world), world.offer()
    world.set_fate(offer["id"], [None, "created"], "manifest unknown")
    instance = (await wire.rent(offer["id"])).json()["new_contract"]
    last = [await wire.show(instance) for _ in range(6)][-1] or {}
    assert (last["actual_status"], last["status_msg"]) == ("created", "manifest unknown")


async def test_a_destroyed_instance_reads_null_and_cannot_be_destroyed_again() -> None:
    """A destroyed id reads null, and a DELETE of it is a 404 (docs/vast-api.md C.1,
    checklist 5).
    """
    world = a_world()
    wire = Wire(world)
    path = f"/api/v0/instances/{await rented(world, wire)}/"
    assert_golden(await wire.ask("DELETE", path, {}), "destroy_ok")
    assert_golden(await wire.ask("GET", path), "show_gone")
    assert_golden(await wire.ask("DELETE", path, {}), "destroy_no_such_instance")
    assert_golden(await wire.ask("PUT", path, {"label": "x"}), "destroy_no_such_instance")
    assert (world.living, len(world.rentals)) == ([], 1)
    assert (await wire.page())["instances"] == []


async def test_a_new_instance_can_stay_unreadable_for_some_looks() -> None:
    """Seconds after birth a row may be missing (docs/vast-api.md C.1)."""
    world = a_world(visible_after_looks=2)
    wire = Wire(world)
    instance = await rented(world, wire)
    assert await wire.show(instance) is None
    assert (await wire.page())["instances"] == []
    assert (await wire.show(instance) or {})["id"] == instance


async def test_a_destroyed_instance_can_linger_for_some_looks() -> None:
    """Destroy is eventually consistent (docs/vast-api.md C.7)."""
    world = a_world(gone_after_looks=1)
    wire = Wire(world)
    instance = await rented(world, wire)
    await wire.ask("DELETE", f"/api/v0/instances/{instance}/", {})
    assert [bool(await wire.show(instance)) for _ in range(2)] == [True, False]
    assert world.living == []


async def test_a_label_is_changed_by_put_and_has_a_limit() -> None:
    """The label's own endpoint takes 1024 characters (docs/vast-api.md C.7)."""
    world = a_world()
    wire = Wire(world)
    instance = await rented(world, wire, label="old")
    path = f"/api/v0/instances/{instance}/"
    assert (await wire.ask("PUT", path, {"label": "x" * 1_024})).json() == {"success": True}
    assert_golden(await wire.ask("PUT", path, {"label": "x" * 1_025}), "label_too_long")
    assert [entry.label for entry in world.ledger] == ["old", "x" * 1_024]
    assert (await wire.ask("PUT", path, {"state": "flying"})).status_code == 400


async def test_the_old_list_is_gone() -> None:
    """The v0 list answers 410, as was recorded (docs/vast-api.md C.2)."""
    assert_golden(await Wire(a_world()).ask("GET", "/api/v0/instances/"), "list_v0_deprecated")


async def test_an_empty_account_has_an_empty_page() -> None:
    """An account without machines has a page without rows (docs/vast-api.md C.2)."""
    assert_golden(await Wire(a_world()).ask("GET", "/api/v1/instances/"), "list_v1_empty")


async def many(world: World, wire: Wire, count: int) -> list[int]:
    offer = world.offer()["id"]
    return [
        (await wire.rent(offer, label="odd" if n % 2 else None)).json()["new_contract"]
        for n in range(count)
    ]


async def test_a_list_comes_in_pages_of_25_until_there_is_no_token() -> None:
    """A page holds at most 25 rows, and the last one has no next_token (docs/vast-api.md C.2)."""
    world = a_world(rent_again=True)
    wire = Wire(world)
    made = await many(world, wire, 53)
    pages = [await wire.page(limit=100)]
    while pages[-1]["next_token"]:
        pages.append(await wire.page(limit=100, after_token=pages[-1]["next_token"]))
    assert [len(page["instances"]) for page in pages] == [25, 25, 3]
    assert [row["id"] for page in pages for row in page["instances"]] == made
    assert pages[0]["total_instances"] == 53
    assert pages[0]["label_counts"] == {"": 27, "odd": 26}


async def test_what_is_rented_between_two_pages_is_neither_lost_nor_doubled() -> None:
    """A page token names a place in the order, not a count."""
    world = a_world(rent_again=True)
    wire = Wire(world)
    made = await many(world, wire, 6)
    query = {"limit": 3, "order_by": json.dumps([{"col": "id", "dir": "desc"}])}
    first = await wire.page(**query)
    await many(world, wire, 2)
    await wire.ask("DELETE", f"/api/v0/instances/{made[4]}/", {})
    second = await wire.page(**query, after_token=first["next_token"])
    assert [row["id"] for row in first["instances"] + second["instances"]] == made[::-1]


@pytest.mark.parametrize(("limit", "shown"), [("0", 5), ("-3", 5), ("2", 2), ("26", 25)])
async def test_odd_page_sizes_are_clamped(limit: str, shown: int) -> None:
    """A limit over 25 is 25, and one of 0 or less is 5 (docs/vast-api.md C.2)."""
    world = a_world(rent_again=True)
    wire = Wire(world)
    await many(world, wire, 26)
    assert len((await wire.page(limit=limit))["instances"]) == shown


async def test_a_list_can_be_filtered_ordered_and_narrowed() -> None:
    """The list takes filters, an order and columns; unlabelled is `{"in": [null]}`
    (docs/vast-api.md C.2).
    """
    world = a_world(rent_again=True)
    wire = Wire(world)
    made = await many(world, wire, 4)
    by_id = await wire.page(select_filters=json.dumps({"id": {"eq": made[2]}}))
    assert [row["id"] for row in by_id["instances"]] == [made[2]]
    plain = await wire.page(select_filters='{"label":{"in":[null]}}', select_cols='["id","label"]')
    assert plain["instances"] == [{"id": made[0], "label": None}, {"id": made[2], "label": None}]


@pytest.mark.parametrize(
    ("query", "golden"),
    [
        ({"select_filters": '{"dph_total":{"lt":1}}'}, "list_v1_bad_filter"),
        ({"after_token": "nonsense"}, "list_v1_bad_token"),
        ({"after_token": "e30="}, "list_v1_bad_token"),
    ],
)
async def test_a_list_query_that_cannot_be_read_is_refused(
    query: dict[str, str], golden: str
) -> None:
    """Computed columns and wrong tokens are refused (docs/vast-api.md C.2)."""
    assert_golden(await Wire(a_world()).ask("GET", "/api/v1/instances/", **query), golden)


# Keys, templates, account


async def test_an_account_without_keys_answers_404() -> None:
    """No keys is a 404 and no empty list (docs/vast-api.md D)."""
    assert_golden(await Wire(a_world()).ask("GET", "/api/v0/ssh/"), "ssh_none")


async def test_keys_are_added_listed_and_deleted() -> None:
    """Keys live as documented (docs/vast-api.md D); that the same key twice is one key
    is invented.
    """
    world = a_world()
    wire = Wire(world)
    added = (await wire.ask("POST", "/api/v0/ssh/", {"ssh_key": SSH_KEY})).json()["key"]
    again = (await wire.ask("POST", "/api/v0/ssh/", {"ssh_key": f"{SSH_KEY}\n"})).json()["key"]
    assert again == added
    assert (await wire.ask("GET", "/api/v0/ssh/")).json() == [added]
    assert added["public_key"] == SSH_KEY
    assert (await wire.ask("DELETE", f"/api/v0/ssh/{added['id']}/", {})).json() == {"success": True}
    assert_golden(await wire.ask("DELETE", f"/api/v0/ssh/{added['id']}/", {}), "ssh_missing")
    assert [entry.kind for entry in world.ledger] == ["key_add", "key_delete"]


async def test_a_path_is_stored_as_if_it_were_a_key() -> None:
    """The service takes any text for a key, as vast-cli#498 found (docs/vast-api.md D)."""
    world = a_world()
    await Wire(world).ask("POST", "/api/v0/ssh/", {"ssh_key": "~/.ssh/id_ed25519.pub"})
    assert [key.public_key for key in world.keys.values()] == ["~/.ssh/id_ed25519.pub"]


async def test_a_team_cannot_hold_keys() -> None:
    """The refusal of a team account is the recorded one (docs/vast-api.md D)."""
    world = a_world(team=True)
    assert_golden(await Wire(world).ask("POST", "/api/v0/ssh/", {"ssh_key": SSH_KEY}), "ssh_team")
    assert world.keys == {}


@pytest.mark.parametrize("recommended", [True, "true"])
async def test_recommended_templates_are_found(recommended: object) -> None:
    """Filters apply to templates too, and values may come as text (docs/vast-api.md E)."""
    filters = json.dumps({"recommended": {"eq": recommended}, "count_created": {"gt": "100"}})
    body = (
        await Wire(a_world()).ask(
            "GET", "/api/v0/template/", select_cols='["*"]', select_filters=filters
        )
    ).json()
    assert body["templates_found"] == len(body["templates"]) >= 3
    assert all(isinstance(template["env"], str | None) for template in body["templates"])


async def test_no_template_that_answers_is_a_200_that_is_no_success() -> None:
    """The generated specification has it so (docs/vast-api.md E)."""
    filters = json.dumps({"hash_id": {"eq": "0" * 32}})
    reply = await Wire(a_world()).ask("GET", "/api/v0/template/", select_filters=filters)
    assert (reply.status_code, reply.json()) == (
        200,
        {"success": False, "msg": "No templates found"},
    )


async def test_rows_of_templates_hold_their_filters_as_a_text_of_json() -> None:
    """Some have no operator (docs/vast-api.md E)."""
    rows = (await Wire(a_world()).ask("GET", "/api/v0/template/")).json()["templates"]
    filters = [json.loads(row["extra_filters"]) for row in rows]
    assert {"gpu_arch": "nvidia"} in filters
    assert {"vms_enabled": {"eq": True}} in filters


async def test_a_template_is_known_by_the_hash_of_its_content() -> None:
    """The hash follows the content (docs/vast-api.md A.10, E)."""
    world = a_world()
    wire = Wire(world)
    body = {
        "name": "mine",
        "image": "example/image",
        "env": "-e A=1",
        "recommended_disk_space": "12",
    }
    first = (await wire.ask("POST", "/api/v0/template/", body)).json()["template"]
    same = (await wire.ask("POST", "/api/v0/template/", body)).json()["template"]
    other = (await wire.ask("POST", "/api/v0/template/", {**body, "env": "-e A=2"})).json()[
        "template"
    ]
    assert same == first
    assert other["hash_id"] != first["hash_id"]
    filters = json.dumps({"hash_id": {"eq": first["hash_id"]}})
    [found] = (await wire.ask("GET", "/api/v0/template/", select_filters=filters)).json()[
        "templates"
    ]
    assert (found["env"], found["recommended_disk_space"], found["recommended"]) == (
        "-e A=1",
        12.0,
        False,
    )


async def test_the_account_shows_its_money_and_plants_a_secret() -> None:
    """The account's reply holds api_key (docs/vast-api.md G); whoever shows that on is
    found by it.
    """
    world = a_world(credit=3.5)
    row = (await Wire(world).ask("GET", "/api/v0/users/current/")).json()
    assert (row["id"], row["credit"], row["balance"]) == (world.user_id, 3.5, 0.0)
    assert "host_agreement_accepted" in row
    assert row["api_key"].startswith("sandbox-account-secret")
