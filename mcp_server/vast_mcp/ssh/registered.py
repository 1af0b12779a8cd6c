"""Which keys the account has, read once a call."""

from __future__ import annotations

from vast_mcp import errors
from vast_mcp.machines.keyfiles import key_blob
from vast_mcp.session import Call

SHARE = 0.3  # of the time of a try


async def registered(call: Call, within_s: float) -> frozenset[str] | None:
    """The base64 parts of the account's keys; None where this computer's are not this server's to
    use, or the account's cannot be read.
    """
    if call.ssh_dir is None:
        return None
    if not call.ssh_keys_read:
        call.ssh_keys_read = True
        try:
            call.ssh_keys = await call.within(max(within_s * SHARE, 0.1)).ssh_keys()
            call.session.ssh_keys = call.ssh_keys
        except errors.VastMcpError:
            call.ssh_keys = None
    if call.ssh_keys is None:
        return None
    blobs = (key_blob(key.public_key) for key in call.ssh_keys)
    return frozenset(blob for blob in blobs if blob is not None)
