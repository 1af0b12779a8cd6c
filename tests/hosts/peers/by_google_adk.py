"""Google's Agent Development Kit: schemas as they are, and in the older form of Gemini's own."""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from google.adk.agents import LlmAgent
from google.adk.agents.invocation_context import InvocationContext
from google.adk.features import FeatureName
from google.adk.features._feature_registry import temporary_feature_override
from google.adk.sessions import InMemorySessionService
from google.adk.tools.mcp_tool import McpToolset, StdioConnectionParams
from google.adk.tools.tool_context import ToolContext
from mcp import StdioServerParameters
from peer import ANSWERS_WITHIN, SERVER_ENV, Json, Peer, main, said


async def a_conversation() -> InvocationContext:
    """What a tool is told of the conversation that it is called in."""
    sessions = InMemorySessionService()
    session = await sessions.create_session(app_name="peer", user_id="peer")
    return InvocationContext(
        session_service=sessions,
        invocation_id=str(uuid.uuid4()),
        agent=LlmAgent(name="peer", model="none"),
        session=session,
    )


@asynccontextmanager
async def opened(command: str) -> AsyncIterator[Peer]:
    server = StdioServerParameters(command=command, env=SERVER_ENV)
    toolset = McpToolset(
        connection_params=StdioConnectionParams(server_params=server, timeout=ANSWERS_WITHIN)
    )
    try:
        tools = {tool.name: tool for tool in await toolset.get_tools()}
        conversation = await a_conversation()

        async def call(name: str, arguments: Json) -> str:
            context = ToolContext(conversation, function_call_id=str(uuid.uuid4()))
            answer = await tools[name].run_async(args=arguments, tool_context=context)
            return said(answer.get("structuredContent", answer))

        declared = {name: tool._get_declaration() for name, tool in tools.items()}
        with temporary_feature_override(FeatureName.JSON_SCHEMA_FOR_FUNC_DECL, False):
            older = {name: tool._get_declaration() for name, tool in tools.items()}
        handed = {
            "as it is": {name: one.parameters_json_schema for name, one in declared.items()},
            "Gemini's": {
                name: one.parameters.model_dump(mode="json", by_alias=True, exclude_none=True)
                for name, one in older.items()
            },
        }
        yield Peer(handed, call)
    finally:
        await toolset.close()


main(opened)
