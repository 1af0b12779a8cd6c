"""Words a person can pick from a menu: each becomes their own message, so it may say what to do."""

from __future__ import annotations

from mcp.server.mcpserver import MCPServer

from vast_mcp.session import Session


def rent(what: str, budget_usd_per_hour: str = "") -> str:
    """Find a GPU, agree on it, rent it and get in."""
    limit = f" for at most {budget_usd_per_hour} dollars an hour" if budget_usd_per_hour else ""
    return (
        f"Rent a GPU machine on Vast.ai: {what}{limit}. Search, show me three offers with price "
        f"per hour, location, "
        "reliability and available hours, and wait for my choice before create_instance. Then wait "
        "until it is ready "
        "and give me the ssh line, what it costs per hour, and how it is destroyed."
    )


def status() -> str:
    """What runs, and how it is doing."""
    return (
        "Show what runs on my Vast.ai account: each machine with state, GPU, price per hour and "
        "age, anything that "
        "failed or is still in doubt, and what to do about it. Change nothing."
    )


def cost() -> str:
    """What is being spent, and how long the credit lasts."""
    return (
        "What do my Vast.ai machines cost? Give the burn per hour and day, stopped machines and "
        "volumes included, the "
        "credit left and how many hours it lasts. Change nothing."
    )


def cleanup() -> str:
    """Destroy what is not needed any more."""
    return (
        "Help me clean up my Vast.ai account: list every machine and volume with what it bills, "
        "say which look "
        "forgotten, and destroy only those that I name. Then show that nothing else is left "
        "billing."
    )


def publish(server: MCPServer[Session]) -> None:
    """Add the prompts."""
    for prompt in (rent, status, cost, cleanup):
        server.prompt(name=prompt.__name__, description=prompt.__doc__)(prompt)
