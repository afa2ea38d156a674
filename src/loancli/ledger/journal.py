"""Events and entries: appended, chained, never changed. The only module that writes them."""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from hashlib import sha256
from json.encoder import encode_basestring
from typing import Any

from loancli.core.entry import DayBy, Entry, Leg
from loancli.core.errors import RefusedError
from loancli.core.event import Event, EventKind
from loancli.ledger import turnover
from loancli.ledger.connect import Connection

_NOTHING = bytes(32)
_NEVER = 2**62  # no ledger has so many events
_CANONICAL = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), check_circular=False)


def canonical(value: Any) -> str:
    """One text for one value, for hashes and comparisons."""
    return _CANONICAL.encode(value)


def chained(previous: bytes, *parts: object) -> bytes:
    """SHA-256 of the link before and every column of a row, in a fixed text form (version 1)."""
    # The text is canonical([str(part) for part in parts]), made in half the time: there are millions of rows.
    text = ",".join(map(encode_basestring, map(str, parts)))
    return sha256(b"%b1[%b]" % (previous, text.encode())).digest()


def head(db: Connection, table: str) -> bytes:
    """The last link of a chain; zeros at the start."""
    assert table in {"event", "entry", "file", "verdict"}
    row = db.execute(f"SELECT sha FROM {table} ORDER BY id DESC LIMIT 1").fetchone()
    return row[0] if row else _NOTHING


def record(
    db: Connection, events: Iterable[Event], *, recorded_at: str, payloads: Mapping[str, str] | None = None
) -> list[Event]:
    """Append events; return those that are new. `payloads`, by key: those whose `canonical` text is made already.

    The same key with the same content is nothing new; with other content it is a RefusedError.
    """
    texts = payloads or {}
    new: list[Event] = []
    rows: list[tuple[object, ...]] = []
    last_id = events_count(db)
    previous = head(db, "event")
    events = list(events)
    wanted = json.dumps([event.key for event in events])
    contents: dict[str, tuple[str, ...]] = {
        key: tuple(content)
        for key, *content in db.execute(
            "SELECT key, loan_id, kind, effective_on, payload FROM event WHERE key IN (SELECT value FROM json_each(?))",
            (wanted,),
        )
    }
    for event in events:
        payload = texts.get(event.key) or canonical(event.payload)
        content = (event.loan_id, event.kind.value, event.effective_on.isoformat(), payload)
        found = contents.get(event.key)
        if found == content:
            continue
        if found is not None:
            raise RefusedError(f"event '{event.key}' is recorded already, with other content; nothing was written")
        contents[event.key] = content
        last_id += 1
        sha = chained(previous, last_id, event.key, *content, recorded_at, event.actor, event.batch)
        rows.append((last_id, event.key, *content[:3], recorded_at, event.actor, event.batch, payload, previous, sha))
        previous = sha
        new.append(event)
    db.executemany("INSERT INTO event VALUES (?,?,?,?,?,?,?,?,?,?,?)", rows)
    return new


def is_recorded(db: Connection, key: str) -> bool:
    """Is there an event under this key?"""
    return db.execute("SELECT 1 FROM event WHERE key = ?", (key,)).fetchone() is not None


def events_count(db: Connection) -> int:
    """How many events are recorded."""
    count: int = db.execute("SELECT coalesce(max(id), 0) FROM event").fetchone()[0]
    return count


def newest_events(db: Connection, loan_id: str, *, after: int | None = None) -> list[Event]:
    """The events of a loan that were recorded `after` so many, at least the last one: what is corrected right after
    them is corrected for them."""
    first = _NEVER if after is None else after + 1
    rows = db.execute(
        f"""
        SELECT {_EVENT} FROM event WHERE loan_id = :loan_id
            AND id >= min(:first, (SELECT max(id) FROM event WHERE loan_id = :loan_id)) ORDER BY id
        """,
        {"loan_id": loan_id, "first": first},
    )
    return [_event(*row) for row in rows]


def events_of(db: Connection, loan_ids: Sequence[str]) -> dict[str, list[Event]]:
    """All events of the loans, in the order in which they were recorded."""
    found: dict[str, list[Event]] = {loan_id: [] for loan_id in loan_ids}
    rows = db.execute(
        f"SELECT {_EVENT} FROM event WHERE loan_id IN (SELECT value FROM json_each(?)) ORDER BY id",
        (json.dumps(list(loan_ids)),),
    )
    for row in rows:
        event = _event(*row)
        found[event.loan_id].append(event)
    return found


_EVENT = "key, loan_id, kind, effective_on, payload, actor, batch"


def _event(key: str, loan_id: str, kind: str, effective_on: str, payload: str, actor: str, batch: str) -> Event:
    return Event(
        key=key,
        loan_id=loan_id,
        kind=EventKind(kind),
        effective_on=date.fromisoformat(effective_on),
        payload=json.loads(payload),
        actor=actor,
        batch=batch,
    )


def keys_of_batch(db: Connection, batch: str) -> list[tuple[str, str]]:
    """Key and loan of each event that was recorded under a batch, in their order."""
    return db.execute("SELECT key, loan_id FROM event WHERE batch = ? ORDER BY id", (batch,)).fetchall()


def batches(db: Connection, prefix: str) -> list[dict[str, Any]]:
    """The batches whose names begin so, the latest first: by whom, when, how many events, and how many are undone."""
    names = ("batch", "actor", "first_recorded_at", "events", "undone")
    rows = db.execute(
        """
        SELECT e.batch, min(e.actor), min(e.recorded_at), count(*), count(v.id)
        FROM event e LEFT JOIN event v ON v.key = 'void/' || e.key
        WHERE e.batch >= ? AND e.batch < ? GROUP BY e.batch ORDER BY min(e.id) DESC""",
        (prefix, prefix + "\x7f"),
    )
    return [dict(zip(names, row, strict=True)) for row in rows]


def book(db: Connection, entries: Iterable[Entry], *, booked_on: date) -> int:
    """Append entries with their legs; return how many. A key that is booked already is refused by the schema."""
    entries = list(entries)
    accounts: dict[str, int] = dict(db.execute("SELECT code, id FROM account"))
    reversed_keys = {entry.reverses for entry in entries if entry.reverses}
    reversed_ids = _ids(db, reversed_keys)
    last_id = db.execute("SELECT coalesce(max(id), 0) FROM entry").fetchone()[0]
    previous = head(db, "entry")
    booked_day = booked_on.isoformat()
    debits_fen: Counter[tuple[int, str]] = Counter()  # by account and value day
    credits_fen: Counter[tuple[int, str]] = Counter()
    for entry in entries:
        last_id += 1
        legs = [
            (last_id, leg, accounts[each.debit], accounts[each.credit], each.amount_fen)
            for leg, each in enumerate(entry.legs)
        ]
        value_on = entry.value_on.isoformat()
        row = (last_id, entry.key, entry.loan_id or None, entry.kind, entry.cause, value_on,
               booked_day, reversed_ids[entry.reverses] if entry.reverses else None, len(legs) - 1)  # fmt: skip
        sha = chained(previous, *row, legs)
        db.execute("INSERT INTO entry VALUES (?,?,?,?,?,?,?,?,?,?,?)", (*row, previous, sha))
        db.executemany("INSERT INTO posting VALUES (?,?,?,?,?)", legs)
        for _, _, debit, credit, fen in legs:
            debits_fen[debit, value_on] += fen
            credits_fen[credit, value_on] += fen
        if entry.key in reversed_keys:  # booked and taken back in one go
            reversed_ids[entry.key] = last_id
        previous = sha
    turnover.add(db, booked_day, debits_fen, credits_fen)
    return len(entries)


def _ids(db: Connection, keys: Collection[str]) -> dict[str, int]:
    wanted = json.dumps(list(keys))
    return dict(db.execute("SELECT key, id FROM entry WHERE key IN (SELECT value FROM json_each(?))", (wanted,)))


def entries_of(db: Connection, loan_ids: Sequence[str]) -> dict[str, list[tuple[Entry, bool]]]:
    """Every entry of the loans in the order of booking, and whether a later one took it back."""
    return _entries(
        db, "e.loan_id IN (SELECT value FROM json_each(?))", json.dumps(list(loan_ids)), dict.fromkeys(loan_ids)
    )


def entry_of(db: Connection, key: str) -> Entry | None:
    """The entry under `key`, unless it was taken back."""
    found = [entry for entry, is_reversed in _entries(db, "e.key = ?", key, {}).get("", []) if not is_reversed]
    return found[0] if found else None


def entries_between(db: Connection, first_key: str, last_key: str) -> list[tuple[Entry, bool]]:
    """The entries with keys from `first_key` to `last_key` as they were booked, and whether each was taken back."""
    found = _entries(db, "e.key BETWEEN ? AND ?", first_key, {}, last_key)
    return [each for group in found.values() for each in group]


def open_accruals(db: Connection) -> list[Entry]:
    """The accruals of the last closed day, which the next one takes back."""
    where = "e.kind = 'accrual' AND e.booked_on = ? AND NOT EXISTS (SELECT 1 FROM entry n WHERE n.reverses = e.id)"
    last = db.execute("SELECT coalesce(max(day), '') FROM day").fetchone()[0]
    return [entry for entry, _ in _entries(db, where, last, {}).get("", [])]


def _entries(
    db: Connection, where: str, value: str, groups: Mapping[str, None], *more: str
) -> dict[str, list[tuple[Entry, bool]]]:
    codes: dict[int, str] = dict(db.execute("SELECT id, code FROM account"))
    found: dict[str, list[tuple[Entry, bool]]] = {group: [] for group in groups}
    legs_of: dict[int, list[Leg]] = {}
    rows = db.execute(
        "SELECT e.id, e.key, coalesce(e.loan_id, ''), e.kind, e.cause, e.value_on, coalesce(o.key, ''),"
        " EXISTS (SELECT 1 FROM entry r WHERE r.reverses = e.id), p.debit, p.credit, p.amount_fen"
        " FROM entry e JOIN posting p ON p.entry_id = e.id LEFT JOIN entry o ON o.id = e.reverses"
        f" WHERE {where} ORDER BY e.id, p.leg",
        (value, *more),
    ).fetchall()
    for row in rows:
        legs_of.setdefault(row[0], []).append(Leg(debit=codes[row[8]], credit=codes[row[9]], amount_fen=row[10]))
    for entry_id, key, loan_id, kind, cause, value_on, reverses, is_reversed, *_ in rows:
        legs = legs_of.pop(entry_id, None)
        if legs is None:
            continue
        entry = Entry(
            key=key,
            loan_id=loan_id,
            kind=kind,
            cause=cause,
            value_on=date.fromisoformat(value_on),
            legs=tuple(legs),
            reverses=reverses,
        )
        found.setdefault(loan_id, []).append((entry, bool(is_reversed)))
    return found


def balances(db: Connection, as_of: date | None = None, by: DayBy = DayBy.BOOKING) -> list[dict[str, Any]]:
    """Debits, credits and balance of every account, in fen, of all whose booking (or value) day is `as_of` or before.

    By booking day what is told of a closed day never changes. By value day it is what belongs to the days up to then,
    as far as is known now; accruals, which the next close takes back as of their own day, are not in it.
    """
    rows = db.execute(
        """
        SELECT a.code, a.kind, coalesce(sum(t.debit_fen), 0), coalesce(sum(t.credit_fen), 0)
        FROM account a LEFT JOIN turnover t ON t.account = a.id AND t.day_by = ? AND t.day <= ?
        GROUP BY a.id ORDER BY a.id
        """,
        (by.value, as_of.isoformat() if as_of else "9999-12-31"),
    )
    return [
        {"account": code, "kind": kind, "debits_fen": debit, "credits_fen": credit, "balance_fen": debit - credit}
        for code, kind, debit, credit in rows
    ]
