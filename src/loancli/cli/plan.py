"""loancli plan: a plan without a loan: its rows, what it costs, two side by side."""

from collections.abc import Sequence
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from loancli.cli import session
from loancli.cli.explain import why
from loancli.cli.history import BorrowerOption, HistoryOption, SeasonBorrowerOption, history_for, seasoned
from loancli.cli.options import Context, Format, FormatOption, OutputOption, context_of, day
from loancli.cli.render import show, talk
from loancli.core.errors import InputError
from loancli.core.money import fen_of
from loancli.core.rates import PPM, rate_ppm_of

if TYPE_CHECKING:
    from loancli.plan.ceilings import Verdict
    from loancli.plan.product import Product
    from loancli.plan.rows import OwnRow, Plan

app = typer.Typer()


def amount(text: str) -> int:
    """'50000' yuan as fen: the parser of every option that takes money."""
    try:
        return fen_of(text)
    except InputError as error:
        raise typer.BadParameter(str(error)) from None


PrincipalOption = Annotated[
    int, typer.Option("--principal", parser=amount, metavar="YUAN", help="The amount lent, in yuan.")
]
StartOption = Annotated[
    date | None, typer.Option("--start", parser=day, metavar="DATE", help="The day it is paid out; else --as-of.")
]
PeriodsOption = Annotated[int | None, typer.Option("--periods", help="How many instalments; else the product's.")]
FirstDueOption = Annotated[
    date | None,
    typer.Option("--first-due", parser=day, metavar="DATE", help="The first due day; else one step after the start."),
]
InstalmentOption = Annotated[
    int | None,
    typer.Option(
        "--instalment",
        parser=amount,
        metavar="YUAN",
        help="With a fixed fee: what is expected each time, instead of --periods.",
    ),
]
RowsOption = Annotated[
    Path | None,
    typer.Option("--rows", metavar="FILE", help="The rows of a custom plan: number, due_on, principal or share."),
]


DrawsOption = Annotated[
    list[str] | None, typer.Option("--draw", metavar="DATE=YUAN", help="Of a credit line: a draw; may be repeated.")
]
RepaymentsOption = Annotated[
    list[str] | None,
    typer.Option("--repay", metavar="DATE=YUAN", help="Of a credit line: paid beyond what is due; may be repeated."),
]


def cost_of(
    context: Context,
    product: "Product",
    principal_fen: int,
    start_on: date,
    periods: int | None,
    first_due_on: date | None,
    rows_file: Path | None = None,
    instalment_fen: int | None = None,
) -> tuple["Plan", "Verdict"]:
    """The plan, and how its cost stands against the legal ceiling."""
    from loancli.plan.ceilings import check_ceiling
    from loancli.plan.flexible import check_bounds
    from loancli.plan.kinds import build

    calendar = session.calendar(context)
    plan = build(
        product,
        principal_fen,
        start_on,
        calendar=calendar,
        periods=periods,
        first_due_on=first_due_on,
        own_rows=_own_rows(rows_file) if rows_file else (),
        instalment_fen=instalment_fen,
    )
    check_bounds(plan)
    last_on = plan.rows[-1].due_on
    if not calendar.is_known(last_on):
        talk(context, "plan.calendar_ends", day=calendar.known_until)
    return plan, check_ceiling(plan, session.ceilings(context), signed_on=start_on)


def _own_rows(path: Path) -> Sequence["OwnRow"]:
    from loancli.cli.sheet import read_sheet
    from loancli.plan.own_rows import read_own_rows

    sheet = read_sheet(path)
    return read_own_rows(sheet.columns, sheet.rows, sheet.file_name)


def plan_summary(plan: "Plan", verdict: "Verdict") -> dict[str, Any]:
    """What a plan comes to."""
    return {
        "principal_fen": plan.principal_fen,
        "instalments": len(plan.rows),
        "first_due_on": plan.rows[0].due_on,
        "first_due_fen": plan.rows[0].due_fen,
        "last_due_on": plan.rows[-1].due_on,
        price_key(plan.product): plan.interest_fen,
        "fee_fen": plan.fee_fen,
        "total_fen": plan.principal_fen + plan.interest_fen + plan.fee_fen,
        **quoted_rate(plan.product),
        "apr_simple_percent": f"{verdict.cost.simple_percent:.2f}",
        "apr_compound_percent": verdict.cost.compound_shown,
        **expected_rate(plan),
        "ceiling_ppm": verdict.limit.ppm,
        "within_ceiling": verdict.outcome.value,
    }


def expected_rate(plan: "Plan") -> dict[str, Any]:
    """What a revenue plan with a fixed fee costs if it goes as expected: the ceiling looks at its fastest path."""
    from loancli.plan.cost import of_plan

    if not (plan.product.fixed_fee and plan.product.revenue):
        return {}
    return {"apr_expected_percent": f"{of_plan(plan).simple_percent:.2f}"}


def price_key(product: "Product") -> str:
    """What the price of a loan is told as: interest, or the fixed fee that stands in its place."""
    return "fixed_fee_fen" if product.fixed_fee else "interest_fen"


def quoted_rate(product: "Product") -> dict[str, Any]:
    """The rate that a flat loan quotes: it stands beside the yearly cost, which is about twice as much."""
    from loancli.plan.product import Kind

    return {"flat_rate_ppm": product.annual_rate_ppm} if product.kind is Kind.FLAT else {}


def plan_rows(plan: "Plan", context: Context) -> list[dict[str, Any]]:
    """The due lines, each with its why."""
    left_fen = plan.principal_fen
    rows = []
    for row in plan.rows:
        left_fen -= row.principal_fen
        rows.append(
            {
                "number": row.number,
                "due_on": row.due_on,
                "due_fen": row.due_fen,
                "principal_fen": row.principal_fen,
                price_key(plan.product): row.interest_fen,
                "fee_fen": row.fee_fen,
                "left_fen": left_fen,
                "why": why(row.reason, context.lang, fee_fen=row.fee_fen),
            }
        )
    return rows


def plan_screen(plan: "Plan") -> tuple[str, ...]:
    """What a terminal shows of the due lines: fees only where there are some."""
    fee = ("fee_fen",) if plan.fee_fen else ()
    return ("number", "due_on", "due_fen", "principal_fen", price_key(plan.product), *fee, "left_fen", "why")


@app.command("show")
def show_(
    ctx: typer.Context,
    code: Annotated[str, typer.Argument(help="A product's code, or the path of its file.")],
    principal: PrincipalOption,
    start: StartOption = None,
    periods: PeriodsOption = None,
    first_due: FirstDueOption = None,
    rows_file: RowsOption = None,
    draws: DrawsOption = None,
    repayments: RepaymentsOption = None,
    instalment: InstalmentOption = None,
    borrower: SeasonBorrowerOption = None,
    history: HistoryOption = None,
    output_format: FormatOption = None,
    output: OutputOption = None,
) -> None:
    """Show the plan of a product: every due line with its why, total and yearly cost."""
    from loancli.cli import line

    context = context_of(ctx)
    drawn, repaid = line.on_days(draws or (), "--draw"), line.on_days(repayments or (), "--repay")
    product = seasoned(context, session.product(context, code), borrower, history)
    if drawn or repaid:
        line.check_kind(product, "draw")
    plan, verdict = cost_of(
        context, product, principal, start or context.as_of, periods, first_due, rows_file, instalment
    )
    rows, summary, screen = plan_rows(plan, context), plan_summary(plan, verdict), plan_screen(plan)
    if drawn or repaid:
        planned = line.draws_of(plan, drawn, repaid)
        rows, screen = line.step_rows(planned, context.lang), line.SCREEN
        summary = line.draws_summary(planned, summary, verdict)
    if session.as_json(output_format, output):
        show({**summary, "rows": rows}, format=output_format, output=output, lang=context.lang)
        return
    show(rows, format=output_format, output=output, title=plan.product.code, screen=screen, lang=context.lang)
    if output is None and output_format in {None, Format.TABLE}:
        (spoken,) = session.in_words([summary], output_format, output, context.lang)
        show(spoken, lang=context.lang)


class BorrowerKind(StrEnum):
    """Who borrows: a company has a list of costs, anybody else the table for persons (PRC-04)."""

    PERSON = "person"
    SOLE_TRADER = "sole_trader"
    COMPANY = "company"


@app.command()
def cost(
    ctx: typer.Context,
    code: Annotated[str, typer.Argument(help="A product's code, or the path of its file.")],
    principal: PrincipalOption,
    start: StartOption = None,
    periods: PeriodsOption = None,
    first_due: FirstDueOption = None,
    rows_file: RowsOption = None,
    borrower_kind: Annotated[
        BorrowerKind, typer.Option("--borrower-kind", help="Whose form of the table; a sole trader has a person's.")
    ] = BorrowerKind.PERSON,
    instalment: InstalmentOption = None,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", dir_okay=False, help="Write a page to print and sign.")
    ] = None,
    output_format: FormatOption = None,
    output: OutputOption = None,
) -> None:
    """Show the cost table that a borrower reads before signing: every item, how it is charged, its yearly cost."""
    from loancli.cli.cost_table import answer

    context = context_of(ctx)
    plan, verdict = cost_of(
        context,
        session.product(context, code),
        principal,
        start or context.as_of,
        periods,
        first_due,
        rows_file,
        instalment,
    )
    answer(context, plan, verdict, borrower_kind.value, output_format=output_format, output=output, html=html)


@app.command()
def compare(
    ctx: typer.Context,
    codes: Annotated[list[str], typer.Argument(help="Two or more products.")],
    principal: PrincipalOption,
    start: StartOption = None,
    periods: PeriodsOption = None,
    first_due: FirstDueOption = None,
    rows_file: RowsOption = None,
    borrower: SeasonBorrowerOption = None,
    history: HistoryOption = None,
    output_format: FormatOption = None,
    output: OutputOption = None,
) -> None:
    """Set products side by side for one principal: instalments, total cost, yearly cost.

    --rows goes to the products of kind custom, --periods and --first-due to the others.
    """
    from loancli.plan.product import Kind

    context = context_of(ctx)
    products = [session.product(context, code) for code in codes]
    if rows_file and all(product.kind is not Kind.CUSTOM for product in products):
        raise InputError(f"rows: none of {', '.join(codes)} is of kind custom; leave --rows out, or add such a product")
    rows = []
    for each in products:
        product = seasoned(context, each, borrower, history)
        asked = (None, None, rows_file) if product.kind is Kind.CUSTOM else (periods, first_due, None)
        plan, verdict = cost_of(context, product, principal, start or context.as_of, *asked)
        dues_fen = [row.due_fen for row in plan.rows]
        extremes = {"smallest_fen": min(dues_fen), "biggest_fen": max(dues_fen)}
        what = {"product": product.code, "kind": product.kind.value}
        rows.append({**what, **plan_summary(plan, verdict), **extremes})
    spoken = session.in_words(rows, output_format, output, context.lang)
    show(spoken, format=output_format, output=output, title="compare", lang=context.lang)


@app.command()
def change(
    ctx: typer.Context,
    code: Annotated[str, typer.Argument(help="A product's code, or the path of its file.")],
    changes: Annotated[
        list[str], typer.Argument(help="In quotes: 'prepay 10000 shorter', 'extend 3', 'breathe 2 interest' …")
    ],
    principal: PrincipalOption,
    start: StartOption = None,
    periods: PeriodsOption = None,
    first_due: FirstDueOption = None,
    rows_file: RowsOption = None,
    on: Annotated[
        date | None, typer.Option("--on", parser=day, metavar="DATE", help="The day it counts from; else --as-of.")
    ] = None,
    output_format: FormatOption = None,
    output: OutputOption = None,
) -> None:
    """Change a plan that is kept so far, and show both side by side: rows, cost, income, yearly cost."""
    from loancli.cli.plan_change import answer, plan_after
    from loancli.plan.diff import diff

    context = context_of(ctx)
    product = session.product(context, code)
    plan, _ = cost_of(context, product, principal, start or context.as_of, periods, first_due, rows_file)
    from_on = on or context.as_of
    after = plan_after(context, plan, changes, from_on)
    told = {"product": product.code, "principal_fen": principal, "start_on": plan.start_on, "on": from_on}
    answer(context, diff(plan, after), {**told, "changes": changes}, output_format=output_format, output=output)


class Stressed(StrEnum):
    """What else may happen to the revenue."""

    MINUS_30 = "minus_30"
    DEAD_MONTHS = "dead_months"
    LATE_SEASON = "late_season"


def part(text: str) -> int:
    """'30%' as parts per million: the parser of every option that takes a part of the revenue."""
    try:
        found = rate_ppm_of(text)
    except InputError:
        found = 0
    if not (text.strip().endswith(("%", "％")) and 0 < found <= 10 * PPM):
        raise typer.BadParameter(f"'{text}' is not a part of the revenue such as 30%")
    return found


FuturesOption = Annotated[int, typer.Option("--futures", min=1, max=100_000, help="How many futures to run.")]
SeedOption = Annotated[int, typer.Option("--seed", min=0, help="The same seed gives the same futures.")]
StressOption = Annotated[
    Stressed | None,
    typer.Option("--stress", help="All revenue 30 % lower, two months of nothing, or the season a month late."),
]
BurdenOption = Annotated[
    int, typer.Option("--burden", parser=part, metavar="PERCENT", help="What of a window's revenue is too much.")
]


@app.command()
def project(
    ctx: typer.Context,
    code: Annotated[str, typer.Argument(help="A product's code, or the path of its file.")],
    principal: PrincipalOption,
    start: StartOption = None,
    periods: PeriodsOption = None,
    borrower: BorrowerOption = None,
    history: HistoryOption = None,
    futures: FuturesOption = 5_000,
    seed: SeedOption = 1,
    stress: StressOption = None,
    burden: BurdenOption = "30%",  # type: ignore[assignment]
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", dir_okay=False, help="Write the picture as a page.")
    ] = None,
    output_format: FormatOption = None,
    output: OutputOption = None,
) -> None:
    """Run a plan over thousands of futures of a borrower's revenue, beside equal instalments."""
    from loancli.cli.project import answer
    from loancli.plan.flexible import check_bounds
    from loancli.plan.futures import Stress
    from loancli.plan.project import project as run
    from loancli.plan.season import with_season

    context = context_of(ctx)
    product = session.product(context, code)
    known = history_for(context, product, borrower, history)
    calendar = session.calendar(context)
    projection = run(
        with_season(product, known) if product.weights_by_season else product,
        principal,
        start or context.as_of,
        known,
        calendar=calendar,
        periods=periods,
        futures=futures,
        seed=seed,
        stress=Stress(stress) if stress else None,
        burden_ppm=burden,
    )
    check_bounds(projection.plan)
    if not calendar.is_known(projection.plan.rows[-1].due_on):
        talk(context, "plan.calendar_ends", day=calendar.known_until)
    told = {"futures": futures, "seed": seed, "stress": stress, "burden_ppm": burden}
    answer(context, projection, known, told, output_format=output_format, output=output, html=html)


@app.command()
def batch(
    ctx: typer.Context,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="CSV or XLSX: product, principal, start; id, periods, first_due.")
    ],
    output_format: FormatOption = None,
    output: OutputOption = None,
) -> None:
    """Plan the loans of a table, thousands at once: a line for each instalment. Exit 5 if rows have no plan."""
    from loancli.cli.batch import answer

    answer(context_of(ctx), file, output_format=output_format, output=output)


class Favoured(StrEnum):
    """Whose advantage decides between the plans that fit."""

    BORROWER = "borrower"
    LENDER = "lender"


def chance(text: str) -> int:
    """'90%' as parts per million: a chance, above 0 and at most 100 %."""
    found = part(text)
    if found > PPM:
        raise typer.BadParameter(f"'{text}' is not a chance such as 90%")
    return found


@app.command()
def fit(
    ctx: typer.Context,
    code: Annotated[str, typer.Argument(help="The product whose rate, days, fees and limits hold: code or file.")],
    principal: PrincipalOption,
    start: StartOption = None,
    borrower: BorrowerOption = None,
    history: HistoryOption = None,
    burden: BurdenOption = "30%",  # type: ignore[assignment]
    finished: Annotated[
        int, typer.Option("--chance", parser=chance, metavar="PERCENT", help="Least chance to be done by maturity.")
    ] = "90%",  # type: ignore[assignment]
    favoured: Annotated[
        Favoured, typer.Option("--for", help="Lowest cost for the borrower, or most certainty for the lender.")
    ] = Favoured.BORROWER,
    periods_max: Annotated[
        int | None, typer.Option("--periods-max", min=1, help="The longest term to try; else the product's.")
    ] = None,
    futures: FuturesOption = 5_000,
    seed: SeedOption = 1,
    stress: StressOption = None,
    product_file: Annotated[
        Path | None,
        typer.Option("--save", metavar="FILE", dir_okay=False, help="Write the product that fits to this TOML file."),
    ] = None,
    output_format: FormatOption = None,
    output: OutputOption = None,
) -> None:
    """Find the terms that fit a borrower's revenue: no month too heavy, done by maturity; or say what is in the way."""
    from loancli.cli.fit import Asked, answer, check_file, search

    context = context_of(ctx)
    if product_file is not None:
        check_file(product_file)
    frame = session.product(context, code)
    known = history_for(context, frame, borrower, history)
    asked = Asked(
        frame=frame,
        principal_fen=principal,
        start_on=start or context.as_of,
        history=known,
        source=borrower or (history.name if history else ""),
        burden_ppm=burden,
        chance_ppm=finished,
        periods_max=periods_max or frame.periods_max,
        goal=favoured,
        futures=futures,
        seed=seed,
        stress=stress,
    )
    found = search(context, asked)
    answer(context, asked, found, product_file=product_file, output_format=output_format, output=output)
