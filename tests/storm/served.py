"""The real server with a test's hands on it: `python -m storm.served` in place of `python -m
vast_mcp`.

STORM_STOPS names arrows between two states of the journal ("sending:before, confirmed:after"):
there the process says where it is and stands still until it is let go or killed. STORM_MUTATION
removes one safeguard, to prove that the storm would notice. STORM_BUDGET_S shortens the 50 s of a
call, which no setting does, in proportion with the other times.
"""

from __future__ import annotations

import dataclasses
import functools
import os
import socket
import sys
import types
from collections.abc import Callable
from typing import Any

from vast_mcp import environment, settings
from vast_mcp.journal import Journal
from vast_mcp.journal.copies import Copies
from vast_mcp.journal.deposits import Deposits
from vast_mcp.journal.jobs import Jobs
from vast_mcp.journal.locks import Owner
from vast_mcp.journal.plans import Plans
from vast_mcp.journal.runs import Run, Runs
from vast_mcp.journal.volumes import MadeVolumes
from vast_mcp.renting import attempt, limits
from vast_mcp.renting.prepaying import Reserving
from vast_mcp.vast.client import Vast
from vast_mcp.vast.departure import Departure
from vast_mcp.vast.link import Link
from vast_mcp.working.jobs import far

# The arrow between two states, and the journal's method that commits it.
ARROWS = {
    "sending": "mark_sending",
    "unknown": "mark_unknown",
    "confirmed": "mark_confirmed",
    "withdrawn": "mark_refused",
    "absent": "mark_absent",
}
# What the journal comes to know of a job, and the method that writes it.
JOB_STEPS = {
    "job named": "named",
    "job sent": "mark_sent",
    "job begun": "mark_begun",
    "job over": "mark_over",
}
# Of a run, the steps beside its stages, and the method that writes each.
RUN_STEPS = {"run opened": "opened", "run taken": "take", "run told": "mark_told"}
# What it comes to know of a plan and of its tries, and the method that writes it.
PLAN_STEPS = {
    "plan opened": "opened",
    "turn taken": "take",
    "try moved": "move",
    "end promised": "promise_end",
    "end begun": "note_ending",
    "seen gone": "note_gone",
    "plan over": "mark_over",
    "plan told": "mark_told",
}
# And of a volume that is made by itself.
VOLUME_STEPS = {
    "volume intended": "intend",
    "volume sending": "mark_sending",
    "volume unknown": "mark_unknown",
    "volume made": "mark_made",
    "volume absent": "mark_absent",
}
# What it comes to know of a payment ahead, and of a copy that Vast makes.
DEPOSIT_STEPS = {"deposit settled": "settle", "deposit lacked": "note_lack"}
COPY_STEPS = {"copy begun": "begin", "copy marked": "mark", "copy forgotten": "forget"}
PATIENCE_S = 120.0


def stand_still(name: str, left: set[str], port: int) -> None:
    """Tell the storm, once a stop, and wait for its word. The whole process waits: that is the
    point.
    """
    if name not in left:
        return
    left.discard(name)
    with socket.create_connection(("127.0.0.1", port), PATIENCE_S) as line:
        line.sendall(f"{name}\n".encode())
        line.recv(1)


def stops(names: set[str], port: int) -> None:
    """Stand still before and after the journal's commits that are named."""

    def around(arrow: str, method: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(method)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            if arrow != "claim":
                stand_still(f"{arrow}:before", names, port)
            done = method(*args, **kwargs)
            if arrow != "claim" or done is not None:
                stand_still(f"{arrow}:after", names, port)
            return done

        return wrapped

    attempt.claim = around("claim", attempt.claim)
    for arrow, method in ARROWS.items():
        setattr(Journal, method, around(arrow, getattr(Journal, method)))
    # In alone(), which commits it as this returns.
    Reserving._announce = around("deposit announced", Reserving._announce)  # type: ignore[method-assign]
    of_parts = (
        (JOB_STEPS, Jobs),
        (VOLUME_STEPS, MadeVolumes),
        (RUN_STEPS, Runs),
        (DEPOSIT_STEPS, Deposits),
        (COPY_STEPS, Copies),
    )
    for part, step, method in ((part, *one) for steps, part in of_parts for one in steps.items()):
        setattr(part, method, around(step, getattr(part, method)))
    note = Runs.note

    def noted(self: Runs, run: Run) -> None:
        step = "run begun" if run.stage == "job" and run.job else f"run {run.stage}"
        around(step, note)(self, run)

    Runs.note = noted  # type: ignore[method-assign]
    for step, method in PLAN_STEPS.items():
        setattr(Plans, method, around(step, getattr(Plans, method)))


# ── mutations ─────────────────────────────────────────────────────────────────────────────────────


def without_token() -> None:
    """The label goes out as the caller gave it."""
    rent = Vast.rent

    async def bare(self: Vast, offer_id: int, body: dict[str, Any], **more: Any) -> int:
        plain = {**body, "label": body["label"].rpartition("#")[0]}
        return await rent(self, offer_id, plain, **more)

    Vast.rent = bare


def without_owner_lock() -> None:
    """Every other process is taken for dead, and a request leaves however late it is: against one
    that stands still, either of the two is enough.
    """
    Owner.alive = lambda self, owner: owner == self.name  # type: ignore[method-assign]
    Departure.check = lambda _: None  # type: ignore[method-assign]


def without_fresh_connection() -> None:
    """The PUT takes a connection of the reads' pool."""

    class Pooled:
        def __init__(self, link: Link) -> None:
            self._pool = link.pool()

        async def __aenter__(self) -> Pooled:
            return self

        async def __aexit__(self, *exc: object) -> None: ...

        def __getattr__(self, name: str) -> Any:
            return getattr(self._pool, name)

    fresh, rent = Link.fresh, Vast.rent

    def used(link: Link) -> Any:
        return Pooled(link)

    async def pooled(self: Vast, offer_id: int, body: dict[str, Any], **more: Any) -> int:
        self._link.pool()
        Link.fresh = used  # type: ignore[method-assign]
        try:
            return await rent(self, offer_id, body, **more)
        finally:
            Link.fresh = fresh  # type: ignore[method-assign]

    Vast.rent = pooled


def without_count() -> None:
    """The limits are asked before the attempt is announced, and not with it."""
    uncounted = {**vars(limits), "check_account": lambda *_args: None}
    attempt.limits = types.SimpleNamespace(**uncounted)  # type: ignore[assignment]


def without_volumes() -> None:
    """The limits count machines alone."""
    limits.prices_of_volumes = lambda *_args: {}


def without_claim() -> None:
    """A job's folder that is there already stops nobody, and what a ticket runs stays there."""
    whole = far._far_side
    instead = {
        'mkdir "$job"': 'mkdir -p "$job"',
        'mv "$claim/command" "$job/command"': 'cp "$claim/command" "$job/command"',
        'rm -rf "$claim"\ntrap': "trap",
    }

    def far_side() -> str:
        text = whole()
        for old, new in instead.items():
            assert old in text, old
            text = text.replace(old, new)
        return text

    far._far_side = far_side


def without_name() -> None:
    """The journal forgets which job a wish has."""
    Jobs.of_wish = lambda *_: None  # type: ignore[method-assign]


MUTATIONS = {
    "token": without_token,
    "owner lock": without_owner_lock,
    "fresh connection": without_fresh_connection,
    "count": without_count,
    "volumes": without_volumes,
    "claim": without_claim,
    "job's name": without_name,
}


def shorten(budget_s: float) -> None:
    """Every call ends sooner."""
    load = environment.load

    def loaded(*args: Any, **kwargs: Any) -> settings.Settings:
        whole = load(*args, **kwargs)
        return dataclasses.replace(whole, times=dataclasses.replace(whole.times, budget_s=budget_s))

    environment.load = loaded


def main() -> None:
    if budget := os.environ.get("STORM_BUDGET_S"):
        shorten(float(budget))
    if mutation := os.environ.get("STORM_MUTATION"):
        MUTATIONS[mutation]()
    if names := os.environ.get("STORM_STOPS"):
        stops(set(names.split(",")), int(os.environ["STORM_CONTROL"]))
    from vast_mcp.commands.cli import run

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
