"""Provider ids: a prefix and 14 case-sensitive alphanumerics, such as `pay_DESlfW9H8K9uqM`."""

import re
import secrets
import string

_ALPHABET = string.ascii_letters + string.digits
_LENGTH = 14


def new_id(prefix: str) -> str:
    number, letters = secrets.randbelow(len(_ALPHABET) ** _LENGTH), ""
    for _ in range(_LENGTH):
        number, letter = divmod(number, len(_ALPHABET))
        letters += _ALPHABET[letter]
    return f"{prefix}_{letters}"


def is_id(text: str, prefix: str) -> bool:
    return re.fullmatch(prefix + r"_[A-Za-z0-9]{14}", text) is not None
