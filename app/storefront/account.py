"""A customer's own pages: overview, profile, password and e-mail, where they are signed in, what they want to be told."""

from __future__ import annotations

import uuid

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from app.core.errors import NotFound
from app.core.transaction import in_transaction
from app.customers import actions, flows, gateway, queries
from app.customers.actions import consents, profile
from app.customers.errors import EmailTaken, LinkOver, NotYourLink, TooManyTries, WrongPassword
from app.customers.rules import LOCKED, SENT_BY, TYPES, device_of, masked
from app.passkeys import queries as passkeys
from app.passkeys.models import Owner
from app.storefront import order_history
from app.storefront.customer_forms import ChangeEmailForm, ChangePasswordForm, PasskeyForm, ProfileForm
from app.storefront.signing_in import FROM_ONE_ADDRESS, GUESSES, over
from app.tailoring import queries as tailoring
from app.web import customers, languages
from app.web.limits import FORMS, limit
from app.web.respond import no_store, respond
from app.web.visitor import ensure_visitor

bp = no_store(Blueprint("account", __name__, url_prefix="/account"))
bp.before_request(customers.demand)


@bp.get("/")
def home() -> ResponseReturnValue:
    person = customers.somebody()
    rows = order_history.latest(person.customer_id)
    profiles = tailoring.profiles(person.customer_id)
    return _page("home", orders=rows, addresses=queries.addresses(person.customer_id), profiles=profiles)


@bp.get("/profile")
def show_profile() -> ResponseReturnValue:
    known = queries.customer(customers.somebody().customer_id)
    if known is None:
        raise NotFound()
    values = {
        "name": known.name,
        "phone": known.phone or "",
        "locale": known.locale,
        "currency": known.currency or languages.currency(),
    }
    return _page("profile", form=ProfileForm(formdata=None, data=values))


@bp.post("/profile")
@limit(FORMS)
def save_profile() -> ResponseReturnValue:
    form, person = ProfileForm(), customers.somebody()
    if not form.validate():
        return _page("profile", status=422, form=form)
    locale, currency = form.locale.data, form.currency.data
    in_transaction(
        lambda: profile.save(
            person.customer_id, name=form.name.data or "", phone=form.e164(), locale=locale, currency=currency
        )
    )
    answer = redirect(url_for("account.show_profile", said="saved"), 303)
    customers.remember_view(answer, locale=locale, currency=currency)  # type: ignore[arg-type]
    return answer


@bp.get("/security")
def security() -> ResponseReturnValue:
    return security_page()


@bp.post("/security/password")
@limit(GUESSES, per_address=FROM_ONE_ADDRESS)
def change_password() -> ResponseReturnValue:
    form, person = ChangePasswordForm(), customers.somebody()
    form.known = (person.name, person.email)
    if not form.validate():
        return security_page(password=form, status=422)
    old, new = form.current.data or "", form.password.data or ""
    try:
        ended = flows.change_password(person.customer_id, old, new, session_id=person.session_id)
    except (WrongPassword, TooManyTries) as refusal:
        form.current.errors = [wrong_words(refusal)]
        return security_page(password=form, status=refusal.status)
    return redirect(url_for("account.security", said="password", ended=ended), 303)


@bp.post("/security/email")
@limit("10/minute", per_address=FROM_ONE_ADDRESS)
def change_email() -> ResponseReturnValue:
    """The new address gets a link; until it is followed nothing changes. The answer is the same for an address that has an
    account already."""
    form, person = ChangeEmailForm(prefix="new"), customers.somebody()
    if not form.validate():
        return security_page(email=form, status=422)
    try:
        flows.check_password(person.customer_id, form.current.data or "", session_id=person.session_id)
    except (WrongPassword, TooManyTries) as refusal:
        form.current.errors = [wrong_words(refusal)]
        return security_page(email=form, status=refusal.status)
    email, locale, shopper, owner = form.email.data or "", languages.language(), ensure_visitor(), person.customer_id
    in_transaction(lambda: actions.ask("new_email", email, locale=locale, visitor=shopper, customer_id=owner))
    return redirect(url_for("account.security", said="email-sent"), 303)


@bp.get("/email/<token>")
def show_email(token: str) -> ResponseReturnValue:
    """Looking changes nothing. Like the button, it is for the account that asked: the owner of the new address must not give
    it away to somebody else's."""
    wish, person = queries.open_request(token, kind="new_email"), customers.somebody()
    if wish is None:
        return over("new_email")
    if wish.customer_id != person.customer_id:
        return _not_yours()
    return respond(
        "storefront/account/new_email.html", token=token, person=person, old=masked(person.email), new=wish.email
    )


@bp.post("/email/<token>")
@limit(GUESSES, per_address=FROM_ONE_ADDRESS)
def confirm_email(token: str) -> ResponseReturnValue:
    person = customers.somebody()
    try:
        in_transaction(lambda: profile.change_email(token, by=person.customer_id))
    except LinkOver:
        return over("new_email")
    except NotYourLink:
        return _not_yours()
    except EmailTaken:
        return respond("storefront/signing_in/taken.html", status=409)
    return redirect(url_for("account.security", said="email"), 303)


def _not_yours() -> ResponseReturnValue:
    return respond("storefront/signing_in/not_yours.html", status=403)


@bp.post("/security/sessions")
@limit(FORMS)
def end_other_sessions() -> ResponseReturnValue:
    person = customers.somebody()
    ended = in_transaction(lambda: actions.end_sessions(person.customer_id, but=person.session_id))
    return redirect(url_for("account.security", said="sessions", ended=ended), 303)


@bp.post("/security/sessions/<uuid:session_id>")
@limit(FORMS)
def end_session(session_id: uuid.UUID) -> ResponseReturnValue:
    person = customers.somebody()
    if not in_transaction(lambda: actions.end_session_of(person.customer_id, session_id)):
        raise NotFound()
    if session_id == person.session_id:
        return customers.close_session(redirect("/", 303))  # type: ignore[arg-type]
    return redirect(url_for("account.security", said="sessions", ended=1), 303)


@bp.get("/preferences")
def show_preferences() -> ResponseReturnValue:
    said = queries.preferences(customers.somebody().customer_id)
    cells = [
        {
            "channel": channel,
            "type": kind,
            "is_on": said.get((channel, kind), (channel, kind) in LOCKED),
            "is_locked": (channel, kind) in LOCKED,
        }
        for kind in TYPES
        for channel in SENT_BY
    ]
    return _page("preferences", cells=cells)


@bp.post("/preferences")
@limit(FORMS)
def save_preferences() -> ResponseReturnValue:
    """A box that is not ticked is not sent: what the form does not name is off."""
    chosen = {(channel, kind): f"{channel}-{kind}" in request.form for channel in SENT_BY for kind in TYPES}
    person = customers.somebody()
    in_transaction(lambda: consents.prefer(person.customer_id, chosen, way="preferences"))
    return redirect(url_for("account.show_preferences", said="saved"), 303)


def wrong_words(refusal: WrongPassword | TooManyTries) -> str:
    if isinstance(refusal, TooManyTries):
        return ngettext(
            "That was tried too often. Please try again in %(num)s minute.",
            "That was tried too often. Please try again in %(num)s minutes.",
            refusal.minutes,
        )
    return _("This is not your current password.")


def security_page(
    *,
    password: ChangePasswordForm | None = None,
    email: ChangeEmailForm | None = None,
    passkey: PasskeyForm | None = None,
    renamed: tuple[uuid.UUID, str, str] | None = None,
    ways_error: str | None = None,
    status: int = 200,
) -> ResponseReturnValue:
    """`renamed` is a passkey, with the name that did not fit, and why."""
    person = customers.somebody()
    browser, system = device_of(request.user_agent.string)
    device = _("%(browser)s on %(system)s", browser=browser, system=system) if browser and system else browser or system
    return _page(
        "security",
        status=status,
        password_form=password or ChangePasswordForm(formdata=None),
        email_form=email or ChangeEmailForm(formdata=None, prefix="new"),
        passkey_form=passkey or PasskeyForm(formdata=None, prefix="passkey", data={"name": device or _("Passkey")}),
        passkeys=passkeys.of(Owner(customer_id=person.customer_id)),
        renamed=renamed,
        sessions=[(each, *device_of(each.user_agent)) for each in queries.sessions(person.customer_id)],
        has_password=queries.password_hash_of(person.customer_id) is not None,
        ways=_ways(person.customer_id),
        ways_error=ways_error,
    )


def _ways(customer_id: uuid.UUID) -> list[dict[str, object]]:
    """The providers there are, and those that are switched off but connected still."""
    mine = {each.provider: each for each in queries.identities(customer_id)}
    offered = dict(gateway.offered())
    codes = [*offered, *(code for code in mine if code not in offered)]
    return [
        {"code": code, "label": gateway.label_of(code), "is_offered": code in offered, "identity": mine.get(code)}
        for code in codes
    ]


def _page(name: str, *, status: int = 200, **values: object) -> ResponseReturnValue:
    person = customers.somebody()
    said = _said() if status == 200 else None
    return respond(f"storefront/account/{name}.html", status=status, here=name, person=person, said=said, **values)


def _said() -> str | None:
    """What was done before this page was shown, in words."""
    what = request.args.get("said", "")
    said = {
        "welcome": _("Welcome. Your e-mail address is confirmed and you are signed in."),
        "saved": _("Saved."),
        "password": _("Your password is changed.") + " " + _others_ended(),
        "reset": _("Your new password is set and you are signed in.") + " " + _others_ended(),
        "email-sent": _("We have mailed a link to the new address. Follow it to confirm that it is yours."),
        "passkey": _("Your passkey is added. From now on you can sign in with it."),
        "passkey-removed": _("The passkey is removed. Delete it on your device too."),
        "email": _("Your new e-mail address is confirmed."),
        "sessions": _others_ended(),
        "made": _("Welcome. We have made an account for your e-mail address, and you are signed in."),
        "connected": _("Connected. From now on you can sign in with it."),
        "disconnected": _("Disconnected. It opens your account no more."),
    }.get(what)
    return f"{said} {_about_passkeys()}" if what in ("password", "reset") else said


def _about_passkeys() -> str:
    """They open the account whatever its password is: who changed that because of a thief should look at them."""
    if not passkeys.count(Owner(customer_id=customers.somebody().customer_id)):
        return ""
    return _("Your passkeys still sign you in: remove those that are not yours.")


def _others_ended() -> str:
    text = request.args.get("ended", "0")
    count = int(text) if text.isascii() and text.isdigit() and len(text) < 4 else 0
    if not count:
        return _("You were signed in nowhere else.")
    return ngettext("%(num)s other session was signed out.", "%(num)s other sessions were signed out.", count)
