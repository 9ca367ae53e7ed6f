"""Keys and signatures at the same moment: over HTTP, from processes of their own, to the shop's four web processes."""

import json
import subprocess
import sys
import time
import uuid
from collections import Counter
from functools import partial
from urllib.parse import urlsplit

import pytest
import requests

from app.core import db, outbox
from chaos import races
from tests.api_keys import SHOWN, signature
from tests.races.test_refunds import Desk, bought, refunded, refunds_at
from tools.webforms import form_to

NEW, HEALTH = "/admin/api-keys/new", "/api/health/detailed"
# Connected and with the request in hand, each waits for its line of input.
CLIENT = """
import http.client, json, sys
host, path, headers, body = json.loads(sys.argv[1])
link = http.client.HTTPConnection(host, timeout=60)
link.connect()
print("there", flush=True)
sys.stdin.readline()
link.request("POST", path, body, headers)
print(link.getresponse().status)
"""


def from_processes(count, url, headers, body):
    """The statuses of one request, sent at once by so many processes."""
    asked = json.dumps([urlsplit(url).netloc, urlsplit(url).path, headers, body])
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    clients = [subprocess.Popen([sys.executable, "-c", CLIENT, asked], **pipes) for _ in range(count)]
    try:
        assert {client.stdout.readline() for client in clients} == {"there\n"}
        for client in clients:
            client.stdin.write("go\n")
            client.stdin.flush()
        return Counter(int(client.communicate(timeout=60)[0]) for client in clients)
    finally:
        for client in clients:
            client.kill()


def make(desk, *scopes, name=None):
    """(key, signing secret or none) of a new key."""
    form = form_to(desk.session.get(desk.base + NEW, timeout=30).text, NEW)
    data = {**form.filled(name=name or f"Key {uuid.uuid4()}"), "scope": list(scopes)}
    return SHOWN.findall(desk.session.post(desk.base + NEW, data=data, timeout=30).text)


def page_of(key):
    found = db.scalar("SELECT key_id FROM api_key_secret WHERE public_id = :id", id=key.split("_")[1])
    db.release()
    return f"/admin/api-keys/{found}"


def press(desk, page, act):
    form = form_to(desk.session.get(desk.base + page, timeout=30).text, f"{page}/{act}")
    return partial(desk.session.post, desk.base + form.action, data=form.filled(), allow_redirects=False, timeout=30)


def status(desk, key):
    answer = requests.get(desk.base + HEALTH, headers={"Authorization": f"Bearer {key}"}, timeout=30)
    return answer.status_code


@pytest.fixture
def desk(stand):
    return Desk(stand, f"keys-{uuid.uuid4()}@example.com")


def test_of_twenty_replays_at_once_one_counts(stand, bank, desk):
    order_id, _total = bought(stand, bank, 910)
    key, signing = make(desk, "refunds.change")
    path, body, idempotency_key = (
        f"/api/v1/admin/orders/{order_id}/refund",
        json.dumps({"amount": 700, "reason": ""}),
        uuid.uuid4(),
    )
    headers = {
        "Authorization": f"Bearer {key}",
        "Content-Type": "application/json",
        "Idempotency-Key": str(idempotency_key),
        **signature(signing, "POST", path, body.encode(), key=str(idempotency_key)),
    }
    assert from_processes(20, desk.base + path, headers, body) == {201: 1, 401: 19}
    races.at_once([outbox.drain] * 4)
    assert (refunded(bank, order_id), len(refunds_at(bank, order_id))) == (700, 1)
    assert (stand.faults(), stand.accidents()) == ({}, 0)


def test_two_who_rotate_at_once_make_one_secret(desk):
    for _ in range(5):
        key = make(desk, "system.view")[0]
        answers = races.at_once([press(desk, page_of(key), "rotate") for _ in range(6)])
        new = [SHOWN.findall(answer.text)[0] for answer in answers if answer.status_code == 200]
        assert (len(new), Counter(answer.status_code for answer in answers)) == (1, {200: 1, 303: 5})
        assert [status(desk, each) for each in (key, new[0])] == [200, 200]
        made = db.scalar("SELECT count(*) FROM api_key_secret WHERE key_id = :id", id=page_of(key).rpartition("/")[2])
        db.release()
        assert made == 2


def test_a_revoked_key_is_refused_from_the_answer_on(desk):
    """Used, rotated and revoked at the same moment: whatever comes after the revocation's answer is refused everywhere."""
    for _ in range(5):
        key = make(desk, "system.view")[0]
        page = page_of(key)
        rotation, revocation = press(desk, page, "rotate"), press(desk, page, "revoke")
        uses = [partial(status, desk, key) for _ in range(6)]
        rotated, revoked, *used = races.at_once([rotation, revocation, *uses])
        assert revoked.status_code == 303
        assert set(used) <= {200, 401}
        new = SHOWN.findall(rotated.text) if rotated.status_code == 200 else []
        assert [status(desk, each) for each in (key, *new) for _ in range(4)] == [401] * 4 * (1 + len(new))


def test_a_form_sent_by_twenty_at_once_makes_one_key(desk):
    name = f"Twenty {time.time_ns()}"
    form = form_to(desk.session.get(desk.base + NEW, timeout=30).text, NEW)
    data = {**form.filled(name=name), "scope": ["system.view"]}
    send = partial(desk.session.post, desk.base + NEW, data=data, timeout=30)
    answers = races.at_once([send] * 20)
    assert Counter(answer.status_code for answer in answers) == {200: 1, 409: 19}
