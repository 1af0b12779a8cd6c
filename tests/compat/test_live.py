"""The tests that the official client's repository keeps for the real service, against the sandbox.
Run by `make compat`.

What is not run: its serverless tests, which make things that no renter has.
"""

import os
from pathlib import Path

import pytest
from box import ROOT, Box

CHECKOUT = Path(os.environ.get("VAST_CLI", ROOT / ".venv-vastai/vast-cli"))
A_KEY = (
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB0dHR0dHR0dHR0dHR0dHR0dHR0dHR0dHR0dHR0dHR0d test@example"
)

pytestmark = pytest.mark.skipif(
    not (CHECKOUT / "tests/live").is_dir(),
    reason="no checkout of vast-cli: VAST_CLI names one",
)


def official(box: Box, *words: str) -> str:
    python = ROOT / ".venv-vastai/bin/python"
    options = ("-q", "-p", "no:cacheprovider", "-W", "ignore::pytest.PytestUnknownMarkWarning")
    done = box.run(
        python, "-m", "pytest", *options, *words, where=CHECKOUT, timeout=100, VAST_SERVER=box.url
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_its_live_tests_pass(box: Box) -> None:
    """Reads, and two cycles of writing, of an account with an SSH key (docs/vast-api.md D, G)."""
    box.http.post("/api/v0/ssh/", json={"ssh_key": A_KEY})
    said = official(box, "tests/live", "-m", "live")
    assert "failed" not in said
    assert "passed" in said
