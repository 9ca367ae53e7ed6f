"""What keeps a page to itself: response headers and the content security policy (SEC-31…SEC-37), CSRF, trusted hosts."""

from __future__ import annotations

import secrets

from flask import Flask, Response, g, request
from flask_talisman import Talisman
from flask_wtf.csrf import CSRFProtect
from werkzeug.middleware.proxy_fix import ProxyFix

from app.core import storage
from app.core.settings import Settings

PERMISSIONS = "geolocation=(), microphone=(), camera=(), payment=(self)"
HSTS_SECONDS = 31_536_000
REPORT_PATH = "/-/csp-report"

# POSTs that come without our pages, so without our token. Providers prove themselves by a signature, the bank's return by
# its own token, a browser's report changes nothing but a counter. Endpoints, as `blueprint.function`.
CSRF_EXEMPT = ("reports.take_csp_report", "inbound_payments.take_notice", "pay_return.receive")
# Asked over plain http by load balancers inside the house, or by providers that do not follow a redirect (P24).
PLAIN_HTTP_PATHS = ("/health/", "/api/health", "/metrics", "/api/payments/webhook", "/api/v1/payment/webhook")

csrf = CSRFProtect()


def init_app(app: Flask, settings: Settings) -> None:
    """Headers, https and trusted hosts. `init_csrf` is apart because the gates come between."""
    app.config["TRUSTED_HOSTS"] = list(settings.trusted_hosts)
    if settings.proxy_hops:
        hops = settings.proxy_hops
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
    Headers().init_app(
        app,
        force_https=settings.is_https,
        force_https_permanent=True,
        strict_transport_security=settings.is_https,
        strict_transport_security_max_age=HSTS_SECONDS,
        strict_transport_security_preload=True,
        content_security_policy=content_policy(settings),
        content_security_policy_nonce_in=["script-src", "style-src"],
        permissions_policy=PERMISSIONS,
        session_cookie_secure=settings.is_https,
        x_xss_protection=True,
    )


def init_csrf(app: Flask) -> None:
    app.config.update(
        WTF_CSRF_TIME_LIMIT=None,  # a token lives as long as its session: a page may stay open over lunch
        WTF_CSRF_SSL_STRICT=False,  # the token decides; some browsers and proxies strip the Referer
        WTF_CSRF_HEADERS=["X-CSRF-Token"],
    )
    csrf.init_app(app)


def exempt_from_csrf(app: Flask) -> None:
    """Let the endpoints of the list through. Called once all blueprints are registered."""
    for endpoint in CSRF_EXEMPT:
        if endpoint in app.view_functions:
            csrf.exempt(app.view_functions[endpoint])


def content_policy(settings: Settings) -> dict[str, str]:
    """The policy of every page. Nothing foreign but the picture store, where there is one (SEC-36)."""
    return {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": f"'self' data: {media_origin(settings)}".rstrip(),
        "font-src": "'self'",
        "connect-src": "'self'",
        "form-action": "'self'",
        "frame-ancestors": "'self'",
        "base-uri": "'none'",
        "object-src": "'none'",
        "report-uri": REPORT_PATH,
        "report-to": "csp",
    }


def media_origin(settings: Settings) -> str:
    """Where pictures come from when they are not ours to serve; empty when they are."""
    return storage.origin_of(settings.media_url)


def allow_form_action(*origins: str) -> None:
    """Let forms of the answer to this request lead to `origins` too, such as `https://api.razorpay.com`.

    For the page that hands the shopper over: Chromium applies form-action to the redirect that answers a form as well.
    """
    g.form_action = " ".join(("'self'", *origins))


class Headers(Talisman):
    """Flask-Talisman, with exceptions from https and with a policy that is put together once, not for each answer."""

    def _force_https(self) -> Response | None:
        if request.path.startswith(PLAIN_HTTP_PATHS):
            return None
        answer: Response | None = super()._force_https()
        return answer

    def _make_nonce(self) -> None:
        request.csp_nonce = secrets.token_urlsafe(16)  # type: ignore[attr-defined]

    def _set_response_headers(self, response: Response) -> Response:
        super()._set_response_headers(response)
        response.headers["Reporting-Endpoints"] = f'csp="{REPORT_PATH}"'
        return response

    def _set_content_security_policy_headers(self, headers: object, options: dict[str, object]) -> None:
        if "form_action" in g:
            policy = options["content_security_policy"]
            options = {**options, "content_security_policy": {**policy, "form-action": g.form_action}}  # type: ignore[dict-item]
        super()._set_content_security_policy_headers(headers, options)
