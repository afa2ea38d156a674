"""loancli payment: repayments received, and those that a person must place."""

from typing import Annotated, Any

import typer

from loancli.cli import session
from loancli.cli.loan import LoanArgument
from loancli.cli.options import DryRunOption, FormatOption, OutputOption, context_of
from loancli.cli.render import show, talk
from loancli.core.mask import mask_name
from loancli.texts import Lang, say

app = typer.Typer()
UNMATCHED_SCREEN = ("payment_id", "paid_on", "amount_fen", "payer", "note", "reason", "candidates")


@app.command("list")
def list_(
    ctx: typer.Context,
    loan: Annotated[str | None, typer.Option("--loan", help="Only this loan's.")] = None,
    output_format: FormatOption = None,
    output: OutputOption = None,
) -> None:
    """List the repayments received, where each was placed and why."""
    from loancli.ledger import statements

    context = context_of(ctx)
    with session.ledger(context) as db:
        found = statements.receipts(db, loan_id=loan)
    rows = [_row(each, context.lang, ("state", "loan_id")) for each in found]
    show(rows, format=output_format, output=output, title="payments", lang=context.lang)


@app.command()
def unmatched(ctx: typer.Context, output_format: FormatOption = None, output: OutputOption = None) -> None:
    """List the payments that wait for a person, with the loans that something speaks for."""
    from loancli.ledger import statements

    context = context_of(ctx)
    with session.ledger(context) as db:
        found = statements.receipts(db, state="suspense")
    rows = []
    for each in found:
        choices = [
            f"{choice['loan_id']} ({', '.join(say(f'reason.{reason}', context.lang) for reason in choice['reasons'])})"
            for choice in each["candidates"]
        ]
        rows.append({**_row(each, context.lang, ()), "candidates": choices})
    show(rows, format=output_format, output=output, title="unmatched", screen=UNMATCHED_SCREEN, lang=context.lang)


def _row(each: dict[str, Any], lang: Lang, more: tuple[str, ...]) -> dict[str, Any]:
    reason = each["reason"]
    return {
        "payment_id": each["payment_id"],
        "paid_on": each["paid_on"],
        "amount_fen": each["amount_fen"],
        "channel": each["channel"],
        "payer": mask_name(each["counterparty"]) if each["counterparty"] else "",
        "note": each["note"] or each["item"],
        **{name: each[name] for name in more},
        "reason": reason if reason.startswith("by ") else say(f"reason.{reason}", lang),
        "file": f"{each['file']}:{each['line']}",
    }


@app.command()
def match(
    ctx: typer.Context,
    payment_id: Annotated[int, typer.Argument(help="The payment's number in `payment unmatched`.")],
    loan_id: LoanArgument,
    dry_run: DryRunOption = False,
) -> None:
    """Place a waiting payment on a loan; it counts from the day it was paid."""
    from loancli.jobs.place_payment import place_payment

    context = context_of(ctx)
    with session.change(context, dry_run=dry_run) as db:
        is_new = place_payment(db, payment_id=payment_id, loan_id=loan_id, stamp=session.stamp(context))
    talk(context, "payment.placed" if is_new else "payment.same", payment=payment_id, loan_id=loan_id)
