"""loancli loan: what a person tells of a loan beside payments: fees, waivers, pauses, write-offs; and their voids."""

import re
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

import typer

from loancli.cli import session
from loancli.cli.class_told import tell_eased
from loancli.cli.effect import answer
from loancli.cli.options import (
    Context,
    DifficultyOption,
    DryRunOption,
    Format,
    FormatOption,
    OutputOption,
    amount,
    context_of,
    day,
)
from loancli.cli.render import show, talk
from loancli.core.event import Event, EventKind
from loancli.core.money import yuan
from loancli.plan.changes import EVERY_PART, WAIVABLE
from loancli.texts import Lang, say

if TYPE_CHECKING:
    from loancli.jobs.record_event import Effect

app = typer.Typer()
REFERENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}", re.ASCII)
CHANNELS = ("bank", "alipay", "wechat")
WORDS_MAX = 60
NOTED = ("name", "part", "coupon", "choice", "change", "to_on", "reason")  # words of payloads


def above_0(text: str) -> int:
    """An amount in fen. Wrong usage for an amount of nothing, whatever else is told of it."""
    amount_fen = amount(text)
    if not amount_fen:
        raise typer.BadParameter("an amount above 0")
    return amount_fen


LoanArgument = Annotated[str, typer.Argument(help="The loan's number.")]
AmountArgument = Annotated[int, typer.Argument(parser=above_0, metavar="YUAN", help="How much, above 0.")]
OnOption = Annotated[
    date | None, typer.Option("--on", parser=day, metavar="DATE", help="The day it counts from; else --as-of.")
]
ReasonOption = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why, for the books.")]
ReceivedOption = Annotated[str, typer.Option("--channel", help="How it comes or goes: bank, alipay or wechat.")]
ReferenceOption = Annotated[
    str, typer.Option("--ref", help="Your number of it: tells a second one of the same day and amount.")
]


def check_channel(channel: str) -> None:
    """Wrong usage for a channel that no clearing account stands for."""
    if channel not in CHANNELS:
        raise typer.BadParameter(f"'{channel}' is not one of {', '.join(CHANNELS)}", param_hint="--channel")


def check_reference(reference: str) -> None:
    """Wrong usage for a number that cannot stand in a key."""
    if reference and REFERENCE.fullmatch(reference) is None:
        raise typer.BadParameter("1 to 40 letters, digits, - and _", param_hint="--ref")


def words(text: str, option: str) -> str:
    """A name or reason of a few words. Wrong usage where there are none, or too many."""
    told = " ".join(text.split())
    if not told or len(told) > WORDS_MAX:
        raise typer.BadParameter(f"1 to {WORDS_MAX} characters", param_hint=option)
    return told


@app.command()
def events(
    ctx: typer.Context, loan_id: LoanArgument, output_format: FormatOption = None, output: OutputOption = None
) -> None:
    """Show what happened to a loan, and what each event and each day moved: for every part of every instalment."""
    from loancli.jobs.settle import gather
    from loancli.ledger import borrowers, loans
    from loancli.servicing.life import active_events, life, order

    context = context_of(ctx)
    with session.ledger(context) as db:
        borrower = borrowers.one(db, loans.record(db, loan_id).borrower_id)
        contract, found = gather(db, [loan_id])[loan_id]
    counting = {event.key for event in active_events(found, context.as_of)}
    names = [borrower.name, *borrower.aliases]
    happened = [
        {
            "on": event.effective_on,
            "what": event.kind.value,
            "key": event.key,
            "by": event.actor,
            "amount_fen": event.payload.get("amount_fen"),
            "counts": event.key in counting,
            "note": session.masked(_note(event, context.lang), names),
        }
        for event in sorted(found, key=order)
        if event.effective_on <= context.as_of
    ]
    moved = [
        {
            "on": movement.value_on,
            "what": movement.cause.partition(":")[0],
            "key": movement.cause.partition(":")[2],
            "part": movement.part,
            "instalment": movement.number or None,
            "amount_fen": movement.amount_fen,
            "debit": movement.debit,
            "credit": movement.credit,
        }
        for movement in life(contract, found, context.as_of).movements
    ]
    if session.as_json(output_format, output):
        show({"events": happened, "movements": moved}, format=output_format, output=output, lang=context.lang)
        return
    if output is None and output_format in {None, Format.TABLE}:
        show(happened, title=loan_id, lang=context.lang)
    show(moved, format=output_format, output=output, title=loan_id, lang=context.lang)


def _note(event: Event, lang: Lang) -> str:
    """What else an event tells in words."""
    notes = [str(event.payload[name]) for name in NOTED if event.payload.get(name)]
    if (in_difficulty := event.payload.get("in_difficulty")) is not None:
        notes.append(say("class.told_difficulty" if in_difficulty else "class.told_no_difficulty", lang))
    return "; ".join(notes)


@app.command()
def charge(
    ctx: typer.Context,
    loan_id: LoanArgument,
    charged: AmountArgument,
    name: Annotated[str, typer.Option("--name", metavar="TEXT", help="What it is for, such as 'court fee'.")],
    on: OnOption = None,
    reference: ReferenceOption = "",
    dry_run: DryRunOption = False,
    output_format: FormatOption = None,
    output: OutputOption = None,
) -> None:
    """Charge a fee: it falls due with the next instalment; after the last, at once."""
    context = context_of(ctx)
    check_reference(reference)
    told, on = words(name, "--name"), on or context.as_of
    key = f"charge/{loan_id}/{reference or f'{on}/{charged}/{told}'}"
    payload = {"amount_fen": charged, "name": told}
    event = _event(context, EventKind.FEE_CHARGED, key, loan_id, on, payload)
    record(context, event, "event.charged", dry_run, output_format, output, amount=yuan(charged), name=told)


@app.command()
def waive(
    ctx: typer.Context,
    loan_id: LoanArgument,
    waived: AmountArgument,
    part: Annotated[str, typer.Option("--part", help="Of what: penalty, interest, fee or all.")],
    reason: ReasonOption,
    on: OnOption = None,
    reference: ReferenceOption = "",
    in_difficulty: DifficultyOption = None,
    dry_run: DryRunOption = False,
    output_format: FormatOption = None,
    output: OutputOption = None,
) -> None:
    """Waive penalty, interest, fees or all of these that are due, the oldest first; before the payments of its day."""
    context = context_of(ctx)
    check_reference(reference)
    if part not in (parts := (*WAIVABLE, EVERY_PART)):
        raise typer.BadParameter(f"'{part}' is not one of {', '.join(parts)}", param_hint="--part")
    on = on or context.as_of
    key = f"waive/{loan_id}/{reference or f'{on}/{part}/{waived}'}"
    payload = {"amount_fen": waived, "part": part, "reason": words(reason, "--reason"), **answered(in_difficulty)}
    event = _event(context, EventKind.AMOUNT_WAIVED, key, loan_id, on, payload)
    debt = say(f"debt.{part}", context.lang)
    record(context, event, "event.waived", dry_run, output_format, output, amount=yuan(waived), part=debt)


@app.command()
def pause(
    ctx: typer.Context,
    loan_id: LoanArgument,
    from_on: Annotated[date, typer.Option("--from", parser=day, metavar="DATE", help="The first day without.")],
    to_on: Annotated[date, typer.Option("--to", parser=day, metavar="DATE", help="The last day without.")],
    reason: ReasonOption,
    in_difficulty: DifficultyOption = None,
    dry_run: DryRunOption = False,
    output_format: FormatOption = None,
    output: OutputOption = None,
) -> None:
    """Let contract interest stand still for some days, both included; penalty on what is overdue does not."""
    context = context_of(ctx)
    payload = {"to_on": to_on.isoformat(), "reason": words(reason, "--reason"), **answered(in_difficulty)}
    key = f"pause/{loan_id}/{from_on}/{to_on}"
    event = _event(context, EventKind.INTEREST_PAUSED, key, loan_id, from_on, payload)
    record(context, event, "event.paused", dry_run, output_format, output, to=to_on)


@app.command("write-off")
def write_off(
    ctx: typer.Context,
    loan_id: LoanArgument,
    reason: ReasonOption,
    on: OnOption = None,
    dry_run: DryRunOption = False,
    output_format: FormatOption = None,
    output: OutputOption = None,
) -> None:
    """Write off all that is owed, once the payments of the day are in. The claim stays: later money recovers it."""
    context = context_of(ctx)
    on = on or context.as_of
    payload = {"reason": words(reason, "--reason")}
    event = _event(context, EventKind.WRITTEN_OFF, f"write-off/{loan_id}/{on}", loan_id, on, payload)
    record(context, event, "event.written_off", dry_run, output_format, output)


@app.command()
def recover(
    ctx: typer.Context,
    loan_id: LoanArgument,
    received: AmountArgument,
    channel: ReceivedOption = "bank",
    on: OnOption = None,
    reference: ReferenceOption = "",
    dry_run: DryRunOption = False,
    output_format: FormatOption = None,
    output: OutputOption = None,
) -> None:
    """Record money for a written-off loan that no payment export shows; what an export shows recovers by itself."""
    _money(context_of(ctx), EventKind.RECOVERED, "recover", loan_id, received, channel, on, reference,
           "event.recovered", dry_run, output_format, output)  # fmt: skip


@app.command()
def refund(
    ctx: typer.Context,
    loan_id: LoanArgument,
    refunded: AmountArgument,
    channel: ReceivedOption = "bank",
    on: OnOption = None,
    reference: ReferenceOption = "",
    dry_run: DryRunOption = False,
    output_format: FormatOption = None,
    output: OutputOption = None,
) -> None:
    """Record that credit (an overpayment) was paid out to the borrower; a refund of the platform is in its export."""
    _money(context_of(ctx), EventKind.CREDIT_REFUNDED, "refund", loan_id, refunded, channel, on, reference,
           "event.refunded", dry_run, output_format, output)  # fmt: skip


def _money(
    context: Context,
    kind: EventKind,
    word: str,
    loan_id: str,
    amount_fen: int,
    channel: str,
    on: date | None,
    reference: str,
    told: str,
    dry_run: bool,
    output_format: FormatOption,
    output: OutputOption,
) -> None:
    check_channel(channel)
    check_reference(reference)
    on = on or context.as_of
    key = f"{word}/{loan_id}/{reference or f'{on}/{amount_fen}/{channel}'}"
    event = _event(context, kind, key, loan_id, on, {"amount_fen": amount_fen, "channel": channel})
    record(context, event, told, dry_run, output_format, output, amount=yuan(amount_fen))


@app.command()
def void(
    ctx: typer.Context,
    loan_id: LoanArgument,
    event_key: Annotated[str, typer.Argument(help="The key of the event in `loan events`; of a void: to redo it.")],
    reason: ReasonOption,
    dry_run: DryRunOption = False,
    output_format: FormatOption = None,
    output: OutputOption = None,
) -> None:
    """Take back an event as if it had never been, or take back a void. Refused where something rests on it."""
    from loancli.jobs.record_event import put_in_force, work_out_void

    context = context_of(ctx)
    stamp = session.stamp(context)
    with session.change(context, dry_run=dry_run) as db:
        effect = work_out_void(db, loan_id, event_key, reason=words(reason, "--reason"), stamp=stamp)
        put_in_force(db, effect, stamp=stamp)
    answer(context, effect, output_format=output_format, output=output)
    session.tell(context, "event.voided", dry_run=dry_run, loan_id=loan_id, event=event_key, void=effect.events[0].key)


def answered(in_difficulty: bool | None) -> dict[str, bool]:
    """For the payload of an event that eases terms: is the debtor in difficulty, if anybody said?"""
    return {} if in_difficulty is None else {"in_difficulty": in_difficulty}


def _event(context: Context, kind: EventKind, key: str, loan_id: str, on: date, payload: dict[str, Any]) -> Event:
    return Event(key=key, loan_id=loan_id, kind=kind, effective_on=on, payload=payload, actor=context.actor)


def record(
    context: Context,
    event: Event,
    told: str,
    dry_run: bool,
    output_format: FormatOption,
    output: OutputOption,
    **values: object,
) -> None:
    """Record an event, show what it does, and say the sentence `told`; the same again does nothing, and says so."""
    from loancli.jobs.record_event import put_in_force, work_out

    stamp = session.stamp(context)
    effect: Effect | None
    with session.change(context, dry_run=dry_run) as db:
        effect = work_out(db, event, stamp=stamp)
        if effect is not None:
            put_in_force(db, effect, stamp=stamp)
    if effect is None:
        talk(context, "event.same", loan_id=event.loan_id, event=event.key)
        return
    answer(context, effect, output_format=output_format, output=output)
    tell_eased(context, effect.after, event)
    session.tell(context, told, dry_run=dry_run, loan_id=event.loan_id, day=event.effective_on, **values)
