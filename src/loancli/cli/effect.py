"""The answer of a command that records an event: the loan before and after it, and what that books."""

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loancli.cli import session
from loancli.cli.options import Context, Format
from loancli.cli.render import show, talk
from loancli.texts import say

if TYPE_CHECKING:
    from loancli.core.entry import Entry
    from loancli.core.loan import InstalmentState
    from loancli.jobs.record_event import Effect
    from loancli.servicing.delinquency import Ageing
    from loancli.servicing.life import Life


def answer(context: Context, effect: "Effect", *, output_format: Format | None, output: Path | None) -> None:
    """Show an effect: the loan before and after, the instalments that change, the entries of the open day."""
    ageing = session.ageing(context)
    positions = [
        {"loan": "before", **_position(effect.before, ageing)},
        {"loan": "after", **_position(effect.after, ageing)},
    ]
    instalments = _instalments(effect)
    entries = [row for entry in effect.entries for row in _entry(entry)]
    if session.as_json(output_format, output):
        events = [
            {"key": event.key, "what": event.kind.value, "on": event.effective_on, "payload": event.payload}
            for event in effect.events
        ]
        document = {
            "loan_id": effect.after.contract.loan_id,
            "as_of": effect.after.as_of,
            "open_day": effect.open_day,
            "events": events,
            "positions": positions,
            "instalments": instalments,
            "entries": entries,
        }
        show(document, format=output_format, output=output, lang=context.lang)
        _tell_late(context, effect, positions)
        return
    loan_id = effect.after.contract.loan_id
    if output is None and output_format in {None, Format.TABLE}:
        spoken = [{**row, "loan": say(f"change.{row['loan']}", context.lang)} for row in positions]
        show(spoken, title=loan_id, lang=context.lang)
        if instalments:
            show(instalments, title=say("effect.instalments", context.lang), lang=context.lang)
    if entries or output is not None:
        title = say("effect.entries", context.lang, day=effect.open_day)
        show(entries, format=output_format, output=output, title=title, lang=context.lang)
    else:
        talk(context, "effect.no_entries", day=effect.open_day)
    _tell_late(context, effect, positions)


def _tell_late(context: Context, effect: "Effect", positions: list[dict[str, Any]]) -> None:
    """An event of the past may make a loan late that was not: nobody should have to find that out from a column."""
    before, after = (position["days_past_due"] for position in positions)
    if after > before:
        loan_id = effect.after.contract.loan_id
        talk(context, "effect.later", loan_id=loan_id, before=before, after=after, day=effect.after.as_of)


def _position(at_day: "Life", ageing: "Ageing") -> dict[str, Any]:
    position = at_day.position
    standing = ageing.standing(at_day)
    return {
        "status": position.status,
        "principal_outstanding_fen": position.principal_outstanding_fen,
        "due_fen": position.due_fen + position.penalty_accrued_fen,
        "of_it_penalty_fen": position.penalty_due_fen + position.penalty_accrued_fen,
        "days_past_due": standing.days_past_due,
        "asset_class": standing.asset_class,
        "credit_fen": position.credit_fen,
        "next_due_on": position.next_due_on,
        "next_due_fen": position.next_due_fen,
    }


def _instalments(effect: "Effect") -> list[dict[str, Any]]:
    """The instalments of which anything that is asked or paid is another."""
    before = {state.number: state for state in effect.before.asked}
    after = {state.number: state for state in effect.after.asked}
    rows = []
    for number in sorted({*before, *after}):
        old, new = _sides(before.get(number)), _sides(after.get(number))
        if old != new:
            rows.append(
                {
                    "number": number,
                    "due_on": new[0] or old[0],
                    "due_before_fen": old[1],
                    "due_after_fen": new[1],
                    "unpaid_before_fen": old[2],
                    "unpaid_after_fen": new[2],
                }
            )
    return rows


def _sides(state: "InstalmentState | None") -> tuple[date | None, int, int]:
    return (state.due_on, state.due_fen, state.unpaid_fen) if state else (None, 0, 0)


def _entry(entry: "Entry") -> list[dict[str, Any]]:
    what, _, key = entry.cause.partition(":")
    return [
        {
            "value_on": entry.value_on,
            "what": what,
            "key": key,
            "takes_back": bool(entry.reverses),
            "amount_fen": leg.amount_fen,
            "debit": leg.debit,
            "credit": leg.credit,
        }
        for leg in entry.legs
    ]
