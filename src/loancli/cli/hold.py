"""loancli hold: reasons of a person to leave a borrower alone."""

from datetime import date
from typing import Annotated, Any

import typer

from loancli.cli import session
from loancli.cli.options import DryRunOption, FormatOption, OutputOption, context_of, day
from loancli.cli.render import show
from loancli.core.errors import NotFoundError

app = typer.Typer()


@app.command()
def add(
    ctx: typer.Context,
    borrower_id: Annotated[str, typer.Argument(help="Whom to leave alone.")],
    kind: Annotated[str, typer.Option("--kind", help="complaint_open, dispute, hardship_review, breathing_space, …")],
    until: Annotated[
        date | None, typer.Option("--until", parser=day, metavar="DATE", help="The last day; else until lifted.")
    ] = None,
    note: Annotated[str, typer.Option("--note", help="What happened.")] = "",
    dry_run: DryRunOption = False,
) -> None:
    """Leave a borrower alone from --as-of on, for a named reason. The same again does nothing."""
    from loancli.jobs.know_borrowers import HOLD_KINDS
    from loancli.ledger import borrowers, contacts

    context = context_of(ctx)
    if kind not in HOLD_KINDS:
        raise typer.BadParameter(f"'{kind}' is not one of {', '.join(HOLD_KINDS)}", param_hint="--kind")
    if until is not None and until < context.as_of:
        raise typer.BadParameter(f"{until} is before {context.as_of}", param_hint="--until")
    with session.change(context, dry_run=dry_run) as db:
        borrowers.active(db, borrower_id)
        told: dict[str, Any] = {
            "borrower_id": borrower_id,
            "kind": kind,
            "note": note,
            "from_on": context.as_of,
            "to_on": until,
        }
        there = contacts.same_hold(db, **told)
        hold_id = there or contacts.add_hold(db, **told, actor=context.actor)
    key = "hold.same" if there else "hold.added"
    session.tell(context, key, dry_run=dry_run, hold=hold_id, borrower_id=borrower_id, kind=kind)


@app.command()
def lift(
    ctx: typer.Context,
    hold_id: Annotated[int, typer.Argument(min=1, max=session.NUMBER_MAX, help="The hold's number in `hold list`.")],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why it ends, for its note.")] = "",
    dry_run: DryRunOption = False,
) -> None:
    """End a hold: from --as-of on the borrower may be contacted again."""
    from loancli.ledger import contacts

    context = context_of(ctx)
    with session.change(context, dry_run=dry_run) as db:
        told = " ".join(("lifted by", context.actor, *(("because", reason.strip()) if reason.strip() else ())))
        if not contacts.lift_hold(db, hold_id, on=context.as_of, told=told):
            raise NotFoundError(f"there is no hold {hold_id} that is still open; see: loancli hold list")
    session.tell(context, "hold.lifted", dry_run=dry_run, hold=hold_id)


@app.command("list")
def list_(
    ctx: typer.Context,
    everything: Annotated[bool, typer.Option("--all", help="Those that are over, too.")] = False,
    output_format: FormatOption = None,
    output: OutputOption = None,
) -> None:
    """List the holds that run on --as-of."""
    from loancli.ledger import contacts

    context = context_of(ctx)
    with session.ledger(context) as db:
        rows = contacts.holds(db, on=None if everything else context.as_of)
    show(rows, format=output_format, output=output, title="holds", lang=context.lang)
