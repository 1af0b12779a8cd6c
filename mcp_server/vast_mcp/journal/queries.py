"""The journal's statements, read from queries.sql, where each has a name and its reason."""

from __future__ import annotations

import functools
from importlib import resources

_NAME = "-- name: "


@functools.cache
def statements() -> dict[str, str]:
    """Every statement by its name. Read with the first rental, not with the first import."""
    file = resources.files("vast_mcp.journal").joinpath("queries.sql")
    return parsed(file.read_text(encoding="utf-8"))


def parsed(script: str) -> dict[str, str]:
    """The statements of a script in which each stands under a line `-- name: its_name`.

    Lines that begin with `--` are comments and are left out.
    """
    found: dict[str, str] = {}
    for block in script.split(_NAME)[1:]:
        name, *lines = block.splitlines()
        found[name] = "\n".join(line for line in lines if not line.startswith("--")).strip()
    return found
