"""What the commands of a run share: the ledger file, the schedules that operators edit, and who does it when."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from loancli import shipped
from loancli.cli.options import Context, now
from loancli.core.days import BEIJING, Calendar, read_calendar
from loancli.core.errors import InputError, NotFoundError, SetupError
from loancli.jobs import Stamp

if TYPE_CHECKING:
    from sqlite3 import Connection

    from loancli.jobs.plan_contacts import Rules
    from loancli.plan.cost import Ceilings
    from loancli.plan.product import Product
    from loancli.plan.revenue import Rules as RevenueRules


def stamp(context: Context) -> Stamp:
    """Who does it, and the instant: this moment's time of day on the day of --as-of."""
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
    from loancli.ledger.connect import trial, writing

    with ledger(context) as connection, (trial if dry_run else writing)(connection):
        yield connection


def texts(context: Context, kind: str) -> dict[str, str]:
    """The files of schedules/<kind> by name, the lender's before ours. InputError for one that is not UTF-8."""
    return {name: read_text(path) for name, path in shipped.schedules(kind, context.schedules).items()}


def read_text(path: Path) -> str:
    """The text of a file that an operator wrote. Raises NotFoundError, InputError."""
    if not path.is_file():
        raise NotFoundError(f"{path}: no such file")
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: byte {error.start} is not UTF-8; save the file as UTF-8") from None


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
        known = ", ".join(sorted(Path(each).stem for each in files))
        raise NotFoundError(f"there is no product '{code}'; known: {known}")
    return read_product(files[name], name)


def products(context: Context) -> list["Product"]:
    """Every product."""
    return [product(context, Path(name).stem) for name in texts(context, "products")]


def ceilings(context: Context) -> "Ceilings":
    """The legal ceilings on the cost of a loan."""
    from loancli.plan.cost import read_ceilings

    found = texts(context, "policies")
    return read_ceilings(found["ceilings.toml"], found["lpr.csv"])


def revenue_rules(context: Context) -> dict[str, "RevenueRules"]:
    """The rules that tell business receipts from private money, by channel."""
    from loancli.plan.revenue import read_rules

    found = [read_rules(text, name) for name, text in texts(context, "revenue").items() if name.endswith(".toml")]
    return {rules.channel: rules for rules in found}


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
    )


def _one(context: Context, kind: str, name: str) -> str:
    found = texts(context, kind)
    if name not in found:
        raise SetupError(f"schedules/{kind}/{name} is missing")
    return found[name]
