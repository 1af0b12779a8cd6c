"""vast-mcp: let an agent rent a GPU without renting two, overspending, or forgetting it."""

__version__ = "0.1.0"
