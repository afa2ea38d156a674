"""loancli loan: sign loans, and see where they stand on any day."""

from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

import typer

from loancli.cli import session
from loancli.cli.class_told import class_fields, class_sentence
from loancli.cli.explain import cost_sum, why
from loancli.cli.history import seasoned
from loancli.cli.line import check_kind, limit_of
from loancli.cli.loan_close import close
from loancli.cli.loan_event import REFERENCE, LoanArgument, check_channel, check_reference
from loancli.cli.loan_event import app as events_app
from loancli.cli.loan_import import import_
from loancli.cli.loan_list import list_
from loancli.cli.loan_track import track
from loancli.cli.options import Context, DryRunOption, Format, FormatOption, OutputOption, amount, context_of, day
from loancli.cli.plan_options import (
    FirstDueOption,
    InstalmentOption,
    PeriodsOption,
    PrincipalOption,
    RowsOption,
    StartOption,
)
from loancli.cli.plan_shown import cost_of, plan_rows, plan_screen, plan_summary, price_key
from loancli.cli.render import show, talk
from loancli.core.errors import RefusedError
from loancli.core.money import yuan
from loancli.servicing.bookings import forgiven, written_off
from loancli.servicing.delinquency import OVER

if TYPE_CHECKING:
    from loancli.core.loan import InstalmentState
    from loancli.servicing.delinquency import Ageing
    from loancli.servicing.life import Life

app = typer.Typer()
app.add_typer(events_app)
ChannelOption = Annotated[str, typer.Option("--channel", help="How it is paid out: bank, alipay or wechat.")]


@app.command("open")
def open_(
    ctx: typer.Context,
    borrower: Annotated[str, typer.Option("--borrower", metavar="ID", help="Who borrows.")],
    product: Annotated[str, typer.Option("--product", help="A product's code, or the path of its file.")],
    principal: PrincipalOption,
    start: StartOption = None,
    periods: PeriodsOption = None,
    first_due: FirstDueOption = None,
    rows_file: RowsOption = None,
    instalment: InstalmentOption = None,
    loan_id: Annotated[str | None, typer.Option("--loan-id", help="Your number for it; else the next LN……")] = None,
    channel: ChannelOption = "bank",
    first_draw: Annotated[
        int,
        typer.Option("--first-draw", parser=amount, metavar="YUAN", help="Of a credit line: what is paid out at once."),
    ] = "0",  # type: ignore[assignment]
    dry_run: DryRunOption = False,
    output_format: FormatOption = None,
    output: OutputOption = None,
) -> None:
    """Sign a loan and pay it out: the plan is shown, its cost is held to the legal ceiling, then it is booked."""
    from loancli.jobs.open_loan import Signing, next_loan_id, open_loans
    from loancli.plan.ceilings import Outcome

    context = context_of(ctx)
    check_channel(channel)
    terms = seasoned(context, session.product(context, product), borrower, None)
    if first_draw:
        check_kind(terms, "first_draw")
    plan, verdict = cost_of(
        context, terms, principal, start or context.as_of, periods, first_due, rows_file, instalment
    )
    if verdict.outcome is Outcome.REFUSED:
        raise RefusedError(cost_sum(verdict, context.lang))
    if loan_id is not None and REFERENCE.fullmatch(loan_id) is None:
        raise typer.BadParameter("1 to 40 letters, digits, - and _, for payers to quote", param_hint="--loan-id")
    with session.change(context, dry_run=dry_run) as db:
        number = next_loan_id(db) if loan_id is None else loan_id
        signing = Signing(loan_id=number, borrower_id=borrower, plan=plan, channel=channel, first_draw_fen=first_draw)
        new = open_loans(db, [signing], calendar=session.calendar(context), stamp=session.stamp(context))
    rows, summary = plan_rows(plan, context), {"loan_id": number, **plan_summary(plan, verdict)}
    if session.as_json(output_format, output):
        show({**summary, "rows": rows}, format=output_format, output=output, lang=context.lang)
    else:
        show(rows, format=output_format, output=output, title=number, screen=plan_screen(plan), lang=context.lang)
    if verdict.outcome is Outcome.WARN:
        talk(context, "loan.cost_warning", sentence=cost_sum(verdict, context.lang))
    if new and not dry_run and terms.line:
        talk(context, "loan.line_opened", loan_id=number, limit=yuan(plan.principal_fen), drawn=yuan(first_draw))
        return
    talk(context, "loan.dry_run" if dry_run else "loan.opened" if new else "loan.same", loan_id=number)


@app.command()
def draw(
    ctx: typer.Context,
    loan_id: LoanArgument,
    drawn: Annotated[int, typer.Argument(parser=amount, metavar="YUAN", help="What is paid out to the borrower.")],
    on: Annotated[
        date | None, typer.Option("--on", parser=day, metavar="DATE", help="The day it was paid out; else --as-of.")
    ] = None,
    channel: ChannelOption = "bank",
    reference: Annotated[
        str,
        typer.Option("--ref", help="Your number of the draw: tells a second one of the same day, amount and channel."),
    ] = "",
    dry_run: DryRunOption = False,
) -> None:
    """Draw on a credit line within its free limit; the same draw again is nothing new."""
    from loancli.jobs.draw_line import Draw, draw_line
    from loancli.jobs.settle import gather
    from loancli.servicing.life import life

    context = context_of(ctx)
    check_channel(channel)
    check_reference(reference)
    asked = Draw(loan_id=loan_id, on=on or context.as_of, amount_fen=drawn, channel=channel, reference=reference)
    with session.change(context, dry_run=dry_run) as db:
        is_new = draw_line(db, asked, stamp=session.stamp(context))
        contract, found = gather(db, [loan_id])[loan_id]
    position = life(contract, found, asked.on).position
    told = {"drawn": yuan(drawn), "in_use": yuan(position.principal_outstanding_fen), "free": yuan(position.free_fen)}
    key = "loan.drawn" if is_new else "loan.drawn_same"
    session.tell(context, key, dry_run=dry_run, loan_id=loan_id, day=asked.on, **told)


app.command("import")(import_)
app.command("list")(list_)


@app.command("show")
def show_(
    ctx: typer.Context, loan_id: LoanArgument, output_format: FormatOption = None, output: OutputOption = None
) -> None:
    """Show a loan on --as-of: where it stands, every instalment, what was paid, and why each is what it is."""
    context = context_of(ctx)
    from loancli.jobs.classes import class_of

    ageing = session.ageing(context)
    with session.ledger(context) as db:
        at_day, classed = class_of(db, loan_id, context.as_of, ageing)
    rows = _instalments(at_day, context)
    if session.as_json(output_format, output):
        head = _head(at_day, ageing, class_fields(classed))
        show({**head, "instalments": rows}, format=output_format, output=output, lang=context.lang)
        return
    if output is None and output_format in {None, Format.TABLE}:
        show(_head(at_day, ageing, class_sentence(classed, context)), title=loan_id, lang=context.lang)
    parts = [part for part in ("fee_fen", "penalty_fen") if any(row[part] for row in rows)]
    screen = ("number", "due_on", "state", "due_fen", *parts, "paid_fen", "paid_on", "why")
    show(rows, format=output_format, output=output, title=loan_id, screen=screen, lang=context.lang)


def _life(context: Context, loan_id: str) -> "Life":
    from loancli.jobs.settle import gather
    from loancli.ledger import loans
    from loancli.servicing.life import life

    with session.ledger(context) as db:
        loans.record(db, loan_id)
        contract, events = gather(db, [loan_id])[loan_id]
    return life(contract, events, context.as_of)


def _head(at_day: "Life", ageing: "Ageing", classed: dict[str, Any]) -> dict[str, Any]:
    contract, position = at_day.contract, at_day.position
    lost = written_off(at_day.movements)
    standing = ageing.standing(at_day)
    return {
        "loan_id": contract.loan_id,
        "borrower_id": contract.borrower_id,
        "product": contract.product.code,
        "as_of": at_day.as_of,
        "status": position.status,
        "signed_on": contract.signed_on,
        "principal_fen": contract.principal_fen,
        **limit_of(at_day),
        "principal_outstanding_fen": position.principal_outstanding_fen,
        "due_fen": position.due_fen + position.penalty_accrued_fen,
        "of_it_penalty_fen": position.penalty_due_fen + position.penalty_accrued_fen,
        "days_past_due": standing.days_past_due,
        "bucket": standing.bucket,
        **classed,
        "next_due_on": position.next_due_on,
        "next_due_fen": position.next_due_fen,
        "credit_fen": position.credit_fen,
        "paid_total_fen": position.paid_total_fen,
        **(lost if lost["written_off_fen"] else {}),
    }


def _instalments(at_day: "Life", context: Context) -> list[dict[str, Any]]:
    rows = []
    given_up = forgiven(at_day.movements)
    is_ended = at_day.position.status in OVER
    for state in at_day.asked:
        if state.number > at_day.contract.maturity_number and not state.due_fen:
            continue  # a window that the term has not run on into
        is_over = is_ended and not state.due_fen  # nothing is left for it to ask for
        lost = given_up.get(state.number, {})
        told = why(state.reason, context.lang, fee_fen=state.fee_fen, penalty_fen=state.penalty_fen, forgiven_fen=lost)
        rows.append(
            {
                "number": state.number,
                "due_on": state.due_on,
                "state": "written_off" if "written_off" in lost else _state(state, is_over=is_over),
                "due_fen": state.due_fen,
                "principal_fen": state.principal_fen,
                price_key(at_day.contract.product): state.interest_fen,
                "fee_fen": state.fee_fen,
                "penalty_fen": state.penalty_fen,
                "paid_fen": state.paid_fen,
                "paid_on": state.paid_on,
                "why": "" if is_over and not lost else told,
            }
        )
    return rows


def _state(state: "InstalmentState", *, is_over: bool) -> str:
    if state.is_due:
        return "paid" if state.unpaid_fen == 0 else "due"
    if not (state.is_fixed or is_over):
        return "open"
    return "planned" if state.due_fen else "nothing_due"


app.command()(track)
app.command()(close)


@app.command()
def quote(
    ctx: typer.Context,
    loan_id: LoanArgument,
    on: Annotated[
        date | None, typer.Option("--on", parser=day, metavar="DATE", help="The day it would be paid; else --as-of.")
    ] = None,
    output_format: FormatOption = None,
    output: OutputOption = None,
) -> None:
    """What settles a loan on a day, part by part, and what that saves against paying on to the end."""
    from loancli.jobs.settle import gather
    from loancli.ledger import loans
    from loancli.servicing.closing import saved_fen
    from loancli.servicing.life import life
    from loancli.servicing.life import quote as quoted

    context = context_of(ctx)
    with session.ledger(context) as db:
        loans.record(db, loan_id)
        contract, found = gather(db, [loan_id])[loan_id]
    paid_on = on or context.as_of
    at_day = life(contract, found, paid_on)
    if at_day.position.status in {"signed", "cancelled"}:
        raise RefusedError(f"quote: loan {loan_id} is not paid out on {paid_on}")
    answer = quoted(contract, found, paid_on)
    rows = {
        "loan_id": loan_id,
        "on": answer.on,
        "to_pay_fen": answer.to_pay_fen,
        "principal_fen": answer.principal_fen,
        price_key(contract.product): answer.interest_fen,
        "fee_fen": answer.fee_fen,
        "penalty_fen": answer.penalty_fen,
        "credit_fen": answer.credit_fen,
        **({"written_off_fen": answer.written_off_fen} if answer.written_off_fen else {}),
        "saved_fen": saved_fen(at_day, answer),
    }
    show(rows, format=output_format, output=output, title=loan_id, lang=context.lang)
