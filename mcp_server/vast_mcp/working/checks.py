"""A machine is looked at from inside and judged by what its row promises: over SSH, or where nobody
can log in by the line that its start script left in the log.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import Literal

import anyio

from vast_mcp import errors
from vast_mcp.account import met
from vast_mcp.account.reading import Reading
from vast_mcp.checks import script
from vast_mcp.checks.found import Found
from vast_mcp.checks.items import Item
from vast_mcp.checks.judging import Judgement, Overall, judge
from vast_mcp.checks.reading import found_in
from vast_mcp.errors import NextStep, clean_or_none
from vast_mcp.machines import ways
from vast_mcp.offers.gpu_matching import matches, reading
from vast_mcp.offers.gpu_words import Reading as Name
from vast_mcp.renting.as_made import has_check
from vast_mcp.renting.emptiness import holds_nothing
from vast_mcp.renting.replacing import search_instead
from vast_mcp.session import Call
from vast_mcp.toolspec import Step, step
from vast_mcp.vast.log_text import plain_lines
from vast_mcp.vast.models import Instance
from vast_mcp.working.admission import admit

MOST_HEARD = 131_072  # bytes of the script's output; its line is 20 KB at the most
LONGEST_S = 46.0  # its parts are bounded; a machine without `timeout` may hang in nvidia-smi
TO_ANSWER_S = 1.0
TAIL = 5_000  # lines of a log, the most that may be asked for
TROUBLE_SHOWN = 300  # characters

# Words that tell cards of one number apart (docs/vast-api.md B.5): another is an edition that
# Vast's names may leave out.
_EDITIONS = frozenset(
    {"ti", "super", "d", "laptop", "ada", "max-q", "ws", "server", "x", "xp", "xt", "xtx"}
)

_UNSAID = frozenset({"max-q", "ws", "server"})  # of an RTX PRO

_KINDS = {
    "amd": " Its GPUs are AMD's, of which count, name and memory are told.",
    "none": " There is no GPU in it, or none with a driver.",
}
_NO_GPU = " It was rented without a GPU."

Way = Literal["ssh", "log"]


@dataclass(frozen=True)
class Look:
    """What a look came to. `why`: why nothing was found; `age_s`: how old a log's line is."""

    way: Way
    found: Found | None
    why: str = ""
    age_s: float | None = None
    untrusted_trouble: str | None = None
    not_by_ssh: str | None = None  # what kept it from logging in
    is_ours: bool = True  # the script, and not whoever can write into the log


@dataclass(frozen=True)
class Checked:
    """A machine, what was seen of it, and the judgement."""

    machine: Reading
    look: Look
    is_empty: bool = False  # nothing of anybody's can be in it
    judgement: Judgement = field(default_factory=lambda: Judgement("unknown", ()))

    @property
    def overall(self) -> Overall:
        return self.judgement.overall

    @property
    def said(self) -> str:
        """The verdict as a sentence."""
        if self.look.found is None:
            return f"Nothing is known of it: {self.look.why}."
        items = self.judgement.items
        worse, unknown = self.judgement.named("worse"), self.judgement.named("unknown")
        match self.overall:
            case "worse":
                told = "; ".join(_beside(item) for item in worse)
                said = f"Worse than promised in {len(worse)} of {len(items)}: {told}."
            case "as_promised":
                said = f"As promised, in {len(items) - len(unknown)} of {len(items)}."
            case _:
                said = "Not enough could be read to say."
        said += _KINDS.get(self.look.found.kind, "") if self.machine.row.num_gpus else _NO_GPU
        if unknown:
            said += f" Not known: {', '.join(item.name for item in unknown)}."
        return said

    @property
    def report(self) -> str | None:
        """What a person may report to Vast, which takes a problem and a message
        (docs/vast-api.md C.11).
        """
        row, worse = self.machine.row, self.judgement.named("worse")
        if not worse or row.machine_id is None:
            return None
        problem = "Machine Performance Is Less Than Expected"
        if {item.name for item in worse} == {"disk"}:
            problem = "Instance Has Less Disk Space Than Requested"
        told = "; ".join(_beside(item) for item in worse)
        return (
            f"A person may report machine {row.machine_id} to Vast, before it is destroyed: "
            f'"{problem}", instance {row.id}: {told}'[:500]
        )

    @property
    def next_steps(self) -> list[Step]:
        """What leads on. Only a machine of ours that is worse is proposed to be ended: first where
        it holds nothing, else after the search, which takes nothing from anybody.
        """
        row, ours = self.machine.row, self.machine.ours is True
        if self.overall == "worse":
            search = search_instead(self.machine.machine, "host_gpu")
            if not ours:
                return [search]
            why = "ends all billing; what is on its disk is lost"
            end = step("destroy_instance", why, instance_ids=[row.id])
            return [end, search] if self.is_empty else [search, end]
        if self.look.found is not None:
            return [step("show_instance", "ways in, and what it bills", instance_id=row.id)]
        given = {"instance_id": row.id} | ({} if ours else {"not_ours": True})
        return [
            step("check_machine", "looks again", **given),
            step("show_logs", "what it says of itself", instance_id=row.id),
        ]


def _beside(item: Item) -> str:
    return f"{item.name} {item.found} for {item.promised}"


async def check(call: Call, instance_id: int, *, not_ours: bool) -> Checked:
    """Look at a machine, and note in the journal what its host turned out to be.

    Raises what `admit` does, NoSshKey and NotEntered where there is no way to look, and what kept
    its log from being read.
    """
    [machine] = await admit(
        call,
        [instance_id],
        argument="instance_id",
        not_ours=not_ours,
        work="256 MB are written on its disk for a moment",
        again=lambda theirs: _again(instance_id, not_ours=theirs),
        keys=False,
    )
    look = await _look(call, machine)
    if look.found is None:
        return Checked(machine, look)
    judgement = judge(
        machine.row, look.found, vm=machine.machine.is_vm, same_card=_same_card_of(call)
    )
    if look.is_ours:
        _note(call, machine.row, judgement)
    return Checked(machine, look, holds_nothing(call, machine), judgement)


def _again(instance_id: int, *, not_ours: bool) -> NextStep:
    given = {"instance_id": instance_id} | ({"not_ours": True} if not_ours else {})
    return NextStep("check_machine", given, "looks at it")


def _note(call: Call, row: Instance, judgement: Judgement) -> None:
    """A verdict that says nothing is not kept."""
    if judgement.overall == "as_promised":
        met.note(call, row.machine_id, row.id, "check_passed")
    if judgement.overall == "worse":
        worse = [item.name for item in judgement.named("worse")]
        met.note(call, row.machine_id, row.id, "check_failed", ", ".join(worse[:10]))


# ── looking ────────────────────────────────────────────────────────────────────────────────────


async def _look(call: Call, machine: Reading) -> Look:
    """By SSH where somebody may log in, else by the log."""
    row = machine.row
    put_there = script.is_in(row.onstart) or has_check(machine.machine.facts)
    if not ways.takes_ssh(row):
        return replace(await _by_log(call, row, put_there=put_there), is_ours=put_there)
    try:
        return await _by_ssh(call, row)
    except (errors.NoSshKey, errors.NotEntered) as exc:
        if not put_there:
            raise
        return replace(await _by_log(call, row, put_there=True), not_by_ssh=exc.message)


async def _by_ssh(call: Call, row: Instance) -> Look:
    """Run the script. It leaves nothing, so that a lost line changes nothing. Raises NoSshKey,
    NotEntered.
    """
    from vast_mcp.ssh import LineLost
    from vast_mcp.ssh.commands import run
    from vast_mcp.ssh.entering import entered

    text = script.script(call.settings.check_url).encode()
    async with entered(call, row) as line:
        await call.say("logged in; a script looks at cards, memory, disk and speeds")
        left = call.deadline - TO_ANSWER_S - anyio.current_time()
        try:
            ran = await run(
                line, "sh", stdin=text, most=MOST_HEARD, within_s=max(0.1, min(LONGEST_S, left))
            )
        except LineLost:
            return Look("ssh", None, "the connection broke while it was looked at")
    said = ran.stdout.decode("ascii", "replace")
    found = found_in(said.splitlines())
    if found is not None:
        trouble = clean_or_none(found.untrusted_trouble, TROUBLE_SHOWN)
        return Look("ssh", found, untrusted_trouble=trouble)
    if ran.late:
        why = "the look did not end in time, as where nvidia-smi hangs or much runs in it"
    else:
        why = "its shell did not run the script that looks"
    said = ran.stderr.decode("utf-8", "replace") or said
    lines = plain_lines(said[-4 * TROUBLE_SHOWN :], call.settings.mask)
    return Look("ssh", None, why, untrusted_trouble=clean_or_none(" ".join(lines), TROUBLE_SHOWN))


async def _by_log(call: Call, row: Instance, *, put_there: bool) -> Look:
    """Find the line that the check of its start script has left. Raises what keeps a log from being
    read, and NotEntered for a machine that nothing was put into.
    """
    from vast_mcp.vast.logs import fetch_log

    address = await call.vast.request_logs(row.id, TAIL, words=script.MARK, daemon=False)
    fetched = await fetch_log(call.session.link, address, call.deadline, _no_word)
    found = found_in(plain_lines(fetched.text, call.settings.mask))
    if found is not None:
        trouble = clean_or_none(found.untrusted_trouble, TROUBLE_SHOWN)
        return Look("log", found, age_s=_age(found.at), untrusted_trouble=trouble)
    if put_there:
        return Look("log", None, "its start script has not said yet what it found, in the log")
    logs = NextStep("show_logs", {"instance_id": row.id}, "what it says of itself")
    raise errors.NotEntered(
        f"Machine {row.id} has no SSH, and no check in its log: create_instance with check: true "
        "puts one there.",
        instance_id=row.id,
        next_steps=[logs],
    )


async def _no_word() -> None:
    """The host hears of the look as a whole."""


def _age(at: float | None) -> float | None:
    """How many seconds ago, by the machine's clock; None where that is not known."""
    return None if at is None or at > time.time() + 60 else max(0.0, time.time() - at)


# ── names ──────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class SameCard:
    """Tells whether what nvidia-smi calls a card is one of Vast's, among the names it has."""

    known: tuple[str, ...] = ()

    def __call__(self, found: str, promised: str) -> bool | None:
        """Whether it is; None for an edition that the names may not tell, and where another of
        Vast's names is nearer and this one may mean it too.
        """
        if promised in matches(found, [*self.known, promised]):
            return True
        wish: Name = reading(found)
        if wish.names_no_card or wish.edition - _EDITIONS or matches(found, [promised]):
            return None
        return None if _leaves_open(reading(promised), wish) else False


def _leaves_open(promised: Name, found: Name) -> bool:
    """Whether what was found is what was promised, in an edition that the promise does not name."""
    same = found.model == promised.model and found.families == promised.families
    more = found.edition - promised.edition
    return same and bool(more) and promised.edition | more == found.edition and more <= _UNSAID


def _same_card_of(call: Call) -> SameCard:
    return SameCard(tuple(call.session.gpu_names))
