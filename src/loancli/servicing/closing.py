"""Close a loan: what stands in the way, and the waivers by which a small rest no longer does.

A payment that was a few fen short leaves its rest in what it pays last, which is principal; and principal is not
waived. So of a rest of principal it is asked what the last payment need not have paid: penalty, fees or interest that
were due on its day. Waived then, they leave the money for the principal.
"""

from collections.abc import Sequence
from datetime import date

from loancli.core.errors import RefusedError
from loancli.core.event import Event, EventKind
from loancli.core.money import yuan
from loancli.servicing.contract import Contract
from loancli.servicing.life import Life, Quote, active_events, life, quote


def waivers(
    contract: Contract, events: Sequence[Event], on: date, *, limit_fen: int, reason: str, actor: str
) -> list[Event]:
    """The waivers that settle a loan on a day; none where it is settled. At most `limit_fen` is waived in all.

    Raises RefusedError, which names what stands in the way.
    """
    lived = life(contract, events, on)
    loan_id, position = contract.loan_id, lived.position
    if position.status == "settled":
        return []
    if position.status in {"signed", "cancelled"}:
        raise RefusedError(f"close: loan {loan_id} is not paid out on {on}")
    if position.status == "written_off":
        raise RefusedError(
            f"close: loan {loan_id} is written off; for what comes in: loancli loan recover {loan_id} YUAN"
        )
    if position.status == "open":
        raise RefusedError(f"close: nothing of {loan_id} is in use, but {yuan(position.free_fen)} yuan may be drawn")
    days = _days(events, on)
    rest_fen = min(quote(contract, events, day).to_pay_fen for day in days)  # penalty has grown since the last payment
    if rest_fen > limit_fen:
        owed = quote(contract, events, on)
        parts = {"principal": owed.principal_fen, "interest": owed.interest_fen, "fee": owed.fee_fen,
                 "penalty": owed.penalty_fen}  # fmt: skip
        told = ", ".join(f"{part} {yuan(fen)}" for part, fen in parts.items() if fen)
        raise RefusedError(
            f"close: {yuan(owed.to_pay_fen)} yuan is still to be paid on {on} ({told}), more than may be waived,"
            f" {yuan(limit_fen)}; take the payment, or allow more with --waive-up-to"
        )
    for day in days:
        found = _on(contract, events, day, reason=reason, actor=actor)
        is_enough = bool(found) and life(contract, [*events, *found], on).position.status == "settled"
        if is_enough and sum(event.payload["amount_fen"] for event in found) <= limit_fen:
            return found
    raise RefusedError(
        f"close: the rest of {yuan(rest_fen)} yuan is principal, and nothing that could be waived was due when it was"
        f" left; write it off: loancli loan write-off {loan_id} --reason …"
    )


def _days(events: Sequence[Event], on: date) -> list[date]:
    """The days on which a waiver may settle the loan: this one, and that of the last payment before it."""
    paid = [event for event in active_events(events, on) if event.kind is EventKind.PAYMENT_RECEIVED]
    return sorted({on, *(event.effective_on for event in paid[-1:])}, reverse=True)


def _on(contract: Contract, events: Sequence[Event], day: date, *, reason: str, actor: str) -> list[Event]:
    """The waivers of a day over what was missing on it to settle the loan; none where too little could be waived."""
    missing_fen = quote(contract, events, day).to_pay_fen
    before = [
        event
        for event in events
        if event.effective_on < day or (event.effective_on == day and event.kind is not EventKind.PAYMENT_RECEIVED)
    ]
    found = []
    for part, due_fen in _due(life(contract, before, day)).items():
        part_fen = min(missing_fen, due_fen)
        missing_fen -= part_fen
        if part_fen:
            payload = {"amount_fen": part_fen, "part": part, "reason": reason}
            key = f"close/{contract.loan_id}/{day}/{part}"
            turn = sum(event.key.partition("#")[0] == key for event in events)  # one that was taken back since
            found.append(
                Event(
                    key=f"{key}#{turn + 1}" if turn else key,
                    loan_id=contract.loan_id,
                    kind=EventKind.AMOUNT_WAIVED,
                    effective_on=day,
                    payload=payload,
                    actor=actor,
                )
            )
    return [] if missing_fen else found


def _due(lived: Life) -> dict[str, int]:
    """What is due and unpaid and may be waived, in this order: what is not the price of the loan goes first."""
    due = [state for state in lived.instalments if state.is_due]
    position = lived.position
    return {
        "penalty": position.penalty_due_fen + position.penalty_accrued_fen,
        "fee": sum(state.fee_fen - state.paid_fee_fen for state in due),
        "interest": sum(state.interest_fen - state.paid_interest_fen for state in due),
    }


def saved_fen(at_day: Life, asked: Quote) -> int:
    """What settling a loan by a quote of the day saves against paying on to the end: interest and fees never asked for.

    Of a revenue plan, as far as its next instalments are known or expected.
    """
    contract, position = at_day.contract, at_day.position
    ahead = [state for state in at_day.instalments if not state.is_due]
    later_fen = sum(state.fee_fen - state.paid_fee_fen for state in ahead)
    if contract.product.fixed_fee:  # whatever the revenue, all of it falls due
        earned = [each.amount_fen for each in at_day.movements if each.credit == "income:interest"]
        later_fen += sum(row.interest_fen for row in contract.rows) - sum(earned)
    else:
        later_fen += sum(state.interest_fen - state.paid_interest_fen for state in ahead)
    due_fen = position.interest_due_fen + position.fee_due_fen
    return max(0, later_fen + due_fen - asked.interest_fen - asked.fee_fen)
