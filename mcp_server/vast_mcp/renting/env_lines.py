"""A text of NAME=VALUE becomes the entries of `env`: an .env file's, or a shell's words."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

from vast_mcp.renting.docker_flags import put_flags, words_of
from vast_mcp.renting.env_entries import Environment, shown

_QUOTED_VALUE = re.compile(
    r"""(?:export\s+)?[^\s='"]+\s*=\s*(?:'[^']*(?P<a>'?)|"(?:\\.|[^"\\])*(?P<b>"?))""", re.DOTALL
)
_BLANKS = " \t\r"
_EXPORT = re.compile(r"(?:export|set)\s+")
_COMMAND = re.compile(r"(?:sudo\s+)?(?:docker|podman)\s", re.I)
_ANOTHER = re.compile(r"\s[A-Za-z_][A-Za-z0-9_]*=")  # within what follows the first =
# A text without a blank or a quote around it is a value as it is, its backslashes too.
_ONE_BARE = re.compile(r"[^\s='\"-][^\s='\"]*=[^\s'\"]\S*")
_ENDS_AS_LETTERS = re.compile(r"=.*\\n(?:export )?[A-Za-z_][A-Za-z0-9_]*=")
_QUOTED = re.compile(r"""'[^']*'|"(?:\\.|[^"\\])*\"""", re.DOTALL)
_ENDS = re.compile(r"\s*(?:;|&&)\s*(?:(?=export\s)|$)")


def put_lines(text: str, env: Environment) -> None:
    """One line holds words of a shell, several hold a variable each, as an .env file does."""
    if _COMMAND.match(text):
        raise ValueError("holds a command; give its options alone, and its image as image")
    if "\n" not in text and _ENDS_AS_LETTERS.search(_QUOTED.sub('""', text)):
        raise ValueError("holds the end of a line as two letters, \\n; write each as -e NAME=VALUE")
    lines = [line for line in _whole_lines(text) if line and not line.startswith("#")]
    if len(lines) == 1 and _ONE_BARE.fullmatch(lines[0]):
        _check_one_way(lines[0])
        _put_line(lines[0], env)
    elif len(lines) == 1 or _goes_on(lines):
        _put_words(text if _goes_on(lines) else lines[0], env)
    else:
        _put_each(lines, env)


def _put_each(lines: list[str], env: Environment) -> None:
    for line in lines:
        if line.startswith("-") or _EXPORT.match(line):
            _put_words(line, env)
        else:
            _put_line(line, env)


def _whole_lines(text: str) -> Iterator[str]:
    """The lines, those of one quoted value as one."""
    waiting = iter(text.split("\n"))
    for line in waiting:
        whole = line.strip(_BLANKS)
        while _is_open(whole):
            more = next(waiting, None)
            if more is None:
                raise ValueError("has a quote that is not closed")
            whole += f"\n{more}"
        yield whole


def _is_open(line: str) -> bool:
    """Whether a value begins with a quote that does not end."""
    found = _QUOTED_VALUE.match(line)
    return found is not None and not (found["a"] or found["b"])


def _goes_on(lines: list[str]) -> bool:
    return any(line.endswith((" \\", "\t\\")) for line in lines[:-1])


def _put_words(line: str, env: Environment) -> None:
    """Words as a shell has them: NAME=VALUE, then options."""
    for statement in _ENDS.split(line) if _EXPORT.match(line) else [line]:
        _check_one_way(statement)
        words = words_of(_EXPORT.sub("", statement, count=1))
        first = next((at for at, word in enumerate(words) if word.startswith("-")), len(words))
        for word in words[:first]:
            env.put_pair(word)
        put_flags(words[first:], env)


def _check_one_way(line: str) -> None:
    """Raises ValueError where variables stand between commas: a value may hold those."""
    if re.search(r"[,;]\s*[A-Za-z_][A-Za-z0-9_]*=", _QUOTED.sub('""', line)):
        raise ValueError("holds variables between commas; write each as -e NAME=VALUE")


def _put_line(line: str, env: Environment) -> None:
    """NAME=VALUE of an .env file, whose value may have blanks."""
    name, equals, value = (part.strip(_BLANKS) for part in line.partition("="))
    if not equals:
        env.put_pair(line)
    if value[:1] in {'"', "'"}:
        value = _unquoted(name, value)
    elif re.search(r"\s#", value) or _ANOTHER.search(value):
        raise ValueError(
            f"{shown(name)} has a comment or another variable on its line; put its value in quotes"
        )
    env.put(name, value)


def _unquoted(name: str, value: str) -> str:
    try:
        words = shlex.split(value, comments=True)
    except ValueError:
        raise ValueError("has a quote that is not closed") from None
    if len(words) != 1:
        raise ValueError(f"{shown(name)} has more than one text on its line")
    return words[0]
