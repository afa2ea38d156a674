"""outlook/history: what a projection may start from, and how each bad history is refused."""

from datetime import date

import pytest

from loancli.core.errors import InputError
from loancli.outlook.history import History, history_of, read_history, whole_months

AS_OF = date(2026, 3, 10)


def read(text, as_of=AS_OF):
    header, *lines = [line.split(",") for line in text.splitlines()] or [[]]
    return read_history("h.csv", header, list(enumerate(lines, start=2)), as_of=as_of)


def months(*amounts, first=(2025, 10)):
    year, month = first
    names = [f"{year + (month - 1 + at) // 12}-{(month - 1 + at) % 12 + 1:02d}" for at in range(len(amounts))]
    return "month,amount_yuan\n" + "\n".join(f"{name},{amount}" for name, amount in zip(names, amounts, strict=True))


def test_months_and_days_become_the_same_history():
    by_month = read(months("100.50", "0", "300"))
    assert by_month == History(first_on=date(2025, 10, 1), months_fen=(10_050, 0, 30_000))
    assert by_month.end_on == date(2026, 1, 1)
    by_day = read(
        "day,amount_yuan\n2025-09-30,7\n2025-10-01,100\n2025-10-31,0.50\n2025-11-15,0\n2025-12-31,300\n2026-01-02,9"
    )
    # The first and the last month are only cut into.
    assert (by_day.first_on, by_day.months_fen) == (by_month.first_on, by_month.months_fen)
    assert by_month.days == ()
    assert [(len(days), sum(days)) for days in by_day.days] == [(31, 10_050), (30, 0), (31, 30_000)]


def test_a_month_that_is_over_by_the_day_of_the_question_counts():
    assert len(read(months("1", "2", "3"), as_of=date(2025, 12, 31)).months_fen) == 3
    with pytest.raises(InputError, match=r"^h.csv:4:month: 2025-12 is not over on 2025-12-30$"):
        read(months("1", "2", "3"), as_of=date(2025, 12, 30))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param("", "h.csv:1: needs the columns day or month (one of them), and", id="empty"),
        pytest.param("day,month,amount_yuan\n", "it has day, month, amount_yuan", id="days and months"),
        pytest.param("month,amount_yuan\n2025-09,1,000", "h.csv:2: 3 cells; the first row has 2", id="a cell too many"),
        pytest.param("week,amount_yuan\n1,2", "it has week, amount_yuan", id="another unit"),
        pytest.param("month,amount_yuan,amount_yuan\n", "h.csv:1: needs the columns", id="a column twice"),
        pytest.param("month,amount_yuan", "h.csv: 0 whole months of revenue; a projection needs at least 3", id="none"),
        pytest.param(months("1", "2"), "h.csv: 2 whole months", id="two months"),
        pytest.param("day,amount_yuan\n2025-10-02,5\n2025-12-31,5", "h.csv: 1 whole months", id="cut months"),
        pytest.param(months("0", "0", "0.00"), "h.csv: every month is 0", id="all zeros"),
        pytest.param(months("1", "-2", "3"), "h.csv:3:amount_yuan: '-2' is below 0", id="negative"),
        pytest.param(months("1", "1e5", "3"), "h.csv:3:amount_yuan: '1e5' is not an amount", id="no amount"),
        pytest.param(months("1", "10000000000.01", "3"), "2025-11: 10,000,000,000.01 yuan is more than", id="absurd"),
        pytest.param(
            "month,amount_yuan\n2025-09,1\n2025-10,1\n2025-12,1",
            "h.csv: 2025-11: no revenue data; no data is not zero",
            id="a gap of months",
        ),
        pytest.param(
            "day,amount_yuan\n2025-09-01,1\n2025-10-31,1\n2025-12-31,1", "h.csv: 2025-11: no revenue data", id="of days"
        ),
        pytest.param("month,amount_yuan\n2025-13,1", "h.csv:2:month: '2025-13' is not a month", id="no month"),
        pytest.param("day,amount_yuan\n2025-02-30,1", "h.csv:2:day: '2025-02-30' is not a day", id="no day"),
        pytest.param("day,amount_yuan\n1999-12-31,1", "h.csv:2:day: 1999-12-31 is before 2000", id="too old"),
        pytest.param("day,amount_yuan\n2026-03-11,1", "h.csv:2:day: 2026-03-11 is not over", id="to come"),
        pytest.param("day,amount_yuan\n2026-03-01", "h.csv:2:amount_yuan: '' is not an amount", id="a cell missing"),
        pytest.param(
            "day,amount_yuan\n2025-10-01,1\n2025-10-01,1", "h.csv:3:day: 2025-10-01 is in row 2 already", id="twice"
        ),
    ],
)
def test_a_bad_history_is_refused_naming_what_is_wrong(text, told):
    with pytest.raises(InputError) as refused:
        read(text)
    assert told in str(refused.value)


def test_every_bad_row_is_told_at_once():
    with pytest.raises(InputError) as refused:
        read("month,amount_yuan\n2025-1,1\n2025-10,x\n2025-11,3")
    assert [line.split(":")[1:3] for line in str(refused.value).splitlines()] == [["2", "month"], ["3", "amount_yuan"]]


def test_a_month_below_zero_is_refused_whoever_counted_it():
    with pytest.raises(InputError, match=r"^B1: 2025-02: -0.01 yuan is below 0"):
        history_of({date(2025, 1, 1): 1, date(2025, 2, 1): -1, date(2025, 3, 1): 1}, "B1")


def test_whole_months_between_two_days():
    assert whole_months(date(2025, 1, 1), date(2025, 1, 31)) == [date(2025, 1, 1)]
    assert whole_months(date(2025, 1, 2), date(2025, 2, 27)) == []
    assert whole_months(date(2024, 12, 15), date(2025, 2, 28)) == [date(2025, 1, 1), date(2025, 2, 1)]
