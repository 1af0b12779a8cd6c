"""A registered SSH key is what a machine is entered with, and what a VM must find at birth."""

from __future__ import annotations

import base64
import binascii
from pathlib import Path
from typing import Annotated

from pydantic import Field

from vast_mcp import errors
from vast_mcp.errors import NextStep, Problem
from vast_mcp.machines.keyfiles import fingerprint_of, key_blob
from vast_mcp.renting.consent import Consent
from vast_mcp.renting.proposal import Proposal
from vast_mcp.session import Call
from vast_mcp.toolspec import Arguments, Result, ToolSpec
from vast_mcp.vast.account import SshKey

KINDS = frozenset(
    {
        "ssh-ed25519",
        "ssh-rsa",
        "ecdsa-sha2-nistp256",
        "ecdsa-sha2-nistp384",
        "ecdsa-sha2-nistp521",
        "sk-ssh-ed25519@openssh.com",
        "sk-ecdsa-sha2-nistp256@openssh.com",
    }
)
LARGEST_FILE = 16_384


class CreateSshKey(Arguments):
    longer = {"public_key": LARGEST_FILE}

    public_key: Annotated[
        str,
        Field(
            max_length=LARGEST_FILE,
            description="its text, or a *.pub file here: ~/.ssh/id_ed25519.pub",
        ),
    ]

    def repeatable(self) -> None:
        """An answer repeats no key."""


class CreateSshKeyResult(Result):
    key_id: int
    fingerprint: Annotated[
        str, Field(description="SHA256 fingerprint, as ssh-keygen -l prints it.")
    ]
    already_registered: Annotated[
        bool, Field(description="True: the account had this key, nothing was sent.")
    ]
    warnings: list[str] = []


async def create_ssh_key(args: CreateSshKey, call: Call) -> CreateSshKeyResult:
    """Registers an SSH public key: machines rented afterwards accept it, a VM no later one."""
    line = _checked(_text(args.public_key, call.ssh_dir))
    fingerprint = fingerprint_of(line.split()[1]) or ""
    consent = Consent(call, _proposal(fingerprint))
    registered = await _registered(call, line)
    if registered is None and await consent.ask_entry():
        registered = await _registered(call, line)
    if registered is not None:
        return CreateSshKeyResult(
            key_id=registered.id, fingerprint=fingerprint, already_registered=True
        )
    with consent.spent():
        made = await call.vast.create_ssh_key(line)
    call.session.ssh_keys.clear()  # read anew by the next rent
    return CreateSshKeyResult(key_id=made.id, fingerprint=fingerprint, already_registered=False)


def _proposal(fingerprint: str) -> Proposal:
    """What a person is asked: a key lets whoever holds it into machines."""
    what = (
        f"Register the SSH key {fingerprint} with the Vast.ai account? Whoever holds its private "
        "half can enter every machine that is rented from then on."
    )
    again = NextStep("create_ssh_key", {}, "the same call")  # an answer repeats no key
    return Proposal("create_ssh_key", {"fingerprint": fingerprint}, what, again)


async def _registered(call: Call, line: str) -> SshKey | None:
    """The account's key of this content."""
    blob = key_blob(line)
    keys = await call.vast.ssh_keys()
    return next((key for key in keys if key_blob(key.public_key) == blob), None)


# ── the text of the key ────────────────────────────────────────────────────────────────────────


def _text(given: str, ssh_dir: Path | None) -> str:
    """The key text itself, read from the file where a path was given (Vast's own client registers
    the path).
    """
    text = given.strip()
    if "PRIVATE KEY" in text:
        raise _bad("this is a private key; give the public one (the file that ends in .pub)")
    if _is_key_text(text):
        return text
    if not text.endswith(".pub"):
        raise _bad("give the text of a public key, or the path of a file that ends in .pub")
    if ssh_dir is None:
        raise _bad("this server reads no local files; give the text of the key")
    try:
        return _file_text(text, ssh_dir)
    except FileNotFoundError:
        raise _bad("there is no such file; `ssh-keygen -t ed25519` makes a key pair") from None
    except (OSError, RuntimeError, ValueError):  # no such home, a NUL in the path, no text
        raise _bad("the file cannot be read as text") from None


def _is_key_text(text: str) -> bool:
    """Whether it is meant as a key's text, which may have a comment that ends in .pub."""
    words = text.split()
    return len(words) > 1 and (words[0] in KINDS or not text.endswith(".pub"))


def _file_text(given: str, ssh_dir: Path) -> str:
    path = _path(given, ssh_dir)
    if path.exists() and not _is_small_file(path):
        raise _bad("the file cannot be read as text")
    return path.read_text(encoding="utf-8").strip()


def _path(given: str, ssh_dir: Path) -> Path:
    """The file that is meant; `~/.ssh/` is the folder that this server was given for it."""
    if given.startswith("~/.ssh/"):
        return ssh_dir / given.removeprefix("~/.ssh/")
    return Path(given).expanduser()


def _is_small_file(path: Path) -> bool:
    return path.is_file() and path.stat().st_size <= LARGEST_FILE


# ── what is wrong with it ──────────────────────────────────────────────────────────────────────


def _checked(text: str) -> str:
    """`kind blob [comment]`, one line. Raises BadArguments, and repeats nothing of the text."""
    if "PRIVATE KEY" in text:
        raise _bad("the file holds a private key")
    lines = [line for line in text.splitlines() if not _is_blank_or_comment(line)]
    if len(lines) != 1:
        raise _bad("expected exactly one public key on one line")
    words = lines[0].split()
    if len(words) < 2 or words[0] not in KINDS:
        raise _bad(f"expected a line that starts with one of {', '.join(sorted(KINDS))}")
    _check_blob(words[0], words[1])
    return " ".join(words)


def _is_blank_or_comment(line: str) -> bool:
    return not line.strip() or line.lstrip().startswith("#")


def _check_blob(kind: str, encoded: str) -> None:
    """The base64 part begins with the kind once more, as a length of 4 bytes and a text
    (RFC 4253, 6.6). Raises BadArguments where it does not, or nothing follows.
    """
    try:
        blob = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise _bad("the key's second word is no base64; was it cut?") from None
    size = int.from_bytes(blob[:4], "big")
    inner, rest = blob[4 : 4 + size], blob[4 + size :]
    if inner.decode("ascii", "replace") != kind or not rest:
        raise _bad("the key's content does not fit its first word; was it cut?")


def _bad(problem: str) -> errors.BadArguments:
    return errors.bad("create_ssh_key", [Problem("public_key", problem)])


SPEC = ToolSpec(
    fn=create_ssh_key,
    arguments=CreateSshKey,
    result=CreateSshKeyResult,
    title="Register an SSH key",
    read_only=False,
    destructive=False,
    idempotent=True,
    open_world=True,
    sends=("keys",),
)
