"""The books can be asked whether they are sound: named questions that must come back empty; the answers explain."""

import hashlib
import json
from collections.abc import Callable, Iterator
from itertools import groupby
from operator import itemgetter
from typing import Any

from loancli.ledger import derived, journal, loans, receipts, statements, sums, transactions
from loancli.ledger.connect import Connection

_LEGS = """(SELECT e.loan_id, d.code AS debit, c.code AS credit, p.amount_fen FROM posting p
             JOIN entry e ON e.id = p.entry_id JOIN account d ON d.id = p.debit JOIN account c ON c.id = p.credit)"""


def _booked(*accounts: str) -> str:
    """Debits less credits of some accounts, as an expression over `_LEGS`."""
    names = ", ".join(f"'{account}'" for account in accounts)
    return f"coalesce(sum(amount_fen * ((debit IN ({names})) - (credit IN ({names})))), 0)"


def _as_in_positions(booked: str, position: str) -> str:
    """Loans whose journal says other than their position."""
    return f"""
        SELECT loan_id, {booked} AS booked_fen,
               (SELECT {position} FROM position WHERE position.loan_id = legs.loan_id) AS position_fen
        FROM {_LEGS} AS legs WHERE loan_id IS NOT NULL GROUP BY loan_id HAVING booked_fen IS NOT position_fen"""


_FIRST_DIGEST_BYTES = 32  # newer ones begin with their version
FILE_AT = statements.STORED.split(", ").index("file_id")

SQL: dict[str, str] = {
    "foreign keys hold": "PRAGMA foreign_key_check",
    "every entry has all its legs": """
        SELECT e.key FROM entry e WHERE (SELECT count(*) FROM posting p WHERE p.entry_id = e.id) <> e.last_leg + 1""",
    "an entry is reversed by its mirror": """
        SELECT e.key FROM entry e JOIN entry o ON o.id = e.reverses
        WHERE e.last_leg <> o.last_leg OR e.loan_id IS NOT o.loan_id OR e.value_on <> o.value_on OR EXISTS (
            SELECT 1 FROM posting p JOIN posting q ON q.entry_id = o.id AND q.leg = p.leg WHERE p.entry_id = e.id
                AND (p.debit, p.credit, p.amount_fen) <> (q.credit, q.debit, q.amount_fen))""",
    "principal in the books = principal of the loans": _as_in_positions(
        _booked("loan:principal"), "principal_outstanding_fen"
    ),
    "interest, fees and penalties due in the books = those of the loans": _as_in_positions(
        _booked("loan:interest_due", "loan:fee_due", "loan:penalty_due"),
        "interest_due_fen + fee_due_fen + penalty_due_fen",
    ),
    "credit in the books = credit of the loans": _as_in_positions(f"-{_booked('borrower:credit')}", "credit_fen"),
    "suspense in the books = receipts without a place": f"""
        SELECT booked_fen, waiting_fen FROM
            (SELECT -{_booked("suspense")} AS booked_fen FROM {_LEGS}),
            (SELECT coalesce(sum(t.amount_fen), 0) AS waiting_fen
             FROM receipt r JOIN txn t ON t.id = r.txn_id WHERE r.state = 'suspense')
        WHERE booked_fen <> waiting_fen""",
    "a receipt and its events tell the same": """
        SELECT r.txn_id, r.state, p.loan_id, p.event_key
        FROM receipt r JOIN receipt_part p ON p.txn_id = r.txn_id LEFT JOIN event e ON e.key = p.event_key
        LEFT JOIN event b ON b.key = 'reversed/' || substr(p.event_key, length('payment/') + 1)
        WHERE e.loan_id IS NOT p.loan_id OR p.amount_fen IS NOT
              iif(json_valid(e.payload), json_extract(e.payload, '$.amount_fen'), NULL)
           OR b.loan_id IS NOT iif(r.state IN ('reversed', 'double'), p.loan_id, NULL)""",
    "every payment that stands has its receipt": """
        SELECT e.key FROM event e LEFT JOIN receipt_part p ON p.event_key = e.key
        LEFT JOIN event b ON b.key = 'reversed/' || substr(e.key, length('payment/') + 1)
        WHERE e.kind = 'payment_received' AND e.key GLOB 'payment/*' AND p.txn_id IS NULL AND b.key IS NULL""",
    # Of a payment of which a part was paid back, the rest is placed; one that is split waits for a person with that.
    # A refund names the payment by the number of any of the rows that show its money.
    "every placed receipt is placed whole": f"""
        WITH RECURSIVE
         odd AS MATERIALIZED (
            SELECT r.txn_id, r.state, t.amount_fen, coalesce(sum(p.amount_fen), 0) AS placed_fen, count(p.part) AS parts
            FROM receipt r JOIN txn t ON t.id = r.txn_id LEFT JOIN receipt_part p ON p.txn_id = r.txn_id
            WHERE r.state IN ('placed', 'suspense') GROUP BY r.txn_id
            HAVING placed_fen <> iif(r.state = 'placed', t.amount_fen, 0)),
         same AS (
            SELECT txn_id AS one, other_txn_id AS other FROM ruling WHERE rule = '{receipts.SAME_MONEY}'
            UNION ALL SELECT other_txn_id, txn_id FROM ruling WHERE rule = '{receipts.SAME_MONEY}'),
         shown AS (
            SELECT txn_id AS receipt_id, txn_id FROM odd
            UNION SELECT receipt_id, other FROM shown JOIN same ON one = shown.txn_id),
         back AS MATERIALIZED (
            SELECT channel, refund_of, sum(amount_fen) AS fen
            FROM ({transactions.current("t.owner = 'lender' AND t.refund_of <> ''")})
            WHERE direction = 'out' AND money_moved AND {receipts.NO_DOUBLE} GROUP BY 1, 2),
         rest AS (
            SELECT odd.*, amount_fen - (
                SELECT coalesce(sum(fen), 0) FROM back WHERE (channel, refund_of) IN (
                    SELECT channel, external_id FROM shown JOIN txn ON id = shown.txn_id WHERE receipt_id = odd.txn_id
                    UNION SELECT channel, trade_id FROM shown JOIN txn ON id = shown.txn_id
                    WHERE receipt_id = odd.txn_id)) AS left_fen
            FROM odd)
        SELECT txn_id, state, amount_fen, placed_fen FROM rest WHERE state <> 'placed'
            OR iif(parts > 1, placed_fen NOT BETWEEN left_fen AND amount_fen, placed_fen <> left_fen)""",
    "the same money is one receipt": f"""
        SELECT r.txn_id, r.other_txn_id FROM ruling r JOIN receipt a ON a.txn_id = r.txn_id
        JOIN receipt b ON b.txn_id = r.other_txn_id
        WHERE r.rule = '{receipts.SAME_MONEY}' AND (a.state = 'double') + (b.state = 'double') = 0
          AND NOT (a.state = 'reversed' AND b.state = 'reversed')""",
    "channel fees in the books = fees of the lender's rows": f"""
        WITH booked AS (
            SELECT substr(e.cause, length('channel_fee:') + 1) AS channel, e.value_on AS day,
                   sum(p.amount_fen * ((d.code = 'expense:channel_fee') - (c.code = 'expense:channel_fee'))) AS fen
            FROM entry e JOIN posting p ON p.entry_id = e.id JOIN account d ON d.id = p.debit
            JOIN account c ON c.id = p.credit
            WHERE e.cause GLOB 'channel_fee:*' GROUP BY 1, 2 HAVING fen <> 0),
         kept AS (
            SELECT channel, day, (2 * fee_milli_fen + 1000 - 1999 * (2 * fee_milli_fen + 1000 < 0)) / 2000 AS fen
            FROM ({receipts.fees_sql()}) WHERE fen <> 0)
        SELECT 'of the rows' AS sum, * FROM (SELECT * FROM kept EXCEPT SELECT * FROM booked)
        UNION ALL SELECT 'booked', * FROM (SELECT * FROM booked EXCEPT SELECT * FROM kept)""",
    "nothing was booked in a day after it was closed": """
        SELECT e.key, e.booked_on FROM entry e JOIN day d ON d.day = e.booked_on
        WHERE e.id > coalesce((SELECT id FROM entry WHERE sha = d.entry_sha), 0)""",
    "an accrual is taken back by the next close": """
        SELECT e.key FROM entry e LEFT JOIN entry r ON r.reverses = e.id
        WHERE e.kind = 'accrual' AND r.id IS NULL AND e.booked_on < (SELECT max(day) FROM day)""",
    "the revenue of a day is the sum of its rows": derived.differing("daily_revenue"),
    **sums.SQL,
}


def sql_failures(db: Connection) -> Iterator[tuple[str, list[str]]]:
    """Each question with what came back, as text; empty is sound."""
    for name, sql in SQL.items():
        yield name, answers(db, sql)


def answers(db: Connection, sql: str) -> list[str]:
    """What came back of a question, a line of names and values for each row."""
    cursor = db.execute(sql)
    columns = [column[0] for column in cursor.description or ()]
    return [", ".join(f"{column} {value}" for column, value in zip(columns, row, strict=True)) for row in cursor]


def chain_failures(db: Connection) -> Iterator[tuple[str, list[str]]]:
    """Recompute every link of every chain; the first broken one is named."""
    chains: dict[str, Callable[[Connection], list[str]]] = {
        "the event chain is whole": _events,
        "the entry chain is whole": _entries,
        "the file chain is whole, and rows are as they were read": _files,
        "closed days are as they were closed": _days,
        "contracts are as they were signed": _contracts,
        "the chain of what people decided about revenue is whole": _verdicts,
    }
    for name, check in chains.items():
        yield name, check(db)


def first_false(db: Connection) -> str | None:
    """What makes that unsound from which the stored copies follow: a broken link, a row that belongs to nothing."""
    copies = ", ".join(f"'{table}'" for table in derived.TABLES)
    orphans = f'SELECT "table", rowid, parent FROM pragma_foreign_key_check WHERE "table" NOT IN ({copies})'
    return next((found[0] for _, found in chain_failures(db) if found), next(iter(answers(db, orphans)), None))


def _events(db: Connection) -> list[str]:
    previous = bytes(32)
    rows = db.execute(
        "SELECT id, key, loan_id, kind, effective_on, payload, recorded_at, actor, batch, previous_sha, sha"
        " FROM event ORDER BY id"
    )
    for *columns, stored_previous, sha in rows:
        if stored_previous != previous or sha != journal.chained(previous, *columns):
            return [f"event {columns[0]} ({columns[1]}) is not what was written"]
        previous = sha
    return []


def _entries(db: Connection) -> list[str]:
    previous = bytes(32)
    legs: dict[int, list[tuple[int, ...]]] = {}
    for leg in db.execute("SELECT entry_id, leg, debit, credit, amount_fen FROM posting ORDER BY entry_id, leg"):
        legs.setdefault(leg[0], []).append(leg)
    rows = db.execute(
        "SELECT id, key, loan_id, kind, cause, value_on, booked_on, reverses, last_leg, previous_sha, sha"
        " FROM entry ORDER BY id"
    )
    for *columns, stored_previous, sha in rows:
        if stored_previous != previous or sha != journal.chained(previous, *columns, legs.get(columns[0], [])):
            return [f"entry {columns[0]} ({columns[1]}) is not what was written"]
        previous = sha
    return []


def _files(db: Connection) -> list[str]:
    """Each file with its rows, which were written together; rows of no file are found by their numbers."""
    files = db.execute("SELECT * FROM file ORDER BY id").fetchall()
    orphans = db.execute(
        "SELECT (SELECT min(id) FROM txn WHERE file_id NOT IN (SELECT id FROM file)),"
        " (SELECT min(txn_id) FROM txn_status WHERE file_id NOT IN (SELECT id FROM file))"
    ).fetchone()
    if orphans[0] is not None:
        return [f"statement row {orphans[0]} belongs to no file"]
    if orphans[1] is not None:
        return [f"a status of statement row {orphans[1]} belongs to no file"]
    digests = {
        row[0]: statements.FirstDigest() if len(row[14]) == _FIRST_DIGEST_BYTES else statements.RowsDigest()
        for row in files
    }
    rows = db.execute(f"SELECT {statements.STORED} FROM txn ORDER BY id")
    while chunk := rows.fetchmany(statements.CHUNK):
        for file_id, of_file in groupby(chunk, key=itemgetter(FILE_AT)):
            digests[file_id].add_rows(list(of_file))
    for status in db.execute("SELECT * FROM txn_status ORDER BY txn_id, file_id, line"):
        digests[status[1]].add_status(status)
    previous = bytes(32)
    for row in files:
        values, stored_previous, sha = row[1:18], row[18], row[19]
        texts = [value.hex() if isinstance(value, bytes) else value for value in values]
        if stored_previous != previous or sha != journal.chained(previous, row[0], *texts):
            return [f"file {row[0]} ({row[2]}) is not what was written"]
        if digests[row[0]].value() != row[14]:
            return [f"the rows of file {row[0]} ({row[2]}) are not what was read"]
        previous = sha
    return []


def _days(db: Connection) -> list[str]:
    previous = bytes(32)
    for day, at, actor, totals, entry_sha, event_sha, sha in db.execute("SELECT * FROM day ORDER BY day"):
        if sha != journal.chained(previous, day, at, actor, totals, entry_sha.hex(), event_sha.hex()):
            return [f"day {day} is not what was written"]
        previous = sha
        for table, link in (("entry", entry_sha), ("event", event_sha)):
            if link != bytes(32) and not db.execute(f"SELECT 1 FROM {table} WHERE sha = ?", (link,)).fetchone():
                return [f"day {day} was closed with another {table} chain than the one that is there"]
    return []


def _verdicts(db: Connection) -> list[str]:
    previous = bytes(32)
    rows = db.execute(
        "SELECT id, txn_id, revenue_class, why, actor, recorded_at, previous_sha, sha FROM verdict ORDER BY id"
    )
    for *columns, stored_previous, sha in rows:
        if stored_previous != previous or sha != journal.chained(previous, *columns):
            return [f"verdict {columns[0]} (row {columns[1]}) is not what was written"]
        previous = sha
    return []


def _contracts(db: Connection) -> list[str]:
    stored = dict(db.execute("SELECT loan_id, sha FROM loan"))
    found = loans.records(db, list(stored))
    wrong = [loan_id for loan_id, record in found.items() if loans.contract_sha(record) != stored[loan_id]]
    bad_terms = [
        f"terms {sha}"
        for sha, text in db.execute("SELECT sha, json FROM terms")
        if hashlib.sha256(text.encode()).hexdigest() != sha
    ]
    return [f"loan {loan_id} is not what was signed" for loan_id in wrong] + bad_terms


def accounts(db: Connection) -> dict[str, tuple[str, str]]:
    """Every account's code with its kind and what it holds."""
    return {code: (kind, meaning) for code, kind, meaning in db.execute("SELECT code, kind, meaning FROM account")}


def counts(db: Connection) -> dict[str, Any]:
    """How much was looked at."""
    tables = ("loan", "event", "entry", "posting", "txn", "file", "day")
    return {table: db.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables}


def day_totals(db: Connection) -> list[dict[str, Any]]:
    """What the lines of closed days say."""
    return [
        {"day": day, **json.loads(totals)} for day, totals in db.execute("SELECT day, totals FROM day ORDER BY day")
    ]
