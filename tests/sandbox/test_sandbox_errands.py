"""The service runs errands: commands, snapshots, copies, jobs, reports (docs/vast-api.md C.7, C.10,
C.11).
"""

from typing import Any

import pytest

from sandbox_wire import NOON, Wire, a_world
from vast_mcp.sandbox.world import World

VM = {"image": "docker.io/vastai/kvm:ubuntu_terminal", "vm": True, "runtype": "ssh_direct"}
S3 = {"id": 101, "cloud_type": "s3", "name": "mine"}


async def rented(world: World, **body: Any) -> tuple[Wire, int]:
    wire, offer = Wire(world), world.offer(vm=body.get("vm"), ports=True)
    reply = await wire.rent(offer["id"], **body)
    return wire, reply.json()["new_contract"]


# Another template


async def test_a_machine_gets_another_image_with_its_next_container() -> None:
    """Its contract, label and disk stay (docs/vast-api.md C.7)."""
    world = a_world()
    wire, machine = await rented(world, disk=20, label="mine", env={"A": "1"})
    path = f"/api/v0/instances/update_template/{machine}/"
    body = {"id": machine, "image": "other/image:2", "onstart": "echo hi"}
    reply = (await wire.ask("PUT", path, body)).json()
    assert (reply["success"], reply["updated_instance"]["image"]) == (True, "other/image:2")
    row = await wire.show(machine) or {}
    assert (row["image_uuid"], row["onstart"], row["label"]) == ("other/image:2", "echo hi", "mine")
    assert (row["disk_space"], row["extra_env"]) == (20, [["A", "1"]])
    assert row["actual_status"] is None  # the present container goes on
    for _ in range(3):
        await wire.show(machine)
    await wire.ask("PUT", path, {"image": "other/image:3", "recycle": True})
    assert (await wire.show(machine) or {})["actual_status"] == "recycling"
    assert len(world.committed("update_template")) == 2


async def test_the_hash_of_a_template_wins_over_its_number() -> None:
    """And one that nobody has is a 404 (docs/vast-api.md C.7)."""
    world = a_world()
    wire, machine = await rented(world)
    first, second, *_ = world.templates.values()
    path = f"/api/v0/instances/update_template/{machine}/"
    both = {"template_hash_id": first["hash_id"], "template_id": second["id"]}
    await wire.ask("PUT", path, both)
    row = await wire.show(machine) or {}
    assert row["template_hash_id"] == first["hash_id"]
    await wire.ask("PUT", path, {"template_id": second["id"]})
    assert (await wire.show(machine) or {})["template_id"] == second["id"]
    for body in ({"template_hash_id": "none"}, {"template_id": 1}):
        none = await wire.ask("PUT", path, body)
        assert (none.status_code, none.json()["error"]) == (404, "not_found")
    small = await wire.ask("PUT", path, {"disk": 7})
    assert (small.status_code, small.json()["error"]) == (400, "invalid_args")
    gone = await wire.ask("PUT", "/api/v0/instances/update_template/1/", {"image": "x"})
    assert (gone.status_code, gone.json()["error"]) == (404, "not_found")
    odd = await wire.ask("PUT", "/api/v0/instances/update_template/x/", {"image": "x"})
    assert (odd.status_code, odd.json()["error"]) == (400, "missing_id")


# Commands


async def test_a_command_runs_on_a_stopped_container_and_its_output_is_elsewhere() -> None:
    """ls, rm and du; 404 until it is written (docs/vast-api.md C.7)."""
    world = a_world(log_looks=1)
    wire, machine = await rented(world)
    path = f"/api/v0/instances/command/{machine}/"
    running = await wire.ask("PUT", path, {"command": "ls"})
    assert (running.status_code, running.json()["error"]) == (400, "invalid_args")
    assert running.json()["msg"].startswith("Execute command only avail on stopped instances.")
    await wire.ask("PUT", f"/api/v0/instances/{machine}/", {"state": "stopped"})
    reply = (await wire.ask("PUT", path, {"command": "ls"})).json()
    stranger = Wire(world, None).http
    looks = [await stranger.get(reply["result_url"]) for _ in range(2)]
    assert [look.status_code for look in looks] == [404, 200]
    assert "root" in looks[1].text
    assert {"writeable_path", "msg"} < set(reply)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (None, "Missing command."),
        (" ", "Missing command."),
        ("reboot", "Invalid command given."),
        ("ls " + "x" * 512, "Invalid command given."),
    ],
)
async def test_an_odd_command_is_refused(command: Any, words: str) -> None:
    """Only ls, rm and du, up to 512 characters (docs/vast-api.md C.7)."""
    world = a_world()
    wire, machine = await rented(world)
    await wire.ask("PUT", f"/api/v0/instances/{machine}/", {"state": "stopped"})
    path = f"/api/v0/instances/command/{machine}/"
    reply = await wire.ask("PUT", path, {"command": command})
    assert (reply.status_code, reply.json()["msg"]) == (400, words)


async def test_a_vm_runs_no_command() -> None:
    """VMs do not support this (docs/vast-api.md C.7, A.5)."""
    world = a_world()
    world.set_keys(["ssh-ed25519 AAAA x"])
    wire, machine = await rented(world, **VM)
    reply = await wire.ask("PUT", f"/api/v0/instances/command/{machine}/", {"command": "ls"})
    assert reply.json()["msg"] == "VM instances do not support this operation."
    none = await wire.ask("PUT", "/api/v0/instances/command/1/", {"command": "ls"})
    assert (none.status_code, none.json()["error"]) == (404, "not_found")


# Snapshots


async def test_a_snapshot_names_the_image_and_refuses_an_id_in_the_body() -> None:
    """The official client sends the id twice, and is refused (docs/vast-api.md C.7)."""
    world = a_world()
    wire, machine = await rented(world)
    path = f"/api/v0/instances/take_snapshot/{machine}/"
    body = {"container_registry": "docker.io", "personal_repo": "me/mine", "pause": "true"}
    reply = (await wire.ask("POST", path, body)).json()
    assert reply["success"]
    assert f"me/mine:instance_{machine}_at_{int(NOON)}" in reply["msg"]
    twice = await wire.ask("POST", path, {**body, "id": machine})
    assert (twice.status_code, "duplicated" in twice.json()["msg"]) == (400, True)
    tagged = await wire.ask("POST", path, {**body, "personal_repo": "me/mine:1"})
    assert tagged.status_code == 400
    assert len(world.committed("snapshot")) == 1


# Copies


async def test_two_machines_copy_to_each_other() -> None:
    """A place is an id or C.<id>, a volume V.<id>, a connection by type (docs/vast-api.md C.10)."""
    world = a_world(clouds=[S3])
    wire, first = await rented(world)
    second = (await wire.rent(world.offer()["id"])).json()["new_contract"]
    room = next(iter(world.volumes.rooms.values()))
    await wire.ask("PUT", "/api/v0/volumes/", {"id": room["id"], "size": 10})
    [volume] = world.volumes.living
    path = "/api/v0/commands/copy_direct/"

    async def copied(src: Any, dst: Any, src_path: str = "/workspace/") -> tuple[int, Any]:
        body = {"client_id": "me", "src_id": src, "dst_id": dst, "src_path": src_path}
        reply = await wire.ask("PUT", path, {**body, "dst_path": "/workspace/"})
        return reply.status_code, reply.json()

    for src, dst in (
        (first, second),
        (str(first), f"C.{second}"),
        (f"V.{volume.id}", f"C.{second}"),
        (f"C.{first}", "s3.101"),
        ("s3", f"C.{first}"),
    ):
        status, said = await copied(src, dst)
        assert (status, said["success"]) == (200, True), (src, dst)
        assert said["msg"].startswith("Remote to Remote copy initiated")
    assert (await copied(first, 1)) == (
        400,
        {"success": False, "error": "invalid_args", "msg": "Invalid dst_id."},
    )
    assert (await copied(first, second, ""))[1]["msg"] == "Invalid src_path."
    assert (await copied("C.1", second))[1]["error"] == "unauthorized"
    assert (await copied("drive", second))[1]["success"] is False
    assert len(world.committed("copy")) == 5


async def test_a_copy_from_here_is_told_where_the_machine_is() -> None:
    """The side that is null is here (docs/vast-api.md C.10)."""
    world = a_world()
    wire, machine = await rented(world)
    path = "/api/v0/commands/rsync/"
    body = {"client_id": "me", "src_path": "data/", "dst_path": "/workspace/"}
    up = (await wire.ask("PUT", path, {**body, "src_id": None, "dst_id": machine})).json()
    assert {"success", "dst_addr", "dst_port"} == set(up)
    down = (await wire.ask("PUT", path, {**body, "src_id": f"C.{machine}", "dst_id": None})).json()
    assert {"success", "src_addr", "src_port"} == set(down)
    for odd in ({"src_id": None, "dst_id": None}, {"src_id": None, "dst_id": 1}):
        assert (await wire.ask("PUT", path, {**body, **odd})).status_code == 400
    empty = await wire.ask("PUT", path, {"src_id": machine, "dst_id": None, "src_path": ""})
    assert (empty.status_code, empty.json()["msg"]) == (200, "Invalid src_path.")


async def test_a_cloud_copy_needs_a_connection_and_words_that_are_known() -> None:
    """rclone with its flags; connections are a bare array (docs/vast-api.md C.10)."""
    world = a_world(clouds=[S3])
    wire, machine = await rented(world)
    assert (await wire.ask("GET", "/api/v0/users/cloud_integrations/")).json() == [S3]
    good = {
        "instance_id": str(machine),
        "src": "/workspace/",
        "dst": "/backup/",
        "selected": "101",
        "transfer": "Instance To Cloud",
        "flags": ["--dry-run"],
    }
    path = "/api/v0/commands/rclone/"
    reply = (await wire.ask("POST", path, good)).json()
    assert (reply["success"], reply["result_url"]) == (True, None)
    for odd in (
        {"selected": "1"},
        {"transfer": "away"},
        {"flags": ["--exec"]},
        {"src": None},
        {"instance_id": "V.1"},
    ):
        assert (await wire.ask("POST", path, {**good, **odd})).status_code in {400, 404}, odd


@pytest.mark.parametrize("kind", ["copy_direct", "rsync", "rclone"])
async def test_a_copy_is_cancelled_by_where_it_goes(kind: str) -> None:
    """DELETE with dst_id on each of the three (docs/vast-api.md C.10)."""
    world = a_world()
    wire, machine = await rented(world)
    path = f"/api/v0/commands/{kind}/"
    good = await wire.ask("DELETE", path, {"client_id": "me", "dst_id": str(machine)})
    assert good.json() == {"success": True}
    odd = await wire.ask("DELETE", path, {"dst_id": "none at all"})
    assert (odd.status_code, odd.json()["msg"]) == (400, "Invalid dst_id.")
    gone = await wire.ask("DELETE", path, {"dst_id": 1})
    assert (gone.status_code, gone.json()["error"]) == (404, "no_such_instance")


# Jobs


async def test_a_job_is_planned_once_changed_and_forgotten() -> None:
    """The same again is a 422 that names the first (docs/vast-api.md C.10)."""
    world = a_world()
    wire, machine = await rented(world)
    path = "/api/v0/commands/schedule_job/"
    job = {
        "start_time": NOON,
        "end_time": NOON + 86_400,
        "api_endpoint": f"/api/v0/instances/reboot/{machine}/",
        "request_method": "PUT",
        "request_body": {},
        "day_of_the_week": None,
        "hour_of_the_day": 3,
        "frequency": "DAILY",
        "instance_id": machine,
    }
    made = (await wire.ask("POST", path, job)).json()
    number = made["scheduled_job_id"]
    assert made["success"]
    twice = await wire.ask("POST", path, job)
    assert (twice.status_code, twice.json()) == (
        422,
        {"error": "job_exists", "scheduled_job_id": number},
    )
    [row] = (await wire.ask("GET", path)).json()
    assert (row["id"], row["frequency"], row["hour_of_the_day"]) == (number, "DAILY", 3)
    await wire.ask("PUT", f"{path}{number}/", {"hour_of_the_day": 5})
    assert world.office.jobs[number]["hour_of_the_day"] == 5
    for odd in (
        {"frequency": "YEARLY"},
        {"hour_of_the_day": 24},
        {"frequency": "WEEKLY"},
        {"request_method": "PATCH"},
        {"instance_id": "1"},
    ):
        other = {**job, "api_endpoint": "/x/", **odd}
        assert (await wire.ask("POST", path, other)).status_code == 400, odd
    assert (await wire.ask("DELETE", f"{path}{number}/", {})).json()["success"]
    assert (await wire.ask("GET", path)).json() == []
    assert (await wire.ask("DELETE", f"{path}{number}/", {})).status_code == 404


# Hosts


async def test_what_hosts_announce_is_a_bare_array_for_the_machines_that_are_asked_for() -> None:
    """The route has no slash (docs/vast-api.md 0, C.11)."""
    one = {
        "id": 1,
        "machine_id": 10_000,
        "duration_hours": 2.0,
        "start_time": NOON,
        "maintenance_category": "disk",
    }
    wire, path = Wire(a_world(maintenances=[one])), "/api/v0/machines/maintenances"
    assert (await wire.ask("POST", path, {"machine_ids": [10_000, 1]})).json() == [one]
    assert (await wire.ask("POST", path, {"machine_ids": [1]})).json() == []
    assert (await wire.ask("POST", path, {})).status_code == 400
    assert (await wire.ask("POST", f"{path}/", {"machine_ids": [1]})).status_code == 404


async def test_a_machine_is_reported_by_who_has_an_instance_there() -> None:
    """403 for everybody else (docs/vast-api.md C.11)."""
    world = a_world()
    wire, machine = await rented(world)
    number = world.living[0].offer["machine_id"]
    body = {"instance_id": machine, "problem": "Other", "message": "slow"}
    path = f"/api/v0/machines/{number}/report"
    assert (await wire.ask("PUT", path, body)).json() == {"success": True}
    assert (await wire.ask("PUT", path, {**body, "problem": "bad"})).status_code == 400
    assert (await wire.ask("PUT", path, {**body, "message": "x" * 513})).status_code == 400
    assert (await wire.ask("PUT", "/api/v0/machines/1/report", body)).status_code == 403
    assert (await wire.ask("GET", "/api/v0/instance_backups/", contract_id="1")).json() == {
        "backups": []
    }
