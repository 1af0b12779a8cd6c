"""What the network does: certificates, redirects, and replies that are too much. Real sockets, on
loopback, in this process.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import ssl
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import anyio
import pytest
from mcp import Client

from certificates import certified
from house import an_offer, call, puts
from unhurried import BY_THE_TRUE_CLOCK
from vast_mcp.environment import load
from vast_mcp.host.server import build
from vast_mcp.sandbox.world import World
from vast_mcp_tools import CATALOGUE

KEY = "planted-key-0123456789"
EMPTY = b'{"success": true, "instances": [], "next_token": null, "total_instances": 0}'

Answer = Callable[[str, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Wire:
    """A server that answers with whatever bytes a test wants, and keeps what it was sent."""

    answer: Answer
    heads: list[str] = field(default_factory=list[str])
    address: str = ""
    writers: list[asyncio.StreamWriter] = field(default_factory=list[asyncio.StreamWriter])

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                length = head.lower().partition("content-length: ")[2].partition("\r")[0]
                await reader.readexactly(int(length or 0))
                self.heads.append(head)
                await self.answer(head, writer)
                await writer.drain()

    async def close(self) -> None:
        """Let go of every connection."""
        for writer in self.writers:
            writer.transport.abort()
            with contextlib.suppress(Exception):
                await writer.wait_closed()


@asynccontextmanager
async def wired(answer: Answer, tls: ssl.SSLContext | None = None) -> AsyncIterator[Wire]:
    """Such a server, on a port of its own."""
    wire = Wire(answer)
    server = await asyncio.start_server(wire.serve, "127.0.0.1", 0, ssl=tls)
    wire.address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield wire
    finally:
        server.close()
        await wire.close()


def whole(body: bytes, status: str = "200 OK", *headers: str) -> Answer:
    """Answers with one body, whatever is asked."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]

    async def answer(_head: str, writer: asyncio.StreamWriter) -> None:
        writer.write("\r\n".join(lines).encode() + body)

    return answer


@asynccontextmanager
async def asking(folder: Path, url: str, **times: float) -> AsyncIterator[Client]:
    """A client on a server that takes its API from there."""
    environ = {"VAST_URL": url, "VAST_API_KEY": KEY, "VAST_MCP_STATE_DIR": str(folder / "state")}
    settings = load(environ, home=folder)
    hurried = replace(settings.times.scaled(0.01), pace=0.0, budget_s=2.0)
    settings = replace(settings, times=replace(hurried, **times))
    async with Client(build(settings, CATALOGUE)) as client:
        yield client


# ── certificates, and where the key goes ───────────────────────────────────────────────────────


@pytest.mark.parametrize("scheme", ["https", "HTTPS", "Https", "hTTpS"])
async def test_https_is_verified_however_it_is_spelt(tmp_path: Path, scheme: str) -> None:
    """A server that cannot show its certificate is sent no key (docs/architecture.md)."""
    tls, _ = certified(tmp_path)
    async with (
        wired(whole(EMPTY), tls) as wire,
        asking(tmp_path, f"{scheme}://{wire.address}/") as client,
    ):
        error = (await call(client, "show_instances"))["error"]
    assert (error["code"], wire.heads) == ("unreachable", [])


@pytest.mark.parametrize("scheme", ["https", "HTTPS"])
async def test_https_to_a_known_authority_works_however_it_is_spelt(
    tmp_path: Path, scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The legal neighbour: the same server, its authority among the system's."""
    tls, public = certified(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(public))
    async with (
        wired(whole(EMPTY), tls) as wire,
        asking(tmp_path, f"{scheme}://{wire.address}/") as client,
    ):
        assert (await call(client, "show_instances"))["count"] == 0
    assert KEY in wire.heads[0]


@pytest.mark.parametrize("url", ["HTTP://{}", "http://{}/", "http://127.1:{port}", "http://{}//"])
async def test_plain_http_to_this_machine_works_however_it_is_spelt(
    tmp_path: Path, url: str
) -> None:
    """What is connected to is what was checked."""
    async with wired(whole(EMPTY)) as wire:
        port = wire.address.rpartition(":")[2]
        async with asking(tmp_path, url.format(wire.address, port=port)) as client:
            assert (await call(client, "show_instances"))["count"] == 0
    assert wire.heads[0].startswith("GET /api/v1/instances/?")


# ── replies that are too much ──────────────────────────────────────────────────────────────────


def endless(chunk: bytes, *headers: str, head: str = "HTTP/1.1 200 OK\r\n") -> Answer:
    """Answers with one chunk, again and again, for as long as anybody reads."""

    async def answer(_head: str, writer: asyncio.StreamWriter) -> None:
        writer.write(f"{head}{''.join(f'{line}{CRLF}' for line in headers)}".encode())
        while True:
            writer.write(chunk)
            await writer.drain()
            await asyncio.sleep(0)

    return answer


CRLF = "\r\n"
PLAIN = ("Content-Length: 600000000", "")


def bomb() -> Answer:
    """Answers with 600 MB of spaces, packed: 600 kB on the wire."""
    packer = zlib.compressobj(9, wbits=31)
    begin = packer.compress(b"{") + packer.flush(zlib.Z_FULL_FLUSH)
    part = packer.compress(b" " * 1_000_000) + packer.flush(zlib.Z_FULL_FLUSH)
    return whole(begin + part * 600, "200 OK", "Content-Encoding: gzip")


@pytest.mark.parametrize("status", ["200 OK", "404 Not Found", "502 Bad Gateway"])
@pytest.mark.parametrize("packed", [False, True])
async def test_a_reply_without_end_is_not_read_to_its_end(
    tmp_path: Path, packed: bool, status: str
) -> None:
    """600 MB, plain or packed, would fill the memory; what is read ends at a few MB, of which a
    page of a list has a hundredth.
    """
    answer = bomb() if packed else endless(b" " * 65_536, *PLAIN, head=f"HTTP/1.1 {status}{CRLF}")
    tracemalloc.start()
    try:
        async with (
            wired(answer) as wire,
            asking(tmp_path, f"http://{wire.address}", budget_s=30.0) as client,
        ):
            error = (await call(client, "show_instances"))["error"]
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (error["code"], error["billing_possible"]) == ("unexpected_reply", False)
    assert "longer than 4 MB" in error["message"]
    assert len(wire.heads) == 1
    assert most < 60_000_000


async def test_a_long_list_that_is_packed_is_read(tmp_path: Path) -> None:
    """The legal neighbour: three megabytes, as gateways pack them."""
    padded = EMPTY[:-1] + b', "pad": "' + b"x" * 3_000_000 + b'"}'
    answer = whole(gzip.compress(padded), "200 OK", "Content-Encoding: gzip")
    async with wired(answer) as wire, asking(tmp_path, f"http://{wire.address}") as client:
        assert (await call(client, "show_instances"))["count"] == 0
    assert "accept-encoding: gzip\r" in wire.heads[0].lower()


@pytest.mark.parametrize(
    ("body", "packing"),
    [
        (gzip.compress(EMPTY)[:-9], "gzip"),
        (EMPTY, "gzip"),
        (EMPTY, "br"),
        (gzip.compress(gzip.compress(EMPTY)), "gzip, gzip"),
    ],
    ids=["broken off", "not packed", "unknown", "twice"],
)
async def test_a_reply_that_cannot_be_unpacked_is_no_answer(
    tmp_path: Path, body: bytes, packing: str
) -> None:
    """Half a reply may look whole."""
    answer = whole(body, "200 OK", f"Content-Encoding: {packing}")
    async with wired(answer) as wire, asking(tmp_path, f"http://{wire.address}") as client:
        assert (await call(client, "show_instances"))["error"]["code"] == "unreachable"


async def test_many_small_parts_are_no_list(tmp_path: Path) -> None:
    """Three characters each, a hundred bytes of memory each."""
    body = EMPTY[:-1] + b', "more": [' + b"[]," * 1_000_000 + b"0]}"
    async with wired(whole(body)) as wire, asking(tmp_path, f"http://{wire.address}") as client:
        assert (await call(client, "show_instances"))["error"]["code"] == "unexpected_reply"


@BY_THE_TRUE_CLOCK
@pytest.mark.parametrize("head", ["HTTP/1.1 200 OK\r\n", "HTTP/1.1 100 Continue\r\n"])
async def test_headers_without_end_are_no_answer(tmp_path: Path, head: str) -> None:
    """A reply may begin and never come to its body."""
    line = b"X-Header: 0123456789\r\n"
    if "100" in head:
        line = b"\r\nHTTP/1.1 103 Early Hints\r\n"
    async with (
        wired(endless(line, head=head)) as wire,
        asking(tmp_path, f"http://{wire.address}", budget_s=1.0) as client,
    ):
        with anyio.fail_after(100):
            error = (await call(client, "show_instances"))["error"]
    assert error["code"] == "unreachable"


async def test_a_reply_that_drips_ends_with_the_calls_time(tmp_path: Path) -> None:
    """Each byte comes in time, and the whole never does."""

    async def drip(_head: str, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        while True:
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.01)

    async with (
        wired(drip) as wire,
        asking(tmp_path, f"http://{wire.address}", budget_s=0.5) as client,
    ):
        with anyio.fail_after(100):
            error = (await call(client, "show_instances"))["error"]
    assert error["code"] == "unreachable"


async def test_a_rent_that_is_answered_without_end_is_in_doubt_and_found(
    client: Client, world: World
) -> None:
    """Such an answer was called a success, with whatever id it began with (docs/protocol.md)."""
    body = {"success": True, "new_contract": 77, "pad": "x" * 5_000_000}
    world.faults.add("create", "status", when="after", status=200, body=body)
    wish = {"offer_id": an_offer(world)["id"], "image": "x", "disk": 16}
    made = await call(client, "create_instance", **wish)
    [rental] = world.rentals
    assert (made["instance_id"], made["recovered"], puts(world)) == (rental.id, True, 1)


async def test_a_start_that_is_answered_without_end_may_have_happened(
    client: Client, world: World
) -> None:
    """An answer that nobody can read is none: a look decides."""
    made = await call(client, "create_instance", offer_id=an_offer(world)["id"], image="x", disk=16)
    machine = made["instance_id"]
    await call(client, "manage_instance", action="stop", instance_id=machine)
    body = {"success": True, "pad": "x" * 5_000_000}
    world.faults.add("start", "status", when="after", status=200, body=body)
    started = await call(client, "manage_instance", action="start", instance_id=machine)
    assert "error" not in started
