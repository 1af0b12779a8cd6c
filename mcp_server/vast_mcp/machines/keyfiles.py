"""TODO: one line."""

from __future__ import annotations

import base64
import binascii
import hashlib
import itertools
from pathlib import Path

from vast_mcp.vast.models import SshKey


def local_public_keys(ssh_dir: Path | None) -> list[Path]:
    """The `*.pub` files of ~/.ssh, in name order; none where this server may not read there."""
    try:
        return sorted(ssh_dir.glob("*.pub")) if ssh_dir else []
    except OSError:
        return []


def key_blob(text: str) -> str | None:
    """The base64 part of a public key line: what makes two lines the same key. None where there is
    none.
    """
    words = text.split()
    for kind, blob in itertools.pairwise(words):
        if kind.startswith(("ssh-", "ecdsa-", "sk-")):
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


def has_local_match(keys: list[SshKey], ssh_dir: Path | None) -> bool:
    """Whether a public key of this computer is registered. True where this server may not look."""
    if ssh_dir is None:
        return True
    registered = {blob for key in keys if (blob := key_blob(key.public_key))}
    for path in local_public_keys(ssh_dir):
        try:
            if key_blob(path.read_text(encoding="utf-8")) in registered:
                return True
        except (OSError, UnicodeDecodeError):
            continue
    return False
