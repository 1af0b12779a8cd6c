"""`check` of create_instance: the look goes where a shell starts it, and where it does not fit that
is said (docs/checks.md).
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from mcp import Client

from house import an_offer, call, puts, served
from vast_mcp.checks import script
from vast_mcp.leases import watchdog
from vast_mcp.leases.packing import ONSTART_MAX, packed
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Settings

LONG = "".join(f"apt-get install -y package-{number * 7919}\n" for number in range(120))


async def rented(client: Client, world: World, **more: Any) -> tuple[dict[str, Any], Any]:
    """The answer, and how it was launched."""
    made = await call(client, "create_instance", offer_id=an_offer(world)["id"], check=True, **more)
    return made, world.instances[made["instance_id"]].launch


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"lease_hours": 2.0},
        {"onstart": "echo hello\n"},
        {"onstart": "#!/bin/bash\necho hello\n"},
    ],
    ids=["alone", "lease", "script", "shebang"],
)
async def test_a_check_goes_with_what_starts(
    more: dict[str, Any], client: Client, world: World
) -> None:
    made, launch = await rented(client, world, **more)
    assert script.is_in(launch.onstart)
    assert len(launch.onstart) <= ONSTART_MAX
    assert "check_machine" in made["made"]["check"]
    assert not [one for one in made["warnings"] if "check" in one]
    assert watchdog.is_in(launch.onstart) == ("lease_hours" in more)
    if "onstart" in more:
        assert script.without(launch.onstart) == more["onstart"]


async def test_room_goes_to_watchdog_then_script_then_check(client: Client, world: World) -> None:
    made, launch = await rented(client, world, onstart=LONG, lease_hours=2.0)
    assert watchdog.is_in(launch.onstart)
    assert not script.is_in(launch.onstart)
    assert "check" not in made["made"]
    [said] = [one for one in made["warnings"] if "No check is in it" in one]
    assert f"of {ONSTART_MAX} characters" in said


async def test_a_script_is_packed_where_that_makes_room(client: Client, world: World) -> None:
    text = "echo a line that is said once more\n" * 90
    assert len(text) < ONSTART_MAX
    _, launch = await rented(client, world, onstart=text)
    assert script.without(launch.onstart) == packed(text)


async def test_a_template_s_script_is_carried_along(client: Client, world: World) -> None:
    """An onstart in the request replaces the template's (docs/vast-api.md A.10)."""
    template = world.add_template(
        {"name": "t", "image": "x", "onstart": "echo of the template\n", "runtype": "ssh"}
    )
    _, launch = await rented(client, world, template_hash_id=template["hash_id"])
    assert script.without(launch.onstart) == "echo of the template\n"


async def test_an_image_s_own_command_has_no_room_for_it(client: Client, world: World) -> None:
    made, launch = await rented(client, world, runtype="args", args=["--port", "8000"])
    assert (launch.onstart, launch.args) == (None, ["--port", "8000"])
    assert [one for one in made["warnings"] if "No check is in it: with runtype args" in one]


async def test_the_script_of_a_shell_in_args_has(client: Client, world: World) -> None:
    given = {"runtype": "args", "onstart": "/bin/bash", "args": ["-c", "exec serve"]}
    made, launch = await rented(client, world, **given)
    assert launch.onstart == "/bin/bash"
    assert launch.args[0] == "-c"
    assert script.without(launch.args[1]) == "exec serve"
    assert "check_machine" in made["made"]["check"]


async def test_the_same_call_with_or_without_a_check_is_the_same_wish(
    client: Client, world: World
) -> None:
    """How a machine is looked at does not make it another one."""
    offer = an_offer(world)["id"]
    first = await call(client, "create_instance", offer_id=offer)
    again = await call(client, "create_instance", offer_id=offer, check=True)
    assert (again["instance_id"], again["replayed"]) == (first["instance_id"], True)
    assert "check was not applied, since the machine exists." in again["warnings"]
    assert puts(world) == 1


async def test_the_server_of_a_download_goes_along_where_there_is_room(
    world: World, settings: Settings
) -> None:
    url = "https://speed.example/100MB"
    async with served(world, replace(settings, check_url=url)) as client:
        _, launch = await rented(client, world)
        assert f"sh -s {url} " in launch.onstart
        _, tight = await rented(client, world, lease_hours=2.0)
        assert script.is_in(tight.onstart)
        assert url not in tight.onstart


async def test_a_server_without_a_key_reads_what_the_machine_said(
    world: World, settings: Settings, tmp_path: Path
) -> None:
    """Over HTTP no key of this computer is used (docs/ssh.md)."""
    async with served(world, replace(settings, ssh_dir=None)) as client:
        made, _ = await rented(client, world)
        machine = made["instance_id"]
        world.set_logs(machine, 'vast-mcp: check {"v":1,"gpu":"6 No devices were found"}\n')
        told = await call(client, "check_machine", instance_id=machine)
        assert (told["seen_by"], told["verdict"]) == ("log", "worse")
        assert told["warnings"][0].startswith("Not by SSH: ")
        world.set_logs(machine, "still pulling\n")
        told = await call(client, "check_machine", instance_id=machine)
        assert (told["verdict"], told["next_steps"][0]["tool"]) == ("unknown", "check_machine")
        other = await call(client, "create_instance", offer_id=an_offer(world)["id"])
        refused = await call(client, "check_machine", instance_id=other["instance_id"])
        assert refused["error"]["code"] == "no_ssh_key"
