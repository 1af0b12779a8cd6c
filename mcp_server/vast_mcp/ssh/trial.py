"""The steps of one try: look its name up, jump, connect, show keys, log in, leave."""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import socket
from dataclasses import dataclass, field

import asyncssh

from vast_mcp.machines import reach
from vast_mcp.machines.ways import Address
from vast_mcp.session import Call
from vast_mcp.ssh import pins
from vast_mcp.ssh.agents import Agents
from vast_mcp.ssh.findings import Findings
from vast_mcp.ssh.guest import AT_ONCE, Guest, knock
from vast_mcp.ssh.hosts import Host, NoWay, hops_to, machine_at
from vast_mcp.ssh.jump import Jumps, Link
from vast_mcp.ssh.person import Person
from vast_mcp.ssh.registered import registered
from vast_mcp.ssh.ring import Fitting, Ring, ring_of
from vast_mcp.ssh.sockets import connected
from vast_mcp.ssh.tried import Tried, Way

USER = "root"
LEAVE_S = 1.0  # that a goodbye may take
NO_COMMAND = " The ssh config names a ProxyCommand for it, which is never run here."


@dataclass(eq=False)
class Trial:
    """One try, and what it has open."""

    call: Call
    instance_id: int
    way: Way
    to: Address
    within_s: float
    stay: bool = False  # keep the connection of a login, until `leave`
    agents: Agents = field(default_factory=Agents)
    done: Tried | None = None
    link: Link | None = None  # of a login, where it stays

    def __post_init__(self) -> None:
        session = self.call.session
        command = "vast-mcp --sandbox" if session.settings.shared else "vast-mcp"
        self.found = Findings(self.instance_id, self.way, self.to, command)
        self.found.pinned = pins.pinned(session, self.instance_id, self.way)
        self.jumps = Jumps(self.agents)

    async def run(self) -> Tried:
        """Try. Whatever the network, a server or an agent does is an answer."""
        try:
            ips = await reach.addresses_of(self.to, loopback=self.call.settings.loopback)
        except (OSError, UnicodeError):
            return self.found.not_found()
        if not ips:
            return self.found.not_tried(f"{self.to.host} is no address on the internet")
        person = Person.of(self.call.settings)
        host = machine_at(person, self.to.host, self.to.port, USER)
        self.found.remark = NO_COMMAND if host.told.wants_command else ""
        try:
            check_user()
            hops = self._hops_to(host)
            self.found.through = hops[-1].name if hops else None
            tunnel = await self.jumps.cross(hops)
        except NoWay as exc:
            return self.found.not_tried(str(exc))
        return await self._by_rounds(host, ips, tunnel)

    def late(self) -> Tried:
        """What it came to by the end of its time."""
        at = None if self.jumps.at is None else self.jumps.at.name
        return self.done or self.found.late(self.within_s, at, self.agents)

    def leave(self) -> None:
        """Leave nothing open."""
        self.jumps.leave()
        self.agents.close()

    def _hops_to(self, host: Host) -> list[Host]:
        """The jump hosts. A sandbox's machine is on this computer: from a host that is elsewhere,
        its address leads to that one's own loopback. Raises NoWay.
        """
        hops = hops_to(host)
        if not self.call.settings.loopback:
            return hops
        here = all(reach.may_probe(hop.address, loopback=True) for hop in hops)
        return hops if here else []

    async def _by_rounds(self, host: Host, ips: list[str], tunnel: Link | None) -> Tried:
        """Connect, until all keys were shown: a server is shown a few of them at a time."""
        found = self.found
        ring: Ring | None = None
        while True:
            try:
                sock = None if tunnel is not None else await connected(ips, self.to.port)
            except OSError as exc:
                return found.not_reached(exc)
            if sock is not None:
                self.jumps.open.append(sock)
            if ring is None:
                found.ring = ring = await self._ring(host)
            tried = await self._knock(ips[0], sock, tunnel)
            if tried is not None:
                return tried

    async def _knock(
        self, ip: str, sock: socket.socket | None, tunnel: Link | None
    ) -> Tried | None:
        """What one connection comes to; None where there are more keys to show."""
        found = self.found
        guest = found.guest = Guest(found.ring.keys[:AT_ONCE], self._trusts)
        try:
            link = await knock(
                guest,
                ip,
                self.to.port,
                user=USER,
                pinned=found.pinned,
                sock=sock,
                tunnel=tunnel,
            )
        except asyncssh.ChannelOpenError as exc:
            return found.no_channel(exc)
        except Exception as exc:  # a stranger's bytes: whatever they break is an answer
            return found.failed(guest, exc)
        self.jumps.open.append(link)
        self.done = self._entered(guest)
        if self.stay and self.done.answer == "entered":
            self.link = link
        else:
            await _take_leave(link)
        return self.done

    def _trusts(self, host_key: str) -> bool:
        """Whether a host key is the pinned one, or the first that is seen."""
        return self.found.pinned in {None, host_key}

    def _entered(self, guest: Guest) -> Tried:
        """Keep the host key of a first login, unless another process saw another one first."""
        found = self.found
        if found.pinned is None and guest.host_key is not None:
            found.pinned = pins.pin(self.call.session, self.instance_id, self.way, guest.host_key)
        if found.pinned not in {None, guest.host_key}:
            return found.changed()
        return found.entered(guest)

    async def _ring(self, host: Host) -> Ring:
        """The keys to show."""
        person = host.person
        held = await self.agents.held_at(host.agent)
        if person.only_key is not None:
            return ring_of(person, Fitting(only_named=True), held)
        fitting = Fitting(
            await registered(self.call, self.within_s),
            host.identities,
            host.certificates,
            only_named=host.told.only_named,
        )
        return ring_of(person, fitting, held)


async def _take_leave(link: Link) -> None:
    """Say goodbye, for as long as that may take."""
    link.close()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LEAVE_S):
            await link.wait_closed()


def check_user() -> None:
    """Raises NoWay where the user of this process has no name, as in some containers: asyncssh asks
    for one, whoever logs in.
    """
    try:
        getpass.getuser()
    except (KeyError, OSError, ImportError):
        raise NoWay("the user of this process has no name (LOGNAME may give it one)") from None
