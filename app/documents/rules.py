"""What documents reckon with: number series, tax groups, the parts of Indian GST, what a refund credits. Pure.

All amounts are integers in minor units of the order's currency. A tax group holds everything of an order that bears the
same tax at the same rate; the groups of an order add up to its total, so those of an invoice and of its credit notes do too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from app.core.money import split_minor

KINDS = ("invoice", "receipt", "credit_note")
PREFIXES: Mapping[str, str] = {"invoice": "INV", "receipt": "RC", "credit_note": "CN"}
DIGITS = 5

# GST state codes (Central Board of Indirect Taxes and Customs): the place of supply is printed with its code.
GST_STATES: Mapping[str, str] = {
    "Jammu and Kashmir": "01", "Himachal Pradesh": "02", "Punjab": "03", "Chandigarh": "04", "Uttarakhand": "05",
    "Haryana": "06", "Delhi": "07", "Rajasthan": "08", "Uttar Pradesh": "09", "Bihar": "10", "Sikkim": "11",
    "Arunachal Pradesh": "12", "Nagaland": "13", "Manipur": "14", "Mizoram": "15", "Tripura": "16", "Meghalaya": "17",
    "Assam": "18", "West Bengal": "19", "Jharkhand": "20", "Odisha": "21", "Chhattisgarh": "22", "Madhya Pradesh": "23",
    "Gujarat": "24", "Maharashtra": "27", "Karnataka": "29", "Goa": "30", "Lakshadweep": "31", "Kerala": "32",
    "Tamil Nadu": "33", "Puducherry": "34", "Andaman and Nicobar Islands": "35", "Telangana": "36", "Andhra Pradesh": "37",
    "Ladakh": "38",
}  # fmt: skip
WITHOUT_LEGISLATURE = frozenset({"Chandigarh", "Lakshadweep", "Andaman and Nicobar Islands", "Ladakh"})
GST_NAMES = frozenset({"GST", "IGST", "CGST"})


def series_of(kind: str, moment: datetime, timezone: ZoneInfo) -> str:
    """`INV-2026`: one series per kind and calendar year of the shop."""
    return f"{PREFIXES[kind]}-{moment.astimezone(timezone).year}"


@dataclass(frozen=True, slots=True)
class Taxed:
    """A net amount and its tax: of a line, of the delivery, or of all that bears the same tax."""

    name: str  # as printed: SST, GST; empty when untaxed
    basis_points: int
    taxable_minor: int
    tax_minor: int

    @property
    def total_minor(self) -> int:
        return self.taxable_minor + self.tax_minor

    def facts(self) -> dict[str, Any]:
        return asdict(self)


def grouped(amounts: Sequence[Taxed]) -> list[Taxed]:
    """One group per tax and rate, in the order they come. Their sum is the sum of `amounts`."""
    groups: dict[tuple[str, int], Taxed] = {}
    for each in amounts:
        key = (each.name, each.basis_points)
        before = groups.get(key, Taxed(*key, 0, 0))
        groups[key] = Taxed(*key, before.taxable_minor + each.taxable_minor, before.tax_minor + each.tax_minor)
    return list(groups.values())


def less(groups: Sequence[Taxed], taken: Sequence[Taxed]) -> list[Taxed]:
    """What is left of each group when others have taken from it."""
    negative = [Taxed(each.name, each.basis_points, -each.taxable_minor, -each.tax_minor) for each in taken]
    return grouped([*groups, *negative])


def share(amount_minor: int, left: Sequence[Taxed]) -> list[Taxed]:
    """The part of each group in a refund of `amount_minor`, in proportion to what is left of them.

    Shares of what is left end exactly at nothing, however a total is cut into refunds. Groups that have no part are left out.
    Raises ValueError when that much is not left.
    """
    weights = [max(each.total_minor, 0) for each in left]
    if not 0 < amount_minor <= sum(weights):
        raise ValueError("a refund cannot exceed what is left")
    shares = []
    for each, part in zip(left, split_minor(amount_minor, weights), strict=True):
        if part:
            tax = (2 * each.tax_minor * part + each.total_minor) // (2 * each.total_minor)
            shares.append(Taxed(each.name, each.basis_points, part - tax, tax))
    return shares


def share_of(amount_minor: int, left: Sequence[Taxed], *, name: str, basis_points: int) -> list[Taxed]:
    """The same for a refund of something that bears one tax: of its own group, as far as that is left; the rest in proportion.

    Raises ValueError when that much is not left of all groups.
    """
    own = [each for each in left if (each.name, each.basis_points) == (name, basis_points) and each.total_minor > 0]
    part = min(amount_minor, sum(each.total_minor for each in own))
    shares = share(part, own) if part else []
    if part < amount_minor:
        shares = grouped([*shares, *share(amount_minor - part, less(left, shares))])
    return shares


def gst_parts(*, seller_state: str, state: str) -> tuple[str, ...]:
    """The names of what Indian GST consists of: two halves inside the seller's state, one tax across states.

    Source: Integrated Goods and Services Tax Act 2017, sections 7 and 8; UTGST where a territory has no legislature.
    """
    if seller_state != state:
        return ("IGST",)
    return ("CGST", "UTGST" if state in WITHOUT_LEGISLATURE else "SGST")


def parts_of(taxed: Taxed, names: Sequence[str]) -> list[Taxed]:
    """A tax cut into equal parts under these names; each bears the same net amount. Their taxes add up."""
    return _named_parts(taxed, names, split_minor(taxed.tax_minor, [1] * len(names)))


def parts_in_order(amounts: Sequence[Taxed], names: Sequence[str]) -> list[list[Taxed]]:
    """The parts of each amount's tax. The odd minor unit goes to each name in turn, so that the parts of all amounts of a
    group add up to the parts of the group."""
    running: dict[tuple[str, int], int] = {}
    found = []
    for each in amounts:
        key = (each.name, each.basis_points)
        before = running.get(key, 0)
        running[key] = before + each.tax_minor
        cuts = [split_minor(whole, [1] * len(names)) for whole in (before, running[key])]
        found.append(_named_parts(each, names, [after - earlier for earlier, after in zip(*cuts, strict=True)]))
    return found


def _named_parts(taxed: Taxed, names: Sequence[str], taxes: Sequence[int]) -> list[Taxed]:
    return [Taxed(name, taxed.basis_points, taxed.taxable_minor, tax) for name, tax in zip(names, taxes, strict=True)]


def percent(basis_points: int, *, parts: int = 1) -> str:
    """`10 %`, `2.5 %`: a rate, or one of its equal parts."""
    return f"{(Decimal(basis_points) / 100 / parts).normalize():f}\u00a0%"
