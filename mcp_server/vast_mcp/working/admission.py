"""Who is admitted to work on a machine: it exists, whose it is, that it lives and is not at rest.

Asked before anything is sent to it, by every tool that enters machines.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from vast_mcp import errors
from vast_mcp.account.reading import Reading, read_machine
from vast_mcp.account.roll import check_known, check_ours, roll
from vast_mcp.errors import NextStep
from vast_mcp.leases import lifetimes
from vast_mcp.renting.next_calls import calls_for
from vast_mcp.session import Call
from vast_mcp.ssh.entering import check_keys
from vast_mcp.vast.models import Instance

AT_REST = frozenset({"stopped", "failed"})  # states in which nothing answers


async def admit(
    call: Call,
    instance_ids: Sequence[int],
    *,
    argument: str,
    not_ours: bool,
    work: str,
    again: Callable[[bool], NextStep],
    keys: bool = True,
) -> list[Reading]:
    """The machines as a list just read has them, in the order of their ids.

    `argument`: the one that holds the ids. `not_ours`: those of others are meant too. `work`: what
    is done, as the end of "vast-mcp did not make 7, and …". `again`: the same call, with `not_ours`
    or as it was given. `keys`: whether nothing can be done without a key to log in with.

    Raises NoSshKey, NoSuchInstance, NotOurs, LeaseOver, and NotEntered for one that stands still.
    """
    found = await admit_each(
        call,
        instance_ids,
        argument=argument,
        not_ours=not_ours,
        work=work,
        again=again,
        keys=keys,
    )
    readings: list[Reading] = []
    for one in found:
        if isinstance(one, errors.VastMcpError):
            raise one
        readings.append(one)
    return readings


async def admit_each(
    call: Call,
    instance_ids: Sequence[int],
    *,
    argument: str,
    not_ours: bool,
    work: str,
    again: Callable[[bool], NextStep],
    formerly: Collection[int] = (),
    keys: bool = True,
    stopped: bool = False,
) -> list[Reading | errors.VastMcpError]:
    """The same, with LeaseOver or NotEntered in the place of a machine that they are of, or
    NoSuchInstance where it is gone and is one of `formerly`: it does not keep the others from their
    work. Raises the rest. `stopped`: one that is stopped is admitted.
    """
    if keys:
        check_keys(call)
    there = await roll(call)
    check_known(instance_ids, there, argument=argument, formerly=formerly)
    if not not_ours:
        check_ours(instance_ids, there, loses=work, again=lambda _: [again(True)])
    found: list[Reading | errors.VastMcpError] = []
    for instance_id in instance_ids:
        try:
            if not there.is_known(instance_id):
                raise errors.NoSuchInstance(
                    f"Machine {instance_id} is gone.", instance_id=instance_id
                )
            row = there.living.get(instance_id)
            found.append(_admitted(call, instance_id, row, again(not_ours), stopped=stopped))
        except (errors.LeaseOver, errors.NotEntered, errors.NoSuchInstance) as exc:
            found.append(exc)
    return found


def _admitted(
    call: Call, instance_id: int, row: Instance | None, then: NextStep, *, stopped: bool
) -> Reading:
    """A machine that lives and does not stand still. Raises LeaseOver, NotEntered."""
    lifetimes.check_lives(call, instance_id, row, then=then)
    if row is None:
        raise _too_young(instance_id)
    reading = read_machine(call, row)
    if reading.state in AT_REST and not (stopped and is_stopped(reading)):
        raise stands_still(reading)
    return reading


def is_stopped(reading: Reading) -> bool:
    """Whether it stands still because somebody stopped it."""
    return reading.state in AT_REST and reading.row.intended_status == "stopped"


def _too_young(instance_id: int) -> errors.NotEntered:
    wait = NextStep("wait_for_instance", {"instance_id": instance_id}, "waits until it is listed")
    return errors.NotEntered(
        f"Vast does not list machine {instance_id} yet.",
        instance_id=instance_id,
        next_steps=[wait],
    )


def stands_still(reading: Reading, more: str = "") -> errors.NotEntered:
    """Why a machine runs nothing. `more`: a sentence on what it takes all the same."""
    steps = [NextStep(one.tool, one.arguments, one.why) for one in calls_for(reading)]
    said = f"Machine {reading.row.id} does not run: it is {reading.reason or reading.phase}."
    return errors.NotEntered(
        f"{said} {more}.".removesuffix(" ."),
        instance_id=reading.row.id,
        next_steps=steps,
    )
