"""The answer of a command that records an event: the loan before and after it, and what that books."""

from collections.abc import Sequence
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
    if session.as_json(output_format, output):
        show(_document(context, effect), format=output_format, output=output, lang=context.lang)
    elif output is None and output_format in {None, Format.TABLE}:
        _tables(context, effect)
    elif effect.entries or output is not None:
        show(_entries(effect), format=output_format, output=output, title=_title(context, effect), lang=context.lang)
    else:
        talk(context, "effect.no_entries", day=effect.open_day)
    _tell_late(context, effect)


def answer_all(
    context: Context,
    effects: Sequence["Effect"],
    head: dict[str, Any],
    *,
    output_format: Format | None,
    output: Path | None,
) -> None:
    """Show what one thing does to any number of loans, as one answer; in JSON `head` says what that thing is."""
    if session.as_json(output_format, output):
        document = {**head, "loans": [_document(context, effect) for effect in effects]}
        show(document, format=output_format, output=output, lang=context.lang)
    elif output is None and output_format in {None, Format.TABLE}:
        for effect in effects:
            _tables(context, effect)
    else:
        rows = [{"loan_id": _loan_id(effect), **row} for effect in effects for row in _entries(effect)]
        title = _title(context, effects[0]) if effects else ""
        show(rows, format=output_format, output=output, title=title, lang=context.lang)
    for effect in effects:
        _tell_late(context, effect)


def _loan_id(effect: "Effect") -> str:
    return effect.after.contract.loan_id


def _title(context: Context, effect: "Effect") -> str:
    return say("effect.entries", context.lang, day=effect.open_day)


def _document(context: Context, effect: "Effect") -> dict[str, Any]:
    return {
        "loan_id": _loan_id(effect),
        "as_of": effect.after.as_of,
        "open_day": effect.open_day,
        "events": [
            {"key": event.key, "what": event.kind.value, "on": event.effective_on, "payload": event.payload}
            for event in effect.events
        ],
        "positions": _positions(context, effect),
        "instalments": _instalments(effect),
        "entries": _entries(effect),
    }


def _tables(context: Context, effect: "Effect") -> None:
    positions, instalments = _positions(context, effect), _instalments(effect)
    unused = set() if any(row["claim_fen"] for row in positions) else {"claim_fen"}
    spoken = [
        {key: value for key, value in row.items() if key not in unused}
        | {"loan": say(f"change.{row['loan']}", context.lang)}
        for row in positions
    ]
    show(spoken, title=_loan_id(effect), lang=context.lang)
    if instalments:
        show(instalments, title=say("effect.instalments", context.lang), lang=context.lang)
    if effect.entries:
        show(_entries(effect), title=_title(context, effect), lang=context.lang)
    else:
        talk(context, "effect.no_entries", day=effect.open_day)


def _tell_late(context: Context, effect: "Effect") -> None:
    """An event of the past may make a loan late that was not: nobody should have to find that out from a column."""
    before, after = (position["days_past_due"] for position in _positions(context, effect))
    if after > before:
        talk(context, "effect.later", loan_id=_loan_id(effect), before=before, after=after, day=effect.after.as_of)


def _positions(context: Context, effect: "Effect") -> list[dict[str, Any]]:
    ageing = session.ageing(context)
    return [
        {"loan": "before", **_position(effect.before, ageing)},
        {"loan": "after", **_position(effect.after, ageing)},
    ]


def _position(at_day: "Life", ageing: "Ageing") -> dict[str, Any]:
    from loancli.servicing.bookings import written_off

    position, lost = at_day.position, written_off(at_day.movements)
    standing = ageing.standing(at_day)
    return {
        "status": position.status,
        "principal_outstanding_fen": position.principal_outstanding_fen,
        "due_fen": position.due_fen + position.penalty_accrued_fen,
        "of_it_penalty_fen": position.penalty_due_fen + position.penalty_accrued_fen,
        "days_past_due": standing.days_past_due,
        "asset_class": standing.asset_class,
        "claim_fen": lost["written_off_fen"] - lost["recovered_fen"],
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


def _entries(effect: "Effect") -> list[dict[str, Any]]:
    return [row for entry in effect.entries for row in _entry(entry)]


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
