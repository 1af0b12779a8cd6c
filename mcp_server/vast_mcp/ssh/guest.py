"""One SSH connection, up to its login and no further: no command, no forwarding, no questions."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import asyncssh
from asyncssh.constants import MSG_IGNORE

from vast_mcp.ssh.ring import Key

# What a server is asked to prove itself by, the likeliest first. No certificates: a machine's would
# be its host's own.
HOST_KEYS = (
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "rsa-sha2-512",
    "rsa-sha2-256",
)
# How a stranger's server may agree on a key: not in groups of its own making, whose arithmetic
# could stop this process for seconds.
EXCHANGES = (
    "curve25519-sha256",
    "curve25519-sha256@libssh.org",
    "ecdh-sha2-nistp256",
    "ecdh-sha2-nistp384",
    "ecdh-sha2-nistp521",
)
# Asked for first, since processors have them built in: a file goes in half the time.
CIPHERS = "^aes128-gcm@openssh.com,aes256-gcm@openssh.com"
HEARD_BYTES = 65_536  # that a server may say before it lets anybody in
AT_ONCE = 5  # keys a connection: OpenSSH hangs up at the sixth refusal (MaxAuthTries)

# A known_hosts without a line, so that the guest judges: None would trust anybody, and an empty
# text would mean the real file.
NOBODY = asyncssh.import_known_hosts("")

asyncssh.set_log_level("WARNING")  # who was met is in the answer

# Nothing of this computer's that was not chosen: no config, no default keys, no passwords, no
# agent but the keys taken out of it, and nothing handed on.
PLAIN: dict[str, Any] = {
    "config": None,
    "client_keys": None,
    "agent_path": None,
    "agent_forwarding": False,
    "x11_forwarding": False,
    "x509_trusted_certs": None,
    "x509_trusted_cert_paths": [],
    "pkcs11_provider": None,
    "gss_host": None,
    "gss_kex": False,
    "gss_auth": False,
    "gss_delegate_creds": False,
    "host_based_auth": False,
    "kbdint_auth": False,
    "password_auth": False,
    "public_key_auth": True,
    "compression_algs": None,
    "encryption_algs": CIPHERS,
    "preferred_auth": ["publickey"],
}


@dataclass(eq=False)
class Guest(asyncssh.SSHClient):
    """Who knocks: judges the host key, shows keys one by one, and knows how far it came.

    `trusts` is asked of a host key, as `TYPE BASE64`, that no known_hosts vouches for.
    """

    keys: Sequence[Key]
    trusts: Callable[[str], bool]
    link: asyncssh.SSHClientConnection | None = None
    host_key: str | None = None
    trusted: bool | None = None
    offered: list[Key] = field(default_factory=list[Key])
    is_in: bool = False
    said: int = 0  # bytes, before the login

    @property
    def heard(self) -> bool:
        """Whether an SSH server spoke."""
        return self.link is not None and bool(self.link.get_extra_info("server_version"))

    @property
    def proven(self) -> bool:
        """Whether the server proved that the host key is its own: anybody can show one, since it is
        judged before its signature is looked at.
        """
        return self.link is not None and bool(self.link.get_extra_info("recv_cipher"))

    @property
    def floods(self) -> bool:
        """Whether it says more before the login than anybody reads."""
        return self.said > HEARD_BYTES

    def connection_made(self, conn: asyncssh.SSHClientConnection) -> None:
        """Something answers. It is heard up to a bound, whatever it says: text, messages to ignore,
        or one question over and over.
        """
        self.link = conn
        hear = conn.data_received

        def heard(data: bytes, datatype: asyncssh.DataType = None) -> None:
            self.said += 0 if self.is_in else len(data)
            if self.floods:
                conn.abort()
            else:
                hear(data, datatype)

        conn.data_received = heard
        conn.send_packet = sending(conn)

    def auth_completed(self) -> None:
        """What comes from now on is for whoever logged in: a jump host's other connections too."""
        self.is_in = True

    def validate_host_public_key(
        self,
        host: str,  # noqa: ARG002
        addr: str,  # noqa: ARG002
        port: int,  # noqa: ARG002
        key: asyncssh.SSHKey,
    ) -> bool:
        """Judge the host key."""
        self.host_key = line_of(key)
        self.trusted = self.trusts(self.host_key)
        return self.trusted

    def public_key_auth_requested(self) -> asyncssh.SSHKeyPair | None:
        """Show the next key."""
        if len(self.offered) == len(self.keys):
            return None
        key = self.keys[len(self.offered)]
        self.offered.append(key)
        return key.pair


def sending(conn: asyncssh.SSHClientConnection) -> Callable[..., None]:
    """Send packets, but no empty one before each of them as asyncssh does: they hide the vectors
    of CBC, which is not asked for, and a file is half as many packets without them.
    """
    send = conn.send_packet

    def sent(kind: int, *parts: bytes, handler: Any = None) -> None:
        if kind != MSG_IGNORE:
            send(kind, *parts, handler=handler)

    return sent


def line_of(key: asyncssh.SSHKey) -> str:
    """A public key as `TYPE BASE64`."""
    return " ".join(key.export_public_key().decode().split()[:2])


def asked_first(pinned: str | None) -> list[str]:
    """The kinds of host key, that of the pinned one first: a server has several, and another of
    them would look like a changed one.
    """
    kind = "" if pinned is None else pinned.split()[0]
    return sorted(HOST_KEYS, key=lambda name: not _is_of(name, kind))


def _is_of(algorithm: str, kind: str) -> bool:
    """Whether keys of a kind are proven by an algorithm."""
    return algorithm == kind or (kind == "ssh-rsa" and algorithm.startswith("rsa-"))


async def knock(
    guest: Guest,
    host: str,
    port: int,
    *,
    user: str,
    pinned: str | None = None,
    sock: socket.socket | None = None,
    tunnel: asyncssh.SSHClientConnection | None = None,
    known_hosts: asyncssh.SSHKnownHosts | None = None,
    alias: str | None = None,
) -> asyncssh.SSHClientConnection:
    """Connect through a socket or a tunnel, and log in. Raises whatever asyncssh raises, which for
    bytes that nobody foresaw may be anything.
    """
    more: dict[str, Any] = {} if tunnel is None else {"tunnel": tunnel}
    if known_hosts is None:
        more |= {"known_hosts": NOBODY, "kex_algs": EXCHANGES}
        more |= {"server_host_key_algs": asked_first(pinned)}
    else:
        more |= {"known_hosts": known_hosts}
    link = await asyncssh.connect(
        host,
        port,
        sock=sock,
        username=user,
        client_factory=lambda: guest,
        host_key_alias=alias,
        **PLAIN,
        **more,
    )
    if not guest.is_in:  # a connection that we cut raises nothing there
        link.abort()
        raise asyncssh.ConnectionLost("cut before the login")
    return link
