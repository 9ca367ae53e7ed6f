"""Verbs of whoever looks after the staff: invite, give a role, let go and take back, help with a lost phone; roles of the
shop's own. All in the caller's transaction, each noted in the audit. Nobody handles more than they hold themselves."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Iterable
from functools import cached_property
from typing import Any

import pyotp

from app.accounts import actions, queries, rules
from app.accounts.actions import devices, resets
from app.accounts.errors import (
    AccountClosed,
    AlreadyInvited,
    EmailTaken,
    InvitationOver,
    LastOwner,
    NameTaken,
    NotYours,
    RoleInUse,
    Yourself,
)
from app.accounts.events import StaffAccessChanged, StaffInvited
from app.accounts.models import Staff, StaffInvitation, StaffRole
from app.accounts.queries import SignedIn
from app.audit import actions as audit
from app.core import clock, crypto, db, outbox, passwords
from app.core.errors import NotFound
from app.core.ids import new_id


class Chosen:
    """A role as a form names it: one of the shop's kinds, or the id of a role of its own. Raises NotFound for another."""

    def __init__(self, named: str) -> None:
        self.role = named if named in rules.ROLES else rules.CUSTOM
        self.role_id = _uuid(named) if self.role == rules.CUSTOM else None

    @cached_property
    def rights(self) -> frozenset[str]:
        if self.role_id is None:
            return rules.rights_of(self.role)
        own = queries.lock_role(self.role_id)
        if own is None:
            raise NotFound()
        return rules.rights_of(self.role, own.rights)

    @property
    def name(self) -> str:
        return str(self.role_id or self.role)


def _uuid(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        raise NotFound() from None


def invite(email: str, chosen: Chosen, *, by: SignedIn) -> uuid.UUID:
    """Ask somebody to join, by mail. Raises EmailTaken (AccountClosed of who left), AlreadyInvited, NotYours, NotFound."""
    _demand(rules.may_handle(by.rights, chosen.rights))
    queries.lock_account(email, kind="invitation")
    if known := queries.lock_staff_by_email(email):
        raise EmailTaken() if known.is_active else AccountClosed(known.id)
    if queries.open_invitation_to(email):
        raise AlreadyInvited()
    invitation = StaffInvitation(
        id=new_id(),
        email=email,
        email_index=crypto.blind_index(email),
        role=chosen.role,
        role_id=chosen.role_id,
        invited_by=by.staff_id,
    )
    _send(invitation)
    db.session.add(invitation)
    _note("staff.invited", invitation, by=by.actor, role=chosen.name)
    return invitation.id


def send_again(invitation_id: uuid.UUID, *, by: SignedIn) -> None:
    """A new link by mail, for which `by` vouches now; the one before is dead. Raises InvitationOver, NotYours, NotFound."""
    invitation = _open_invitation(invitation_id, by=by)
    invitation.mail_number, invitation.invited_by = invitation.mail_number + 1, by.staff_id
    _send(invitation)
    _note("staff.invited_again", invitation, by=by.actor, number=invitation.mail_number)


def revoke(invitation_id: uuid.UUID, *, by: SignedIn) -> None:
    """Raises InvitationOver, NotYours, NotFound."""
    _revoke(_open_invitation(invitation_id, by=by), by=by)


def _revoke(invitation: StaffInvitation, *, by: SignedIn) -> None:
    invitation.revoked_at, invitation.mail_token = clock.now(), None
    _note("staff.invitation_revoked", invitation, by=by.actor)


def _revoke_beyond(held: frozenset[str], inviter: Staff, *, by: SignedIn) -> None:
    """An invitation opens no more than whoever sent it may still give."""
    for invitation in queries.lock_invitations_by(inviter.id):
        if not rules.may_handle(held, _rights(invitation)):
            _revoke(invitation, by=by)


def _send(invitation: StaffInvitation) -> None:
    token = secrets.token_urlsafe(32)
    invitation.token_hash, invitation.mail_token = queries.token_hash(token), token
    hours = rules.INVITATION_HOURS
    invitation.expires_at = db.scalar("SELECT clock_timestamp() + make_interval(hours => :hours)", hours=hours)
    outbox.record(StaffInvited(invitation.id, invitation.mail_number or 1))


def _open_invitation(invitation_id: uuid.UUID, *, by: SignedIn) -> StaffInvitation:
    invitation = queries.lock_invitation(invitation_id)
    if invitation is None:
        raise NotFound()
    if invitation.accepted_at or invitation.revoked_at:
        raise InvitationOver()
    _demand(rules.may_handle(by.rights, _rights(invitation)))
    return invitation


def forget_token(invitation_id: uuid.UUID, token: str) -> None:
    """The mail with this link has left: from now on only whoever got it knows it."""
    invitation = queries.lock_invitation(invitation_id)
    if invitation and invitation.mail_token == token:
        invitation.mail_token = None


def accept(token: str, *, password_hash: str) -> uuid.UUID:
    """Join, with a password of one's own; an authenticator comes next. Returns the id of the account.

    Raises InvitationOver for a link that was used, revoked, replaced or ran out, or whose sender may not give this role any
    more: however many use it at once, one joins.
    """
    found = queries.invitation_by_token(token)
    inviter = queries.lock_staff(found[0].invited_by) if found else None  # before the invitation, as `let_go` does
    invitation = queries.lock_invitation(found[0].id) if found else None
    again = queries.invitation_by_token(token)
    if invitation is None or again is None or not again[1]:
        raise InvitationOver()
    if inviter is None or not inviter.is_active or not rules.may_handle(_rights(inviter), _rights(invitation)):
        raise InvitationOver()
    if queries.lock_staff_by_email(invitation.email):
        raise InvitationOver()
    person = Staff(
        id=new_id(),
        email=invitation.email,
        email_index=crypto.blind_index(invitation.email),
        password_hash=password_hash,
        role=invitation.role,
        role_id=invitation.role_id,
        totp_secret=pyotp.random_base32(),
    )
    db.session.add(person)
    invitation.accepted_at, invitation.mail_token = clock.now(), None
    _note("staff.joined", person, by=f"staff:{person.id}", invitation=str(invitation.id))
    return person.id


def give_role(staff_id: uuid.UUID, chosen: Chosen, *, by: SignedIn) -> bool:
    """False when they have this role already. Raises LastOwner, NotYours, Yourself, NotFound."""
    person = _colleague(staff_id, by=by, is_leaving=chosen.role != rules.OWNER)
    _demand(rules.may_handle(by.rights, chosen.rights))
    before = str(person.role_id or person.role)
    if before == chosen.name:
        return False
    person.role, person.role_id = chosen.role, chosen.role_id
    _revoke_beyond(chosen.rights, person, by=by)
    _note("staff.role_given", person, by=by.actor, before={"role": before}, after={"role": chosen.name})
    return True


def let_go(staff_id: uuid.UUID, *, by: SignedIn) -> bool:
    """They cannot sign in any more, are signed out everywhere, and whom they invited cannot join. False when it is so already.

    Raises LastOwner, NotYours, Yourself, NotFound.
    """
    person = _colleague(staff_id, by=by, is_leaving=True)
    if not person.is_active:
        return False
    person.is_active = False
    resets.end_access(person)
    _revoke_beyond(frozenset(), person, by=by)
    _note("staff.let_go", person, by=by.actor, before={"active": True}, after={"active": False})
    return True


def take_back(staff_id: uuid.UUID, *, by: SignedIn) -> bool:
    """They may sign in again, as before. Raises NotYours, Yourself, NotFound."""
    person = _colleague(staff_id, by=by)
    if person.is_active:
        return False
    person.is_active = True
    _note("staff.taken_back", person, by=by.actor, before={"active": False}, after={"active": True})
    return True


def sign_out(staff_id: uuid.UUID, *, by: SignedIn) -> None:
    """End every session of a colleague. Raises NotYours, Yourself, NotFound."""
    person = _colleague(staff_id, by=by)
    devices.end_all(person.id)
    actions.end_all_sessions(person.id)
    _note("staff.signed_out", person, by=by.actor)


def replace_phone(staff_id: uuid.UUID, *, by: SignedIn) -> None:
    """A colleague's phone is lost: see `actions.forget_totp`. Raises LastOwner, NotYours, Yourself, NotFound."""
    actions.forget_totp(_colleague(staff_id, by=by, is_leaving=True), actor=by.actor)


def end_password(staff_id: uuid.UUID, *, by: SignedIn) -> None:
    """No password opens a colleague's account until they choose another by a link to their mailbox; their second factor stays.
    A mail tells. Raises NotYours, Yourself, NotFound."""
    person = _colleague(staff_id, by=by)
    person.password_hash = passwords.hash_of_nobody()
    resets.end_access(person)
    outbox.record(StaffAccessChanged(person.id, new_id(), "password_ended"))
    _note("staff.password_ended", person, by=by.actor, before={"password": True}, after={"password": False})


def _colleague(staff_id: uuid.UUID, *, by: SignedIn, is_leaving: bool = False) -> Staff:
    """Somebody else, locked, of whom `by` may dispose; and if they leave the owners, another owner stays."""
    owners = queries.lock_owners() if is_leaving else []
    person = queries.lock_staff(staff_id)
    if person is None:
        raise NotFound()
    if person.id == by.staff_id:
        raise Yourself()
    _demand(rules.may_handle(by.rights, _rights(person)))
    if person in owners and not any(actions.has_second_factor(each) for each in owners if each is not person):
        raise LastOwner()
    return person


def _rights(held: Staff | StaffInvitation) -> frozenset[str]:
    own = queries.role(held.role_id) if held.role_id else None
    return rules.rights_of(held.role, own.rights if own else None)


def _demand(is_allowed: bool) -> None:
    if not is_allowed:
        raise NotYours()


def add_role(name: str, rights: Iterable[str], *, by: SignedIn) -> uuid.UUID:
    """A role of the shop's own. Raises NameTaken, NotYours."""
    chosen = rules.rights_of(rules.CUSTOM, rights)
    _demand(rules.may_handle(by.rights, chosen))
    _demand_free(name)
    role = StaffRole(id=new_id(), name=name, rights=sorted(chosen))
    db.session.add(role)
    _note("staff.role_added", role, by=by.actor, after={"name": name, "rights": role.rights})
    return role.id


def change_role(role_id: uuid.UUID, name: str, rights: Iterable[str], *, by: SignedIn) -> None:
    """For everybody who has it, from their next click on. Raises NameTaken, NotYours, Yourself (nobody widens or narrows
    what they can do themselves), NotFound."""
    role = _own_role(role_id, by=by)
    chosen = rules.rights_of(rules.CUSTOM, rights)
    _demand(rules.may_handle(by.rights, chosen))
    if name.casefold() != role.name.casefold():
        _demand_free(name)
    before = {"name": role.name, "rights": list(role.rights)}
    role.name, role.rights = name, sorted(chosen)
    _note("staff.role_changed", role, by=by.actor, before=before, after={"name": name, "rights": role.rights})


def remove_role(role_id: uuid.UUID, *, by: SignedIn) -> None:
    """Raises RoleInUse, NotYours, Yourself, NotFound."""
    role = _own_role(role_id, by=by)
    if queries.holders().get(role_id):
        raise RoleInUse()
    db.rows("DELETE FROM staff_invitation WHERE role_id = :role RETURNING id", role=role_id)  # over: they count nowhere
    db.session.delete(role)
    _note("staff.role_removed", role, by=by.actor, before={"name": role.name, "rights": list(role.rights)})


def _own_role(role_id: uuid.UUID, *, by: SignedIn) -> StaffRole:
    role = queries.lock_role(role_id)
    if role is None:
        raise NotFound()
    if by.role_id == role.id:
        raise Yourself()
    _demand(rules.may_handle(by.rights, rules.rights_of(rules.CUSTOM, role.rights)))
    return role


def _demand_free(name: str) -> None:
    queries.lock_account(name, kind="role")
    if any(each.name.casefold() == name.casefold() for each in queries.roles()):
        raise NameTaken()


def _note(action: str, about: Staff | StaffInvitation | StaffRole, *, by: str, **facts: Any) -> None:
    kind = {Staff: "staff", StaffInvitation: "staff_invitation", StaffRole: "staff_role"}[type(about)]
    audit.record(action, actor=by, object_kind=kind, object_id=about.id, **facts)
