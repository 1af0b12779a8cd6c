"""What a machine that is held is made anew of: template, image, variables, start script; judged
before anything is sent, with the watchdog of its lease in front again.

What of the container of before Vast keeps where a call does not name it is not documented, but for
the disk's size (docs/vast-api.md C.7, A.2): what is not known to be kept is said.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from vast_mcp import errors
from vast_mcp.account.asked import FACT, asked_of
from vast_mcp.errors import Json, NextStep, Problem
from vast_mcp.journal.records import Intent
from vast_mcp.leases import guards, lifetimes
from vast_mcp.machines.machine import Machine
from vast_mcp.renting import as_made, env_rules, image_rules, lease, rules, template_hashes
from vast_mcp.renting.kept_secrets import kept_env, kept_login
from vast_mcp.renting.lease import Lease
from vast_mcp.renting.logins import check_login_of_template, login_in
from vast_mcp.renting.onstart import check_with_template, mended, onstart_of
from vast_mcp.renting.onstart import warnings_of as warnings_of_onstart
from vast_mcp.renting.order import Order
from vast_mcp.renting.template_look import template_in
from vast_mcp.renting.what_runs import asked_by, started_by
from vast_mcp.session import Call, journal_may_fail
from vast_mcp.vast.account import Template
from vast_mcp.vast.deeds import may_have_happened
from vast_mcp.vast.models import Instance

TOOL = "update_instance"
CHANGES = ("template_hash_id", "image", "env", "onstart", "image_login")
_SENT = frozenset(CHANGES)
_NO_VM = "a VM: Vast makes containers anew alone"


@dataclass(frozen=True)
class Remaking:
    """A machine's container as it is to be made anew.

    `launch`: the request, and the mode in which it starts. `lease`: where its start script is
    written anew, and the machine has one. `not_kept`: names of variables that are not known to be
    kept.
    """

    launch: Json = field(repr=False)
    template: Template | None
    lease: Lease | None
    not_kept: Sequence[str]
    warnings: Sequence[str]

    @property
    def body(self) -> Json:
        """The request."""
        return {name: value for name, value in self.launch.items() if name in _SENT}

    def facts(self, before: Json) -> Json:
        """What the journal keeps of the machine once it is made of this."""
        after = dict(before)
        after.pop(as_made.CHECK, None)
        after[FACT] = self._asked(before.get(FACT) or {})
        made: Json = {**(before.get(as_made.FACT) or {}), **started_by(self.launch, self.template)}
        after[as_made.FACT] = {name: one for name, one in made.items() if one not in (None, {})}
        if self.lease is not None:
            after[lease.FACTS] = self.lease.facts
            after.pop(guards.CALLED_OFF, None)
        return after

    def _asked(self, before: Json) -> Json:
        """What is asked for now; without a template the rest of before."""
        now = asked_by(self.launch, self.template)
        if self.template is not None:
            return {**{name: before[name] for name in ("volume",) if name in before}, **now}
        changed = {"image"} & self.launch.keys()
        if "env" in self.launch:
            changed |= {"env", "ports"}
        kept = {name: one for name, one in before.items() if name not in changed}
        return kept | {name: now[name] for name in changed if name in now}


async def remaking_of(
    call: Call, given: Json, instance_id: int, row: Instance | None, left_out: Sequence[str]
) -> Remaking:
    """What a call makes of a machine. `given`: its arguments that change something; `left_out`:
    Docker options that env had. Raises BadArguments, NoSuchTemplate.
    """
    machine = Machine(row, call.record_of(instance_id))
    if machine.is_vm:
        raise errors.bad(TOOL, [Problem("instance_id", _NO_VM)])
    runtype = _runtype_of(machine, row) if "template_hash_id" not in given else None
    with _named():
        body = _body(given, call, runtype)
        template, unread = await template_in(call, body)
        if template is not None:
            check_login_of_template(body, template)
            check_with_template(body, _script(given), template)
    made, body = await _leased(call, given, body, instance_id, row)
    warnings = [
        unread,
        *image_rules.warnings_of(body.get("image")),
        *env_rules.warnings_of(_env_in(body), left_out),
        *warnings_of_onstart(given),
        *_of_template(template, body, row),
    ]
    return Remaking(
        body, template, made, _not_kept(row, body, template), [one for one in warnings if one]
    )


@contextmanager
def _named() -> Generator[None]:
    """Say of wrong arguments that they are this tool's."""
    try:
        yield
    except errors.BadArguments as exc:
        raise errors.bad(TOOL, exc.problems) from exc


def _runtype_of(machine: Machine, row: Instance | None) -> str | None:
    """The mode in which it starts, where that is known."""
    launch = machine.facts.get(FACT, {}).get("launch")
    return launch if row is None else asked_of(machine, row).launch


def _body(given: Json, call: Call, runtype: str | None) -> Json:
    """The request, with the mode that the machine has. Raises BadArguments."""
    asked = given if runtype is None else {**given, "runtype": runtype}
    body, problems = dict(asked), list[Problem]()
    for part, found in (kept_env(given, call.settings), _login(body, call), onstart_of(asked)):
        body |= part
        problems += found
    problems += env_rules.problems_of(_env_in(body), given.get("env_from", []))
    problems += image_rules.problems_of(body.get("image"))
    problems += template_hashes.problems_of(given.get("template_hash_id"))
    named = {problem.field for problem in problems}
    problems += [one for one in rules.contradictions(body) if one.field not in named]
    if problems:
        raise errors.bad(TOOL, problems)
    return body


def _env_in(body: Json) -> dict[str, str]:
    return body.get("env", {})


def _login(body: Json, call: Call) -> tuple[Json, list[Problem]]:
    kept, problems = kept_login(body, call.settings)
    return (kept, problems) if problems else login_in(body | kept, "image_login")


def _script(given: Json) -> str | None:
    return None if "onstart" not in given else mended(given["onstart"])


async def _leased(
    call: Call, given: Json, body: Json, instance_id: int, row: Instance | None
) -> tuple[Lease | None, Json]:
    """The body with the watchdog in front of a start script that is another from now on: the
    call's, or the template's. One that nothing changes has it as before.
    """
    until = lifetimes.end_of(call, instance_id, row)
    if until is None or not {"onstart", "template_hash_id"} & body.keys():
        return None, body
    return await lease.lease_until(call, Order(given, body), int(until))


def _of_template(template: Template | None, body: Json, row: Instance | None) -> list[str]:
    """What to warn of in a template."""
    if template is None:
        return []
    warnings = [] if "image" in body else image_rules.warnings_of_template(template)
    wanted, has = template.recommended_disk_space, None if row is None else row.disk_space
    if wanted and has and wanted > has:
        warnings.append(
            f"The template recommends {wanted:g} GB of disk, and this machine's {has:g} stay."
        )
    return warnings


def _not_kept(row: Instance | None, body: Json, template: Template | None) -> list[str]:
    if row is None or ("env" not in body and template is None):
        return []
    now = set(asked_by(body, template).get("env", []))
    before = asked_of(Machine(row, None), row).env or []
    return [name for name in before if name not in now]


@contextmanager
def noted(call: Call, record: Intent | None, remaking: Remaking) -> Generator[None]:
    """Keep in the journal what runs after the one request inside: nothing that is sure, while
    nobody knows what became of it, so that the row alone is believed.
    """
    if record is None:
        yield
        return
    unsure = {FACT, as_made.FACT, as_made.CHECK}
    with journal_may_fail:
        unknown = {name: one for name, one in record.facts.items() if name not in unsure}
        call.journal.note_facts(record, unknown)
    try:
        yield
    except errors.VastMcpError as exc:
        if not may_have_happened(exc):
            with journal_may_fail:
                call.journal.note_facts(record, record.facts)
        raise
    with journal_may_fail:
        call.journal.note_facts(record, remaking.facts(record.facts))


def not_running(instance_id: int, start: NextStep) -> errors.NotRunning:
    """Why a machine that is stopped is not made anew."""
    return errors.NotRunning(
        f"Machine {instance_id} is stopped, and Vast makes the container of one that runs anew "
        "alone: it would first start as it is, and bill.",
        instance_id=instance_id,
        next_steps=[start],
    )
