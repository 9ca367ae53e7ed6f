"""A request that waits for a transaction of ours, and goes on once that has ended."""

from __future__ import annotations

from app.core import db
from tests.customers.test_meetings import Second


class Meanwhile(Second):
    def run(self) -> None:
        try:
            self.outcome = self.work()
        finally:
            db.forget()
