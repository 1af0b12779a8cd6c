"""A line of Docker options becomes the entries of `env` (docs/vast-api.md A.4)."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable

from vast_mcp.renting.docker_options import option_of
from vast_mcp.renting.env_entries import Environment, shown

# Quoted pieces, what a shell makes of a line that goes on (PowerShell's and cmd's too), the rest.
_PIECES = re.compile(
    r"""'[^']*'|"(?:\\.|[^"\\])*"|(?P<joined>\\\r?\n)|(?P<apart>(?<=\s)[`^][ \t]*\r?\n)"""
    r"""|[^'"\\`^]+|\\.|.""",
    re.DOTALL,
)

_BARE_JSON = re.compile(r"=[{\[]+\s*\0")


def words_of(text: str) -> list[str]:
    """The words of a command line, quotes as in a shell, continued lines as one."""
    if _BARE_JSON.search(_PIECES.sub(_unquoted, text)):
        raise ValueError("holds JSON, whose quotes a shell takes away; put 'NAME=VALUE' in quotes")
    whole = _PIECES.sub(_piece, re.sub(r"(?<=\s)\\$", "", text.rstrip()))
    try:
        return shlex.split(whole)
    except ValueError:
        raise ValueError("has a quote that is not closed") from None


def _unquoted(found: re.Match[str]) -> str:
    """A mark in the place of a quoted piece."""
    return "\0" if len(found[0]) > 1 and found[0][0] in "'\"" else found[0]


def _piece(found: re.Match[str]) -> str:
    if found["joined"]:
        return ""
    return " " if found["apart"] else found[0]


def put_flags(words: Iterable[str], env: Environment) -> None:
    """`-e A=1 -p 8000:8000/udp -h name -v V.1:/mnt -n net`; `-eA=1` and `--env=A=1` too."""
    waiting = iter(words)
    for word in waiting:
        option = option_of(word)
        if option is None:
            raise ValueError(
                f"cannot understand {shown(word)}; expected -e NAME=VALUE, -p, -h, -v or -n"
            )
        value = option.value
        if option.takes_value and value is None:
            value = next(waiting, None)
            if value is None:
                raise ValueError(f"{option.name} is the last word and has no value")
        env.put_option(option, value or "")
