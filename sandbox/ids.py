"""Provider ids: a prefix and 14 case-sensitive alphanumerics, such as `pay_DESlfW9H8K9uqM`."""

import re
import secrets
import string

_ALPHABET = string.ascii_letters + string.digits


def new_id(prefix: str) -> str:
    return f"{prefix}_" + "".join(secrets.choice(_ALPHABET) for _ in range(14))


def is_id(text: str, prefix: str) -> bool:
    return re.fullmatch(prefix + r"_[A-Za-z0-9]{14}", text) is not None
