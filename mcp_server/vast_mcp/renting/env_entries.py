"""The entries of `env` as Vast takes them: a variable, or a flag as the key (docs/vast-api.md A.4).

What is wrong is told by a ValueError that names the word and shows no value.
"""

from __future__ import annotations

import json
import re

from vast_mcp import errors
from vast_mcp.renting.docker_options import INSTEAD, KNOWN, Option
from vast_mcp.renting.env_ports import check_no_port, port_keys

_NAME = re.compile(r"[^\s=\-][^\s=]*")
_VOLUME = re.compile(r"[^\s:]+:[^\s\0]+")
_FOLDER = re.compile(r"[/~.$\\]|[A-Za-z]:[\\/]")  # how a path of a machine begins
_USUAL_NETWORKS = frozenset({"bridge", "default"})
_KEY_OF_A_LINE = re.compile(r"[A-Za-z_]\w{0,31}")  # of YAML: its value stands behind the colon
_NO_NETWORKS = re.compile(r"host|none|container:.*")


class Environment(dict[str, str]):
    """The entries, and the names of the Docker options that were left out."""

    def __init__(self) -> None:
        super().__init__()
        self.left_out: list[str] = []

    def put(self, key: str, value: str) -> None:
        """Add an entry. Raises ValueError where it is there with another value."""
        key, value = _checked(key, value)
        if self.get(key, value) != value:
            raise ValueError(f"{errors.clean(key, 60)} is there twice, with different values")
        self[key] = value

    def put_pair(self, item: str) -> None:
        """NAME=VALUE as an entry."""
        name, equals, value = item.partition("=")
        if not equals:
            check_no_port(item)
            raise ValueError(
                f"{shown(item)} has no value; write NAME=VALUE, or name it in env_from where the "
                "person keeps it"
            )
        self.put(name, value)

    def put_option(self, option: Option, value: str, kept: str = "1") -> None:
        """One Docker option: an entry, or one that Vast does not know. `kept`: what stands beside a
        key that has no value of its own.
        """
        known = KNOWN.get(option.name)
        if known is None:
            self._leave_out(option.name)
        elif known == "-e":
            self.put_pair(value)
        elif known == "-h":
            self.put("-h", value)
        else:
            for key in self._keys(known, value):
                self.put(key, kept)

    def _keys(self, flag: str, value: str) -> list[str]:
        """What stands behind -p, -v or -n as keys."""
        if flag == "-p":
            return port_keys(value)
        if flag == "-n" and value in _USUAL_NETWORKS:
            self.left_out.append("--network")
            return []
        return [f"{flag} {value}"]

    def _leave_out(self, name: str) -> None:
        if name in INSTEAD:
            raise ValueError(f"{name} is none of Vast's options: {INSTEAD[name]}")
        if name not in self.left_out:
            self.left_out.append(name)


def text_of(name: str, value: object) -> str:
    """A variable's value, which is a text; numbers are written as in JSON. Raises ValueError."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        word = "true" if value else "false"
        raise ValueError(
            f'{shown(name)} is {word}, and a variable is a text; write "{word}", or "1" or "0"'
        )
    if isinstance(value, int | float):
        return json.dumps(value)
    if value is None:
        raise ValueError(f"{shown(name)} is null; leave it out, or give it a text")
    raise ValueError(f"{shown(name)} must have a string as its value; put it in quotes")


def _checked(key: str, value: str) -> tuple[str, str]:
    if "\0" in key or "\0" in value:
        raise ValueError(f"{shown(key)} holds a NUL character")
    if not errors.is_text(key + value):
        raise ValueError(f"{shown(key)} holds half a character (a lone surrogate)")
    if key.startswith("-"):
        _check_flag(key)
    elif not _NAME.fullmatch(key):
        raise ValueError(f"{_shown_name(key)} is no variable name")
    else:
        check_no_port(key)
    return key, value


def _check_flag(key: str) -> None:
    flag, _, rest = key.partition(" ")
    if flag == "-v":
        _check_volume(rest)
    elif flag == "-n":
        _check_network(rest)
    elif flag not in {"-p", "-h"}:
        raise ValueError(f"cannot understand the key {shown(key)}; flags are -p, -h, -v and -n")


def _check_volume(text: str) -> None:
    if not _VOLUME.fullmatch(text):
        raise ValueError("-v wants VOLUME:/path, as in -v V.1:/mnt")
    if _FOLDER.match(text):
        raise ValueError("-v mounts a volume of Vast's, as in -v V.1:/mnt, and no folder")


def _check_network(name: str) -> None:
    if _NO_NETWORKS.fullmatch(name):
        raise ValueError(
            "a machine of Vast's has a network of its own, not the host's or another's; leave "
            "--network out, and open each port with -p, as in -p 8000:8000"
        )
    if not _NAME.fullmatch(name):
        raise ValueError(f"cannot understand the key -n {shown(name)}; -n wants a network's name")


def _shown_name(key: str) -> str:
    name, equals, _ = key.partition("=")
    if equals:
        return f"{errors.clean(name, 60)}=…"
    return errors.clean(" ".join(map(shown, name.split())), 60) or "an empty word"


def shown(token: str) -> str:
    """A token as an error may show it. A secret stands after the `=` or a colon, or is a long word
    that lost its name.
    """
    name, equals, _ = token.partition("=")
    if equals:
        return f"{errors.clean(name, 60)}=…"
    word = next(iter(name.split()), "")
    key, colon, rest = word.partition(":")
    if _KEY_OF_A_LINE.fullmatch(key) and rest:
        return f"{errors.clean(key, 60)}{colon}…"
    if not _is_harmless(word):
        word = f"{word[:4]}…"
    return errors.clean(word, 60) or "an empty word"


def _is_harmless(word: str) -> bool:
    return word.startswith("-") or len(word) <= 16 or not any(c.isalpha() for c in word)
