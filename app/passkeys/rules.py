"""How long a question to a browser counts, and when a passkey looks copied. Pure."""

CHALLENGE_MINUTES = 5
MOST = 20  # passkeys of one account
LONGEST_NAME = 60
SIGN_IN = ("staff_sign_in", "customer_sign_in")  # nobody is named: the passkey says who it is
PURPOSES = (*SIGN_IN, "staff_second", "staff_add", "customer_add")


def is_copied(known: int, given: int) -> bool:
    """Whether a counter went back or stood still: then two devices have the key (WebAuthn 6.1.1). Passkeys that are
    synchronised between devices count nothing, and always say 0."""
    return (known > 0 or given > 0) and given <= known
