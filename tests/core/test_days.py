"""core/days: month steps that remember the day, China's working days as data."""

from datetime import date, timedelta

import chinese_calendar
import pytest
import shelf
from hypothesis import given
from hypothesis import strategies as st
from terms import CALENDAR

from loancli.core.days import Roll, date_of, days_past_due, months_after, read_calendar
from loancli.core.errors import InputError

HEADER = "date,kind,name\n"


def test_cal_01_working_days_with_make_up_days():
    case = shelf.cases("domain/cases.json").get("CAL-01")
    if case is None:
        pytest.skip("the reference shelf has no domain/cases.json here")
    for day, expected in case["expect"]["working_day"].items():
        assert CALENDAR.is_working_day(date.fromisoformat(day)) is expected, day


def test_cal_02_due_days_roll_to_the_next_working_day_and_remember_the_31st():
    case = shelf.cases("domain/cases.json").get("CAL-02")
    if case is None:
        pytest.skip("the reference shelf has no domain/cases.json here")
    for day, expected in case["expect"]["rolled"].items():
        assert CALENDAR.rolled(date.fromisoformat(day), Roll.FOLLOWING) == date.fromisoformat(expected)
    start_on = date.fromisoformat(case["given"]["monthly_from"])
    stepped = [months_after(start_on, step).isoformat() for step in range(1, 5)]
    assert stepped == case["expect"]["monthly"]


def test_the_shipped_calendar_agrees_with_a_library_on_every_day():
    day = date(2024, 1, 1)
    while day <= date(2026, 12, 31):
        assert CALENDAR.is_working_day(day) is chinese_calendar.is_workday(day), day
        day += timedelta(days=1)


def test_the_calendar_says_how_far_it_is_known():
    assert (CALENDAR.known_from, CALENDAR.known_until) == (date(2024, 1, 1), date(2026, 12, 31))
    assert CALENDAR.is_known(date(2026, 12, 31))
    assert not CALENDAR.is_known(date(2027, 1, 1))
    assert not CALENDAR.is_known(date(2023, 12, 31))


@pytest.mark.parametrize(
    ("roll", "expected"),
    [
        (Roll.NONE, date(2026, 1, 31)),
        (Roll.FOLLOWING, date(2026, 2, 2)),
        (Roll.MODIFIED_FOLLOWING, date(2026, 1, 30)),
        (Roll.PRECEDING, date(2026, 1, 30)),
    ],
)
def test_a_saturday_at_the_end_of_a_month_goes_where_the_rule_says(roll, expected):
    assert CALENDAR.rolled(date(2026, 1, 31), roll) == expected


@given(st.dates(date(2024, 1, 15), date(2026, 12, 15)), st.sampled_from(list(Roll)))
def test_a_rolled_day_is_a_working_day_and_none_was_passed_over(day, roll):
    rolled_on = CALENDAR.rolled(day, roll)
    if roll is Roll.NONE:
        assert rolled_on == day
        return
    assert CALENDAR.is_working_day(rolled_on)
    step = timedelta(days=1 if rolled_on > day else -1)
    while day != rolled_on:
        assert not CALENDAR.is_working_day(day)
        day += step


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEADER + "2026-13-01,off,x\n", "cn-2026.csv: day 1: date: '2026-13-01' is not a day"),
        (HEADER + "2026-01-01,holiday,x\n", "cn-2026.csv: day 1: kind: 'holiday' is neither off nor work"),
        (HEADER, "cn-2026.csv: a calendar needs the columns"),
    ],
)
def test_a_bad_calendar_is_refused_with_its_place(text, message):
    with pytest.raises(InputError, match=message):
        read_calendar({"cn-2026.csv": text})


def test_a_calendar_without_its_columns_is_refused():
    with pytest.raises(InputError, match="needs the columns"):
        read_calendar({"cn-2026.csv": "day,name\n2026-01-01,x\n"})


def test_a_year_left_out_is_refused():
    texts = {"a.csv": HEADER + "2024-01-01,off,x\n", "b.csv": HEADER + "2026-01-01,off,x\n"}
    with pytest.raises(InputError, match="leave out a year"):
        read_calendar(texts)


def test_comment_lines_are_no_days():
    assert read_calendar({"a.csv": "# source\n" + HEADER + "2026-01-01,off,x\n"}).off == {date(2026, 1, 1)}


@given(st.dates(date(1990, 1, 1), date(2090, 1, 1)), st.integers(-24, 600))
def test_month_steps_keep_the_day_or_end_the_month(anchor, months):
    stepped = months_after(anchor, months)
    assert (stepped.year * 12 + stepped.month) - (anchor.year * 12 + anchor.month) == months
    assert stepped.day == anchor.day or (stepped.day < anchor.day and (stepped + timedelta(days=1)).day == 1)


@pytest.mark.parametrize(
    ("as_of", "days"), [(date(2026, 5, 9), 0), (date(2026, 5, 10), 0), (date(2026, 5, 11), 1), (date(2026, 8, 9), 91)]
)
def test_the_due_day_itself_is_not_past_due(as_of, days):
    assert days_past_due(date(2026, 5, 10), as_of) == days


@pytest.mark.parametrize("text", ["", "2026-2-1", "2026/02/01", "20260201", "2026-02-30", "01-02-2026", "2026-02-01 "])
def test_what_is_no_day_is_refused_with_its_place(text):
    with pytest.raises(InputError, match=r"^file\.csv:3: date: "):
        date_of(text, "file.csv:3: date")


def test_a_week_of_the_year_is_no_day():
    with pytest.raises(InputError):
        date_of("2026-W10-1")
