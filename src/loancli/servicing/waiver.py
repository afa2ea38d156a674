"""What is due of a loan waived by the words of a change, so that many loans are waived as their plans are changed."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from fractions import Fraction
from itertools import takewhile

from loancli.core.errors import RefusedError
from loancli.core.event import Event, EventKind
from loancli.core.money import rounded
from loancli.core.rates import PPM
from loancli.plan.changes import EVERY_PART, Waive
from loancli.plan.rows import Plan
from loancli.servicing.acts import check
from loancli.servicing.contract import Contract
from loancli.servicing.life import life, walked
from loancli.servicing.replan import Replan, plan_lived


def waive(
    contract: Contract, events: Sequence[Event], change: Waive, on: date, *, key: str, told: str, actor: str
) -> Replan:
    """The waiver of a day, with what the instalments ask for without and with it, penalty among their fees.

    Raises RefusedError where nothing is due, or less than is to be waived.
    """

    def event_of(amount_fen: int) -> Event:
        payload = {"amount_fen": amount_fen, "part": change.part, "reason": told, "change": told}
        return Event(
            key=key,
            loan_id=contract.loan_id,
            kind=EventKind.AMOUNT_WAIVED,
            effective_on=on,
            payload=payload,
            actor=actor,
        )

    due_fen = _taken_fen(contract, [*events, event_of(contract.principal_fen * 1_000)], on, key)
    amount_fen = change.amount_fen
    if amount_fen is None:
        amount_fen = rounded(Fraction(due_fen * change.share_ppm, PPM), contract.product.rounding)
    if not due_fen or not amount_fen:
        if change.part == EVERY_PART:
            raise RefusedError(f"waive: nothing that can be waived of loan {contract.loan_id} is due on {on}")
        raise RefusedError(f"waive: no {change.part} of loan {contract.loan_id} is due on {on}")
    event = event_of(amount_fen)
    check(contract, events, event, today=on)
    # A waiver of nothing: by it penalty that has run up to the day stands in the instalments before as it does after.
    before, after = (_plan(contract, [*events, each], on) for each in (event_of(0), event))
    return Replan(before=before, after=after, event=event)


def _taken_fen(contract: Contract, events: Sequence[Event], on: date, key: str) -> int:
    """What a waiver of more than is owed takes off."""
    moved = life(contract, events, on).movements
    return sum(each.amount_fen for each in moved if each.cause == f"waived:{key}" and each.debit == "expense:waived")


def _plan(contract: Contract, events: Sequence[Event], on: date) -> Plan:
    walk, _ = walked(contract, events, on)
    walk.accrue(on)
    rows = walk.contract.rows[: walk.contract.maturity_number]
    lines = walk.lines[: len(rows)]
    plan = plan_lived(walk, contract, rows, len(list(takewhile(lambda line: line.closed, lines))))
    told = [row._replace(fee_fen=row.fee_fen + line.due["penalty"]) for row, line in zip(plan.rows, lines, strict=True)]
    return replace(plan, rows=tuple(told))
