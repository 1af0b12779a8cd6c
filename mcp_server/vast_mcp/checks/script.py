"""The script that looks at a machine (check.sh), as it is sent: over SSH by standard input, or in
an onstart behind everything else.
"""

from __future__ import annotations

import base64
import gzip
import shlex
from functools import cache
from importlib import resources

# What begins the one line that it prints.
MARK = "vast-mcp: check "

# In the background, with what it prints in the container's log. Nobody waits for it, and it keeps
# nothing of the script's: its shell has a standard input of its own.
_START = "(echo {data}|base64 -d|gzip -dc|sh{arguments} >&2&)\n"
_MARK_OF_START = "|base64 -d|gzip -dc|sh"
_SHEBANG = "#!/bin/sh\n"


def script(url: str | None = None) -> str:
    """The script, as `sh` reads it from its standard input. `url`: what is downloaded to see how
    fast that is.
    """
    return _short().replace("U=$1\n", f"U={shlex.quote(url or '')}\n", 1)


def started_in(onstart: str | None, most: int, url: str | None = None) -> str | None:
    """An onstart that starts the check and then does what it did before; None where that is longer
    than `most` characters.
    """
    arguments = "" if url is None else f" -s {shlex.quote(url)}"
    start = _START.format(data=_data(), arguments=arguments)
    before = _SHEBANG if onstart is None else onstart
    shebang, _, rest = before.partition("\n")
    if not shebang.startswith("#!"):
        shebang, rest = "", before
    carried = f"{shebang}\n{start}{rest}" if shebang else start + rest
    return carried if len(carried) <= most else None


def is_in(onstart: object) -> bool:
    """Whether a start script, as a row shows it, has a check in it."""
    return isinstance(onstart, str) and any(map(_is_start, onstart.splitlines()))


def without(onstart: str) -> str:
    """A start script without the check in it."""
    kept = [line for line in onstart.splitlines(keepends=True) if not _is_start(line)]
    return "".join(kept)


def _is_start(line: str) -> bool:
    return line.startswith(_START.partition("{")[0]) and _MARK_OF_START in line


@cache
def _short() -> str:
    """The script without comment lines and indentation, which no line of it needs."""
    text = resources.files("vast_mcp.checks").joinpath("check.sh").read_text(encoding="utf-8")
    lines = [line.strip() for line in text.splitlines()]
    return "".join(f"{line}\n" for line in lines if line and not line.startswith("#"))


@cache
def _data() -> str:
    return base64.b64encode(gzip.compress(_short().encode(), compresslevel=9, mtime=0)).decode()
