"""The same somebody at the doors that came later: passkeys, tokens and keys of programs, codes by SMS. What opens them is noted."""

from __future__ import annotations

import json
import re
from typing import Any

from tests import api_keys, program
from tests.customers.patron import Patron
from tests.customers.test_measurements import TOP
from tests.notifications.carrier import Carrier
from tests.passkeys.keyring import Keyring
from tests.privacy.human import Human, note_cookies
from tests.program import Program
from tests.staff import StaffMember
from tools.webforms import form_to

BACKUP_CODE = re.compile(r"<code>((?:\d{4} ){3}\d{4})</code>")
CLEANUP = "/api/cron/stock-cleanup"


class NotedKeyring(Keyring):
    """What the device has signed last is in `signature`."""

    def credential(self, options: Any, **lies: Any) -> str:
        answer = super().credential(options, **lies)
        self.signature = json.loads(answer)["response"].get("signature", "")
        return answer


def note_measures(human: Human) -> None:
    """As they are typed, logged and stored: a number alone is nobody's."""
    cm = TOP["m_neck"]
    human.secrets |= {
        "a measure as stored": f'"neck": {cm.replace(".", "")}',
        "a measure in a form": f"m_neck={cm}",
        "a measure in a record": f"m_neck': '{cm}'",
    }


def come_with_a_device(patron: Patron, human: Human) -> None:
    ring = NotedKeyring(patron.client)
    page = "/account/security"
    names = {"passkey-name": f"Phone of {human.name}"}
    assert ring.press(page, sends={"passkey-current": human.password}, typed=names).status_code == 303
    patron.sign_out()
    assert ring.press("/login").status_code == 303
    human.secrets["signature of a passkey"] = ring.signature
    note_cookies(human, "the passkey", patron.client)


def send_programs(patron: Patron, human: Human) -> None:
    """A customer's: signed in, renewed, and a token that is no good."""
    known = program.program(patron.client.application)
    wrong = known.post(program.CUSTOMER_LOGIN, email=human.email, password=f"{human.password}?")
    assert wrong.status_code == 401, wrong.text
    known.take(known.post(program.CUSTOMER_LOGIN, email=human.email, password=human.password))
    note_tokens(human, "a customer", known)
    assert known.get("/api/v1/customer/preferences").status_code == 200
    known.take(known.refresh())
    note_tokens(human, "a customer, renewed", known)
    assert known.get("/api/v1/customer/preferences", f"{known.access}x").status_code == 401


def note_tokens(human: Human, whose: str, known: Program) -> None:
    human.secrets |= {
        f"access token of {whose}": known.access,
        f"its signature, of {whose}": known.access.rpartition(".")[2],
        f"refresh token of {whose}": known.refresh_token,
    }


def save_backup_codes(merchant: StaffMember, human: Human) -> None:
    page = "/admin/backup-codes"
    code = BACKUP_CODE.findall(merchant.get(page))[0]
    human.secrets |= {"a backup code": code, "a backup code, typed": code.replace(" ", "")}
    merchant.press(page, page)


def give_programs_keys(merchant: StaffMember, human: Human) -> None:
    """A key that signs, one in an address by mistake, and a member of staff's own tokens."""
    key = api_keys.make_key(merchant, "stock.view", "refunds.change")
    human.secrets |= {"API key": key.key, "signing secret": key.signing}
    assert key.get(CLEANUP).status_code == 200
    once = {"Idempotency-Key": f"{human.city} {human.email}"}
    answer = key.ask("POST", "/api/payments/refund", body={"payment_id": human.email}, **once)
    assert answer.status_code == 404, answer.text
    assert key.client.get(f"{CLEANUP}?key={key.key}").status_code == 400
    assert key.get(CLEANUP, Authorization=f"Bearer {key.key}0").status_code == 401
    own = program.program(merchant.client.application)
    challenge = own.challenge(merchant)
    human.secrets["challenge of a program"] = challenge
    own.take(own.post(program.VERIFY, challenge, code=merchant.code()))
    note_tokens(human, "the staff", own)
    assert own.get(CLEANUP).status_code == 200


def carry_a_phone(merchant: StaffMember, patron: Patron, carrier: Carrier, human: Human) -> None:
    """The number is proven by a code, and another browser signs in by the next."""
    page = "/admin/profile/phone"
    phone = "+60 17-330 8291"
    human.secrets |= {"staff phone": "+60173308291", "staff phone as typed": phone}
    merchant.press(page, f"{page}/number", phone=phone, phone_password=merchant.password)
    patron.deliver()
    note_code(human, "the number", carrier)
    merchant.press(page, f"{page}/code", code=carrier.code())
    other = StaffMember(merchant.client.application.test_client(), merchant.email, merchant.password, merchant.secret)
    assert other.give_password().status_code == 303
    form = form_to(other.get("/admin/totp"), "/admin/totp/sms")
    assert other.client.post(form.action, data=form.filled()).status_code == 303
    patron.deliver()
    note_code(human, "another browser", carrier)
    assert other.client.get("/admin/").status_code == 303
    assert other.give_code(carrier.code()).status_code == 303
    note_cookies(human, "the SMS", other.client)


def note_code(human: Human, where: str, carrier: Carrier) -> None:
    """Six digits alone stand in many a number: as they are sent, typed and written into records."""
    code = carrier.code()
    shapes = (f"#{code}", f'"{code}"', f"'{code}'", f"code={code}", f" {code} ", f">{code}<")
    human.secrets |= {f"code by SMS for {where} ({shape[0]})": shape for shape in shapes}


def bring_a_device_to_work(merchant: StaffMember, human: Human) -> None:
    ring = NotedKeyring(merchant.client)
    page = "/admin/profile/passkeys/new"
    assert ring.press(page, typed={"name": f"Key of {human.name}"}).status_code == 303
    other = NotedKeyring(merchant.client.application.test_client(), ring.device)
    assert other.press("/admin/login").status_code == 303
    human.secrets["signature of a passkey of staff"] = other.signature
    note_cookies(human, "the passkey of staff", other.client)
