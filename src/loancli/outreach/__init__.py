"""WHOM WE CONTACT, WITH WHAT. Pure: features and facts in, messages and named refusals out.

May import core, plan, servicing. Room by room: features (what is known of a loan of a borrower) · segments (who is who,
by conditions in data; conditions.py reads one) · strategies (campaigns → wishes → messages; reminders are a campaign
like any other; campaign_file.py reads one) · templates (texts) · policy (the one gate; policy_file.py reads its limits)
· outbox (the life of a message).
"""
