"""What a guest meets behind a door: an SSH server, HTTP, a notebook's TLS, a text, or silence.

What this takes is loaded, and made, when the first guest comes.
"""

import asyncio
import functools
import ssl
from collections.abc import Awaitable, Callable, Iterable
from http import HTTPStatus
from pathlib import Path
from socket import socket
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from .doors import HOST, Doors, Key

if TYPE_CHECKING:
    import asyncssh

    from .machine.machine import Machine

    Guest = asyncssh.SSHServerProcess[bytes]
    Channel = asyncssh.SSHServerChannel[bytes]

USER = "root"
VERSION = "sandbox"  # as the banner says it, after SSH-2.0-
NO_SSH = "HTTP/1.1 400 Bad Request\r\n\r\n"
HEARD_AT_ONCE = 4096


async def silence(guest: socket) -> None:
    """Take whatever a guest says, and say nothing, until it hangs up."""
    loop = asyncio.get_running_loop()
    while await loop.sock_recv(guest, HEARD_AT_ONCE):
        pass


async def greet(guest: socket, text: str) -> None:
    """Say this at once, and nothing more."""
    await asyncio.get_running_loop().sock_sendall(guest, text.encode())
    await silence(guest)


# SSH


async def speak_ssh(
    guest: socket,
    doors: Doors,
    key: Key,
    lets_in: Callable[[], Iterable[str]],
    inside: "Callable[[], Machine]",
) -> None:
    """Speak SSH: root with one of these public keys is let into the pretended machine."""
    import asyncssh

    asyncssh.set_log_level("WARNING")  # who came and went is no news of this server's
    if key not in doors.host_keys:
        doors.host_keys[key] = asyncssh.generate_private_key("ssh-ed25519")  # pyright: ignore[reportUnknownMemberType]
    try:
        line = await asyncssh.run_server(
            guest,
            config=[],
            server_factory=_server(lets_in),
            server_host_keys=[doors.host_keys[key]],
            server_version=VERSION,
            gss_host=None,
            process_factory=_session(inside),
            sftp_factory=_files(inside),
            encoding=None,
            allow_pty=False,
            agent_forwarding=False,
        )
    except asyncssh.Error:
        return
    try:
        await line.wait_closed()
    finally:
        line.abort()


def _session(inside: "Callable[[], Machine]") -> "Callable[[Guest], Awaitable[None]]":
    from .machine.sessions import serve

    return lambda guest: serve(guest, inside())


def _files(inside: "Callable[[], Machine]") -> "Callable[[Channel], asyncssh.SFTPServer]":
    from .machine.sftp import Sftp

    return lambda channel: Sftp(channel, inside())


def _server(lets_in: Callable[[], Iterable[str]]) -> Callable[[], "asyncssh.SSHServer"]:
    import asyncssh

    class Server(asyncssh.SSHServer):
        """asyncssh's, with the keys of one machine; nothing is forwarded."""

        def public_key_auth_supported(self) -> bool:
            return True

        def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
            return username == USER and key.public_data in map(_public_data, lets_in())

    return Server


def _public_data(text: str) -> bytes | None:
    """Read a public key; the account keeps any text, and what is no key fits none."""
    import asyncssh

    try:
        return asyncssh.import_public_key(text).public_data
    except asyncssh.KeyImportError:
        return None


# HTTP


async def speak_http(guest: socket, status: int, *, tls: bool = False) -> None:
    """Answer one request with this status, whatever it asks for."""
    reader = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(reader)
    loop = asyncio.get_running_loop()
    context = self_signed() if tls else None
    transport, _ = await loop.connect_accepted_socket(lambda: protocol, guest, ssl=context)
    writer = asyncio.StreamWriter(transport, protocol, reader, loop)
    try:
        asked = await reader.readuntil(b"\r\n\r\n")
        writer.write(_http(status, with_body=not asked.startswith(b"HEAD ")))
        writer.close()
        await writer.wait_closed()
    finally:
        transport.abort()


def _http(status: int, *, with_body: bool) -> bytes:
    body = f"{VERSION}: {status}\n"
    phrase = HTTPStatus(status).phrase
    lines = ("Content-Type: text/plain", f"Content-Length: {len(body)}", "Connection: close")
    head = "\r\n".join([f"HTTP/1.1 {status} {phrase}", *lines, "", ""])
    return f"{head}{body if with_body else ''}".encode()


@functools.cache
def self_signed() -> ssl.SSLContext:
    """Make a certificate that no authority knows, as notebooks have."""
    from .certificate import certificate

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with TemporaryDirectory(prefix="vast-mcp-") as folder:  # ssl reads it from a file alone
        path = Path(folder, "notebook.pem")
        path.write_bytes(certificate(HOST))
        context.load_cert_chain(path)
    return context
