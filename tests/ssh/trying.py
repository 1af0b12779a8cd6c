"""The words that tests of SSH share: a person's keys, a machine somewhere, a try, and servers that
are none.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from openssh import keygen, public_line

from vast_mcp.sandbox.world import World
from vast_mcp.session import Call, Session
from vast_mcp.ssh.tried import Tried, Way
from vast_mcp.ssh.trying import try_ssh
from vast_mcp.vast.models import Instance

MACHINE = 7000001


@dataclass
class Tryer:
    """A person at their computer."""

    session: Session
    world: World

    @property
    def ssh_dir(self) -> Path:
        assert self.session.settings.ssh_dir is not None
        return self.session.settings.ssh_dir

    def set(self, **settings: Any) -> None:
        """Go on with other settings."""
        self.session.settings = replace(self.session.settings, **settings)

    def key(self, name: str = "id_ed25519", kind: str = "ed25519", passphrase: str = "") -> Path:
        """A new key in ~/.ssh, which the account has from now on."""
        path = keygen(self.ssh_dir / name, kind, passphrase)
        self.register(public_line(path))
        return path

    def register(self, *lines: str) -> None:
        """The account has these keys too."""
        self.world.set_keys([*[row.public_key for row in self.world.keys.values()], *lines])

    async def enter(
        self, port: int, *, host: str = "127.0.0.1", way: Way = "direct", within_s: float = 20
    ) -> Tried:
        """Try to enter a machine that is there."""
        return await try_ssh(Call.quiet(self.session), machine(port, host), way, within_s=within_s)


def machine(port: int, host: str = "127.0.0.1") -> Instance:
    """A machine that is entered there, both ways."""
    return Instance.model_validate(
        {
            "id": MACHINE,
            "public_ipaddr": host,
            "ports": {"22/tcp": [{"HostIp": "0.0.0.0", "HostPort": str(port)}]},  # noqa: S104
            "ssh_host": host,
            "ssh_port": port,
            "image_runtype": "ssh_direc ssh_proxy",
        }
    )


Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def stranger(talk: Talk, path: Path | None = None) -> AsyncIterator[int]:
    """Something that takes connections, there or at a port, and talks in its own way; the port."""
    guests: set[asyncio.StreamWriter] = set()

    async def host(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        guests.add(writer)
        with contextlib.suppress(OSError):
            await talk(reader, writer)

    if path is None:
        server = await asyncio.start_server(host, "127.0.0.1", 0)
    else:
        server = await asyncio.start_unix_server(host, path)
    try:
        yield 0 if path else server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for guest in guests:
            guest.close()
            with contextlib.suppress(OSError):
                await guest.wait_closed()
