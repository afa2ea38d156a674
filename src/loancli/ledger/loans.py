"""Contracts, and the stored copies of what life computes from them: positions and instalments."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from loancli.core.conduct import Conduct
from loancli.core.errors import NotFoundError, RefusedError
from loancli.core.loan import MICRO, InstalmentState, LoanRecord, Position, Row
from loancli.ledger import claims
from loancli.ledger.connect import Connection
from loancli.ledger.journal import canonical

_ROW = "number, from_on, to_on, due_on, principal_fen, interest_fen, fee_fen, reason"
POSITION = (
    "loan_id, status, since_on, principal_outstanding_fen, principal_overdue_fen, interest_due_fen, fee_due_fen,"
    " penalty_due_fen, penalty_accrued_fen, credit_fen, oldest_unpaid_due_on, next_due_on, next_due_fen,"
    " next_moment_on, accrued_micro_fen, accruing_micro_fen_per_day, paid_total_fen, product_code"
)
INSTALMENT = (
    "number, due_on, is_due, is_fixed, principal_fen, interest_fen, fee_fen, penalty_fen, paid_principal_fen,"
    " paid_interest_fen, paid_fee_fen, paid_penalty_fen, paid_on, reason"
)


def contract_sha(record: LoanRecord) -> bytes:
    """SHA-256 over everything that was signed."""
    rows = [[str(getattr(row, name)) for name in _ROW.split(", ")] for row in record.rows]
    parts = [record.loan_id, record.borrower_id, record.product_code, record.terms_json, record.principal_fen,
             record.signed_on.isoformat(), record.maturity_number, rows]  # fmt: skip
    return hashlib.sha256(canonical(parts).encode()).digest()


def add(db: Connection, record: LoanRecord) -> bool:
    """Store a signed loan; False if it is there already. Other content under the same id is refused."""
    sha = contract_sha(record)
    found = db.execute("SELECT sha FROM loan WHERE loan_id = ?", (record.loan_id,)).fetchone()
    if found is not None:
        if found[0] == sha:
            return False
        raise RefusedError(f"loan {record.loan_id} is signed already, on other terms; nothing was written")
    terms_sha = hashlib.sha256(record.terms_json.encode()).hexdigest()
    db.execute("INSERT OR IGNORE INTO terms VALUES (?,?,?)", (terms_sha, record.product_code, record.terms_json))
    db.execute(
        "INSERT INTO loan VALUES (?,?,?,?,?,?,?,?)",
        (record.loan_id, record.borrower_id, record.product_code, terms_sha, record.principal_fen,
         record.signed_on.isoformat(), record.maturity_number, sha),
    )  # fmt: skip
    db.executemany(
        "INSERT INTO plan_row VALUES (?,?,?,?,?,?,?,?,?)", [(record.loan_id, *row.kept()) for row in record.rows]
    )
    return True


def signed_shas(db: Connection, loan_ids: Sequence[str]) -> dict[str, bytes]:
    """Of the loans that are there, what `contract_sha` says of each."""
    wanted = json.dumps(list(loan_ids))
    return dict(
        db.execute("SELECT loan_id, sha FROM loan WHERE loan_id IN (SELECT value FROM json_each(?))", (wanted,))
    )


def records(db: Connection, loan_ids: Sequence[str]) -> dict[str, LoanRecord]:
    """Contracts by loan id; unknown ids are left out."""
    wanted = json.dumps(list(loan_ids))
    rows: dict[str, list[Row]] = {}
    for cells in db.execute(
        f"SELECT loan_id, {_ROW} FROM plan_row WHERE loan_id IN (SELECT value FROM json_each(?))"
        " ORDER BY loan_id, number",
        (wanted,),
    ):
        rows.setdefault(cells[0], []).append(Row.restored(cells[1:]))
    found = db.execute(
        "SELECT l.loan_id, l.borrower_id, l.product_code, t.json, l.principal_fen, l.signed_on, l.maturity_number"
        " FROM loan l JOIN terms t ON t.sha = l.terms_sha WHERE l.loan_id IN (SELECT value FROM json_each(?))",
        (wanted,),
    )
    return {
        row[0]: LoanRecord(
            loan_id=row[0],
            borrower_id=row[1],
            product_code=row[2],
            terms_json=row[3],
            principal_fen=row[4],
            signed_on=date.fromisoformat(row[5]),
            maturity_number=row[6],
            rows=tuple(rows.get(row[0], ())),
        )
        for row in found
    }


def record(db: Connection, loan_id: str) -> LoanRecord:
    """The contract, or NotFoundError."""
    found = records(db, [loan_id]).get(loan_id)
    if found is None:
        raise NotFoundError(f"there is no loan '{loan_id}'; see: loancli loan list")
    return found


def loan_ids(db: Connection, *, borrower_id: str | None = None) -> list[str]:
    """All loans, or one borrower's, by id."""
    where, values = ("", ()) if borrower_id is None else (" WHERE borrower_id = ?", (borrower_id,))
    return [row[0] for row in db.execute(f"SELECT loan_id FROM loan{where} ORDER BY loan_id", values)]


def active(db: Connection, *, trade: str | None, product_code: str | None) -> list[str]:
    """Active loans by id, of borrowers of a trade and of a product; None: of any."""
    rows = db.execute(
        """
        SELECT loan_id FROM position JOIN loan USING (loan_id) JOIN borrower USING (borrower_id)
        WHERE status = 'active' AND coalesce(?, trade) = trade AND coalesce(?, loan.product_code) = loan.product_code
        ORDER BY loan_id""",
        (trade, product_code),
    )
    return [row[0] for row in rows]


def standing(db: Connection, borrower_id: str) -> list[tuple[str, str, int]]:
    """A borrower's loans with their status and the borrower's credit, as the books stand."""
    rows = db.execute(
        "SELECT loan_id, status, credit_fen FROM loan JOIN position USING (loan_id) WHERE borrower_id = ?"
        " ORDER BY loan_id",
        (borrower_id,),
    )
    return [(loan_id, status, credit_fen) for loan_id, status, credit_fen in rows]


def signed(db: Connection) -> list[tuple[str, str, date]]:
    """Every loan with its borrower and the day it was signed."""
    rows = db.execute("SELECT loan_id, borrower_id, signed_on FROM loan ORDER BY loan_id")
    return [(loan_id, borrower_id, date.fromisoformat(signed_on)) for loan_id, borrower_id, signed_on in rows]


def cancelled(db: Connection) -> set[str]:
    """The loans whose payout is void."""
    return {loan_id for (loan_id,) in db.execute("SELECT loan_id FROM position WHERE status = 'cancelled'")}


def past_until(db: Connection) -> dict[str, date]:
    """Of the loans that were taken over, the day up to which what was paid and drawn came with them."""
    # By their keys: those of past draws, and those of payouts; a scan of all events would cost more.
    rows = db.execute(
        """
        SELECT loan_id, json_extract(payload, '$.imported.until') AS until_on FROM event
        WHERE key BETWEEN 'imported/' AND 'imported/~' AND kind = 'disbursed' AND until_on IS NOT NULL
        UNION ALL
        SELECT l.loan_id, json_extract(e.payload, '$.imported.until') AS until_on
        FROM loan l JOIN event e ON e.key = 'payout/' || l.loan_id WHERE until_on IS NOT NULL
        """
    )
    return {loan_id: date.fromisoformat(until_on) for loan_id, until_on in rows}


def instalment_amounts(db: Connection) -> dict[str, list[int]]:
    """What the fixed instalments of each loan ask for, penalty left out."""
    found: dict[str, list[int]] = {}
    for loan_id, amount_fen in db.execute(
        "SELECT loan_id, principal_fen + interest_fen + fee_fen AS due_fen FROM instalment"
        " WHERE is_fixed AND due_fen > 0"
    ):
        found.setdefault(loan_id, []).append(amount_fen)
    return found


def open_instalments(db: Connection) -> dict[str, list[tuple[date, int]]]:
    """Due day and unpaid fen, penalty included, of the instalments of each loan that are fixed and not paid."""
    found: dict[str, list[tuple[date, int]]] = {}
    for loan_id, due_on, left_fen in db.execute(
        """
        SELECT loan_id, due_on, principal_fen + interest_fen + fee_fen + penalty_fen
               - paid_principal_fen - paid_interest_fen - paid_fee_fen - paid_penalty_fen AS left_fen
        FROM instalment WHERE is_fixed AND left_fen > 0 ORDER BY loan_id, number
        """
    ):
        found.setdefault(loan_id, []).append((date.fromisoformat(due_on), left_fen))
    return found


def standings(db: Connection) -> dict[str, tuple[int, int, int, int, int, date]]:
    """Of each loan that runs: fen due, fen owed, accrued millionths of a fen, those accruing a day, the rate in ppm a
    year as signed, and the day of these."""
    rows = db.execute(
        """
        WITH rate AS MATERIALIZED (SELECT sha AS terms_sha, json_extract(json, '$.annual_rate_ppm') AS ppm FROM terms)
        SELECT loan_id, principal_overdue_fen + interest_due_fen + fee_due_fen + penalty_due_fen,
               principal_outstanding_fen + interest_due_fen + fee_due_fen + penalty_due_fen - credit_fen,
               accrued_micro_fen, accruing_micro_fen_per_day, ppm, since_on
        FROM position JOIN loan USING (loan_id) JOIN rate USING (terms_sha) WHERE status = 'active'
        """
    )
    return {loan_id: (*numbers, date.fromisoformat(since_on)) for loan_id, *numbers, since_on in rows}


def save(
    db: Connection,
    lives: Iterable[tuple[Position, str, Sequence[InstalmentState]]],
    *,
    changed_from: Mapping[str, int] | None = None,
) -> None:
    """Renew the stored copies of positions (with their product's code), of instalments that changed, and of conduct.

    `changed_from`: of some loans the number of the instalment from which on their plan is another one, so that these
    are written without a look at what is stored. What is stored in the end is the same.
    """
    positions: list[tuple[object, ...]] = []
    conducts: dict[str, Conduct | None] = {}
    instalments: list[tuple[object, ...]] = []
    changed: list[tuple[object, ...]] = []
    counts: dict[str, int] = {}
    kept: dict[str, int] = {}  # of each loan, how many instalments are likely to be as they were
    numbers = changed_from or {}
    for position, product_code, states in lives:
        loan_id = position.loan_id
        positions.append(position_values(position, product_code))
        conducts[loan_id] = position.conduct
        values = [_instalment_row(loan_id, state) for state in states]
        counts[loan_id] = len(values)
        kept[loan_id] = numbers.get(loan_id, len(values) + 1) - 1
        instalments += values[: kept[loan_id]]
        changed += values[kept[loan_id] :]
    # To read one that is as it was costs less than to write it again.
    stored = set(
        db.execute(
            f"SELECT loan_id, {INSTALMENT} FROM json_each(?) l"
            " JOIN instalment i ON i.loan_id = l.key AND i.number <= l.value",
            (json.dumps(kept),),
        )
    )
    changed += [values for values in instalments if values not in stored]
    _renew(db, "position", POSITION, "loan_id", positions)
    _renew(db, "instalment", f"loan_id, {INSTALMENT}", "loan_id, number", changed)
    db.execute(  # a change left fewer of them
        "DELETE FROM instalment WHERE (loan_id, number) IN"
        " (SELECT i.loan_id, i.number FROM json_each(?) l"
        " JOIN instalment i ON i.loan_id = l.key AND i.number > l.value)",
        (json.dumps(counts),),
    )
    claims.save(db, conducts)


def _renew(db: Connection, table: str, columns: str, key: str, rows: list[tuple[object, ...]]) -> None:
    """Write rows over those with the same key, in place: a REPLACE would move each out of every index and back."""
    names = columns.split(", ")
    renewed = ", ".join(f"{name} = excluded.{name}" for name in names if name not in key.split(", "))
    db.executemany(
        f"INSERT INTO {table} ({columns}) VALUES ({','.join('?' * len(names))})"
        f" ON CONFLICT ({key}) DO UPDATE SET {renewed}",
        rows,
    )


def position_values(position: Position, product_code: str) -> tuple[object, ...]:
    """A position as its row. Parts of a fen are kept down to a millionth, for the aggregate of the books only."""
    accrued, per_day = position.accrued, position.accruing_per_day
    return (
        position.loan_id,
        position.status,
        position.since_on.isoformat(),
        position.principal_outstanding_fen,
        position.principal_overdue_fen,
        position.interest_due_fen,
        position.fee_due_fen,
        position.penalty_due_fen,
        position.penalty_accrued_fen,
        position.credit_fen,
        _iso(position.oldest_unpaid_due_on),
        _iso(position.next_due_on),
        position.next_due_fen,
        _iso(position.next_moment_on),
        MICRO * accrued.numerator // accrued.denominator,
        MICRO * per_day.numerator // per_day.denominator,
        position.paid_total_fen,
        product_code,
    )


def instalment_values(state: InstalmentState) -> tuple[object, ...]:
    """An instalment as its row, without the loan."""
    return _instalment_row("", state)[1:]


def _instalment_row(loan_id: str, state: InstalmentState) -> tuple[object, ...]:
    due_on, paid_on = state[1].isoformat(), _iso(state[12])
    return (loan_id, state[0], due_on, int(state[2]), int(state[3]), *state[4:12], paid_on, state[13])


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None


def stored_position(db: Connection, loan_id: str) -> tuple[object, ...] | None:
    """The stored row of a position, in the form of `position_values`."""
    row: tuple[object, ...] | None = db.execute(
        f"SELECT {POSITION} FROM position WHERE loan_id = ?", (loan_id,)
    ).fetchone()
    return row


def stored_instalments(db: Connection, loan_id: str) -> list[tuple[object, ...]]:
    """The stored rows of a loan's instalments, in the form of `instalment_values`."""
    return db.execute(f"SELECT {INSTALMENT} FROM instalment WHERE loan_id = ? ORDER BY number", (loan_id,)).fetchall()


def changing_on(db: Connection, day: date) -> list[str]:
    """Loans for which something happens by itself, or by a recorded event, up to `day`.

    A loan that was settled on `day` itself names a window that closes on that day as the next day's moment: only the
    close fixes its instalment.
    """
    rows = db.execute(
        "SELECT loan_id FROM position WHERE next_moment_on <= :day"
        " OR (next_moment_on = date(:day, '+1 day') AND since_on = :day) ORDER BY loan_id",
        {"day": day.isoformat()},
    )
    return [row[0] for row in rows]


def leave_to_close(db: Connection, loan_ids: Sequence[str], day: date) -> None:
    """Let the close of `day` take up loans that could not be settled, whatever their next day is."""
    db.execute(
        "UPDATE position SET next_moment_on = :day WHERE coalesce(next_moment_on, '9999') > :day"
        " AND loan_id IN (SELECT value FROM json_each(:ids))",
        {"day": day.isoformat(), "ids": json.dumps(list(loan_ids))},
    )


def accrued_fen_by_product(db: Connection, day: date) -> dict[str, int]:
    """Interest and penalty accrued and not yet due at the end of `day`, by product, half up to the fen."""
    micro_fen: Counter[str] = Counter()
    # By day as well: the index holds them so, and a day for each loan would be read from its text.
    for code, since_on, accrued, per_day in db.execute(
        """
        SELECT product_code, since_on, sum(accrued_micro_fen), sum(accruing_micro_fen_per_day)
        FROM position WHERE status = 'active' GROUP BY product_code, since_on ORDER BY product_code
        """
    ):
        micro_fen[code] += accrued + per_day * ((day - date.fromisoformat(since_on)).days + 1)
    return {code: (2 * micro + MICRO) // (2 * MICRO) for code, micro in micro_fen.items()}
