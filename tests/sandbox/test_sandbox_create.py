"""The sandbox's create takes and refuses what Vast.ai's does (docs/vast-api.md A)."""

import json

import pytest

from sandbox_wire import SSH_KEY, Wire, a_world, assert_golden
from vast_mcp.sandbox import create_body

VM_IMAGE = "docker.io/vastai/kvm:ubuntu_terminal"


async def test_a_rental_answers_with_its_id_and_a_secret_and_is_in_the_ledger() -> None:
    """A success names new_contract and the machine's own key (docs/vast-api.md A.11)."""
    world = a_world()
    offer = world.offer(gpu_name="RTX 4090")
    reply = await Wire(world).rent(offer["id"], disk=20, label="mine#1")
    body = reply.json()
    assert list(body) == ["success", "new_contract", "instance_api_key"]
    assert body["instance_api_key"].startswith("sandbox-instance-key-")
    [entry] = world.ledger
    assert (entry.kind, entry.instance_id, entry.offer_id) == (
        "rent",
        body["new_contract"],
        offer["id"],
    )
    assert (entry.label, entry.price) == ("mine#1", offer["dph_base"])
    assert [rental.id for rental in world.living] == [body["new_contract"]]


async def test_the_second_rent_of_an_offer_is_refused_as_gone() -> None:
    """The second rent of an offer is refused, as was recorded (docs/vast-api.md A.11)."""
    world = a_world()
    wire, offer = Wire(world), world.offer()
    await wire.rent(offer["id"])
    assert_golden(await wire.rent(offer["id"]), "create_ask_gone", ask=offer["id"])
    assert len(world.rentals) == 1


async def test_with_rent_again_the_second_rent_makes_a_second_machine() -> None:
    """An offer was rented twice in skypilot#9117: no client may count on the refusal
    (docs/vast-api.md B.4).
    """
    world = a_world(rent_again=True)
    wire, offer = Wire(world), world.offer()
    first, second = await wire.rent(offer["id"]), await wire.rent(offer["id"])
    assert first.json()["new_contract"] != second.json()["new_contract"]
    assert {rental.offer_id for rental in world.living} == {offer["id"]}
    assert len(world.living) == 2


async def test_a_rented_offer_leaves_the_window_and_comes_back_when_destroyed() -> None:
    """A rented offer is no longer rentable (docs/vast-api.md B.4); that it comes back is invented,
    since else nothing could be rented anew.
    """
    world = a_world()
    wire, offer = Wire(world), world.offer()
    query = {"ask_contract_id": {"eq": offer["id"]}}
    rented = (await wire.rent(offer["id"])).json()["new_contract"]
    assert await wire.search(**query) == []
    [row] = await wire.search(**query, rentable={"eq": False})
    assert (row["rentable"], row["rented"]) == (False, True)
    await wire.ask("DELETE", f"/api/v0/instances/{rented}/", {})
    assert [row["id"] for row in await wire.search(**query)] == [offer["id"]]


async def test_unknown_private_and_taken_offers_have_three_different_refusals() -> None:
    """Unknown is 404, private 403 and taken 410 (docs/vast-api.md A.11)."""
    world = a_world()
    wire = Wire(world)
    private, taken = world.offer(num_gpus=1)["id"], world.offer(num_gpus=2)["id"]
    world.private_offers.add(private)
    world.take(taken)
    assert_golden(await wire.rent(99), "create_unknown_ask", ask=99)
    assert_golden(await wire.rent(private), "create_not_your_own", ask=private)
    assert_golden(await wire.rent(taken), "create_ask_gone", ask=taken)
    assert_golden(await wire.ask("PUT", "/api/v0/asks/abc/", {}), "create_offer_id_needed")
    assert world.ledger == []


async def test_post_is_not_the_way_to_create() -> None:
    """One page says POST; every client sends PUT (docs/vast-api.md A.1)."""
    world = a_world()
    reply = await Wire(world).ask("POST", f"/api/v0/asks/{world.offer()['id']}/", {"image": "x"})
    assert (reply.status_code, world.rentals) == (405, [])


async def test_null_is_an_absent_field() -> None:
    """The official client sends nulls for everything it was not given
    (docs/vast-api.md, checklist 3).
    """
    world = a_world()
    nulls = dict.fromkeys(
        ("price", "label", "onstart", "image_login", "jupyter_dir", "template_hash_id", "user")
    )
    reply = await Wire(world).rent(world.offer()["id"], env=None, disk=None, runtype=None, **nulls)
    assert reply.json()["success"] is True
    [rental] = world.rentals
    assert (rental.launch.runtype, rental.launch.disk, rental.launch.env) == ("ssh_proxy", 8.0, {})


async def test_without_image_or_template_the_default_image_runs() -> None:
    """The specification names a default image (docs/vast-api.md A.2)."""
    world = a_world()
    await Wire(world).ask("PUT", f"/api/v0/asks/{world.offer()['id']}/", {})
    assert world.rentals[0].launch.image == "vastai/base-image:@vastai-automatic-tag"


async def test_unknown_fields_of_a_create_are_ignored() -> None:
    """client_id, extra and create_from are still sent by clients (docs/vast-api.md A.2)."""
    world = a_world()
    reply = await Wire(world).rent(
        world.offer()["id"], client_id="me", extra=None, create_from=None, nonsense=1
    )
    assert reply.status_code == 200


async def test_an_env_string_is_refused() -> None:
    """The specification says string, the service says dict (docs/vast-api.md A.4;
    recorded live).
    """
    world = a_world()
    offer = world.offer()
    assert_golden(await Wire(world).rent(offer["id"], env="-e A=1"), "create_env_is_string")
    assert world.rentals == []


@pytest.mark.parametrize(("room", "status"), [(0, 200), (1, 400)])
async def test_the_environment_may_have_32_kb(room: int, status: int) -> None:
    """A recorded refusal says 32 KB, which is bytes (docs/vast-api.md A.4)."""
    world = a_world()
    reply = await Wire(world).rent(world.offer()["id"], env={"A": "é" * 16_383 + "x" * (1 + room)})
    assert reply.status_code == status
    if status == 400:
        assert_golden(reply, "create_env_too_long")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"onstart": "x" * 4_048}, 200),
        ({"onstart": "x" * 4_049}, 400),
        ({"args": ["x" * 4_000, "y" * 96]}, 200),
        ({"args": ["x" * 4_000, "y" * 97]}, 400),
        ({"args_str": "x" * 100, "onstart": "y" * 3_996}, 200),
        ({"args_str": "x" * 100, "onstart": "y" * 3_997}, 400),
        ({"label": "x" * 256}, 200),
        ({"label": "x" * 257}, 400),
        ({"disk": 8}, 200),
        ({"disk": 7.9}, 400),
        ({"disk": "20"}, 400),
        ({"disk": 1_000_000}, 400),
        ({"image": "x" * 1_025}, 400),
        ({"image": 5}, 400),
        ({"env": {f"-p {port}:{port}": "1" for port in range(9_000, 9_064)}}, 200),
        ({"env": {f"-p {port}:{port}": "1" for port in range(9_000, 9_065)}}, 400),
        ({"env": {"A": 1}}, 400),
        ({"runtype": "ssh_direct"}, 200),
        ({"runtype": "telnet"}, 400),
        ({"target_state": "paused"}, 400),
        ({"args": "echo"}, 400),
        ({"vm": "yes"}, 400),
        ({"volume_info": {"create_new": True}}, 400),
        ({"template_hash_id": "0" * 32}, 400),
    ],
)
async def test_the_bounds_of_a_create(body: dict[str, object], status: int) -> None:
    """Each field has its documented bound (docs/vast-api.md A.2, A.4)."""
    world = a_world()
    reply = await Wire(world).rent(world.offer(disk_space=lambda gb: gb > 50)["id"], **body)
    assert reply.status_code == status, reply.text
    if status == 400:
        assert reply.json()["error"] == "invalid_args"
        assert world.ledger == []


@pytest.mark.parametrize(
    ("price", "error"), [(0.0009, "invalid_price"), (128.5, "invalid_price"), ("1", "invalid_args")]
)
async def test_a_price_out_of_bounds_rents_nothing(price: object, error: str) -> None:
    """A bid lies between 0.001 and 128 (docs/vast-api.md A.2, A.6)."""
    world = a_world()
    offer = world.offer()
    reply = await Wire(world).rent(offer["id"], price=price)
    assert (reply.status_code, reply.json()["error"], world.rentals) == (400, error, [])
    if error == "invalid_price":
        assert_golden(reply, "create_invalid_price", ask=offer["id"])


@pytest.mark.parametrize(
    ("low_bid_error", "reply_of"), [(False, "create_stopped"), (True, "create_low_bid")]
)
async def test_a_bid_below_the_floor_leaves_a_stopped_machine(
    low_bid_error: bool, reply_of: str
) -> None:
    """The stopped machine stores, so it costs until it is destroyed, as dstack#4036 found
    (docs/vast-api.md A.6, A.11).
    """
    world = a_world(low_bid_error=low_bid_error)
    wire, offer = Wire(world), world.offer(min_bid=lambda usd: usd > 0.01)
    reply = await wire.rent(offer["id"], price=0.002)
    [rental] = world.living
    assert_golden(reply, reply_of, ask=offer["id"], contract=rental.id)
    row = await wire.show(rental.id)
    assert row is not None
    assert (row["cur_state"], row["intended_status"], row["next_state"]) == (
        "stopped",
        "stopped",
        "stopped",
    )
    assert row["is_bid"] is True


async def test_a_price_alone_makes_the_rental_interruptible() -> None:
    """The presence of a price is what makes a bid (docs/vast-api.md A.6)."""
    world = a_world()
    offer = world.offer()
    await Wire(world).rent(offer["id"], price=offer["min_bid"])
    [rental] = world.rentals
    assert (rental.launch.is_bid, rental.price, rental.intended) == (
        True,
        offer["min_bid"],
        "running",
    )


@pytest.mark.parametrize(
    ("body", "stays"),
    [
        ({}, None),  # on demand and to be running: cancel by default
        ({"cancel_unavail": True}, None),
        ({"cancel_unavail": False}, "stopped"),
        ({"price": 1.0}, "stopped"),  # interruptible: not by default
        ({"price": 1.0, "cancel_unavail": True}, None),
        ({"target_state": "stopped"}, "stopped"),
    ],
)
async def test_what_becomes_of_a_rental_whose_machine_cannot_start(
    body: dict[str, object], stays: str | None
) -> None:
    """An explicit false defeats the service's default (docs/vast-api.md A.7)."""
    world = a_world()
    offer = world.offer(max_price=0.9)
    world.jam(offer["id"])
    reply = await Wire(world).rent(offer["id"], **body)
    if stays is None:
        assert_golden(reply, "create_ask_gone", ask=offer["id"])
    assert [rental.intended for rental in world.living] == ([] if stays is None else [stays])


async def test_an_account_without_credit_rents_nothing() -> None:
    """The recorded refusal has no success key (docs/vast-api.md A.11)."""
    world = a_world(credit=0)
    assert_golden(await Wire(world).rent(world.offer()["id"]), "create_insufficient_credit")
    assert world.rentals == []


async def test_a_vm_needs_a_key_first() -> None:
    """A VM takes its keys at birth only (docs/vast-api.md A.5)."""
    world = a_world()
    offer = world.offer(vm=True)
    wire = Wire(world)
    assert_golden(
        await wire.rent(offer["id"], vm=True, image=VM_IMAGE),
        "create_no_ssh_key_for_vm",
        ask=offer["id"],
    )
    world.set_keys([SSH_KEY])
    assert (await wire.rent(offer["id"], vm=True, image=VM_IMAGE)).status_code == 200
    assert [rental.kind for rental in world.rentals] == ["vm"]


async def test_a_team_cannot_make_a_vm() -> None:
    """Team accounts cannot hold keys (docs/vast-api.md A.5, D)."""
    world = a_world(team=True)
    world.set_keys([SSH_KEY])
    reply = await Wire(world).rent(world.offer(vm=True)["id"], vm=True, image=VM_IMAGE)
    assert reply.json()["error"] == "no_ssh_key_for_vm"


async def test_a_vm_image_without_its_registry_silently_becomes_a_container() -> None:
    """The service was seen to start a container instead (docs/vast-api.md A.5)."""
    world = a_world()
    world.set_keys([SSH_KEY])
    reply = await Wire(world).rent(
        world.offer(vm=True)["id"], vm=True, image="vastai/kvm:ubuntu_terminal"
    )
    assert reply.json()["success"] is True
    assert [rental.kind for rental in world.rentals] == ["container"]


@pytest.mark.parametrize(
    "body", [{"runtype": "jupyter"}, {"runtype": "args"}, {"volume_info": {"mount_path": "/d"}}]
)
async def test_a_vm_is_entered_by_ssh_and_has_no_volumes(body: dict[str, object]) -> None:
    """A VM takes no other runtype and no volume (docs/vast-api.md A.5)."""
    world = a_world()
    world.set_keys([SSH_KEY])
    reply = await Wire(world).rent(world.offer(vm=True)["id"], vm=True, image=VM_IMAGE, **body)
    assert reply.json()["error"] == "invalid_args"


async def test_a_vm_on_an_offer_without_vms_is_refused() -> None:
    """An offer must have vms_enabled (docs/vast-api.md A.5)."""
    world = a_world()
    world.set_keys([SSH_KEY])
    reply = await Wire(world).rent(world.offer(vm=False)["id"], vm=True, image=VM_IMAGE)
    assert (reply.status_code, reply.json()["error"]) == (400, "invalid_args")


@pytest.mark.parametrize(
    ("asked", "stored"),
    [
        ("ssh", "ssh_proxy"),
        ("ssh_proxy", "ssh_proxy"),
        ("ssh_direct", "ssh_direc ssh_proxy"),
        ("ssh_direc ssh_proxy", "ssh_direc ssh_proxy"),
        ("jupyter", "jupyter_proxy ssh_proxy"),
        ("jupyter_direct", "jupyter_direc ssh_direc ssh_proxy"),
        ("jupyter_direc ssh_direc ssh_proxy", "jupyter_direc ssh_direc ssh_proxy"),
        ("args", "args"),
    ],
)
async def test_both_vocabularies_of_runtype_are_understood(asked: str, stored: str) -> None:
    """The specification and the official client name runtypes differently
    (docs/vast-api.md A.3).
    """
    world = a_world()
    await Wire(world).rent(world.offer()["id"], runtype=asked)
    assert world.rentals[0].launch.runtype == stored


@pytest.mark.parametrize("body", [{"args": ["echo", "hi"]}, {"args_str": "echo hi"}])
async def test_arguments_alone_choose_the_args_mode(body: dict[str, object]) -> None:
    """Where args are given and no runtype, it is args (docs/vast-api.md A.2)."""
    world = a_world()
    await Wire(world).rent(world.offer()["id"], **body)
    assert world.rentals[0].launch.runtype == "args"


async def test_a_template_gives_what_the_request_does_not_say() -> None:
    """The four rows of the merge table hold (docs/vast-api.md A.10)."""
    world = a_world()
    wire = Wire(world)
    reply = await wire.ask(
        "POST",
        "/api/v0/template/",
        {
            "name": "mine",
            "image": "example/server",
            "tag": "v1",
            "env": "-e MODEL_ID=a -e MAX_TOKENS=4096 -p 8000:8000",
            "runtype": "jupyter",
            "recommended_disk_space": "50",
        },
    )
    hash_id = reply.json()["template"]["hash_id"]
    roomy = {"disk_space": lambda gb: gb > 60}
    env = {"MODEL_ID": "b", "HF_TOKEN": "x"}
    first, second = world.offer(num_gpus=1, **roomy)["id"], world.offer(num_gpus=2, **roomy)["id"]
    await wire.ask(
        "PUT", f"/api/v0/asks/{first}/", {"template_hash_id": hash_id, "image": None, "env": env}
    )
    await wire.ask(
        "PUT",
        f"/api/v0/asks/{second}/",
        {"template_hash_id": hash_id, "image": "other", "disk": 10},
    )
    one, two = (rental.launch for rental in world.rentals)
    assert one.env == {"MODEL_ID": "b", "MAX_TOKENS": "4096", "-p 8000:8000": "1", "HF_TOKEN": "x"}
    assert (one.image, one.disk, one.runtype) == (
        "example/server:v1",
        50.0,
        "jupyter_proxy ssh_proxy",
    )
    assert (two.image, two.disk, two.runtype) == ("other", 10.0, "jupyter_proxy ssh_proxy")


async def test_a_volume_is_stored_as_an_environment_pair_and_shown_only_in_the_list() -> None:
    """The row keeps a volume as a pair of extra_env (docs/vast-api.md A.8)."""
    world = a_world()
    wire = Wire(world)
    volume = {"create_new": False, "volume_id": 881, "mount_path": "/mnt"}
    rented = (await wire.rent(world.offer()["id"], volume_info=volume, env={"A": "1"})).json()[
        "new_contract"
    ]
    row = await wire.show(rented)
    assert row is not None
    assert row["extra_env"] == [["A", "1"], ["-v V.881:/mnt", "1"]]
    assert "volume_info" not in row
    assert (await wire.page())["instances"][0]["volume_info"] == [volume]


async def test_a_body_that_is_no_json_object_is_refused() -> None:
    """A body that is no object rents nothing."""
    world = a_world()
    path = f"/api/v0/asks/{world.offer()['id']}/"
    wire = Wire(world)
    for content in ("{", "[]", '"x"'):
        reply = await wire.http.put(path, content=content)
        assert (reply.status_code, reply.json()["error"]) == (400, "invalid_args")


@pytest.mark.parametrize(
    ("flags", "env"),
    [
        ("-e A=1 -e B='two words'", {"A": "1", "B": "two words"}),
        ("-p 80:80 -p 53:53/udp -h box", {"-p 80:80": "1", "-p 53:53/udp": "1", "-h": "box"}),
        ("-v V.1:/mnt -n net stray", {"-v V.1:/mnt": "1", "-n net": "1"}),
        ("", {}),
    ],
)
def test_a_templates_flag_string_reads_as_the_object_a_request_sends(
    flags: str, env: dict[str, str]
) -> None:
    """A flag string and an object have one grammar of keys (docs/vast-api.md A.4)."""
    assert env == create_body.read_flag_env(flags)


async def test_the_exact_body_of_the_official_client_rents() -> None:
    """The official client's default body is taken as it is (docs/vast-api.md A.12)."""
    world = a_world()
    body = json.loads(
        '{"client_id":"me","image":"pytorch/pytorch","env":{},"price":null,"disk":20.0,"label":null,"extra":null,'
        '"onstart":null,"image_login":null,"python_utf8":false,"lang_utf8":false,"use_jupyter_lab":false,'
        '"jupyter_dir":null,"force":false,"cancel_unavail":false,"template_hash_id":null,"user":null,"runtype":"ssh"}'
    )
    reply = await Wire(world).ask("PUT", f"/api/v0/asks/{world.offer()['id']}/", body)
    assert reply.json()["success"] is True
    assert world.requests[0].body == body


@pytest.mark.parametrize(
    "content", ['{"label":"\\ud800"}', '{"volume_info":{"mount_path":"/d","size":NaN}}']
)
async def test_what_could_not_be_said_back_is_not_taken_in(content: str) -> None:
    """One row that cannot be encoded would make every list unreadable."""
    world = a_world()
    reply = await Wire(world).http.put(f"/api/v0/asks/{world.offer()['id']}/", content=content)
    assert (reply.status_code, world.rentals) == (400, [])
