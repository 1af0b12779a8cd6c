"""A machine is known by the host key of its first login; another one lets nobody log in."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest
from openssh import Sshd, needs_openssh, public_line
from trying import MACHINE, Tryer

from vast_mcp.journal import host_keys
from vast_mcp.sandbox.routes import create_app
from vast_mcp.session import Session
from vast_mcp.ssh import pins

pytestmark = [needs_openssh, pytest.mark.processes]


@pytest.fixture
def entered(tryer: Tryer, sshd: Sshd) -> Tryer:
    """A person whose key the machine has."""
    sshd.authorize(public_line(tryer.key()))
    return tryer


async def test_another_host_key_than_at_the_first_login_is_told_and_not_logged_in_to(
    entered: Tryer, sshd: Sshd
) -> None:
    """The seventh answer: both fingerprints are shown, and nothing more is sent."""
    first = await entered.enter(sshd.port)
    sshd.new_host_keys()
    second = await entered.enter(sshd.port)
    assert (first.answer, second.answer) == ("entered", "host_key_changed")
    assert second.pinned == first.fingerprint != second.fingerprint
    assert second.key is None
    assert (await entered.enter(sshd.port)).answer == "host_key_changed", "it stays so"


async def test_another_server_behind_the_pinned_key_is_found_out_without_any_key_of_ours(
    entered: Tryer, sshd: Sshd
) -> None:
    """A server without keys tells it too."""
    await entered.enter(sshd.port)
    sshd.new_host_keys()
    entered.world.set_keys([])
    assert (await entered.enter(sshd.port)).answer == "host_key_changed"


async def test_a_server_that_lost_the_known_kind_of_key_has_another_key(
    entered: Tryer, sshd: Sshd
) -> None:
    """Whoever sits between cannot pass by offering another kind."""
    sshd.new_host_keys(["ecdsa"])
    await entered.enter(sshd.port)
    sshd.new_host_keys(["rsa"])
    assert (await entered.enter(sshd.port)).answer == "host_key_changed"


@pytest.mark.parametrize("kind", ["ecdsa", "rsa"])
async def test_a_kind_of_key_that_is_liked_less_is_found_again(
    entered: Tryer, sshd: Sshd, kind: str
) -> None:
    """What is pinned is asked for first, whatever else a server has by now."""
    sshd.new_host_keys([kind])
    first = await entered.enter(sshd.port)
    sshd.add_host_key("ed25519")
    again = await entered.enter(sshd.port)
    assert (again.answer, again.fingerprint) == ("entered", first.fingerprint)


async def test_each_way_in_has_a_key_of_its_own(entered: Tryer, sshd: Sshd) -> None:
    """The proxy is another server."""
    await entered.enter(sshd.port, way="direct")
    sshd.new_host_keys()
    by_proxy = await entered.enter(sshd.port, way="proxy")
    assert (by_proxy.answer, by_proxy.way) == ("entered", "proxy")
    assert (await entered.enter(sshd.port, way="direct")).answer == "host_key_changed"


async def test_processes_share_what_they_know(entered: Tryer, sshd: Sshd, tmp_path: Path) -> None:
    """It is in the journal, which all servers of a person share."""
    settings = entered.session.settings
    entered.set(state_dir=tmp_path / "state")
    one, other = (Session(entered.session.settings, create_app(entered.world)) for _ in range(2))
    try:
        assert (await Tryer(one, entered.world).enter(sshd.port)).answer == "entered"
        sshd.new_host_keys()
        assert (await Tryer(other, entered.world).enter(sshd.port)).answer == "host_key_changed"
    finally:
        await one.close()
        await other.close()
        entered.session.settings = settings


async def test_of_two_that_log_in_first_at_once_one_is_believed(entered: Tryer) -> None:
    """Two processes pin at the same moment: the later one learns what the other saw."""
    session = entered.session
    assert pins.pin(session, MACHINE, "direct", "ssh-ed25519 AAAA") == "ssh-ed25519 AAAA"
    assert pins.pin(session, MACHINE, "direct", "ssh-ed25519 BBBB") == "ssh-ed25519 AAAA"


async def test_a_machine_that_we_made_anew_is_met_as_for_the_first_time(
    entered: Tryer, sshd: Sshd, monkeypatch: pytest.MonkeyPatch
) -> None:
    """We know why its key is another one. Its old container may answer for a moment longer: that
    key is not kept.
    """
    await entered.enter(sshd.port)
    pins.forget(entered.session, MACHINE)
    old = await entered.enter(sshd.port)
    assert (old.answer, old.pinned) == ("entered", None)
    sshd.new_host_keys()
    monkeypatch.setattr(host_keys, "RENEWAL_S", -1.0)
    new = await entered.enter(sshd.port)
    assert (new.answer, new.pinned) == ("entered", new.fingerprint)
    assert new.fingerprint != old.fingerprint


async def test_a_journal_that_fails_is_replaced_by_this_process(
    entered: Tryer, sshd: Sshd, tmp_path: Path
) -> None:
    """What was seen is known until the end of the process."""
    blocked = tmp_path / "blocked"
    blocked.write_text("no folder", encoding="utf-8")
    entered.set(state_dir=blocked)
    session = Session(entered.session.settings, create_app(entered.world))
    try:
        tryer = Tryer(session, entered.world)
        first = await tryer.enter(sshd.port)
        sshd.new_host_keys()
        second = await tryer.enter(sshd.port)
        sshd.authorize()
        third = await tryer.enter(sshd.port)
    finally:
        await session.close()
    assert (first.answer, second.answer) == ("entered", "host_key_changed")
    assert third.answer == "host_key_changed", "it is known before anybody logs in"


async def test_a_call_that_is_cancelled_leaves_nothing_behind(entered: Tryer, sshd: Sshd) -> None:
    """A host may cancel at any moment of a try."""
    for after in (0.0, 0.005, 0.02, 0.05, 0.1):
        with anyio.move_on_after(after):
            await entered.enter(sshd.port)
    assert (await entered.enter(sshd.port)).answer == "entered"
