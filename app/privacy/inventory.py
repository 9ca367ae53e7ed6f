"""Where personal data are, and what becomes of them: how long they stay, what a copy for tests has instead, what somebody's own
copy shows. Pure; guards hold it against the models, so that no new column is forgotten.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Sweep:
    """What goes so many days (a field of `Retention`) after a moment, by SQL of our own. Rows are deleted, or, with `blanks`, forget
    these columns. `ahead` are days that the moment lies after the last touch."""

    table: str
    moment: str
    days: str
    where: str = "true"
    ahead: int = 0
    blanks: Mapping[str, str] = field(default_factory=dict)


SWEEPS = (
    Sweep("cart", "expires_at", "cart_days", "is_open", ahead=30),
    Sweep("cart", "expires_at", "cart_days", "NOT is_open", ahead=30),
    Sweep("cart_notice", "created_at", "link_days"),
    Sweep("checkout_session", "expires_at", "checkout_days"),
    Sweep("customer_request", "created_at", "link_days"),
    Sweep("newsletter_subscriber", "since", "unconfirmed_days", "state = 'pending'"),
    Sweep("newsletter_subscriber", "since", "left_days", "state = 'left'"),
    Sweep("customer_oidc_flow", "created_at", "provider_days"),
    Sweep("customer_sign_in", "created_at", "login_days"),
    Sweep("customer_session", "expires_at", "login_days"),
    Sweep("login_attempt", "created_at", "login_days"),
    Sweep("staff_session", "expires_at", "login_days"),
    Sweep("staff_device", "expires_at", "login_days"),
    Sweep("staff_alert", "created_at", "login_days"),
    Sweep("staff_sms_code", "created_at", "login_days"),
    Sweep("staff_invitation", "expires_at", "login_days"),
    Sweep("staff_reset", "created_at", "link_days"),
    Sweep(
        "wish",
        "created_at",
        "wishlist_days",
        "NOT EXISTS (SELECT FROM customer c WHERE c.visitor = wish.visitor)",
    ),
    Sweep("mail_message", "created_at", "mail_days", "state <> 'queued'"),
    Sweep("mail_message", "created_at", "login_days", "state <> 'queued' AND order_id IS NULL"),
    Sweep("csp_report", "last_seen_at", "report_days"),
    Sweep("data_request", "closed_at", "request_days", "state <> 'open'"),
    Sweep("audit_entry", "created_at", "audit_address_days", "address IS NOT NULL", blanks={"address": "NULL"}),
    Sweep(
        "value_account",
        "created_at",
        "paid_order_days",
        "balance_minor = 0 AND email_index IS NOT NULL",
        blanks={"email": "NULL", "email_index": "NULL", "mail_code": "NULL"},
    ),
    Sweep(
        "recurring_order",
        "closed_at",
        "unpaid_order_days",
        "closed_at IS NOT NULL AND visitor <> 'erased' AND started_at IS NULL",
        blanks={"email": ":nothing", "phone": ":nothing", "address": ":no_record", "visitor": "'erased'"},
    ),
    Sweep(
        "recurring_order",
        "closed_at",
        "paid_order_days",
        "closed_at IS NOT NULL AND visitor <> 'erased'",
        blanks={"email": ":nothing", "phone": ":nothing", "address": ":no_record", "visitor": "'erased'"},
    ),
)

# Of orders goes whom they were for; `orders.forget` knows what belongs to that. (moment, days, which)
ORDER_SWEEPS = (
    (
        "coalesce(closed_at, created_at)",
        "unpaid_order_days",
        "confirmed_at IS NULL AND state IN ('cancelled', 'expired')",
    ),
    # of who was erased while that let paid orders know them for some months more
    ("confirmed_at", "delivery_days", "confirmed_at IS NOT NULL AND visitor = 'erased'"),
    ("confirmed_at", "paid_order_days", "confirmed_at IS NOT NULL"),
)

# Tables with personal data that no sweep empties, and why.
STAYING = {
    "api_key_secret": "as long as its key; it signs for a program",
    "cart_line": "goes with its cart",
    "consent": "the proof of a consent; whose it was goes with the customer, and with the subscriber",
    "customer": "as long as the account; then `actions.erase`",
    "customer_former_email": "goes with its customer",
    "customer_address": "goes with its customer",
    "customer_identity": "goes with its customer",
    "document": "tax law: never changed or deleted (a trigger)",
    "kept_key": "of the shop, not of anybody",
    "measurement_profile": "goes with its customer",
    "notification_preference": "goes with its customer",
    "order_line": "its measures: `orders.actions.belonging.forget_measures`",
    "orders": "ORDER_SWEEPS",
    "passkey": "goes with whose it is",
    "refund_request": "its note goes with whom the order was for",
    "staff": "the audit names them by it, as long as the shop keeps that",
    "staff_backup_code": "goes with its member of staff",
    "staff_kept_form": "half an hour: `accounts.flows.forget_kept`",
}

# A copy for tests: tables that are emptied, because nothing in them is worth a made-up person.
EMPTIED = (
    "api_key", "api_key_nonce", "api_key_secret", "audit_seal", "audit_entry", "cart_notice", "checkout_session", "csp_report",
    "customer_former_email", "customer_identity", "customer_oidc_flow", "customer_request", "customer_session", "customer_sign_in",
    "customer_spent_token",
    "data_request", "kept_key", "login_attempt", "mail_message", "outbox_delivery", "outbox_event", "passkey", "passkey_challenge",
    "payment_notice", "staff_alert", "staff_backup_code", "staff_device", "staff_invitation", "staff_kept_form", "staff_reset",
    "staff_session", "staff_sms_code", "staff_spent_token",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Disguise:
    """Whose row it is (SQL of the blind index that the person is told by, in the row `t`), and which column shows what of the
    made-up person (`anonymising.Person`)."""

    table: str
    whose: str
    shows: Mapping[str, str]
    where: str = "true"


_OWNER = "(SELECT c.email_index FROM customer c WHERE c.id = t.customer_id)"
_BUYER = "(SELECT o.email_index FROM orders o WHERE o.id = t.order_id)"
_SUBSCRIBER = (
    "coalesce((SELECT o.email_index FROM recurring_cycle c JOIN orders o ON o.id = c.order_id WHERE c.recurring_id = t.id"
    " ORDER BY c.position LIMIT 1), sha256(convert_to(t.id::text, 'UTF8')))"
)
# Those that look a person up in another table come before it: it tells the people by their old fingerprints.
DISGUISES = (
    Disguise("customer_address", _OWNER, {"address": "address"}),
    Disguise("measurement_profile", _OWNER, {"name": "name", "measures": "measures"}),
    Disguise("cart_line", "sha256(convert_to(t.cart_id::text, 'UTF8'))", {"fitting": "fitting"}, "t.fitting_key <> ''"),
    Disguise("order_line", _BUYER, {"fitting": "fitting"}, "t.fitting_key <> ''"),
    Disguise(
        "recurring_order",
        _SUBSCRIBER,
        {"email": "email", "phone": "phone", "address": "address"},
        "t.visitor <> 'erased'",
    ),
    Disguise("document", _BUYER, {"buyer": "buyer"}),
    Disguise(
        "orders",
        "t.email_index",
        {
            "email": "email",
            "email_index": "email_index",
            "phone": "phone",
            "phone_index": "phone_index",
            "address": "address",
        },
        "t.forgotten_at IS NULL",
    ),
    Disguise("value_account", "t.email_index", {"email": "email", "email_index": "email_index"}, "t.email IS NOT NULL"),
    Disguise(
        "customer",
        "t.email_index",
        {
            "email": "email",
            "email_index": "email_index",
            "name": "name",
            "phone": "phone",
            "phone_index": "phone_index",
        },
    ),
    Disguise("newsletter_subscriber", "t.email_index", {"email": "email", "email_index": "email_index"}),
    Disguise(
        "staff",
        "t.email_index",
        {"email": "staff_email", "email_index": "staff_email_index", "totp_secret": "totp_secret"},
    ),
)

_TOKEN = "replace(gen_random_uuid()::text, '-', '')"  # noqa: S105 - SQL, and no secret
_RANDOM = "sha256(convert_to(gen_random_uuid()::text, 'UTF8'))"
_VISITOR = "CASE visitor WHEN 'erased' THEN visitor ELSE left(encode(sha256(convert_to(:salt || visitor, 'UTF8')), 'hex'), 32) END"


def _sealed_anew(forgotten: str) -> dict[str, str]:
    """What is empty, because somebody was forgotten, is encrypted all the same: by the key of the shop."""
    empty = {"email": ":nothing", "phone": ":nothing", "address": ":no_record"}
    return {name: f"CASE WHEN {forgotten} THEN {value} ELSE {name} END" for name, value in empty.items()}


_FITTING_KEY = (
    "CASE fitting_key WHEN '' THEN '' ELSE encode(sha256(convert_to(:salt || fitting_key, 'UTF8')), 'hex') END"
)
# The other columns of the copy that told somebody something, each as SQL of what stands there instead.
REPLACED: Mapping[str, Mapping[str, str]] = {
    "cart": {"visitor": _VISITOR},
    "cart_line": {"fitting_key": _FITTING_KEY},
    "customer": {"visitor": _VISITOR, "password_hash": "'!'", "blocked_told_at": "NULL"},
    "difference": {"reason": "''"},
    "measurement_profile": {"note": ":nothing"},
    "order_event": {"facts": "facts - 'reference' - 'note'"},
    "order_line": {"fitting_key": _FITTING_KEY},
    "orders": {
        "visitor": _VISITOR,
        "token": _TOKEN,
        "fingerprint": "''",
        "client_index": "''::bytea",
        **_sealed_anew("forgotten_at IS NOT NULL"),
    },
    "payment_attempt": {"return_token": _TOKEN, "page_url": "''", "error_reason": "NULL"},
    "payment_dispute": {"reason": "''"},
    "reconciliation_run": {"error": "NULL"},
    "recurring_order": {"visitor": _VISITOR, "token": _TOKEN, "page_url": "''", **_sealed_anew("visitor = 'erased'")},
    "refund": {"note": "''", "error": "NULL"},
    "refund_request": {"note": ":nothing", "answer": "''"},
    "staff": {
        "password_hash": "'!'",
        "is_active": "false",
        "totp_confirmed_at": "NULL",
        "phone": "NULL",
        "phone_confirmed_at": "NULL",
        "timezone": "NULL",
    },
    "stock_movement": {"reason": "''"},
    "value_account": {"mail_code": "NULL", "code_index": _RANDOM, "note": "''"},
    "value_entry": {"reason": "''"},
    "wish": {"visitor": _VISITOR},
}

# Tables and columns of text, records or bytes that tell of nobody.
IMPERSONAL_TABLES = frozenset({
    "alembic_version", "attribute_value", "catalog_state", "category", "funnel_step", "instalment", "ledger_entry",
    "ledger_line", "notification_preference", "number_series", "payment", "product", "product_image",
    "provider_transaction", "recurring_cycle", "recurring_plan", "refund_line", "refund_request_line", "search_document",
    "search_state", "search_synonym", "search_word", "shipping_rate", "shipping_zone", "slug_redirect", "staff_role",
    "statement_progress", "stock_cleanup_run", "stock_item", "stock_lock", "tax_rate", "value_hold", "variant", "variant_price",
    "warehouse", "webhook_silence", "consent", "payment_capture",
})  # fmt: skip
IMPERSONAL: Mapping[str, frozenset[str]] = {
    "cart": frozenset({"currency"}),
    "customer": frozenset({"locale", "currency"}),
    "difference": frozenset({"kind", "provider", "subject", "currency", "found_currency", "state", "closed_by"}),
    "document": frozenset({"kind", "series", "number", "locale", "currency", "taxes", "facts"}),
    "measurement_profile": frozenset({"unit"}),
    "newsletter_subscriber": frozenset({"state", "locale", "way", "version"}),
    "order_event": frozenset({"kind", "actor"}),
    "order_line": frozenset({"sku", "name", "options", "picture", "unit", "hs_code"}),
    "orders": frozenset(
        {"number", "reference", "state", "cancel_reason", "currency", "snapshot", "locale", "country", "shipping_method",
         "payment_method", "terms_version"}
    ),
    "payment_attempt": frozenset(
        {"provider", "method", "receipt", "state", "currency", "provider_order_id", "bank", "error_code"}
    ),
    "payment_dispute": frozenset({"provider", "provider_dispute_id", "currency", "state"}),
    "reconciliation_run": frozenset({"provider", "trigger", "state", "balances"}),
    "recurring_order": frozenset(
        {"state", "over_reason", "period", "currency", "terms", "locale", "provider", "receipt", "provider_plan_id",
         "provider_subscription_id", "asked_for", "seen"}
    ),
    "refund": frozenset({"currency", "reason", "source", "requested_by", "decided_by", "state", "provider_refund_id"}),
    "refund_request": frozenset({"state", "reason", "decided_by"}),
    "staff": frozenset({"role", "language", "theme", "density"}),
    "stock_movement": frozenset({"kind", "actor"}),
    "value_account": frozenset({"kind", "currency", "last_four", "locale", "state", "issued_by"}),
    "value_entry": frozenset({"kind", "actor"}),
}  # fmt: skip

# What of a customer's tables is in the copy they may take, by the name it has there; or why it is not.
COPIED = {
    "customer": "profile",
    "customer_former_email": "former_addresses",
    "customer_address": "addresses",
    "measurement_profile": "measurements",
    "notification_preference": "preferences",
    "consent": "consents",
    "newsletter_subscriber": "newsletter",
    "orders": "orders",
    "order_line": "order_lines",
    "order_event": "order_history",
    "payment": "payments",
    "payment_attempt": "payments",
    "payment_capture": "payments",
    "instalment": "instalments",
    "payment_dispute": "disputes",
    "refund": "refunds",
    "refund_request": "refund_wishes",
    "document": "documents",
    "recurring_order": "subscriptions",
    "recurring_cycle": "orders",
    "value_account": "gift_cards_and_credit",
    "value_entry": "gift_cards_and_credit_movements",
    "cart": "cart",
    "cart_line": "cart",
    "checkout_session": "checkout",
    "wish": "wishlist",
    "customer_session": "sessions",
    "passkey": "passkeys",
    "customer_identity": "sign_in_providers",
    "customer_sign_in": "sign_ins",
    "customer_request": "mailed_links",
    "mail_message": "mails",
    "data_request": "requests",
}
NOT_COPIED = {
    "cart_notice": "what a page said once; gone within a week",
    "customer_oidc_flow": "a sign-in at a provider on its way; gone after a day",
    "customer_spent_token": "fingerprints of what a program signed in with before, told with the sessions",
    "difference": "bookkeeping of the shop, without anybody's data",
    "funnel_step": "how far a cart came; its cart is told",
    "refund_request_line": "the lines of a wish, told with its refund",
    "stock_lock": "stock held for an order, told with the order",
    "value_hold": "told with the movements",
}
