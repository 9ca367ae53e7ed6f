from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace

from app.cart import queries as cart
from app.cart.queries import Contents, Entry, Line
from app.cart.rules import Item, Priced, price
from app.checkout.models import CheckoutSession
from app.core.money import Money, smallest_charge, smallest_step
from app.orders.models import Order
from app.shipping import queries as shipping
from app.shipping.rules import Method
from app.tax import queries as tax
from app.tax.rules import NO_TAX, Tax
from app.value import queries as value
from app.value.rules import Share, Usable, cover


@dataclass(frozen=True, slots=True)
class Offer:
    """A delivery method with its price for this cart."""

    method: Method
    cost: Money


@dataclass(frozen=True, slots=True)
class Quote:
    """A cart priced for an address and a method: what review shows, place-order checks and the order stores."""

    contents: Contents
    lines: Sequence[Line]
    offers: Sequence[Offer]
    chosen: Offer | None
    priced: Priced

    @property
    def total(self) -> Money:
        return Money(self.priced.total_minor, self.priced.currency)

    @property
    def short_lines(self) -> list[Line]:
        return [line for line in self.lines if line.is_short or line.is_few]


@dataclass(frozen=True, slots=True)
class Covered:
    """What gift cards and store credit pay of a quote: every account whose code was given, and the share of each."""

    currency: str
    total_minor: int
    accounts: Sequence[Usable]
    shares: Sequence[Share]

    @property
    def covered(self) -> Money:
        return Money(sum(share.amount_minor for share in self.shares), self.currency)

    @property
    def due(self) -> Money:
        return Money(self.total_minor, self.currency) - self.covered

    @property
    def lines(self) -> list[tuple[Usable, Money]]:
        paid = {share.account_id: share.amount_minor for share in self.shares}
        return [(each, Money(paid.get(each.account_id, 0), self.currency)) for each in self.accounts]


def covered(session: CheckoutSession, quote: Quote, *, previous: Order | None) -> Covered:
    """Asks nothing when no code was given. What the session's earlier order still holds is free again for the next one, if
    that replaces it: an order that will be paid by hand stays, and keeps its value."""
    ids = [uuid.UUID(each) for each in session.value_ids]
    is_replaced = previous is not None and previous.state == "pending" and previous.promised_at is None
    freed_by = previous.id if previous is not None and is_replaced else None
    currency, total = quote.priced.currency, quote.priced.total_minor
    accounts = value.usable(ids, currency=currency, freed_by=freed_by)
    shares = cover(total, accounts, step=smallest_step(currency), least=smallest_charge(currency))
    return Covered(currency, total, accounts, shares)


def quote(
    contents: Contents,
    *,
    currency: str,
    locale: str,
    address: dict[str, str] | None = None,
    method: str | None = None,
    with_stock: bool = True,
) -> Quote:
    """Price a cart. Without an address there is no delivery, and the home market's included tax is told.

    Without stock nothing is known to be short: for steps that neither show nor decide it.
    """
    lines = cart.lines(contents, currency=currency, locale=locale, with_stock=with_stock)
    taxes: dict[str, Tax] = {}
    offers: list[Offer] = []
    sellable = [line for line in lines if line.facts.is_sellable]
    if address:
        country, state = address["country"], address.get("state", "")
        taxes = tax.taxes_for(country=country, state=state)
        methods = shipping.methods_for(country=country, state=state, currency=currency, locale=locale)
        offers = [_offer(each, sellable, currency) for each in methods if each.serves(address)]
    chosen = next((offer for offer in offers if offer.method.code == method), offers[0] if offers else None)
    priced = price(
        [_item(line) for line in sellable],
        currency=currency,
        taxes=taxes,
        shipping_minor=chosen.cost.minor if chosen else 0,
        shipping_tax=next((t for t in taxes.values() if t.on_shipping), NO_TAX),
    )
    return Quote(contents, lines, offers, chosen, priced)


def pickups(contents: Contents, *, currency: str, locale: str) -> list[Offer]:
    """Where this cart may be picked up, with what it costs and how long it takes."""
    lines = cart.lines(contents, currency=currency, locale=locale, with_stock=False)
    sellable = [line for line in lines if line.facts.is_sellable]
    return [_offer(each, sellable, currency) for each in shipping.pickups(currency=currency, locale=locale)]


def one_line(variant_id: uuid.UUID, quantity: int) -> Contents:
    """A cart of one line that is nobody's: what a subscription consists of."""
    return Contents(entries=(Entry(variant_id, variant_id, quantity, 0),))


def _item(line: Line) -> Item:
    facts = line.facts
    return Item(facts.variant_id, line.entry.quantity, facts.price_minor or 0, facts.tax_class, facts.weight_grams)


def _days_of_tailor(lines: Sequence[Line]) -> int:
    """Working days until the last garment is made; all are sent together."""
    return max((line.facts.tailoring_days or 0 for line in lines if line.entry.fitting), default=0)


def _offer(method: Method, lines: Sequence[Line], currency: str) -> Offer:
    return Offer(_after(_days_of_tailor(lines), method), _cost(method, lines, currency))


def _after(days: int, method: Method) -> Method:
    return replace(method, min_days=method.min_days + days, max_days=method.max_days + days) if days else method


def _cost(method: Method, lines: Sequence[Line], currency: str) -> Money:
    subtotal = sum(line.total.minor for line in lines)
    grams = sum(line.facts.weight_grams * line.entry.quantity for line in lines)
    items = sum(1 if line.facts.step_mm else line.entry.quantity for line in lines)  # a length is one piece of cloth
    return Money(method.cost(subtotal_minor=subtotal, grams=grams, items=items), currency)
