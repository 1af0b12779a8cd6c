"""The watchdog, run for real: every shell and client that a machine may have, against a sandbox
on loopback.

Some machines live at once, each with a world of its own; they mostly wait. Their deadlines are
seconds ahead by their world's clock, which may be an hour off from this computer's.
"""

from __future__ import annotations

import contextlib
import json
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
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount

from house import DEAD, sampled
from vast_mcp.leases import guards
from vast_mcp.leases.labels import ENDLESS, leased
from vast_mcp.leases.packing import ONSTART_MAX, packed
from vast_mcp.leases.watchdog import USUAL, Habits, cost, guarded
from vast_mcp.sandbox.instances import Instance
from vast_mcp.sandbox.replies import Refusal
from vast_mcp.sandbox.routes import create_app
from vast_mcp.sandbox.world import World

pytestmark = [pytest.mark.processes, pytest.mark.timeout(200)]

SHELLS = {
    name: command
    for name, command in {"dash": ["dash"], "bash": ["bash"], "busybox": ["busybox", "sh"]}.items()
    if shutil.which(command[0])
}
# What else an image may have as its sh: each has one machine, where it is here.
RARE = {name: [name] for name in ("mksh", "ksh", "yash", "zsh") if shutil.which(name)}
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
MORE_TOOLS = ("timeout", "printf", "echo", "[")  # used where they are: to some shells, programs
TOKEN = "#0123456789abcdef"
AHEAD_S = 4  # from the start of a machine to its deadline
LATER_S = 3  # what an extension adds
RETRY_S = 2
LATE_S = (
    60  # what two busy cores may need for all machines; an hour is what the clocks are wrong by
)
LIFE_S = 180  # no watchdog outlives its test by more, whatever becomes of the test
HOUR_S = 3600
AT_ONCE = 20  # machines, so that a small computer keeps up with them
TEN_YEARS_S = 10 * 365 * 86_400


def a_path(folder: Path, shell: str, client: str | None) -> Path:
    """A folder of programs: the shell's own tools, busybox's wget with busybox, and one client
    or none.
    """
    folder.mkdir()
    busybox = shutil.which("busybox")
    for name in (*TOOLS, *(MORE_TOOLS if shell != "dash" else ())):
        (folder / name).symlink_to(busybox if shell == "busybox" else shutil.which(name))
    if shell == "busybox" and client != "wget":
        (folder / "wget").symlink_to(busybox)
    (folder / "sh").symlink_to(shutil.which((SHELLS | RARE)[shell][0]))
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
    until_log: str = r" (delete (done|gone)|stop \w+ \d*)\b"  # its scenario is over
    outlives: float | None = None  # nor is it over before so many seconds after its deadline
    ahead: int = AHEAD_S
    made_before: int | None = 0  # seconds from the rent to the start; None: the time is not told
    retry_s: int = RETRY_S
    more: dict[str, str] = field(default_factory=dict[str, str])  # of the image's environment
    own_key: str = "environment"  # or "file", "wrong", "none"
    no_folder: bool = False  # the folder for leases cannot be made
    served: bool = True
    log_file: bool = True
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
        if not self.log_file:  # its key stands in /dev/shm by this name
            instances, own = self.world.instances, 10**9 + os.getpid()
            instances[own] = instances.pop(self.instance.id)
            self.instance.id = own

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
        (self.folder / "fd").mkdir()  # of the first process
        if self.no_folder:
            (self.folder / "leases").write_text("a file\n", encoding="utf-8")
        if self.arrange:
            self.arrange(self)
        self.boot()
        self.quick = not self.looked

    def boot(self) -> None:
        """Run the onstart as the service does, at every boot."""
        made = None
        if self.made_before is not None:
            made = self.until - self.ahead - self.made_before
        onstart = guarded(
            self.script,
            until=self.until,
            base_url=self.place,
            made=made,
            habits=Habits(
                folder=str(self.folder / "leases"),
                retry_s=self.retry_s,
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
            **self.more,
        }
        own = {"CONTAINER_ID": str(self.instance.id), "CONTAINER_API_KEY": self.instance.secret}
        if self.own_key == "environment":
            environ |= own
        elif self.own_key == "wrong":
            environ |= own | {"CONTAINER_API_KEY": "nobodys-key"}
        elif self.own_key == "file":
            text = "\0".join(f"{name}={value}" for name, value in {"A": "b\nc", **own}.items())
            (self.folder / "environ").write_text(f"{text}\0", encoding="utf-8")
        first, *options = (SHELLS | RARE)[self.shell]
        program = [shutil.which(first), *options]
        with (self.folder / "stdout").open("ab") as out, (self.folder / "stderr").open("ab") as err:
            self.done = subprocess.run(
                [*program, path],
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                check=False,
                timeout=150,
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
        if not self.log_file:
            return self.instance.destroyed_at is not None
        if self.outlives is not None and self.now() < self.until + self.outlives:
            return False
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
        """End the watchdog, which nothing else ends: every process that has its folder in its
        arguments, the one that bounds it among them.
        """
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError, ValueError):
                if f"{self.leases}".encode() in path.read_bytes().split(b"\0"):
                    os.kill(int(path.parent.name), signal.SIGKILL)
        if not self.log_file:
            Path(f"/dev/shm/{self.instance.id}").unlink(missing_ok=True)


def by_label(machine: Machine) -> None:
    label = leased(machine.instance.label or "", machine.until + LATER_S)
    machine.world.set_label(machine.instance.id, label)


def called_off(machine: Machine) -> None:
    """Its label says that it has no end."""
    label = leased(machine.instance.label or "", ENDLESS)
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


def down(
    times: int | None, kind: str = "html503", endpoint: str = "*", **detail: Any
) -> Callable[[Machine], None]:
    def arrange(machine: Machine) -> None:
        machine.world.faults.add(endpoint, kind, times, **detail)

    return arrange


PAGE = "<html><head><title>Please log in</title></head><body>auth_error, no_such_instance</body>"


def page(status: int, times: int | None = None) -> Callable[[Machine], None]:
    """What a gateway says instead of Vast."""
    return down(times, "status", status=status, text=PAGE, content_type="text/html")


def dated(after_s: int, **detail: Any) -> Callable[[Machine], None]:
    """One reply to the first look that is dated so long after now."""

    def arrange(machine: Machine) -> None:
        date = formatdate(machine.now() + after_s, usegmt=True)
        machine.world.faults.add("show", "status", 1, headers={"Date": date}, **detail)

    return arrange


REFUSED = {"success": False, "error": "auth_error", "msg": "This action requires login."}


def shown(
    machine: Machine, text: str, *, status: int = 200, kind: str = "application/json"
) -> None:
    """The next look at its row gets this."""
    detail = {"status": status, "text": text, "content_type": kind}
    machine.world.faults.add("show", "status", 1, **detail)


def in_other_forms(machine: Machine) -> None:
    """Its label is moved with each look, and its row comes in another form each time."""
    for number, form in enumerate(FORMS.values(), 1):
        label = leased(machine.instance.label or "", machine.until + number * LATER_S)
        shown(machine, form(machine.instance.id, json.dumps(label)))


def not_as_vast_does(machine: Machine) -> None:
    """Its label was moved, and what is read first is no row of it, or half of one."""
    label = leased(machine.instance.label or "", machine.until + LATER_S)
    machine.world.set_label(machine.instance.id, label)
    for form in OTHERS.values():
        shown(machine, form(machine.instance.id, json.dumps(label)))
    for status in (200, 404):
        shown(machine, PAGE, status=status, kind="text/html")


FORMS: dict[str, Callable[[int, str], str]] = {
    "label first": lambda i, label: f'{{"instances":{{"label":{label},"ports":{{}},"id":{i}}}}}',
    "label last": lambda i, label: f'{{"ok":1, "instances": {{"id": {i}, "label": {label}}}}}',
    "many lines": lambda i, label: (
        f'{{\r\n\t"instances" :\n{{\n  "id" :\t{i},\n  "label" : {label}\n}}\n}}\n'
    ),
    "a list of one": lambda i, label: f'{{"instances": [{{"id": {i}, "label": {label}}}]}}',
    "a status line inside": lambda i, label: (
        f'{{"instances":{{"status_msg":"; HTTP/1.1 502 \u2013 HTTP/2 403 ",'
        f'"id":{i},"label":{label}}}}}'
    ),
    "an id as text": lambda i, label: f'{{"instances": {{"label": {label}, "id": "{i}"}}}}',
    "another label inside": lambda i, label: (
        f'{{"instances":{{"id":{i},"label":{label},"volume_info":[{{"label":"data"}}],"search":{{}}}}}}'
    ),
}

OTHERS: dict[str, Callable[[int, str], str]] = {
    "another machine": lambda i, label: f'{{"instances":{{"id":{i}0,"label":{label}}}}}',
    "no label": lambda i, _label: f'{{"instances":{{"id":{i},"machine_id":{i}}}}}',
    "half a label": lambda i, label: f'{{"instances":{{"id":{i},"label":{label[:-20]}',
    "none": lambda _i, _label: '{"instances": null}',
    "a portal": lambda _i, _label: '{"success":true}',
}


def a_full_disk(machine: Machine) -> None:
    """What is written anywhere in its folders finds no room."""
    number = machine.instance.id
    for folder in (machine.folder / "leases", machine.folder / "vast-mcp"):
        folder.mkdir()
        (folder / f"{number}").symlink_to("/dev/full")
        for name in ("watchdog.log", f"pid-{number}"):
            (folder / name).symlink_to("/nowhere/at/all")


def a_wrong_clock(machine: Machine) -> None:
    """Its own clock is ten years ahead, and nothing but DELETE can be read of the API."""
    date = machine.folder / "bin" / "date"
    real = shutil.which("date")
    date.unlink()
    date.write_text(
        f'#!/bin/sh\n[ "$*" = +%s ] && echo $(($({real} +%s)+{TEN_YEARS_S})) && exit\n'
        f'exec {real} "$@"\n',
        encoding="utf-8",
    )
    date.chmod(0o755)
    unread(machine)


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
TWICE = r"(?s) stop .* stop "
# What an image may export: our own variables' names, startup files, a locale that is not there.
ODD = {
    **dict.fromkeys("ABCDEFHIKLNOPQRSTUWXYZcdhjmprsuw", "1"),
    **dict.fromkeys(("ENV", "BASH_ENV", "CURL_HOME", "WGETRC", "PYTHONHOME"), "/nowhere"),
    "IFS": "/0-",
    "LC_ALL": "xx",
    "TZ": "Foo+27",
    "LINES": "a\nexport IFS=/\nexport W=1\n",
}
PROXIES = dict.fromkeys(
    ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"), DEAD
)


PAIRS = [(shell, client) for shell in SHELLS for client in CLIENTS]
# Each shell and each client once, which is where they differ; every pair is extended.
SOME = sampled(PAIRS, len(CLIENTS) + 1)


def matrix() -> dict[str, Machine]:
    """Every shell with every client: extended; and some deleted on time, and without the right to
    read.
    """
    made: dict[str, Machine] = {}
    for number, (shell, client) in enumerate(PAIRS):
        pair, off = f"{shell}-{client}", HOUR_S if number % 2 else -HOUR_S
        made[f"{pair}-extended"] = Machine(shell, client, clock_off=-off, told=by_label)
        if (shell, client) not in SOME:
            continue
        made[f"{pair}-on time"] = Machine(shell, client, clock_off=off, made_before=2 * HOUR_S)
        status = {"own_key_status": 401 if client == "curl" else 403}
        made[f"{pair}-unreadable"] = Machine(
            shell, client, NO_READ | status, told=by_file, clock_off=off
        )
    for shell in SHELLS:
        made[f"{shell}-none-nothing"] = Machine(shell, None, until_log="read failed")
    for shell in (*SHELLS, *RARE):
        made[f"{shell}-curl-called off"] = Machine(
            shell, "curl", told=called_off, until_log="label extends", outlives=LATER_S
        )
    for shell in RARE:
        made[f"{shell}-curl-on time"] = Machine(shell, "curl", made_before=2 * HOUR_S)
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
        "time not told": Machine("bash", "curl", made_before=None),
        **{
            f"page {status}": Machine(
                "dash",
                "curl",
                arrange=page(status),
                told=up_again,
                told_when="delete failed",
                until_log=" delete done ",
            )
            for status in (401, 403)
        },
        "page ahead of its time": Machine(
            "bash", "curl", arrange=dated(TEN_YEARS_S, status=403, text=PAGE)
        ),
        "refusal ahead of its time": Machine(
            "dash", "curl", arrange=dated(TEN_YEARS_S, status=403, body=REFUSED)
        ),
        "wrong clock": Machine("dash", "curl", arrange=a_wrong_clock),
        **{
            f"dead proxy {client}": Machine("bash", client, more=dict(PROXIES))
            for client in CLIENTS
        },
        "broken preload": Machine("bash", "curl", more={"LD_PRELOAD": "/nowhere.so"}),
        **{
            f"odd variables {shell}": Machine(
                shell, client, more={**ODD, **PROXIES, "SHELLOPTS": "errexit:nounset:xtrace"}
            )
            for shell, client in SOME
        },
        "full disk": Machine("dash", "wget", arrange=a_full_disk, log_file=False),
        "other forms": Machine("dash", "curl", told=in_other_forms),
        "no forms": Machine("bash", "curl", arrange=not_as_vast_does, ahead=2, retry_s=60),
        "earlier": Machine("bash", "wget", arrange=earlier),
        "unlike a lease": Machine("dash", "curl", arrange=unlike_a_lease),
        "too long": Machine("bash", "curl", arrange=too_long),
        "copied disk": Machine("dash", "wget", arrange=a_copied_disk),
        "broken curl": Machine("dash", "wget", arrange=a_broken_curl),
        "refused after a failure": Machine("dash", "curl", NO_READ, arrange=down(1)),
        "quoted": Machine("dash", "python3", arrange=quoted),
        "quoted in bash": Machine("bash", "wget", arrange=quoted),
        "may not delete": Machine("dash", "curl", lacks),
        "may do nothing": Machine("bash", "wget", neither, until_log=TWICE),
        "wrong key": Machine(
            "bash", "python3", {"api_keys": {"another"}}, own_key="wrong", until_log=TWICE
        ),
        "deleted elsewhere": Machine("dash", "curl", told=deleted_elsewhere),
        "after its deadline": Machine("bash", "curl", ahead=-60),
        "an older boot": Machine("dash", "curl", arrange=an_older_boot, own_key="file"),
        "booted twice": Machine("dash", "curl", told=Machine.boot),
        "no key": Machine("dash", "curl", own_key="none", until_log="no id or key"),
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
        if machine.shell in SHELLS | RARE and machine.client in {None, *CLIENTS}
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
        todo = list(enumerate(EVERY.items()))
        waiting: dict[str, Machine] = {}
        deadline = time.monotonic() + 150
        while (todo or waiting) and time.monotonic() < deadline:
            while todo and len(waiting) < AT_ONCE:
                number, (name, machine) = todo.pop(0)
                place = later if machine.late else listener if machine.served else nobody
                stack.callback(machine.stop)
                machine.start(f"http://127.0.0.1:{place.getsockname()[1]}/{number}")
                waiting[name] = machine
            for name, machine in list(waiting.items()):
                if machine.world.faults.hanging and not machine.command_lines:
                    machine.spy()
                if machine.told and machine.told_when in machine.log:
                    machine.tell()
                if machine.late and machine.looked:
                    stack.enter_context(serving(worlds, later))
                    machine.late = False
                if machine.ended:
                    machine.stop()
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


@pytest.mark.parametrize(("shell", "client"), SOME)
@pytest.mark.thorough
def test_a_machine_is_deleted_on_time_by_a_clock_an_hour_wrong(
    machines: dict[str, Machine], shell: str, client: str
) -> None:
    """Absolute deadline, the host's clock corrected by the API's Date, all of it logged."""
    machine = machines[f"{shell}-{client}-on time"]
    assert on_time(machine)
    assert f"read done 200 {client}," in machine.log
    assert time.strftime("%H:%M:%S UTC %Y", time.gmtime(machine.until)) in machine.log


@pytest.mark.parametrize("shell", RARE)
@pytest.mark.thorough
def test_other_shells_keep_the_watch_too(machines: dict[str, Machine], shell: str) -> None:
    """An image's sh is what the image has."""
    assert on_time(machines[f"{shell}-curl-on time"])


@pytest.mark.parametrize(("shell", "client"), PAIRS)
def test_a_later_label_moves_the_deadline(
    machines: dict[str, Machine], shell: str, client: str
) -> None:
    """The lease file keeps what the label said, for a boot at which the label cannot be read."""
    machine = machines[f"{shell}-{client}-extended"]
    assert on_time(machine, LATER_S)
    assert "label extends" in machine.log
    assert machine.lease_file.read_text(encoding="utf-8") == f"{machine.until + LATER_S}\n"
    if shell != "dash":  # whose machines have no timeout, without which no other log is written
        [line] = [line for line in machine.said("fd/2").splitlines() if "label extends" in line]
        assert guards.last_end([line]) == machine.until + LATER_S


@pytest.mark.parametrize("shell", [*SHELLS, *RARE])
def test_no_end_calls_a_watchdog_off(machines: dict[str, Machine], shell: str) -> None:
    """By a time that is later than any lease, and that every shell and its date can count to."""
    machine = machines[f"{shell}-curl-called off"]
    assert machine.instance.destroyed_at is None
    assert " delete " not in machine.log
    assert guards.last_end(machine.log.splitlines()) == ENDLESS
    assert machine.lease_file.read_text(encoding="utf-8") == f"{ENDLESS}\n"


@pytest.mark.parametrize(("shell", "client"), SOME)
def test_without_the_right_to_read_the_lease_file_alone_moves_the_deadline(
    machines: dict[str, Machine], shell: str, client: str
) -> None:
    """Sources differ on that right; the first boot says so, where the machine's log shows it."""
    machine = machines[f"{shell}-{client}-unreadable"]
    assert on_time(machine, LATER_S)
    status = machine.options["own_key_status"]
    for text in (machine.log, machine.said("stderr")):
        assert f"read refused {status}" in text
    assert "file extends" in machine.log


@pytest.mark.parametrize("shell", SHELLS)
def test_without_a_client_the_machine_says_that_it_cannot_delete_itself(
    machines: dict[str, Machine], shell: str
) -> None:
    """Busybox's wget cannot send DELETE and counts as none; logged, the outer half only."""
    machine = machines[f"{shell}-none-nothing"]
    for text in (machine.log, machine.said("stderr")):
        assert re.search("read failed  -python3 curl: .*(not found|No such)", text)
    assert not machine.world.requests


@pytest.mark.parametrize("name", ["down for a while", "down since boot", "refused connections"])
def test_an_api_that_is_down_for_a_while_is_asked_again(
    machines: dict[str, Machine], name: str
) -> None:
    """Network errors are tried again; and the clock is wrong only until the first answer."""
    machine = machines[name]
    assert on_time(machine)
    assert re.search(r"read failed (503|429|) ", machine.log)


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
    assert machine.log.count("delete failed  ") >= 2
    assert not machine.world.requests


@pytest.mark.parametrize("status", [401, 403])
def test_a_page_that_is_not_vasts_ends_no_watch(machines: dict[str, Machine], status: int) -> None:
    """A gateway's or a proxy's, with Vast's words in it, around the end of the lease."""
    machine = machines[f"page {status}"]
    assert on_time(machine, RETRY_S)
    assert re.search(f"delete failed {status} .*curl: {status} ", machine.log)  # how it began


@pytest.mark.parametrize("kind", ["page", "refusal"])
def test_one_reply_with_a_date_ten_years_ahead_ends_nothing_early(
    machines: dict[str, Machine], kind: str
) -> None:
    """Only what answers as Vast does is asked for the time, and two such replies agree on it."""
    machine = machines[f"{kind} ahead of its time"]
    assert on_time(machine)
    assert ("read odd refused 403" in machine.log) == (kind == "refusal")


def test_a_machine_whose_own_clock_is_ten_years_ahead_lives_as_long_as_it_may(
    machines: dict[str, Machine],
) -> None:
    """Also where Vast never tells the time: what has passed since the rent is counted."""
    machine = machines["wrong clock"]
    assert on_time(machine, RETRY_S)
    assert "read done" not in machine.log


def test_where_nobody_said_when_it_was_rented_vast_says_what_time_it_is(
    machines: dict[str, Machine],
) -> None:
    """The script can be started by hand."""
    assert on_time(machines["time not told"])


@pytest.mark.parametrize(
    "broken",
    [
        "broken preload",
        *(f"dead proxy {client}" for client in CLIENTS),
        *(f"odd variables {shell}" for shell, _ in SOME),
    ],
)
def test_what_is_broken_in_the_images_environment_is_done_without(
    machines: dict[str, Machine], broken: str
) -> None:
    """An image may bring any variable; the environment is tried first, then none."""
    machine = machines[broken]
    assert on_time(machine)
    assert (" -" in machine.log) == (broken != "broken preload")


def test_a_full_disk_saves_no_machine(machines: dict[str, Machine]) -> None:
    """wget alone needs a file, for the key: it is in memory then, and the owner's only."""
    machine = machines["full disk"]
    after = machine.destroyed_after
    assert after is not None
    assert 0 <= after <= LATE_S


def test_a_row_in_another_form_is_read(machines: dict[str, Machine]) -> None:
    """Order, blanks and what else is in a row are Vast's own affair."""
    machine = machines["other forms"]
    assert on_time(machine, LATER_S * len(FORMS))
    assert machine.log.count("label extends") == len(FORMS)


def test_what_is_not_this_machines_whole_row_is_read_again_and_ends_nothing(
    machines: dict[str, Machine],
) -> None:
    """Half a row may lack the later lease, and a null may be said of a living machine once
    (docs/vast-api.md C.1).
    """
    machine = machines["no forms"]
    assert on_time(machine, LATER_S)
    assert len(re.findall(r"read (?:failed|gone) [24]0", machine.log)) >= len(OTHERS) + 2
    assert machine.log.index(" label extends") < machine.log.index(" delete ")


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
    assert "read done 200 wget," in machine.log


def test_that_a_label_cannot_be_seen_is_said_when_reading_is_first_refused(
    machines: dict[str, Machine],
) -> None:
    """Also where the first look failed otherwise."""
    machine = machines["refused after a failure"]
    assert on_time(machine)
    assert re.search(r"(?s)read failed 503.*read refused 403", machine.log)


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
def test_a_machine_that_may_do_nothing_says_so_and_tries_on(
    machines: dict[str, Machine], name: str, status: int
) -> None:
    """A wrong key is a 404 here, and no proof that a machine is gone (docs/vast-api.md I)."""
    machine = machines[name]
    assert len(re.findall(f"delete (?:refused|failed) {status}", machine.log)) >= 2
    assert len(re.findall(f"stop (?:refused|failed) {status}", machine.log)) >= 2
    assert machine.instance.alive


def test_a_machine_that_is_gone_needs_nothing(machines: dict[str, Machine]) -> None:
    """A row can be unreadable for a while (C.1): what is not there is deleted all the same."""
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
    assert [request.method for request in machine.world.requests][:3] == ["GET", "GET", "DELETE"]


def test_a_second_boot_leaves_one_watchdog(machines: dict[str, Machine]) -> None:
    """The newest owns the machine; a pid of an earlier boot is nobody's."""
    machine = machines["booted twice"]
    assert machine.log.count(": later ") == 1
    assert machine.log.count(" delete done") == 1
    assert on_time(machine)
    assert on_time(machines["an older boot"])
    assert ": later " not in machines["an older boot"].log


def test_the_key_comes_from_the_first_processs_environment_too(
    machines: dict[str, Machine],
) -> None:
    """The machine's own key may stand there only; without any the watchdog says so."""
    assert machines["an older boot"].own_key == "file"
    assert on_time(machines["an older boot"])
    assert "no id or key" in machines["no key"].said("stderr")


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
        assert not path.is_file() or stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(machine.world.committed("destroy")) <= 1


def test_it_tries_on_more_rarely_and_never_more_rarely_than_it_may(tmp_path: Path) -> None:
    """Ten minutes at most, and a minute here; nothing answers, and nobody waits."""
    path = a_path(tmp_path / "bin", "dash", "curl")
    (path / "setsid").unlink()  # the one that bounds a life holds its output
    (path / "sleep").unlink()
    (path / "sleep").write_text(
        f"#!/bin/sh\necho $1 >>{tmp_path}/slept\nexec {shutil.which('sleep')} 0.01\n",
        encoding="utf-8",
    )
    (path / "sleep").chmod(0o755)
    habits = Habits(folder=str(tmp_path / "l"), retry_s=0, chunk_s=60)
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        text = guarded(None, until=100, base_url=address, made=100, habits=habits)
        own = {"PATH": str(path), "CONTAINER_ID": "1", "CONTAINER_API_KEY": "k"}
        run(SHELLS["dash"], text, tmp_path, **own)
        slept: list[int] = []
        try:
            while slept.count(60) < 2:
                time.sleep(0.05)
                if (tmp_path / "slept").exists():
                    slept = [int(line) for line in (tmp_path / "slept").read_text().split()]
        finally:
            os.kill(int((tmp_path / "l" / "pid-1").read_text(encoding="utf-8")), signal.SIGKILL)
    assert slept[0] == 9
    assert slept == sorted(slept)
    assert slept[-1] == max(slept) == 60
    assert USUAL.chunk_s == 600


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
        timeout=150,
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
    assert b"no id or key" in done.stderr
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
        number = int((tmp_path / "l" / "pid-1").read_text(encoding="utf-8"))
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
    assert b"no id or key" in done.stderr


def test_the_same_arguments_give_the_same_text() -> None:
    """Gzip with mtime 0, so that nothing of the clock is in it (docs/protocol.md)."""
    texts = {
        guarded("echo\n", until=1_795_000_000, base_url="https://vast.invalid/", made=1_794_000_000)
        for _ in range(2)
    }
    [text] = texts
    assert text.isascii()
    assert (
        "vast-mcp 1795000000 https://vast.invalid /var/tmp/vast-mcp 900 600 /proc/1/environ "
        "1794000000||" in text
    )
    assert text.endswith(packed("echo\n"))


def test_the_watchdog_leaves_room_for_a_script() -> None:
    """4048 characters with both; what it takes is said, and does not hang on the script
    (docs/vast-api.md A.2).
    """
    lines = [f"apt-get install -y package-{n} && echo 'step {n} is done'\n" for n in range(100)]
    texts = {
        script: len(
            guarded(
                script,
                until=1_795_000_000,
                base_url="https://console.vast.ai",
                made=1_794_000_000,
            )
        )
        for script in ("echo\n", "#!/bin/sh\n", "".join(lines))
    }
    assert all(size - len(packed(script)) == cost() for script, size in texts.items())
    assert cost() <= 2_740
    assert max(texts.values()) <= ONSTART_MAX
