"""What keeps a page to itself: response headers, the content security policy (SEC-31…SEC-37), CSRF, trusted hosts."""

from __future__ import annotations

import secrets
from typing import Any, NoReturn

from flask import Flask, Response, g, redirect, request, session
from flask.typing import ResponseReturnValue
from flask_talisman import Talisman
from flask_wtf.csrf import CSRFError, CSRFProtect
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import Unauthorized
from werkzeug.middleware.proxy_fix import ProxyFix

from app.core import storage
from app.core.settings import Settings
from app.web import access
from app.web.cookies import Signer, signing_keys

PERMISSIONS = "geolocation=(), microphone=(), camera=(), payment=(self)"
HSTS_SECONDS = 31_536_000
REPORT_PATH = "/-/csp-report"

# POSTs that come without our pages, so without our token. Providers prove themselves by a signature, the bank's return and
# a mail program's one click by a token of their own, a browser's report changes nothing but a counter. What signs a program in
# takes no cookie and gives none. Endpoints, as `blueprint.function`.
CSRF_EXEMPT = (
    "reports.take_csp_report",
    "inbound_payments.take_notice",
    "pay_return.receive",
    "unsubscribing.unsubscribe",
    "api_auth.sign_in",
    "api_auth.sign_in_customer",
    "api_auth.refresh",
    "api_auth.sign_out",
)
# Asked over plain http by load balancers inside the house, or by providers that do not follow a redirect (P24).
PLAIN_HTTP_PATHS = ("/health/", "/api/health", "/metrics", "/api/payments/webhook", "/api/v1/payment/webhook")


class Protection(CSRFProtect):
    """Flask-WTF's, which asks no program for the token of a page: no cookie has opened what a token has, so no other site's
    page can have sent it."""

    def protect(self, apply_exemptions: bool = False) -> None:
        if not (g.get("is_by_token") or access.is_proven()):
            super().protect(apply_exemptions)

    def _error_response(self, reason: str) -> NoReturn:
        """A program whose token is nothing any more is told so, and not that it lacks one of a page."""
        if access.is_given():
            raise Unauthorized(www_authenticate=WWWAuthenticate("bearer", {"realm": "api", "error": "invalid_token"}))
        raise CSRFError(reason)


csrf = Protection()


def init_app(app: Flask, settings: Settings) -> None:
    """Headers, https and trusted hosts. `init_csrf` is apart because the gates come between."""
    app.config["TRUSTED_HOSTS"] = list(settings.trusted_hosts)
    if settings.proxy_hops:
        hops = settings.proxy_hops
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
    Headers().init_app(
        app,
        force_https=settings.is_https,
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
    app.config["WTF_CSRF_SECRET_KEY"] = signing_keys(app)
    csrf.init_app(app)
    signer = Signer(signing_keys(app), salt="wtf-csrf-token")

    def csrf_token() -> str:
        """What flask_wtf.csrf.generate_csrf does, without making a signer for each page."""
        token: str | None = g.get("csrf_token")
        if token is None:
            if "csrf_token" not in session:
                session["csrf_token"] = secrets.token_hex(20)
            token = g.csrf_token = str(signer.dumps(session["csrf_token"]))
        return token

    app.jinja_env.globals["csrf_token"] = csrf_token
    app.template_context_processors[None].pop()  # Flask-WTF's own, which would win over the global


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
    """Flask-Talisman, with exceptions from https, and with the headers put together once instead of at each answer."""

    def init_app(self, app: Flask, **options: Any) -> None:
        super().init_app(app, **options)
        app.before_request_funcs[None].remove(self._make_nonce)
        app.jinja_env.globals["csp_nonce"] = csp_nonce
        policy = {**options["content_security_policy"], "form-action": "%(form_action)s"}
        for directive in options["content_security_policy_nonce_in"]:
            policy[directive] += " 'nonce-%(nonce)s'"
        self.policy = "; ".join(f"{name} {value}" for name, value in policy.items())
        with app.test_request_context(base_url="https://localhost" if options["force_https"] else None):
            always = Response()
            super()._set_response_headers(always)
        del always.headers["Content-Security-Policy"], always.headers["Content-Type"], always.headers["Content-Length"]
        app.extensions["headers"] = list(always.headers)  # of files too, which are served before Flask wakes up
        self.always = [*always.headers, ("Reporting-Endpoints", f'csp="{REPORT_PATH}"')]

    def _force_https(self) -> ResponseReturnValue | None:
        """Talisman would believe any client's X-Forwarded-Proto; ProxyFix knows how many proxies there are."""
        if not self.force_https or request.is_secure or request.path.startswith(PLAIN_HTTP_PATHS):
            return None
        return redirect(request.url.replace("http://", "https://", 1), 301)

    def _set_response_headers(self, response: Response) -> Response:
        of_request = g._get_current_object()
        action = of_request.get("form_action", "'self'")
        nonce = of_request.get("csp_nonce") or secrets.token_urlsafe(16)
        response.headers.extend(self.always)
        response.headers["Content-Security-Policy"] = self.policy % {"form_action": action, "nonce": nonce}
        return response


def csp_nonce() -> str:
    """The word that lets a script of this one answer run; only templates know it."""
    nonce: str | None = g.get("csp_nonce")
    if nonce is None:
        nonce = g.csp_nonce = secrets.token_urlsafe(16)
    return nonce
