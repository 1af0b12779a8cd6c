"""An env file, read as python-dotenv reads it; a line that means a setting of ours and is not read
so stops the start, since a limit that cannot be read is not "no limit".
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from vast_mcp.environment.spelling import folded
from vast_mcp.settings import SettingsError

if TYPE_CHECKING:
    from dotenv.parser import Binding

# A name of ours in any dress: quoted, in lower case, behind `set ` or `$env:`. `vast_mcp.env` is a
# file's name.
_OURS = re.compile(
    r"vast[-_. ]*mcp(?:[-_]*\w|[-_.]+(?!\w{1,4}(?![\w.=:-]))\w)"
    r"|(?<![a-z0-9_])vast_(?:url|api_key)(?![a-z0-9_])",
    re.I,
)
_ASSIGNED = re.compile(
    r"^\s*(?:export\s+)?[\"']?(?:VAST_MCP_\w+|VAST_URL)[\"']?\s*[=:]", re.I | re.M
)
# A limit of ours inside a value. A word behind / or ? is part of an address, of an image or a page.
_BEHIND = re.compile(r"(?<![\w#/?])VAST_+MCP\w+[\"'`]?\s*[=:]", re.I)


def texts_of(path: Path) -> dict[str, str | None]:
    """Everything in an env file. Raises SettingsError, which names a line and repeats none."""
    from dotenv.parser import parse_stream

    found: dict[str, str | None] = {}
    for binding in parse_stream(io.StringIO(_text_of(path))):
        trouble = next(_troubles(binding, found), None)
        if trouble is not None:
            raise SettingsError(f"Line {_line(binding)} of {path} {trouble}.")
        if binding.key is not None:
            found[binding.key] = binding.value
    return found


def _text_of(path: Path) -> str:
    if not path.exists():
        raise _no_env_file(path, "does not exist")
    if not path.is_file():
        raise _no_env_file(path, "is no file")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        text = "\0"
    if "\0" in text:
        raise SettingsError(f"The env file {path} cannot be read as text in UTF-8.")
    return text


def _troubles(binding: Binding, found: dict[str, str | None]) -> Iterator[str]:
    """What keeps a line that means a setting of ours from being one."""
    key, text = binding.key, folded(binding.original.string).strip()
    if key is None:
        if binding.error and _OURS.search(text.partition(" #")[0]):
            yield "means a setting and cannot be read; write NAME=value"
        return
    ours = _OURS.search(folded(key)) is not None
    if ours:
        yield from _misread(binding, key, found)
    yield from _hidden_in(text, even_quoted=ours)


def _misread(binding: Binding, key: str, found: dict[str, str | None]) -> Iterator[str]:
    """What keeps a line with a name of ours from being read as it is meant."""
    if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", key) is None:
        yield "means a setting and cannot be read; write NAME=value"
    elif binding.value is None and key.upper() != "VAST_API_KEY":
        yield f"names {key} without a value; write NAME=value, or remove the line"
    elif found.get(key, binding.value) != binding.value:
        yield f"sets {key} a second time, to another value; remove one of the lines"


def _hidden_in(text: str, *, even_quoted: bool) -> Iterator[str]:
    """A setting of ours that became part of another's value: behind a quote that was not closed,
    or on one line with it. A quoted value of another program may hold anything.
    """
    first, _, rest = text.partition("\n")
    if _ASSIGNED.search(rest):
        yield "begins a quoted value that swallows a setting below it; close the quote"
    value = first.partition("=")[2].strip()
    quoted = value[:1] in {"'", '"'}
    if (even_quoted or not quoted) and _BEHIND.search(re.split(r"\s#", value)[0]):
        yield "holds two settings; write each on a line of its own"


def _line(binding: Binding) -> int:
    """The line that a binding stands on; blank ones before it belong to it."""
    text = binding.original.string
    blank = text[: len(text) - len(text.lstrip())]
    return binding.original.line + blank.count("\n")


def _no_env_file(path: Path, what: str) -> SettingsError:
    return SettingsError(
        f"The env file {path} {what}; create it or drop --env-file / VAST_MCP_ENV_FILE."
    )
