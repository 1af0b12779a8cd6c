"""What a mapped port answers when somebody knocks: HTTP with its status, or anything else.

A row names the address, so only those that may be probed are asked (reach.py). What answers is a
stranger: a bounded number of its bytes is read, none is shown, and no redirect is followed.
"""

from __future__ import annotations

import re
import socket
import ssl
from dataclasses import dataclass
from typing import Literal, cast

import anyio
from anyio.abc import ByteReceiveStream, ByteStream

from vast_mcp.machines.reach import may_probe
from vast_mcp.machines.ways import Address

STATUS_BYTES = 256
KNOCK_S = 5.0
LISTENS = 0.2  # of a knock's time: a relay with nobody behind it hangs up before that

Answer = Literal[
    "http",
    "open",
    "hangs_up",
    "no_tls",
    "name_not_found",
    "refused",
    "timed_out",
    "unreachable",
    "not_tried",
]

WORDS: dict[Answer, str] = {
    "http": "HTTP",
    "open": "TCP answers, no HTTP",
    "hangs_up": "takes connections and hangs up, as where nothing listens behind it",
    "no_tls": "answers, without TLS",
    "name_not_found": "name not found",
    "refused": "refused",
    "timed_out": "timed out",
    "unreachable": "no route to it",
    "not_tried": "not tried: no public address",
}

_ENDS = (
    OSError,
    ValueError,
    anyio.EndOfStream,
    anyio.BrokenResourceError,
    anyio.ClosedResourceError,
)
_STATUS = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})\b")


@dataclass
class Knock:
    """What a port did when somebody knocked; `status` is of HTTP."""

    answer: Answer
    status: int | None = None

    @property
    def serves(self) -> bool:
        """Whether a program answers. By HTTP's 5xx one says that it cannot yet, or that nothing is
        behind it.
        """
        return self.answer == "open" or (self.status is not None and self.status < 500)

    @property
    def words(self) -> str:
        """As an answer shows it."""
        return f"HTTP {self.status}" if self.answer == "http" else WORDS[self.answer]


async def knock(
    to: Address, *, loopback: bool, tls: bool = False, within_s: float = KNOCK_S
) -> Knock:
    """What a TCP port answers within so many seconds to one request for `/`. Never raises.

    With `tls` any certificate is taken: Jupyter's is self-signed (docs/vast-api.md C.6), and
    nothing secret is sent.
    """
    if not may_probe(to.host, loopback=loopback):
        return Knock("not_tried")
    heard = Knock("timed_out")
    with anyio.move_on_after(within_s):
        await _ask(to, heard, tls=tls)
    if heard.answer == "hangs_up" and not tls and not await _hangs_up(to, within_s * LISTENS):
        heard.answer = "open"
    return heard


async def _ask(to: Address, heard: Knock, *, tls: bool) -> None:
    """Ask once; `heard` has at any moment what is known."""
    try:
        stream = await _connected(to, tls=tls)
    except _ENDS as exc:
        heard.answer = _why(exc)
        return
    heard.answer = "open"
    async with stream:
        try:
            await stream.send(_request(to))
            _note(heard, await _first_line(stream))
        except _ENDS:
            heard.answer = "hangs_up"


async def _connected(to: Address, *, tls: bool) -> ByteStream:
    if not tls:
        return await anyio.connect_tcp(to.host, to.port)
    return await anyio.connect_tcp(
        to.host, to.port, ssl_context=_any_certificate(), tls_standard_compatible=False
    )


def _any_certificate() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _request(to: Address) -> bytes:
    lines = ("GET / HTTP/1.1", f"Host: {to.spelled}:{to.port}", "Accept: */*", "Connection: close")
    return "\r\n".join([*lines, "", ""]).encode()


async def _first_line(stream: ByteReceiveStream) -> bytes:
    """What comes back up to its first line's end, or the bound. Raises where nothing comes."""
    said = await stream.receive(STATUS_BYTES)
    while b"\n" not in said and len(said) < STATUS_BYTES:
        try:
            said += await stream.receive(STATUS_BYTES - len(said))
        except _ENDS:
            break
    return said


def _note(heard: Knock, said: bytes) -> None:
    found = _STATUS.match(said)
    if found is not None:
        heard.answer, heard.status = "http", int(found.group(1))


async def _hangs_up(to: Address, within_s: float) -> bool:
    """Whether the other side closes a connection on which nothing is said: some servers hang up on
    what they do not understand, a relay without a server does it at once.
    """
    with anyio.move_on_after(within_s):
        try:
            async with await anyio.connect_tcp(to.host, to.port) as stream:
                await stream.receive(1)
        except _ENDS:
            return True
    return False


def _why(exc: BaseException) -> Answer:
    """Why there is no connection; of several addresses, one that refused counts before the rest."""
    if isinstance(exc, socket.gaierror):
        return "name_not_found"
    if isinstance(exc, ssl.SSLError):
        return "no_tls"
    if isinstance(exc, anyio.EndOfStream | anyio.BrokenResourceError):
        return "hangs_up"
    cause = exc.__cause__ or exc
    causes: tuple[BaseException, ...] = (cause,)
    if isinstance(cause, BaseExceptionGroup):
        causes = cast("BaseExceptionGroup[BaseException]", cause).exceptions
    if any(isinstance(one, ConnectionRefusedError) for one in causes):
        return "refused"
    return "timed_out" if any(isinstance(one, TimeoutError) for one in causes) else "unreachable"
