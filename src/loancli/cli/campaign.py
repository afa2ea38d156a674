"""loancli campaign: contacts in bulk: plan, preview, approve, send."""

import re
from datetime import datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from loancli.cli import session
from loancli.cli.borrower import UnmaskOption
from loancli.cli.exit import Exit
from loancli.cli.options import Context, DryRunOption, Format, FormatOption, OutputOption, context_of, now
from loancli.cli.render import show, talk
from loancli.core.days import BEIJING
from loancli.core.errors import NotFoundError, RefusedError
from loancli.core.mask import mask_phone
from loancli.texts import Lang, say

if TYPE_CHECKING:
    from loancli.jobs.plan_contacts import Planned
    from loancli.jobs.send_outbox import Sent
    from loancli.outreach.segments import Segments

app = typer.Typer()
BatchArgument = Annotated[str, typer.Argument(metavar="BATCH", help="A run, such as collections-2026-11-23.")]
SEND_AT = time(10)
_HOUR = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]", re.ASCII)


def hour(text: str | time) -> time:
    """'09:30': the parser of an option that takes a time of day; its default comes as it is."""
    if isinstance(text, time):
        return text
    if _HOUR.fullmatch(text) is None:  # Python reads 10, T10:00 and 10:00+05:00 as well
        raise typer.BadParameter(f"{text!r} is not a time of day such as 09:30")
    return time.fromisoformat(text)


AtOption = Annotated[
    time,
    typer.Option(
        "--at", parser=hour, metavar="HH:MM", help="When it would be sent, Shanghai time; the gate looks at it."
    ),
]
FolderOption = Annotated[
    Path, typer.Option("--to", metavar="DIR", file_okay=False, help="Where the file for the SMS vendor goes.")
]


@app.command()
def plan(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="A campaign of schedules/campaigns, such as collections.")],
    at: AtOption = SEND_AT,
    dry_run: DryRunOption = False,
    output_format: FormatOption = None,
    output: OutputOption = None,
    unmask: UnmaskOption = False,
) -> None:
    """Plan a campaign for --as-of: who gets which text, who is left alone, and why. Planning twice plans once."""
    context = context_of(ctx)
    planned, rows = plan_run(context, name, at, dry_run=dry_run, unmask=unmask)
    show(rows, format=output_format, output=output, title=planned.batch, lang=context.lang)
    values = {"batch": planned.batch, "count": planned.new_count, "refused": len(planned.refused)}
    session.tell(context, "campaign.planned", dry_run=dry_run, **values)


def plan_run(
    context: Context, name: str, at: time, *, dry_run: bool, unmask: bool = False
) -> tuple["Planned", list[dict[str, Any]]]:
    """Plan a campaign for the day of --as-of; also its messages, refusals and hand-overs as one list of rows."""
    from loancli.jobs.plan_contacts import plan_contacts
    from loancli.ledger import borrowers

    rules = session.contact_rules(context, name)
    instant = datetime.combine(context.as_of, at, BEIJING)
    with session.change(context, dry_run=dry_run) as db:
        planned = plan_contacts(db, rules, day=context.as_of, at=instant, stamp=session.stamp(context))
        people = borrowers.find(db, sorted({message.borrower_id for message in planned.messages}))
    names = {} if unmask else {borrower_id: person.name for borrower_id, person in people.items()}
    return planned, _plan_shown(planned, names, rules.segments, context.lang)


def masked_text(text: str, name: str | None) -> str:
    """A message without the name it speaks to, which it holds as templates write it; None leaves it as it is."""
    from loancli.outreach.templates import NAME_LENGTH_MAX, neutral

    if name is None:
        return text
    shown = neutral(name)
    return session.masked(text, [shown if len(shown) <= NAME_LENGTH_MAX else shown[: NAME_LENGTH_MAX - 1]])


def _plan_shown(planned: "Planned", names: dict[str, str], segments: "Segments", lang: Lang) -> list[dict[str, Any]]:
    from loancli.cli.segment import why_in

    rows = [
        {
            "borrower_id": message.borrower_id,
            "loan_id": message.loan_id,
            "answer": "message",
            "segment": message.segment,
            "detail": masked_text(message.text, names.get(message.borrower_id)),
            "why": why_in(lang, message.why, message.segment, segments),
        }
        for message in planned.messages
    ]
    rows += [
        {
            "borrower_id": one.borrower_id,
            "loan_id": one.loan_id,
            "answer": one.refusal.name,
            "segment": one.wish.segment,
            "detail": one.refusal.zh if lang == "zh" else one.refusal.en,
            "why": why_in(lang, one.wish.why, one.wish.segment, segments),
        }
        for one in planned.refused
    ]
    rows += [
        {
            "borrower_id": person.borrower_id,
            "loan_id": person.loan_id,
            "answer": "for_a_person",
            "segment": person.segment,
            "detail": person.why_zh if lang == "zh" else person.why_en,
            "why": "",
        }
        for person in planned.for_people
    ]
    return rows


@app.command("list")
def list_(ctx: typer.Context, output_format: FormatOption = None, output: OutputOption = None) -> None:
    """List the runs with their messages by state."""
    from loancli.ledger import contacts

    context = context_of(ctx)
    with session.ledger(context) as db:
        rows = contacts.runs(db)
    show(rows, format=output_format, output=output, title="campaigns", lang=context.lang)


@app.command()
def preview(
    ctx: typer.Context,
    batch: BatchArgument,
    unmask: UnmaskOption = False,
    output_format: FormatOption = None,
    output: OutputOption = None,
) -> None:
    """Show a run as it stands in the outbox: every text, its segment and why, and who was refused and why."""
    from loancli.ledger import borrowers, contacts
    from loancli.outreach.policy import Refusal
    from loancli.outreach.templates import segments_of

    context = context_of(ctx)
    with session.ledger(context) as db:
        run = contacts.run(db, batch)
        if run is None:
            raise NotFoundError(f"there is no campaign run '{batch}'; see: loancli campaign list")
        found, refused = contacts.messages(db, batch=batch), contacts.refusals(db, batch)
        people = borrowers.find(db, sorted({row["borrower_id"] for row in found}))
    names = {} if unmask else {borrower_id: person.name for borrower_id, person in people.items()}
    messages = [
        {
            "message_id": row["message_id"],
            "borrower_id": row["borrower_id"],
            "loan_id": row["loan_id"],
            "phone": row["phone"] if unmask else mask_phone(row["phone"]),
            "state": row["state"],
            "parts": segments_of(row["text"]),
            "text": masked_text(row["text"], names.get(row["borrower_id"])),
            "segment": row["segment"],
            "why": row["why"],
        }
        for row in found
    ]
    refusals = [
        {**row, "meaning": Refusal[row["reason"]].zh if context.lang == "zh" else Refusal[row["reason"]].en}
        for row in refused
    ]
    if session.as_json(output_format, output):
        show({**run, "messages": messages, "refused": refusals}, format=output_format, output=output, lang=context.lang)
        return
    show(messages, format=output_format, output=output, title=batch, lang=context.lang)
    if output is None and output_format in {None, Format.TABLE} and refusals:
        show(refusals, title=say("campaign.refused", context.lang), lang=context.lang)


@app.command()
def approve(ctx: typer.Context, batch: BatchArgument, dry_run: DryRunOption = False) -> None:
    """Let a run go out; it is sent by `campaign send`."""
    from loancli.jobs.plan_contacts import approve as approved

    context = context_of(ctx)
    with session.change(context, dry_run=dry_run) as db:
        approved(db, batch, stamp=session.stamp(context))
    session.tell(context, "campaign.approved", dry_run=dry_run, batch=batch)


@app.command()
def send(
    ctx: typer.Context,
    batch: Annotated[
        str | None, typer.Argument(metavar="BATCH", help="Only this run; else every approved one of the day.")
    ] = None,
    folder: FolderOption = Path(),
    dry_run: DryRunOption = False,
    output_format: FormatOption = None,
    output: OutputOption = None,
) -> None:
    """Send what is approved for today: the gate is asked again for each, then the vendor's file is written."""
    context = context_of(ctx)
    sent = send_run(context, batch, folder, dry_run=dry_run)
    show(sent_shown(sent), format=output_format, output=output, title="sent", lang=context.lang)
    if dry_run:
        talk(context, "import.dry_run")
    if sent.unknown_count:
        talk(context, "campaign.unknown", count=sent.unknown_count)
        raise typer.Exit(Exit.PARTIAL)


def check_sending(context: Context, folder: Path) -> None:
    """Whether messages can leave at all. Raises RefusedError, NotFoundError."""
    if context.as_of != now().date():
        raise RefusedError(f"messages leave today, {now().date()}; --as-of {context.as_of} is another day")
    if not folder.is_dir():
        raise NotFoundError(f"{folder}: no such folder")


def send_run(context: Context, batch: str | None, folder: Path, *, dry_run: bool) -> "Sent":
    """Send approved messages; the hour is the real one, whatever --as-of says."""
    from loancli.jobs.send_outbox import send_outbox
    from loancli.ledger import contacts

    check_sending(context, folder)
    rules = session.contact_rules(context, "collections")
    with session.ledger(context) as db:
        if batch is not None and contacts.run(db, batch) is None:
            raise NotFoundError(f"there is no campaign run '{batch}'; see: loancli campaign list")
        return send_outbox(
            db,
            folder,
            batch=batch,
            limits=rules.limits,
            templates=rules.templates,
            is_holiday=context.as_of in rules.calendar.off,
            now=now,
            stamp=session.stamp(context),
            dry_run=dry_run,
        )


def sent_shown(sent: "Sent") -> dict[str, Any]:
    """What sending did, as one object."""
    return {
        "file": str(sent.path) if sent.path else None,
        "sent": sent.sent_count,
        "waiting": sent.waiting,
        "cancelled": sent.cancelled,
        "unknown": sent.unknown_count,
    }
