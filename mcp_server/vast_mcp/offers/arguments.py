"""Arguments of search_offers in the API's terms, and a row's fact as the value of an argument."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass

from vast_mcp.machines import figures
from vast_mcp.offers.filters import NAMING_MACHINES, OWN_RAM, TRAFFIC

MOST_EXCLUDED = 64  # machines left out of one search
NAMES = ("gpu_name", "geolocation")  # arguments that are lists, and called as the field is


@dataclass(frozen=True)
class Field:
    """An argument that becomes one filter: the API's field and operator.

    `unit` is the API's units in one of the argument's, None where both count alike; the API counts
    whole ones, or not. Below `least` the argument, or a rental, makes no sense.
    """

    argument: str
    name: str
    op: str
    unit: float | None = None
    least: float = 0
    whole: bool = True


FIELDS = (
    Field("vm", "vms_enabled", "eq"),
    Field("datacenter_only", "datacenter", "eq"),
    Field("num_gpus", "num_gpus", "eq"),
    Field("min_gpu_ram_gb", "gpu_ram", "gte", unit=figures.MIB_PER_GB),
    Field("max_usd_per_hour", "dph_total", "lte"),
    Field("min_reliability", "reliability", "gte"),
    Field("min_disk_gb", "disk_space", "gte", least=8),
    Field("min_cuda", "cuda_max_good", "gte"),
    Field("min_direct_ports", "direct_port_count", "gte"),
    Field("min_hours", "duration", "gte", unit=3600, least=1),
    Field("min_compute_cap", "compute_cap", "gte", unit=100),
    Field("min_cpu_ram_gb", OWN_RAM, "gte", unit=figures.MIB_PER_GB),
    Field("min_inet_down_mbps", "inet_down", "gte"),
    Field("max_usd_per_tb", TRAFFIC, "lte", unit=1 / figures.GB_PER_TB, whole=False),
)
# sm_20 was the first that had a number without a point; no capability is above 20. Vast's numbers
# are 100 times it (docs/vast-api.md B.2).
_LEAST_SM, _LEAST_BY_VAST, _MOST_BY_VAST = 20, 200, 2000
_FREE = Field("filters", "", "")  # a filter in the API's own terms and units
_BY_ARGUMENT = {field.argument: field for field in FIELDS}
_ARGUMENTS = {field.name: field.argument for field in FIELDS} | {name: name for name in NAMES}
# Arguments that are called otherwise than the field that they filter by.
OF_OTHER_NAMES = frozenset(
    {field.argument for field in FIELDS} - _ARGUMENTS.keys() | NAMING_MACHINES
)


def given_fields(given: set[str]) -> dict[str, str]:
    """The API's fields that given arguments filter by, each with its argument."""
    return {name: argument for name, argument in _ARGUMENTS.items() if argument in given}


def _field_of(argument: str) -> Field:
    """The field that an argument filters by. A filter in the API's terms has the one that converts
    nothing.
    """
    return _BY_ARGUMENT.get(argument, _FREE)


def to_api(argument: str, value: float) -> float:
    """An argument's value in the API's unit."""
    field = _field_of(argument)
    if field.unit is None:
        return value
    if not field.whole:
        return value * field.unit
    return math.floor(round(value * field.unit, 6))  # 870 for 8.7, and not 869


def from_api(argument: str, fact: float) -> float | None:
    """A row's fact as a value of the argument, rounded so that the row still fits.

    None where so small a value makes no sense.
    """
    value = _rounded(argument, fact)
    if value < _field_of(argument).least:
        return None
    return value


def _rounded(argument: str, fact: float) -> float:
    match argument:
        case "min_gpu_ram_gb":
            return figures.driver_gb(fact)
        case "max_usd_per_hour":
            return figures.at_least(fact)
        case "max_usd_per_tb":
            return figures.tidy(figures.at_least(fact * figures.GB_PER_TB))
        case "min_compute_cap":
            return figures.tidy(round(fact / 100, 2))
        case "min_cpu_ram_gb":
            return int(fact / 1024)
        case "min_hours":
            return int(fact / 3600)
        case "min_disk_gb":
            return int(fact)
        case _ if argument.startswith("filters."):
            return figures.tidy(fact)
        case _:
            return figures.tidy(figures.at_most(fact))


def compute_cap(value: float) -> float:
    """Read 8.9, and Vast's 890 for it. Raises ValueError for 89 and 120, which are neither (sm_120
    is 12.0, and 120 is 1.2 by Vast's count).
    """
    if value < _LEAST_SM:
        return value
    if _LEAST_BY_VAST <= value <= _MOST_BY_VAST:
        return round(value / 100, 2)
    raise ValueError("a compute capability as NVIDIA writes it: 8.9 (not 89), 12.0 (not 120)")


def as_list(value: object) -> object:
    """Read one text, several between commas, or a list that came as JSON text (Claude Desktop
    sends those) or in the official client's brackets. Raises ValueError for broken JSON.
    """
    if not isinstance(value, str):
        return value
    text = value.strip()
    if text.startswith("["):
        try:
            return json.loads(text)
        except (ValueError, RecursionError) as exc:
            if re.fullmatch(r"\[[^\[\]{}\"]+\]", text) is None:
                raise ValueError("must be a text or a list of texts") from exc
            text = text[1:-1]
    return [part.strip(" '") for part in text.split(",")]
