"""THE WORDS: money, rates, days and the values that two or more rooms talk about.

Imports nothing of ours; pure: no file, clock, environment or database.

Glossary, one word for one thing everywhere:
instalment (一期应还) · principal (本金) · interest (利息) · penalty (罚息) · fee (费用) ·
credit (溢缴款, money a borrower paid beyond what was due) · suspense (待核销, money not yet placed on a loan) ·
days past due (逾期天数) · level (the equal instalment that would repay the rest over the rest of the term) ·
share (营收分成比例) · window (the days whose revenue decides one instalment) · promise to pay (还款承诺) ·
hold (a reason not to contact) · event (a dated fact about a loan) · movement (what an event does to the accounts) ·
entry (a booked group of movements) · settle (book the difference).
"""
