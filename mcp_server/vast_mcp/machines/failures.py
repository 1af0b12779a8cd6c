"""What a host says of a start that fails, read into classes (docs/vast-api.md C.9).

The text is a stranger's, and names the renter's image, host and program: only whole phrases of
Docker's, of the driver's and of Vast's count, which no image's name can hold, for they have spaces.
A text of no class says nothing: what stands still is told by time (watching.py).
"""

from __future__ import annotations

import re
from typing import Literal

Failure = Literal[
    "secrets",
    "volume",
    "vm",
    "driver_too_old",
    "host_gpu",
    "disk_full",
    "pull_limit",
    "image",
    "image_login",
    "host_docker",
    "oci_error",
    "host_network",
]

# May pass by itself: told as a failure only where it lasts, and not beside a stopped machine.
PASSING: frozenset[Failure] = frozenset({"host_network", "secrets"})

# In lower case, the narrower before the wider: Docker wraps what a driver or a disk says in what
# it says of every container.
_SAID: tuple[tuple[Failure, str], ...] = (
    ("secrets", r"secrets fetch (?:failed|rate limited|json parse error)"),
    ("volume", r"requested volume does not"),
    (
        "vm",
        r"does not support vms|incompatible with vms|cannot assign gpus to vms"
        r"|out-of-memory-check",
    ),
    (
        "driver_too_old",
        r"requirement err|unsatisfied condition|please update your driver"
        r"|requirements not met: ",
    ),
    (
        "host_gpu",
        r"failed to inject cdi|unresolvable cdi|could not select device driver"
        r"|nvidia-container-cli: (?:device|initialization|detection|ldcache) error"
        r"|unknown or invalid runtime|\bgpu error\b|unable to determine the device handle",
    ),
    (
        "disk_full",
        r"no space left on|disk quota exceeded|failed to (?:extract|register) la",
    ),
    ("pull_limit", r"toomanyrequests:\s|pull rate limit|too many requests"),
    (
        "image",
        r"manifest for \S{1,600} not|manifest unknown|pull access den|no such image"
        r"|no matching manifest|invalid reference format|name unknown:"
        r"|failed to resolve reference .{1,600}: not found",
    ),
    (
        "image_login",
        r"(?<!permission )\bdenied:\s|\bunauthorized:\s|401 unauthorized"
        r"|error from registry: (?:denied|unauthorized)|no basic auth credentials|access forbidden",
    ),
    (
        "host_docker",
        r"connect to the docker daemon|storage-opt is supported only|docker_build\(\) error"
        r"|\berror: internal error|container is mounted|is already in use|address already in use"
        r"|port is already allocated|ping_group_range",
    ),
    (
        "oci_error",
        r"oci runtime (?:create|exec)|executable file not found|exec format error"
        r"|unable to start container process|failed to start containers:",
    ),
    (
        "host_network",
        r"tls handshake|retrying in \d+ second|no such host|could not resolve"
        r"|client\.timeout|i/o timeout|temporary failure in name resolution"
        r"|connection (?:refused|reset)|network is unreachable|no route to host"
        r"|server misbehaving|context deadline exceeded",
    ),
    ("image_login", r"docker login failed"),
)
_CLASSES: tuple[tuple[Failure, re.Pattern[str]], ...] = tuple(
    (failure, re.compile(words)) for failure, words in _SAID
)

# Lines that say that a start goes on.
_PROGRESS = re.compile(
    r"success, running\b.*|waiting for template update\b.*|\S{1,128}: pulling from \S{1,600}"
    r"|[0-9a-f]{12}: (?:pulling fs layer|waiting|downloading|verifying checksum|download complete"
    r"|extracting|pull complete|already exists)(?:\s+\[[^\]]*\].*)?"
)
# The renter's own program, in the quotes that runc writes it in: its words are no host's.
_PROGRAM = re.compile(r'exec: "(?:\\.|[^"\\])*"?')
_WRAPPED_PROGRAM = re.compile(r'exec: \\+"')
_ESCAPE = re.compile(r"\\(?:u([0-9a-f]{4})|(.))", re.DOTALL)
_CUDA = re.compile(r"cuda\s*>=?\s*(\d{1,2}\.\d{1,2})(?!\d|\.\d)")
_ROUND = ' \t"{}'  # what JSON puts around a text
_READ = 8_000  # characters from either end of a text


def failure_in(said: str | None) -> Failure | None:
    """The class of failure that a status text tells of, if it tells of one."""
    text = _host_words(said)
    return next((failure for failure, words in _CLASSES if words.search(text)), None)


def cuda_wanted(said: str | None) -> float | None:
    """The CUDA version that an image asks for, by the text of a driver that is too old for it."""
    found = _CUDA.search(_host_words(said))
    if found is None:
        return None
    return float(found.group(1))


def _host_words(said: str | None) -> str:
    """What the host says in one line of lower case; nothing where its last line is progress."""
    text = (said or "").lower()
    if len(text) > 2 * _READ:
        text = f"{text[:_READ]}\n{text[-_READ:]}"
    lines = [line.strip(_ROUND) for line in re.split(r"[\r\n]", _plain(text))]
    lines = [line for line in lines if line]
    if lines and _PROGRESS.fullmatch(lines[-1]):
        return ""
    return re.sub(r"\s+", " ", " ".join(line for line in lines if not _PROGRESS.fullmatch(line)))


def _plain(text: str) -> str:
    """A text without the escapes of JSON and without the renter's program."""
    if _WRAPPED_PROGRAM.search(text):
        text = _ESCAPE.sub(_unescaped, text)
    return _ESCAPE.sub(_unescaped, _PROGRAM.sub("exec:", text))


def _unescaped(found: re.Match[str]) -> str:
    number, letter = found.groups()
    if number is not None:
        return chr(int(number, 16)).lower()
    return {"n": "\n", "r": "\n", "t": " "}.get(letter, letter)
