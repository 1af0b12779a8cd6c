"""A connection that stays: logged in once, used, and hung up."""

from __future__ import annotations

import pytest
from openssh import Sshd, needs_openssh, needs_root_to_serve, public_line
from trying import Tryer, machine

from vast_mcp import errors
from vast_mcp.session import Call
from vast_mcp.ssh.entering import entered

pytestmark = needs_openssh


@needs_root_to_serve
async def test_who_is_let_in_stays_in_until_the_work_is_done(tryer: Tryer, workplace: Sshd) -> None:
    workplace.authorize(public_line(tryer.key()))
    home = workplace.folder / "home"
    async with entered(Call.quiet(tryer.session), machine(workplace.port)) as line:
        done = await line.link.run("echo $HOME $PWD; echo x >kept; exit 3")
        assert (str(done.stdout).split(), done.exit_status) == ([str(home)] * 2, 3)
        async with line.link.start_sftp_client() as sftp:
            assert await sftp.listdir(".") == [".", "..", "kept"]
    await line.link.wait_closed()


async def test_who_is_not_let_in_hears_what_each_way_answered(tryer: Tryer, sshd: Sshd) -> None:
    tryer.key()
    with pytest.raises(errors.NotEntered) as caught:
        async with entered(Call.quiet(tryer.session), machine(sshd.port)):
            pytest.fail("nobody may be in")
    assert "refuses ~/.ssh/id_ed25519" in caught.value.message
    assert caught.value.next_steps[0].arguments == {"instance_id": 7000001, "until": "ssh"}


async def test_a_changed_host_key_ends_it_and_no_other_way_is_tried(
    tryer: Tryer, sshd: Sshd
) -> None:
    sshd.authorize(public_line(tryer.key()))
    async with entered(Call.quiet(tryer.session), machine(sshd.port)):
        pass
    sshd.new_host_keys()
    guests = sshd.guests
    with pytest.raises(errors.NotEntered) as caught:
        async with entered(Call.quiet(tryer.session), machine(sshd.port)):
            pytest.fail("nobody may be in")
    assert (sshd.guests - guests, list(caught.value.next_steps)) == (1, [])
