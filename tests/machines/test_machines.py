"""machines and reach: what a row means, and listening at a door without knocking."""

from __future__ import annotations

import shlex
from typing import Any

import pytest

from vast_mcp.machines import phases, ways
from vast_mcp.machines.patience import Patience
from vast_mcp.machines.reach import may_probe
from vast_mcp.machines.watching import Watch, Watches
from vast_mcp.machines.ways import Address
from vast_mcp.settings import Times
from vast_mcp.vast.models import Instance

PATIENCE = Patience.of(Times())
NOW = 1_800_000_000.0


def row(**fields: Any) -> Instance:
    return Instance.model_validate(
        {"id": 1, "intended_status": "running", "cur_state": "running", "start_date": NOW, **fields}
    )


# ── the state ─────────────────────────────────────────────────────────────────────────────────────

STOPPED = dict.fromkeys(("intended_status", "cur_state", "next_state"), "stopped")

PHASES: list[tuple[dict[str, Any], str]] = [
    ({"actual_status": None}, "starting"),
    ({"actual_status": None, "cur_state": "stopped", "is_bid": True}, "starting"),
    ({"actual_status": "created"}, "starting"),
    ({"actual_status": "loading"}, "starting"),
    ({"actual_status": "rebooting"}, "starting"),
    ({"actual_status": "recycling"}, "starting"),
    ({"actual_status": "a word of tomorrow"}, "starting"),
    ({"actual_status": "running"}, "running"),
    ({"actual_status": "running", "intended_status": None, "cur_state": None}, "running"),
    ({"actual_status": "running", "status_msg": "manifest unknown"}, "running"),
    ({"actual_status": "running", "intended_status": "stopped"}, "stopped"),
    ({"actual_status": "exited", "intended_status": "stopped", "cur_state": "stopped"}, "stopped"),
    ({"actual_status": "exited"}, "exited"),
    ({"actual_status": "running", "cur_state": "stopped"}, "exited"),
    ({"actual_status": "exited", "is_bid": True}, "exited"),
    ({"actual_status": "exited", "is_bid": True, "cur_state": "stopped"}, "outbid"),
    ({"actual_status": "running", "is_bid": True, "cur_state": "stopped"}, "outbid"),
    *(
        ({**STOPPED, "is_bid": True, "actual_status": status}, "outbid")
        for status in (None, "created", "loading", "stopped")
    ),
    ({**STOPPED, "is_bid": True, "actual_status": "loading", "next_state": None}, "outbid"),
    ({**STOPPED, "is_bid": True, "actual_status": "exited"}, "stopped"),  # by its user
    ({**STOPPED, "is_bid": True, "actual_status": "running"}, "stopped"),  # just now
    ({**STOPPED, "is_bid": False, "actual_status": "loading"}, "stopped"),
    ({**STOPPED, "is_bid": None, "actual_status": "loading"}, "stopped"),
    ({**STOPPED, "is_bid": True, "actual_status": "loading", "cur_state": "running"}, "stopped"),
    ({"actual_status": "loading", "is_bid": True, "cur_state": "stopped"}, "outbid"),
    ({"actual_status": "loading", "is_bid": True}, "starting"),
    ({"actual_status": "frozen", "cur_state": "stopped"}, "frozen"),
    ({"actual_status": "stopped", "cur_state": "stopped"}, "halted"),
    (
        {"actual_status": "frozen", "intended_status": "frozen", "cur_state": "running"},
        "frozen",
    ),
    ({"actual_status": "scheduling", "cur_state": "stopped", "is_bid": True}, "scheduling"),
    ({"actual_status": "offline"}, "offline"),
    ({"actual_status": "unknown"}, "offline"),
    ({"actual_status": "created", "status_msg": "x: OCI runtime create failed: y"}, "oci_error"),
    (
        {"actual_status": "created", "status_msg": "manifest for a:b not found: manifest unknown"},
        "image",
    ),
    ({"actual_status": "loading", "status_msg": "pull access denied for a"}, "image"),
]


@pytest.mark.parametrize(("fields", "phase"), PHASES)
def test_the_phase_comes_of_the_three_fields_together(fields: dict[str, Any], phase: str) -> None:
    """One status alone says too little: the three fields together tell the phase
    (docs/vast-api.md C.4).
    """
    assert phases.phase_of(row(**fields)) == phase


STATES: list[tuple[dict[str, Any], float, str]] = [
    ({"actual_status": "running"}, 0, "running"),
    ({"actual_status": "loading"}, 0, "starting"),
    ({"actual_status": "scheduling"}, 9999, "starting"),
    ({"actual_status": "exited"}, 599, "starting"),
    ({"actual_status": "exited"}, 601, "failed"),
    ({"actual_status": "exited", "intended_status": "stopped"}, 0, "stopped"),
    ({"actual_status": "frozen"}, 0, "running"),
    ({"actual_status": "stopped"}, 0, "stopped"),
    ({"actual_status": "offline"}, 0, "failed"),
    ({"actual_status": "created", "status_msg": "manifest unknown"}, 0, "failed"),
]


@pytest.mark.parametrize(("fields", "age", "state"), STATES)
def test_one_look_judges_by_the_age_of_the_machine(
    fields: dict[str, Any], age: float, state: str
) -> None:
    """A grace of ten minutes for `exited` (docs/vast-api.md C.4)."""
    assert phases.state_of(row(**fields), NOW + age, PATIENCE) == state


def test_a_start_of_ours_gives_an_old_machine_its_grace_again() -> None:
    """Not only the first start shows `exited` (docs/vast-api.md C.4)."""
    watches = Watches()
    old = row(actual_status="exited")
    watches.mark_started(1, NOW + 5000)
    at = watches.started_at(1)
    assert phases.state_of(old, NOW + 5599, PATIENCE, started_at=at) == "starting"
    assert phases.state_of(old, NOW + 5601, PATIENCE, started_at=at) == "failed"
    assert watches.started_at(2) == 0


def looks(watch: Watch, phase: phases.Phase, *at: float) -> None:
    for seconds in at:
        watch.look(phase, NOW + seconds, PATIENCE)


@pytest.mark.parametrize(
    ("phase", "early", "late", "reason"),
    [
        ("image", 0, 2, "image"),
        ("stopped", 0, 2, "stopped"),
        ("outbid", 0, 2, "outbid"),
        ("offline", 59, 60, "offline"),
        ("scheduling", 59, 60, "scheduling"),
        ("halted", 59, 60, "stopped"),
        ("frozen", 59, 60, "frozen"),
        ("host_gpu", 59, 60, "host_gpu"),
        ("disk_full", 0, 2, "disk_full"),
        ("host_network", 299, 300, "host_network"),
        ("secrets", 299, 300, "secrets"),
        ("starting", 899, 900, "no_progress"),
        ("exited", 599, 600, "exited"),
        ("missing", 599, 600, "vanished"),
    ],
)
def test_a_sign_of_failure_must_last(
    phase: phases.Phase, early: float, late: float, reason: str
) -> None:
    """Rows go missing or stale once; `exited` for ten minutes after a start. Two looks at least
    (docs/vast-api.md K, C.4).
    """
    watch = Watch()
    looks(watch, phase, *([early] if early == 0 else [0, early / 2, early]))
    assert watch.failure(NOW, PATIENCE) is None
    looks(watch, phase, late)
    assert watch.failure(NOW, PATIENCE) == reason


def test_a_machine_that_was_shown_has_vanished_sooner_than_one_that_never_was() -> None:
    """What was just made may not be shown yet; a row that was there is missing once, not for a
    minute (docs/vast-api.md C.1).
    """
    watch = Watch()
    looks(watch, "starting", 0, 10)
    looks(watch, "missing", 20, 40, 79)
    assert watch.failure(NOW, PATIENCE) is None
    assert watch.until_failure(NOW, PATIENCE) == 1
    looks(watch, "missing", 80)
    assert watch.failure(NOW, PATIENCE) == "vanished"


def test_after_a_start_of_ours_the_row_of_before_it_is_no_failure() -> None:
    """What Vast shows follows what it accepted after a while (docs/vast-api.md C.7)."""
    watch = Watch(started_at=NOW)
    looks(watch, "stopped", 1, 3, 5)
    assert watch.failure(NOW - 5000, PATIENCE) is None
    looks(watch, "stopped", 61)
    assert watch.failure(NOW - 5000, PATIENCE) == "stopped"


def test_a_sign_that_goes_away_is_forgotten() -> None:
    """Grace counts one unbroken stretch."""
    watch = Watch()
    looks(watch, "exited", 0, 500)
    looks(watch, "starting", 510)
    looks(watch, "exited", 520, 700)
    assert watch.failure(NOW, PATIENCE) is None


def test_what_happened_in_a_long_gap_is_not_known() -> None:
    """Between two looks far apart somebody may have stopped and started it."""
    watch = Watch()
    looks(watch, "exited", 0, 10, 5000, 5002)
    assert watch.failure(NOW, PATIENCE) is None


def test_a_machine_that_runs_never_fails() -> None:
    """Who can enter it is another question."""
    watch = Watch()
    looks(watch, "running", *range(0, 5000, 100))
    assert watch.failure(NOW, PATIENCE) is None


def test_a_start_that_moves_is_none_that_stands_still() -> None:
    """A pull says another line with every layer; a large image takes long (docs/vast-api.md C.9,
    progress).
    """
    watch = Watch()
    for second in range(0, 4000, 10):
        watch.look("starting", NOW + second, PATIENCE, row(status_msg=f"layer {second}"))
        assert watch.failure(NOW, PATIENCE) is None


def test_what_goes_in_circles_stands_still() -> None:
    """A contract that flips to and fro, and a pull that begins again and again, come to nothing
    (docs/vast-api.md C.4).
    """
    watch = Watch()
    for second in range(0, 900, 10):
        watch.look("starting", NOW + second, PATIENCE, row(status_msg="ab"[second // 10 % 2]))
        assert watch.failure(NOW, PATIENCE) is None
    for second in range(900, 940, 10):
        watch.look("starting", NOW + second, PATIENCE, row(status_msg="ab"[second // 10 % 2]))
    assert watch.failure(NOW, PATIENCE) == "no_progress"


def test_a_text_that_is_another_one_for_ever_ends_too() -> None:
    """No wait goes on for ever, whatever a stranger's machine writes."""
    watch = Watch()
    for second in range(0, 20_000, 10):
        watch.look("starting", NOW + second, PATIENCE, row(status_msg=str(second)))
    assert watch.failure(NOW, PATIENCE) == "no_progress"


def test_who_looks_seldom_gets_an_end_too() -> None:
    """A long gap may hide anything, once: an agent that asks twice an hour waits for no more than
    the second.
    """
    watch = Watch()
    looks(watch, "exited", 0, 1, 2000, 2001)
    assert watch.failure(NOW, PATIENCE) is None
    looks(watch, "exited", 4000, 4001)
    assert watch.failure(NOW, PATIENCE) == "exited"


def test_a_host_is_offline_by_three_looks() -> None:
    """`unknown` and `offline` pass by themselves during a boot (docs/vast-api.md C.4)."""
    watch = Watch()
    looks(watch, "offline", 0, 61)
    assert watch.failure(NOW, PATIENCE) is None
    looks(watch, "offline", 62)
    assert watch.failure(NOW, PATIENCE) == "offline"


@pytest.mark.parametrize("phase", ["offline", "outbid"])
def test_what_hides_whether_a_container_was_up_proves_nothing_after_a_gap(
    phase: phases.Phase,
) -> None:
    """It may have run and been worked in meanwhile; who looked all the time knows."""
    for last, ran in ((100, False), (30, True)):
        watch = Watch()
        looks(watch, "starting", 0, last)
        looks(watch, phase, 120)
        assert watch.ran is ran
    alone = Watch()
    looks(alone, phase, 120)
    assert alone.ran


def test_since_when_is_known_where_somebody_looked_before() -> None:
    """One look says nothing of before; a young machine's start began with its birth."""
    watch = Watch()
    looks(watch, "starting", 100)
    assert watch.lasts(NOW + 100, None) is None
    assert watch.lasts(NOW + 100, NOW) == 100
    looks(watch, "running", 120)
    assert watch.lasts(NOW + 150, NOW) == 30  # it began while somebody looked
    looks(watch, "running", 5000)
    assert watch.lasts(NOW + 5000, NOW) is None  # who knows what was in between
    looks(watch, "running", 5010)
    assert watch.lasts(NOW + 5010, NOW) == 10


def test_looks_that_are_one_moment_apart_are_one() -> None:
    """A row may be stale for a moment, and a call reads list and row at once."""
    watch = Watch()
    looks(watch, "image", 0, 0.2, 0.4)
    assert watch.failure(NOW, PATIENCE) is None
    looks(watch, "image", 1.5)
    assert watch.failure(NOW, PATIENCE) == "image"


def test_a_start_after_a_long_rest_has_all_its_time() -> None:
    """What earlier starts showed is no sign that this one stands still."""
    watch = Watch()
    looks(watch, "starting", 0, 10)
    looks(watch, "running", *range(20, 3000, 100))
    looks(watch, "starting", 3000, 3010, 3890)
    assert watch.failure(NOW, PATIENCE) is None
    looks(watch, "starting", 3900)
    assert watch.failure(NOW, PATIENCE) == "no_progress"


def test_a_vm_has_longer_than_a_container() -> None:
    """It boots a whole system from an image of many gigabytes."""
    vm, watch = Patience.of(Times(), vm=True), Watch()
    for second in (0, 450, 900, 1350, 1790):
        watch.look("starting", NOW + second, vm)
        assert watch.failure(NOW, vm) is None
    assert watch.until_failure(NOW, vm) == 10
    watch.look("starting", NOW + 1800, vm)
    assert watch.failure(NOW, vm) == "no_progress"


def test_what_was_said_before_our_start_is_no_failure_of_it() -> None:
    """A text stays on a row until the host says another one (docs/vast-api.md C.3)."""
    watch = Watch(started_at=NOW)
    looks(watch, "image", 1, 3, 5)
    assert watch.failure(NOW - 5000, PATIENCE) is None
    looks(watch, "image", 61)
    assert watch.failure(NOW - 5000, PATIENCE) == "image"


# ── ways in ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "host", ["1.2.3.4; rm -rf /", "$(id)", "-oProxyCommand=x", "a b", "1.2.3.4\nx", "", "`id`"]
)
def test_what_is_no_address_never_stands_in_a_command(host: str) -> None:
    """The host's own report ends in a line that somebody pastes into a shell."""
    made = row(
        public_ipaddr=host, ssh_host=host, ssh_port=22, ports={"22/tcp": [{"HostPort": "40000"}]}
    )
    assert ways.direct_of(made) is None
    assert ways.proxy_of(made, vm=False) is None
    assert ways.mapped_ports(made) == {}


@pytest.mark.parametrize("port", ["0", "65536", "x", "-1"])
def test_what_is_no_port_is_none(port: str) -> None:
    """`HostPort` is text on the wire (docs/vast-api.md C.3)."""
    assert (
        ways.direct_of(row(public_ipaddr="1.2.3.4", ports={"22/tcp": [{"HostPort": port}]})) is None
    )


def test_the_lines_are_whole_commands() -> None:
    """Addresses are as Vast gives them, and an IPv6 address needs brackets before rsync's colon
    (docs/vast-api.md C.6).
    """
    to = Address("2001:db8::1", 40001)
    assert shlex.split(ways.ssh_line(to, "~/.ssh/id_a"))[-1] == "root@2001:db8::1"
    words = shlex.split(ways.rsync_line(to, "~/.ssh/id_a"))
    assert words[-1] == "root@[2001:db8::1]:/workspace/"
    assert shlex.split(words[3])[:3] == ["ssh", "-i", "~/.ssh/id_a"]
    down = shlex.split(ways.rsync_line(to, None, down=True))
    assert down[-2:] == ["root@[2001:db8::1]:/workspace/", "./"]
    assert shlex.split(ways.scp_line(to, "~/.ssh/id_a"))[:7] == [
        "scp", "-s", "-r", "-i", "~/.ssh/id_a", "-P", "40001"
    ]  # fmt: skip


def test_the_address_loses_its_newline() -> None:
    """A trailing newline is possible (docs/vast-api.md C.3)."""
    made = row(public_ipaddr="1.2.3.4\n", ports={"22/tcp": [{"HostPort": "40000"}]})
    assert ways.direct_of(made) == Address("1.2.3.4", 40000)


@pytest.mark.parametrize(
    ("image", "vm"),
    [
        ("docker.io/vastai/kvm:ubuntu_terminal", True),
        ("vastai/kvm", True),
        ("me/kvm-tools:1", False),
        (None, False),
    ],
)
def test_a_vm_is_told_by_its_image(image: str | None, vm: bool) -> None:
    """The row has no field for it (docs/vast-api.md A.5)."""
    assert ways.is_vm(row(image_uuid=image)) is vm


# ── who may be asked ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("host", "loopback", "may"),
    [
        ("8.8.8.8", False, True),
        ("ssh5.vast.ai", False, True),
        ("127.0.0.1", False, False),
        ("10.0.0.1", False, False),
        ("169.254.169.254", False, False),
        ("::1", False, False),
        ("localhost", False, False),
        ("2606:4700::1111", False, True),
        ("64:ff9b::808:808", False, True),
        ("64:ff9b::a00:1", False, False),
        ("::ffff:8.8.8.8", False, True),
        ("::ffff:10.0.0.1", False, False),
        ("::10.0.0.1", False, False),
        ("::ffff:0:10.0.0.1", False, False),
        ("2002:a00:1::1", False, False),
        ("fec0::1", False, False),
        ("fd00::1", False, False),
        ("fe80::1", False, False),
        ("ff0e::1", False, False),
        ("vast.ai.example.com", False, False),
        ("127.0.0.1", True, True),
        ("localhost", True, True),
        ("8.8.8.8", True, False),
        ("ssh5.vast.ai", True, False),
    ],
)
def test_only_public_addresses_are_probed_and_the_sandbox_stays_at_home(
    host: str, loopback: bool, may: bool
) -> None:
    """Whose address it is decides, not who names it."""
    assert may_probe(host, loopback=loopback) is may
