"""Borrowers are written once; the same again is fine, other details are refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ledger_maker import borrower, dump, new_ledger

from loancli.core.errors import NotFoundError, RefusedError
from loancli.ledger import borrowers
from loancli.ledger.connect import Connection, writing


@pytest.fixture
def db(tmp_path) -> Connection:
    return new_ledger(tmp_path, is_durable=False)


def test_borrowers_come_back_as_they_were_added(db):
    people = [borrower("B2", aliases=("13900000000", "小店")), borrower("B1")]
    with writing(db):
        assert borrowers.add(db, people) == 2
    assert borrowers.find(db) == {"B1": people[1], "B2": people[0]}
    assert borrowers.find(db, ["B2", "B9"]) == {"B2": people[0]}
    assert borrowers.one(db, "B1") == people[1]


def test_an_unknown_borrower_is_not_found(db):
    with pytest.raises(NotFoundError, match="B9"):
        borrowers.one(db, "B9")


@given(st.lists(st.sampled_from(["丙", "乙", "甲", "a"]), max_size=5))
def test_aliases_are_a_set_so_their_order_is_nothing_new(tmp_path_factory, aliases):
    db = new_ledger(tmp_path_factory.mktemp("aliases"), is_durable=False)
    with writing(db):
        assert borrowers.add(db, [borrower(aliases=tuple(aliases))]) == 1
        assert borrowers.add(db, [borrower(aliases=tuple(aliases))]) == 0
        assert borrowers.add(db, [borrower(aliases=tuple(sorted(set(aliases), reverse=True)))]) == 0
    assert set(borrowers.one(db, "B1").aliases) == set(aliases)
    db.close()


@pytest.mark.parametrize(
    "change", [{"name": "x"}, {"phone": "1"}, {"trade": "bakery"}, {"kind": "company"}, {"aliases": ("x",)}], ids=str
)
def test_other_details_under_a_known_id_are_refused_and_nothing_is_written(db, change):
    with writing(db):
        borrowers.add(db, [borrower()])
    before = dump(db)
    with pytest.raises(RefusedError, match="B1"), writing(db):
        borrowers.add(db, [borrower("B2"), borrower(**change)])
    assert dump(db) == before
