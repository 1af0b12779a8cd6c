"""Whether a machine can be entered once it is rented: the account's SSH keys, and the one of this
computer (docs/vast-api.md A.5).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from vast_mcp import errors
from vast_mcp.errors import NextStep
from vast_mcp.machines.keyfiles import (
    fingerprint_of,
    key_blob,
    local_keys,
    local_public_keys,
    registered_local_key,
)
from vast_mcp.renting.findings import LOOK_S
from vast_mcp.session import Call
from vast_mcp.vast.account import SshKey
from vast_mcp.vast.rows import Listing

MOST_NAMED = 10


async def _read_keys(call: Call) -> Listing[SshKey]:
    """The account's keys, which the session remembers."""
    keys = await call.within(LOOK_S).ssh_keys()
    call.session.ssh_keys = keys
    return keys


@dataclass(frozen=True)
class Keys:
    """The keys that a machine takes at its birth, as a person knows them, and what to warn of.
    None: they could not be read, or there is no SSH.
    """

    let_in: list[str] | None = None
    warnings: list[str] = field(default_factory=list[str])


async def keys_of_vm(call: Call) -> Keys:
    """Read the keys anew, since a VM without one can never be entered (docs/vast-api.md A.5).
    Raises NoSshKey.
    """
    keys = await _read_keys(call)
    if not keys and keys.is_whole:
        raise no_ssh_key(call.ssh_dir)
    return Keys(_named(keys, call.ssh_dir), _unmatched(keys, call.ssh_dir))


async def keys_of_container(call: Call) -> Keys:
    """The keys for a container, which can still be given one later."""
    keys = call.session.ssh_keys
    try:
        keys = keys or await _read_keys(call)
    except errors.VastMcpError as exc:
        why = f"The account's SSH keys could not be read ({exc.code}): who is let in is not known."
        return Keys(warnings=[why])
    if not keys and keys.is_whole:
        none = (
            "The account has no SSH key: register one with create_ssh_key; a container made before "
            "needs it attached."
        )
        return Keys([], [none])
    return Keys(_named(keys, call.ssh_dir), _unmatched(keys, call.ssh_dir))


def _named(keys: Listing[SshKey], ssh_dir: Path | None) -> list[str]:
    """Each key by its file here, else by its fingerprint, those that are here first."""
    here = local_keys(ssh_dir)
    files: list[str] = []
    others: list[str] = []
    for key in keys:
        blob = key_blob(key.public_key) or ""
        if blob in here:
            files.append(f"~/.ssh/{here[blob].name}")
        else:
            others.append((blob and fingerprint_of(blob)) or f"key {key.id}, which is unreadable")
    return [*files, *others][:MOST_NAMED]


def _unmatched(keys: Listing[SshKey], ssh_dir: Path | None) -> list[str]:
    if ssh_dir is None or registered_local_key(keys, ssh_dir) is not None:
        return []
    if not keys.is_whole or any(key.unread for key in keys):
        return []  # it may be among what could not be read, of which the answer warns
    return [
        "No public key in ~/.ssh of this computer is registered with Vast, so ssh from here may be "
        "refused."
    ]


def no_ssh_key(ssh_dir: Path | None) -> errors.NoSshKey:
    """The refusal, with a call that registers the key that is here. Where this server reads no key
    files, only a person has the text of one.
    """
    said = (
        "The account has no SSH key, and a VM takes its keys at birth only: it could never be "
        "entered."
    )
    if ssh_dir is None:
        return errors.NoSshKey(
            f"{said} create_ssh_key registers the text of a public key; this server reads no key "
            "files."
        )
    return errors.NoSshKey(said, next_steps=[_registering(ssh_dir)])


def _registering(ssh_dir: Path) -> NextStep:
    local = local_public_keys(ssh_dir)
    if local:
        arguments = {"public_key": f"~/.ssh/{local[0].name}"}
        why = "registers the key"
    else:
        arguments = {"public_key": "~/.ssh/id_ed25519.pub"}
        why = "after `ssh-keygen -t ed25519` made one: there is no public key in ~/.ssh"
    return NextStep("create_ssh_key", arguments, f"{why}; then the same create_instance call")
