"""Whether a webhook is PayPal's: the RSA signature is checked here, on raw bytes, against a certificate of PayPal's.

Signed is `transmission id|transmission time|webhook id|CRC-32 of the body` (PayPal docs, api/rest/webhooks). A header says
where the certificate is. What we trust is the place: the certificates' folder on the API's own host, over TLS that is
checked against the system's store (plain http only where the API itself is the local sandbox). Its chain is not walked:
PayPal serves the certificate without the ones between it and a root.

A stranger can name certificates too. So at most one is fetched in a few seconds, in a thread of its own, and the webhook
waits for it half a second: what cannot be checked now is refused (400) and comes again, PayPal tries for three days.
"""

from __future__ import annotations

import base64
import logging
import re
import threading
import time
import zlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID

from app.core import clock
from app.core.errors import Refused
from app.payments.errors import BadSignature, ProviderUnavailable
from app.payments.gateway import Notice
from app.payments.providers import paypal_entities as entities
from app.payments.providers.bounded import Session, environment_proxies, json_object

log = logging.getLogger(__name__)

SIGNATURE_HEADER = "paypal-transmission-sig"
ALGORITHM = "SHA256withRSA"
# The same certificates are served by either name of an environment; never take the test environment's for live money.
LIVE = ("https://api-m.paypal.com", "https://api.paypal.com")
SANDBOX = ("https://api-m.sandbox.paypal.com", "https://api.sandbox.paypal.com")
CERTIFICATE = r"/v1/notifications/certs/CERT-[A-Za-z0-9-]{1,100}"
PLAIN = re.compile(r"[\x21-\x7e]{1,100}")
LONGEST_SIGNATURE = 1024
LEAST_BITS = 2048
FETCH_TIMEOUT = (1.0, 1.0)  # seconds to connect, to read
WAIT_SECONDS = 0.5
BETWEEN_FETCHES_SECONDS = 5.0
MOST_KEPT = 16
KIND = re.compile(r"[A-Z0-9_.-]{1,100}")
DISPUTE_STEPS = {"CREATED": "created", "UPDATED": "under_review"}


class Signatures:
    """Checks signatures for one webhook; one object serves all threads of a process."""

    def __init__(self, *, webhook_id: str, api_url: str) -> None:
        self._webhook_id = webhook_id
        self._certificates = Certificates(api_url=api_url)

    def check(self, body: bytes, headers: Mapping[str, str]) -> None:
        """`headers` in lower case. Raises BadSignature."""
        names = ("paypal-transmission-id", "paypal-transmission-time")
        parts = [headers.get(name, "") for name in names]
        signature = _decoded(headers.get(SIGNATURE_HEADER, ""))
        if headers.get("paypal-auth-algo") != ALGORITHM or not all(PLAIN.fullmatch(part) for part in parts):
            raise BadSignature()
        key = self._certificates.key_at(headers.get("paypal-cert-url", ""))
        signed = "|".join([*parts, self._webhook_id, str(zlib.crc32(body))]).encode()
        try:
            key.verify(signature, signed, PKCS1v15(), SHA256())
        except InvalidSignature as error:
            raise BadSignature() from error


class Certificates:
    """Certificates by their address, fetched once and kept while they are valid."""

    def __init__(self, *, api_url: str) -> None:
        hosts = next((group for group in (LIVE, SANDBOX) if api_url in group), (api_url,))
        self._address = re.compile(f"(?:{'|'.join(map(re.escape, hosts))}){CERTIFICATE}")
        self._host = urlsplit(api_url).hostname
        self._proxies = environment_proxies(api_url)
        self._known: dict[str, x509.Certificate] = {}
        self._fetching = threading.Lock()
        self._next_fetch = 0.0

    def key_at(self, url: str) -> RSAPublicKey:
        """The public key of the certificate at an address. Raises BadSignature for one we do not trust or cannot get."""
        if len(url) > 500 or not self._address.fullmatch(url):
            raise BadSignature(code="foreign_certificate")
        certificate = self._known.get(url) or self._fetched(url)
        if certificate is None:
            raise BadSignature(code="certificate_unavailable")
        if not certificate.not_valid_before_utc <= clock.now() <= certificate.not_valid_after_utc:
            raise BadSignature(code="certificate_expired")
        key = certificate.public_key()
        if not isinstance(key, RSAPublicKey) or key.key_size < LEAST_BITS:
            raise BadSignature(code="weak_certificate")
        return key

    def _fetched(self, url: str) -> x509.Certificate | None:
        """Let a thread fetch it, unless one did a moment ago, and wait for it a little."""
        if not self._may_fetch():
            return None
        thread = threading.Thread(target=self._fetch, args=(url,), name="paypal-certificate", daemon=True)
        thread.start()
        thread.join(WAIT_SECONDS)
        return self._known.get(url)

    def _may_fetch(self) -> bool:
        with self._fetching:
            if time.monotonic() < self._next_fetch:
                return False
            self._next_fetch = time.monotonic() + BETWEEN_FETCHES_SECONDS
            return True

    def _fetch(self, url: str) -> None:
        with Session(_certificate, proxies=self._proxies) as session:
            try:
                certificate = session.request("GET", url, timeout=FETCH_TIMEOUT)
            except (BadSignature, ProviderUnavailable) as failure:
                log.warning("no certificate for a webhook", extra={"host": self._host, "reason": failure.code})
                return
        self._keep(url, certificate)

    def _keep(self, url: str, certificate: x509.Certificate) -> None:
        kept = [*self._known.items(), (url, certificate)]
        self._known = dict(kept[-MOST_KEPT:])


def _certificate(status: int, body: bytes) -> x509.Certificate:
    """The first certificate of a PEM file, if it is in PayPal's name."""
    if status != 200:
        raise BadSignature(code="certificate_unavailable")
    try:
        certificate = x509.load_pem_x509_certificate(body)
        names = [name.value for name in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    except ValueError as error:
        raise BadSignature(code="malformed_certificate") from error
    if not any(str(name).endswith(".paypal.com") for name in names):
        raise BadSignature(code="foreign_certificate")
    return certificate


def _decoded(signature: str) -> bytes:
    try:
        if len(signature) > LONGEST_SIGNATURE:
            raise ValueError
        return base64.b64decode(signature, validate=True)
    except ValueError as error:
        raise BadSignature() from error


def notice_of(body: bytes) -> Notice:
    """What a verified event is about. Raises Refused for a body that says nothing."""
    event = json_object(body) or {}
    event_id, event_type = (entities.text_of(event, name) for name in ("id", "event_type"))
    if not KIND.fullmatch(event_type) or not entities.IDENTIFIER.fullmatch(event_id):
        raise Refused(code="malformed_notice")
    resource = entities.as_dict(event.get("resource"))
    kind, order_id = _kind(event_type, resource), _order_id(event_type, resource)
    return Notice(
        event_id=event_id,
        kind=kind,
        provider_order_id=order_id,
        provider_payment_id=order_id,
        provider_refund_id=_usable(resource, "id") if kind.startswith("refund") else "",
        receipt=_receipt(resource),
        provider_dispute_id=_usable(resource, "dispute_id"),
    )


def _order_id(event_type: str, resource: Mapping[str, Any]) -> str:
    if event_type.startswith("CHECKOUT.ORDER."):
        return _usable(resource, "id")
    related = entities.as_dict(resource.get("supplementary_data")).get("related_ids")
    return _usable(related, "order_id") or _usable(resource, "order_id")


def _receipt(resource: Mapping[str, Any]) -> str:
    """What we called the payment: the events of refunds and disputes name no order."""
    disputed = entities.as_dicts(resource.get("disputed_transactions"))
    named = {"receipt": entities.receipt_of(resource)}
    return _usable(named, "receipt") or (_usable(disputed[0], "invoice_number") if disputed else "")


def _kind(event_type: str, resource: Mapping[str, Any]) -> str:
    """In the words the shop knows from other providers: `refund.…` and `payment.dispute.…`; else PayPal's, in lower case.

    A reversal (PayPal takes the money back) counts as a refund: what it came to, the answer to the next question tells.
    """
    *_, family, step = ("", "", *event_type.split("."))
    if family == "DISPUTE":
        outcome = entities.text_of(resource.get("dispute_outcome"), "outcome_code")
        return f"payment.dispute.{DISPUTE_STEPS.get(step) or entities.DISPUTE_ENDS.get(outcome, 'closed')}"
    if family == "REFUND" or event_type in ("PAYMENT.CAPTURE.REFUNDED", "PAYMENT.CAPTURE.REVERSED"):
        return f"refund.{step.lower()}"
    return event_type.lower()


def _usable(entity: Any, name: str) -> str:
    value = entities.text_of(entity, name)
    return value if entities.IDENTIFIER.fullmatch(value) else ""
