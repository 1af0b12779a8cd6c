"""An older machine is entered with a newer key only after the key was attached to it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from vast_mcp import errors
from vast_mcp.account.roll import check_known, roll
from vast_mcp.errors import NextStep, Problem
from vast_mcp.machines import ways
from vast_mcp.machines.keyfiles import fingerprint_of, key_blob
from vast_mcp.renting.consent import Consent
from vast_mcp.renting.proposal import Proposal
from vast_mcp.renting.wording import machine
from vast_mcp.session import Call
from vast_mcp.toolspec import Arguments, Result, Step, ToolSpec, step
from vast_mcp.vast.account import SshKey
from vast_mcp.vast.models import Instance

PROXY_LAGS = (
    "Vast's SSH proxy may refuse a key attached later for some minutes; the direct address does "
    "not."
)
NO_CONTAINER = Problem("instance_id", "a container; a VM made now accepts the key")
SHOW_SSH_KEYS = NextStep("show_ssh_keys", {}, "which keys there are")


class AttachSshKey(Arguments):
    told_elsewhere = frozenset({"instance_id"})

    instance_id: Annotated[int, Field(ge=1)]
    key_id: Annotated[int, Field(ge=1, description="from show_ssh_keys")]


class AttachSshKeyResult(Result):
    instance_id: int
    key_id: int
    warnings: list[str] = []
    next_steps: list[Step] = []


async def attach_ssh_key(args: AttachSshKey, call: Call) -> AttachSshKeyResult:
    """Lets a registered SSH key into an older container; a VM takes no later key."""
    key = await _key(args, call)
    row = await _container(args, call)
    consent = Consent(call, _proposal(args, key, row))
    if await consent.ask_entry():
        await _container(args, call)
    with consent.spent():
        await call.vast.attach_ssh_key(args.instance_id, key.public_key.strip())
    enter = step("wait_for_instance", "how to enter it", instance_id=args.instance_id, until="ssh")
    return AttachSshKeyResult(
        instance_id=args.instance_id, key_id=key.id, warnings=[PROXY_LAGS], next_steps=[enter]
    )


def _proposal(args: AttachSshKey, key: SshKey, row: Instance | None) -> Proposal:
    """What a person is asked: whoever holds the key comes in."""
    fingerprint = fingerprint_of(key_blob(key.public_key) or "") or "with no fingerprint"
    given = args.model_dump()
    what = (
        f"Let the SSH key {fingerprint} into {machine(args.instance_id, row)}? Whoever holds its "
        "private half can enter."
    )
    again = NextStep("attach_ssh_key", given, "the same call")
    return Proposal("attach_ssh_key", {**given, "fingerprint": fingerprint}, what, again)


async def _container(args: AttachSshKey, call: Call) -> Instance | None:
    """The machine's row, where it is listed. Raises NoSuchInstance; VmNotPossible for a VM."""
    there = await roll(call)
    check_known([args.instance_id], there, argument="instance_id")
    row = there.living.get(args.instance_id)
    _check_container(args, row)
    return row


async def _key(args: AttachSshKey, call: Call) -> SshKey:
    """The key by its id. Raises BadArguments where there is none, or what is registered is no
    public key: that is not sent anywhere.
    """
    keys = await call.vast.ssh_keys()
    if not keys and keys.is_whole:
        raise _bad("the account has no SSH key; create_ssh_key adds one")
    found = [key for key in keys if key.id == args.key_id]
    if not found:
        raise _bad("no registered key has this id")
    text = found[0].public_key
    if not text:
        raise _bad("the text of this key could not be read")
    if key_blob(text) is None or "PRIVATE KEY" in text:
        raise _bad("what is registered under this id is no public key")
    return found[0]


def _bad(problem: str) -> errors.BadArguments:
    made = errors.bad("attach_ssh_key", [Problem("key_id", problem)])
    made.next_steps = [SHOW_SSH_KEYS]
    return made


def _check_container(args: AttachSshKey, row: Instance | None) -> None:
    """Raises VmNotPossible for a VM."""
    if row is None or not ways.is_vm(row):
        return
    raise errors.VmNotPossible(
        "This is a VM, and a VM takes its SSH keys only when it is created.",
        instance_id=args.instance_id,
        problems=[NO_CONTAINER],
    )


SPEC = ToolSpec(
    fn=attach_ssh_key,
    arguments=AttachSshKey,
    result=AttachSshKeyResult,
    title="Attach an SSH key to a machine",
    read_only=False,
    destructive=False,
    idempotent=True,
    open_world=True,
    sends=("attach",),
)
