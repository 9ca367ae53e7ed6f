"""PayPal's official server SDK, made safe to call. One client per thread; one access token per process.

The session below the SDK is ours: it bounds each operation in time, keeps status and debug id of a refusal, and raises
ProviderRefused or ProviderUnavailable before the SDK sees an answer. Of an answer the SDK gets only a token's plain
fields: it decodes bodies with jsonpickle, which builds whatever Python object a body names. The body itself is read here.
The SDK is never told to retry (its `max_retries` stays 0): a repetition belongs to whoever holds the idempotency key.
"""

from __future__ import annotations

import json
import logging
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from apimatic_core.exceptions.auth_validation_exception import AuthValidationException
from paypalserversdk.configuration import Configuration
from paypalserversdk.http.auth.o_auth_2 import ClientCredentialsAuthCredentials
from paypalserversdk.paypal_serversdk_client import PaypalServersdkClient

from app.payments.errors import ProviderRefused, ProviderUnavailable
from app.payments.providers.bounded import UNDECIDED, Budget, Patience, Session, environment_proxies, json_object

log = logging.getLogger(__name__)

TOKEN_FIELDS = ("access_token", "token_type", "expires_in")
RENEW_SECONDS = 60  # before a token ends, a new one is asked for
WHOLE = "return=representation"


class Clients:
    """One client per thread and process: its connection stays open between calls and is shared with nobody."""

    def __init__(self, *, client_id: str, client_secret: str, api_url: str) -> None:
        self._keys = (client_id, client_secret)
        self._api_url = api_url
        self._proxies = environment_proxies(api_url)
        self._tokens: dict[int, _Tokens] = {}
        self._here = threading.local()

    def mine(self) -> Client:
        process = os.getpid()
        if getattr(self._here, "process", None) != process:
            self._here.process = process
            tokens = self._tokens.setdefault(process, _Tokens())
            self._here.client = Client(keys=self._keys, api_url=self._api_url, proxies=self._proxies, tokens=tokens)
        client: Client = self._here.client
        return client


class Client:
    """The calls we make, each answered with PayPal's JSON. Raises ProviderRefused or ProviderUnavailable."""

    def __init__(self, *, keys: tuple[str, str], api_url: str, proxies: Mapping[str, str], tokens: _Tokens) -> None:
        self._api_url = api_url
        self._tokens = tokens
        self._session = _Session(proxies=proxies)
        credentials = ClientCredentialsAuthCredentials(
            *keys,
            o_auth_clock_skew=RENEW_SECONDS,
            o_auth_token_provider=lambda _last, auth: tokens.current(auth, self._session.budget),
        )
        self._sdk = PaypalServersdkClient(config=_Configuration(api_url, self._session, credentials))

    def create_order(self, body: Mapping[str, Any], *, key: str, budget: Budget) -> dict[str, Any]:
        options = {"body": body, "paypal_request_id": key, "prefer": WHOLE}
        return self._ask(self._sdk.orders.create_order, options, budget)

    def get_order(self, order_id: str, *, budget: Budget) -> dict[str, Any]:
        return self._ask(self._sdk.orders.get_order, {"id": order_id}, budget)

    def capture_order(self, order_id: str, *, key: str, budget: Budget) -> dict[str, Any]:
        options = {"id": order_id, "paypal_request_id": key, "prefer": WHOLE}
        return self._ask(self._sdk.orders.capture_order, options, budget)

    def patch_order(self, order_id: str, patches: Sequence[Mapping[str, str]], *, budget: Budget) -> None:
        self._ask(self._sdk.orders.patch_order, {"id": order_id, "body": patches}, budget)

    def refund_capture(self, capture_id: str, body: Mapping[str, Any], *, key: str, budget: Budget) -> dict[str, Any]:
        options = {"capture_id": capture_id, "body": body, "paypal_request_id": key, "prefer": WHOLE}
        return self._ask(self._sdk.payments.refund_captured_payment, options, budget)

    def get_capture(self, capture_id: str, *, budget: Budget) -> dict[str, Any]:
        return self._ask(self._sdk.payments.get_captured_payment, {"capture_id": capture_id}, budget)

    def search_transactions(self, asked: Mapping[str, Any], *, budget: Budget) -> dict[str, Any]:
        return self._ask(self._sdk.transaction_search.search_transactions, asked, budget)

    def get_dispute(self, dispute_id: str, *, budget: Budget) -> dict[str, Any]:
        """The SDK has no call for disputes: plain HTTP, under the token that its other calls use."""
        return self._ask(self._fetch, {"path": f"/v1/customer/disputes/{quote(dispute_id, safe='')}"}, budget)

    def list_disputes(self, asked: Mapping[str, str], *, budget: Budget) -> dict[str, Any]:
        return self._ask(self._fetch, {"path": f"/v1/customer/disputes?{urlencode(asked)}"}, budget)

    def _fetch(self, options: Mapping[str, Any]) -> None:
        token = self._tokens.current(self._sdk.oauth_2, self._session.budget)
        headers = {"Authorization": f"Bearer {token.access_token}", "Accept": "application/json"}
        self._session.request("GET", self._api_url + options["path"], headers=headers)

    def _ask(self, call: Callable[[Any], Any], options: Mapping[str, Any], budget: Budget) -> dict[str, Any]:
        """A token that was taken back early is replaced once: a call with it was not acted on."""
        self._session.budget = budget
        try:
            return self._answer(call, options)
        except ProviderUnavailable as failure:
            if failure.facts.get("status") != 401 or not self._tokens.forget():
                raise
        return self._answer(call, options)

    def _answer(self, call: Callable[[Any], Any], options: Mapping[str, Any]) -> dict[str, Any]:
        try:
            call(options)
        except AuthValidationException as error:
            raise ProviderUnavailable(reason="no token") from error
        return self._session.content


class _Configuration(Configuration):
    """The SDK knows PayPal's two environments only; ours says where the API is."""

    def __init__(self, api_url: str, session: _Session, credentials: ClientCredentialsAuthCredentials) -> None:
        super().__init__(http_client_instance=session, client_credentials_auth_credentials=credentials)
        self._api_url = api_url

    def get_base_uri(self, server: object = None) -> str:
        return self._api_url


class _Tokens:
    """The access token of a process. Threads that need a new one at the same time wait for the first of them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._token: Any = None

    def current(self, auth: Any, budget: Budget) -> Any:
        if not self._lock.acquire(timeout=budget.left):
            raise ProviderUnavailable(reason="timeout")
        try:
            if self._token is None or auth.is_token_expired(self._token):
                self._token = auth.fetch_token()
            return self._token
        finally:
            self._lock.release()

    def forget(self) -> bool:
        """Let every client find its token expired. False when there was none."""
        with self._lock:
            token, self._token = self._token, None
            if token is not None:
                token.expiry = 0
            return token is not None


@dataclass(frozen=True, slots=True)
class _Answer:
    """What the SDK looks at of a successful answer."""

    status_code: int
    text: str
    reason: str = "OK"
    headers: Mapping[str, str] = field(default_factory=dict)


class _Session(Session):
    """`content` is the body of the last successful answer; `budget` is what the operation under way has left."""

    def __init__(self, *, proxies: Mapping[str, str]) -> None:
        super().__init__(self._weigh, proxies=proxies, code="paypal")
        self.budget = Budget(Patience())
        self.content: dict[str, Any] = {}

    def request(self, method: Any, url: Any, *arguments: Any, **options: Any) -> Any:
        return super().request(method, url, *arguments, **options | {"timeout": self.budget.timeout()})

    def _weigh(self, status: int, body: bytes) -> _Answer:
        content = {} if status == 204 and not body else json_object(body)
        if content is None or not 200 <= status < 300:
            raise _failure(status, content or {})
        self.content = content
        plain = {name: content[name] for name in TOKEN_FIELDS if isinstance(content.get(name), (str, int))}
        return _Answer(status, json.dumps(plain))


def _failure(status: int, content: Mapping[str, Any]) -> ProviderRefused | ProviderUnavailable:
    """PayPal understood and said no (400, 404, 422 in its own shape), or nothing is decided: 409 is a call under way."""
    name, debug_id = (str(content.get(each) or "")[:100] for each in ("name", "debug_id"))
    if 400 <= status < 500 and status not in UNDECIDED | {409} and name:
        issue, description = _first_detail(content)
        log.info("refused by PayPal", extra={"status": status, "issue": issue, "debug_id": debug_id})
        return ProviderRefused(description, status=status, reason=issue or name, debug_id=debug_id)
    log.warning("the provider gave no usable answer", extra={"status": status, "debug_id": debug_id})
    return ProviderUnavailable(status=status, reason=name or "no usable answer", debug_id=debug_id)


def _first_detail(content: Mapping[str, Any]) -> tuple[str, str]:
    details = content.get("details")
    first = details[0] if isinstance(details, list) and details and isinstance(details[0], dict) else {}
    return str(first.get("issue") or "")[:100], str(first.get("description") or content.get("message") or "")[:200]
