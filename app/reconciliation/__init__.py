"""The proof once a day that the shop's books equal the bank's: orders = what providers report = what they paid out.

Whatever differs is one row with a cause and a safe repair, and closes by itself when it is gone. Also watches over webhooks.
"""
