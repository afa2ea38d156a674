"""Settling one loan: its whole life, and what its books lack. Milliseconds of processor time, as JSON.

python benchmarks/settle.py ROUNDS
"""

import json
import sys
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(CHECKOUT / "src"))

from loancli.core.days import read_calendar  # noqa: E402
from loancli.core.event import Event, EventKind  # noqa: E402
from loancli.plan.build import build  # noqa: E402
from loancli.plan.product_file import read_product  # noqa: E402
from loancli.servicing.bookings import Booked, difference  # noqa: E402
from loancli.servicing.contract import Contract  # noqa: E402
from loancli.servicing.life import life  # noqa: E402

DAY = timedelta(days=1)
LOANS = 100  # each of other days and another principal, so that no cache knows it
STARTED_ON = date(2023, 1, 10)
Case = tuple[Contract, list[Event], date, list[Booked]]


def contracts(periods: int) -> list[Contract]:
    """Equal instalments, monthly, on the calendar as shipped."""
    schedules = CHECKOUT / "schedules"
    files = sorted((schedules / "calendars").glob("cn-*.csv"))
    calendar = read_calendar({file.name: file.read_text(encoding="utf-8") for file in files})
    product = read_product((schedules / "products" / "equal-instalments.toml").read_text(encoding="utf-8"), "product")
    found = []
    for number in range(LOANS):
        signed_on, principal_fen = STARTED_ON + number * DAY, 1_000_000 + 13_700 * number
        plan = build(product, principal_fen, signed_on, calendar=calendar, periods=periods)
        found.append(
            Contract(
                loan_id=f"LN{number:06d}",
                borrower_id="B1",
                product=product,
                principal_fen=principal_fen,
                signed_on=signed_on,
                rows=plan.rows,
                maturity_number=periods,
            )
        )
    return found


def event(contract: Contract, kind: EventKind, key: str, on: date, **payload: object) -> Event:
    return Event(key=key, loan_id=contract.loan_id, kind=kind, effective_on=on, payload=payload, actor="bench")


def paid(contract: Contract, key: str, on: date, amount_fen: int) -> Event:
    return event(contract, EventKind.PAYMENT_RECEIVED, key, on, amount_fen=amount_fen, channel="alipay")


def quiet(contract: Contract, instalments: int) -> list[Event]:
    """The payout, and so many instalments paid on their day."""
    payout = event(
        contract, EventKind.DISBURSED, "payout", contract.signed_on, amount_fen=contract.principal_fen, channel="bank"
    )
    return [payout, *(paid(contract, f"p{row.number}", row.due_on, row.due_fen) for row in contract.rows[:instalments])]


def eventful(contract: Contract) -> list[Event]:
    """36 payments on their days, one of them with the fee that was charged, and a payment that bounced: 40 events."""
    fee_fen, on = 3_000, contract.rows[6].due_on
    bounced = paid(contract, "x", contract.rows[9].due_on + DAY, 50_000)
    return [
        *(each for each in quiet(contract, 36) if each.key != "p7"),
        event(contract, EventKind.FEE_CHARGED, "fee", on - 9 * DAY, amount_fen=fee_fen, name="court"),
        paid(contract, "p7", on, contract.rows[6].due_fen + fee_fen),
        bounced,
        event(contract, EventKind.PAYMENT_REVERSED, "bounced", bounced.effective_on + 2 * DAY, payment_key="x"),
    ]


def troubled(contract: Contract) -> list[Event]:
    """Every third payment comes twelve days late and 20 yuan short, so that penalty runs on from month to month."""
    found = quiet(contract, 0)
    for row in contract.rows[:34]:
        is_late = row.number % 3 == 0
        amount_fen = row.due_fen - (2_000 if is_late else 0)
        found.append(paid(contract, f"p{row.number}", row.due_on + (12 if is_late else 0) * DAY, amount_fen))
    ahead, penalty_on = contract.rows[20].due_on + 3 * DAY, contract.rows[30].due_on + 13 * DAY
    return [
        *found,
        event(contract, EventKind.FEE_CHARGED, "fee", contract.rows[5].due_on, amount_fen=3_000, name="court"),
        event(contract, EventKind.AMOUNT_WAIVED, "w", penalty_on, part="penalty", amount_fen=10, reason="hardship"),
        paid(contract, "x", ahead, 50_000),
        event(contract, EventKind.PAYMENT_REVERSED, "bounced", ahead, payment_key="x"),
        paid(contract, "y", contract.rows[33].due_on + DAY, 100_000),
    ]


def case(contract: Contract, events: list[Event], as_of: date) -> Case:
    """With its books as they are: nothing is left to book, as on most days."""
    movements = life(contract, events, as_of).movements
    booked = [Booked(entry=entry, is_reversed=False) for entry in difference(contract.loan_id, movements, [])]
    return contract, events, as_of, booked


def settle(told: Case) -> None:
    contract, events, as_of, booked = told
    assert difference(contract.loan_id, life(contract, events, as_of).movements, booked) == []


def main(rounds: int) -> None:
    long, short = contracts(36), contracts(12)
    histories: dict[str, Callable[[], list[Case]]] = {
        "36 instalments, 40 events": lambda: [case(each, eventful(each), each.rows[-1].due_on + DAY) for each in long],
        "36 instalments, 40 events, always late": lambda: [
            case(each, troubled(each), each.rows[34].due_on + DAY) for each in long
        ],
        "12 instalments, 5 events": lambda: [
            case(each, quiet(each, 4), each.rows[3].due_on + 5 * DAY) for each in short
        ],
    }
    told = {}
    for name, make in histories.items():
        cases, times = make(), []
        for _ in range(rounds):
            started = time.process_time()
            for each in cases:
                settle(each)
            times.append(1000 * (time.process_time() - started) / len(cases))
        told[name] = times
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main(int(sys.argv[1]))
