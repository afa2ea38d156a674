"""loancli payment: repayments received, and those that a person must place: one by one, or by a filled-in list."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from loancli.cli import session
from loancli.cli.borrower import UnmaskOption
from loancli.cli.cells import heading, visible
from loancli.cli.exit import Exit
from loancli.cli.loan_event import OnOption, ReasonOption, words
from loancli.cli.options import DryRunOption, FormatOption, OutputOption, context_of
from loancli.cli.payment_dismiss import dismiss
from loancli.cli.payment_record import record
from loancli.cli.payment_shown import names_of, payment_row
from loancli.cli.render import complain, show, talk
from loancli.cli.sheet import Sheet, read_sheet
from loancli.core.errors import InputError, Problem, input_error
from loancli.core.mask import mask_name
from loancli.core.money import fen_of
from loancli.texts import LANGS, say
from loancli.texts.refusals import refusal

if TYPE_CHECKING:
    from loancli.cli.options import Context
    from loancli.jobs.place_payment import Placement, Share

app = typer.Typer()
PaymentArgument = Annotated[
    int, typer.Argument(min=1, max=session.NUMBER_MAX, help="The payment's number in `payment list`.")
]
UNMATCHED_SCREEN = ("payment_id", "paid_on", "amount_fen", "payer", "note", "reason", "candidates")
YES, NO = {"yes", "y", "1", "true", "是", "对", "√", "✓"}, {"", "no", "n", "0", "false", "否", "不", "×"}
_ASCII = str.maketrans("；＝：", ";=:")  # as a Chinese keyboard writes them


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
        found = receipts.listing(db, loan_id=loan)
        names = names_of(db)
    rows = [payment_row(each, context.lang, ("state", "loan_id"), names, unmask=unmask) for each in found]
    show(rows, format=output_format, output=output, title="payments", lang=context.lang)


@app.command()
def unmatched(
    ctx: typer.Context, output_format: FormatOption = None, output: OutputOption = None, unmask: UnmaskOption = False
) -> None:
    """List the payments that wait for a person, with the loans that something speaks for, the likeliest first.

    With -o LIST.xlsx or LIST.csv it is a work list: fill in its columns place and learn, then read it back with
    `payment match --from`.
    """
    from loancli.jobs.place_payment import work_list

    context = context_of(ctx)
    with session.ledger(context) as db:
        found = work_list(db)
        names = names_of(db)
    is_json = session.as_json(output_format, output)
    rows = []
    for each in found:
        choices = [
            f"{choice.loan_id} ({', '.join(say(f'reason.{reason}', context.lang) for reason in choice.reasons)})"
            for choice in each["candidates"]
        ]
        row = payment_row(each, context.lang, (), names, unmask=unmask)
        file = row.pop("file")
        filled_in = {"place": None, "learn": None}
        rows.append({**row, "candidates": choices if is_json else "; ".join(choices), **filled_in, "file": file})
    show(rows, format=output_format, output=output, title="unmatched", screen=UNMATCHED_SCREEN, lang=context.lang)


@app.command()
def match(
    ctx: typer.Context,
    payment_id: Annotated[
        int | None,
        typer.Argument(
            metavar="PAYMENT_ID", min=1, max=session.NUMBER_MAX, help="The payment's number in `payment unmatched`."
        ),
    ] = None,
    loans: Annotated[
        list[str] | None,
        typer.Argument(metavar="LOAN[=YUAN]…", help="The loan's number; for a split, each loan with its part."),
    ] = None,
    learn: Annotated[
        bool, typer.Option("--learn", help="Later payments of this payer are for the same borrower.")
    ] = False,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why, for the books.")] = "",
    from_file: Annotated[
        Path | None,
        typer.Option("--from", metavar="FILE", help="A list of `payment unmatched -o FILE`, filled in: XLSX or CSV."),
    ] = None,
    keep_going: Annotated[
        bool, typer.Option("--keep-going", help="Place the good rows of the list and tell the others; exit 5.")
    ] = False,
    dry_run: DryRunOption = False,
) -> None:
    """Place a waiting payment on a loan, or split it over several; it counts from the day it was paid.

    The parts of a split, such as LN000017=1000.00 LN000018=2141.25, must be the whole payment. With --from, all rows
    of the list are placed, or none and every bad row is named.
    """
    if from_file is not None:
        if payment_id is not None or learn:
            raise typer.BadParameter("a list says for itself what to place and to learn", param_hint="--from")
        _match_list(ctx, from_file, keep_going=keep_going, dry_run=dry_run, reason=reason.strip())
        return
    if payment_id is None or not loans:
        raise typer.BadParameter("needs a payment and a loan, or --from FILE", param_hint="PAYMENT_ID LOAN")
    if keep_going:
        raise typer.BadParameter("is for a list: --from FILE", param_hint="--keep-going")
    from loancli.cli.effect import answer
    from loancli.jobs.place_payment import Placement, place_payment

    context = context_of(ctx)
    placement = Placement(payment_id=payment_id, shares=_shares(loans), is_learnt=learn, why=reason.strip())
    with session.change(context, dry_run=dry_run) as db:
        report, effects = place_payment(db, placement, stamp=session.stamp(context))
    for effect in effects:
        answer(context, effect, output_format=None, output=None)
    key = "payment.placed" if report.placed_count else "payment.same"
    loan_ids = " + ".join(sorted(loan_id for loan_id, _ in placement.shares))
    talk(context, key, payment=payment_id, loan_id=loan_ids)
    _tell(context, report)
    if dry_run:
        talk(context, "import.dry_run")


def _tell(context: "Context", report: Any) -> None:
    """What placing had for consequences."""
    for alias, borrower_id in report.learnt:
        talk(context, "payment.learnt", alias=mask_name(alias), borrower_id=borrower_id)
    if report.learnt:
        numbers = ", ".join(map(str, report.matched)) or "-"
        talk(context, "payment.matched", count=len(report.matched), payments=numbers)
    for warning in report.warnings:
        talk(context, "import.warning", warning=refusal(warning, context.lang))


def _match_list(ctx: typer.Context, file: Path, *, keep_going: bool, dry_run: bool, reason: str) -> None:
    from loancli.jobs.place_payment import place_payments

    context = context_of(ctx)
    sheet = read_sheet(file, encodings=("utf-8-sig", "gb18030"))  # Excel in China saves CSV as the latter
    wanted, blank_count, problems = _placements(sheet)
    if problems and not keep_going:
        raise input_error(problems)
    with session.change(context, dry_run=dry_run) as db:
        placements = [replace(placement, why=reason) for _, placement in wanted]
        report = place_payments(db, placements, stamp=session.stamp(context), keep_going=True)
        problems += [
            Problem(file_name=sheet.file_name, row=wanted[at][0], column=column, message=message)
            for at, column, message in report.refused
        ]
        if problems and not keep_going:
            raise input_error(problems)  # and nothing is written
    talk(context, "payment.list", placed=report.placed_count, same=report.same_count, blank=blank_count)
    _tell(context, report)
    if dry_run:
        talk(context, "import.dry_run")
    if problems:
        for problem in sorted(problems, key=lambda each: each.row or 0):
            complain(visible(refusal(str(problem), context.lang)))
        talk(context, "payment.kept_back", count=len(problems))
        raise typer.Exit(Exit.PARTIAL)


def _placements(sheet: Sheet) -> tuple[list[tuple[int, "Placement"]], int, list[Problem]]:
    """The decisions of a work list with their rows, how many rows are blank, and what cannot be read."""
    at = _columns(sheet)
    found: list[tuple[int, Placement]] = []
    problems: list[Problem] = []
    blank_count = 0
    for number, cells in sheet.rows:
        row = {name: cells[index].strip() if index < len(cells) else "" for name, index in at.items()}
        if not row["place"]:
            blank_count += 1
            continue
        try:
            found.append((number, _placement(row)))
        except InputError as error:
            column, _, message = str(error).partition(": ")
            problems.append(Problem(file_name=sheet.file_name, row=number, column=column, message=message))
    return found, blank_count, problems


def _columns(sheet: Sheet) -> dict[str, int]:
    """Where the columns that count stand, by the name that any language gives them. Raises InputError."""
    at: dict[str, int] = {}
    for name in ("payment_id", "place", "learn", "amount_fen"):
        words = {name, *(heading(name, lang) for lang in LANGS)}
        places = [index for index, word in enumerate(sheet.columns) if word.strip() in words]
        if len(places) > 1:
            raise InputError(f"{sheet.file_name}:1:{name}: stands there twice")
        if places:
            at[name] = places[0]
    missing = [name for name in ("payment_id", "place") if name not in at]
    if missing:
        raise InputError(
            f"{sheet.file_name}:1: the columns {', '.join(missing)} are missing; fill in the list that"
            " `loancli payment unmatched -o FILE` writes"
        )
    if "amount_fen" in at and sheet.columns[at["amount_fen"]].strip() != "amount_fen":
        at["amount"] = at.pop("amount_fen")  # as people read it: in yuan
    return at


def _placement(row: dict[str, str]) -> "Placement":
    """A row of a work list. Raises InputError whose message begins with the column."""
    from loancli.jobs.place_payment import Placement

    number = row["payment_id"]
    if not number.isascii() or not number.isdecimal() or not 0 < int(number) <= session.NUMBER_MAX:
        raise InputError(f"payment_id: '{number}' is not the number of a payment")
    learn = row.get("learn", "").lower()
    if learn not in YES | NO:
        raise InputError(f"learn: '{learn}' is neither yes nor no (是, 否), nor empty")
    try:
        shares = _shares(row["place"].split("\n"))
    except InputError as error:
        raise InputError(f"place: {error}") from None
    amount_fen = None
    if amount := row.get("amount_fen"):
        amount_fen = int(amount) if amount.isascii() and amount.isdecimal() else -1  # as no payment is
    elif amount := row.get("amount"):
        try:
            amount_fen = fen_of(amount)
        except InputError as error:
            raise InputError(f"amount: {error}") from None
    return Placement(payment_id=int(number), shares=shares, is_learnt=learn in YES, amount_fen=amount_fen)


def _shares(words: Sequence[str]) -> tuple["Share", ...]:
    """'LN000017', or parts such as 'LN000017=1000.00;LN000018=2141.25'. Raises InputError."""
    shares: list[Share] = []
    for word in ";".join(words).translate(_ASCII).split(";"):
        loan_id, equals, amount = (part.strip() for part in word.partition("="))
        if not word.strip():
            continue
        if not loan_id:
            raise InputError(f"'{word.strip()}' names no loan; write LOAN or LOAN=YUAN")
        shares.append((loan_id, fen_of(amount) if equals else None))
    if not shares:
        raise InputError("there is no loan; write LOAN or LOAN=YUAN")
    return tuple(shares)


@app.command()
def reverse(
    ctx: typer.Context,
    payment_id: PaymentArgument,
    reason: ReasonOption,
    on: OnOption = None,
    dry_run: DryRunOption = False,
    output_format: FormatOption = None,
    output: OutputOption = None,
) -> None:
    """Take back a payment that bounced or was sent back, where no export shows it; `payment match` places it again."""
    from loancli.cli.effect import answer_all
    from loancli.jobs.reverse_payment import reverse_payment

    context = context_of(ctx)
    from_on, why = on or context.as_of, words(reason, "--reason")
    with session.change(context, dry_run=dry_run) as db:
        effects = reverse_payment(db, payment_id, on=from_on, reason=why, stamp=session.stamp(context))
    if effects is None:
        talk(context, "payment.reversed_same", payment=payment_id)
        return
    answer_all(context, effects, {"payment_id": payment_id}, output_format=output_format, output=output)
    session.tell(context, "payment.reversed", dry_run=dry_run, payment=payment_id, day=from_on)


@app.command()
def surplus(
    ctx: typer.Context,
    payment_id: PaymentArgument,
    choice: Annotated[
        str,
        typer.Argument(
            metavar="next|shorter|smaller",
            help="It waits for the next instalment; or repays principal: a shorter term, or smaller instalments.",
        ),
    ],
    loan: Annotated[str | None, typer.Option("--loan", help="Which loan, if the payment is split.")] = None,
    dry_run: DryRunOption = False,
    output_format: FormatOption = None,
    output: OutputOption = None,
) -> None:
    """Record what the borrower wants done with money beyond what is due: it counts from the day of the payment."""
    from loancli.cli.effect import answer
    from loancli.jobs.choose_surplus import CHOICES, work_out_surplus
    from loancli.jobs.record_event import put_in_force

    context = context_of(ctx)
    if choice not in CHOICES:
        raise typer.BadParameter(f"'{choice}' is not one of {', '.join(CHOICES)}", param_hint="next|shorter|smaller")
    stamp = session.stamp(context)
    with session.change(context, dry_run=dry_run) as db:
        calendar = session.calendar(context)
        loan_id, effect = work_out_surplus(db, payment_id, choice, loan_id=loan, calendar=calendar, stamp=stamp)
        if effect is not None:
            put_in_force(db, effect, stamp=stamp)
    if effect is None:
        talk(context, "payment.surplus_same", payment=payment_id, loan_id=loan_id)
        return
    answer(context, effect, output_format=output_format, output=output)
    chosen = say(f"surplus.{choice}", context.lang)
    session.tell(context, "payment.surplus", dry_run=dry_run, payment=payment_id, loan_id=loan_id, chosen=chosen)


@app.command()
def rematch(
    ctx: typer.Context,
    dry_run: DryRunOption = False,
    output_format: FormatOption = None,
    output: OutputOption = None,
    unmask: UnmaskOption = False,
) -> None:
    """Try all waiting payments again with the borrowers, names and loans that are known now, and list those placed.

    What a person must decide waits on: what is not final yet, and what may be a receipt that is there already.
    """
    from loancli.jobs.place_payment import rematch as try_again
    from loancli.ledger import receipts

    context = context_of(ctx)
    with session.change(context, dry_run=dry_run) as db:
        placed = set(try_again(db, stamp=session.stamp(context)))
        found = [each for each in receipts.listing(db, state="placed") if each["payment_id"] in placed]
        waiting_count = len(receipts.waiting(db))
        names = names_of(db)
    rows = [payment_row(each, context.lang, ("state", "loan_id"), names, unmask=unmask) for each in found]
    show(rows, format=output_format, output=output, title="payments", lang=context.lang)
    talk(context, "payment.rematched", placed=len(placed), waiting=waiting_count)
    if dry_run:
        talk(context, "import.dry_run")


app.command()(record)
app.command()(dismiss)
