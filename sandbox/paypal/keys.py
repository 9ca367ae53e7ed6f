"""Who the merchant is, and what signs the webhooks: RSA keys with certificates of our own, kept over restarts.

PayPal signs `transmission id|transmission time|webhook id|CRC-32 of the body` with SHA256withRSA and says in a header
where its certificate is (PayPal docs, api/rest/webhooks). Of the three keys, `current` and `old` have certificates that
are served; `wrong` signs what claims to be signed by `current`.
"""

import base64
import datetime
import secrets
import threading
import zlib
from collections.abc import Callable
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

from sandbox.store import Store
from sandbox.webhooks import Job, Letter

CERTS = "/paypal/v1/notifications/certs/"


@dataclass(frozen=True)
class Keys:
    client_id: str = "paypal_sandbox_client"
    client_secret: str = "paypal_sandbox_secret"  # noqa: S105 for a bank that exists on this machine only
    webhook_id: str = "WHSANDBOX00000001"


def keys_from(value: Callable[[str, str], str]) -> Keys:
    """`value(name, default)` reads the environment."""
    plain = Keys()
    return Keys(
        client_id=value("PAYPAL_CLIENT_ID", plain.client_id),
        client_secret=value("PAYPAL_CLIENT_SECRET", plain.client_secret),
        webhook_id=value("PAYPAL_WEBHOOK_ID", plain.webhook_id),
    )


class Signer:
    def __init__(self, store: Store, webhook_id: str):
        self._store = store
        self._webhook_id = webhook_id
        self._lock = threading.Lock()
        self._loaded: dict[str, tuple[rsa.RSAPrivateKey, str, bytes]] = {}
        self.base_url = store.setting("paypal_base_url", "")

    def spoken_to_at(self, url: str) -> None:
        """Remembers this sandbox's own address: links and the certificate's address must be on the API's host."""
        if url != self.base_url:
            self.base_url = url
            self._store.set_setting("paypal_base_url", url)

    def certificate(self, cert_id: str) -> bytes | None:
        """The PEM of a certificate that is served, by its id."""
        return next(
            (pem for name in ("current", "old") for _, known, pem in [self._key(name)] if known == cert_id), None
        )

    def write(self, job: Job, key_name: str, at: float) -> Letter:
        """One delivery as PayPal sends it."""
        key, _, _ = self._key(key_name)
        _, cert_id, _ = self._key("old" if key_name == "old" else "current")
        sent_at = datetime.datetime.fromtimestamp(at, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        transmission = secrets.token_hex(16)
        signed = f"{transmission}|{sent_at}|{self._webhook_id}|{zlib.crc32(job.body)}".encode()
        signature = key.sign(signed, padding.PKCS1v15(), hashes.SHA256())
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "PayPal/AUHR-214.0-55417034",
            "PAYPAL-AUTH-ALGO": "SHA256withRSA",
            "PAYPAL-CERT-URL": f"{self.base_url}{CERTS}{cert_id}",
            "PAYPAL-TRANSMISSION-ID": transmission,
            "PAYPAL-TRANSMISSION-SIG": base64.b64encode(signature).decode(),
            "PAYPAL-TRANSMISSION-TIME": sent_at,
        }
        return Letter(headers, job.body)

    def _key(self, name: str) -> tuple[rsa.RSAPrivateKey, str, bytes]:
        with self._lock:
            if name not in self._loaded:
                self._loaded[name] = _load(self._store, name)
            return self._loaded[name]


def _load(store: Store, name: str) -> tuple[rsa.RSAPrivateKey, str, bytes]:
    """Key, certificate id and certificate; drawn on first use (it takes a tenth of a second) and kept."""
    stored = store.setting(f"paypal_key_{name}", "")
    if not stored:
        drawn = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        stored = f"CERT-{secrets.token_hex(4)}-{secrets.token_hex(4)}\n" + _pem_of(drawn) + _certificate_of(drawn)
        store.set_setting(f"paypal_key_{name}", stored)
    cert_id, _, rest = stored.partition("\n")
    begin = rest.index("-----BEGIN CERTIFICATE")
    key = serialization.load_pem_private_key(rest[:begin].encode(), password=None)
    assert isinstance(key, rsa.RSAPrivateKey)  # noqa: S101 we wrote it
    return key, cert_id, rest[begin:].encode()


def _pem_of(key: rsa.RSAPrivateKey) -> str:
    kind, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, kind, plain).decode()


def _certificate_of(key: rsa.RSAPrivateKey) -> str:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "messageverificationcerts.paypal.com")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=3650))
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM).decode()
