"""create_instance against the specification of its request, PUT /api/v0/asks/{id}/.

golden/create_instance.schema.json is that request's schema, transcribed: types, enums, bounds,
defaults, examples.
"""

import json
import re
from typing import Any

import anyio
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from mcp import Client

from house import GOLDEN, KEY_LINE, call, served, so_many
from unhurried import run
from vast_mcp.environment import load
from vast_mcp.host.flat import flat
from vast_mcp.host.schema import Slim
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Settings
from vast_mcp_tools import create_instance

SPECIFIED = json.loads((GOLDEN / "create_instance.schema.json").read_text(encoding="utf-8"))
FIELDS = SPECIFIED["properties"]
VM_IMAGE = "docker.io/vastai/kvm:ubuntu_terminal"

# Arguments that are no field of the body, and why they exist.
OURS = {
    "offer_id": "the {id} of the path",
    "request_key": "docs/protocol.md: names the wish, so that the same wish rents once",
    "allow_unresolved": "docs/protocol.md: rents although another wish is in doubt",
    "max_usd_per_hour": "a misspelt or stale price must not be paid",
    "lease_hours": "the machine ends by itself",
    "dry_run": "checks and prices, and sends nothing",
    "check": "where nobody logs in, the machine looks at itself and says it in its log",
    "env_from": "env whose values the person keeps: they go to the machine and never through a "
    "model",
    "image_login_from": "image_login, kept likewise",
    "onstart_file": "onstart as a file of the person's, which goes through no model either",
}

# Where the arguments' model says more than the specification, or something else: what it says,
# and why. None means that the keyword is left out.
DEVIATIONS = {
    "image": (
        {"default": None, "maxLength": 1024},
        "the default holds only without a template, so it is put in words (A.2, A.10); 1024 is "
        "A.2's",
    ),
    "label": (
        {"maxLength": 216, "pattern": r"^[^\x00-\x1f\x7f]+$"},
        "A.2 has 256, of which # and the token take 17 and a lease 23; no person can type a "
        "control character",
    ),
    "disk": ({"format": None, "minimum": 8}, "A.2: Vast validates 8; format says nothing of JSON"),
    "onstart": (
        {"maxLength": 65536},
        "the specification's Key Quirks have 4048; a longer one is packed to fit",
    ),
    "volume_info": (
        {"additionalProperties": False},
        "an unknown key is never dropped without a word",
    ),
    "volume_info.volume_id": ({"minimum": 1}, "no id is below 1"),
    "volume_info.size": ({"minimum": 1}, "no volume has 0 GB"),
    "volume_info.mount_path": ({"pattern": r"^[^\x00]+$"}, "A.8: no NUL"),
}

# What the specification, or A.2 and A.7 where it is silent, says of a field's default, as the
# description words it.
DEFAULTS_IN_WORDS = {
    "image": "vastai/base-image:@vastai-automatic-tag",
    "disk": "Default: the template's, else 8 to 10",
    "runtype": "Default: the template's, else ssh, or args with args/args_str",
    "target_state": "default running",
    "cancel_unavail": "Default true on demand and running, else false",
    "vm": "default false",
    "use_jupyter_lab": "default false",
    "python_utf8": "default false",
    "lang_utf8": "default false",
    "force": "Default false",
    "volume_info.create_new": "Default false",
}


def by_path(schema: Any) -> Any:
    """Every property by its dotted path, nested ones after their object."""
    for name, node in schema["properties"].items():
        yield name, node
        if "properties" in node:
            yield from ((f"{name}.{inner}", part) for inner, part in by_path(node))


def constraints(node: Any) -> Any:
    """What a property schema allows, without its words and its parts."""
    return {
        key: value
        for key, value in node.items()
        if key not in {"description", "examples", "properties"}
    }


@pytest.fixture(scope="module")
def published(tmp_path_factory: Any) -> Any:
    """The schema of create_instance's arguments as a client lists it."""

    async def listed() -> Any:
        options = load({}, home=tmp_path_factory.mktemp("home"), sandbox=True)
        async with served(World(), options) as client:
            return (await client.list_tools()).tools

    return next(tool for tool in anyio.run(listed) if tool.name == "create_instance").input_schema


def test_the_arguments_are_the_fields_of_the_body_and_the_offers_id(published: Any) -> None:
    """The specification; ours are listed above."""
    assert set(FIELDS) | set(OURS) == set(published["properties"])
    assert set(dict(by_path(SPECIFIED))) <= set(dict(by_path(published)))


@pytest.mark.parametrize("path", [path for path, _ in by_path(SPECIFIED)])
def test_a_field_has_the_specified_type_enum_and_bounds(path: Any) -> None:
    """The specification, and the table of deviations above; what is published has no bounds, since
    hosts strip them (docs/hosts.md).
    """
    specified = constraints(dict(by_path(SPECIFIED))[path])
    stated, _why = DEVIATIONS.get(path, ({}, ""))
    expected = {key: value for key, value in (specified | stated).items() if value is not None}
    modelled = flat(create_instance.CreateInstance.model_json_schema(schema_generator=Slim))
    assert constraints(dict(by_path(modelled))[path]) == expected


@pytest.mark.parametrize("path", [path for path, _ in by_path(SPECIFIED)])
def test_a_field_is_published_with_its_specified_type_and_choices(
    published: Any, path: Any
) -> None:
    """An optional number, boolean or choice offers null beside it (docs/hosts.md)."""
    specified = dict(by_path(SPECIFIED))[path]
    kept = {key: value for key, value in specified.items() if key in {"type", "enum", "items"}}
    shown = constraints(dict(by_path(published))[path])
    shown.pop("additionalProperties", None)
    null = {"type": "null"}
    assert shown == (kept if "anyOf" not in shown else {"anyOf": [kept, null]})


def test_every_deviation_still_deviates() -> None:
    """A table of exceptions that cannot go stale."""
    specified = dict(by_path(SPECIFIED))
    assert [
        path
        for path, (stated, _why) in DEVIATIONS.items()
        if constraints(specified[path]).items() >= stated.items()
    ] == []
    assert set(DEVIATIONS) <= set(specified)


def test_only_the_offer_is_required(published: Any) -> None:
    """The specification requires image, gives it a default, and lets a template provide it:
    nobody need give it.
    """
    assert SPECIFIED["required"] == ["image"]
    assert published["required"] == ["offer_id"]


@pytest.mark.parametrize("path", DEFAULTS_IN_WORDS)
def test_a_default_is_said_in_words(published: Any, path: Any) -> None:
    """Codex strips defaults, and most of these are Vast's, which no schema can state
    (docs/hosts.md).
    """
    assert DEFAULTS_IN_WORDS[path] in dict(by_path(published))[path]["description"]


def test_every_specified_default_is_in_the_table_of_defaults() -> None:
    """A default of the specification that no description states would reach no model
    whose host strips defaults.
    """
    assert {path for path, node in by_path(SPECIFIED) if "default" in node} <= set(
        DEFAULTS_IN_WORDS
    )


# ── The specification's examples, sent ─────────────────────────────────────────────────────────

ARRIVES_AS = {
    "env": {
        "HF_TOKEN": "hf_xxx123456789",
        "MODEL_ID": "TheBloke/Llama-2-7B-Chat-GPTQ",
        "-p 8000:8000": "1",
    },
}
EXAMPLES = [
    (name, example) for name, node in FIELDS.items() for example in node.get("examples", [])
]


@pytest.mark.parametrize(("name", "example"), EXAMPLES, ids=[name for name, _ in EXAMPLES])
async def test_the_specifications_example_arrives_as_given(
    client: Client, world: World, name: Any, example: Any
) -> None:
    """The specification; env alone changes form, into the object that the service wants (A.4)."""
    template = next(iter(world.templates.values()))
    world.templates["4e17788f74f075dd9aab7d0d4427968f"] = template | {
        "hash_id": "4e17788f74f075dd9aab7d0d4427968f"
    }
    offer = world.offer(direct_port_count=lambda ports: ports > 1)
    world.offers[offer["id"]]["dph_base"] = 128.0  # a bid may be as high
    made = await call(client, "create_instance", offer_id=offer["id"], disk=20, **{name: example})
    assert made["instance_id"] == world.living[0].id
    assert ARRIVES_AS.get(name, example) == world.asked("create")[0].body[name]


async def test_a_volume_at_the_specifications_mount_path_arrives_as_given(
    client: Client, world: World
) -> None:
    """Linking an existing volume, and making one (the specification), which is named by the
    label's token (docs/vast-api.md A.8).
    """
    [mount_path] = FIELDS["volume_info"]["properties"]["mount_path"]["examples"]
    volumes = [
        {"create_new": False, "volume_id": 7, "mount_path": mount_path},
        {"create_new": True, "volume_id": 8, "size": 15, "mount_path": mount_path},
    ]
    for volume in volumes:
        await call(
            client, "create_instance", offer_id=world.offer()["id"], disk=20, volume_info=volume
        )
    linked, made = [request.body for request in world.asked("create")]
    token = made["label"].rpartition("#")[2]
    assert linked["volume_info"] == volumes[0]
    assert made["volume_info"] == volumes[1] | {"name": f"vast_mcp_{token}"}


async def test_the_offers_id_goes_in_the_path_and_nowhere_else(
    client: Client, world: World
) -> None:
    """PUT /api/v0/asks/{id}/ (the specification)."""
    offer_id = world.offer()["id"]
    await call(client, "create_instance", offer_id=offer_id, disk=20)
    [request] = world.asked("create")
    assert (request.method, request.path) == ("PUT", f"/api/v0/asks/{offer_id}/")
    assert str(offer_id) not in json.dumps(request.body)


# ── Its replies, received ──────────────────────────────────────────────────────────────────────

REPLIES = [
    (
        400,
        {
            "success": False,
            "error": "invalid_args",
            "msg": "error 400/3467: Invalid args",
            "ask_id": 1,
        },
        "invalid_request",
    ),
    (
        400,
        {"success": False, "error": "invalid_price", "msg": "too low", "ask_id": 1},
        "invalid_price",
    ),
    (
        400,
        {"success": False, "error": "no_ssh_key_for_vm", "msg": "no key", "ask_id": 1},
        "no_ssh_key",
    ),
    (401, {"success": False, "error": "auth_error", "msg": "who are you"}, "auth_failed"),
    (
        403,
        {
            "success": False,
            "error": "invalid_args",
            "msg": "error 403/3586: Offer 1234567 is not your own. Hosts can only rent their "
            "own "
            "machines.",
            "ask_id": 1234567,
        },
        "offer_private",
    ),
    (
        404,
        {
            "success": False,
            "error": "invalid_args",
            "msg": "error 404/3603: no_such_ask Instance type by id 1234567 is not available.",
            "ask_id": 1234567,
        },
        "offer_gone",
    ),
    (
        410,
        {
            "success": False,
            "error": "no_such_ask",
            "msg": "error 410/3907: no_such_ask Instance type 1234567 is no longer available.",
            "ask_id": 1234567,
        },
        "offer_gone",
    ),
    (429, {"detail": "API requests too frequent endpoint threshold=4.5"}, "rate_limited"),
]


@pytest.mark.parametrize(
    ("status", "body", "code"), REPLIES, ids=[f"{status}-{code}" for status, _, code in REPLIES]
)
async def test_a_specified_refusal_has_one_code_and_no_machine(
    client: Client, world: World, status: Any, body: Any, code: Any
) -> None:
    """The specification's replies, each of which says that nothing was rented."""
    world.faults.add("create", "status", times=None, status=status, body=body)
    refused = await call(client, "create_instance", offer_id=world.offer()["id"], disk=20)
    error = refused["error"]
    assert (error["code"], error["http_status"], error["billing_possible"]) == (code, status, False)
    assert error["untrusted_vast_message"] == body.get("msg", body.get("detail"))
    assert world.rentals == []


async def test_the_specified_success_is_an_instance(client: Client, world: World) -> None:
    """200 with new_contract, which is the instance's id (the specification)."""
    world.faults.add(
        "create", "status", status=200, body={"success": True, "new_contract": 1234568}
    )
    made = await call(client, "create_instance", offer_id=world.offer()["id"], disk=20)
    assert made["instance_id"] == 1234568


# ── Any valid body ─────────────────────────────────────────────────────────────────────────────


def is_something(text: str) -> bool:
    """Whether it is no blank and no word for nothing, which are refused (docs/hosts.md)."""
    return text.strip().casefold() not in {"", "null", "none", "undefined", "nil", "n/a"}


def is_a_word(text: str) -> bool:
    """Whether more than quotes and blanks is left of it."""
    return is_something("".join(text.replace("'", " ").replace('"', " ").split()))


TEMPLATES = sorted(World().templates)
text = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)
printable = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=40)
text, printable = (kind.filter(is_something) for kind in (text, printable))
word = st.from_regex(r"w[A-Za-z0-9.~@/+=]{4,20}", fullmatch=True)
image = st.from_regex(r"[a-z0-9]{1,9}/[a-z0-9]{1,9}([._-][a-z0-9]{1,9})?(:[a-z]+)?", fullmatch=True)
flag = st.booleans()
variable = st.from_regex(r"[A-Za-z_][A-Za-z0-9_.]{0,20}", fullmatch=True)
value = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
port = st.builds(
    "-p {}:{}{}".format,
    st.integers(1, 65535),
    st.integers(1, 65535),
    st.sampled_from(["", "/tcp", "/udp"]),
)
link = st.fixed_dictionaries(
    {"volume_id": st.integers(1, 10**9), "mount_path": st.just("/workspace")},
    optional={"create_new": st.just(False)},
)
new = st.fixed_dictionaries(
    {
        "create_new": st.just(True),
        "volume_id": st.integers(1, 10**9),
        "size": st.integers(1, 500),
        "mount_path": printable,
    }
)
anywhere = {
    "label": printable,
    "disk": st.floats(8, 50) | st.integers(8, 50),
    "target_state": st.sampled_from(["running", "stopped"]),
    "env": st.dictionaries(variable, value, max_size=4).flatmap(
        lambda names: st.dictionaries(port, st.just("1"), max_size=3).map(
            lambda ports: names | ports
        )
    ),
    "price": st.floats(100, 128),
    "cancel_unavail": flag,
    "python_utf8": flag,
    "lang_utf8": flag,
    "force": flag,
    "user": printable,
    "image_login": st.builds("-u {} -p {} docker.io".format, word, word),
}
container_only = {
    "image": st.from_regex(
        r"[a-z0-9]{1,9}/[a-z0-9]+([._-][a-z0-9]+){0,2}(:[A-Za-z0-9_]{1,9})?", fullmatch=True
    ),
    "template_hash_id": st.sampled_from(TEMPLATES),
    "vm": st.just(False),
    "use_jupyter_lab": flag,
    "jupyter_dir": text,
    "volume_info": link | new,
}
BY_SHELL = [runtype for runtype in FIELDS["runtype"]["enum"] if runtype != "args"]
program = {"onstart": st.from_regex(r"/?[a-z]{1,9}", fullmatch=True)}
script = {
    "onstart": st.text(st.characters(exclude_categories=["Cs"]), max_size=200).map(
        lambda text: "echo " + text.replace("\r", "")
    )
}
by_ssh_or_jupyter = st.fixed_dictionaries(
    {},
    optional=anywhere | script | container_only | {"runtype": st.sampled_from(BY_SHELL)},
)
by_args = st.fixed_dictionaries(
    {"args": st.lists(text, min_size=1, max_size=4)},
    optional=anywhere | program | container_only | {"runtype": st.just("args")},
)
by_args_str = st.fixed_dictionaries(
    {"args_str": text.filter(is_a_word)},
    optional=anywhere | program | container_only | {"runtype": st.just("args")},
)
as_vm = st.fixed_dictionaries(
    {"vm": st.just(True), "image": st.just(VM_IMAGE)},
    optional=anywhere | script | {"runtype": st.sampled_from(["ssh", "ssh_proxy", "ssh_direct"])},
)


def expected_body(given_arguments: Any, token: Any) -> Any:
    """What was given, without what is empty, and the things that are never left to chance."""
    body = {name: value for name, value in given_arguments.items() if value not in ("", [], {})}
    if "image" not in body and "template_hash_id" not in body:
        body["image"] = FIELDS["image"]["default"]
    body.setdefault("cancel_unavail", "price" not in body and body.get("target_state") != "stopped")
    body["label"] = f"{body.get('label', 'vast-mcp')}#{token}"
    if "volume_info" in body:
        info = {"create_new": False} | body["volume_info"]
        name = {"name": f"vast_mcp_{token}"} if info["create_new"] else {}
        body["volume_info"] = info | name
    return body


async def rent_in_a_new_world(arguments: Any, settings: Settings) -> Any:
    """The result, and the body that the sandbox received."""
    world = World(offer_count=60)
    world.set_keys([KEY_LINE])
    offer = world.offer(
        vm=arguments.get("vm", False),
        disk_space=lambda gb: gb > 50,
        direct_port_count=lambda ports: ports > 64,
    )
    world.offers[offer["id"]]["dph_base"] = 128.0  # a bid may be as high
    async with served(world, settings, [create_instance.SPEC]) as client:
        made = await call(client, "create_instance", offer_id=offer["id"], **arguments)
    return made, [request.body for request in world.asked("create")]


def check_what_arrives(arguments: Any, settings: Settings) -> None:
    made, bodies = run(rent_in_a_new_world, arguments, settings)
    assert "error" not in made
    token = made["label"].rpartition("#")[2]
    assert re.fullmatch("[0-9a-f]{16}", token)
    assert bodies == [expected_body(arguments, token)]


ALONE = [
    {},
    {"image": "ubuntu"},
    {"template_hash_id": TEMPLATES[0]},
    {"label": "mine"},
    {"disk": 8},
    *({"runtype": runtype} for runtype in FIELDS["runtype"]["enum"]),
    *({"target_state": state} for state in FIELDS["target_state"]["enum"]),
    {"price": 128},
    {"env": {"A": ""}},
    {"cancel_unavail": False},
    {"vm": False},
    {"onstart": " true"},
    {"args": ["", "a"]},
    {"args_str": " a"},
    {"use_jupyter_lab": True},
    {"jupyter_dir": "/"},
    {"python_utf8": False},
    {"lang_utf8": True},
    {"force": False},
    {"user": "root"},
    {"image_login": "-u u -p p docker.io"},
    {"volume_info": {"volume_id": 1, "mount_path": "/data"}},
]


def test_each_field_alone_arrives_with_nothing_beside_it(settings: Settings) -> None:
    """The specification; false is a value like others, and no field brings another with it."""
    assert {name for arguments in ALONE for name in arguments} == set(FIELDS)
    for arguments in ALONE:
        check_what_arrives(arguments, settings)


@examples(
    derandomize=True,
    max_examples=so_many(50),
    deadline=None,
    database=None,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
    ],  # settings are frozen
)
@given(arguments=by_ssh_or_jupyter | by_args | by_args_str | as_vm)
def test_fields_together_arrive_as_given_and_what_is_not_given_is_absent(
    settings: Settings, arguments: Any
) -> None:
    """The specification's fields; the defaults of A.2 and A.7, the label's token, and the name of
    a new volume (A.8) are all that is added.
    """
    check_what_arrives(arguments, settings)
