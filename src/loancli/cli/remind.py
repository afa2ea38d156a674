"""loancli remind: the reminders of the day, for cron."""

from pathlib import Path

import typer

from loancli.cli import session
from loancli.cli.campaign import SEND_AT, AtOption, FolderOption, check_sending, plan_run, send_run, sent_shown
from loancli.cli.exit import Exit
from loancli.cli.options import DryRunOption, FormatOption, OutputOption, context_of
from loancli.cli.render import show, talk

app = typer.Typer()


@app.command()
def remind(
    ctx: typer.Context,
    at: AtOption = SEND_AT,
    folder: FolderOption = Path(),
    dry_run: DryRunOption = False,
    output_format: FormatOption = None,
    output: OutputOption = None,
) -> None:
    """Plan, approve and send the day's reminders in one go. Running it again adds nothing."""
    from loancli.jobs.plan_contacts import approve

    context = context_of(ctx)
    if not dry_run:
        check_sending(context, folder)  # before anything is written
    planned, rows = plan_run(context, "reminders", at, dry_run=dry_run)
    if dry_run:
        show(rows, format=output_format, output=output, title=planned.batch, lang=context.lang)
        talk(context, "import.dry_run")
        return
    with session.change(context, dry_run=False) as db:
        approve(db, planned.batch, stamp=session.stamp(context))
    sent = send_run(context, planned.batch, folder, dry_run=False)
    show(sent_shown(sent), format=output_format, output=output, title=planned.batch, lang=context.lang)
    talk(context, "campaign.planned", batch=planned.batch, count=planned.new_count, refused=len(planned.refused))
    if sent.unknown_count:
        talk(context, "campaign.unknown", count=sent.unknown_count)
        raise typer.Exit(Exit.PARTIAL)
