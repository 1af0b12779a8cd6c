"""The cards of a machine, as its programs tell of them."""

from __future__ import annotations

import re

from vast_mcp.checks.fields import NOT_THERE, Fields, Said, number
from vast_mcp.checks.found import Card, Kind, Xid, bus_of
from vast_mcp.vast import names

MOST_CARDS = 64

_VERSION = re.compile(r"[0-9]{1,5}(?:\.[0-9]{1,5}){1,3}", re.ASCII)
_BUS = re.compile(r"[0-9A-Fa-f]{4,8}:[0-9A-Fa-f]{2}:[0-9A-Fa-f]{2}(?:\.[0-9A-Fa-f])?", re.ASCII)
_XID = re.compile(r"([0-9A-Fa-f:.]{7,16}) ([0-9]{1,4})", re.ASCII)
_BITS = re.compile(r"0x[0-9A-Fa-f]{1,16}", re.ASCII)


def cards_of(fields: Fields) -> tuple[Kind, tuple[Card, ...] | None]:
    """What cards there are. A machine whose image has no program that knows is read by its
    devices.
    """
    gpu = fields.get("gpu")
    if gpu is None:
        return "unknown", None
    if gpu.status == 0:
        return "nvidia", _nvidia(fields, gpu)
    amd = fields.get("amd")  # first: an image for both kinds has an nvidia-smi that fails
    if amd is not None and amd.status == 0:
        cards = _amd(amd)
        if cards is not None:
            return "amd", cards
    if any(line.startswith("No devices were found") for line in gpu.lines):
        return "nvidia", ()
    if gpu.status != NOT_THERE:
        return "nvidia", None
    return _by_devices(fields.get("dev"))


def _by_devices(dev: Said | None) -> tuple[Kind, tuple[Card, ...] | None]:
    if dev is None:
        return "unknown", None
    nvidia = [one for one in dev.lines if re.fullmatch(r"/dev/nvidia[0-9]{1,2}", one, re.ASCII)]
    if nvidia:
        return "nvidia", tuple(Card() for _ in nvidia[:MOST_CARDS])
    return ("amd", None) if "/dev/kfd" in dev.lines else ("none", ())


def _nvidia(fields: Fields, gpu: Said) -> tuple[Card, ...] | None:
    rows = [[cell.strip() for cell in line.split(",")] for line in gpu.lines]
    if not rows or len(rows) > MOST_CARDS or any(len(row) != 13 for row in rows):
        return None
    buses = [row[0].lower() for row in rows if _BUS.fullmatch(row[0])]
    if len(set(buses)) < len(buses):
        return None  # one card, told twice
    more = [_pair(line) for line in _lines(fields, "cap", len(rows))]
    slowed = [_bits(line) for line in _lines(fields, "why", len(rows))]
    nothing: list[None] = [None] * len(rows)
    return tuple(
        _card(row, extra, bits)
        for row, extra, bits in zip(rows, more or nothing, slowed or nothing, strict=True)
    )


def _lines(fields: Fields, name: str, count: int) -> tuple[str, ...]:
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
    version = number(cap)
    return Card(
        bus=row[0] if _BUS.fullmatch(row[0]) else None,
        name=names.card(row[1]),
        untrusted_name=None if names.card(row[1]) else row[1][:60],
        memory_mb=number(row[2]),
        driver=row[3] if _VERSION.fullmatch(row[3]) else None,
        generation=number(row[4]),
        generation_max=number(row[5]),
        width=number(row[6]),
        power_w=number(row[8]),
        power_default_w=number(row[9]),
        ecc_errors=number(row[11]) if row[10] == "Enabled" else None,
        busy_percent=number(row[12]),
        compute_cap=None if version is None else round(version * 100),
        is_sliced={"Enabled": True, "Disabled": False, "N/A": False}.get(mig),
        slowed_by=bits,
    )


def _amd(said: Said) -> tuple[Card, ...] | None:
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
    memory = number(cells.get("vram total memory (b)", ""))
    name = names.card(cells.get("card series"))
    return Card(
        name=name,
        untrusted_name=None if name else (cells.get("card series") or "")[:60] or None,
        memory_mb=None if memory is None else memory / 2**20,
    )


def cuda_of(fields: Fields) -> float | None:
    """The newest CUDA that the driver takes, as the head of nvidia-smi's table has it."""
    said = fields.get("cuda")
    return number(said.lines[0].partition(" ")[0]) if said is not None and said.lines else None


def _bits(line: str) -> int | None:
    return int(line, 16) if _BITS.fullmatch(line) else None


def xids_of(fields: Fields) -> tuple[Xid, ...] | None:
    """Of the kernel's log; None where it may not be read."""
    said = fields.get("xid")
    if said is None or said.status != 0:
        return None
    read = [_XID.fullmatch(line) for line in said.lines]
    if not all(read):
        return None
    return tuple(Xid(bus_of(one.group(1)), int(one.group(2))) for one in read if one is not None)
