"""What the commands of a run share: the ledger file, the schedules that operators edit, and who does it when."""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from loancli import shipped
from loancli.cli.cells import visible
from loancli.cli.options import Context, Format, now
from loancli.cli.render import kind_of, talk
from loancli.core.days import BEIJING, Calendar, read_calendar
from loancli.core.errors import InputError, NotFoundError, RefusedError, SetupError
from loancli.core.mask import mask_name, mask_phone
from loancli.jobs import Stamp

if TYPE_CHECKING:
    from sqlite3 import Connection

    from loancli.jobs.plan_contacts import Rules
    from loancli.plan.ceilings import Ceilings
    from loancli.plan.product import Product
    from loancli.revenue.pairs_file import PairsFile
    from loancli.revenue.rules import Rules as RevenueRules
    from loancli.servicing.delinquency import Ageing

PAIRS_FILE = "pairs.toml"
AHEAD_DAYS_MAX = 366  # so far may a trial or a training run ahead of the clock
NUMBER_MAX = 2**63 - 1  # of a row in SQLite
_MOBILE = re.compile(r"(?<![0-9])1[3-9][0-9]{9}(?![0-9])", re.ASCII)


def stamp(context: Context) -> Stamp:
    """Who does it, and the instant: this moment's time of day on the day of --as-of.

    Raises RefusedError for a day so far ahead of the clock that it is a slip: days that were closed stay closed.
    """
    today = now().date()
    if (context.as_of - today).days > AHEAD_DAYS_MAX:
        raise RefusedError(
            f"--as-of {context.as_of} is more than a year after today, {today}; nothing is written for a day so far"
            " ahead"
        )
    return Stamp(actor=context.actor, at=datetime.combine(context.as_of, now().timetz()).astimezone(BEIJING))


@contextmanager
def ledger(context: Context) -> Iterator["Connection"]:
    """The ledger, open for reading; for writing, inside `change`."""
    from loancli.ledger.connect import open_ledger

    connection = open_ledger(context.ledger)
    try:
        yield connection
    finally:
        connection.close()


@contextmanager
def change(context: Context, *, dry_run: bool) -> Iterator["Connection"]:
    """The ledger inside one transaction: all or nothing, and with `dry_run` nothing, by the same path."""
    with ledger(context) as connection, writing_to(connection, dry_run=dry_run):
        yield connection


@contextmanager
def writing_to(connection: "Connection", *, dry_run: bool) -> Iterator[None]:
    """One transaction of a ledger that is open: all or nothing, and with `dry_run` nothing."""
    from loancli.ledger.connect import trial, writing

    with (trial if dry_run else writing)(connection):
        yield


def tell(context: Context, key: str, *, dry_run: bool, **values: object) -> None:
    """What was done, as a sentence to stderr; with `dry_run` followed by the word that nothing was."""
    talk(context, key, **values)
    if dry_run:
        talk(context, "import.dry_run")


def as_json(output_format: Format | None, output: Path | None) -> bool:
    """Whether the answer is one JSON document: by --format, else by the ending of -o."""
    return kind_of(output_format, output) is Format.JSON


def masked(text: str, names: Iterable[str]) -> str:
    """Free text, with the `names` that it holds and every mobile number masked."""
    for name in sorted(set(names), key=len, reverse=True):
        if len(name) > 1:
            text = text.replace(name, mask_name(name))
    return _MOBILE.sub(lambda found: mask_phone(found[0]), text)


def texts(context: Context, kind: str) -> dict[str, str]:
    """The files of schedules/<kind> by name, the lender's before ours. InputError for one that is not UTF-8."""
    return {name: read_text(path) for name, path in shipped.schedules(kind, context.schedules).items()}


def read_text(path: Path) -> str:
    """The text of a file that an operator wrote. Raises NotFoundError, InputError."""
    shown = visible(str(path))
    if not path.is_file():
        raise NotFoundError(f"{shown}: no such file")
    data = path.read_bytes()
    if data.startswith(b"PK\x03\x04"):
        raise InputError(f"{shown}: this is an Excel workbook; save its sheet as 'CSV UTF-8'")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{shown}: byte {error.start} is not UTF-8; save the file as UTF-8") from None


def calendar(context: Context) -> Calendar:
    """China's working days, as far as they are known."""
    return read_calendar({name: text for name, text in texts(context, "calendars").items() if name.endswith(".csv")})


def product(context: Context, code: str) -> "Product":
    """A product by its code in schedules/products, or by the path of its file."""
    from loancli.plan.product_file import read_product

    path = Path(code)
    if path.suffix == ".toml":
        return read_product(read_text(path), str(path))
    files = texts(context, "products")
    name = f"{code}.toml"
    if name not in files:
        known = ", ".join(sorted(Path(each).stem for each in files if each.endswith(".toml")))
        raise NotFoundError(f"there is no product '{code}'; known: {known}")
    return read_product(files[name], name)


def products(context: Context) -> list["Product"]:
    """Every product; a note or a backup beside them is none."""
    return [product(context, Path(name).stem) for name in texts(context, "products") if name.endswith(".toml")]


def ceilings(context: Context) -> "Ceilings":
    """The legal ceilings on the cost of a loan."""
    from loancli.plan.ceilings import read_ceilings

    found = texts(context, "policies")
    return read_ceilings(found["ceilings.toml"], found["lpr.csv"])


def ageing(context: Context) -> "Ageing":
    """What is past due, and the lines between buckets and classes."""
    from loancli.servicing.delinquency import read_ageing

    return read_ageing(_one(context, "policies", "ageing.toml"), "ageing.toml")


def revenue_rules(context: Context) -> dict[str, "RevenueRules"]:
    """The rules that tell business receipts from private money, by channel."""
    from loancli.revenue.rules_file import read_rules

    files = texts(context, "revenue")
    found = [read_rules(files[name], name) for name in files if name.endswith(".toml") and name != PAIRS_FILE]
    return {rules.channel: rules for rules in found}


def revenue_pairs(context: Context) -> "PairsFile":
    """The rules over several rows of a borrower: round trips, moves between wallets, payouts; and their sentences."""
    from loancli.revenue.pairs_file import read_pairs

    return read_pairs(_one(context, "revenue", PAIRS_FILE), PAIRS_FILE)


def contact_rules(context: Context, campaign: str) -> "Rules":
    """Segments, a campaign, texts and limits, as operators wrote them."""
    from loancli.channels import CHANNELS
    from loancli.jobs.plan_contacts import Rules
    from loancli.outreach.campaign_file import read_campaign
    from loancli.outreach.policy_file import read_limits
    from loancli.outreach.segments import read_segments
    from loancli.outreach.templates import read_templates

    campaigns = texts(context, "campaigns")
    name = f"{campaign}.toml"
    if name not in campaigns:
        raise NotFoundError(
            f"there is no campaign '{campaign}'; known: {', '.join(Path(each).stem for each in campaigns)}"
        )
    segments = read_segments(_one(context, "segments", "default.toml"), "default.toml")
    limits = read_limits(_one(context, "policies", "contact.toml"), "contact.toml")
    templates = read_templates(_one(context, "templates", "sms.toml"), "sms.toml", limits)
    channels = [channel.NAME for channel in CHANNELS]
    return Rules(
        segments=segments,
        campaign=read_campaign(campaigns[name], name, segments=segments.names, templates=templates, channels=channels),
        templates=templates,
        limits=limits,
        calendar=calendar(context),
        ageing=ageing(context),
    )


def _one(context: Context, kind: str, name: str) -> str:
    found = texts(context, kind)
    if name not in found:
        raise SetupError(f"schedules/{kind}/{name} is missing")
    return found[name]
