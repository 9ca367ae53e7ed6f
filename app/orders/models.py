from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.core import crypto
from app.core.crypto import EncryptedJSON, EncryptedText
from app.core.db import Base, CreatedAt, Key
from app.core.money import Money
from app.core.states import HasState, check_in
from app.orders.rules import ORDER_MOVES, OVER_UNPAID


class Order(HasState, Base):
    """A snapshot: edits of cart, product or price never touch it. `number` comes at confirmation, without gaps."""

    __tablename__ = "orders"
    __table_args__ = (
        CheckConstraint(check_in("state", ORDER_MOVES), name="state"),
        CheckConstraint(
            "total_minor = subtotal_minor - discount_minor + shipping_minor + tax_added_minor", name="total"
        ),
        CheckConstraint(
            "subtotal_minor >= 0 AND discount_minor >= 0 AND shipping_minor >= 0 AND tax_added_minor >= shipping_tax_minor"
            " AND shipping_tax_minor >= 0 AND tax_included_minor >= 0",
            name="amounts",
        ),
        CheckConstraint("(number IS NOT NULL) = (confirmed_at IS NOT NULL)", name="number"),
        Index("uq_orders_place_key", "place_key", unique=True),
        Index("ix_orders_state_created_at", "state", text("created_at DESC")),
        Index("ix_orders_customer_id_created_at", "customer_id", text("created_at DESC")),
        Index("ix_orders_created_at", text("created_at DESC"), text("id DESC")),
        Index("ix_orders_expires_at", "expires_at", postgresql_where=text("state = 'pending'")),
        Index("ix_orders_email_index", "email_index"),
        Index("ix_orders_phone_index", "phone_index"),
        Index("ix_orders_client_index", "client_index", postgresql_where=text("state = 'pending'")),
        Index("ix_orders_cart_id", "cart_id", postgresql_where=text("cart_id IS NOT NULL")),
        Index("ix_orders_visitor", "visitor", text("created_at DESC")),
        Index(
            "ix_orders_unpaid_known",
            text("coalesce(closed_at, created_at)"),
            postgresql_where=text(f"{OVER_UNPAID} AND forgotten_at IS NULL"),
        ),
        Index(
            "ix_orders_erased_known",
            "confirmed_at",
            postgresql_where=text("confirmed_at IS NOT NULL AND visitor = 'erased' AND forgotten_at IS NULL"),
        ),
        Index(
            "ix_orders_paid_known",
            "confirmed_at",
            postgresql_where=text("confirmed_at IS NOT NULL AND forgotten_at IS NULL"),
        ),
    )
    MOVES = ORDER_MOVES

    id: Mapped[Key]
    number: Mapped[str | None] = mapped_column(Text, unique=True)
    reference: Mapped[str] = mapped_column(Text, unique=True)
    token: Mapped[str] = mapped_column(Text, unique=True)
    place_key: Mapped[uuid.UUID]
    fingerprint: Mapped[str] = mapped_column(
        Text
    )  # of lines, prices and address: the same cart placed twice is one order
    state: Mapped[str] = mapped_column(Text, server_default="pending")
    cancel_reason: Mapped[str | None] = mapped_column(Text)
    currency: Mapped[str] = mapped_column(Text)
    subtotal_minor: Mapped[int]
    discount_minor: Mapped[int] = mapped_column(server_default="0")
    shipping_minor: Mapped[int]
    shipping_tax_minor: Mapped[int] = mapped_column(server_default="0")
    tax_added_minor: Mapped[int] = mapped_column(server_default="0")  # on the lines and on the delivery
    tax_included_minor: Mapped[int] = mapped_column(server_default="0")
    total_minor: Mapped[int]
    snapshot: Mapped[dict[str, Any]] = mapped_column(JSONB)  # the pricing result: taxes by name, shipping, dates
    locale: Mapped[str] = mapped_column(Text)
    visitor: Mapped[str] = mapped_column(Text)
    # fingerprint of the network address it was placed from
    client_index: Mapped[bytes] = mapped_column(server_default="", info=crypto.LASTING)
    cart_id: Mapped[uuid.UUID | None]
    customer_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("customer.id"))
    email: Mapped[str] = mapped_column(EncryptedText)
    email_index: Mapped[bytes]
    phone: Mapped[str] = mapped_column(EncryptedText)
    phone_index: Mapped[bytes | None]
    address: Mapped[dict[str, Any]] = mapped_column(EncryptedJSON)
    country: Mapped[str] = mapped_column(Text)
    shipping_method: Mapped[str] = mapped_column(Text)
    payment_method: Mapped[str] = mapped_column(Text)
    expires_at: Mapped[datetime]  # unpaid orders are closed after this, never while a payment may be under way
    promised_at: Mapped[datetime | None]  # by hand, or by its first instalment: a later order does not replace this one
    created_at: Mapped[CreatedAt]
    confirmed_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    terms_version: Mapped[str] = mapped_column(Text, server_default="")  # the terms accepted by placing it
    forgotten_at: Mapped[datetime | None]  # since then it knows nobody: no e-mail, phone, address

    lines: Mapped[list[OrderLine]] = relationship(order_by="OrderLine.position", back_populates="order")

    @property
    def total(self) -> Money:
        return Money(self.total_minor, self.currency)


class OrderLine(Base):
    """One line as it was sold. `tax_minor` is the tax of the line, added or included as the order says.

    `fitting`: the measures it is made to, frozen; nothing of them is left once its customer is forgotten. `fitting_key` is the
    cart line's.
    """

    __tablename__ = "order_line"
    __table_args__ = (
        UniqueConstraint("order_id", "position"),
        CheckConstraint("quantity > 0", name="quantity"),
        CheckConstraint("subtotal_minor = unit_price_minor * quantity", name="subtotal"),
        CheckConstraint("(fitting IS NULL) = (fitting_key = '')", name="fitting"),
        CheckConstraint("total_minor = subtotal_minor - discount_minor + tax_added_minor", name="total"),
        Index("ix_order_line_variant_id", "variant_id"),
        Index("ix_order_line_fitting", "order_id", postgresql_where=text("fitting_key <> ''")),
    )

    id: Mapped[Key]
    order_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("orders.id"))
    position: Mapped[int]
    variant_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("variant.id"))
    product_id: Mapped[uuid.UUID]
    sku: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)  # in the order's language
    options: Mapped[str] = mapped_column(Text, server_default="")  # "M, Teluk"
    picture: Mapped[str | None] = mapped_column(Text)
    unit: Mapped[str] = mapped_column(Text)
    step_mm: Mapped[int | None]
    quantity: Mapped[int]
    unit_price_minor: Mapped[int]
    subtotal_minor: Mapped[int]
    discount_minor: Mapped[int] = mapped_column(server_default="0")
    tax_basis_points: Mapped[int] = mapped_column(server_default="0")
    tax_added_minor: Mapped[int] = mapped_column(server_default="0")
    tax_included_minor: Mapped[int] = mapped_column(server_default="0")
    total_minor: Mapped[int]
    hs_code: Mapped[str] = mapped_column(Text, server_default="")
    fitting: Mapped[dict[str, Any] | None] = mapped_column(EncryptedJSON)
    fitting_key: Mapped[str] = mapped_column(Text, server_default="")

    order: Mapped[Order] = relationship(back_populates="lines")


class OrderEvent(Base):
    """The timeline. `facts` holds ids, amounts and short words."""

    __tablename__ = "order_event"
    __table_args__ = (Index("ix_order_event_order_id", "order_id", "created_at"),)

    id: Mapped[Key]
    order_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("orders.id"))
    kind: Mapped[str] = mapped_column(Text)
    facts: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    actor: Mapped[str] = mapped_column(Text, server_default="system")
    created_at: Mapped[CreatedAt]
