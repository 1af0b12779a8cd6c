"""A real OpenSSH server for tests: as an ordinary user, on loopback, in a folder of its own.

A listener of ours starts `sshd -i` for each guest, as inetd does: no port is guessed, nothing is
waited for, and what it counts is who came.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

PROGRAM = shutil.which("sshd") or "/usr/sbin/sshd"
MISSING = next(
    (name for name in (PROGRAM, "ssh-agent", "ssh-add", "ssh-keygen") if not shutil.which(name)),
    None,
)
if MISSING and os.environ.get("CI") == "true":
    pytest.fail(f"{MISSING} is not here, and CI installs openssh-server", pytrace=False)

needs_openssh = pytest.mark.skipif(MISSING is not None, reason=f"{MISSING} is not here")

NOBODY = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
USER = "nobody" if NOBODY else pwd.getpwuid(os.geteuid()).pw_name  # who can be let forward
AS_NOBODY = (
    ["setpriv", f"--reuid={NOBODY.pw_uid}", f"--regid={NOBODY.pw_gid}", "--clear-groups"]
    if NOBODY
    else []
)
# Where root logs in, commands run: only root serves root, and sshd wants this folder for that.
SHUT_IN = Path("/run/sshd")
NO_WORK = MISSING or (None if NOBODY and SHUT_IN.is_dir() else f"root with {SHUT_IN}")
if NO_WORK and os.environ.get("CI") == "true":
    pytest.fail(f"{NO_WORK} is not here, and CI has it", pytrace=False)

needs_root_to_serve = pytest.mark.skipif(NO_WORK is not None, reason=f"{NO_WORK} is not here")

CONFIG = """\
AuthorizedKeysFile {folder}/authorized_keys
PidFile none
StrictModes no
UsePAM yes
PermitRootLogin yes
PasswordAuthentication no
KbdInteractiveAuthentication no
LogLevel QUIET
"""

# A machine's own home, under the test's folder: no command and no file reaches root's.
AT_HOME = """\
SetEnv HOME={home}
Subsystem sftp internal-sftp -d {home}
ForceCommand {folder}/at_home
"""
ENTRY = """\
#!/bin/sh
cd '{home}' || exit 125
case $SSH_ORIGINAL_COMMAND in
    '') exec sh -l ;;
    internal-sftp*) exec /usr/lib/openssh/sftp-server -d '{home}' ;;
    *) exec sh -c "$SSH_ORIGINAL_COMMAND" ;;
esac
"""


class Sshd:
    """One server: its port, its keys, and how many guests came. With a `home`, it serves root, who
    may run commands and move files: in that folder, which is a machine's whole disk to a test.
    """

    def __init__(
        self,
        folder: Path,
        kinds: Sequence[str] = ("ed25519", "ecdsa"),
        home: Path | None = None,
    ) -> None:
        self.folder = folder
        self._home = home
        self.guests = 0
        self._kinds = list(kinds)
        self._children: list[subprocess.Popen[bytes]] = []
        self.configure()
        self.authorize()
        self.new_host_keys()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def configure(self, *more: str) -> None:
        """Have these lines in its configuration too."""
        lines = CONFIG.format(folder=self.folder)
        if self._home is not None:
            self._write("at_home", ENTRY.format(home=self._home))
            (self.folder / "at_home").chmod(0o755)
            lines += AT_HOME.format(home=self._home, folder=self.folder)
        self._write("sshd_config", lines + "\n".join(more) + "\n")

    def authorize(self, *lines: str) -> None:
        """Let in who has one of these keys, and nobody else."""
        self._write("authorized_keys", "".join(f"{line}\n" for line in lines))

    def trust_authority(self, line: str) -> None:
        """Let in who has a certificate of this authority."""
        self._write("authorities", f"{line}\n")
        self.configure(f"TrustedUserCAKeys {self.folder}/authorities")

    def new_host_keys(self, kinds: Sequence[str] | None = None) -> None:
        """Make its host keys anew, of the same kinds or of these."""
        self._kinds = list(kinds or self._kinds)
        for old in self.folder.glob("host_*"):
            old.unlink()
        for kind in self._kinds:
            self._own(keygen(self.folder / f"host_{kind}", kind))

    def add_host_key(self, kind: str) -> None:
        """Have one more kind."""
        self._own(keygen(self.folder / f"host_{kind}", kind))
        self._kinds.append(kind)

    def host_key(self, kind: str) -> str:
        """A host key's public half, as `TYPE BASE64`."""
        text = (self.folder / f"host_{kind}.pub").read_text("utf-8")
        return " ".join(text.split()[:2])

    def close(self) -> None:
        """Turn everybody out."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for child in self._children:
            child.kill()
            child.wait()

    def _serve(self) -> None:
        while True:
            try:
                guest, _ = self._socket.accept()
            except OSError:
                return
            self.guests += 1
            with guest:
                self._children.append(self._host(guest))

    def _host(self, guest: socket.socket) -> subprocess.Popen[bytes]:
        keys = [word for kind in self._kinds for word in ("-h", str(self.folder / f"host_{kind}"))]
        who = ["setpriv", f"--reuid={NOBODY.pw_uid}", f"--regid={NOBODY.pw_gid}", "--clear-groups"]
        return subprocess.Popen(
            [
                *(who if NOBODY and self._home is None else []),
                PROGRAM,
                "-i",
                "-e",
                *keys,
                "-f",
                self.folder / "sshd_config",
            ],
            stdin=guest,
            stdout=guest,
            stderr=subprocess.DEVNULL,
            cwd=self.folder,
        )

    def _write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text, "utf-8")
        self._own(self.folder / name)

    def _own(self, path: Path) -> None:
        if NOBODY and self._home is None:
            os.chown(path, NOBODY.pw_uid, NOBODY.pw_gid)


def ssh_keygen(*words: str | Path) -> None:
    """Run ssh-keygen, without a word."""
    subprocess.run(["ssh-keygen", "-q", *words], check=True, capture_output=True, input=b"")


def keygen(path: Path, kind: str = "ed25519", passphrase: str = "") -> Path:
    """A new private key file, with its public half beside it."""
    more = ["-b", "2048"] if kind == "rsa" else []
    ssh_keygen("-t", kind, *more, "-N", passphrase, "-C", "test", "-f", path)
    return path


def public_line(path: Path) -> str:
    """The public half of a private key file."""
    return path.with_name(f"{path.name}.pub").read_text("utf-8").strip()


@contextlib.contextmanager
def agent(folder: Path, *keys: Path, passphrase: str = "") -> Iterator[str]:
    """An agent that holds these keys; its socket."""
    path = folder / "agent"
    with subprocess.Popen(["ssh-agent", "-D", "-a", path], stdout=subprocess.PIPE) as started:
        try:
            assert started.stdout is not None
            started.stdout.readline()
            asks = folder / "asks"
            asks.write_text(f"#!/bin/sh\necho '{passphrase}'\n", "utf-8")
            asks.chmod(0o700)
            env = {"SSH_AUTH_SOCK": str(path), "SSH_ASKPASS": str(asks), "DISPLAY": ":0"}
            subprocess.run(
                ["ssh-add", "-q", *keys],
                check=True,
                env=os.environ | env | {"SSH_ASKPASS_REQUIRE": "force"},
                stdin=subprocess.DEVNULL,
            )
            yield str(path)
        finally:
            started.terminate()
