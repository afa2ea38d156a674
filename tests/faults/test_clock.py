"""The machine's clock and its zone: the day is China's, wherever the machine stands, and a closed day stays closed."""

from contextlib import closing
from datetime import date, datetime, timedelta

import pytest
from faults.lab import CLOSED_ON, Lab, digest, unsound
from ledger_maker import DAY

from loancli.core.days import BEIJING
from loancli.ledger import days
from loancli.ledger.connect import open_ledger

ZONES = ("Asia/Shanghai", "UTC", "America/New_York", "Pacific/Kiritimati")
INSTANTS = (
    "2026-02-11 23:59:59",
    "2026-02-12 00:00:00",
    "2026-02-12 00:30:00",
    "2026-02-12 07:59:59",
    "2026-02-12 08:00:00",
    "2026-02-12 21:59:59",
    "2026-02-12 22:00:00",
    "2026-02-28 23:59:59",
    "2026-03-08 15:30:00",  # New York puts its clocks forward
    "2026-11-01 13:30:00",  # and back
    "2026-12-31 23:59:59",
    "2028-02-29 00:00:00",
)
CHARGE = ("loan", "charge", "LN000001", "50", "--name", "fee", "--ref", "x", "--format", "json")


def in_china(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BEIJING)


def open_day(lab: Lab) -> date:
    with closing(open_ledger(lab.folder / "books.db")) as db:
        return days.open_day(db)


@pytest.mark.parametrize("instant", INSTANTS)
def test_the_day_is_chinas_in_whatever_zone_the_machine_is(lab, instant):
    at = in_china(instant)
    for zone in ZONES:
        path = lab.ledger()
        told = lab.forks.run(path, CHARGE, instant=at, zone=zone)
        assert told.json()["as_of"] == told.json()["events"][0]["on"] == instant[:10], zone
        with closing(open_ledger(path)) as db:
            [recorded_at] = db.execute("SELECT recorded_at FROM event WHERE key = 'charge/LN000001/x'").fetchone()
        assert recorded_at == at.isoformat(), zone
        if at.date() - CLOSED_ON < 9 * DAY:
            assert lab.forks.run(path, ("day", "close"), instant=at, zone=zone).code == 0
            assert open_day(lab) == at.date(), zone


def test_the_day_of_the_machines_own_zone_would_be_found(lab):
    path = lab.ledger()
    told = lab.forks.run(path, CHARGE, instant=in_china(INSTANTS[2]), zone="UTC", planted="clock-of-the-host")
    assert told.json()["as_of"] != INSTANTS[2][:10]


BACK = (timedelta(seconds=1), timedelta(minutes=3), timedelta(days=1), timedelta(days=30))


@pytest.mark.parametrize("back", BACK, ids=str)
def test_a_clock_that_goes_back_closes_nothing_again_and_opens_nothing(lab, back):
    path = lab.ledger()
    at = in_china("2026-02-13 00:00:00")
    assert lab.forks.run(path, ("day", "close"), instant=at).code == 0
    before = digest(path)
    assert open_day(lab) == at.date()
    told = lab.forks.run(path, ("day", "close"), instant=at - back)
    assert (told.code, told.out) == (0, "")
    assert digest(path) == before
    refused = lab.forks.run(path, ("day", "close", "--through", "2026-02-12"), instant=at - back)
    assert refused.code == 3, "a day that is not over by that clock"
    assert digest(path) == before
    # What is told meanwhile counts from the day that clock shows, and is booked on the open day: no closed day changes.
    with closing(open_ledger(path)) as db:
        closed = days.listing(db)
    assert lab.forks.run(path, CHARGE, instant=at - back).code == 0
    assert unsound(path) == []
    with closing(open_ledger(path)) as db:
        assert days.listing(db) == closed
    assert lab.forks.run(path, ("day", "close"), instant=at + timedelta(days=1)).code == 0
    assert open_day(lab) == at.date() + DAY
    assert unsound(path) == []
