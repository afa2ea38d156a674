"""Terms and a calendar for tests: a plain product of any kind, changed where a test says so."""

from pathlib import Path
from typing import Any

from loancli.core.days import Calendar, Roll, read_calendar
from loancli.core.rates import DayCount
from loancli.plan.product import (
    Allocation,
    Base,
    Bound,
    CreditLine,
    Frequency,
    Kind,
    Missing,
    PrincipalBack,
    Product,
    RevenueShare,
)

SCHEDULES = Path(__file__).resolve().parents[1] / "schedules"


def calendar() -> Calendar:
    """The calendar that is shipped."""
    files = sorted((SCHEDULES / "calendars").glob("cn-*.csv"))
    return read_calendar({file.name: file.read_text(encoding="utf-8") for file in files})


CALENDAR = calendar()
FREQUENCIES = [
    Frequency(months=1),
    Frequency(months=3),
    Frequency(days=7),
    Frequency(days=10),
    Frequency(half_monthly=True),
]


def product(**changes: Any) -> Product:
    """12 equal instalments at 12 % a year, every month a twelfth, no day moved."""
    plain: dict[str, Any] = {
        "code": "plain",
        "name_zh": "普通",
        "name_en": "plain",
        "summary_zh": "普通",
        "summary_en": "plain",
        "kind": Kind.EQUAL_INSTALMENTS,
        "annual_rate_ppm": 120_000,
        "day_count": DayCount.EQUAL_MONTHS,
        "frequency": Frequency(months=1),
        "periods": 12,
        "periods_min": 1,
        "periods_max": 600,
        "principal_min_fen": 1,
        "principal_max_fen": 1_000_000_000_000,
        "roll": Roll.NONE,
    }
    return Product(**plain | changes)


def line_product(*, line: dict[str, Any] | None = None, **changes: Any) -> Product:
    """A revolving line: interest monthly, principal at the end; draws from 100 yuan to the day before the end."""
    plain: dict[str, Any] = {
        "principal": PrincipalBack.AT_END,
        "share_ppm": 0,
        "draw_min_fen": 10_000,
        "no_draws_last_periods": 0,
        "revolving": True,
    }
    terms = {"kind": Kind.CREDIT_LINE, "line": CreditLine(**plain | (line or {}))}
    return product(**terms | {"day_count": DayCount.ACT_360, "allocation": Allocation(surplus="principal")} | changes)


def revenue_product(*, share: dict[str, Any] | None = None, **changes: Any) -> Product:
    """A monthly revenue share of 12 %, at least the interest, at most twice the level."""
    plain: dict[str, Any] = {
        "share_ppm": 120_000,
        "counts": ("sure",),
        "floor": Bound(base=Base.INTEREST),
        "cap": Bound(base=Base.LEVEL, value=2_000_000),
        "minimum_progress": None,
        "missing": Missing.LEVEL,
        "run_on_windows_max": 0,
    }
    terms = RevenueShare(**plain | (share or {}))
    return product(**{"kind": Kind.REVENUE_SHARE, "revenue": terms} | changes)
