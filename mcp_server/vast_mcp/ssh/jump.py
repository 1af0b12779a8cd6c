"""Over the jump hosts of the person's ssh config, each with its own user, keys and host key.

Their host keys are those of the person's known_hosts, and nothing here adds to that: a jump host
that is not in it is not logged in to.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from dataclasses import dataclass, field

import asyncssh

from vast_mcp.machines.keyfiles import contents
from vast_mcp.ssh.agents import Agents
from vast_mcp.ssh.guest import AT_ONCE, Guest, knock
from vast_mcp.ssh.hosts import Host, NoWay
from vast_mcp.ssh.ring import Fitting, Key, ring_of
from vast_mcp.ssh.sockets import connected, words_of

LARGEST = 4_000_000  # bytes of a known_hosts

Link = asyncssh.SSHClientConnection


@dataclass(eq=False)
class Jumps:
    """The way over some hosts, and what is open on it."""

    agents: Agents
    open: list[Link | socket.socket] = field(default_factory=list["Link | socket.socket"])
    at: Host | None = None  # where it is, or failed

    async def cross(self, hops: list[Host]) -> Link | None:
        """Log in to one after the other; None where there are none.

        Raises NoWay where one does not let this computer in.
        """
        link: Link | None = None
        for hop in hops:
            self.at = hop
            try:
                link = await self._enter(hop, link)
            except (OSError, UnicodeError, asyncssh.Error) as exc:
                raise NoWay(f"the jump host {hop.name} is not reached ({_why(exc)})") from exc
        self.at = None
        return link

    async def _enter(self, hop: Host, tunnel: Link | None) -> Link:
        """Log in to one host, through the one before it; a few keys a connection."""
        keys = await self._keys(hop)
        known = await asyncio.to_thread(known_hosts_of, hop)
        guest = Guest(keys[:AT_ONCE], _nobody)
        while True:
            sock = None if tunnel is not None else await self._socket(hop)
            try:
                link = await knock(
                    guest,
                    hop.address,
                    hop.port,
                    user=hop.user,
                    sock=sock,
                    tunnel=tunnel,
                    known_hosts=known,
                    alias=hop.alias,
                )
            except (OSError, UnicodeError, asyncssh.ChannelOpenError):
                raise
            except Exception as exc:  # whatever its bytes break, it did not let us in
                keys = keys[len(guest.offered) :]
                if not keys or not guest.offered:
                    raise NoWay(_refusal(hop, guest)) from exc
                guest = Guest(keys[:AT_ONCE], _nobody)
                continue
            self.open.append(link)
            return link

    async def _socket(self, hop: Host) -> socket.socket:
        """A connection to the first host, wherever that is: the person chose it."""
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(hop.address, hop.port, type=socket.SOCK_STREAM)
        ips = dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found)
        sock = await connected(list(ips), hop.port)
        self.open.append(sock)
        return sock

    async def _keys(self, hop: Host) -> tuple[Key, ...]:
        """What ssh would show it, the named ones first."""
        fitting = Fitting(None, hop.identities, hop.certificates, only_named=hop.told.only_named)
        return ring_of(hop.person, fitting, await self.agents.held_at(hop.agent)).keys

    def leave(self) -> None:
        """Leave nothing open, the last first."""
        for one in reversed(self.open):
            close: Callable[[], None] = one.close if isinstance(one, socket.socket) else one.abort
            close()


def known_hosts_of(hop: Host) -> asyncssh.SSHKnownHosts:
    """What the person's known_hosts say, without the lines that nobody can read."""
    known = asyncssh.SSHKnownHosts()
    for path in hop.known_hosts:
        for line in (contents(path, LARGEST) or b"").decode("utf-8", "replace").splitlines():
            try:
                known.load(line)
            except (ValueError, TypeError):
                continue
    return known


def _nobody(_host_key: str) -> bool:
    """Trust no key that known_hosts does not have."""
    return False


def _refusal(hop: Host, guest: Guest) -> str:
    """Why a jump host was not crossed."""
    if guest.trusted is False:
        return (
            f"the host key of the jump host {hop.name} is not in the person's known_hosts; "
            f"`ssh {hop.name}` in a shell shows it to them"
        )
    if guest.offered:
        words = " and ".join(dict.fromkeys(key.words for key in guest.offered))
        return f"the jump host {hop.name} refuses {words}"
    if not guest.keys:
        return f"no key of this computer fits the jump host {hop.name}"
    return f"the jump host {hop.name} does not let this computer in"


def _why(exc: Exception) -> str:
    """What the network said, in a word or two."""
    if isinstance(exc, socket.gaierror | UnicodeError):
        return "its name is not found"
    if isinstance(exc, OSError):
        return words_of(exc)
    return "the host before it opens no way there"
