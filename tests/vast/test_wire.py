"""What the network does: certificates, redirects, and replies that are too much. Real sockets, on
loopback, in this process.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import ipaddress
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from mcp import Client

from house import call
from vast_mcp.environment import load
from vast_mcp.host.server import build
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

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                length = head.lower().partition("content-length: ")[2].partition("\r")[0]
                await reader.readexactly(int(length or 0))
                self.heads.append(head)
                await self.answer(head, writer)
                await writer.drain()
        writer.close()


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


def certified(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """A server's certificate for 127.0.0.1 that no authority knows, and its file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    public, private = folder / "public.pem", folder / "private.pem"
    public.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(public, private)
    return tls, public


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


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See", "307 T", "308 P"])
async def test_the_key_follows_no_redirect(tmp_path: Path, status: str) -> None:
    """Another origin gets nothing, least of all the key (docs/architecture.md)."""
    async with wired(whole(EMPTY)) as other:
        elsewhere = f"Location: http://{other.address}/api/v1/instances/"
        async with (
            wired(whole(b"", status, elsewhere)) as wire,
            asking(tmp_path, f"http://{wire.address}") as client,
        ):
            error = (await call(client, "show_instances"))["error"]
    assert (error["code"], len(wire.heads), other.heads) == ("unexpected_reply", 1, [])
