"""Gift cards and store credit in the back office (PAY-31): issue one or many, look at one and its ledger, disable, adjust.

What makes money asks for a fresh code, as refunds do. A gift card's code is shown once, in the answer to the form that
issued it.
"""

from __future__ import annotations

import csv
import io
import uuid
from dataclasses import dataclass, field
from datetime import date, datetime, time
from functools import partial
from typing import Any
from urllib.parse import urlencode

from flask import Response, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from app.admin import words
from app.admin.desk import desk, done
from app.admin.paging import cursor
from app.core import clock
from app.core.errors import NotFound
from app.core.ids import new_id
from app.core.money import EXPONENTS, Money
from app.core.transaction import in_transaction
from app.value import actions as value
from app.value import queries
from app.value.actions import Issued, NewValue
from app.value.errors import AlreadyIssued, TooMuch
from app.value.rules import ACCOUNT_MOVES, KINDS, MAX_BATCH, MAX_MINOR
from app.web import languages
from app.web.formats import decimal, format_money
from app.web.forms import has_control_characters, is_email, parse_amount, tidy
from app.web.limits import FORMS, limit
from app.web.respond import respond
from app.web.rights import needs
from app.web.site import settings
from app.web.staff import actor

bp = desk("gift_cards", __name__)
PAGE = "/admin/gift-cards"
A_PAGE = 50
LONGEST_NOTE = 200


@bp.get("/gift-cards")
@needs("gift_cards.view")
def show_list() -> ResponseReturnValue:
    """Newest first, by key; sought by the last four characters of the code (a whole one belongs in no address), or by batch."""
    state, sought = request.args.get("state", ""), request.args.get("q", "").strip()[-4:].upper()
    state = state if state in ACCOUNT_MOVES else ""
    batch, before = _uuid(request.args.get("batch", "")), cursor(request.args.get("before", ""))
    rows = queries.page(state=state, last_four=sought, batch=batch, before=before, limit=A_PAGE + 1)
    return respond(
        "admin/gift_cards/list.html",
        accounts=rows[:A_PAGE],
        state=state,
        sought=sought,
        batch=batch,
        owed=[Money(minor, currency) for currency, minor, _end in queries.owed()],
        is_first=before is None,
        next_url=_next_url(state, batch, rows[A_PAGE - 1]) if len(rows) > A_PAGE else None,
        words=words,
    )


@dataclass
class Typed:
    """The form to issue, and the words for what is wrong with it by the id of its field."""

    amount: Money
    count: int = 1
    email: str = ""
    expires_at: datetime | None = None
    note: str = ""
    faults: list[tuple[str, str]] = field(default_factory=list)


@bp.get("/gift-cards/new")
@needs("gift_cards.change", fresh=True)
def show_form() -> ResponseReturnValue:
    return _form()


@bp.post("/gift-cards/new")
@needs("gift_cards.change", fresh=True)
@limit(FORMS)
def issue() -> ResponseReturnValue:
    typed, key = _typed(), _uuid(request.form.get("key", ""))
    if typed.faults or key is None:
        return _form(typed.faults, status=422)
    new = NewValue(
        typed.amount,
        by=actor(),
        key=key,
        kind=_one_of(request.form.get("kind", ""), KINDS),
        expires_at=typed.expires_at,
        email=typed.email or None,
        locale=languages.language(),
        note=typed.note,
        is_sold="sold" in request.form,
    )
    try:
        issued = in_transaction(partial(value.issue, new, count=typed.count))
    except AlreadyIssued:
        return done(f"{PAGE}?batch={key}", "issued-value-before")
    return _file(issued, key) if typed.count > 1 else _shown_once(issued[0])


def _shown_once(issued: Issued) -> ResponseReturnValue:
    return respond("admin/gift_cards/issued.html", account=issued.account, code=issued.code, words=words)


def _file(issued: list[Issued], key: uuid.UUID) -> Response:
    """The codes of a batch, for the printer: shown with this answer and never again."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["code", "amount", "currency", "valid_until"])
    for each in issued:
        account = each.account
        end = account.expires_at.astimezone(settings().shop.timezone).date().isoformat() if account.expires_at else ""
        writer.writerow([each.code, decimal(account.balance), account.currency, end])
    answer = Response(text.getvalue(), mimetype="text/csv")
    answer.headers["Content-Disposition"] = f'attachment; filename="gift-cards-{key}.csv"'
    return answer


def _form(faults: list[tuple[str, str]] | None = None, *, status: int = 200) -> ResponseReturnValue:
    return respond(
        "admin/gift_cards/form.html",
        status=status,
        faults=faults or [],
        typed=request.form,
        key=new_id(),
        currencies=[(code, code) for code in EXPONENTS],
        currency=request.form.get("currency") or settings().shop.currency,
        kinds=[(kind, words.method(kind)) for kind in KINDS],
        most=MAX_BATCH,
    )


def _typed() -> Typed:
    faults: list[tuple[str, str]] = []
    typed = Typed(_amount(faults), _count(faults), expires_at=_end(faults), faults=faults)
    if not faults and typed.amount.minor * typed.count > settings().gift_card_max_minor:
        faults.append(("amount", _too_much(typed.amount.currency)))
    typed.email = tidy(request.form.get("email"))
    if typed.email and not is_email(typed.email):
        faults.append(("email", _("Enter an e-mail address like aina@example.com")))
    if typed.email and typed.count > 1:
        faults.append(("email", _("A batch is for the printer: one gift card can be mailed, many cannot")))
    typed.note = _note(faults)
    return typed


def _amount(faults: list[tuple[str, str]]) -> Money:
    currency = _one_of(request.form.get("currency", ""), (settings().shop.currency, *EXPONENTS))
    try:
        minor = parse_amount(request.form.get("amount", ""), currency)
    except ValueError:
        minor = 0
    if not 0 < minor <= MAX_MINOR:
        faults.append(("amount", _("Enter an amount such as 12.50")))
    return Money(minor, currency)


def _too_much(currency: str) -> str:
    return _("At most %(most)s at once", most=format_money(Money(settings().gift_card_max_minor, currency)))


def _count(faults: list[tuple[str, str]]) -> int:
    text = request.form.get("count", "").strip() or "1"
    count = int(text) if text.isascii() and text.isdigit() and len(text) <= 4 else 0
    if not 1 <= count <= MAX_BATCH:
        faults.append(("count", _("Enter how many, from 1 to %(n)s", n=MAX_BATCH)))
    return count


def _end(faults: list[tuple[str, str]]) -> datetime | None:
    """The end of a day by the shop's clock, which the customer is told, whoever issues it; it has to be to come."""
    text = request.form.get("expires", "").strip()
    if not text:
        return None
    try:
        end = datetime.combine(date.fromisoformat(text), time(23, 59, 59), settings().shop.timezone)
        if clock.now() < end and end.year < 2100:
            return end
    except (ValueError, OverflowError):
        pass
    faults.append(("expires", _("Enter a day to come, such as 2027-12-31")))
    return None


def _note(faults: list[tuple[str, str]]) -> str:
    note = tidy(request.form.get("note"))
    if len(note) > LONGEST_NOTE or has_control_characters(note):
        faults.append(("note", _("Use one line of at most %(n)s characters", n=LONGEST_NOTE)))
    return note


@bp.get("/gift-cards/<uuid:account_id>")
@needs("gift_cards.view")
def show(account_id: uuid.UUID) -> ResponseReturnValue:
    return _page(account_id)


def _page(account_id: uuid.UUID, fault: tuple[str, str] | None = None) -> ResponseReturnValue:
    account = queries.account(account_id)
    if account is None:
        raise NotFound()
    return respond(
        "admin/gift_cards/page.html",
        status=422 if fault else 200,
        account=account,
        entries=queries.entries_of(account_id),
        fault=fault,
        typed=request.form,
        key=new_id(),
        words=words,
        money=partial(Money, currency=account.currency),
    )


@bp.post("/gift-cards/<uuid:account_id>/<any(disable, enable):what>")
@needs("gift_cards.change", fresh=True, back="/admin/gift-cards/{account_id}")
@limit(FORMS)
def switch(account_id: uuid.UUID, what: str) -> ResponseReturnValue:
    state = "disabled" if what == "disable" else "active"
    in_transaction(lambda: value.set_state(account_id, state, by=actor()))
    return done(f"{PAGE}/{account_id}", f"value-{state}")


@bp.post("/gift-cards/<uuid:account_id>/code")
@needs("gift_cards.change", fresh=True, back="/admin/gift-cards/{account_id}")
@limit(FORMS)
def renew_code(account_id: uuid.UUID) -> ResponseReturnValue:
    """A new code by mail, where the old one was lost or its mail never arrived."""
    email, by = tidy(request.form.get("email")), actor()
    if not is_email(email):
        return _page(account_id, ("email", _("Enter an e-mail address like aina@example.com")))
    in_transaction(lambda: value.renew_code(account_id, email=email, by=by))
    return done(f"{PAGE}/{account_id}", "value-code-sent")


@bp.post("/gift-cards/<uuid:account_id>/adjust")
@needs("gift_cards.change", fresh=True, back="/admin/gift-cards/{account_id}")
@limit(FORMS)
def adjust(account_id: uuid.UUID) -> ResponseReturnValue:
    """Raise or lower by an amount, for a reason that stays in the ledger."""
    account = queries.account(account_id)
    if account is None:
        raise NotFound()
    faults: list[tuple[str, str]] = []
    reason, key = _note(faults), _uuid(request.form.get("key", ""))
    try:
        minor = parse_amount(request.form.get("amount", ""), account.currency)
    except ValueError:
        minor = 0
    if not 0 < minor <= MAX_MINOR or key is None:
        return _page(account_id, ("amount", _("Enter an amount such as 12.50")))
    if minor > settings().gift_card_max_minor:
        return _page(account_id, ("amount", _too_much(account.currency)))
    if faults or not reason:
        return _page(account_id, ("note", _("Say why, in one line of at most %(n)s characters", n=LONGEST_NOTE)))
    change = -minor if request.form.get("direction") == "lower" else minor
    by = actor()
    try:
        in_transaction(lambda: value.adjust(account_id, change, reason=reason, key=key, by=by))
    except TooMuch:
        return _page(account_id, ("amount", _("So much is not free on it")))
    return done(f"{PAGE}/{account_id}", "value-adjusted")


def _one_of(text: str, known: tuple[str, ...]) -> str:
    return text if text in known else known[0]


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def _next_url(state: str, batch: uuid.UUID | None, row: Any) -> str:
    kept = {name: str(given) for name, given in (("state", state), ("batch", batch)) if given}
    return f"{PAGE}?" + urlencode({**kept, "before": f"{row.created_at.isoformat()}_{row.id}"})
