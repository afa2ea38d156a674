"""WHAT HAPPENED TO IT: a contract and its events → the whole life of the loan. Pure. May import plan and core.

life (the computation) · allocate (what a payment pays first) · bookings (movements → entries; the chart of accounts) ·
match (a received payment ↔ a loan, or why not) · windows (which revenue fixes which instalment).
"""
