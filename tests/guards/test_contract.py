"""Names that other programs call. Add freely; whoever changes one here breaks somebody else."""

from __future__ import annotations

import dataclasses
import inspect
from pathlib import Path

import pytest
from flask import Flask

from app.core import db, settings
from app.ops import audit
from tests.shop import add_product
from tools.webforms import form_to, forms_of

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = {
    ("shop", "audit"), ("demo", "load"), ("staff", "create"), ("stock", "release"),
    ("payments", "reconcile"), ("payments", "reconcile-books"), ("outbox", "drain"), ("audit", "verify"),
}  # fmt: skip
OPTIONS = {
    ("shop", "audit"): {"--json"},
    ("demo", "load"): {"--products", "--orders", "--customers"},
    ("staff", "create"): {"--role", "--json"},
}
TARGETS = {"run", "test", "lint", "bench", "chaos", "map", "help"}
# How forms and programs ask.
METHODS = {
    "/cart/lines": {"POST"},
    "/cart/lines/<uuid:line_id>": {"POST"},
    "/checkout/contact": {"GET", "POST"},
    "/checkout/delivery": {"GET", "POST"},
    "/checkout/review": {"GET"},
    "/checkout/orders": {"POST"},
    "/checkout/pay/<token>": {"GET", "POST"},
    "/order/<token>": {"GET"},
    "/admin/login": {"GET", "POST"},
    "/admin/totp": {"GET", "POST"},
    "/api/health": {"GET"},
    "/api/health/detailed": {"GET"},
    "/api/cron/stock-cleanup": {"GET", "POST"},
    "/api/v1/payment/webhook": {"POST"},
    "/api/payments/webhook": {"POST"},
    "/api/payments/refund": {"POST"},
    "/api/v1/payment/initiate": {"POST"},
    "/api/v1/payment/verify": {"POST"},
    "/api/checkout/intent": {"POST"},
    "/api/checkout/confirm": {"POST"},
    "/api/v1/admin/orders/<uuid:order_id>/refund": {"POST"},
    "/api/v2/orders/<order_id>/invoice": {"GET"},
    "/api/auth/refresh": {"POST"},
    "/api/v1/auth/2fa/status": {"GET"},
    "/api/v1/auth/2fa/setup": {"GET"},
    "/api/v1/auth/2fa/enable": {"POST"},
    "/api/v1/auth/2fa/verify-login": {"POST"},
    "/api/v1/auth/2fa/disable": {"POST"},
    "/api/v1/auth/2fa/backup-codes": {"POST"},
}
AUDIT = [
    "oversold", "negative_stock", "ledger_drift", "expired_locks", "orphan_payments", "double_captures", "over_refunds",
    "paid_without_stock", "totals_mismatch", "dead_deliveries", "ledger_unbalanced", "ledger_missing",
    "value_drift", "value_negative", "value_unposted", "instalments_mismatch",
]  # fmt: skip
ENVIRONMENT = [
    "APP_ENV",
    "SECRET_KEY",
    "BASE_URL",
    "PORT",
    "TRUSTED_HOSTS",
    "PROXY_HOPS",
    "DATABASE_URL",
    "REDIS_URL",
    "SHOP_HOME",
    "SHOP_NAME",
    "SHOP_LEGAL_NAME",
    "SHOP_EMAIL",
    "SHOP_TIMEZONE",
    "SHOP_CURRENCY",
    "SHOP_TAX_NUMBER",
    "SHOP_REGISTRATION_NUMBER",
    "SHOP_ADDRESS",
    "SHOP_STATE",
    "SHOP_COUNTRY",
    "PAYMENT_PROVIDER",
    "PAYMENT_GATEWAY",
    "RAZORPAY_KEY_ID",
    "RAZORPAY_KEY_SECRET",
    "RAZORPAY_WEBHOOK_SECRET",
    "RAZORPAY_API_URL",
    "CURLEC_KEY_ID",
    "CURLEC_KEY_SECRET",
    "CURLEC_WEBHOOK_SECRET",
    "CURLEC_IS_SANDBOX",
    "STRIPE_SECRET_KEY",
    "STRIPE_WEBHOOK_SECRET",
    "STRIPE_API_URL",
    "STOCK_LOCK_EXPIRY_MINUTES",
    "STOCK_LOCK_MAX_RENEWALS",
    "STOCK_CLEANUP_INTERVAL_MINUTES",
    "STOCK_CLEANUP_ENABLED",
    "CHECKOUT_SESSION_EXPIRY_MINUTES",
    "PAYMENT_PLANS",
    "REFUND_APPROVAL_MINOR",
    "RATE_LIMIT_ENABLED",
    "MAIL_URL",
    "MAIL_FALLBACK_URL",
    "MAIL_FROM",
    "MEDIA_URL",
    "SENTRY_DSN",
    "LOG_LEVEL",
]
PATHS = [
    "/",
    "/c/<slug>",
    "/p/<slug>",
    "/search",
    "/cart",
    "/cart/lines",
    "/cart/lines/<uuid:line_id>",
    "/checkout/contact",
    "/checkout/delivery",
    "/checkout/review",
    "/checkout/orders",
    "/checkout/pay/<token>",
    "/order/<token>",
    "/track",
    "/admin/",
    "/admin/login",
    "/admin/totp",
    "/sitemap.xml",
    "/robots.txt",
    "/feeds/google-merchant.xml",
    "/api/health",
    "/api/health/detailed",
    "/api/cron/stock-cleanup",
    "/api/stock/unlock",
    "/health/live",
    "/health/ready",
    "/metrics",
    "/api/openapi.json",
    "/api/docs",
    "/order/<token>/documents/<name>.pdf",
    "/api/v2/orders/<order_id>/invoice",
    "/api/v1/payment/webhook",
    "/api/payments/webhook",
    "/api/payments/refund",
    "/api/auth/refresh",
    "/api/v1/auth/2fa/status",
    "/api/v1/auth/2fa/setup",
    "/api/v1/auth/2fa/enable",
    "/api/v1/auth/2fa/verify-login",
    "/api/v1/auth/2fa/disable",
    "/api/v1/auth/2fa/backup-codes",
    "/api/v1/payment/initiate",
    "/api/v1/payment/verify",
    "/api/v1/payments/<order>",
    "/api/checkout/intent",
    "/api/checkout/confirm",
    "/api/v1/admin/orders/<uuid:order_id>/refund",
    "/admin/refunds",
    "/admin/orders/<uuid:order_id>/refund",
    "/order/<token>/refund",
    "/login",
    "/register",
    "/account/",
    "/account/orders",
    "/account/addresses",
    "/account/preferences",
    "/wishlist",
    "/unsubscribe/<token>",
]
COLUMNS = {
    "stock_item": {"variant_id", "warehouse_id", "on_hand", "locked", "safety"},
    "stock_lock": {"order_id", "variant_id", "warehouse_id", "quantity", "expires_at", "state"},
    "stock_movement": set(),
    "orders": {"id", "number", "state", "total_minor", "currency"},
    "order_line": set(),
    "payment": set(),
    "payment_attempt": set(),
    "payment_notice": {"provider", "event_id"},
    "refund": set(),
    "document": {"order_id", "series", "number", "kind", "refund_id"},
    "refund_line": {"refund_id", "order_line_id", "quantity", "amount_minor"},
    "payment_dispute": {"provider", "provider_dispute_id", "state", "amount_minor"},
    "outbox_event": set(),
    "outbox_delivery": set(),
}


def test_the_commands_are_there(app: Flask) -> None:
    found = {(group, name) for group, held in app.cli.commands.items() for name in getattr(held, "commands", {})}
    assert found >= COMMANDS


def test_the_commands_take_these_options(app: Flask) -> None:
    for (group, name), wanted in OPTIONS.items():
        command = app.cli.commands[group].commands[name]  # type: ignore[attr-defined]
        assert wanted <= {flag for option in command.params for flag in option.opts}, name


def test_make_knows_these_words() -> None:
    words = {line.partition(":")[0] for line in (ROOT / "Makefile").read_text().splitlines() if line[:1].isalpha()}
    assert words >= TARGETS


def test_the_audit_counts_just_these(database: None) -> None:
    assert list(audit.run(cleanup_interval_minutes=5)) == AUDIT


def test_the_environment_is_read_by_these_names() -> None:
    source = "".join(path.read_text() for path in Path(inspect.getfile(settings)).parent.glob("*.py"))
    assert [name for name in ENVIRONMENT if f'"{name}"' not in source] == []
    assert {field.name for field in dataclasses.fields(settings.Shop)} == {
        "name", "legal_name", "email", "timezone", "currency", "tax_number", "registration_number", "address", "state", "country",
    }  # fmt: skip


def test_the_paths_are_there(app: Flask) -> None:
    rules = {rule.rule for rule in app.url_map.iter_rules()}
    assert [path for path in PATHS if path not in rules] == []


def test_the_paths_take_these_methods(app: Flask) -> None:
    found: dict[str, set[str]] = {}
    for rule in app.url_map.iter_rules():
        found.setdefault(rule.rule, set()).update(rule.methods or set())
    assert {path: wanted - found[path] for path, wanted in METHODS.items() if wanted - found[path]} == {}


def test_the_tables_have_these_columns(database: None) -> None:
    for table, columns in COLUMNS.items():
        found = {
            row[0]
            for row in db.rows("SELECT column_name FROM information_schema.columns WHERE table_name = :t", t=table)
        }
        assert found
        assert columns <= found, table


@pytest.mark.usefixtures("shop")
class TestForms:
    def test_the_purchase_posts_these_fields_to_these_paths(self, shopper) -> None:  # type: ignore[no-untyped-def]
        shirt = add_product()
        slug = db.scalar("SELECT slug FROM product")
        buy = form_to(shopper.get(f"/p/{slug}?v={shirt}"), "/cart/lines")
        assert {"variant", "quantity", "csrf_token"} <= set(buy.fields)
        assert buy.fields["variant"] == str(shirt)
        shopper.add(shirt)
        line = next(form for form in forms_of(shopper.get("/cart")) if form.action.startswith("/cart/lines/"))
        assert "quantity" in line.fields
        assert "remove" in dict(line.buttons)
        assert {"email", "phone"} <= set(form_to(shopper.get("/checkout/contact"), "/checkout/contact").fields)
        review = shopper.to_review()
        delivery = form_to(shopper.get("/checkout/delivery"), "/checkout/delivery")
        assert {"name", "country", "postcode", "line1", "line2", "city", "state", "method"} <= set(delivery.fields)
        assert {"key", "payment_method", "accept_total"} <= set(form_to(review, "/checkout/orders").fields)
        token = shopper.place(review).location.rsplit("/", 1)[-1]
        assert len(token) >= 22
        page = shopper.get(f"/checkout/pay/{token}")
        assert len([form for form in forms_of(page) if form.action == f"/checkout/pay/{token}"]) == 1
        assert '<meta name="csrf-token"' in page

    def test_a_sold_out_variants_page_keeps_the_form_and_its_post_is_409(self, shopper) -> None:  # type: ignore[no-untyped-def]
        shirt = add_product(stock_of={"KB": 0})
        slug = db.scalar("SELECT slug FROM product")
        form = form_to(shopper.get(f"/p/{slug}?v={shirt}"), "/cart/lines")
        assert shopper.client.post("/cart/lines", data=form.filled()).status_code == 409


def test_the_web_line_names_server_and_workers() -> None:
    web = next(line for line in (ROOT / "Procfile").read_text().splitlines() if line.startswith("web:"))
    assert "--workers 2" in web
    assert "granian" in web or "gunicorn" in web
