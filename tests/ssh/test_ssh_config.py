"""What of an ssh config is followed (ssh_config(5)), and that nothing in it ever runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from vast_mcp.ssh.hosts import NoWay, hops_to, machine_at
from vast_mcp.ssh.person import Person

ROWS: list[tuple[str, str, list[str]]] = [
    ("nothing", "", []),
    ("for every host", "IdentityFile ~/.ssh/a", ["a"]),
    ("before any Host", "IdentityFile ~/.ssh/a\nHost other\nIdentityFile ~/.ssh/b", ["a"]),
    ("its own host", "Host 1.2.3.4\n  IdentityFile ~/.ssh/a", ["a"]),
    ("a pattern", "Host 1.2.*\n  IdentityFile ~/.ssh/a", ["a"]),
    ("one letter", "Host 1.2.3.?\n  IdentityFile ~/.ssh/a", ["a"]),
    ("a pattern that excludes it", "Host * !1.2.3.4\n  IdentityFile ~/.ssh/a", []),
    ("only an exclusion", "Host !5.6.7.8\n  IdentityFile ~/.ssh/a", []),
    ("brackets are no pattern", "Host [1]*\n  IdentityFile ~/.ssh/a", []),
    ("they add up", "IdentityFile ~/.ssh/a\nHost *\nIdentityFile ~/.ssh/b", ["a", "b"]),
    ("an equals sign", "identityfile = ~/.ssh/a", ["a"]),
    ("no blank around it", "IDENTITYFILE=~/.ssh/a", ["a"]),
    ("quotes", 'IdentityFile "~/.ssh/with blank"', ["with blank"]),
    ("a comment behind it", "IdentityFile ~/.ssh/a # mine", ["a"]),
    ("an apostrophe in a comment", "IdentityFile ~/.ssh/a # it's mine", ["a"]),
    ("a comment behind another host", "Host x # it's mine\nIdentityFile ~/.ssh/a", []),
    ("a host that nobody can read", "Host 'x\nIdentityFile ~/.ssh/a", []),
    ("a host without a name", "Host\nIdentityFile ~/.ssh/a", []),
    ("a match that nobody can read", 'Match exec "x\nIdentityFile ~/.ssh/a', []),
    ("a match of nothing", "Match\nIdentityFile ~/.ssh/a", []),
    ("a mark at the beginning", "\ufeffHost x\nIdentityFile ~/.ssh/a", []),
    ("line ends of Windows", "Host 1.2.3.4\r\n  IdentityFile ~/.ssh/a\r\n", ["a"]),
    ("a backslash", "IdentityFile ~/.ssh/a\\b", ["a\\b"]),
    ("a backslash before a blank", "IdentityFile ~/.ssh/with\\ blank", ["with blank"]),
    ("quotes in quotes", "IdentityFile '~/.ssh/a\"b'", ['a"b']),
    ("a blank in a part that is quoted", 'IdentityFile ~/.ssh/"with blank"x', ["with blankx"]),
    ("tokens", "IdentityFile %d/.ssh/%r_%p_%h", ["root_22_1.2.3.4"]),
    ("a token that is not known here", "IdentityFile ~/.ssh/%C", []),
    ("a variable of the environment", "IdentityFile ${HOME}/.ssh/a", []),
    ("none", "IdentityFile none", []),
    ("match all", "Match all\n  IdentityFile ~/.ssh/a", ["a"]),
    ("match host", "Match host 1.2.*,x\n  IdentityFile ~/.ssh/a", ["a"]),
    ("match another host", "Match host x\n  IdentityFile ~/.ssh/a", []),
    ("match not another host", "Match !host x\n  IdentityFile ~/.ssh/a", ["a"]),
    ("match user", "Match user root\n  IdentityFile ~/.ssh/a", ["a"]),
    ("match both", "Match host 1.2.3.4 user x\n  IdentityFile ~/.ssh/a", []),
    ("match exec", 'Match exec "touch {ran}"\n  IdentityFile ~/.ssh/a', []),
    ("match not exec", 'Match !exec "touch {ran}"\n  IdentityFile ~/.ssh/a', []),
    ("match host and exec", 'Match host * exec "touch {ran}"\n  IdentityFile ~/.ssh/a', []),
    ("a condition nobody knows", "Match tagged x\n  IdentityFile ~/.ssh/a", []),
    ("a directive nobody knows", "Frobnicate yes\nIdentityFile ~/.ssh/a", ["a"]),
    ("a line that is none", 'IdentityFile "\n===\nIdentityFile ~/.ssh/a', ["a"]),
    ("commands", "LocalCommand touch {ran}\nPermitLocalCommand yes\nIdentityFile ~/.ssh/a", ["a"]),
    ("another command", "KnownHostsCommand /usr/bin/touch {ran}\nIdentityFile ~/.ssh/a", ["a"]),
    ("an included file", "Include more\nIdentityFile ~/.ssh/a", ["m", "a"]),
    ("files by a pattern", "Include ~/.ssh/mor*", ["m"]),
    ("included for another host", "Host x\nInclude more", []),
    ("after an include, where it was", "Host 1.*\nInclude more\nIdentityFile ~/.ssh/a", ["m", "a"]),
    ("a file that includes itself", "IdentityFile ~/.ssh/a\nInclude config", ["a"] * 9),
    ("a file that is not there", "Include nothing\nIdentityFile ~/.ssh/a", ["a"]),
]


@pytest.fixture
def person(tmp_path: Path) -> Person:
    ssh_dir = tmp_path / ".ssh"
    ssh_dir.mkdir()
    (ssh_dir / "more").write_text("Host *\nIdentityFile ~/.ssh/m\nHost x\n", "utf-8")
    return Person(ssh_dir, "/agent", None)


def written(person: Person, text: str) -> None:
    assert person.ssh_dir is not None
    (person.ssh_dir / "config").write_text(text, "utf-8")


@pytest.mark.parametrize(("text", "names"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_identities_are_read_as_ssh_reads_them_and_nothing_runs(
    person: Person, tmp_path: Path, text: str, names: list[str]
) -> None:
    """A config of years is passed through without one command."""
    ran = tmp_path / "ran"
    written(person, text.replace("{ran}", str(ran)))
    host = machine_at(person, "1.2.3.4", 22, "root")
    assert [path.name for path in host.identities] == names
    assert not ran.exists()


@pytest.mark.parametrize(
    ("text", "socket"),
    [
        ("", "/agent"),
        ("IdentityAgent none", None),
        ("IdentityAgent SSH_AUTH_SOCK", "/agent"),
        ("IdentityAgent /run/other", "/run/other"),
        ("IdentityAgent $ELSEWHERE", None),
        ("Host x\nIdentityAgent /run/other", "/agent"),
    ],
)
def test_the_agent_is_the_configs_where_it_names_one(
    person: Person, text: str, socket: str | None
) -> None:
    """Password managers have sockets of their own."""
    written(person, text)
    assert machine_at(person, "1.2.3.4", 22, "root").agent == socket


@pytest.mark.parametrize(
    ("text", "hops"),
    [
        ("ProxyJump none", []),
        ("ProxyJump gate", [("gate", "gate", 22, "me")]),
        ("ProxyJump you@gate:2222", [("gate", "gate", 2222, "you")]),
        ("ProxyJump ssh://you@gate:2222", [("gate", "gate", 2222, "you")]),
        ("ProxyJump [::1]:2222", [("::1", "::1", 2222, "me")]),
        ("ProxyJump a,b", [("a", "a", 22, "me"), ("b", "b", 22, "me")]),
        (
            "Match host 1.2.3.4\nProxyJump gate\nHost gate\nHostName 10.0.0.1\nPort 7\nUser you",
            [("gate", "10.0.0.1", 7, "you")],
        ),
        (
            "Host 1.*\nProxyJump b\nHost b\nProxyJump a",
            [("a", "a", 22, "me"), ("b", "b", 22, "me")],
        ),
        ("ProxyCommand touch x\nProxyJump gate", []),
        ("ProxyJump gate\nProxyCommand touch x", [("gate", "gate", 22, "me")]),
        ("HostName 10.0.0.1\nPort 7\nUser you", []),
        ("ProxyCommand sh -c 'x\nProxyJump gate", []),
        ("Host 1.2.3.4\r\nProxyJump gate\r\n", [("gate", "gate", 22, "me")]),
    ],
)
def test_jump_hosts_are_those_of_the_config_each_as_it_has_it(
    person: Person, text: str, hops: list[tuple[str, str, int, str]]
) -> None:
    """Their chain is ssh's: what the first one itself is reached over comes before it."""
    written(person, text)
    found = hops_to(machine_at(person, "1.2.3.4", 22, "root"))
    me = person.user
    expected = [(*where, me if user == "me" else user) for *where, user in hops]
    assert [(hop.name, hop.address, hop.port, hop.user) for hop in found] == expected


@pytest.mark.parametrize(
    "text", ["ProxyJump gate:0", "ProxyJump a:b:c", "Host a\nProxyJump b\nHost *\nProxyJump a"]
)
def test_a_chain_that_cannot_be_followed_is_no_way(person: Person, text: str) -> None:
    """Nothing is tried beside it: the person wanted that way."""
    written(person, text)
    with pytest.raises(NoWay):
        hops_to(machine_at(person, "1.2.3.4", 22, "root"))


def test_no_config_moves_a_machine(person: Person) -> None:
    """The address that was checked is the one that is connected to."""
    written(person, "HostName 10.0.0.1\nPort 7\nUser you")
    host = machine_at(person, "1.2.3.4", 22, "root")
    assert (host.address, host.port, host.user) == ("1.2.3.4", 22, "root")
