"""What MCP sees: the server, its answers, its schemas, resources and prompts."""
