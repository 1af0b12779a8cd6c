"""Pydantic AI: what it hands OpenAI's models when strict, and Google's."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastmcp.client.transports import StdioTransport
from peer import SERVER_ENV, Json, Peer, main, said
from pydantic_ai.exceptions import ModelRetry
from pydantic_ai.mcp import MCPToolset
from pydantic_ai.messages import ToolReturn
from pydantic_ai.models.test import TestModel
from pydantic_ai.profiles.google import GoogleJsonSchemaTransformer
from pydantic_ai.profiles.openai import OpenAIJsonSchemaTransformer
from pydantic_ai.tools import RunContext
from pydantic_ai.usage import RunUsage


@asynccontextmanager
async def opened(command: str) -> AsyncIterator[Peer]:
    async with MCPToolset(StdioTransport(command, [], env=SERVER_ENV)) as toolset:
        context = RunContext(deps=None, model=TestModel(), usage=RunUsage())
        tools = await toolset.get_tools(context)
        schemas = {name: tool.tool_def.parameters_json_schema for name, tool in tools.items()}

        async def call(name: str, arguments: Json) -> str:
            tool = tools[name]
            taken = tool.args_validator.validate_python(arguments)
            try:
                answer = await toolset.call_tool(name, taken, context, tool)
            except ModelRetry as problem:  # an error, which its model reads
                return problem.message
            # Of a tool that has a page the rest is for that page.
            return said(answer.return_value if isinstance(answer, ToolReturn) else answer)

        def converted(transformer: type, *, strict: bool) -> dict[str, Json]:
            return {name: transformer(one, strict=strict).walk() for name, one in schemas.items()}

        handed = {
            "as it is": schemas,
            "OpenAI, strict": converted(OpenAIJsonSchemaTransformer, strict=True),
            "Google": converted(GoogleJsonSchemaTransformer, strict=False),
        }
        yield Peer(handed, call)


main(opened)
