"""loancli payment: repayments received, and those that a person must place."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from loancli.cli import session
from loancli.cli.borrower import UnmaskOption
from loancli.cli.loan import LoanArgument
from loancli.cli.options import DryRunOption, FormatOption, OutputOption, context_of
from loancli.cli.render import show
from loancli.core.mask import mask_name
from loancli.texts import Lang, say

if TYPE_CHECKING:
    from sqlite3 import Connection

app = typer.Typer()
NAME_MAX = 20  # a longer name in a note is not looked for
UNMATCHED_SCREEN = ("payment_id", "paid_on", "amount_fen", "payer", "note", "reason", "candidates")


@app.command("list")
def list_(
    ctx: typer.Context,
    loan: Annotated[str | None, typer.Option("--loan", help="Only this loan's.")] = None,
    output_format: FormatOption = None,
    output: OutputOption = None,
    unmask: UnmaskOption = False,
) -> None:
    """List the repayments received, where each was placed and why."""
    from loancli.ledger import loans, receipts

    context = context_of(ctx)
    with session.ledger(context) as db:
        if loan is not None:
            loans.record(db, loan)
        found = receipts.receipts(db, loan_id=loan)
        names = _names(db)
    rows = [_row(each, context.lang, ("state", "loan_id"), names, unmask=unmask) for each in found]
    show(rows, format=output_format, output=output, title="payments", lang=context.lang)


@app.command()
def unmatched(
    ctx: typer.Context, output_format: FormatOption = None, output: OutputOption = None, unmask: UnmaskOption = False
) -> None:
    """List the payments that wait for a person, with the loans that something speaks for."""
    from loancli.ledger import receipts

    context = context_of(ctx)
    with session.ledger(context) as db:
        found = receipts.receipts(db, state="suspense")
        names = _names(db)
    rows = []
    for each in found:
        choices = [
            f"{choice['loan_id']} ({', '.join(say(f'reason.{reason}', context.lang) for reason in choice['reasons'])})"
            for choice in each["candidates"]
        ]
        rows.append({**_row(each, context.lang, (), names, unmask=unmask), "candidates": choices})
    show(rows, format=output_format, output=output, title="unmatched", screen=UNMATCHED_SCREEN, lang=context.lang)


def _names(db: "Connection") -> frozenset[str]:
    """The names that borrowers go by, to be masked in notes."""
    from loancli.ledger import borrowers

    people = borrowers.find(db).values()
    return frozenset(name for person in people for name in (person.name, *person.aliases))


def _row(
    each: dict[str, Any], lang: Lang, more: tuple[str, ...], names: frozenset[str], *, unmask: bool
) -> dict[str, Any]:
    reason, payer, note = each["reason"], each["counterparty"], each["note"] or each["item"]
    if not unmask:
        parts = {note[at:end] for at in range(len(note)) for end in range(at + 2, min(at + NAME_MAX, len(note)) + 1)}
        note = session.masked(note, [payer, *(parts & names)])
        payer = mask_name(payer)
    return {
        "payment_id": each["payment_id"],
        "paid_on": each["paid_on"],
        "amount_fen": each["amount_fen"],
        "channel": each["channel"],
        "payer": payer,
        "note": note,
        **{name: each[name] for name in more},
        "reason": reason if reason.startswith("by ") else say(f"reason.{reason}", lang),
        "file": f"{each['file']}:{each['line']}",
    }


@app.command()
def match(
    ctx: typer.Context,
    payment_id: Annotated[
        int, typer.Argument(min=1, max=session.NUMBER_MAX, help="The payment's number in `payment unmatched`.")
    ],
    loan_id: LoanArgument,
    dry_run: DryRunOption = False,
) -> None:
    """Place a waiting payment on a loan; it counts from the day it was paid."""
    from loancli.jobs.place_payment import place_payment

    context = context_of(ctx)
    with session.change(context, dry_run=dry_run) as db:
        is_new = place_payment(db, payment_id=payment_id, loan_id=loan_id, stamp=session.stamp(context))
    key = "payment.placed" if is_new else "payment.same"
    session.tell(context, key, dry_run=dry_run, payment=payment_id, loan_id=loan_id)
