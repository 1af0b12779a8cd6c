"""`vast-mcp costs --html FILE`: one file with its data inside, written whole or not at all."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from vast_mcp.commands.looks import paper
from vast_mcp.views import page
from vast_mcp.views.paper import Kept, on_paper

Run = Callable[..., tuple[int, str, str]]
SCRIPT = "</script><img src=x onerror=alert(1)><!--<script>&amp;\u2028"


class Parsed(HTMLParser):
    """The elements of a page, and what it keeps."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.kept: Any = None
        self._keeps = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self._keeps = ("id", "kept") in attrs

    def handle_data(self, data: str) -> None:
        if self._keeps:
            self.kept = json.loads(data)
            self._keeps = False


def made(text: str) -> str:
    """A page in which everything that a stranger may write is this."""
    answers = {
        "show_account": {"warnings": [text]},
        "show_costs": {"rows": [{"usd": 1, "a": text}]},
    }
    return on_paper(
        "money", Kept("show_account", answers, {"vast://limits": text}, 1e9), by="x", words=text
    )


def test_what_strangers_wrote_is_data() -> None:
    """No text ends an element or begins one, and it comes out as it went in."""
    plain, hostile = Parsed(made("x")), Parsed(made(SCRIPT))
    assert hostile.tags == plain.tags
    assert hostile.kept["answers"]["show_account"]["warnings"] == [SCRIPT]
    assert hostile.kept["resources"] == {"vast://limits": SCRIPT}


def test_a_page_asks_nobody_for_anything() -> None:
    """Its policy lets nothing load, its two parts alone run, and it names no address."""
    text = made("x")
    [policy] = re.findall(r'Content-Security-Policy" content="(.*?)"', text)
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy
    assert not re.findall(r"""(?:src|href)\s*=|@import|url\(""", text)
    assert set(re.findall(r"https?://[^\s\"'`]+", text)) <= {"http://www.w3.org/2000/svg"}
    assert len(text) < 70_000


def test_the_page_that_hosts_show_is_what_it_was() -> None:
    """What is for paper is in no page of a chat."""
    assert "@page" not in page("money")
    assert 'id="kept"' not in page("money")


# ── the file ───────────────────────────────────────────────────────────────────────────────────


def test_a_file_holds_the_tools_answers_and_no_key(run: Run, tmp_path: Path) -> None:
    """The figures of the page are those that the command shows."""
    path = tmp_path / "costs.html"
    status, out, beside = run("costs", "--days", "3", "--html", str(path), "--json")
    assert (status, beside.strip()) == (0, f"Written to {path}.")
    text = path.read_text(encoding="utf-8")
    kept = Parsed(text).kept
    assert kept["answers"]["show_costs"] == json.loads(out)
    assert set(kept["answers"]) == {"show_account", "show_instances", "show_costs"}
    assert json.loads(kept["resources"]["vast://limits"])["limits"] == []
    assert "VAST_MCP_READ_ONLY" not in text
    assert "a-planted-key" not in text


def test_limits_on_paper_are_the_persons(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That the command only looks is no limit of theirs; that they set one is told."""
    monkeypatch.setenv("VAST_MCP_CONFIRM", "always")
    monkeypatch.setenv("VAST_MCP_MAX_TOTAL_USD_PER_HOUR", "3")
    for only, words in (("", 1), ("1", 2)):
        monkeypatch.setenv("VAST_MCP_READ_ONLY", only)
        path = tmp_path / f"{only}.html"
        assert run("costs", "--html", str(path))[0] == 0
        told = json.loads(Parsed(path.read_text("utf-8")).kept["resources"][paper.LIMITS])
        assert [one["limit"] for one in told["limits"]] == [3.0]
        assert len(told["asks"]) == words


def test_a_file_that_is_there_is_replaced_only_when_told(run: Run, tmp_path: Path) -> None:
    """As `run --overwrite`; what is no file of its own is never touched."""
    path = tmp_path / "costs.html"
    path.write_text("mine", "utf-8")
    path.chmod(0o600)
    status, out, beside = run("costs", "--html", str(path))
    assert (status, out, path.read_text("utf-8")) == (2, "", "mine")
    assert "--overwrite" in beside
    assert run("costs", "--html", str(path), "--overwrite")[0] == 0
    assert "<!doctype html>" in path.read_text("utf-8")
    assert path.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in tmp_path.glob("*costs*")] == ["costs.html"]


@pytest.mark.parametrize("kind", ["folder", "link"])
def test_what_is_no_file_is_left_alone(run: Run, tmp_path: Path, kind: str) -> None:
    """Neither a folder nor what a link leads to is replaced."""
    path, target = tmp_path / "there", tmp_path / "target"
    target.write_text("mine", "utf-8")
    if kind == "folder":
        path.mkdir()
    else:
        path.symlink_to(target)
    status, _, beside = run("costs", "--html", str(path), "--overwrite")
    assert (status, target.read_text("utf-8")) == (2, "mine")
    assert "is no file" in beside


def test_a_place_that_cannot_be_written_is_an_error(run: Run, tmp_path: Path) -> None:
    """Said as one, after the costs were shown."""
    status, out, beside = run("costs", "--html", str(tmp_path / "nowhere" / "costs.html"))
    assert status == 1
    assert "Spent" in out
    assert "cannot be written: No such file" in beside
    assert "Traceback" not in beside


def test_a_file_made_meanwhile_is_not_lost(tmp_path: Path) -> None:
    """It is looked for again by the write itself."""
    path = tmp_path / "costs.html"
    path.write_text("theirs", "utf-8")
    with pytest.raises(paper.Unwritten):
        paper._put(path, path, "ours")
    assert path.read_text("utf-8") == "theirs"


def test_where_there_are_no_costs_there_is_no_file(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error is no page."""
    monkeypatch.setenv("VAST_API_KEY", "")
    path = tmp_path / "costs.html"
    assert run("costs", "--html", str(path))[0] == 1
    assert not path.exists()
    assert run("costs", "--overwrite", "--days", "999", "--html", str(path))[0] == 2
    assert not path.exists()
