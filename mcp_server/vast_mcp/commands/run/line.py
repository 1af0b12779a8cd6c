"""The line of `vast-mcp run`, as it is meant."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
from dataclasses import dataclass
from pathlib import Path

from vast_mcp.errors import Json

WORK = "run"  # the folder of the command, from root's home in the machine
DRIVE = 1  # letters before a colon that are a disk of Windows


class Misused(Exception):
    """The line cannot be meant; the message says why."""


@dataclass(frozen=True)
class Carried:
    """A file or folder that lies here and in the machine. `remote`: from root's home there."""

    local: Path
    remote: str


@dataclass(frozen=True)
class Line:
    """What is wanted. `wants`: arguments of the tool provision, without money; `folder`: where the
    line was given.
    """

    folder: Path
    key: str
    budget_usd: float
    max_usd_per_hour: float | None
    wants: Json
    up: tuple[Carried, ...]
    down: tuple[Carried, ...]
    overwrite: bool
    env_from: tuple[str, ...]
    words: tuple[str, ...]

    @property
    def wish(self) -> str:
        """What tells this line from others: all that it says, its folder and its key."""
        said = json.dumps(
            [
                str(self.folder),
                self.key,
                self.budget_usd,
                self.max_usd_per_hour,
                self.wants,
                [[str(one.local), one.remote] for one in self.up],
                [[str(one.local), one.remote] for one in self.down],
                self.overwrite,
                self.env_from,
                self.words,
            ],
            sort_keys=True,
        )
        return hashlib.sha256(said.encode()).hexdigest()

    @property
    def command(self) -> str:
        """The script that is run in the machine. One word is a line for the shell, as with ssh."""
        said = self.words[0] if len(self.words) == 1 else shlex.join(self.words)
        return f"mkdir -p ~/{WORK} && cd ~/{WORK} || exit 125\n{said}\n"

    def places(self) -> tuple[Path, ...]:
        """The folders whose files may leave, or may be written to: those that the line names."""
        named = [one.local for one in (*self.up, *self.down)]
        return tuple(dict.fromkeys(one if one.is_dir() else one.parent for one in named))

    def check_places(self) -> None:
        """Make the folders that files come back to. Raises Misused where there is nothing to copy
        up, or no folder can be made.
        """
        for one in self.up:
            if not one.local.exists():
                raise Misused(f"--up: there is no {one.local}")
        for one in self.down:
            try:
                one.local.mkdir(parents=True, exist_ok=True)
            except OSError as exc:
                raise Misused(
                    f"--down: no folder {one.local} can be made: {exc.strerror}"
                ) from None

    def check_room(self) -> None:
        """Raises Misused where files that come back would meet others here."""
        for one in self.down:
            if not self.overwrite and any(one.local.iterdir()):
                raise Misused(
                    f"--down: {one.local} is not empty; --overwrite lets files there be replaced"
                )


def carried(text: str, folder: Path) -> Carried:
    """A path here, and the one in the machine: `LOCAL[:REMOTE]`. Without REMOTE it lies there as it
    lies here, beneath the command's folder. Raises Misused.
    """
    local, colon, remote = text.rpartition(":")
    if not colon or len(local) <= DRIVE:
        local, remote = text, ""
    here = Path(os.path.normpath(folder / Path(local).expanduser()))
    if not local or "\0" in text:
        raise Misused(f"no path: {text!r}")
    if not remote:
        remote = _beneath(here, folder)
    return Carried(here, remote if remote.startswith(("/", "~")) else _joined(remote))


def _joined(remote: str) -> str:
    return WORK if remote in {"", "."} else f"{WORK}/{remote}"


def _beneath(here: Path, folder: Path) -> str:
    """The same place, beneath the command's folder; its name alone where it lies elsewhere."""
    if here.is_relative_to(folder):
        return here.relative_to(folder).as_posix()
    return here.name
