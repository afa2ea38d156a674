"""WHAT WE KNOW: the SQLite file. All SQL of the books stands here; core values in, core values out. May import core.

connect (open, settings, transactions, schema digest) · migrations (the schema, numbered) · journal (events and entries,
chained) · borrowers · loans (contracts and the copies of what life computes) · statements (files and rows) ·
transactions (those rows as they stand) · receipts (where each was placed) · revenue (by day, and what a person decided)
· rulings (what several rows give together) · days (closed days) · contacts (outbox, holds, promises) · portfolio (views
over the whole book) · checks (named questions that must come back empty).
"""
