"""The tables of a storm, printed and in docs/reliability.md."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from storm.compare import Line
from storm.rows import ALL
from storm.run import Outcome

HEAD = (
    "what breaks",
    "creates",
    "calls",
    "PUTs",
    "machines",
    "two",
    "extra PUTs",
    "unnamed",
    "false success",
    "false refusal",
    "no verdict",
    "slowest s",
    "answers",
)
SHORT_HEAD = (
    "what breaks",
    "creates",
    "calls",
    "PUTs",
    "machines",
    "wrong",
    "what the agent was told, mostly",
)
COMPARED_HEAD = (
    "fault",
    "client",
    "PUTs",
    "machines",
    "status",
    "it said",
    "PUTs, asked again",
    "machines",
    "it said then",
)


def _markdown(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    return "\n".join([*lines, *("| " + " | ".join(map(str, cells)) + " |" for cells in rows)])


def _commonest(outcome: Outcome, row: str, count: int) -> str:
    said = outcome.said.get(row, {})
    return "; ".join(
        path for path, _ in sorted(said.items(), key=lambda item: (-item[1], item[0]))[:count]
    )


def _in_order(outcome: Outcome) -> list[str]:
    """Rows in the order in which the scenarios are written; whatever else there is comes last."""
    places = {row: place for place, row in enumerate(dict.fromkeys(one.row for one in ALL))}
    return sorted(outcome.rows, key=lambda row: (places.get(row, len(places)), row))


def table(outcome: Outcome) -> str:
    """One line a row of scenarios, every count apart."""

    def cells(row: str) -> tuple[object, ...]:
        one = outcome.rows[row]
        good = (row, one.creates, one.calls, one.puts, one.machines)
        bad = (
            one.two_machines,
            one.extra_puts,
            one.unnamed,
            one.false_success,
            one.false_refusal,
            one.no_verdict,
        )
        return (*good, *bad, f"{one.slowest_s:.1f}", _commonest(outcome, row, 2))

    return _markdown(HEAD, map(cells, _in_order(outcome)))


def short_table(outcome: Outcome) -> str:
    """One line a row, for people: what went wrong is one figure."""

    def cells(row: str) -> tuple[object, ...]:
        one = outcome.rows[row]
        return (
            row,
            one.creates,
            one.calls,
            one.puts,
            one.machines,
            one.bad,
            _brief(_commonest(outcome, row, 1)),
        )

    return _markdown(SHORT_HEAD, map(cells, _in_order(outcome)))


def _brief(path: str) -> str:
    words = path.split(", ")
    return path if len(words) <= 3 else f"{', '.join(words[:3])}, …"


def compared(lines: Iterable[Line]) -> str:
    """Both clients in each fault."""

    def cells(line: Line) -> tuple[object, ...]:
        first, again = line.first, line.again
        under = (first.puts, first.machines, first.status, first.said)
        return (line.fault, line.client, *under, again.puts, again.machines, again.said)

    return _markdown(COMPARED_HEAD, map(cells, lines))


def write(page: Path, parts: dict[str, str]) -> None:
    """Replace what stands between `<!-- NAME -->` and `<!-- /NAME -->`; raises ValueError where
    they are not.
    """
    text = page.read_text(encoding="utf-8")
    for name, part in parts.items():
        begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
        before, found, rest = text.partition(begin)
        _, also, after = rest.partition(end)
        if not (found and also):
            raise ValueError(f"{page} has no place for {name}")
        text = f"{before}{begin}\n{part}\n{end}{after}"
    page.write_text(text, encoding="utf-8")
