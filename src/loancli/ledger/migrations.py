"""The schema as a numbered list of functions, applied in order, never edited once released.

Guarded tables (the journal, events, statement rows, contracts, closed days) refuse UPDATE and DELETE. A posting names a
debit and a credit account and an amount above zero, so an entry that does not balance cannot be written
(docs/decisions/0003-books.md). Money, dates and identities of guarded rows are covered by SHA-256 chains.
"""

from sqlite_utils import Database, Migrations

migrations = Migrations("loancli")

_DAY = "GLOB '[12][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9]' AND date({0}, '+0 days') IS {0}"


def _day(column: str, *, null: bool = False) -> str:
    """A CHECK that holds only real days; `date(x) IS x` alone would accept 2026-02-30."""
    check = f"{column} {_DAY.format(column)}"
    return f"CHECK ({column} IS NULL OR ({check}))" if null else f"CHECK ({check})"


def _guard(table: str) -> str:
    return f"""
        CREATE TRIGGER {table}_is_final BEFORE UPDATE ON {table}
            BEGIN SELECT raise(ABORT, '{table} rows are never changed'); END;
        CREATE TRIGGER {table}_stays BEFORE DELETE ON {table}
            BEGIN SELECT raise(ABORT, '{table} rows are never deleted'); END;
    """


@migrations()
def m001_books(db: Database) -> None:
    db.executescript(f"""
        CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;

        CREATE TABLE account (
            id INTEGER PRIMARY KEY, code TEXT NOT NULL UNIQUE,
            kind TEXT NOT NULL CHECK (kind IN ('asset', 'liability', 'income', 'expense')), meaning TEXT NOT NULL
        ) STRICT;

        CREATE TABLE event (
            id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE CHECK (length(key) BETWEEN 1 AND 400),
            loan_id TEXT NOT NULL REFERENCES loan (loan_id), kind TEXT NOT NULL,
            effective_on TEXT NOT NULL {_day("effective_on")},
            recorded_at TEXT NOT NULL, actor TEXT NOT NULL, batch TEXT NOT NULL,
            payload TEXT NOT NULL,
            previous_sha BLOB NOT NULL UNIQUE, sha BLOB NOT NULL UNIQUE CHECK (length(sha) = 32)
        ) STRICT;
        CREATE INDEX event_loan ON event (loan_id, effective_on);
        CREATE TRIGGER event_extends_chain BEFORE INSERT ON event
            WHEN NEW.id IS NOT (SELECT coalesce(max(id), 0) + 1 FROM event)
              OR NEW.previous_sha IS NOT coalesce((SELECT sha FROM event ORDER BY id DESC LIMIT 1), zeroblob(32))
            BEGIN SELECT raise(ABORT, 'event does not extend the chain'); END;

        CREATE TABLE entry (
            id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE CHECK (length(key) BETWEEN 1 AND 400),
            loan_id TEXT REFERENCES loan (loan_id), kind TEXT NOT NULL, cause TEXT NOT NULL,
            value_on TEXT NOT NULL {_day("value_on")}, booked_on TEXT NOT NULL {_day("booked_on")},
            reverses INTEGER UNIQUE REFERENCES entry (id) CHECK (reverses < id),
            last_leg INTEGER NOT NULL CHECK (last_leg BETWEEN 0 AND 2400),
            previous_sha BLOB NOT NULL UNIQUE, sha BLOB NOT NULL UNIQUE CHECK (length(sha) = 32),
            CHECK ((kind = 'reversal') = (reverses IS NOT NULL)),
            FOREIGN KEY (id, last_leg) REFERENCES posting (entry_id, leg) DEFERRABLE INITIALLY DEFERRED
        ) STRICT;
        CREATE INDEX entry_loan ON entry (loan_id, id);
        CREATE INDEX entry_accrual ON entry (booked_on) WHERE kind = 'accrual';
        CREATE TRIGGER entry_extends_chain BEFORE INSERT ON entry
            WHEN NEW.id IS NOT (SELECT coalesce(max(id), 0) + 1 FROM entry)
              OR NEW.previous_sha IS NOT coalesce((SELECT sha FROM entry ORDER BY id DESC LIMIT 1), zeroblob(32))
            BEGIN SELECT raise(ABORT, 'entry does not extend the chain'); END;

        CREATE TABLE posting (
            entry_id INTEGER NOT NULL REFERENCES entry (id), leg INTEGER NOT NULL CHECK (leg >= 0),
            debit INTEGER NOT NULL REFERENCES account (id), credit INTEGER NOT NULL REFERENCES account (id),
            amount_fen INTEGER NOT NULL CHECK (amount_fen BETWEEN 1 AND 100000000000000), CHECK (debit <> credit),
            PRIMARY KEY (entry_id, leg)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX posting_debit ON posting (debit, entry_id, amount_fen);
        CREATE INDEX posting_credit ON posting (credit, entry_id, amount_fen);
        CREATE TRIGGER posting_only_with_its_entry BEFORE INSERT ON posting
            WHEN NEW.entry_id IS NOT (SELECT max(id) FROM entry)
              OR NEW.leg > (SELECT last_leg FROM entry WHERE id = NEW.entry_id)
              OR NEW.leg IS NOT (SELECT count(*) FROM posting WHERE entry_id = NEW.entry_id)
            BEGIN SELECT raise(ABORT, 'legs are written once, in order, with their entry'); END;

        CREATE TABLE day (
            day TEXT PRIMARY KEY {_day("day")}, closed_at TEXT NOT NULL, actor TEXT NOT NULL,
            totals TEXT NOT NULL,
            entry_sha BLOB NOT NULL, event_sha BLOB NOT NULL, sha BLOB NOT NULL UNIQUE CHECK (length(sha) = 32)
        ) STRICT;
        CREATE TRIGGER day_follows_day BEFORE INSERT ON day
            WHEN EXISTS (SELECT 1 FROM day) AND NEW.day IS NOT (SELECT date(max(day), '+1 day') FROM day)
            BEGIN SELECT raise(ABORT, 'days are closed one after the other'); END;
        CREATE TRIGGER entry_is_booked_on_an_open_day BEFORE INSERT ON entry
            WHEN NEW.booked_on <= (SELECT max(day) FROM day)
            BEGIN SELECT raise(ABORT, 'nothing is booked in a closed day'); END;
    """)
    for table in ("account", "event", "entry", "posting", "day"):
        db.executescript(_guard(table))


@migrations()
def m002_loans(db: Database) -> None:
    db.executescript(f"""
        CREATE TABLE borrower (
            borrower_id TEXT PRIMARY KEY CHECK (length(borrower_id) BETWEEN 1 AND 40),
            name TEXT NOT NULL, phone TEXT NOT NULL, trade TEXT NOT NULL,
            kind TEXT NOT NULL CHECK (kind IN ('person', 'sole_trader', 'company'))
        ) STRICT;
        CREATE TABLE alias (
            borrower_id TEXT NOT NULL REFERENCES borrower (borrower_id), alias TEXT NOT NULL,
            PRIMARY KEY (borrower_id, alias)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX alias_text ON alias (alias);

        CREATE TABLE terms (sha TEXT PRIMARY KEY, product_code TEXT NOT NULL, json TEXT NOT NULL) STRICT;
        CREATE TABLE loan (
            loan_id TEXT PRIMARY KEY CHECK (length(loan_id) BETWEEN 1 AND 40),
            borrower_id TEXT NOT NULL REFERENCES borrower (borrower_id),
            product_code TEXT NOT NULL, terms_sha TEXT NOT NULL REFERENCES terms (sha),
            principal_fen INTEGER NOT NULL CHECK (principal_fen > 0), signed_on TEXT NOT NULL {_day("signed_on")},
            maturity_number INTEGER NOT NULL CHECK (maturity_number > 0), sha BLOB NOT NULL CHECK (length(sha) = 32)
        ) STRICT;
        CREATE INDEX loan_borrower ON loan (borrower_id);
        CREATE TABLE plan_row (
            loan_id TEXT NOT NULL REFERENCES loan (loan_id), number INTEGER NOT NULL CHECK (number > 0),
            from_on TEXT NOT NULL, to_on TEXT NOT NULL, due_on TEXT NOT NULL,
            principal_fen INTEGER NOT NULL CHECK (principal_fen >= 0),
            interest_fen INTEGER NOT NULL CHECK (interest_fen >= 0),
            fee_fen INTEGER NOT NULL CHECK (fee_fen >= 0), reason TEXT NOT NULL,
            PRIMARY KEY (loan_id, number)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE position (
            loan_id TEXT PRIMARY KEY REFERENCES loan (loan_id), status TEXT NOT NULL, since_on TEXT NOT NULL,
            principal_outstanding_fen INTEGER NOT NULL CHECK (principal_outstanding_fen >= 0),
            principal_overdue_fen INTEGER NOT NULL, interest_due_fen INTEGER NOT NULL, fee_due_fen INTEGER NOT NULL,
            penalty_due_fen INTEGER NOT NULL, penalty_accrued_fen INTEGER NOT NULL, credit_fen INTEGER NOT NULL,
            oldest_unpaid_due_on TEXT, next_due_on TEXT, next_due_fen INTEGER NOT NULL, next_moment_on TEXT,
            accrued_micro_fen INTEGER NOT NULL, accruing_micro_fen_per_day INTEGER NOT NULL,
            paid_total_fen INTEGER NOT NULL, product_code TEXT NOT NULL
        ) STRICT;
        CREATE INDEX position_moment ON position (next_moment_on) WHERE next_moment_on IS NOT NULL;
        CREATE INDEX position_late ON position (oldest_unpaid_due_on, principal_outstanding_fen)
            WHERE oldest_unpaid_due_on IS NOT NULL;
        CREATE INDEX position_accrual ON position
            (product_code, since_on, accrued_micro_fen, accruing_micro_fen_per_day) WHERE status = 'active';
        CREATE TABLE instalment (
            loan_id TEXT NOT NULL REFERENCES loan (loan_id), number INTEGER NOT NULL, due_on TEXT NOT NULL,
            is_due INTEGER NOT NULL, is_fixed INTEGER NOT NULL,
            principal_fen INTEGER NOT NULL, interest_fen INTEGER NOT NULL, fee_fen INTEGER NOT NULL,
            penalty_fen INTEGER NOT NULL,
            paid_principal_fen INTEGER NOT NULL, paid_interest_fen INTEGER NOT NULL, paid_fee_fen INTEGER NOT NULL,
            paid_penalty_fen INTEGER NOT NULL, paid_on TEXT, reason TEXT NOT NULL,
            PRIMARY KEY (loan_id, number)
        ) STRICT, WITHOUT ROWID;
    """)
    for table in ("terms", "loan", "plan_row"):
        db.executescript(_guard(table))


@migrations()
def m003_statements(db: Database) -> None:
    db.executescript(f"""
        CREATE TABLE file (
            id INTEGER PRIMARY KEY, content_sha TEXT NOT NULL, name TEXT NOT NULL, format TEXT NOT NULL,
            owner TEXT NOT NULL, read_as TEXT NOT NULL CHECK (read_as IN ('repayments', 'revenue')),
            channel TEXT NOT NULL, account_sha TEXT NOT NULL, is_whole INTEGER NOT NULL CHECK (is_whole IN (0, 1)),
            from_on TEXT {_day("from_on", null=True)}, to_on TEXT {_day("to_on", null=True)},
            row_count INTEGER NOT NULL, first_txn_id INTEGER NOT NULL, new_count INTEGER NOT NULL,
            rows_sha BLOB NOT NULL, warnings TEXT NOT NULL,
            imported_at TEXT NOT NULL, actor TEXT NOT NULL, previous_sha BLOB NOT NULL UNIQUE, sha BLOB NOT NULL UNIQUE,
            UNIQUE (content_sha, owner, read_as)
        ) STRICT;
        CREATE INDEX file_owner ON file (owner);
        CREATE TABLE txn (
            id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, owner TEXT NOT NULL, channel TEXT NOT NULL,
            line INTEGER NOT NULL, occurred_at TEXT NOT NULL, amount_fen INTEGER NOT NULL CHECK (amount_fen >= 0),
            direction TEXT NOT NULL CHECK (direction IN ('in', 'out', 'neutral')), money_moved INTEGER NOT NULL,
            external_id TEXT NOT NULL, merchant_order_id TEXT NOT NULL, counterparty TEXT NOT NULL,
            counterparty_account TEXT NOT NULL, kind TEXT NOT NULL, item TEXT NOT NULL, method TEXT NOT NULL,
            status TEXT NOT NULL, status_class TEXT NOT NULL, note TEXT NOT NULL, refund_of TEXT NOT NULL,
            revenue_class TEXT, revenue_rule TEXT,
            file_id INTEGER NOT NULL  -- written before its file: `ledger check` asks for it
        ) STRICT;
        CREATE INDEX txn_owner ON txn (owner, occurred_at);
        CREATE INDEX txn_refund ON txn (refund_of) WHERE refund_of <> '';
        CREATE TABLE txn_status (
            txn_id INTEGER NOT NULL REFERENCES txn (id), file_id INTEGER NOT NULL,
            line INTEGER NOT NULL, status TEXT NOT NULL, status_class TEXT NOT NULL, money_moved INTEGER NOT NULL,
            revenue_class TEXT, revenue_rule TEXT,
            PRIMARY KEY (txn_id, file_id, line)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE daily_revenue (
            borrower_id TEXT NOT NULL REFERENCES borrower (borrower_id), day TEXT NOT NULL, channel TEXT NOT NULL,
            revenue_class TEXT NOT NULL CHECK (revenue_class IN ('sure', 'possible', 'excluded', 'reduction')),
            amount_fen INTEGER NOT NULL, row_count INTEGER NOT NULL,
            PRIMARY KEY (borrower_id, day, channel, revenue_class)
        ) STRICT, WITHOUT ROWID;
        CREATE VIEW coverage AS
            SELECT owner AS borrower_id, channel, from_on, to_on FROM file
            WHERE read_as = 'revenue' AND is_whole AND from_on IS NOT NULL AND to_on IS NOT NULL;

        CREATE TABLE receipt (
            txn_id INTEGER PRIMARY KEY REFERENCES txn (id),
            state TEXT NOT NULL CHECK (state IN ('suspense', 'placed', 'reversed')),
            loan_id TEXT REFERENCES loan (loan_id), event_key TEXT, reason TEXT NOT NULL, candidates TEXT NOT NULL,
            CHECK ((state = 'suspense') = (loan_id IS NULL) OR state = 'reversed')
        ) STRICT;
        CREATE INDEX receipt_state ON receipt (state, txn_id);
    """)
    for table in ("file", "txn", "txn_status"):
        db.executescript(_guard(table))


@migrations()
def m004_contacts(db: Database) -> None:
    db.executescript(f"""
        CREATE TABLE hold (
            id INTEGER PRIMARY KEY, borrower_id TEXT NOT NULL REFERENCES borrower (borrower_id),
            kind TEXT NOT NULL, note TEXT NOT NULL, from_on TEXT NOT NULL {_day("from_on")},
            to_on TEXT {_day("to_on", null=True)}, actor TEXT NOT NULL
        ) STRICT;
        CREATE INDEX hold_borrower ON hold (borrower_id);
        CREATE TABLE promise (
            id INTEGER PRIMARY KEY, loan_id TEXT NOT NULL REFERENCES loan (loan_id), borrower_id TEXT NOT NULL,
            made_on TEXT NOT NULL {_day("made_on")}, due_on TEXT NOT NULL {_day("due_on")},
            amount_fen INTEGER NOT NULL CHECK (amount_fen > 0), note TEXT NOT NULL, actor TEXT NOT NULL,
            UNIQUE (loan_id, made_on, due_on, amount_fen)
        ) STRICT;
        CREATE INDEX promise_borrower ON promise (borrower_id);
        CREATE TABLE campaign_run (
            batch TEXT PRIMARY KEY, campaign TEXT NOT NULL, purpose TEXT NOT NULL, day TEXT NOT NULL {_day("day")},
            state TEXT NOT NULL CHECK (state IN ('planned', 'approved')), planned_by TEXT NOT NULL, approved_by TEXT
        ) STRICT;
        CREATE TABLE outbox (
            id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, batch TEXT NOT NULL REFERENCES campaign_run (batch),
            campaign TEXT NOT NULL, purpose TEXT NOT NULL, borrower_id TEXT NOT NULL REFERENCES borrower (borrower_id),
            loan_id TEXT NOT NULL REFERENCES loan (loan_id), phone TEXT NOT NULL, channel TEXT NOT NULL,
            template TEXT NOT NULL, text TEXT NOT NULL, planned_for TEXT NOT NULL {_day("planned_for")},
            segment TEXT NOT NULL, why TEXT NOT NULL,
            state TEXT NOT NULL DEFAULT 'queued'
                CHECK (state IN ('queued', 'claimed', 'sent', 'failed', 'unknown', 'released', 'cancelled')),
            contact_on TEXT, slot INTEGER, claimed_at TEXT, done_at TEXT, detail TEXT NOT NULL DEFAULT '',
            UNIQUE (borrower_id, contact_on, slot)
        ) STRICT;
        CREATE INDEX outbox_state ON outbox (state, planned_for);
        CREATE INDEX outbox_borrower ON outbox (borrower_id, contact_on);
        CREATE TRIGGER outbox_steps BEFORE UPDATE OF state ON outbox
            WHEN OLD.state || '>' || NEW.state NOT IN (
                'queued>claimed', 'queued>cancelled', 'claimed>sent', 'claimed>failed', 'claimed>unknown',
                'claimed>released', 'unknown>sent', 'unknown>failed')
            BEGIN SELECT raise(ABORT, 'the outbox has no such step'); END;
        CREATE TRIGGER outbox_text_stays
            BEFORE UPDATE OF key, borrower_id, loan_id, phone, channel, text, planned_for ON outbox
            BEGIN SELECT raise(ABORT, 'a planned message is never rewritten'); END;
        CREATE TRIGGER outbox_stays BEFORE DELETE ON outbox BEGIN SELECT raise(ABORT, 'contacts are kept'); END;
        CREATE TABLE refusal (
            id INTEGER PRIMARY KEY, batch TEXT NOT NULL, campaign TEXT NOT NULL, borrower_id TEXT NOT NULL,
            loan_id TEXT NOT NULL, step TEXT NOT NULL, day TEXT NOT NULL, reason TEXT NOT NULL,
            UNIQUE (campaign, borrower_id, loan_id, step, day, reason)
        ) STRICT;
    """)


@migrations()
def m005_one_movement_once(db: Database) -> None:
    """Merchant bills: other numbers and fees of a row; what several rows together, or a person, decide about one."""
    db.executescript("""
        ALTER TABLE txn ADD COLUMN trade_id TEXT NOT NULL DEFAULT '';
        ALTER TABLE txn ADD COLUMN fee_milli_fen INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE daily_revenue ADD COLUMN fee_milli_fen INTEGER NOT NULL DEFAULT 0;
        INSERT INTO account (code, kind, meaning)
            SELECT 'expense:channel_fee', 'expense', 'fees of payment channels, which the lender bears'
            WHERE EXISTS (SELECT 1 FROM account);

        -- What follows from several rows together (the same money in two exports, a round trip). Can be built again.
        CREATE TABLE ruling (
            txn_id INTEGER PRIMARY KEY REFERENCES txn (id), rule TEXT NOT NULL,
            revenue_class TEXT CHECK (revenue_class IN ('sure', 'possible', 'excluded', 'reduction')),
            other_txn_id INTEGER REFERENCES txn (id)
        ) STRICT;
        CREATE INDEX ruling_other ON ruling (other_txn_id) WHERE other_txn_id IS NOT NULL;
        -- What a person decided about a row of revenue; the newest counts, and one without a class takes it back.
        CREATE TABLE verdict (
            id INTEGER PRIMARY KEY, txn_id INTEGER NOT NULL REFERENCES txn (id),
            revenue_class TEXT CHECK (revenue_class IN ('sure', 'possible', 'excluded', 'reduction')),
            why TEXT NOT NULL, actor TEXT NOT NULL, recorded_at TEXT NOT NULL,
            previous_sha BLOB NOT NULL UNIQUE, sha BLOB NOT NULL UNIQUE CHECK (length(sha) = 32)
        ) STRICT;
        CREATE INDEX verdict_txn ON verdict (txn_id, id);

        ALTER TABLE receipt RENAME TO receipt_4;
        DROP INDEX receipt_state;
        CREATE TABLE receipt (
            txn_id INTEGER PRIMARY KEY REFERENCES txn (id),
            state TEXT NOT NULL CHECK (state IN ('suspense', 'placed', 'reversed', 'double')),
            reason TEXT NOT NULL, candidates TEXT NOT NULL
        ) STRICT;
        CREATE INDEX receipt_state ON receipt (state, txn_id);
        -- One payment may be split over several loans; each part is an event.
        CREATE TABLE receipt_part (
            txn_id INTEGER NOT NULL REFERENCES receipt (txn_id), part INTEGER NOT NULL CHECK (part >= 1),
            loan_id TEXT NOT NULL REFERENCES loan (loan_id), amount_fen INTEGER NOT NULL CHECK (amount_fen > 0),
            event_key TEXT NOT NULL UNIQUE, PRIMARY KEY (txn_id, part)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX receipt_part_loan ON receipt_part (loan_id);
        INSERT INTO receipt SELECT txn_id, state, reason, candidates FROM receipt_4;
        INSERT INTO receipt_part
            SELECT r.txn_id, 1, r.loan_id, t.amount_fen, r.event_key
            FROM receipt_4 r JOIN txn t ON t.id = r.txn_id WHERE r.event_key IS NOT NULL;
        DROP TABLE receipt_4;
    """)
    db.executescript(_guard("verdict"))


@migrations()
def m006_turnover(db: Database) -> None:
    """What moved on each account day by day. Can be built again."""
    db.executescript("""
        CREATE TABLE turnover (
            day_by TEXT NOT NULL CHECK (day_by IN ('booking', 'value')),
            account INTEGER NOT NULL REFERENCES account (id), day TEXT NOT NULL,
            debit_fen INTEGER NOT NULL, credit_fen INTEGER NOT NULL, PRIMARY KEY (day_by, account, day)
        ) STRICT, WITHOUT ROWID;
        INSERT INTO turnover
            WITH pairs AS MATERIALIZED (
                SELECT booked_on, value_on, debit, credit, sum(amount_fen) AS fen
                FROM entry JOIN posting ON entry_id = id GROUP BY 1, 2, 3, 4)
            SELECT day_by, account, day, sum(debit_fen) AS debit_fen, sum(credit_fen) AS credit_fen FROM (
                SELECT 'booking' AS day_by, debit AS account, booked_on AS day, fen AS debit_fen, 0 AS credit_fen
                FROM pairs
                UNION ALL SELECT 'booking', credit, booked_on, 0, fen FROM pairs
                UNION ALL SELECT 'value', debit, value_on, fen, 0 FROM pairs
                UNION ALL SELECT 'value', credit, value_on, 0, fen FROM pairs)
            GROUP BY day_by, account, day;
    """)


@migrations()
def m007_forgiving_accounts(db: Database) -> None:
    """Accounts for what is waived, paid by coupons, written off and recovered, and for what moved before loans were
    taken over; a new ledger has them from the start."""
    db.executescript("""
        INSERT INTO account (code, kind, meaning)
            SELECT column1, column2, column3 FROM (VALUES
                ('expense:waived', 'expense', 'interest, penalty and fees that were due and are waived'),
                ('expense:coupon', 'expense', 'interest that coupons pay in the borrower''s place'),
                ('expense:written_off', 'expense', 'what was owed and is written off'),
                ('income:recovered', 'income', 'money received for what was written off'),
                ('clearing:opening', 'asset', 'money of loans taken over that moved before they were here'))
            WHERE EXISTS (SELECT 1 FROM account);
    """)


@migrations()
def m008_close_at_scale(db: Database) -> None:
    """Indexes: loans that have other events than payments, and all that the sums of a close add up."""
    db.executescript("""
        CREATE INDEX event_special ON event (loan_id)
            WHERE kind NOT IN ('disbursed', 'payment_received', 'payment_reversed');
        DROP INDEX position_accrual;
        CREATE INDEX position_sums ON position
            (product_code, since_on, accrued_micro_fen, accruing_micro_fen_per_day, principal_outstanding_fen)
            WHERE status = 'active';
    """)


@migrations()
def m009_conduct(db: Database) -> None:
    """What of a loan's life its class rests on beside its days. Can be built again: of loans that may have any, NULL
    until a close works it out. And accounts for repayments that a person tells of."""
    db.executescript("""
        CREATE TABLE conduct (loan_id TEXT PRIMARY KEY REFERENCES loan (loan_id), facts TEXT) STRICT, WITHOUT ROWID;
        INSERT INTO conduct
            SELECT loan_id, NULL FROM position WHERE status IN ('active', 'open') AND loan_id IN (
                SELECT loan_id FROM event WHERE kind IN ('plan_changed', 'breathing_space_granted', 'amount_waived',
                                                         'interest_paused', 'coupon_redeemed')
                UNION SELECT i.loan_id FROM instalment i JOIN position p USING (loan_id)
                WHERE i.is_due AND julianday(coalesce(i.paid_on, p.since_on)) - julianday(i.due_on) > 30);
        INSERT INTO account (code, kind, meaning)
            SELECT column1, column2, column3 FROM (VALUES
                ('clearing:cash', 'asset', 'money received in cash'),
                ('clearing:other', 'asset', 'money received in other ways'))
            WHERE EXISTS (SELECT 1 FROM account);
    """)
