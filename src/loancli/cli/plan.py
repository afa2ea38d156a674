"""loancli plan: a plan without a loan: its rows, what it costs, two side by side."""

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from loancli.cli import session
from loancli.cli.history import BorrowerOption, HistoryOption, SeasonBorrowerOption, history_for, seasoned
from loancli.cli.options import Format, FormatOption, OutputOption, context_of, day
from loancli.cli.plan_options import (
    BorrowerKind,
    BurdenOption,
    DrawsOption,
    Favoured,
    FirstDueOption,
    FuturesOption,
    InstalmentOption,
    PeriodsOption,
    PrincipalOption,
    RepaymentsOption,
    RowsOption,
    SeedOption,
    StartOption,
    StressOption,
    chance,
)
from loancli.cli.plan_shown import cost_of, plan_rows, plan_screen, plan_summary
from loancli.cli.render import show, talk
from loancli.core.errors import InputError

app = typer.Typer()


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
        show(summary, lang=context.lang)


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
    show(rows, format=output_format, output=output, title="compare", lang=context.lang)


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
    from loancli.outlook.futures import Stress
    from loancli.outlook.project import project as run
    from loancli.outlook.season import with_season
    from loancli.plan.flexible import check_bounds

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
