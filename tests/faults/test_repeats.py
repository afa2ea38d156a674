"""The same again is nothing new; the same number with another content is refused; what is refused leaves nothing."""

import csv
import json
import random
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from faults.lab import CHANGE, LOANS, TODAY, Lab, dice, digest
from ledger_maker import alipay, net_entries, paid, repayment
from sizes import size

from loancli.ledger import journal, loans
from loancli.ledger.connect import open_ledger

Line = tuple[str, ...]


def codes(lab: Lab, path: Path, lines: list[Line], **how: str) -> list[int]:
    """Run the lines one after another; the code of each."""
    log = lab.folder / "log"
    log.unlink(missing_ok=True)
    lab.forks.run(path, *lines, log=log, **how)
    return [json.loads(line)["code"] for line in log.read_text(encoding="utf-8").splitlines()]


def told(chance: random.Random, number: int) -> tuple[Line, list[Line]]:
    """Something that a person tells under a number of theirs, and the same number with one thing said otherwise."""
    loan_id, other = chance.sample([loan_id for loan_id in LOANS if loan_id[-1] in "12567"], 2)
    amount, day = 100 + chance.randrange(90), TODAY - timedelta(days=chance.randrange(9))
    more, earlier = str(amount + 1 + chance.randrange(50)), str(day - timedelta(days=1 + chance.randrange(9)))
    on = ("--on", str(day))

    def charge(amount: object = amount, name: str = "court fee", on: Line = on) -> Line:
        return ("loan", "charge", loan_id, str(amount), "--name", name, *on, "--ref", f"c{number}")

    def coupon(amount: object = amount, loan_id: str = loan_id, on: Line = on) -> Line:
        return ("coupon", "redeem", f"K{number}", "--loan", loan_id, "--amount", str(amount), *on)

    def draw(amount: object = amount, on: Line = on) -> Line:
        return ("loan", "draw", "LN000004", str(amount), *on, "--ref", f"d{number}")

    def borrower(name: str = f"人{number}", phone: str = f"1990000{number:04d}") -> Line:
        return ("borrower", "add", f"B{100 + number}", "--name", name, "--phone", phone)

    def record(amount: object = amount, loan_id: str = loan_id, on: Line = on, channel: str = "cash") -> Line:
        words = ("payment", "record", loan_id, str(amount), "--channel", channel, *on, "--ref", f"r{number}")
        return (*words, "--another")

    before = ("--on", earlier)
    way = chance.choice((charge, charge, coupon, record, draw if number < 9 else borrower))
    if way is borrower:
        return borrower(), [borrower(name="别人"), borrower(phone="19911119999")]
    others = [way(amount=more), way(on=before)]
    others += [charge(name="postage")] if way is charge else []
    others += [coupon(loan_id=other)] if way is coupon else []
    others += [record(loan_id=other), record(channel="bank")] if way is record else []
    return way(), others


def test_a_number_that_says_something_else_now_is_refused_and_changes_nothing(lab):
    chance = dice("pairs")
    pairs = [told(chance, number) for number in range(size(60, 400))]
    path = lab.ledger()
    first = codes(lab, path, [words for words, _ in pairs])
    done = [pair for pair, code in zip(pairs, first, strict=True) if code == 0]
    assert len(done) > len(pairs) * 3 // 4, first
    before = digest(path)
    assert set(codes(lab, path, [words for words, _ in done])) == {0}
    assert digest(path) == before, "a repeat did something"
    others = [other for _, variants in done for other in variants]
    assert set(codes(lab, path, others)) == {3}
    assert digest(path) == before, "a refusal left something"


@pytest.mark.parametrize("planted", ["repeats-are-new", "key-without-content"])
def test_a_key_that_does_not_tell_would_be_found(lab, planted):
    path = lab.ledger()
    words = ("loan", "charge", "LN000001", "50", "--name", "court fee", "--ref", "c1")
    other = ("loan", "charge", "LN000001", "60", "--name", "court fee", "--ref", "c1")
    assert codes(lab, path, [words], planted=planted) == [0]
    before = digest(path)
    repeated, differing = codes(lab, path, [words, other], planted=planted)
    assert repeated != 0 or differing != 3 or digest(path) != before


def test_a_platform_number_with_another_amount_waits_for_a_person(lab):
    """Never booked by itself, never taken for the first; said by exit 5, again and again."""
    path = lab.ledger()
    one = repayment(TODAY, 50_000, "SAME", note="LN000001")
    files = []
    for number, row in enumerate((one, one._replace(amount_fen=50_001), one._replace(amount_fen=60_000))):
        (lab.folder / f"{number}.csv").write_bytes(alipay([row]))
        files.append(("import", str(lab.folder / f"{number}.csv"), "--as", "repayments"))
    assert codes(lab, path, files) == [0, 5, 5]
    with closing(open_ledger(path)) as db:
        booked = db.execute("SELECT sum(amount_fen) FROM receipt_part WHERE loan_id = 'LN000001'").fetchone()[0]
        waiting = db.execute("SELECT count(*) FROM receipt WHERE state = 'suspense'").fetchone()[0]
    with closing(open_ledger(lab.ledger(name="plain.db"))) as db:
        first = db.execute("SELECT sum(amount_fen) FROM receipt_part WHERE loan_id = 'LN000001'").fetchone()[0]
        others = db.execute("SELECT count(*) FROM receipt WHERE state = 'suspense'").fetchone()[0]
    assert (booked - first, waiting - others) == (50_000, 2)
    before = digest(path)
    codes(lab, path, files)
    assert digest(path) == before


# lists of changes


def previewed(lab: Lab, path: Path, text: str = CHANGE) -> Path:
    (lab.folder / "changes.csv").write_text(text, encoding="utf-8")
    preview = lab.folder / "preview.csv"
    assert lab.forks.run(path, ("adjust", "preview", lab.folder / "changes.csv", "-o", preview)).code == 0
    return preview


def standing(path: Path) -> object:
    """Plans and books without the order in which they were written."""
    with closing(open_ledger(path)) as db:
        return net_entries(db), [loans.stored_instalments(db, loan_id) for loan_id in LOANS]


def test_a_row_that_was_refused_stays_refused_until_it_is_previewed_again(lab):
    """A row carries the print of what was looked at. While the loan is another, it is refused, however often."""
    for turn in range(size(3, 60)):
        chance = dice("refused", turn)
        path = lab.ledger()
        preview = previewed(lab, path)
        changed = chance.choice([line.split(",")[0] for line in CHANGE.splitlines()[1:]])
        change = chance.choice(("rate 3%", "smaller", "extend 2"))
        assert lab.forks.run(path, ("adjust", "apply", changed, change)).code == 0
        apply = ("adjust", "apply", str(preview))
        assert codes(lab, path, [apply]) == [5]  # the others are done
        before = digest(path)
        charge = ("loan", "charge", changed, "5", "--name", "fee", "--ref", "x", "--on", str(TODAY - timedelta(days=1)))
        assert codes(lab, path, [apply, apply]) == [5, 5]
        assert digest(path) == before
        assert codes(lab, path, [charge, apply, apply]) == [0, 5, 5]
        with closing(open_ledger(path)) as db:
            keys = [each.key for each in journal.events_of(db, [changed])[changed][-2:]]
        back = [("loan", "void", changed, key, "--reason", "slip") for key in reversed(keys)]
        assert codes(lab, path, [*back, apply]) == [0, 0, 5], "the loan is as it was previewed, and was refused"
        previewed(lab, path)
        assert codes(lab, path, [apply]) == [0]


def test_what_a_preview_says_is_what_is_done_in_any_order_of_rows_and_undone(lab):
    for turn in range(size(2, 60)):
        chance = dice("bulk", turn)
        path = lab.ledger()
        preview = previewed(lab, path)
        apply = ("adjust", "apply", preview, "--format", "json")
        before = standing(path)
        said = lab.forks.run(path, (*apply, "--dry-run")).json()
        assert standing(path) == before
        done = lab.forks.run(path, apply).json()
        assert done == said
        after = standing(path)
        [batch] = lab.forks.run(path, ("adjust", "list", "--format", "json")).json()
        head, *rows = preview.read_text(encoding="utf-8-sig").splitlines()
        chance.shuffle(rows)
        preview.write_text("\n".join([head, *rows]), encoding="utf-8")
        other = lab.ledger(name="other.db")
        assert lab.forks.run(other, apply).code == 0
        assert standing(other) == after
        assert lab.forks.run(path, ("adjust", "undo", batch["batch"])).code == 0
        assert standing(path) == before


def test_a_preview_of_other_books_is_refused_whole(lab):
    path = lab.ledger()
    preview = previewed(lab, path)
    rows = [*csv.reader(preview.read_text(encoding="utf-8-sig").splitlines())]
    at = rows[0].index("fingerprint")
    for row in rows[1:]:
        row[at] = row[at][::-1]
    with preview.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    before = digest(path)
    assert codes(lab, path, [("adjust", "apply", str(preview))] * 2) == [3, 3]
    assert digest(path) == before


def test_a_bad_list_leaves_nothing(lab):
    before = digest(lab.ledger())
    good = [paid(TODAY, 100 + number) for number in range(40)]
    for turn in range(size(6, 400)):
        chance = dice("bad row", turn)
        path = lab.ledger()
        lines = alipay(good).decode("gb18030").splitlines(keepends=True)
        at = chance.randrange(len(lines) - len(good), len(lines))
        cells = lines[at].split(",")
        cells[chance.choice((0, 6))] = chance.choice(("x", "", "2026-02-30 08:30:00", "1e9", "-1", "１２"))
        (lab.folder / "bad.csv").write_bytes(
            "".join([*lines[:at], ",".join(cells), *lines[at + 1 :]]).encode("gb18030")
        )
        told = lab.forks.run(path, ("import", lab.folder / "bad.csv", "--as", "revenue", "--borrower", "B1"))
        assert told.code == 3, (cells, told)
        assert f"bad.csv:{at + 1}:" in told.err
        assert digest(path) == before
