"""The books as hledger and beancount read them: every balance is ours, on every day; as CSV they add up to the same."""

import csv
import io
import json
import shutil
import subprocess
from collections import Counter
from datetime import date, timedelta
from decimal import Decimal

import pytest
from beancount import loader
from beancount.core.data import Balance, Open, Transaction
from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_maker import DAY, OPENED_ON, close, new_ledger, tampered
from sizes import size

from loancli.cli.export_books import Target, beancount_account, hledger_account, write
from loancli.core.books import Account
from loancli.core.entry import DayBy, Entry, Leg
from loancli.ledger import export, journal
from loancli.ledger.connect import reading, writing
from loancli.servicing.bookings import ACCOUNTS

needs_hledger = pytest.mark.skipif(shutil.which("hledger") is None, reason="hledger is not installed here")
CHART = [Account(code, kind, meaning) for code, (kind, meaning) in ACCOUNTS.items()]
HLEDGER = {hledger_account(account): account.code for account in CHART}
BEANCOUNT = {beancount_account(account): account.code for account in CHART}
DAYS = ("2025-05-31", "2025-10-13", "2025-12-31", "2026-02-28", "2026-03-01")


def fen(text: str) -> int:
    """'-1234.50 CNY' or '0' → -123450."""
    amount = Decimal(text.removesuffix(" CNY")) * 100
    assert amount == int(amount), text
    return int(amount)


def hledger(path, *words: str) -> str:
    found = subprocess.run(["hledger", "-f", str(path), *words], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    return found.stdout


def of_hledger(path, *words: str) -> dict[str, int]:
    """What hledger says of every account, by our codes."""
    rows = csv.reader(io.StringIO(hledger(path, "bal", "--flat", "-E", "-N", "-O", "csv", *words)))
    return {HLEDGER[name]: fen(text) for name, text in rows if name != "account"}


def of_beancount(entries, *, until: date = date.max, by_value: bool = False) -> dict[str, int]:
    """What beancount's postings sum to, by our codes."""
    found = dict.fromkeys(ACCOUNTS, 0)
    for entry in entries:
        if isinstance(entry, Transaction) and (entry.meta["value_on"] if by_value else entry.date) <= until:
            for posting in entry.postings:
                found[BEANCOUNT[posting.account]] += fen(str(posting.units))
    return found


def ours(rows) -> dict[str, int]:
    return {row["account"]: row["balance_fen"] for row in rows if row["account"] != "total"}


def without_zeros(balances: dict[str, int]) -> dict[str, int]:
    return {code: fen for code, fen in balances.items() if fen}


@pytest.fixture(scope="module")
def exported(shared_desk, tmp_path_factory):
    """The story's books for each program."""
    folder = tmp_path_factory.mktemp("exported")
    paths = {target: folder / f"books.{target}" for target in Target}
    for target, path in paths.items():
        told = shared_desk.done("ledger", "export", "--to", target, "-o", path)
        assert told.out == ""
        assert told.err.endswith(f"entries for {target}\n")
        assert path.stat().st_mode & 0o077 == 0
    return paths


@pytest.fixture(scope="module")
def balances(shared_desk):
    """What `ledger balances` says of each of DAYS, by both days."""
    return {
        (day, by): ours(shared_desk.done("ledger", "balances", "--as-of", day, "--by", by, "--format", "json").json())
        for day in DAYS
        for by in DayBy
    }


@needs_hledger
def test_hledger_agrees_on_every_balance_of_every_day(exported, balances):
    path = exported[Target.HLEDGER]
    assert of_hledger(path) == balances[DAYS[-1], DayBy.BOOKING]
    for (day, by), expected in balances.items():
        words = ["-e", str(date.fromisoformat(day) + timedelta(days=1)), *(["--date2"] if by is DayBy.VALUE else [])]
        assert of_hledger(path, *words) == expected, (day, by)


@needs_hledger
def test_hledger_finds_the_export_strictly_correct_with_its_assertions(exported, tmp_path):
    hledger(exported[Target.HLEDGER], "check", "--strict", "ordereddates", "uniqueleafnames")
    text = exported[Target.HLEDGER].read_text(encoding="utf-8")
    wrong = tmp_path / "wrong.journal"
    place = text.rindex(" CNY = ")
    wrong.write_text(f"{text[:place]} CNY = 7{text[place + 7 :]}", encoding="utf-8")  # the test can fail
    assert subprocess.run(["hledger", "-f", str(wrong), "bal"], capture_output=True, check=False).returncode


@needs_hledger
def test_hledger_has_the_sub_ledger_as_a_tag(exported, shared_desk):
    rows = csv.reader(
        io.StringIO(
            hledger(exported[Target.HLEDGER], "bal", "assets:loan:principal", "--pivot", "loan", "-N", "-O", "csv")
        )
    )
    found = {loan_id: fen(text) for loan_id, text in rows if loan_id != "account"}
    loans = shared_desk.done("loan", "list", "--format", "json").json()
    assert found == {
        row["loan_id"]: row["principal_outstanding_fen"] for row in loans if row["principal_outstanding_fen"]
    }


def test_beancount_agrees_on_every_balance_of_every_day(exported, balances):
    entries, errors, options = loader.load_file(str(exported[Target.BEANCOUNT]))
    assert errors == []
    assert options["operating_currency"] == ["CNY"]
    assert of_beancount(entries) == balances[DAYS[-1], DayBy.BOOKING]
    for (day, by), expected in balances.items():
        until = date.fromisoformat(day)
        assert of_beancount(entries, until=until, by_value=by is DayBy.VALUE) == expected, (day, by)


def test_beancount_proves_the_balances_at_the_ends_of_closed_months(exported):
    path = exported[Target.BEANCOUNT]
    entries, _, _ = loader.load_file(str(path))
    asserted = Counter(entry.date for entry in entries if isinstance(entry, Balance))
    months = [date(2025 + month // 12, month % 12 + 1, 1) for month in range(5, 15)]  # the mornings after
    assert asserted == Counter({day: len(ACCOUNTS) for day in months})
    assert len([entry for entry in entries if isinstance(entry, Open)]) == len(ACCOUNTS)
    text = path.read_text(encoding="utf-8")
    place = text.rindex(" ~ 0 CNY") - 1
    digit = (int(text[place]) + 1) % 10
    _, errors, _ = loader.load_string(f"{text[:place]}{digit}{text[place + 1 :]}")  # by one fen
    assert len(errors) == 1


def test_csv_adds_up_to_the_same_balances(exported, balances):
    text = exported[Target.CSV].read_text(encoding="utf-8")
    assert text.startswith("\ufeff")
    rows = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))
    found = dict.fromkeys(ACCOUNTS, 0)
    for row in rows:
        assert (row["debit_cny"] == "") != (row["credit_cny"] == "")
        found[row["account"]] += fen(row["debit_cny"] or "0") - fen(row["credit_cny"] or "0")
    assert found == balances[DAYS[-1], DayBy.BOOKING]
    numbers = [int(row["entry"]) for row in rows]
    assert sorted(set(numbers)) == list(range(1, max(numbers) + 1))


def test_an_export_is_the_same_bytes_whenever_and_wherever_it_is_made(exported, shared_desk, story):
    for target, path in exported.items():
        english, chinese = (shared_desk.run("ledger", "export", "--to", target, lang=lang) for lang in ("en", "zh"))
        later = shared_desk.run("--as-of", "2026-03-09", "--quiet", "ledger", "export", "--to", target)
        assert later.err == ""
        assert english.out == chinese.out == later.out
        assert path.read_text(encoding="utf-8").removeprefix("\ufeff") == english.out
        assert [secret for secret in story.secrets if secret in english.out] == []


# All books, whatever their texts and days


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=20)
HOSTILE = (
    *('a "b" \\ c\\', "x, loan: LN9, y", "; date: 2026-01-01", "[2026-01-01]", "a\n    assets:x  5 CNY\n", "%2C", "  "),
    *(
        "\r\n2026-01-01 *",
        "= 5 | note",
        "=HYPERLINK(1)",
        "王\u2028五\u202e",
        "tag:",
        "}{ #tag ^link",
        "\x1b[2J",
        "\xa0x\x85",
    ),
)
WORDS = st.one_of(st.sampled_from(HOSTILE), TEXT)
LEG = st.tuples(st.sampled_from(list(ACCOUNTS)), st.sampled_from(list(ACCOUNTS)), st.integers(1, 10**14)).filter(
    lambda leg: leg[0] != leg[1]
)
ENTRIES = st.lists(
    st.tuples(st.integers(0, 40), st.integers(-500, 500), WORDS, WORDS, st.lists(LEG, min_size=1, max_size=3)),
    max_size=5,
)


def made(folder, drawn):
    """A ledger with these entries, each booked so many days after the one before; and its export for each program."""
    db = new_ledger(folder, is_durable=False)
    on = OPENED_ON
    for number, (later, ahead, kind, cause, legs) in enumerate(drawn):
        on += later * DAY
        if later:
            close(db, on - DAY)
        entry = Entry(
            key=f"{number}{cause}",
            loan_id="",
            kind=kind,
            cause=cause,
            value_on=on + ahead * DAY,
            legs=tuple(Leg(debit=debit, credit=credit, amount_fen=amount) for debit, credit, amount in legs),
        )
        with writing(db):
            journal.book(db, [entry], booked_on=on)
    close(db, on + 40 * DAY)
    with reading(db):
        for target in Target:
            write(target, export.heading(db), export.walk(db), output=folder / f"books.{target}")
    return db


@given(ENTRIES)
@settings(max_examples=size(10, 400))
def test_beancount_reads_back_any_books_whole(tmp_path_factory, drawn):
    folder = tmp_path_factory.mktemp("any")
    db = made(folder, drawn)
    entries, errors, _ = loader.load_file(str(folder / "books.beancount"))
    assert errors == []
    read = [entry for entry in entries if isinstance(entry, Transaction)]
    assert [(each.narration, each.meta["cause"], each.meta["entry"]) for each in read] == [
        (kind, cause, number) for number, (_, _, kind, cause, _) in enumerate(drawn, start=1)
    ]
    assert of_beancount(entries) == ours(journal.balances(db))
    day = OPENED_ON + 30 * DAY
    assert of_beancount(entries, until=day) == ours(journal.balances(db, day))
    assert of_beancount(entries, until=day, by_value=True) == ours(journal.balances(db, day, DayBy.VALUE))
    db.close()


@needs_hledger
@given(ENTRIES)
@settings(max_examples=size(10, 400))
def test_hledger_reads_back_any_books_whole(tmp_path_factory, drawn):
    folder = tmp_path_factory.mktemp("any")
    db = made(folder, drawn)
    path = folder / "books.hledger"
    day = OPENED_ON + 30 * DAY
    words = ["-e", str(day + DAY)]
    assert without_zeros(of_hledger(path)) == without_zeros(ours(journal.balances(db)))
    assert without_zeros(of_hledger(path, *words)) == without_zeros(ours(journal.balances(db, day)))
    by_value = journal.balances(db, day, DayBy.VALUE)
    assert without_zeros(of_hledger(path, *words, "--date2")) == without_zeros(ours(by_value))
    read = [each for each in json.loads(hledger(path, "print", "-O", "json")) if each["tcode"]]
    assert [each["tcode"] for each in read] == [str(number + 1) for number in range(len(drawn))]
    assert [[tag for tag, _ in each["ttags"]] for each in read] == [["cause", "key"]] * len(drawn)
    db.close()


def test_csv_gives_every_text_as_it_is(tmp_path):
    db = made(tmp_path, [(0, 0, text, text, [("clearing:bank", "suspense", 5)]) for text in HOSTILE])
    text = (tmp_path / "books.csv").read_bytes().decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [row["cause"].removeprefix("'") for row in rows[::2]] == list(HOSTILE)
    assert [row["cause"] for row in rows if row["cause"].startswith("=")] == []  # a spreadsheet runs nothing
    db.close()


def test_an_account_has_one_valid_name_in_each_program():
    assert len(HLEDGER) == len(BEANCOUNT) == len(ACCOUNTS)
    assert HLEDGER["assets:loan:interest_due"] == BEANCOUNT["Assets:Loan:InterestDue"] == "loan:interest_due"
    assert HLEDGER["expenses:channel_fee"] == BEANCOUNT["Expenses:ChannelFee"] == "expense:channel_fee"


def test_an_entry_is_written_with_all_that_is_known_of_it(shared_desk):
    rows = shared_desk.run("ledger", "export", "--to", "beancount").out.split("\n\n")
    reversal = next(row for row in rows if "  reverses: " in row)
    assert reversal.splitlines()[0].endswith('* "reversal"')
    payment = next(row for row in rows if '* "payment"' in row)
    names = [line.split(":")[0].strip() for line in payment.splitlines()[1:] if not line.startswith("  Assets")]
    assert names[:5] == ["value_on", "entry", "loan", "cause", "key"]


# A ledger that is none


def test_what_is_no_ledger_is_told_and_no_file_is_made(shared_desk, tmp_path):
    (tmp_path / "note.txt").write_text("not a ledger", encoding="utf-8")
    for ledger, code in (("nowhere.db", 4), ("note.txt", 6)):
        told = shared_desk.run("-L", tmp_path / ledger, "ledger", "export", "--to", "csv", "-o", tmp_path / "books.csv")
        assert (told.code, told.out) == (code, "")
        assert ledger in told.err
    assert not (tmp_path / "books.csv").exists()


def test_books_with_a_leg_on_no_account_are_refused_and_the_file_stays_as_it_was(shared_desk, tmp_path):
    desk = shared_desk.copy(tmp_path / "desk")
    tampered(desk.ledger, "UPDATE posting SET debit = 99 WHERE entry_id = 50").close()
    kept = tmp_path / "books.journal"
    kept.write_text("before", encoding="utf-8")
    told = desk.run("ledger", "export", "--to", "hledger", "-o", kept)
    assert told.code == 6
    assert "entry 50 is on an account that is none; see: loancli ledger check" in told.err
    assert kept.read_text(encoding="utf-8") == "before"
