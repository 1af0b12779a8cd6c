"""The side of the MCP host: what is listed, how a call is answered, over stdio and over HTTP."""
