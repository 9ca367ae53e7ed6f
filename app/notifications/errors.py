from app.core.errors import Refused, Unavailable


class MailDelayed(Unavailable):
    """No server took the mail now; another try may succeed. Its message holds no address: it ends in logs."""

    code = "mail_delayed"


class MailRefused(Refused):
    """Nobody will ever deliver this mail: the recipient does not exist, or cannot be written to."""

    code = "mail_refused"


class SmsDelayed(Unavailable):
    """The carrier did not take the message now; another try may succeed. Its message holds no number: it ends in logs."""

    code = "sms_delayed"


class SmsRefused(Refused):
    """Nobody will ever carry this message."""

    code = "sms_refused"
