"""The container that was promised beside the one that was found."""

from __future__ import annotations

from collections.abc import Iterator

from vast_mcp.checks.found import Found
from vast_mcp.checks.items import Item, Verdict, size, text_of
from vast_mcp.vast.models import Instance

DISK = 0.9  # of a disk, which a file system takes a part of
SLOW = 0.25  # of a speed: less is worse, where it is also less than
SLOW_DISK_MB_S = 250.0  # for a short write says little of a fast disk
ENOUGH = 0.5  # of a speed that counts as all of it, or
FAST_DISK_MB_S = 1_000.0


def of_container(row: Instance, found: Found) -> Iterator[Item]:
    cores = None if found.cores is None else round(found.cores, 1)
    yield size("cpu_cores", row.cpu_cores_effective, cores)
    yield size("memory", row.own_cpu_ram, found.memory_mb, "MB")
    yield size("disk", row.disk_space, found.disk_gb, "GB", enough=DISK)
    yield _write_speed(row.disk_bw, found)
    if found.download_tried:
        yield _download(row.inet_down, found.download_mbit_s)


def _write_speed(promised: float | None, found: Found) -> Item:
    name, speed = "disk_write", found.write_mb_s
    if speed is None and found.free_gb is not None and found.free_gb < 1.1:
        return Item(name, text_of(promised, "MB/s"), "not tried: less than 1 GB is free", "unknown")
    if promised is None or speed is None:
        return Item(name, text_of(promised, "MB/s"), text_of(speed, "MB/s"), "unknown")
    verdict: Verdict = "unknown"
    if speed >= min(ENOUGH * promised, FAST_DISK_MB_S):
        verdict = "ok"
    elif speed < min(SLOW * promised, SLOW_DISK_MB_S):
        verdict = "worse"
    return Item(name, text_of(promised, "MB/s"), text_of(speed, "MB/s"), verdict)


def _download(promised: float | None, speed: float | None) -> Item:
    said = text_of(promised, "Mbit/s"), text_of(speed, "Mbit/s")
    if promised is None or speed is None:
        return Item("download", *said, "unknown")
    verdict: Verdict = "unknown"
    if speed >= ENOUGH * promised:
        verdict = "ok"
    elif speed < SLOW * promised:
        verdict = "worse"
    return Item("download", *said, verdict)
