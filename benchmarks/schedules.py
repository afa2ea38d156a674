"""How many schedules a second: `schedules.py WHAT PERIODS` times one way of making them and prints it as JSON.

One at a time: `same_days` and `own_days` are ours, for loans that share their start and for loans that do not; the
peers run in a virtual environment of their own. All at once: `columns` is ours, `plain` the bare arithmetic of the same
rows in numpy without any rule, `writing` only fills arrays of that size. 10.8 % a year, monthly, actual/365 where the
peer knows days. `off_fen` tells by how much the rows miss the principal: money that somebody has to explain.
"""

import json
import sys
import time
from collections.abc import Callable
from datetime import date, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
PRINCIPAL_FEN, RATE_PPM = 10_000_000, 108_000
PRINCIPAL, RATE = 100_000.0, 0.108  # what the peers take
START_ON = date(2025, 1, 15)
LOANS = {12: 100_000, 36: 100_000, 360: 20_000}
SECONDS = 0.4  # how long one way is timed


class Way(NamedTuple):
    """`make(n)` makes `each` schedules; `off_fen` is what the rows of the first miss."""

    make: Callable[[int], Any]
    each: int
    off_fen: float


def ours(periods: int) -> tuple[Any, Callable[[int, date], Any]]:
    """Our product, and the plan of a principal from a day on."""
    from terms import CALENDAR, product

    from loancli.core.rates import DayCount
    from loancli.plan.build import build

    terms = product(annual_rate_ppm=RATE_PPM, day_count=DayCount.ACT_365F, periods=periods)
    return terms, lambda principal_fen, start_on: build(terms, principal_fen, start_on, calendar=CALENDAR)


def one_by_one(periods: int, *, own_days: bool) -> Way:
    _, plan = ours(periods)
    for principal_fen in (PRINCIPAL_FEN, PRINCIPAL_FEN + 7):
        check(plan(principal_fen, START_ON).rows, principal_fen)
    days = [START_ON + timedelta(days=number) for number in range(4_000 if own_days else 1)]  # more than a cache holds

    def make(number: int) -> Any:
        return plan(PRINCIPAL_FEN + number % 1_009, days[number % len(days)]).rows

    return Way(make, 1, 0)


def check(rows: Any, principal_fen: int) -> None:
    """Equal work: every fen of principal is repaid, and interest is the exact fraction rounded once."""
    balance_fen = principal_fen
    for row in rows:
        exact = Fraction(balance_fen * RATE_PPM * (row.to_on - row.from_on).days, 365_000_000)
        assert abs(exact - row.interest_fen) <= Fraction(1, 2), row
        balance_fen -= row.principal_fen
    assert balance_fen == 0


def columns(periods: int) -> Way:
    import numpy as np
    from terms import CALENDAR

    from loancli.plan.columns import plans

    terms, plan = ours(periods)
    principals_fen = loans(periods)

    def make(_number: int) -> Any:
        return plans(terms, principals_fen, START_ON, calendar=CALENDAR)

    found = make(0)
    assert np.array_equal(found.principal_fen.sum(axis=0), principals_fen)
    assert not found.is_refused.any()
    for at in range(0, len(principals_fen), len(principals_fen) // 20):
        rows = plan(int(principals_fen[at]), START_ON).rows
        check(rows, int(principals_fen[at]))
        assert found.interest_fen[:, at].tolist() == [row.interest_fen for row in rows]
    return Way(make, len(principals_fen), 0)


def loans(periods: int) -> Any:
    import numpy as np

    return np.random.default_rng(7).integers(1_000_000, 50_000_000, LOANS[periods])


def plain(periods: int) -> Way:
    """The same rows from levels that are known, with nothing refused, capped or checked."""
    import numpy as np

    _, plan = ours(periods)
    principals_fen = loans(periods)
    rows = plan(PRINCIPAL_FEN, START_ON).rows
    days = [(row.to_on - row.from_on).days for row in rows]
    per_yuan = Fraction(rows[0].principal_fen + rows[0].interest_fen, PRINCIPAL_FEN)
    levels_fen = principals_fen * per_yuan.numerator // per_yuan.denominator

    def make(_number: int) -> Any:
        shape = (periods, len(principals_fen))
        interest_fen, principal_fen = np.empty(shape, np.int64), np.empty(shape, np.int64)
        fee_fen = np.zeros(shape, np.int64)
        balance, over = principals_fen.copy(), np.empty_like(principals_fen)
        for index, count in enumerate(days):
            np.multiply(balance, RATE_PPM * count, out=over)
            over += 182_500_000
            np.floor_divide(over, 365_000_000, out=interest_fen[index])
            np.subtract(levels_fen, interest_fen[index], out=principal_fen[index])
            balance -= principal_fen[index]
        principal_fen[-1] += balance
        return interest_fen, principal_fen, fee_fen

    assert np.array_equal(make(0)[1].sum(axis=0), principals_fen)
    return Way(make, len(principals_fen), 0)


def writing(periods: int) -> Way:
    """Arrays that are there already, which new ones never are."""
    import numpy as np

    arrays = [np.ones((periods, LOANS[periods]), np.int64) for _ in range(3)]
    return Way(lambda number: [array.fill(number) for array in arrays], LOANS[periods], 0)


def off_fen(parts: Any) -> float:
    return abs(sum(parts) * 100 - PRINCIPAL_FEN)


def pyloan(periods: int) -> Way:
    """The nearest like for like: Decimal cents, real days, actual/365."""
    import pyloan.pyloan as package

    def make(_number: int) -> Any:
        loan = package.Loan(
            PRINCIPAL,
            RATE * 100,
            periods // 12,
            START_ON.isoformat(),
            payment_end_of_month=False,
            compounding_method="A/365",
        )
        return loan.get_payment_schedule()

    rows = make(0)[1:]  # the first is the payout
    assert periods - 2 <= len(rows) <= periods  # its level is one of equal months: of 360 rows two are not needed
    return Way(make, 1, float(off_fen(row.principal_amount for row in rows)))


def amortization(periods: int) -> Way:
    """Floats, every month alike, no days."""
    from amortization.schedule import amortization_schedule

    def make(_number: int) -> Any:
        return list(amortization_schedule(PRINCIPAL, RATE, periods))

    rows = make(0)
    assert len(rows) == periods
    return Way(make, 1, off_fen(row.principal for row in rows))


def py_amortization(periods: int) -> Way:
    """Rounded floats, every month alike, no days."""
    from py_amortization import AmortizationSchedule

    schedule = AmortizationSchedule(PRINCIPAL, RATE)

    def make(_number: int) -> Any:
        return list(schedule.get_schedule(12, periods))

    rows = make(0)
    assert len(rows) == periods
    return Way(make, 1, off_fen(row["principal"] for row in rows))


def numpy_financial(periods: int) -> Way:
    """The closed form for all rows of a loan, rounded afterwards."""
    import numpy as np
    import numpy_financial as package

    number = np.arange(1, periods + 1)

    def make(_number: int) -> Any:
        interest = package.ipmt(RATE / 12, number, periods, -PRINCIPAL)
        principal = package.ppmt(RATE / 12, number, periods, -PRINCIPAL)
        return interest.round(2), principal.round(2), (PRINCIPAL - principal.cumsum()).round(2)

    return Way(make, 1, off_fen(make(0)[1]))


WAYS: dict[str, Callable[[int], Way]] = {
    "same_days": lambda periods: one_by_one(periods, own_days=False),
    "own_days": lambda periods: one_by_one(periods, own_days=True),
    "columns": columns,
    "plain": plain,
    "writing": writing,
    "pyloan": pyloan,
    "amortization": amortization,
    "py-amortization": py_amortization,
    "numpy-financial": numpy_financial,
}


def timed(way: Way) -> float:
    """Schedules a second of processor time, which a busy machine disturbs least; the first turn is not counted."""
    way.make(0)
    number, started = 0, time.process_time()
    while (seconds := time.process_time() - started) < SECONDS:
        for _ in range(1 if way.each > 1 else 10):
            number += 1
            way.make(number)
    return number * way.each / seconds


if __name__ == "__main__":
    chosen = WAYS[sys.argv[1]](int(sys.argv[2]))
    told = {
        "a_second": timed(chosen),
        "off_fen": chosen.off_fen,
    }
    sys.stdout.write(json.dumps(told))
