"""Loans with where they stand on a day: filtered, sorted and summed by SQL. The rules of lateness are the caller's."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

from loancli.core.loan import Position
from loancli.ledger import claims
from loancli.ledger.ageing import LATE_SINCE, LENDERS
from loancli.ledger.claims import STANDING
from loancli.ledger.connect import Connection

COLUMNS = (
    "loan_id",
    "borrower_id",
    "name",
    "product_code",
    "principal_fen",
    "signed_on",
    "status",
    "principal_outstanding_fen",
    "next_due_on",
    "next_due_fen",
    "due_fen",
    "credit_fen",
    "days_past_due",
    "bucket",
    "asset_class",
    "class_why",
    "restructured_on",
    "observed_until",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which loans are asked for, in what order. Of several values of one kind, any; of several kinds, all."""

    products: Sequence[str] = ()
    statuses: Sequence[str] = ()
    buckets: Sequence[str] = ()
    asset_classes: Sequence[str] = ()
    is_restructured: bool = False
    borrower_id: str | None = None
    is_late: bool = False
    signed_from: date | None = None
    signed_to: date | None = None
    due_from: date | None = None  # the next due day
    due_to: date | None = None
    sort: str = "loan_id"  # one of COLUMNS
    is_descending: bool = False
    limit: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How days past due are told: from what sum on, by which name of a bucket, and by which class.

    `asset_class` is asked with days past due, kind of lender and status; of the loans that `worse` gives, once the
    positions of the day are laid, it is told by that: loan, class, why, eased on, observed until.
    """

    due_min_fen: int
    bucket: Callable[[int], str]
    asset_class: Callable[[int, str, str], str | None]
    worse: Callable[[Connection], Iterable[tuple[str, str, str, str | None, str | None]]]


class Sum(NamedTuple):
    """The loans that are equally late and of one class."""

    days_past_due: int
    asset_class: str | None
    loans: int
    outstanding_fen: int
    due_fen: int


def not_stored_on(
    db: Connection, day: date, wanted: Wanted, *, is_open: bool, debtor_kinds: Sequence[str] = ()
) -> list[str]:
    """The loans that may be asked for and whose stored position is not that of `day`: something happened in between,
    or the loan was late already, and its penalty grows by the day. With them all others of their debtors, if these are
    of `debtor_kinds`.

    `is_open`: of the open day, on which what falls due may stand as next due, only those with events of the day that
    were recorded before it was open, and late ones.
    """
    where, values = _signed(wanted, day)
    if debtor_kinds:
        where = f"""l.signed_on <= :day AND ({where} OR l.borrower_id IN (
            SELECT l.borrower_id FROM loan l JOIN borrower USING (borrower_id)
            WHERE {where} AND kind IN (SELECT value FROM json_each(:kinds))))"""
        values["kinds"] = json.dumps(list(debtor_kinds))
    happened = "NOT (p.since_on <= :day AND coalesce(p.next_moment_on > :day, true))"
    if is_open:
        happened += """ AND p.since_on < :day
            AND EXISTS (SELECT 1 FROM event e WHERE e.loan_id = l.loan_id AND e.effective_on = :day)"""
    rows = db.execute(
        f"""
        SELECT l.loan_id FROM loan l JOIN position p USING (loan_id)
        WHERE {where} AND (p.oldest_unpaid_due_on < :day AND p.since_on <> :day OR {happened}
            OR l.loan_id IN (SELECT loan_id FROM conduct WHERE facts IS NULL))
        """,
        values,
    )
    return [row[0] for row in rows]


def listing(
    db: Connection, day: date, wanted: Wanted, rules: Rules, lived: Iterable[tuple[Position, date | None]]
) -> tuple[list[dict[str, Any]], list[Sum]]:
    """The loans that are wanted, one mapping each, and the sums of all of them, whatever the limit.

    `lived` are the positions of `day` that are not the stored ones, each with the day since which the loan is late.
    Inside the caller's transaction, which ends what is laid beside the stored positions.
    """
    claims.lay(db, lived)
    _lay_worse(db, rules.worse(db))
    db.create_function("bucket_of", 1, rules.bucket, deterministic=True)
    db.create_function("asset_class_of", 3, rules.asset_class, deterministic=True)
    where, values = _signed(wanted, day)
    lists = {
        "product_code": wanted.products,
        "status": wanted.statuses,
        "bucket": wanted.buckets,
        "asset_class": wanted.asset_classes,
    }
    more = [f"{name} IN (SELECT value FROM json_each(:{name}))" for name, asked in lists.items() if asked]
    more += ["days_past_due > 0"] if wanted.is_late else []
    more += ["restructured_on IS NOT NULL"] if wanted.is_restructured else []
    bounds = {"next_due_on >= :due_from": wanted.due_from, "next_due_on <= :due_to": wanted.due_to}
    more += [condition for condition, bound in bounds.items() if bound]
    values |= {name: json.dumps(list(asked)) for name, asked in lists.items()}
    values |= {"due_from": _iso(wanted.due_from), "due_to": _iso(wanted.due_to), "due_min_fen": rules.due_min_fen}
    values |= {"limit": -1 if wanted.limit is None else wanted.limit}
    asked_for = f"""
        WITH lender AS MATERIALIZED ({LENDERS}),
         standing AS (
            SELECT loan_id, {STANDING}, late_since FROM lived
            UNION ALL
            SELECT p.loan_id, p.status, p.principal_outstanding_fen, p.next_due_on, p.next_due_fen,
                   p.principal_overdue_fen + p.interest_due_fen + p.fee_due_fen + p.penalty_due_fen
                       + p.penalty_accrued_fen, p.credit_fen,
                   {LATE_SINCE}
            FROM position p WHERE p.loan_id NOT IN (SELECT loan_id FROM lived)),
         found AS (
            SELECT l.loan_id, l.borrower_id, b.name, l.product_code, l.principal_fen, l.signed_on, {STANDING},
                   CASE WHEN late_since < :day THEN CAST(julianday(:day) - julianday(late_since) AS INTEGER) ELSE 0 END
                   AS days_past_due, lender_kind
            FROM loan l JOIN standing USING (loan_id) JOIN borrower b USING (borrower_id) JOIN lender USING (terms_sha)
            WHERE {where}),
         aged AS (
            SELECT found.*, bucket_of(days_past_due) AS bucket,
                   coalesce(worse.asset_class, asset_class_of(days_past_due, lender_kind, status)) AS asset_class,
                   coalesce(class_why, '') AS class_why, restructured_on, observed_until
            FROM found LEFT JOIN worse USING (loan_id))"""
    condition = " AND ".join(more) or "true"
    sums = db.execute(
        f"""{asked_for}
        SELECT days_past_due, asset_class, count(*), sum(principal_outstanding_fen), sum(due_fen)
        FROM aged WHERE {condition} GROUP BY 1, 2
        """,
        values,
    ).fetchall()
    assert wanted.sort in COLUMNS
    direction = "DESC" if wanted.is_descending else "ASC"
    rows = db.execute(
        f"""{asked_for}
        SELECT {", ".join(COLUMNS)} FROM aged WHERE {condition}
        ORDER BY {wanted.sort} {direction} NULLS LAST, loan_id LIMIT :limit
        """,
        values,
    )
    return [dict(zip(COLUMNS, row, strict=True)) for row in rows], [Sum(*each) for each in sums]


def _signed(wanted: Wanted, day: date) -> tuple[str, dict[str, Any]]:
    """What can be told of a loan before it is known how it stands, as conditions on `l`."""
    conditions = {
        "l.signed_on <= :day": day,
        "l.signed_on >= :signed_from": wanted.signed_from,
        "l.signed_on <= :signed_to": wanted.signed_to,
        "l.borrower_id = :borrower_id": wanted.borrower_id,
    }
    values = {
        "day": day.isoformat(),
        "signed_from": _iso(wanted.signed_from),
        "signed_to": _iso(wanted.signed_to),
        "borrower_id": wanted.borrower_id,
    }
    return " AND ".join(condition for condition, asked in conditions.items() if asked), values


def _lay_worse(db: Connection, worse: Iterable[tuple[str, str, str, str | None, str | None]]) -> None:
    db.execute("DROP TABLE IF EXISTS temp.worse")
    db.execute(
        "CREATE TEMP TABLE worse"
        " (loan_id TEXT PRIMARY KEY, asset_class TEXT, class_why TEXT, restructured_on TEXT, observed_until TEXT)"
    )
    db.executemany("INSERT INTO worse VALUES (?,?,?,?,?)", worse)


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None


def products_of(db: Connection) -> list[str]:
    """The codes of the products that loans are on, in order."""
    return [row[0] for row in db.execute("SELECT DISTINCT product_code FROM terms ORDER BY product_code")]
