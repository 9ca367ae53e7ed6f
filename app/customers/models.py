from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, CheckConstraint, ForeignKey, Index, LargeBinary, Text, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core import crypto
from app.core.crypto import EncryptedJSON, EncryptedText
from app.core.db import Base, CreatedAt, Key
from app.core.states import HasState, check_in
from app.customers.rules import CONSENT_WAYS, NEWS_MOVES


class Customer(Base):
    """An account. `visitor` is whose cart, checkout and wishes it has on every device (see `app/web/visitor.py`)."""

    __tablename__ = "customer"
    __table_args__ = (Index("ix_customer_closes_at", "closes_at", postgresql_where=text("closes_at IS NOT NULL")),)

    id: Mapped[Key]
    email: Mapped[str] = mapped_column(EncryptedText)
    email_index: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    email_verified_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    name: Mapped[str] = mapped_column(EncryptedText)
    phone: Mapped[str | None] = mapped_column(EncryptedText)  # E.164
    phone_index: Mapped[bytes | None] = mapped_column(LargeBinary, index=True)
    password_hash: Mapped[str | None] = mapped_column(Text)  # None: made by way of a provider, and none chosen yet
    visitor: Mapped[str] = mapped_column(Text, unique=True)
    locale: Mapped[str] = mapped_column(Text)
    currency: Mapped[str | None] = mapped_column(Text)  # None: the shop's
    is_active: Mapped[bool] = mapped_column(server_default=text("true"))
    blocked_told_at: Mapped[datetime | None]  # when its owner last heard that somebody tries passwords
    closes_at: Mapped[datetime | None]  # its owner wants it deleted; until then they may change their mind
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())


class CustomerFormerEmail(Base):
    """An address that an account had, and until when: what came to it before is theirs, also to be forgotten. What came later may
    be for whoever has the mailbox now. The `id` is that of the request by which it changed. `email_index` is empty of what changed
    before there was one, and the mail about it was forgotten."""

    __tablename__ = "customer_former_email"
    __table_args__ = (
        Index("ix_customer_former_email_customer_id_until", "customer_id", "until"),
        Index("ix_customer_former_email_email_index", "email_index"),
    )

    id: Mapped[Key]
    customer_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("customer.id", ondelete="CASCADE"))
    email: Mapped[str] = mapped_column(EncryptedText)
    email_index: Mapped[bytes | None] = mapped_column(LargeBinary)
    until: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())


class CustomerSession(Base):
    """A sign-in. The cookie holds a random token, the table its fingerprint. The token of a program (`is_program`) renews
    access tokens instead, and is no cookie. What its owner ended from elsewhere is not `is_trusted`: a sign-in from the same
    place is news again."""

    __tablename__ = "customer_session"
    __table_args__ = (
        Index("ix_customer_session_customer_id", "customer_id"),
        Index("ix_customer_session_expires_at", "expires_at"),
    )

    id: Mapped[Key]
    customer_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("customer.id", ondelete="CASCADE"))
    token_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    is_kept: Mapped[bool] = mapped_column(Boolean)  # “keep me signed in”: no idle limit
    user_agent: Mapped[str] = mapped_column(EncryptedText)
    address: Mapped[str] = mapped_column(EncryptedText)  # on the network
    last_seen_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    is_program: Mapped[bool] = mapped_column(server_default=text("false"))
    is_trusted: Mapped[bool] = mapped_column(server_default=text("true"))
    created_at: Mapped[CreatedAt]


class CustomerSpentToken(Base):
    """A token that a program's session was renewed with: it must not come again."""

    __tablename__ = "customer_spent_token"
    __table_args__ = (Index("ix_customer_spent_token_session_id", "session_id"),)

    token_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    session_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("customer_session.id", ondelete="CASCADE"))
    spent_at: Mapped[CreatedAt]


class CustomerRequest(Base):
    """What somebody wants a link by mail for. Written down alike whether the address has an account or not.

    `token` is the link's secret until its mail has left; `token_hash` is what the link is known by. `visitor` is the browser
    that asked. A registration carries the account it will make, and `flow_id` names what a provider said of who asked.
    """

    __tablename__ = "customer_request"
    __table_args__ = (
        CheckConstraint("kind IN ('register', 'sign_in', 'reset', 'new_email', 'connect')", name="kind"),
        CheckConstraint("(kind = 'connect') = (flow_id IS NOT NULL)", name="flow"),
        CheckConstraint("(kind = 'register') = (name IS NOT NULL AND password_hash IS NOT NULL)", name="registration"),
        CheckConstraint("kind <> 'new_email' OR customer_id IS NOT NULL", name="owner"),
        Index("ix_customer_request_email_index_created_at", "email_index", text("created_at DESC")),
        Index("ix_customer_request_created_at", "created_at"),
        Index("ix_customer_request_visitor_created_at", "visitor", text("created_at DESC")),
        Index("ix_customer_request_customer_id", "customer_id", postgresql_where=text("customer_id IS NOT NULL")),
        Index("ix_customer_request_flow_id", "flow_id", postgresql_where=text("flow_id IS NOT NULL")),
    )

    id: Mapped[Key]
    kind: Mapped[str] = mapped_column(Text)
    email: Mapped[str] = mapped_column(EncryptedText)
    email_index: Mapped[bytes] = mapped_column(LargeBinary)
    name: Mapped[str | None] = mapped_column(EncryptedText)
    password_hash: Mapped[str | None] = mapped_column(Text)
    wants_news: Mapped[bool] = mapped_column(server_default=text("false"))
    locale: Mapped[str] = mapped_column(Text)
    visitor: Mapped[str] = mapped_column(Text)
    next_path: Mapped[str] = mapped_column(Text, server_default="")
    token: Mapped[str | None] = mapped_column(EncryptedText)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    customer_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("customer.id", ondelete="CASCADE"))
    flow_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("customer_oidc_flow.id", ondelete="CASCADE"))
    mailed_at: Mapped[datetime | None]  # None: no mail yet, or none at all
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    created_at: Mapped[CreatedAt]


class CustomerSignIn(Base):
    """A password or passkey that was tried or a link that was followed (SEC-11), and the limit per account: Redis may be flushed.

    A password that was typed at the door has the `address` it came from, as `rules.household` has it. `told_at` is when the try
    was announced as one of those that go through many accounts."""

    __tablename__ = "customer_sign_in"
    __table_args__ = (
        CheckConstraint("way IN ('password', 'link', 'reset', 'register', 'passkey', 'provider')", name="way"),
        Index("ix_customer_sign_in_email_index_created_at", "email_index", text("created_at DESC")),
        Index("ix_customer_sign_in_created_at", "created_at"),
        Index(
            "ix_customer_sign_in_wrong",
            "address_index",
            text("created_at DESC"),
            postgresql_where=text("address_index IS NOT NULL AND NOT was_right"),
        ),
        Index("ix_customer_sign_in_told", "address_index", postgresql_where=text("told_at IS NOT NULL")),
    )

    id: Mapped[Key]
    email_index: Mapped[bytes] = mapped_column(LargeBinary, info={crypto.INDEX: "customer.email_index"})
    way: Mapped[str] = mapped_column(Text)
    was_right: Mapped[bool]
    address: Mapped[str | None] = mapped_column(EncryptedText)
    address_index: Mapped[bytes | None] = mapped_column(LargeBinary)
    told_at: Mapped[datetime | None]
    created_at: Mapped[CreatedAt]


class CustomerIdentity(Base):
    """Somebody at a provider who may enter an account. `identity_index` is the fingerprint of issuer and subject."""

    __tablename__ = "customer_identity"
    __table_args__ = (UniqueConstraint("customer_id", "provider"),)

    id: Mapped[Key]
    customer_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("customer.id", ondelete="CASCADE"))
    provider: Mapped[str] = mapped_column(Text)
    identity_index: Mapped[bytes] = mapped_column(LargeBinary, unique=True, info=crypto.LASTING)
    email: Mapped[str] = mapped_column(EncryptedText)  # as the provider told it then; for its owner to know it again
    created_at: Mapped[CreatedAt]


class CustomerOidcFlow(Base):
    """A sign-in at a provider that was begun in a browser (`visitor`). `customer_id` is who wants to connect it with their
    account. The `verifier` is spent with the `state`; `somebody` is what the provider said, until the account is proven."""

    __tablename__ = "customer_oidc_flow"
    __table_args__ = (
        CheckConstraint("used_at IS NULL OR verifier IS NULL", name="spent"),
        CheckConstraint("somebody IS NULL OR used_at IS NOT NULL", name="somebody"),
        Index("ix_customer_oidc_flow_created_at", "created_at"),
        Index("ix_customer_oidc_flow_customer_id", "customer_id", postgresql_where=text("customer_id IS NOT NULL")),
        Index("ix_customer_oidc_flow_email_index", "email_index", postgresql_where=text("email_index IS NOT NULL")),
    )

    id: Mapped[Key]
    provider: Mapped[str] = mapped_column(Text)
    state_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    visitor: Mapped[str] = mapped_column(Text)
    customer_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("customer.id", ondelete="CASCADE"))
    nonce: Mapped[str] = mapped_column(Text)
    verifier: Mapped[str | None] = mapped_column(EncryptedText)
    next_path: Mapped[str] = mapped_column(Text)
    somebody: Mapped[dict[str, Any] | None] = mapped_column(EncryptedJSON)
    email_index: Mapped[bytes | None] = mapped_column(LargeBinary, info=crypto.LASTING)
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    created_at: Mapped[CreatedAt]


class CustomerAddress(Base):
    """An entry of the address book: the fields of the delivery form. One may be the usual one to send to, one to bill."""

    __tablename__ = "customer_address"
    __table_args__ = (
        Index("ix_customer_address_customer_id_created_at", "customer_id", "created_at"),
        Index("uq_customer_address_shipping", "customer_id", unique=True, postgresql_where=text("is_default_shipping")),
        Index("uq_customer_address_billing", "customer_id", unique=True, postgresql_where=text("is_default_billing")),
    )

    id: Mapped[Key]
    customer_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("customer.id", ondelete="CASCADE"))
    address: Mapped[dict[str, str]] = mapped_column(EncryptedJSON)  # name line1 line2 postcode city state country
    is_default_shipping: Mapped[bool] = mapped_column(server_default=text("false"))
    is_default_billing: Mapped[bool] = mapped_column(server_default=text("false"))
    created_at: Mapped[CreatedAt]


class Wish(Base):
    """A product on the wishlist of a visitor, guest or customer. `was_sold_out`: it was on no shelf and has not been had since.
    `told_at`: when its customer last heard that it can be had again."""

    __tablename__ = "wish"
    __table_args__ = (
        UniqueConstraint("visitor", "product_id"),
        Index("ix_wish_visitor_created_at", "visitor", text("created_at DESC")),
        Index("ix_wish_product_id", "product_id"),
        Index("ix_wish_was_sold_out", "product_id", postgresql_where=text("was_sold_out")),
        Index("ix_wish_created_at", "created_at"),
    )

    id: Mapped[Key]
    visitor: Mapped[str] = mapped_column(Text)
    product_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("product.id", ondelete="CASCADE"))
    was_sold_out: Mapped[bool] = mapped_column(server_default=text("false"))
    told_at: Mapped[datetime | None]
    created_at: Mapped[CreatedAt]


class NotificationPreference(Base):
    """What a customer said about a kind of message on a channel (NOT-31). No row: as it is for everybody. News by e-mail have
    their own table, where those without an account are too."""

    __tablename__ = "notification_preference"
    __table_args__ = (
        CheckConstraint("channel IN ('email', 'sms', 'push')", name="channel"),
        CheckConstraint("type IN ('order', 'marketing', 'alerts')", name="type"),
        CheckConstraint("channel <> 'email' OR type <> 'marketing'", name="news"),
    )

    customer_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("customer.id", ondelete="CASCADE"), primary_key=True)
    channel: Mapped[str] = mapped_column(Text, primary_key=True)
    type: Mapped[str] = mapped_column(Text, primary_key=True)
    enabled: Mapped[bool]
    updated_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())


class Consent(Base):
    """Something that needs a yes was allowed, or taken back (DAT-04): a row each, only added to (a trigger). `version` is the
    wording that was read (`rules.CONSENT_VERSIONS`). Whose it was is forgotten with the customer, and with the subscriber."""

    __tablename__ = "consent"
    __table_args__ = (
        CheckConstraint("channel IN ('email', 'sms', 'push')", name="channel"),
        CheckConstraint("purpose IN ('marketing', 'alerts')", name="purpose"),
        CheckConstraint(check_in("way", CONSENT_WAYS), name="way"),
        CheckConstraint("subscriber_id IS NULL OR (channel = 'email' AND purpose = 'marketing')", name="news"),
        Index("ix_consent_customer_id_created_at", "customer_id", "created_at"),
        Index("ix_consent_subscriber_id", "subscriber_id", postgresql_where=text("subscriber_id IS NOT NULL")),
    )

    id: Mapped[Key]
    customer_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("customer.id", ondelete="SET NULL"))
    subscriber_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("newsletter_subscriber.id", ondelete="SET NULL"))
    channel: Mapped[str] = mapped_column(Text)
    purpose: Mapped[str] = mapped_column(Text)
    is_given: Mapped[bool]
    version: Mapped[str] = mapped_column(Text)
    way: Mapped[str] = mapped_column(Text)
    created_at: Mapped[CreatedAt]


class NewsletterSubscriber(HasState, Base):
    """An address that asked for the news (N25), be there an account or not: what its account shows is read here.

    `since` is when it came to be as it is. `way` and `version` are how it asked, and which wording it read. Of its last letter
    of confirmation `letter_id` is what the link is signed over, and `mailed_at` when it was written.
    """

    __tablename__ = "newsletter_subscriber"
    __table_args__ = (
        CheckConstraint(check_in("state", NEWS_MOVES), name="state"),
        CheckConstraint(check_in("way", CONSENT_WAYS), name="way"),
        CheckConstraint("(letter_id IS NULL) = (mailed_at IS NULL)", name="letter"),
        Index("ix_newsletter_subscriber_since", text("since DESC"), text("id DESC")),
        Index("ix_newsletter_subscriber_state_since", "state", text("since DESC"), text("id DESC")),
    )
    MOVES = NEWS_MOVES

    id: Mapped[Key]
    email: Mapped[str] = mapped_column(EncryptedText)
    email_index: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    state: Mapped[str] = mapped_column(Text)
    locale: Mapped[str] = mapped_column(Text)
    way: Mapped[str] = mapped_column(Text)
    version: Mapped[str] = mapped_column(Text)
    since: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    letter_id: Mapped[uuid.UUID | None]
    mailed_at: Mapped[datetime | None]
    created_at: Mapped[CreatedAt]
