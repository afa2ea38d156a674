"""At most once to people: the gate is asked at the claim and again before anything leaves; no crash sends twice."""

import itertools
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from pathlib import Path

import pytest
from contact_maker import (
    LIMITS,
    TEMPLATES,
    TEN,
    delivered,
    details,
    instant,
    message,
    open_loans,
    queue,
    send,
    states,
)
from faults.planted import bug
from ledger_maker import DAY, alipay, close, dump, file_of, new_ledger, repayment, stamp, take

from loancli.channels import outfile
from loancli.core.errors import RefusedError
from loancli.jobs import send_outbox as job
from loancli.ledger import contacts
from loancli.ledger.connect import Connection, open_ledger, writing
from loancli.outreach.outbox import STEPS, Happening, State, after

DUE = date(2026, 2, 5)
TODAY = DUE - DAY
LEVEL = 106_619
MINUTE = timedelta(minutes=1)


class Crash(BaseException):
    """The process is gone."""


@pytest.fixture
def db(tmp_path) -> Connection:
    """Two borrowers with a loan each, due tomorrow."""
    made = new_ledger(tmp_path, is_durable=False)
    open_loans(made, 2)
    close(made, TODAY - DAY)
    return made


@pytest.fixture
def out(tmp_path) -> Path:
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


def notes(*numbers: int, day: date = TODAY, **changes):
    return [message(number, day, due_on=DUE, **changes) for number in numbers]


def between(monkeypatch, happens: Callable[[], object]) -> None:
    """Let something happen after the claims are on disk and before the second look."""
    turns = itertools.count(1)

    def writing_later(db):
        if next(turns) == 2:
            happens()
        return writing(db)

    monkeypatch.setattr(job, "writing", writing_later)


def other(db: Connection) -> Connection:
    return open_ledger(file_of(db))


# what goes out


def test_approved_messages_of_the_day_go_into_one_file(db, out):
    queue(db, [*notes(1), *notes(1, borrower=2, text="=1+1")])
    sent = send(db, out, TODAY, time(9, 30, 5))
    assert (sent.sent_count, sent.waiting, sent.cancelled, sent.unknown_count) == (2, {}, {}, 0)
    assert list(out.iterdir()) == [sent.path]
    assert sent.path.name.startswith("sms-20260204-093005-1-")
    assert delivered(out) == [
        [f"note:step1:LN000001:{DUE}", "19900000001", "【示例小贷】1", "1", "2026-02-04", "note"],
        [f"note:step1:LN000002:{DUE}", "19900000002", "'=1+1", "1", "2026-02-04", "note"],
    ]
    rows = db.execute("SELECT state, contact_on, slot, detail, done_at FROM outbox").fetchall()
    assert rows == [("sent", "2026-02-04", 1, sent.path.name, "2026-02-04T09:30:05+08:00")] * 2


def test_sending_again_finds_nothing_to_send(db, out):
    queue(db, notes(1))
    first = send(db, out, TODAY).path.read_bytes()
    again = send(db, out, TODAY, time(11))
    assert (again.path, again.sent_count) == (None, 0)
    assert [path.read_bytes() for path in out.iterdir()] == [first]


def test_only_approved_runs_and_the_one_that_is_named_go_out(db, out):
    queue(db, notes(1), batch="a")
    queue(db, notes(2), batch="b")
    queue(db, notes(3), batch="c", approved=False)
    assert send(db, out, TODAY, batch="b").sent_count == 1
    assert states(db) == {"step1": "queued", "step2": "sent", "step3": "queued"}
    assert send(db, out, TODAY).sent_count == 1
    assert states(db)["step3"] == "queued"


def test_a_dry_run_asks_the_gate_and_changes_nothing(db, out):
    queue(db, [*notes(1), *notes(2, day=TODAY - DAY), *notes(3, text="【示例小贷】1")])
    with writing(db):
        contacts.step(db, [1], "claimed", at=instant(TODAY, time(9)))
    before = dump(db)
    sent = send(db, out, TODAY, dry_run=True)
    assert (sent.path, sent.sent_count, sent.cancelled, sent.unknown_count) == (None, 1, {"EXPIRED": 1}, 0)
    assert dump(db) == before
    assert list(out.iterdir()) == []


# the gate


@pytest.mark.parametrize(
    ("at", "count"),
    [(time(7, 59, 59), 0), (time(8), 1), (time(21, 59, 59, 999_999), 1), (time(22), 0), (time(0), 0)],
    ids=str,
)
def test_nothing_leaves_outside_the_hours(db, out, at, count):
    keeps_the_hours(db, out, at, count)


@pytest.mark.parametrize(("at", "count"), [(time(8), 1), (time(22), 0)], ids=str)
def test_hours_of_another_zone_would_be_found(db, out, at, count):
    with bug("hours-in-utc"), pytest.raises(AssertionError):
        keeps_the_hours(db, out, at, count)


def keeps_the_hours(db, out, at, count):
    queue(db, notes(1))
    sent = send(db, out, TODAY, at)
    assert (sent.sent_count, len(delivered(out))) == (count, count)
    assert sent.waiting == ({} if count else {"QUIET_HOURS": 1})
    assert states(db) == {"step1": "sent" if count else "queued"}


def test_the_days_cap_counts_all_purposes_and_campaigns(db, out):
    queue(db, notes(1, 2), batch="a")
    queue(db, notes(3, 4, campaign="other", purpose="collection", template="soft_note"), batch="b")
    queue(db, notes(1, borrower=2), batch="c")
    sent = send(db, out, TODAY)
    assert (sent.sent_count, sent.waiting) == (4, {"DAY_FULL": 1})
    assert len({row[0] for row in delivered(out)}) == 4
    assert [row[1] for row in delivered(out)].count("19900000001") == 3
    assert send(db, out, TODAY, time(20)).waiting == {"DAY_FULL": 1}
    assert contacts.refusals(db, "b") == [
        {"borrower_id": "B1", "loan_id": "LN000001", "step": "step4", "day": str(TODAY), "reason": "DAY_FULL"}
    ]


def test_the_cap_of_seven_days_rolls(tmp_path, out):
    db = new_ledger(tmp_path, is_durable=False)
    open_loans(db, 1)
    counts = {}
    for days in range(9):
        day = TODAY + days * DAY
        queue(db, [message(10 * days + n, day, due_on=DUE) for n in (1, 2)], batch=f"day {days}")
        sent = send(db, out, day)
        counts[days] = (sent.sent_count, sent.waiting)
    full, one = (0, {"WEEK_FULL": 2}), (1, {"WEEK_FULL": 1})
    assert counts == {
        0: (2, {}), 1: (2, {}), 2: (2, {}), 3: one, 4: full, 5: full, 6: full, 7: (2, {}), 8: (2, {}),
    }  # fmt: skip


def test_the_same_text_does_not_go_twice_a_day(db, out):
    queue(db, [*notes(1), *notes(2, text="【示例小贷】1"), *notes(1, borrower=2, text="【示例小贷】1")])
    sent = send(db, out, TODAY)
    assert (sent.sent_count, sent.waiting) == (2, {"SAME_CONTENT": 1})
    assert states(db)["step2"] == "queued"


def test_a_text_that_lost_its_approval_waits(db, out):
    queue(db, notes(1))
    template = replace(TEMPLATES.by_name["due_soon"], approved_by="")
    changed = replace(TEMPLATES, by_name={**TEMPLATES.by_name, "due_soon": template})
    assert send(db, out, TODAY, templates=changed).waiting == {"TEMPLATE_NOT_APPROVED": 1}
    gone = replace(TEMPLATES, by_name={})
    assert send(db, out, TODAY, templates=gone).waiting == {"TEMPLATE_NOT_APPROVED": 1}


def test_a_hold_that_came_after_the_planning_holds(db, out):
    queue(db, notes(1))
    with writing(db):
        contacts.add_hold(db, borrower_id="B1", kind="dispute", note="", from_on=TODAY, to_on=None, actor="test")
    assert send(db, out, TODAY).waiting == {"DISPUTE": 1}
    assert [row["reason"] for row in contacts.refusals(db, "note")] == ["DISPUTE"]
    with writing(db):
        contacts.lift_hold(db, 1, on=TODAY, told="test")
    assert send(db, out, TODAY).sent_count == 1


def test_what_is_paid_does_not_go_out_even_if_nobody_cancelled_it(db, out):
    take(db, alipay([repayment(TODAY, LEVEL, note="LN000001")]), on=TODAY)
    queue(db, notes(1))
    assert send(db, out, TODAY).cancelled == {"PAID_MEANWHILE": 1}
    assert (states(db), details(db)) == ({"step1": "cancelled"}, {"step1": "PAID_MEANWHILE"})


def test_yesterdays_message_never_leaves_and_tomorrows_waits(db, out):
    queue(db, notes(1, day=TODAY - DAY), batch="old")
    queue(db, notes(2, day=TODAY + DAY), batch="new")
    sent = send(db, out, TODAY)
    assert (sent.sent_count, sent.cancelled, sent.waiting) == (0, {"EXPIRED": 1}, {})
    assert states(db) == {"step1": "cancelled", "step2": "queued"}


# between the claim and the file


def test_paid_between_claim_and_file_is_released(db, out, monkeypatch):
    queue(db, [*notes(1), *notes(1, borrower=2)])
    between(monkeypatch, lambda: take(other(db), alipay([repayment(TODAY, LEVEL, note="LN000001")]), on=TODAY))
    sent = send(db, out, TODAY)
    assert (sent.sent_count, sent.cancelled) == (1, {"PAID_MEANWHILE": 1})
    assert [row["state"] for row in contacts.messages(db)] == ["released", "sent"]
    assert [row[1] for row in delivered(out)] == ["19900000002"]


def test_a_hold_between_claim_and_file_is_heeded(db, out, monkeypatch):
    queue(db, notes(1))

    def hold() -> None:
        second = other(db)
        with writing(second):
            contacts.add_hold(
                second, borrower_id="B1", kind="deceased", note="", from_on=TODAY, to_on=None, actor="test"
            )

    between(monkeypatch, hold)
    sent = send(db, out, TODAY)
    assert (sent.path, sent.cancelled, details(db)) == (None, {"DECEASED": 1}, {"step1": "DECEASED"})


def passing(*times: datetime) -> Callable[[], datetime]:
    """A clock that shows these instants, then the last one."""
    left = list(times)
    return lambda: left.pop(0) if len(left) > 1 else left[0]


def test_the_hour_is_looked_at_again(db, out):
    queue(db, notes(1))
    sent = send(db, out, TODAY, now=passing(instant(TODAY, time(21, 59, 59)), instant(TODAY, time(22))))
    assert (sent.path, sent.cancelled, states(db)) == (None, {"QUIET_HOURS": 1}, {"step1": "released"})
    assert list(out.iterdir()) == []


def test_midnight_between_claim_and_file_ends_the_day(db, out):
    queue(db, notes(1))
    night = replace(LIMITS, contact_from=time(0), contact_until=time(23, 59, 59, 999_999))
    clock = passing(instant(TODAY, time(23, 59, 59)), instant(DUE, time(0, 0, 1)))
    assert send(db, out, TODAY, limits=night, now=clock).cancelled == {"EXPIRED": 1}
    assert states(db) == {"step1": "released"}


def test_the_caps_do_not_turn_against_what_was_claimed_under_them(db, out):
    queue(db, notes(1, 2, 3))
    assert send(db, out, TODAY).sent_count == 3


def test_a_released_message_frees_its_place_and_the_next_can_be_claimed(db, out, monkeypatch):
    queue(db, notes(1, 2, 3, 4))
    with writing(db):
        contacts.claim(db, 1, on=TODAY, at=instant(TODAY))
        contacts.claim(db, 2, on=TODAY, at=instant(TODAY))
        contacts.step(db, [1], "released", at=instant(TODAY))
    sent = send(db, out, TODAY)
    assert (sent.sent_count, sent.waiting) == (2, {})
    assert states(db) == {"step1": "released", "step2": "claimed", "step3": "sent", "step4": "sent"}


def test_a_sender_that_slept_does_not_send_what_another_gave_up(db, out, monkeypatch):
    queue(db, notes(1))
    wakes_at = instant(TODAY) + 20 * MINUTE
    between(monkeypatch, lambda: send(other(db), out, TODAY, now=lambda: wakes_at))
    sent = send(db, out, TODAY, now=passing(instant(TODAY), wakes_at))
    assert (sent.sent_count, sent.unknown_count, delivered(out)) == (0, 1, [])
    assert states(db) == {"step1": "unknown"}


# crashes


def crashing(monkeypatch, *, after_file: bool) -> None:
    def send_and_die(messages, path):
        if after_file:
            outfile_send(messages, path)
        raise Crash

    outfile_send = outfile.send
    monkeypatch.setattr(outfile, "send", send_and_die)


@pytest.mark.parametrize("after_file", [False, True], ids=["before the file", "after the file"])
def test_a_crash_leaves_claims_that_count_and_are_never_sent_again(db, out, monkeypatch, after_file):
    survives_a_crash(db, out, monkeypatch, after_file=after_file)


@pytest.mark.parametrize(("planted", "after_file"), [("send-then-mark", True), ("mark-then-send", False)])
def test_a_mark_at_the_wrong_time_would_be_found(db, out, monkeypatch, planted, after_file):
    with bug(planted):
        queue(db, notes(9, text="【示例小贷】quiet"))
        assert send(db, out, TODAY - DAY).sent_count + send(db, out, TODAY).sent_count == 1  # where nobody dies
    (delivered_file,) = out.iterdir()
    delivered_file.unlink()
    with bug(planted), pytest.raises(AssertionError):
        survives_a_crash(db, out, monkeypatch, after_file=after_file)


def survives_a_crash(db, out, monkeypatch, *, after_file):
    queue(db, notes(1, 2))
    with monkeypatch.context() as patch:
        crashing(patch, after_file=after_file)
        with pytest.raises(Crash):
            send(db, out, TODAY)
    files = {path.name: path.read_bytes() for path in out.iterdir()}
    assert len(files) == after_file
    queue(db, notes(3, 4), batch="later")

    later = send(other(db), out, TODAY, time(10, 15))  # 15 minutes are not more than 15 minutes
    assert (later.sent_count, later.waiting, later.unknown_count) == (1, {"DAY_FULL": 1}, 0)
    assert states(db) == {"step1": "claimed", "step2": "claimed", "step3": "sent", "step4": "queued"}

    later = send(db, out, TODAY, time(10, 15, 1))
    assert (later.sent_count, later.waiting, later.unknown_count) == (0, {"DAY_FULL": 1}, 2)
    assert states(db) == {"step1": "unknown", "step2": "unknown", "step3": "sent", "step4": "queued"}
    assert send(db, out, TODAY, time(10, 16)).unknown_count == 0

    keys = [row[0] for row in delivered(out)]
    assert len(keys) == len(set(keys)) == 1 + 2 * after_file
    assert {name: (out / name).read_bytes() for name in files} == files


def test_what_is_confirmed_later_counts_once(db, out, monkeypatch):
    confirms(db, out, monkeypatch)


def test_what_is_confirmed_twice_would_be_found(db, out, monkeypatch):
    with bug("confirmed-twice"), pytest.raises(AssertionError):
        confirms(db, out, monkeypatch)


def confirms(db, out, monkeypatch):
    """Two of three messages a day may have left; it turns out that they did; then there is room for one."""
    queue(db, notes(1, 2))
    with monkeypatch.context() as patch:
        crashing(patch, after_file=True)
        with pytest.raises(Crash):
            send(db, out, TODAY)
    assert send(db, out, TODAY, time(11)).unknown_count == 2
    with writing(db):
        contacts.step(db, [1, 2], State.SENT.value, at=instant(TODAY, time(12)))
    queue(db, notes(3, 4), batch="later")
    assert send(db, out, TODAY, time(13)).sent_count == 1
    assert len(delivered(out)) == 3


def test_the_vendors_file_is_the_same_when_it_is_written_again(db, out, monkeypatch):
    queue(db, [*notes(1), *notes(1, borrower=2)])
    sent = send(db, out, TODAY)
    before = (sent.path.read_bytes(), sent.path.stat().st_mtime_ns, sent.path.stat().st_ino)
    again = [job._message(row) for row in contacts.messages(db)]
    outfile.send(again, sent.path)
    assert (sent.path.read_bytes(), sent.path.stat().st_mtime_ns, sent.path.stat().st_ino) == before
    sent.path.unlink()
    outfile.send(again, sent.path)
    assert sent.path.read_bytes() == before[0]
    with pytest.raises(RefusedError, match="with other messages"):
        outfile.send(again[:1], sent.path)


def test_what_could_not_be_written_is_released_and_does_not_count(db, out):
    queue(db, notes(1))
    with pytest.raises(RefusedError, match="nothing was sent"):
        send(db, out / "gone", TODAY)
    assert states(db) == {"step1": "released"}
    assert "nothing was sent" in details(db)["step1"]
    queue(db, notes(2, 3, 4), batch="later")
    assert send(db, out, TODAY).sent_count == 3


def test_two_ledgers_may_send_into_one_folder_in_the_same_second(tmp_path, out):
    sent = []
    for name in ("east", "west"):
        (tmp_path / name).mkdir()
        db = new_ledger(tmp_path / name, is_durable=False)
        open_loans(db, 1)
        queue(db, notes(1, phone={"east": "19900000001", "west": "19900000002"}[name]))
        sent.append(send(db, out, TODAY).path)
    assert len(set(sent)) == 2
    assert sorted(row[1] for row in delivered(out)) == ["19900000001", "19900000002"]


def test_after_the_clock_was_set_back_the_week_is_not_used_twice(db, out):
    for days in (0, 1, 2):
        queue(db, [message(10 * days + n, DUE + days * DAY, due_on=DUE) for n in (1, 2, 3)], batch=f"{days}")
    assert [send(db, out, DUE + days * DAY).sent_count for days in (0, 1, 2)] == [3, 3, 1]
    queue(db, notes(99))
    assert send(db, out, TODAY).waiting == {"WEEK_FULL": 1}


# the life cycle


@pytest.mark.parametrize("old", State, ids=lambda state: state.value)
@pytest.mark.parametrize("new", State, ids=lambda state: state.value)
def test_the_schema_takes_the_steps_of_the_table_and_no_other(db, old, new):
    queue(db, notes(1))
    way = {State.CANCELLED: [State.CANCELLED]}.get(old, [State.CLAIMED, old])
    for step in [] if old is State.QUEUED else way[: 1 if old is State.CLAIMED else 2]:
        with writing(db):
            contacts.step(db, [1], step.value, at=instant(TODAY))
    assert states(db) == {"step1": old.value}
    is_step = any(after(old, what) is new for what in Happening)
    assert is_step == (new in {to for (start, _), to in STEPS.items() if start is old})
    if is_step:
        contacts.step(db, [1], new.value, at=instant(TODAY))
    else:
        with pytest.raises(sqlite3.IntegrityError, match="the outbox has no such step"):
            contacts.step(db, [1], new.value, at=instant(TODAY))


def test_the_states_of_the_table_are_those_of_the_schema(db):
    queue(db, notes(1))
    with pytest.raises(sqlite3.IntegrityError):
        db.execute("INSERT INTO outbox SELECT * FROM outbox")
    sql = db.execute("SELECT sql FROM sqlite_schema WHERE name = 'outbox'").fetchone()[0]
    listed = sql.partition("CHECK (state IN (")[2].partition(")")[0]
    assert listed == ", ".join(f"'{state.value}'" for state in State)
    assert {state.strip("'") for state in contacts.COUNTED.strip("()").split(", ")} == {"claimed", "sent", "unknown"}


@pytest.mark.parametrize("column", ["key", "borrower_id", "loan_id", "phone", "channel", "text", "planned_for"])
def test_a_planned_message_is_never_rewritten_nor_deleted(db, column):
    queue(db, notes(1))
    with pytest.raises(sqlite3.IntegrityError, match="never rewritten"):
        db.execute(f"UPDATE outbox SET {column} = {column}")
    with pytest.raises(sqlite3.IntegrityError, match="contacts are kept"):
        db.execute("DELETE FROM outbox")


def test_a_turn_of_a_person_is_taken_once(db):
    queue(db, notes(1, 2))
    with writing(db):
        contacts.claim(db, 1, on=TODAY, at=stamp(TODAY, at=TEN).at)
    with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):
        db.execute("UPDATE outbox SET state = 'claimed', contact_on = ?, slot = 1 WHERE id = 2", (str(TODAY),))
