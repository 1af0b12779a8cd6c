"""What the script printed, read strictly: whoever owns the machine may have written it.

A field is the exit status of a command and what it printed (check.sh). What has not the shape that
the command gives it is not known, which is None.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, cast

from vast_mcp.checks.script import MARK
from vast_mcp.vast import names

LONGEST = 65_536  # characters of a line
MOST_CARDS = 64
NOT_THERE = 127  # a shell's status for a program that is not there

_FIELD = re.compile(r"([0-9]{1,3}) ([A-Za-z0-9 ;,.:/%()_-]{0,6000})", re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,6})?", re.ASCII)
_VERSION = re.compile(r"[0-9]{1,5}(?:\.[0-9]{1,5}){1,3}", re.ASCII)
_BUS = re.compile(r"[0-9A-Fa-f]{4,8}:[0-9A-Fa-f]{2}:[0-9A-Fa-f]{2}(?:\.[0-9A-Fa-f])?", re.ASCII)
_XID = re.compile(r"([0-9A-Fa-f:.]{7,16}) ([0-9]{1,4})", re.ASCII)
_BITS = re.compile(r"0x[0-9A-Fa-f]{1,16}", re.ASCII)
_DF = re.compile(r".* ([0-9]{1,15}) +[0-9]{1,15} +([0-9]{1,15}) +(?:[0-9]{1,3}%|-) +/", re.ASCII)
_TAKEN = re.compile(r"([0-9]{1,12}) ([0-9]{1,9})", re.ASCII)  # how much, in hundredths of a second
_MEM_TOTAL = re.compile(r"MemTotal: +([0-9]{1,15}) kB", re.ASCII)

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


def found_in(lines: Sequence[str]) -> Found | None:
    """What the last line with the mark says that can be read; None where there is none."""
    for line in reversed(lines):
        _, mark, text = line.rpartition(MARK)
        fields = _fields(text.strip()) if mark else None
        if fields is not None:
            return _found(fields)
    return None


@dataclass(frozen=True)
class _Said:
    """What a command printed, line by line, and its exit status."""

    status: int
    lines: tuple[str, ...]


_Fields = dict[str, _Said]


def _fields(text: str) -> _Fields | None:
    """The fields of the script's JSON; None where it is none of ours."""
    if len(text) > LONGEST:
        return None
    try:
        there: object = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(there, dict):
        return None
    given = cast("dict[str, object]", there)
    if given.get("v") != 1:
        return None
    fields: _Fields = {}
    for name, value in given.items():
        said = _FIELD.fullmatch(value) if isinstance(value, str) else None
        if said is not None:
            lines = (line.strip() for line in said.group(2).split(";"))
            fields[name] = _Said(int(said.group(1)), tuple(line for line in lines if line))
    return fields


def _found(fields: _Fields) -> Found:
    kind, cards = _cards_of(fields)
    gpu = fields.get("gpu")
    disk = _df_of(fields)
    failed = gpu is not None and gpu.status not in {0, NOT_THERE}
    return Found(
        kind=kind,
        status=None if gpu is None else gpu.status,
        cards=cards,
        untrusted_trouble=" ".join(gpu.lines)[:300] if gpu is not None and failed else None,
        cuda=_cuda_of(fields),
        xids=_xids_of(fields),
        cores=_cores_of(fields),
        memory_mb=_memory_of(fields),
        disk_gb=None if disk is None else disk[0],
        free_gb=None if disk is None else disk[1],
        write_mb_s=_speed_of(fields.get("disk"), 1.048576, least=16),
        download_mbit_s=_speed_of(fields.get("down"), 8e-6, least=1_000_000),
        download_tried="down" in fields,
        at=_at_of(fields),
    )


# ── cards ──────────────────────────────────────────────────────────────────────────────────────


def _cards_of(fields: _Fields) -> tuple[Kind, tuple[Card, ...] | None]:
    """What cards there are. A machine whose image has no program that knows is read by its
    devices.
    """
    gpu = fields.get("gpu")
    if gpu is None:
        return "unknown", None
    if gpu.status == 0:
        return "nvidia", _nvidia(fields, gpu)
    if any(line.startswith("No devices were found") for line in gpu.lines):
        return "nvidia", ()
    if gpu.status != NOT_THERE:
        return "nvidia", None
    amd = fields.get("amd")
    if amd is not None and amd.status == 0:
        cards = _amd(amd)
        if cards is not None:
            return "amd", cards
    return _by_devices(fields.get("dev"))


def _by_devices(dev: _Said | None) -> tuple[Kind, tuple[Card, ...] | None]:
    if dev is None:
        return "unknown", None
    nvidia = [one for one in dev.lines if re.fullmatch(r"/dev/nvidia[0-9]{1,2}", one, re.ASCII)]
    if nvidia:
        return "nvidia", tuple(Card() for _ in nvidia[:MOST_CARDS])
    return ("amd", None) if "/dev/kfd" in dev.lines else ("none", ())


def _nvidia(fields: _Fields, gpu: _Said) -> tuple[Card, ...] | None:
    rows = [[cell.strip() for cell in line.split(",")] for line in gpu.lines]
    if not rows or len(rows) > MOST_CARDS or any(len(row) != 13 for row in rows):
        return None
    more = [_pair(line) for line in _lines(fields, "cap", len(rows))]
    slowed = [_bits(line) for line in _lines(fields, "why", len(rows))]
    nothing: list[None] = [None] * len(rows)
    return tuple(
        _card(row, extra, bits)
        for row, extra, bits in zip(rows, more or nothing, slowed or nothing, strict=True)
    )


def _lines(fields: _Fields, name: str, count: int) -> tuple[str, ...]:
    """A field's lines where there is one for each card."""
    said = fields.get(name)
    if said is None or said.status != 0 or len(said.lines) != count:
        return ()
    return said.lines


def _pair(line: str) -> tuple[str, str]:
    first, _, second = line.partition(",")
    return first.strip(), second.strip()


def _card(row: list[str], extra: tuple[str, str] | None, bits: int | None) -> Card:
    cap, mig = extra or ("", "")
    version = _number(cap)
    return Card(
        bus=row[0] if _BUS.fullmatch(row[0]) else None,
        name=names.card(row[1]),
        untrusted_name=None if names.card(row[1]) else row[1][:60],
        memory_mb=_number(row[2]),
        driver=row[3] if _VERSION.fullmatch(row[3]) else None,
        generation=_number(row[4]),
        generation_max=_number(row[5]),
        width=_number(row[6]),
        power_w=_number(row[8]),
        power_default_w=_number(row[9]),
        ecc_errors=_number(row[11]) if row[10] == "Enabled" else None,
        busy_percent=_number(row[12]),
        compute_cap=None if version is None else round(version * 100),
        is_sliced={"Enabled": True, "Disabled": False, "N/A": False}.get(mig),
        slowed_by=bits,
    )


def _amd(said: _Said) -> tuple[Card, ...] | None:
    """What rocm-smi prints: a line of names, then a line for each card."""
    head: list[str] = []
    cards: list[Card] = []
    for line in said.lines:
        cells = [cell.strip() for cell in line.split(",")]
        if cells[0] == "device":
            head = [cell.lower() for cell in cells]
        elif head and re.fullmatch(r"card[0-9]{1,2}", cells[0], re.ASCII):
            cards.append(_amd_card(dict(zip(head, cells, strict=False))))
    return tuple(cards[:MOST_CARDS]) or None


def _amd_card(cells: dict[str, str]) -> Card:
    memory = _number(cells.get("vram total memory (b)", ""))
    name = names.card(cells.get("card series"))
    return Card(
        name=name,
        untrusted_name=None if name else (cells.get("card series") or "")[:60] or None,
        memory_mb=None if memory is None else memory / 2**20,
    )


def _cuda_of(fields: _Fields) -> float | None:
    """The newest CUDA that the driver takes, as the head of nvidia-smi's table has it."""
    said = fields.get("cuda")
    return _number(said.lines[0].partition(" ")[0]) if said is not None and said.lines else None


def _bits(line: str) -> int | None:
    return int(line, 16) if _BITS.fullmatch(line) else None


def _xids_of(fields: _Fields) -> tuple[Xid, ...] | None:
    """Of the kernel's log; None where it may not be read."""
    said = fields.get("xid")
    if said is None or said.status != 0:
        return None
    read = [_XID.fullmatch(line) for line in said.lines]
    if not all(read):
        return None
    return tuple(Xid(bus_of(one.group(1)), int(one.group(2))) for one in read if one is not None)


def bus_of(text: str) -> str:
    """A PCI address as the kernel and nvidia-smi agree on it: domain, bus and device."""
    domain, _, rest = text.lower().partition(":")
    return f"{domain[-4:]}:{rest.partition('.')[0]}"


# ── the container ──────────────────────────────────────────────────────────────────────────────


def _system(fields: _Fields) -> Iterator[tuple[str, str]]:
    """File and line of what the container's own limits say."""
    said = fields.get("sys")
    for line in said.lines if said is not None else ():
        file, _, text = line.partition(":")
        yield file, text.strip()


def _cores_of(fields: _Fields) -> float | None:
    """What its processes may use: processors that they may run on, and the share of time."""
    said = fields.get("cpu")
    seen = _number(said.lines[0]) if said is not None and len(said.lines) == 1 else None
    there = dict(_system(fields))
    quota, _, period = there.get("cpu.max", "").partition(" ")
    allowed = _share(quota, period)
    if allowed is None:
        old = there.get("cpu/cpu.cfs_quota_us", ""), there.get("cpu/cpu.cfs_period_us", "")
        allowed = _share(*old)
    known = [one for one in (seen, allowed) if one]
    return min(known) if known and seen is not None else None


def _share(quota: str, period: str) -> float | None:
    """Processors in a share of time; None where there is no limit."""
    most, every = _number(quota), _number(period)
    return most / every if most and every else None


def _memory_of(fields: _Fields) -> float | None:
    """MB of 2**20 bytes, as Vast counts memory."""
    there = dict(_system(fields))
    total = _MEM_TOTAL.fullmatch(there.get("/proc/meminfo", ""))
    if total is None:
        return None
    known = [int(total.group(1)) * 1024.0]
    for file in ("memory.max", "memory/memory.limit_in_bytes"):
        limit = re.fullmatch(r"[0-9]{1,20}", there.get(file, ""), re.ASCII)
        if limit is not None and int(limit.group()):
            known.append(float(limit.group()))
    return min(known) / 2**20


def _df_of(fields: _Fields) -> tuple[float, float] | None:
    """GB of 10**9 bytes of the disk, and of them free."""
    said = fields.get("df")
    last = _DF.fullmatch(said.lines[-1]) if said is not None and said.lines else None
    if last is None:
        return None
    return int(last.group(1)) * 1.024e-6, int(last.group(2)) * 1.024e-6


def _speed_of(said: _Said | None, unit: float, *, least: int) -> float | None:
    """How much in a second; None where less than `least` was moved."""
    taken = _TAKEN.fullmatch(said.lines[-1]) if said is not None and said.lines else None
    if taken is None or int(taken.group(1)) < least:
        return None
    return int(taken.group(1)) * unit * 100 / max(1, int(taken.group(2)))


def _at_of(fields: _Fields) -> float | None:
    said = fields.get("at")
    return _number(said.lines[0]) if said is not None and len(said.lines) == 1 else None


def _number(text: str) -> float | None:
    return float(text) if _NUMBER.fullmatch(text) else None
