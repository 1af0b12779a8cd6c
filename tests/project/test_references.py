"""What source, tests and pages cite is there: a section of docs/vast-api.md, a file, a heading."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from house import ROOT
from vast_mcp.settings import SETTINGS

FOLDERS = ("mcp_server", "tools", "tests", "scripts")
PAGES = sorted(ROOT.glob("*.md")) + sorted((ROOT / "docs").glob("*.md"))
SOURCES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
SCRIPTS = [path for path in sorted((ROOT / "scripts").iterdir()) if path.is_file()]
SCRIPTS += sorted(path for end in ("sh", "sql") for path in ROOT.glob(f"mcp_server/**/*.{end}"))
BOOK = ROOT / "docs/vast-api.md"

SECTION = re.compile(r"(?<![\w./#-])([A-M]\.\d{1,2})(?![\w/-]|\.\d)")
LETTERS = re.compile(r"(?:\(|vast-api\.md |\bsections? )((?:[A-Z](?:, | and |[).;:]))+)")
PAGE = re.compile(r"(?<![\w/.$<-])((?:docs/|\.\./)?[\w-]+\.md)\b")
FILE = re.compile(r"(?<![\w/.$<}-])((?:tests|scripts|mcp_server|tools)/[\w./-]*\w\.[a-z]+)\b")
QUOTED = re.compile(r"docs/(\w+)\.md,\s+\"([^\"]+)\"(?: and \"([^\"]+)\")?")
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")

ELSEWHERE = {"AGENTS.md", "CLAUDE.md"}  # files of hosts and of machines
SAYS_NOTHING = re.compile(
    r"(?:Ours|Issue|The issue|Live|Checklist)\b|[A-M](?:\.\d+)?[,.:;]|[A-M]\.\d+ "
)


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def docstrings(path: Path) -> Iterator[tuple[str, str]]:
    """Each docstring of a module, and the name of what it describes."""
    for node in ast.walk(ast.parse(text_of(path))):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            said = ast.get_docstring(node)
            if said:
                yield getattr(node, "name", "the module"), " ".join(said.split())


def sections() -> list[str]:
    """The sections of the book in its order: letters, and letters with numbers."""
    return re.findall(r"^#{2,3} ([A-M](?:\.\d+)?)\.? ", text_of(BOOK), re.MULTILINE)


def test_the_book_has_every_letter_once() -> None:
    """A letter over two sections would leave open which of them is meant."""
    assert sorted(sections()) == sorted(set(sections()))
    assert set("ABCDEFGHIJKLM") <= set(sections())


def by_file(found: Callable[[Path], Iterable[str]], paths: Iterable[Path]) -> dict[str, list[str]]:
    """What is wrong, by file: one test for all files, since they are many and quick."""
    wrong = {name_of(path): sorted(found(path)) for path in paths}
    return {name: problems for name, problems in wrong.items() if problems}


def test_a_section_that_is_cited_is_in_the_book() -> None:
    """Tests and source name what Vast does by the letters of docs/vast-api.md."""

    def missing(path: Path) -> set[str]:
        text = text_of(path)
        cited = set(SECTION.findall(text))
        if path != BOOK:
            cited |= set(re.findall("[A-Z]", " ".join(LETTERS.findall(text))))
        return cited - set(sections())

    assert by_file(missing, SOURCES + SCRIPTS + PAGES) == {}


def test_a_page_that_is_named_is_in_the_repository() -> None:
    """A reader can open what is cited: from the root, or from the folder of the page that cites."""

    def missing(path: Path) -> set[str]:
        pages = set(PAGE.findall(text_of(path))) - ELSEWHERE
        return {
            page
            for page in pages
            if not (ROOT / page).is_file() and not (path.parent / page).is_file()
        }

    assert by_file(missing, SOURCES + SCRIPTS + PAGES) == {}


def test_a_file_that_is_named_is_in_the_repository() -> None:
    """A module or a test that moves takes along what others say of it."""

    def missing(path: Path) -> set[str]:
        text = "" if path == BOOK else text_of(path)
        return {file for file in FILE.findall(text) if not (ROOT / file).exists()}

    assert by_file(missing, SOURCES + SCRIPTS + PAGES) == {}


def test_a_test_that_the_book_names_beside_a_fact_is_there() -> None:
    """Each row of "As the service speaks" names the tests that hold its fact."""
    rows = text_of(BOOK).split("## As the service speaks")[1].split("\n## ")[0]
    facts = re.findall(r"^\| (?!Fact|-).* \| (tests/.*) \|$", rows, re.MULTILINE)
    assert len(facts) == len(re.findall(r"^\|", rows, re.MULTILINE)) - 2
    for tests in facts:
        file = ""
        for named, test in re.findall(r"(tests/[\w/]+\.py)?::(\w+)", tests):
            file = named or file
            assert f"def {test}(" in text_of(ROOT / file), f"{file}::{test}"


def test_a_setting_that_a_page_names_is_one() -> None:
    """A setting that is gone lives on in the history alone."""
    known = {one.name for one in SETTINGS}

    def unknown(path: Path) -> set[str]:
        named = re.findall(r"VAST_(?:MCP_[A-Z_]+[A-Z]|API_KEY|URL)", text_of(path))
        return set(named) - known

    assert by_file(unknown, [path for path in PAGES if path.name != "CHANGELOG.md"]) == {}


def test_a_link_leads_to_a_file() -> None:
    """Links are relative to the page, as a forge shows them."""

    def dead(path: Path) -> set[str]:
        links = set(LINK.findall(text_of(path)))
        return {to for to in links if not to.startswith("<") and not (path.parent / to).exists()}

    assert by_file(dead, PAGES) == {}


def test_a_heading_that_is_quoted_is_on_its_page() -> None:
    """What stands in quotes behind a page is a heading of it, or a row in bold."""

    def missing(path: Path) -> list[str]:
        return [
            heading
            for page, *headings in QUOTED.findall(text_of(path))
            for heading in filter(None, headings)
            if not re.search(
                rf"(?m)^#+ .*{heading}|\*\*{heading}\*\*", text_of(ROOT / f"docs/{page}.md")
            )
        ]

    assert by_file(missing, SOURCES) == {}


@pytest.mark.thorough
def test_a_docstring_is_a_sentence() -> None:
    """A letter alone, or the word "ours", tells a newcomer nothing of what holds."""

    def empty(path: Path) -> list[str]:
        return [
            name
            for name, said in docstrings(path)
            if SAYS_NOTHING.match(said) or len(said.split()) < 2
        ]

    assert by_file(empty, SOURCES) == {}
