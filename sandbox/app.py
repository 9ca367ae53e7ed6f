"""Wires the parts together."""

from dataclasses import dataclass

from flask import Flask, Response, jsonify
from werkzeug.exceptions import HTTPException

from sandbox import (
    routes_checkout,
    routes_control,
    routes_orders,
    routes_payments,
    routes_settlements,
    routes_subscriptions,
    routes_webhooks,
)
from sandbox.billplz import parts as billplz
from sandbox.billplz import routes_api as billplz_api
from sandbox.billplz import routes_control as billplz_control
from sandbox.clock import Clock
from sandbox.config import Settings
from sandbox.disputes import Disputes
from sandbox.errors import ApiError, unknown_url
from sandbox.events import Events, News
from sandbox.faults import FaultMiddleware, Faults
from sandbox.orders import Orders
from sandbox.payments import Payments
from sandbox.paypal import parts as paypal
from sandbox.paypal import routes_api, routes_page
from sandbox.paypal import routes_control as paypal_control
from sandbox.refunds import Refunds
from sandbox.settlements import Settlements
from sandbox.store import Store
from sandbox.stripe import parts as stripe
from sandbox.stripe import routes_api as stripe_api
from sandbox.stripe import routes_control as stripe_control
from sandbox.stripe import routes_page as stripe_page
from sandbox.subscriptions import TIMER, Subscriptions
from sandbox.switches import Switches
from sandbox.timers import Timers
from sandbox.webhooks import Dispatcher, Tongue, razorpay_letter


@dataclass
class Provider:
    """All parts of one sandbox."""

    settings: Settings
    store: Store
    clock: Clock
    switches: Switches
    dispatcher: Dispatcher
    news: News
    orders: Orders
    payments: Payments
    refunds: Refunds
    disputes: Disputes
    settlements: Settlements
    subscriptions: Subscriptions
    timers: Timers
    faults: Faults
    paypal: paypal.PayPal
    stripe: stripe.Stripe
    billplz: billplz.Billplz

    def start(self) -> None:
        """Starts the webhook senders and the timers."""
        self.dispatcher.start()
        self.timers.start()


def create_provider(settings: Settings) -> Provider:
    store = Store(settings.data)
    clock = Clock(store)
    switches = Switches()
    razorpay, curlec = settings.accounts
    dispatcher = Dispatcher(store, clock, urls=settings.webhook_urls, secrets=razorpay.webhook_secrets)
    dispatcher.tongues[curlec.code] = Tongue(curlec.webhook_secrets, razorpay_letter)
    news = News(clock, switches, dispatcher)
    events = Events(store, news)
    payments = Payments(store, clock, events, accounts=settings.accounts, expiry_from=settings.expiry_from)
    refunds = Refunds(store, clock, events)
    timers = Timers(store, clock, payments, refunds)
    subscriptions = Subscriptions(store, clock, events, payments)
    timers.others[TIMER] = subscriptions.act
    return Provider(
        settings=settings,
        store=store,
        clock=clock,
        switches=switches,
        dispatcher=dispatcher,
        news=news,
        orders=Orders(store, clock),
        payments=payments,
        refunds=refunds,
        disputes=Disputes(store, clock, events),
        settlements=Settlements(store, clock),
        subscriptions=subscriptions,
        timers=timers,
        faults=Faults(),
        billplz=billplz.create(settings.billplz, store, clock, news, dispatcher),
        paypal=paypal.create(settings.paypal, store, clock, news, dispatcher),
        stripe=stripe.create(settings.stripe, store, clock, news, dispatcher=dispatcher, timers=timers),
    )


def create_app(provider: Provider) -> Flask:
    app = Flask(__name__, static_folder=None)
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.extensions["provider"] = provider
    for routes in (
        routes_orders,
        routes_payments,
        routes_settlements,
        routes_checkout,
        routes_subscriptions,
        routes_control,
        routes_webhooks,
    ):
        app.register_blueprint(routes.bp)
    others = (paypal_control, stripe_api, stripe_page, stripe_control, billplz_api, billplz_control)
    for routes in (routes_api, routes_page, *others):
        app.register_blueprint(routes.bp)
    app.register_error_handler(ApiError, _refuse)
    app.register_error_handler(HTTPException, lambda problem: _refuse(unknown_url()))
    app.wsgi_app = FaultMiddleware(app.wsgi_app, provider.faults)  # type: ignore[method-assign]
    return app


def _refuse(error: ApiError) -> tuple[Response, int]:
    return jsonify(error.body()), error.status
