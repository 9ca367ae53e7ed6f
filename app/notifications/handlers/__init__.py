"""Who is written to when something happens. All but `alert_staff` talk to the network: called with no transaction open, at least once."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any

from app.accounts import queries as accounts
from app.accounts import rules
from app.accounts.actions import watching as staff_watching
from app.accounts.events import StaffAccessChanged, StaffAlerted, StaffBackupCodeUsed, StaffSignInBlocked
from app.accounts.queries import telling
from app.core.transaction import in_transaction
from app.customers.events import ManyAccountsTried
from app.customers.queries import watching
from app.documents import printing
from app.documents import queries as documents
from app.documents.events import DocumentWanted, RefundCredited
from app.notifications import flows, letters, queries
from app.notifications.flows import Mail
from app.notifications.queries import MailOrder
from app.orders.events import OrderCancelled, OrderExpired, OrderPaid, OrderPromised
from app.payments.events import (
    DisputeOpened,
    InstalmentComing,
    InstalmentOverdue,
    InstalmentPaid,
    PaymentFailed,
    PaymentReceived,
    RefundRequested,
    RefundSettled,
)
from app.reconciliation.events import DifferencesFound, WebhooksFellSilent
from app.recurring import queries as recurring
from app.recurring.events import (
    ChargeComing,
    ChargeFailed,
    CycleSkipped,
    SubscriptionOver,
    SubscriptionPaused,
    SubscriptionResumed,
    SubscriptionStarted,
)
from app.returns import queries as returns
from app.returns.events import RefundAsked, RefundDeclined
from app.value import actions as value
from app.value.events import ValueIssued

SILENT_REASONS = frozenset(
    {"replaced", "skipped", "subscription_over"}
)  # another mail tells: of the later order, or of the subscription


def confirm_order(event: OrderPaid) -> None:
    flows.send_once(lambda: _to_shopper(f"{event.name}:{event.order_id}", "order_confirmed", event.order_id))


def tell_merchant(event: OrderPaid) -> None:
    """You have sold something."""

    flows.send_once(lambda: _to_merchant(f"{event.name}:{event.order_id}", "something_sold", event.order_id))


def confirm_payment(event: PaymentReceived) -> None:
    def plan() -> Mail | None:
        payment = queries.mail_payment(event.order_id)
        if (
            payment is None or queries.mail_plan(event.order_id) is not None
        ):  # then each instalment is confirmed by itself
            return None
        topic = f"{event.name}:{event.payment_id}"
        return _to_shopper(topic, "payment_received", event.order_id, payment=payment)

    flows.send_once(plan)


def confirm_instalment(event: InstalmentPaid) -> None:
    """With the balance, and the day of the next one."""

    def plan() -> Mail | None:
        payment, whole = queries.mail_capture(event.capture_id), queries.mail_plan(event.order_id)
        topic = f"{event.name}:{event.capture_id}"
        return _to_shopper(topic, "instalment_paid", event.order_id, payment=payment, plan=whole)

    flows.send_once(plan)


def tell_instalment_coming(event: InstalmentComing) -> None:
    _remind(event, "instalment_coming")


def tell_instalment_overdue(event: InstalmentOverdue) -> None:
    _remind(event, "instalment_overdue")


def _remind(event: InstalmentComing | InstalmentOverdue, template: str) -> None:
    """Not when it was paid meanwhile, or the order is over."""

    def plan() -> Mail | None:
        whole, position = queries.mail_plan(event.order_id), queries.open_instalment(event.instalment_id)
        if whole is None or position is None:
            return None
        values = {"plan": whole, "part": whole.parts[position - 1]}
        return _to_shopper(f"{event.name}:{event.instalment_id}", template, event.order_id, only_in="pending", **values)

    flows.send_once(plan)


def tell_payment_failed(event: PaymentFailed) -> None:
    """Two minutes later. Not when the shopper went on, by another try or way to pay; nor when another mail says so."""

    def plan() -> Mail | None:
        attempt = queries.attempt_left_failed(event.attempt_id)
        if attempt is None:
            return None
        topic = f"{event.name}:{event.attempt_id}"
        return _to_shopper(topic, "payment_failed", event.order_id, only_in="pending", attempt=attempt)

    flows.send_once(plan)


def tell_how_to_pay(event: OrderPromised) -> None:
    """Where to transfer the money. Not when the shopper has changed to another way meanwhile."""

    def plan() -> Mail | None:
        promise = queries.mail_promise(event.attempt_id)
        if promise is None:
            return None
        values = {"promise": promise, "bank_details": letters.site().bank_details}
        topic = f"{event.name}:{event.attempt_id}"
        return _to_shopper(topic, "how_to_pay", event.order_id, only_in="pending", **values)

    flows.send_once(plan)


def tell_order_expired(event: OrderExpired) -> None:
    topic = f"{event.name}:{event.order_id}"
    flows.send_once(lambda: _to_shopper(topic, "order_expired", event.order_id, only_in="expired"))


def tell_order_cancelled(event: OrderCancelled) -> None:
    topic = f"{event.name}:{event.order_id}"
    flows.send_once(lambda: _to_shopper(topic, "order_cancelled", event.order_id, only_in="cancelled"))


def tell_refund_started(event: RefundRequested) -> None:
    """Money is on its way back; asked for again by hand it is still the same refund, told once."""

    def plan() -> Mail | None:
        refund = queries.mail_refund(event.refund_id)
        if refund is None:
            return None
        topic = f"{event.name}:{event.refund_id}"
        return _to_shopper(topic, "refund_on_its_way", refund.order_id, refund=refund)

    flows.send_once(plan)


def send_document(event: DocumentWanted) -> None:
    flows.send_once(lambda: _document(f"{event.name}:{event.wish_id}", event.document_id))


def tell_refund_done(event: RefundCredited) -> None:
    """The money is back (NOT-12): one mail, with the credit note in it, as nobody looks at the order's page any more."""

    def plan() -> Mail | None:
        refund = queries.mail_refund(event.refund_id)
        if refund is None or refund.state != "succeeded":
            return None
        note = documents.credit_note_of(event.refund_id)
        topic = f"{event.name}:{event.refund_id}"
        mail = _to_shopper(topic, "refund_done", refund.order_id, refund=refund, note=note)
        return replace(mail, attached=printing.sheet_of(note)) if mail and note else mail

    flows.send_once(plan)


def tell_refund_failed(event: RefundSettled) -> None:
    """That a refund failed concerns the merchant alone, who can mend it."""

    def plan() -> Mail | None:
        refund = queries.mail_refund(event.refund_id)
        if event.state != "failed" or refund is None or refund.state != event.state:
            return None
        topic = f"{event.name}:{event.refund_id}"
        return _to_merchant(topic, "refund_failed", refund.order_id, refund=refund)

    flows.send_once(plan)


def send_value(event: ValueIssued) -> None:
    """The code to whom it is for; once its mail has left, the shop knows it no more. Where the mail was refused for good the
    code is kept: staff send a new one."""

    def plan() -> Mail | None:
        issued = queries.mail_value(event.account_id)
        if issued is None:
            return None
        values = {"issued": issued}
        return Mail(issued.topic, "value_issued", issued.email, letters.language_of(issued.locale), None, values)

    def forget() -> None:
        issued = queries.mail_value(event.account_id)
        if issued is not None and queries.was_sent(issued.topic):
            value.forget_code(event.account_id, issued.code)

    flows.send_once(plan)
    in_transaction(forget)


def confirm_wish(event: RefundAsked) -> None:
    topic = f"{event.name}:{event.request_id}"
    flows.send_once(lambda: _to_shopper(topic, "refund_asked", event.order_id))


def tell_merchant_of_wish(event: RefundAsked) -> None:
    topic = f"{event.name}:{event.request_id}"
    flows.send_once(lambda: _to_merchant(topic, "refund_wanted", event.order_id))


def tell_wish_declined(event: RefundDeclined) -> None:
    def plan() -> Mail | None:
        request = returns.request(event.request_id)
        topic = f"{event.name}:{event.request_id}"
        return _to_shopper(topic, "refund_declined", event.order_id, answer=request.answer) if request else None

    flows.send_once(plan)


def tell_subscription_started(event: SubscriptionStarted) -> None:
    _tell_subscriber(event, "subscription_started")


def tell_charge_coming(event: ChargeComing) -> None:
    _tell_subscriber(event, "subscription_coming", of=event.cycle_id)


def tell_charge_failed(event: ChargeFailed) -> None:
    _tell_subscriber(event, "subscription_failed", of=event.cycle_id)


def tell_cycle_skipped(event: CycleSkipped) -> None:
    _tell_subscriber(
        event, "subscription_sold_out" if event.reason == "sold_out" else "subscription_skipped", of=event.cycle_id
    )


def tell_subscription_paused(event: SubscriptionPaused) -> None:
    _tell_subscriber(event, "subscription_paused", of=event.change_id)


def tell_subscription_resumed(event: SubscriptionResumed) -> None:
    _tell_subscriber(event, "subscription_resumed", of=event.change_id)


def tell_subscription_over(event: SubscriptionOver) -> None:
    """Not of one that never began: the mail about its order says that."""
    if event.reason != "not_started":
        _tell_subscriber(
            event,
            {"unpaid": "subscription_unpaid", "ended": "subscription_ended"}.get(
                event.reason, "subscription_cancelled"
            ),
        )


def _tell_subscriber(event: Any, template: str, *, of: uuid.UUID | None = None) -> None:
    """One mail for each thing that happens to a subscription; `of` is what it happened to, else the subscription itself."""

    def plan() -> Mail | None:
        subscription = recurring.mail(event.recurring_id)
        if subscription is None:
            return None
        cycle = recurring.cycle(of) if of else None
        values = {
            "subscription": subscription,
            "due_at": cycle.due_at if cycle else None,
        }
        topic = f"{event.name}:{of or event.recurring_id}"
        locale = letters.language_of(subscription.locale)
        return Mail(topic, template, subscription.email, locale, None, values)

    flows.send_once(plan)


def warn_of_dispute(event: DisputeOpened) -> None:
    def plan() -> Mail | None:
        dispute = queries.mail_dispute(event.dispute_id)
        topic = f"{event.name}:{event.dispute_id}"
        return _to_merchant(topic, "dispute_opened", event.order_id, dispute=dispute) if dispute else None

    flows.send_once(plan)


def warn_of_blocked_sign_in(event: StaffSignInBlocked) -> None:
    """Somebody tried five wrong passwords or codes: whoever owns the account should know."""
    topic = f"{event.name}:{event.attempt_id}"
    flows.send_once(lambda: _to_staff(topic, "staff_sign_in_blocked", event.staff_id))


def warn_of_backup_code(event: StaffBackupCodeUsed) -> None:
    topic = f"{event.name}:{event.code_id}"
    flows.send_once(lambda: _to_staff(topic, "staff_backup_code_used", event.staff_id, left=event.left))


def tell_access_changed(event: StaffAccessChanged) -> None:
    """Password, authenticator or backup codes are others now: whoever owns the account should know (ASVS 6.3.7)."""
    topic = f"{event.name}:{event.change_id}"
    flows.send_once(lambda: _to_staff(topic, "staff_access_changed", event.staff_id, what=event.what))


def alert_staff(event: ManyAccountsTried) -> None:
    """Where staff see what is suspicious, and by mail as the rest of it. In the transaction of the delivery, so once."""
    attempt = watching.attempt(event.attempt_id)
    if attempt is not None and attempt.address is not None:
        staff_watching.note_tries_at_customers(attempt.address, at=attempt.created_at)


def tell_alert(event: StaffAlerted) -> None:
    """A sign-in that looks strange: told to whom it concerns, or to the shop where it concerns many."""
    topic = f"{event.name}:{event.alert_id}"

    def plan() -> Mail | None:
        alert = accounts.alert(event.alert_id)
        if alert is None:
            return None
        values = {
            "kind": alert.kind,
            "at": alert.created_at,
            "browser": rules.browser(alert.agent),
            "network": rules.network(alert.address),
        }
        if event.staff_id is None:
            return _to_desk(topic, "staff_alert", **values)
        return _to_staff(topic, "staff_alert", event.staff_id, **values)

    flows.send_once(plan)


def _document(topic: str, document_id: uuid.UUID) -> Mail | None:
    document = documents.document(document_id)
    if document is None:
        return None
    mail = _to_shopper(topic, "document_sent", document.order_id, document=document)
    return replace(mail, attached=printing.sheet_of(document)) if mail else None


def _to_merchant(topic: str, template: str, order_id: uuid.UUID, **values: Any) -> Mail | None:
    order = queries.mail_order(order_id)
    if order is None:
        return None
    return Mail(topic, template, letters.site().shop.email, letters.LANGUAGES[0], order.id, {"order": order} | values)


def tell_differences(event: DifferencesFound) -> None:
    """The books and a provider do not agree: once for each run that found something new."""
    topic = f"{event.name}:{event.run_id}"
    flows.send_once(lambda: _to_desk(topic, "books_differ", count=event.count))


def tell_silence(event: WebhooksFellSilent) -> None:
    """Payments come and the provider tells nothing any more: once for each such time."""
    topic = f"{event.name}:{event.silence_id}"
    flows.send_once(lambda: _to_desk(topic, "webhooks_silent", provider=event.provider.capitalize()))


def _to_desk(topic: str, template: str, **values: Any) -> Mail:
    return Mail(topic, template, letters.site().shop.email, letters.LANGUAGES[0], None, values)


def _to_staff(topic: str, template: str, staff_id: uuid.UUID, **values: Any) -> Mail | None:
    to = telling.reader(staff_id)
    return flows.to_staff(to, topic, template, **values) if to else None


def _to_shopper(topic: str, template: str, order_id: uuid.UUID, *, only_in: str = "", **values: Any) -> Mail | None:
    """A mail about an order in its own language; None when the order has moved on from what it would tell, or has forgotten whom."""
    order = queries.mail_order(order_id)
    if order is None or not order.email or _has_moved_on(order, only_in):
        return None
    return Mail(topic, template, order.email, letters.language_of(order.locale), order.id, {"order": order} | values)


def _has_moved_on(order: MailOrder, only_in: str) -> bool:
    if not only_in:
        return False
    return order.state != only_in or order.cancel_reason in SILENT_REASONS
