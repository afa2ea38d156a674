"""Options that the commands which plan a loan share, and how each is read."""

from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from loancli.cli.options import amount, day
from loancli.core.errors import InputError
from loancli.core.rates import PPM, rate_ppm_of

PrincipalOption = Annotated[
    int, typer.Option("--principal", parser=amount, metavar="YUAN", help="The amount lent, in yuan.")
]
StartOption = Annotated[
    date | None, typer.Option("--start", parser=day, metavar="DATE", help="The day it is paid out; else --as-of.")
]
PeriodsOption = Annotated[int | None, typer.Option("--periods", help="How many instalments; else the product's.")]
FirstDueOption = Annotated[
    date | None,
    typer.Option("--first-due", parser=day, metavar="DATE", help="The first due day; else one step after the start."),
]
InstalmentOption = Annotated[
    int | None,
    typer.Option(
        "--instalment",
        parser=amount,
        metavar="YUAN",
        help="With a fixed fee: what is expected each time, instead of --periods.",
    ),
]
RowsOption = Annotated[
    Path | None,
    typer.Option("--rows", metavar="FILE", help="The rows of a custom plan: number, due_on, principal or share."),
]
DrawsOption = Annotated[
    list[str] | None, typer.Option("--draw", metavar="DATE=YUAN", help="Of a credit line: a draw; may be repeated.")
]
RepaymentsOption = Annotated[
    list[str] | None,
    typer.Option("--repay", metavar="DATE=YUAN", help="Of a credit line: paid beyond what is due; may be repeated."),
]


class BorrowerKind(StrEnum):
    """Who borrows: a company has a list of costs, anybody else the table for persons (PRC-04)."""

    PERSON = "person"
    SOLE_TRADER = "sole_trader"
    COMPANY = "company"


class Stressed(StrEnum):
    """What else may happen to the revenue."""

    MINUS_30 = "minus_30"
    DEAD_MONTHS = "dead_months"
    LATE_SEASON = "late_season"


def part(text: str) -> int:
    """'30%' as parts per million: the parser of every option that takes a part of the revenue."""
    try:
        found = rate_ppm_of(text)
    except InputError:
        found = 0
    if not (text.strip().endswith(("%", "％")) and 0 < found <= 10 * PPM):
        raise typer.BadParameter(f"'{text}' is not a part of the revenue such as 30%")
    return found


FuturesOption = Annotated[int, typer.Option("--futures", min=1, max=100_000, help="How many futures to run.")]
SeedOption = Annotated[int, typer.Option("--seed", min=0, help="The same seed gives the same futures.")]
StressOption = Annotated[
    Stressed | None,
    typer.Option("--stress", help="All revenue 30 % lower, two months of nothing, or the season a month late."),
]
BurdenOption = Annotated[
    int, typer.Option("--burden", parser=part, metavar="PERCENT", help="What of a window's revenue is too much.")
]


class Favoured(StrEnum):
    """Whose advantage decides between the plans that fit."""

    BORROWER = "borrower"
    LENDER = "lender"


def chance(text: str) -> int:
    """'90%' as parts per million: a chance, above 0 and at most 100 %."""
    found = part(text)
    if found > PPM:
        raise typer.BadParameter(f"'{text}' is not a chance such as 90%")
    return found
