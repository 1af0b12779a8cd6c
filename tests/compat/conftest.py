"""The sandbox that every client of this folder is judged against."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from box import KEY, Box


@pytest.fixture(scope="session")
def running() -> Iterator[Box]:
    command = [sys.executable, "-m", "vast_mcp", "sandbox", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            found = re.search(r"http://\S+:\d+", process.stdout.readline())
            assert found is not None
            with httpx.Client(
                base_url=found[0], headers={"Authorization": f"Bearer {KEY}"}, timeout=10
            ) as http:
                yield Box(found[0], http)
        finally:
            process.terminate()


@pytest.fixture
def box(running: Box, tmp_path: Path) -> Box:
    running.set(reset=True, credit=25, team=False, api_keys=None, rent_again=False)
    running.home = tmp_path
    return running
