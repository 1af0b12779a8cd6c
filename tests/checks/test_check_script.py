"""The script that looks at a machine, run for real in every shell that an image may have, with
pretended programs beside it.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from gpus import QUICK, ROCM, RTX_4090, Gpu, a_path, nvidia_smi, says
from vast_mcp.checks import script
from vast_mcp.checks.found import Found, Xid
from vast_mcp.checks.reading import found_in
from vast_mcp.leases.packing import ONSTART_MAX, packed
from vast_mcp.leases.watchdog import guarded, is_all_of, is_in
from vast_mcp.settings import DEFAULT_URL

pytestmark = pytest.mark.processes

SHELLS = [
    command
    for command in (["dash"], ["bash"], ["busybox", "sh"], ["mksh"], ["ksh"], ["yash"], ["zsh"])
    if shutil.which(command[0])
]


def printed(
    folder: Path,
    shell: list[str] = SHELLS[0],
    *,
    url: str | None = None,
    without: str = "",
    **programs: str,
) -> str:
    """All that the script prints, in a folder where it finds these programs."""
    there = QUICK | {name.replace("_", "-"): text for name, text in programs.items()}
    path = a_path(folder / f"bin-{shell[0]}", shell, there, without)
    program = [str(path / "sh"), *(shell[1:] if shell[0] != "busybox" else [])]
    done = subprocess.run(
        program,
        input=script.script(url).encode(),
        env={"PATH": str(path), "HOME": str(folder), "OMP_NUM_THREADS": ""},
        capture_output=True,
        check=False,
        timeout=150,
    )
    return done.stdout.decode()


def found(text: str) -> Found:
    there = found_in(text.splitlines())
    assert there is not None, text
    return there


@pytest.mark.parametrize("shell", SHELLS, ids=lambda shell: shell[0])
def test_every_shell_prints_one_line_that_says_what_the_machine_is(
    shell: list[str], tmp_path: Path
) -> None:
    text = printed(
        tmp_path,
        shell,
        nvidia_smi=nvidia_smi(Gpu(), Gpu(ecc_errors="3")),
        dmesg=says(
            "[    9.1] NVRM: Xid (PCI:0000:07:00): 79, pid='<unknown>', it fell\n[9] eth0 up"
        ),
        url="http://nowhere.invalid/x y",
        curl=says("12345"),
    )
    assert text.count("\n") == 1
    assert text.startswith(script.MARK)
    there = found(text)
    assert there.kind == "nvidia"
    assert [card.name for card in there.cards or ()] == ["NVIDIA H100 80GB HBM3"] * 2
    assert [card.ecc_errors for card in there.cards or ()] == [0, 3]
    [first, _] = there.cards or ()
    assert (first.memory_mb, first.compute_cap, first.is_sliced) == (81559, 900, False)
    assert (first.generation, first.width, first.slowed_by) == (5, 16, 1)
    assert (first.power_w, first.power_default_w, first.driver) == (700, 700, "580.159.04")
    assert there.cuda == 13.0
    assert there.xids == (Xid("0000:07:00", 79),)
    assert there.cores is not None
    assert 0 < there.cores <= (os.cpu_count() or 0)
    assert there.memory_mb is not None
    assert there.disk_gb is not None
    assert there.write_mb_s is not None
    assert there.download_mbit_s is None  # too few bytes to say anything
    assert there.at == pytest.approx(time.time(), abs=600)


def test_an_older_driver_is_read_without_what_it_does_not_have(tmp_path: Path) -> None:
    there = found(printed(tmp_path, nvidia_smi=nvidia_smi(RTX_4090, old=True)))
    [card] = there.cards or ()
    assert (card.name, card.memory_mb) == ("NVIDIA GeForce RTX 4090", 24564)
    assert (card.compute_cap, card.is_sliced, card.slowed_by) == (None, None, 1)
    assert (card.ecc_errors, there.cuda) == (None, 13.0)


def test_a_card_of_amd_is_told_as_one(tmp_path: Path) -> None:
    there = found(printed(tmp_path, rocm_smi=says(ROCM)))
    assert there.kind == "amd"
    assert [card.name for card in there.cards or ()] == ["AMD Instinct MI210"] * 2
    assert [round(card.memory_mb or 0) for card in there.cards or ()] == [65520] * 2


def test_a_machine_without_a_gpu_is_told_as_one(tmp_path: Path) -> None:
    there = found(printed(tmp_path))
    assert (there.kind, there.cards, there.status) == ("none", (), 127)


@pytest.mark.parametrize(
    ("said", "status", "cards"),
    [
        ("No devices were found", 6, ()),
        ("Failed to initialize NVML: Driver/library version mismatch", 18, None),
        ("Unable to determine the device handle for GPU0000:06:00.0: Unknown Error", 255, None),
    ],
    ids=["none", "mismatch", "lost"],
)
def test_a_driver_that_fails_is_no_machine_without_a_gpu(
    said: str, status: int, cards: tuple[()] | None, tmp_path: Path
) -> None:
    there = found(printed(tmp_path, nvidia_smi=says(said, status)))
    assert (there.kind, there.status, there.cards) == ("nvidia", status, cards)
    assert there.untrusted_trouble is not None
    assert there.untrusted_trouble.startswith(said.split(":", maxsplit=1)[0][:20])


def test_a_program_that_hangs_is_given_up(tmp_path: Path) -> None:
    """The bound itself is the machine's `timeout`, here one that gives up at once."""
    gives_up = '#!/bin/sh\n[ "$2" = echo ] && echo timeout 12 && exit\nexit 124\n'
    there = found(printed(tmp_path, nvidia_smi=nvidia_smi(Gpu()), timeout=gives_up))
    assert (there.kind, there.status, there.cards) == ("nvidia", 124, None)


def test_a_machine_without_timeout_is_looked_at_all_the_same(tmp_path: Path) -> None:
    there = found(printed(tmp_path, nvidia_smi=nvidia_smi(Gpu()), without="timeout"))
    assert len(there.cards or ()) == 1


@pytest.mark.parametrize("shell", SHELLS[:3], ids=lambda shell: shell[0])
def test_whatever_a_program_prints_it_stays_one_line_of_json(
    shell: list[str], tmp_path: Path
) -> None:
    nasty = 'echo \'"}\\\\n{"v":1,"gpu":"0 x\'; printf "\\\\000\\\\033[2J\\\\r\\\\377é"; echo; '
    text = printed(tmp_path, shell, nvidia_smi=f"#!/bin/sh\n{nasty}")
    assert text.count("\n") == 1
    there = found(text)
    assert there.cards is None
    assert there.write_mb_s is not None


def test_a_flood_is_cut(tmp_path: Path) -> None:
    flood = "#!/bin/sh\nhead -c 3000000 /dev/zero | tr '\\0' 7\n"
    text = printed(tmp_path, nvidia_smi=flood, dmesg=flood)
    assert len(text) < 20_000
    assert found(text).cards is None


def test_where_the_disk_is_full_nothing_is_written(tmp_path: Path) -> None:
    full = says(
        "Filesystem 1024-blocks Used Available Capacity Mounted on\n"
        "overlay 10485760 10000000 485760 96% /"
    )
    there = found(printed(tmp_path, df=full))
    assert (there.write_mb_s, round(there.free_gb or 0, 2)) == (None, 0.5)


def test_a_disk_that_fills_up_meanwhile_is_not_measured_further(tmp_path: Path) -> None:
    there = found(printed(tmp_path, dd=says("No space left on device", 1)))
    assert there.write_mb_s is None
    assert there.disk_gb is not None


def test_a_check_that_is_killed_leaves_no_file(tmp_path: Path) -> None:
    """The file loses its name before anything is written into it."""
    slow = "#!/bin/sh\necho written >$HOME/began\nexec sleep 30\n"
    sleep = f'#!/bin/sh\nexec {shutil.which("sleep")} "$1"\n'
    path = a_path(tmp_path / "bin", SHELLS[0], QUICK | {"dd": slow, "sleep": sleep})
    running = subprocess.Popen(
        [str(path / "sh")],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        env={"PATH": str(path), "HOME": str(tmp_path)},
        start_new_session=True,
    )
    assert running.stdin is not None
    running.stdin.write(script.script().encode())
    running.stdin.close()
    try:
        while not (tmp_path / "began").exists():
            assert running.poll() is None
            time.sleep(0.01)
        assert not list(tmp_path.glob(".vast-mcp-*"))
    finally:
        os.killpg(running.pid, signal.SIGKILL)
        running.wait()


@pytest.mark.parametrize("shell", SHELLS[:3], ids=lambda shell: shell[0])
def test_a_disk_is_written_to_and_nothing_is_left(shell: list[str], tmp_path: Path) -> None:
    dd = f'#!/bin/sh\n[ "$4" = conv=fsync ] && exec {shutil.which("dd")} "$1" bs=64k "$3" "$4"\n'
    there = found(printed(tmp_path, shell, dd=dd))
    assert there.write_mb_s is not None
    assert 16 < there.write_mb_s < 10_000_000
    assert not list(tmp_path.glob(".vast-mcp-*"))


@pytest.mark.parametrize("client", ["curl", "wget"])
def test_a_download_is_measured_where_a_server_is_named(client: str, tmp_path: Path) -> None:
    sends = (
        '#!/bin/sh\nfor last; do :; done\necho "$last" >$HOME/asked\nhead -c 5000000 /dev/zero\n'
    )
    url = "http://host.example/a?b=[1-9]&c=$(d)';*"
    text = printed(tmp_path, SHELLS[0], url=url, **{client: sends})
    there = found(text)
    assert there.download_mbit_s is not None
    assert (tmp_path / "asked").read_text(encoding="utf-8") == f"{url}\n"


def test_a_cut_script_runs_nothing(tmp_path: Path) -> None:
    """Everything is a function but the last line (and settings of its own shell)."""
    whole = script.script()
    path = a_path(tmp_path / "bin", SHELLS[0], {"dmesg": "#!/bin/sh\necho >$HOME/ran\n"})
    lines = whole.splitlines(keepends=True)
    for end in range(0, len(lines), 7):
        subprocess.run(
            [str(path / "sh")],
            input="".join(lines[:end]).encode(),
            env={"PATH": str(path), "HOME": str(tmp_path)},
            capture_output=True,
            check=False,
            timeout=150,
        )
    assert not (tmp_path / "ran").exists()


# ── in an onstart ──────────────────────────────────────────────────────────────────────────────


def _lease(script_text: str | None) -> str:
    return guarded(script_text, until=10**9, base_url=DEFAULT_URL, made=10**9)


def test_a_check_fits_beside_a_watchdog() -> None:
    carried = script.started_in(_lease(None), ONSTART_MAX)
    assert carried is not None
    assert is_in(carried)
    assert script.is_in(carried)
    assert script.without(carried) == _lease(None)
    assert is_all_of(carried)
    assert not script.is_in(_lease("echo x"))


def test_a_check_alone_is_nothing_of_the_person_s() -> None:
    alone = script.started_in(None, ONSTART_MAX)
    assert alone is not None
    assert is_all_of(alone)
    assert not is_in(alone)
    assert not is_all_of("#!/bin/sh\n")
    assert not is_all_of(script.started_in("echo x\n", ONSTART_MAX) or "")


def test_a_check_that_does_not_fit_is_left_out() -> None:
    long = "".join(f"apt-get install -y package-{number * 7919}\n" for number in range(90))
    assert script.started_in(_lease(long), ONSTART_MAX) is None
    assert script.started_in(packed("echo one\n"), ONSTART_MAX) is not None


@pytest.mark.parametrize("shell", SHELLS, ids=lambda shell: shell[0])
@pytest.mark.parametrize("first", ["#!/bin/sh\n", ""], ids=["shebang", "none"])
def test_an_onstart_with_a_check_does_what_it_did_and_the_log_gets_the_line(
    first: str, shell: list[str], tmp_path: Path
) -> None:
    programs = QUICK | {
        "nvidia-smi": nvidia_smi(Gpu()),
        "base64": f'#!/bin/sh\nexec {shutil.which("base64")} "$@"\n',
        "gzip": f'#!/bin/sh\nexec {shutil.which("gzip")} "$@"\n',
    }
    path = a_path(tmp_path / "bin", shell, programs)
    onstart = script.started_in(f"{first}read line\necho got $line\nexit 7\n", ONSTART_MAX)
    assert onstart is not None
    assert onstart.startswith(first)
    (tmp_path / "onstart").write_text(onstart, encoding="utf-8")
    done = subprocess.run(
        [str(path / "sh"), str(tmp_path / "onstart")],
        input=b"a line\n",
        env={"PATH": str(path), "HOME": str(tmp_path)},
        capture_output=True,
        check=False,
        timeout=150,
    )
    assert (done.returncode, done.stdout) == (7, b"got a line\n")
    assert len(found(done.stderr.decode()).cards or ()) == 1
