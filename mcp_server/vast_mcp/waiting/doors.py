"""A container that runs is no proof that it is of use: what it was rented for is tried."""

from __future__ import annotations

from dataclasses import dataclass, field

import anyio

from vast_mcp.machines.knocking import Knock, knock
from vast_mcp.ssh.tried import Tried
from vast_mcp.vast.models import Instance
from vast_mcp.waiting import entering, verdicts
from vast_mcp.waiting.facts import Verdict
from vast_mcp.waiting.wait import Wait
from vast_mcp.waiting.wanted import Door, Wanted, wanted_of

NO_WAY_IN = "It runs. It has no way in, neither SSH nor a mapped port: its log is all it tells."


@dataclass
class Answers:
    """What those that were tried answered."""

    entered: Tried | None = None
    serving: dict[str, Knock] = field(default_factory=dict[str, Knock])
    silent: dict[str, Knock] = field(default_factory=dict[str, Knock])

    def satisfy(self, wanted: Wanted) -> bool:
        """Whether all answered that must."""
        return not self.silent and (wanted.ssh != "must" or self.entered is not None)


async def when_running(wait: Wait, row: Instance) -> Verdict | None:
    """The end of the wait for a machine that runs, or None to look again. Raises BadArguments for a
    way in that the machine does not have.
    """
    kind = wait.wish.aim.kind
    if kind == "running":
        return await verdicts.ready(wait, row, "It runs; no way in was tried.", answered=False)
    if kind == "log":
        return await when_said(wait, row)
    wanted = wanted_of(wait, row)
    if wanted is None:
        return await _without_ports(wait, row)
    if wanted.is_nothing:
        log = await wait.read_log()
        return await verdicts.ready(wait, row, NO_WAY_IN, line=log.last_line)
    answers = await _answers(wait, row, wanted)
    if entering.is_barred(wait):
        return await verdicts.host_key_changed(wait)
    if answers.satisfy(wanted):
        return await verdicts.ready(wait, row, _opened(answers), through=answers.entered)
    return await _not_yet(wait, row, wanted, answers)


async def when_said(wait: Wait, row: Instance) -> Verdict | None:
    """The end of the wait for a text in the log, where the log has it."""
    log = await wait.read_log()
    line = log.find(wait.wish.aim.text)
    if line is None:
        return None
    down = "" if row.actual_status == "running" else " Its container does not run now."
    return await verdicts.ready(wait, row, f"Its log says it.{down}", line=line)


async def _answers(wait: Wait, row: Instance, wanted: Wanted) -> Answers:
    """What all of them answer, side by side."""
    answers = Answers()

    async def enter() -> None:
        answers.entered = await entering.enter(wait, row)

    async def ask(door: Door) -> None:
        heard = await knock(door.to, loopback=wait.loopback, tls=door.tls, within_s=wait.probe_s)
        of_use = answers.serving if door.is_served(heard) else answers.silent
        of_use[door.name] = heard
        wait.seen[door.name] = heard.words

    async with anyio.create_task_group() as tasks:
        if wanted.ssh != "no":
            tasks.start_soon(enter)
        for door in wanted.doors:
            tasks.start_soon(ask, door)
    return answers


async def _not_yet(wait: Wait, row: Instance, wanted: Wanted, answers: Answers) -> Verdict | None:
    """The end where what is missing was given its time."""
    if answers.serving and answers.silent and wait.runs_for >= wait.patience.banner:
        missing = f"{_opened(answers)} Nothing answers at {', '.join(answers.silent)}."
        return await verdicts.ready(wait, row, missing)
    wait.given_s = wait.patience.stuck if wanted.doors else wait.patience.banner
    if wait.runs_for < wait.given_s and not wait.watch.stands_still(wait.patience):
        return None
    return await verdicts.not_reachable(wait, row)


async def _without_ports(wait: Wait, row: Instance) -> Verdict | None:
    """The end for a machine that was to have ports and shows none in all its time."""
    wait.given_s = wait.patience.stuck
    return None if wait.runs_for < wait.given_s else await verdicts.not_reachable(wait, row)


def _opened(answers: Answers) -> str:
    """What answered, in a sentence or two."""
    said = [f"{name}: {heard.words}." for name, heard in answers.serving.items()]
    if answers.entered is not None:
        said.insert(0, answers.entered.said)
    text = " ".join(said)
    return text[:1].upper() + text[1:]
