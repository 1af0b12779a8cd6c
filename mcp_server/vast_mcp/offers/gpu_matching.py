"""Which of Vast's names a spelling means: the same card, in all the forms that it leaves open, and
never another edition (docs/vast-api.md B.5).
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence

from vast_mcp.offers import gpu_words
from vast_mcp.offers.gpu_words import Reading

# Which form a card has whose name says none; all others are PCIe cards.
_FORM_UNSAID = {"h200": {"sxm"}, "b200": {"sxm"}, "b300": {"sxm"}, "v100": {"sxm", "pcie"}}
_FORM_UNSAID["p100"] = _FORM_UNSAID["v100"]


def matches(asked: str, known: Sequence[str]) -> list[str]:
    """The names that `asked` means: the same name, else the same card, else all forms of it."""
    wish = gpu_words.read(asked)
    if wish.names_no_card or gpu_words.is_instance_type(asked):
        return []
    same = [name for name in known if reading(name).compact == wish.compact]
    if same:
        return same
    cards = [name for name in known if _is_same_card(wish, reading(name))]
    for is_it in (_has_same_form, _may_have_the_form):
        found = [name for name in cards if is_it(wish, reading(name))]
        if found:
            return _of_same_socket(wish, found)
    return [name for name in cards if not wish.form]


def is_new(asked: str, known: Sequence[str]) -> bool:
    """Whether it may be a card that came after this list: it shares its number with none."""
    wish = gpu_words.read(asked)
    if wish.names_no_card or gpu_words.is_instance_type(asked):
        return False
    return not any(shares_number(wish, name) for name in known)


@functools.lru_cache(maxsize=1024)
def reading(name: str) -> Reading:
    return gpu_words.read(name)


def _is_same_card(wish: Reading, card: Reading) -> bool:
    """Whether only the forms may differ."""
    if wish.model != card.model or not _is_same_family(wish, card):
        return False
    unsaid = _editions_unsaid(card)
    editions = card.edition if wish.edition & unsaid else card.edition - unsaid
    return wish.edition == editions


def _editions_unsaid(card: Reading) -> frozenset[str]:
    """The editions that are forms of a card: an A100X is one of A100, and of an RTX PRO those for
    servers and workstations are.
    """
    if card.model == ("a100",):
        return frozenset({"x"})
    return frozenset({"server", "ws"}) if {"rtx", "pro"} <= card.families else frozenset()


def _is_same_family(wish: Reading, card: Reading) -> bool:
    """Whether the family may be called so: left out where the number says it, but never where
    several families share the number.
    """
    telling = _telling(wish, card)
    if wish.families & telling != card.families & telling:
        return False
    return wish.families - card.families <= _may_be_said_of(card)


def _telling(wish: Reading, card: Reading) -> frozenset[str]:
    """The families that tell cards of one number, or of none, apart."""
    if not card.model or "quadro" in wish.families:
        return gpu_words.FAMILIES
    if card.model[0] in gpu_words.WORKSTATION:
        return frozenset({"quadro", "pro"})
    return frozenset()


def _may_be_said_of(card: Reading) -> frozenset[str]:
    """The families that people say of a card whose name does not."""
    if card.model and not card.families and card.model[0][0].isalpha():
        return frozenset({"tesla"})
    if card.families & {"rx", "pro", "instinct"} and "rtx" not in card.families:
        return frozenset({"radeon"})
    return frozenset()


def _has_same_form(wish: Reading, card: Reading) -> bool:
    return wish.form == card.form and wish.edition == card.edition


def _may_have_the_form(wish: Reading, card: Reading) -> bool:
    unsaid = _FORM_UNSAID.get(card.model[0] if card.model else "", {"pcie"})
    return not card.form and bool(wish.form) and wish.form <= unsaid


def _of_same_socket(wish: Reading, found: list[str]) -> list[str]:
    """The names that say the same number behind SXM, if any does."""
    exact = [name for name in found if wish.sxm and reading(name).sxm == wish.sxm]
    return exact or found


def shares_number(wish: Reading, name: str) -> bool:
    """Whether they share the number of the model, letters included; a workstation card's may have
    an A before it.
    """
    card = reading(name)
    if not card.model:
        return bool(wish.words & card.words & {"titan", "vii"})
    return bool(wish.model) and _number(wish.model[0]) == _number(card.model[0])


def _number(model: str) -> str:
    bare = re.sub(r"^a(?=\d{4}$)", "", model)
    return bare if bare in gpu_words.WORKSTATION else model
