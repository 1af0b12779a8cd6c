"""What one try has found so far, and the answer that each end of it comes to."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import asyncssh

from vast_mcp.machines.ways import Address
from vast_mcp.ssh.agents import Agents
from vast_mcp.ssh.guest import Guest
from vast_mcp.ssh.ring import Key, Ring
from vast_mcp.ssh.sockets import words_of
from vast_mcp.ssh.tried import Answer, Tried, Way

PROHIBITED = 1  # a channel that a server's rules forbid (RFC 4254, 5.1)


@dataclass(eq=False)
class Findings:
    """One try: of what, and what is known of it."""

    instance_id: int
    way: Way
    to: Address
    command: str  # how a person starts vast-mcp
    pinned: str | None = None
    through: str | None = None  # the jump host before it
    guest: Guest | None = None  # the last connection's
    ring: Ring = field(default_factory=Ring)  # the keys that were not shown yet
    refused: list[Key] = field(default_factory=list[Key])
    remark: str = ""  # what of the ssh config is not followed

    @property
    def place(self) -> str:
        """Where it is tried."""
        return f"{self.to.spelled}:{self.to.port}"

    def answer(self, answer: Answer, said: str, **more: str | None) -> Tried:
        """An answer with all that is known."""
        shown = None if self.guest is None else self.guest.host_key
        heard = self.guest is not None and self.guest.heard
        tried = Tried(answer, self.way, f"{said}{self.remark}", to=self.to, host_key=shown)
        tried = replace(tried, pinned_key=self.pinned, through=self.through, heard=heard)
        return replace(tried, **more)

    def stopped_here(self, answer: Answer, said: str, **more: str | None) -> Tried:
        """An answer that says nothing of the machine: the person's own side was in the way."""
        return replace(self.answer(answer, said, **more), here=True)

    def not_tried(self, why: str) -> Tried:
        """The machine was not connected to."""
        return self.stopped_here("not_tried", f"{self.place} was not tried: {why}.", why=why)

    def not_found(self) -> Tried:
        """Its name leads nowhere."""
        return self.answer("name_not_found", f"The name {self.to.host} is not found.")

    def not_reached(self, exc: OSError) -> Tried:
        """The network has no connection for it."""
        if isinstance(exc, ConnectionRefusedError):
            return self.answer("refused", f"Nothing listens at {self.place}: refused.")
        return self.answer("timed_out", f"{self.place} is not reached: {words_of(exc)}.")

    def no_channel(self, exc: asyncssh.ChannelOpenError) -> Tried:
        """The jump host has no connection to it."""
        over = f"{self.place} from the jump host {self.through}"
        if exc.code == PROHIBITED:
            return self.not_tried(f"the jump host {self.through} forwards nothing")
        if "timed out" in exc.reason.lower():
            return self.answer("timed_out", f"No answer comes at {over}.")
        return self.answer("refused", f"Nothing is reached at {over}.")

    def entered(self, guest: Guest) -> Tried:
        """Logged in."""
        if not guest.offered:
            said = f"{self.place} lets anybody in, without a key: whoever finds it has the machine."
            return self.answer("entered", said)
        words = guest.offered[-1].words
        return self.answer("entered", f"{self.place} lets you in with {words}.", key=words)

    def changed(self) -> Tried:
        """Another host key than the one that is kept."""
        said = (
            f"The host key of {self.place} is not the one by which this machine is known: somebody "
            "may sit between, or its container was made anew elsewhere. Nothing logged in; only "
            f"the person accepts the new key, by `{self.command} trust {self.instance_id}` in a "
            "shell."
        )
        return self.answer("host_key_changed", said)

    def failed(self, guest: Guest, exc: Exception) -> Tried | None:
        """A connection that came to no login; None where there are more keys to show."""
        if guest.trusted is False:
            return self.changed()
        if guest.host_key is None or guest.floods:
            return self._no_ssh(guest)
        if not guest.proven:
            return self._unproven()
        if not guest.keys:
            why = self.ring.lacking or "there is no key"
            said = f"An SSH server answers at {self.place}; nobody logged in, since {why}."
            return self.answer("answers", said, why=why)
        if not guest.offered:
            said = f"The SSH server at {self.place} asks for no key, and lets nobody in."
            return self.answer("key_refused", said)
        self.refused += guest.offered
        self.ring = replace(self.ring, keys=self.ring.keys[len(guest.offered) :])
        if self.ring.keys:
            return None
        words = " and ".join(dict.fromkeys(key.words for key in self.refused))
        does = "hangs up on" if isinstance(exc, asyncssh.ConnectionLost) else "refuses"
        said = f"An SSH server answers at {self.place} and {does} {words}."
        return self.answer("key_refused", said, key=words)

    def _unproven(self) -> Tried:
        """It showed a host key and did not prove that it has it: no server is known by that."""
        said = (
            f"Something at {self.place} shows a host key and does not prove that it is its own: "
            "the line is broken, or somebody pretends to be this machine. Nothing logged in."
        )
        return self.answer("no_ssh", said, host_key=None)

    def _no_ssh(self, guest: Guest) -> Tried:
        if guest.floods:
            said = f"An SSH server at {self.place} talks without end before any login."
        elif guest.heard:
            said = f"An SSH server began to speak at {self.place} and hung up before its key."
        else:
            said = f"Something takes connections at {self.place}, and is no SSH server."
        return self.answer("no_ssh", said)

    def late(self, within_s: float, jumping_at: str | None, agents: Agents) -> Tried:
        """The time is over."""
        within = f"within {within_s:.3g} s"
        if agents.are_asked:
            said = f"The agent did not answer {within}: it may be asking the person."
            return self.stopped_here("timed_out", said)
        if jumping_at is not None:
            said = f"The jump host {jumping_at} let nobody in {within}."
            return self.stopped_here("timed_out", said)
        if self.guest is None:
            return self.answer("timed_out", f"No answer came from {self.place} {within}.")
        if not self.guest.heard:
            spoke = "did not greet as SSH does" if self.guest.said else "said nothing"
            said = f"Something takes connections at {self.place} and {spoke} {within}."
            return self.answer("no_ssh", said)
        said = f"An SSH server speaks at {self.place} and let nobody in {within}."
        return self.answer("timed_out", said)
