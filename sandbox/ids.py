"""Provider ids: a prefix and 14 case-sensitive alphanumerics, such as `pay_DESlfW9H8K9uqM`.

As the real ones do, they sort by the time they were made: ten letters count nanoseconds since 2014, four are random.
"""

import re
import secrets
import string
import time

_ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
_EPOCH = 1_388_534_400 * 10**9  # 2014-01-01 UTC, worked out from the docs' sample ids and their created_at


def new_id(prefix: str) -> str:
    return f"{prefix}_{_letters(time.time_ns() - _EPOCH, 10)}{_letters(secrets.randbelow(len(_ALPHABET) ** 4), 4)}"


def is_id(text: str, prefix: str) -> bool:
    return re.fullmatch(prefix + r"_[A-Za-z0-9]{14}", text) is not None


def _letters(number: int, length: int) -> str:
    letters = ""
    for _ in range(length):
        number, digit = divmod(number, len(_ALPHABET))
        letters = _ALPHABET[digit] + letters
    return letters
