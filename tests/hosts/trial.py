"""What every trial of a host has: a HOME of its own, the commands of the pages, a sandbox that
takes one key.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from served_sandbox import control, served_sandbox
from stand_in import PARTING, UNKNOWN_ID, Heard, Json
from vast_mcp.host.server import INSTRUCTIONS

ROOT = Path(__file__).parents[2]
KEY = secrets.token_hex(16)  # in no file of ours, so that it is found only where a host put it
# What programs of others send home is none of a test's business.
QUIET = (
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC",
    "DISABLE_AUTOUPDATER",
    "DISABLE_TELEMETRY",
    "DO_NOT_TRACK",
)
# For a program that needs nobody but the stand-in and the sandbox: every other way out leads
# nowhere.
ALONE = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), "http://127.0.0.1:9") | {
    "NO_PROXY": "127.0.0.1"
}
BLOCK = re.compile(r"<!-- generated: ([a-z-]+) -->\n```[a-z]+\n(.*?)\n```", re.DOTALL)


PAGES = ("docs/hosts.md", "docs/hosts-more.md")


def block(name: str) -> str:
    """A command or a piece of configuration, as the pages on hosts show it."""
    pages = "\n".join((ROOT / page).read_text(encoding="utf-8") for page in PAGES)
    return dict(BLOCK.findall(pages))[name]


def the_path() -> str:
    """Our command and those of `make hosts` before everything else."""
    return os.pathsep.join(
        [str(Path(sys.executable).parent), os.environ["HOSTS_BIN"], os.environ["PATH"]]
    )


def the_environment(folder: Path) -> dict[str, str]:
    """A HOME in the folder; of this machine's settings only how downloads are checked and kept."""
    home = folder / "home"
    home.mkdir(exist_ok=True)
    kept = {
        name: os.environ[name] for name in ("SSL_CERT_FILE", "UV_CACHE_DIR") if name in os.environ
    }
    return kept | dict.fromkeys(QUIET, "1") | {"HOME": str(home), "PATH": the_path()}


def a_program(
    folder: Path,
    *command: str,
    said: str = "",
    cwd: Path | None = None,
    status: int = 0,
    **env: str,
) -> str:
    """What a program says on both channels; it must end with that status."""
    done = subprocess.run(
        command,
        input=said,
        env=the_environment(folder) | env,
        cwd=cwd or folder / "home",
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == status, f"{command}: {done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


@dataclass
class Desk:
    """Where a person sits: a home, a folder to work in, and the sandbox that stands for Vast."""

    folder: Path
    sandbox: str

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def work(self) -> Path:
        return self.home / "work"

    def run(self, *command: str, said: str = "", cwd: Path | None = None, **env: str) -> str:
        """A program's output; it must succeed."""
        return a_program(
            self.folder,
            *command,
            said=said,
            cwd=cwd or self.work,
            **{"VAST_URL": self.sandbox} | env,
        )

    def type(self, name: str, said: str = "", cwd: Path | None = None, **env: str) -> str:
        """A block of the page, typed into a shell."""
        return self.run("bash", "-c", block(name), said=said, cwd=cwd, **env)

    def files(self) -> dict[Path, str]:
        """Everything that was written under the home, as text."""
        found = [path for path in self.home.rglob("*") if path.is_file() and not path.is_symlink()]
        return {
            path.relative_to(self.home): path.read_text(encoding="utf-8", errors="replace")
            for path in found
        }


@contextmanager
def a_desk(folder: Path) -> Iterator[Desk]:
    """A desk whose sandbox takes one key and no other, and whose machines answer as SSH does."""
    with served_sandbox(folder) as url:
        control(url, "world", {"api_keys": [KEY], "ssh_banners": True})
        desk = Desk(folder, url)
        desk.work.mkdir(parents=True)
        yield desk


def a_checkout(folder: Path) -> Path:
    """The repository as a clone of it would be, in a folder of its name."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    ).stdout
    checkout = folder / "vast-mcp"
    for name in filter(None, listed.split("\0")):
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, checkout / name)
    return checkout


def snapshot(tool: str) -> Json:
    """What the server publishes of a tool."""
    return json.loads(
        (ROOT / f"tools/vast_mcp_tools/published/{tool}.json").read_text(encoding="utf-8")
    )


def assert_one_rental_begun_and_ended(
    desk: Desk, heard: list[Heard], said: str, misspelt: str = ""
) -> None:
    """What the model was handed is what happened: the ids are the ledger's, the errors tell what to
    do. `misspelt`: what the host itself says of an argument that is not published.
    """
    [rental] = control(desk.sandbox, "ledger")["rentals"]
    assert rental["alive"] is False
    told = [one for one in heard if one.payload.get("state") != "still_starting"]
    found, made, ready, _, unknown, ended = [one.payload for one in told]
    assert made["instance_id"] == ready["instance_id"] == rental["id"]
    assert made["offer_id"] == rental["offer_id"] == found["offers"][0]["offer_id"]
    assert ready["state"] == "ready"
    assert "ssh -p " in ready["access"]["ssh"]
    assert_refused_by_name(told[3], misspelt)
    assert unknown["error"]["code"] == "no_such_instance"
    assert f"no machine {UNKNOWN_ID}" in unknown["error"]["message"]
    assert [step["tool"] for step in unknown["error"]["next_steps"]] == ["show_instances"]
    assert [(row["instance_id"], row["outcome"]) for row in ended["results"]] == [
        (rental["id"], "destroyed")
    ]
    assert PARTING in said


def assert_one_plan_followed_to_its_machine(desk: Desk, heard: list[Heard], said: str) -> None:
    """One machine was rented; the model was handed the ways in, the plan's name, and that it is
    the caller's; then it was ended.
    """
    [rental] = control(desk.sandbox, "ledger")["rentals"]
    assert rental["alive"] is False
    *_, mine, ended = [one.payload for one in heard]
    [machine] = mine["machines"]
    assert (mine["state"], machine["state"]) == ("ready", "yours")
    assert machine["instance_id"] == rental["id"]
    assert "ssh -p " in machine["access"]["ssh"]
    assert {one.payload["plan"] for one in heard if one.tool == "provision"} == {mine["plan"]}
    assert [(row["instance_id"], row["outcome"]) for row in ended["results"]] == [
        (rental["id"], "destroyed")
    ]
    assert PARTING in said


def assert_refused_by_name(heard: Heard, by_host: str) -> None:
    """An argument that is not published is refused: by the server with the nearest name, or by the
    host in its own words.
    """
    if by_host:
        assert heard.text == by_host
        return
    error = heard.payload["error"]
    assert (error["code"], error["billing_possible"]) == ("bad_arguments", False)
    [problem] = error["problems"]
    assert (problem["field"], "disk" in problem["problem"]) == ("dsik", True)


def assert_the_key_stayed_where_it_was_put(desk: Desk, requests: list[Json], *places: str) -> None:
    """Neither the model nor any file but the key's own place has seen it."""
    assert KEY not in json.dumps(requests)
    assert {str(path) for path, text in desk.files().items() if KEY in text} == set(places)


def assert_pinned(environment: Path) -> None:
    """What is installed there is what `make demo` installs: the versions of constraints.txt."""
    pins = dict(
        line.lower().replace("_", "-").split("==")
        for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").split()
    )
    [packages] = environment.glob("lib/python*/site-packages")
    found = {
        one.metadata["Name"].lower().replace("_", "-"): one.version
        for one in importlib.metadata.distributions(path=[str(packages)])
    }
    others = {name: version for name, version in found.items() if name != "vast-mcp"}
    assert others
    assert others == {name: pins.get(name) for name in others}


def assert_told_the_instructions(text: str) -> None:
    assert [line for line in INSTRUCTIONS.splitlines() if line not in text] == []
