"""The inside half of a lease: an onstart that starts a watchdog in the machine, then does what it
did before.

The watchdog (watchdog.sh) deletes the machine after its deadline, with the key that Vast puts into
every machine (docs/vast-api.md A.11), whatever became of this server. The user's script is packed
as ever, so its bytes come out as a file of their own and are sourced or run by their shebang; the
watchdog starts in front of it, in the background, and whatever happens to it is no concern of the
script's.
"""

from __future__ import annotations

import base64
import gzip
import shlex
from dataclasses import dataclass
from functools import cache
from importlib import resources

from vast_mcp.checks import script
from vast_mcp.leases.packing import packed, unpacked
from vast_mcp.settings import DEFAULT_URL

FOLDER = "/var/tmp/vast-mcp"  # noqa: S108  # in the machine; survives a reboot, which /tmp may not

# Two subshells: the script's own `wait` and `$!` know nothing of a watchdog. setsid where there is
# one, so that ending the script's process group does not end it. Nothing is written to the script's
# standard output.
_START = (
    '( (w=$(echo {data}|base64 -d|gzip -dc)&&exec $(command -v setsid) sh -c "$w" vast-mcp '
    "{arguments}"
    "||echo vast-mcp: no watchdog)</dev/null >&2&)\n"
)
_SHEBANG = "#!/bin/sh\n"


@dataclass(frozen=True)
class Habits:
    """Where a watchdog finds things in its machine, and how long it waits, in seconds."""

    folder: str = FOLDER
    retry_s: int = 900  # it tries to read the API so long past the deadline, then deletes
    chunk_s: int = 600  # the longest sleep between two looks
    environ: str = "/proc/1/environ"  # has the machine's key, for a shell that did not inherit it


USUAL = Habits()
_MARK = _START.partition("{data}")[0]


def is_in(onstart: str) -> bool:
    """Whether a start script, as a row shows it, has a watchdog in it."""
    return _MARK in onstart


def is_all_of(onstart: str) -> bool:
    """Whether a start script is a watchdog, or a look at the machine, and nothing else."""
    without = script.without(onstart)
    rest = [line for line in without.splitlines() if not line.startswith(_MARK)]
    ours = is_in(onstart) or without != onstart
    return ours and rest in ([], [_SHEBANG.strip()])


def without(onstart: str) -> str | None:
    """A start script, as a row shows it, without watchdog, look and packing: what somebody wrote;
    None where that is nothing.
    """
    bare = script.without(onstart)
    kept = [line for line in bare.splitlines(keepends=True) if not line.startswith(_MARK)]
    ours = is_in(onstart) or bare != onstart
    rest = "".join(kept)
    if ours and rest.strip() in {"", _SHEBANG.strip()}:
        return None
    return unpacked(rest)


def guarded(
    onstart: str | None,
    *,
    until: int,
    base_url: str,
    made: int | None = None,
    habits: Habits = USUAL,
) -> str:
    """The onstart that starts the watchdog, then the script; the same arguments give the same text.

    `until` is the deadline and `made` the moment of the request, in epoch seconds: from there the
    watchdog counts until Vast tells it the time; without it, from the machine's own clock. A
    shebang comes first where the script has one, and where there is no script: a VM starts nothing
    without (docs/vast-api.md A.5). The caller checks the size.
    """
    values = (
        str(until),
        base_url.rstrip("/"),
        habits.folder,
        str(habits.retry_s),
        str(habits.chunk_s),
        habits.environ,
        *([] if made is None else [str(made)]),
    )
    start = _START.format(data=_data(), arguments=shlex.join(values))
    carried = packed(onstart) if onstart else _SHEBANG
    if carried.startswith(_SHEBANG):
        return _SHEBANG + start + carried.removeprefix(_SHEBANG)
    return start + carried


def cost(base_url: str = DEFAULT_URL) -> int:
    """How many characters of an onstart the watchdog takes."""
    made = 10**9
    return len(guarded(None, until=made, base_url=base_url, made=made)) - len(_SHEBANG)


@cache
def _data() -> str:
    """The watchdog without its comment lines and indentation, which no line of it needs."""
    text = resources.files("vast_mcp.leases").joinpath("watchdog.sh").read_text(encoding="utf-8")
    lines = [line.strip() for line in text.splitlines()]
    short = "".join(f"{line}\n" for line in lines if line and not line.startswith("#"))
    return base64.b64encode(gzip.compress(short.encode(), compresslevel=9, mtime=0)).decode()
