"""`day close` as cron runs it: what it says, its exit codes, its manifest; parked loans; a clock that goes back."""

import json
import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import date, timedelta

import pytest
from ledger_maker import tampered

from loancli.cli.exit import Exit
from loancli.ledger.connect import SCHEMA

TODAY = date(2026, 3, 1)
MORNING = "2026-03-10T08:00:00+08:00"
# Of the loan for which something happens next.
TERMS = "(SELECT terms_sha FROM loan JOIN position USING (loan_id) ORDER BY next_moment_on IS NULL, next_moment_on)"


@pytest.fixture
def morning(desk):
    """Nine days later."""
    return replace(desk, now=MORNING)


def kept(desk, name: str = "run.json"):
    return json.loads((desk.folder / name).read_text(encoding="utf-8"))


@contextmanager
def broken_terms(desk) -> Iterator[set[str]]:
    """The terms of some loans are not what was signed: their ids."""
    with_terms = f"SELECT loan_id FROM loan WHERE terms_sha = {TERMS}"
    db = tampered(desk.ledger, f"UPDATE terms SET json = replace(json, '\"kind\"', '\"king\"') WHERE sha = {TERMS}")
    ids = {row[0] for row in db.execute(with_terms)}
    db.close()
    yield ids
    tampered(desk.ledger, f"UPDATE terms SET json = replace(json, '\"king\"', '\"kind\"') WHERE sha = {TERMS}").close()


def test_the_manifest_tells_who_closed_what_when_and_how_it_ended(morning, desk):
    told = morning.run("--actor", "cron", "day", "close", "--manifest", "run.json", "--format", "json")
    found = kept(morning)
    assert told.code == found["exit_code"] == 0
    assert found["days"] == told.json()
    assert [line["day"] for line in found["days"]] == [f"2026-03-{day:02d}" for day in range(1, 10)]
    assert {name: found[name] for name in ("command", "actor", "schema", "as_of", "through", "dry_run", "outcome")} == {
        "command": "day close",
        "actor": "cron",
        "schema": SCHEMA,
        "as_of": "2026-03-10",
        "through": "2026-03-09",
        "dry_run": False,
        "outcome": "done",
    }
    assert (found["open_day_before"], found["open_day_after"]) == ("2026-03-01", "2026-03-10")
    assert found["started_at"] == found["ended_at"] == MORNING
    assert found["ledger"] == str(morning.ledger)
    assert found["heads_before"] != found["heads_after"]
    assert len(found["heads_after"]["day"]) == 64
    assert {each["what"]: each["count"] for each in found["to_do"]}["lapsed_promises"] == 1
    assert sum(line["lapsed_promises"] for line in found["days"]) == 1
    assert (morning.folder / "run.json").stat().st_mode & 0o077 == 0

    again = morning.run("day", "close", "--manifest", "again.json")
    second = kept(morning, "again.json")
    assert (again.code, again.out, second["outcome"], second["days"]) == (0, "", "nothing", [])
    assert second["heads_before"] == second["heads_after"] == found["heads_after"]
    assert second["run_id"] != found["run_id"]


def test_a_run_that_is_refused_says_why(morning):
    told = morning.run("day", "close", "--through", "2026-03-10", "--manifest", "run.json")
    found = kept(morning)
    assert told.code == found["exit_code"] == Exit.REFUSED
    assert (found["outcome"], found["days"]) == ("failed", [])
    assert found["error"] == {"kind": "RefusedError", "message": told.err.removeprefix("error: ").rstrip("\n")}
    assert found["to_do"][0] == {"what": "run_again", "count": 1, "command": "loancli day close"}


def test_a_run_that_is_interrupted_says_which_days_it_closed(desk):
    later = replace(desk, now="2027-03-01T08:00:00+08:00")
    process = later.start("day", "close", "--manifest", "run.json")
    with closing(sqlite3.connect(later.ledger)) as db:
        while db.execute("SELECT max(day) FROM day").fetchone()[0] < "2026-03-05":
            time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    process.communicate()
    found = kept(later)
    assert process.returncode == found["exit_code"] == Exit.INTERRUPTED
    assert found["outcome"] == "failed"
    with closing(sqlite3.connect(later.ledger)) as db:
        closed = [row[0] for row in db.execute("SELECT day FROM day WHERE day > '2026-02-28' ORDER BY day")]
        head = db.execute("SELECT lower(hex(sha)) FROM day WHERE day = ?", (found["days"][-1]["day"],)).fetchone()[0]
    # The day may have been closed and not yet told when the signal came.
    assert [line["day"] for line in found["days"]] in (closed, closed[:-1])
    assert found["heads_after"]["day"] == head


def test_a_run_without_a_ledger_leaves_a_manifest_too(new_desk, tmp_path):
    desk = new_desk(tmp_path)
    assert desk.run("day", "close", "--manifest", "run.json").code == Exit.NOT_FOUND
    found = kept(desk)
    assert (found["exit_code"], found["outcome"], found["heads_before"]) == (Exit.NOT_FOUND, "failed", None)


def test_a_manifest_that_cannot_be_written_stops_the_run_before_it_begins(morning):
    with morning.unchanged():
        told = morning.run("day", "close", "--manifest", "nowhere/run.json")
    assert told.code == Exit.NOT_FOUND


@pytest.mark.parametrize("words", ["day close --manifest", "day list -o", "day list --format csv -o", "loan list -o"])
def test_nothing_that_is_written_takes_the_place_of_a_ledger(morning, words):
    with morning.unchanged():
        told = morning.run(*words.split(), morning.ledger)
        chinese = morning.run(*words.split(), morning.ledger.name, lang="zh")
    assert told.code == chinese.code == Exit.REFUSED
    assert told.err == f"error: {morning.ledger}: is a database, perhaps a ledger; name another file\n"
    assert "可能就是账本" in chinese.err


def test_a_run_that_is_killed_leaves_a_manifest_that_says_it_runs(morning):
    process = morning.start("day", "close", "--manifest", "run.json")
    while not (morning.folder / "run.json").exists():
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert kept(morning)["outcome"] == "running"
    assert morning.run("day", "close").code == 0


def test_a_dry_run_keeps_a_manifest_of_what_would_be_done(morning):
    ledger = morning.ledger.read_bytes()
    told = morning.run("day", "close", "--dry-run", "--manifest", "run.json", "--format", "json")
    found = kept(morning)
    assert found["days"] == told.json()
    assert found["dry_run"] is True
    assert found["heads_before"] == found["heads_after"]
    assert morning.ledger.read_bytes() == ledger


def test_loans_that_cannot_be_worked_on_are_parked_and_taken_up_again(morning):
    with broken_terms(morning) as ids:
        told = morning.run("day", "close", "--manifest", "run.json", "--format", "json")
        found = kept(morning)
        parked = {each["loan_id"] for each in found["parked"]}
        assert told.code == found["exit_code"] == Exit.PARTIAL
        assert found["outcome"] == "partial"
        assert set() < parked <= ids
        assert found["days"][-1]["parked_loans"] == len(parked)
        assert found["days"][-1]["parked"] == found["parked"]
        assert {each["what"]: each["count"] for each in found["to_do"]}["parked_loans"] == len(parked)
        one = min(parked)
        assert f"loan {one} is parked since " in told.err
        assert "then: loancli day close --retry" in told.err
        assert "贷款" in morning.run("day", "close", lang="zh").err  # nothing to close, and they are parked still
        assert morning.run("day", "close").code == Exit.PARTIAL
        assert morning.run("day", "close", "--retry").code == Exit.PARTIAL
        [doctor] = [row for row in morning.run("doctor", "--format", "json").json() if row["check"] == "close"]
        assert one in doctor["detail"]
        assert one in morning.run("ledger", "check", "--format", "json").out
    tried = morning.run("day", "close", "--retry", "--dry-run")
    assert (tried.code, tried.err.splitlines()[0]) == (0, f"{len(parked)} parked loans taken up again")
    done = morning.run("day", "close", "--retry", "--manifest", "run.json")
    assert (done.code, set(kept(morning)["taken_up"]), kept(morning)["parked"]) == (0, parked, [])
    assert morning.run("ledger", "check").code == 0
    assert morning.run("day", "close", "--retry").err == "0 parked loans taken up again\n"


def test_a_payment_of_a_bad_loan_keeps_no_other_out_of_the_books(morning):
    header = "交易时间,交易分类,交易对方,对方账号,商品说明,收/支,金额,收/付款方式,交易状态,交易订单号,商家订单号,备注"
    with broken_terms(morning) as ids:
        others = sorted({f"LN{number:06d}" for number in range(1, 13)} - ids)
        rows = [
            f"2026-03-02 10:00:00,转账,某人,,转账,收入,1.00,余额,交易成功,20260302{number:024d}\t,\t,{loan_id}"
            for number, loan_id in enumerate([min(ids), others[0]])
        ]
        path = morning.folder / "alipay.csv"
        path.write_bytes("\n".join(["-" * 40, "导出信息：", header, *rows, ""]).encode("gb18030"))
        told = morning.run("import", "alipay.csv", "--as", "repayments", lang="zh")
        assert told.code == Exit.PARTIAL
        assert f"贷款 {min(ids)} 无法处理：KeyError (" in told.err
        assert "其还款已登记，日结时再处理" in told.err
        assert others[0] in morning.run("payment", "list", "--loan", others[0], "--format", "csv").out
    morning.done("day", "close")
    assert morning.run("ledger", "check").code == 0


def test_retrying_closes_no_day(morning):
    with morning.unchanged():
        told = morning.run("day", "close", "--retry", "--through", "2026-03-05")
        chinese = morning.run("day", "close", "--retry", "--through", "2026-03-05", lang="zh")
    assert told.code == chinese.code == Exit.REFUSED
    assert "leave --through out" in told.err
    assert "请去掉 --through" in chinese.err


def test_a_clock_that_has_gone_back_closes_nothing(desk):
    later = replace(desk, now="2026-03-20T08:00:00+08:00")
    later.done("day", "close", "--through", "2026-03-02")
    back = replace(desk, now="2026-03-10T08:00:00+08:00")
    with back.unchanged():
        told = back.run("day", "close")
        assert back.run("day", "close", "--dry-run").code == Exit.BUSY
        chinese = back.run("day", "close", lang="zh")
    assert told.code == chinese.code == Exit.BUSY
    assert told.err == (
        "error: a day was closed on 2026-03-20, and the clock says 2026-03-10: set it right, or close with --as-of"
        " 2026-03-20 or later\n"
    )
    assert "请校准时钟" in chinese.err
    back.done("--as-of", "2026-03-20", "day", "close")


@pytest.mark.parametrize("zone", ["UTC", "America/Los_Angeles", "Pacific/Kiritimati"])
@pytest.mark.parametrize(
    ("instant", "last"), [("2026-03-04T15:59:59", "2026-03-03"), ("2026-03-04T16:00:00", "2026-03-04")]
)
def test_the_zone_of_the_machine_does_not_matter(desk, zone, instant, last):
    told = replace(desk, now=f"{instant}+00:00", environ={**desk.environ, "TZ": zone}).done(
        "day", "list", "--last", "1"
    )
    assert "2026-02-28" in told.out
    there = replace(desk, now=f"{instant}+00:00", environ={**desk.environ, "TZ": zone})
    assert there.run("day", "close", "--dry-run", "--format", "json").json()[-1]["day"] == last


def test_a_year_of_missed_closes_is_one_run(desk):
    later = replace(desk, now="2027-03-01T08:00:00+08:00")
    later.done("day", "close", "--manifest", "run.json")
    found = kept(later)
    days = [date.fromisoformat(line["day"]) for line in found["days"]]
    assert days == [TODAY + timedelta(days=number) for number in range(365)]
    assert later.run("ledger", "check").code == 0


def test_the_line_of_a_day_is_told_in_both_languages(morning):
    morning.done("day", "close")
    for lang, names in (("en", ["lapsed_promises"]), ("zh", ["逾期承诺"])):
        shown = morning.screen("day", "list", "--last", "8", lang=lang)
        assert all(name.replace("_", " ") in shown or name in shown for name in names)
    assert "parked" not in morning.screen("day", "list", "--last", "8")
