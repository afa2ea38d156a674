"""What Alipay's merchant bills say alike: account, period, and that their totals must match (FORMATS §3)."""

import re
from datetime import date, timedelta

from loancli.core.errors import InputError
from loancli.core.statement import Declared
from loancli.imports.totals import Figures, milli_fen_of

CHANNEL = "alipay"
_ACCOUNT = re.compile(r"#*账号[:：]\s*\[(\d+)\]")
_ACCOUNT_SUFFIX = "0156"  # behind the 16 digits of the merchant's number
_DAY = r"(\d{4})年(\d\d)月(\d\d)日 (\d\d:\d\d:\d\d)"
_PERIOD = re.compile(rf"#*起始日期[:：]\s*\[{_DAY}\]\s*终止日期[:：]\s*\[{_DAY}\]", re.ASCII)


def declared(lines: list[str]) -> Declared:
    """Account and period; the end is stated as the moment after the last day."""
    account, from_on, to_on = "", None, None
    for raw in lines:
        line = raw.strip('", \t\r\n')
        if match := _ACCOUNT.match(line):
            account = match[1]
            if len(account) > 16:
                account = account.removesuffix(_ACCOUNT_SUFFIX)
        if match := _PERIOD.match(line):
            first, last = _day(*match.groups()[:3]), _day(*match.groups()[4:7])
            from_on = first.isoformat() if first else None
            if last is not None:
                to_on = (last - timedelta(days=1) if match[8] == "00:00:00" else last).isoformat()
    return Declared(
        channel=CHANNEL,
        account_label=account,
        from_on=from_on,
        to_on=to_on,
        filtered=False,
        row_count=None,
        totals={},
    )


def _day(year: str, month: str, day: str) -> date | None:
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return None


def figures(lines: list[str], patterns: dict[str, re.Pattern[str]]) -> Figures:
    """Label → (rows, 1/1000 fen without sign) for each line below the table that one of `patterns` matches."""
    found: Figures = {}
    for raw in lines:
        line = raw.strip('", \t\r\n')
        for label, pattern in patterns.items():
            if match := pattern.match(line):
                amount = milli_fen_of(match[2])
                if amount is None:
                    raise InputError(f"'{match[2][:40]}' in '{label}' is not an amount in yuan")
                found[label] = int(match[1]), abs(amount)
    return found
