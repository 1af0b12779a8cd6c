"""A private key file: its public half, and whether it can be used without a passphrase."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import asyncssh

from vast_mcp.machines.keyfiles import contents, key_blob

_MAGIC = b"openssh-key-v1\0"
_ARMOUR = re.compile(
    rb"-----BEGIN OPENSSH PRIVATE KEY-----(.*?)-----END OPENSSH PRIVATE KEY-----", re.DOTALL
)

Trouble = Literal["missing", "passphrase", "hardware", "unreadable"]


@dataclass(frozen=True)
class KeyFile:
    """One private key file. `blob`: the base64 part of its public half, as far as that is known.
    `key` is there where it can be used; else `trouble` says why not.
    """

    path: Path
    blob: str | None = None
    key: asyncssh.SSHKey | None = field(default=None, repr=False)
    trouble: Trouble | None = None


def key_file(path: Path) -> KeyFile:
    """Read a private key file, and its public half from the file beside it. Never raises, and asks
    for no passphrase.
    """
    beside = contents(path.with_name(f"{path.name}.pub"))
    blob = None if beside is None else key_blob(beside.decode("utf-8", "replace"))
    data = contents(path)
    if data is None:
        return KeyFile(path, blob, trouble="missing")
    if path.suffix == ".pub" and b"PRIVATE KEY" not in data:  # it names a key that an agent has
        return KeyFile(path, key_blob(data.decode("utf-8", "replace")), trouble="missing")
    try:
        key = asyncssh.import_private_key(data)
    except asyncssh.KeyImportError as exc:
        said = str(exc)
        trouble = "passphrase" if "assphrase" in said or "encrypted" in said else "unreadable"
        return KeyFile(path, blob or _public_half(data), trouble=trouble)
    except (ValueError, TypeError, asyncssh.KeyEncryptionError):
        return KeyFile(path, blob or _public_half(data), trouble="unreadable")
    blob = base64.b64encode(key.public_data).decode()
    if key.get_algorithm().startswith("sk-"):  # the file has no more than a handle
        return KeyFile(path, blob, trouble="hardware")
    return KeyFile(path, blob, key)


def _public_half(data: bytes) -> str | None:
    """The public half that OpenSSH's own form has in clear, before what a passphrase locks."""
    found = _ARMOUR.search(data)
    if found is None:
        return None
    try:
        inside = base64.b64decode(found.group(1))
    except binascii.Error:
        return None
    texts = inside.removeprefix(_MAGIC)
    for _ in range(3):  # the cipher, the passphrase's derivation, and its options
        _, texts = _text(texts)
    blob, _ = _text(texts[4:])
    return base64.b64encode(blob).decode() or None


def _text(data: bytes) -> tuple[bytes, bytes]:
    """The text of SSH's wire format at the beginning, and what comes after it."""
    length = int.from_bytes(data[:4], "big")
    return data[4 : 4 + length], data[4 + length :]
