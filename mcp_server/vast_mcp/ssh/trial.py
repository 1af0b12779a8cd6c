"""The steps of one try, and what each of them may come to."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from dataclasses import dataclass, field, replace

import asyncssh

from vast_mcp import errors
from vast_mcp.machines import reach
from vast_mcp.machines.keyfiles import key_blob
from vast_mcp.machines.ways import Address
from vast_mcp.session import Call
from vast_mcp.ssh import pins
from vast_mcp.ssh.agent import Agent
from vast_mcp.ssh.guest import AT_ONCE, Guest, knock
from vast_mcp.ssh.person import Person
from vast_mcp.ssh.ring import Fitting, Key, Ring, ring_of
from vast_mcp.ssh.sockets import connected
from vast_mcp.ssh.tried import Answer, Tried, Way

USER = "root"
LEAVE_S = 1.0  # that a goodbye may take
ACCOUNT_SHARE = 0.3  # of the time, for the account's list of keys


@dataclass(eq=False)
class Trial:
    """One try: what is tried, and how far it came."""

    call: Call
    instance_id: int
    way: Way
    to: Address
    within_s: float
    doing: str = "looks its name up"
    through: str | None = None
    guest: Guest | None = None
    agent: Agent | None = None
    ring: Ring = field(default_factory=Ring)
    refused: list[Key] = field(default_factory=list[Key])
    done: Tried | None = None
    _open: list[socket.socket | asyncssh.SSHClientConnection] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.person = Person.of(self.call.settings)
        self.pinned = pins.pinned(self.call.session, self.instance_id, self.way)

    @property
    def place(self) -> str:
        """Where it is tried."""
        return f"{self.to.spelled}:{self.to.port}"

    async def run(self) -> Tried:
        """Try, round by round: a server is shown a few keys at a time."""
        try:
            ips = await reach.addresses_of(self.to, loopback=self.call.settings.loopback)
        except OSError:
            return self._answer("name_not_found", f"The name {self.to.host} is not found.")
        if not ips:
            return self._not_tried(f"{self.to.host} is no address on the internet")
        return await self._by_rounds(ips)

    async def _by_rounds(self, ips: list[str]) -> Tried:
        first = True
        while True:
            self.doing = "connects"
            try:
                sock = await connected(ips, self.to.port)
            except ConnectionRefusedError:
                return self._answer("refused", f"Nothing listens at {self.place}: refused.")
            except OSError as exc:
                why = (exc.strerror or "no answer").lower()
                return self._answer("timed_out", f"{self.place} is not reached: {why}.")
            self._open.append(sock)
            if first:
                self.ring = await self._ring()
                first = False
            tried = await self._knock(sock, ips[0], self.ring.keys[:AT_ONCE])
            if tried is not None:
                return tried

    async def _knock(self, sock: socket.socket, ip: str, keys: tuple[Key, ...]) -> Tried | None:
        """What one connection comes to; None where there are more keys to show."""
        self.doing = "logs in"
        self.guest = Guest(keys, self._trusts)
        try:
            link = await knock(
                self.guest, ip, self.to.port, user=USER, pinned=self.pinned, sock=sock
            )
        except Exception as exc:  # a stranger's bytes: whatever they break, is an answer
            return self._failed(self.guest, exc)
        self._open.append(link)
        self.done = self._entered(self.guest)
        link.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LEAVE_S):
                await link.wait_closed()
        return self.done

    def leave(self) -> None:
        """Leave nothing open."""
        for one in reversed(self._open):
            one.close() if isinstance(one, socket.socket) else one.abort()
        if self.agent is not None:
            self.agent.close()

    # ── keys ──────────────────────────────────────────────────────────────────────────────────────

    async def _ring(self) -> Ring:
        """The keys to show."""
        self.doing = "looks for keys"
        held: dict[str, asyncssh.SSHKeyPair] = {}
        if self.person.agent is not None and self.person.only_key is None:
            self.agent = Agent(self.person.agent)
            held = await self.agent.held()
        ring = ring_of(self.person, Fitting(await self._registered()), held)
        return ring

    async def _registered(self) -> frozenset[str] | None:
        """The base64 parts of the keys that the account has; None where they cannot be read."""
        if self.person.only_key is not None or self.person.ssh_dir is None:
            return None
        within = self.call.within(max(self.within_s * ACCOUNT_SHARE, 0.1))
        try:
            self.call.session.ssh_keys = await within.ssh_keys()
        except errors.VastMcpError:
            return None
        blobs = [key_blob(key.public_key) for key in self.call.session.ssh_keys]
        return frozenset(blob for blob in blobs if blob is not None)

    def _trusts(self, host_key: str) -> bool:
        """Whether a host key is the pinned one, or the first that is seen."""
        return self.pinned is None or self.pinned == host_key

    # ── what it comes to ──────────────────────────────────────────────────────────────────────────

    def _entered(self, guest: Guest) -> Tried:
        key = guest.offered[-1].words if guest.offered else None
        if self.pinned is None and guest.host_key is not None:
            self.pinned = pins.pin(self.call.session, self.instance_id, self.way, guest.host_key)
            if self.pinned not in {None, guest.host_key}:
                return self._changed()
        if key is None:
            said = f"{self.place} lets anybody in, without a key."
        else:
            said = f"{self.place} lets you in with {key}."
        return replace(self._answer("entered", said), key=key)

    def _failed(self, guest: Guest, exc: Exception) -> Tried | None:
        """What a connection that came to no login says; None where more keys can be shown."""
        if guest.trusted is False:
            return self._changed()
        if guest.host_key is None:
            return self._no_ssh(guest)
        if not guest.keys:
            why = self.ring.lacking or "it has no key"
            said = f"An SSH server answers at {self.place}; nothing logged in, since {why}."
            return replace(self._answer("answers", said), why=why)
        if not guest.offered:
            said = f"The SSH server at {self.place} takes no keys, or hung up before one."
            return self._answer("key_refused", said)
        self.refused += guest.offered
        self.ring = replace(self.ring, keys=self.ring.keys[len(guest.offered) :])
        if self.ring.keys:
            return None
        words = " and ".join(dict.fromkeys(key.words for key in self.refused))
        does = "hangs up on" if isinstance(exc, asyncssh.ConnectionLost) else "refuses"
        said = f"An SSH server answers at {self.place} and {does} {words}."
        return replace(self._answer("key_refused", said), key=words)

    def _changed(self) -> Tried:
        command = "vast-mcp --sandbox" if self.call.settings.shared else "vast-mcp"
        said = (
            f"The host key of {self.place} is not the one by which this machine is known: somebody "
            "may sit between, or its container was made anew elsewhere. Nothing logged in; only "
            f"the person accepts the new key, by `{command} trust {self.instance_id}` in a shell."
        )
        return self._answer("host_key_changed", said)

    def _no_ssh(self, guest: Guest) -> Tried:
        if guest.heard:
            said = f"An SSH server began to speak at {self.place} and hung up before its key."
        else:
            said = f"Something takes connections at {self.place}, and is no SSH server."
        return self._answer("no_ssh", said)

    def late(self) -> Tried:
        """What it came to by the end of its time."""
        if self.done is not None:
            return self.done
        within = f"within {self.within_s:.3g} s"
        if self.agent is not None and self.agent.signing:
            said = f"The agent did not sign {within}: it may be asking somebody."
            return self._answer("timed_out", said)
        if self.guest is None:
            return self._answer("timed_out", f"{self.place} did not answer {within}.")
        if not self.guest.heard:
            said = f"Something takes connections at {self.place} and said nothing {within}."
            return self._answer("no_ssh", said)
        said = f"An SSH server speaks at {self.place} and let nobody in {within}."
        return self._answer("timed_out", said)

    def _not_tried(self, why: str) -> Tried:
        said = f"Nothing was sent to {self.place}: {why}."
        return replace(self._answer("not_tried", said), why=why)

    def _answer(self, answer: Answer, said: str) -> Tried:
        shown = None if self.guest is None else self.guest.host_key
        return Tried(
            answer,
            self.way,
            said,
            to=self.to,
            host_key=shown,
            pinned_key=self.pinned,
            through=self.through,
        )
