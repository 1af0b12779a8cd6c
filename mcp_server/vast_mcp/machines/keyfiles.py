"""The public keys in this computer's ~/.ssh, and which of them the account knows."""

from __future__ import annotations

import base64
import binascii
import hashlib
import itertools
from collections.abc import Iterable
from pathlib import Path

from vast_mcp.vast.account import SshKey

LARGEST = 65_536  # bytes of a key file; an RSA key of 16,384 bits has 13,000
KINDS = ("ssh-", "ecdsa-", "sk-")  # how the first word of a public key line begins


def local_public_keys(ssh_dir: Path | None) -> list[Path]:
    """The `*.pub` files of ~/.ssh, in name order; none where this server may not read there."""
    if ssh_dir is None:
        return []
    try:
        return sorted(ssh_dir.glob("*.pub"))
    except OSError:
        return []


def local_keys(ssh_dir: Path | None) -> dict[str, Path]:
    """The base64 part of each key of ~/.ssh → its first file. Unreadable files are passed over."""
    found: dict[str, Path] = {}
    for path in local_public_keys(ssh_dir):
        held = contents(path)
        blob = None if held is None else key_blob(held.decode("utf-8", "replace"))
        if blob is not None:
            found.setdefault(blob, path)
    return found


def contents(path: Path, most: int = LARGEST) -> bytes | None:
    """The bytes of a regular file that is no larger; None where there is none that can be read."""
    try:
        if not path.is_file() or path.stat().st_size > most:
            return None
        return path.read_bytes()
    except (OSError, ValueError):
        return None


def registered_local_key(keys: Iterable[SshKey], ssh_dir: Path | None) -> Path | None:
    """The first public key file of ~/.ssh that is among the account's keys."""
    registered = {key_blob(key.public_key) for key in keys}
    for blob, path in local_keys(ssh_dir).items():
        if blob in registered:
            return path
    return None


def key_blob(text: str) -> str | None:
    """The base64 part of a public key line: what makes two lines the same key. None where there is
    none.
    """
    for kind, blob in itertools.pairwise(text.split()):
        if kind.startswith(KINDS):
            return blob
    return None


def fingerprint_of(blob: str) -> str | None:
    """SHA256 fingerprint of a key's base64 part, as ssh-keygen -l prints it. None where it is no
    base64.
    """
    try:
        digest = hashlib.sha256(base64.b64decode(blob, validate=True)).digest()
    except (binascii.Error, ValueError):
        return None
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")
