"""What a mapped port answers when somebody knocks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio.abc import ByteStream, SocketAttribute
from anyio.streams.tls import TLSListener

from certificates import certified
from vast_mcp.machines.knocking import STATUS_BYTES, Knock, knock
from vast_mcp.machines.ways import Address

pytestmark = pytest.mark.anyio

Answer = Callable[[ByteStream], Any]


@asynccontextmanager
async def door(answer: Answer, tls: Any = None) -> AsyncIterator[Address]:
    """A TCP server on loopback."""
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    port = listener.listeners[0].extra(SocketAttribute.local_port)  # noqa: S610
    serves: Any = listener if tls is None else TLSListener(listener, tls, standard_compatible=False)
    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(serves.serve, answer)
        yield Address("127.0.0.1", port)
        tasks.cancel_scope.cancel()


def saying(text: bytes, heard: list[bytes] | None = None) -> Answer:
    """A server that answers the first bytes it hears with these, and hangs up."""

    async def answer(stream: ByteStream) -> None:
        async with stream:
            said = await stream.receive()
            if heard is not None:
                heard.append(said)
            if text:
                await stream.send(text)

    return answer


async def hang_up(stream: ByteStream) -> None:
    await stream.aclose()


async def hang_up_on_words(stream: ByteStream) -> None:
    """Like a database that is spoken to in HTTP."""
    async with stream:
        with suppress(anyio.EndOfStream):
            await stream.receive()


async def keep_silent(stream: ByteStream) -> None:
    async with stream:
        await anyio.sleep_forever()


@pytest.mark.parametrize(
    ("text", "status", "serves"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", 200, True),
        (b"HTTP/1.0 404 Not Found\r\n", 404, True),
        (b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/\r\n\r\n", 302, True),
        (b"HTTP/1.1 401 \r\n\r\n", 401, True),
        (b"HTTP/1.1 503 Service Unavailable\r\n\r\n", 503, False),
        (b"HTTP/1.1 502 Bad Gateway\r\n\r\n", 502, False),
    ],
)
async def test_a_port_that_speaks_http_is_told_by_its_status(
    text: bytes, status: int, serves: bool
) -> None:
    """A relay whose program is not up yet says 5xx; no redirect is followed (decided here)."""
    heard: list[bytes] = []
    async with door(saying(text, heard)) as to:
        found = await knock(to, loopback=True)
    assert (found, found.serves) == (Knock("http", status), serves)
    assert found.words == f"HTTP {status}"
    assert len(heard) == 1
    assert heard[0].startswith(b"GET / HTTP/1.1\r\nHost: 127.0.0.1:")


@pytest.mark.parametrize(
    "answer",
    [
        saying(b"SSH-2.0-x\r\n"),
        saying(b"HTTP/1.1 999 x\r\n"),
        saying(b"HTTP/1.1 2000 x\r\n"),
        saying(b"x" * 10 * STATUS_BYTES),
        hang_up_on_words,
        keep_silent,
    ],
)
async def test_a_port_that_speaks_anything_else_answers_by_tcp(answer: Answer) -> None:
    """A database hangs up on what it does not understand, and is there all the same."""
    async with door(answer) as to:
        found = await knock(to, loopback=True, within_s=0.1)
    assert (found.answer, found.serves) == ("open", True)


async def test_a_relay_with_nobody_behind_it_does_not_answer() -> None:
    """Docker's takes every connection to a mapped port, and hangs up where nothing listens."""
    async with door(hang_up) as to:
        found = await knock(to, loopback=True)
    assert (found.answer, found.serves) == ("hangs_up", False)


async def test_a_port_that_is_shut_refuses() -> None:
    """Nothing raises."""
    async with door(hang_up) as to:
        pass
    found = await knock(to, loopback=True)
    assert (found.answer, found.serves, found.words) == ("refused", False, "refused")


async def test_an_address_that_is_not_public_is_not_knocked_at() -> None:
    """A row must not make this computer look around its own network (docs/architecture.md)."""
    reached: list[object] = []

    async def note(stream: ByteStream) -> None:
        reached.append(stream)

    async with door(note) as to:
        for host in ("127.0.0.1", "10.0.0.1", "169.254.169.254"):
            found = await knock(Address(host, to.port), loopback=False)
            assert found.answer == "not_tried"
    assert (await knock(Address("8.8.8.8", 80), loopback=True)).answer == "not_tried"
    assert reached == []


async def test_jupyter_is_asked_whatever_certificate_it_shows(tmp_path: Path) -> None:
    """Its own is signed by nobody that this computer knows (docs/vast-api.md C.6)."""
    tls, _ = certified(tmp_path)
    async with door(saying(b"HTTP/1.1 302 Found\r\n\r\n"), tls) as to:
        found = await knock(to, loopback=True, tls=True)
    assert found == Knock("http", 302)


async def test_a_port_without_tls_is_no_notebook() -> None:
    """Something else listens where Jupyter should."""
    async with door(saying(b"HTTP/1.1 200 OK\r\n\r\n")) as to:
        found = await knock(to, loopback=True, tls=True)
    assert (found.answer, found.serves) == ("no_tls", False)
    async with door(hang_up) as to:
        assert not (await knock(to, loopback=True, tls=True)).serves
