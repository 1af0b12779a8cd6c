"""Into a machine to work there: by its own address, else by Vast's proxy, with a connection that
stays open for as long as the work takes.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vast_mcp import errors
from vast_mcp.errors import NextStep
from vast_mcp.session import Call
from vast_mcp.ssh.tried import WAYS, Tried
from vast_mcp.ssh.trying import Try, address_of, staying
from vast_mcp.vast.models import Instance

if TYPE_CHECKING:
    from vast_mcp.ssh.jump import Link  # asyncssh takes half a second to load

LOGIN_S = 15.0  # that one way in may take


@dataclass(frozen=True)
class Line:
    """An open connection to a machine, logged in as root, and how it came about."""

    instance_id: int
    link: Link
    tried: Tried


@contextlib.asynccontextmanager
async def entered(call: Call, row: Instance, *, within_s: float = LOGIN_S) -> AsyncGenerator[Line]:
    """Log in to a machine, and hang up when the block ends. Each way in takes at most so many
    seconds.

    Raises NoSshKey where this server has no key to log in with, and NotEntered where no way lets
    it in; nothing was run there then.
    """
    check_keys(call)
    async with contextlib.AsyncExitStack() as stack:
        tries: list[Tried] = []
        for way in WAYS:
            if address_of(call, row, way) is None:
                continue
            one: Try = await stack.enter_async_context(staying(call, row, way, within_s=within_s))
            if one.link is not None:
                call.session.reached.add(row.id)
                yield Line(row.id, one.link, one.tried)
                return
            tries.append(one.tried)
            if one.tried.answer == "host_key_changed":
                break  # nothing but a person changes that
        raise _refusal(row, tries)


def check_keys(call: Call) -> None:
    """Raises NoSshKey for a server that others reach, and that has no key of its own."""
    if call.ssh_dir is None and call.settings.ssh_key is None:
        raise errors.NoSshKey(
            "this server is reached over HTTP and uses no key of its computer: VAST_MCP_SSH_KEY "
            "names the one key file with which it may enter machines, set where VAST_API_KEY is; "
            "then it is restarted."
        )


def _refusal(row: Instance, tries: list[Tried]) -> errors.VastMcpError:
    """Why nobody logged in, and what leads on."""
    said = " ".join(one.said for one in tries) or "Vast shows no SSH address for it."
    if any(one.answer == "answers" for one in tries):
        keys = NextStep("show_ssh_keys", {}, "the account's keys, and those of this computer")
        return errors.NoSshKey(said, instance_id=row.id, next_steps=[keys])
    given = {"instance_id": row.id, "until": "ssh"}
    wait = NextStep("wait_for_instance", given, "waits until SSH lets in, or says why not")
    barred = any(one.answer == "host_key_changed" for one in tries)
    return errors.NotEntered(said, instance_id=row.id, next_steps=[] if barred else [wait])
