"""LangChain's adapters: tools as OpenAI's API takes them, strict and not."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from langchain_core.utils.function_calling import convert_to_openai_tool
from langchain_mcp_adapters.sessions import create_session
from langchain_mcp_adapters.tools import load_mcp_tools
from peer import SERVER_ENV, Json, Peer, main


@asynccontextmanager
async def opened(command: str) -> AsyncIterator[Peer]:
    connection = {"transport": "stdio", "command": command, "args": [], "env": SERVER_ENV}
    async with create_session(connection) as session:
        await session.initialize()
        tools = {tool.name: tool for tool in await load_mcp_tools(session)}

        async def call(name: str, arguments: Json) -> str:
            asked = {"type": "tool_call", "id": "1", "name": name, "args": arguments}
            return (await tools[name].ainvoke(asked)).text

        def converted(*, strict: bool) -> dict[str, Json]:
            return {
                name: convert_to_openai_tool(tool, strict=strict)["function"]["parameters"]
                for name, tool in tools.items()
            }

        yield Peer({"as it is": converted(strict=False), "strict": converted(strict=True)}, call)


main(opened)
