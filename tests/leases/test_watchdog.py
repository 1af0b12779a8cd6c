"""The watchdog, run for real: every shell and client that a machine may have, against a sandbox
on loopback.

All machines of the matrix live at once, each with a world of its own; they mostly wait. Their
deadlines are seconds ahead by their world's clock, which may be an hour off from this
computer's.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount

from vast_mcp.leases.labels import leased
from vast_mcp.leases.packing import ONSTART_MAX, packed
from vast_mcp.leases.watchdog import Habits, cost, guarded
from vast_mcp.sandbox.instances import Instance
from vast_mcp.sandbox.replies import Refusal
from vast_mcp.sandbox.routes import create_app
from vast_mcp.sandbox.world import World

pytestmark = pytest.mark.processes

SHELLS = {
    name: command
    for name, command in {"dash": ["dash"], "bash": ["bash"], "busybox": ["busybox", "sh"]}.items()
    if shutil.which(command[0])
}
CLIENTS = {
    name: path
    for name, path in {
        "curl": shutil.which("curl"),
        "wget": shutil.which("wget"),
        "python3": sys.executable,
    }.items()
    if path
}
TOOLS = ("sed", "tr", "date", "sleep", "tee", "mkdir", "base64", "gzip", "mktemp", "chmod", "cat")
TOKEN = "#0123456789abcdef"
AHEAD_S = 4  # from the start of a machine to its deadline
LATER_S = 3  # what an extension adds
RETRY_S = 2
LATE_S = (
    30  # what two busy cores may need for all machines; an hour is what the clocks are wrong by
)
LIFE_S = 120  # no watchdog outlives its test by more, whatever becomes of the test
HOUR_S = 3600


def a_path(folder: Path, shell: str, client: str | None) -> Path:
    """A folder of programs: the shell's own tools, busybox's wget with busybox, and one client
    or none.
    """
    folder.mkdir()
    busybox = shutil.which("busybox")
    for name in TOOLS:
        (folder / name).symlink_to(busybox if shell == "busybox" else shutil.which(name))
    if shell == "busybox" and client != "wget":
        (folder / "wget").symlink_to(busybox)
    (folder / "sh").symlink_to(shutil.which(SHELLS[shell][0]))
    own = f"{busybox} " if shell == "busybox" else ""
    bounded = f'exec {own or "/usr/bin/"}timeout {LIFE_S} {own or "/usr/bin/"}setsid "$@"'
    (folder / "setsid").write_text(f"#!/bin/sh\n{bounded}\n", encoding="utf-8")
    (folder / "setsid").chmod(0o755)
    if client:
        (folder / client).symlink_to(CLIENTS[client])
    return folder


@dataclass
class Machine:
    """One scenario: a world with one instance in it, and the process that its onstart left
    behind.
    """

    shell: str
    client: str | None
    options: dict[str, Any] = field(default_factory=dict)
    clock_off: float = 0  # seconds this computer's clock is ahead of the world's
    arrange: Callable[[Machine], None] | None = None  # before the start
    told: Callable[[Machine], None] | None = None  # done once its log says `told_when`
    told_when: str = " read "  # it has looked for the first time
    until_log: str = r" (delete gone|stop \w+ \d*)\b"  # it has ended when its log says this
    ahead: int = AHEAD_S
    own_key: str = "environment"  # or "file", "wrong", "none"
    no_folder: bool = False  # the folder for leases cannot be made
    served: bool = True
    script: str | None = "echo ready\n"
    late: bool = False  # the API is reached only once it has been missed
    world: World = field(init=False)
    instance: Instance = field(init=False)
    folder: Path = field(init=False)
    held: float | None = None
    looked_at: float = 0.0
    until: int = 0
    place: str = ""
    # of every process while its look hung
    command_lines: list[bytes] = field(default_factory=list)
    quick: bool = False  # its onstart had returned before its first look
    done: subprocess.CompletedProcess[bytes] | None = None

    def create(self, folder: Path) -> None:
        self.folder = folder
        self.world = World(clock=self.now, **self.options)
        offer = self.world.offer()
        self.instance = self.world.rent(
            offer["id"], {"image": "example/image", "label": f"it's{TOKEN}", "disk": 8}
        )

    def now(self) -> float:
        """The world's time. It stands still from the start until `told` is done, however long
        this computer takes, and goes on from when it was last looked at: that is the time by which
        the watchdog set its clock.
        """
        if self.held is None:
            return time.time() - self.clock_off
        self.looked_at = time.time()
        return self.held - self.clock_off

    def tell(self) -> None:
        looked_at = self.looked_at
        with contextlib.suppress(Refusal):  # deleted too early: its own test says so
            if self.told:
                self.told(self)
        self.told = None
        if self.held is not None:
            self.clock_off += looked_at - self.held
            self.held = None

    def start(self, address: str) -> None:
        if self.told and self.told_when == " read ":
            self.held = time.time()
        self.until, self.place = int(self.now()) + self.ahead, address
        self.world.set_label(self.instance.id, leased(self.instance.label or "", self.until))
        a_path(self.folder / "bin", self.shell, self.client)
        if self.no_folder:
            (self.folder / "leases").write_text("a file\n", encoding="utf-8")
        if self.arrange:
            self.arrange(self)
        self.boot()
        self.quick = not self.looked

    def boot(self) -> None:
        """Run the onstart as the service does, at every boot."""
        onstart = guarded(
            self.script,
            until=self.until,
            base_url=self.place,
            habits=Habits(
                folder=str(self.folder / "leases"),
                retry_s=RETRY_S,
                chunk_s=2,
                environ=str(self.folder / "environ"),
            ),
        )
        path = self.folder / "onstart"
        path.write_text(onstart, encoding="utf-8")
        environ = {
            "PATH": str(self.folder / "bin"),
            "HOME": str(self.folder),
            "TMPDIR": str(self.folder),
        }
        own = {"CONTAINER_ID": str(self.instance.id), "CONTAINER_API_KEY": self.instance.secret}
        if self.own_key == "environment":
            environ |= own
        elif self.own_key == "wrong":
            environ |= own | {"CONTAINER_API_KEY": "nobodys-key"}
        elif self.own_key == "file":
            text = "\0".join(f"{name}={value}" for name, value in {"A": "b\nc", **own}.items())
            (self.folder / "environ").write_text(f"{text}\0", encoding="utf-8")
        program = [shutil.which(SHELLS[self.shell][0]), *SHELLS[self.shell][1:]]
        with (self.folder / "stdout").open("ab") as out, (self.folder / "stderr").open("ab") as err:
            self.done = subprocess.run(
                [*program, path],
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                check=False,
                timeout=20,
            )

    def spy(self) -> None:
        """While its look hangs: what every process was started with; then let it go on."""
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                self.command_lines.append(path.read_bytes())
        self.world.faults.release()

    @property
    def leases(self) -> Path:
        return self.folder / ("vast-mcp" if self.no_folder else "leases")

    @property
    def lease_file(self) -> Path:
        return self.leases / f"lease-until-{self.instance.id}"

    @property
    def log(self) -> str:
        with contextlib.suppress(FileNotFoundError):
            return (self.leases / "watchdog.log").read_text(encoding="utf-8")
        return ""

    @property
    def ended(self) -> bool:
        return bool(re.search(self.until_log, self.log))

    @property
    def looked(self) -> bool:
        return " read " in self.log

    def said(self, file: str) -> str:
        return (self.folder / file).read_text(encoding="utf-8")

    @property
    def destroyed_after(self) -> float | None:
        """Seconds from the onstart's deadline to the destruction, by the world's clock."""
        return (
            None if self.instance.destroyed_at is None else self.instance.destroyed_at - self.until
        )

    def stop(self) -> None:
        """End the one process that this machine's pid file names, if it is still ours."""
        with contextlib.suppress(OSError, ValueError):
            number = int((self.leases / "pid").read_text(encoding="utf-8"))
            if str(self.folder).encode() in Path(f"/proc/{number}/cmdline").read_bytes():
                os.kill(number, signal.SIGKILL)


def by_label(machine: Machine) -> None:
    label = leased(machine.instance.label or "", machine.until + LATER_S)
    machine.world.set_label(machine.instance.id, label)


def by_file(machine: Machine) -> None:
    machine.lease_file.write_text(f"{machine.until + LATER_S}\n", encoding="utf-8")


def earlier(machine: Machine) -> None:
    """Earlier in the label, and no time at all in the file."""
    machine.world.set_label(machine.instance.id, f"it lease-until={machine.until - 4}{TOKEN}")
    machine.leases.mkdir()
    machine.lease_file.write_text(f"{machine.until + HOUR_S} or so\n", encoding="utf-8")


def unlike_a_lease(machine: Machine) -> None:
    """What is not at the label's very end is part of a name."""
    later = machine.until + HOUR_S
    machine.world.set_label(
        machine.instance.id, f"a lease-until={later}{TOKEN} b lease-until={later} c{TOKEN}"
    )


def too_long(machine: Machine) -> None:
    """A number that no lease has, for this server reads ten digits."""
    machine.world.set_label(machine.instance.id, f"it lease-until=17950000001{TOKEN}")


def a_copied_disk(machine: Machine) -> None:
    """What another machine's watchdog left, in a copy of its disk."""
    machine.leases.mkdir()
    for name, text in {
        "lease-until-1": machine.until + HOUR_S,
        "1": "header=X: 1",
        "pid": "1",
    }.items():
        (machine.leases / name).write_text(f"{text}\n", encoding="utf-8")


def a_broken_curl(machine: Machine) -> None:
    """It is there and cannot be used, and says so under its own name."""
    curl = machine.folder / "bin" / "curl"
    curl.write_text(
        "#!/bin/sh\necho curl: error while loading shared libraries >&2\nexit 127\n",
        encoding="utf-8",
    )
    curl.chmod(0o755)


def quoted(machine: Machine) -> None:
    """A name that JSON has to escape, and a lease in front of the lease."""
    name = f'"a\\" lease-until=9999999999{TOKEN}", "label": "\\\\é🚀\n'
    machine.world.set_label(
        machine.instance.id, f"{name} lease-until={machine.until + LATER_S}{TOKEN}"
    )


def down(times: int | None, kind: str = "html503") -> Callable[[Machine], None]:
    def arrange(machine: Machine) -> None:
        machine.world.faults.add("*", kind, times)

    return arrange


def unread(machine: Machine) -> None:
    """Reading breaks for good, deleting works."""
    machine.world.faults.add("show", "html502", None)


def up_again(machine: Machine) -> None:
    machine.world.faults.clear()


def hanging(machine: Machine) -> None:
    """Its first look gets no answer before `spy` has been there."""
    machine.world.faults.add("show", "hang", 1)


def deleted_elsewhere(machine: Machine) -> None:
    machine.world.destroy(machine.instance.id)


def an_older_boot(machine: Machine) -> None:
    """A pid file whose process is gone, as a restart leaves it."""
    machine.leases.mkdir()
    (machine.leases / "pid").write_text("999999999\n", encoding="utf-8")


NO_READ = {"own_key_lacks": {"show"}}


def matrix() -> dict[str, Machine]:
    """Every shell with every client: deleted on time, extended, and without the right to read."""
    made: dict[str, Machine] = {}
    for shell in SHELLS:
        for number, client in enumerate(CLIENTS):
            pair, off = f"{shell}-{client}", HOUR_S if number % 2 else -HOUR_S
            made[f"{pair}-on time"] = Machine(shell, client, clock_off=off)
            made[f"{pair}-extended"] = Machine(shell, client, clock_off=-off, told=by_label)
            status = {"own_key_status": 401 if number == 1 else 403}
            made[f"{pair}-unreadable"] = Machine(
                shell, client, NO_READ | status, told=by_file, clock_off=off
            )
        made[f"{shell}-none-nothing"] = Machine(shell, None, until_log="cannot delete")
    return made


def others() -> dict[str, Machine]:
    """What does not hang on shell and client together: each shell meets each once, with another
    client.
    """
    lacks = {"own_key_lacks": {"destroy"}}
    neither = {"own_key_lacks": {"destroy", "stop", "show"}, "own_key_status": 401}
    out = {"arrange": down(None), "told": up_again, "told_when": "delete failed"}
    return {
        "down for a while": Machine("dash", "wget", told=down(2), clock_off=-HOUR_S),
        "down since boot": Machine("bash", "python3", arrange=down(2, "too_many_plain")),
        "down for longer": Machine("dash", "curl", **out),
        "never read again": Machine("dash", "curl", told=unread),
        "refused connections": Machine("bash", "curl", late=True),
        "never reached": Machine(
            "dash", "wget", served=False, until_log=r"(?s)delete failed.*delete failed"
        ),
        "earlier": Machine("bash", "wget", arrange=earlier),
        "unlike a lease": Machine("dash", "curl", arrange=unlike_a_lease),
        "too long": Machine("bash", "curl", arrange=too_long),
        "copied disk": Machine("dash", "wget", arrange=a_copied_disk),
        "broken curl": Machine("dash", "wget", arrange=a_broken_curl),
        "refused after a failure": Machine("dash", "curl", NO_READ, arrange=down(1)),
        "quoted": Machine("dash", "python3", arrange=quoted),
        "quoted in bash": Machine("bash", "wget", arrange=quoted),
        "may not delete": Machine("dash", "curl", lacks),
        "may do nothing": Machine("bash", "wget", neither),
        "wrong key": Machine("bash", "python3", {"api_keys": {"another"}}, own_key="wrong"),
        "deleted elsewhere": Machine("dash", "curl", told=deleted_elsewhere),
        "after its deadline": Machine("bash", "curl", ahead=-60),
        "an older boot": Machine("dash", "curl", arrange=an_older_boot, own_key="file"),
        "booted twice": Machine("dash", "curl", told=Machine.boot),
        "no key": Machine("dash", "curl", own_key="none", until_log="cannot delete"),
        "no folder": Machine("dash", "curl", no_folder=True),
        "no script": Machine("bash", "curl", script=None),
        **{f"hanging {client}": Machine("dash", client, arrange=hanging) for client in CLIENTS},
    }


class Machines(dict[str, "Machine"]):
    """By name; a test of one that this computer has no shell or client for is skipped."""

    def __missing__(self, name: str) -> Machine:
        pytest.skip(f"no shell or no client here for: {name}")


EVERY = Machines(
    {
        name: machine
        for name, machine in (matrix() | others()).items()
        if machine.shell in SHELLS and machine.client in {None, *CLIENTS}
    }
)
IN_MATRIX = [name for name in EVERY if name.count("-") == 2]


@contextlib.contextmanager
def serving(app: Starlette, listener: socket.socket) -> Iterator[None]:
    quiet: dict[str, Any] = {"log_config": None, "log_level": "critical", "date_header": False}
    server = uvicorn.Server(uvicorn.Config(app, http="h11", ws="none", lifespan="off", **quiet))
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(10)


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Machine]]:
    """Every machine, from its start to its end; each world is a path of one server."""
    root = tmp_path_factory.mktemp("machines")
    for number, machine in enumerate(EVERY.values()):
        (root / str(number)).mkdir()
        machine.create(root / str(number))
    worlds = Starlette(
        routes=[Mount(f"/{n}", create_app(m.world)) for n, m in enumerate(EVERY.values())]
    )
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        later = stack.enter_context(
            socket.socket()
        )  # bound and not listening: a connection is refused
        later.bind(("127.0.0.1", 0))
        nobody = stack.enter_context(socket.socket())
        nobody.bind(("127.0.0.1", 0))
        stack.enter_context(serving(worlds, listener))
        for number, machine in enumerate(EVERY.values()):
            place = later if machine.late else listener if machine.served else nobody
            stack.callback(machine.stop)
            machine.start(f"http://127.0.0.1:{place.getsockname()[1]}/{number}")
        deadline = time.monotonic() + 45
        waiting = dict(EVERY)
        while waiting and time.monotonic() < deadline:
            for name, machine in list(waiting.items()):
                if machine.world.faults.hanging and not machine.command_lines:
                    machine.spy()
                if machine.told and machine.told_when in machine.log:
                    machine.tell()
                if machine.late and machine.looked:
                    stack.enter_context(serving(worlds, later))
                    machine.late = False
                if machine.ended:
                    del waiting[name]
            time.sleep(0.05)
        yield EVERY


def test_the_shells_and_clients_that_matter_are_here() -> None:
    """CI proves all of them. A newcomer's computer may lack some, and then says so."""
    missing = {"dash", "bash", "busybox", "curl", "wget"} - {*SHELLS, *CLIENTS}
    if missing and os.environ.get("CI") != "true":
        pytest.skip(f"not proven here, for want of {', '.join(sorted(missing))}")
    assert not missing


def on_time(machine: Machine, later: float = 0) -> bool:
    """Not a moment before the deadline, by the world's clock, and not long after; and it says
    so.
    """
    after = machine.destroyed_after
    return (
        after is not None and later <= after <= later + LATE_S and " delete done 200" in machine.log
    )


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("shell", SHELLS)
def test_a_machine_is_deleted_on_time_by_a_clock_an_hour_wrong(
    machines: dict[str, Machine], shell: str, client: str
) -> None:
    """Absolute deadline, the host's clock corrected by the API's Date, all of it logged."""
    machine = machines[f"{shell}-{client}-on time"]
    assert on_time(machine)
    assert f"client {client}," in machine.log
    assert time.strftime("%H:%M:%S UTC %Y", time.gmtime(machine.until)) in machine.log


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("shell", SHELLS)
def test_a_later_label_moves_the_deadline(
    machines: dict[str, Machine], shell: str, client: str
) -> None:
    """The lease file keeps what the label said, for a boot at which the label cannot be read."""
    machine = machines[f"{shell}-{client}-extended"]
    assert on_time(machine, LATER_S)
    assert "label extends" in machine.log
    assert machine.lease_file.read_text(encoding="utf-8") == f"{machine.until + LATER_S}\n"


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("shell", SHELLS)
def test_without_the_right_to_read_the_lease_file_alone_moves_the_deadline(
    machines: dict[str, Machine], shell: str, client: str
) -> None:
    """Sources differ on that right; the first boot says what follows, where the
    machine's log shows it.
    """
    machine = machines[f"{shell}-{client}-unreadable"]
    assert on_time(machine, LATER_S)
    status = machine.options["own_key_status"]
    for text in (machine.log, machine.said("stderr")):
        assert f"read refused {status}" in text
        assert f"only {machine.lease_file} extends, no label" in text
    assert "file extends" in machine.log


@pytest.mark.parametrize("shell", SHELLS)
def test_without_a_client_the_machine_says_that_it_cannot_delete_itself(
    machines: dict[str, Machine], shell: str
) -> None:
    """Busybox's wget cannot send DELETE and counts as none; logged, the outer half only."""
    machine = machines[f"{shell}-none-nothing"]
    for text in (machine.log, machine.said("stderr")):
        assert "cannot delete: no client, id or key" in text
    assert not machine.world.requests


@pytest.mark.parametrize("name", ["down for a while", "down since boot", "refused connections"])
def test_an_api_that_is_down_for_a_while_is_asked_again(
    machines: dict[str, Machine], name: str
) -> None:
    """Network errors are tried again; and the clock is wrong only until the first answer."""
    machine = machines[name]
    assert on_time(machine)
    assert re.search(r"read failed (503|429|no reply),", machine.log)
    assert "read done 200" in machine.log


def test_an_api_down_for_longer_than_the_tries_deletes_at_the_first_moment_it_is_back(
    machines: dict[str, Machine],
) -> None:
    """A delete that nobody answered is sent again, for ever; a lease is not forgotten."""
    machine = machines["down for longer"]
    assert on_time(machine, RETRY_S)
    assert "delete failed 503" in machine.log


def test_what_cannot_be_read_is_deleted_at_the_last_deadline_known(
    machines: dict[str, Machine],
) -> None:
    """15 minutes of tries, then delete; seconds here."""
    machine = machines["never read again"]
    assert on_time(machine, RETRY_S)
    assert "read failed 502" in machine.log


def test_an_api_that_is_never_reached_is_asked_until_the_machine_ends(
    machines: dict[str, Machine],
) -> None:
    """A lease is kept trying for as long as the machine lives."""
    machine = machines["never reached"]
    assert machine.log.count("delete failed no reply,") >= 2
    assert not machine.world.requests


@pytest.mark.parametrize("name", ["earlier", "unlike a lease", "too long", "copied disk"])
def test_what_is_no_later_lease_moves_nothing(machines: dict[str, Machine], name: str) -> None:
    """A lease moves to later only, and stands at the label's very end, before its token."""
    machine = machines[name]
    assert on_time(machine)
    assert "extends" not in machine.log
    assert ("file ignored" in machine.log) == (name == "earlier")


def test_a_client_that_is_there_and_broken_is_passed_over(machines: dict[str, Machine]) -> None:
    """curl, GNU wget or python3, the first there."""
    machine = machines["broken curl"]
    assert on_time(machine)
    assert "client wget," in machine.log


def test_that_a_label_will_not_be_seen_is_said_when_reading_is_first_refused(
    machines: dict[str, Machine],
) -> None:
    """Also where the first look failed otherwise."""
    machine = machines["refused after a failure"]
    assert on_time(machine)
    assert re.search(
        r"(?s)read failed 503.*read refused 403.*only \S+ extends, no label", machine.log
    )


@pytest.mark.parametrize("name", ["quoted", "quoted in bash"])
def test_a_label_that_json_escapes_is_read(machines: dict[str, Machine], name: str) -> None:
    """A name may hold quotes and backslashes, and what looks like a label of its own."""
    assert on_time(machines[name], LATER_S)


def test_a_machine_that_may_not_delete_itself_stops(machines: dict[str, Machine]) -> None:
    """Delete refused: stop; at least the GPU bills no more."""
    machine = machines["may not delete"]
    [stop] = machine.world.committed("stop")
    assert 0 <= stop.at - machine.until <= LATE_S
    assert "delete refused 403" in machine.log
    assert "stop done 200" in machine.log


@pytest.mark.parametrize(("name", "status"), [("may do nothing", 401), ("wrong key", 404)])
def test_a_machine_that_may_do_nothing_says_so_and_ends_its_watch(
    machines: dict[str, Machine], name: str, status: int
) -> None:
    """A wrong key is a 404 here, and no proof that a machine is gone (docs/vast-api.md I)."""
    machine = machines[name]
    assert f"delete refused {status}" in machine.log
    assert f"stop refused {status}" in machine.log
    assert machine.instance.alive


def test_a_machine_that_is_gone_needs_nothing(machines: dict[str, Machine]) -> None:
    """Only the answer to DELETE counts; a row can be unreadable for a while (C.1)."""
    machine = machines["deleted elsewhere"]
    assert "read gone" in machine.log
    assert "delete gone 404" in machine.log
    assert len(machine.world.committed("destroy")) == 1


def test_a_machine_started_after_its_deadline_is_deleted_at_once(
    machines: dict[str, Machine],
) -> None:
    """Which is why a start is refused from outside by then."""
    machine = machines["after its deadline"]
    assert on_time(machine, 60)
    assert [request.method for request in machine.world.requests][:2] == ["GET", "DELETE"]


def test_a_second_boot_leaves_one_watchdog(machines: dict[str, Machine]) -> None:
    """The newest owns the machine; a pid of an earlier boot is nobody's."""
    machine = machines["booted twice"]
    assert machine.log.count(" left to ") == 1
    assert machine.log.count(" delete done") == 1
    assert on_time(machine)
    assert on_time(machines["an older boot"])
    assert " left to " not in machines["an older boot"].log


def test_the_key_comes_from_the_first_processs_environment_too(
    machines: dict[str, Machine],
) -> None:
    """The machine's own key may stand there only; without any the watchdog says so."""
    assert machines["an older boot"].own_key == "file"
    assert on_time(machines["an older boot"])
    assert "cannot delete: no client, id or key" in machines["no key"].said("stderr")


def test_a_folder_that_cannot_be_made_is_replaced(machines: dict[str, Machine]) -> None:
    """A watchdog without its folder still watches, and says where its log is."""
    machine = machines["no folder"]
    assert on_time(machine)
    assert f"log {machine.folder}/vast-mcp," in machine.said("stderr")


@pytest.mark.parametrize("client", CLIENTS)
def test_no_list_of_processes_shows_the_key(machines: dict[str, Machine], client: str) -> None:
    """An argument list is open to every process of a machine."""
    machine = machines[f"hanging {client}"]
    mine = [
        line
        for line in machine.command_lines
        if str(machine.folder).encode() in line or client.encode() in line
    ]
    assert any(f"/instances/{machine.instance.id}/".encode() in line for line in mine)
    assert not any(machine.instance.secret.encode() in line for line in machine.command_lines)
    assert machine.quick  # the look hung, and the script had run


@pytest.mark.parametrize("name", EVERY)
def test_the_script_runs_and_nothing_is_told_that_is_secret(
    machines: dict[str, Machine], name: str
) -> None:
    """Whatever becomes of the watchdog; and the key stands in one file, for wget, that
    is the owner's only.
    """
    machine = machines[name]
    assert machine.done is not None
    assert machine.done.returncode == 0
    assert machine.said("stdout") == ("ready\n" if machine.script else "") * (
        2 if name == "booted twice" else 1
    )
    assert machine.ended
    texts = {
        path: path.read_bytes()
        for path in machine.folder.rglob("*")
        if path.is_file() and not path.is_symlink()
    }
    holders = {
        path.name for path, text in texts.items() if machine.instance.secret.encode() in text
    }
    assert holders <= {f"{machine.instance.id}", "environ"}
    for path in (machine.leases / "watchdog.log", machine.leases / f"{machine.instance.id}"):
        assert not path.exists() or stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(machine.world.committed("destroy")) <= 1


# ── The packed text ────────────────────────────────────────────────────────────────────────────


def run(
    shell: list[str], text: str, folder: Path, **own: str
) -> subprocess.CompletedProcess[bytes]:
    """The text in a file, read by a shell; its pipes are read to their end."""
    (folder / "onstart.sh").write_bytes(text.encode())
    (folder / "tmp").mkdir(exist_ok=True)
    program = [shutil.which(shell[0]) or shell[0], *shell[1:]]
    return subprocess.run(
        [*program, "onstart.sh"],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "TMPDIR": str(folder / "tmp"), "HOME": str(folder), **own},
        capture_output=True,
        check=False,
        timeout=20,
        stdin=subprocess.DEVNULL,
    )


def watched(script: str | None, folder: Path, base_url: str = "http://127.0.0.1:9") -> str:
    """With a watchdog that ends at once where nothing gives it an id to delete by."""
    return guarded(
        script,
        until=4_000_000_000,
        base_url=base_url,
        habits=Habits(folder=str(folder / "l"), environ=str(folder / "none")),
    )


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest) -> list[str]:
    return SHELLS[request.param]


SCRIPT = "export TOKEN='a b'\nplain=1\ngreet() { echo hello; }\ncd /\nset -u\n"
AFTER = 'echo "$TOKEN $plain $PWD"; greet; sh -c \'echo "$TOKEN"\'; wait; echo "${!-none}"\n'


def test_a_script_without_a_shebang_is_sourced_and_knows_of_no_watchdog(
    shell: list[str], tmp_path: Path
) -> None:
    """What it exports and defines is there afterwards; `wait` and `$!` are its own."""
    done = run(shell, watched(SCRIPT, tmp_path) + AFTER, tmp_path)
    assert done.stdout == b"a b 1 /\nhello\na b\nnone\n"
    [path] = (tmp_path / "tmp").iterdir()
    assert path.read_bytes() == SCRIPT.encode()


def test_a_script_with_a_shebang_is_run_by_it(shell: list[str], tmp_path: Path) -> None:
    """As packing.packed does; a VM starts an onstart by its shebang (A.5), so it comes
    before the watchdog.
    """
    script = "#!/usr/bin/env python3\nimport sys\nprint('inside', len(sys.argv))\nsys.exit(7)\n"
    text = watched(script, tmp_path)
    done = run(shell, text, tmp_path)
    assert (done.stdout, done.returncode) == (b"inside 1\n", 7)
    assert b"cannot delete" in done.stderr
    assert text.startswith("#!/bin/sh\n")
    assert watched(None, tmp_path).startswith("#!/bin/sh\n")
    assert not watched(SCRIPT, tmp_path).startswith("#!")


@pytest.mark.parametrize("shebang", ["", "#!/bin/sh\n"])
@pytest.mark.parametrize(
    ("end", "status"), [("exit 3\n", 3), ("false\n", 1), ("set -e\nfalse\necho on\n", 1)]
)
def test_its_status_is_the_scripts_own(
    shell: list[str], tmp_path: Path, shebang: str, end: str, status: int
) -> None:
    """The person's script ends as it would without the watchdog."""
    done = run(shell, watched(f"{shebang}echo begin\n{end}", tmp_path), tmp_path)
    assert (done.returncode, done.stdout) == (status, b"begin\n")


def test_a_watchdog_that_cannot_start_says_so_and_keeps_no_script_from_running(
    shell: list[str], tmp_path: Path
) -> None:
    """Its text arrived damaged; under set -eu, too."""
    text = watched("echo ran\n", tmp_path)
    data = text.split("echo ")[1].split("|")[0]
    done = run(shell, "set -eu\n" + text.replace(data, data[:40], 1), tmp_path)
    assert (done.stdout, done.returncode) == (b"ran\n", 0)
    assert b"vast-mcp: no watchdog" in done.stderr
    assert not (tmp_path / "l").exists()


def test_whoever_waits_for_the_end_of_the_output_gets_it(shell: list[str], tmp_path: Path) -> None:
    """The watchdog lives on in the background, and holds no pipe for longer than its first look."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        text = watched("echo ran\n", tmp_path, f"http://127.0.0.1:{nobody.getsockname()[1]}")
        done = run(shell, text, tmp_path, CONTAINER_ID="1", CONTAINER_API_KEY="k")
        number = int((tmp_path / "l" / "pid").read_text(encoding="utf-8"))
        os.kill(number, signal.SIGKILL)
    assert (done.stdout, done.returncode) == (b"ran\n", 0)
    assert b"read failed" in done.stderr


@pytest.mark.parametrize(
    "own", [("x", "k"), ("1", 'k"\nurl=http://127.0.0.1'), ("1", ""), ("", "k"), ("1:2", "k")]
)
def test_an_id_or_a_key_that_is_none_is_never_sent(tmp_path: Path, own: tuple[str, str]) -> None:
    """Both stand in a client's configuration and address."""
    done = run(
        SHELLS["dash"],
        watched(None, tmp_path),
        tmp_path,
        CONTAINER_ID=own[0],
        CONTAINER_API_KEY=own[1],
    )
    assert b"cannot delete: no client, id or key" in done.stderr


def test_the_same_arguments_give_the_same_text() -> None:
    """Gzip with mtime 0, so that nothing of the clock is in it (docs/protocol.md)."""
    texts = {
        guarded("echo\n", until=1_795_000_000, base_url="https://vast.invalid/") for _ in range(2)
    }
    [text] = texts
    assert text.isascii()
    assert (
        "vast-mcp 1795000000 https://vast.invalid /var/tmp/vast-mcp 900 600 /proc/1/environ|"
        in text
    )
    assert text.endswith(packed("echo\n"))


def test_the_watchdog_leaves_room_for_a_script() -> None:
    """4048 characters with both; what it takes is said, and does not hang on the script
    (docs/vast-api.md A.2).
    """
    lines = [f"apt-get install -y package-{n} && echo 'step {n} is done'\n" for n in range(100)]
    texts = {
        script: len(guarded(script, until=1_795_000_000, base_url="https://console.vast.ai"))
        for script in ("echo\n", "#!/bin/sh\n", "".join(lines))
    }
    assert all(size - len(packed(script)) == cost() for script, size in texts.items())
    assert cost() <= 2_510
    assert max(texts.values()) <= ONSTART_MAX
