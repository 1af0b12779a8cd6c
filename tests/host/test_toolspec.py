"""What every tool shows a host, and what of the SDK we rely on for it.

Hosts disagree on what a schema may hold and on which channel their model reads; the numbers are
sections of docs/hosts.md.
"""

import json
import logging
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import anyio
import jsonschema
import pytest
from mcp import Client
from pydantic import Field

from house import KEY_LINE, a_machine, a_template, call, served
from vast_mcp import __version__
from vast_mcp.environment import load
from vast_mcp.host.server import build
from vast_mcp.renting.arguments import VolumeInfo
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Settings
from vast_mcp.toolspec import Arguments, Part, Result, ToolSpec
from vast_mcp_tools import CATALOGUE

NAMES = [spec.name for spec in CATALOGUE]


@pytest.fixture(scope="module")
def listed(tmp_path_factory: Any) -> Any:
    """Every tool as a client sees it, by name, in both protocol eras."""
    settings = load({}, home=tmp_path_factory.mktemp("home"), sandbox=True)

    async def tools(mode: Any) -> Any:
        async with served(World(), settings, mode=mode) as client:
            return {tool.name: tool for tool in (await client.list_tools()).tools}

    return {mode: anyio.run(tools, mode) for mode in ("auto", "legacy")}


@pytest.fixture(scope="module")
def tools(listed: Any) -> Any:
    return listed["auto"]


def nodes(schema: Any, path: Any = "$") -> Any:
    """Every schema inside a schema, itself first, with its path."""
    yield path, schema
    for key in ("properties", "$defs"):
        for name, part in schema.get(key, {}).items():
            yield from nodes(part, f"{path}.{name}")
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            yield from nodes(schema[key], f"{path}.{key}")
    for key in ("anyOf", "oneOf", "allOf"):
        for place, part in enumerate(schema.get(key, [])):
            yield from nodes(part, f"{path}.{key}[{place}]")


# ── What is listed ─────────────────────────────────────────────────────────────────────────────


def test_both_eras_list_the_same_tools_in_the_order_of_a_rental(listed: Any) -> None:
    """Spec 2026-07-28: the list does not vary; hosts still speak 2025-06-18 (5.2)."""
    assert list(listed["auto"]) == list(listed["legacy"]) == NAMES
    shown = {
        mode: [tool.model_dump(by_alias=True) for tool in by_name.values()]
        for mode, by_name in listed.items()
    }
    assert shown["auto"] == shown["legacy"]


@pytest.mark.parametrize("name", NAMES)
def test_an_input_schema_is_a_closed_flat_object(tools: Any, name: Any) -> None:
    """5.3, 1: some hosts drop a tool with a union at its root; an unknown argument is an error."""
    schema = tools[name].input_schema
    assert (schema["type"], schema["additionalProperties"]) == ("object", False)
    assert schema.keys() <= {"type", "properties", "required", "additionalProperties"}


@pytest.mark.parametrize("name", NAMES)
def test_no_schema_holds_what_hosts_choke_on(tools: Any, name: Any) -> None:
    """5.3, 2 and 5: no references, no titles, no arrays of types, no bare schemas (the
    Inspector's lint).
    """
    for schema in (tools[name].input_schema, tools[name].output_schema):
        for path, node in nodes(schema):
            assert not {"$ref", "$defs", "title", "const"} & node.keys(), path
            assert isinstance(node.get("type", ""), str), path
            assert node.get("default", ...) is not None, path
            assert {"type", "anyOf"} & node.keys(), path
    for path, node in nodes(tools[name].output_schema):
        assert node.get("type") != "null", path


@pytest.mark.parametrize("name", NAMES)
def test_an_output_schema_fits_failures_too(tools: Any, name: Any) -> None:
    """0.2: clients check error results as well, so nothing is required at the top and `error` is
    a property.
    """
    schema = tools[name].output_schema
    assert schema["type"] == "object"
    assert "required" not in schema
    assert schema["properties"]["error"]["type"] == "object"
    assert schema["properties"]["sandbox"]["type"] == "boolean"


@pytest.mark.parametrize("name", NAMES)
def test_both_schemas_are_schemas(tools: Any, name: Any) -> None:
    """jsonschema, as clients use it."""
    for schema in (tools[name].input_schema, tools[name].output_schema):
        jsonschema.Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("name", NAMES)
def test_every_argument_is_described(tools: Any, name: Any) -> None:
    """0.7: hosts strip keywords; words remain."""
    for path, node in nodes(tools[name].input_schema):
        named = re.search(r"\.(?!items$|additionalProperties$)\w+$", path)
        assert not named or described(name, path, node), path


def described(name: str, path: str, node: Any) -> bool:
    """Whether a property has words, here or, where its tool says so, elsewhere."""
    if node.get("description", "").strip():
        return True
    argument = path.split(".")[1]
    spec = next(spec for spec in CATALOGUE if spec.name == name)
    return argument in spec.arguments.told_elsewhere and any(
        other.arguments.model_json_schema()["properties"].get(argument, {}).get("description")
        and argument not in other.arguments.told_elsewhere
        for other in CATALOGUE
    )


def held_to(spec: ToolSpec) -> Any:
    """Every property of the model behind a tool, with what its schema does not say: its path, its
    default and its bounds, and the published description.
    """
    for model in (spec.arguments, *NESTED.get(spec.name, [])):
        for name, node in model.model_json_schema()["properties"].items():
            parts = [part for _, part in nodes(node)]
            bounds = [
                (part.get("type"), bound)
                for part in parts
                for keyword in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
                if (bound := part.get(keyword)) is not None
            ]
            if name in spec.arguments.told_elsewhere and "description" not in node:
                continue
            yield f"{model.__name__}.{name}", node.get("default"), bounds, node["description"]


NESTED = {"create_instance": [VolumeInfo]}


@pytest.mark.parametrize("spec", CATALOGUE, ids=NAMES)
def test_every_default_of_an_argument_is_said_in_words(spec: ToolSpec) -> None:
    """0.7: hosts strip `default`, so that no schema has one."""
    for path, default, _, description in held_to(spec):
        if default is not None:
            words = default if isinstance(default, str) else json.dumps(default)
            assert re.search(rf"[Dd]efault:? {re.escape(words)}\b", description), path


@pytest.mark.parametrize("spec", CATALOGUE, ids=NAMES)
def test_every_bound_is_said_in_words(spec: ToolSpec) -> None:
    """0.7: hosts strip bounds, so that no schema has one. That whole numbers begin at 1, and
    quantities at nothing, goes without saying.
    """
    for path, _, bounds, description in held_to(spec):
        for kind, bound in bounds:
            if bound == 0 or (kind, bound) == ("integer", 1):
                continue
            said = rf"(?<![\d.]){re.escape(f'{bound:g}')}(?!\d|\.\d)"
            assert re.search(said, description), (path, bound)


@pytest.mark.parametrize("name", NAMES)
def test_a_title_and_all_four_annotations_are_stated(tools: Any, name: Any) -> None:
    """Hosts ask before a destructive call, and the protocol's defaults are the dangerous ones."""
    tool = tools[name]
    assert tool.title
    assert tool.annotations.title == tool.title
    hints = ("read_only_hint", "destructive_hint", "idempotent_hint", "open_world_hint")
    assert all(isinstance(getattr(tool.annotations, hint), bool) for hint in hints)
    assert not (tool.annotations.read_only_hint and tool.annotations.destructive_hint)


def test_what_spends_or_deletes_is_declared_destructive(tools: Any) -> None:
    """Hosts ask before a tool that is declared destructive, and let those that only read pass."""
    hints = {name: tool.annotations.destructive_hint for name, tool in tools.items()}
    assert {name for name, destructive in hints.items() if destructive} >= {
        "create_instance",
        "destroy_instance",
        "create_volume",
        "destroy_volume",
    }
    assert {name for name, tool in tools.items() if tool.annotations.read_only_hint} >= {
        "search_offers",
        "show_instances",
    }


@pytest.mark.parametrize("name", NAMES)
def test_a_name_fits_every_host(name: Any) -> None:
    """5.1: Cursor and Gemini prefix the server's name and cut at 60."""
    assert re.fullmatch("[a-z][a-z_]{2,23}", name)


ORDERS = re.compile(
    r"\b(must|should|have to|need to|remember to|make sure to|be sure to) (be "
    r")?(call|use|run|ask|invoke)"
    r"|\balways\b|\bnever "
    r"(call|use|run|invoke)|\b(IMPORTANT|CRITICAL|WARNING)\b|\byou\b|\bassistant\b",
    re.IGNORECASE,
)


@pytest.mark.parametrize("name", NAMES)
def test_descriptions_state_facts_and_give_no_orders(tools: Any, name: Any) -> None:
    """Directory criteria call behavioural orders in a description prompt injection; an empty one
    fails conformance.
    """
    tool = tools[name]
    words = [tool.description] + [
        node.get("description", "") for _, node in nodes(tool.input_schema)
    ]
    assert [found.group() for text in words if (found := ORDERS.search(text))] == []
    assert 40 < len(tool.description) < 2000
    assert "\n" not in tool.description


async def test_the_server_says_who_it_is_and_how_its_tools_go_together(client: Client) -> None:
    """0.8, 5.1: in hosts that defer tools only their names and these instructions are in sight."""
    assert client.server_info.version == __version__
    assert 100 < len(client.instructions) < 2000
    assert set(
        re.findall(r"\b(?:create|show|search|destroy|start|stop)_[a-z_]+", client.instructions)
    ) <= set(NAMES)


async def test_the_list_of_tools_may_be_kept(client: Client) -> None:
    """Spec 2026-07-28: ttlMs and cacheScope; the catalogue never changes while we run."""
    answer = await client.list_tools()
    assert (answer.ttl_ms, answer.cache_scope, answer.next_cursor) == (3_600_000, "public", None)


# ── What is answered ───────────────────────────────────────────────────────────────────────────


async def rented(client: Client, world: World) -> Any:
    made = await call(client, "create_instance", offer_id=world.offer()["id"], disk=20)
    return made["instance_id"]


@pytest.fixture
def world() -> Any:
    """Its doors answer as SSH does, so that waiting has its best end."""
    made = World(ssh_banners=True)
    yield made
    made.close()


def room_for_volumes(world: World) -> Any:
    return next(room for room in world.volumes.rooms.values() if room["disk_space"] > 40)


def success_of_volumes(name: str, world: World) -> dict[str, Any]:
    """The same of the tools that are about volumes."""
    room = room_for_volumes(world)
    match name:
        case "search_volumes":
            return {"machine_id": room["machine_id"]}
        case "create_volume":
            return {"volume_offer_id": room["id"]}
    made = world.volumes.rent(room["id"], 20, f"vast_mcp_{'0' * 16}", world.clock()).id
    match name:
        case "manage_volume":
            return {"volume_id": made, "lease_hours": 2.0}
        case "destroy_volume":
            return {"volume_id": made}
    return {}


async def success_arguments(name: str, client: Client, world: World) -> dict[str, Any]:
    """Arguments with which a tool succeeds on a new world, and has something to show there."""
    match name:
        case "create_instance":
            return {"offer_id": world.offer()["id"], "disk": 20}
        case "provision":
            return {"max_usd_per_hour": 9.0, "dry_run": True}
        case "create_ssh_key":
            return {"public_key": KEY_LINE}
        case "show_ssh_keys":
            world.set_keys([KEY_LINE])
    if name.partition("_")[2] in {"volume", "volumes"}:
        return success_of_volumes(name, world)
    if name in OF_THE_ACCOUNT:
        return OF_THE_ACCOUNT[name](world)
    if name in ON_A_MACHINE:
        return ON_A_MACHINE[name](world, await rented(client, world))
    return {}


def a_key(world: World) -> dict[str, Any]:
    world.set_keys([KEY_LINE])
    return {"key_id": min(world.keys)}


# The arguments of tools that are about no machine.
OF_THE_ACCOUNT: dict[str, Callable[[World], dict[str, Any]]] = {
    "create_template": lambda _: {"name": "mine", "image": "a/b", "env_from": ["HF_TOKEN"]},
    "delete_template": lambda world: {"template_hash_id": a_template(world)},
    "delete_ssh_key": a_key,
}


def with_a_log(world: World, made: int) -> dict[str, Any]:
    world.set_logs(made, "pulling\nrunning\n")
    return {"instance_id": made}


def with_a_key(world: World, made: int) -> dict[str, Any]:
    world.set_keys([KEY_LINE])
    [key] = world.keys
    return {"instance_id": made, "key_id": key}


def with_a_neighbour(world: World, made: int) -> dict[str, Any]:
    """Of several machines each has a result of its own, also where nobody is let in."""
    other = a_machine(world)
    return {"instance_ids": [made, other], "command": "true"}


def without_ssh(world: World, made: int) -> dict[str, Any]:
    """A machine that nobody enters, and that said in its log what it is."""
    world.instances[made].launch.runtype = "args"
    world.set_logs(made, 'vast-mcp: check {"v":1,"cpu":"0 8"}\n')
    return {"instance_id": made}


# The arguments of tools that want a machine, or show one.
ON_A_MACHINE: dict[str, Callable[[World, int], dict[str, Any]]] = {
    "attach_ssh_key": with_a_key,
    "copy_files": lambda _world, made: {
        "instance_id": made,
        "direction": "down",
        "local": "~/x",
        "remote": "x",
    },
    "copy_data": lambda _world, made: {"source": f"{made}:/a", "destination": f"{made}:/b"},
    "check_machine": without_ssh,
    "detach_ssh_key": with_a_key,
    "destroy_instance": lambda _world, made: {"instance_ids": [made]},
    "manage_instance": lambda _world, made: {"instance_id": made, "action": "stop"},
    "recycle_instance": lambda _world, made: {"instance_id": made},
    "update_instance": lambda _world, made: {"instance_id": made, "image": "a/b"},
    "run_command": with_a_neighbour,
    "show_instance": lambda _world, made: {"instance_id": made},
    "show_instances": lambda _world, _made: {},
    "show_logs": with_a_log,
    "wait_for_instance": lambda _world, made: {"instance_id": made},
}


def check_channels(result: Any, schema: Any) -> None:
    """One text, the same JSON as the structured content, and true to the published schema."""
    [content] = result.content
    payload = result.structured_content
    assert content.text == json.dumps(payload, ensure_ascii=False, separators=(",", ":"))
    assert payload["sandbox"] is True
    jsonschema.validate(payload, schema, cls=jsonschema.Draft202012Validator)


# What enters machines succeeds at a real server (tests/ssh/test_copies.py).
@pytest.mark.parametrize("name", sorted({*NAMES} - {"copy_files"}))
async def test_a_success_is_the_same_json_on_both_channels_and_fits_its_schema(
    client: Client, world: World, tools: Any, name: Any
) -> None:
    """0.1: one host reads the text, another the structured content."""
    result = await client.call_tool(name, await success_arguments(name, client, world))
    assert not result.is_error
    assert "error" not in result.structured_content
    check_channels(result, tools[name].output_schema)
    assert set(result.structured_content) <= set(tools[name].output_schema["properties"])


@pytest.mark.parametrize("name", NAMES)
async def test_a_failure_is_the_same_json_on_both_channels_and_fits_its_schema(
    client: Client, tools: Any, name: Any
) -> None:
    """0.2: TS clients throw on an error result that violates the output schema."""
    result = await client.call_tool(name, {"no_such_argument": "planted-secret"})
    assert result.is_error
    check_channels(result, tools[name].output_schema)
    error = result.structured_content["error"]
    assert (error["code"], error["billing_possible"], error["retryable"]) == (
        "bad_arguments",
        False,
        False,
    )
    assert "no_such_argument" in error["message"]
    assert "planted-secret" not in result.model_dump_json()


@pytest.mark.parametrize("name", NAMES)
async def test_a_refusal_by_vast_fits_the_schema_as_well(
    client: Client, world: World, tools: Any, name: Any
) -> None:
    """0.2, for an error that carries facts."""
    arguments = await success_arguments(name, client, world)
    world.faults.add(
        "*",
        "status",
        times=None,
        status=403,
        body={"error": "forbidden", "msg": "no \u202epermission"},
    )
    result = await client.call_tool(name, arguments)
    assert result.is_error
    check_channels(result, tools[name].output_schema)
    assert "\u202e" not in result.content[0].text


async def test_an_error_result_says_so_in_the_legacy_era_too(
    world: World, settings: Settings
) -> None:
    """5.2: most hosts still speak 2025-06-18."""
    async with served(world, settings, mode="legacy") as client:
        result = await client.call_tool("create_instance", {"offer_id": 1, "imgae": "x"})
    assert result.is_error
    [problem] = result.structured_content["error"]["problems"]
    assert problem == {"field": "imgae", "problem": "unknown argument; the nearest is image"}


async def test_an_unknown_tool_is_answered_like_any_error_with_the_nearest_name(
    client: Client,
) -> None:
    """1.1: the SDK's own answer is a bare text."""
    result = await client.call_tool("create_instances", {})
    error = result.structured_content["error"]
    assert result.is_error
    assert (error["code"], error["billing_possible"]) == ("unknown_tool", False)
    assert "the nearest is create_instance." in error["message"]
    assert all(name in error["message"] for name in NAMES)
    assert json.loads(result.content[0].text) == result.structured_content


async def test_outside_the_sandbox_no_result_claims_to_be_from_it(tmp_path: Path) -> None:
    """The sandbox is never entered silently, so real results do not carry its mark
    (docs/architecture.md).
    """
    async with Client(build(load({}, home=tmp_path), CATALOGUE)) as client:
        result = await client.call_tool("show_instances", {})
    assert result.structured_content["error"]["code"] == "no_api_key"
    assert "sandbox" not in result.structured_content


# ── A tool of a test's own ─────────────────────────────────────────────────────────────────────


class Inner(Arguments):
    depth: Annotated[int | None, Field(ge=1, description="how deep")] = None


class ProbeArguments(Arguments):
    text: Annotated[str | None, Field(description="taken as it is")] = None
    inner: Annotated[Inner | None, Field(description="an object")] = None
    many: Annotated[list[Inner] | None, Field(description="a list of objects")] = None


class Leaf(Part):
    text: str | None = None


class ProbeResult(Result):
    seen: list[Leaf] = []
    nothing: str | None = None


async def probe(args: Any, call: Any) -> Any:
    """Answers what it was given, or breaks when told to."""
    if args.text == "break":
        raise RuntimeError("planted-secret in the exception's own words")
    return ProbeResult(seen=[Leaf(text=args.text), Leaf(text=args.inner and str(args.inner.depth))])


PROBE = ToolSpec(
    fn=probe,
    arguments=ProbeArguments,
    result=ProbeResult,
    title="Probe",
    read_only=True,
    destructive=False,
    idempotent=True,
    open_world=False,
)


@pytest.fixture
async def probing(world: World, settings: Settings) -> Any:
    async with served(world, settings, [PROBE]) as client:
        yield client


async def test_nested_models_are_written_out_where_they_are_used(probing: Any) -> None:
    """5.3, 5: inline, closed, without bounds; the property's own words stay."""
    [tool] = (await probing.list_tools()).tools
    inner = {
        "type": "object",
        "properties": {
            "depth": {
                "anyOf": [{"type": "integer"}, {"type": "null"}],
                "description": "how deep",
            }
        },
        "additionalProperties": False,
    }
    assert tool.input_schema == {
        "type": "object",
        "properties": {
            "text": {"type": "string", "description": "taken as it is"},
            "inner": inner | {"description": "an object"},
            "many": {"type": "array", "items": inner, "description": "a list of objects"},
        },
        "additionalProperties": False,
    }


async def test_absent_facts_are_left_out_of_a_result(probing: Any) -> None:
    """An answer has few fields and no nulls (docs/architecture.md)."""
    payload = await call(probing, "probe", text="x")
    assert payload == {"seen": [{"text": "x"}, {}], "sandbox": True}


async def test_json_text_becomes_an_object_only_where_no_text_is_taken(probing: Any) -> None:
    """Claude Desktop sends objects as JSON text; what may be a text stays one."""
    payload = await call(probing, "probe", text='{"depth": 1}', inner='{"depth": 2}')
    assert payload["seen"] == [{"text": '{"depth": 1}'}, {"text": "2"}]


async def test_what_is_unknown_inside_a_list_is_named_by_its_place(probing: Any) -> None:
    """A path that leads to the mistake."""
    payload = await call(probing, "probe", many=[{"depth": 1}, {"dpeth": 1}])
    [problem] = payload["error"]["problems"]
    assert problem == {"field": "many.1.dpeth", "problem": "unknown argument; the nearest is depth"}


async def test_a_defect_of_a_tool_that_acts_never_says_that_nothing_bills(
    world: World, settings: Settings
) -> None:
    """What it had sent before may bill (docs/protocol.md)."""
    acting = replace(PROBE, read_only=False)
    async with served(world, settings, [acting]) as client:
        error = (await call(client, "probe", text="break"))["error"]
    assert (error["code"], error["billing_possible"]) == ("internal_error", True)


async def test_a_defect_is_told_without_its_words_and_logged_with_its_place(
    probing: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """0.3, 5.3, 7: an exception's text may hold a caller's values; the log gets type and place."""
    caplog.set_level(logging.DEBUG)
    result = await probing.call_tool("probe", {"text": "break"})
    error = result.structured_content["error"]
    assert (result.is_error, error["code"], error["billing_possible"]) == (
        True,
        "internal_error",
        False,
    )
    assert "RuntimeError" in error["message"]
    assert "planted-secret" not in result.model_dump_json() + caplog.text
    assert re.search(r"probe: defect: RuntimeError at \S+\.py:\d+", caplog.text)
