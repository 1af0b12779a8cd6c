"""Every answer of a try, from a real OpenSSH server or from what is none."""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncssh
import pytest
from openssh import Sshd, needs_openssh, public_line
from trying import Tryer, stranger

from vast_mcp.machines.keyfiles import fingerprint_of

pytestmark = [needs_openssh, pytest.mark.processes]

Reader, Writer = asyncio.StreamReader, asyncio.StreamWriter


async def test_a_registered_key_that_the_machine_has_lets_this_computer_in(
    tryer: Tryer, sshd: Sshd
) -> None:
    """A login is tried with the key that would be used, and nothing is run."""
    key = tryer.key()
    sshd.authorize(public_line(key))
    tried = await tryer.enter(sshd.port)
    shown = fingerprint_of(sshd.host_key("ed25519").split()[1])
    assert (tried.answer, tried.key, tried.way) == ("entered", "~/.ssh/id_ed25519", "direct")
    assert (tried.fingerprint, tried.pinned) == (shown, shown)


async def test_a_machine_that_has_other_keys_refuses_this_one(tryer: Tryer, sshd: Sshd) -> None:
    """ "SSH answers" and "it lets you in" are two things."""
    tryer.key()
    tried = await tryer.enter(sshd.port)
    assert (tried.answer, tried.key) == ("key_refused", "~/.ssh/id_ed25519")
    assert tried.fingerprint is not None
    assert tried.pinned is None, "a key is kept once somebody logged in"


async def test_a_key_that_the_account_does_not_have_is_shown_to_no_machine(
    tryer: Tryer, sshd: Sshd
) -> None:
    """A stranger owns the machine, and would learn whose keys these are."""
    key = tryer.key()
    tryer.world.set_keys([])
    sshd.authorize(public_line(key))
    tried = await tryer.enter(sshd.port)
    assert (tried.answer, tried.key) == ("answers", None)
    assert tried.why == "no key of this computer is among the account's SSH keys"


async def test_a_port_where_nobody_listens_refuses(tryer: Tryer) -> None:
    """The first of the answers that differ where one said "not reachable"."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        tried = await tryer.enter(bound.getsockname()[1])
    assert tried.answer == "refused"


async def test_a_closed_port_of_ipv6_refuses_too(tryer: Tryer) -> None:
    """Machines have either kind of address."""
    if not socket.has_ipv6:
        pytest.skip("no IPv6 here")
    with socket.socket(socket.AF_INET6) as bound:
        bound.bind(("::1", 0))
        tried = await tryer.enter(bound.getsockname()[1], host="::1")
    assert tried.answer == "refused"
    assert "[::1]:" in tried.said


async def test_a_web_server_is_no_ssh(tryer: Tryer) -> None:
    """A mapped port may lead anywhere; the proxy answered TLS once (docs/vast-api.md C.6)."""

    async def talk(reader: Reader, writer: Writer) -> None:
        await reader.readline()
        writer.write(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
        writer.close()

    async with stranger(talk) as port:
        tried = await tryer.enter(port)
    assert tried.answer == "no_ssh"
    assert tried.fingerprint is None


async def test_whoever_takes_connections_and_is_silent_is_no_ssh(tryer: Tryer) -> None:
    """A port that is mapped takes connections before anything listens behind it."""

    async def talk(reader: Reader, _writer: Writer) -> None:
        await reader.read()

    async with stranger(talk) as port:
        tried = await tryer.enter(port, within_s=1.0)
    assert tried.answer == "no_ssh"
    assert "said nothing within 1 s" in tried.said


async def test_whoever_says_something_else_slowly_is_no_ssh(tryer: Tryer) -> None:
    """It did not say nothing."""

    async def talk(reader: Reader, writer: Writer) -> None:
        writer.write(b"one moment\n")
        await reader.read()

    async with stranger(talk) as port:
        tried = await tryer.enter(port, within_s=1.0)
    assert tried.answer == "no_ssh"
    assert "did not greet as SSH does within 1 s" in tried.said


async def test_a_server_that_greets_and_never_finishes_is_late(tryer: Tryer) -> None:
    """The time holds for all of it, not for the connection alone."""

    async def talk(reader: Reader, writer: Writer) -> None:
        writer.write(b"SSH-2.0-slow\r\n")
        await reader.read()

    async with stranger(talk) as port:
        tried = await tryer.enter(port, within_s=1.0)
    assert tried.answer == "timed_out"


async def test_a_flood_before_the_greeting_is_no_ssh(tryer: Tryer) -> None:
    """Lines before the version are allowed (RFC 4253, 4.2), not without end."""

    async def talk(_reader: Reader, writer: Writer) -> None:
        while not writer.is_closing():
            writer.write(b"x" * 60 + b"\n")
            await writer.drain()

    async with stranger(talk) as port:
        tried = await tryer.enter(port)
    assert tried.answer == "no_ssh"


@pytest.mark.parametrize(
    "found", ["10.0.0.5", "127.0.0.1", "169.254.169.254", "::ffff:10.0.0.1", "fe80::1", "224.0.0.1"]
)
async def test_a_name_of_vast_that_leads_into_this_network_is_not_followed(
    tryer: Tryer, monkeypatch: pytest.MonkeyPatch, found: str
) -> None:
    """The name is looked up once, and what was looked at is what is connected to."""
    asked = _names_lead_to(monkeypatch, found)
    tryer.set(sandbox=False, base_url="https://console.vast.ai")
    tried = await tryer.enter(22, host="ssh4.vast.ai", way="proxy")
    assert (tried.answer, asked) == ("not_tried", ["ssh4.vast.ai"])


async def test_a_name_that_is_not_found_is_said(
    tryer: Tryer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is another trouble than a machine that does not answer."""
    _names_lead_to(monkeypatch, None)
    tryer.set(sandbox=False, base_url="https://console.vast.ai")
    tried = await tryer.enter(22, host="ssh4.vast.ai", way="proxy")
    assert tried.answer == "name_not_found"


def _names_lead_to(monkeypatch: pytest.MonkeyPatch, ip: str | None) -> list[str]:
    """What the resolver of this computer answers; which names it was asked."""
    asked: list[str] = []

    def answer(host: str | bytes, port: int, *_: int, **__: int) -> list[tuple[object, ...]]:
        asked.append(host.decode() if isinstance(host, bytes) else host)
        if ip is None:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        family = socket.AF_INET6 if ":" in ip else socket.AF_INET
        return [(family, socket.SOCK_STREAM, 6, "", (ip, port))]

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    return asked


class Lenient(asyncssh.SSHServer):
    """A server that asks for no key."""

    def begin_auth(self, username: str) -> bool:
        return False


class Talkative(asyncssh.SSHServer):
    """A server that says a lot before it lets anybody in."""

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self.conn = conn

    def begin_auth(self, username: str) -> bool:
        self.talk()
        return True

    def talk(self) -> None:
        for _ in range(100):
            self.conn.send_auth_banner("x" * 10_000)

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return True


class Greeting(Talkative):
    """A server with a banner of a page or two."""

    def talk(self) -> None:
        self.conn.send_auth_banner("x" * 10_000)


class Empty(Talkative):
    """A server that says nothing, very often."""

    def talk(self) -> None:
        for _ in range(5_000):
            self.conn.send_auth_banner("")


class Chattering(Talkative):
    """A server whose messages are for nobody."""

    def talk(self) -> None:
        for _ in range(100):
            self.conn.send_debug("x" * 10_000)


@contextlib.asynccontextmanager
async def serving(
    server: type[asyncssh.SSHServer], key: asyncssh.SSHKeyPair | None = None, **options: Any
) -> AsyncIterator[int]:
    """asyncssh's server; its port."""
    keys = [key or asyncssh.generate_private_key("ssh-ed25519")]
    acceptor = await asyncssh.listen(
        "127.0.0.1", 0, server_factory=server, server_host_keys=keys, config=[], **options
    )
    async with acceptor:
        yield acceptor.get_port()


async def test_a_machine_that_asks_for_no_key_lets_anybody_in_and_that_is_said(
    tryer: Tryer,
) -> None:
    """To be in is no good news there."""
    async with serving(Lenient) as port:
        tried = await tryer.enter(port)
    assert (tried.answer, tried.key) == ("entered", None)
    assert "lets anybody in" in tried.said


@pytest.mark.parametrize("server", [Talkative, Empty, Chattering])
async def test_a_server_that_talks_without_end_before_the_login_is_left(
    tryer: Tryer, server: type[asyncssh.SSHServer]
) -> None:
    """A megabyte is nobody's greeting, and messages without a word are none either."""
    tryer.key()
    async with serving(server) as port:
        tried = await tryer.enter(port)
    assert tried.answer == "no_ssh"
    assert "talks without end" in tried.said
    assert tried.pinned is None


async def test_a_long_greeting_is_listened_to(tryer: Tryer) -> None:
    """The nearest thing that is no flood."""
    tryer.key()
    async with serving(Greeting) as port:
        tried = await tryer.enter(port)
    assert tried.answer == "entered"


@pytest.mark.parametrize("has_key", [True, False], ids=["with a key", "without"])
async def test_a_host_key_that_is_shown_and_not_proven_is_nobodys(
    tryer: Tryer, *, has_key: bool
) -> None:
    """Everybody knows a machine's public key: who shows it and signs with another one is no machine
    that "answers", and is known by nothing.
    """
    if has_key:
        tryer.key()
    shown, other = (
        asyncssh.load_keypairs([asyncssh.generate_private_key("ssh-ed25519")])[0] for _ in range(2)
    )
    async with serving(Lenient, shown) as port:
        assert (await tryer.enter(port)).answer == "entered"
    shown.sign = other.sign
    async with serving(Lenient, shown) as port:
        tried = await tryer.enter(port)
    assert (tried.answer, tried.fingerprint) == ("no_ssh", None)
    assert "does not prove that it is its own" in tried.said
    assert tried.pinned is not None


@pytest.mark.filterwarnings("ignore:Diffie-Hellman")  # cryptography is about to drop it
async def test_a_server_whose_arithmetic_would_stop_this_process_is_not_talked_to(
    tryer: Tryer,
) -> None:
    """A stranger would choose the group of the key exchange, as large as it likes."""
    exchange = ["diffie-hellman-group-exchange-sha256"]
    async with serving(Lenient, kex_algs=exchange) as port:
        tried = await tryer.enter(port)
    assert tried.answer == "no_ssh"


async def test_an_agent_that_does_not_answer_is_named(
    tryer: Tryer, sshd: Sshd, folder: Path
) -> None:
    """It may be asking the person; the machine is not to blame."""
    tryer.key()

    async def hang(reader: Reader, _writer: Writer) -> None:
        await reader.read()

    tryer.set(ssh_agent=str(folder / "agent"))
    async with stranger(hang, folder / "agent"):
        tried = await tryer.enter(sshd.port, within_s=1.0)
    assert tried.answer == "timed_out"
    assert "The agent did not answer within 1 s" in tried.said


async def test_a_process_whose_user_has_no_name_says_so(
    tryer: Tryer, sshd: Sshd, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Containers run under numbers; that is no trouble of the machine's."""

    def nameless() -> str:
        raise KeyError("getpwuid(): uid not found: 1234")

    monkeypatch.setattr(getpass, "getuser", nameless)
    tried = await tryer.enter(sshd.port)
    assert (tried.answer, sshd.guests) == ("not_tried", 0)
