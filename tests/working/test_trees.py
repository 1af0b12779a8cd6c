"""What stands where a folder is to be put, while somebody else changes it."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from vast_mcp.files import allowed
from vast_mcp.settings import Settings
from vast_mcp.working.files.here import Here
from vast_mcp.working.files.names import ROOT
from vast_mcp.working.files.sides import AllTrouble, Seen
from vast_mcp.working.files.tree import Tree, standing

WANTED = Tree({b"sub/a": Seen("file")}, {ROOT: 0o755, b"sub": 0o755})


class Swapped(Here):
    """This computer, on which a folder becomes a link once its name was read."""

    folder: Path

    async def names(self, folder: bytes) -> AsyncIterator[tuple[bytes, Seen]]:
        async for one in super().names(folder):
            yield one
        if folder == ROOT:
            (self.folder / "sub").rmdir()
            (self.folder / "sub").symlink_to(self.folder.parent)


def side(kind: type[Here], tmp_path: Path, settings: Settings) -> Here:
    folder = tmp_path / "files"
    (folder / "sub").mkdir(parents=True)
    may = replace(settings, files=(folder,))
    return kind(allowed.place_of(str(folder), may), may)


async def test_a_folder_that_becomes_a_link_ends_the_copy_in_words(
    tmp_path: Path, settings: Settings
) -> None:
    """It is the person's to change, and no defect."""
    there = side(Swapped, tmp_path, settings)
    assert isinstance(there, Swapped)
    there.folder = tmp_path / "files"
    with pytest.raises(AllTrouble) as caught:
        await standing(there, WANTED)
    assert caught.value.field == "local"
    assert str(caught.value) == "leads to a folder that lies beneath a link, or beneath a file"


async def test_a_folder_that_stays_is_read(tmp_path: Path, settings: Settings) -> None:
    found = await standing(side(Here, tmp_path, settings), WANTED)
    assert {path: seen.kind for path, seen in found.items()} == {ROOT: "folder", b"sub": "folder"}


def test_a_key_is_shut_by_any_name_and_any_spelling(tmp_path: Path, settings: Settings) -> None:
    """Each place and folder is looked at once, for whatever is asked about after."""
    keys, files = tmp_path / "keys", tmp_path / "files"
    keys.mkdir()
    files.mkdir()
    (keys / "id").write_text("key", "utf-8")
    os.link(keys / "id", files / "linked")
    shut = allowed.Shut(replace(settings, ssh_dir=keys, ssh_key=keys / "id"))
    asked = [files / "linked", keys / "new" / "deeper", tmp_path / "KEYS" / "x", keys]
    assert all(shut.why(path) for path in asked + asked)
    assert not any(shut.why(path) for path in (files, files / "plain", files / "new" / "x"))
