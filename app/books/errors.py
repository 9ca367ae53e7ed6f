class Unbalanced(ValueError):
    """Somebody tried to post an entry whose debits and credits differ: a bug, never a user's mistake."""
