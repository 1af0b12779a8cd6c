"""What the script printed, read strictly: whoever owns the machine may have written it.

A field is the exit status of a command and what it printed (check.sh). What has not the shape that
the command gives it is not known, which is None.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from vast_mcp.checks.cards import cards_of, cuda_of, xids_of
from vast_mcp.checks.fields import NOT_THERE, Fields, Said, fields_of, number
from vast_mcp.checks.found import Found
from vast_mcp.checks.script import MARK

_DF = re.compile(r".* ([0-9]{1,15}) +[0-9]{1,15} +([0-9]{1,15}) +(?:[0-9]{1,3}%|-) +/", re.ASCII)
_TAKEN = re.compile(r"([0-9]{1,12}) ([0-9]{1,9})", re.ASCII)  # how much, in hundredths of a second
_MEM_TOTAL = re.compile(r"MemTotal: +([0-9]{1,15}) kB", re.ASCII)


def found_in(lines: Sequence[str]) -> Found | None:
    """What the last line with the mark says that can be read; None where there is none."""
    for line in reversed(lines):
        _, mark, text = line.rpartition(MARK)
        fields = fields_of(text.strip()) if mark else None
        if fields is not None:
            return _found(fields)
    return None


def _found(fields: Fields) -> Found:
    kind, cards = cards_of(fields)
    gpu = fields.get("gpu")
    disk = _df_of(fields)
    failed = gpu is not None and gpu.status not in {0, NOT_THERE}
    return Found(
        kind=kind,
        status=None if gpu is None else gpu.status,
        cards=cards,
        untrusted_trouble=" ".join(gpu.lines)[:300] if gpu is not None and failed else None,
        cuda=cuda_of(fields),
        xids=xids_of(fields),
        cores=_cores_of(fields),
        memory_mb=_memory_of(fields),
        disk_gb=None if disk is None else disk[0],
        free_gb=None if disk is None else disk[1],
        write_mb_s=_speed_of(fields.get("disk"), 1.048576, least=16),
        download_mbit_s=_speed_of(fields.get("down"), 8e-6, least=1_000_000),
        download_tried="down" in fields,
        at=_at_of(fields),
    )


# ── the container ──────────────────────────────────────────────────────────────────────────────


def _system(fields: Fields) -> Iterator[tuple[str, str]]:
    """File and line of what the container's own limits say."""
    said = fields.get("sys")
    for line in said.lines if said is not None else ():
        file, _, text = line.partition(":")
        yield file, text.strip()


def _cores_of(fields: Fields) -> float | None:
    """What its processes may use: processors that they may run on, and the share of time."""
    said = fields.get("cpu")
    seen = number(said.lines[0]) if said is not None and len(said.lines) == 1 else None
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
    most, every = number(quota), number(period)
    return most / every if most and every else None


def _memory_of(fields: Fields) -> float | None:
    """MB of 2**20 bytes, as Vast counts memory."""
    there = dict(_system(fields))
    total = _MEM_TOTAL.fullmatch(there.get("/proc/meminfo", ""))
    if total is None or not int(total.group(1)):
        return None
    known = [int(total.group(1)) * 1024.0]
    for file in ("memory.max", "memory/memory.limit_in_bytes"):
        limit = re.fullmatch(r"[0-9]{1,20}", there.get(file, ""), re.ASCII)
        if limit is not None and int(limit.group()):
            known.append(float(limit.group()))
    return min(known) / 2**20


def _df_of(fields: Fields) -> tuple[float, float] | None:
    """GB of 10**9 bytes of the disk, and of them free."""
    said = fields.get("df")
    last = _DF.fullmatch(said.lines[-1]) if said is not None and said.lines else None
    if last is None or not int(last.group(1)):
        return None
    return int(last.group(1)) * 1.024e-6, int(last.group(2)) * 1.024e-6


def _speed_of(said: Said | None, unit: float, *, least: int) -> float | None:
    """How much in a second; None where less than `least` was moved."""
    taken = _TAKEN.fullmatch(said.lines[-1]) if said is not None and said.lines else None
    if taken is None or int(taken.group(1)) < least:
        return None
    return int(taken.group(1)) * unit * 100 / max(1, int(taken.group(2)))


def _at_of(fields: Fields) -> float | None:
    said = fields.get("at")
    return number(said.lines[0]) if said is not None and len(said.lines) == 1 else None
