"""A key that nobody uses any more lets whoever holds it into every machine of later."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from vast_mcp import errors
from vast_mcp.account.openings import left_beside, twins
from vast_mcp.errors import NextStep, Problem
from vast_mcp.machines.keyfiles import fingerprint_of, key_blob
from vast_mcp.renting.consent import Consent
from vast_mcp.renting.proposal import Proposal
from vast_mcp.session import Call
from vast_mcp.toolspec import Arguments, Result, Step, ToolSpec, step
from vast_mcp.vast.account import SshKey

KEEP_IT = "Machines that have it may keep it: detach_ssh_key takes it off one."
NONE_LEFT = "The account has no SSH key now: a VM cannot be rented, and a container lets nobody in."
STILL_LISTED = "Vast accepted it, and the key was not seen to be gone."
NOT_KNOWN = "Vast says that the account has no such key, and it was not seen to be gone."
OWN = (
    "This server itself enters machines by it, and without another key it can run no command in "
    "machines that are rented from then on."
)
MAYBE_OWN = (
    "It is not known which key this server enters machines by (VAST_MCP_SSH_KEY), and it may be "
    "this one."
)


class DeleteSshKey(Arguments):
    told_elsewhere = frozenset({"key_id"})

    key_id: Annotated[int, Field(ge=1)]


class DeleteSshKeyResult(Result):
    key_id: int
    fingerprint: str | None = None
    outcome: Annotated[
        Literal["deleted", "accepted", "unknown", "already_gone"],
        Field(description="accepted, unknown: not seen to be gone."),
    ]
    warnings: list[str] = []
    next_steps: list[Step] = []


async def delete_ssh_key(args: DeleteSshKey, call: Call) -> DeleteSshKeyResult:
    """Takes a key off the account; machines that have it keep it."""
    key = await _key(args, call)
    if key is None:
        return DeleteSshKeyResult(key_id=args.key_id, outcome="already_gone")
    fingerprint = fingerprint_of(key_blob(key.public_key) or "")
    own = await _own(call, key)
    consent = Consent(call, _proposal(args, fingerprint, own))
    asked = await (consent.ask_always() if own else consent.ask_entry())
    if asked and await _key(args, call) is None:
        return DeleteSshKeyResult(key_id=args.key_id, outcome="already_gone")
    with consent.spent():
        known = await call.vast.delete_ssh_key(key.id)
    call.session.ssh_keys.clear()  # read anew by the next rent
    result = DeleteSshKeyResult(
        key_id=key.id, fingerprint=fingerprint, outcome="deleted", warnings=[KEEP_IT]
    )
    await _look(call, key, result, known=known)
    result.next_steps = [step("show_ssh_keys", "which keys are left, and what they open")]
    return result


async def _key(args: DeleteSshKey, call: Call) -> SshKey | None:
    """The key; None where it was seen before and is gone. Raises BadArguments for an id that was
    never seen.
    """
    keys = await call.vast.ssh_keys()
    seen = call.session.keys_seen
    seen.update(key.id for key in keys)
    for key in keys:
        if key.id == args.key_id:
            return key
    if not keys.is_whole:
        raise errors.IncompleteList("Vast's list has a key without an id, which may be this one.")
    if args.key_id in seen:
        return None
    made = errors.bad("delete_ssh_key", [Problem("key_id", "no registered key has this id")])
    made.next_steps = [NextStep("show_ssh_keys", {}, "which keys there are")]
    raise made


async def _own(call: Call, key: SshKey) -> str:
    """What is to be said first of the key that this server logs in with; empty for another."""
    from vast_mcp.ssh.own import own_keys  # asyncssh takes half a second to load

    blobs = await own_keys(call.settings)
    if blobs is None:
        return MAYBE_OWN
    return OWN if key_blob(key.public_key) in blobs else ""


def _proposal(args: DeleteSshKey, fingerprint: str | None, own: str) -> Proposal:
    """What a person is asked, and what is lost."""
    given = args.model_dump()
    what = (
        f"Delete the SSH key {fingerprint or 'without fingerprint'} from the Vast.ai account? "
        f"Machines that are rented from then on do not accept it. {own}"
    )
    again = NextStep("delete_ssh_key", given, "the same call")
    return Proposal("delete_ssh_key", {**given, "fingerprint": fingerprint}, what.strip(), again)


async def _look(call: Call, key: SshKey, result: DeleteSshKeyResult, *, known: bool) -> None:
    """Whether the account's list lacks it now. Not being able to say undoes nothing. `known`: Vast
    accepted it, and did not say that there is no such key.
    """
    left = await left_beside(call.vast.ssh_keys(), key.id)
    if left is None:
        result.outcome = "accepted" if known else "unknown"
        result.warnings.insert(0, STILL_LISTED if known else NOT_KNOWN)
    elif not left:
        result.warnings.append(NONE_LEFT)
    elif same := twins(left, key):
        result.warnings.insert(0, f"The account has the same key as {same[0]}: it opens on.")


SPEC = ToolSpec(
    fn=delete_ssh_key,
    arguments=DeleteSshKey,
    result=DeleteSshKeyResult,
    title="Delete an SSH key",
    read_only=False,
    destructive=True,
    idempotent=True,
    open_world=True,
    sends=("delete_key",),
)
