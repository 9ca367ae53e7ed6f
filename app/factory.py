"""create_app(): one application out of settings, what entry points share, the entry points, and the two tables."""

from __future__ import annotations

from importlib import import_module

from flask import Flask

import app as package
from app import cli
from app.core import catalogues, db
from app.core.settings import Settings
from app.ops import metrics
from app.process import configure_process, import_models
from app.web import (
    bearer,
    compress,
    cookies,
    cors,
    customers,
    errors,
    files,
    fragments,
    gates,
    languages,
    limits,
    logs,
    passkeys,
    requests,
    rights,
    security,
    templates,
    translated_templates,
)
from app.web.application import Shop

__all__ = ["configure_process", "create_app", "import_models"]

# Every module of an entry point, each with a blueprint `bp`. To add one, add its name.
ENTRY_POINTS = (
    "app.ops.health",
    "app.ops.metrics",
    "app.ops.reports",
    "app.storefront.preferences",
    "app.storefront.speculation",
    "app.storefront.catalog",
    "app.storefront.search",
    "app.storefront.pages",
    "app.storefront.seo",
    "app.storefront.feeds",
    "app.storefront.cart",
    "app.storefront.checkout",
    "app.storefront.pickup",
    "app.storefront.pay",
    "app.storefront.subscriptions",
    "app.storefront.orders",
    "app.storefront.documents",
    "app.storefront.refunds",
    "app.storefront.gift_cards",
    "app.storefront.signing_in",
    "app.storefront.passkeys",
    "app.storefront.account_passkeys",
    "app.storefront.social",
    "app.storefront.registering",
    "app.storefront.account",
    "app.storefront.connecting",
    "app.storefront.addresses",
    "app.storefront.measurements",
    "app.storefront.order_history",
    "app.storefront.wishlist",
    "app.storefront.newsletter",
    "app.storefront.unsubscribing",
    "app.storefront.own_data",
    "app.inbound.payments",
    "app.inbound.pay_return",
    "app.admin.signin",
    "app.admin.passkeys",
    "app.admin.joining",
    "app.admin.forgotten",
    "app.admin.kept",
    "app.admin.profile",
    "app.admin.phone",
    "app.admin.roles",
    "app.admin.staff",
    "app.admin.api_keys",
    "app.admin.activity",
    "app.admin.overview",
    "app.admin.orders",
    "app.admin.documents",
    "app.admin.by_hand",
    "app.admin.gift_cards",
    "app.admin.refund_form",
    "app.admin.refunds",
    "app.admin.evidence",
    "app.admin.products",
    "app.admin.stock_locks",
    "app.admin.payments",
    "app.admin.books",
    "app.admin.subscriptions",
    "app.admin.newsletter",
    "app.admin.deliveries",
    "app.admin.privacy",
    "app.api.checkout",
    "app.api.payments",
    "app.api.refunds",
    "app.api.stock",
    "app.api.orders",
    "app.api.preferences",
    "app.api.auth",
    "app.api.second_factor",
    "app.api.description",
)


def create_app(settings: Settings) -> Flask:
    """The application for these settings. Process-wide things (database, Redis, keys) are set up along with it."""
    configure_process(settings)
    app = Shop("app", root_path=str(package.__path__[0]), template_folder="../templates", static_folder=None)
    translated_templates.install(app, language=languages.language, translate=catalogues.translate)
    app.config.update(SETTINGS=settings, TESTING=settings.env == "test")
    cookies.init_app(app, settings)
    logs.init_app(app)
    metrics.init_app(app)
    security.init_app(app, settings)
    cors.init_app(app, settings)
    bearer.init_app(app)
    gates.init_app(app)
    rights.init_app(app)
    requests.init_app(app)
    security.init_csrf(app)
    limits.init_app(app, settings)
    languages.init_app(app)
    customers.init_app(app)
    passkeys.init_app(app)
    templates.init_app(app, settings)
    fragments.init_app(app)
    compress.init_app(app)
    files.init_app(app, settings)
    errors.init_app(app)
    _register_entry_points(app)
    cli.init_app(app)
    app.teardown_appcontext(lambda _error: db.forget())
    return app


def _register_entry_points(app: Flask) -> None:
    for name in ENTRY_POINTS:
        app.register_blueprint(import_module(name).bp)
    security.exempt_from_csrf(app)
