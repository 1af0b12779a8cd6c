"""The wheel: what is in it, and that it runs as itself inside a stranger's project."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path, PurePosixPath

import pytest

from trial import ROOT, a_checkout, a_program
from vast_mcp import __version__
from vast_mcp_tools import CATALOGUE

# Some of what is read beside code: of each kind, at least.
NEEDED = {
    "vast_mcp/SKILL.md",
    "vast_mcp/journal/queries.sql",
    "vast_mcp/journal/schema.sql",
    "vast_mcp/leases/watchdog.sh",
    "vast_mcp/py.typed",
    "vast_mcp/views/offers.js",
    "vast_mcp/working/files/digest.sh",
    "vast_mcp_tools/py.typed",
    *(f"vast_mcp_tools/published/{spec.name}.json" for spec in CATALOGUE),
}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    a_program(
        folder, "uv", "build", "--wheel", "--out-dir", str(folder / "dist"), str(a_checkout(folder))
    )
    [built] = (folder / "dist").glob("*.whl")
    return built


def test_the_wheel_holds_the_two_packages_and_what_they_read(wheel: Path) -> None:
    """Nothing called `tools`, no tests, no scripts (docs/architecture.md)."""
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if not name.endswith("/")}
    inside = {name for name in names if not name.startswith(f"vast_mcp-{__version__}.dist-info/")}
    assert {PurePosixPath(name).parts[0] for name in inside} == {"vast_mcp", "vast_mcp_tools"}
    assert inside >= NEEDED
    assert not [name for name in names if re.search(r"(^|/)(tests?/|test_|conftest)", name)]
    # Everything that the packages have in the repository, and nothing that only a working copy has.
    roots = {"vast_mcp": ROOT / "mcp_server", "vast_mcp_tools": ROOT / "tools"}
    ours = {
        path.relative_to(root).as_posix()
        for name, root in roots.items()
        for path in (root / name).rglob("*.*")
    }
    assert {name for name in ours if not re.search(r"__pycache__|\.pyc$", name)} == inside - {
        "vast_mcp/SKILL.md"
    }


@pytest.mark.parametrize(
    "start", [["bin/vast-mcp"], ["bin/python", "-m", "vast_mcp"]], ids=["vast-mcp", "-m vast_mcp"]
)
def test_the_installed_wheel_runs_none_of_the_folder_that_it_is_started_in(
    wheel: Path, tmp_path: Path, start: list[str]
) -> None:
    """A host starts the server inside whatever repository is open (docs/architecture.md)."""
    home = tmp_path / "venv"
    a_program(tmp_path, "uv", "venv", str(home))
    pins = ROOT / "constraints.txt"
    a_program(
        tmp_path,
        "uv",
        "pip",
        "install",
        "--python",
        str(home),
        "--constraint",
        str(pins),
        str(wheel),
    )
    folder = tmp_path / "repository"
    spring = (
        f"open({str(tmp_path / 'sprung')!r}, 'a').write(__name__)\nraise SystemExit('sprung')\n"
    )
    for name in ("tools", "mcp_server", "tests"):
        (folder / name).mkdir(parents=True)
        (folder / name / "__init__.py").write_text(spring, encoding="utf-8")
    # `python -m` puts the working folder first, by Python's own rule; the command that hosts start
    # does not.
    if len(start) == 1:
        for name in ("vast_mcp", "vast_mcp_tools", "httpx", "mcp"):
            (folder / f"{name}.py").write_text(spring, encoding="utf-8")
    command = [str(home / start[0]), *start[1:]]
    assert a_program(tmp_path, *command, "--version", cwd=folder) == f"vast-mcp {__version__}\n"
    said = a_program(
        tmp_path, *command, "call", "search_offers", '{"limit": 1}', "--sandbox", cwd=folder
    )
    assert '"offer_id"' in said
    assert not (tmp_path / "sprung").exists()
