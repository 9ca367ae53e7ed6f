import uuid
from dataclasses import dataclass

from app.core.events import Event


@dataclass(frozen=True, slots=True)
class LinkWanted(Event):
    """Somebody typed an address and wants a mail with a link, be there an account or not."""

    name = "customer.link_wanted"
    request_id: uuid.UUID


@dataclass(frozen=True, slots=True)
class CustomerRegistered(Event):
    """The link of a registration was followed: there is a new account."""

    name = "customer.registered"
    customer_id: uuid.UUID


@dataclass(frozen=True, slots=True)
class PasswordChanged(Event):
    name = "customer.password_changed"
    customer_id: uuid.UUID
    change_id: uuid.UUID


@dataclass(frozen=True, slots=True)
class EmailChanged(Event):
    """The row of the former address has the id of the request."""

    name = "customer.email_changed"
    customer_id: uuid.UUID
    request_id: uuid.UUID


@dataclass(frozen=True, slots=True)
class SignInBlocked(Event):
    """Five wrong passwords: the account waits. Its owner should know."""

    name = "customer.sign_in_blocked"
    customer_id: uuid.UUID
    attempt_id: uuid.UUID


@dataclass(frozen=True, slots=True)
class ManyAccountsTried(Event):
    """Wrong passwords at many accounts from the address of this try: told once in a quarter of an hour. Staff should know."""

    name = "customer.many_accounts_tried"
    attempt_id: uuid.UUID


@dataclass(frozen=True, slots=True)
class NewPlaceSeen(Event):
    """Somebody signed in from where the account was not seen before. Its owner should know."""

    name = "customer.new_place_seen"
    customer_id: uuid.UUID
    session_id: uuid.UUID


@dataclass(frozen=True, slots=True)
class TokenStolen(Event):
    """A token that renews a program's session came a second time; the session has ended. Its owner should know."""

    name = "customer.token_stolen"
    customer_id: uuid.UUID
    session_id: uuid.UUID


@dataclass(frozen=True, slots=True)
class PasskeyChanged(Event):
    """`what` is `added`, `removed`, or `copied`: its counter went back, so somebody else may have it too."""

    name = "customer.passkey_changed"
    customer_id: uuid.UUID
    change_id: uuid.UUID
    what: str


@dataclass(frozen=True, slots=True)
class WishBack(Event):
    """Something on the wishlist of a customer who wants to know can be had again."""

    name = "customer.wish_back"
    customer_id: uuid.UUID
    product_id: uuid.UUID
    notice_id: uuid.UUID


@dataclass(frozen=True, slots=True)
class AccountClosing(Event):
    """Its owner wants the account deleted; it will be, unless they change their mind."""

    name = "customer.account_closing"
    customer_id: uuid.UUID
    change_id: uuid.UUID


@dataclass(frozen=True, slots=True)
class SignInWayChanged(Event):
    """An account can now be entered by way of a provider, or no more. Its owner should know."""

    name = "customer.sign_in_way_changed"
    customer_id: uuid.UUID
    change_id: uuid.UUID
    provider: str
    is_connected: bool


@dataclass(frozen=True, slots=True)
class NewsWanted(Event):
    """Somebody typed an address that is to get the news. `letter_id` names the letter that may come of it."""

    name = "newsletter.wanted"
    subscriber_id: uuid.UUID
    letter_id: uuid.UUID
