"""WHAT IS OWED WHEN: products and plans, exact and pure. May import core.

product (the terms) · product_file (TOML → Product, checked once) · kinds (ordinary plans) · flexible (big and small months,
revenue share) · revenue (statement rows → revenue, by rules in data) · cost (APR by IRR, ceilings).
"""
