"""How hosts speak to their models: what they hand over is heard, what is played is written in their
events.
"""

from __future__ import annotations

import json
from typing import Any

from stand_in import PARTING, USED, Events, Heard, Json, Play, play


def written(name: str, data: Json) -> str:
    """One event that says its kind twice."""
    return f"event: {name}\ndata: {json.dumps({'type': name, **data})}\n\n"


# ── Claude Code and OpenCode: the Messages API ────────────────────────────────────────────────────


class Messages:
    """In Claude Code, tools wait behind ToolSearch until the model asks for them by name."""

    path = "/v1/messages"
    written = staticmethod(written)

    def __init__(self, prefix: str, play: Play = play, used: tuple[str, ...] = USED) -> None:
        self.prefix = prefix  # of the server's tools, as the host names them
        self.play, self.used = play, used

    def heard(self, request: Json) -> list[Heard]:
        blocks = [
            block
            for one in request["messages"]
            if isinstance(one["content"], list)
            for block in one["content"]
        ]
        names = {block["id"]: block["name"] for block in blocks if block["type"] == "tool_use"}
        answers = [
            (names[block["tool_use_id"]], block)
            for block in blocks
            if block["type"] == "tool_result"
        ]
        return [
            Heard(
                name.removeprefix(self.prefix), _text(block["content"]), bool(block.get("is_error"))
            )
            for name, block in answers
            if name.startswith(self.prefix)
        ]

    def reply(self, request: Json, turn: int) -> Events:
        offered = {tool["name"] for tool in request.get("tools", [])}
        ours = any(name.startswith(self.prefix) for name in offered)
        if not ours and "ToolSearch" not in offered:  # a title, a summary: none of ours
            return self._says(turn, "-")
        ask = self.play(self.heard(request))
        if ask is None:
            return self._says(turn, PARTING)
        name, arguments = self.prefix + ask.tool, ask.arguments
        if name not in offered:
            name, arguments = (
                "ToolSearch",
                {"query": "select:" + ",".join(self.prefix + one for one in self.used)},
            )
        block = {"type": "tool_use", "id": f"toolu_{turn}", "name": name, "input": {}}
        delta = {"type": "input_json_delta", "partial_json": json.dumps(arguments)}
        return self._message(turn, block, delta, "tool_use")

    def _says(self, turn: int, text: str) -> Events:
        return self._message(
            turn, {"type": "text", "text": ""}, {"type": "text_delta", "text": text}, "end_turn"
        )

    @staticmethod
    def _message(turn: int, block: Json, delta: Json, stop: str) -> Events:
        usage = {"input_tokens": 1, "output_tokens": 1}
        message = {
            "id": f"msg_{turn}",
            "type": "message",
            "role": "assistant",
            "model": "stand-in",
            "content": [],
        }
        return [
            ("message_start", {"message": message | {"stop_reason": None, "usage": usage}}),
            ("content_block_start", {"index": 0, "content_block": block}),
            ("content_block_delta", {"index": 0, "delta": delta}),
            ("content_block_stop", {"index": 0}),
            (
                "message_delta",
                {"delta": {"stop_reason": stop, "stop_sequence": None}, "usage": usage},
            ),
            ("message_stop", {}),
        ]


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "".join(block.get("text", "") for block in content)


# ── Codex: the Responses API ──────────────────────────────────────────────────────────────────────


class Responses:
    """Tools come in one namespace a server, named after it."""

    path = "/v1/responses"
    written = staticmethod(written)
    namespace = "mcp__vast"

    def __init__(self, play: Play = play) -> None:
        self.play = play

    def heard(self, request: Json) -> list[Heard]:
        calls = {
            item["call_id"]: item["name"]
            for item in request["input"]
            if item["type"] == "function_call" and item.get("namespace") == self.namespace
        }
        return [
            Heard(calls[item["call_id"]], _text(item["output"]), None)
            for item in request["input"]
            if item["type"] == "function_call_output" and item["call_id"] in calls
        ]

    def reply(self, request: Json, turn: int) -> Events:
        ask = self.play(self.heard(request))
        if ask is None:
            content = [{"type": "output_text", "text": PARTING}]
            item: Json = {
                "type": "message",
                "id": f"msg_{turn}",
                "role": "assistant",
                "content": content,
            }
        else:
            item = {
                "type": "function_call",
                "id": f"fc_{turn}",
                "call_id": f"call_{turn}",
                "namespace": self.namespace,
                "name": ask.tool,
                "arguments": json.dumps(ask.arguments),
            }
        usage = {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2}
        return [
            ("response.created", {"response": {"id": f"resp_{turn}"}}),
            ("response.output_item.done", {"output_index": 0, "item": item}),
            ("response.completed", {"response": {"id": f"resp_{turn}", "usage": usage}}),
        ]


# ── Gemini CLI: generateContent ───────────────────────────────────────────────────────────────────


def _said(response: Json) -> str:
    """A tool's answer as Gemini CLI hands it over: an error is the whole of what it was handed,
    as JSON after a sentence.
    """
    _, told, whole = response.get("error", "").partition(" with response: ")
    if told:
        [one] = json.loads(whole)
        return _text(one["functionResponse"]["response"]["content"])
    return "".join(response.values())


class GenerateContent:
    """Each event is a whole answer of its own."""

    path = r"/v1beta/models/[^/:]+:streamGenerateContent"
    prefix = "mcp_vast_"

    @staticmethod
    def written(_name: str, data: Json) -> str:
        return f"data: {json.dumps(data)}\n\n"

    def heard(self, request: Json) -> list[Heard]:
        answers = [
            part["functionResponse"]
            for one in request["contents"]
            for part in one["parts"]
            if "functionResponse" in part
        ]
        return [
            Heard(one["name"].removeprefix(self.prefix), _said(one["response"]), None)
            for one in answers
            if one["name"].startswith(self.prefix)
        ]

    def reply(self, request: Json, turn: int) -> Events:
        ask = play(self.heard(request))
        said: Json = {"text": PARTING}
        if ask is not None:
            # An argument of its own, which it adds to every tool and hands on to the server.
            arguments = ask.arguments | {"wait_for_previous": True}
            said = {"functionCall": {"name": self.prefix + ask.tool, "args": arguments}}
        content = {"role": "model", "parts": [said]}
        candidate = {"content": content, "finishReason": "STOP", "index": 0}
        return [("", {"candidates": [candidate], "usageMetadata": {"totalTokenCount": 2}})]
