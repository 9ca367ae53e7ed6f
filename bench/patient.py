"""The shop without a bound on how many passwords are looked at: to measure what stands behind that bound."""

from __future__ import annotations

from app.core import passwords
from wsgi import app

__all__ = ["app"]

passwords.allowance = passwords.Allowance(share=1.0, most=3600.0)
