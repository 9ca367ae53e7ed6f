"""Somebody whose values occur nowhere else, so that they can be looked for; and what else must not be found: `secrets`."""

from __future__ import annotations

from dataclasses import dataclass, field

from flask.testing import FlaskClient

CARD = "4111111111111111"


@dataclass
class Human:
    """Values that occur nowhere else."""

    email: str = "Zulfadhli.Wrenford@Quillhaven.example"
    former_email: str = "Qaiyum.Before@Thistledown.example"  # until `story.move`
    name: str = "Zulfadhli Qaiyum Wrenford-Ößwald"
    phone: str = "+60 19-874 6153"
    line1: str = "88A Lorong Cendawan Ungu"
    line2: str = "Belakang Surau Al-Hidayah"
    postcode: str = "15300"
    city: str = "Kubang Kerian"
    password: str = "Rimba!Gajah-Putih 47"
    agent: str = "Mozilla/5.0 (QuillPhone 7; Wrenford Edition) Firefox/199.0"
    secrets: dict[str, str] = field(default_factory=dict)

    @property
    def contact(self) -> dict[str, str]:
        return {"email": self.email, "phone": self.phone}

    @property
    def address(self) -> dict[str, str]:
        return {
            "name": self.name, "country": "MY", "postcode": self.postcode, "line1": self.line1, "line2": self.line2,
            "city": self.city, "state": "Kelantan",
        }  # fmt: skip

    def wanted(self) -> dict[str, str]:
        """What must be nowhere in clear. The postcode and the town are somebody's only beside the rest."""
        return {
            "e-mail": self.email,
            "mailbox": self.email.partition("@")[0],
            "e-mail before": self.former_email,
            "name": self.name,
            "family name": "Wrenford-",
            "phone": "+60198746153",
            "phone without the country": "198746153",
            "phone as typed": self.phone,
            "street": self.line1,
            "street, further": self.line2,
            "password": self.password,
            "browser": "QuillPhone 7",
            "card": CARD,
            "card as printed": "4111 1111 1111 1111",
            **self.secrets,
        }

    def personal(self) -> dict[str, str]:
        """What must be nowhere at all, not even encrypted, once they are forgotten."""
        return {what: each for what, each in self.wanted().items() if what not in self.secrets}


def note_cookies(human: Human, who: str, client: FlaskClient) -> None:
    for name in ("customer", "staff"):
        cookie = client.get_cookie(name)
        if cookie is not None and len(cookie.value) > 15:
            human.secrets[f"{name} session of {who}"] = cookie.value
