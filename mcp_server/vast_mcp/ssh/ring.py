"""Which keys are offered to a server, and why a key that would fit cannot be.

A server that asks for a login sees the public half of every key that is offered to it, and hangs up
after six. So a machine is shown the keys that the account has, and those that the person's ssh
config names for it; where the account's keys are not known, what ssh itself would offer.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import asyncssh

from vast_mcp.machines.keyfiles import contents, fingerprint_of, local_public_keys
from vast_mcp.ssh.keyfile import KeyFile, key_file
from vast_mcp.ssh.person import Person

DEFAULTS = ("id_ed25519", "id_ecdsa", "id_rsa", "id_ed25519_sk", "id_ecdsa_sk")

NO_FILES = (
    "this server uses no key of its computer; whoever serves it may name one in VAST_MCP_SSH_KEY"
)
NOT_REGISTERED = "no key of this computer is among the account's SSH keys"
NO_KEYS = "there is no SSH key on this computer"


@dataclass(frozen=True)
class Key:
    """A key to offer, and how an answer names it."""

    pair: asyncssh.SSHKeyPair
    words: str


@dataclass(frozen=True)
class Ring:
    """The keys to offer, the likeliest first. `lacking`: why a key that would fit is not among
    them.
    """

    keys: tuple[Key, ...] = ()
    lacking: str | None = None


@dataclass(frozen=True)
class Fitting:
    """Which keys fit a server: the base64 parts of those that the account has, None where that is
    not known; the files and certificates that the ssh config names, and whether it names them all.
    """

    registered: frozenset[str] | None = None
    named: tuple[Path, ...] = ()
    certificates: tuple[Path, ...] = ()
    only_named: bool = False

    def takes(self, blob: str) -> bool:
        """Whether a key may be offered although no file of it was named."""
        return not self.only_named and (self.registered is None or blob in self.registered)

    def is_registered(self, blob: str | None) -> bool:
        """Whether the account is known to have a key."""
        return self.registered is not None and blob in self.registered


def ring_of(person: Person, fitting: Fitting, held: Mapping[str, asyncssh.SSHKeyPair]) -> Ring:
    """The keys to offer. `held`: what the agent has, by the base64 part of public halves."""
    files = [key_file(path) for path in _paths(person, fitting)]
    wanted = [file for file in files if _fits(file, person, fitting)]
    wanted.sort(key=lambda file: not fitting.is_registered(file.blob))
    certificates = list(_certificates(fitting.certificates))
    keys: dict[str, list[Key]] = {}
    for file in wanted:
        of_file = _of_file(file, person, held, certificates)
        if of_file:  # another file may have the half that this one lacks
            keys.setdefault(file.blob or str(file.path), of_file)
    for blob, pair in held.items():
        if fitting.takes(blob):
            keys.setdefault(blob, [Key(pair, f"agent {fingerprint_of(blob)}")])
    ordered = sorted(keys, key=lambda blob: not fitting.is_registered(blob))
    found = tuple(itertools.chain.from_iterable(keys[blob] for blob in ordered))
    return Ring(found, None if found else _lacking(person, fitting, wanted))


def _paths(person: Person, fitting: Fitting) -> list[Path]:
    """The private key files to look at, each once."""
    if person.only_key is not None:
        return [person.only_key]
    if person.ssh_dir is None:
        return []
    defaults = [] if fitting.named else [person.ssh_dir / name for name in DEFAULTS]
    beside = [path.with_suffix("") for path in local_public_keys(person.ssh_dir)]
    more = beside if fitting.registered is not None else []  # `-i` in the ssh line names one
    return list(dict.fromkeys([*fitting.named, *defaults, *more]))


def _fits(file: KeyFile, person: Person, fitting: Fitting) -> bool:
    """Whether a file's key may be offered; one that is not there at all is none."""
    if file.path == person.only_key:
        return True
    if file.trouble == "missing" and file.blob is None:
        return False
    if file.path in fitting.named:
        return True
    return fitting.registered is None or fitting.is_registered(file.blob)


def _of_file(
    file: KeyFile,
    person: Person,
    held: Mapping[str, asyncssh.SSHKeyPair],
    certificates: list[asyncssh.SSHCertificate],
) -> list[Key]:
    """A file's key with its certificates before it bare; the agent's where the file is locked."""
    if file.key is None:
        pair = held.get(file.blob or "")
        return [] if pair is None else [Key(pair, f"agent {fingerprint_of(file.blob or '')}")]
    words = person.words_for(file.path)
    beside = _certificates([file.path.with_name(f"{file.path.name}-cert.pub")])
    public = file.key.public_data
    fitting = [one for one in [*certificates, *beside] if one.key.public_data == public]
    made = [_pair(file.key, [one]) for one in fitting] + [_pair(file.key, [])]
    return [Key(pair, words) for pair in made]


def _pair(key: asyncssh.SSHKey, certificates: list[asyncssh.SSHCertificate]) -> asyncssh.SSHKeyPair:
    return asyncssh.load_keypairs([key], certlist=certificates)[0]


def _certificates(paths: Iterable[Path]) -> Iterator[asyncssh.SSHCertificate]:
    """The certificates in these files; what is none is passed over."""
    for path in paths:
        data = contents(path)
        if data is None:
            continue
        try:
            yield asyncssh.import_certificate(data)
        except (ValueError, TypeError, asyncssh.KeyImportError):
            continue


def _lacking(person: Person, fitting: Fitting, wanted: list[KeyFile]) -> str:
    """Why there is nothing to offer."""
    for file in wanted:
        words = person.words_for(file.path)
        match file.trouble:
            case "passphrase" if person.agent is None and person.ssh_dir is None:
                return f"{words} has a passphrase, which this server is never told"
            case "passphrase":
                return f"{words} has a passphrase and no agent holds it; `ssh-add` gives it to one"
            case "hardware":
                return f"{words} is a hardware key, which an agent alone can use"
            case "missing" if file.path == person.only_key:
                return f"{words} is not there"
            case "missing":
                public = f"{words.removesuffix('.pub')}.pub"
                return f"the private half of {public} is neither here nor in an agent"
            case _:
                return f"{words} cannot be read as a private key"
    if person.ssh_dir is None:
        return NO_FILES
    return NO_KEYS if fitting.registered is None else NOT_REGISTERED
