"""Tax of one amount. Pure; rounding is half up per line (documented in docs/adr)."""

from __future__ import annotations

from dataclasses import dataclass

from app.core.money import included_in, rate_of


@dataclass(frozen=True, slots=True)
class Tax:
    """A rate that applies: `basis_points` of the amount, contained in it or on top of it."""

    name: str = ""
    basis_points: int = 0
    is_included: bool = False
    on_shipping: bool = False

    def added_to(self, amount: int) -> int:
        """Minor units to add to `amount`."""
        return 0 if self.is_included else rate_of(amount, basis_points=self.basis_points)

    def inside(self, amount: int) -> int:
        """Minor units of tax that `amount` already contains."""
        return included_in(amount, basis_points=self.basis_points) if self.is_included else 0


NO_TAX = Tax()
