from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import ARRAY, CheckConstraint, Computed, ForeignKey, Index, SmallInteger, Text, text
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base


class SearchDocument(Base):
    """One listed product as lists see it; products that are not for sale have none.

    `facets` holds tokens such as `motif:parang` (see `rules.token`), prices are the lowest of the variants in minor units,
    `is_sold_out` is for sorting only and may lag a minute. `profile` is equal where the facets are: such products are counted
    together. The long columns are kept out of line, so that counting reads narrow rows.
    """

    __tablename__ = "search_document"
    __table_args__ = (
        Index("ix_search_document_order", "is_sold_out", text("created_at DESC"), text("product_id DESC")),
        Index("ix_search_document_facets", "facets", postgresql_using="gin", postgresql_with={"fastupdate": "off"}),
        Index("ix_search_document_words_en", "words_en", postgresql_using="gin", postgresql_with={"fastupdate": "off"}),
        Index("ix_search_document_words_ms", "words_ms", postgresql_using="gin", postgresql_with={"fastupdate": "off"}),
        {"postgresql_with": {"toast_tuple_target": "512"}},
    )

    product_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("product.id", ondelete="CASCADE"), primary_key=True)
    category_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("category.id"))
    created_at: Mapped[datetime]
    is_sold_out: Mapped[bool] = mapped_column(server_default=text("false"))
    price_myr: Mapped[int | None]
    price_inr: Mapped[int | None]
    price_usd: Mapped[int | None]
    facets: Mapped[list[str]] = mapped_column(ARRAY(Text))
    profile: Mapped[int] = mapped_column(Computed("hash_array_extended(facets, 0)"))
    vocabulary: Mapped[list[str]] = mapped_column(ARRAY(Text))  # "en:sarong": what this document gave to search_word
    words_en: Mapped[str] = mapped_column(TSVECTOR)
    words_ms: Mapped[str] = mapped_column(TSVECTOR)


class SearchWord(Base):
    """A word of the shop's own texts. `hints` are the word with up to two letters left out: misspellings meet it there."""

    __tablename__ = "search_word"
    __table_args__ = (
        Index("ix_search_word_prefix", "locale", "word", postgresql_ops={"word": "text_pattern_ops"}),
        Index("ix_search_word_hints", "hints", postgresql_using="gin"),
        CheckConstraint("frequency > 0", name="frequency"),
    )

    locale: Mapped[str] = mapped_column(Text, primary_key=True)
    word: Mapped[str] = mapped_column(Text, primary_key=True)
    frequency: Mapped[int]
    hints: Mapped[list[str]] = mapped_column(ARRAY(Text))


class SearchSynonym(Base):
    """Who asks for `word` also means `synonym`. Taken into the documents when they are indexed."""

    __tablename__ = "search_synonym"

    word: Mapped[str] = mapped_column(Text, primary_key=True)
    synonym: Mapped[str] = mapped_column(Text, primary_key=True)


class SearchState(Base):
    """One row. `version` grows with every change of the documents and is part of every cached list's key."""

    __tablename__ = "search_state"
    __table_args__ = (CheckConstraint("id = 1", name="single"),)

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, server_default="1", autoincrement=False)
    version: Mapped[int] = mapped_column(server_default="1")
    refreshed_at: Mapped[datetime | None]  # until when stock movements are reflected in is_sold_out
