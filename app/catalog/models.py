from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, SmallInteger, Text, UniqueConstraint, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.catalog.rules import Tailoring
from app.core.db import Base, CreatedAt, Key

Words = dict[str, str]  # one text in every language: {"en": …, "ms": …}


class Category(Base):
    __tablename__ = "category"
    __table_args__ = (Index("ix_category_position", "position"),)

    id: Mapped[Key]
    slug: Mapped[str] = mapped_column(Text, unique=True)
    position: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    parent_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("category.id"))
    name: Mapped[Words] = mapped_column(JSONB)
    intro: Mapped[Words] = mapped_column(JSONB, server_default="{}")
    story: Mapped[Words] = mapped_column(JSONB, server_default="{}")
    seo_title: Mapped[Words] = mapped_column(JSONB, server_default="{}")
    seo_description: Mapped[Words] = mapped_column(JSONB, server_default="{}")
    picture: Mapped[str | None] = mapped_column(Text)  # public_id of a product picture
    created_at: Mapped[CreatedAt]


class AttributeValue(Base):
    """A word shoppers filter by: a motif, a colour or a fibre."""

    __tablename__ = "attribute_value"
    __table_args__ = (
        UniqueConstraint("kind", "slug"),
        CheckConstraint("kind IN ('motif', 'colour', 'fibre')", name="kind"),
    )

    id: Mapped[Key]
    kind: Mapped[str] = mapped_column(Text)
    slug: Mapped[str] = mapped_column(Text)
    name: Mapped[Words] = mapped_column(JSONB)
    origin: Mapped[Words] = mapped_column(JSONB, server_default="{}")
    hex: Mapped[str | None] = mapped_column(Text)


class Product(Base):
    """`unit` is what is counted: `piece`, or `metre` sold in steps of `step_mm`. All quantities are whole steps."""

    __tablename__ = "product"
    __table_args__ = (
        CheckConstraint("unit IN ('piece', 'metre')", name="unit"),
        CheckConstraint("(unit = 'metre') = (step_mm IS NOT NULL)", name="step"),
        CheckConstraint("step_mm > 0", name="step_positive"),
        CheckConstraint("max_per_order > 0", name="max_positive"),
        CheckConstraint("tailored_as IN ('top', 'bottom', 'full')", name="tailored_as"),
        CheckConstraint("tailored_as IS NULL OR unit = 'piece'", name="tailored_unit"),
        CheckConstraint("(tailored_as IS NULL) = (tailoring_days IS NULL)", name="tailoring_days"),
        CheckConstraint("tailoring_days BETWEEN 1 AND 90", name="tailoring_days_possible"),
        CheckConstraint("tailored_as IS NOT NULL OR NOT is_tailored_only", name="tailored_only"),
        Index("ix_product_is_available_created_at", "is_available", text("created_at DESC")),
        Index("ix_product_category_id_created_at", "category_id", "is_available", text("created_at DESC")),
    )

    id: Mapped[Key]
    slug: Mapped[str] = mapped_column(Text, unique=True)
    category_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("category.id"))
    name: Mapped[Words] = mapped_column(JSONB)
    summary: Mapped[Words] = mapped_column(JSONB, server_default="{}")
    description: Mapped[Words] = mapped_column(JSONB, server_default="{}")
    story: Mapped[Words] = mapped_column(JSONB, server_default="{}")
    care: Mapped[Words] = mapped_column(JSONB, server_default="{}")
    seo_title: Mapped[Words] = mapped_column(JSONB, server_default="{}")
    seo_description: Mapped[Words] = mapped_column(JSONB, server_default="{}")
    motif: Mapped[str | None] = mapped_column(Text)
    fibre: Mapped[str | None] = mapped_column(Text)
    colours: Mapped[list[str]] = mapped_column(JSONB, server_default="[]")
    options: Mapped[list[dict[str, Any]]] = mapped_column(
        JSONB, server_default="[]"
    )  # [{"code", "name": Words}], in order
    unit: Mapped[str] = mapped_column(Text, server_default="piece")
    step_mm: Mapped[int | None]
    weight_grams: Mapped[int] = mapped_column(server_default="0")  # of one unit (piece or step)
    tax_class: Mapped[str] = mapped_column(Text, server_default="standard")
    hs_code: Mapped[str] = mapped_column(Text, server_default="")
    made_in: Mapped[str] = mapped_column(Text, server_default="MY")
    max_per_order: Mapped[int | None]
    tailored_as: Mapped[str | None] = mapped_column(
        Text
    )  # may be made to measure: what it needs (`tailoring.rules.GARMENTS`)
    is_tailored_only: Mapped[bool] = mapped_column(server_default=text("false"))  # has no standard size
    tailoring_days: Mapped[int | None] = mapped_column(SmallInteger)  # working days more that it takes
    is_available: Mapped[bool] = mapped_column(server_default=text("true"))
    withdrawn_at: Mapped[datetime | None]
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp(), onupdate=func.clock_timestamp())

    category: Mapped[Category] = relationship()
    variants: Mapped[list[Variant]] = relationship(back_populates="product", order_by="Variant.position")
    images: Mapped[list[ProductImage]] = relationship(back_populates="product", order_by="ProductImage.position")

    @property
    def tailoring(self) -> Tailoring | None:
        if self.tailored_as is None or self.tailoring_days is None:
            return None
        return Tailoring(self.tailored_as, self.tailoring_days, self.is_tailored_only)

    @tailoring.setter
    def tailoring(self, new: Tailoring | None) -> None:
        self.tailored_as, self.tailoring_days = (new.garment, new.days) if new else (None, None)
        self.is_tailored_only = new is not None and new.is_only


class Variant(Base):
    __tablename__ = "variant"
    __table_args__ = (
        UniqueConstraint("product_id", "options"),
        CheckConstraint("min_quantity > 0", name="min_positive"),
        Index("ix_variant_product_id", "product_id"),
    )

    id: Mapped[Key]
    product_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("product.id"))
    sku: Mapped[str] = mapped_column(Text, unique=True)
    options: Mapped[dict[str, str]] = mapped_column(JSONB, server_default="{}")
    position: Mapped[int] = mapped_column(server_default="0")
    min_quantity: Mapped[int] = mapped_column(server_default="1")  # in steps
    is_available: Mapped[bool] = mapped_column(server_default=text("true"))
    image_id: Mapped[uuid.UUID | None] = mapped_column(
        ForeignKey("product_image.id", use_alter=True, ondelete="SET NULL")
    )
    created_at: Mapped[CreatedAt]

    product: Mapped[Product] = relationship(back_populates="variants")
    prices: Mapped[list[VariantPrice]] = relationship()


class VariantPrice(Base):
    """Price of one unit (a piece, or one step of length) in minor units."""

    __tablename__ = "variant_price"
    __table_args__ = (
        CheckConstraint("price_minor >= 0", name="price"),
        CheckConstraint("compare_at_minor > price_minor", name="compare_at"),
    )

    variant_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("variant.id", ondelete="CASCADE"), primary_key=True)
    currency: Mapped[str] = mapped_column(Text, primary_key=True)
    price_minor: Mapped[int]
    compare_at_minor: Mapped[int | None]


class ProductImage(Base):
    """A stored picture. `public_id` names it in the image storage, `image_url` is its largest rendition."""

    __tablename__ = "product_image"
    __table_args__ = (
        Index("ix_product_image_product_id", "product_id", "position"),
        Index("uq_product_image_main", "product_id", unique=True, postgresql_where=text("is_main")),
    )

    id: Mapped[Key]
    product_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("product.id", ondelete="CASCADE"))
    image_url: Mapped[str] = mapped_column(Text)
    public_id: Mapped[str] = mapped_column(Text)
    is_main: Mapped[bool] = mapped_column(server_default=text("false"))
    position: Mapped[int] = mapped_column(server_default="0")
    alt: Mapped[Words] = mapped_column(JSONB, server_default="{}")
    tint: Mapped[str] = mapped_column(Text, server_default="plaster")
    width: Mapped[int] = mapped_column(server_default="1000")
    height: Mapped[int] = mapped_column(server_default="1250")
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp(), onupdate=func.clock_timestamp())

    product: Mapped[Product] = relationship(back_populates="images")


class SlugRedirect(Base):
    """An address a product or category once had: answered with a 301 to where it is now."""

    __tablename__ = "slug_redirect"
    __table_args__ = (CheckConstraint("kind IN ('product', 'category')", name="kind"),)

    kind: Mapped[str] = mapped_column(Text, primary_key=True)
    slug: Mapped[str] = mapped_column(Text, primary_key=True)
    target_id: Mapped[uuid.UUID]
    created_at: Mapped[CreatedAt]


class CatalogState(Base):
    """One row. `version` grows with every change of the catalogue and is part of every cache key."""

    __tablename__ = "catalog_state"
    __table_args__ = (CheckConstraint("id = 1", name="single"),)

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, server_default="1", autoincrement=False)
    version: Mapped[int] = mapped_column(server_default="1")
