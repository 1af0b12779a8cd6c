"""Which keys the account has, read once a call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vast_mcp import errors
from vast_mcp.machines.keyfiles import key_blob
from vast_mcp.session import Call
from vast_mcp.vast.account import SshKey
from vast_mcp.vast.rows import Listing

if TYPE_CHECKING:
    from vast_mcp.vast.client import Vast

SHARE = 0.3  # of the time of a try


async def account_keys(call: Call, vast: Vast) -> Listing[SshKey]:
    """The account's keys. Raises what kept them from being read; the same again, in the same
    call.
    """
    async with call.reading_keys:  # several ways may be tried at once
        if call.account_keys is None:
            try:
                call.account_keys = call.session.ssh_keys = await vast.ssh_keys()
            except errors.VastMcpError as exc:
                call.account_keys = exc
        if isinstance(call.account_keys, errors.VastMcpError):
            raise call.account_keys
        return call.account_keys


async def registered(call: Call, within_s: float) -> frozenset[str] | None:
    """The base64 parts of the account's keys, as the part of a try that lasts so long; None where
    they cannot be read, or this computer's are not this server's to use.
    """
    if call.ssh_dir is None:
        return None
    try:
        keys = await account_keys(call, call.within(max(within_s * SHARE, 0.1)))
    except errors.VastMcpError:
        return None
    blobs = (key_blob(key.public_key) for key in keys)
    return frozenset(blob for blob in blobs if blob is not None)
