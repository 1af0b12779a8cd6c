"""The filters that places become: their countries' codes, and for a part of a country what its rows
say (docs/vast-api.md B.2).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, ClassVar, cast

from vast_mcp.errors import Json
from vast_mcp.offers import gazetteer, places
from vast_mcp.offers.filters import Filter, any_of, none_of
from vast_mcp.offers.places import FIELD, Place
from vast_mcp.vast.models import Offer


@dataclass(frozen=True)
class _Parts(Filter):
    """Countries as Vast is asked for them, of some of which only parts are meant."""

    coarse: ClassVar[bool] = True
    parts: Mapping[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])

    def allows(self, offer: Offer) -> bool:
        if not super().allows(offer) or not offer.untrusted_location:
            return super().allows(offer)
        part, _, country = offer.untrusted_location.rpartition(",")
        wanted = self.parts.get(country.strip().upper())
        return wanted is None or gazetteer.key(part) in wanted


def filters_of(there: Sequence[Place], argument: str = FIELD) -> list[Filter]:
    """The filter for all of these places; none for none."""
    named = any_of(argument, FIELD, codes_of(there))
    whole = {code for place in there if not place.part for code in place.codes}
    parts: dict[str, frozenset[str]] = {}
    for place in there:
        [code, *_] = place.codes
        if place.part and code not in whole:
            parts[code] = parts.get(code, frozenset()) | {gazetteer.key(place.part)}
    if not parts:
        return named
    return [_Parts(argument, FIELD, one.ops, parts) for one in named]


def in_filters(ops: Json) -> tuple[list[Filter], list[str]]:
    """The filters that the operators on the field become, and what is told of their places."""
    argument = f"filters.{FIELD}"
    wanted, unwanted = (
        places.read_all(text for op in some if op in ops for text in _texts(ops[op]))
        for some in (("eq", "in"), ("neq", "notin"))
    )
    found = filters_of(wanted, argument) + none_of(argument, FIELD, codes_of(unwanted))
    rest = {op: value for op, value in ops.items() if op not in {"eq", "in", "neq", "notin"}}
    if rest:
        found.append(Filter(argument, FIELD, rest))
    return found, told([*wanted, *unwanted], argument)


def _texts(value: Any) -> list[str]:
    return cast("list[str]", value) if isinstance(value, list) else [value]


def codes_of(there: Sequence[Place]) -> list[str]:
    """Each code once."""
    return list(dict.fromkeys(code for place in there for code in place.codes))


def told(there: Sequence[Place], argument: str = FIELD) -> list[str]:
    """What an answer says of them, each once."""
    said = [place.told for place in there]
    said += [_no_state(one) for one, behind in pairwise(there) if behind == Place(("US",))]
    return [f"{argument}: {one}." for one in dict.fromkeys(said) if one]


def _no_state(place: Place) -> str:
    """What to say of "CA, US", which is two countries and may have been meant as a state."""
    [code, *others] = place.codes
    state = gazetteer.states().get(code.lower())
    if others or place.part or state is None:
        return ""
    return f"{code} is {gazetteer.codes()[code]}, not {state}"
