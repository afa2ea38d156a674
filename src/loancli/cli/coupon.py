"""loancli coupon: coupons that pay interest in the borrower's place."""

from typing import Annotated

import typer

from loancli.cli.loan_event import REFERENCE, OnOption, answered, record
from loancli.cli.options import DifficultyOption, DryRunOption, FormatOption, OutputOption, amount, context_of
from loancli.core.errors import InputError
from loancli.core.event import Event, EventKind
from loancli.core.money import yuan
from loancli.core.rates import PPM, percent, share_ppm_of

app = typer.Typer()


@app.callback()
def group() -> None:
    """Coupons that pay interest in the borrower's place."""


@app.command()
def redeem(
    ctx: typer.Context,
    code: Annotated[str, typer.Argument(help="The coupon's number: it is redeemed once, on one loan.")],
    loan_id: Annotated[str, typer.Option("--loan", metavar="LOAN_ID", help="The loan whose interest it pays.")],
    worth: Annotated[
        int, typer.Option("--amount", parser=amount, metavar="YUAN", help="How much interest it pays at most.")
    ] = "0",  # type: ignore[assignment]
    share: Annotated[
        str, typer.Option("--share", help="The part of each interest that it pays, such as 50%.")
    ] = "100%",
    instalments: Annotated[
        int | None, typer.Option("--instalments", min=1, max=600, help="For so many instalments with interest.")
    ] = None,
    on: OnOption = None,
    in_difficulty: DifficultyOption = None,
    dry_run: DryRunOption = False,
    output_format: FormatOption = None,
    output: OutputOption = None,
) -> None:
    """Redeem a coupon: it pays interest that is due, then interest as it falls due, until it is used up."""
    context = context_of(ctx)
    if REFERENCE.fullmatch(code) is None:
        raise typer.BadParameter("1 to 40 letters, digits, - and _", param_hint="CODE")
    share_ppm = share_ppm_of(share)
    if not 0 < share_ppm <= PPM:
        raise InputError("share: a part of the interest lies above 0% and is at most 100%")
    if not worth and instalments is None:
        raise InputError("coupon: say what bounds it: --amount, --instalments, or both")
    payload = {"coupon": code, "amount_fen": worth or None, "share_ppm": share_ppm, "instalments": instalments}
    payload |= answered(in_difficulty)
    event = Event(
        key=f"coupon/{code}",
        loan_id=loan_id,
        kind=EventKind.COUPON_REDEEMED,
        effective_on=on or context.as_of,
        payload=payload,
        actor=context.actor,
    )
    told = {"share": percent(share_ppm), "amount": yuan(worth) if worth else "-", "instalments": instalments or "-"}
    record(context, event, "event.coupon", dry_run, output_format, output, code=code, **told)
