"""A long onstart as a short one: Vast takes 4048 characters (docs/vast-api.md A.2), a setup
script often has more.

The packed text is a small POSIX script that restores the very bytes to a file. A script with a
shebang is then run by it; one without is sourced by the shell that runs onstart, so its exports,
its exit and its status count as before. That it began, and with what status it ended, is written to
its standard error. It needs base64 and mktemp (coreutils or busybox) and
gzip, and no feature of any one shell.
"""

from __future__ import annotations

import base64
import gzip
import re
import zlib

ONSTART_MAX = 4048  # characters that Vast takes

# What the wrapper writes beside the watchdog's lines, into the container's log. A script that goes
# on as another program (exec), sets a trap of its own for its exit or redirects its errors for good
# may have no end there.
BEGAN = "vast-mcp: onstart began"
ENDED = "vast-mcp: onstart ended, status "  # and the status

# The wrapper has a shebang exactly where the script has one: a VM starts onstart by it
# (docs/vast-api.md A.5), and without one the shell that would have read the script reads the
# wrapper. Its last command has the status of the script. A sourced one may end its shell, by exit
# or set -e, so that a trap says how it ended; the trap is silent once that was said.
_UNPACK = '_onstart=$(mktemp)&&echo {data}|base64 -d|gzip -dc>"$_onstart"&&'
_BEGIN = f"{{{{ echo {BEGAN}>&2||:;"
_END = f'echo "{ENDED}$_status">&2||:;(exit "$_status");}}}}\n'
_RUN = f'#!/bin/sh\n{_UNPACK}chmod 700 "$_onstart"&&{_BEGIN}"$_onstart";_status=$?;{_END}'
_TRAP = f"trap 'case $_onstart in ?*)echo \"{ENDED}$?\">&2||:;esac' EXIT;"
_SOURCE = f'{_UNPACK}{_BEGIN}{_TRAP}. "$_onstart";_status=$? _onstart=;{_END}'


def packed(onstart: str) -> str:
    """The script as a shorter one that does the same; the same script gives the same text.

    The caller checks the size.
    """
    data = base64.b64encode(gzip.compress(onstart.encode(), compresslevel=9, mtime=0)).decode()
    wrapper = _RUN if onstart.startswith("#!") else _SOURCE
    return wrapper.format(data=data)


_PACKED = re.compile(r"_onstart=\$\(mktemp\)&&echo ([A-Za-z0-9+/=]+)\|base64 -d\|gzip -dc>")


def unpacked(onstart: str) -> str:
    """The script that a packed one restores; what is not packed is itself."""
    found = _PACKED.search(onstart)
    if found is None:
        return onstart
    try:
        return gzip.decompress(base64.b64decode(found[1], validate=True)).decode()
    except (ValueError, OSError, EOFError, zlib.error):
        return onstart
