"""Which keys are shown to a machine: the account's, from files or an agent, and no other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from openssh import Sshd, agent, keygen, needs_openssh, public_line
from trying import Tryer

from vast_mcp.machines.keyfiles import fingerprint_of, key_blob
from vast_mcp.ssh.agent import MOST_SIGNED, Agent

pytestmark = [needs_openssh, pytest.mark.processes]


def fingerprint(path: Path) -> str | None:
    return fingerprint_of(key_blob(public_line(path)) or "")


async def test_a_key_with_a_passphrase_that_no_agent_holds_is_said_to_be_so(
    tryer: Tryer, sshd: Sshd
) -> None:
    """Nobody is asked for a passphrase, and nothing waits for one."""
    sshd.authorize(public_line(tryer.key(passphrase="secret words")))
    tried = await tryer.enter(sshd.port)
    assert tried.answer == "answers"
    assert tried.why == (
        "~/.ssh/id_ed25519 has a passphrase and no agent holds it; `ssh-add` gives it to one"
    )


@pytest.mark.parametrize("public_half", ["beside it", "in the file alone"])
async def test_a_key_with_a_passphrase_is_used_through_the_agent_that_holds_it(
    tryer: Tryer, sshd: Sshd, folder: Path, public_half: str
) -> None:
    """The agent has it open; the file is not needed."""
    key = tryer.key(passphrase="secret words")
    sshd.authorize(public_line(key))
    shown = fingerprint(key)
    if public_half != "beside it":
        key.with_name(f"{key.name}.pub").unlink()
    with agent(folder, key, passphrase="secret words") as socket:
        tryer.set(ssh_agent=socket)
        tried = await tryer.enter(sshd.port)
    assert (tried.answer, tried.key) == ("entered", f"agent {shown}")


async def test_the_public_half_alone_is_enough_where_the_agent_has_the_other(
    tryer: Tryer, sshd: Sshd, folder: Path
) -> None:
    """Some keep private keys in an agent only, and on a chip behind it."""
    key = tryer.key("only_here")
    sshd.authorize(public_line(key))
    with agent(folder, key) as socket:
        key.unlink()
        without = await tryer.enter(sshd.port)
        tryer.set(ssh_agent=socket)
        tried = await tryer.enter(sshd.port)
    assert without.why == "the private half of ~/.ssh/only_here.pub is neither here nor in an agent"
    assert (tried.answer, tried.key) == ("entered", f"agent {fingerprint(key)}")


async def test_of_many_keys_in_an_agent_the_accounts_own_is_shown_alone(
    tryer: Tryer, sshd: Sshd, folder: Path
) -> None:
    """OpenSSH hangs up at the sixth refusal, and the machine's owner learns of no other key."""
    others = [keygen(folder / f"other{number}") for number in range(8)]
    key = keygen(folder / "key")
    tryer.register(public_line(key))
    sshd.authorize(public_line(key))
    with agent(folder, *others, key) as socket:
        tryer.set(ssh_agent=socket)
        tried = await tryer.enter(sshd.port)
    assert (tried.answer, tried.key) == ("entered", f"agent {fingerprint(key)}")
    assert sshd.guests == 1


async def test_an_agents_key_that_the_account_does_not_have_is_shown_to_no_machine(
    tryer: Tryer, sshd: Sshd, folder: Path
) -> None:
    """An agent holds the keys of a life."""
    key = keygen(folder / "key")
    sshd.authorize(public_line(key))
    with agent(folder, key) as socket:
        tryer.set(ssh_agent=socket)
        tried = await tryer.enter(sshd.port)
    assert tried.answer == "answers"


async def test_more_registered_keys_than_a_connection_may_show_take_several(
    tryer: Tryer, sshd: Sshd
) -> None:
    """No "too many authentication failures": the seventh key is shown as well."""
    keys = [tryer.key(f"key{number}") for number in range(7)]
    sshd.authorize(public_line(keys[-1]))
    tried = await tryer.enter(sshd.port)
    assert (tried.answer, tried.key, sshd.guests) == ("entered", "~/.ssh/key6", 2)


async def test_a_server_that_hangs_up_sooner_is_shown_the_others_too(
    tryer: Tryer, sshd: Sshd
) -> None:
    """MaxAuthTries is the server's own."""
    keys = [tryer.key(f"key{number}") for number in range(3)]
    sshd.configure("MaxAuthTries 1")
    sshd.authorize(public_line(keys[-1]))
    tried = await tryer.enter(sshd.port)
    assert (tried.answer, tried.key, sshd.guests) == ("entered", "~/.ssh/key2", 3)


async def test_the_accounts_key_is_shown_whatever_the_config_names_beside_it(
    tryer: Tryer, sshd: Sshd
) -> None:
    """The ssh line of an answer names it by -i, which IdentitiesOnly allows."""
    sshd.authorize(public_line(tryer.key("for_vast")))
    keygen(tryer.ssh_dir / "work")
    config = "Host *\n  IdentityFile ~/.ssh/work\n  IdentitiesOnly yes\n"
    (tryer.ssh_dir / "config").write_text(config, encoding="utf-8")
    tried = await tryer.enter(sshd.port)
    assert (tried.answer, tried.key) == ("entered", "~/.ssh/for_vast")


async def test_where_the_accounts_keys_cannot_be_read_those_are_shown_that_ssh_would_show(
    tryer: Tryer, sshd: Sshd
) -> None:
    """A restricted key may not list them (docs/vast-api.md I)."""
    sshd.authorize(public_line(tryer.key()))
    tryer.world.faults.add("keys", "html503", times=None)
    tried = await tryer.enter(sshd.port, within_s=3)
    assert (tried.answer, tried.key) == ("entered", "~/.ssh/id_ed25519")


async def test_an_agent_that_is_not_there_is_none(tryer: Tryer, sshd: Sshd, folder: Path) -> None:
    """A socket outlives its agent."""
    sshd.authorize(public_line(tryer.key()))
    tryer.set(ssh_agent=str(folder / "nobody"))
    assert (await tryer.enter(sshd.port)).answer == "entered"


# ── over HTTP ─────────────────────────────────────────────────────────────────────────────────────


async def test_a_server_that_others_reach_uses_no_key_of_its_computer(
    tryer: Tryer, sshd: Sshd, folder: Path
) -> None:
    """Who calls is not who owns the keys."""
    key = tryer.key()
    sshd.authorize(public_line(key))
    tryer.set(ssh_dir=None, ssh_agent=None)
    tried = await tryer.enter(sshd.port)
    assert tried.answer == "answers"
    assert "VAST_MCP_SSH_KEY" in str(tried.why)


async def test_a_server_that_others_reach_uses_the_key_that_was_named_for_it(
    tryer: Tryer, sshd: Sshd, folder: Path
) -> None:
    """It says so, and not where the file is."""
    named = keygen(folder / "for_servers")
    sshd.authorize(public_line(named))
    tryer.set(ssh_dir=None, ssh_agent=None, ssh_key=named)
    tried = await tryer.enter(sshd.port)
    assert (tried.answer, tried.key) == ("entered", "the key file of VAST_MCP_SSH_KEY")
    assert str(folder) not in str(replace(tried, to=None))


@pytest.mark.parametrize(
    ("text", "why"), [(None, "is not there"), ("no key", "cannot be read as a private key")]
)
async def test_a_named_key_that_is_none_is_said_to_be_so(
    tryer: Tryer, sshd: Sshd, folder: Path, text: str | None, why: str
) -> None:
    """No other is used in its place."""
    sshd.authorize(public_line(tryer.key()))
    if text is not None:
        (folder / "named").write_text(text, encoding="utf-8")
    tryer.set(ssh_key=folder / "named")
    tried = await tryer.enter(sshd.port)
    assert (tried.answer, tried.why) == ("answers", f"the key file of VAST_MCP_SSH_KEY {why}")


async def test_a_public_key_that_the_config_names_is_used_through_the_agent(
    tryer: Tryer, sshd: Sshd, folder: Path
) -> None:
    """Password managers keep the private half, and have `IdentityFile NAME.pub` chosen by it."""
    key = keygen(folder / "kept")
    public = tryer.ssh_dir / "shown.pub"
    public.write_text(public_line(key), "utf-8")
    sshd.authorize(public_line(key))
    config = f"IdentityFile {public}\nIdentitiesOnly yes\n"
    (tryer.ssh_dir / "config").write_text(config, "utf-8")
    with agent(folder, key) as socket:
        without = await tryer.enter(sshd.port)
        tryer.set(ssh_agent=socket)
        tried = await tryer.enter(sshd.port)
    assert without.why == "the private half of ~/.ssh/shown.pub is neither here nor in an agent"
    assert (tried.answer, tried.key) == ("entered", f"agent {fingerprint(key)}")


async def test_a_public_key_that_the_config_names_is_used_by_the_file_beside_it_too(
    tryer: Tryer, sshd: Sshd
) -> None:
    """Its private half is here, and no agent."""
    key = tryer.key("kept")
    sshd.authorize(public_line(key))
    (tryer.ssh_dir / "config").write_text(f"IdentityFile {key}.pub\n", "utf-8")
    assert (await tryer.enter(sshd.port)).answer == "entered"


async def test_a_named_key_with_a_passphrase_is_used_through_the_agent_and_no_other_of_it(
    tryer: Tryer, sshd: Sshd, folder: Path
) -> None:
    """What is said to help does: ssh-add gives it to the agent."""
    key = keygen(folder / "named", passphrase="secret words")
    other = tryer.key("other")
    tryer.set(ssh_key=key)
    sshd.authorize(public_line(key))
    without = await tryer.enter(sshd.port)
    assert without.why is not None
    assert "`ssh-add` gives it to one" in without.why
    with agent(folder, other, key, passphrase="secret words") as socket:
        tryer.set(ssh_agent=socket)
        tried = await tryer.enter(sshd.port)
        sshd.authorize(public_line(other))
        refused = await tryer.enter(sshd.port)
    assert (tried.answer, tried.key) == ("entered", f"agent {fingerprint(key)}")
    assert (refused.answer, refused.key) == ("key_refused", f"agent {fingerprint(key)}")


async def test_over_http_nobody_is_told_to_give_a_named_key_to_an_agent(
    tryer: Tryer, sshd: Sshd, folder: Path
) -> None:
    """None is asked there."""
    tryer.set(
        ssh_dir=None, ssh_agent=None, ssh_key=keygen(folder / "named", passphrase="secret words")
    )
    tried = await tryer.enter(sshd.port)
    assert tried.answer == "answers"
    assert tried.why == (
        "the key file of VAST_MCP_SSH_KEY has a passphrase, which this server is never told"
    )


async def test_an_agent_is_asked_for_no_more_signatures_than_keys_are_shown(folder: Path) -> None:
    """A server may accept the same key a hundred times before it lets anybody in, and the agent may
    ask its person each time.
    """
    with agent(folder, keygen(folder / "one")) as socket:
        asked = Agent(socket)
        [blob] = (pair.public_data for pair in (await asked.held()).values())
        for _ in range(MOST_SIGNED):
            assert await asked.sign(blob, b"something")
        with pytest.raises(ValueError, match="more signatures"):
            await asked.sign(blob, b"something")
        asked.close()
