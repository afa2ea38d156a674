"""Contracts, events and random lives of loans, as tests need them."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

from hypothesis import reject
from hypothesis import strategies as st

from loancli.core.days import Roll, read_calendar
from loancli.core.errors import InputError
from loancli.core.event import Event, EventKind
from loancli.core.loan import Position, Row
from loancli.core.money import Rounding
from loancli.core.rates import DayCount
from loancli.plan.build import build
from loancli.plan.flexible import run_on_rows
from loancli.plan.product import (
    Allocation,
    Balloon,
    CreditLine,
    Early,
    Fee,
    FixedFee,
    Frequency,
    Kind,
    OwnOrder,
    Penalty,
    PrincipalBack,
    Product,
    Step,
)
from loancli.plan.rows import OwnRow
from loancli.servicing.bookings import ACCOUNTS
from loancli.servicing.contract import Contract, Movement
from loancli.servicing.life import Life, active_events

SCHEDULES = Path(__file__).resolve().parents[1] / "schedules"
CALENDAR = read_calendar(
    {path.name: path.read_text(encoding="utf-8") for path in (SCHEDULES / "calendars").glob("cn-*.csv")}
)
DAY = timedelta(days=1)
PLAIN = Product(
    code="plain",
    name_zh="测试",
    name_en="Test",
    summary_zh="",
    summary_en="",
    kind=Kind.EQUAL_INSTALMENTS,
    annual_rate_ppm=144_000,
    day_count=DayCount.ACT_360,
    frequency=Frequency(months=1),
    periods=6,
    periods_min=1,
    periods_max=60,
    principal_min_fen=1,
    principal_max_fen=1_000_000_000,
)
ONCE = Fee(name="once", amount_fen=5_000)
EVERY = Fee(name="every", principal_ppm=1_000, due_with="every")
OWN_ORDERS = (
    OwnOrder(of="credit", order=("principal", "fee", "interest", "penalty"), by="instalment"),
    OwnOrder(of="waived", order=("interest", "penalty"), late_order=("penalty", "fee", "interest")),
    OwnOrder(of="recovered", order=("interest", "principal", "penalty", "fee")),
)
ORDINARY = [kind for kind in Kind if kind is not Kind.REVENUE_SHARE]
FIXED_FEES = [FixedFee(principal_ppm=100_000), FixedFee(amount_fen=77_777, early=Early.UNEARNED_WAIVED)]
BALLOONS = st.sampled_from([Balloon(periods=70), Balloon(residual_ppm=400_000), Balloon(residual_fen=50_000)])
STEPS = st.sampled_from([Step(every=2, by_ppm=100_000), Step(every=1, by_ppm=-50_000), Step(every=3, by_fen=-2_000)])
LINES = st.builds(
    CreditLine,
    principal=st.sampled_from(PrincipalBack),
    share_ppm=st.just(150_000),
    draw_min_fen=st.just(10_000),
    no_draws_last_periods=st.just(0),
    revolving=st.booleans(),
)
FREQUENCIES = [
    Frequency(days=7),
    Frequency(days=10),
    Frequency(half_monthly=True),
    Frequency(months=1),
    Frequency(months=3),
]


def contract_for(
    product: Product,
    principal_fen: int,
    signed_on: date,
    *,
    periods: int | None = None,
    first_due_on: date | None = None,
    own_rows: Sequence[OwnRow] = (),
) -> Contract:
    """A signed loan L1 on the real calendar, as jobs.open_loan makes it."""
    plan = build(
        product,
        principal_fen,
        signed_on,
        calendar=CALENDAR,
        periods=periods,
        first_due_on=first_due_on,
        own_rows=own_rows,
    )
    return Contract(
        loan_id="L1",
        borrower_id="B1",
        product=product,
        principal_fen=principal_fen,
        signed_on=signed_on,
        rows=plan.rows + run_on_rows(plan, CALENDAR),
        maturity_number=len(plan.rows),
    )


def contract_of_rows(product: Product, rows: Sequence[tuple[date, date, int]], *, fee_fen: int = 0) -> Contract:
    """A loan with rows (from, to and due, principal), and a fee with the first; what interest is, life computes."""
    return Contract(
        loan_id="L1",
        borrower_id="B1",
        product=product,
        principal_fen=sum(principal_fen for _, _, principal_fen in rows),
        signed_on=rows[0][0],
        rows=tuple(
            Row(
                number=number,
                from_on=from_on,
                to_on=to_on,
                due_on=to_on,
                principal_fen=principal_fen,
                interest_fen=0,
                fee_fen=fee_fen if number == 1 else 0,
            )
            for number, (from_on, to_on, principal_fen) in enumerate(rows, start=1)
        ),
        maturity_number=len(rows),
    )


def event(kind: EventKind, key: str, on: date, **payload: Any) -> Event:
    return Event(key=key, loan_id="L1", kind=kind, effective_on=on, payload=payload, actor="test")


def payout(contract: Contract, on: date | None = None, amount_fen: int | None = None) -> Event:
    fen = contract.principal_fen if amount_fen is None else amount_fen
    return event(EventKind.DISBURSED, "payout/L1", on or contract.signed_on, amount_fen=fen, channel="bank")


def payment(on: date, amount_fen: int, key: str = "p1", channel: str = "alipay") -> Event:
    return event(EventKind.PAYMENT_RECEIVED, key, on, amount_fen=amount_fen, channel=channel)


def bounced(of: Event, on: date | None = None) -> Event:
    return event(EventKind.PAYMENT_REVERSED, f"bounced/{of.key}", on or of.effective_on, payment_key=of.key)


def voided(of: Event, on: date | None = None) -> Event:
    return event(EventKind.EVENT_VOIDED, f"voided/{of.key}", on or of.effective_on, event_key=of.key, reason="slip")


def charged(on: date, amount_fen: int, key: str = "c1") -> Event:
    return event(EventKind.FEE_CHARGED, key, on, amount_fen=amount_fen, name="court")


def waived(on: date, part: str, amount_fen: int, key: str = "w1") -> Event:
    return event(EventKind.AMOUNT_WAIVED, key, on, part=part, amount_fen=amount_fen, reason="hardship")


def coupon(
    on: date,
    *,
    amount_fen: int | None = None,
    share_ppm: int = 1_000_000,
    instalments: int | None = None,
    key: str = "k1",
) -> Event:
    payload = {"coupon": key, "amount_fen": amount_fen, "share_ppm": share_ppm, "instalments": instalments}
    return event(EventKind.COUPON_REDEEMED, key, on, **payload)


def paused(on: date, to_on: date, key: str = "i1") -> Event:
    return event(EventKind.INTEREST_PAUSED, key, on, to_on=to_on.isoformat(), reason="flood")


def written_off(on: date, key: str = "o1") -> Event:
    return event(EventKind.WRITTEN_OFF, key, on, reason="closed")


def recovered(on: date, amount_fen: int, key: str = "r1") -> Event:
    return event(EventKind.RECOVERED, key, on, amount_fen=amount_fen, channel="bank")


def refunded(on: date, amount_fen: int, key: str = "f1") -> Event:
    return event(EventKind.CREDIT_REFUNDED, key, on, amount_fen=amount_fen, channel="bank")


def chosen(of: Event, choice: str, key: str = "s1") -> Event:
    return event(EventKind.SURPLUS_CHOSEN, key, of.effective_on, rests_on=of.key, choice=choice)


@st.composite
def products(draw: st.DrawFn, kinds: Sequence[Kind] = ORDINARY) -> Product:
    """Ordinary terms: every kind, day count, roll and frequency that may go together."""
    day_count = draw(st.sampled_from(DayCount))
    by_months = day_count is DayCount.EQUAL_MONTHS
    frequency = draw(st.sampled_from([step for step in FREQUENCIES if step.months or not by_months]))
    kind = draw(st.sampled_from(kinds))
    is_line = kind is Kind.CREDIT_LINE
    weights = st.lists(st.integers(1, 100), min_size=12, max_size=12).map(tuple)
    late_first = ("principal", "interest", "penalty", "fee")
    fixed_fee = draw(st.sampled_from([None, *FIXED_FEES])) if kind is Kind.EQUAL_INSTALMENTS else None
    is_planned = fixed_fee is None and kind is not Kind.REVENUE_SHARE
    surplus = ["principal"] if is_line else ["credit", "principal", *(["spread"] if is_planned else [])]
    return replace(
        PLAIN,
        kind=kind,
        fixed_fee=fixed_fee,
        annual_rate_ppm=0 if fixed_fee else draw(st.sampled_from([0, 36_000, 144_000, 239_999])),
        day_count=day_count,
        frequency=frequency,
        roll=draw(st.sampled_from([Roll.NONE, Roll.FOLLOWING] if is_line else Roll)),
        roll_interest=not by_months and not fixed_fee and draw(st.booleans()),
        rounding=draw(st.sampled_from(Rounding)),
        fees=() if is_line else draw(st.sampled_from([(), (ONCE,), (EVERY,)])),
        weights=draw(weights) if kind is Kind.BIG_SMALL_MONTHS else (),
        balloon=draw(BALLOONS) if kind is Kind.BALLOON else None,
        step=draw(STEPS) if kind is Kind.STEPPED else None,
        line=draw(LINES) if is_line else None,
        penalty=Penalty(grace_days=draw(st.sampled_from([0, 3])), on_interest=draw(st.booleans())),
        allocation=Allocation(
            order=draw(st.sampled_from([Allocation().order, late_first])),
            by=draw(st.sampled_from(["component", "instalment"])),
            late_order=draw(st.sampled_from([(), late_first])),
            late_after_days=20,
            surplus=draw(st.sampled_from(surplus)),
        ),
        own_orders=draw(st.sampled_from([(), OWN_ORDERS])),
    )


@st.composite
def own_rows(draw: st.DrawFn, product: Product, signed_on: date, count: int) -> list[OwnRow]:
    """Shares that sum to all, some of them 0 but the last; on days of their own where the day count allows it."""
    shares = [draw(st.sampled_from([0, 50_000, 150_000])) for _ in range(count - 1)]
    days: list[date | None] = [None] * count
    if product.day_count is not DayCount.EQUAL_MONTHS and draw(st.booleans()):
        gaps = [draw(st.integers(12, 90)) for _ in range(count)]
        days = [signed_on + sum(gaps[: index + 1]) * DAY for index in range(count)]
    return [
        OwnRow(due_on=due_on, share_ppm=share_ppm)
        for due_on, share_ppm in zip(days, [*shares, 1_000_000 - sum(shares)], strict=True)
    ]


@st.composite
def contracts(draw: st.DrawFn, terms: st.SearchStrategy[Product] | None = None, periods_max: int = 6) -> Contract:
    """A loan that the calendar allows."""
    product = draw(products() if terms is None else terms)
    signed_on = draw(st.dates(date(2024, 1, 1), date(2025, 6, 30)))
    count = draw(st.integers(1, periods_max))
    try:
        return contract_for(
            product,
            draw(st.integers(100_000, 20_000_000)),
            signed_on,
            periods=count,
            own_rows=draw(own_rows(product, signed_on, count)) if product.kind is Kind.CUSTOM else (),
        )
    except InputError:  # two due days would meet after a long holiday, or rounding leaves nothing for the last
        reject()


@st.composite
def draws(draw: st.DrawFn, contract: Contract) -> list[Event]:
    """Up to four draws of a line, on any days of its term."""
    last_on = contract.rows[-1].to_on - DAY
    found = []
    for number in range(draw(st.integers(0, 4))):
        on = draw(
            st.one_of(st.dates(contract.signed_on, last_on), st.sampled_from([row.from_on for row in contract.rows]))
        )
        fen = draw(st.integers(10_000, contract.principal_fen))
        found.append(event(EventKind.DISBURSED, f"draw/{number}", on, amount_fen=fen, channel="bank"))
    return found


class RandomLife(NamedTuple):
    """A loan, what happened to it, and only what counts of that: what was paid and drawn and nobody took back."""

    contract: Contract
    events: list[Event]
    counting: list[Event]
    end_on: date

    def disbursed_fen(self, as_of: date) -> int:
        """What was paid out by a day."""
        known = active_events(self.events, as_of)
        return sum(each.payload["amount_fen"] for each in known if each.kind is EventKind.DISBURSED)


@st.composite
def forgiving(draw: st.DrawFn, on: date, key: str, amounts: st.SearchStrategy[int]) -> Event:
    """An event of a day that adds to a debt or takes off it, or that pays or refunds money by hand."""
    kind = draw(st.sampled_from(["charge", "waive", "waive", "coupon", "pause", "write off", "recover", "refund"]))
    if kind == "waive":
        return waived(on, draw(st.sampled_from(["fee", "penalty", "interest", "all"])), draw(amounts), key)
    if kind == "coupon":
        return coupon(
            on,
            amount_fen=draw(st.none() | amounts),
            share_ppm=draw(st.sampled_from([1_000_000, 500_000, 333_333])),
            instalments=draw(st.sampled_from([None, 1, 2])),
            key=key,
        )
    if kind == "pause":
        return paused(on, on + draw(st.integers(0, 40)) * DAY, key)
    if kind == "write off":
        return written_off(on, key)
    made = {"charge": charged, "recover": recovered, "refund": refunded}[kind]
    return made(on, draw(amounts), key)


@st.composite
def random_lives(
    draw: st.DrawFn,
    terms: st.SearchStrategy[Product] | None = None,
    *,
    periods_max: int = 6,
    payments_max: int = 6,
    forgiving_max: int = 3,
) -> RandomLife:
    """Payments of any amount on any days, some bounced, some voided, some of that voided again; for some the borrower
    chose what becomes of a surplus. Fees, waivers, coupons, pauses, refunds, write-offs and recoveries come between.

    A credit line is drawn in parts on any days of its term, whatever is free then: a payment may bounce later.
    """
    contract = draw(contracts(terms, periods_max=periods_max))
    days = (contract.rows[-1].due_on - contract.signed_on).days + 60
    levels_fen = [row.due_fen for row in contract.rows if row.due_fen]
    amounts = st.one_of(
        st.sampled_from(levels_fen), st.integers(1, 20_000), st.integers(1, contract.principal_fen * 5 // 4)
    )
    events = draw(draws(contract)) if contract.is_line else [payout(contract)]
    voids = [draw(st.integers(0, 3)) == 0 and voided(each, each.effective_on + 9 * DAY) for each in events[1:]]
    counting = [events[0], *(each for each, void in zip(events[1:], voids, strict=True) if not void)] if events else []
    events += [void for void in voids if void]
    for number in range(draw(st.integers(0, payments_max))):
        on = contract.signed_on + draw(st.integers(0, days)) * DAY
        paid = payment(on, draw(amounts), f"p{number}", draw(st.sampled_from(["alipay", "wechat"])))
        events.append(paid)
        taken_back = draw(st.sampled_from([0, 0, 0, 1, 2, 3]))
        last = paid
        for step in range(taken_back):
            day = on + draw(st.integers(0, 30)) * DAY
            last = bounced(last, day) if step == 0 and draw(st.booleans()) else voided(last, day)
            events.append(last)
        if taken_back % 2 == 0:
            counting.append(paid)
        if draw(st.integers(0, 3)) == 0:
            choice = chosen(paid, draw(st.sampled_from(["next", "shorter"])), f"s{number}")
            events.append(choice)
            counting += [choice] * (taken_back % 2 == 0)
    for number in range(draw(st.integers(0, forgiving_max))):
        on = contract.signed_on + draw(st.integers(0, days)) * DAY
        given_up = draw(forgiving(on, f"e{number}", st.sampled_from(levels_fen) | st.integers(1, 20_000)))
        events.append(given_up)
        if draw(st.integers(0, 3)) == 0:
            events.append(voided(given_up, on + draw(st.integers(0, 9)) * DAY))
        else:
            counting.append(given_up)
    return RandomLife(
        contract, events, counting, max((each.effective_on for each in events), default=contract.signed_on) + 100 * DAY
    )


def balances(movements: Iterable[Movement]) -> dict[str, int]:
    """Debits less credits of each account."""
    found: dict[str, int] = {}
    for movement in movements:
        found[movement.debit] = found.get(movement.debit, 0) + movement.amount_fen
        found[movement.credit] = found.get(movement.credit, 0) - movement.amount_fen
    return found


def check_conservation(lived: Life, disbursed_fen: int) -> None:
    """No fen is lost or made: movements, instalments and position tell the same (INV-09 to INV-12)."""
    position = lived.position
    books = balances(lived.movements)
    assert sum(books.values()) == 0
    assert set(books) <= set(ACCOUNTS)
    assert all(movement.amount_fen > 0 for movement in lived.movements)
    gone = [movement for movement in lived.movements if movement.credit == "loan:principal"]
    lost_fen = sum(movement.amount_fen for movement in gone if movement.debit == "expense:written_off")
    repaid_fen = sum(movement.amount_fen for movement in gone if movement.debit != "expense:written_off")
    assert disbursed_fen == repaid_fen + lost_fen + position.principal_outstanding_fen
    assert 0 <= -books.get("income:recovered", 0) <= books.get("expense:written_off", 0)
    for account in ("expense:waived", "expense:coupon"):  # what is forgiven was owed
        assert (
            0
            <= books.get(account, 0)
            <= -sum(books.get(f"income:{part}", 0) for part in ("interest", "fee", "penalty"))
        )
    assert books.get("loan:principal", 0) == position.principal_outstanding_fen >= 0
    assert books.get("loan:interest_due", 0) == position.interest_due_fen >= 0
    assert books.get("loan:fee_due", 0) == position.fee_due_fen >= 0
    assert books.get("loan:penalty_due", 0) == position.penalty_due_fen >= 0
    assert -books.get("borrower:credit", 0) == position.credit_fen
    assert position.credit_fen >= 0 or any(movement.cause.startswith("refunded:") for movement in lived.movements)
    clearing_fen = sum(fen for account, fen in books.items() if account.startswith("clearing:"))
    assert clearing_fen == position.paid_total_fen - disbursed_fen

    due = [state for state in lived.instalments if state.is_due]
    assert position.due_fen == sum(state.unpaid_fen for state in due)
    asked_fen = sum(state.unpaid_fen for state in lived.asked if state.is_due)
    assert position.due_fen + position.penalty_accrued_fen == asked_fen
    assert position.principal_overdue_fen == sum(state.principal_fen - state.paid_principal_fen for state in due)
    for state in lived.instalments:
        assert state.unpaid_fen >= 0
        assert 0 <= state.paid_principal_fen <= state.principal_fen
        assert 0 <= state.paid_interest_fen <= state.interest_fen
        assert 0 <= state.paid_fee_fen <= state.fee_fen
        assert 0 <= state.paid_penalty_fen <= state.penalty_fen
    assert position.accrued >= 0
    assert position.accruing_per_day >= 0
    ahead_fen = sum(state.unpaid_fen for state in lived.instalments if not state.is_due)
    nothing_owed = position.principal_outstanding_fen == position.due_fen == ahead_fen == 0 <= position.credit_fen
    is_claim = -books.get("income:recovered", 0) < books.get("expense:written_off", 0)
    if position.status != "signed":
        assert (position.status in {"settled", "open", "written_off"}) == nothing_owed
        assert (position.status == "written_off") == (nothing_owed and is_claim)
    if nothing_owed:
        assert position.accrued == position.accruing_per_day == 0


def apart_from_accrual(position: Position) -> Position:
    """What is constant between two moments."""
    return replace(position, since_on=date.min, accrued=Fraction(0), penalty_accrued_fen=0)
