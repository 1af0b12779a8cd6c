"""What was spent as people read it: by day, by machine and kind, and until when the rest lasts."""

from __future__ import annotations

import time
from datetime import date, datetime, timedelta

from vast_mcp.commands.looks.asking import around, warned
from vast_mcp.commands.looks.figures import bar, dollars, for_hours, hourly, spark
from vast_mcp.commands.looks.pages import Cell, Column, Page
from vast_mcp.errors import Json
from vast_mcp.leases.labels import name_in

BAR, AS_BARS = 24, 14  # characters of a bar, and the most days that have one each
KINDS = {
    "gpu_usd": "GPU",
    "disk_usd": "disk",
    "traffic_usd": "traffic",
    "volume_usd": "volumes",
    "other_usd": "other",
}
ESTIMATE = "an estimate by what looks showed, without traffic"


def page_of(costs: Json) -> Page:
    """What was spent, as a person reads it."""
    page = Page()
    around(page, costs)
    page.say(_sum_of(costs), "bold")
    page.say(_kinds_of(costs))
    _add_days(page, costs)
    rows = costs["rows"]
    if rows:
        page.add(columns_of(rows))
    rest = costs.get("not_shown")
    if rest:
        page.say(f"{rest['count']} more came to {dollars(rest['usd'], 2)}: --limit shows more.")
    for paid in costs.get("payments") or ():
        page.say(f"Paid, {paid['kind']}: {dollars(paid['usd'], 2)}")
    for line in lasts(costs, time.time()):
        page.say(line)
    warned(page, costs)
    return page


def _sum_of(costs: Json) -> str:
    first, last = costs.get("first_day"), costs.get("last_day")
    days = first if first == last else f"{first} to {last}"
    by = f" ({ESTIMATE})" if costs.get("spent_is") == "estimate" else ""
    spent = costs.get("spent_usd")
    return f"Spent {'not known' if spent is None else dollars(spent, 2)}, {days} UTC{by}"


def _kinds_of(costs: Json) -> str:
    kinds: Json = costs.get("of_which") or {}
    amounts = {name: _cents(kinds.get(kind) or 0.0) for kind, name in KINDS.items()}
    return ", ".join(f"{name} {dollars(usd, 2)}" for name, usd in amounts.items() if usd)


def _cents(usd: float) -> float:
    """An amount as it is shown, so that what is shown as $0.00 is drawn as nothing too."""
    return round(usd, 2)


def every_day(costs: Json) -> list[tuple[date, float]]:
    """Each day from the first to the last, those of $0 too, which the answer leaves out; none where
    days are not told.
    """
    spent = {one["day"]: one["usd"] for one in costs.get("by_day") or ()}
    if not spent:
        return []
    first, last = date.fromisoformat(costs["first_day"]), date.fromisoformat(costs["last_day"])
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    return [(day, spent.get(day.isoformat(), 0.0)) for day in days]


def _add_days(page: Page, costs: Json) -> None:
    days = every_day(costs)
    if not days:
        return
    most_day, most = max(days, key=lambda one: one[1])
    if len(days) <= AS_BARS:
        page.add(
            [
                Column("Day", [Cell(f"{day:%a} {day}") for day, _ in days]),
                Column("$", [Cell(dollars(usd, 2)) for _, usd in days], right=True),
                Column("", [Cell(bar(_cents(usd), most, BAR), "cyan") for _, usd in days], 1),
            ]
        )
    else:
        line = spark([_cents(usd) for _, usd in days])
        page.say(f"By day {line} most {dollars(most, 2)} on {most_day}")


def columns_of(rows: list[Json]) -> list[Column]:
    """What cost most, and of which kinds it is."""
    most = max(row["usd"] for row in rows)

    def amounts(name: str, kind: str) -> Column:
        cells = [Cell("" if row.get(kind) is None else dollars(row[kind], 2)) for row in rows]
        return Column(name, cells, 2, right=True)

    return [
        Column("Of", [Cell(_source_of(row), "bold") for row in rows]),
        Column("$", [Cell(dollars(row["usd"], 2)) for row in rows], right=True),
        Column("", [Cell(bar(_cents(row["usd"]), most, BAR // 2), "cyan") for row in rows], 3),
        amounts("GPU", "gpu_usd"),
        amounts("Disk", "disk_usd"),
        amounts("Traffic", "traffic_usd"),
        Column("Days", [Cell(_days_of(row)) for row in rows], 4),
        Column(
            "Label", [Cell(name_in(row.get("untrusted_label")), "dim") for row in rows], 1, most=28
        ),
    ]


def _source_of(row: Json) -> str:
    if row.get("instance_id") is not None:
        return f"machine {row['instance_id']}"
    if row.get("volume_id") is not None:
        return f"volume {row['volume_id']}"
    return row.get("source") or "not known"


def _days_of(row: Json) -> str:
    first, last = row.get("first_day"), row.get("last_day")
    return first or "" if first == last else f"{first} to {last}"


def lasts(costs: Json, now: float) -> list[str]:
    """For how long the credit lasts, at this rate and with all machines stopped. `now` in epoch
    seconds.
    """
    told: list[str] = []
    credit = costs.get("credit_usd")
    left = "Credit is not known." if credit is None else f"Credit {dollars(credit, 2)}."
    rate = costs.get("total_usd_per_hour")
    if rate == 0:
        told.append(f"{left} Nothing bills now.")
    else:
        told.append(f"{left} Bills now {hourly(rate)}{_until(costs.get('hours_left'), now)}")
    stopped = costs.get("if_all_stopped_usd_per_hour")
    if stopped:
        hours = costs.get("hours_left_if_all_stopped")
        told.append(f"With all stopped {hourly(stopped)}{_until(hours, now)}")
    if costs.get("auto_billing"):
        told.append(costs["auto_billing"])
    return told


def _until(hours: float | None, now: float) -> str:
    """For how long, and until when by this computer's time zone."""
    if hours is None:
        return "."
    words = f": lasts {for_hours(hours)}"
    if hours > 24 * 365:
        return f"{words}."
    end = datetime.fromtimestamp(now + hours * 3_600).astimezone()
    return f"{words}, until about {end:%a %d %b %Y, %H:%M %Z}."
