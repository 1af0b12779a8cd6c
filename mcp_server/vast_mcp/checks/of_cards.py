"""The cards that were promised beside those that were found."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from vast_mcp.checks.found import Card, Found, bus_of
from vast_mcp.checks.items import (
    UNKNOWN,
    Item,
    Verdict,
    at_least,
    beside,
    least,
    size,
    text_of,
    version_text,
)
from vast_mcp.vast.models import Instance

POWER = 0.9  # of the power that a card takes by default

# Bits of nvidia-smi's clocks_event_reasons that no sound machine sets: slowed down by hardware,
# by heat (two of them), and by the supply of power.
_SLOWED = {0x08: "hardware", 0x20: "heat", 0x40: "heat", 0x80: "power supply"}
# Numbers of Xid errors that a program of the renter's can cause; the others are the card's, its
# driver's or its host's.
_BY_PROGRAMS = frozenset({13, 31, 32, 43, 45, 68, 69})
# What nvidia-smi says of a field that its version has not: it works, and tells nothing.
_OF_ANOTHER_AGE = " is not a valid field to query"
_HANGS = 124  # the status of timeout

SameCard = Callable[[str, str], bool | None]


def of_cards(row: Instance, found: Found, vm: bool, same_card: SameCard) -> Iterator[Item]:
    if not row.num_gpus and not found.cards:
        return
    if found.kind == "nvidia" and found.cards is None and found.status not in {None, 0}:
        yield _driver_fails(found)
    yield _count(row, found, vm)
    cards = found.cards or ()
    yield _name(row, cards, same_card, sure=found.kind == "nvidia")
    yield _memory(row, cards)
    if found.kind == "amd":
        return
    yield _capability(row, least(card.compute_cap for card in cards))
    if not vm:  # whose driver came with its image
        yield at_least("cuda", row.cuda_max_good, found.cuda, text=version_text)
        yield _driver(row, cards)
    yield from _link(row, cards)
    yield _power(row, cards)
    yield _whole(cards)
    yield _throttling(cards)
    yield _ecc(cards)
    yield _xid(cards, found)


def _driver_fails(found: Found) -> Item:
    if found.status == _HANGS:
        return Item("nvidia_smi", "answers", "no answer in 12 s", "unknown")
    if _OF_ANOTHER_AGE in (found.untrusted_trouble or ""):
        return Item("nvidia_smi", "answers", "does not know all that it is asked", "unknown")
    return Item("nvidia_smi", "works", f"fails with status {found.status}", "worse")


def _count(row: Instance, found: Found, vm: bool) -> Item:
    promised = text_of(row.num_gpus)
    if found.cards is None or row.num_gpus is None:
        return Item("gpu_count", promised, text_of(_many(found.cards)), "unknown")
    count = len(found.cards)
    if found.kind == "none":
        # A VM brings no driver of the host's, so that nothing there says what is in it.
        verdict: Verdict = "unknown" if vm else "worse"
        return Item("gpu_count", promised, "no GPU, or none with a driver", verdict)
    return Item("gpu_count", promised, str(count), beside(count, row.num_gpus))


def _many(cards: tuple[Card, ...] | None) -> float | None:
    return None if cards is None else len(cards)


def _name(row: Instance, cards: tuple[Card, ...], same_card: SameCard, *, sure: bool) -> Item:
    """`sure`: another name is another card; what AMD's program says is a series, or a number."""
    named = list(dict.fromkeys(card.name for card in cards if card.name))
    shown = ", ".join(named[:4]) or UNKNOWN
    promised = row.gpu_name
    if promised is None or not named or any(card.name is None for card in cards):
        return Item("gpu_name", promised or UNKNOWN, shown, "unknown")
    same = [same_card(name, promised) for name in named]
    verdict: Verdict = "ok" if all(same) else "unknown"
    if sure and False in same:
        verdict = "worse"
    return Item("gpu_name", promised, shown, verdict)


def _memory(row: Instance, cards: tuple[Card, ...]) -> Item:
    return size("gpu_memory", row.gpu_ram, least(card.memory_mb for card in cards), "MB")


def _capability(row: Instance, found: float | None) -> Item:
    """As people write it: 8.9 for Vast's 890."""
    promised = None if row.compute_cap is None else row.compute_cap / 100
    found = None if found is None else found / 100
    return at_least("compute_capability", promised, found, text=version_text)


def _driver(row: Instance, cards: tuple[Card, ...]) -> Item:
    there = next((card.driver for card in cards if card.driver), None)
    promised, found = _version(row.driver_version), _version(there)
    if promised is None or found is None:
        promised_text = row.driver_version if promised else None
        return Item("driver", promised_text or UNKNOWN, there or UNKNOWN, "unknown")
    verdict: Verdict = "ok" if found == promised else "worse" if found < promised else "better"
    return Item("driver", row.driver_version or "", there or "", verdict)


def _version(text: str | None) -> tuple[int, ...] | None:
    parts = (text or "").split(".")
    if len(parts) > 5 or not all(
        part.isascii() and part.isdigit() and len(part) < 6 for part in parts
    ):
        return None
    return tuple(map(int, parts))


def _link(row: Instance, cards: tuple[Card, ...]) -> Iterator[Item]:
    """The way to the card. An idle card lowers its generation, and one without load says only what
    it can reach.
    """
    yield at_least("pcie_width", row.gpu_lanes, least(card.width for card in cards), "lanes")
    promised = row.pci_gen
    now = least(card.generation for card in cards)
    most = least(card.generation_max for card in cards)
    idle = all(card.is_idle for card in cards)
    if promised is None or now is None or most is None or now >= promised or not idle:
        yield at_least("pcie_generation", promised, now)
    elif most < promised:
        yield Item("pcie_generation", text_of(promised), f"at most {text_of(most)}", "worse")
    else:
        said = f"{text_of(now)} while idle, at most {text_of(most)}"
        yield Item("pcie_generation", text_of(promised), said, "unknown")


def _power(row: Instance, cards: tuple[Card, ...]) -> Item:
    """The card's own default, unless its row said less."""
    limits = [
        (card.power_w, min(card.power_default_w, row.gpu_max_power or card.power_default_w))
        for card in cards
        if card.power_w is not None and card.power_default_w
    ]
    if not limits or len(limits) < len(cards):
        return Item("power_limit", text_of(row.gpu_max_power, "W"), UNKNOWN, "unknown")
    watts, promised = min(limits, key=lambda pair: pair[0] / pair[1])
    verdict: Verdict = "ok" if watts >= POWER * promised else "worse"
    return Item("power_limit", f"{promised:g} W", f"{watts:g} W", verdict)


def _whole(cards: tuple[Card, ...]) -> Item:
    if any(card.is_sliced for card in cards):
        return Item("whole_card", "yes", "MIG is on: a slice", "worse")
    known = bool(cards) and all(card.is_sliced is False for card in cards)
    return Item("whole_card", "yes", "yes" if known else UNKNOWN, "ok" if known else "unknown")


def _throttling(cards: tuple[Card, ...]) -> Item:
    bits = [card.slowed_by for card in cards]
    why = dict.fromkeys(
        word for each in bits for bit, word in _SLOWED.items() if each is not None and each & bit
    )
    if why:
        return Item("throttling", "none", f"slowed by {', '.join(why)}", "worse")
    if not bits or None in bits:
        return Item("throttling", "none", UNKNOWN, "unknown")
    return Item("throttling", "none", "none now", "ok")


def _ecc(cards: tuple[Card, ...]) -> Item:
    known = [card.ecc_errors for card in cards if card.ecc_errors is not None]
    if any(known):
        return Item("ecc_errors", "none", f"{sum(known):g} not corrected", "worse")
    if not known:
        return Item("ecc_errors", "none", "not counted by this card", "unknown")
    return Item("ecc_errors", "none", "none", "ok")


def _xid(cards: tuple[Card, ...], found: Found) -> Item:
    """Errors that the driver wrote into the kernel's log. The log is the whole computer's, so that
    only those of the container's own cards count, where these are known.
    """
    if found.xids is None:
        return Item("xid_errors", "none", "the kernel's log is closed to it", "unknown")
    own = {bus_of(card.bus) for card in cards if card.bus is not None}
    if not own:
        return Item("xid_errors", "none", UNKNOWN, "unknown")
    numbers = sorted({xid.number for xid in found.xids if xid.bus in own})
    bad = [number for number in numbers if number not in _BY_PROGRAMS]
    if bad:
        said = ", ".join(map(str, bad[:8]))
        return Item("xid_errors", "none", f"Xid {said}", "worse")
    said = f"Xid {', '.join(map(str, numbers))}, as programs cause" if numbers else "none"
    return Item("xid_errors", "none", said, "ok")
