"""`vast-mcp offers`, `machines` and `costs`: the tools' own answers, for people and for scripts."""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from house import ROOT
from processes import PATIENCE, command
from served_sandbox import control
from vast_mcp.commands.cli import parser
from vast_mcp.commands.looks import costs_page, figures, lines, machines_page, offers_page, pages
from vast_mcp.commands.looks.pages import Cell, Column, Page
from vast_mcp_tools.search_offers import SearchOffers
from vast_mcp_tools.show_instances import ShowInstances

Run = Callable[..., tuple[int, str, str]]
HOSTILE = "\x1b[2J\u202e[bold]<b>evil</b>\u2066\x07\tend"


def at(page: Page, width: int, **options: Any) -> str:
    """A page on a terminal."""
    console = Console(file=io.StringIO(), force_terminal=True, width=width, **options)
    page.print_on(console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def chosen(*words: str) -> Any:
    return parser().parse_args(words)


# ── the same answers as the tools' ─────────────────────────────────────────────────────────────

SAME = [
    (
        ("offers", "--gpu", "4090", "--limit", "3"),
        "search_offers",
        {"gpu_name": ["4090"], "limit": 3},
    ),
    (("machines",), "show_instances", {}),
    (("costs", "--days", "3"), "show_costs", {"period": "3"}),
]


@pytest.mark.parametrize(("words", "tool", "arguments"), SAME, ids=lambda one: str(one)[:20])
def test_json_is_the_tools_own_answer(
    run: Run, words: tuple[str, ...], tool: str, arguments: dict[str, Any]
) -> None:
    """One source of figures: what a person is shown is what an agent is told."""
    status, out, beside = run(*words, "--json")
    assert (status, beside) == (0, "")
    _, told, _ = run("call", tool, json.dumps(arguments))
    assert json.loads(out) == json.loads(told)


def test_every_argument_of_the_tools_is_an_option() -> None:
    """Whoever types can ask for what an agent can."""
    assert {one.argument for one in lines.OFFERS} == set(SearchOffers.model_fields)
    assert {one.argument for one in lines.MACHINES} == set(ShowInstances.model_fields)


def test_options_are_read_as_arguments_of_their_kind() -> None:
    """A list, a whole number, a switch; what is not given is not sent."""
    words = (
        "--gpu",
        "4090",
        "--gpu",
        "a100",
        "--count",
        "2",
        "--max",
        "0.5",
        "--vm",
        "--where",
        "SE",
    )
    assert lines.given(chosen("offers", *words), lines.OFFERS) == {
        "gpu_name": ["4090", "a100"],
        "num_gpus": 2,
        "max_usd_per_hour": 0.5,
        "vm": True,
        "geolocation": ["SE"],
    }


def test_a_next_call_is_a_line_that_means_it() -> None:
    """A search that finds something is typed as the one that did not; a stranger's words are one
    word.
    """
    asked = {"gpu_name": ["RTX 4090"], "max_usd_per_hour": 0.4, "vm": True, "filters": "a>1; rm x"}
    words = lines.words_of("search_offers", asked)
    assert words is not None
    again = lines.given(chosen(*words), lines.OFFERS)
    assert again == asked
    assert lines.words_of("create_instance", {"offer_id": 1}) is None
    assert lines.words_of("search_offers", {"other": 1}) is None


def test_nothing_is_asked_but_reads_and_nothing_is_kept_ending(run: Run, pretended: str) -> None:
    """These commands look: what is past its lease is swept by others."""
    before = len(control(pretended, "requests")["requests"])
    for words in (("offers",), ("machines",), ("costs",)):
        assert run(*words)[0] == 0
    asked = control(pretended, "requests")["requests"][before:]
    assert asked
    for one in asked:
        assert one["method"] == "GET" or one["endpoint"] in {"search", "search_volumes"}, one


def test_the_lines_of_readme_show_something(run: Run) -> None:
    """README, "From a shell, to look"."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    [block] = re.findall(r"```sh\n(vast-mcp offers.*?)```", readme, re.DOTALL)
    for line in block.splitlines():
        status, out, _ = run(*shlex.split(line, comments=True)[1:])
        assert (status, bool(out)) == (0, True), line


# ── for people ─────────────────────────────────────────────────────────────────────────────────


def test_in_a_pipe_there_is_plain_text(run: Run) -> None:
    """No tab, no colour, no box: columns, each value with a column of its own or a -."""
    status, out, _ = run("offers", "--gpu", "4090", "--limit", "2")
    assert status == 0
    assert not set(out) & {"\t", "\x1b", "\r", "─"}
    head, *rows = [line for line in out.splitlines() if line.startswith(("Offer", "2"))]
    assert "$/h" in head
    assert len(rows) == 2
    assert 'call create_instance \'{"offer_id": ' in out


def test_where_nothing_fits_the_line_that_finds_something_follows(run: Run) -> None:
    """The same search with one change, as it is typed."""
    status, out, _ = run("offers", "--gpu", "4090", "--max", "0.01")
    assert status == 0
    assert "Nothing fits." in out
    [line] = [one for one in out.splitlines() if "max_usd_per_hour" in one]
    words = line.partition("vast-mcp ")[2].split()
    assert json.loads(run(*words, "--json")[1])["offers"]


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("offers", "--max", "-1"), 2, "--max: should be greater than 0"),
        (("offers", "--limit", "99"), 2, "--limit: "),
        (("costs", "--days", "0"), 2, "--days: "),
        (("costs", "--month", "2026-13"), 2, "--month: "),
        (("costs", "--days", "3", "--week"), 2, "not allowed"),
        (("offers", "--max", "x"), 2, "--max"),
        (("machines", "--state", "x"), 2, "--state"),
    ],
    ids=str,
)
def test_wrong_usage_names_the_option(
    run: Run, words: tuple[str, ...], status: int, said: str
) -> None:
    """Not the argument of a tool that nobody typed; nothing is printed that a script would read."""
    found, out, beside = run(*words)
    assert (found, out) == (status, "")
    assert said in beside
    assert "Traceback" not in beside


@pytest.mark.parametrize("text", ["NaN", "-Infinity", "1e400", '[1, {"a": Infinity}]'])
def test_what_is_no_number_is_no_ceiling_that_vanishes(run: Run, text: str) -> None:
    """On the wire it is null, and a search, a rental or a run would go on without its ceiling."""
    asked = f'{{"gpu_name": "4090", "max_usd_per_hour": {text}}}'
    for words in (("call", "search_offers", asked), ("call", "create_instance", asked)):
        status, out, beside = run(*words)
        assert (status, out) == (2, ""), words
        assert "no number" in beside
    status, _, beside = run("run", "--budget", "1", "--want", asked, "--", "true")
    assert (status, "no number" in beside) == (125, True)
    if "[" not in text:
        for option in ("--max", "--disk", "--hours"):
            assert run("offers", f"{option}={text}")[0] == 2, option
        for option in ("--max", "--disk"):
            assert run("run", "--budget", "1", f"{option}={text}", "--", "true")[0] == 125, option


def test_an_error_is_said_and_as_json_it_is_the_tools(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the statuses of the other commands; what leads on is a line to run."""
    monkeypatch.setenv("VAST_URL", "http://127.0.0.1:9")
    for name in ("offers", "machines", "costs"):
        status, out, beside = run(name)
        assert (status, out) == (1, ""), name
        assert beside.startswith(f"vast-mcp {name}: ")
        status, out, beside = run(name, "--json")
        assert (status, beside) == (1, "")
        assert json.loads(out)["error"]["code"]


def test_without_a_key_nothing_is_shown(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """An account that cannot be asked is not an empty one, and no watch waits for that."""
    monkeypatch.setenv("VAST_API_KEY", "")
    for words in (("machines",), ("machines", "--watch"), ("offers",), ("costs",)):
        status, out, beside = run(*words)
        assert (status, out) == (1, ""), words
        assert "key" in beside


@pytest.mark.processes
@pytest.mark.thorough
def test_a_reader_that_leaves_ends_it_without_a_traceback(
    at_home: dict[str, str], tmp_path: Path
) -> None:
    """`vast-mcp offers | true`."""
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        command("offers"),
        env=at_home,
        stdout=writing,
        stderr=subprocess.PIPE,
        cwd=tmp_path,
        timeout=PATIENCE,
        check=False,
    )
    os.close(writing)
    assert done.returncode == 1
    assert b"could not be written" in done.stderr
    assert b"Traceback" not in done.stderr


# ── strangers ──────────────────────────────────────────────────────────────────────────────────

LISTED: dict[str, Any] = {
    "count": 1,
    "total_usd_per_hour": 0.4,
    "of_which": {"running": 0.4, "stopped_disks": 0.0, "volumes": 0.0},
    "instances": [
        {
            "instance_id": 7,
            "state": "running",
            "gpu": "1x RTX 4090",
            "usd_per_hour": 0.4,
            "untrusted_label": HOSTILE,
        }
    ],
    "warnings": [HOSTILE],
    "notices": [HOSTILE],
    "next_steps": [],
}
ALONE = {7: {"state": "running", "untrusted_location": HOSTILE, "access": {"ssh": HOSTILE}}}
FOUND: dict[str, Any] = {
    "offers": [
        {"offer_id": 1, "usd_per_hour": 0.5, "untrusted_gpu_name": HOSTILE, "before": HOSTILE}
    ],
    "disk_gb": 10,
    "next_steps": [{"tool": "search_offers", "arguments": {"filters": HOSTILE}, "why": HOSTILE}],
}
SPENT: dict[str, Any] = {
    "first_day": "2026-11-01",
    "last_day": "2026-11-03",
    "spent_usd": 3.0,
    "by_day": [{"day": "2026-11-02", "usd": 3.0}],
    "rows": [{"instance_id": 7, "usd": 3.0, "untrusted_label": HOSTILE}],
    "payments": [{"kind": HOSTILE, "usd": -1.0}],
    "credit_usd": 1.0,
    "total_usd_per_hour": 0.1,
    "hours_left": 10.0,
}


def hostile_pages() -> dict[str, Page]:
    return {
        "machines": machines_page.page_of(LISTED, ALONE, chosen("machines")),
        "offers": offers_page.page_of(FOUND, chosen("offers")),
        "costs": costs_page.page_of(SPENT),
    }


@pytest.mark.parametrize("name", ["machines", "offers", "costs"])
def test_what_strangers_wrote_moves_and_hides_nothing(name: str) -> None:
    """No control character of theirs, no mark of direction, no markup of rich's."""
    page = hostile_pages()[name]
    plain = page.plain()
    assert "[bold]<b>evil</b>" in plain
    drawn = at(page, 140, color_system=None)
    assert "[bold]<b>evil</b>" in drawn
    for text in (plain, drawn):
        assert not set(text) & {"\x1b", "\u202e", "\u2066", "\x07", "\t"}


# ── at a terminal ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("width", [60, 80, 140, 240])
@pytest.mark.parametrize("name", ["machines", "offers", "costs"])
def test_a_table_fits_the_terminal_and_a_line_to_copy_is_whole(name: str, width: int) -> None:
    """What has no room is left off by its weight; what names a thing and its price stays."""
    text = at(hostile_pages()[name], width, color_system=None)
    rows = [line for line in text.splitlines() if "vast-mcp" not in line and ": [2J" not in line]
    assert max(map(len, rows)) <= width
    assert "…" not in text
    assert {"machines": "$0.400", "offers": "$0.500", "costs": "$3.00"}[name] in text


def test_of_columns_the_least_goes_first() -> None:
    """By rank, and what stays keeps its place."""
    cells = [Cell("x" * 8)]
    columns = [
        Column("a", cells),
        Column("b", cells, 2),
        Column("c", cells, 1),
        Column("d", cells, 3),
    ]
    names = [[one.name for one in pages.fitting(columns, width)] for width in (1, 24, 35, 46)]
    assert names == [["a"], ["a", "c"], ["a", "b", "c"], ["a", "b", "c", "d"]]


def test_colours_are_for_terminals_that_want_them() -> None:
    """no-color.org, and a terminal that says that it is dumb."""
    page = hostile_pages()["machines"]
    assert "\x1b[32m" in at(page, 140, color_system="standard", _environ={})
    assert "\x1b[3" not in at(page, 140, _environ={"NO_COLOR": "1", "TERM": "xterm"})
    assert "\x1b" not in at(page, 140, _environ={"TERM": "dumb"})


def test_a_stdout_without_unicode_gets_ascii(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bars and sparklines as signs that it has."""
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
    told = hostile_pages()["costs"].plain()
    assert "####" in told
    assert told.isascii()


# ── figures ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        (None, "not known"),
        (0, "$0.00"),
        (0.004, "$0.0040"),
        (0.4, "$0.400"),
        (12.345, "$12.35"),
        (-1234.5, "-$1,234.50"),
        (0.00001, "under $0.0001"),
        (-0.00001, "under $0.0001"),
    ],
)
def test_an_amount_has_the_digits_that_tell_prices_apart(amount: float | None, words: str) -> None:
    """What is not known is no $0."""
    assert figures.dollars(amount) == words


@pytest.mark.parametrize(
    ("amount", "words"),
    [(-0.001, "$0.00"), (-0.0049, "$0.00"), (-0.006, "-$0.01"), (0.001, "$0.00")],
)
def test_an_amount_that_rounds_to_nothing_has_no_sign(amount: float, words: str) -> None:
    """A refund of a tenth of a cent is no -$0.00."""
    assert figures.dollars(amount, 2) == words


def test_what_is_shown_as_nothing_is_drawn_as_nothing() -> None:
    """A day and a machine of less than a cent have no bar, and no kind is named for them."""
    row = {"instance_id": 7, "usd": 0.001, "gpu_usd": 0.001}
    day = {"day": "2026-11-30", "usd": 0.001}
    period = {"first_day": "2026-11-30", "last_day": "2026-11-30"}
    spent = {"spent_usd": 0.001, "of_which": {"gpu_usd": 0.001}}
    shown = costs_page.page_of({**period, **spent, "by_day": [day], "rows": [row]}).plain()
    assert "█" not in shown
    assert "$0.00" in shown


def test_since_when_is_told_of_what_starts_or_failed_alone() -> None:
    """A command knows a machine that runs since it began itself: that is not since when it runs."""
    row = {"instance_id": 7, "state": "running", "phase_for_s": 1}
    assert machines_page.state_of(row) == "running"
    assert machines_page.state_of(row | {"state": "stopped"}) == "stopped"
    assert machines_page.state_of(row | {"state": "starting"}) == "starting, 1 s"


def test_a_line_of_columns_has_its_highest_and_its_gaps() -> None:
    """The least that is something is a column; no reading is no 0."""
    assert figures.spark([0, 1, 4, 8, None]) == "▁▁▄█·"
    assert figures.spark([0, 50, 100], 100) == "▁▄█"
    assert figures.spark([]) == figures.bar(0, 1, 5) == figures.bar(None, 1, 5) == ""
    assert figures.bar(0.001, 1, 5) == "█"
    assert figures.bar(9, 1, 5) == "█████"


def test_days_without_spending_are_shown_and_unknown_ones_are_not() -> None:
    """An answer leaves days of $0 out; one that tells no days says nothing of them."""
    assert [usd for _, usd in costs_page.every_day(SPENT)] == [0.0, 3.0, 0.0]
    assert costs_page.every_day(SPENT | {"by_day": []}) == []
    long = SPENT | {"first_day": "2026-10-01"}
    assert "By day ▁▁" in costs_page.page_of(long).plain()


def test_kinds_that_come_to_no_cent_are_not_named() -> None:
    """Vast's roundings are an `other_usd` of a thousandth; one of a cent is told."""
    for other, said in ((-0.001, "GPU $2.90"), (0.01, "GPU $2.90, other $0.01")):
        kinds = {"gpu_usd": 2.9, "traffic_usd": 0.004, "other_usd": other}
        lines_ = costs_page.page_of(SPENT | {"of_which": kinds}).plain().splitlines()
        assert said in lines_


def test_what_a_machine_told_alone_counts_while_its_state_lasts() -> None:
    """A GPU that worked before the machine stopped is no reading of now."""
    row = {"instance_id": 7, "state": "stopped"}
    told = {7: {"state": "running", "gpu_util_percent": 97.0}}
    assert "gpu_util_percent" not in machines_page.whole_row(row, told)
    assert machines_page.whole_row({**row, "state": "running"}, told)["gpu_util_percent"] == 97.0
