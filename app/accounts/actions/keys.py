"""Passkeys of staff: two factors at once, as they ask for finger, face or PIN. In the caller's transaction."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from app.accounts import actions, queries
from app.accounts.actions import own, watching
from app.accounts.errors import LastFactor
from app.accounts.models import Staff
from app.accounts.queries import SignedIn
from app.audit import actions as audit
from app.core.passkeys import Party
from app.passkeys import actions as passkeys
from app.passkeys import queries as known_passkeys
from app.passkeys.actions import Given
from app.passkeys.models import Owner


@dataclass(frozen=True, slots=True)
class Entry:
    """`token` is for the cookie. Without `has_passed` it opens the page for the second step: somebody is at work in as many
    places as there may be, and can say there that the others shall end."""

    token: str
    has_passed: bool
    has_codes: bool


def owner(who: SignedIn) -> Owner:
    return Owner(staff_id=who.staff_id)


def sign_in(given: Given, *, instead_of: str | None, most_sessions: int) -> Entry | None:
    """Both steps at once; None for a passkey that is not believed, or whose owner does not work here any more.

    `instead_of` is the token of an earlier session of this browser, which ends. Raises TooManyTries.
    """
    known = known_passkeys.owner_of(given.answer.credential_id)
    person = queries.lock_staff(known.staff_id) if known and known.staff_id else None
    if not _accept(person, given, "staff_sign_in") or person is None:
        return None
    if instead_of:
        actions.end_session(instead_of)
    if len(queries.sessions_of(person.id)) >= most_sessions:
        return Entry(actions.start_session(person.id), has_passed=False, has_codes=True)
    has_codes = person.backup_codes_saved_at is not None
    return Entry(actions.open_passed(person), has_passed=True, has_codes=has_codes)


def pass_with_key(who: SignedIn, given: Given, *, most_sessions: int, end_others: bool = False) -> str | None:
    """The second step by passkey; as `actions.pass_code`. Raises TooManyTries, TooManySessions."""
    return actions.pass_with(
        who,
        lambda person: "passkey" if _accept(person, given, "staff_second") else None,
        most_sessions=most_sessions,
        end_others=end_others,
    )


def confirm(who: SignedIn, given: Given) -> str | None:
    """Once more by passkey; as `own.confirm`. Raises TooManyTries."""
    return own.confirm_with(who, lambda person: _accept(person, given, "staff_second", kind="again"))


def _accept(person: Staff | None, given: Given, purpose: str, *, kind: str = "passkey") -> bool:
    """Whether it is a passkey of a locked person. The same steps, and an entry in the log of tries, for one nobody knows."""
    account = person.email if person else f"passkey {given.answer.credential_id.hex()}"
    attempt_id = actions.claim_try(account, kind=kind)
    may_come = person is not None and person.is_active
    verdict = passkeys.use(given, purpose, owner=Owner(staff_id=person.id) if person and may_come else None)
    if verdict == "right":
        actions.note_right(attempt_id)
        return True
    if verdict == "copied" and person:
        watching.note_copied_passkey(person.id)
    actions.note_wrong(attempt_id, account, person, kind=kind)
    return False


def ask_to_add(who: SignedIn, *, party: Party, bound_to: bytes) -> dict[str, Any]:
    """Raises TooManyPasskeys."""
    return passkeys.ask_to_add(owner(who), "staff_add", party=party, bound_to=bound_to, email=who.email, name=who.email)


def set_up(who: SignedIn, given: Given, *, name: str, most_sessions: int, end_others: bool = False) -> str | None:
    """The first second factor of somebody who has given their password; then as `actions.pass_code`. Whoever has one already
    gets in by that alone. Raises TooManySessions."""

    def enrol(person: Staff) -> str | None:
        return "passkey" if not actions.has_second_factor(person) and _add(who, given, name=name) else None

    return actions.pass_with(who, enrol, most_sessions=most_sessions, end_others=end_others)


def add(who: SignedIn, given: Given, *, name: str) -> bool:
    """One more; False for an answer that is not believed, or when the session has ended meanwhile: who throws a thief out must
    not leave a key of theirs behind."""
    if queries.lock_staff(who.staff_id) is None or queries.lock_live_session(who.session_id) is None:
        return False
    return _add(who, given, name=name)


def _add(who: SignedIn, given: Given, *, name: str) -> bool:
    if passkeys.add(owner(who), given, "staff_add", name=name) is None:
        return False
    count = known_passkeys.count(owner(who))
    own.note(who, "passkey_added", "staff.passkey_added", before={"passkeys": count - 1}, after={"passkeys": count})
    return True


def rename(who: SignedIn, passkey_id: uuid.UUID, name: str) -> None:
    """Raises NotFound."""
    passkeys.rename(owner(who), passkey_id, name)
    audit.record("staff.passkey_renamed", actor=who.actor, object_kind="staff", object_id=who.staff_id)


def remove(who: SignedIn, passkey_id: uuid.UUID) -> None:
    """Raises NotFound; LastFactor for the only one of somebody without an authenticator."""
    person = queries.lock_staff(who.staff_id)  # who removes two at once removes one after the other
    passkeys.remove(owner(who), passkey_id)
    if person is None or not actions.has_second_factor(person):
        raise LastFactor()
    count = known_passkeys.count(owner(who))
    own.note(who, "passkey_removed", "staff.passkey_removed", before={"passkeys": count + 1}, after={"passkeys": count})
