"""What somebody waits for, as they write it: `until`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

LONGEST_TEXT = 200  # characters that are looked for in a log
RULE = "must be ready, running, ssh, jupyter, port:N or log:TEXT"
_PORT_RULE = "port:N takes a port inside the machine, 1 to 65535"
_LOG_RULE = f"log:TEXT takes the printable text to look for, at most {LONGEST_TEXT} characters"
_UDP_RULE = "a UDP port answers nobody who knocks; running is what can be waited for"
_PORT = re.compile(r"port\s*[:=\s]\s*(.*)|([0-9]{1,5}/\w+)", re.IGNORECASE | re.DOTALL)
_NUMBER = re.compile(r"([0-9]{1,5})(?:/tcp)?", re.IGNORECASE)
_LOG = re.compile(r"logs?\s*[:=](.*)", re.IGNORECASE | re.DOTALL)

Kind = Literal["ready", "running", "ssh", "jupyter", "port", "log"]


@dataclass(frozen=True)
class Aim:
    """What is waited for: `port` is inside the machine, `text` what its log must say."""

    kind: Kind
    port: int = 0
    text: str = ""


READY, RUNNING, SSH, JUPYTER = Aim("ready"), Aim("running"), Aim("ssh"), Aim("jupyter")
_WORDS = {
    "ready": READY,
    "reachable": READY,  # as earlier versions called it
    "running": RUNNING,
    "ssh": SSH,
    "jupyter": JUPYTER,
}


def aim_of(until: str) -> Aim:
    """The aim that is meant. Raises ValueError, in words for whoever wrote it."""
    words = until.strip()
    known = _WORDS.get(words.casefold())
    if known is not None:
        return known
    log = _LOG.fullmatch(words)
    if log is not None:
        return Aim("log", text=_text(log.group(1).strip()))
    port = _PORT.fullmatch(words)
    if port is not None:
        return Aim("port", port=_number(port.group(1) or port.group(2) or ""))
    if words.isdecimal():
        raise ValueError(f"{RULE}: a port is port:N")
    raise ValueError(RULE)


def _text(text: str) -> str:
    if not text or len(text) > LONGEST_TEXT or not text.isprintable():
        raise ValueError(_LOG_RULE)
    return text


def _number(text: str) -> int:
    if text.casefold().endswith("/udp"):
        raise ValueError(_UDP_RULE)
    found = _NUMBER.fullmatch(text)
    port = 0 if found is None else int(found.group(1))
    if not 0 < port < 65536:
        raise ValueError(_PORT_RULE)
    return port
