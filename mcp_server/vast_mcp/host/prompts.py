"""Words a person can pick from a menu: each becomes their own message, so it may say what to do."""

from __future__ import annotations

import inspect
from collections.abc import Callable

from mcp.server import ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp.types import (
    INVALID_PARAMS,
    GetPromptRequestParams,
    GetPromptResult,
    ListPromptsResult,
    PaginatedRequestParams,
    Prompt,
    PromptArgument,
    PromptMessage,
    TextContent,
)

from vast_mcp import errors
from vast_mcp.errors import Problem
from vast_mcp.errors.refused import MOST_PROBLEMS
from vast_mcp.host import bounds
from vast_mcp.host.answering import refused
from vast_mcp.host.sessions import Sessions


def rent(what: str, budget_usd_per_hour: str = "") -> str:
    """Agree on a GPU and what it may cost, and get a machine that works."""
    limit = f" for at most {budget_usd_per_hour} dollars an hour" if budget_usd_per_hour else ""
    return (
        f"Get me a GPU machine on Vast.ai that works: {what}{limit}. First a dry_run of provision: "
        "show me what it would try, at which price an hour, and what the search costs at most, and "
        "wait for my yes. Then provision without it, and the same call until it is handed over. "
        "Give me the ssh line, what it costs per hour, that traffic is extra, whether and when it "
        "ends by itself, and how it is destroyed. If I want to choose the offer myself, "
        "search_offers and create_instance do that."
    )


def run(what: str, machine: str = "") -> str:
    """Run something on a machine, and see what came of it."""
    where = f" ({machine})" if machine else ""
    return (
        f"Run this on my Vast.ai machine{where}: {what}. Ask me where more than one could be "
        "meant, and check first that it is what its offer promised. Give the job a request_key, "
        "so that it never runs twice, and follow it to its end. Then tell me its exit status, how "
        "long it took and the end of its output, bring back the files that I name, and say what "
        "the machine bills on. Replace no file that differs, and stop or destroy nothing unasked."
    )


def status() -> str:
    """What runs, and how it is doing."""
    return (
        "Show what runs on my Vast.ai account: each machine with its state and since when, GPU, "
        "what it bills now, anything that failed or is still in doubt, and what to do about it. "
        "Change nothing."
    )


def cost() -> str:
    """What is being spent, and how long the credit lasts."""
    return (
        "What do my Vast.ai machines cost? Give what all bill now per hour and day, stopped disks "
        "and volumes included, what would bill on if all were stopped, the credit left, how many "
        "hours it lasts, and whether it is refilled by itself. Traffic is extra. Change nothing."
    )


def cleanup() -> str:
    """Destroy what is not needed any more."""
    return (
        "Help me clean up my Vast.ai account: list every machine and volume with what it bills, "
        "say which look forgotten, and destroy only those that I name. A plan of provision that "
        "still looks for machines is ended by provision with its request_key and cancel. Then show "
        "that nothing else is left billing."
    )


PROMPTS: dict[str, Callable[..., str]] = {
    prompt.__name__: prompt for prompt in (rent, run, status, cost, cleanup)
}


async def list_prompts(
    ctx: ServerRequestContext[Sessions],  # noqa: ARG001
    params: PaginatedRequestParams | None,  # noqa: ARG001
) -> ListPromptsResult:
    """The handler of prompts/list."""
    return ListPromptsResult(
        prompts=[
            Prompt(name=name, description=prompt.__doc__, arguments=_arguments(prompt))
            for name, prompt in PROMPTS.items()
        ]
    )


def _arguments(prompt: Callable[..., str]) -> list[PromptArgument]:
    return [
        PromptArgument(name=name, required=parameter.default is parameter.empty)
        for name, parameter in inspect.signature(prompt).parameters.items()
    ]


def _named(argument: PromptArgument) -> str:
    return argument.name if argument.required else f"{argument.name} (optional)"


async def get_prompt(
    ctx: ServerRequestContext[Sessions], params: GetPromptRequestParams
) -> GetPromptResult:
    """The handler of prompts/get. Raises MCPError with the error's JSON in its data for an unknown
    prompt or wrong arguments.
    """
    try:
        prompt = _known(params.name)
        text = prompt(**_words(params.name, prompt, params.arguments or {}))
    except errors.BadArguments as exc:
        data = refused(exc, ctx.lifespan_context.current)
        raise MCPError(INVALID_PARAMS, data["error"]["message"], data) from None
    content = TextContent(type="text", text=text)
    return GetPromptResult(
        description=prompt.__doc__, messages=[PromptMessage(role="user", content=content)]
    )


def _known(name: str) -> Callable[..., str]:
    """Raises BadArguments."""
    prompt = PROMPTS.get(name)
    if prompt is None:
        known = ", ".join(PROMPTS)
        problem = Problem("name", f"one of {known}")
        raise errors.BadArguments(f"There is no such prompt. Prompts: {known}.", problems=[problem])
    return prompt


def _words(name: str, prompt: Callable[..., str], given: dict[str, str]) -> dict[str, str]:
    """The words that a prompt is given; what is empty is absent. Raises BadArguments."""
    there = {argument: words for argument, words in given.items() if words.strip()}
    problems = bounds.beyond(given, {}) or [
        Problem(argument.name, "required")
        for argument in _arguments(prompt)
        if argument.required and argument.name not in there
    ]
    known = {argument.name for argument in _arguments(prompt)}
    takes = ", ".join(_named(argument) for argument in _arguments(prompt)) or "no arguments"
    problems += [
        Problem(bounds.shown((argument,)), f"unknown argument; it takes {takes}")
        for argument in given
        if argument not in known
    ][:MOST_PROBLEMS]
    if problems:
        first = problems[0]
        raise errors.BadArguments(
            f"{name} takes {takes}. {first.field}: {first.problem}.",
            problems=problems[:MOST_PROBLEMS],
        )
    return there
