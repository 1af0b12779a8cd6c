"""Over the person's jump hosts, on real servers: keys, host keys and forwarding of each."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from openssh import USER, Sshd, agent, keygen, needs_openssh, public_line, ssh_keygen
from trying import Tryer, stranger

pytestmark = [needs_openssh, pytest.mark.processes]


@pytest.fixture
def gate(folder: Path) -> Iterator[Sshd]:
    """A jump host."""
    made = folder / "gate"
    made.mkdir(mode=0o711)
    server = Sshd(made, ["ecdsa"])
    yield server
    server.close()


@pytest.fixture
def ready(tryer: Tryer, sshd: Sshd, gate: Sshd) -> Tryer:
    """A person whose machine lets them in, by a jump host that does so with another key."""
    sshd.authorize(public_line(tryer.key()))
    key = keygen(tryer.ssh_dir / "for_gate")
    gate.authorize(public_line(key))
    config(tryer, gate, "IdentityFile ~/.ssh/for_gate")
    knows(tryer, gate)
    return tryer


def config(tryer: Tryer, gate: Sshd, *more: str) -> None:
    lines = [
        *("Match host 127.0.0.1 user root", "  ProxyJump gate"),
        *("Host gate", "  HostName 127.0.0.1", f"  Port {gate.port}", f"  User {USER}"),
        *(f"  {line}" for line in more),
    ]
    (tryer.ssh_dir / "config").write_text("\n".join(lines), "utf-8")


def knows(tryer: Tryer, gate: Sshd, key: str | None = None) -> None:
    line = f"[127.0.0.1]:{gate.port} {key or gate.host_key('ecdsa')}\n"
    (tryer.ssh_dir / "known_hosts").write_text(line, "utf-8")


async def test_a_machine_is_entered_over_the_jump_host_of_the_config(
    ready: Tryer, sshd: Sshd, gate: Sshd
) -> None:
    """Each host has its own key and its own host key."""
    tried = await ready.enter(sshd.port)
    assert (tried.answer, tried.through) == ("entered", "gate")
    assert tried.key == "~/.ssh/id_ed25519"
    assert (gate.guests, sshd.guests) == (1, 1)


async def test_another_host_key_behind_a_jump_host_is_told_too(ready: Tryer, sshd: Sshd) -> None:
    """The machine's pins hold on any road to it."""
    await ready.enter(sshd.port)
    sshd.new_host_keys()
    assert (await ready.enter(sshd.port)).answer == "host_key_changed"


async def test_a_chain_of_jump_hosts_is_walked(ready: Tryer, sshd: Sshd, gate: Sshd) -> None:
    """The second is reached from the first."""
    with (ready.ssh_dir / "config").open("a", encoding="utf-8") as file:
        file.write("\nHost second\n  HostName localhost\n  IdentityFile ~/.ssh/for_gate\n")
        file.write(f"  User {USER}\n  Port {gate.port}\n  HostKeyAlias first\n")
    text = (ready.ssh_dir / "config").read_text("utf-8")
    (ready.ssh_dir / "config").write_text(text.replace("ProxyJump gate", "ProxyJump gate,second"))
    with (ready.ssh_dir / "known_hosts").open("a", encoding="utf-8") as file:
        file.write(f"[first]:{gate.port} {gate.host_key('ecdsa')}\n")
    tried = await ready.enter(sshd.port)
    assert (tried.answer, tried.through, gate.guests) == ("entered", "second", 2)


@pytest.mark.parametrize("known", ["nothing", "another key", "a revoked key"])
async def test_a_jump_host_that_known_hosts_does_not_vouch_for_is_not_logged_in_to(
    ready: Tryer, sshd: Sshd, gate: Sshd, known: str
) -> None:
    """Only the person adds to their known_hosts."""
    before = {
        "nothing": "",
        "another key": f"[127.0.0.1]:{gate.port} {sshd.host_key('ecdsa')}\n",
        "a revoked key": f"@revoked [127.0.0.1]:{gate.port} {gate.host_key('ecdsa')}\n",
    }[known]
    (ready.ssh_dir / "known_hosts").write_text(before, "utf-8")
    tried = await ready.enter(sshd.port)
    assert (tried.answer, sshd.guests) == ("not_tried", 0)
    assert "known_hosts; `ssh gate` in a shell" in str(tried.why)
    assert (ready.ssh_dir / "known_hosts").read_text("utf-8") == before


async def test_hashed_names_and_lines_that_are_none_are_read_as_ssh_does(
    ready: Tryer, sshd: Sshd
) -> None:
    """HashKnownHosts is Debian's default."""
    known = ready.ssh_dir / "known_hosts"
    ssh_keygen("-H", "-f", known)
    known.write_text(f"|1|broken\n@odd x y\n{known.read_text('utf-8')}", "utf-8")
    assert (await ready.enter(sshd.port)).answer == "entered"


async def test_a_jump_host_that_refuses_is_named(ready: Tryer, sshd: Sshd, gate: Sshd) -> None:
    """The machine was not tried, and that is what is said."""
    gate.authorize()
    tried = await ready.enter(sshd.port)
    assert (tried.answer, tried.through) == ("not_tried", "gate")
    assert tried.why == "the jump host gate refuses ~/.ssh/for_gate"


async def test_a_jump_host_that_forwards_nothing_is_named(
    ready: Tryer, sshd: Sshd, gate: Sshd
) -> None:
    """Its administrator decides."""
    gate.configure("AllowTcpForwarding no")
    tried = await ready.enter(sshd.port)
    assert (tried.answer, tried.why) == ("not_tried", "the jump host gate forwards nothing")


async def test_what_the_jump_host_does_not_reach_is_refused(ready: Tryer, sshd: Sshd) -> None:
    """The connection is the jump host's."""
    sshd.close()
    tried = await ready.enter(sshd.port)
    assert tried.answer == "refused"
    assert "from the jump host gate" in tried.said


async def test_a_jump_host_that_is_silent_is_late(ready: Tryer, gate: Sshd) -> None:
    """The time holds for the whole road."""

    async def talk(reader, _writer) -> None:  # noqa: ANN001
        await reader.read()

    async with stranger(talk) as port:
        gate.port = port
        config(ready, gate, "IdentityFile ~/.ssh/for_gate")
        tried = await ready.enter(22, within_s=1.0)
    assert tried.answer == "timed_out"
    assert "jump host gate" in tried.said


async def test_of_many_keys_in_an_agent_the_named_one_is_shown_to_a_jump_host_alone(
    ready: Tryer, sshd: Sshd, gate: Sshd, folder: Path
) -> None:
    """IdentitiesOnly means the agent's keys as well."""
    others = [keygen(folder / f"other{number}") for number in range(8)]
    key = ready.ssh_dir / "for_gate"
    with agent(folder, *others, key) as socket:
        key.unlink()
        ready.set(ssh_agent=socket)
        config(ready, gate, "IdentityFile ~/.ssh/for_gate", "IdentitiesOnly yes")
        tried = await ready.enter(sshd.port)
    assert (tried.answer, gate.guests) == ("entered", 1)


async def test_of_many_keys_in_an_agent_that_nobody_named_all_are_shown_a_few_at_a_time(
    ready: Tryer, sshd: Sshd, gate: Sshd, folder: Path
) -> None:
    """ssh itself would give up at the sixth."""
    others = [keygen(folder / f"other{number}") for number in range(8)]
    key = ready.ssh_dir / "for_gate"
    with agent(folder, *others, key) as socket:
        key.unlink()
        ready.set(ssh_agent=socket)
        config(ready, gate)
        tried = await ready.enter(sshd.port)
    assert (tried.answer, gate.guests) == ("entered", 2)


@pytest.mark.parametrize("where", ["beside the key", "in the config"])
async def test_a_certificate_lets_in_where_the_key_alone_does_not(
    ready: Tryer, sshd: Sshd, gate: Sshd, folder: Path, where: str
) -> None:
    """Companies sign keys for their jump hosts."""
    authority = keygen(folder / "authority")
    key = ready.ssh_dir / "for_gate"
    ssh_keygen("-s", authority, "-I", "me", "-n", USER, f"{key}.pub")
    gate.authorize()
    gate.trust_authority(public_line(authority))
    more = ["IdentityFile ~/.ssh/for_gate"]
    if where == "in the config":
        os.rename(f"{key}-cert.pub", ready.ssh_dir / "cert.pub")
        more.append("CertificateFile ~/.ssh/cert.pub")
    config(ready, gate, *more)
    assert (await ready.enter(sshd.port)).answer == "entered"


async def test_a_proxy_command_is_not_run_and_said_not_to_be(
    ready: Tryer, sshd: Sshd, gate: Sshd, tmp_path: Path
) -> None:
    """Nothing in a config starts a program here."""
    ran = tmp_path / "ran"
    (ready.ssh_dir / "config").write_text(f"ProxyCommand touch {ran}\n", "utf-8")
    tried = await ready.enter(sshd.port)
    assert (tried.answer, tried.through, gate.guests) == ("entered", None, 0)
    assert "ProxyCommand" in tried.said
    assert not ran.exists()


async def test_a_sandbox_goes_over_no_host_that_is_elsewhere(
    ready: Tryer, sshd: Sshd, gate: Sshd
) -> None:
    """Its machines are on this computer: the loopback of a jump host is another one."""
    text = (ready.ssh_dir / "config").read_text("utf-8")
    elsewhere = text.replace("HostName 127.0.0.1", "HostName 192.0.2.1")
    (ready.ssh_dir / "config").write_text(elsewhere, "utf-8")
    tried = await ready.enter(sshd.port)
    assert (tried.answer, tried.through) == ("entered", None)
