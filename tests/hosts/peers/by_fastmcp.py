"""FastMCP's client, which converts nothing."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastmcp.client import Client
from fastmcp.client.transports import StdioTransport
from fastmcp.exceptions import ToolError
from peer import SERVER_ENV, Json, Peer, main, said


@asynccontextmanager
async def opened(command: str) -> AsyncIterator[Peer]:
    async with Client(StdioTransport(command, [], env=SERVER_ENV)) as client:
        tools = await client.list_tools()

        async def call(name: str, arguments: Json) -> str:
            try:
                answer = await client.call_tool(name, arguments)
            except ToolError as problem:
                return str(problem)
            return said(answer.structured_content)

        yield Peer({"as it is": {tool.name: tool.input_schema for tool in tools}}, call)


main(opened)
