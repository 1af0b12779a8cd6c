"""What the person's ssh config says of a host: whose keys, which agent, which hosts to jump over.

Only that is read. A directive that runs something (ProxyCommand, LocalCommand, KnownHostsCommand,
`Match exec`) is never followed: a block that asks for one does not match. Whatever else stands
there, and whatever cannot be read, is passed over. As in ssh the first value of a directive holds,
and identities add up (ssh_config(5)).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from vast_mcp.machines.keyfiles import contents
from vast_mcp.ssh.person import Person

LARGEST = 1_000_000  # bytes of a file
DEEPEST = 8  # files that include each other
MOST = 100  # files in all

_LINE = re.compile(r"\s*([A-Za-z]+)(?:\s*=\s*|\s+|\Z)(.*)", re.DOTALL)
_WORD = re.compile(r"""(?:"(?:\\["'\\]|[^"])*"|'(?:\\["'\\]|[^'])*'|\\["'\\ ]|[^\s"'])+""")
_PART = re.compile(r"""(["'])((?:\\["'\\]|(?!\1).)*)\1|\\(["'\\ ])""", re.DOTALL)
_SEVERAL = frozenset({"identityfile", "certificatefile"})
_READ = _SEVERAL | {
    *("hostname", "user", "port", "identitiesonly", "identityagent", "proxyjump", "proxycommand"),
    *("hostkeyalias", "userknownhostsfile"),
}


@dataclass(frozen=True)
class Told:
    """What the config says of one host, by directive in lower case; each value as its words."""

    name: str
    values: dict[str, list[list[str]]] = field(default_factory=dict[str, list[list[str]]])

    def word(self, directive: str) -> str | None:
        """The one word of a directive; None where it is not there."""
        return next((words[0] for words in self.values.get(directive, ())), None)

    def words(self, directive: str) -> list[str]:
        """All words of a directive."""
        return [word for words in self.values.get(directive, ()) for word in words]

    @property
    def only_named(self) -> bool:
        """Whether no key is to be shown but those that it names."""
        return (self.word("identitiesonly") or "no").lower() in {"yes", "true"}

    @property
    def jump(self) -> str | None:
        """The hosts to jump over, as they are written; a ProxyCommand that comes first wins, and is
        not run.
        """
        return self.word("proxyjump") if "proxycommand" not in self.values else None

    @property
    def wants_command(self) -> bool:
        """Whether ssh would run a command to get there."""
        return (self.word("proxycommand") or "none").lower() != "none"


def told_of(person: Person, name: str, user: str | None = None) -> Told:
    """What ~/.ssh/config says of a host by the name that it is asked for; nothing where this server
    may not read it.
    """
    told = Told(name)
    if person.ssh_dir is not None:
        _Reader(person, person.ssh_dir, told, user).read(person.ssh_dir / "config", 0)
    return told


@dataclass
class _Reader:
    """One reading of the config, with the files that it includes."""

    person: Person
    folder: Path
    told: Told
    user: str | None
    files: int = 0

    def read(self, path: Path, depth: int) -> None:
        """Read a file from its beginning: what holds before any Host is for every host."""
        self.files += 1
        data = contents(path, LARGEST)
        if data is None or depth > DEEPEST or self.files > MOST:
            return
        matches = True
        for directive, words in _lines(data.decode("utf-8-sig", "replace")):
            match directive:
                case "host":
                    matches = _is_among(self.told.name, words)
                case "match":
                    matches = self._fits(words)
                case "include" if matches:
                    for pattern in words:
                        self._include(pattern, depth)
                case _ if matches and words and directive in _READ:
                    self._note(directive, words)
                case _:
                    pass

    def _note(self, directive: str, words: list[str]) -> None:
        """Take a value. ProxyJump and ProxyCommand exclude each other: the first of both holds."""
        values = self.told.values
        if directive in {"proxyjump", "proxycommand"} and values.keys() & {
            "proxyjump",
            "proxycommand",
        }:
            return
        if directive in _SEVERAL or directive not in values:
            values.setdefault(directive, []).append(words)

    def _include(self, pattern: str, depth: int) -> None:
        path = self.person.path_of(pattern) or self.folder / pattern
        try:
            relative = path.relative_to(path.anchor).as_posix()
            found = sorted(Path(path.anchor).glob(relative))[:MOST]
        except (ValueError, OSError, NotImplementedError):
            return
        for one in found:
            self.read(one, depth + 1)

    def _fits(self, words: list[str]) -> bool:
        """Whether all conditions of a Match hold. One that nobody here can judge does not."""
        conditions = iter(words)
        for condition in conditions:
            kind, wanted = condition.lower().removeprefix("!"), not condition.startswith("!")
            if kind == "all":
                holds = True
            elif kind in {"host", "originalhost"}:
                host = (self.told.word("hostname") if kind == "host" else None) or self.told.name
                holds = _is_among(host, next(conditions, "").split(","))
            elif kind == "user" and (self.told.word("user") or self.user):
                user = self.told.word("user") or self.user or ""
                holds = _is_among(user, next(conditions, "").split(","))
            else:
                return False
            if holds is not wanted:
                return False
        return bool(words)


def _lines(text: str) -> Iterator[tuple[str, list[str]]]:
    """The directives of a file, in lower case, with their words; none of those that cannot be read,
    so that a block nobody can read is no part of the one before it.
    """
    for line in text.splitlines():
        found = _LINE.fullmatch(line)
        if found is None:
            continue
        directive, rest = found.group(1).lower(), found.group(2).strip()
        # A command is the rest of its line, however that is quoted.
        yield directive, [rest] if rest and directive == "proxycommand" else _words(rest)


def _words(text: str) -> list[str]:
    """The words of a line up to its comment, as ssh splits it: a backslash hides nothing but a
    quote, a blank and itself. None of a line whose quotes do not end.
    """
    words: list[str] = []
    at = 0
    while at < len(text) and text[at] != "#":
        found = _WORD.match(text, at)
        if found is None:
            return []
        words.append(_PART.sub(_plain, found.group()))
        at = found.end()
        rest = text[at:]
        if rest and not rest[0].isspace():
            return []
        at += len(rest) - len(rest.lstrip())
    return words


def _plain(part: re.Match[str]) -> str:
    """A quoted part without its quotes, or a character without its backslash."""
    if part.group(1) is None:
        return part.group(3)
    return re.sub(r"""\\(["'\\])""", r"\1", part.group(2))


def _is_among(name: str, patterns: list[str]) -> bool:
    """Whether one of the patterns fits, and none that begins with an exclamation mark does."""
    fitting = [p for p in patterns if _glob(p.removeprefix("!")).fullmatch(name.lower())]
    return bool(fitting) and not any(pattern.startswith("!") for pattern in fitting)


def _glob(pattern: str) -> re.Pattern[str]:
    """A pattern of ssh's: `*` and `?`, and nothing else."""
    parts = (re.escape(part) for part in re.split(r"([*?])", pattern.lower()))
    return re.compile("".join(parts).replace(r"\*", ".*").replace(r"\?", "."), re.DOTALL)
