"""TABLE event -> handlers: who reacts to what. The only importer of handlers.

A plain handler runs once, inside the transaction that marks its delivery done. `network(...)` ones talk to the outside: no
transaction is open, and they may run again, so they carry an idempotency key made from a row id.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from app.accounts.events import (
    StaffAccessChanged,
    StaffAlerted,
    StaffBackupCodeUsed,
    StaffCodeWanted,
    StaffInvited,
    StaffResetWanted,
    StaffSignInBlocked,
)
from app.api_keys.events import ApiKeyChanged, ApiKeyEnding
from app.cart import handlers as cart
from app.catalog.events import AttributeChanged, CategoryChanged, ProductChanged
from app.checkout import handlers as checkout
from app.core.events import Event
from app.core.outbox import Handler, network
from app.customers.events import (
    AccountClosing,
    CustomerRegistered,
    EmailChanged,
    LinkWanted,
    ManyAccountsTried,
    NewPlaceSeen,
    NewsWanted,
    PasskeyChanged,
    PasswordChanged,
    SignInBlocked,
    SignInWayChanged,
    TokenStolen,
    WishBack,
)
from app.documents import handlers as documents
from app.documents.events import DocumentWanted, RefundCredited
from app.notifications import handlers as notifications
from app.notifications.handlers import api_keys as key_mails
from app.notifications.handlers import customers as customer_mails
from app.notifications.handlers import phones as phone_messages
from app.notifications.handlers import staff_links
from app.orders import handlers as orders
from app.orders.events import OrderCancelled, OrderExpired, OrderPaid, OrderPromised, PlanBegun, RecurringOrderPaid
from app.payments.events import (
    AttemptReplaced,
    DisputeOpened,
    InstalmentComing,
    InstalmentOverdue,
    InstalmentPaid,
    NoticeReceived,
    PaymentFailed,
    PaymentReceived,
    RefundRequested,
    RefundSettled,
    ReversalNoticed,
    SubscriptionNoticeReceived,
)
from app.privacy import handlers as privacy
from app.privacy.events import RequestsDue
from app.reconciliation import handlers as reconciliation
from app.reconciliation.events import DifferencesFound, ReconciliationRequested, WebhooksFellSilent
from app.recurring import handlers as recurring
from app.recurring.events import (
    ChargeComing,
    ChargeFailed,
    CycleSkipped,
    SubscriptionOver,
    SubscriptionPaused,
    SubscriptionResumed,
    SubscriptionStarted,
)
from app.returns import handlers as returns
from app.returns.events import RefundAsked, RefundDeclined
from app.search import handlers as search
from app.value.events import ValueIssued, ValueSpent

SUBSCRIPTIONS: Mapping[type[Event], Sequence[Callable[[Any], object] | Handler]] = {
    NoticeReceived: [network(orders.settle_notice)],
    ReversalNoticed: [network(orders.settle_notice), network(returns.follow_notice)],
    OrderPaid: [
        cart.empty_after_payment,
        documents.issue,
        network(notifications.confirm_order),
        network(notifications.tell_merchant),
    ],
    OrderPromised: [cart.empty_when_promised, checkout.forget_codes, network(notifications.tell_how_to_pay)],
    PlanBegun: [cart.empty_when_promised, checkout.forget_codes],
    InstalmentPaid: [network(notifications.confirm_instalment)],
    InstalmentComing: [network(notifications.tell_instalment_coming)],
    InstalmentOverdue: [network(notifications.tell_instalment_overdue)],
    OrderExpired: [
        recurring.note_order_over,
        network(notifications.tell_order_expired),
        network(orders.close_order),
    ],
    OrderCancelled: [
        recurring.note_order_over,
        network(notifications.tell_order_cancelled),
        network(orders.close_order),
    ],
    RecurringOrderPaid: [recurring.note_order_paid],
    SubscriptionNoticeReceived: [network(recurring.follow_notice)],
    SubscriptionStarted: [network(notifications.tell_subscription_started)],
    ChargeComing: [network(notifications.tell_charge_coming)],
    ChargeFailed: [network(notifications.tell_charge_failed)],
    CycleSkipped: [network(recurring.tell_provider), network(notifications.tell_cycle_skipped)],
    SubscriptionPaused: [network(recurring.tell_provider), network(notifications.tell_subscription_paused)],
    SubscriptionResumed: [network(recurring.tell_provider), network(notifications.tell_subscription_resumed)],
    SubscriptionOver: [network(recurring.tell_provider), network(notifications.tell_subscription_over)],
    PaymentReceived: [network(notifications.confirm_payment)],
    AttemptReplaced: [network(orders.close_attempt)],
    # Most providers' pages let a shopper try another card at once: whoever is still at it needs no mail.
    PaymentFailed: [network(notifications.tell_payment_failed, after_seconds=120)],
    RefundRequested: [network(orders.send_refund), network(notifications.tell_refund_started)],
    RefundSettled: [returns.note_refund_settled, documents.credit, network(notifications.tell_refund_failed)],
    RefundAsked: [network(notifications.confirm_wish), network(notifications.tell_merchant_of_wish)],
    RefundDeclined: [network(notifications.tell_wish_declined)],
    DisputeOpened: [network(notifications.warn_of_dispute)],
    RefundCredited: [network(notifications.tell_refund_done)],
    DocumentWanted: [network(notifications.send_document)],
    ReconciliationRequested: [network(reconciliation.reconcile)],
    DifferencesFound: [network(notifications.tell_differences)],
    WebhooksFellSilent: [network(notifications.tell_silence)],
    ValueIssued: [network(notifications.send_value)],
    ValueSpent: [checkout.forget_codes],
    ProductChanged: [search.follow_product],
    CategoryChanged: [search.follow_category],
    AttributeChanged: [search.follow_attribute],
    LinkWanted: [network(customer_mails.send_link)],
    NewsWanted: [network(customer_mails.send_news_letter)],
    CustomerRegistered: [network(customer_mails.welcome_customer)],
    PasswordChanged: [network(customer_mails.tell_password_changed)],
    PasskeyChanged: [network(customer_mails.tell_passkey_changed)],
    EmailChanged: [network(customer_mails.tell_email_changed)],
    SignInWayChanged: [network(customer_mails.tell_sign_in_way)],
    AccountClosing: [network(customer_mails.tell_account_closes)],
    WishBack: [network(customer_mails.tell_wish_is_back)],
    SignInBlocked: [network(customer_mails.warn_of_blocked_sign_in)],
    ManyAccountsTried: [notifications.alert_staff],
    NewPlaceSeen: [network(customer_mails.tell_new_place)],
    TokenStolen: [network(customer_mails.warn_of_stolen_token)],
    StaffSignInBlocked: [network(notifications.warn_of_blocked_sign_in)],
    StaffBackupCodeUsed: [network(notifications.warn_of_backup_code)],
    StaffAlerted: [network(notifications.tell_alert)],
    StaffInvited: [network(staff_links.invite_staff)],
    StaffResetWanted: [network(staff_links.send_reset)],
    StaffAccessChanged: [network(notifications.tell_access_changed)],
    ApiKeyChanged: [network(key_mails.tell_key_changed)],
    ApiKeyEnding: [network(key_mails.tell_key_ending)],
    RequestsDue: [network(privacy.tell_requests_due)],
    StaffCodeWanted: [network(phone_messages.send_code)],
}
