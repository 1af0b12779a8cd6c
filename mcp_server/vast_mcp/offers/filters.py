"""Filters: each is asked of Vast, then checked again on every row, because Vast's own leak
(docs/vast-api.md B.2).
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

from vast_mcp.errors import Json
from vast_mcp.vast import names
from vast_mcp.vast.columns import COMPARE
from vast_mcp.vast.models import GPU_ARCH, Offer

# What rows are held to and no column of Vast's is: the dearer of the two prices of traffic, $/GB,
# and the memory that one gets, MB. Vast is asked of the columns behind them.
TRAFFIC, OWN_RAM = "dearer of inet_*_cost", "share of cpu_ram"
_COLUMNS = {TRAFFIC: ("inet_down_cost", "inet_up_cost"), OWN_RAM: ("cpu_ram",)}
# What a row must show to be borne out: silence is neither free traffic nor another machine.
_SHOWN = {"vms_enabled", *_COLUMNS}
EXCLUDED, BEFORE = "exclude_machine_ids", "before"
NAMING_MACHINES = frozenset({EXCLUDED, BEFORE})  # arguments that rest on which machine it is

DEFAULTS = {"verified": True, "external": False, "rentable": True, "rented": False}
_SAME_FACT = {"verified": "verification"}


@dataclass(frozen=True)
class Filter:
    """One filter in the API's terms, and the argument that it came from.

    `argument` is None for the defaults of every search, which are never relaxed.
    """

    argument: str | None
    field: str
    ops: Json

    @property
    def first(self) -> tuple[str, Any]:
        """The first operator and what it compares with; most filters have one."""
        return next(iter(self.ops.items()))

    # Whether Vast can only be asked for more than is meant.
    coarse: ClassVar[bool] = False

    @property
    def is_coarse(self) -> bool:
        """Whether Vast lets through what rows are then held to."""
        return self.coarse or self.field == OWN_RAM

    @property
    def columns(self) -> tuple[str, ...]:
        """What Vast is asked of."""
        return _COLUMNS.get(self.field, (self.field,))

    def allows(self, offer: Offer) -> bool:
        """Whether a row bears the filter out. Where a row is silent Vast has judged, except of what
        must be shown.
        """
        fact = fact_of(offer, self.field)
        if fact is None and self.ops:
            return self.field not in _SHOWN and self.argument not in NAMING_MACHINES
        return all(_holds(fact, op, asked) for op, asked in self.ops.items())


def defaults(given: Container[str]) -> list[Filter]:
    """What every search asks, save for the fields that were given."""
    return [
        Filter(None, field, {"eq": value})
        for field, value in DEFAULTS.items()
        if field not in given and _SAME_FACT.get(field, field) not in given
    ]


def any_of(argument: str, field: str, values: list[str]) -> list[Filter]:
    """The filter for a list of names; none for an empty list."""
    if not values:
        return []
    return [Filter(argument, field, _one_of(values))]


def none_of(argument: str, field: str, values: list[str]) -> list[Filter]:
    """The filter for names that are not to be found; none for an empty list."""
    if not values:
        return []
    return [Filter(argument, field, {"notin": values} if values[1:] else {"neq": values[0]})]


def _one_of(values: list[str]) -> Json:
    """What a field must be that is to have one of these values."""
    if len(values) == 1:
        return {"eq": values[0]}
    return {"in": values}


def fits(offer: Offer, filters: Iterable[Filter]) -> bool:
    """Whether a row bears every filter out."""
    return all(one.allows(offer) for one in filters)


def is_visible(field: str) -> bool:
    """Whether rows show what a filter is about."""
    return field in _FACTS or field in Offer.model_fields


def fact_of(offer: Offer, field: str) -> Any:
    """What a row says about a filter, None for nothing; some filters are no keys of a row (B.2).
    It may be a stranger's text, to compare and not to show.
    """
    if field in _FACTS:
        return _FACTS[field](offer)
    fact = vars(offer).get(field)
    return offer.stated.get(field) if fact is None else fact


def _is_verified(offer: Offer) -> bool | None:
    if offer.verification is None:
        return None
    return offer.verification == "verified"


def _is_datacenter(offer: Offer) -> bool | None:
    if offer.hosting_type is None:
        return None
    return offer.hosting_type == 1


def reliability_of(offer: Offer) -> float | None:
    """A host's reliability, 0 to 1, by the newer of two figures where it is there."""
    if offer.reliability2 is None:
        return offer.reliability
    return offer.reliability2


def _country_of(offer: Offer) -> str | None:
    """The two letters at the end of "Texas, US"."""
    if not offer.untrusted_location:
        return None
    return offer.untrusted_location.rsplit(",", 1)[-1].strip().upper()


def _card_of(offer: Offer) -> str | None:
    """What stands where the GPU's name should: a filter is borne out by that alone."""
    return offer.untrusted_gpu_name


def compute_cap_of(offer: Offer) -> float | None:
    """CUDA compute capability * 100, None where it is not known. It is NVIDIA's notion: another
    maker's card has 0, whatever its row says.
    """
    if offer.gpu_arch not in (None, GPU_ARCH[0], names.UNREADABLE):
        return 0.0
    return offer.compute_cap or None


_FACTS: dict[str, Callable[[Offer], Any]] = {
    TRAFFIC: lambda offer: offer.dearer_traffic,
    OWN_RAM: lambda offer: offer.own_cpu_ram,
    "compute_cap": compute_cap_of,
    "verified": _is_verified,
    "datacenter": _is_datacenter,
    "reliability": reliability_of,
    "reliability2": reliability_of,
    "geolocation": _country_of,
    "gpu_name": _card_of,
}


def _holds(fact: Any, op: str, asked: Any) -> bool:
    """Whether one operator holds of a row's fact."""
    if op == "in":
        return any(_holds(fact, "eq", one) for one in asked)
    if op == "notin":
        return not _holds(fact, "in", asked)
    try:
        return bool(COMPARE[op](fact, _of_one_kind(fact, asked)))
    except (TypeError, ValueError):
        return True  # they do not compare, and Vast took the filter, so Vast has judged


def _of_one_kind(fact: Any, asked: Any) -> Any:
    """What was asked, as a number where it came as text, as the official client sends it."""
    if isinstance(asked, str) and not isinstance(fact, str):
        return float(asked)
    return asked
