"""Lines that people type: which option is which argument of a tool, and a call as such a line."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from vast_mcp.commands.options import finite
from vast_mcp.errors import Json

STATUSES = """\
exit status:
  0  shown
  1  an error; nothing bills because of it
  2  wrong usage: an option, or its value
"""


@dataclass(frozen=True)
class Option:
    """An option of a command that is an argument of its tool."""

    flags: tuple[str, ...]
    argument: str
    what: str  # in the help
    metavar: str | None = None
    kind: Callable[[str], int | float | str] = str
    several: bool = False
    choices: tuple[str, ...] = ()

    def add_to(self, parser: argparse.ArgumentParser) -> None:
        """Add it to a command. It is not set where it is not given."""
        more: dict[str, Any] = {"dest": self.argument, "help": self.what, "default": None}
        if self.metavar is None and not self.choices:
            parser.add_argument(*self.flags, action="store_true", **more)
            return
        if self.choices:
            more["choices"] = self.choices
        if self.several:
            more["action"] = "append"
        parser.add_argument(*self.flags, metavar=self.metavar, type=self.kind, **more)


OFFERS = (
    Option(
        ("--gpu",), "gpu_name", "the card, spelled freely; may be repeated", "NAME", several=True
    ),
    Option(("--count", "--gpus"), "num_gpus", "exactly so many cards", "N", int),
    Option(("--max",), "max_usd_per_hour", "at most so much, disk included, $/hour", "USD", finite),
    Option(("--memory",), "min_gpu_ram_gb", "memory of each card, at least", "GB", finite),
    Option(("--disk",), "min_disk_gb", "the disk that prices include (default 10)", "GB", finite),
    Option(("--where",), "geolocation", "a place; may be repeated", "PLACE", several=True),
    Option(("--reliability",), "min_reliability", "at least, 0 to 1; 0.98 is good", "R", finite),
    Option(("--hours",), "min_hours", "until the host may take it back", "H", finite),
    Option(("--cuda",), "min_cuda", "CUDA version of the driver, at least", "V", finite),
    Option(("--compute-cap",), "min_compute_cap", "at least, e.g. 8.9", "V", finite),
    Option(("--cpu-ram",), "min_cpu_ram_gb", "your share, at least", "GB", finite),
    Option(("--down",), "min_inet_down_mbps", "internet speed, Mbit/s, at least", "MBPS", finite),
    Option(("--traffic",), "max_usd_per_tb", "traffic at most, $/TB", "USD", finite),
    Option(("--ports",), "min_direct_ports", "open to the internet, at least", "N", int),
    Option(
        ("--without",),
        "exclude_machine_ids",
        "not this machine_id; may be repeated",
        "ID",
        int,
        several=True,
    ),
    Option(
        ("--before",),
        "before",
        "what became of rentals from here",
        choices=("any", "not_failed", "worked"),
    ),
    Option(("--datacenter",), "datacenter_only", "in data centers only"),
    Option(("--vm",), "vm", "machines for VMs"),
    Option(
        ("--type",),
        "type",
        "how it is rented (default on-demand)",
        choices=("on-demand", "bid", "reserved"),
    ),
    Option(
        ("--template",), "template_hash_id", "the template that it is to be rented with", "HASH"
    ),
    Option(("--filters",), "filters", "more, as a query of the vastai client", "QUERY"),
    Option(
        ("--sort",),
        "order_by",
        "what comes first (default usd_per_hour)",
        choices=("usd_per_hour", "score", "reliability", "available_hours"),
    ),
    Option(("--limit",), "limit", "at most so many, 1 to 50 (default 10)", "N", int),
)
MACHINES = (
    Option(
        ("--state",),
        "state",
        "only these",
        choices=("all", "running", "stopped", "starting", "failed"),
    ),
    Option(("--label",), "label", "only labels that contain this", "TEXT"),
)
COSTS = (Option(("--limit",), "limit", "at most so many rows, 1 to 50 (default 10)", "N", int),)

_COMMANDS = {"search_offers": ("offers", OFFERS), "show_instances": ("machines", MACHINES)}


def given(chosen: argparse.Namespace, known: tuple[Option, ...]) -> Json:
    """The arguments that a line gives."""
    asked = {one.argument: getattr(chosen, one.argument) for one in known}
    return {name: value for name, value in asked.items() if value is not None}


def flags_of(known: tuple[Option, ...]) -> dict[str, str]:
    """The option of each argument."""
    return {one.argument: one.flags[0] for one in known}


def words_of(tool: str, arguments: Json) -> list[str] | None:
    """A tool's call as a command of its own; None where people have none for it, or no option for
    one of its arguments.
    """
    if tool not in _COMMANDS:
        return None
    command, known = _COMMANDS[tool]
    options = {one.argument: one for one in known}
    if not arguments.keys() <= options.keys():
        return None
    words = [command]
    for name, value in arguments.items():
        words += _words(options[name], value)
    return words


def _words(option: Option, value: Any) -> list[str]:
    flag = option.flags[0]
    if isinstance(value, bool):
        return [flag] if value else []
    if isinstance(value, list):
        return [word for one in cast("list[Any]", value) for word in (flag, str(one))]
    return [flag, str(value)]
