"""What the caller wants to rent, made from the arguments and the settings alone.

The body of the request mirrors Vast's (docs/vast-api.md A.2). Nothing is read, nothing is sent, and
nothing that an order holds is changed later: label and lease are added to a copy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from vast_mcp import errors
from vast_mcp.errors import Json, NextStep, Problem
from vast_mcp.journal.plan_records import TryOf
from vast_mcp.journal.records import token_of
from vast_mcp.leases.labels import lease_of
from vast_mcp.renting import env_rules, image_rules, onstart, onstart_file, rules, template_hashes
from vast_mcp.renting.defaults import DEFAULT_IMAGE, DEFAULT_LABEL
from vast_mcp.renting.kept_secrets import kept_env, kept_login
from vast_mcp.renting.logins import login_in
from vast_mcp.renting.onstart import mended, onstart_of
from vast_mcp.settings import Settings

# What may hold secrets is never repeated in an answer.
PRIVATE = frozenset({"env", "image_login", "onstart", "args", "args_str"})

# Arguments that say how a wish is carried out, not what is wished for.
_GUARDS = {
    *("request_key", "allow_unresolved", "max_usd_per_hour", "lease_hours", "check", "dry_run"),
}
_STAYS_HERE = {*PRIVATE, "env_from", "image_login_from"}
_NOT_IN_BODY = {"offer_id", "label", "env_from", "image_login_from", *_GUARDS}


@dataclass(frozen=True)
class Order:
    """What the caller wants: the whole call, and the request that it is to become."""

    given: Json = field(repr=False)  # the call's arguments, a file's text as its onstart
    body: Json = field(repr=False)  # of the request, without label and lease
    lease_hours: float | None = None  # the call's, else the person's
    notes: tuple[str, ...] = ()  # what an answer says of the arguments
    file: str | None = None  # the path that onstart was read from
    try_of: TryOf | None = None  # the try of a plan that it is

    @property
    def offer_id(self) -> int:
        return self.given["offer_id"]

    @property
    def label(self) -> str:
        return self.given.get("label", DEFAULT_LABEL)

    @property
    def script(self) -> str | None:
        """The onstart as a shell reads it, before packing."""
        given = self.given.get("onstart")
        return None if given is None else mended(given)

    @property
    def bid(self) -> float | None:
        """$/h that an interruptible machine is rented at; None on demand."""
        return self.body.get("price")

    @property
    def kind(self) -> Literal["on_demand", "interruptible"]:
        if self.bid is None:
            return "on_demand"
        return "interruptible"

    @property
    def market(self) -> Literal["on-demand", "bid"]:
        """The market that it is priced in, as a search names it."""
        if self.bid is None:
            return "on-demand"
        return "bid"

    @property
    def is_vm(self) -> bool:
        return bool(self.body.get("vm"))

    @property
    def volume_is_new(self) -> bool:
        """Whether a volume is made with the machine."""
        return bool(self.body.get("volume_info", {}).get("create_new"))

    @property
    def max_usd_per_hour(self) -> float | None:
        return self.given.get("max_usd_per_hour")

    @property
    def request_key(self) -> str | None:
        return self.given.get("request_key")

    @property
    def allow_unresolved(self) -> bool:
        """Whether doubts of other wishes are no hindrance. Only a key of its own may say so."""
        return bool(self.request_key and self.given.get("allow_unresolved"))

    @property
    def dry_run(self) -> bool:
        return bool(self.given.get("dry_run"))

    @property
    def wished(self) -> Json:
        """The arguments by which two orders are the same wish."""
        return {name: value for name, value in self.given.items() if name not in _GUARDS}

    @property
    def told_apart_by(self) -> Json:
        """What names the wish on every computer: its key, else the arguments that are neither
        secret nor names of what this computer keeps.
        """
        if self.request_key is not None:
            return {"request_key": self.request_key}
        return {name: value for name, value in self.wished.items() if name not in _STAYS_HERE}

    @property
    def hides(self) -> bool:
        """Whether an answer may not repeat the call, since it may hold secrets."""
        return not PRIVATE.isdisjoint(self.spoken)

    @property
    def spoken(self) -> Json:
        """The arguments as they were spoken: a file by its path, without its text."""
        if self.file is None:
            return self.given
        return {name: value for name, value in self.given.items() if name != "onstart"} | {
            onstart_file.FIELD: self.file
        }

    @property
    def again(self) -> NextStep:
        """The same call, where an answer may repeat it; else the look that settles it."""
        if self.hides:
            return NextStep(
                "show_instances",
                {},
                "looks for the machine and goes on settling; then the same create_instance call, "
                "unchanged",
            )
        return NextStep(
            "create_instance", self.spoken, "the same call: goes on settling, rents nothing twice"
        )

    @property
    def secrets(self) -> list[str]:
        """Values of this call that no error may repeat."""
        logins = [held.get("image_login", "") for held in (self.given, self.body)]
        words = " ".join(logins).split()
        scripts = [self.given.get("onstart", ""), self.given.get("args_str", "")]
        env: dict[str, str] = self.given.get("env", {})
        return [*env.values(), *logins, *words, *scripts, *self.given.get("args", [])]


def order_of(
    given: Json, settings: Settings, left_out: Sequence[str] = (), file: str | None = None
) -> Order:
    """The order that valid arguments make, checked as far as that asks nobody.

    `given`: without the arguments that were left out; `left_out`: Docker options that env had;
    `file`: the path of the onstart that is given.
    Raises BadArguments, or OverLimit for a lease.
    """
    body = _plain_body(given)
    problems: list[Problem] = []
    for part, found in (
        kept_env(given, settings),
        _login(given, body, settings),
        onstart_of(given),
    ):
        body |= part
        problems += found
    env: dict[str, str] = body.get("env", {})
    problems += env_rules.problems_of(env, given.get("env_from", []))
    problems += image_rules.problems_of(body.get("image"))
    problems += template_hashes.problems_of(given.get("template_hash_id"))
    problems += _label_problems(given.get("label"))
    named = {problem.field for problem in problems}
    problems += [problem for problem in rules.contradictions(body) if problem.field not in named]
    if problems:
        spoken = problems if file is None else onstart_file.named_as_spoken(problems)
        raise _bad(given, spoken)
    notes = [
        *image_rules.warnings_of(body.get("image")),
        *env_rules.warnings_of(env, left_out),
        *onstart.warnings_of(given),
        *rules.warnings_of(body),
    ]
    return Order(given, body, _lease_hours(given, settings), tuple(notes), file)


def _bad(given: Json, problems: Sequence[Problem]) -> errors.BadArguments:
    """The refusal; where a template's hash is wrong, with the call that shows hashes."""
    refused = errors.bad("create_instance", problems)
    if any(problem.field == template_hashes.FIELD for problem in problems):
        refused.next_steps = template_hashes.steps_of(given[template_hashes.FIELD])
    return refused


def masked(body: Json) -> Json:
    """A body as an answer may show it: names of variables, sizes of scripts, no values."""
    hidden = {name: _masked(body[name]) for name in PRIVATE & body.keys()}
    return body | hidden


def _masked(value: Any) -> Any:
    if isinstance(value, dict):
        return dict.fromkeys(cast("Json", value), "***")
    if isinstance(value, str):
        return f"*** ({len(value)} characters)"
    return f"*** ({len(value)} arguments)"


# ── the parts of a body ────────────────────────────────────────────────────────────────────────


def _plain_body(given: Json) -> Json:
    """What was given, and the documented defaults that must not be left to chance."""
    body = {name: value for name, value in given.items() if name not in _NOT_IN_BODY}
    if "image" not in body and "template_hash_id" not in body:
        body["image"] = DEFAULT_IMAGE
    # Sent always: Vast's own client sends false, and a machine that cannot start then bills its
    # disk (docs/vast-api.md A.7).
    on_demand = "price" not in body
    runs = body.get("target_state", "running") == "running"
    body.setdefault("cancel_unavail", on_demand and runs)
    if "volume_info" in body:
        body["volume_info"] = {"create_new": False} | body["volume_info"]
    return body


def _login(given: Json, body: Json, settings: Settings) -> tuple[Json, list[Problem]]:
    """The registry login as Vast takes it, given or kept, and what is wrong with it."""
    kept, problems = kept_login(given, settings)
    if problems:
        return kept, problems
    field = "image_login_from" if kept else "image_login"
    return login_in(body | kept, field)


_ENDS_AS_A_LEASE = Problem("label", "must not end in lease-until=…: lease_hours puts that there")
_ENDS_AS_A_TOKEN = Problem(
    "label", "must not end in # and 16 hexadecimal digits: vast-mcp marks its machines so"
)


def _label_problems(label: str | None) -> list[Problem]:
    """A name must not end as what is put behind it."""
    if lease_of(label) is not None:
        return [_ENDS_AS_A_LEASE]
    if token_of(label) is not None:
        return [_ENDS_AS_A_TOKEN]
    return []


def _lease_hours(given: Json, settings: Settings) -> float | None:
    """How long the rental may live, where it has a lease. Raises OverLimit."""
    hours: float | None = given.get("lease_hours", settings.lease_hours)
    longest = settings.limits.max_lease_hours
    if hours is None or longest is None or hours <= longest:
        return hours
    raise errors.OverLimit(
        f"A lease of {hours:g} hours is over the {longest:g} that are allowed "
        "(VAST_MCP_MAX_LEASE_HOURS, set by the person).",
        problems=[Problem("lease_hours", f"at most {longest:g}")],
    )
