"""MCP over HTTP: who is let in, that a process has one session, and how it ends while it rents."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import httpx
import httpx2
import pytest
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client

from house import KEY_LINE, call, env_of, sampled
from messages import INVALID_REQUEST, LEGAL, NO_MESSAGES
from processes import PATIENCE, an_offer, asked, ledger, post, ran
from served_http import ACCEPT, TOKEN, Serving, ask, bearer, serving
from vast_mcp_tools import CATALOGUE

pytestmark = pytest.mark.processes


@pytest.fixture
def sandboxed(env: dict[str, str], tmp_path: Path) -> Iterator[Serving]:
    env |= {"VAST_MCP_HTTP_TOKEN": TOKEN}
    with serving("--sandbox", "serve", "--http", "0", env=env, cwd=tmp_path) as made:
        yield made


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """One for all tests that only knock."""
    folder = tmp_path_factory.mktemp("gate")
    env = env_of(folder) | {"VAST_MCP_HTTP_TOKEN": TOKEN}
    with serving("--sandbox", "serve", "--http", "localhost:0", env=env, cwd=folder) as made:
        yield made


@contextmanager
def real(env: dict[str, str], url: str, tmp_path: Path) -> Iterator[Serving]:
    """A server that believes to rent for real, of a Vast.ai in a process of its own."""
    env |= {
        "VAST_MCP_HTTP_TOKEN": TOKEN,
        "VAST_URL": url,
        "VAST_API_KEY": "planted-key",
        "VAST_MCP_STATE_DIR": str(tmp_path / "state"),
    }
    with serving("serve", "--http", "127.0.0.1:0", env=env, cwd=tmp_path) as made:
        yield made


@asynccontextmanager
async def client_of(
    serving: Serving, *, mode: str = "auto", token: str = TOKEN
) -> AsyncIterator[Client]:
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx2.AsyncClient(headers=headers, timeout=PATIENCE, trust_env=False) as http:
        transport = streamable_http_client(serving.url, http_client=http)
        async with Client(transport, mode=mode, read_timeout_seconds=PATIENCE) as made:
            await (
                made.list_tools()
            )  # the client checks results with it, and asks late if it was not asked for before
            yield made


# ── both eras, one session ─────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("mode", "era"), [("legacy", "2025"), ("auto", "2026")])
async def test_a_rental_begins_and_ends_over_http_in_either_era(
    sandboxed: Serving, mode: str, era: str
) -> None:
    """Hosts of both eras exist; the same tools answer the same, whatever carries them
    (docs/hosts.md).
    """
    async with client_of(sandboxed, mode=mode) as client:
        assert client.protocol_version.startswith(era)
        assert [tool.name for tool in (await client.list_tools()).tools] == [
            spec.name for spec in CATALOGUE
        ]
        made = await call(client, "create_instance", offer_id=an_offer(), disk=16)
        shown = await call(client, "show_instances")
        assert [row["instance_id"] for row in shown["instances"]] == [made["instance_id"]]
        gone = await call(client, "destroy_instance", instance_ids=[made["instance_id"]])
        assert gone["results"][0]["outcome"] == "destroyed"


@pytest.mark.thorough
async def test_what_one_request_learned_another_client_finds(sandboxed: Serving) -> None:
    """Requests stand alone, but the journal, the sandbox and the session are one per process."""
    wish: dict[str, Any] = {"offer_id": an_offer(), "disk": 16}
    async with client_of(sandboxed, mode="legacy") as first:
        made = await call(first, "create_instance", **wish)
    async with client_of(sandboxed) as second:
        again = await call(second, "create_instance", **wish)
    assert (again["instance_id"], again["replayed"]) == (made["instance_id"], True)


async def test_progress_reaches_a_client_over_http(sandboxed: Serving) -> None:
    """Hosts show it, and it keeps their patience; it travels on the answer's own stream
    (docs/hosts.md).
    """
    heard: list[str | None] = []

    async def hear(_done: float, _total: float | None, message: str | None) -> None:
        heard.append(message)

    async with client_of(sandboxed) as client:
        made = await call(client, "create_instance", offer_id=an_offer(), disk=16)
        arguments = {"instance_id": made["instance_id"]}
        await client.call_tool("wait_for_instance", arguments, progress_callback=hear)
    assert heard


# ── who is let in ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="none"),
        pytest.param(bearer("another-token-of-the-same-size"), id="another"),
        pytest.param(bearer(TOKEN[:-1]), id="cut"),
        pytest.param(bearer(TOKEN + "x"), id="longer"),
        pytest.param({"Authorization": "Bearer"}, id="no token"),
        pytest.param({"Authorization": TOKEN}, id="no scheme"),
        pytest.param({"Authorization": f"Basic {TOKEN}"}, id="another scheme"),
        pytest.param({"X-Api-Key": TOKEN}, id="another header"),
    ],
)
def test_without_the_token_nothing_is_done(gate: Serving, headers: dict[str, str]) -> None:
    """Whoever has the token rents machines; RFC 6750: 401 says which scheme is wanted."""
    refused = ask(gate, **headers)
    assert (refused.status_code, refused.headers["WWW-Authenticate"]) == (
        401,
        'Bearer realm="vast-mcp"',
    )
    assert "serverInfo" not in refused.text


def test_the_token_opens_and_its_scheme_is_written_as_one_likes(gate: Serving) -> None:
    """RFC 9110, 11.1: the scheme's case does not matter."""
    assert ask(gate, **bearer()).status_code == 200
    assert ask(gate, Authorization=f"bearer {TOKEN}").status_code == 200


def test_the_token_is_asked_for_everywhere_and_before_anything_is_read(gate: Serving) -> None:
    """No path but /healthz answers a stranger, and no body of theirs is parsed."""
    with httpx.Client(trust_env=False, timeout=PATIENCE) as http:
        for path in ("/", "/mcp", "/mcp/", "/healthz/", "/.well-known/oauth-protected-resource"):
            for method in ("GET", "POST", "OPTIONS", "DELETE"):
                assert http.request(method, gate.root + path, content=b"{").status_code == 401, path


def test_the_health_of_the_process_is_told_to_anybody_and_nothing_else(gate: Serving) -> None:
    """A proxy or a container asks without a token; version, account and sandbox are not
    its business.
    """
    with httpx.Client(trust_env=False, timeout=PATIENCE) as http:
        answer = http.get(gate.root + "/healthz")
    assert (answer.status_code, answer.text) == (200, "ok\n")
    assert set(answer.headers) == {"date", "content-length", "content-type"}


NO_HOSTS = [
    "127.0.0.1:1:evil",
    "127.0.0.1:0",
    "127.0.0.1:65536",
    "127.0.0.1:99999",
    "127.0.0.1:+80",
    "127.0.0.1:-1",
    "127.0.0.1:80/",
    "127.0.0.1:80?x",
    "127.0.0.1#",
    "127.0.0.1\\evil",
    "evil@127.0.0.1",
    "127.0.0.1:80@evil",
    "127.0.0.1@evil.example",
    "127.0.0.1,evil.example",
    "127.0.0.1 evil.example",
    "local\thost",
    "%6cocalhost",
    "127.1",
    "2130706433",
    "0.0.0.0",  # noqa: S104
    "[::]",
    "[::1",
    "::1",
    "[::1]evil.example",
    "[::1]evil.example:80",
    "evil.example[::1]",
    "[::1%lo]",
    "[::ffff:127.0.0.1]",
    "[127.0.0.1]",
    "localhost..",
    ".localhost",
    "localhost.evil.example",
    "notlocalhost",
    ":80",
    "http://localhost",
]
HOSTS = [
    "LocalHost",
    "localhost.",
    "localhost:",
    "localhost:1",
    "localhost:65535",
    "[::1]",
    "[::1]:9000",
    "[0:0:0:0:0:0:0:1]:9000",
]
NO_ORIGINS = [
    "null",
    "http://localhost/",
    "http://localhost:80/path",
    "http://localhost:1:evil",
    "http://localhost:99999",
    "http://localhost:0",
    "http://evil@localhost",
    "http://localhost@evil.example",
    "http://localhost?",
    "http://localhost#",
    "http://localhost http://evil.example",
    "http://localhost, http://evil.example",
    "https://localhost",
    "ftp://localhost",
    "//localhost",
    "localhost",
    "http:localhost",
    "http:///localhost",
    "file://",
    "http://[::1]evil.example",
]
ORIGINS = [
    "http://127.0.0.1",
    "http://localhost",
    "HTTP://LOCALHOST:5173",
    "http://[::1]:5173",
]


def test_a_request_says_one_host_and_at_most_one_page(gate: Serving) -> None:
    """RFC 9112, 3.2: two hosts are a 400, and 1.0 may say none; of two pages either could lie."""
    ours = gate.root.removeprefix("http://")
    said = {
        "two hosts": (b"1.1", [f"Host: {ours}", "Host: evil.example"], b" 400 "),
        "none": (b"1.1", [], b" 400 "),
        "two in 1.0": (b"1.0", [f"Host: {ours}", f"Host: {ours}"], b" 400 "),
        "none in 1.0": (b"1.0", [], b" 421 "),
        "an empty one": (b"1.1", ["Host: "], b" 421 "),
        "two pages": (b"1.1", [f"Host: {ours}", *["Origin: http://localhost"] * 2], b" 403 "),
        "an empty page": (b"1.1", [f"Host: {ours}", "Origin: "], b" 403 "),
        "one of each": (b"1.1", [f"Host: {ours}", "Origin: http://localhost"], b" 400 "),
    }
    for what, (version, lines, status) in said.items():
        wanted = [f"Authorization: Bearer {TOKEN}", "Connection: close", "Content-Length: 0"]
        head = "".join(f"{line}\r\n" for line in lines + wanted).encode()
        with socket.create_connection(ours.rsplit(":", 1), timeout=PATIENCE) as line:
            line.sendall(b"POST /mcp HTTP/" + version + b"\r\n" + head + b"\r\n")
            assert line.recv(1 << 16)[8:13] == status, what


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param({"Host": "evil.example"}, 421, id="rebound name"),
        pytest.param({"Host": "evil.example:80"}, 421, id="rebound name and port"),
        pytest.param({"Host": "127.0.0.1.evil.example"}, 421, id="a name that begins as ours"),
        *[pytest.param({"Host": host}, 421, id=f"host {host}") for host in NO_HOSTS],
        *[pytest.param({"Host": host}, 200, id=f"host {host}") for host in HOSTS],
        *[pytest.param({"Origin": page}, 403, id=f"origin {page}") for page in NO_ORIGINS],
        *[pytest.param({"Origin": page}, 200, id=f"origin {page}") for page in ORIGINS],
        pytest.param({"Origin": "https://evil.example"}, 403, id="a page elsewhere"),
        pytest.param(
            {"Origin": "http://localhost.evil.example"}, 403, id="a page that begins as ours"
        ),
        pytest.param({"Origin": "null"}, 403, id="a page without origin"),
        pytest.param({"Origin": "http://localhost:5173"}, 200, id="a page of this computer"),
        pytest.param({"Host": "localhost:9000"}, 200, id="a tunnel to here"),
    ],
)
def test_a_page_elsewhere_gets_nowhere_even_with_the_token(
    gate: Serving, headers: dict[str, str], status: int
) -> None:
    """The MCP specification, transports: Host and Origin are checked, against names bound anew
    to loopback.
    """
    assert ask(gate, **bearer(), **headers).status_code == status


@pytest.mark.thorough
def test_a_token_is_made_and_printed_once_where_none_is_set(
    env: dict[str, str], tmp_path: Path
) -> None:
    """Never without a token; one that was made is on stderr, since nobody could know it
    otherwise.
    """
    with serving(
        "--sandbox", "serve", "--http", "127.0.0.1:0", env=env, cwd=tmp_path, lines=2
    ) as made:
        token = made.said.split()[-1]
        assert len(token) >= 43  # 256 bits
        assert ask(made, **bearer(token)).status_code == 200
        assert ask(made, Authorization="Bearer").status_code == 401
        made.process.send_signal(signal.SIGTERM)
        out, err = made.process.communicate(timeout=PATIENCE)
    assert (made.process.returncode, out, err) == (0, b"", b"")
    with serving(
        "--sandbox", "serve", "--http", "127.0.0.1:0", env=env, cwd=tmp_path, lines=2
    ) as another:
        assert another.said.split()[-1] != token


@pytest.mark.thorough
def test_a_token_that_was_set_is_never_printed(sandboxed: Serving) -> None:
    """What is printed ends in a log."""
    ask(sandboxed, **bearer("wrong" * 8))
    sandboxed.process.send_signal(signal.SIGTERM)
    out, err = sandboxed.process.communicate(timeout=PATIENCE)
    assert TOKEN not in sandboxed.said + (out + err).decode()


@pytest.mark.parametrize(
    ("arguments", "said"),
    sampled(
        [
            pytest.param(["--http", "0.0.0.0:0"], "loopback", id="every address"),
            pytest.param(["--http", "[::]:0"], "loopback", id="every address, IPv6"),
            pytest.param(["--http", "192.0.2.1:80"], "loopback", id="another address"),
            pytest.param(["--http", "example.com:80"], "no HOST:PORT", id="a name"),
            pytest.param(["--http", "127.0.0.1"], "no HOST:PORT", id="no port"),
            pytest.param(["--http", "127.0.0.1:70000"], "port", id="no such port"),
            pytest.param(
                ["--http", "127.0.0.1:0", "--allowed-host", "a.example"],
                "--behind-proxy",
                id="a name alone",
            ),
            pytest.param(
                ["--http", "0.0.0.0:0", "--behind-proxy"],
                "--allowed-host",
                id="a proxy without a name",
            ),
            pytest.param(
                ["--http", "0.0.0.0:0", "--behind-proxy", "--allowed-host", "https://a.example"],
                "no host name",
                id="an address for a name",
            ),
            pytest.param(
                ["--http", "0.0.0.0:0", "--behind-proxy", "--allowed-host", "*"],
                "no host name",
                id="any name",
            ),
            pytest.param(
                ["--http", "0.0.0.0:0", "--behind-proxy", "--allowed-host", "a.example:1:evil"],
                "no host name",
                id="a name with two ports",
            ),
        ],
        every=3,
    ),
)
@pytest.mark.thorough
def test_what_would_be_open_to_others_is_wrong_usage(
    env: dict[str, str], tmp_path: Path, arguments: list[str], said: str
) -> None:
    """Loopback unless a proxy in front is stated, and then under stated names; 2, and
    nothing listens.
    """
    status, out, err = ran("--sandbox", "serve", *arguments, env=env, cwd=tmp_path)
    assert (status, out) == (2, "")
    assert said in err


def test_a_short_token_is_refused(env: dict[str, str], tmp_path: Path) -> None:
    """16 characters at least; the message does not repeat it."""
    env |= {"VAST_MCP_HTTP_TOKEN": "hunter2"}
    status, _, err = ran("--sandbox", "serve", "--http", "0", env=env, cwd=tmp_path)
    assert (status, "16" in err, "hunter2" in err) == (2, True, False)


@pytest.mark.thorough
def test_behind_a_proxy_only_the_names_that_were_given_and_loopback_are_served(
    env: dict[str, str], tmp_path: Path
) -> None:
    """The proxy passes the Host that clients used; whose address a header claims does
    not matter.
    """
    env |= {"VAST_MCP_HTTP_TOKEN": TOKEN}
    names = ("gpu.example", "[2001:db8::1]", "one.example:8443", "Usual.Example.:443")
    options = ("--behind-proxy", *(word for name in names for word in ("--allowed-host", name)))
    with serving(
        "--sandbox", "serve", "--http", "127.0.0.1:0", *options, env=env, cwd=tmp_path
    ) as made:
        for host, status in (
            ("gpu.example", 200),
            ("GPU.example.:443", 200),
            ("[2001:DB8:0::1]:443", 200),
            ("evil.example", 421),
            ("gpu.example.evil", 421),
            ("one.example:8443", 200),
            ("one.example", 421),
            ("one.example:84430", 421),
            ("usual.example", 200),
            ("usual.example:443", 200),
            ("usual.example:80", 421),
        ):
            assert ask(made, **bearer(), Host=host).status_code == status, host
        for origin, status in (
            ("https://gpu.example", 200),
            ("http://gpu.example", 403),
            ("https://one.example:8443", 200),
            ("https://one.example", 403),
            ("https://usual.example", 200),
            ("https://evil.example", 403),
        ):
            assert ask(made, **bearer(), Host="gpu.example", Origin=origin).status_code == status
        assert ask(made, **bearer("x" * 32), **{"X-Forwarded-For": "127.0.0.1"}).status_code == 401


# ── whose files ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.thorough
async def test_no_key_file_of_the_serving_computer_is_read(
    env: dict[str, str], url: str, tmp_path: Path
) -> None:
    """Who calls over HTTP sits elsewhere; neither ~/.ssh nor the official client's key
    is theirs.
    """
    home = Path(env["HOME"])
    (home / ".ssh").mkdir()
    (home / ".ssh" / "id_ed25519.pub").write_text(KEY_LINE, encoding="utf-8")
    (home / ".config" / "vastai").mkdir(parents=True)
    (home / ".config" / "vastai" / "vast_api_key").write_text("planted-key", encoding="utf-8")
    env |= {"VAST_MCP_HTTP_TOKEN": TOKEN, "VAST_URL": url}
    with serving("serve", "--http", "127.0.0.1:0", env=env, cwd=tmp_path) as keyless:
        async with client_of(keyless) as client:
            assert (await call(client, "show_account"))["error"]["code"] == "no_api_key"
    env |= {"VAST_API_KEY": "planted-key"}
    with serving("serve", "--http", "127.0.0.1:0", env=env, cwd=tmp_path) as made:
        async with client_of(made) as client:
            refused = (await call(client, "create_ssh_key", public_key="~/.ssh/id_ed25519.pub"))[
                "error"
            ]
            assert refused["code"] == "bad_arguments"
            assert "reads no local files" in refused["problems"][0]["problem"]
            vms = await call(client, "search_offers", vm=True, limit=1)
            wish = {
                "offer_id": vms["offers"][0]["offer_id"],
                "vm": True,
                "disk": 40,
                "image": "docker.io/vastai/kvm:ubuntu_terminal",
            }
            no_key = (await call(client, "create_instance", **wish))["error"]
            steps = [one["tool"] for one in no_key["next_steps"]]
            assert (no_key["code"], steps) == ("no_ssh_key", ["show_ssh_keys"])
            assert "create_ssh_key registers the text of a public key" in no_key["message"]
            await call(client, "create_ssh_key", public_key=KEY_LINE)
            assert "local_file" not in (await call(client, "show_ssh_keys"))["keys"][0]
            made_vm = await call(client, "create_instance", **wish)
            shown = await call(client, "wait_for_instance", instance_id=made_vm["instance_id"])
            assert " -i " not in shown["access"]["ssh"]
            assert ".ssh" not in json.dumps(shown)


# ── ending ─────────────────────────────────────────────────────────────────────────────────────


async def until_hanging(url: str) -> None:
    """Return once a request hangs at the pretended Vast.ai."""
    with anyio.fail_after(PATIENCE):
        while (await anyio.to_thread.run_sync(post, f"{url}/_sandbox/faults"))["hanging"] < 1:  # noqa: ASYNC110
            await anyio.sleep(0.02)


async def until_asked(url: str, endpoint: str, times: int) -> None:
    """Return once the pretended Vast.ai was asked that so often."""
    with anyio.fail_after(PATIENCE):
        while (await anyio.to_thread.run_sync(asked, url)).count(endpoint) < times:  # noqa: ASYNC110
            await anyio.sleep(0.02)


async def until_closed(serving: Serving) -> None:
    """Return once no new connection is taken: the process is ending."""
    with anyio.fail_after(PATIENCE):
        async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE) as http:
            while True:
                try:
                    await http.get(serving.root + "/healthz", headers={"Connection": "close"})
                except httpx.TransportError:
                    return
                await anyio.sleep(0.02)


async def ended(serving: Serving) -> int:
    return await anyio.to_thread.run_sync(lambda: serving.process.wait(PATIENCE))


@pytest.mark.thorough
async def test_asked_to_end_while_one_rents_and_another_waits_for_it_sends_for_one(
    env: dict[str, str], url: str, tmp_path: Path
) -> None:
    """What is in flight finishes; what is not does not begin, and is told so."""
    env |= {"VAST_MCP_TIME_SCALE": "0.2"}
    post(f"{url}/_sandbox/faults", endpoint="create", kind="late", when="after", seconds=2.0)
    answers: dict[str, dict[str, Any]] = {}
    with real(env, url, tmp_path) as serving:
        async with client_of(serving) as client, anyio.create_task_group() as tasks:

            async def rent(key: str, offer_id: int) -> None:
                answers[key] = await call(
                    client, "create_instance", offer_id=offer_id, disk=16, request_key=key
                )

            tasks.start_soon(rent, "first", an_offer())
            await until_hanging(url)
            tasks.start_soon(rent, "second", an_offer())
            await until_asked(
                url, "keys", 2
            )  # both have looked; the second now waits for the first one's request
            serving.process.send_signal(signal.SIGTERM)
        assert await ended(serving) == 0
    assert [answers["first"]["instance_id"]] == ledger(url)["living"]
    assert "error" in answers["second"]
    assert asked(url).count("create") == 1


@pytest.mark.parametrize("mode", ["legacy", "auto"])
@pytest.mark.thorough
async def test_asked_to_end_while_it_rents_it_answers_and_journals_first(
    env: dict[str, str], url: str, tmp_path: Path, mode: str
) -> None:
    """SIGTERM finishes and journals a create in flight; the same call of the next
    process replays it.
    """
    env |= {"VAST_MCP_TIME_SCALE": "0.2"}  # the PUT may take five seconds
    wish: dict[str, Any] = {"offer_id": an_offer(), "disk": 16}
    post(f"{url}/_sandbox/faults", endpoint="create", kind="late", when="after", seconds=2.5)
    answers: list[dict[str, Any]] = []
    with real(env, url, tmp_path) as first:
        async with client_of(first, mode=mode) as client, anyio.create_task_group() as tasks:

            async def rent() -> None:
                answers.append(await call(client, "create_instance", **wish))

            tasks.start_soon(rent)
            await until_hanging(url)
            first.process.send_signal(signal.SIGTERM)
            assert answers == []
            await until_closed(first)
        assert await ended(first) == 0
    [made] = ledger(url)["living"]
    assert [answer["instance_id"] for answer in answers] == [made]
    assert journal(env) == [("confirmed", made)]
    with real(env, url, tmp_path) as second:
        async with client_of(second, mode=mode) as client:
            again = await call(client, "create_instance", **wish)
    assert (again["instance_id"], again["replayed"]) == (made, True)
    assert ledger(url)["living"] == [made]


@pytest.mark.thorough
async def test_asked_to_end_without_an_answer_it_ends_and_the_next_process_finds_the_machine(
    env: dict[str, str], url: str, tmp_path: Path
) -> None:
    """Silence is unknown; the process waits as long as the PUT may take, and no longer
    (docs/protocol.md).
    """
    wish: dict[str, Any] = {"offer_id": an_offer(), "disk": 16}
    env |= {"VAST_MCP_TIME_SCALE": "0.1"}
    post(f"{url}/_sandbox/faults", endpoint="create", kind="hang", when="after")
    with real(env, url, tmp_path) as first:
        async with client_of(first) as client, anyio.create_task_group() as tasks:

            async def rent() -> None:
                with contextlib.suppress(MCPError):
                    await call(client, "create_instance", **wish)

            tasks.start_soon(rent)
            await until_hanging(url)
            post(f"{url}/_sandbox/faults", endpoint="list", kind="html503", times=None)
            first.process.send_signal(signal.SIGTERM)
        assert await ended(first) == 0
    [made] = ledger(url)["living"]
    assert [state for state, _ in journal(env)] == ["unknown"]
    post(f"{url}/_sandbox/faults", clear=True)
    with real(env, url, tmp_path) as second:
        async with client_of(second) as client:
            again = await call(client, "create_instance", **wish)
    assert (again["instance_id"], ledger(url)["living"]) == (made, [made])


@pytest.mark.thorough
async def test_asked_to_end_while_it_only_waits_it_ends_soon(
    env: dict[str, str], url: str, tmp_path: Path
) -> None:
    """Whoever stops it waits as long as a PUT may take, not the fifty seconds of a wait."""
    env |= {"VAST_MCP_TIME_SCALE": "0.1"}
    post(f"{url}/_sandbox/world", looks_per_step=None, seconds_per_step=1000.0)
    said: list[str] = []
    with real(env, url, tmp_path) as made:
        async with client_of(made) as client, anyio.create_task_group() as tasks:
            machine = await call(client, "create_instance", offer_id=an_offer(), disk=16)

            async def wait() -> None:
                with pytest.raises(MCPError) as told:
                    await call(client, "wait_for_instance", instance_id=machine["instance_id"])
                said.append(str(told.value))

            tasks.start_soon(wait)
            await until_shown(url)
            begun = anyio.current_time()
            made.process.send_signal(signal.SIGTERM)
            assert await ended(made) == 0
            assert anyio.current_time() - begun < 9.0
    assert said  # an error, not a connection that breaks


@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_a_client_that_leaves_while_it_rents_leaves_a_machine_that_the_next_answer_names(
    env: dict[str, str], url: str, tmp_path: Path, mode: str
) -> None:
    """The PUT and its record are not parted by whoever stops listening (docs/protocol.md)."""
    env |= {"VAST_MCP_TIME_SCALE": "0.2"}
    post(f"{url}/_sandbox/faults", endpoint="create", kind="late", when="after")
    with real(env, url, tmp_path) as made:
        async with client_of(made, mode=mode) as client, anyio.create_task_group() as tasks:
            tasks.start_soon(partial(call, client, "create_instance", offer_id=an_offer(), disk=16))
            await until_hanging(url)
            tasks.cancel_scope.cancel()
        await has_read_everything(made)
        post(f"{url}/_sandbox/faults", release=True)
        await until_journalled(env)
        [machine] = ledger(url)["living"]
        assert journal(env) == [("confirmed", machine)]
        async with client_of(made, mode=mode) as client:
            told = await call(client, "show_account")
    assert [str(machine) in notice for notice in told["notices"]] == [True]


@pytest.mark.thorough
async def test_a_cancel_of_the_older_era_is_taken_and_stops_nothing(
    env: dict[str, str], url: str, tmp_path: Path
) -> None:
    """Requests stand alone: who cancels one names it to a server that has no other
    (docs/wire.md).
    """
    env |= {"VAST_MCP_TIME_SCALE": "0.1"}
    post(f"{url}/_sandbox/world", looks_per_step=None, seconds_per_step=1000.0)
    cancel = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 7}}
    era = {"Mcp-Protocol-Version": "2025-06-18"}
    headers = ACCEPT | bearer() | era
    with real(env, url, tmp_path) as made:
        async with client_of(made, mode="legacy") as client:
            machine = await call(client, "create_instance", offer_id=an_offer(), disk=16)
        wait = {"name": "wait_for_instance", "arguments": {"instance_id": machine["instance_id"]}}
        asked_for = {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": wait}
        async with (
            httpx.AsyncClient(trust_env=False, timeout=PATIENCE, headers=headers) as http,
            anyio.create_task_group() as tasks,
        ):
            tasks.start_soon(partial(http.post, made.url, json=asked_for))
            await until_shown(url)
            assert (await http.post(made.url, json=cancel)).status_code == 202
            await until_asked(url, "show", asked(url).count("show") + 2)
            tasks.cancel_scope.cancel()


async def has_read_everything(serving: Serving) -> None:
    """Return once the server has come round several times, and so has seen who closed a
    connection before.
    """
    async with httpx.AsyncClient(trust_env=False) as http:
        for _ in range(10):
            assert (
                await http.get(serving.root + "/healthz", headers={"Connection": "close"})
            ).text == "ok\n"


async def until_journalled(env: dict[str, str]) -> None:
    """Return once no attempt is under way."""
    with anyio.fail_after(PATIENCE):
        while any(state == "sending" for state, _ in journal(env)):  # noqa: ASYNC110  another process writes
            await anyio.sleep(0.02)


async def until_shown(url: str) -> None:
    """Return once a machine has been looked at twice: somebody waits for it."""
    with anyio.fail_after(PATIENCE):
        while asked(url).count("show") < 2:  # noqa: ASYNC110  another process looks
            await anyio.sleep(0.02)


def journal(env: dict[str, str]) -> list[tuple[str, int | None]]:
    """State and machine of every attempt."""
    with contextlib.closing(sqlite3.connect(Path(env["VAST_MCP_STATE_DIR"]) / "journal.db")) as db:
        return db.execute("SELECT state, instance_id FROM intents ORDER BY id").fetchall()


# ── what is no message ─────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("era", ["2025-06-18", "2026-07-28"])
@pytest.mark.thorough
def test_a_body_that_is_no_message_is_answered_as_over_stdio(gate: Serving, era: str) -> None:
    """The eras of the SDK part here: one dropped odd ids, the other gave half an emoji to tools."""
    headers = ACCEPT | bearer() | {"Content-Type": "application/json", "Mcp-Protocol-Version": era}
    told: dict[str, Any] = {}
    with httpx.Client(trust_env=False, timeout=PATIENCE, headers=headers) as http:
        for what, (_, line, _) in NO_MESSAGES.items():
            answer = http.post(gate.url, content=line)
            error = answer.json()
            told[what] = answer.status_code in {400, 413}, error["error"]["code"], error["id"]
    assert told == {what: (True, code, its_id) for what, (code, _, its_id) in OVER_HTTP.items()}


# Of 20 MiB the end is not read.
OVER_HTTP = NO_MESSAGES | {
    "a message of 20 MiB, id last": (INVALID_REQUEST, b"", None),
}


@pytest.mark.parametrize("what", ["an emoji in two halves", "an id below 0", "just 1 MiB"])
@pytest.mark.thorough
def test_the_nearest_body_that_is_a_message_reaches_its_tool(gate: Serving, what: str) -> None:
    headers = ACCEPT | bearer() | {"Content-Type": "application/json"}
    with httpx.Client(trust_env=False, timeout=PATIENCE) as http:
        answer = http.post(gate.url, content=LEGAL[what], headers=headers)
    assert answer.status_code == 200
    assert "bad_arguments" in answer.text
