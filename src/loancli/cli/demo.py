"""loancli demo: the whole story on made-up files, from signed plans to proved books."""

import runpy
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from loancli import shipped
from loancli.cli import session
from loancli.cli.charts import bars
from loancli.cli.options import Context, context_of
from loancli.cli.render import progress, save, show, talk, write
from loancli.core.days import BEIJING
from loancli.core.errors import InputError
from loancli.core.rates import percent
from loancli.jobs import Stamp
from loancli.texts import say

if TYPE_CHECKING:
    from sqlite3 import Connection

    from loancli.jobs.plan_contacts import Rules as ContactRules
    from loancli.revenue.pairs import Pairs
    from loancli.revenue.rules import Rules

app = typer.Typer()
SEED = 7
NINE, TEN = time(9), time(10)
CONTACT_MONTHS = 2  # the last months, in which borrowers are written to


@dataclass(frozen=True, slots=True, kw_only=True)
class _Story:
    """What the chapters of the demo share."""

    context: Context
    db: "Connection"
    folder: Path
    world: Any  # the World of fixtures/lender.py, which is loaded by its path
    lender_month: Any
    password: str  # of the archives in which WeChat's workbooks come
    rules: dict[str, "Rules"]
    pairs: "Pairs"
    campaigns: tuple["ContactRules", ...]
    contacted: list[dict[str, str]]


@app.command()
def demo(
    ctx: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new folder for files and ledger.")] = Path(
        "loancli-demo"
    ),
) -> None:
    """Build and run the whole story on made-up files: 61 borrowers, 18 months. The ledger stays in DIR."""
    context = replace(context_of(ctx), ledger=folder / "demo.db", actor="demo")
    if folder.exists() and any(folder.iterdir()):
        raise InputError(f"{folder}: is not empty; name a new folder")
    (folder / "outbox").mkdir(parents=True)
    lender = runpy.run_path(str(shipped.root() / "fixtures" / "lender.py"))
    world = lender["write_lender"](folder / "world", SEED)
    lender["second_till"](folder / "world", world)
    _init(context, world, folder)
    with session.ledger(context) as db:
        story = _Story(
            context=context,
            db=db,
            folder=folder,
            world=world,
            lender_month=lender["lender_month"],
            password=lender["WECHAT_PASSWORD"],
            rules=session.revenue_rules(context),
            pairs=session.revenue_pairs(context).pairs,
            campaigns=tuple(session.contact_rules(context, name) for name in ("collections", "reminders")),
            contacted=[],
        )
        _fit(story)
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
    from loancli.cli.sheet import read_sheet
    from loancli.ledger import borrowers
    from loancli.ledger.connect import create
    from loancli.servicing.bookings import ACCOUNTS

    create(context.ledger, opened_on=world.months[0].isoformat(), accounts=ACCOUNTS)
    people = read_borrowers(read_sheet(folder / "world" / "borrowers.csv"))
    with session.change(context, dry_run=False) as db:
        borrowers.add(db, people)
    talk(context, "demo.world", borrowers=len(people), loans=len(world.loans), folder=folder / "world")


def _fit(story: _Story) -> None:
    """A shop with a strong season: read two years of it, find the terms that fit, and write them as a product.

    From then on it is one of the lender's borrowers: it signs, and pays what its revenue makes due.
    """
    from loancli.cli.fit import Asked, product_text, search
    from loancli.core.loan import Borrower
    from loancli.jobs.revenue_history import revenue_history
    from loancli.ledger import borrowers

    season = runpy.run_path(str(shipped.root() / "fixtures" / "season.py"))
    shop, first = season["SHOP"], story.world.months[0]
    context = replace(story.context, as_of=first)
    person = Borrower(
        borrower_id=shop.borrower_id,
        name=shop.name,
        phone=shop.phone,
        trade=shop.trade.code,
        kind=shop.kind,
        aliases=shop.aliases,
    )
    with session.change(context, dry_run=False) as db:
        borrowers.add(db, [person])
    known_at_signing = season["write_seasonal"](story.folder / "world", SEED)[: season["FILES_BEFORE"]]
    _read(story, ((path, shop.borrower_id) for path in known_at_signing), _stamp(context, first))
    asked = Asked(
        frame=session.product(context, "revenue-share"),
        principal_fen=season["PRINCIPAL_FEN"],
        start_on=season["START_ON"],
        history=revenue_history(story.db, shop.borrower_id, counts=("sure",), as_of=first),
        source=shop.borrower_id,
        burden_ppm=200_000,
        chance_ppm=900_000,
        periods_max=season["MONTHS_AFTER"],
    )
    found = search(context, asked)
    assert found.answer is not None
    product_file = story.folder / "fitted.toml"
    save(product_file, product_text(context, asked, found, code=product_file.stem))
    season["join"](story.world, str(product_file), found.answer.plan.product.periods)
    worst = [percent(each.result.worst_burden_ppm.p90) for each in (found.answer, found.equal)]
    talk(context, "demo.fit", borrower_id=shop.borrower_id, file=product_file, worst=worst[0], equal=worst[1])


def _month(story: _Story, month: date) -> dict[str, Any]:
    """One month: read what came in on its first day, sign its loans, take its repayments, close its days."""
    from loancli.jobs.close_day import close_through

    day = _stamp(story.context, month)
    signed = _sign(story, month, day)
    rows = _read_revenue(story, month - timedelta(days=1), day)
    next_day = _stamp(story.context, month + timedelta(days=1))
    calendar, ageing = session.calendar(story.context), session.ageing(story.context)
    closing = close_through(story.db, month, calendar=calendar, ageing=ageing, stamp=next_day)
    list(closing)  # fixes what last month's revenue decides
    taken = _take_repayments(story, month, next_day)
    if month in story.world.months[-CONTACT_MONTHS:]:
        lines = _contact_month(story, month)
    else:
        after = _stamp(story.context, _month_end(month) + timedelta(days=1))
        lines = list(close_through(story.db, _month_end(month), calendar=calendar, ageing=ageing, stamp=after))
    last = lines[-1]
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
    from loancli.cli.plan_shown import cost_of
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
    """Read what the borrowers bring that ends with the month before: statements, workbooks in archives, bills."""
    paths = sorted((story.folder / "world" / "exports").glob(f"*/*-{month:%Y-%m}.*"))
    return sum(report.new_count for report in _read(story, ((path, path.parent.name) for path in paths), stamp))


def _read(story: _Story, files: Iterator[tuple[Path, str | None]], stamp: Stamp) -> list[Any]:
    from loancli.imports.containers import members
    from loancli.jobs.take_statement import AS_IT_IS, check_summaries, take_statement
    from loancli.ledger.connect import writing

    reports = []
    with writing(story.db):
        for path, borrower_id in files:
            with path.open("rb") as source:
                reports += [
                    take_statement(
                        story.db,
                        member.file,
                        member.name,
                        borrower_id=borrower_id,
                        rules=story.rules,
                        pairs=story.pairs,
                        stamp=stamp,
                    )
                    for member in members(source, path.name, lambda _: (story.password,))
                ]
        check_summaries(story.db, reports, AS_IT_IS)
    return reports


def _take_repayments(story: _Story, month: date, stamp: Stamp) -> dict[str, int]:
    """Ask the books what is due, let the borrowers pay it, and read the lender's statements of the month."""
    from loancli.jobs.settle import gather
    from loancli.ledger import loans
    from loancli.servicing.life import life

    dues = [
        (loan_id, state.due_on, state.unpaid_fen)
        for loan_id, (contract, events) in gather(story.db, loans.loan_ids(story.db)).items()
        for state in life(contract, events, month).instalments
        if state.is_fixed and state.unpaid_fen and state.due_on <= _month_end(month)
    ]
    paths = story.lender_month(story.folder / "world", story.world, month, dues)
    reports = _read(story, ((path, None) for path in paths), stamp)
    return {
        "repayments": sum(report.placed.placed_count for report in reports),
        "unmatched": sum(report.placed.suspense_count for report in reports),
        "bounced": sum(report.placed.reversed_count for report in reports),
    }


def _one_borrower(story: _Story, as_of: date) -> None:
    """A revenue-share loan of a noodle shop: its revenue beside its instalments, month by month."""
    from loancli.jobs.close_day import revenue_of
    from loancli.jobs.settle import gather
    from loancli.ledger import borrowers, loans
    from loancli.plan.flexible import window_of
    from loancli.servicing.life import life

    people = borrowers.find(story.db)
    shops = {borrower_id for borrower_id, person in people.items() if person.trade == "noodle_shop"}
    known = gather(story.db, loans.loan_ids(story.db))
    contract, events = next(
        (contract, events)
        for contract, events in known.values()
        if contract.is_revenue_share and contract.borrower_id in shops
    )
    at_day = life(contract, events, as_of)
    rows = []
    for state in at_day.instalments:
        if not state.is_due:
            continue
        window = window_of(contract.product, contract.rows, state.number)
        then = revenue_of(story.db, contract.borrower_id, from_on=window.from_on, to_on=window.to_on)
        rows.append((f"{window.from_on:%Y-%m}", sum(then.net_fen(window, ("sure",)).values()), state.due_fen))
    lang = story.context.lang
    talk(story.context, "demo.one", loan_id=contract.loan_id, borrower_id=contract.borrower_id)
    write(bars(rows, names=(say("demo.revenue", lang), say("demo.instalment", lang))))


def _contact_month(story: _Story, month: date) -> list[dict[str, Any]]:
    """A month in which each morning the day before is closed, and then reminders and collections go out."""
    from loancli.jobs.close_day import close_through

    calendar, ageing = session.calendar(story.context), session.ageing(story.context)
    lines: list[dict[str, Any]] = []
    day = month + timedelta(days=1)
    while day <= _month_end(month):
        morning = _stamp(story.context, day + timedelta(days=1))
        lines += close_through(story.db, day, calendar=calendar, ageing=ageing, stamp=morning)
        day += timedelta(days=1)
        _contact_day(story, day, story.contacted)
    return lines


def _contact_day(story: _Story, day: date, contacted: list[dict[str, str]]) -> None:
    from loancli.jobs.plan_contacts import approve, plan_contacts
    from loancli.jobs.send_outbox import send_outbox
    from loancli.ledger.connect import writing

    at = datetime.combine(day, TEN, BEIJING)
    stamp = replace(_stamp(story.context, day), at=at)
    for rules in story.campaigns:
        with writing(story.db):
            planned = plan_contacts(story.db, rules, day=day, at=at, stamp=stamp)
            approve(story.db, planned.batch, stamp=stamp)
        answers = [(message.template, message.segment, "message") for message in planned.messages]
        answers += [(one.wish.template, one.wish.segment, one.refusal.name) for one in planned.refused]
        keys = ("template", "segment", "answer")
        contacted += [{"campaign": rules.campaign.name, **dict(zip(keys, each, strict=True))} for each in answers]
    rules = story.campaigns[0]
    send_outbox(
        story.db,
        story.folder / "outbox",
        batch=None,
        limits=rules.limits,
        templates=rules.templates,
        is_holiday=day in rules.calendar.off,
        now=lambda: at,
        stamp=stamp,
        dry_run=False,
    )


def _contacts(story: _Story, day: date) -> None:
    """Who is who on the last morning, what was said to whom in the last months, and one of the texts."""
    from collections import Counter

    from loancli.cli.segment import counted
    from loancli.jobs.plan_contacts import segmented
    from loancli.ledger import contacts

    lang = story.context.lang
    rules = story.campaigns[0]
    known, assigned = segmented(story.db, day, rules)
    show(counted(known, assigned, rules.segments), title=say("demo.segments", lang, day=day), lang=lang)
    tally = Counter(tuple(each.values()) for each in story.contacted)
    names = ("campaign", "template", "segment", "answer")
    rows = [{**dict(zip(names, what, strict=True)), "times": times} for what, times in sorted(tally.items())]
    show(rows, title=say("demo.contacts", lang), lang=lang)
    states = Counter(row["state"] for row in contacts.messages(story.db))
    texts = {row["template"]: row["text"] for row in contacts.messages(story.db, state="sent")}
    talk(
        story.context, "demo.outbox", folder=story.folder / "outbox", sent=states["sent"], cancelled=states["cancelled"]
    )
    write("\n".join(texts.values()))


def _proof(story: _Story) -> None:
    from loancli.jobs.prove import prove
    from loancli.ledger.checks import counts

    answers = [answer for _, found in prove(story.db) for answer in found]
    if answers:
        raise AssertionError(answers)
    talk(story.context, "ledger.sound", **counts(story.db))
