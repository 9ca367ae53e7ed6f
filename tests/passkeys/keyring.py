"""A browser that uses passkeys by the pages' own buttons: over HTTP what `static/js/passkey.js` does."""

from __future__ import annotations

import html
import json
import re
from dataclasses import dataclass, field
from typing import Any

from tests.authenticator import Authenticator
from tools.webforms import forms_of

BUTTON = re.compile(
    r'data-passkey="(?P<ask>[^"]+)"(?: data-sends="(?P<sends>[^"]+)")?.*?formaction="(?P<send>[^"]+)"', re.S
)


@dataclass
class Keyring:
    client: Any  # `get` and `post` of a FlaskClient, or of something like it
    device: Authenticator = field(default_factory=Authenticator)

    def button(self, page: str) -> tuple[str, str, dict[str, str]]:
        """(where the question comes from, where the answer goes, the fields of the form around the button)."""
        text = self.client.get(page).text
        found = BUTTON.search(text)
        assert found, text
        [form] = [each for each in forms_of(text) if "credential" in each.fields]
        return html.unescape(found["ask"]), html.unescape(found["send"]), form.fields

    def question(self, page: str, *, status: int = 200, **fields: str) -> Any:
        ask, _send, form = self.button(page)
        headers = {"Accept": "application/json", "X-CSRF-Token": form["csrf_token"]}
        answer = self.client.post(ask, data=fields, headers=headers)
        assert answer.status_code == status, answer.text
        return json.loads(answer.text)

    def answer(self, page: str, credential: str, **fields: Any) -> Any:
        _ask, send, form = self.button(page)
        return self.client.post(send, data={**form, **fields, "credential": credential})

    def credential(self, options: Any, **lies: Any) -> str:
        return self.device.create(options, **lies) if "rp" in options else self.device.get(options, **lies)

    def press(
        self, page: str, *, sends: dict[str, str] | None = None, typed: dict[str, Any] | None = None, **lies: Any
    ) -> Any:
        """Press the button: question, device, answer. `sends` goes along with the question, `typed` with the answer."""
        options = self.question(page, **(sends or {}))
        return self.answer(page, self.credential(options, **lies), **(typed or {}))
