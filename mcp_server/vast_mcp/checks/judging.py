"""What a machine was promised as, by its row, beside what was found in it: item by item.

A tolerance is what may differ between sound machines: how units are rounded, what a driver keeps
for itself, how a short measurement differs from a long one. What is not known is neither good nor
bad.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from vast_mcp.checks.reading import Card, Found, bus_of
from vast_mcp.vast.models import Instance

Verdict = Literal["ok", "worse", "better", "unknown"]
Overall = Literal["as_promised", "worse", "unknown"]

SIZE = 0.95  # of a memory, or of cores, that counts as all of it
DISK = 0.9  # of a disk, which a file system takes a part of
MUCH_MORE = 1.25  # of a size or speed, that is worth saying
POWER = 0.9  # of the power that a card takes by default
SLOW = 0.25  # of a speed: less is worse, where it is also less than
SLOW_DISK_MB_S = 250.0  # for a short write says little of a fast disk
ENOUGH = 0.5  # of a speed that counts as all of it, or
FAST_DISK_MB_S = 1_000.0

# Bits of nvidia-smi's clocks_event_reasons that no sound machine sets: slowed down by hardware,
# by heat (two of them), and by the supply of power.
_SLOWED = {0x08: "hardware", 0x20: "heat", 0x40: "heat", 0x80: "power supply"}
# Numbers of Xid errors that a program of the renter's can cause; the others are the card's, its
# driver's or its host's.
_BY_PROGRAMS = frozenset({13, 31, 32, 43, 45, 68, 69})
_HANGS = 124  # the status of timeout

# Without these, nothing was checked.
_MAIN = frozenset({"gpu_count", "gpu_name", "gpu_memory"})

SameCard = Callable[[str, str], bool | None]


@dataclass(frozen=True)
class Item:
    """One thing that was promised, and what was found; the texts are ours, but for numbers, and
    names that have the shape of a card's name.
    """

    name: str
    promised: str
    found: str
    verdict: Verdict


@dataclass(frozen=True)
class Judgement:
    """All of it."""

    overall: Overall
    items: tuple[Item, ...]

    def named(self, verdict: Verdict) -> list[Item]:
        """The items of one verdict."""
        return [item for item in self.items if item.verdict == verdict]


def judge(row: Instance, found: Found, *, vm: bool, same_card: SameCard) -> Judgement:
    """Compare what was found with what the machine's row says.

    `same_card`: whether a name that nvidia-smi gives and one of Vast's mean the same card; None
    where that cannot be told.
    """
    items = (*_of_gpus(row, found, vm, same_card), *_of_container(row, found))
    return Judgement(_overall(row, items), items)


def _overall(row: Instance, items: Iterable[Item]) -> Overall:
    verdicts = {item.name: item.verdict for item in items}
    if "worse" in verdicts.values():
        return "worse"
    if row.num_gpus and any(verdicts.get(name, "unknown") == "unknown" for name in _MAIN):
        return "unknown"
    return "as_promised" if set(verdicts.values()) - {"unknown"} else "unknown"


# ── cards ──────────────────────────────────────────────────────────────────────────────────────


def _of_gpus(row: Instance, found: Found, vm: bool, same_card: SameCard) -> Iterator[Item]:
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
    yield _capability(row, _least(card.compute_cap for card in cards))
    if not vm:  # whose driver came with its image
        yield _at_least("cuda", row.cuda_max_good, found.cuda, text=_version_text)
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
    return Item("nvidia_smi", "works", f"fails with status {found.status}", "worse")


def _count(row: Instance, found: Found, vm: bool) -> Item:
    promised = _text(row.num_gpus)
    if found.cards is None or row.num_gpus is None:
        return Item("gpu_count", promised, _text(_many(found.cards)), "unknown")
    count = len(found.cards)
    if found.kind == "none":
        # A VM brings no driver of the host's, so that nothing there says what is in it.
        verdict: Verdict = "unknown" if vm else "worse"
        return Item("gpu_count", promised, "no GPU, or none with a driver", verdict)
    return Item("gpu_count", promised, str(count), _beside(count, row.num_gpus))


def _many(cards: tuple[Card, ...] | None) -> float | None:
    return None if cards is None else len(cards)


def _beside(found: float, promised: float) -> Verdict:
    if found == promised:
        return "ok"
    return "worse" if found < promised else "better"


def _name(row: Instance, cards: tuple[Card, ...], same_card: SameCard, *, sure: bool) -> Item:
    """`sure`: another name is another card; what AMD's program says is a series, or a number."""
    named = list(dict.fromkeys(card.name for card in cards if card.name))
    shown = ", ".join(named[:4]) or _UNKNOWN
    promised = row.gpu_name
    if promised is None or not named or any(card.name is None for card in cards):
        return Item("gpu_name", promised or _UNKNOWN, shown, "unknown")
    same = [same_card(name, promised) for name in named]
    verdict: Verdict = "ok" if all(same) else "unknown"
    if sure and False in same:
        verdict = "worse"
    return Item("gpu_name", promised, shown, verdict)


def _memory(row: Instance, cards: tuple[Card, ...]) -> Item:
    return _size("gpu_memory", row.gpu_ram, _least(card.memory_mb for card in cards), "MB")


def _capability(row: Instance, found: float | None) -> Item:
    """As people write it: 8.9 for Vast's 890."""
    promised = None if row.compute_cap is None else row.compute_cap / 100
    found = None if found is None else found / 100
    return _at_least("compute_capability", promised, found, text=_version_text)


def _driver(row: Instance, cards: tuple[Card, ...]) -> Item:
    there = next((card.driver for card in cards if card.driver), None)
    promised, found = _version(row.driver_version), _version(there)
    if promised is None or found is None:
        promised_text = row.driver_version if promised else None
        return Item("driver", promised_text or _UNKNOWN, there or _UNKNOWN, "unknown")
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
    yield _at_least("pcie_width", row.gpu_lanes, _least(card.width for card in cards), "lanes")
    promised = row.pci_gen
    now = _least(card.generation for card in cards)
    most = _least(card.generation_max for card in cards)
    idle = all(card.is_idle for card in cards)
    if promised is None or now is None or most is None or now >= promised or not idle:
        yield _at_least("pcie_generation", promised, now)
    elif most < promised:
        yield Item("pcie_generation", _text(promised), f"at most {_text(most)}", "worse")
    else:
        said = f"{_text(now)} while idle, at most {_text(most)}"
        yield Item("pcie_generation", _text(promised), said, "unknown")


def _power(row: Instance, cards: tuple[Card, ...]) -> Item:
    """The card's own default, unless its row said less."""
    limits = [
        (card.power_w, min(card.power_default_w, row.gpu_max_power or card.power_default_w))
        for card in cards
        if card.power_w is not None and card.power_default_w
    ]
    if not limits or len(limits) < len(cards):
        return Item("power_limit", _text(row.gpu_max_power, "W"), _UNKNOWN, "unknown")
    watts, promised = min(limits, key=lambda pair: pair[0] / pair[1])
    verdict: Verdict = "ok" if watts >= POWER * promised else "worse"
    return Item("power_limit", f"{promised:g} W", f"{watts:g} W", verdict)


def _whole(cards: tuple[Card, ...]) -> Item:
    if any(card.is_sliced for card in cards):
        return Item("whole_card", "yes", "MIG is on: a slice", "worse")
    known = bool(cards) and all(card.is_sliced is False for card in cards)
    return Item("whole_card", "yes", "yes" if known else _UNKNOWN, "ok" if known else "unknown")


def _throttling(cards: tuple[Card, ...]) -> Item:
    bits = [card.slowed_by for card in cards]
    why = dict.fromkeys(
        word for each in bits for bit, word in _SLOWED.items() if each is not None and each & bit
    )
    if why:
        return Item("throttling", "none", f"slowed by {', '.join(why)}", "worse")
    if not bits or None in bits:
        return Item("throttling", "none", _UNKNOWN, "unknown")
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
        return Item("xid_errors", "none", _UNKNOWN, "unknown")
    numbers = sorted({xid.number for xid in found.xids if xid.bus in own})
    bad = [number for number in numbers if number not in _BY_PROGRAMS]
    if bad:
        said = ", ".join(map(str, bad[:8]))
        return Item("xid_errors", "none", f"Xid {said}", "worse")
    said = f"Xid {', '.join(map(str, numbers))}, as programs cause" if numbers else "none"
    return Item("xid_errors", "none", said, "ok")


# ── the container ──────────────────────────────────────────────────────────────────────────────


def _of_container(row: Instance, found: Found) -> Iterator[Item]:
    cores = None if found.cores is None else round(found.cores, 1)
    yield _size("cpu_cores", row.cpu_cores_effective, cores)
    yield _size("memory", row.own_cpu_ram, found.memory_mb, "MB")
    yield _size("disk", row.disk_space, found.disk_gb, "GB", enough=DISK)
    yield _write_speed(row.disk_bw, found)
    if found.download_tried:
        yield _download(row.inet_down, found.download_mbit_s)


def _write_speed(promised: float | None, found: Found) -> Item:
    name, speed = "disk_write", found.write_mb_s
    if speed is None and found.free_gb is not None and found.free_gb < 1.1:
        return Item(name, _text(promised, "MB/s"), "not tried: less than 1 GB is free", "unknown")
    if promised is None or speed is None:
        return Item(name, _text(promised, "MB/s"), _text(speed, "MB/s"), "unknown")
    verdict: Verdict = "unknown"
    if speed >= min(ENOUGH * promised, FAST_DISK_MB_S):
        verdict = "ok"
    elif speed < min(SLOW * promised, SLOW_DISK_MB_S):
        verdict = "worse"
    return Item(name, _text(promised, "MB/s"), _text(speed, "MB/s"), verdict)


def _download(promised: float | None, speed: float | None) -> Item:
    said = _text(promised, "Mbit/s"), _text(speed, "Mbit/s")
    if promised is None or speed is None:
        return Item("download", *said, "unknown")
    verdict: Verdict = "unknown"
    if speed >= ENOUGH * promised:
        verdict = "ok"
    elif speed < SLOW * promised:
        verdict = "worse"
    return Item("download", *said, verdict)


# ── numbers ────────────────────────────────────────────────────────────────────────────────────

_UNKNOWN = "not known"


def _text(number: float | None, unit: str = "") -> str:
    if number is None:
        return _UNKNOWN
    shown = f"{number:.0f}" if number >= 100 else f"{round(number, 1):g}"
    return f"{shown} {unit}".rstrip()


def _least(numbers: Iterable[float | None]) -> float | None:
    """The least of them; None where one is not known, or there is none."""
    known = list(numbers)
    if not known or None in known:
        return None
    return min(number for number in known if number is not None)


def _version_text(number: float | None, _: str = "") -> str:
    return _UNKNOWN if number is None else f"{number:.1f}"


def _at_least(
    name: str,
    promised: float | None,
    found: float | None,
    unit: str = "",
    *,
    text: Callable[[float | None, str], str] = _text,
) -> Item:
    """A number that has to be reached."""
    said = text(promised, unit), text(found, unit)
    if promised is None or found is None:
        return Item(name, *said, "unknown")
    return Item(name, *said, _beside(found, promised))


def _size(
    name: str,
    promised: float | None,
    found: float | None,
    unit: str = "",
    *,
    enough: float = SIZE,
) -> Item:
    """A size that has to be reached, within the tolerance."""
    verdict: Verdict = "unknown"
    if promised is not None and found is not None:
        verdict = "ok"
        if found < enough * promised:
            verdict = "worse"
        elif found > MUCH_MORE * promised:
            verdict = "better"
    return Item(name, _text(promised, unit), _text(found, unit), verdict)
