"""Days are closed once, in order; what is closed stays; a day's books do not depend on when its facts arrived."""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from ledger_maker import (
    CHAINED,
    DAY,
    OPENED_ON,
    TIMES,
    alipay,
    balance,
    close,
    dump,
    faults,
    file_of,
    net_entries,
    new_ledger,
    open_loan,
    paid,
    repayment,
    sent_back,
    stamp,
    take,
    timeless,
)
from sizes import size
from terms import AGEING, CALENDAR, SCHEDULES, product, revenue_product

from loancli.core.errors import RefusedError
from loancli.core.event import EventKind
from loancli.core.rates import DayCount
from loancli.jobs import close_day
from loancli.jobs.adjust_loan import Rules, adjust
from loancli.jobs.close_day import close_through, try_through
from loancli.jobs.settle import gather, settle
from loancli.ledger import contacts, days, journal, loans
from loancli.ledger.connect import Connection, writing
from loancli.plan.ceilings import read_ceilings
from loancli.plan.product import (
    Base,
    Bound,
    BreathingSpace,
    Frequency,
    Kind,
    MinimumProgress,
    Missing,
    Pays,
    Penalty,
    Trigger,
)
from loancli.servicing.life import life

DUE = date(2026, 2, 5)
LEVEL = 106_619
CEILINGS = read_ceilings(
    *((SCHEDULES / "policies" / name).read_text(encoding="utf-8") for name in ("ceilings.toml", "lpr.csv"))
)
WEEKLY = revenue_product(
    code="weekly",
    frequency=Frequency(days=7),
    day_count=DayCount.ACT_365F,
    share={"cap": Bound(base=Base.LEVEL, value=3_000_000)},
)
MONTHLY = revenue_product(code="monthly")
PRODUCTS = (
    product(code="equal", day_count=DayCount.ACT_360),
    product(code="principal", kind=Kind.EQUAL_PRINCIPAL, day_count=DayCount.ACT_365F, frequency=Frequency(days=10)),
    product(code="actual", kind=Kind.INTEREST_FIRST, day_count=DayCount.ACT_ACT),
    product(code="thirty", kind=Kind.SINGLE_PAYMENT, day_count=DayCount.THIRTY_360, frequency=Frequency(months=3)),
    WEEKLY,
    MONTHLY,
)


@pytest.fixture
def db(tmp_path) -> Connection:
    made = new_ledger(tmp_path, is_durable=False)
    open_loan(made)
    return made


def fixed(db: Connection, loan_id: str = "LN000001") -> dict[int, dict[str, object]]:
    """Instalment → what its window's close recorded: day, revenue, late, amount."""
    found: dict[int, dict[str, object]] = {}
    for event in journal.events_of(db, [loan_id])[loan_id]:
        if event.kind in {EventKind.REVENUE_WINDOW_CLOSED, EventKind.INSTALMENT_FIXED}:
            found.setdefault(event.payload["number"], {"on": event.effective_on}).update(event.payload)
    return found


# once, in order


def test_days_are_closed_in_order_and_missed_ones_are_caught_up(db):
    lines = close(db, OPENED_ON + 9 * DAY)
    assert [line["day"] for line in lines] == [(OPENED_ON + number * DAY).isoformat() for number in range(10)]
    assert days.open_day(db) == OPENED_ON + 10 * DAY
    assert [line["day"] for line in days.listing(db)] == [line["day"] for line in lines]
    assert [line["day"] for line in days.listing(db, last=2)] == ["2026-01-13", "2026-01-14"]
    assert faults(db) == []


def test_closing_again_does_nothing(db):
    close(db, DUE)
    before = dump(db)
    assert close(db, DUE, on=DUE + 30 * DAY) == []
    assert close(db, OPENED_ON) == []
    assert dump(db) == before


@pytest.mark.parametrize("way", [close_through, try_through])
@pytest.mark.parametrize("later", [0, 1])
def test_a_day_that_is_not_over_is_not_closed(db, way, later):
    before = dump(db)
    with pytest.raises(RefusedError, match="not over"):
        list(way(db, OPENED_ON + later * DAY, calendar=CALENDAR, ageing=AGEING, stamp=stamp(OPENED_ON)))
    assert dump(db) == before


def test_a_preview_says_what_closing_does_and_leaves_nothing(db):
    before = dump(db)
    tried = try_through(db, DUE, calendar=CALENDAR, ageing=AGEING, stamp=stamp(DUE + DAY))
    assert dump(db) == before
    assert tried == close(db, DUE)


def test_a_failure_in_the_middle_keeps_the_days_before_it(db, monkeypatch):
    real = close_day._book_accruals

    def failing(db, day, accrued_fen):
        if day == OPENED_ON + 3 * DAY:
            raise OSError("disk")
        return real(db, day, accrued_fen)

    monkeypatch.setattr(close_day, "_book_accruals", failing)
    with pytest.raises(OSError, match="disk"):
        close(db, DUE)
    assert days.open_day(db) == OPENED_ON + 3 * DAY
    monkeypatch.undo()
    close(db, DUE)
    straight = new_ledger(file_of(db).parent, name="straight.db", is_durable=False)
    open_loan(straight)
    close(straight, DUE)
    assert timeless(db) == timeless(straight)


# what a close books


def test_what_falls_due_is_due_and_the_line_tells_the_days_totals(db):
    lines = {line["day"]: line for line in close(db, DUE + 40 * DAY)}
    quiet, due, late = (lines[day] for day in ("2026-02-04", "2026-02-05", "2026-02-06"))
    assert (quiet["changed_loans"], due["changed_loans"]) == (0, 1)
    assert (quiet["active_loans"], quiet["outstanding_fen"], quiet["late"]) == (1, 1_200_000, {})
    assert due["late"] == {}  # on the due day itself nobody is late
    assert late["late"] == {"M1": {"loans": 1, "outstanding_fen": 1_200_000}}
    assert lines["2026-03-07"]["late"] == {"M1": {"loans": 1, "outstanding_fen": 1_200_000}}
    assert lines["2026-03-08"]["late"] == {"M2": {"loans": 1, "outstanding_fen": 1_200_000}}
    assert balance(db, "loan:interest_due") == 12_000 + 11_054


def test_accruals_of_a_day_are_taken_back_by_the_next(db):
    for number in range(12):
        (line,) = close(db, OPENED_ON + number * DAY)
        # A month of 31 days is a twelfth of 12 % on 12,000 yuan: 120 yuan.
        assert line["accrued_fen"] == balance(db, "loan:interest_accrued") == (240 * 100 * (number + 1) + 31) // 62
    assert len(journal.open_accruals(db)) == 1


def test_interest_that_fell_due_is_no_longer_accrued(db):
    close(db, DUE - DAY)
    assert balance(db, "loan:interest_accrued") == 12_000
    close(db, DUE)
    assert balance(db, "loan:interest_due") == 12_000
    assert balance(db, "loan:interest_accrued") == round(1_200_000 * 0.01 / 28) - 34  # one day, on what is not overdue


def test_a_settled_loan_accrues_nothing(db):
    take(db, alipay([repayment(OPENED_ON, 1_200_000, note="LN000001")]))
    (line,) = close(db, OPENED_ON)
    assert (line["active_loans"], line["accrued_fen"], balance(db, "loan:interest_accrued")) == (0, 0, 0)
    assert faults(db) == []


# late facts


def test_a_late_payment_is_booked_on_the_open_day_and_closed_days_stay(db):
    close(db, DUE + 20 * DAY)
    before = dump(db)
    closed = {table: before[table] for table in ("day", "event", "entry", "posting")}
    take(db, alipay([repayment(DUE, LEVEL, "N", note="LN000001")]))
    after = dump(db)
    assert all(set(rows) <= set(after[table]) for table, rows in closed.items())
    booked = db.execute("SELECT DISTINCT booked_on FROM entry WHERE cause LIKE 'payment:%'").fetchall()
    value = db.execute("SELECT DISTINCT value_on FROM entry WHERE cause LIKE 'payment:%'").fetchall()
    assert (booked, value) == ([((DUE + 21 * DAY).isoformat(),)], [(DUE.isoformat(),)])
    assert faults(db) == []
    close(db, DUE + 21 * DAY)
    assert set(before["day"]) <= set(dump(db)["day"])


def test_a_late_payment_gives_the_books_that_it_would_have_given_in_time(db, tmp_path):
    row = repayment(DUE, LEVEL, "N", note="LN000001")
    close(db, DUE + 20 * DAY)
    take(db, alipay([row]))
    close(db, DUE + 60 * DAY)
    in_time = new_ledger(tmp_path, name="in_time.db", is_durable=False)
    open_loan(in_time)
    take(in_time, alipay([row]))
    close(in_time, DUE + 60 * DAY)
    assert net_entries(db) == net_entries(in_time)
    assert loans.stored_instalments(db, "LN000001") == loans.stored_instalments(in_time, "LN000001")


def test_a_payment_of_a_later_day_is_booked_when_the_close_reaches_it(db):
    take(db, alipay([repayment(DUE, LEVEL, "N", note="LN000001")]))
    close(db, DUE - DAY)
    assert not [key for key in net_entries(db) if "payment:" in key[1]]
    close(db, DUE)
    assert {key[2] for key in net_entries(db) if "payment:" in key[1]} == {DUE.isoformat()}
    assert db.execute("SELECT DISTINCT booked_on FROM entry WHERE cause LIKE 'payment:%'").fetchall() == [
        (DUE.isoformat(),)
    ]


# the same books, however they came about


def shop(folder, *, opened_on: date = OPENED_ON) -> Connection:
    """One loan of each product."""
    db = new_ledger(folder, opened_on=opened_on, is_durable=False)
    for number, terms in enumerate(PRODUCTS, start=1):
        loan_id, borrower_id = f"LN{number:06d}", f"B{number}"
        open_loan(db, loan_id, borrower_id=borrower_id, terms=terms, start_on=OPENED_ON, periods=4)
    return db


def revenue_file(day: date, number: int) -> bytes:
    return alipay([paid(day, 20_000 + 1_000 * number, f"R{day}{number}")], period=(day, day))


facts = st.lists(
    st.tuples(
        st.integers(0, 44),  # the day of the payment
        st.integers(1, len(PRODUCTS)),  # whose
        st.sampled_from([10_000, 110_000, 400_000, 1_300_000]),
        st.sampled_from([None, None, 0, 2]),  # bounces so many days later
    ),
    max_size=8,
)


@given(told=facts, days_known=st.sets(st.integers(0, 44), max_size=45))
@example(told=[(7, 5, 1_300_000, None), (7, 5, 10_000, None)], days_known=set())  # all is paid as a window is closed
@example(told=[(0, 5, 1_300_000, None), (7, 5, 10_000, None)], days_known=set())  # … or long before
@settings(max_examples=size(6, 240))
def test_importing_each_morning_gives_the_journal_of_importing_all_and_then_closing(tmp_path_factory, told, days_known):
    rows = []
    for at, (day, loan, amount_fen, bounces) in enumerate(told):
        row = repayment(OPENED_ON + day * DAY, amount_fen, f"N{at}", note=f"LN{loan:06d}")
        rows.append(row)
        if bounces is not None:
            rows.append(sent_back(row, row.on + bounces * DAY))
    daily, at_once = (shop(tmp_path_factory.mktemp("shop")) for _ in range(2))
    for number in range(len(PRODUCTS)):
        for day in sorted(days_known):
            if number >= 4:
                take(at_once, revenue_file(OPENED_ON + day * DAY, number), borrower_id=f"B{number + 1}")
    if rows:
        take(at_once, alipay(rows))
    close(at_once, OPENED_ON + 46 * DAY)
    for day in range(47):
        on = OPENED_ON + day * DAY
        today = [row for row in rows if row.on == on]
        if day in days_known:
            for number in range(4, len(PRODUCTS)):
                take(daily, revenue_file(on, number), borrower_id=f"B{number + 1}")
        if today:
            take(daily, alipay(today))
        close(daily, on)
    assert net_entries(daily, with_day=True) == net_entries(at_once, with_day=True)
    ours, theirs = timeless(daily), timeless(at_once)
    assert ours["position"] == theirs["position"]
    assert ours["instalment"] == theirs["instalment"]
    for number in range(1, len(PRODUCTS) + 1):
        assert fixed(daily, f"LN{number:06d}") == fixed(at_once, f"LN{number:06d}")
    lines = [
        [
            {key: line[key] for key in ("day", "active_loans", "outstanding_fen", "late", "accrued_fen")}
            for line in found
        ]
        for found in (days.listing(daily), days.listing(at_once))
    ]
    assert lines[0] == lines[1]
    assert faults(daily) == faults(at_once) == []
    daily.close()
    at_once.close()


@given(st.lists(st.integers(0, 60), max_size=6), facts)
@settings(max_examples=size(5, 160))
def test_closing_in_any_steps_is_closing_in_one_go(tmp_path_factory, steps, told):
    rows = [
        repayment(OPENED_ON + day * DAY, fen, f"N{at}", note=f"LN{loan:06d}")
        for at, (day, loan, fen, _) in enumerate(told)
    ]
    stepwise, at_once = (shop(tmp_path_factory.mktemp("shop")) for _ in range(2))
    for db in (stepwise, at_once):
        if rows:
            take(db, alipay(rows))
    for step in sorted(steps):
        close(stepwise, OPENED_ON + step * DAY)
    for db in (stepwise, at_once):
        close(db, OPENED_ON + 60 * DAY)
    assert timeless(stepwise) == timeless(at_once)
    stepwise.close()
    at_once.close()


# revenue windows


@pytest.fixture
def weekly(tmp_path) -> Connection:
    """A weekly revenue share, signed on Monday 5 January: windows of seven days that end the day before the due day."""
    made = new_ledger(tmp_path, is_durable=False)
    open_loan(made, terms=WEEKLY, principal_fen=500_000, periods=12)
    return made


def week(number: int) -> date:
    """The first day of window `number`."""
    return OPENED_ON + 7 * (number - 1) * DAY


def take_week(db: Connection, number: int, amount_fen: int, **changes: str):
    first = week(number)
    row = paid(first + 2 * DAY, amount_fen, **changes)
    return take(db, alipay([row], period=(first, first + 6 * DAY)), borrower_id="B1")


def test_an_instalment_is_fixed_once_on_the_day_after_its_window(weekly):
    take_week(weekly, 1, 500_000)
    close(weekly, week(2) - DAY)
    assert fixed(weekly) == {}
    (line,) = close(weekly, week(2))
    assert line["fixed_instalments"] == 1
    (window,) = fixed(weekly).values()
    assert (window["on"], window["counted_fen"], window["amount_fen"]) == (week(2), {"alipay": 500_000}, 60_000)
    before = fixed(weekly)
    close(weekly, week(3) - DAY)
    assert fixed(weekly) == before
    assert faults(weekly) == []


@pytest.mark.parametrize("touched_on", [-1, 0, 1])
def test_a_payment_on_the_day_the_window_closes_does_not_put_off_its_instalment(weekly, touched_on):
    take_week(weekly, 1, 500_000)
    close(weekly, week(2) - 2 * DAY)
    for number in range(4):
        on = week(2) - DAY + number * DAY
        if on == week(2) + touched_on * DAY:
            take(weekly, alipay([repayment(on, 1_000, note="LN000001")]))
        close(weekly, on)
        assert (1 in fixed(weekly)) == (on >= week(2))
    assert fixed(weekly)[1]["amount_fen"] == 60_000
    assert faults(weekly) == []


def test_late_revenue_changes_no_fixed_instalment_and_is_made_up_once(weekly):
    take_week(weekly, 1, 300_000)
    take_week(weekly, 2, 300_000)
    close(weekly, week(2))
    before = fixed(weekly)
    take_week(weekly, 1, 100_000)  # turns up after its window was closed
    assert fixed(weekly) == before
    close(weekly, week(5))
    windows = fixed(weekly)
    assert windows[1] == before[1]
    assert [windows[number]["late_fen"] for number in (1, 2, 3, 4)] == [0, 100_000, 0, 0]
    assert (windows[1]["amount_fen"], windows[2]["amount_fen"]) == (36_000, 48_000)
    assert faults(weekly) == []


def test_a_status_that_changes_after_the_window_is_taken_back_from_the_next(weekly):
    row = paid(week(1), 300_000)
    take(weekly, alipay([row], period=(week(1), week(2) - DAY)), borrower_id="B1")
    take_week(weekly, 2, 500_000)
    close(weekly, week(2))
    take(weekly, alipay([row._replace(status="交易关闭")]), borrower_id="B1")
    close(weekly, week(3))
    windows = fixed(weekly)
    assert (windows[1]["amount_fen"], windows[2]["late_fen"], windows[2]["amount_fen"]) == (36_000, -300_000, 24_000)
    assert faults(weekly) == []


def test_no_data_is_not_zero_revenue(weekly):
    take(weekly, alipay([paid(week(2), 1, direction="支出")], period=(week(2), week(3) - DAY)), borrower_id="B1")
    close(weekly, week(3))
    windows = fixed(weekly)
    assert [windows[number]["missing"] for number in (1, 2)] == [True, False]
    assert windows[1]["amount_fen"] == windows[1]["level_fen"]
    assert windows[2]["counted_fen"] == {}
    assert windows[2]["amount_fen"] < windows[1]["amount_fen"]


def test_windows_that_closed_before_the_first_business_day_are_caught_up_on_it(tmp_path):
    db = new_ledger(tmp_path, opened_on=week(4) + 2 * DAY, is_durable=False)
    open_loan(db, terms=WEEKLY, principal_fen=500_000, periods=12)
    for number in range(1, 5):
        take_week(db, number, 300_000)
    assert fixed(db) == {}
    (line,) = close(db, week(4) + 2 * DAY)
    assert line["fixed_instalments"] == 3
    assert [window["on"] for window in fixed(db).values()] == [week(2), week(3), week(4)]
    assert faults(db) == []


def test_revenue_of_years_ago_is_not_taken_for_a_correction(tmp_path):
    start_on = date(2024, 1, 10)
    db = new_ledger(tmp_path, opened_on=start_on, is_durable=False)
    terms = replace(MONTHLY, periods_max=60)
    open_loan(db, terms=terms, principal_fen=6_000_000, start_on=start_on, periods=36)
    months = [date(2024 + at // 12, at % 12 + 1, 1) for at in range(34)]
    rows = [paid(day, 300_000) for day in months]
    take(db, alipay(rows, period=(months[0], months[-1] + 27 * DAY)), borrower_id="B1")
    close(db, date(2026, 9, 2))
    windows = fixed(db)
    assert len(windows) == 32
    assert {window["late_fen"] for window in windows.values()} == {0}
    assert faults(db) == []


def test_the_same_season_a_year_ago_stands_in_for_a_first_window_without_data(tmp_path):
    terms = revenue_product(code="season", share={"missing": Missing.LAST_YEAR})
    db = new_ledger(tmp_path, is_durable=False)
    open_loan(db, terms=terms, principal_fen=2_000_000)
    take(db, alipay([paid(date(2025, 1, 3), 900_000)], period=(date(2025, 1, 1), date(2025, 1, 31))), borrower_id="B1")
    close(db, date(2026, 2, 1))
    (window,) = fixed(db).values()
    assert window["missing"] is True
    assert window["amount_fen"] == 108_000


# --- breathing space that a weak window grants ---

WEAK = BreathingSpace(
    pays=Pays(interest=True),
    extends=True,
    periods_max=3,
    a_year_max=1,
    trigger=Trigger(below_ppm=500_000, windows=3),
)
BREATHING = product(code="breathing", breathing_space=WEAK)


def months_of_revenue(db, first, amounts_fen):
    for at, fen in enumerate(amounts_fen):
        month = date(first.year + (first.month - 1 + at) // 12, (first.month - 1 + at) % 12 + 1, 1)
        next_on = date(month.year + month.month // 12, month.month % 12 + 1, 1)
        take(db, alipay([paid(month + 2 * DAY, fen)] if fen else [paid(month + 2 * DAY, 1, direction="支出")],
                        period=(month, next_on - DAY)), borrower_id="B1")  # fmt: skip


def spaces(db):
    (_, events) = next(iter(gather(db, ["LN000001"]).values()))
    return [
        (event.effective_on, event.payload["number"], event.payload["why"])
        for event in events
        if event.kind is EventKind.BREATHING_SPACE_GRANTED
    ]


@pytest.fixture
def seasonal(tmp_path):
    db = new_ledger(tmp_path, is_durable=False)
    open_loan(db, terms=BREATHING, principal_fen=1_200_000)
    return db


def test_a_weak_month_grants_one_instalment_of_breathing_space_by_itself(seasonal):
    months_of_revenue(seasonal, date(2025, 10, 1), [900_000, 1_000_000, 1_100_000, 499_999, 100_000])
    lines = close(seasonal, date(2026, 2, 28))
    assert spaces(seasonal) == [
        (date(2026, 2, 1), 1, {"below_ppm": 500_000, "median_fen": 1_000_000, "revenue_fen": 499_999})
    ]
    assert sum(line["breathing_spaces"] for line in lines) == 1
    loan = loans.records(seasonal, ["LN000001"])["LN000001"]
    lived = life(*gather(seasonal, ["LN000001"])["LN000001"], date(2026, 2, 28))
    assert lived.instalments[0].due_fen == loan.rows[0].interest_fen
    assert len(lived.instalments) == len(loan.rows) + 1
    assert faults(seasonal) == []


@pytest.mark.parametrize("touched_on", [-1, 0, 1])
def test_a_payment_on_the_day_the_trigger_looks_does_not_put_it_out(seasonal, touched_on):
    months_of_revenue(seasonal, date(2025, 10, 1), [900_000, 1_000_000, 1_100_000, 499_999])
    on = date(2026, 2, 1) + touched_on * DAY
    close(seasonal, on - DAY)
    take(seasonal, alipay([repayment(on, 1_000, note="LN000001")]))
    close(seasonal, date(2026, 2, 28))
    assert [space[:2] for space in spaces(seasonal)] == [(date(2026, 2, 1), 1)]
    assert faults(seasonal) == []


@pytest.mark.parametrize("touched_on", [None, -1, 0, 1])
def test_the_line_of_the_day_tells_that_a_breathing_space_ends(tmp_path, touched_on):
    seasonal = new_ledger(tmp_path, is_durable=False)
    # With days of grace, else the close looks at the loan on the day after for the penalty.
    open_loan(seasonal, terms=replace(BREATHING, penalty=Penalty(grace_days=3)))
    months_of_revenue(seasonal, date(2025, 10, 1), [900_000, 1_000_000, 1_100_000, 499_999])
    lines = []
    if touched_on is not None:
        on = DUE + touched_on * DAY
        lines = close(seasonal, on - DAY)
        take(seasonal, alipay([repayment(on, 50_000, note="LN000001")]))  # more than the space asks for
    lines += close(seasonal, DUE + 30 * DAY)
    assert {line["day"]: line["ended_breathing_spaces"] for line in lines if line["ended_breathing_spaces"]} == {
        DUE.isoformat(): 1
    }


def test_the_line_of_the_day_tells_the_promises_that_lapse(db):
    with writing(db):
        for due_on, amount_fen in ((DUE, LEVEL), (DUE, LEVEL + 1), (DUE + DAY, LEVEL)):
            contacts.add_promise(
                db, loan_id="LN000001", borrower_id="B1", made_on=OPENED_ON, due_on=due_on, amount_fen=amount_fen,
                note="", actor="test",
            )  # fmt: skip
    take(db, alipay([repayment(DUE, LEVEL, note="LN000001")]))
    lines = close(db, DUE + 10 * DAY)
    assert {line["day"]: line["lapsed_promises"] for line in lines if line["lapsed_promises"]} == {DUE.isoformat(): 1}


def test_a_second_weak_month_of_the_year_changes_nothing(seasonal):
    months_of_revenue(seasonal, date(2025, 10, 1), [900_000, 1_000_000, 1_100_000, 400_000, 100_000])
    close(seasonal, date(2026, 4, 30))
    assert len(spaces(seasonal)) == 1
    assert faults(seasonal) == []


@pytest.mark.parametrize(
    ("first", "amounts_fen"),
    [
        (date(2025, 10, 1), [900_000, 1_000_000, 1_100_000, 500_000]),  # exactly half of the median
        (date(2025, 11, 1), [1_000_000, 1_100_000, 1]),  # a month before is not known
        (date(2025, 10, 1), [900_000, 1_000_000, 1_100_000]),  # the month itself is not known
        (date(2025, 10, 1), [0, 0, 0, 0]),
    ],
)
def test_no_space_without_a_weak_month_that_is_known(seasonal, first, amounts_fen):
    months_of_revenue(seasonal, first, amounts_fen)
    close(seasonal, date(2026, 2, 28))
    assert spaces(seasonal) == []


def test_a_revenue_plan_breathes_too_and_its_minimum_progress_does_not_claw_it_back(tmp_path):
    share = {
        "floor": Bound(base=Base.LEVEL, value=500_000),
        "minimum_progress": MinimumProgress(windows=2, levels_ppm=900_000),
    }
    terms = revenue_product(code="share", share=share, breathing_space=replace(WEAK, pays=Pays()))
    db = new_ledger(tmp_path, is_durable=False)
    open_loan(db, terms=terms, principal_fen=1_200_000)
    months_of_revenue(db, date(2025, 10, 1), [900_000, 1_000_000, 1_100_000, 100_000, 1_000_000])
    close(db, date(2026, 3, 31))
    first, second = fixed(db)[1], fixed(db)[2]
    assert (first["amount_fen"], first["level_fen"]) == (0, 0)
    assert first["reasons"][-1] == ["breathing", [0]]
    assert second["amount_fen"] == second["level_fen"] * 9 // 10 or second["amount_fen"] >= 120_000
    assert faults(db) == []


def test_a_change_that_leaves_fewer_instalments_leaves_no_old_ones_in_the_books(tmp_path):
    db = new_ledger(tmp_path, is_durable=False)
    open_loan(db, terms=product(code="plain"), principal_fen=1_200_000)
    rules = Rules(calendar=CALENDAR, ceilings=CEILINGS, products={}, stamp=stamp(OPENED_ON))
    with writing(db):
        assert adjust(db, "LN000001", "respread 6", OPENED_ON, rules) is not None
    assert db.execute("SELECT count(*) FROM instalment").fetchone()[0] == 6
    assert faults(db) == []


# settling again


moments = st.sets(st.tuples(st.integers(0, 90), st.integers(1, len(PRODUCTS) + 2)), max_size=12)


@given(moments, facts)
@settings(max_examples=size(4, 160))
def test_settling_a_loan_again_at_any_moment_changes_nothing_that_later_closes_do(tmp_path_factory, again, told):
    """Before or after a day's close: what only the close does is found by it all the same."""
    rows = [
        repayment(OPENED_ON + day * DAY, fen, f"N{at}", note=f"LN{loan:06d}")
        for at, (day, loan, fen, _) in enumerate(told)
    ]
    how = {"changed_loans", "entries", "closed_at"}  # what settling before the close takes from it
    breathing_share = revenue_product(code="share", breathing_space=replace(WEAK, pays=Pays()))
    touched, left = (shop(tmp_path_factory.mktemp("shop")) for _ in range(2))
    for db in (touched, left):
        for number, terms in enumerate((BREATHING, breathing_share), start=len(PRODUCTS) + 1):
            open_loan(db, f"LN{number:06d}", borrower_id="B1", terms=terms)
        months_of_revenue(db, date(2025, 10, 1), [900_000, 1_000_000, 1_100_000, 100_000, 1_000_000, 100_000])
        if rows:
            take(db, alipay(rows))
    for day, number in sorted(again):
        close(touched, OPENED_ON + (day - 1) * DAY)
        with writing(touched):
            settle(touched, [f"LN{number:06d}"])
    for db in (touched, left):
        close(db, OPENED_ON + 91 * DAY)
        with writing(db):
            settle(db, loans.loan_ids(db))
    lines = [
        [{name: value for name, value in line.items() if name not in how} for line in found]
        for found in (days.listing(touched), days.listing(left))
    ]
    assert lines[0] == lines[1]
    assert sum(line["breathing_spaces"] for line in lines[0]) > 1
    assert net_entries(touched, with_day=True) == net_entries(left, with_day=True)
    ours, theirs = (dump(db, without=("id", *TIMES, *CHAINED)) for db in (touched, left))
    for table in ("event", "instalment", "position"):
        assert ours[table] == theirs[table], table
    touched.close()
    left.close()
