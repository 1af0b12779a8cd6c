"""The account keeps secrets, API keys, webhooks, settings, SSH keys (docs/vast-api.md D, G)."""

import json
from typing import Any

import pytest

from sandbox_wire import SSH_KEY, Wire, a_world

OTHER = f"{SSH_KEY[:-20]}other"

# Secrets


async def test_secrets_are_told_by_name_alone() -> None:
    """Upper case, behind a mask; null when there are none (docs/vast-api.md G)."""
    world = a_world()
    wire, path = Wire(world), "/api/v0/secrets/"
    assert (await wire.ask("GET", path)).json() == {"success": True, "secrets": None}
    await wire.ask("POST", path, {"key": "hf_token", "value": "very-secret"})
    more = [{"key": "A", "value": "1"}, {"key": "B", "value": ""}]
    await wire.ask("POST", path, {"env_vars": more})
    said = await wire.ask("GET", path)
    assert said.json()["secrets"] == dict.fromkeys(("HF_TOKEN", "A", "B"), "********")
    assert "very-secret" not in said.text + str(world.ledger)
    assert (await wire.ask("PUT", path, {"key": "a", "value": "2"})).json()["success"]
    assert world.office.secrets["A"] == "2"
    assert (await wire.ask("DELETE", path, {"key": "A"})).json()["success"]
    for method in ("PUT", "DELETE"):
        none = await wire.ask(method, path, {"key": "A", "value": "2"})
        assert (none.status_code, none.json()["msg"]) == (400, "Environment variable not found")


async def test_an_account_has_16_secrets_at_most() -> None:
    """The same name again is no further one (docs/vast-api.md G)."""
    wire, path = Wire(a_world()), "/api/v0/secrets/"
    every = [{"key": f"K{number}", "value": "x"} for number in range(17)]
    many = await wire.ask("POST", path, {"env_vars": every})
    assert (many.status_code, "limit of 16" in many.json()["msg"]) == (400, True)
    assert (await wire.ask("POST", path, {"env_vars": every[:16]})).status_code == 200
    assert (await wire.ask("POST", path, every[0])).status_code == 200
    assert (await wire.ask("POST", path, every[16])).status_code == 400


# API keys


async def test_an_api_key_is_said_once_opens_what_it_may_and_is_forgotten() -> None:
    """A key's permissions are groups (docs/vast-api.md G, I)."""
    world = a_world(api_keys={"right"})
    wire, path = Wire(world, "Bearer right"), "/api/v0/auth/apikeys/"
    permissions = {"api": {"misc": {}, "instance_read": {}}}
    made = (await wire.ask("POST", path, {"name": "reads", "permissions": permissions})).json()
    assert (made["success"], made["permissions"]) == (True, permissions)
    listed = (await wire.ask("GET", path)).json()["apikeys"]
    assert [(row["id"], row["name"], row["key"]) for row in listed] == [(made["id"], "reads", None)]
    assert (await wire.ask("GET", f"{path}{made['id']}/")).json() == listed[0]
    scoped = Wire(world, f"Bearer {made['key']}")
    assert (await scoped.page())["instances"] == []
    assert (await scoped.ask("GET", "/api/v0/users/current/")).status_code == 403
    assert (await scoped.rent(world.offer()["id"])).status_code == 403
    gone = await wire.ask("DELETE", f"{path}{made['id']}/", {})
    assert (gone.headers["content-type"], gone.text) == (
        "text/plain; charset=utf-8",
        "Successfully Deleted API Key",
    )
    assert (await scoped.ask("GET", "/api/v1/instances/")).status_code == 404
    assert made["key"] not in str(world.ledger)
    assert world.rentals == []


@pytest.mark.parametrize(
    "permissions",
    [
        "all",
        {"misc": {}},
        {"api": {"everything": {}}},
        {"api": {"misc": True}},
        {"api": {"instance_read": {"api.instance.request_logs": {}}}},
    ],
)
async def test_odd_permissions_make_no_key(permissions: Any) -> None:
    """What is not understood opens nothing."""
    world = a_world()
    body = {"name": "x", "permissions": permissions}
    reply = await Wire(world).ask("POST", "/api/v0/auth/apikeys/", body)
    assert (reply.status_code, world.issued) == (400, {})


# Webhooks


async def test_webhooks_have_a_secret_that_is_said_once() -> None:
    """At most four, https, events that are known (docs/vast-api.md G)."""
    world = a_world()
    wire, path = Wire(world), "/api/v0/webhooks/"
    good = {"webhook_url": "https://example.com/0", "event_types": ["client:outbid"], "name": "x"}
    made = (await wire.ask("POST", path, good)).json()
    number = made["webhook"]["id"]
    assert made["webhook"]["webhook_secret"]
    assert made["enabled_notification_preferences"] == ["client:outbid"]
    listed = (await wire.ask("GET", path)).json()["webhooks"]
    assert "webhook_secret" not in listed[0]
    for odd, words in (
        ({}, "already registered"),
        ({"webhook_url": "http://example.com/1"}, "https"),
        ({"webhook_url": "https://example.com/1", "event_types": ["x"]}, "Unknown event type: x"),
    ):
        refused = await wire.ask("POST", path, {**good, **odd})
        assert (refused.status_code, words in refused.json()["msg"]) == (400, True)
    for last in range(1, 4):
        await wire.ask("POST", path, {**good, "webhook_url": f"https://example.com/{last}"})
    full = await wire.ask("POST", path, {**good, "webhook_url": "https://example.com/5"})
    assert full.json()["msg"] == "Maximum of 4 webhooks per user"
    assert (await wire.ask("PUT", f"{path}{number}/", {"name": "y"})).json()["webhook"][
        "name"
    ] == "y"
    tested = (await wire.ask("POST", f"{path}{number}/test/", {})).json()
    assert (tested["success"], tested["webhook_id"]) == (True, number)
    assert (await wire.ask("DELETE", f"{path}{number}/", {})).json() == {"success": True}
    assert (await wire.ask("POST", f"{path}{number}/test/", {})).status_code == 404


# The account


async def test_settings_show_in_the_accounts_row() -> None:
    """PUT /users/ sets them; anything else is refused (docs/vast-api.md G)."""
    wire = Wire(a_world())
    body = {"autobill_threshold": 5.0, "balance_threshold_enabled": True}
    assert (await wire.ask("PUT", "/api/v0/users/", body)).json()["success"]
    row = (await wire.ask("GET", "/api/v0/users/current/")).json()
    assert body.items() <= row.items()
    for odd in ({"credit": 1_000}, {"api_key": "x"}, {"id": 1}):
        assert (await wire.ask("PUT", "/api/v0/users/", odd)).status_code == 400
    assert (await wire.ask("GET", "/api/v0/users/current/")).json() == row


async def test_lists_that_are_empty_have_the_names_that_the_official_client_reads() -> None:
    """subaccounts, ipaddrs; the log of what was asked holds no body (docs/vast-api.md G, L)."""
    wire = Wire(a_world())
    assert (await wire.ask("GET", "/api/v0/subaccounts/")).json() == {"users": []}
    assert (await wire.ask("GET", "/api/v0/users/me/ipaddrs/")).json() == {"results": []}
    await wire.ask("POST", "/api/v0/secrets/", {"key": "A", "value": "very-secret"})
    log = await wire.ask("GET", "/api/v0/audit_logs/")
    assert log.json()[0]["api_route"] == "POST /api/v0/secrets/"
    assert "very-secret" not in log.text


@pytest.mark.parametrize("which", ["current", "history", "locations"])
async def test_metrics_are_for_hosts(which: str) -> None:
    """403 for everybody else (docs/vast-api.md G)."""
    assert (await Wire(a_world()).ask("GET", f"/api/v0/metrics/gpu/{which}/")).status_code == 403


# SSH keys


async def test_an_accounts_key_is_changed() -> None:
    """A text that is there already is refused (docs/vast-api.md D)."""
    world = a_world()
    world.set_keys([SSH_KEY])
    [number] = world.keys
    wire = Wire(world)
    good = (
        await wire.ask("PUT", f"/api/v0/ssh/{number}/", {"ssh_key": OTHER, "id": number})
    ).json()
    assert (good["success"], good["key"]["public_key"]) == (True, OTHER)
    same = await wire.ask("PUT", f"/api/v0/ssh/{number}/", {"ssh_key": OTHER})
    assert (same.status_code, same.json()["msg"]) == (
        400,
        "The SSH key already exists on this account",
    )
    none = await wire.ask("PUT", "/api/v0/ssh/1/", {"ssh_key": SSH_KEY})
    assert (none.status_code, none.json()["error"]) == (404, "not_found")


async def test_an_instances_key_is_replaced() -> None:
    """Its reply holds the key as JSON in a text (docs/vast-api.md D)."""
    world = a_world()
    world.set_keys([SSH_KEY])
    [number] = world.keys
    wire = Wire(world)
    instance = (await wire.rent(world.offer()["id"])).json()["new_contract"]
    path = f"/api/v0/instances/{instance}/ssh/"
    reply = (await wire.ask("PUT", path, {"ssh_key_id": number, "ssh_key": OTHER})).json()
    assert reply["msg"] == "SSH key was updated."
    assert json.loads(reply["key"])["public_key"] == OTHER
    held = json.loads((await wire.ask("GET", path)).json()["ssh_keys"])
    assert [key["public_key"] for key in held] == [OTHER]
    assert world.keys[number].public_key == SSH_KEY
    odd = await wire.ask("PUT", path, {"ssh_key_id": 1, "ssh_key": OTHER})
    assert (odd.status_code, odd.json()["error"]) == (200, "add_ssh_to_instance")
    for method in ("GET", "PUT"):
        gone = await wire.ask(method, "/api/v0/instances/1/ssh/", {"ssh_key": OTHER})
        assert (gone.status_code, gone.json()["error"]) == (200, "no_such_instance")


# Volumes


async def test_a_volume_is_cloned_into_room_that_is_large_enough() -> None:
    """Another volume that bills (docs/vast-api.md F)."""
    world = a_world()
    wire, path = Wire(world), "/api/v0/volumes/copy/"
    first, second = [room for room in world.volumes.rooms.values() if room["disk_space"] > 50][:2]
    made = (await wire.ask("PUT", "/api/v0/volumes/", {"id": first["id"], "size": 20})).json()
    body = {"src_id": made["volume_id"], "dst_id": second["id"]}
    clone = (await wire.ask("POST", path, body)).json()
    assert clone["success"]
    assert [volume.gb for volume in world.volumes.living] == [20, 20]
    assert clone["volume_name"] == f"V.{world.volumes.living[1].id}"
    assert len(world.committed("volume")) == 2
    small = await wire.ask("POST", path, {**body, "size": 10})
    assert (small.status_code, small.json()["error"]) == (400, "invalid_args")
    other = await wire.ask("POST", path, {**body, "src_id": 1})
    assert (other.status_code, other.json()["error"]) == (401, "unauthorized")
    assert (await wire.ask("POST", path, {"src_id": made["volume_id"]})).status_code == 400
    assert len(world.volumes.living) == 2
