"""No password is for terminals and logs. Pure."""

from __future__ import annotations

import re

#: From the first colon of the user's part to the last ``@``: a password may have, unquoted, whatever its owner likes.
_PASSWORD = re.compile(r"(://[^:@/]*:).*(?=@)", re.DOTALL)


def masked(text: str) -> str:
    """Write a URL, well-formed or not, without its password: ``"redis://user:***@host"``."""
    return _PASSWORD.sub(r"\1***", text)
