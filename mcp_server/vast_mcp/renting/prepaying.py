"""Paying ahead for a machine that exists (reserve): once, with a person's yes in any case, and
settled by Vast's balance of the machine where no answer came.

    the one in doubt before → contract, credit, limits → the person → announced → one PUT → balance
"""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, replace
from typing import Annotated

import anyio
from pydantic import Field

from vast_mcp import errors
from vast_mcp.account.whose import account_of
from vast_mcp.errors import Json, NextStep, Problem
from vast_mcp.journal.deposits import Deposit, State
from vast_mcp.leases import lifetimes
from vast_mcp.leases.labels import utc
from vast_mcp.machines import costs
from vast_mcp.machines.costs import price_of_row
from vast_mcp.renting import deposits
from vast_mcp.renting.consent import Consent
from vast_mcp.renting.limits import check_account, standing
from vast_mcp.renting.proposal import Proposal
from vast_mcp.renting.refusals import defect_after
from vast_mcp.renting.standing import Standing
from vast_mcp.renting.target import Target
from vast_mcp.session import Call, journal_may_fail
from vast_mcp.toolspec import Part
from vast_mcp.vast.deeds import may_have_happened
from vast_mcp.vast.models import Instance
from vast_mcp.vast.rates import Deposited, Prepaid

LOOKS = 3
# docs/vast-api.md C.8
DISCOUNT = (
    "Vast takes off about 20 % for a month paid ahead and 30 % for three, 40 to 50 % at most, less "
    "below a month, and says how much only afterwards."
)
FORFEITS = (
    "Destroying the machine gives back what is left, less the discount received and less 5 %."
)


class Reserved(Part):
    """What was paid ahead, and what a destroy would give back now."""

    paid_usd: Annotated[float | None, Field(description="By this call, or its lost one.")] = None
    months: Annotated[float | None, Field(description="That Vast counts for the discount.")] = None
    discount_percent: float | None = None
    refund_if_destroyed_usd: float | None = None
    recovered: Annotated[
        bool | None, Field(description="An earlier call had paid; nothing was sent now.")
    ] = None


@dataclass
class Reserving:
    """One payment ahead: `given` is all of the call, `again` the same call."""

    call: Call
    target: Target
    usd: float
    given: Json
    again: NextStep

    async def run(self) -> Reserved:
        """Pay, once. Raises what speaks against it before anything is sent; OutcomeUnknown, and
        Vast's refusals.
        """
        account = await account_of(self.call)
        consent: Consent | None = None
        while True:
            earlier = await self._settle_earlier(account)
            if earlier is not None:
                return earlier
            terms = await self._terms(account)
            consent = self._consent(terms, consent)
            if await consent.ask_always():
                self.target = await Target.read(self.call, self._id)
                continue
            await self.call.vast.turn_to_prepay()
            deposit = self._announce(account, terms, consent)
            if deposit is not None:
                return await self._pay(deposit, terms, consent)

    # ── what is known before ───────────────────────────────────────────────────────────────────

    @property
    def _id(self) -> int:
        return self.target.instance_id

    async def _settle_earlier(self, account: str) -> Reserved | None:
        """Settle the payment that is in doubt; what it came to, where this call wanted the same.
        Raises OutcomeUnknown while it stays in doubt.
        """
        found = self.call.journal.deposits.of(account, self._id)
        if not found or not found[0].in_doubt:
            return None
        earlier = found[0]
        if self.call.journal.deposits.may_fly(earlier):
            raise self._in_doubt(earlier, "is under way")
        said = await deposits.settle(self.call, earlier, _most(self.target.row))
        if said == "paid" and earlier.usd == self.usd:
            return await self._told(Prepaid(None, None), recovered=True)
        if said in {"paid", "absent"}:
            return None
        left = self.call.journal.deposits.of(account, self._id)[0]
        if left.in_doubt:
            raise self._in_doubt(earlier, "may have been paid: its answer was lost")
        return None  # no balance will ever tell: the person is told, and decides

    def _in_doubt(self, deposit: Deposit, what: str) -> errors.OutcomeUnknown:
        return errors.OutcomeUnknown(
            f"{deposit.usd:.2f} $ ahead for machine {self._id}, of {utc(deposit.made_at)}: it "
            f"{what}, and Vast's balance of the machine does not say yet. No other is sent "
            "meanwhile; the same call again looks, and pays nothing before that is settled.",
            instance_id=self._id,
            next_steps=[
                NextStep(self.again.tool, self.again.arguments, "looks again, in a minute or more"),
                NextStep("show_account", {}, "the credit, which it would have left"),
            ],
        )

    async def _terms(self, account: str) -> Terms:
        """Read all that speaks for or against it. Raises where something does."""
        row = self.target.row
        if row is None or not row.dph_total:
            raise errors.PriceUnknown(
                "What the machine costs cannot be read, and so not what is paid for.",
                instance_id=self._id,
                next_steps=[self.target.show("its price, once Vast shows it")],
            )
        self._check_length(row, row.dph_total)
        credit = (await self.call.vast.user()).credit
        if credit is not None and credit < self.usd:
            raise errors.InsufficientCredit(
                f"The account has {credit:.2f} $ of credit.",
                instance_id=self._id,
                next_steps=[NextStep("show_account", {}, "the credit and what bills")],
            )
        before = await self.call.vast.deposit(self._id)
        seen = await standing(self.call)
        self._check_limits(seen, account, row)
        earlier = self.call.journal.deposits.of(account, self._id)
        if earlier and earlier[0].in_doubt:  # another call began meanwhile
            raise self._in_doubt(earlier[0], "is under way")
        return Terms(row, row.dph_total, credit, before, seen, earlier)

    def _check_length(self, row: Instance, usd_per_hour: float) -> None:
        """Raises BadArguments where it pays for longer than the contract goes on."""
        if not row.end_date:
            return
        most = max(0.0, row.end_date - self.call.now()) / 3600 * usd_per_hour
        if self.usd > most:
            raise errors.bad(
                "manage_instance",
                [Problem("amount_usd", f"at most {int(most * 100) / 100:.2f}: its contract ends "
                         f"at {utc(row.end_date)}")],
            )  # fmt: skip

    def _check_limits(self, seen: Standing | None, account: str, row: Instance) -> None:
        check_account(
            self.call, seen, account, price_of_row(row), instance_id=self._id, paid_usd=self.usd
        )

    # ── the person ─────────────────────────────────────────────────────────────────────────────

    def _consent(self, terms: Terms, before: Consent | None) -> Consent:
        """A yes is to one more payment beside those that the person was told of: another one since
        then is asked about anew.
        """
        given = {**self.given, "paid_before": terms.last}
        proposal = Proposal(self.again.tool, given, self._question(terms), self.again, None)
        if before is None:
            return Consent(self.call, proposal)
        return replace(before, proposal=proposal)

    def _question(self, terms: Terms) -> str:
        """What a person agrees to: what leaves the credit, what it brings, and what is lost."""
        row, hours = terms.row, self.usd / terms.usd_per_hour
        said = [
            f"Pay {self.usd:.2f} $ ahead for {self.target.named}?",
            f"At {terms.usd_per_hour:.4f} $/h that is {hours:.1f} hours.",
            f"{DISCOUNT} {FORFEITS}",
        ]
        if terms.credit is not None:
            left = terms.credit - self.usd
            said.append(f"Of {terms.credit:.2f} $ of credit {left:.2f} $ are left.")
        ends = lifetimes.end_of(self.call, self._id, row)
        if ends is not None:
            said.append(f"Its lease destroys it at {utc(ends)}.")
        if row.end_date:
            said.append(f"Its contract ends at {utc(row.end_date)}.")
        said.append("Stopped, it may lose its GPU all the same.")
        said += map(_earlier, terms.told)
        return " ".join(said)

    # ── the payment ────────────────────────────────────────────────────────────────────────────

    def _announce(self, account: str, terms: Terms, consent: Consent) -> Deposit | None:
        """Announce it; None where another call paid meanwhile, of which nobody was told."""
        journal = self.call.journal
        with journal.alone():
            found = journal.deposits.of(account, self._id)
            if found and found[0].in_doubt:
                raise self._in_doubt(found[0], "is under way")
            if _last(found) != terms.last:
                return None
            self._check_limits(terms.seen, account, terms.row)
            consent.spend()
            before = terms.before
            return journal.deposits.announce(
                account, self._id, self.usd, before.refundable_usd, before.months
            )

    async def _pay(self, deposit: Deposit, terms: Terms, consent: Consent) -> Reserved:
        """Send it, whatever becomes of the caller meanwhile."""
        prepaid: Prepaid | None = None
        with anyio.CancelScope(shield=True):
            prepaid = await self._send(deposit, consent)
        if prepaid is None:
            return await self._look_for(deposit, terms)
        return await self._told(prepaid)

    async def _send(self, deposit: Deposit, consent: Consent) -> Prepaid | None:
        """Send it; None where no answer came that settles it. Raises Vast's refusals."""
        deposits, announced = self.call.journal.deposits, time.monotonic()
        try:
            prepaid = await self.call.vast.prepay(
                self._id, self.usd, may_leave=lambda: deposits.may_leave(deposit, announced)
            )
        except errors.VastMcpError as exc:
            if may_have_happened(exc):
                self._note(deposit, "unknown")
                return None
            consent.give_back()
            self._note(deposit, "refused")
            exc.instance_id = self._id
            raise
        except Exception as exc:
            self._note(deposit, "unknown")
            raise defect_after(exc) from exc
        self._note(deposit, "paid")
        return prepaid

    def _note(self, deposit: Deposit, state: State) -> None:
        """A journal that fails leaves it in doubt, and the balance settles it."""
        with journal_may_fail:
            self.call.journal.deposits.settle(deposit, state)

    async def _look_for(self, deposit: Deposit, terms: Terms) -> Reserved:
        """Look at the balance until it shows a payment whose answer was lost. Raises
        OutcomeUnknown.
        """
        for attempt in range(LOOKS):
            if attempt and not await self.call.another_look():
                break
            try:
                said = await deposits.settle(self.call, deposit, terms.usd_per_hour)
            except errors.VastMcpError:
                continue
            if said == "paid":
                return await self._told(Prepaid(None, None))
        raise self._in_doubt(deposit, "may have been paid: its answer was lost")

    async def _told(self, prepaid: Prepaid, *, recovered: bool = False) -> Reserved:
        """What the answer says, with what a destroy gives back from now on, where that is told."""
        now: Deposited | None = None
        with contextlib.suppress(errors.VastMcpError):
            now = await self.call.vast.deposit(self._id)
        months = prepaid.months if now is None else now.months
        discount = None if prepaid.discount is None else prepaid.discount * 100
        return Reserved(
            paid_usd=self.usd,
            months=costs.rounded(months, 3),
            discount_percent=costs.rounded(discount, 2),
            refund_if_destroyed_usd=None if now is None else round(now.refundable_usd, 2),
            recovered=recovered or None,
        )


@dataclass(frozen=True)
class Terms:
    """What was read before: the machine and its price in $/h, the credit, what is paid ahead so
    far, what the limits count, and the journal's payments for it, the newest first.
    """

    row: Instance
    usd_per_hour: float
    credit: float | None
    before: Deposited
    seen: Standing | None
    earlier: list[Deposit]

    @property
    def last(self) -> int | None:
        """The newest payment that may have been paid, as the journal numbers it."""
        return _last(self.earlier)

    @property
    def told(self) -> list[Deposit]:
        """What a person has to know of those: the newest, and the newest that may have been paid,
        the older one first.
        """
        ids = {self.last, *(one.id for one in self.earlier[:1])}
        return [one for one in reversed(self.earlier) if one.id in ids]


def _last(deposits: list[Deposit]) -> int | None:
    return next((one.id for one in deposits if one.may_be_paid), None)


def _most(row: Instance | None) -> float | None:
    """The most that a machine may have cost since, in $/h; None where it is not listed."""
    return None if row is None else row.dph_total


def _earlier(deposit: Deposit) -> str:
    """The payment before this one, as a person has to know it."""
    usd, at = deposit.usd, utc(deposit.made_at)
    match deposit.state:
        case "paid":
            return f"{usd:.2f} $ were paid ahead for it at {at} already."
        case "refused" | "absent":
            return f"A payment of {usd:.2f} $ for it at {at} came to nothing."
        case "sending" | "unknown" | "undecided":
            return f"{usd:.2f} $ may have been paid ahead for it at {at}: its answer was lost."
