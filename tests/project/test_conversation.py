"""README's conversation is played again: every call, and every figure that the agent tells."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from house import ROOT, call, served
from people import register_a_key
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Settings

README = (ROOT / "README.md").read_text(encoding="utf-8")
SECTION = README.partition("## One conversation\n")[2].partition("\n## ")[0]
TURNS = SECTION.split("**Agent**\n")[1:]
CALL = re.compile(r"- `(\w+) (\{.*\})`")
FIGURE = re.compile(r"\$(\d+(?:\.\d+)?)|\b(\d+) hours|\bstatus (\d+)")
TRAINING = "for step in 1 2 3; do echo step $step >>loss.txt; done; tail -n 1 loss.txt\n"


def numbers(value: Any) -> Iterator[float]:
    """Every number in an answer."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from numbers(one)
    elif isinstance(value, int | float):
        yield float(value)


def is_told(figure: str, known: list[float]) -> bool:
    """Whether a figure stands in an answer: rounded, or whole hours of it."""
    digits = len(figure.partition(".")[2])
    return any(float(figure) in {round(one, digits), float(math.floor(one))} for one in known)


async def test_the_conversation_goes_as_readme_tells_it(settings: Settings, tmp_path: Path) -> None:
    """Each call does what the person asked for, and the figures are those of its answers."""
    world = World(ssh_banners=True, log_looks=0)
    register_a_key(tmp_path, world)
    files = tmp_path / "run"
    files.mkdir()
    (files / "train.sh").write_text(TRAINING, encoding="utf-8")
    times = replace(
        settings.times, look_s=0.005, verify_s=0.01, pace=0.0, budget_s=50.0, young_s=600.0
    )
    answers: list[dict[str, Any]] = []
    there = replace(settings, times=times, state_dir=tmp_path / "s", files=(files,))
    async with served(world, there) as client:
        for turn in TURNS:
            said = turn.partition("**You**")[0]
            turns_answers = [
                await call(client, tool, **json.loads(arguments))
                for tool, arguments in CALL.findall(said)
            ]
            told = ["".join(figure) for figure in FIGURE.findall(CALL.sub("", said))]
            known = list(numbers(turns_answers))
            assert turns_answers
            assert told
            assert [figure for figure in told if not is_told(figure, known)] == []
            answers += turns_answers
    world.close()
    assert [answer.get("error") for answer in answers] == [None] * len(answers)
    waited = answers[2]
    assert (waited["state"], waited["watchdog"]) == ("ready", "seen")
    assert waited["access"]["ssh"].startswith("ssh -i ~/.ssh/id_ed25519 -p ")
    checked, _, ran, brought = answers[3:7]
    assert checked["verdict"] == "as_promised"
    unknown = {item["item"] for item in checked["items"] if item["verdict"] == "unknown"}
    assert "pcie_generation" in unknown
    assert (ran["job_was"], ran["state"], ran["untrusted_stdout"]) == ("started", "ended", "step 3")
    assert (brought["state"], brought["compared_by"]) == ("copied", "size and SHA-256")
    assert (files / "loss.txt").read_text(encoding="utf-8") == "step 1\nstep 2\nstep 3\n"
    assert world.living == []


def test_the_conversation_has_four_turns() -> None:
    """A section that is not found would be played in silence."""
    assert [len(CALL.findall(turn)) for turn in TURNS] == [3, 4, 2, 2]
