"""The least that can be served with the SDK: what start-up is measured against."""

from mcp.server import MCPServer

server = MCPServer("hello")


@server.tool()
def add(a: int, b: int) -> int:
    """Adds two numbers."""
    return a + b


if __name__ == "__main__":
    server.run("stdio")
