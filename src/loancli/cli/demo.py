"""loancli demo: the whole story on made-up files: plans signed, exports read, months closed, messages written, books proved."""

import runpy
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from loancli import shipped
from loancli.cli import session
from loancli.cli.campaign import plan_shown, sent_shown
from loancli.cli.options import Context, context_of
from loancli.cli.render import bars, progress, show, talk, write
from loancli.core.days import BEIJING
from loancli.core.errors import InputError
from loancli.jobs import Stamp
from loancli.texts import say

if TYPE_CHECKING:
    from sqlite3 import Connection

    from loancli.plan.revenue import Rules

app = typer.Typer()
SEED = 7
NINE, TEN = time(9), time(10)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Story:
    """What the chapters of the demo share."""

    context: Context
    db: "Connection"
    folder: Path
    world: Any  # the World of fixtures/lender.py, which is loaded by its path
    lender_month: Any
    rules: dict[str, "Rules"]


@app.command()
def demo(
    ctx: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new folder for files and ledger.")] = Path(
        "loancli-demo"
    ),
) -> None:
    """Build and run the whole story on made-up files: 60 borrowers, 18 months, in DIR; the ledger stays there to look around in."""
    context = replace(context_of(ctx), ledger=folder / "demo.db", actor="demo")
    if folder.exists() and any(folder.iterdir()):
        raise InputError(f"{folder}: is not empty; name a new folder")
    folder.mkdir(parents=True, exist_ok=True)
    lender = runpy.run_path(str(shipped.root() / "fixtures" / "lender.py"))
    world = lender["write_lender"](folder / "world", SEED)
    _init(context, world, folder)
    with session.ledger(context) as db:
        story = _Story(
            context=context,
            db=db,
            folder=folder,
            world=world,
            lender_month=lender["lender_month"],
            rules=session.revenue_rules(context),
        )
        talk(context, "demo.months", count=len(world.months))
        months = progress(world.months, total=len(world.months), label="months", quiet=context.quiet)
        show(
            [_month(story, month) for month in months], title=say("demo.months_title", context.lang), lang=context.lang
        )
        last_on = _month_end(world.months[-1])
        _one_borrower(story, last_on)
        _contacts(story, last_on + timedelta(days=1))
        _proof(story)
    talk(context, "demo.end", ledger=context.ledger, day=last_on + timedelta(days=1))


def _stamp(context: Context, day: date) -> Stamp:
    return Stamp(actor=context.actor, at=datetime.combine(day, NINE, BEIJING))


def _month_end(month: date) -> date:
    return (month.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)


def _init(context: Context, world: Any, folder: Path) -> None:
    from loancli.cli.borrower import read_borrowers
    from loancli.ledger import borrowers
    from loancli.ledger.connect import create
    from loancli.servicing.bookings import ACCOUNTS

    create(context.ledger, opened_on=world.months[0].isoformat(), accounts=ACCOUNTS)
    people = read_borrowers(session.read_text(folder / "world" / "borrowers.csv"), "borrowers.csv")
    with session.change(context, dry_run=False) as db:
        borrowers.add(db, people)
    talk(context, "demo.world", borrowers=len(people), loans=len(world.loans), folder=folder / "world")


def _month(story: _Story, month: date) -> dict[str, Any]:
    """One month: read what came in on its first day, sign its loans, take its repayments, close its days."""
    from loancli.jobs.close_day import close_through

    day = _stamp(story.context, month)
    signed = _sign(story, month, day)
    rows = _read_revenue(story, month - timedelta(days=1), day)
    next_day = _stamp(story.context, month + timedelta(days=1))
    list(close_through(story.db, month, stamp=next_day))  # fixes the instalments that last month's revenue decides
    taken = _take_repayments(story, month, next_day)
    closing = close_through(
        story.db, _month_end(month), stamp=_stamp(story.context, _month_end(month) + timedelta(days=1))
    )
    last = list(closing)[-1]
    return {
        "month": f"{month:%Y-%m}",
        "signed": signed,
        "revenue_rows": rows,
        **taken,
        "active": last["active_loans"],
        "outstanding_fen": last["outstanding_fen"],
        "late": sum(bucket["loans"] for bucket in last["late"].values()),
    }


def _sign(story: _Story, month: date, stamp: Stamp) -> int:
    from loancli.cli.plan import cost_of
    from loancli.jobs.open_loan import Signing, open_loans
    from loancli.ledger.connect import writing

    quiet = replace(story.context, quiet=True)
    signings = []
    for loan in story.world.loans:
        if (loan.start_on.year, loan.start_on.month) != (month.year, month.month):
            continue
        product = session.product(story.context, loan.product)
        plan, _ = cost_of(quiet, product, loan.principal_fen, loan.start_on, loan.periods, None)
        signings.append(Signing(loan_id=loan.loan_id, borrower_id=loan.borrower_id, plan=plan, channel="bank"))
    with writing(story.db):
        return len(open_loans(story.db, signings, calendar=session.calendar(story.context), stamp=stamp))


def _read_revenue(story: _Story, month: date, stamp: Stamp) -> int:
    """Read the borrowers' own exports that end with the month before."""
    paths = sorted((story.folder / "world" / "exports").glob(f"*/*-{month:%Y-%m}.csv"))
    return sum(report.new_count for report in _read(story, ((path, path.parent.name) for path in paths), stamp))


def _read(story: _Story, files: Iterator[tuple[Path, str | None]], stamp: Stamp) -> list[Any]:
    from loancli.jobs.take_statement import take_statement
    from loancli.ledger.connect import writing

    reports = []
    with writing(story.db):
        for path, borrower_id in files:
            with path.open("rb") as source:
                reports.append(
                    take_statement(
                        story.db,
                        source,
                        path.name,
                        borrower_id=borrower_id,
                        rules=story.rules,
                        encoding=None,
                        stamp=stamp,
                    )
                )
    return reports


def _take_repayments(story: _Story, month: date, stamp: Stamp) -> dict[str, int]:
    """Ask the books what is due, let the borrowers of the story pay it, and read the lender's statements of the month."""
    from loancli.jobs.settle import gather
    from loancli.ledger import loans
    from loancli.servicing.life import life

    dues = []
    for loan_id, (contract, events) in gather(story.db, loans.loan_ids(story.db)).items():
        for state in life(contract, events, month).instalments:
            if state.is_fixed and state.unpaid_fen and state.due_on <= _month_end(month):
                dues.append((loan_id, state.due_on, state.unpaid_fen))
    paths = story.lender_month(story.folder / "world", story.world, month, dues)
    reports = _read(story, ((path, None) for path in paths), stamp)
    return {
        "repayments": sum(report.placed_count for report in reports),
        "unmatched": sum(report.suspense_count for report in reports),
        "bounced": sum(report.reversed_count for report in reports),
    }


def _one_borrower(story: _Story, as_of: date) -> None:
    """A revenue-share loan of a noodle shop: its revenue beside its instalments, month by month."""
    from loancli.jobs.settle import gather
    from loancli.ledger import borrowers, loans, statements
    from loancli.plan.flexible import window_of
    from loancli.servicing.life import life

    people = borrowers.find(story.db)
    shops = {borrower_id for borrower_id, person in people.items() if person.trade == "noodle_shop"}
    for _, (contract, events) in sorted(gather(story.db, loans.loan_ids(story.db)).items()):
        if contract.is_revenue_share and contract.borrower_id in shops:
            break
    at_day = life(contract, events, as_of)
    rows = []
    for state in at_day.instalments:
        if not state.is_due:
            continue
        window = window_of(contract.product, contract.rows, state.number)
        daily = statements.daily_revenue(story.db, contract.borrower_id, from_on=window.from_on, to_on=window.to_on)
        net_fen = sum(fen if kind == "sure" else -fen for _, _, kind, fen, _ in daily if kind in {"sure", "reduction"})
        rows.append((f"{window.from_on:%Y-%m}", net_fen, state.due_fen))
    lang = story.context.lang
    talk(story.context, "demo.one", loan_id=contract.loan_id, borrower_id=contract.borrower_id)
    write(bars(rows, names=(say("demo.revenue", lang), say("demo.instalment", lang))))


def _contacts(story: _Story, day: date) -> None:
    """The segments of the day after, and what may be said to whom."""
    from loancli.cli.segment import counted
    from loancli.jobs.plan_contacts import approve, plan_contacts, segmented
    from loancli.jobs.send_outbox import send_outbox
    from loancli.ledger.connect import writing

    context, lang = story.context, story.context.lang
    at = datetime.combine(day, TEN, BEIJING)
    stamp = _stamp(context, day)
    rules = session.contact_rules(context, "collections")
    known, assigned = segmented(story.db, day, rules.segments)
    show(counted(known, assigned, rules.segments), title=say("demo.segments", lang, day=day), lang=lang)
    for name in ("reminders", "collections"):
        rules = session.contact_rules(context, name)
        with writing(story.db):
            planned = plan_contacts(story.db, rules, day=day, at=at, stamp=stamp)
            approve(story.db, planned.batch, stamp=stamp)
        rows = plan_shown(planned, lang)
        columns = ("loan_id", "segment", "answer", "detail")
        show(rows, title=planned.batch, columns=columns, lang=lang)
    sent = send_outbox(
        story.db,
        story.folder,
        batch=None,
        limits=rules.limits,
        templates=rules.templates,
        is_holiday=day in rules.calendar.off,
        now=lambda: at,
        stamp=replace(stamp, at=at),
    )
    show(sent_shown(sent), title=say("demo.sent", lang), lang=lang)


def _proof(story: _Story) -> None:
    from loancli.jobs.prove import prove
    from loancli.ledger.checks import counts

    answers = [answer for _, found in prove(story.db) for answer in found]
    if answers:
        raise AssertionError(answers)
    talk(story.context, "ledger.sound", **counts(story.db))
