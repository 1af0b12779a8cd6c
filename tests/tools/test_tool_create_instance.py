"""create_instance, through a client: what is refused, what is sent, what is told.

"Nothing is sent" means that the sandbox saw no PUT. Letters name the section of the API notes a
claim comes from.
"""

import json
import random
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client
from pydantic import SecretStr

from house import KEY_LINE, OTHER_KEY_LINE, an_offer, call, served
from vast_mcp.host.server import build
from vast_mcp.renting.as_made import NO_WAY_IN
from vast_mcp.sandbox.routes import create_app
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Settings
from vast_mcp_tools import CATALOGUE

VM_IMAGE = "docker.io/vastai/kvm:ubuntu_terminal"
TEAM_REFUSAL = {
    "success": False,
    "error": "team_ssh_keys_not_supported",
    "msg": "Team SSH keys are not supported. SSH keys can only be created in personal context.",
}
TWO_DAYS = 2 * 86_400
HTML_502 = {"endpoint": "search", "kind": "html502", "times": None}


def container_offer(world: World, **traits: Any) -> Any:
    """An offer that gives no reason to warn."""
    return world.offer(
        **{"duration": lambda s: s > TWO_DAYS, "disk_space": lambda gb: gb > 100, **traits}
    )


def warned(made: Any) -> list[str]:
    """What it warns of beside the price of an offer that no search has shown."""
    return [text for text in made["warnings"] if not text.startswith("No search had shown")]


def vm_offer(world: World, **traits: Any) -> Any:
    return container_offer(
        world, **{"vm": True, "direct_port_count": lambda ports: ports > 0, **traits}
    )


def template_hash(world: World, name: Any) -> Any:
    return next(
        hash_id for hash_id, template in world.templates.items() if template["name"] == name
    )


def fields_of(error: Any) -> Any:
    return {problem["field"] for problem in error.get("problems", [])}


async def follow(client: Client, step: Any) -> Any:
    """The call that a next step names."""
    return await call(client, step["tool"], **step["arguments"])


@pytest.fixture
def local_key(tmp_path: Path) -> Any:
    """A key pair's public half in ~/.ssh."""
    path = tmp_path / ".ssh" / "id_ed25519.pub"
    path.parent.mkdir()
    path.write_text(KEY_LINE + "\n", encoding="utf-8")
    return path


@pytest.fixture
def keys(world: World, local_key: Any) -> None:
    """The same key here and on the account."""
    world.set_keys([KEY_LINE])


# ── Success ────────────────────────────────────────────────────────────────────────────────────


async def test_a_rental_is_told_with_its_id_price_and_the_calls_that_lead_on(
    client: Client, world: World, keys: Any
) -> None:
    """The result is written to be read; the price is A.6's arithmetic."""
    offer = container_offer(world)
    made = await call(client, "create_instance", offer_id=offer["id"], label="trainer", disk=40)
    [rental] = world.living
    token = rental.label.removeprefix("trainer#")
    disk = offer["storage_cost"] * 40 / 720
    assert made.pop("request_key")
    made["warnings"] = warned(made)
    assert (len(made["usd_per_tb"]), made.pop("usd_per_tb")[0]) == (
        1 if offer["inet_down_cost"] == offer["inet_up_cost"] else 2,
        pytest.approx(offer["inet_down_cost"] * 1024, rel=0.01),
    )
    assert made == {
        "instance_id": rental.id,
        "offer_id": offer["id"],
        "label": f"trainer#{token}",
        "kind": "on_demand",
        "usd_per_hour": round(disk, 5),
        "running_usd_per_hour": round(offer["dph_base"] + disk, 4),
        "stopped_usd_per_hour": round(disk, 5),
        "disk_gb": 40,
        "asked": {"image": "vastai/base-image:@vastai-automatic-tag", "launch": "ssh"},
        "made": {"ssh_keys": ["~/.ssh/id_ed25519.pub"], "disk_usd_per_hour": round(disk, 5)},
        "lease": "No end is set: it bills until destroy_instance, its disk even while stopped.",
        "warnings": [],
        "next_steps": [
            {
                "tool": "wait_for_instance",
                "arguments": {"instance_id": rental.id},
                "why": "waits until it is of use, or certain not to be",
            },
        ],
        "sandbox": True,
    }


async def test_the_call_that_leads_on_waits_for_the_machine(
    client: Client, world: World, keys: Any
) -> None:
    """Next steps carry arguments that are ready to send, and none ends what nobody asked to end."""
    made = await call(client, "create_instance", offer_id=container_offer(world)["id"], disk=20)
    [wait] = made["next_steps"]
    assert (await follow(client, wait))["instance_id"] == made["instance_id"]
    assert [machine.id for machine in world.living] == [made["instance_id"]]


async def test_a_bid_is_priced_by_the_bid_and_told_as_interruptible(
    client: Client, world: World, keys: Any
) -> None:
    """A price alone makes a rental interruptible; disk comes on top (docs/vast-api.md A.6)."""
    offer = container_offer(world)
    made = await call(
        client, "create_instance", offer_id=offer["id"], price=offer["min_bid"], disk=20
    )
    disk = offer["storage_cost"] * 20 / 720
    assert made["kind"] == "interruptible"
    assert made["running_usd_per_hour"] == round(offer["min_bid"] + disk, 4)
    assert made["usd_per_hour"] == made["stopped_usd_per_hour"] == round(disk, 5)
    assert made["made"]["bid_usd_per_hour"] == offer["min_bid"]
    assert made["made"]["on_demand_usd_per_hour"] == round(offer["dph_base"], 5)
    assert "its disk then bills on" in made["warnings"][0]
    assert world.living[0].launch.is_bid


async def test_the_key_that_vast_gives_the_instance_is_shown_nowhere(
    client: Client, world: World, keys: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """instance_api_key opens the machine to whoever reads it (docs/vast-api.md A.11)."""
    caplog.set_level("DEBUG")
    result = await client.call_tool(
        "create_instance", {"offer_id": container_offer(world)["id"], "disk": 20}
    )
    assert world.living[0].secret not in result.model_dump_json() + caplog.text
    assert "instance_api_key" not in result.model_dump_json() + caplog.text


async def test_the_key_that_comes_with_a_refusal_is_shown_nowhere_either(
    client: Client, world: World, keys: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """An error that made an instance may carry its key as well (docs/vast-api.md A.6, A.11)."""
    caplog.set_level("DEBUG")
    body = {
        "error": "invalid_price",
        "msg": "too low",
        "new_contract": 31,
        "instance_api_key": "planted-secret",
    }
    world.faults.add("create", "status", status=400, body=body)
    result = await client.call_tool(
        "create_instance", {"offer_id": container_offer(world)["id"], "disk": 20}
    )
    assert result.structured_content["error"]["instance_id"] == 31
    assert "planted-secret" not in result.model_dump_json() + caplog.text


async def test_every_rental_carries_a_token_of_its_own_at_the_end_of_its_label(
    client: Client, world: World, keys: Any
) -> None:
    """By the token a rental is recognised whatever became of the reply (docs/protocol.md)."""
    for label in ({}, {"label": "with #hash"}):
        await call(
            client, "create_instance", offer_id=container_offer(world)["id"], disk=20, **label
        )
    labels = [request.body["label"] for request in world.asked("create")]
    assert re.fullmatch(r"vast-mcp#[0-9a-f]{16}", labels[0])
    assert re.fullmatch(r"with #hash#[0-9a-f]{16}", labels[1])
    assert labels[0][-16:] != labels[1][-16:]


async def test_the_longest_label_still_fits_with_its_lease_and_token(
    client: Client, world: World, keys: Any
) -> None:
    """Vast takes 256 characters (docs/vast-api.md A.2)."""
    await call(
        client,
        "create_instance",
        offer_id=container_offer(world)["id"],
        disk=20,
        label="x" * 216,
        lease_hours=8760,
    )
    assert len(world.living[0].label) == 256


# ── The body ───────────────────────────────────────────────────────────────────────────────────


async def test_with_a_template_what_was_not_given_is_absent(
    client: Client, world: World, keys: Any
) -> None:
    """A scalar in the request beats the template's, so a default of ours would override it
    (docs/vast-api.md A.10).
    """
    hash_id = template_hash(world, "PyTorch (Vast)")
    await call(
        client, "create_instance", offer_id=container_offer(world)["id"], template_hash_id=hash_id
    )
    [request] = world.asked("create")
    assert set(request.body) == {"template_hash_id", "cancel_unavail", "label"}
    [rental] = world.living
    assert (rental.launch.image, rental.launch.disk) == (
        "vastai/pytorch:@vastai-automatic-tag",
        32.0,
    )


async def test_null_is_absent(client: Client, world: World, keys: Any) -> None:
    """Hosts fill optional arguments with null (docs/vast-api.md, checklist 3)."""
    names = (
        "image",
        "price",
        "env",
        "vm",
        "args",
        "args_str",
        "runtype",
        "volume_info",
        "disk",
        "label",
    )
    await call(
        client, "create_instance", offer_id=container_offer(world)["id"], **dict.fromkeys(names)
    )
    assert set(world.asked("create")[0].body) == {"image", "cancel_unavail", "label"}


BID = {"price": 1.0}


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ({}, True),
        ({"target_state": "running"}, True),
        ({"target_state": "stopped"}, False),
        (BID, False),
        (BID | {"target_state": "running"}, False),
        (BID | {"target_state": "stopped"}, False),
        ({"cancel_unavail": False}, False),
        (BID | {"cancel_unavail": True}, True),
    ],
)
async def test_cancel_unavail_is_always_sent_and_has_the_documented_default(
    client: Client, world: World, keys: Any, given: Any, sent: bool
) -> None:
    """Vast's own client sends false, and a machine that cannot start then bills its disk (the
    specification; docs/vast-api.md A.7).
    """
    offer = container_offer(world, dph_base=lambda usd: usd > 1, min_bid=lambda usd: usd < 1)
    await call(client, "create_instance", offer_id=offer["id"], disk=20, **given)
    assert world.asked("create")[0].body["cancel_unavail"] is sent


async def test_a_machine_that_cannot_start_is_not_rented(
    client: Client, world: World, keys: Any
) -> None:
    """What the default is for (docs/vast-api.md A.7)."""
    offer = container_offer(world)
    world.jam(offer["id"])
    refused = await call(client, "create_instance", offer_id=offer["id"], disk=20)
    assert refused["error"]["code"] == "offer_gone"
    assert world.rentals == []


TEXT_FIELDS = ("label", "onstart", "args_str", "jupyter_dir", "user")


@pytest.mark.parametrize("text", ["true", "5", '["bash"]', '{"a":1}', '"quoted"'])
async def test_a_text_that_looks_like_json_arrives_as_it_was_given(
    client: Client, world: World, keys: Any, text: str
) -> None:
    """The SDK's repair of JSON text would turn args_str '["bash"]' into a list."""
    given = dict.fromkeys(TEXT_FIELDS, text)
    made = await call(
        client, "create_instance", offer_id=container_offer(world)["id"], disk=20, **given
    )
    body = world.asked("create")[0].body
    assert {name: body[name] for name in TEXT_FIELDS} == given | {"label": made["label"]}
    assert made["label"].rpartition("#")[0] == text


async def test_lists_and_objects_may_come_as_json_text(
    client: Client, world: World, keys: Any
) -> None:
    """Claude Desktop sends them so (docs/hosts.md)."""
    volume = {"create_new": False, "volume_id": 7, "mount_path": "/data"}
    given = {
        "args": json.dumps(["bash", "-c", "echo [1]"]),
        "volume_info": json.dumps(volume),
        "env": json.dumps({"A": "1"}),
    }
    await call(client, "create_instance", offer_id=container_offer(world)["id"], disk=20, **given)
    body = world.asked("create")[0].body
    assert (body["args"], body["volume_info"], body["env"]) == (
        ["bash", "-c", "echo [1]"],
        volume,
        {"A": "1"},
    )


# ── Arguments that are refused offline ─────────────────────────────────────────────────────────

VOLUME = {"volume_id": 7, "mount_path": "/data"}


MISSPELT = [
    ({"imgae": "x"}, "imgae", "the nearest is image"),
    ({"pric": 0.2}, "pric", "known: offer_id, image"),  # a bid is never hinted at
    ({"disk_gb": 20}, "disk_gb", "it is disk"),
    ({"template_hash": "x"}, "template_hash", "it is template_hash_id"),
    ({"volume_info": VOLUME | {"mount_pth": "/x"}}, "volume_info.mount_pth", "is mount_path"),
]


async def test_an_unknown_argument_is_refused_with_the_name_that_was_meant(
    client: Client, world: World
) -> None:
    """A misspelt price ceiling must not vanish; the SDK would drop it (docs/hosts.md)."""
    for arguments, field, says in MISSPELT:
        refused = await call(client, "create_instance", offer_id=1, **arguments)
        error = refused["error"]
        assert (error["code"], error["billing_possible"]) == ("bad_arguments", False)
        [told] = [one["problem"] for one in error["problems"] if one["field"] == field]
        assert told.startswith("unknown argument; ")
        assert says in told
        assert world.requests == []


async def test_an_argument_that_resembles_none_is_refused_with_the_names_there_are(
    client: Client, world: World
) -> None:
    """An argument without a near name still leads to the right ones."""
    refused = await call(client, "create_instance", offer_id=1, zzz=1)
    [problem] = refused["error"]["problems"]
    assert problem["field"] == "zzz"
    assert "offer_id, image, template_hash_id" in problem["problem"]


WRONG = [
    ("offer_id", "2e7"),
    ("offer_id", 5.5),
    ("offer_id", True),
    ("offer_id", None),
    ("offer_id", 0),
    ("image", "x" * 1025),
    ("label", 5.5),
    ("label", "x" * 240),
    ("label", "two\nlines"),
    ("disk", "20 GB"),
    ("disk", True),
    ("disk", 7.9),
    ("price", "$0.3"),
    ("price", 0),
    ("price", 0.0009),
    ("price", 128.5),
    ("price", 10**400),
    ("runtype", "sshd"),
    ("target_state", "paused"),
    ("vm", "yes"),
    ("cancel_unavail", 1),
    ("env", 5),
    ("env", {"A": [1]}),
    ("onstart", "x" * 65_537),
    ("onstart", ["x"]),
    ("args", "bash -c x"),
    ("args", '["bash"'),
    ("args", [True]),
    ("args_str", ["bash"]),
    ("user", ["root"]),
    ("env_from", "HF TOKEN"),
    ("env_from", ["HF_TOKEN=1"]),
    ("env_from", ["-p 80:80"]),
    ("image_login_from", "-u me -p planted"),
    ("volume_info", [VOLUME]),
    ("volume_info", VOLUME | {"volume_id": "7 "}),
    ("volume_info", VOLUME | {"mount_path": "/a\0b"}),
    ("volume_info", VOLUME | {"create_new": True, "size": 0}),
]


async def test_a_value_of_a_wrong_type_or_size_is_refused_by_name(
    client: Client, world: World
) -> None:
    """The specification's types and bounds; what is not plain is not read, since a guess could
    rent.
    """
    for name, value in WRONG:
        refused = await call(client, "create_instance", **({"offer_id": 1} | {name: value}))
        error = refused["error"]
        assert error["code"] == "bad_arguments", (name, value)
        assert {field.partition(".")[0] for field in fields_of(error)} == {name}, value
        assert world.requests == []


async def test_without_an_offer_nothing_is_rented(client: Client, world: World) -> None:
    """The id is the path (the specification)."""
    refused = await call(client, "create_instance", image="ubuntu")
    assert refused["error"]["problems"] == [{"field": "offer_id", "problem": "required"}]
    assert world.requests == []


def test_a_number_that_is_none_is_refused_on_the_wire() -> None:
    """A bid of NaN is above and below every ceiling. Clients in process cannot say it,
    so this speaks bytes.
    """
    numbers = {2: "NaN", 3: "Infinity", 4: "1e999"}
    lines = [
        '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},'
        '"clientInfo":{"name":"test","version":"0"}}}',
        '{"jsonrpc":"2.0","method":"notifications/initialized"}',
    ]
    lines += [
        f'{{"jsonrpc":"2.0","id":{id_},"method":"tools/call","params":{{"name":"create_instance","arguments":'
        f'{{"offer_id":1,"price":{number},"disk":{number}}}}}}}'
        for id_, number in numbers.items()
    ]
    answers = {}
    with subprocess.Popen(
        [sys.executable, "-m", "vast_mcp", "--sandbox"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    ) as server:
        server.stdin.write("\n".join(lines) + "\n")
        server.stdin.flush()
        while not answers.keys() >= numbers.keys():
            answer = json.loads(server.stdout.readline())
            answers[answer["id"]] = answer
        server.stdin.close()
    for id_ in numbers:
        error = answers[id_]["result"]["structuredContent"]["error"]
        assert (error["code"], fields_of(error)) == ("bad_arguments", {"price", "disk"})


CONTRADICTIONS = [
    (
        {"volume_info": {"create_new": True}},
        {"volume_info.volume_id", "volume_info.size", "volume_info.mount_path"},
    ),
    ({"volume_info": VOLUME | {"create_new": True}}, {"volume_info.size"}),
    ({"volume_info": VOLUME | {"size": 20}}, {"volume_info.size"}),
    ({"volume_info": VOLUME, "env": {"-v V.1:/mnt": "1"}}, {"env"}),
    ({"args": ["a"], "args_str": "a"}, {"args_str"}),
    ({"args": ["a"], "runtype": "ssh"}, {"runtype"}),
    ({"args_str": "a", "runtype": "jupyter_direct"}, {"runtype"}),
    ({"onstart": "x" * 4000, "args_str": "y" * 97}, {"onstart"}),
    ({"onstart": "x" * 4049, "runtype": "args"}, {"onstart"}),
    ({"onstart": "x" * 4049, "args": ["a"]}, {"onstart"}),
]


async def test_arguments_that_contradict_each_other_are_refused(
    client: Client, world: World
) -> None:
    """Vast would drop one of them without a word, or refuse (docs/vast-api.md A.2, A.3, A.8)."""
    for arguments, fields in CONTRADICTIONS:
        refused = await call(client, "create_instance", offer_id=1, disk=20, **arguments)
        assert (refused["error"]["code"], fields_of(refused["error"])) == (
            "bad_arguments",
            fields,
        ), arguments
        assert world.requests == []


async def test_no_refusal_repeats_a_value_that_was_given(client: Client) -> None:
    """The SDK's own validation text echoes values, secrets among them (docs/hosts.md)."""
    given = {
        "env": "-e A=planted-secret stray",
        "image_login": ["planted-secret"],
        "label": "planted-secret\n",
        "runtype": "planted-secret",
        "user": {"planted-secret": 1},
    }
    result = await client.call_tool("create_instance", {"offer_id": 1, **given})
    assert fields_of(result.structured_content["error"]) == set(given)
    assert "planted-secret" not in result.model_dump_json()


async def test_what_vast_says_is_told_without_the_secrets_of_the_call(
    client: Client, world: World, keys: Any
) -> None:
    """Vast's message may quote the body it refused."""
    given = {
        "env": {"HF_TOKEN": "planted-env"},
        "image_login": "-u someone -p planted-login docker.io",
    }
    said = "bad body: HF_TOKEN=planted-env, -u someone -p planted-login docker.io"
    world.faults.add(
        "create",
        "status",
        status=400,
        body={"success": False, "error": "invalid_args", "msg": said},
    )
    result = await client.call_tool(
        "create_instance", {"offer_id": container_offer(world)["id"], "disk": 20, **given}
    )
    assert result.structured_content["error"]["untrusted_vast_message"].startswith(
        "bad body: HF_TOKEN=***"
    )
    assert "planted" not in result.model_dump_json()


# ── The bid ────────────────────────────────────────────────────────────────────────────────────


async def test_a_bid_below_the_offers_minimum_is_refused_and_nothing_is_sent(
    client: Client, world: World, keys: Any
) -> None:
    """Vast would make a stopped machine that bills its disk (docs/vast-api.md A.6)."""
    offer = container_offer(world)
    refused = await call(
        client, "create_instance", offer_id=offer["id"], price=offer["min_bid"] * 0.9, disk=20
    )
    error = refused["error"]
    assert (error["code"], error["billing_possible"], fields_of(error)) == (
        "bid_too_low",
        False,
        {"price"},
    )
    assert f"{offer['min_bid']:g}" in error["problems"][0]["problem"]
    assert world.asked("create") == []


async def test_a_low_bid_on_an_offer_that_cannot_be_looked_up_is_told_as_a_machine_that_bills(
    client: Client, world: World, keys: Any
) -> None:
    """The refusal carries new_contract, so there is an instance (docs/vast-api.md A.6)."""
    world.faults.add(**HTML_502)
    offer = container_offer(world)
    refused = await call(
        client, "create_instance", offer_id=offer["id"], price=offer["min_bid"] * 0.9, disk=20
    )
    error = refused["error"]
    [rental] = world.living
    assert (error["code"], error["billing_possible"]) == ("created_stopped", True)
    assert (error["instance_id"], error["token"]) == (rental.id, rental.label[-16:])
    await follow(client, error["next_steps"][-1])
    assert world.living == []


# ── Offers ─────────────────────────────────────────────────────────────────────────────────────


async def test_an_offer_that_is_gone_is_told_with_a_search_that_works(
    client: Client, world: World, keys: Any
) -> None:
    """410 no_such_ask; somebody was faster (docs/vast-api.md A.11)."""
    offer = container_offer(world)
    world.take(offer["id"])
    refused = await call(client, "create_instance", offer_id=offer["id"], disk=20)
    error = refused["error"]
    assert (error["code"], error["billing_possible"], error["offer_id"]) == (
        "offer_gone",
        False,
        offer["id"],
    )
    assert (await follow(client, error["next_steps"][0]))["offers"] != []


async def test_an_offer_known_from_a_search_costs_one_request(
    client: Client, world: World, keys: Any
) -> None:
    """What a search showed is not asked again, nor are keys that were seen."""
    offers = (await call(client, "search_offers"))["offers"]
    await call(client, "create_instance", offer_id=offers[0]["offer_id"], disk=10)
    before = len(world.requests)
    await call(client, "create_instance", offer_id=offers[1]["offer_id"], disk=10)
    assert [(request.endpoint, request.method) for request in world.requests[before:]] == [
        ("create", "PUT")
    ]


async def test_an_offer_nobody_searched_is_looked_up_once_by_the_field_that_finds_it(
    client: Client, world: World, keys: Any
) -> None:
    """A filter on id finds nothing, ask_contract_id does (docs/vast-api.md B.2)."""
    offer = container_offer(world)
    made = await call(client, "create_instance", offer_id=offer["id"], disk=20)
    assert made["usd_per_hour"] > 0
    [request] = world.asked("search")
    assert request.body["ask_contract_id"] == {"eq": offer["id"]}
    assert "id" not in request.body


async def test_an_offer_that_nobody_was_shown_is_not_rented_at_a_price_that_cannot_be_learned(
    client: Client, world: World, keys: Any
) -> None:
    """Nothing caps it, so it is said first or not paid."""
    wish = {"offer_id": container_offer(world)["id"], "disk": 20}
    world.faults.add(**HTML_502)
    error = (await call(client, "create_instance", **wish))["error"]
    assert error["code"] == "price_unknown"
    assert "could not be looked up (vast_unavailable)" in error["message"]
    world.faults.clear()
    made = await call(client, "create_instance", **wish)
    [said] = [text for text in made["warnings"] if text not in warned(made)]
    usd = made["running_usd_per_hour"]
    assert f"{usd:.4f} $/h while it runs, its disk included and traffic" in said


async def test_an_offer_that_a_search_or_a_dry_run_has_shown_is_rented_without_more_words(
    client: Client, world: World, keys: Any
) -> None:
    """Its price was told."""
    shown = await call(client, "search_offers", limit=1)
    first = {"offer_id": shown["offers"][0]["offer_id"], "disk": 20}
    other = {"offer_id": container_offer(world)["id"], "disk": 20}
    await call(client, "create_instance", **other, dry_run=True)
    for wish in (first, other):
        made = await call(client, "create_instance", **wish)
        assert made["warnings"] == warned(made)


async def test_without_a_disk_size_the_warning_says_that_it_is_for_life(
    client: Client, world: World, keys: Any
) -> None:
    """Vast's default is reported as 8 and as 10, and cannot be changed (docs/vast-api.md A.2)."""
    made = await call(client, "create_instance", offer_id=container_offer(world)["id"])
    [warning] = warned(made)
    assert warning.startswith("No disk size was given")


async def test_an_offer_that_ends_within_a_day_is_warned_of(
    client: Client, world: World, keys: Any
) -> None:
    """A host takes the machine back when its offer ends (docs/vast-api.md K)."""
    offer = container_offer(world, duration=lambda seconds: seconds < 86_400)
    made = await call(client, "create_instance", offer_id=offer["id"], disk=20)
    [warning] = warned(made)
    assert f"ends in {offer['duration'] / 3600:.1f} hours" in warning


# ── Virtual machines ───────────────────────────────────────────────────────────────────────────


NOT_ON_A_VM = [
    ({"runtype": "args"}, "runtype"),
    ({"runtype": "jupyter"}, "runtype"),
    ({"runtype": "jupyter_direct"}, "runtype"),
    ({"args": ["bash"]}, "args"),
    ({"args_str": "bash"}, "args_str"),
    ({"use_jupyter_lab": True}, "use_jupyter_lab"),
    ({"jupyter_dir": "/data"}, "jupyter_dir"),
    ({"volume_info": VOLUME}, "volume_info"),
    ({"env": {"-v V.1:/mnt": "1"}}, "env"),
    ({"image": "vastai/kvm:ubuntu_terminal"}, "image"),
    ({"image": None}, "image"),
]


async def test_what_a_vm_cannot_have_is_refused_and_nothing_is_sent(
    client: Client, world: World, keys: Any
) -> None:
    """A VM is entered by SSH only, has no volume, and without a registry host becomes a container
    (docs/vast-api.md A.5, A.8).
    """
    for arguments, field in NOT_ON_A_VM:
        wish = {
            "offer_id": vm_offer(world)["id"],
            "vm": True,
            "image": VM_IMAGE,
            "disk": 40,
        } | arguments
        refused = await call(client, "create_instance", **wish)
        assert (refused["error"]["code"], fields_of(refused["error"])) == (
            "bad_arguments",
            {field},
        ), arguments
        assert world.requests == []


async def test_a_vm_with_a_key_and_a_qualified_image_is_made_as_one(
    client: Client, world: World, keys: Any
) -> None:
    """A VM takes env and ports as a container does (docs/vast-api.md A.5)."""
    wish = {
        "offer_id": vm_offer(world)["id"],
        "vm": True,
        "image": VM_IMAGE,
        "disk": 40,
        "runtype": "ssh_direct",
    }
    made = await call(client, "create_instance", **wish, env="-e A=1 -p 8000:8000")
    assert warned(made) == []
    assert world.living[0].kind == "vm"


async def test_a_vm_from_a_template_is_judged_by_the_templates_image(
    client: Client, world: World, keys: Any
) -> None:
    """The image comes from the template, so that is read first (docs/vast-api.md A.5, A.10)."""
    container, machine = (
        template_hash(world, "NVIDIA CUDA"),
        template_hash(world, "Ubuntu 22.04 VM"),
    )
    wish = {"offer_id": vm_offer(world)["id"], "vm": True}
    refused = await call(client, "create_instance", **wish, template_hash_id=container)
    assert refused["error"]["code"] == "vm_not_possible"
    assert "template's image" in refused["error"]["message"]
    assert world.asked("create") == []

    made = await call(client, "create_instance", **wish, template_hash_id=machine)
    assert (world.living[0].kind, made["disk_gb"]) == ("vm", 40)


async def test_a_vm_from_a_template_that_is_not_there_is_refused(
    client: Client, world: World, keys: Any
) -> None:
    """An edit changes a template's hash, so a stored one goes stale (docs/vast-api.md A.10)."""
    wish = {"offer_id": vm_offer(world)["id"], "vm": True, "template_hash_id": "0" * 32}
    refused = await call(client, "create_instance", **wish)
    assert refused["error"]["code"] == "no_such_template"
    assert world.asked("create") == []


@pytest.mark.parametrize(
    ("traits", "why"),
    [({"vm": False}, "cannot run a VM"), ({"direct_port_count": 0}, "no direct ports")],
    ids=["no VMs", "no ports"],
)
async def test_an_offer_that_cannot_run_a_vm_is_refused_with_a_search_for_those_that_can(
    client: Client, world: World, keys: Any, traits: dict[str, Any], why: str
) -> None:
    """Vast would make a container, or a machine that its SSH proxy cannot reach
    (docs/vast-api.md A.5).
    """
    wish = {"offer_id": vm_offer(world, **traits)["id"], "vm": True, "image": VM_IMAGE, "disk": 40}
    refused = await call(client, "create_instance", **wish)
    assert refused["error"]["code"] == "vm_not_possible"
    assert why in refused["error"]["message"]
    assert world.asked("create") == []
    found = await follow(client, refused["error"]["next_steps"][0])
    made = await call(
        client, "create_instance", **wish | {"offer_id": found["offers"][0]["offer_id"]}
    )
    assert world.living[0].id == made["instance_id"]


async def test_a_vm_on_an_offer_that_is_not_listed_is_refused(
    client: Client, world: World, keys: Any
) -> None:
    """Whether it can run one is not known, and a container would bill."""
    refused = await call(client, "create_instance", offer_id=99, vm=True, image=VM_IMAGE, disk=40)
    assert (refused["error"]["code"], refused["error"]["offer_id"]) == ("vm_not_possible", 99)
    assert world.asked("create") == []


# ── SSH keys ───────────────────────────────────────────────────────────────────────────────────


async def test_a_vm_without_a_key_is_refused_and_the_step_that_is_named_makes_it_possible(
    client: Client, world: World, local_key: Any
) -> None:
    """A VM takes its keys at birth, no recovery (the specification)."""
    wish = {"offer_id": vm_offer(world)["id"], "vm": True, "image": VM_IMAGE, "disk": 40}
    refused = await call(client, "create_instance", **wish)
    error = refused["error"]
    assert (error["code"], error["billing_possible"]) == ("no_ssh_key", False)
    assert world.asked("create") == []
    [step] = error["next_steps"]
    assert (step["tool"], step["arguments"]) == (
        "create_ssh_key",
        {"public_key": "~/.ssh/id_ed25519.pub"},
    )

    await follow(client, step)
    assert [key.public_key for key in world.keys.values()] == [KEY_LINE]
    await call(client, "create_instance", **wish)
    assert world.living[0].kind == "vm"


async def test_without_a_key_on_this_computer_the_step_says_how_to_make_one(
    client: Client, world: World
) -> None:
    """The step names the file that ssh-keygen makes."""
    refused = await call(
        client, "create_instance", offer_id=vm_offer(world)["id"], vm=True, image=VM_IMAGE, disk=40
    )
    [step] = refused["error"]["next_steps"]
    assert step["arguments"] == {"public_key": "~/.ssh/id_ed25519.pub"}
    assert "ssh-keygen" in step["why"]


async def test_vasts_own_refusal_of_a_vm_without_keys_reads_like_ours(
    client: Client, world: World, local_key: Any
) -> None:
    """The key may be deleted between the look and the rent; 400 no_ssh_key_for_vm
    (docs/vast-api.md A.5).
    """
    row = {"id": 1, "user_id": 1, "public_key": KEY_LINE, "created_at": None, "deleted_at": None}
    world.faults.add("keys", "status", method="GET", status=200, body=[row])
    refused = await call(
        client, "create_instance", offer_id=vm_offer(world)["id"], vm=True, image=VM_IMAGE, disk=40
    )
    error = refused["error"]
    assert len(world.asked("create")) == 1
    assert (error["code"], error["http_status"], error["billing_possible"]) == (
        "no_ssh_key",
        400,
        False,
    )
    assert [step["tool"] for step in error["next_steps"]] == ["create_ssh_key"]
    assert world.rentals == []


async def test_a_team_account_is_told_that_it_cannot_have_keys(
    client: Client, world: World, local_key: Any
) -> None:
    """Team accounts hold no SSH keys, so a VM of theirs cannot be entered (docs/vast-api.md D)."""
    world.team = True
    refused = await call(
        client, "create_instance", offer_id=vm_offer(world)["id"], vm=True, image=VM_IMAGE, disk=40
    )
    assert refused["error"]["code"] == "no_ssh_key"
    refused = await follow(client, refused["error"]["next_steps"][0])
    assert (refused["error"]["code"], refused["error"]["billing_possible"]) == (
        "team_account",
        False,
    )
    assert world.asked("create") == []


async def test_a_team_account_whose_key_list_is_refused_is_told_at_once(
    client: Client, world: World
) -> None:
    """The same refusal, met when the keys are read (docs/vast-api.md D)."""
    world.faults.add("keys", "status", times=None, status=400, body=TEAM_REFUSAL)
    refused = await call(
        client, "create_instance", offer_id=vm_offer(world)["id"], vm=True, image=VM_IMAGE, disk=40
    )
    assert refused["error"]["code"] == "team_account"
    assert world.asked("create") == []


async def test_a_vm_is_refused_when_the_keys_cannot_be_read(client: Client, world: World) -> None:
    """A VM that may have no key is a VM that may never be entered."""
    world.faults.add("keys", "drop", times=None)
    refused = await call(
        client, "create_instance", offer_id=vm_offer(world)["id"], vm=True, image=VM_IMAGE, disk=40
    )
    assert (refused["error"]["code"], refused["error"]["retryable"]) == ("unreachable", True)
    assert world.asked("create") == []


async def test_a_container_without_a_key_is_rented_with_a_warning(
    client: Client, world: World
) -> None:
    """A container can be given a key after it was made (the specification)."""
    made = await call(client, "create_instance", offer_id=container_offer(world)["id"], disk=20)
    [warning] = warned(made)
    assert "no SSH key: register one with create_ssh_key" in warning
    assert len(world.living) == 1


async def test_a_container_is_rented_with_a_warning_when_the_keys_cannot_be_read(
    client: Client, world: World
) -> None:
    """A look that fails must not stop what does not depend on it."""
    world.faults.add("keys", "drop", times=None)
    made = await call(client, "create_instance", offer_id=container_offer(world)["id"], disk=20)
    assert warned(made) == [
        "The account's SSH keys could not be read (unreachable): who is let in is not known."
    ]


async def test_when_no_local_key_is_registered_the_warning_says_so(
    client: Client, world: World, local_key: Any
) -> None:
    """Ssh from this computer would be refused."""
    world.set_keys([OTHER_KEY_LINE])
    made = await call(client, "create_instance", offer_id=container_offer(world)["id"], disk=20)
    [warning] = warned(made)
    assert "No public key in ~/.ssh of this computer is registered" in warning


async def test_a_key_is_recognised_whatever_its_comment(
    client: Client, world: World, local_key: Any
) -> None:
    """The key is its base64 part; Vast's web page keeps whatever comment was pasted."""
    world.set_keys([OTHER_KEY_LINE, KEY_LINE.rpartition(" ")[0] + " laptop of long ago\n"])
    made = await call(client, "create_instance", offer_id=container_offer(world)["id"], disk=20)
    assert warned(made) == []


@pytest.mark.parametrize(
    "arguments", [{"runtype": "args"}, {"args": ["serve"]}, {"args_str": "serve"}], ids=str
)
async def test_a_machine_without_ssh_reads_no_keys(
    client: Client, world: World, arguments: dict[str, Any]
) -> None:
    """In args mode the image's entrypoint runs and there is no SSH (docs/vast-api.md A.3)."""
    made = await call(
        client, "create_instance", offer_id=container_offer(world)["id"], disk=20, **arguments
    )
    assert (world.asked("keys"), warned(made)) == ([], [NO_WAY_IN])
    assert made["made"]["command"] == "the image's own command"


# ── A lost reply ───────────────────────────────────────────────────────────────────────────────


async def test_a_lost_reply_is_looked_for_and_the_machine_it_made_is_the_answer(
    client: Client, world: World, keys: Any
) -> None:
    """Silence is never failure, and nothing is sent twice while a machine may exist
    (docs/protocol.md).
    """
    world.faults.add("create", "drop", when="after")
    made = await call(client, "create_instance", offer_id=container_offer(world)["id"], disk=20)
    assert (made["recovered"], made["instance_id"], made["label"]) == (
        True,
        world.living[0].id,
        world.living[0].label,
    )
    assert len(world.asked("create")) == len(world.rentals) == 1


@pytest.mark.parametrize(
    "kind", ["html502", "truncated_json", "no_id", "success_false", "html200", "too_many_unknown"]
)
async def test_a_reply_that_gives_no_verdict_is_taken_for_a_lost_one(
    client: Client, world: World, keys: Any, kind: str
) -> None:
    """A 5xx, an unreadable 2xx or one without an id may follow a rent that happened
    (docs/vast-api.md A.11).
    """
    world.faults.add("create", kind, when="after")
    made = await call(client, "create_instance", offer_id=container_offer(world)["id"], disk=20)
    assert (made["recovered"], made["instance_id"]) == (True, world.living[0].id)
    assert len(world.asked("create")) == len(world.rentals) == 1


@pytest.mark.parametrize(
    ("when", "list_fails"),
    [("before", False), ("after", True)],
    ids=["nothing was made", "a machine was made unseen"],
)
async def test_a_doubt_that_outlasts_the_call_is_told_with_its_token_and_settled_by_its_steps(
    world: World, settings: Settings, keys: Any, when: str, list_fails: bool
) -> None:
    """Silence is unknown, never failed; until there is proof nothing is sent a second
    time (docs/protocol.md).
    """
    async with served(world, settings) as client:
        world.faults.add("create", "drop", when=when)
        if list_fails:
            world.faults.add("list", "html502", times=None, skip=1)
        lost = await call(client, "create_instance", offer_id=container_offer(world)["id"], disk=20)
        world.faults.clear()
        error = lost["error"]
        assert (error["code"], error["billing_possible"]) == ("outcome_unknown", True)
        [request] = world.asked("create")
        assert error["token"] == request.body["label"].rpartition("#")[2]
        again, show = error["next_steps"]
        assert show["arguments"] == {"label": error["token"]}
        found = [row["instance_id"] for row in (await follow(client, show))["instances"]]
        assert found == [rental.id for rental in world.living]
        settled = await follow(client, again)
    if list_fails:
        assert [settled["instance_id"]] == found
    else:
        assert settled["error"]["code"] == "outcome_unknown"
    assert len(world.asked("create")) == 1


# ── A long onstart ─────────────────────────────────────────────────────────────────────────────

LONG = "export STEP=1\n" + "apt-get install -y something  # as always\n" * 300


async def test_a_long_onstart_arrives_packed_and_restores_itself(
    client: Client, world: World, keys: Any, tmp_path: Path
) -> None:
    """Vast takes 4048 characters; what arrives is run here by the shell, as a machine would
    (docs/vast-api.md A.2).
    """
    script = LONG.replace("apt-get install -y something", "true") + "echo done with step $STEP\n"
    made = await call(
        client, "create_instance", offer_id=container_offer(world)["id"], disk=20, onstart=script
    )
    assert "error" not in made
    [request] = world.asked("create")
    assert len(request.body["onstart"]) < 4048 < len(script)
    ran = await anyio.run_process(["sh", "-c", request.body["onstart"]])
    assert ran.stdout == b"done with step 1\n"
    again = await call(
        client, "create_instance", offer_id=made["offer_id"], disk=20, onstart=script
    )
    assert (again["replayed"], again["instance_id"]) == (True, made["instance_id"])


async def test_an_onstart_that_fits_is_sent_as_it_is(client: Client, world: World) -> None:
    """4048 characters; what fits stays readable on the machine's page (the specification)."""
    script = "x" * 4048
    await call(
        client, "create_instance", offer_id=container_offer(world)["id"], disk=20, onstart=script
    )
    assert world.asked("create")[0].body["onstart"] == script


async def test_an_onstart_that_is_too_long_packed_says_both_sizes(
    client: Client, world: World
) -> None:
    """A person shortens by numbers; nothing is sent, and the script is not repeated."""
    dice = random.Random(1)
    script = "# " + "".join(
        dice.choice("abcdefghijklmnopqrstuvwxyz0123456789") for _ in range(9_000)
    )
    refused = await call(
        client, "create_instance", offer_id=container_offer(world)["id"], disk=20, onstart=script
    )
    [problem] = refused["error"]["problems"]
    assert (refused["error"]["code"], problem["field"]) == ("bad_arguments", "onstart")
    given, packed, limit = map(int, re.findall(r"\d+", problem["problem"]))
    assert (given, limit) == (9_002, 4048)
    assert packed > limit
    assert script[2:40] not in json.dumps(refused)
    assert world.requests == []


async def test_a_long_onstart_is_not_packed_where_a_template_makes_it_the_entrypoint(
    client: Client, world: World
) -> None:
    """A template's runtype holds, and in args mode no shell runs onstart
    (docs/vast-api.md A.3, A.10).
    """
    hash_id = next(iter(world.templates))
    world.templates[hash_id] |= {"runtype": "args"}
    wish = {
        "offer_id": container_offer(world)["id"],
        "disk": 20,
        "template_hash_id": hash_id,
        "onstart": LONG,
    }
    refused = await call(client, "create_instance", **wish)
    assert (refused["error"]["code"], fields_of(refused["error"])) == ("bad_arguments", {"onstart"})
    assert world.asked("create") == []
    assert "error" not in await call(client, "create_instance", **wish, runtype="ssh")


# ── What the person keeps ──────────────────────────────────────────────────────────────────────

KEPT = {
    "HF_TOKEN": "hf_PlantedByThePerson",
    "REGISTRY": "-u planted-user -p planted-token docker.io",
    "UNSET": None,
}
PLANTED = ("hf_PlantedByThePerson", "planted-user", "planted-token")


@pytest.fixture
async def trusted(world: World, settings: Settings) -> Any:
    """A client of a server whose person has listed some names, one of them without a value."""
    held = {name: SecretStr(value) if value else None for name, value in KEPT.items()}
    async with served(world, replace(settings, env_pass=held)) as made:
        yield made


async def test_a_value_the_person_keeps_reaches_the_machine_and_nobody_else(
    trusted: Any, world: World, keys: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """VAST_MCP_ENV_PASS; the model knows the name alone."""
    wish = {
        "offer_id": container_offer(world)["id"],
        "disk": 20,
        "env": {"A": "1"},
        "env_from": ["HF_TOKEN"],
    }
    caplog.set_level("DEBUG")
    result = await trusted.call_tool("create_instance", wish | {"image_login_from": "REGISTRY"})
    [request] = world.asked("create")
    assert request.body["env"] == {"A": "1", "HF_TOKEN": KEPT["HF_TOKEN"]}
    assert request.body["image_login"] == KEPT["REGISTRY"]
    assert not {"env_from", "image_login_from"} & set(request.body)
    told = (
        result.model_dump_json() + json.dumps(await call(trusted, "show_instances")) + caplog.text
    )
    assert [value for value in PLANTED if value in told] == []


async def test_the_wish_is_known_by_the_names_whatever_their_values(
    world: World, settings: Settings, keys: Any
) -> None:
    """What the caller gave; a token that the person renewed is no other wish (docs/protocol.md)."""
    wish = {
        "offer_id": container_offer(world)["id"],
        "disk": 20,
        "env_from": ["HF_TOKEN"],
        "request_key": "one",
    }
    server = build(
        replace(settings, env_pass={"HF_TOKEN": SecretStr("the first")}),
        CATALOGUE,
        create_app(world),
    )
    async with Client(server) as client:
        first = await call(client, "create_instance", **wish)
        again = await call(client, "create_instance", **wish)
        other = await call(
            client, "create_instance", **{k: v for k, v in wish.items() if k != "env_from"}
        )
    assert (again["replayed"], again["instance_id"]) == (True, first["instance_id"])
    assert other["error"]["code"] == "key_reused"


async def test_a_name_alone_makes_an_env(trusted: Any, world: World) -> None:
    """Env and env_from are one object on the wire (A.4)."""
    await call(
        trusted,
        "create_instance",
        offer_id=container_offer(world)["id"],
        disk=20,
        env_from=["HF_TOKEN"],
    )
    assert world.asked("create")[0].body["env"] == {"HF_TOKEN": KEPT["HF_TOKEN"]}


NOT_HELD = [
    (
        {"env_from": ["HF_TOKEN", "OTHER"]},
        "env_from.1",
        "OTHER is not allowed: the person adds it to VAST_MCP_ENV_PASS",
    ),
    ({"env_from": ["UNSET"]}, "env_from.0", "UNSET has no value: the person sets it"),
    ({"env_from": ["HF_TOKEN"], "env": {"HF_TOKEN": "x"}}, "env_from", "HF_TOKEN is in env too"),
    ({"image_login_from": "OTHER"}, "image_login_from", "OTHER is not allowed"),
    ({"image_login_from": "UNSET"}, "image_login_from", "UNSET has no value"),
    (
        {"image_login_from": "REGISTRY", "image_login": "-u a -p b c"},
        "image_login_from",
        "an alternative",
    ),
]


@pytest.mark.parametrize(
    ("arguments", "field", "says"),
    NOT_HELD,
    ids=[f"{field}-{n}" for n, (_, field, _) in enumerate(NOT_HELD)],
)
async def test_a_name_that_cannot_be_used_is_refused_with_what_the_person_does(
    trusted: Any, world: World, arguments: Any, field: Any, says: Any
) -> None:
    """Only a person widens what a machine may have."""
    refused = await call(
        trusted, "create_instance", offer_id=container_offer(world)["id"], disk=20, **arguments
    )
    [problem] = refused["error"]["problems"]
    assert (refused["error"]["code"], problem["field"]) == ("bad_arguments", field)
    assert says in problem["problem"]
    assert [value for value in PLANTED if value in json.dumps(refused)] == []
    assert world.requests == []


async def test_a_secret_given_as_a_name_is_not_repeated(trusted: Any) -> None:
    """A model may put a token where a name belongs (docs/hosts.md)."""
    refused = await call(
        trusted, "create_instance", offer_id=1, disk=20, env_from=["hf_AbCdEfGhIjKlMnOpQrStUv"]
    )
    assert "hf_AbC" not in json.dumps(refused)
    assert "hf_A…" in refused["error"]["problems"][0]["problem"]


async def test_an_error_of_vast_that_repeats_a_kept_value_is_told_without_it(
    trusted: Any, world: World
) -> None:
    """Vast's message may quote the body it refused (docs/vast-api.md A.11)."""
    said = f"Invalid args: {KEPT['HF_TOKEN']} {KEPT['REGISTRY']}"
    world.faults.add(
        "create",
        "status",
        status=400,
        body={"success": False, "error": "invalid_args", "msg": said},
    )
    wish = {"offer_id": container_offer(world)["id"], "disk": 20, "env_from": ["HF_TOKEN"]}
    refused = await call(trusted, "create_instance", **wish, image_login_from="REGISTRY")
    assert refused["error"]["code"] == "invalid_request"
    assert [value for value in PLANTED if value in json.dumps(refused)] == []


# ── Bid or on demand ───────────────────────────────────────────────────────────────────────────


async def seen_as_bid(client: Client, **arguments: Any) -> Any:
    """The first offer of a search for bids, as that search showed it."""
    found = await call(client, "search_offers", type="bid", **arguments)
    return found["offers"][0]


async def test_an_offer_seen_as_a_bid_is_not_rented_without_a_price(
    client: Client, world: World, keys: Any
) -> None:
    """Without price the same offer is billed on demand, at several times the bid that was shown
    (docs/vast-api.md A.6).
    """
    offer = await seen_as_bid(client)
    refused = await call(
        client, "create_instance", offer_id=offer["offer_id"], disk=20, label="mine"
    )
    error = refused["error"]
    assert (error["code"], error["billing_possible"], fields_of(error)) == (
        "bad_arguments",
        False,
        {"price"},
    )
    assert world.asked("create") == []
    look, bid = error["next_steps"]  # nobody has asked for a bid
    assert (bid["tool"], look["tool"]) == ("create_instance", "search_offers")
    asked_for = json.loads(look["arguments"]["filters"])
    assert asked_for == {"ask_contract_id": {"eq": offer["offer_id"]}}
    made = await follow(client, bid)
    assert (made["kind"], made["offer_id"]) == ("interruptible", offer["offer_id"])
    assert world.asked("create")[0].body["price"] == world.offers[offer["offer_id"]]["min_bid"]


async def test_seeing_it_on_demand_is_how_the_caller_says_that_this_is_meant(
    client: Client, world: World, keys: Any
) -> None:
    """The price on demand was in view then."""
    wish = {"offer_id": (await seen_as_bid(client))["offer_id"], "disk": 20}
    refused = await call(client, "create_instance", **wish)
    found = await follow(client, refused["error"]["next_steps"][0])
    assert [row["offer_id"] for row in found["offers"]] == [wish["offer_id"]]
    made = await call(client, "create_instance", **wish)
    assert (made["kind"], len(world.living)) == ("on_demand", 1)


async def test_an_unverified_offer_can_be_seen_on_demand_by_the_step_too(
    client: Client, world: World
) -> None:
    """A search leaves unverified machines out unless it is told otherwise
    (docs/vast-api.md B.1).
    """
    anything = {"verified": {"eq": False}}
    wish = {"offer_id": (await seen_as_bid(client, filters=anything))["offer_id"], "disk": 20}
    refused = await call(client, "create_instance", **wish)
    found = await follow(client, refused["error"]["next_steps"][0])
    assert [row["offer_id"] for row in found["offers"]] == [wish["offer_id"]]


async def test_what_may_hold_secrets_is_not_repeated_in_the_choices(
    client: Client, world: World
) -> None:
    """The call with a price would repeat env; the price alone is told (docs/hosts.md)."""
    offer = await seen_as_bid(client)
    wish = {"offer_id": offer["offer_id"], "disk": 20, "env": {"A": "planted-value"}}
    refused = await call(client, "create_instance", **wish)
    assert [step["tool"] for step in refused["error"]["next_steps"]] == ["search_offers"]
    assert re.search(r"at least \d", refused["error"]["problems"][0]["problem"])
    assert "planted-value" not in json.dumps(refused)


async def test_a_machine_rented_already_is_found_whatever_was_searched_since(
    client: Client, world: World, keys: Any
) -> None:
    """An honest retry comes before any refusal (docs/protocol.md)."""
    wish = {"offer_id": (await call(client, "search_offers"))["offers"][0]["offer_id"], "disk": 20}
    made = await call(client, "create_instance", **wish)
    await call(
        client,
        "search_offers",
        type="bid",
        filters={"rentable": {"in": [True, False]}, "rented": {"in": [True, False]}},
        limit=50,
    )
    assert (await call(client, "create_instance", **wish))["instance_id"] == made["instance_id"]


async def test_a_rental_found_again_says_what_its_start_fails_of(
    client: Client, world: World
) -> None:
    """The same call again is how an agent looks after a machine, and it reads what the host says as
    every tool does (docs/vast-api.md C.9).
    """
    offer = an_offer(world)
    world.set_fate(offer["id"], ("created",), "write /x: no space left on device")
    made = await call(client, "create_instance", offer_id=offer["id"], disk=16)
    assert "failure" not in made
    await call(client, "show_instances")
    again = await call(client, "create_instance", offer_id=offer["id"], disk=16)
    assert (again["replayed"], again["failure"]) == (True, "disk_full")
    # Until that is certain it is waited for; then it is ended, since nobody's work is in it.
    assert again["next_steps"][0]["tool"] in {"wait_for_instance", "destroy_instance"}
    world.instances[made["instance_id"]].fate.messages["*"] = "success, running me/failed/ssh"
    await call(client, "show_instance", instance_id=made["instance_id"])
    again = await call(client, "create_instance", offer_id=offer["id"], disk=16)
    assert "failure" not in again
