"""The shell of a pretended machine does what dash does, and runs nothing here."""

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from inside import shell
from scripts import scripts

from sandbox_wire import a_world
from vast_mcp.sandbox.machine.hardware import promised
from vast_mcp.sandbox.machine.machine import Machine

ALL = scripts()


def a_machine() -> Machine:
    """A machine that nobody rented, as its offer says."""
    return Machine(1, promised(a_world().offer(), disk_gb=10), {"GREETING": "hi"}, time.time)


def by_dash(script: str, folder: Path) -> tuple[bytes, int]:
    """What dash makes of a script in an empty folder."""
    done = subprocess.run(
        ["dash", "-c", script, "sh"],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=False,
    )
    return done.stdout, done.returncode if done.returncode >= 0 else 128 - done.returncode


@pytest.mark.skipif(shutil.which("dash") is None, reason="no dash is here to compare with")
@pytest.mark.parametrize("script", ALL)
async def test_a_script_does_what_it_does_in_dash(script: str, tmp_path: Path) -> None:
    """What a person tries on the sandbox is what they will see (POSIX, XCU 2)."""
    machine = a_machine()
    out, _, status = await shell(machine, script)
    assert (out, status) == by_dash(script, tmp_path)
    assert machine.faults == []
