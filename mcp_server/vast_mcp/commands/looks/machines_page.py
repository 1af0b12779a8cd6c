"""Machines as a table for people: what each is, what it bills, when it ends."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence

from vast_mcp.commands import options
from vast_mcp.commands.looks.asking import around, lines_of, warned
from vast_mcp.commands.looks.figures import dollars, for_hours, hourly, lasting, spark
from vast_mcp.commands.looks.pages import Cell, Column, Page
from vast_mcp.commands.looks.watching import Use
from vast_mcp.errors import Json
from vast_mcp.leases.labels import name_in

STYLES = {"running": "green", "starting": "yellow", "stopped": "dim", "failed": "red"}
SOON_H = 1.0  # in which a machine ends


def worth_reading(listed: Json) -> list[int]:
    """The machines of which a look at each alone tells more: whose GPU works, or may soon."""
    rows = listed.get("instances") or ()
    return [row["instance_id"] for row in rows if row["state"] in {"running", "starting"}]


def page_of(
    listed: Json,
    alone: Mapping[int, Json],
    chosen: argparse.Namespace,
    use: Use | None = None,
    most: int | None = None,
) -> Page:
    """What there is, as a person reads it. `alone`: what machines told that were read one by one;
    `use`: earlier readings of their GPUs in percent; `most`: rows that have room.
    """
    page = Page()
    around(page, listed)
    page.say(_summary(listed), "bold")
    rows = [whole_row(row, alone) for row in listed["instances"]]
    if rows:
        page.add(columns_of(rows[:most], use or {}))
        if most is not None and len(rows) > most:
            page.say(f"{len(rows) - most} more have no room here: --state and --label show fewer.")
    if listed.get("more"):
        page.say(f"{listed['more']} more are not shown: --state and --label show fewer.")
    for row in rows[:most]:
        page.say(_way_in(row), whole=True)
    for one in listed.get("open_intents") or ():
        page.say(
            f"A rental of offer {one['offer_id']} is in doubt: it may be a machine that bills. "
            f"{options.command_of(chosen)} reconcile settles it.",
            "yellow",
        )
    warned(page, listed)
    for warning, whose in _warned_of(rows).items():
        page.say(f"! {', '.join(whose)}: {warning}", "yellow")
    if not rows:
        for line in lines_of(chosen, listed["next_steps"]):
            page.say(line, "dim", whole=True)
    return page


def whole_row(row: Json, alone: Mapping[int, Json]) -> Json:
    """A row of the list with what the machine told when it was read alone, as long as it is in the
    same state.
    """
    told = alone.get(row["instance_id"], {})
    return {**told, **row} if told.get("state") == row["state"] else row


def _summary(listed: Json) -> str:
    count = listed["count"]
    many = "No machines" if not count else f"{count} machine{'' if count == 1 else 's'}"
    rate = listed.get("total_usd_per_hour")
    if rate == 0:
        return f"{many}, nothing bills."
    told = f"{many}. Bills now {hourly(rate)}, traffic extra{_parts(listed['of_which'])}"
    stopped = listed.get("if_all_stopped_usd_per_hour")
    return f"{told}; with all stopped {hourly(stopped)}." if stopped else f"{told}."


def _parts(of_which: Json) -> str:
    names = {"running": "running", "stopped_disks": "stopped", "volumes": "volumes"}
    told = [f"{names[part]} {dollars(of_which[part])}" for part in names if of_which.get(part)]
    return f" ({', '.join(told)})" if len(told) > 1 else ""


def _warned_of(rows: Sequence[Json]) -> dict[str, list[str]]:
    """What machines warned of that were read alone, with the machines of each."""
    told: dict[str, list[str]] = {}
    for row in rows:
        for warning in row.get("warnings") or ():
            told.setdefault(warning, []).append(str(row["instance_id"]))
    return told


# ── the table ──────────────────────────────────────────────────────────────────────────────────


def columns_of(rows: Sequence[Json], use: Mapping[int, Sequence[float | None]]) -> list[Column]:
    """The facts of machines, by how much they weigh where not all have room."""
    return [
        Column("Machine", [Cell(str(row["instance_id"])) for row in rows]),
        Column("State", [Cell(state_of(row), STYLES.get(row["state"], "")) for row in rows]),
        Column("GPU", [Cell(row.get("gpu") or "", "bold") for row in rows], 1),
        Column("$/h", [Cell(dollars(row.get("usd_per_hour"))) for row in rows], right=True),
        Column("GPU use", [_use_of(row, use.get(row["instance_id"], ())) for row in rows], 2),
        Column("Ends in", [_end_of(row) for row in rows], 1, right=True),
        Column("Age", [Cell(for_hours(row.get("age_hours"))) for row in rows], 4, right=True),
        Column("Spent", [Cell(_spent(row)) for row in rows], 4, right=True),
        Column("Made by", [Cell(_whose(row)) for row in rows], 6),
        Column("Place", [Cell(row.get("untrusted_location") or "") for row in rows], 5, most=24),
        Column("Label", [Cell(label_of(row), "dim") for row in rows], 3, most=28),
    ]


def state_of(row: Json) -> str:
    """The state, what it comes of, and of a start or its failure since when: how long others last
    is known since this process began alone.
    """
    words = [row["state"]]
    phase = row.get("phase")
    if phase:
        words.append(str(phase).replace("_", " "))
    if row.get("phase_for_s") is not None and row["state"] in {"starting", "failed"}:
        since = lasting(row["phase_for_s"])
        usual = row.get("usual_s")
        words.append(since if usual is None else f"{since} of usually {lasting(usual)}")
    return ", ".join(words)


def _use_of(row: Json, before: Sequence[float | None]) -> Cell:
    """How much the GPU works, where that is a reading, after what it was before."""
    now = row.get("gpu_util_percent")
    words = "" if now is None else f"{now:.0f} %"
    return Cell(f"{spark(before, 100.0)} {words}" if len(before) > 1 else words, "cyan")


def _end_of(row: Json) -> Cell:
    if row.get("past_lease"):
        return Cell("past its end", "red")
    left = row.get("lease_left_hours")
    if left is None:
        return Cell("no lease", "dim")
    return Cell(for_hours(left), "yellow" if left < SOON_H else "")


def _spent(row: Json) -> str:
    spent = row.get("spent_usd")
    most = "at most " if row.get("spent_is") == "at_most" else ""
    return "" if spent is None else f"{most}{dollars(spent, 2)}"


def _whose(row: Json) -> str:
    if row.get("ours") is None:
        return "not known"
    return "vast-mcp" if row["ours"] else "others"


def label_of(row: Json) -> str:
    """The label as its writer wrote it, without what vast-mcp puts behind it."""
    return name_in(row.get("untrusted_label"))


def _way_in(row: Json) -> str | None:
    access: Json = row.get("access") or {}
    ssh = access.get("ssh")
    return f"{row['instance_id']}: {ssh}" if ssh else None
