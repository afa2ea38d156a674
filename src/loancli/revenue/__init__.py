"""WHAT COUNTS AS REVENUE: each statement row told by rules in data. Pure. May import core.

rules, rules_file (a row by itself) · pairs, pairs_file (money that goes round) · doubles (one movement in several
exports).
"""
