"""Planted secrets, and the places where each must never turn up: results, errors, logs, printed
objects.
"""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
import logging
import re
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pytest
from mcp import Client
from mcp.types import ElicitResult
from pydantic import ValidationError

from house import KEY_LINE, a_template, sampled, served
from refusals import READS, REFUSED, RIDDLES, STILLBORN, TOO_MANY, hurried
from vast_mcp import errors
from vast_mcp.commands import cli
from vast_mcp.environment import load
from vast_mcp.host.server import build
from vast_mcp.masking import Mask
from vast_mcp.sandbox.account import ACCOUNT_SECRET, INSTANCE_SECRET
from vast_mcp.sandbox.routes import create_app
from vast_mcp.sandbox.world import World
from vast_mcp.session import Call
from vast_mcp.settings import Settings
from vast_mcp.toolspec import Arguments, Result, ToolSpec
from vast_mcp.vast.account import Template
from vast_mcp.vast.models import Instance
from vast_mcp.vast.replies import Reply
from vast_mcp_tools import CATALOGUE
from vast_mcp_tools.create_instance import CreateInstance

SECRETS = {
    "API key": "0a1b2c3d4e5f60718293a4b5c6d7e8f9-planted",
    "env value": "hf_PlantedEnvironmentValue",
    "registry user": "planted-registry-user",
    "registry token": "dckr_pat_PlantedToken",
    "two-line env value": '-----BEGIN KEY-----\nPlantedFirstLine\nPlanted"Quoted"Line\n-----END '
    "KEY-----",
    "instance key": INSTANCE_SECRET,
    "account key": ACCOUNT_SECRET,
    "HTTP token": "token-planted-0123456789",
    "kept value": "hf_PlantedByThePerson",
    "script line": "export T=PlantedInTheScript",
    "entrypoint argument": "planted-entrypoint-argument",
    "template's script": "export T=PlantedInTheTemplate",
}
# What gives a secret away although it is not the secret as it was given: escaped, or cut.
TRACES = SECRETS | {"two-line env value": "PlantedFirstLine"}
GIVEN = ("env value", "registry user", "registry token", "two-line env value", "script line")
HELD = ("API key", "HTTP token", "kept value")  # by the server


def leaked(*texts: object) -> set[str]:
    """The names of the secrets that stand in any of these texts."""
    return {name for name, trace in TRACES.items() if any(trace in str(text) for text in texts)}


def wish(world: World, **more: Any) -> dict[str, Any]:
    return {
        "offer_id": world.offer()["id"],
        "disk": 16,
        "image": "registry.example/private:1",
        "image_login": f"-u {SECRETS['registry user']} -p {SECRETS['registry token']} "
        f"registry.example",
        "env": {"HF_TOKEN": SECRETS["env value"], "PEM": SECRETS["two-line env value"]},
        "env_from": ["KEPT"],
        "onstart": f"set -e\n{SECRETS['script line']}\n",
        **more,
    }


def held() -> list[str]:
    """What the person tells a server, as the lines of an env file."""
    return [
        f"VAST_API_KEY={SECRETS['API key']}",
        f"VAST_MCP_HTTP_TOKEN={SECRETS['HTTP token']}",
        "VAST_MCP_ENV_PASS=KEPT",
        f"KEPT={SECRETS['kept value']}",
    ]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A real key out of an env file, an address that the sandbox answers in this process, a
    journal on disk.
    """
    env_file = tmp_path / "vast.env"
    lines = [*held(), "VAST_URL=http://localhost:9", "VAST_MCP_TIME_SCALE=0.01"]
    env_file.write_text("\n".join(lines), encoding="utf-8")
    environ = {"VAST_MCP_ENV_FILE": str(env_file), "VAST_MCP_STATE_DIR": str(tmp_path / "state")}
    made = load(environ, home=tmp_path)
    # A doubt is told instead of pursued: its second look is due too late.
    return replace(made, times=replace(made.times, budget_s=5.0, look_s=10.0, seen_apart_s=10.0))


@pytest.fixture
def world() -> World:
    return World(api_keys={SECRETS["API key"]})


@pytest.fixture
async def client(world: World, settings: Settings) -> AsyncIterator[Client]:
    async with served(world, settings) as made:
        yield made


@pytest.fixture(autouse=True)
def kept(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> Iterator[None]:
    """Every test here ends with a look at all that was logged, by any logger at any level, and
    all that was stored.
    """
    with caplog.at_level(logging.DEBUG):
        yield
    for phase in ("setup", "call"):
        for record in caplog.get_records(phase):
            assert leaked(record.getMessage(), vars(record)) == set(), (
                f"{record.name}: {record.msg}"
            )
    for path in (one for one in (tmp_path / "state").rglob("*") if one.is_file()):
        assert leaked(path.read_bytes().decode("latin-1")) == set(), path.name


async def texts(client: Client, tool: str, **arguments: Any) -> list[Any]:
    """Everything a host gets from a call."""
    result = await client.call_tool(tool, arguments)
    return [result.model_dump_json(), result, result.structured_content, *result.content]


# ── the ordinary way ───────────────────────────────────────────────────────────────────────────


async def test_a_whole_session_lets_no_secret_out(client: Client, world: World) -> None:
    """Secrets print as *** everywhere; the instance's key is redacted (docs/architecture.md;
    docs/vast-api.md A.11).
    """
    seen = await texts(client, "create_ssh_key", public_key=KEY_LINE)
    seen += await texts(client, "search_offers")
    seen += await texts(client, "create_instance", **wish(world))
    [rental] = world.rentals
    assert rental.launch.env["HF_TOKEN"] == SECRETS["env value"]
    for _ in range(3):
        seen += await texts(client, "show_instances")
    seen += await texts(client, "destroy_instance", instance_ids=[rental.id])
    assert leaked(*seen) == set()


async def test_the_log_does_record_calls(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    """So that the silence of the log about secrets proves something."""
    await client.call_tool("destroy_instance", {"instance_ids": [1]})
    assert "no_such_instance" in caplog.text


async def test_a_wrong_key_is_not_repeated_by_the_real_http_client(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    """The transport's own DEBUG records hold no Authorization header, over a real socket."""
    body = b'{"success":false,"error":"auth_error","msg":"Invalid user key"}'
    heard: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(
            b"HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\nConnection: close\r\n"
        )
        writer.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        environ = {"VAST_URL": f"http://127.0.0.1:{port}", "VAST_API_KEY": SECRETS["API key"]}
        async with Client(build(load(environ, home=Path("/nowhere")), CATALOGUE)) as client:
            seen = await texts(client, "show_instances")
    assert SECRETS["API key"].encode() in heard[0]
    assert "auth_failed" in seen[0]
    assert "receive_response_headers" in caplog.text  # the transport did write its records
    assert leaked(*seen) == set()


# ── Vast repeats what it was given ─────────────────────────────────────────────────────────────


def echo(names: tuple[str, ...]) -> str:
    return "; ".join(f"bad value {SECRETS[name]}" for name in names)


def echoes(names: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    """Bodies of every kind that repeat the secrets."""
    text = echo(names)
    given = {"env": {name: SECRETS[name] for name in names}}
    return {
        "msg": {"body": {"success": False, "error": "invalid_args", "msg": text}},
        "error": {"body": {"success": False, "error": text}},
        "detail": {"body": {"success": False, "detail": text}},
        "plain text": {"text": text},
        "HTML": {"text": f"<html>{text}</html>", "content_type": "text/html"},
        # As frameworks answer a body that does not validate: the input, JSON inside JSON.
        "input": {"body": {"success": False, "detail": [{"loc": ["body"], "input": given}]}},
        "new_contract": {"body": {"success": False, "error": "x", "msg": text, "new_contract": 5}},
    }


STATUSES = (400, 401, 403, 404, 410, 422, 429, 500, 200)


@pytest.mark.parametrize("kind", list(echoes(GIVEN)))
async def test_what_the_caller_gave_is_not_repeated_when_vast_repeats_it(
    client: Client, world: World, kind: str
) -> None:
    """A message never contains a value the caller gave; Vast's own words are redacted of them."""
    found: dict[int, set[str]] = {}
    for status in STATUSES:
        world.faults.clear()
        world.faults.add("create", "status", times=None, status=status, **echoes(GIVEN)[kind])
        seen = await texts(client, "create_instance", **wish(world))
        assert '"error"' in seen[0]
        found[status] = leaked(*seen)
    assert found == {status: set() for status in STATUSES}


@pytest.mark.parametrize(
    ("endpoint", "tool", "arguments"),
    [
        ("create", "create_instance", {"offer_id": 1}),
        ("search", "search_offers", {}),
        ("list", "show_instances", {}),
        ("list", "destroy_instance", {"instance_ids": [1]}),
        ("keys", "create_ssh_key", {"public_key": KEY_LINE}),
    ],
)
async def test_the_api_key_is_not_repeated_when_vast_repeats_it(
    client: Client, world: World, endpoint: str, tool: str, arguments: dict[str, Any]
) -> None:
    """Secrets print as *** everywhere, in Vast's words as well (docs/architecture.md)."""
    found: dict[int, set[str]] = {}
    for status in STATUSES:
        world.faults.clear()
        body = {
            "success": False,
            "error": "auth_error",
            "msg": f"Invalid user key {SECRETS['API key']}",
        }
        world.faults.add(endpoint, "status", times=None, status=status, body=body)
        seen = await texts(client, tool, **arguments)
        assert '"error"' in seen[0]
        found[status] = leaked(*seen)
    assert found == {status: set() for status in STATUSES}


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(
            {"text": '{"success": true, "instance_api_key": "%s", "new_con'}, id="cut short"
        ),
        pytest.param(
            {"text": '{"success": true, "new_contract": 5, "instance_api_key": "%s'},
            id="cut in the key",
        ),
        pytest.param({"text": '{"success": true, "instance_api_key": "%s"}'}, id="without an id"),
        pytest.param({"text": '{"instance_api_key": "%s"}', "status": 500}, id="500"),
        pytest.param(
            {"text": '{"success": false, "instance_api_key": "%s", "new_contract": 5}'},
            id="stopped",
        ),
    ],
)
async def test_the_instances_own_key_is_not_repeated_from_a_reply_that_went_wrong(
    client: Client, world: World, reply: dict[str, Any]
) -> None:
    """A key limited to that instance comes with every rent; redact it, in replies that cannot be
    read too (docs/vast-api.md A.11).
    """
    text = reply["text"] % f"{INSTANCE_SECRET}0123456789abcdef"
    world.faults.add(
        "create",
        "status",
        status=reply.get("status", 200),
        text=text,
        content_type="application/json",
    )
    seen = await texts(client, "create_instance", **wish(world))
    assert '"billing_possible":true' in seen[0].replace(" ", "")
    assert leaked(*seen) == set()


@pytest.mark.parametrize("how", ["long", "with a lease", "a template's with a lease"])
async def test_a_packed_script_is_not_repeated_when_vast_repeats_it(
    client: Client, world: World, how: str
) -> None:
    """A long script is sent packed, which anybody can unpack; with a lease a template's comes along
    (docs/vast-api.md A.2, A.10).
    """
    script = f"export T={SECRETS['env value']}\n" + "# a line\n" * (600 if how == "long" else 6)
    template = world.add_template(
        {"name": "t", "image": "x", "onstart": script[:200], "runtype": "ssh"}
    )
    given = (
        {"template_hash_id": template["hash_id"]}
        if how.startswith("a template")
        else {"onstart": script}
    )
    lease = {} if how == "long" else {"lease_hours": 2.0}
    arguments = {"offer_id": world.offer()["id"], "disk": 16, **given, **lease}
    await client.call_tool("create_instance", arguments)
    [rental] = world.rentals
    packs = re.findall(r"H4sI[A-Za-z0-9+/=]{40,}", rental.launch.onstart or "")
    hidden = [
        pack for pack in packs if "PlantedEnv" in gzip.decompress(base64.b64decode(pack)).decode()
    ]
    assert len(hidden) == 1
    await client.call_tool("destroy_instance", {"instance_ids": [rental.id]})
    for said in (rental.launch.onstart, json.dumps({"onstart": rental.launch.onstart}), hidden[0]):
        world.faults.add(
            "create", "status", status=400, body={"error": "invalid_args", "msg": said}
        )
        seen = await texts(client, "create_instance", **arguments)
        assert "invalid_request" in seen[0]
        assert [pack for pack in hidden if any(pack[:60] in str(text) for text in seen)] == []


@pytest.mark.parametrize("kind", ["truncated_json", "no_id", "html502", "drop"])
async def test_a_lost_reply_to_a_rent_lets_no_secret_out(
    client: Client, world: World, kind: str
) -> None:
    """The same, with the machine really made (docs/vast-api.md A.11; docs/protocol.md)."""
    world.faults.add("create", kind, when="after")
    seen = await texts(client, "create_instance", **wish(world))
    assert leaked(*seen, *await texts(client, "show_instances")) == set()


# ── every tool, every answer ───────────────────────────────────────────────────────────────────


# Each tool with the endpoint of its act and a call of it: machine, key and volume ids are those
# of `furnished`.
def checked_by_its_log(world: World) -> dict[str, Any]:
    """A machine that nobody enters, and that said in its log what it is."""
    machine = world.rentals[0]
    machine.launch.runtype = "args"
    said = " ".join(SECRETS.values())
    said = json.dumps({"v": 1, "gpu": f"9 {said}", "cpu": "0 8"})
    world.set_logs(machine.id, f"vast-mcp: check {said}\n")
    return {"instance_id": machine.id}


def entered_by_a_key(world: World) -> dict[str, Any]:
    """A machine that has a key of the account."""
    machine, key = world.rentals[0], min(world.keys)
    machine.keys.setdefault(key, world.keys[key])
    return {"instance_id": machine.id, "key_id": key}


PLANTED: dict[str, tuple[str, Callable[[World], dict[str, Any]]]] = {
    "search_offers": ("search", lambda _: {}),
    "search_templates": ("templates", lambda _: {"words": "planted", "mine": True}),
    "search_volumes": ("search_volumes", lambda world: {"machine_id": world.offer()["machine_id"]}),
    "create_instance": ("create", wish),
    "provision": ("search", lambda _: {"max_usd_per_hour": 9.0, "dry_run": True}),
    "wait_for_instance": (
        "show",
        lambda world: {"instance_id": world.rentals[0].id, "timeout_s": 1},
    ),
    "check_machine": ("logs", checked_by_its_log),
    "show_instances": ("list", lambda _: {}),
    "show_instance": ("show", lambda world: {"instance_id": world.rentals[0].id}),
    "show_logs": ("logs", lambda world: {"instance_id": world.rentals[0].id}),
    "run_command": (
        "list",
        lambda world: {"instance_id": world.rentals[0].id, "command": "true"},
    ),
    "show_jobs": ("list", lambda world: {"instance_id": world.rentals[0].id}),
    "show_costs": ("charges", lambda _: {}),
    "show_account": ("user", lambda _: {}),
    "show_volumes": ("volumes", lambda _: {}),
    "show_ssh_keys": ("keys", lambda _: {}),
    "manage_instance": (
        "stop",
        lambda world: {"instance_id": world.rentals[0].id, "action": "stop"},
    ),
    "recycle_instance": ("recycle", lambda world: {"instance_id": world.rentals[0].id}),
    "copy_data": (
        "copy",
        lambda world: {
            "source": f"{world.rentals[0].id}:/a",
            "destination": f"{world.rentals[0].id}:/b",
        },
    ),
    "update_instance": (
        "update_template",
        lambda world: {"instance_id": world.rentals[0].id, "image": "a/b"},
    ),
    "destroy_instance": ("destroy", lambda world: {"instance_ids": [world.rentals[0].id]}),
    "create_volume": (
        "rent_volume",
        lambda world: {"volume_offer_id": min(world.volumes.rooms), "size_gb": 1},
    ),
    "manage_volume": (
        "volumes",
        lambda world: {"volume_id": max(world.volumes.owned), "lease_hours": 1},
    ),
    "destroy_volume": (
        "delete_volume",
        lambda world: {"volume_id": min(world.volumes.owned), "not_ours": True},
    ),
    "copy_files": (
        "list",
        lambda world: {
            "instance_id": world.rentals[0].id,
            "direction": "down",
            "local": "~/x",
            "remote": "x",
        },
    ),
    "create_ssh_key": ("keys", lambda _: {"public_key": KEY_LINE}),
    "attach_ssh_key": (
        "attach_key",
        lambda world: {"instance_id": world.rentals[0].id, "key_id": min(world.keys)},
    ),
    "detach_ssh_key": ("detach_key", entered_by_a_key),
    "delete_ssh_key": ("delete_key", lambda world: {"key_id": min(world.keys)}),
    "create_template": (
        "save_template",
        lambda world: {"from_instance_id": world.rentals[0].id, "name": "kept"},
    ),
    "delete_template": ("delete_template", lambda world: {"template_hash_id": a_template(world)}),
}
# Machines, which let nobody in here: what those say is masked at a real server (tests/ssh).
ENTER = {"copy_files", "run_command", "show_jobs"}
ROWS = (*REFUSED, *RIDDLES, *TOO_MANY, *STILLBORN, *READS)


def test_every_tool_is_planted() -> None:
    """A tool that is added comes here, too."""
    assert PLANTED.keys() == {spec.name for spec in CATALOGUE}


def repeating(reply: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    """A recorded reply that says these secrets besides, wherever it says anything."""
    if not isinstance(body := reply.get("body"), dict):
        return {**reply, "text": f"{reply.get('text', '')} {echo(names)}"}
    said = {
        key: f"{value} {echo(names)}"
        for key, value in body.items()
        if key in {"msg", "message", "detail"}
    }
    return {**reply, "body": {**body, **(said or {"msg": echo(names)})}}


async def furnished(client: Client, world: World) -> None:
    """A machine of ours, rented with all that is secret and a template that holds a secret."""
    template = world.add_template(
        {
            "name": "planted",
            "image": "x",
            "onstart": SECRETS["template's script"],
            "runtype": "ssh",
            "private": True,
        }
    )
    arguments = wish(world, template_hash_id=template["hash_id"], lease_hours=1.0)
    del arguments["onstart"]
    made = await client.call_tool("create_instance", arguments)
    assert not made.is_error, made
    for name in (None, f"vast_mcp_{'0' * 16}"):
        world.volumes.rent(min(world.volumes.rooms), 2, name, world.clock())
    await client.call_tool("create_ssh_key", {"public_key": KEY_LINE})


@pytest.mark.parametrize("tool", list(PLANTED))
async def test_no_tool_lets_a_secret_out_whatever_vast_answers(
    settings: Settings, world: World, tool: str, tmp_path: Path
) -> None:
    """Every tool as it is meant to go, and against every recorded error row with the secrets in
    it: at its first request, and at its act.
    """
    settings = replace(settings, times=replace(hurried(settings.times), budget_s=0.6))
    if tool in ENTER:
        settings = replace(settings, files=(tmp_path,))
    endpoint, arguments = PLANTED[tool]
    names = (*HELD, *GIVEN) if tool == "create_instance" else HELD
    rows = sampled(ROWS)
    found: dict[str, set[str]] = {}
    failed = 0

    def named(key: str) -> dict[str, Any]:
        """A rental of its own, whatever became of those before it."""
        return {"request_key": key, "allow_unresolved": True} if tool == "create_instance" else {}

    async with served(world, settings) as client:
        await furnished(client, world)
        for where in ("*", endpoint):
            for at, row in enumerate(rows):
                given = arguments(world) | named(f"{where.strip('*')}-{at}")
                world.faults.add(where, "status", times=None, **repeating(row.reply, names))
                result = await client.call_tool(tool, given)
                world.faults.clear()
                failed += bool(result.is_error)
                assert not re.search(r"unknown argument|'required'", str(result.structured_content))
                found[f"{where} {row.name}"] = leaked(result.model_dump_json(), result)
        # show_costs estimates where charges are not told, and fails at its first request alone.
        assert failed > len(rows) / (4 if tool == "show_costs" else 1)
        if tool in ENTER:
            return
    settings = replace(settings, state_dir=None)  # what is in doubt stays so, in its own journal
    async with served(world, settings) as client:
        meant = await client.call_tool(tool, arguments(world) | named("as-meant"))
        assert not meant.is_error, meant
        found["as meant"] = leaked(meant.model_dump_json(), meant)
    assert {row: names for row, names in found.items() if names} == {}


@pytest.mark.parametrize("era", ["auto", "legacy"], ids=["2026-07-28", "handshake"])
async def test_a_dry_run_a_question_and_a_lease_let_no_secret_out(
    settings: Settings, world: World, era: Literal["auto", "legacy"]
) -> None:
    """What repeats most of a call: the masked body, the question to a person, its code, the
    watchdog's own text.
    """
    asked: list[str] = []

    async def person(_context: Any, params: Any) -> ElicitResult:
        asked.append(str(params))
        return ElicitResult(action="accept" if len(asked) > 1 else "cancel", content={"yes": True})

    template = world.add_template(
        {"name": "t", "image": "x", "onstart": SECRETS["template's script"], "runtype": "ssh"}
    )
    plain = wish(world)
    args = wish(world, args=["--token", SECRETS["entrypoint argument"]])
    args_str = wish(world, args_str=f"--token {SECRETS['entrypoint argument']}")
    with_template = wish(world, template_hash_id=template["hash_id"])
    del args["onstart"], args_str["onstart"], with_template["onstart"]
    settings = replace(settings, confirm_above=0.0, times=replace(settings.times, budget_s=10.0))
    seen: list[Any] = []
    server = build(settings, CATALOGUE, create_app(world))
    async with Client(server, mode=era, elicitation_callback=person) as client:
        for arguments in (plain, args, args_str, with_template):
            for lease in ({}, {"lease_hours": 1.0}):
                seen += await texts(client, "create_instance", dry_run=True, **arguments, **lease)
                assert '"would"' in seen[-1].text
        seen += await texts(client, "create_instance", **with_template, lease_hours=1.0)
        assert "vast-mcp approve" in seen[-1].text
        seen += await texts(client, "create_instance", **with_template, lease_hours=1.0)
        [rental] = world.rentals
        extend = {"instance_id": rental.id, "action": "extend_lease", "lease_hours": 2.0}
        seen += await texts(client, "manage_instance", **extend)
        assert "lease_until" in seen[-1].text
    assert len(asked) >= 2
    assert leaked(*asked, *seen) == set()


def test_no_command_lets_a_secret_out(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Standard output and standard error of what a person or a script runs: a code and its
    approval, doctor, sweep.
    """
    for line in (
        *held(),
        f"VAST_URL={url}",
        "VAST_MCP_TIME_SCALE=0.01",
        "VAST_MCP_CONFIRM=always",
        f"VAST_MCP_STATE_DIR={tmp_path / 'state'}",
    ):
        monkeypatch.setenv(*line.split("=", 1))
    printed: list[str] = []

    def ran(*arguments: str) -> str:
        cli.run(arguments)
        printed.extend(capsys.readouterr())
        return printed[-2]

    offer = json.loads(ran("call", "search_offers", '{"min_disk_gb": 40}'))["offers"][0]["offer_id"]
    asked = json.dumps(wish(World(), offer_id=offer, lease_hours=0.0001))
    code = re.search(r"vast-mcp approve ([2-9A-Z-]{9})", ran("call", "create_instance", asked))
    assert code is not None
    ran("approve", code.group(1), "--yes", "--json")
    assert "instance_id" in ran("call", "create_instance", asked)
    ran("approve", SECRETS["API key"])
    for command in (
        ["doctor"],
        ["doctor", "--json"],
        ["reconcile", "--wait", "1"],
        ["sweep", "--dry-run"],
        ["sweep"],
    ):
        ran(*command)
    assert "destroyed" in printed[-2]
    assert leaked(*printed) == set()


# ── the caller's own slips ─────────────────────────────────────────────────────────────────────

TOKEN = SECRETS["env value"]


@pytest.mark.parametrize(
    "slip",
    [
        pytest.param({"env": f"-e HF_TOKEN {TOKEN}"}, id="no equals sign"),
        pytest.param({"env": f"-e HF_TOKEN= {TOKEN}"}, id="a space after the equals sign"),
        pytest.param({"env": f"-e HF_TOKEN = {TOKEN}"}, id="spaces around the equals sign"),
        pytest.param({"env": f"HF_TOKEN {TOKEN}"}, id="no flag"),
        pytest.param({"env": f"HF_TOKEN: {TOKEN}"}, id="a colon"),
        pytest.param({"env": f"-e HF_TOKEN='{TOKEN}"}, id="a quote that is not closed"),
        pytest.param({"env": f"-x {TOKEN}"}, id="an unknown flag"),
        pytest.param({"env": {f"-e HF_TOKEN={TOKEN}": "1"}}, id="a flag as the key"),
        pytest.param({"env": {"HF_TOKEN": [TOKEN]}}, id="a list as the value"),
        pytest.param({"env": f'{{"HF_TOKEN": "{TOKEN}'}, id="JSON that breaks off"),
        pytest.param({"env": [f"HF_TOKEN={TOKEN}", 5]}, id="a list with a number"),
        pytest.param({"env": [TOKEN]}, id="a list with the value alone"),
        pytest.param({"env": {"A B": TOKEN}}, id="no variable name"),
        pytest.param({"offer_id": TOKEN}, id="as a number"),
        pytest.param({"label": f"{TOKEN}\n"}, id="a label of two lines"),
        pytest.param({"runtype": TOKEN}, id="as a choice"),
        pytest.param({"onstart": f"export T={TOKEN}\n" * 2000}, id="a start script too long"),
        pytest.param({"image_login": ["-u", TOKEN]}, id="a login that is a list"),
        pytest.param({"volume_info": {"mount_path": [TOKEN]}}, id="inside an object"),
        pytest.param({"volume_info": TOKEN}, id="instead of an object"),
    ],
)
async def test_a_slip_of_the_caller_is_named_without_its_value(
    client: Client, world: World, slip: dict[str, Any]
) -> None:
    """A message never contains a value the caller gave; the SDK's own text does (docs/hosts.md)."""
    seen = await texts(client, "create_instance", **wish(world, **slip))
    assert "bad_arguments" in seen[0]
    assert leaked(*seen) == set()
    assert world.asked("create") == []


# ── a defect of ours ───────────────────────────────────────────────────────────────────────────


class Nothing(Arguments):
    """No arguments."""


class Strict(Result):
    number: int


def explode_text() -> None:
    raise ValueError(f"the key is {SECRETS['API key']}")


def explode_chained() -> None:
    try:
        explode_text()
    except ValueError as exc:
        raise RuntimeError(SECRETS["env value"]) from exc


def explode_validation() -> None:
    Strict.model_validate({"number": SECRETS["env value"]})


def explode_group() -> None:
    raise ExceptionGroup(SECRETS["env value"], [ValueError(SECRETS["API key"])])


@pytest.mark.parametrize(
    "explode", [explode_text, explode_chained, explode_validation, explode_group]
)
async def test_a_defect_in_a_tool_shows_its_type_and_place_only(
    settings: Settings, caplog: pytest.LogCaptureFixture, explode: Any
) -> None:
    """An exception's own text may hold a caller's values."""

    async def broken(args: Nothing, call: Call) -> Strict:
        """Raises a fault of this server."""
        explode()
        return Strict(number=1)

    spec = ToolSpec(broken, Nothing, Strict, "Break", True, False, True, False)
    async with Client(build(settings, [spec])) as client:
        seen = await texts(client, "broken")
    assert "internal_error" in seen[0]
    assert leaked(*seen) == set()
    [record] = [record for record in caplog.records if record.name == "vast_mcp"]
    assert re.search(r"defect: \w+ at [\w.]+:\d+$", record.getMessage())
    assert record.exc_info is None


# ── printed objects ────────────────────────────────────────────────────────────────────────────


def test_settings_print_no_key(settings: Settings) -> None:
    """Secrets print as *** everywhere (docs/architecture.md)."""
    assert settings.api_key is not None
    assert settings.api_key.get_secret_value() == SECRETS["API key"]
    assert leaked(settings, repr(settings), f"{settings}", vars(settings)) == set()
    assert "***" in repr(settings)


def test_arguments_print_no_secret(world: World) -> None:
    """The same for what a caller gives: a debugger's or a framework's repr ends in a
    log (docs/architecture.md).
    """
    args = CreateInstance.model_validate(wish(world))
    assert leaked(args, repr(args), args.model_copy(), [args]) == set()
    assert str(args.offer_id) in repr(args)


def test_nothing_that_goes_over_the_wire_prints_a_secret() -> None:
    """No repr. A row that cannot be read says which field, and not what stood there."""
    held = {"env": "-e A=" + " ".join(SECRETS.values()), "onstart": " ".join(SECRETS.values())}
    reply = Reply.of(
        200,
        json.dumps({"instance_api_key": list(SECRETS.values())}),
        {"x": " ".join(SECRETS.values())},
    )
    for one in (reply, Template.model_validate(held)):
        assert leaked(one, repr(one), [one]) == set()
    with pytest.raises(ValidationError) as wrong:
        Instance.model_validate({"id": list(SECRETS.values())})
    assert "id" in str(wrong.value)
    assert leaked(str(wrong.value), repr(wrong.value)) == set()


def test_no_exception_prints_the_words_of_vast() -> None:
    """Vast's words are untrusted; a traceback or a repr in some log is no place for them."""
    found: dict[str, set[str]] = {}
    for code, cls in errors.leaves().items():
        error = cls("what happened", vast_message=echo(GIVEN))
        assert "what happened" in repr(error)
        found[code] = leaked(error, repr(error), error.args)
    assert found == {code: set() for code in errors.leaves()}


def test_redacting_replaces_the_longest_first() -> None:
    """A secret that contains another leaves no rest."""
    assert Mask(["planted", "planted-user"]).hide("user planted-user planted") == "user *** ***"


def test_what_is_looked_for_here_would_be_found() -> None:
    """So that an empty set means something."""
    assert leaked(json.dumps(wish(World(offer_count=40)))) == set(GIVEN)
    assert leaked(SECRETS["API key"], f"{INSTANCE_SECRET}00", {"api_key": ACCOUNT_SECRET}) == {
        "API key",
        "instance key",
        "account key",
    }
