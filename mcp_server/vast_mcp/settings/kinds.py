"""What the text of a setting may be, and the value that it becomes.

Each kind has one rule, which finishes the sentence "NAME must be …" for whoever set another text.
The text itself is never repeated: it may be a secret.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from vast_mcp.settings.addresses import Address

LONGEST_LEASE_H = 8760.0
SHORTEST_TOKEN = 16  # characters

YES = frozenset({"1", "true", "yes"})
NO = frozenset({"0", "false", "no"})
LOG_HOST = re.compile(r"\.?[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+(/[A-Za-z0-9._/-]*)?")


@dataclass(frozen=True)
class Kind:
    """How a text is read. `read` raises ValueError of a text that breaks the rule."""

    read: Callable[[str], Any]
    rule: str


def check(holds: bool) -> None:
    """Raise ValueError where a rule does not hold."""
    if not holds:
        raise ValueError


def amount(text: str) -> float:
    """Read a number, 0 or more."""
    value = float(text)
    check(value >= 0 and math.isfinite(value))
    return value


def count(text: str) -> int:
    """Read a whole number, 0 or more."""
    check(re.fullmatch(r"[0-9]{1,9}", text) is not None)
    return int(text)


def hours(text: str) -> float:
    """Read the hours of a lease."""
    value = float(text)
    check(0 < value <= LONGEST_LEASE_H)
    return value


def scale(text: str) -> float:
    """Read a factor that shortens."""
    value = float(text)
    check(0 < value <= 1)
    return value


def yes(text: str) -> bool:
    """Read a yes or a no."""
    word = text.lower()
    check(word in YES | NO)
    return word in YES


def asked_above(text: str) -> float | None:
    """Read the $/h above which a person is asked: 0 for always, None for never."""
    match text.lower():
        case "never":
            return None
        case "always":
            return 0.0
        case _:
            return amount(text)


def path(text: str) -> Path:
    """Read a path; `~` is a home folder, which must exist."""
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise ValueError from None


def folder(text: str) -> Path:
    """Read a folder that is the same one wherever the server is started."""
    value = path(text)
    check(value.is_absolute())
    return value


def folders(text: str) -> tuple[Path, ...]:
    """Read folders that commas separate."""
    found = tuple(folder(word) for word in words(text))
    check(bool(found))
    return found


def address(text: str) -> str:
    """Read the address of the API: written one way, without a slash at its end."""
    read = Address.of(text)
    check(read.is_safe)
    check(not (read.has_login or read.has_query or read.has_fragment))
    return read.origin + read.path.rstrip("/")


def key(text: str) -> SecretStr:
    """Read a key. A header carries it, where anything but printable ASCII fails late."""
    check(re.fullmatch(r"[!-~]+", text) is not None)
    return SecretStr(text)


def token(text: str) -> SecretStr:
    """Read the token of `serve --http`."""
    check(len(text) >= SHORTEST_TOKEN)
    return key(text)


def words(text: str) -> list[str]:
    """Read words that commas separate."""
    parts = [part.strip() for part in text.split(",")]
    return [part for part in parts if part]


def passed_names(text: str) -> dict[str, SecretStr | None]:
    """Read the names of variables that machines may get; their values are set elsewhere."""
    names = words(text)
    for name in names:
        check(re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,63}", name) is not None)
        check(name != "VAST_API_KEY" and not name.startswith("VAST_MCP_"))
    return dict.fromkeys(names)


def download(text: str) -> str:
    """Read where strangers' machines may download from. It is written as it was given, and no
    shell's character is in it.
    """
    check(re.fullmatch(r"[A-Za-z0-9:/?&=%+@,._~\[\]-]{1,500}", text) is not None)
    check(not Address.of(text).has_login)
    return text


def log_hosts(text: str) -> tuple[str, ...]:
    """Read places on the net that logs may be fetched from."""
    return tuple(log_host(word) for word in words(text))


def log_host(word: str) -> str:
    """Read one place. Upper and lower case differ only in a path."""
    check(LOG_HOST.fullmatch(word) is not None)
    if "/" in word:
        return word
    return word.lower()


AMOUNT = Kind(amount, "a number, 0 or more; unset it for no limit")
COUNT = Kind(count, "a whole number, 0 or more; unset it for no limit")
HOURS = Kind(hours, f"hours, above 0 and at most {LONGEST_LEASE_H:g}")
SCALE = Kind(scale, "a number above 0 and at most 1")
FLAG = Kind(yes, "1 or 0")
ASKED_ABOVE = Kind(asked_above, "never, always, or the $/hour above which to ask")
PATH = Kind(path, "a path, whose home folder exists where it begins with ~")
FOLDER = Kind(
    folder, "an absolute path (a host starts servers in any folder), or one that begins with ~"
)
FOLDERS = Kind(folders, "absolute paths of folders, separated by commas, or such as begin with ~")
ADDRESS = Kind(
    address,
    "an https address, or http on loopback (your key would travel in clear), without a login, "
    "`?` or `#`; unset it to use Vast.ai itself",
)
KEY = Kind(key, "printable ASCII without spaces, as every key is; set it anew")
TOKEN = Kind(token, f"{SHORTEST_TOKEN} or more ASCII characters without spaces")
PASSED_NAMES = Kind(
    passed_names,
    "names of variables, separated by commas, without their values; VAST_API_KEY and VAST_MCP_* "
    "are never passed on, since strangers own the machines",
)
DOWNLOAD = Kind(
    download,
    "an http or https address of at most 500 plain characters, without a login: strangers' "
    "machines are told it",
)
LOG_HOSTS = Kind(log_hosts, "HOST, HOST/PATH or .DOMAIN, separated by commas, without https")
