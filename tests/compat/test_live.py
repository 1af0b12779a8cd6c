"""The tests that the official client's repository keeps for the real service, against the sandbox.
Run by `make compat`.
"""

import os
from pathlib import Path

import pytest
from box import ROOT, Box

CHECKOUT = Path(os.environ.get("VAST_CLI", ROOT / ".venv-vastai/vast-cli"))
A_KEY = (
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB0dHR0dHR0dHR0dHR0dHR0dHR0dHR0dHR0dHR0dHR0d test@example"
)

# What they may not do here: a host's machines, serverless endpoints and two-factor logins are no
# renter's (docs/sandbox.md).
MAY_NOT = ("TestMachinesReadonly", "TestEndpointsReadonly", "test_tfa_status")

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
    """Reads, and two cycles of writing, of an account with an SSH key and a secret: their list says
    404 without the one, and null without the other (docs/vast-api.md D, G).
    """
    box.http.post("/api/v0/ssh/", json={"ssh_key": A_KEY})
    box.http.post("/api/v0/secrets/", json={"key": "HF_TOKEN", "value": "example"})
    but = " and ".join(f"not {test}" for test in MAY_NOT)
    said = official(box, "tests/live", "-m", "live", "-k", but)
    assert "16 passed" in said
