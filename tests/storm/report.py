"""The tables of a storm."""

from __future__ import annotations

from storm.run import Outcome

HEAD = (
    "what breaks", "creates", "calls", "PUTs", "machines", "two", "extra PUTs", "unnamed", "false success",
    "false refusal", "no verdict", "slowest s", "answers",
)  # fmt: skip


def table(outcome: Outcome) -> str:
    """One line a row of scenarios, as Markdown."""
    lines = ["| " + " | ".join(HEAD) + " |", "|" + " --- |" * len(HEAD)]
    for row, one in outcome.rows.items():
        said = outcome.said.get(row, {})
        commonest = sorted(said.items(), key=lambda item: -item[1])[:2]
        cells = (
            row, one.creates, one.calls, one.puts, one.machines, one.two_machines, one.extra_puts, one.unnamed,
            one.false_success, one.false_refusal, one.no_verdict, f"{one.slowest_s:.1f}",
            "; ".join(path for path, _ in commonest),
        )  # fmt: skip
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines)
