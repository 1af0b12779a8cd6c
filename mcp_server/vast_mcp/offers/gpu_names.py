"""Names of GPUs: people write them freely, and Vast finds a card by its exact display name only
(docs/vast-api.md B.2, B.5).
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from vast_mcp import errors
from vast_mcp.errors import Problem
from vast_mcp.offers import gpu_words
from vast_mcp.offers.gpu_matching import matches, reading, shares_number
from vast_mcp.offers.gpu_words import Reading
from vast_mcp.session import Call
from vast_mcp.vast import names

CATALOGUE_S = 10.0  # seconds the list of names may take, so that the search has its own time

_NO_CARD = (
    "names no card: leave gpu_name out for any GPU, and say what it needs by min_gpu_ram_gb or "
    "filters (gpu_arch: nvidia, amd)"
)
_INSTANCE_TYPE = "another provider's type of machine; name the GPU, and how many by num_gpus"
_UNKNOWN = "Vast knows no such GPU"


@dataclass(frozen=True)
class Card:
    """One of Vast's display names, and the memory that was asked for with it, in GB."""

    name: str
    gb: int | None = None

    def __str__(self) -> str:
        return self.name if self.gb is None else f"{self.name} {self.gb}GB"


@dataclass(frozen=True)
class Cards:
    """What all the names of a search mean. `count` is how many of a card a name asks for."""

    cards: list[Card]
    count: int | None = None


async def known_to_vast(call: Call, asked: Sequence[str]) -> list[str]:
    """The names that exist, read again where the remembered ones do not cover what was asked.

    The list is empty when it cannot be read.
    """
    session = call.session
    if not session.gpu_names or any(not matches(name, session.gpu_names) for name in asked):
        with suppress(errors.VastMcpError):  # the search tells of it, if it fails as well
            session.gpu_names = await call.within(CATALOGUE_S).shared.gpu_names()
    return session.gpu_names


def resolve(
    asked: Sequence[str],
    known: Sequence[str],
    num_gpus: int | None = None,
    place: str = "gpu_name",
) -> Cards:
    """Vast's display names for what was asked; a name that fits several forms of a card means all
    of them.

    Raises BadArguments, with the real names that share the number, for each that Vast does not
    know, and where names ask for different numbers of cards.
    """
    problems = [
        Problem(place, f"{_place(number, asked)}{_why_not(name, known)}")
        for number, name in enumerate(asked, 1)
        if not matches(name, known)
    ]
    count, problem = _count(asked, num_gpus)
    if problem is None and count is not None and place != "gpu_name":
        problem = Problem(place, "says how many GPUs: that is num_gpus")
    if problem is not None:
        problems.append(problem)
    if problems:
        raise errors.bad("search_offers", problems)
    found = (Card(real, gpu_words.read(name).gb) for name in asked for real in matches(name, known))
    return Cards(_widest(found), count)


def _count(asked: Sequence[str], num_gpus: int | None) -> tuple[int | None, Problem | None]:
    """How many of a card the names ask for, None where none says so."""
    counts = {gpu_words.read(name).count for name in asked}
    if counts <= {None}:
        return None, None
    [first, *others] = counts
    if others or not first:
        return None, Problem("gpu_name", "says different numbers of GPUs: num_gpus is for them all")
    if num_gpus not in {None, first}:
        return None, Problem("num_gpus", f"gpu_name says {first} of them: leave one of both out")
    return first, None


def says_how_many(asked: Sequence[str]) -> bool:
    """Whether a name holds a number of cards ("8xA100")."""
    return any(gpu_words.read(name).count is not None for name in asked)


def _widest(found: Iterable[Card]) -> list[Card]:
    """Each once; a card asked for with any memory needs no other entry."""
    cards = list(dict.fromkeys(found))
    return [card for card in cards if card.gb is None or Card(card.name) not in cards]


# ── What is told of a name that means nothing ──────────────────────────────────────────────────


def _why_not(name: str, known: Sequence[str]) -> str:
    wish = gpu_words.read(name)
    if gpu_words.is_instance_type(name):
        return _INSTANCE_TYPE
    if wish.names_no_card:
        return _NO_CARD
    near = [real for real in nearest(name, known, len(known)) if shares_number(wish, real)][:8]
    if not near:
        return f"{_UNKNOWN}; min_gpu_ram_gb without gpu_name shows what there is"
    is_family_open = not wish.edition and "pro" not in wish.families
    if is_family_open and wish.model[0] in gpu_words.WORKSTATION:
        return f"several cards have this number: {', '.join(near)}"
    return f"{_UNKNOWN}; nearest: {', '.join(near)}"


def nearest(asked: str, known: Sequence[str], count: int = 4) -> list[str]:
    """So many real names, those that share the number and the likest first; only what may be shown
    is one.
    """
    wish = gpu_words.read(asked)

    def likeness(name: str) -> tuple[bool, float]:
        return shares_number(wish, name), _likeness(wish, name)

    return sorted(filter(names.card, known), key=likeness, reverse=True)[:count]


def _likeness(wish: Reading, name: str) -> float:
    """How alike two names are, 0 to 1."""
    return difflib.SequenceMatcher(None, wish.compact, reading(name).compact).ratio()


def _place(number: int, asked: Sequence[str]) -> str:
    """Which of several names is meant; the name itself is the caller's text, and stays out of
    errors.
    """
    if len(asked) == 1:
        return ""
    return f"number {number}: "
