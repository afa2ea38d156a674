"""Every command that writes: `--dry-run` changes nothing, then it does what it said; the same again adds nothing."""

import csv
import json
from dataclasses import replace

import pytest

# What is typed, and what it says on stderr with --dry-run; WORLD is the folder of files, BATCH the planned campaign.
WRITES = {
    "borrower add B0099 --name 新客户 --phone 19900000099": "borrower B0099 added",
    "borrower import more.csv": "1 borrowers added, 0 were there already",
    "loan open --borrower B0001 --product equal-instalments --principal 5000": "loan LN000013",
    "loan open --borrower B0001 --product custom --principal 20000 --rows rows.csv": "loan LN000013",
    "loan open --borrower B0001 --product credit-line --principal 20000 --first-draw 5000": "loan LN000013",
    "loan import portfolio.csv --payments past.csv": "1 loans taken over, 0 were there already, 0 refused",
    "loan draw LINE-1 2000": "LINE-1: 2,000.00 drawn on 2026-03-10; in use 5,000.00, free 15,000.00",
    "loan charge LN000009 50 --name court~fee": "LN000009: fee 'court fee' of 50.00 charged on 2026-03-10",
    "loan waive LN000009 1.20 --part all --reason flood": "LN000009: 1.20 of what is due waived on 2026-03-10",
    "loan waive LN000009 1.50 --part interest --reason flood": "LN000009: 1.50 of interest waived on 2026-03-10",
    "loan pause LN000009 --from 2026-03-10 --to 2026-03-12 --reason flood": "LN000009: no interest from 2026-03-10 to",
    "loan write-off LN000009 --reason closed": "LN000009: written off on 2026-03-10",
    "coupon redeem C-1 --loan LN000009 --amount 10": "LN000009: coupon C-1 redeemed on 2026-03-10: 100% of",
    "adjust apply LN000009 extend~2": "loan LN000009: 'extend 2' is in force from",
    "import new-repayment.csv --as repayments": "",
    "import WORLD/exports/B0003/alipay-2026-01.csv --as revenue --borrower B0003": "",
    "payment match PAYMENT LN000001": "placed on loan LN000001",
    "revenue declare B0002 --amount 1000 --from 2026-02-01 --to 2026-02-28 --evidence book": "1,000.00 yuan of cash",
    "revenue classify B0012 --row REVENUE --as excluded --why private": "1 rows decided",
    "day close --through 2026-03-08": "8 days would be closed",
    "campaign plan reminders": "reminders-2026-03-01",
    "campaign approve BATCH": "approved",
    "promise add LN000009 --due 2026-03-20 --amount 100": "promise on loan LN000009",
    "hold add B0002 --kind complaint_open": "B0002 is left alone",
    "hold lift 1": "hold 1 lifted",
}


@pytest.fixture(scope="module")
def clerk(story, tmp_path_factory):
    """A desk nine days later, with files that have not been read yet."""
    desk = replace(story.desk.copy(tmp_path_factory.mktemp("clerk")), now="2026-03-10T10:00:00+08:00")
    write_more(desk, story)
    typed = "loan open --borrower B0001 --product credit-line --principal 20000 --first-draw 3000 --loan-id LINE-1"
    desk.done(*typed.split())
    return desk


def write_more(desk, story):
    rows = "number,due_on,principal\n1,2026-04-30,0\n2,2026-07-31,8000\n3,2026-12-31,12000\n"
    (desk.folder / "rows.csv").write_text(rows, encoding="utf-8")
    loans = (
        "loan_id,borrower_id,product,principal,signed_on,outstanding\nM-1,B0001,interest-first,5000,2026-02-01,5000\n"
    )
    (desk.folder / "portfolio.csv").write_text(loans, encoding="utf-8")
    past = "loan_id,paid_on,amount\nM-1,2026-03-02,58\n"
    (desk.folder / "past.csv").write_text(past, encoding="utf-8")
    (desk.folder / "more.csv").write_text("borrower_id,name,phone\nB0100,又一位,19900000100\n", encoding="utf-8")
    # The lender's statement of February as if everything in it had come a second time.
    text = (story.world / "lender" / "alipay-2026-02.csv").read_bytes().decode("gb18030")
    (desk.folder / "new-repayment.csv").write_bytes(text.replace("2200202602", "2299202602").encode("gb18030"))


def words(line, story, desk):
    waiting = desk.run("payment", "unmatched", "--format", "json").json()[0]["payment_id"] if "PAYMENT" in line else ""
    possible = ""
    if "REVENUE" in line:
        possible = desk.run("revenue", "classify", "B0012", "--format", "json").json()[0]["row"]
    known = {"WORLD": story.world, "BATCH": story.batch, "PAYMENT": waiting, "REVENUE": possible}
    for name, value in known.items():
        line = line.replace(name, str(value))
    return [word.replace("~", " ") for word in line.split()]


def open_day(line):
    """The clerk's clock is nine days ahead, but contacts are planned for the open day."""
    return ["--as-of", "2026-03-01"] if line.startswith(("campaign", "promise", "hold")) else []


@pytest.mark.parametrize("line", WRITES)
def test_dry_run_tells_and_changes_nothing(line, story, clerk):
    typed = [*open_day(line), *words(line, story, clerk), "--dry-run"]
    with clerk.unchanged():
        english, chinese = clerk.run(*typed), clerk.run(*typed, lang="zh")
    assert english.code in {0, 5}, english
    assert chinese.code == english.code
    assert WRITES[line] in english.err
    assert "nothing was written (--dry-run)" in english.err
    assert "（--dry-run）" in chinese.err or "(--dry-run)" in chinese.err


@pytest.mark.parametrize("line", WRITES)
def test_what_was_tried_is_done_and_the_same_again_adds_nothing(line, story, clerk, tmp_path):
    desk = clerk.copy(tmp_path / "desk")
    write_more(desk, story)
    typed = [*open_day(line), *words(line, story, desk)]
    before = desk.dump()
    desk.done(*typed)
    once = desk.dump()
    assert once != before
    if line.startswith("loan open"):
        typed += ["--loan-id", "LN000013"]
    again = desk.run(*typed)
    if line.startswith("hold add"):
        assert again.code == 0  # another hold, with a number of its own
    elif line.startswith("hold lift"):
        assert again.code == 4
    else:
        assert again.code in {0, 5}
        assert desk.dump() == once
    desk.done("ledger", "check")


def test_init_makes_one_ledger_and_never_another_over_it(new_desk, tmp_path):
    desk = new_desk(tmp_path)
    told = desk.done("--as-of", "2026-02-28", "init")
    assert told.out == ""
    assert "first business day is 2026-02-28" in told.err
    assert desk.ledger.stat().st_mode & 0o077 == 0
    with desk.unchanged():
        assert desk.run("init").code == 3
    assert [row["state"] for row in desk.run("doctor", "--format", "json").json() if row["check"] == "ledger"] == ["ok"]


def test_doctor_exits_78_when_the_set_up_is_broken(new_desk, tmp_path):
    (tmp_path / "terms" / "segments").mkdir(parents=True)
    (tmp_path / "terms" / "segments" / "default.toml").write_text("[[segments]]\nname = 1\n", encoding="utf-8")
    told = new_desk(tmp_path).run("--schedules", "terms", "doctor", "--format", "json")
    assert told.code == 78
    bad = [row for row in json.loads(told.out) if row["state"] == "bad"]
    assert [row["check"] for row in bad] == ["schedules"]
    assert "default.toml" in bad[0]["detail"]


def test_money_is_placed_on_the_day_it_was_paid(story, clerk, tmp_path):
    desk = clerk.copy(tmp_path / "desk")
    [waiting] = desk.run("payment", "unmatched", "--format", "json").json()
    before = desk.run("loan", "show", "LN000001", "--format", "json").json()
    told = desk.done("payment", "match", waiting["payment_id"], "LN000001")
    assert [line.split("\t")[0] for line in told.out.splitlines()[:3]] == ["loan", "before", "after"]
    after = desk.run("loan", "show", "LN000001", "--format", "json").json()
    assert after["paid_total_fen"] == before["paid_total_fen"] + waiting["amount_fen"]
    assert desk.run("payment", "unmatched", "--format", "json").json() == []
    placed = desk.run("payment", "list", "--loan", "LN000001", "--format", "json").json()
    assert [row["reason"] for row in placed if row["payment_id"] == waiting["payment_id"]] == ["by analyst"]


def test_names_and_numbers_that_payers_write_into_notes_are_masked(story, clerk, tmp_path):
    desk = clerk.copy(tmp_path / "desk")
    text = (story.world / "lender" / "alipay-2026-02.csv").read_bytes().decode("gb18030")
    told = text.replace("2200202602", "2288202602").replace(",转账,收入", ",替孔盏素还款 19900000003,收入", 1)
    assert told.count("替孔盏素") == 1
    (desk.folder / "notes.csv").write_bytes(told.encode("gb18030"))
    desk.done("import", "notes.csv", "--as", "repayments")
    for line in ("payment list", "payment unmatched"):
        masked = desk.done(*line.split(), "--format", "json").out
        assert [secret for secret in story.secrets if secret in masked] == []
    assert "替孔盏素还款 19900000003" in desk.done("payment", "list", "--unmask", "--format", "json").out


def test_quote_is_what_settles_the_loan(story, clerk, tmp_path):
    quote = clerk.run("--as-of", "2026-03-01", "loan", "quote", "LN000009", "--format", "json").json()
    parts = ("principal_fen", "interest_fen", "fee_fen", "penalty_fen")
    assert quote["to_pay_fen"] == sum(quote[part] for part in parts) - quote["credit_fen"]
    later = clerk.run("loan", "quote", "LN000009", "--on", "2026-03-10", "--format", "json").json()
    assert later["on"] == "2026-03-10"
    assert later["to_pay_fen"] > quote["to_pay_fen"]


# Contacts


@pytest.fixture
def morning(story, tmp_path):
    """The books at the start of 10 March, when an instalment of LN000003 falls due."""
    desk = replace(story.desk.copy(tmp_path / "desk"), now="2026-03-10T10:00:00+08:00")
    desk.done("day", "close")
    (desk.folder / "out").mkdir()
    return desk


def sent_rows(desk):
    rows = []
    for path in sorted((desk.folder / "out").glob("*.csv")):
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows += csv.DictReader(file)
    return rows


def test_remind_plans_approves_and_sends_once(morning, story):
    with morning.unchanged():
        tried = morning.done("remind", "--to", "out", "--dry-run", "--format", "json")
    messages = [row for row in tried.json() if row["answer"] == "message"]
    assert messages
    assert [secret for secret in story.secrets if secret in tried.out] == []
    told = morning.done("remind", "--to", "out", "--format", "json").json()
    assert told["sent"] == len(messages) == len(sent_rows(morning))
    assert all(row["phone"].startswith("199") for row in sent_rows(morning))
    again = morning.done("remind", "--to", "out", "--format", "json").json()
    assert again["sent"] == 0
    assert len(sent_rows(morning)) == len(messages)


def test_a_reminder_that_cannot_leave_is_not_planned_either(morning):
    with morning.unchanged():
        assert morning.run("remind", "--to", "nowhere").code == 4
    with morning.unchanged():
        assert morning.run("--as-of", "2026-03-09", "remind", "--to", "out").code == 3


@pytest.fixture
def approved(desk, story):
    """The campaign that the story planned, approved and ready to leave."""
    (desk.folder / "out").mkdir()
    desk.done("campaign", "approve", story.batch)
    return desk


def send(desk, *words):
    return desk.done("campaign", "send", "--to", "out", *words, "--format", "json").json()


def test_a_campaign_is_previewed_approved_and_sent_once(desk, story):
    (desk.folder / "out").mkdir()
    preview = desk.done("campaign", "preview", story.batch, "--format", "json").json()
    count = len(preview["messages"])
    assert count
    assert send(desk)["sent"] == 0  # not approved
    desk.done("campaign", "approve", story.batch)
    with desk.unchanged():
        assert send(desk, "--dry-run")["sent"] == count
    told = send(desk, story.batch)
    assert told["sent"] == count == len(sent_rows(desk))
    assert (desk.folder / told["file"]).stat().st_mode & 0o077 == 0
    full = desk.done("campaign", "preview", story.batch, "--unmask", "--format", "json").json()
    assert [row["text"] for row in sent_rows(desk)] == [message["text"] for message in full["messages"]]
    [run] = desk.run("campaign", "list", "--format", "json").json()
    assert (run["messages"], run["sent"], run["queued"]) == (count, count, 0)
    assert send(desk)["sent"] == 0
    assert len(sent_rows(desk)) == count


@pytest.mark.parametrize(
    "line", ["promise add LN000009 --due 2026-03-20 --amount 100", "hold add B0002 --kind complaint_open"]
)
def test_who_is_to_be_left_alone_gets_no_message(approved, line):
    approved.done(*line.split())
    told = send(approved)
    assert told["sent"] == len(sent_rows(approved)) == 1
    assert [row["message_key"] for row in sent_rows(approved) if "LN000009" in row["message_key"]] == []


def test_messages_leave_at_night_for_nobody(approved):
    told = send(replace(approved, now="2026-03-01T23:00:00+08:00"))
    assert (told["sent"], told["waiting"], sent_rows(approved)) == (0, {"QUIET_HOURS": 2}, [])


def test_a_promise_is_open_then_kept_or_broken(morning):
    morning.done("promise", "add", "LN000009", "--due", "2026-03-11", "--amount", "100")
    listed = {row["loan_id"]: row["state"] for row in morning.run("promise", "list", "--format", "json").json()}
    assert listed == {"LN000007": "broken", "LN000009": "open"}
    later = morning.run("--as-of", "2026-03-12", "promise", "list", "--format", "json").json()
    assert [row["state"] for row in later] == ["broken", "broken"]


def test_rows_that_were_agreed_are_signed_as_they_were_shown(story, clerk, tmp_path):
    desk = clerk.copy(tmp_path / "desk")
    write_more(desk, story)
    typed = ("--principal", "20000", "--rows", "rows.csv", "--format", "json")
    shown = desk.run("plan", "show", "custom", *typed).json()
    opened = desk.run("loan", "open", "--borrower", "B0001", "--product", "custom", *typed).json()
    assert shown["rows"] == opened["rows"]
    assert [row["principal_fen"] for row in shown["rows"]] == [0, 800_000, 1_200_000]
    signed = desk.run("loan", "show", opened["loan_id"], "--format", "json").json()
    assert [row["due_fen"] for row in signed["instalments"]] == [row["due_fen"] for row in shown["rows"]]
    assert [row["why"] for row in signed["instalments"]] == [
        "interest only",
        "as agreed: principal 8,000.00, interest on the rest",
        "as agreed: principal 12,000.00, interest on the rest",
    ]
