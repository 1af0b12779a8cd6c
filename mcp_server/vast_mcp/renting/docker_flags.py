"""A string of Docker flags becomes the entries of `env` (docs/vast-api.md A.4)."""

from __future__ import annotations

import shlex

from vast_mcp.renting.env_entries import checked_entry, entry_of_pair, shown

_FLAGS = {
    "-e": "-e",
    "--env": "-e",
    "-p": "-p",
    "--publish": "-p",
    "-h": "-h",
    "--hostname": "-h",
    "-v": "-v",
    "--volume": "-v",
    "-n": "-n",
    "--network": "-n",
}


def entries_of_flags(text: str) -> dict[str, str]:
    """`-e A=1 -p 8000:8000/udp -h name -v V.1:/mnt -n net`; quotes as in a shell, `-eA=1` and
    `--env=A=1` too.
    """
    try:
        tokens = shlex.split(text)
    except ValueError:
        raise ValueError("has a quote that is not closed") from None
    env: dict[str, str] = {}
    waiting = iter(tokens)
    for token in waiting:
        flag, value = _split_flag(token)
        if flag is None:
            raise ValueError(
                f"cannot understand {shown(token)}; expected -e NAME=VALUE, -p, -h, -v or -n"
            )
        if value is None:
            value = next(waiting, None)
        if value is None:
            raise ValueError(f"{flag} is the last word and has no value")
        key, val = _flag_entry(flag, value)
        env[key] = val
    return env


def _split_flag(token: str) -> tuple[str | None, str | None]:
    """The flag in its short form, and the value that is in the same word; None for what is not
    there.
    """
    name, equals, rest = token.partition("=")
    if name in _FLAGS and equals:
        return _FLAGS[name], rest
    if name in _FLAGS:
        return _FLAGS[name], None
    if token[:2] in _FLAGS and len(token) > 2:
        return token[:2], token[2:]
    return None, None


def _flag_entry(flag: str, value: str) -> tuple[str, str]:
    """One flag as an entry of the object form."""
    if flag == "-e":
        return entry_of_pair(value)
    if flag == "-h":
        return checked_entry("-h", value)
    return checked_entry(f"{flag} {value}", "1")
