"""A sandbox in another process, as other people's clients meet it."""

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parents[2]
PEERS = Path(__file__).parent / "peers"
KEY = "compat-account-key"
COLOUR = re.compile(
    r"\x1b\[[0-9;]*[A-Za-z]"
)  # and cursor movements: tables come in colour even without a terminal

Act = tuple[str, dict[str, Any]]  # its name, and what it is to know


class Box:
    """A sandbox, and other people's clients pointed at it."""

    def __init__(self, url: str, http: httpx.Client) -> None:
        self.url = url
        self.http = http
        self.home = Path()

    def run(
        self, *command: object, where: Path | None = None, timeout: float = 50, **more: str
    ) -> subprocess.CompletedProcess[str]:
        """One command in a HOME of its own, with the sandbox as its Vast.ai."""
        here = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "VAST_URL": self.url,
            "VAST_API_KEY": KEY,
            "VASTAI_NO_UPDATE_CHECK": "1",
            "COLUMNS": "200",
            **more,
        }
        return subprocess.run(
            list(map(str, command)),
            env=here,
            cwd=where,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def vastai(self, *words: object) -> subprocess.CompletedProcess[str]:
        """One command of the official client; its exit status says nothing, so the output is what
        is judged.
        """
        return self.run(ROOT / ".venv-vastai/bin/vastai", *words)

    def says(self, *words: object) -> str:
        done = self.vastai(*words)
        assert not COLOUR.sub("", done.stderr).strip(), done.stderr
        return COLOUR.sub("", done.stdout)

    def rows(self, *words: object) -> Any:
        return json.loads(self.says(*words, "--raw"))

    def ours(self, tool: str, arguments: dict[str, Any], **more: str) -> Any:
        """The answer of one of our own tools, to the same account."""
        command = (ROOT / ".venv/bin/vast-mcp", "call", tool, json.dumps(arguments))
        done = self.run(*command, VAST_MCP_TIME_SCALE="0.01", **more)
        return json.loads(done.stdout)

    def dstack(self, *acts: Act) -> list[Any]:
        """What acts of dstack's own code come to (peers/by_dstack.py)."""
        return self._peer("dstack", acts)

    def skypilot(self, *acts: Act) -> list[Any]:
        """What acts of SkyPilot's own code come to (peers/by_skypilot.py)."""
        return self._peer("skypilot", acts)

    def _peer(self, name: str, acts: tuple[Act, ...]) -> list[Any]:
        python = ROOT / f".venv-{name}/bin/python"
        done = self.run(python, PEERS / f"by_{name}.py", json.dumps(acts), timeout=250)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    def set(self, **options: Any) -> None:
        assert self.http.post("/_sandbox/world", json=options).status_code == 200

    def ledger(self) -> list[dict[str, Any]]:
        return self.http.get("/_sandbox/ledger").json()["ledger"]

    def rentals(self) -> list[dict[str, Any]]:
        return self.http.get("/_sandbox/ledger").json()["rentals"]

    def credit(self) -> float:
        return self.http.get("/api/v0/users/current/").json()["credit"]

    def offer(self) -> int:
        query = {"direct_port_count": {"gt": 1}, "limit": 1}
        return self.http.post("/api/v0/bundles/", json=query).json()["offers"][0]["id"]

    def rent(self, **more: Any) -> int:
        body = {
            "image": "example/image",
            "label": "mine",
            "env": {"A": "1"},
            "runtype": "ssh_direct",
            **more,
        }
        return self.http.put(f"/api/v0/asks/{self.offer()}/", json=body).json()["new_contract"]

    def show(self, instance: int) -> dict[str, Any]:
        return self.http.get(f"/api/v0/instances/{instance}/").json()["instances"]
