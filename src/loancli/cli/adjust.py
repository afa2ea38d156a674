"""loancli adjust: the plans of signed loans changed: previewed, put in force, undone; one loan, or thousands."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from loancli.cli import session
from loancli.cli.class_told import tell_eased
from loancli.cli.options import (
    Context,
    DifficultyOption,
    DryRunOption,
    Format,
    FormatOption,
    OutputOption,
    context_of,
    day,
)
from loancli.cli.render import show, talk

if TYPE_CHECKING:
    from loancli.jobs.adjust_batch import Wanted
    from loancli.jobs.adjust_loan import Rules

app = typer.Typer()

WhatArgument = Annotated[
    list[str],
    typer.Argument(metavar="WHAT", help="LOAN 'CHANGE'; or a FILE of loan_id and change; or 'CHANGE' and a selection."),
]
OnOption = Annotated[
    date | None, typer.Option("--on", parser=day, metavar="DATE", help="The day it counts from; else --as-of.")
]


@app.command()
def preview(
    ctx: typer.Context,
    what: WhatArgument,
    on: OnOption = None,
    trade: Annotated[str | None, typer.Option("--trade", help="All active loans of borrowers of this trade.")] = None,
    product: Annotated[str | None, typer.Option("--product", help="All active loans of this product.")] = None,
    segment: Annotated[str | None, typer.Option("--segment", help="All active loans in this segment.")] = None,
    in_difficulty: DifficultyOption = None,
    output_format: FormatOption = None,
    output: OutputOption = None,
) -> None:
    """Show what changes would do: rows before and after, cost, income, yearly cost. Nothing is written.

    Of a batch, `-o FILE` keeps a line for each loan, with its fingerprint: `adjust apply FILE` takes it.
    """
    from loancli.cli import adjust_batch

    context = context_of(ctx)
    from_on = on or context.as_of
    selection = {"trade": trade, "product": product, "segment": segment}
    if any(selection.values()):
        if len(what) != 1:
            raise typer.BadParameter("with a selection, give the one change", param_hint="WHAT")
        wanted = adjust_batch.selected(context, what[0], from_on, selection, in_difficulty)
    elif len(what) == 1:
        wanted = adjust_batch.read(Path(what[0]), from_on, in_difficulty)
    else:
        _one(context, what, from_on, in_difficulty, output_format, output, apply=False, dry_run=False)
        return
    adjust_batch.show_preview(context, wanted, rules_of(context, wanted), output_format, output)


@app.command()
def apply(
    ctx: typer.Context,
    what: WhatArgument,
    on: OnOption = None,
    in_difficulty: DifficultyOption = None,
    dry_run: DryRunOption = False,
    output_format: FormatOption = None,
    output: OutputOption = None,
) -> None:
    """Put changes in force: of one loan, or those of a preview's file. The same again does nothing."""
    from loancli.cli import adjust_batch

    context = context_of(ctx)
    from_on = on or context.as_of
    if len(what) != 1:
        _one(context, what, from_on, in_difficulty, output_format, output, apply=True, dry_run=dry_run)
        return
    wanted = adjust_batch.read(Path(what[0]), from_on, in_difficulty)
    adjust_batch.put_in_force(context, wanted, rules_of(context, wanted), output_format, output, dry_run=dry_run)


@app.command()
def undo(
    ctx: typer.Context,
    batch: Annotated[str, typer.Argument(help="The batch's name in `adjust list`.")],
    dry_run: DryRunOption = False,
    output_format: FormatOption = None,
    output: OutputOption = None,
) -> None:
    """Take a batch back: every loan has the plan it would have without it. What rests on it is left, and why."""
    from loancli.cli import adjust_batch

    adjust_batch.take_back(context_of(ctx), batch, output_format, output, dry_run=dry_run)


@app.command("list")
def list_(ctx: typer.Context, output_format: FormatOption = None, output: OutputOption = None) -> None:
    """List the batches of changes: by whom, when, how many loans, how many of them undone."""
    from loancli.ledger import journal

    context = context_of(ctx)
    with session.ledger(context) as db:
        rows = journal.batches(db, "adjust/")
    show(rows, format=output_format, output=output, title="batches", lang=context.lang)


def rules_of(context: Context, wanted: "Sequence[Wanted]") -> "Rules":
    """What changes are held to; the products only where a change may need them."""
    from loancli.jobs.adjust_loan import Rules

    restructures = any(each.text.lstrip().startswith("restructure") for each in wanted)
    return Rules(
        calendar=session.calendar(context),
        ceilings=session.ceilings(context),
        products={product.code: product for product in session.products(context)} if restructures else {},
        stamp=session.stamp(context),
    )


def _one(
    context: Context,
    what: Sequence[str],
    on: date,
    in_difficulty: bool | None,
    output_format: Format | None,
    output: Path | None,
    *,
    apply: bool,
    dry_run: bool,
) -> None:
    from loancli.cli.plan_change import answer
    from loancli.jobs.adjust_batch import Wanted
    from loancli.jobs.adjust_loan import adjust
    from loancli.jobs.settle import gather
    from loancli.plan.diff import diff
    from loancli.servicing.life import life

    if len(what) != 2:
        raise typer.BadParameter("give a loan and one change in quotes, or a file", param_hint="WHAT")
    loan_id, change = what
    rules = rules_of(context, [Wanted(row=1, loan_id=loan_id, text=change, on=on)])
    with session.change(context, dry_run=dry_run or not apply) as db:
        found = adjust(db, loan_id, change, on, rules, in_difficulty)
        lived = life(*gather(db, [loan_id])[loan_id], max(on, context.as_of))
    if found is None:
        talk(context, "adjust.same", loan_id=loan_id, change=change, day=on)
        return
    told = {"loan_id": loan_id, "product": found.before.product.code, "on": on, "change": change}
    answer(context, diff(found.before, found.after), told, output_format=output_format, output=output)
    tell_eased(context, lived, found.event)
    key = "adjust.applied" if apply else "adjust.preview"
    said = {None: "", True: " --in-difficulty", False: " --not-in-difficulty"}[in_difficulty]
    session.tell(context, key, dry_run=dry_run, loan_id=loan_id, change=change, day=on, answer=said)
