"""The account's SSH keys open its machines; the list says which of them is on this computer."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from vast_mcp.account.openings import opened_by
from vast_mcp.errors import clean
from vast_mcp.machines.keyfiles import fingerprint_of, key_blob, local_keys, local_public_keys
from vast_mcp.session import Call
from vast_mcp.toolspec import Arguments, Part, Result, Step, ToolSpec, step
from vast_mcp.vast.account import SshKey

SHOWN = 20


class ShowSshKeys(Arguments):
    pass


class KeyRow(Part):
    key_id: int
    fingerprint: Annotated[
        str | None, Field(description="SHA256, as ssh-keygen -l prints it. Absent: no key.")
    ] = None
    local_file: Annotated[str | None, Field(description="The same key on this computer.")] = None
    untrusted_comment: str | None = None


class ShowSshKeysResult(Result):
    count: int
    keys: list[KeyRow]
    opens: Annotated[
        str | None, Field(description="Which of them open which machines, the newest of those.")
    ] = None
    warnings: list[str] = []
    next_steps: list[Step] = []


async def show_ssh_keys(_: ShowSshKeys, call: Call) -> ShowSshKeysResult:
    """Lists the account's SSH keys by id and fingerprint, those in ~/.ssh here, and which machines
    they open.
    """
    keys = await call.vast.shared.ssh_keys()
    call.session.ssh_keys = keys
    call.session.keys_seen.update(key.id for key in keys)
    here = local_keys(call.ssh_dir)
    rows = [_row(key, here) for key in keys]
    rows.sort(key=lambda row: (row.local_file is None, -row.key_id))
    return ShowSshKeysResult(
        count=keys.total,
        keys=rows[:SHOWN],
        opens=await opened_by(call, keys),
        warnings=_warnings(keys),
        next_steps=_steps(rows, call),
    )


def _warnings(keys: list[SshKey]) -> list[str]:
    found: list[str] = []
    if len(keys) > SHOWN:
        found.append(f"{len(keys) - SHOWN} more are not shown.")
    if any(not key.unread and key_blob(key.public_key) is None for key in keys):
        found.append(
            "A row without fingerprint is no key: some clients register a file's path instead of "
            "its text."
        )
    return found


def _steps(rows: list[KeyRow], call: Call) -> list[Step]:
    """How a key of this computer is registered, where none is and this server may see one."""
    local = local_public_keys(call.ssh_dir)
    if not local or any(row.local_file for row in rows):
        return []
    path = f"~/.ssh/{local[0].name}"
    return [step("create_ssh_key", "no key of this computer is registered", public_key=path)]


def _row(key: SshKey, here: dict[str, Path]) -> KeyRow:
    blob = key_blob(key.public_key)
    if blob is None:
        return KeyRow(key_id=key.id, untrusted_comment=clean(key.public_key, 60) or None)
    _, _, comment = key.public_key.partition(blob)
    row = KeyRow(
        key_id=key.id,
        fingerprint=fingerprint_of(blob),
        untrusted_comment=clean(comment, 60) or None,
    )
    if blob in here:
        row.local_file = f"~/.ssh/{here[blob].name}"
    return row


SPEC = ToolSpec(
    fn=show_ssh_keys,
    arguments=ShowSshKeys,
    result=ShowSshKeysResult,
    title="List SSH keys",
    read_only=True,
    destructive=False,
    idempotent=True,
    open_world=True,
)
