"""Planted secrets, and the places where each must never turn up: results, errors, logs, printed objects."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from mcp import Client

from conftest import KEY_LINE
from vast_mcp import errors
from vast_mcp.sandbox.account import ACCOUNT_SECRET, INSTANCE_SECRET
from vast_mcp.sandbox.routes import create_app
from vast_mcp.sandbox.world import World
from vast_mcp.server import build
from vast_mcp.settings import Settings, load
from vast_mcp.toolspec import Arguments, Call, Result, ToolSpec
from vast_mcp_tools import CATALOGUE
from vast_mcp_tools.create_instance import CreateInstance

SECRETS = {
    "API key": "0a1b2c3d4e5f60718293a4b5c6d7e8f9-planted",
    "env value": "hf_PlantedEnvironmentValue",
    "registry user": "planted-registry-user",
    "registry token": "dckr_pat_PlantedToken",
    "two-line env value": '-----BEGIN KEY-----\nPlantedFirstLine\nPlanted"Quoted"Line\n-----END KEY-----',
    "instance key": INSTANCE_SECRET,
    "account key": ACCOUNT_SECRET,
}
# What gives a secret away although it is not the secret as it was given: escaped, or cut.
TRACES = SECRETS | {"two-line env value": "PlantedFirstLine"}
GIVEN = ("env value", "registry user", "registry token", "two-line env value")


def leaked(*texts: object) -> set[str]:
    """The names of the secrets that stand in any of these texts."""
    return {name for name, trace in TRACES.items() if any(trace in str(text) for text in texts)}


def wish(world: World, **more: Any) -> dict[str, Any]:
    return {
        "offer_id": world.offer()["id"],
        "disk": 16,
        "image": "registry.example/private:1",
        "image_login": f"-u {SECRETS['registry user']} -p {SECRETS['registry token']} registry.example",
        "env": {"HF_TOKEN": SECRETS["env value"], "PEM": SECRETS["two-line env value"]},
        **more,
    }


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A real key out of an env file, an address that the sandbox answers in this process, a journal on disk."""
    env_file = tmp_path / "vast.env"
    lines = [f"VAST_API_KEY={SECRETS['API key']}", "VAST_URL=http://localhost:9", "VAST_MCP_TIME_SCALE=0.01"]
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
    async with Client(build(settings, CATALOGUE, create_app(world))) as made:
        yield made


@pytest.fixture(autouse=True)
def kept(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> Iterator[None]:
    """Every test here ends with a look at all that was logged, by any logger at any level, and all that was stored."""
    with caplog.at_level(logging.DEBUG):
        yield
    for phase in ("setup", "call"):
        for record in caplog.get_records(phase):
            assert leaked(record.getMessage(), vars(record)) == set(), f"{record.name}: {record.msg}"
    for path in (one for one in (tmp_path / "state").rglob("*") if one.is_file()):
        assert leaked(path.read_bytes().decode("latin-1")) == set(), path.name


async def texts(client: Client, tool: str, **arguments: Any) -> list[Any]:
    """Everything a host gets from a call."""
    result = await client.call_tool(tool, arguments)
    return [result.model_dump_json(), result, result.structured_content, *result.content]


# ── the ordinary way ─────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_whole_session_lets_no_secret_out(client: Client, world: World) -> None:
    """design.md, settings: secrets print as *** everywhere; A.11: the instance's key is redacted."""
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
    """Ours: the transport's own DEBUG records hold no Authorization header, over a real socket."""
    body = b'{"success":false,"error":"auth_error","msg":"Invalid user key"}'
    heard: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\nConnection: close\r\n")
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


# ── Vast repeats what it was given ───────────────────────────────────────────────────────────────────────────────────


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
    """errors.py: a message never contains a value the caller gave; Vast's own words are redacted of them."""
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
    """design.md, settings: secrets print as *** everywhere, in Vast's words as well."""
    found: dict[int, set[str]] = {}
    for status in STATUSES:
        world.faults.clear()
        body = {"success": False, "error": "auth_error", "msg": f"Invalid user key {SECRETS['API key']}"}
        world.faults.add(endpoint, "status", times=None, status=status, body=body)
        seen = await texts(client, tool, **arguments)
        assert '"error"' in seen[0]
        found[status] = leaked(*seen)
    assert found == {status: set() for status in STATUSES}


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param({"text": '{"success": true, "instance_api_key": "%s", "new_con'}, id="cut short"),
        pytest.param({"text": '{"success": true, "new_contract": 5, "instance_api_key": "%s'}, id="cut in the key"),
        pytest.param({"text": '{"success": true, "instance_api_key": "%s"}'}, id="without an id"),
        pytest.param({"text": '{"instance_api_key": "%s"}', "status": 500}, id="500"),
        pytest.param({"text": '{"success": false, "instance_api_key": "%s", "new_contract": 5}'}, id="stopped"),
    ],
)
async def test_the_instances_own_key_is_not_repeated_from_a_reply_that_went_wrong(
    client: Client, world: World, reply: dict[str, Any]
) -> None:
    """A.11: a key limited to that instance comes with every rent; redact it, in replies that cannot be read too."""
    text = reply["text"] % f"{INSTANCE_SECRET}0123456789abcdef"
    world.faults.add("create", "status", status=reply.get("status", 200), text=text, content_type="application/json")
    seen = await texts(client, "create_instance", **wish(world))
    assert '"billing_possible":true' in seen[0].replace(" ", "")
    assert leaked(*seen) == set()


@pytest.mark.parametrize("kind", ["truncated_json", "no_id", "html502", "drop"])
async def test_a_lost_reply_to_a_rent_lets_no_secret_out(client: Client, world: World, kind: str) -> None:
    """A.11 and renting.md: the same, with the machine really made."""
    world.faults.add("create", kind, when="after")
    seen = await texts(client, "create_instance", **wish(world))
    assert leaked(*seen, *await texts(client, "show_instances")) == set()


# ── the caller's own slips ───────────────────────────────────────────────────────────────────────────────────────────

TOKEN = SECRETS["env value"]


@pytest.mark.parametrize(
    "slip",
    [
        pytest.param({"env": f"-e HF_TOKEN {TOKEN}"}, id="no equals sign"),
        pytest.param({"env": f"-e HF_TOKEN= {TOKEN}"}, id="a space after the equals sign"),
        pytest.param({"env": f"-e HF_TOKEN = {TOKEN}"}, id="spaces around the equals sign"),
        pytest.param({"env": f"HF_TOKEN={TOKEN}"}, id="no flag"),
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
    """errors.py: a message never contains a value the caller gave; mcp.md 1.2: the SDK's own text does."""
    seen = await texts(client, "create_instance", **wish(world, **slip))
    assert "bad_arguments" in seen[0]
    assert leaked(*seen) == set()
    assert world.asked("create") == []


# ── a defect of ours ─────────────────────────────────────────────────────────────────────────────────────────────────


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


@pytest.mark.parametrize("explode", [explode_text, explode_chained, explode_validation, explode_group])
async def test_a_defect_in_a_tool_shows_its_type_and_place_only(
    settings: Settings, caplog: pytest.LogCaptureFixture, explode: Any
) -> None:
    """toolspec.py: an exception's own text may hold a caller's values."""

    async def broken(args: Nothing, call: Call) -> Strict:
        """Breaks."""
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


# ── printed objects ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_settings_print_no_key(settings: Settings) -> None:
    """design.md, settings: secrets print as *** everywhere."""
    assert settings.api_key is not None
    assert settings.api_key.get_secret_value() == SECRETS["API key"]
    assert leaked(settings, repr(settings), f"{settings}", vars(settings)) == set()
    assert "***" in repr(settings)


def test_arguments_print_no_secret(world: World) -> None:
    """design.md, settings: the same for what a caller gives: a debugger's or a framework's repr ends in a log."""
    args = CreateInstance.model_validate(wish(world))
    assert leaked(args, repr(args), args.model_copy(), [args]) == set()
    assert str(args.offer_id) in repr(args)


def test_no_exception_prints_the_words_of_vast() -> None:
    """errors.py: Vast's words are untrusted; a traceback or a repr in some log is no place for them."""
    found: dict[str, set[str]] = {}
    for code, cls in errors.leaves().items():
        error = cls("what happened", vast_message=echo(GIVEN))
        assert "what happened" in repr(error)
        found[code] = leaked(error, repr(error), error.args)
    assert found == {code: set() for code in errors.leaves()}


def test_redacting_replaces_the_longest_first() -> None:
    """Ours: a secret that contains another leaves no rest."""
    assert errors.redacted("user planted-user planted", ["planted", "planted-user"]) == "user *** ***"


def test_what_is_looked_for_here_would_be_found() -> None:
    """So that an empty set means something."""
    assert leaked(json.dumps(wish(World(offer_count=40)))) == set(GIVEN)
    assert leaked(SECRETS["API key"], f"{INSTANCE_SECRET}00", {"api_key": ACCOUNT_SECRET}) == {
        "API key",
        "instance key",
        "account key",
    }
