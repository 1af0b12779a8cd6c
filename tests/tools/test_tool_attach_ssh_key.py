"""attach_ssh_key: a container is let known a key that is younger than itself."""

from __future__ import annotations

from typing import Any

from mcp import Client

from house import KEY_LINE, call
from vast_mcp.sandbox.world import World


async def ours(client: Client, world: World, **more: Any) -> int:
    offer = world.offer(disk_space=lambda free: free > 40)
    return (await call(client, "create_instance", offer_id=offer["id"], disk=16, **more))[
        "instance_id"
    ]


async def test_a_key_registered_later_is_attached(client: Client, world: World) -> None:
    """A container accepts keys after creation; the proxy may be slow to know
    (docs/vast-api.md D, C.6).
    """
    made = await ours(client, world)
    key = (await call(client, "create_ssh_key", public_key=KEY_LINE))["key_id"]
    result = await call(client, "attach_ssh_key", instance_id=made, key_id=key)
    assert (result["instance_id"], result["key_id"]) == (made, key)
    assert [one.public_key for one in world.instances[made].keys.values()] == [KEY_LINE]
    assert "proxy" in result["warnings"][0]
    [step] = result["next_steps"]
    assert (step["tool"], step["arguments"]) == (
        "wait_for_instance",
        {"instance_id": made, "until": "ssh"},
    )


async def test_attaching_twice_is_fine(client: Client, world: World) -> None:
    """Duplicates are answered with "already attached", 400 or 409 (docs/vast-api.md D)."""
    world.set_keys([KEY_LINE])
    made = await ours(client, world)
    [key] = world.keys
    for _ in range(2):
        assert "error" not in await call(client, "attach_ssh_key", instance_id=made, key_id=key)


async def test_a_key_that_is_not_registered_is_refused(client: Client, world: World) -> None:
    """Only a key of the account is let in."""
    made = await ours(client, world)
    error = (await call(client, "attach_ssh_key", instance_id=made, key_id=1))["error"]
    assert (error["code"], error["problems"][0]["field"]) == ("bad_arguments", "key_id")
    assert [step["tool"] for step in error["next_steps"]] == ["show_ssh_keys"]
    assert world.asked("attach_key") == []


async def test_what_is_no_key_is_not_attached(client: Client, world: World) -> None:
    """Some clients register a file's path (docs/vast-api.md K; vast-cli#498)."""
    world.set_keys(["/home/ann/.ssh/id_ed25519.pub"])
    made = await ours(client, world)
    [key] = world.keys
    error = (await call(client, "attach_ssh_key", instance_id=made, key_id=key))["error"]
    assert "no public key" in error["problems"][0]["problem"]
    assert "ann" not in str(error)
    assert world.asked("attach_key") == []


async def test_an_unknown_machine_is_an_error_that_names_the_living(
    client: Client, world: World
) -> None:
    """The same check as before every act on a machine."""
    world.set_keys([KEY_LINE])
    made = await ours(client, world)
    [key] = world.keys
    error = (await call(client, "attach_ssh_key", instance_id=4711, key_id=key))["error"]
    assert error["code"] == "no_such_instance"
    assert str(made) in error["message"]


async def test_a_vm_takes_no_key_after_its_birth(client: Client, world: World) -> None:
    """The specification says never; Vast would accept the request (docs/vast-api.md A.5 and D)."""
    world.set_keys([KEY_LINE])
    offer = world.offer(vm=True, ports=True, disk_space=lambda free: free > 40)
    image = "docker.io/vastai/kvm:ubuntu_terminal"
    made = await call(
        client, "create_instance", offer_id=offer["id"], disk=16, image=image, vm=True
    )
    [key] = world.keys
    error = (await call(client, "attach_ssh_key", instance_id=made["instance_id"], key_id=key))[
        "error"
    ]
    assert error["code"] == "vm_not_possible"
    assert world.asked("attach_key") == []
