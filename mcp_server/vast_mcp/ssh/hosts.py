"""A host as the person's ssh config has it: where it is, who logs in, with what, and over which
other hosts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from vast_mcp.ssh.config import Told, told_of
from vast_mcp.ssh.person import Person

MOST_HOPS = 8

_HOP = re.compile(r"(?:ssh://)?(?:([^@]*)@)?(\[[^\]]+\]|[^:\[\]]+)(?::(\d{1,5}))?/?")
_TOKEN = re.compile(r"%(.)")


class NoWay(Exception):
    """The machine cannot be tried; the message says why, as the end of a sentence."""


@dataclass(frozen=True)
class Host:
    """One host to log in to."""

    name: str  # as it is written
    address: str
    port: int
    user: str
    told: Told
    person: Person

    @property
    def leads_to_itself(self) -> bool:
        """Whether its own jump hosts have it among them."""
        hops = (self.told.jump or "").split(",")
        return any(_HOP.sub(r"\2", hop.strip()).strip("[]") == self.name for hop in hops)

    @property
    def alias(self) -> str | None:
        """The name under which known_hosts has it, where that is another one."""
        return self.told.word("hostkeyalias")

    @property
    def identities(self) -> tuple[Path, ...]:
        """The private key files that the config names for it."""
        return self._paths("identityfile")

    @property
    def certificates(self) -> tuple[Path, ...]:
        """The certificate files that the config names for it."""
        return self._paths("certificatefile")

    @property
    def known_hosts(self) -> tuple[Path, ...]:
        """The person's files of host keys."""
        named = self.told.words("userknownhostsfile")
        if named:
            return tuple(path for path in map(self._path, named) if path is not None)
        ssh_dir = self.person.ssh_dir
        return () if ssh_dir is None else (ssh_dir / "known_hosts", ssh_dir / "known_hosts2")

    @property
    def agent(self) -> str | None:
        """The socket of the agent to ask; None for none."""
        named = self.told.word("identityagent")
        if named is None or named in {"SSH_AUTH_SOCK", "$SSH_AUTH_SOCK", "${SSH_AUTH_SOCK}"}:
            return self.person.agent
        path = None if named.lower() == "none" else self._path(named)
        return None if path is None else str(path)

    def _paths(self, directive: str) -> tuple[Path, ...]:
        named = [word for word in self.told.words(directive) if word.lower() != "none"]
        found = (self._path(word) for word in named)
        return tuple(path for path in found if path is not None)

    def _path(self, text: str) -> Path | None:
        """A path of the config's, its tokens put in; None where one is not known here."""
        known = {"%": "%", "d": str(self.person.home), "h": self.address, "n": self.name}
        known |= {"p": str(self.port), "r": self.user}
        if "${" in text or any(token not in known for token in _TOKEN.findall(text)):
            return None
        return self.person.path_of(_TOKEN.sub(lambda found: known[found.group(1)], text))


def machine_at(person: Person, address: str, port: int, user: str) -> Host:
    """A machine, whose address, port and user no config changes."""
    return Host(address, address, port, user, told_of(person, address, user), person)


def hops_to(host: Host) -> list[Host]:
    """The hosts to jump over on the way to a host, the first one first. What holds for every host
    leads no jump host to itself.

    Raises NoWay where they are written in a way that nobody reads, or lead to each other.
    """
    hops: list[Host] = []
    jump = host.told.jump
    while jump is not None and jump.lower() != "none":
        written = [_hop(host.person, text.strip()) for text in jump.split(",")]
        hops = [*written, *hops]
        if len(hops) > MOST_HOPS:
            raise NoWay(f"the ssh config jumps over more than {MOST_HOPS} hosts")
        first = written[0]  # as `ssh -J` does: the others are reached from it
        jump = None if first.leads_to_itself else first.told.jump
    return hops


def _hop(person: Person, text: str) -> Host:
    """One host of a ProxyJump."""
    found = _HOP.fullmatch(text)
    if found is None:
        raise NoWay("its ProxyJump in the ssh config cannot be read")
    user, name, port = found.group(1), found.group(2).strip("[]"), found.group(3)
    told = told_of(person, name, user)
    login = user or told.word("user") or person.user
    if login is None:
        raise NoWay(f"the ssh config names no user for the jump host {name}")
    address = (told.word("hostname") or name).replace("%h", name)
    return Host(
        name,
        address,
        _number(port or told.word("port")),
        login,
        told,
        person,
    )


def _number(text: str | None) -> int:
    """A port; ssh's own where none is written."""
    if text is None:
        return 22
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise NoWay("the port of a jump host in the ssh config is none")
    return int(text)
