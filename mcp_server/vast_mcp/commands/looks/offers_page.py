"""What a search found, as a table for people."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from vast_mcp.commands.looks.asking import around, lines_of, warned
from vast_mcp.commands.looks.figures import dollars, for_hours, number
from vast_mcp.commands.looks.pages import Cell, Column, Page
from vast_mcp.errors import Json

GOOD, POOR = 0.98, 0.9  # of reliability


def page_of(found: Json, chosen: argparse.Namespace) -> Page:
    """What a search found, as a person reads it."""
    page = Page()
    around(page, found)
    usual: Json = found.get("usual") or {}
    rows: list[Json] = [{**usual, **row} for row in found["offers"]]
    if rows:
        page.add(columns_of(rows))
        more = " More fit: --limit shows them." if found.get("more") else ""
        disk = number(found["disk_gb"])
        page.say(f"Prices are of the whole machine with {disk} GB of disk; traffic is extra.{more}")
    else:
        page.say("Nothing fits.", "bold")
    warned(page, found)
    for line in lines_of(chosen, found["next_steps"]):
        page.say(line, "dim", whole=True)
    return page


def columns_of(rows: list[Json]) -> list[Column]:
    """The facts of offers, by how much they weigh where not all have room."""

    def column(name: str, tell: Callable[[Json], Any], rank: int, *, right: bool = True) -> Column:
        cells = [_as_cell(tell(row)) for row in rows]
        return Column(name, cells, rank, right)

    return [
        column("Offer", lambda row: str(row["offer_id"]), 0, right=False),
        column("GPU", gpu_of, 0, right=False),
        column("$/h", price_of, 0),
        column("On demand", lambda row: _price(row.get("on_demand_usd_per_hour")), 1),
        column("Reliable", reliability_of, 2),
        column("Place", _place_of, 1, right=False),
        column("Mbit/s", lambda row: _pair(row.get("inet_mbps")), 2),
        column("RAM", lambda row: _gb(row.get("cpu_ram_gb")), 3),
        column("Cores", lambda row: number(row.get("cpu_cores")), 4),
        column("Free for", lambda row: for_hours(row.get("available_hours")), 3),
        column("$/TB", lambda row: _pair(row.get("usd_per_tb")), 4),
        column("Ports", lambda row: number(row.get("direct_ports")), 6),
        column("CUDA", lambda row: number(row.get("cuda_max")), 5),
        column("Disk", lambda row: _gb(row.get("free_disk_gb")), 7),
        column("Machine", lambda row: number_of(row.get("machine_id")), 6),
        column("VM", lambda row: "yes" if row.get("vm") else "", 8, right=False),
        column("Before", lambda row: row.get("before"), 3, right=False),
    ]


def _as_cell(told: Any) -> Cell:
    return told if isinstance(told, Cell) else Cell(told or "")


def gpu_of(row: Json) -> Cell:
    """The card, how many of it, and its memory."""
    name = row.get("gpu_name") or row.get("untrusted_gpu_name") or "not known"
    many = f"{row['num_gpus']}x " if row.get("num_gpus") else ""
    memory = f" {row['gpu_ram_gb']} GB" if row.get("gpu_ram_gb") else ""
    return Cell(f"{many}{name}{memory}", "bold")


def price_of(row: Json) -> Cell:
    """What it costs; where a bid is no cheaper than on demand, that stands out."""
    return Cell(dollars(row["usd_per_hour"]), "yellow" if row.get("bid_saves_nothing") else "green")


def reliability_of(row: Json) -> Cell:
    """How reliable it was, in percent."""
    told = row.get("reliability")
    if told is None:
        return Cell("")
    style = "" if told >= GOOD else "yellow"
    return Cell(f"{told * 100:.1f} %", "red" if told < POOR else style)


def number_of(value: int | None) -> str:
    """A number that names something."""
    return "" if value is None else str(value)


def _price(value: float | None) -> str:
    return "" if value is None else dollars(value)


def _gb(value: float | None) -> str:
    return "" if value is None else f"{number(value)} GB"


def _pair(values: list[float] | None) -> str:
    """Down and up, or one figure where both are the same."""
    return "/".join(number(value) for value in values or ())


def _place_of(row: Json) -> str:
    return row.get("location") or row.get("untrusted_location") or ""
