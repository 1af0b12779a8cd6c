"""What hosts add for their own books is dropped with no word, whatever it holds; nothing that could
be meant is.
"""

from __future__ import annotations

from case import ABSENT, Case, Legal, answered, refused, rented, renting, sent
from house import a_machine
from rows_absence import on_a_machine

LONG = "- [x] search\n- [ ] rent\n" * 1000

ROWS: list[Case] = [
    Case(
        "task_progress",
        "create_instance",
        renting(task_progress=LONG),
        rented(task_progress=ABSENT),
    ),
    Case(
        "n8n's four",
        "show_account",
        {
            "sessionId": "a",
            "action": "sendMessage",
            "chatInput": "what runs?",
            "toolCallId": "call_1",
        },
        answered(),
    ),
    *[
        Case(name, "show_account", {name: value}, answered(credit_usd=lambda left: left > 0))
        for name, value in [
            ("random_string", "dummy"),
            ("requires_approval", False),
            ("wait_for_previous", True),
            ("waitForPreviousTools", False),
            ("explanation", "to see what is left"),
            ("dummy", 1),
            ("_dummy", ""),
            ("_placeholder", True),
            ("noParams", {}),
            ("__arg1", ""),
            ("__tool_use_purpose", "look"),
            ("toolAction", "Looking"),
            ("toolSummary", "Account"),
            ("security_risk", "LOW"),
            ("task_progress", None),
            ("_auth_auth_type", "admin"),
        ]
    ],
    Case(
        "a purpose beside an act",
        "manage_instance",
        on_a_machine(action="stop", explanation="done"),
        sent("stop"),
    ),
    Case(
        "a risk beside an end",
        "destroy_instance",
        lambda world: {
            "instance_ids": [a_machine(world)],
            "security_risk": {"level": "HIGH", "why": ["deletes"]},
        },
        answered(results=lambda rows: rows[0]["outcome"] == "destroyed"),
    ),
    Case("an odd value", "show_account", {"toolCallId": {"a": [1, [2, {"b": None}]]}}, answered()),
    Legal(
        "an action that is one of ours",
        "manage_instance",
        on_a_machine(action="stop"),
        sent("stop"),
    ),
    Legal(
        "an action that could be meant",
        "destroy_instance",
        {"instance_ids": [1], "action": "stop"},
        refused("action"),
    ),
    Legal(
        "a name like one of them",
        "create_instance",
        renting(explanations="x"),
        refused("explanations"),
    ),
    Legal(
        "a cap that is misspelt",
        "create_instance",
        renting(max_usd_per_our=1),
        refused("max_usd_per_our"),
    ),
]
