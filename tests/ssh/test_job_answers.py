"""An answer about a job does not wait for the job: who began it hears of it at once."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from vast_mcp.working.jobs.far import Act

SHELLS = ("dash", "bash", "busybox sh", "mksh", "ksh", "yash")
HERE = [shell for shell in SHELLS if shutil.which(shell.split()[0])]
LONG_S = 600  # what the job takes, and no test does


@pytest.mark.parametrize("shell", HERE)
def test_who_starts_a_job_holds_no_stream_of_the_connections(shell: str, tmp_path: Path) -> None:
    """sshd closes a channel once nobody has its streams open: dash keeps those of a function that
    is redirected (measured: `f </dev/null >/dev/null 2>&1 &` in dash, busybox and mksh).
    """

    def does(act: Act) -> bytes:
        said = subprocess.run(
            shell.split(),
            input=act.script("@mark"),
            env={"HOME": str(tmp_path), "PATH": os.environ["PATH"]},
            capture_output=True,
            timeout=LONG_S / 10,
            check=False,
        )
        return said.stdout

    job, ticket = "0123456789ab", "ab0123456789"
    does(Act("prepare", job, ticket, command=f"sleep {LONG_S}"))
    try:
        assert b"@mark state running" in does(Act("start", job, ticket, most=100))
    finally:
        assert b"@mark state stopped" in does(Act("stop", job, wait_s=1, most=100))
