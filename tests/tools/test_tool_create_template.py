"""create_template and delete_template: a launch is kept without its secrets, and rented again."""

from __future__ import annotations

import json
from base64 import b64encode
from dataclasses import replace
from typing import Any

import pytest
from mcp import Client
from pydantic import SecretStr

from house import OURS, an_offer, call, lenient_world, sampled, served
from vast_mcp.leases.packing import ONSTART_MAX
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Settings

HF = "hf_" + "AbCdEfGhIjKlMnOpQrStUvWxYz12345678"
SCRIPT = "echo begin\npip install vllm\n"


@pytest.fixture
def world() -> World:
    return lenient_world()


def shelved(world: World, hash_id: str) -> dict[str, Any]:
    return world.templates[hash_id]


async def made(client: Client, **given: Any) -> dict[str, Any]:
    return await call(client, "create_template", **{"name": "mine", "image": "a/b", **given})


def kinds(world: World) -> list[str]:
    return [entry.kind for entry in world.ledger if entry.kind.startswith("template")]


# ── new ────────────────────────────────────────────────────────────────────────────────────────


async def test_a_template_is_made_private_and_rented(client: Client, world: World) -> None:
    """In Vast's own fields: image and tag apart, env as a text of flags (docs/vast-api.md E)."""
    saved = await made(
        client,
        image="example/server:v1",
        runtype="ssh_direct",
        env={"A": "1", "B": 'two "words" $x', "-p 8000:8000": "1"},
        onstart=SCRIPT,
        disk=40,
    )
    hash_id = saved["template"]["template_hash_id"]
    kept = shelved(world, hash_id)
    assert world.asked("save_template")[0].body["private"] is True  # said, and not left to Vast
    assert (saved["outcome"], kept["private"], kept["creator_id"]) == (
        "created",
        True,
        world.user_id,
    )
    assert (kept["image"], kept["tag"], kept["runtype"], kept["ssh_direct"]) == (
        "example/server",
        "v1",
        "ssh",
        True,
    )
    assert kept["env"] == "-e A=1 -e 'B=two \"words\" $x' -p 8000:8000"
    assert (kept["onstart"], kept["recommended_disk_space"]) == (SCRIPT, 40)
    assert (saved["template"]["launch"], saved["template"]["untrusted_env"]) == (
        "ssh_direct",
        ["A", "B"],
    )
    [step] = saved["next_steps"]
    assert step["arguments"]["template_hash_id"] == hash_id
    offer = an_offer(world)["id"]
    rented = await call(client, "create_instance", offer_id=offer, template_hash_id=hash_id)
    launch = world.instances[rented["instance_id"]].launch
    assert launch.env["B"] == 'two "words" $x'
    assert (launch.image, launch.disk) == ("example/server:v1", 40)


async def test_name_and_image_are_needed(client: Client, world: World) -> None:
    """Vast wants both (docs/vast-api.md E)."""
    error = (await call(client, "create_template", runtype="ssh"))["error"]
    assert [problem["field"] for problem in error["problems"]] == ["name", "image"]
    assert world.asked("save_template") == []


async def test_the_same_content_again_is_told_as_the_one_that_exists(
    client: Client, world: World
) -> None:
    """`success: false` with the existing one's number (docs/vast-api.md E)."""
    first = await made(client)
    again = await made(client)
    assert (again["outcome"], kinds(world)) == ("exists", ["template"])
    assert again["template"]["template_hash_id"] == first["template"]["template_hash_id"]
    shelved(world, first["template"]["template_hash_id"])["creator_id"] = 77
    theirs = await made(client)
    assert "another account's" in theirs["warnings"][1]


async def test_a_lost_reply_makes_no_second_template(client: Client, world: World) -> None:
    """The same content is there once, whichever request made it."""
    world.faults.add("save_template", "drop", when="after")
    assert (await made(client))["outcome"] == "exists"
    assert kinds(world) == ["template"]


async def test_a_reply_without_the_template_is_no_success(client: Client, world: World) -> None:
    """Accepted, and not confirmed: it may be saved."""
    world.faults.add("save_template", "no_id")
    error = (await made(client))["error"]
    assert error["code"] == "unexpected_reply"
    assert error["message"].startswith("It was sent, and what came of it is not known:")


async def test_a_key_that_may_not_write_is_told_so(client: Client, world: World) -> None:
    """Changes of templates need user_write (docs/vast-api.md I)."""
    world.missing_permissions = {"user_write"}
    error = (await made(client))["error"]
    assert error["code"] == "forbidden"
    assert "user_write" in error["untrusted_vast_message"]


async def test_what_vast_shows_as_public_is_said(client: Client, world: World) -> None:
    """Private is asked for, and everybody could read it otherwise."""
    own = world.add_template({"name": "open", "image": "a/b", "private": False})["hash_id"]
    shown = await call(client, "create_template", template_hash_id=own, disk=20)
    assert any("public" in warning for warning in shown["warnings"])


# ── secrets ────────────────────────────────────────────────────────────────────────────────────

SECRETS = [
    {"env": {"HF_TOKEN": "anything-at-all"}},
    {"env": {"DB_PASSWORD": "hunter2hunter2"}},
    {"env": {"PLAIN": HF}},
    {"env": {"WHERE": "https://ann:hunter2@example.org/x"}},
    {"env": {"KEPT": "1"}},
    {"env": {"PLAIN": "the-kept-value-of-it"}},
    {"onstart": f"export HF_TOKEN={HF}\n"},
    {"onstart": "login --token abcdefghij\n"},
    {"onstart": "echo the-kept-value-of-it\n"},
    {"args_str": "--api-key abcdefghij", "runtype": "args"},
    {"name": f"mine {HF}"},
    {"env_from": [HF]},
    {"env": "-h the-kept-value-of-it"},
    {"env": {HF: "1"}},
    {"onstart": "docker login -u me -p abcdefghij ghcr.io\n"},
    {"onstart": f"echo {b64encode(HF.encode()).decode()}|base64 -d>key\n"},
    {"env": {"JWT": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.abc"}},
]


@pytest.mark.parametrize("given", sampled(SECRETS, 2), ids=lambda given: next(iter(given)))
async def test_what_looks_like_a_secret_or_is_a_known_one_is_refused_and_not_repeated(
    world: World, settings: Settings, given: dict[str, Any]
) -> None:
    """A template is kept at Vast, and shown to whom its hash is shared with."""
    kept = {"KEPT": SecretStr("the-kept-value-of-it")}
    async with served(world, replace(settings, env_pass=kept)) as client:
        error = (await made(client, **given))["error"]
    assert (error["code"], world.asked("save_template")) == ("bad_arguments", [])
    assert [problem["field"] for problem in error["problems"]] == [next(iter(given))]
    told = json.dumps(error)
    assert "hunter2" not in told
    assert "abcdefghij" not in told
    assert "AbCdEf" not in told
    assert "the-kept-value" not in told


HARMLESS = [
    {"env": {"OPEN_BUTTON_TOKEN": "1", "MAX_TOKENS": "4096", "MODEL_ID": "a-org/model-8b"}},
    {"onstart": 'login --token "$HF_TOKEN"\nexport TOKEN=$HF_TOKEN\n# a password is wanted\n'},
    {"onstart": "huggingface-cli download a/b --revision 0123456789abcdef0123456789abcdef\n"},
]


@pytest.mark.parametrize("given", HARMLESS, ids=["env", "variables", "revision"])
async def test_what_names_a_secret_and_holds_none_is_taken(
    client: Client, given: dict[str, Any]
) -> None:
    """Vast's own templates have OPEN_BUTTON_TOKEN=1 (docs/vast-api.md M)."""
    assert (await made(client, **given))["outcome"] == "created"


async def test_names_of_env_from_stay_names_and_are_shown_again(
    client: Client, world: World
) -> None:
    """In the description, so that they are there on another computer; never as a variable, which
    would hide the account's own.
    """
    saved = await made(client, env_from=["WANDB_KEY", "HF_TOKEN"], env={"A": "1"})
    hash_id = saved["template"]["template_hash_id"]
    assert shelved(world, hash_id)["env"] == "-e A=1"
    assert saved["template"]["env_from"] == ["HF_TOKEN", "WANDB_KEY"]
    assert "create_instance with env_from" in saved["warnings"][0]
    [row] = (await call(client, "search_templates", mine=True))["templates"]
    assert row["env_from"] == ["HF_TOKEN", "WANDB_KEY"]
    everybodys = await call(client, "search_templates", recommended=False, words="mine")
    assert "env_from" not in everybodys["templates"][0]  # a stranger's wish is none
    twice = (await made(client, env_from=["A"], env={"A": "1"}))["error"]
    assert twice["problems"][0]["field"] == "env_from"


# ── from a machine ─────────────────────────────────────────────────────────────────────────────


async def test_a_machine_is_saved_without_secrets_watchdog_and_volume(
    world: World, settings: Settings
) -> None:
    """What somebody wrote, as they wrote it: the lease's watchdog and the packing are ours."""
    kept = {"WANDB": SecretStr("a-kept-value-of-theirs")}
    async with served(world, replace(settings, env_pass=kept)) as client:
        rented = await call(
            client,
            "create_instance",
            offer_id=an_offer(world, ports=True)["id"],
            image="example/server:v1",
            label="my run",
            runtype="ssh_direct",
            env={
                "A": "1",
                "HF_TOKEN": HF,
                "SEED": "9f86d081884c7d659a2feaa0c55ad015",
                "-p 8000:8000": "1",
            },
            env_from=["WANDB"],
            onstart=SCRIPT,
            disk=30,
            lease_hours=2,
        )
        machine = rented["instance_id"]
        assert "watchdog" in world.instances[machine].launch.onstart
        saved = await call(client, "create_template", from_instance_id=machine)
        template = saved["template"]
        content = shelved(world, template["template_hash_id"])
        assert (content["name"], content["image"], content["tag"]) == (
            "my run",
            "example/server",
            "v1",
        )
        assert (content["onstart"], content["env"]) == (SCRIPT, "-e A=1 -p 8000:8000")
        assert (template["launch"], template["disk_gb"]) == ("ssh_direct", 30)
        assert saved["left_out"] == ["HF_TOKEN", "SEED", "WANDB"]
        assert template["env_from"] == ["HF_TOKEN", "SEED", "WANDB"]
        given = {"from_instance_id": machine, "env": {"SEED": "7"}, "name": "other"}
        other = await call(client, "create_template", **given)
        assert other["template"]["env_from"] == ["HF_TOKEN", "WANDB"]
    content = shelved(world, other["template"]["template_hash_id"])
    assert content["env"] == "-e A=1 -p 8000:8000 -e SEED=7"
    told = json.dumps([saved, other, [one.body for one in world.asked("save_template")]])
    assert HF not in told
    assert "a-kept-value" not in told
    assert "lease-until" not in told


async def test_a_script_with_a_secret_stays_behind_and_that_is_said(
    client: Client, world: World
) -> None:
    """Packed or not: it is looked at as it was written."""
    script = f"export HF_TOKEN={HF}\n" + "# more\n" * ONSTART_MAX
    made = await call(
        client,
        "create_instance",
        offer_id=an_offer(world)["id"],
        image="a/b",
        onstart=script,
        lease_hours=1,
    )
    saved = await call(client, "create_template", from_instance_id=made["instance_id"])
    assert shelved(world, saved["template"]["template_hash_id"])["onstart"] is None
    assert any("onstart holds what looks like a secret" in said for said in saved["warnings"])


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"env": {"-e HF_TOKEN=abcdefghij": "1"}}, "looks like a secret in its name"),
        ({"env": {HF: "1"}}, "looks like a secret in its name"),
        ({"image": f"a/{HF.lower()}:{HF}"}, "image's name holds what looks like a secret"),
        ({"args": ["--api-key", "abcdefghij"], "runtype": "args"}, "args hold what looks like"),
    ],
    ids=["an option of another client", "a variable's name", "the image", "args"],
)
async def test_a_secret_of_a_machine_stays_behind_wherever_it_stands(
    client: Client, world: World, body: dict[str, Any], said: str
) -> None:
    """Other clients make machines, too."""
    row = {"image": "a/b", "disk": 20, "label": OURS, **body}
    machine = world.rent(an_offer(world)["id"], row).id
    given = {"from_instance_id": machine, **({"image": "a/b"} if "image" in body else {})}
    saved = await call(client, "create_template", **given)
    assert any(said in warning for warning in saved["warnings"])
    kept = json.dumps([saved, *(one.body for one in world.asked("save_template"))])
    assert "abcdefghij" not in kept
    assert HF not in kept


async def test_a_long_script_is_saved_packed(client: Client, world: World) -> None:
    """Vast takes 4048 characters (docs/vast-api.md A.2)."""
    script = "echo a\n" * ONSTART_MAX
    saved = await made(client, onstart=script)
    content = shelved(world, saved["template"]["template_hash_id"])
    assert len(content["onstart"]) <= ONSTART_MAX
    made_of = await call(
        client,
        "create_instance",
        offer_id=an_offer(world)["id"],
        template_hash_id=saved["template"]["template_hash_id"],
    )
    again = await call(client, "create_template", from_instance_id=made_of["instance_id"])
    assert shelved(world, again["template"]["template_hash_id"])["onstart"] == content["onstart"]


async def test_a_server_of_args_is_saved_with_its_words(client: Client, world: World) -> None:
    """args of a machine become the one text that a template has."""
    body = {"image": "a/b", "disk": 20, "label": OURS, "runtype": "args", "args": ["-m", "a b"]}
    machine = world.rent(an_offer(world)["id"], body).id
    saved = await call(client, "create_template", from_instance_id=machine)
    content = shelved(world, saved["template"]["template_hash_id"])
    assert (content["runtype"], content["args_str"]) == ("args", "-m 'a b'")


async def test_a_vm_and_an_unknown_machine_are_refused(client: Client, world: World) -> None:
    """What a template of a VM makes is not known."""
    offer = world.offer(vm=True, ports=True, disk_space=lambda free: free > 40)
    body = {"image": "docker.io/vastai/kvm:ubuntu_terminal", "disk": 20, "vm": True}
    vm = world.rent(offer["id"], body).id
    error = (await call(client, "create_template", from_instance_id=vm))["error"]
    assert error["code"] == "vm_not_possible"
    error = (await call(client, "create_template", from_instance_id=4711))["error"]
    assert error["code"] == "no_such_instance"


# ── edit ───────────────────────────────────────────────────────────────────────────────────────


async def test_an_edit_changes_what_is_given_and_the_answer_has_the_new_hash(
    client: Client, world: World
) -> None:
    """A stored hash goes stale, and whoever uses it is told the new one (docs/vast-api.md E)."""
    first = await made(client, env={"A": "1"}, env_from=["HF_TOKEN"])
    old = first["template"]["template_hash_id"]
    edited = await call(client, "create_template", template_hash_id=old, image="a/c:v2")
    new = edited["template"]["template_hash_id"]
    assert (edited["outcome"], edited["former_hash_id"]) == ("edited", old)
    assert new != old
    content = shelved(world, new)
    assert (content["image"], content["tag"], content["env"]) == ("a/c", "v2", "-e A=1")
    assert edited["template"]["env_from"] == ["HF_TOKEN"]
    offer = an_offer(world)["id"]
    for tool, given in (
        ("create_instance", {"offer_id": offer}),
        ("delete_template", {}),
        ("create_template", {"disk": 20}),
    ):
        error = (await call(client, tool, template_hash_id=old, **given))["error"]
        assert (error["code"], error["problems"][0]["problem"]) == (
            "no_such_template",
            f"write {new}",
        )
    again = await call(client, "create_template", template_hash_id=new, image="a/c:v2")
    assert again["outcome"] == "unchanged"
    assert again["template"]["template_hash_id"] == new


async def test_an_edit_back_and_forth_leads_to_the_last_hash(client: Client) -> None:
    """The same content has the same hash again: a chain of edits has an end."""
    first = (await made(client))["template"]["template_hash_id"]
    second = (await call(client, "create_template", template_hash_id=first, disk=20))["template"]
    back = await call(
        client, "create_template", template_hash_id=second["template_hash_id"], disk=30
    )
    third = back["template"]["template_hash_id"]
    error = (await call(client, "delete_template", template_hash_id=first))["error"]
    assert error["problems"][0]["problem"] == f"write {third}"


async def test_a_lost_reply_to_an_edit_is_settled_by_the_templates_number(
    client: Client, world: World
) -> None:
    """The number stays and the hash does not; a repetition finds no such hash
    (docs/vast-api.md E).
    """
    old = (await made(client))["template"]["template_hash_id"]
    world.faults.add("save_template", "drop", when="after")
    edited = await call(client, "create_template", template_hash_id=old, disk=20)
    assert (edited["outcome"], edited["former_hash_id"]) == ("edited", old)
    assert shelved(world, edited["template"]["template_hash_id"])["recommended_disk_space"] == 20
    now = edited["template"]["template_hash_id"]
    world.faults.add("save_template", "drop", times=None)
    error = (await call(client, "create_template", template_hash_id=now, disk=30))["error"]
    assert error["message"].startswith("It was sent, and what came of it is not known:")


async def test_anothers_template_is_neither_edited_nor_deleted(
    client: Client, world: World
) -> None:
    """Only its creator may (docs/vast-api.md E)."""
    [theirs, *_] = (await call(client, "search_templates"))["templates"]
    hash_id = theirs["template_hash_id"]
    for tool, given in (("create_template", {"disk": 20}), ("delete_template", {})):
        error = (await call(client, tool, template_hash_id=hash_id, **given))["error"]
        assert (error["code"], error["problems"][0]["field"]) == (
            "bad_arguments",
            "template_hash_id",
        )
        assert [step["arguments"] for step in error["next_steps"]] == [{"mine": True}]
    assert (world.asked("save_template"), world.asked("delete_template")) == ([], [])
    mine = (await made(client))["template"]["template_hash_id"]
    nothing = (await call(client, "create_template", template_hash_id=mine))["error"]
    assert nothing["code"] == "bad_arguments"
