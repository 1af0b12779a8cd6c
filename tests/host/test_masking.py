"""A person's secret as logs, rows and errors repeat it: escaped, coded, wrapped, or cut."""

from __future__ import annotations

import base64
import binascii
import html
import json
import re
import shlex
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote, quote_plus, urlencode

import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError
from pydantic import SecretStr

from house import served
from vast_mcp.environment import load
from vast_mcp.masking import Mask
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Settings

LINES = [base64.b64encode(bytes((7 * n + at * at) % 256 for at in range(48))) for n in range(12)]
PEM = "\n".join(
    ["-----BEGIN PRIVATE KEY-----", *map(bytes.decode, LINES), "-----END PRIVATE KEY-----", ""]
)
ACCOUNT = {
    "type": "service_account",
    "private_key_id": "0f1e2d3c4b5a69788796a5b4c3d2e1f0",
    "private_key": PEM,
    "client_email": "planted-robot@planted-project-17.iam.gserviceaccount.com",
    "token_uri": "https://oauth2.googleapis.com/token",
}
KEPT = {
    "PEM": PEM,
    "ACCOUNT": json.dumps(ACCOUNT, indent=2),
    "CHEESE": "Cheese-12-Käse-Brücke!=planted",
    "KEY": "vk_9f3A7c1-planted-0b6D2e8",
    "PASSWORD": "pl@nted \"quoted\" & 'half'/100%+1=ok",
    "WORDS": "пароль-schlüssel-ключ",
    "LOGIN": "-u planted-user -p planted-token registry.example",
}
SWITCHES = {
    "RULE": "----",
    "SWITCH": "true",
    "ONE": "1",
    "LEVEL": "info",
    "PORT": "8080",
    "HERE": "localhost",
}
# What gives each away wherever it is still readable.
TRACES = {
    "PEM": [line.decode()[at : at + 14] for line in LINES for at in (0, 20, 40)],
    "ACCOUNT": [ACCOUNT["private_key_id"][4:20], "planted-robot", LINES[3].decode()[8:24]],
    "CHEESE": ["se-Br", "planted"],
    "KEY": ["9f3A7c1", "planted", "0b6D2e8"],
    "PASSWORD": ["quoted", "half"],
    "WORDS": ["schl", "ключ"],
    "LOGIN": ["planted-token"],
}

Form = Callable[[str], str]


def as_percents(text: str) -> str:
    return "".join(f"%{byte:02x}" for byte in text.encode())


def as_code_points(text: str) -> str:
    return "".join(f"\\u{ord(char):04X}" for char in text)


def as_entities(text: str) -> str:
    return "".join(f"&#{ord(char)};" if char in "\"'&/\n " else char for char in text)


def as_latin(text: str) -> str:
    """What an older program makes of a text for an address, where it can."""
    return quote(text, encoding="latin-1" if max(text) <= "\xff" else "utf-8")


def as_a_table(text: str) -> str:
    return "\n".join(f"│ {text[at : at + 9]}\u00a0\u2003│" for at in range(0, len(text), 9))


FORMS: dict[str, Form] = {
    "as it is": str,
    "JSON": json.dumps,
    "JSON in JSON": lambda text: json.dumps(json.dumps({"a": text})),
    "JSON in Unicode": lambda text: json.dumps(text, ensure_ascii=False),
    "Python": repr,
    "Python in ASCII": ascii,
    "percents of Latin-1": as_latin,
    "quoted-printable": lambda text: binascii.b2a_qp(text.encode(), istext=False).decode(),
    "a list of hex": lambda text: ", ".join(f"0x{byte:02x}" for byte in text.encode()),
    "JavaScript": lambda text: "".join(f"%u{ord(char):04x}" for char in text),
    "Perl": lambda text: "".join(f"\\x{{{ord(char):x}}}" for char in text),
    "entities with zeros": lambda text: "".join(f"&#{ord(char):08};" for char in text),
    "hex entities with zeros": lambda text: "".join(f"&#x{ord(char):08x};" for char in text),
    "a table": as_a_table,
    "a table in JSON": lambda text: json.dumps(as_a_table(text)),
    "code points": as_code_points,
    "code points in braces": lambda text: "".join(f"\\u{{{ord(char):x}}}" for char in text),
    "some code points, escaped thrice": lambda text: "".join(
        f"\\\\\\u{ord(char):04x}" if char in "aeiAEI" else char for char in text
    ),
    "bytes": lambda text: "".join(f"\\x{byte:02x}" for byte in text.encode()),
    "a path of an address": quote,
    "a query": lambda text: urlencode({"a": text}),
    "a form": quote_plus,
    "percents in lower case": as_percents,
    "percents twice": lambda text: quote(quote(text)),
    "half coded": lambda text: text[:20] + quote(text[20:]),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 of addresses": lambda text: base64.urlsafe_b64encode(text.encode()).decode().strip("="),
    "base64 in lines": lambda text: base64.encodebytes(text.encode()).decode(),
    "basic authentication": lambda text: base64.b64encode(f"user:{text}".encode()).decode(),
    "hex": lambda text: text.encode().hex(),
    "hex in capitals": lambda text: text.encode().hex(":").upper(),
    "a shell": shlex.quote,
    "HTML": html.escape,
    "entities": as_entities,
    "carriage returns": lambda text: text.replace("\n", "\r\n"),
    "wrapped": lambda text: "\n".join(text[at : at + 19] for at in range(0, len(text), 19)),
    "lines with their time": lambda text: "".join(f"07:01 {line}\n" for line in text.splitlines()),
    "coloured": lambda text: f"{text[:9]}\x1b[1;31m{text[9:]}",
    "with unseen marks": lambda text: text[:9] + "\u200b" + text[9:],
}


def undone(text: str) -> str:
    """Everything that a reader could make of an answer."""
    hex_list = re.sub(r"0x|,", "", text)
    unescaped = re.sub(r"%u|\\x\{", "&#x", text.replace("}", ";"))
    unescaped = re.sub("(&#x[0-9a-f]{4})(?!;)", r"\1;", unescaped)
    shown = [text, html.unescape(unescaped), _hex_of(hex_list)]
    for word in text.replace("\\n", " ").replace('"', " ").split():
        for read in (base64.b64decode, base64.urlsafe_b64decode, bytes.fromhex):
            try:
                coded = word + "=" * (-len(word) % 4) if read != bytes.fromhex else word
                shown.append(read(coded).decode("latin-1"))  # type: ignore[operator]
            except ValueError:
                continue
    return "\n".join(shown)


def _hex_of(text: str) -> str:
    """What rows of bytes in hex say."""
    rows = re.findall(r"(?:\b[0-9a-f]{2}\s+){3,}", text)
    return " ".join(bytes.fromhex(row).decode("latin-1") for row in rows)


def leaked(name: str, text: str) -> list[str]:
    return [trace for trace in TRACES[name] if trace in undone(text)]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    environ = {
        "VAST_API_KEY": "planted-key-000000",
        "VAST_URL": "http://localhost:9",
        "VAST_MCP_TIME_SCALE": "0.01",
        "VAST_MCP_ENV_PASS": ",".join(KEPT | SWITCHES),
        **KEPT,
        **SWITCHES,
    }
    return load(environ, home=tmp_path)


@pytest.fixture
def world() -> World:
    return World(api_keys={"planted-key-000000"})


@pytest.fixture
async def client(world: World, settings: Settings) -> AsyncIterator[Client]:
    async with served(world, settings) as made:
        yield made


async def text_of(client: Client, tool: str, **arguments: object) -> str:
    """The one text that a host gets, with its escapes undone once."""
    result = await client.call_tool(tool, dict(arguments))
    return json.dumps(result.structured_content, ensure_ascii=False).replace("\\\\", "\\")


@pytest.mark.anyio
@pytest.mark.parametrize("form", FORMS)
async def test_no_form_of_a_secret_comes_through(client: Client, world: World, form: str) -> None:
    """In a log, a status message, a label and the words of an error, before they are cut."""
    offer = world.offer(disk_space=lambda free: free > 40)
    found: dict[str, list[str]] = {}
    for name, secret in KEPT.items():
        said = f"given: {FORMS[form](secret)} end"
        world.set_fate(offer["id"], "bad_image", status_msg=said)
        machine = world.rent(offer["id"], {"image": "x", "disk": 10, "label": said[:256]}).id
        world.set_logs(machine, said)
        seen = [
            await text_of(client, "show_logs", instance_id=machine),
            await text_of(client, "show_instance", instance_id=machine),
            await text_of(client, "show_instances"),
        ]
        body = {"success": False, "error": "invalid_args", "msg": said}
        world.faults.add("search", "status", times=None, status=400, body=body)
        seen.append(await text_of(client, "search_offers"))
        world.faults.clear()
        world.destroy(machine)
        assert "***" in seen[0]
        found[name] = [trace for text in seen for trace in leaked(name, text)]
    assert {name: traces for name, traces in found.items() if traces} == {}


@pytest.mark.anyio
@pytest.mark.parametrize("name", ["planted-key-000000", KEPT["KEY"], "plantedpassword"])
async def test_the_name_of_an_argument_is_masked(
    world: World, settings: Settings, name: str
) -> None:
    """A secret in the wrong place is refused and not repeated; so is an address."""
    kept = settings.env_pass | {"LETTERS": SecretStr("plantedpassword")}
    async with served(world, replace(settings, env_pass=kept)) as client:
        for arguments in ({name: 1}, {"filters": {name: {"eq": 1}}}, {"limit": {name: 1}}):
            seen = await text_of(client, "search_offers", **arguments)
            assert seen.startswith('{"error"')
            assert name not in seen
        assert name not in await text_of(client, "show_instances", **{name: 1})
        assert name not in await text_of(client, name)
        for uri in (f"vast://instances/{name}", f"vast://{name}"):
            with pytest.raises(MCPError) as refused:
                await client.read_resource(uri)
            assert name not in str(refused.value.error)


@pytest.mark.anyio
async def test_a_log_that_begins_or_ends_inside_a_secret_shows_no_part(
    client: Client, world: World
) -> None:
    """A tail is cut at lines, a filter picks them, and 10 KB end anywhere."""
    offer = world.offer(disk_space=lambda free: free > 40)
    machine = world.rent(offer["id"], {"image": "x", "disk": 10}).id
    lines = PEM.splitlines()
    tails = [
        "\n".join(lines[4:]),
        "\n".join([*lines[:3], lines[3][:25]]),
        lines[5][-30:] + "\nthen work began",
        f"export PASSWORD={KEPT['PASSWORD'][:16]}",
        f"begin {lines[2][:8]}",
        f"{lines[3]}\n" * 300,
    ]
    for tail in tails:
        world.set_logs(machine, tail)
        shown = await text_of(client, "show_logs", instance_id=machine)
        assert "***" in shown
        assert leaked("PEM", shown) + leaked("PASSWORD", shown) == []
        assert lines[2][:8] not in shown


@pytest.mark.anyio
async def test_a_switch_or_a_small_number_blanks_nothing(client: Client, world: World) -> None:
    """What a person passes on besides secrets are ordinary words."""
    offer = world.offer(disk_space=lambda free: free > 40)
    machine = world.rent(offer["id"], {"image": "x", "disk": 10}).id
    said = (
        "info: 1 of 8080 is true on localhost:8080, 11 are untrue\n"
        "-----BEGIN CERTIFICATE-----\n"
        "service_account asks https://oauth2.googleapis.com/token, epoch 100% + 1 = 101"
    )
    world.set_logs(machine, said)
    result = await client.call_tool("show_logs", {"instance_id": machine})
    assert (result.structured_content or {})["untrusted_log"] == said


@pytest.mark.anyio
async def test_a_secret_that_is_a_word_of_ours_spoils_no_answer(
    world: World, settings: Settings
) -> None:
    """States and codes stay what their schema says; a stranger's text does not keep the word."""
    kept = {"MODE": SecretStr("running"), "STATE": SecretStr("still_starting")}
    offer = world.offer(disk_space=lambda free: free > 40)
    machine = world.rent(offer["id"], {"image": "x", "disk": 10, "label": "as running"}).id
    async with served(world, replace(settings, env_pass=kept)) as client:
        for _ in range(8):
            result = await client.call_tool("show_instances", {})
        [row] = (result.structured_content or {})["instances"]
    assert row["instance_id"] == machine
    assert row["state"] == "running"
    assert row["untrusted_label"] == "as ***"


@pytest.mark.anyio
async def test_a_machines_own_keys_do_not_come_through_its_log(
    client: Client, world: World
) -> None:
    """Vast sets them inside, and a script that prints its environment prints them
    (docs/vast-api.md A.4, C.6).
    """
    offer = world.offer(disk_space=lambda free: free > 40)
    machine = world.rent(offer["id"], {"image": "x", "disk": 10}).id
    world.set_logs(
        machine,
        "CONTAINER_API_KEY=0123abcd4567planted\n"
        'declare -x JUPYTER_TOKEN="8888planted9999"\n'
        "http://127.0.0.1:8080/lab?token=7777planted6666&x=1\n"
        '{"CONTAINER_API_KEY": "0123abcd4567planted"}\n'
        "words=4096 token: 17",
    )
    result = await client.call_tool("show_logs", {"instance_id": machine})
    log = (result.structured_content or {})["untrusted_log"]
    assert "planted" not in log
    assert "&x=1" in log
    assert "words=4096 token: 17" in log


def test_a_mask_finds_a_part_at_every_place() -> None:
    """Twelve letters in a row, wherever they begin and whatever stands around them."""
    secret = "".join(chr(97 + (at * at * 7 + at) % 26) + str(at % 10) for at in range(40))
    mask = Mask([secret])
    for at in range(len(secret) - 12):
        for before in range(6):
            shown = mask.hide(f"{'.' * before}[{secret[at : at + 12]}]")
            assert shown == f"{'.' * before}[***]"
    assert mask.hide(secret[:11]) == secret[:11]
    assert mask.hide(f"x {secret[:11]}", cut=True) == "x ***"


@pytest.mark.parametrize(
    "sign", ["\\", "%25", "&amp;", "&#0", "\\x{0", "0x", "\x1b[0", "JUPYTER_TOKEN ", "bcdefghijk-"]
)
def test_a_long_text_of_any_signs_is_read_in_one_go(sign: str) -> None:
    """Work grows with the length and not with its square: a square would not end."""
    text = sign * 200_000
    assert Mask(["abcdefghijklmnop-0123456789"]).hide_foreign(text) == text


def test_signs_around_and_characters_of_many_bytes_stay_whole() -> None:
    """What is left of a text is the text."""
    mask = Mask(["пароль-schlüssel-ключ", "abcdefghijklmnop"])
    assert mask.hide("é(пароль-schlüssel-ключ)é 😀") == "é(***)é 😀"
    assert mask.hide("é😀abcdefghijklmé") == "é😀***é"
    assert mask.hide("\ud83d abcdefghijklmnop") == "\ud83d ***"
    assert Mask([]).hide("abc") == "abc"
    assert repr(mask).startswith("<vast_mcp.masking.Mask object")
