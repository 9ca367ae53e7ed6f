"""What members of staff do with their own account: password, backup codes, where they are signed in."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from app.accounts import actions, queries, rules
from app.accounts.actions import devices, phones, resets
from app.accounts.actions.totp import Clock
from app.accounts.errors import BadPreference
from app.accounts.events import StaffAccessChanged
from app.accounts.models import Staff, StaffSession, StaffSpentToken
from app.accounts.queries import SignedIn, access
from app.accounts.rules import Preferences
from app.audit import actions as audit
from app.core import db, outbox, tokens
from app.core.errors import NotFound
from app.core.ids import new_id
from app.passkeys import queries as known_passkeys
from app.passkeys.models import Owner


def set_password(who: SignedIn, *, password_hash: str) -> None:
    """Wherever else they are signed in they are not any more (ASVS 7.4.3); a mail tells."""
    person = queries.lock_staff(who.staff_id)
    if person is None:
        raise NotFound()
    person.password_hash = password_hash
    resets.end_links(person)
    end_others(who)
    note(who, "password")


def renew_codes(who: SignedIn) -> None:
    """Ten new backup codes, to be seen in this session until they are saved; the old ones are dead. A mail tells."""
    person = queries.lock_staff(who.staff_id)
    session = queries.session(who.session_id)
    if person is None or session is None:
        raise NotFound()
    person.backup_codes_saved_at = None
    session.fresh_codes = "\n".join(actions.replace_backup_codes(person.id))
    note(who, "codes")


def drop_authenticator(who: SignedIn) -> None:
    """Of whoever has passkeys: it is gone, with backup codes and codes by SMS, which are for whoever has it. The passkeys
    stay and so does this session; everywhere else one is signed out. A mail tells. Of everybody else: see `replace_phone`."""
    person = queries.lock_staff(who.staff_id)
    if person is None:
        raise NotFound()
    if not known_passkeys.count(Owner(staff_id=person.id)):
        actions.forget_totp(person, actor=who.actor)
        return
    before = actions.factors(person)
    actions.drop_totp(person)
    end_others(who)
    note(who, "totp_removed", "staff.totp_removed", before=before, after=actions.factors(person))


def replace_phone(who: SignedIn) -> None:
    """Another authenticator: see `actions.forget_totp`. One signs in anew, and sees its QR code after the password."""
    person = queries.lock_staff(who.staff_id)
    if person is None:
        raise NotFound()
    actions.forget_totp(person, actor=who.actor)


def end_others(who: SignedIn) -> None:
    """Every other session, and every browser that was trusted."""
    devices.end_all(who.staff_id)
    actions.end_sessions(StaffSession.staff_id == who.staff_id, StaffSession.id != who.session_id)
    _audit(who, "staff.signed_out_others")


def end_one(who: SignedIn, session_id: uuid.UUID) -> None:
    """One of one's own sessions; raises NotFound for anybody else's."""
    if session_id not in {each.id for each in queries.sessions_of(who.staff_id)}:
        raise NotFound()
    actions.end_sessions(StaffSession.id == session_id)
    _audit(who, "staff.signed_out_one")


def confirm(who: SignedIn, typed: str, *, clock: Clock | None = None) -> str | None:
    """A code once more, before what moves money or opens secrets: the session counts as fresh, under a new token, which is
    returned; None when the code is wrong (`clock`: see `totp.accept`). It lives no longer than before. Raises TooManyTries."""
    return confirm_with(who, lambda person: _accept_again(who, person, typed, clock))


def _accept_again(who: SignedIn, person: Staff, typed: str, clock: Clock | None) -> bool:
    """Who came by a passkey sets up an authenticator so: with its first code, in a session that is fresh."""
    is_new = person.totp_confirmed_at is None
    is_right = actions.accept_code(person, typed, kind="again", may_enrol=who.is_fresh, clock=clock) is not None
    if is_right and is_new and rules.is_totp_code(rules.plain_code(typed)):
        note(
            who,
            "authenticator",
            "staff.authenticator_added",
            before={"authenticator": False},
            after={"authenticator": True},
        )
    return is_right


def confirm_with(who: SignedIn, accept: Callable[[Staff], bool]) -> str | None:
    """Once more, with whatever `accept` looks at. As `confirm`."""
    person = queries.lock_staff(who.staff_id)
    session = queries.lock_live_session(who.session_id)
    if person is None or not person.is_active or session is None:
        return None
    if not accept(person):
        return None
    session.passed_totp_at = session.last_seen_at = db.now()
    return tokens.advance(session, StaffSpentToken) if session.is_program else actions.renew_token(session)


def set_authenticator(who: SignedIn, typed: str, *, clock: Clock | None = None) -> bool:
    """Another authenticator instead of the one there is: its secret is the one of `access.next_secrets`, and `typed` a code of
    it. The codes of the old one are dead, and wherever else they are signed in they are not any more. A mail tells. Beside
    passkeys alone it is the first one, and nothing else ends.

    False for a wrong code (`clock`: see `totp.accept`). Raises TooManyTries.
    """
    person, code = queries.lock_staff(who.staff_id), rules.plain_code(typed)
    if person is None:
        return False
    if person.totp_confirmed_at is None:
        return rules.is_totp_code(code) and _accept_again(who, person, typed, clock)
    attempt_id, now = actions.claim_try(person.email, kind="again"), db.now()
    secrets = access.next_secrets(who) if rules.is_totp_code(code) else []
    found = ((secret, rules.matching_step(secret, code, at=now)) for secret in secrets)
    secret, step = next((each for each in found if each[1] is not None), ("", None))
    if step is None:
        if clock is not None:
            clock.is_first = True
            clock.steps = next(filter(None, (rules.drift(each, code, at=now) for each in secrets)), 0)
        actions.note_wrong(attempt_id, person.email, person, kind="again")
        return False
    actions.note_right(attempt_id)
    person.totp_secret, person.last_totp_step, person.totp_confirmed_at = secret, step, now
    end_others(who)
    note(who, "totp_replaced", "staff.totp_changed")
    return True


def is_code(who: SignedIn, typed: str, *, totp_only: bool = False, clock: Clock | None = None) -> bool:
    """Whether it is a code of theirs, spent now (`clock`: see `totp.accept`). Raises TooManyTries."""
    person = queries.lock_staff(who.staff_id)
    if person is None or (totp_only and not rules.is_totp_code(rules.plain_code(typed))):
        return False
    return actions.accept_code(person, typed, kind="again", clock=clock) is not None


def prove_phone(who: SignedIn, typed: str) -> bool:
    """The number that a code was sent to is theirs from now on, instead of the one before; a mail tells. A wrong code counts.
    Raises TooManyTries."""
    person = queries.lock_staff(who.staff_id)
    if person is None:
        return False
    attempt_id = actions.claim_try(person.email, kind="again")
    phone = phones.spend(person.id, rules.plain_code(typed), session_id=who.session_id, purpose="phone")
    if phone is None:
        actions.note_wrong(attempt_id, person.email, person, kind="again")
        return False
    actions.note_right(attempt_id)
    before = {"phone": person.phone is not None}
    phones.set_number(person, phone)
    note(who, "phone", before=before, after={"phone": True})
    return True


def remove_phone(who: SignedIn) -> None:
    person = queries.lock_staff(who.staff_id)
    if person is not None and person.phone is not None:
        phones.forget(person)
        note(who, "phone_removed", "staff.phone_removed", before={"phone": True}, after={"phone": False})


def note(who: SignedIn, what: str, act: str = "", **changed: Mapping[str, Any]) -> None:
    """What one signs in with has changed: a mail tells, and it stands in the audit, with `before` and `after`: that something
    is there, never what it is."""
    outbox.record(StaffAccessChanged(who.staff_id, new_id(), what))
    _audit(who, act or f"staff.{what}_changed", **changed)


def prefer(who: SignedIn, chosen: Preferences) -> None:
    """How the back office looks to them from now on, wherever they are signed in. Raises BadPreference, and nothing changes,
    where there is no such language, time zone, theme or density."""
    if field := chosen.unknown():
        raise BadPreference(field)
    person = queries.lock_staff(who.staff_id)
    if person is None:
        raise NotFound()
    before = {name: getattr(person, name) for name in asdict(chosen)}
    changed = {name: value for name, value in asdict(chosen).items() if value != before[name]}
    if not changed:
        return
    for name, value in changed.items():
        setattr(person, name, value)
    _audit(who, "staff.preferences_changed", before={name: before[name] for name in changed}, after=changed)


def _audit(who: SignedIn, action: str, **changed: Mapping[str, Any]) -> None:
    audit.record(action, actor=who.actor, object_kind="staff", object_id=who.staff_id, **changed)
