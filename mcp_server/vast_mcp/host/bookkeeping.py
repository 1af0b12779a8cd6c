"""Arguments that hosts add for their own books: they mean nothing to a tool, and nobody who could
leave them out sees that they are refused. So they are dropped with no word, whatever they hold.

Each name with who adds it, and where that was seen. None is an argument of ours or another word for
one: a price cap that was meant must never vanish here.
"""

from __future__ import annotations

from typing import Any

from vast_mcp.errors import Json

ADDED = {
    "task_progress": "Cline (cline/cline#10426, #8256)",
    "requires_approval": "Cline, of its own commands, and those built on it",
    "wait_for_previous": "Gemini CLI (MemPalace/mempalace#322)",
    "waitForPreviousTools": "Windsurf, Antigravity: their tools' declarations",
    "toolAction": "Windsurf, Antigravity: their transcripts",
    "toolSummary": "Windsurf, Antigravity: their transcripts",
    "explanation": "Cursor, of its own tools",
    "random_string": "Cursor, for a tool without required arguments",
    "dummy": "hosts whose model must give each tool an argument",
    "_dummy": "the same",
    "_placeholder": "OpenCode with Gemini (NoeFabris/opencode-antigravity-auth#163)",
    "noParams": "Amazon Q, Kiro (kirodotdev/Kiro#6044)",
    "__tool_use_purpose": "Kiro CLI 2",
    "__toolUsePurpose": "Kiro CLI 3",
    "toolCallId": "n8n (n8n-io/n8n#21500)",
    "tool": "n8n (n8n-io/n8n#21500, #17264)",
    "sessionId": "n8n, from its chat (CodeAlive-AI/codealive-mcp)",
    "chatInput": "n8n, from its chat (CodeAlive-AI/codealive-mcp)",
    "security_risk": "OpenHands (OpenHands/software-agent-sdk#300)",
    "__arg1": "LangChain, of a tool with one text",
    "_auth_auth_type": "mcpproxy (smart-mcp-proxy/mcpproxy-go#322)",
}
# Of an argument that could be meant, only this value is a host's.
ADDED_WITH = {"action": "sendMessage"}  # n8n's chat (CodeAlive-AI/codealive-mcp)


def without(given: Json, known: Json) -> Json:
    """The arguments without what a host added. What the tool has of that name is its own."""
    return {
        name: value for name, value in given.items() if name in known or not _is_added(name, value)
    }


def _is_added(name: str, value: Any) -> bool:
    return name in ADDED or (name in ADDED_WITH and value == ADDED_WITH[name])
