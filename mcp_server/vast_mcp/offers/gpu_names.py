"""Names of GPUs: people write them freely, and Vast finds a card by its exact display name only
(docs/vast-api.md B.2).
"""

from __future__ import annotations

import difflib
import functools
import itertools
import re
from collections.abc import Sequence
from contextlib import suppress

from vast_mcp import errors
from vast_mcp.errors import Problem
from vast_mcp.session import Call
from vast_mcp.vast import names

CATALOGUE_S = 10.0  # seconds the list of names may take, so that the search has its own time

# People's words, or Vast's, that never tell two cards apart.
_VENDOR = {"nvidia", "geforce", "amd", "q", "quadro"}
# In display names, and often left out by people.
_FAMILY = {"rtx", "gtx", "tesla"}
# Words that make it another card, not another form of it.
_OTHER_CARD = {"ti", "d", "ada", "laptop", "mobile", "max"}


async def known_to_vast(call: Call, asked: Sequence[str]) -> list[str]:
    """The names that exist, read again where the remembered ones do not cover what was asked.

    The list is empty when it cannot be read.
    """
    session = call.session
    if not session.gpu_names or _unknown(asked, session.gpu_names):
        with suppress(errors.VastMcpError):  # the search tells of it, if it fails as well
            session.gpu_names = await call.within(CATALOGUE_S).shared.gpu_names()
    return session.gpu_names


def resolve(asked: Sequence[str], known: Sequence[str]) -> list[str]:
    """Vast's display names for what was asked; a name that fits several cards means all of them.

    Raises BadArguments with the nearest real names for each that Vast does not know.
    """
    unknown = set(_unknown(asked, known))
    if unknown:
        problems = [
            Problem("gpu_name", f"{_place(number, asked)}{_no_such(name, known)}")
            for number, name in enumerate(asked, 1)
            if name in unknown
        ]
        raise errors.bad("search_offers", problems)
    found = dict.fromkeys(real for name in asked for real in matches(name, known))
    return list(found)


def matches(asked: str, known: Sequence[str]) -> list[str]:
    """The names that `asked` means: the same card, else the card without its family's name, else
    the card's forms.
    """
    words = _words(asked)
    spelled = "".join(words)
    same = [name for name in known if "".join(_words(name)) == spelled]
    if same:
        return same
    without_family = [name for name in known if "".join(_bare(name)) == spelled]
    if without_family or not re.search(r"\d", spelled):
        return without_family
    return [name for name in known if _is_form(_words(name), words) or _is_form(_bare(name), words)]


def nearest(asked: str, known: Sequence[str], count: int = 4) -> list[str]:
    """So many real names, the likest first; only what may be shown is one."""
    likeness = functools.partial(_likeness, asked)
    return sorted(filter(names.card, known), key=likeness, reverse=True)[:count]


def _unknown(asked: Sequence[str], known: Sequence[str]) -> list[str]:
    return [name for name in asked if not matches(name, known)]


def _no_such(name: str, known: Sequence[str]) -> str:
    return f"Vast knows no such GPU; nearest: {', '.join(nearest(name, known))}"


def _place(number: int, asked: Sequence[str]) -> str:
    """Which of several names is meant; the name itself is the caller's text, and stays out of
    errors.
    """
    if len(asked) == 1:
        return ""
    return f"number {number}: "


def _likeness(asked: str, name: str) -> float:
    """How alike two names are, 0 to 1, with their families' names or without."""
    return max(_ratio(_words(asked), _words(name)), _ratio(_bare(asked), _bare(name)))


def _ratio(one: list[str], other: list[str]) -> float:
    return difflib.SequenceMatcher(None, "".join(one), "".join(other)).ratio()


def _is_form(name: list[str], asked: list[str]) -> bool:
    """Whether a card is a form of another: A100 SXM4 is one of A100, RTX 4070 Ti none of RTX
    4070.
    """
    length = len(asked)
    return name[:length] == asked and _OTHER_CARD.isdisjoint(name[length:])


def _words(name: str) -> list[str]:
    """A name's words in lower case without vendors; marks that people and Vast write differently
    become one.
    """
    text = re.sub("[^a-z0-9]+", " ", name.lower())
    text = re.sub(r"\bti super\b", "s ti", text)
    text = re.sub(r"\bsuper\b", "s", text)
    text = re.sub(r"sxm\d", "sxm", text)
    return [word for word in text.split() if word not in _VENDOR]


def _bare(name: str) -> list[str]:
    """A name's words without its family's."""
    return list(itertools.dropwhile(_FAMILY.__contains__, _words(name)))
