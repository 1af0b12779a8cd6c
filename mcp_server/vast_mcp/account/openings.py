"""Which keys open which machines, in one line. A machine is asked for its keys by a request of its
own, and those keep 2 s between them: a few are asked, and of the others it is not known.
"""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Iterable, Mapping

from vast_mcp import errors
from vast_mcp.account.roll import roll
from vast_mcp.machines.keyfiles import fingerprint_of, key_blob
from vast_mcp.session import Call
from vast_mcp.vast.account import SshKey
from vast_mcp.vast.rows import Listing

MOST_ASKED = 5  # machines, the newest first
MOST_KEYS = 6  # of one machine
MOST_NAMED = 10  # machines of which it is not known
ASK_S = 15.0  # for all of them


async def opened_by(call: Call, keys: Iterable[SshKey]) -> str:
    """Each machine with the keys that it has, by their ids where the account has them. Never
    raises: what could not be read is said to be unknown.
    """
    try:
        there = await roll(call)
    except errors.VastMcpError as exc:
        return f"not known: the machines could not be read ({exc.code})"
    if not there.living:
        return "no machine"
    ids = {blob: key.id for key in keys if (blob := key_blob(key.public_key)) is not None}
    said: list[str] = []
    unknown: list[int] = []
    vast = call.within(ASK_S)
    for instance_id in itertools.islice(there.living, MOST_ASKED):
        try:
            attached = await vast.shared.attached_ssh_keys(instance_id)
        except errors.VastMcpError:
            unknown.append(instance_id)
            continue
        said.append(f"machine {instance_id}: {_named(attached, ids)}")
    unknown += itertools.islice(there.living, MOST_ASKED, None)
    return "; ".join([*said, *_of_unknown(unknown)])


async def left_beside(listing: Awaitable[Listing[SshKey]], key_id: int) -> list[SshKey] | None:
    """The keys that a list shows once it lacks this one; None where it has it still, or cannot be
    read whole. Never raises what keeps it from being read.
    """
    try:
        keys = await listing
    except errors.VastMcpError:
        return None
    if not keys.is_whole or any(key.id == key_id for key in keys):
        return None
    return keys


def twins(keys: Iterable[SshKey], key: SshKey) -> list[int]:
    """The ids under which a list has the same key."""
    blob = key_blob(key.public_key)
    return [one.id for one in keys if blob is not None and key_blob(one.public_key) == blob]


def _named(attached: Listing[SshKey], ids: Mapping[str, int]) -> str:
    names = [_name(key, ids) for key in attached[:MOST_KEYS]]
    more = attached.total - len(names)
    return ", ".join([*names, *([f"{more} more"] if more else [])]) or "no key"


def _name(key: SshKey, ids: Mapping[str, int]) -> str:
    """A key of a machine by the id that the account has it under, else by its fingerprint."""
    blob = key_blob(key.public_key)
    if blob is None:
        return "a text that is no key"
    if blob in ids:
        return f"key {ids[blob]}"
    return f"{fingerprint_of(blob) or 'a key without fingerprint'} (not registered)"


def _of_unknown(unknown: list[int]) -> list[str]:
    if not unknown:
        return []
    more = len(unknown) - MOST_NAMED
    names = ", ".join(map(str, unknown[:MOST_NAMED]))
    return [f"not known of {names}" + (f" and {more} more" if more > 0 else "")]
