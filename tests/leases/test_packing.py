"""A packed onstart does what the script itself does, in the shells that may run it."""

from __future__ import annotations

import base64
import gzip
import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from house import sampled, so_many
from vast_mcp.leases.packing import BEGAN, ENDED, ONSTART_MAX, packed

SHELLS = {
    name: command
    for name, command in {
        "dash": ["dash"],
        "bash": ["bash"],
        "sh": ["sh"],
        "busybox": ["busybox", "sh"],
    }.items()
    if shutil.which(command[0])
}

NASTY = {
    "quotes": """echo 'it''s' "a \\"b\\"" `true` $(true) ${SHELL:-none} ${X:-'}'}\n""",
    "no newline at the end": "echo 1",
    "newlines at the end": "echo 1\n\n\n",
    "carriage returns": "echo 1\r\necho 2\r\n",
    "here documents": "cat <<'EOF' >/dev/null\n$X `x`\nEOF\ncat <<EOT >/dev/null\nEOT2\nEOT\n",
    "unicode": "# 𝔘ñí©🚀\u202e\u2028\x7f\x01\x1b[31m\ufeff\necho ok\n",
    "backslashes and percents": "printf '%s\\n' '\\\\n' >/dev/null # %d %%n {data} {0}\n",
    "one long line": "# " + "x" * 60_000,
    "nothing but a comment": "#",
    "empty": "",
}


def run(
    shell: list[str], text: str, folder: Path, after: str = ""
) -> subprocess.CompletedProcess[bytes]:
    """The text in a file, read by a shell, as the service runs an onstart; `after` is what
    follows it there.
    """
    path = folder / "onstart.sh"
    path.write_bytes((text + after).encode())
    temporary = folder / "tmp"
    temporary.mkdir(exist_ok=True)
    environ = {"PATH": os.environ["PATH"], "TMPDIR": str(temporary), "HOME": str(folder)}
    return subprocess.run(
        [*shell, path.name],
        cwd=folder,
        env=environ,
        capture_output=True,
        check=False,
        timeout=150,
        stdin=subprocess.DEVNULL,
    )


def told(done: subprocess.CompletedProcess[bytes]) -> list[str]:
    """The lines on its standard error, which the container's log has."""
    return done.stderr.decode().splitlines()


def restored(folder: Path) -> Path:
    [path] = (folder / "tmp").iterdir()
    return path


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest) -> list[str]:
    return SHELLS[request.param]


def test_the_shells_that_matter_are_here() -> None:
    """An onstart is run by bash or by sh; a computer without them proves nothing."""
    assert "bash" in SHELLS
    assert SHELLS.keys() & {"dash", "sh"}


@pytest.mark.parametrize("name", NASTY)
def test_the_file_is_the_script_byte_for_byte(shell: list[str], tmp_path: Path, name: str) -> None:
    """Nothing between the caller and the machine reads, quotes or mends a script."""
    run(shell, packed(NASTY[name]), tmp_path)
    assert restored(tmp_path).read_bytes() == NASTY[name].encode()


@pytest.mark.parametrize(
    "name", ["quotes", "here documents", "unicode", "backslashes and percents"]
)
def test_the_script_has_the_effect_and_the_output_that_it_has_unpacked(
    shell: list[str], tmp_path: Path, name: str
) -> None:
    """Packing is not seen by the script."""
    (tmp_path / "plain").mkdir()
    (tmp_path / "packed").mkdir()
    plain = run(shell, NASTY[name], tmp_path / "plain")
    again = run(shell, packed(NASTY[name]), tmp_path / "packed")
    assert (again.returncode, again.stdout) == (plain.returncode, plain.stdout)


def test_a_script_with_a_shebang_is_run_by_it(shell: list[str], tmp_path: Path) -> None:
    """The interpreter of the first line, whatever shell unpacks; Python understands no
    word of a shell.
    """
    script = "#!/usr/bin/env python3\nimport sys\nprint('inside', len(sys.argv))\nsys.exit(7)\n"
    done = run(shell, packed(script), tmp_path)
    assert (done.stdout, done.returncode) == (b"inside 1\n", 7)
    assert restored(tmp_path).read_bytes() == script.encode()
    assert stat.S_IMODE(restored(tmp_path).stat().st_mode) == 0o700  # a script can hold secrets


def test_a_machine_that_starts_onstart_by_its_shebang_finds_one(tmp_path: Path) -> None:
    """On a VM an onstart needs a shebang; the packed one has it where the script has
    (docs/vast-api.md A.5).
    """
    path = tmp_path / "onstart"
    path.write_text(packed("#!/bin/sh\necho started\n"), encoding="utf-8")
    path.chmod(0o700)
    assert (
        subprocess.run([path], capture_output=True, check=True, timeout=150).stdout == b"started\n"
    )
    assert not packed("echo started\n").startswith("#!")


def test_a_script_without_a_shebang_is_sourced(shell: list[str], tmp_path: Path) -> None:
    """What it exports, defines and changes is there for whatever the service runs after it."""
    script = "export TOKEN='a b'\nplain=1\ngreet() { echo hello; }\ncd /\nset -u\n"
    done = run(
        shell,
        packed(script),
        tmp_path,
        after='echo "$TOKEN $plain $PWD"; greet; sh -c \'echo "$TOKEN"\'\n',
    )
    assert done.stdout == b"a b 1 /\nhello\na b\n"


def test_the_shell_that_runs_onstart_is_the_one_that_sources(tmp_path: Path) -> None:
    """A bash script without a shebang works where bash runs onstart, packed or not."""
    done = run(
        SHELLS["bash"], packed("words=(a b c)\n[[ ${#words[@]} == 3 ]] && echo bash\n"), tmp_path
    )
    assert done.stdout == b"bash\n"


@pytest.mark.parametrize("shebang", ["", "#!/bin/sh\n"])
@pytest.mark.parametrize(
    ("end", "status"),
    [("exit 3\n", 3), ("false\n", 1), ("true\n", 0), ("set -e\nfalse\necho on\n", 1)],
)
def test_its_status_is_the_scripts_own(
    shell: list[str], tmp_path: Path, shebang: str, end: str, status: int
) -> None:
    """Exit, a failing last command and set -e mean what they mean unpacked."""
    done = run(shell, packed(f"{shebang}echo begin\n{end}"), tmp_path)
    assert (done.returncode, done.stdout) == (status, b"begin\n")


# How a script ends: as the sourced one tells it, and as the one that is run by its shebang does.
# None: its end is not told, since what would tell it is gone.
ENDS = {
    "exit 0": (0, 0),
    "exit 3": (3, 3),
    "false": (1, 1),
    "set -e\nfalse\necho on": (1, 1),
    "exec true": (None, 0),
    "exec sh -c 'exit 5'": (None, 5),
    "trap 'true' EXIT\nexit 6": (None, 6),
    "trap 'true' EXIT": (0, 0),
    "exec 2>/dev/null": (None, 0),
    "set -u\nexport A=1": (0, 0),
    "cat <<E >/dev/null\n$HOME\nE\n": (0, 0),
    "cat <<E >/dev/null\n$HOME\nE": (0, 0),
    "_onstart=x\n_status=9": (0, 0),
    "kill -9 $$": (None, 137),
    "sleep 0 &": (0, 0),
    "": (0, 0),
}


@pytest.mark.parametrize("end", sampled(list(ENDS)))
@pytest.mark.parametrize("shebang", ["", "#!/bin/sh\n"])
def test_what_its_log_says_of_its_end_is_true_or_not_said(
    shell: list[str], tmp_path: Path, shebang: str, end: str
) -> None:
    """A wait reads these lines: an end that was not, or another status, would be a lie."""
    sourced, run_by_it = ENDS[end]
    expected = run_by_it if shebang else sourced
    done = run(shell, packed(f"{shebang}echo begin\n{end}"), tmp_path)
    lines = [line for line in told(done) if line.startswith("vast-mcp: ")]
    assert lines == [BEGAN, *([] if expected is None else [f"{ENDED}{expected}"])]
    assert done.stdout == b"begin\n"


@pytest.mark.parametrize(
    "last", ["set -e\nexec 2>&-\nexit 3\n", "set -e\nexec 2>&-\nexit 0\n", "IFS=01\n(exit 10)\n"]
)
def test_telling_its_end_changes_no_status(shell: list[str], tmp_path: Path, last: str) -> None:
    """Where its errors go nowhere, and where numbers are cut to pieces."""
    (tmp_path / "plain").mkdir()
    (tmp_path / "packed").mkdir()
    plain = run(shell, last, tmp_path / "plain")
    assert run(shell, packed(last), tmp_path / "packed").returncode == plain.returncode


def test_a_sourced_script_may_return(shell: list[str], tmp_path: Path) -> None:
    """It is read by the shell that runs onstart."""
    done = run(shell, packed("return 4\n"), tmp_path)
    assert (told(done), done.returncode) == ([BEGAN, f"{ENDED}4"], 4)


def test_what_follows_onstart_in_its_shell_is_not_told_as_its_end(
    shell: list[str], tmp_path: Path
) -> None:
    """The service may go on in the shell that sourced it."""
    done = run(shell, packed("echo begin\n"), tmp_path, after="echo more\nexit 7\n")
    assert (told(done), done.returncode) == ([BEGAN, f"{ENDED}0"], 7)
    assert done.stdout == b"begin\nmore\n"


def test_a_program_of_another_language_tells_its_end(shell: list[str], tmp_path: Path) -> None:
    """Its interpreter knows nothing of us."""
    done = run(shell, packed("#!/usr/bin/env python3\nraise SystemExit(7)"), tmp_path)
    assert (told(done), done.returncode) == ([BEGAN, f"{ENDED}7"], 7)


def test_an_interpreter_that_is_not_there_is_a_status_of_its_own(
    shell: list[str], tmp_path: Path
) -> None:
    """It began and could do nothing; the shell's own line says why."""
    done = run(shell, packed("#!/no/such/program\n"), tmp_path)
    assert done.returncode in {126, 127}
    assert told(done)[-1] == f"{ENDED}{done.returncode}"


def test_a_text_that_arrives_damaged_is_not_run(shell: list[str], tmp_path: Path) -> None:
    """Half a setup script is worse than none."""
    text = packed("echo ran\n" * 500)
    data = text.split("echo ")[1].split("|")[0]
    done = run(shell, text.replace(data, data[:40]), tmp_path)
    assert done.returncode != 0
    assert done.stdout == b""
    assert not [line for line in told(done) if line.startswith("vast-mcp: ")]


def test_unpacking_needs_no_more_than_coreutils_and_gzip(shell: list[str], tmp_path: Path) -> None:
    """Slim images have no python, curl or openssl."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("base64", "mktemp", "chmod", "gzip", "sh"):
        (tools / name).symlink_to(shutil.which(name) or name)
    program = [shutil.which(shell[0]) or shell[0], *shell[1:]]
    path = tmp_path / "onstart.sh"
    path.write_text(packed("echo ran\n"), encoding="utf-8")
    environ = {"PATH": str(tools), "TMPDIR": str(tmp_path)}
    done = subprocess.run(
        [*program, path], env=environ, capture_output=True, check=False, timeout=150
    )
    assert (done.stdout, told(done), done.returncode) == (b"ran\n", [BEGAN, f"{ENDED}0"], 0)


@pytest.mark.skipif("busybox" not in SHELLS, reason="there is no busybox here")
@pytest.mark.parametrize("script", ["echo ran\n", "#!/bin/sh\necho ran\n"])
def test_busybox_alone_unpacks(tmp_path: Path, script: str) -> None:
    """Alpine images have its base64, gzip and mktemp, and no other."""
    busybox = shutil.which("busybox") or ""
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("base64", "mktemp", "chmod", "gzip"):
        (tools / name).symlink_to(busybox)
    path = tmp_path / "onstart.sh"
    path.write_text(packed(script), encoding="utf-8")
    environ = {"PATH": str(tools), "TMPDIR": str(tmp_path)}
    done = subprocess.run(
        [busybox, "sh", path], env=environ, capture_output=True, check=False, timeout=150
    )
    assert (done.stdout, told(done), done.returncode) == (b"ran\n", [BEGAN, f"{ENDED}0"], 0)


def test_the_same_script_gives_the_same_text() -> None:
    """Gzip with mtime 0, so that nothing of the clock is in it (docs/protocol.md)."""
    text = packed(NASTY["unicode"])
    assert text == packed(NASTY["unicode"])
    data = base64.b64decode(text.split("echo ")[1].split("|")[0], validate=True)
    assert data[4:8] == b"\0\0\0\0"
    assert text.isascii()


def test_a_long_script_of_ordinary_words_fits() -> None:
    """4048 characters; what people put into an onstart repeats itself (docs/vast-api.md A.2)."""
    lines = [f"apt-get install -y package-{n} && echo 'step {n} is done'\n" for n in range(400)]
    assert len("".join(lines)) > 20_000
    assert len(packed("".join(lines))) <= ONSTART_MAX


@settings(
    max_examples=so_many(60),
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=400))
def test_any_text_comes_back(script: str) -> None:
    """Gzip and base64, undone by other means than the shell's."""
    data = packed(script).split("echo ")[1].split("|")[0]
    assert gzip.decompress(base64.b64decode(data, validate=True)) == script.encode()
