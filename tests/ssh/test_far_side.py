"""The far side of jobs in the shells that machines have, without SSH: what is cut on the way runs
nothing, and what came whole is begun once.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from house import WHOLE
from vast_mcp.working.jobs.far import Act, ActName

SHELLS = [
    ["dash"],
    ["bash"],
    ["busybox", "sh"],
    *([["mksh"], ["ksh"]] if WHOLE else []),
]
here = [shell for shell in SHELLS if shutil.which(shell[0])]
JOB, TICKET, MARK = "a" * 12, "b" * 12, "@mark"


def script(name: ActName, **more: object) -> bytes:
    return Act(name, JOB, TICKET, wait_s=20, most=500, **more).script(MARK)  # type: ignore[arg-type]


def said(shell: list[str], home: Path, text: bytes) -> list[str]:
    """What the far side says of its own, in a home of its own."""
    env = {"HOME": str(home), "PATH": os.environ["PATH"]}
    done = subprocess.run(shell, input=text, env=env, cwd=home, capture_output=True, check=False)
    lines = done.stdout.decode().splitlines()
    return [line.removeprefix(f"{MARK} ") for line in lines if line.startswith(MARK)]


@pytest.mark.parametrize("shell", here, ids=lambda shell: shell[0])
def test_a_job_is_made_ready_begun_once_followed_and_listed(
    tmp_path: Path, shell: list[str]
) -> None:
    command = 'echo "$A" >>ran; yes | head -1; exit 3'
    values = {"A": 'it\'s $HOME \\ "x"\n二'}
    assert said(shell, tmp_path, script("prepare", command=command)) == ["was ready", "end"]
    for was in ("started", "followed"):
        found = said(shell, tmp_path, script("start", values=values))
        assert {f"was {was}", "state ended", "code 3", "out_bytes 2"} <= set(found)
    assert (tmp_path / "ran").read_text("utf-8") == values["A"] + "\n"
    assert "was there" in said(shell, tmp_path, script("prepare", command=command))
    assert f"job {JOB}" in said(shell, tmp_path, script("all"))
    folder = tmp_path / ".vast-mcp" / "jobs"
    assert [one.name for one in folder.iterdir()] == [JOB]
    assert folder.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("shell", here, ids=lambda shell: shell[0])
def test_a_start_without_its_ticket_begins_nothing_and_says_lost(
    tmp_path: Path, shell: list[str]
) -> None:
    assert "was lost" in said(shell, tmp_path, script("start"))
    said(shell, tmp_path, script("prepare", command="true"))
    folder = tmp_path / ".vast-mcp" / "jobs"
    (folder / f"{JOB}.{TICKET}" / "command").unlink()
    assert "was lost" in said(shell, tmp_path, script("start"))
    assert not (folder / JOB).exists()


@pytest.mark.parametrize("act", ["prepare", "start"])
def test_a_script_that_was_cut_on_the_way_does_nothing(tmp_path: Path, act: ActName) -> None:
    """Everything stands in functions, and the last word of the last line says that it is whole."""
    said(["sh"], tmp_path, script("prepare", command="echo x >ran"))
    whole = script(act, command="echo x >ran", values={"A": "b"})
    folder = tmp_path / ".vast-mcp" / "jobs"
    before = sorted(folder.rglob("*"))
    last = len(whole) - 2  # all but the newline is whole
    cuts = {*range(0, last, last // (60 if WHOLE else 8)), *range(last - 7, last + 1)}
    for cut in cuts:
        assert said(["sh"], tmp_path, whole[:cut]) == [], whole[:cut][-40:]
    assert sorted(folder.rglob("*")) == before
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("shell", here, ids=lambda shell: shell[0])
def test_values_with_names_of_the_scripts_own_change_nothing_of_what_is_run(
    tmp_path: Path, shell: list[str]
) -> None:
    names = ("key", "job", "leader", "shell", "line", "claim", "mark", "IFS")
    values = {name: f"/the/{name}" for name in names}
    said(shell, tmp_path, script("prepare", command="env >all"))
    assert "code 0" in said(shell, tmp_path, script("start", values=values))
    found = (tmp_path / "all").read_text("utf-8").splitlines()
    assert {f"JOB_OF_VAST_MCP={JOB}", "key=/the/key", "job=/the/job"} <= set(found)


@pytest.mark.parametrize("shell", here, ids=lambda shell: shell[0])
def test_of_many_jobs_those_that_run_and_the_newest_are_told_in_full_and_none_is_left_out(
    tmp_path: Path, shell: list[str]
) -> None:
    """What one job has is not said of the next, which has none of it."""
    said(shell, tmp_path, script("prepare", command="sleep 600"))
    said(shell, tmp_path, Act("start", JOB, TICKET, most=9).script(MARK))
    jobs = tmp_path / ".vast-mcp" / "jobs"
    try:
        for number in range(30):
            old = jobs / f"{number:012}"
            old.mkdir()
            (old / ("unstarted" if number % 2 else "exit.7.9.5")).touch()
        os.utime(jobs / JOB, (1, 1))  # it says much, and that changes no folder
        found = said(shell, tmp_path, Act("all", most=10).script(MARK))
    finally:
        said(shell, tmp_path, Act("stop", JOB, wait_s=1, most=9).script(MARK))
    assert len([line for line in found if line.startswith("job ")]) == 31
    assert len([line for line in found if line.startswith("command ")]) == 11
    assert found.count("code 7") == found.count("state unstarted") == 15
    assert "command sleep 600 " in found
    assert len([line for line in found if line.startswith("began 1")]) == 1


@pytest.mark.parametrize("shell", here, ids=lambda shell: shell[0])
def test_what_follows_in_a_jobs_output_is_heard_byte_for_byte(
    tmp_path: Path, shell: list[str]
) -> None:
    """Whoever has read so much of it has the whole together, however small the pieces."""
    command = "printf 'a\\0b\\n\\377'; yes | head -400; printf end; printf e >&2; exit 4"
    said(shell, tmp_path, script("prepare", command=command))
    said(shell, tmp_path, script("start"))
    whole, env = b"", {"HOME": str(tmp_path), "PATH": os.environ["PATH"]}
    while True:
        act = Act("hear", JOB, TICKET, wait_s=20, most=300, read=(len(whole), 0))
        text = act.script(MARK)
        done = subprocess.run(shell, input=text, env=env, capture_output=True, check=False)
        _, _, rest = done.stdout.partition(f"{MARK} out\n".encode())
        piece = rest.removesuffix(f"\n{MARK} end\n".encode())
        if not piece:
            break
        whole += piece
        assert f"{MARK} code 4\n".encode() in done.stdout
        assert f"{MARK} err\ne\n{MARK} end\n".encode() == done.stderr
    assert whole == b"a\0b\n\xff" + b"y\n" * 400 + b"end"
