"""Does the wire break where it was told to? A storm counts on it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ssh.openssh import needs_root_to_serve
from storm.wire import HOST, Cut, How, Wire
from storm.workplace import Workplace

pytestmark = pytest.mark.timeout(60)


class Echo:
    """A server that heard all that reached it, and says it back."""

    heard = b""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(1 << 16):
                self.heard += data
                writer.write(data)
                await writer.drain()
        writer.close()


@pytest.fixture
async def echo() -> AsyncIterator[tuple[Echo, Wire]]:
    made = Echo()
    server = await asyncio.start_server(made.serve, HOST, 0)
    wire = Wire(server.sockets[0].getsockname()[1])
    await wire.open()
    yield made, wire
    wire.close()
    server.close()


async def talk(wire: Wire, *words: bytes) -> bytes:
    """What comes back of some words, each sent when the one before it came back."""
    reader, writer = await asyncio.open_connection(HOST, wire.port)
    heard = b""
    with contextlib.suppress(OSError):
        for word in words:
            writer.write(word)
            await writer.drain()
            got = await reader.read(1 << 16)
            heard += got
            if not got:
                break
    writer.close()
    return heard


# The place, what the server heard of "one" "two" and what came back.
PLACES: list[tuple[Cut, bytes, bytes]] = [
    (Cut(99), b"onetwo", b"onetwo"),
    (Cut(1), b"", b""),
    (Cut(1, passes_on=True), b"one", b""),
    (Cut(2), b"one", b""),
    (Cut(2, passes_on=True), b"one", b"one"),
    (Cut(2, "end"), b"one", b""),
    (Cut(2, way="up"), b"one", b"one"),
    (Cut(2, way="up", bytes=True), b"on", b""),
    (Cut(5, way="down", bytes=True), b"onetwo", b"onetw"),
]


@pytest.mark.parametrize(("cut", "heard", "told"), PLACES)
async def test_it_breaks_at_the_message_or_the_byte_that_was_chosen(
    echo: tuple[Echo, Wire], cut: Cut, heard: bytes, told: bytes
) -> None:
    server, wire = echo
    wire.breaks(cut)
    assert await talk(wire, b"one", b"two") == told
    wire.calm()
    await talk(wire, b"!")  # by then the server has heard what it will hear
    assert server.heard == heard + b"!"


@pytest.mark.parametrize("how", ["reset", "end"])
async def test_a_wire_that_broke_once_is_whole_again(echo: tuple[Echo, Wire], how: How) -> None:
    _, wire = echo
    wire.breaks(Cut(1, how))
    assert [await talk(wire, b"one") for _ in range(2)] == [b"", b"one"]


async def test_a_silent_wire_stays_open_until_it_is_calm(echo: tuple[Echo, Wire]) -> None:
    _, wire = echo
    wire.breaks(Cut(1, "silence"))
    asked = asyncio.create_task(talk(wire, b"one"))
    await wire.fell_silent.wait()
    assert not asked.done()
    wire.calm()
    assert await asked == b""


@needs_root_to_serve
async def test_a_server_enters_the_machine_over_the_wire(tmp_path: Path) -> None:
    """The workplace itself, from the list of machines to a login on a real OpenSSH."""
    tmp_path.chmod(0o711)
    place = Workplace(tmp_path / "place")
    await place.open()
    try:
        told = await place.call("wait_for_instance", instance_id=place.machine, until="ssh")
        assert told is not None
        assert told["seen"] == {"ssh direct": "entered"}
        assert place.wire.messages > 10
    finally:
        await place.close()
