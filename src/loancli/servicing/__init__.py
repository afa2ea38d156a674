"""WHAT HAPPENED TO IT: a contract and its events → the whole life of the loan. Pure. May import plan and core.

contract (what was signed) · life (the computation) · walk (one loan, day by day) · fee_ahead (its fixed fee, where it
has one) · allocate (what a payment pays first) · bookings (movements → entries; the chart of accounts) · match (a
received payment ↔ a loan, or why not) · windows (which revenue fixes which instalment) · line (draws of a credit
line) · replan (a signed plan changed) · triggers (breathing space that a weak window grants) ·
delinquency (days past due, bucket, class) · track (where a loan is, and what comes next) · closing (a small rest
waived) · portfolio_file (loans that were signed elsewhere).
"""
