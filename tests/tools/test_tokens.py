"""What the tools cost before the first call: every host puts their names, words and input schemas
into each talk.

Tokens are estimated from characters, so that no tokenizer is needed. Measured with o200k_base: 4.02
characters a token for all tools, 3.90 for create_instance. The divisors below are smaller, so the
estimates are above the measure.
"""

import json
from typing import Any

import anyio
import pytest

from house import served
from vast_mcp.environment import load
from vast_mcp.sandbox.world import World
from vast_mcp_tools import CATALOGUE

ALL_TOOLS = 6_500


@pytest.fixture(scope="module")
def characters(tmp_path_factory: Any) -> Any:
    """How long each tool is as compact JSON, by name, as a client is shown it."""
    settings = load({}, home=tmp_path_factory.mktemp("home"), sandbox=True)

    async def tools() -> Any:
        async with served(World(), settings) as client:
            return [
                tool.model_dump(mode="json", by_alias=True)
                for tool in (await client.list_tools()).tools
            ]

    def length(tool: Any) -> Any:
        shown = {key: tool[key] for key in ("name", "description", "inputSchema")}
        return len(json.dumps(shown, ensure_ascii=False, separators=(",", ":")))

    return {tool["name"]: length(tool) for tool in anyio.run(tools)}


def test_all_tools_together_cost_at_most_6500_tokens(characters: Any) -> None:
    """Hosts without a tool search pay for the whole catalogue in every talk."""
    assert characters.keys() == {spec.name for spec in CATALOGUE}
    assert sum(characters.values()) / 4.0 <= ALL_TOOLS


def test_the_largest_tool_costs_at_most_1450_tokens(characters: Any) -> None:
    """create_instance has the most arguments, and no tool may grow past it."""
    assert max(characters, key=characters.get) == "create_instance"
    assert characters["create_instance"] / 3.6 <= 1_450
