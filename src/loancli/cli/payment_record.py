"""loancli payment record: a repayment that no payment export shows, such as a bank transfer or cash."""

from typing import Annotated

import typer

from loancli.cli import session
from loancli.cli.effect import answer
from loancli.cli.loan_event import AmountArgument, LoanArgument, OnOption, ReferenceOption, check_reference
from loancli.cli.options import DryRunOption, FormatOption, OutputOption, context_of
from loancli.cli.render import talk
from loancli.core.money import yuan
from loancli.texts import say


def record(
    ctx: typer.Context,
    loan_id: LoanArgument,
    received: AmountArgument,
    channel: Annotated[str, typer.Option("--channel", help="How it came: bank, cash or other.")] = "bank",
    on: OnOption = None,
    reference: ReferenceOption = "",
    another: Annotated[
        bool, typer.Option("--another", help="It is another payment than the one of that day and amount; with --ref.")
    ] = False,
    dry_run: DryRunOption = False,
    output_format: FormatOption = None,
    output: OutputOption = None,
) -> None:
    """Record a repayment that no payment export shows: it counts from the day it was paid; once for each --ref.

    An export that shows a payment of that loan, day and amount later, or one under that number, waits for a person.
    """
    from loancli.jobs.record_payment import TellPayment, record_payment
    from loancli.ledger.receipts import CHANNELS_BY_HAND

    context = context_of(ctx)
    check_reference(reference)
    if channel not in CHANNELS_BY_HAND:
        raise typer.BadParameter(
            f"'{channel}' is not one of {', '.join(CHANNELS_BY_HAND)}; what came over Alipay or WeChat is in their"
            " exports: loancli import",
            param_hint="--channel",
        )
    if another and not reference:
        raise typer.BadParameter("needs --ref, which tells it from the other", param_hint="--another")
    told = TellPayment(
        loan_id=loan_id,
        amount_fen=received,
        on=on or context.as_of,
        channel=channel,
        reference=reference,
        is_another=another,
    )
    with session.change(context, dry_run=dry_run) as db:
        payment_id, effect = record_payment(db, told, stamp=session.stamp(context))
    if effect is None:
        talk(context, "payment.recorded_same", payment=payment_id, loan_id=loan_id)
        return
    answer(context, effect, output_format=output_format, output=output)
    session.tell(context, "payment.recorded", dry_run=dry_run, payment=payment_id, loan_id=loan_id, day=told.on,
                 amount=yuan(received), channel=say(f"channel.{channel}", context.lang))  # fmt: skip
