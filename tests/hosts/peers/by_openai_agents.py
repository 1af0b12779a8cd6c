"""The Agents SDK: schemas as they are, and `convert_schemas_to_strict`."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from agents import Agent, FunctionTool, RunContextWrapper
from agents.mcp import MCPServerStdio, MCPUtil
from agents.tool_context import ToolContext
from peer import ANSWERS_WITHIN, SERVER_ENV, Json, Peer, main, said


@asynccontextmanager
async def opened(command: str) -> AsyncIterator[Peer]:
    params = {"command": command, "env": SERVER_ENV}
    # Its own limit is 5 seconds for every answer, and ours waits for machines (docs/hosts-more.md).
    async with MCPServerStdio(params, client_session_timeout_seconds=ANSWERS_WITHIN) as server:
        tools: dict[bool, dict[str, FunctionTool]] = {}
        for strict in (False, True):
            found = await MCPUtil.get_function_tools(
                server, strict, RunContextWrapper(None), Agent(name="peer")
            )
            tools[strict] = {tool.name: tool for tool in found}

        async def call(name: str, arguments: Json) -> str:
            words = json.dumps(arguments)
            context = ToolContext(None, tool_name=name, tool_call_id="1", tool_arguments=words)
            answer = await tools[True][name].on_invoke_tool(context, words)
            return said(answer["text"] if isinstance(answer, dict) else answer)

        # What cannot be made strict it hands over as it was, with no word: it is left out here.
        handed = {
            name: {
                tool.name: tool.params_json_schema
                for tool in tools[strict].values()
                if tool.strict_json_schema is strict
            }
            for name, strict in (("as it is", False), ("strict", True))
        }
        yield Peer(handed, call)


main(opened)
