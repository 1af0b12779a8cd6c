"""A long onstart as a short one: Vast takes 4048 characters (docs/vast-api.md A.2), a setup
script often has more.

The packed text is a small POSIX script that restores the very bytes to a file. A script with a
shebang is then run by it; one without is sourced by the shell that runs onstart, so its exports,
its exit and its status count as before. It needs base64 and mktemp (coreutils or busybox) and
gzip, and no feature of any one shell.
"""

from __future__ import annotations

import base64
import gzip

ONSTART_MAX = 4048  # characters that Vast takes

# The wrapper has a shebang exactly where the script has one: a VM starts onstart by it
# (docs/vast-api.md A.5), and without one the shell that would have read the script reads the
# wrapper. Its last command is the script, whose status is its own.
_RUN = (
    '#!/bin/sh\n_onstart=$(mktemp)&&echo {data}|base64 -d|gzip -dc>"$_onstart"&&chmod 700 '
    '"$_onstart"&&"$_onstart"\n'
)
_SOURCE = '_onstart=$(mktemp)&&echo {data}|base64 -d|gzip -dc>"$_onstart"&&. "$_onstart"\n'


def packed(onstart: str) -> str:
    """The script as a shorter one that does the same; the same script gives the same text.

    The caller checks the size.
    """
    data = base64.b64encode(gzip.compress(onstart.encode(), compresslevel=9, mtime=0)).decode()
    wrapper = _RUN if onstart.startswith("#!") else _SOURCE
    return wrapper.format(data=data)
