"""A key is taken off one machine, and the account keeps it."""

from __future__ import annotations

import contextlib
from typing import Annotated, Literal

from pydantic import Field

from vast_mcp import errors
from vast_mcp.account.openings import left_beside, twins
from vast_mcp.errors import NextStep, Problem
from vast_mcp.machines import ways
from vast_mcp.machines.keyfiles import fingerprint_of, key_blob
from vast_mcp.renting.consent import Consent
from vast_mcp.renting.proposal import Proposal
from vast_mcp.renting.target import Target
from vast_mcp.session import Call
from vast_mcp.toolspec import Arguments, Result, Step, ToolSpec, step
from vast_mcp.vast.account import SshKey

SHOWN = 10
WHO_IS_IN = (
    "Who is in by it stays in, and Vast may take minutes to write the machine's authorized_keys "
    "anew."
)
NONE_LEFT = "No key is left on it: nobody can enter until attach_ssh_key."
STILL_THERE = "Vast accepted it, and the key was not seen to be gone."
NOT_KNOWN = "Vast says that the machine has no such key, and it was not seen to be gone."
STILL_UNDER_ANOTHER = "The machine has the same key once more: the same call takes that off, too."
LOSES = "whoever enters them by that key is locked out"


class DetachSshKey(Arguments):
    told_elsewhere = frozenset({"instance_id", "key_id", "not_ours"})

    instance_id: Annotated[int, Field(ge=1)]
    key_id: Annotated[int, Field(ge=1)]
    not_ours: bool = False


class DetachSshKeyResult(Result):
    instance_id: int
    key_id: int
    outcome: Annotated[
        Literal["detached", "accepted", "unknown", "not_attached"],
        Field(description="accepted, unknown: not seen to be gone."),
    ]
    warnings: list[str] = []
    next_steps: list[Step] = []


async def detach_ssh_key(args: DetachSshKey, call: Call) -> DetachSshKeyResult:
    """Takes a key off one container; attach_ssh_key undoes it."""
    key = await _attached(args, call)
    if key is None:
        return _result(args, "not_attached")
    consent = Consent(call, _proposal(args, key))
    if await consent.ask_entry():
        key = await _attached(args, call)
        if key is None:
            return _result(args, "not_attached")
    with consent.spent():
        known = await call.vast.detach_ssh_key(args.instance_id, key.id)
    result = _result(args, "detached")
    result.warnings = [WHO_IS_IN]
    await _look(call, key, result, known=known)
    result.next_steps = [await _back(args, key, call)]
    return result


async def _back(args: DetachSshKey, key: SshKey, call: Call) -> Step:
    """How it is let in again: by the account's own id of the key, where it has one."""
    with contextlib.suppress(errors.VastMcpError):
        same = twins(await call.vast.recent.ssh_keys(), key)
        if same:
            key_id = args.key_id if args.key_id in same else same[0]
            given = {"instance_id": args.instance_id, "key_id": key_id}
            return step("attach_ssh_key", "lets it in again", **given)
    return step("show_ssh_keys", "which keys are left, and what they open")


def _result(args: DetachSshKey, outcome: Literal["detached", "not_attached"]) -> DetachSshKeyResult:
    return DetachSshKeyResult(instance_id=args.instance_id, key_id=args.key_id, outcome=outcome)


async def _attached(args: DetachSshKey, call: Call) -> SshKey | None:
    """The key as the machine has it; None where the account has the key and the machine has not.
    Raises where nothing is to be taken off.
    """
    target = await Target.read(call, args.instance_id)
    if target.row is not None and ways.is_vm(target.row):
        raise errors.VmNotPossible(
            "This is a VM, and a VM takes its SSH keys only when it is created: one that is taken "
            "off could not come back.",
            instance_id=args.instance_id,
            problems=[Problem("instance_id", "a container")],
        )
    if not args.not_ours:
        again = NextStep(
            "detach_ssh_key", {**args.model_dump(), "not_ours": True}, "if the person wants that"
        )
        target.check_ours(loses=LOSES, again=again)
    attached = await call.vast.attached_ssh_keys(args.instance_id)
    registered = await _registered(args, call)
    for key in attached:
        if _is_meant(key, args.key_id, registered):
            return key
    if not attached.is_whole:
        raise errors.IncompleteList("The machine has a key without an id, which may be this one.")
    if registered is None:
        raise _no_such_key(attached)
    return None


def _is_meant(key: SshKey, key_id: int, registered: SshKey | None) -> bool:
    """Whether a machine's key is the account's of this id: by what it is, since a machine may have
    the id for another. What the account has no more goes by the machine's id.
    """
    blob = None if registered is None else key_blob(registered.public_key)
    return key.id == key_id if blob is None else key_blob(key.public_key) == blob


async def _registered(args: DetachSshKey, call: Call) -> SshKey | None:
    """The account's key of this id: a machine may have it under an id of its own."""
    keys = await call.vast.ssh_keys()
    return next((key for key in keys if key.id == args.key_id), None)


def _no_such_key(attached: list[SshKey]) -> errors.BadArguments:
    there = ", ".join(str(key.id) for key in attached[:SHOWN]) or "none"
    problem = f"neither the account nor the machine has this key; on the machine: {there}"
    made = errors.bad("detach_ssh_key", [Problem("key_id", problem)])
    made.next_steps = [NextStep("show_ssh_keys", {}, "which keys there are, and what they open")]
    return made


def _proposal(args: DetachSshKey, key: SshKey) -> Proposal:
    """What a person is asked."""
    fingerprint = fingerprint_of(key_blob(key.public_key) or "") or "without fingerprint"
    given = args.model_dump(exclude_defaults=True)
    what = (
        f"Take the SSH key {fingerprint} off machine {args.instance_id}? Whoever enters it by that "
        "key is locked out."
    )
    again = NextStep("detach_ssh_key", given, "the same call")
    return Proposal("detach_ssh_key", {**given, "fingerprint": fingerprint}, what, again)


async def _look(call: Call, key: SshKey, result: DetachSshKeyResult, *, known: bool) -> None:
    """Whether the machine's list lacks it now. Not being able to say undoes nothing. `known`: Vast
    accepted it, and did not say that there is no such key.
    """
    left = await left_beside(call.vast.attached_ssh_keys(result.instance_id), key.id)
    if left is None:
        result.outcome = "accepted" if known else "unknown"
        result.warnings.insert(0, STILL_THERE if known else NOT_KNOWN)
    elif twins(left, key):
        result.outcome = "accepted"
        result.warnings.insert(0, STILL_UNDER_ANOTHER)
    elif not left:
        result.warnings.append(NONE_LEFT)


SPEC = ToolSpec(
    fn=detach_ssh_key,
    arguments=DetachSshKey,
    result=DetachSshKeyResult,
    title="Detach an SSH key from a machine",
    read_only=False,
    destructive=True,
    idempotent=True,
    open_world=True,
    sends=("detach",),
)
