"""What was found in a machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["nvidia", "amd", "none", "unknown"]


@dataclass(frozen=True)
class Card:
    """One GPU. Memory in MB of 2**20 bytes, as nvidia-smi and Vast count it; power in watts."""

    bus: str | None = None
    name: str | None = None
    untrusted_name: str | None = None  # one that has not the shape of a card's name
    memory_mb: float | None = None
    driver: str | None = None
    generation: float | None = None
    generation_max: float | None = None
    width: float | None = None
    power_w: float | None = None
    power_default_w: float | None = None
    ecc_errors: float | None = None
    busy_percent: float | None = None
    compute_cap: float | None = None  # * 100, as Vast has it
    is_sliced: bool | None = None  # by MIG
    slowed_by: int | None = None  # the bits of nvidia-smi's clocks_event_reasons

    @property
    def is_idle(self) -> bool:
        """Whether nothing is known to run on it: then it lowers its link to save power."""
        return not self.busy_percent


@dataclass(frozen=True)
class Xid:
    """An error of a GPU in the kernel's log. `bus` in lower case, without domain zeros and
    function."""

    bus: str
    number: int


@dataclass(frozen=True)
class Found:
    """What a machine is, as far as its script could see. Sizes in MB and GB as Vast has them."""

    kind: Kind
    status: int | None  # of nvidia-smi
    cards: tuple[Card, ...] | None  # None: not known
    untrusted_trouble: str | None  # what nvidia-smi said where it failed
    cuda: float | None
    xids: tuple[Xid, ...] | None
    cores: float | None
    memory_mb: float | None
    disk_gb: float | None
    free_gb: float | None
    write_mb_s: float | None
    download_mbit_s: float | None
    download_tried: bool
    at: float | None  # epoch seconds by the machine's clock


def bus_of(text: str) -> str:
    """A PCI address as the kernel and nvidia-smi agree on it: domain, bus and device."""
    domain, _, rest = text.lower().partition(":")
    return f"{domain[-4:]}:{rest.partition('.')[0]}"
