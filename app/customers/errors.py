from app.core.errors import Conflict, Refused, ShopError, Unavailable


class TooManyTries(Refused):
    """Five wrong passwords in a quarter of an hour; the next counts `minutes` later, from everywhere."""

    code = "too_many_tries"
    status = 429

    def __init__(self, *, minutes: int) -> None:
        super().__init__(minutes=minutes)
        self.minutes = minutes


class LinkOver(ShopError):
    """The link of a mail was followed before, is too old, or never was one."""

    code = "link_over"
    status = 410


class NotYourLink(Refused):
    """The link of a mail was asked for by another account than the one that is signed in."""

    code = "not_your_link"
    status = 403


class WrongPassword(Refused):
    """The password that was asked for once more is not the account's."""

    code = "wrong_password"


class EmailTaken(Conflict):
    """Another account has this address meanwhile."""

    code = "email_taken"


class TooManyAddresses(Refused):
    """The address book is full."""

    code = "too_many_addresses"


class ProviderSilent(Unavailable):
    """The provider to sign in with does not answer, or not in words that can be read. Nothing was done."""

    code = "provider_silent"


class SignInRefused(Refused):
    """What came back from the provider proves nobody. Its message is for the log."""

    code = "sign_in_refused"


class SignInCancelled(Refused):
    """They changed their mind at the provider, or it would not have them."""

    code = "sign_in_cancelled"


class SignInOver(ShopError):
    """This sign-in was begun in another browser, too long ago, or is done already."""

    code = "sign_in_over"
    status = 410


class IdentityTaken(Conflict):
    """Who signed in at the provider is connected with another account, or the account with somebody else there."""

    code = "identity_taken"
