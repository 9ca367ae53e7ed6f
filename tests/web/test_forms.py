"""The checks that all forms share (FAULTS C7, C15; CONTRACT 3)."""

from collections.abc import Callable
from contextlib import suppress

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from app.web.forms import MAX_QUANTITY, Form, email, is_email, parse_phone, parse_quantity, text_field


class Contact(Form):
    email = text_field("E-mail", max=254, required="Enter your e-mail address", validators=[email])
    name = text_field("Name", max=10)


@pytest.fixture
def filled(app: Flask) -> Callable[..., Contact]:
    def make(**data: str) -> Contact:
        with app.test_request_context("/", method="POST", data=data):
            form = Contact()
            form.validate()
        return form

    return make


@pytest.mark.parametrize(
    ("text", "pieces"), [("1", 1), ("10", 10), ("007", 7), ("100000", 100_000), ("1000001", 1_000_001)]
)
def test_pieces(text: str, pieces: int) -> None:
    assert parse_quantity(text) == pieces


@pytest.mark.parametrize(("text", "steps"), [("2.5", 5), ("0.5", 1), ("1", 2), ("12.50", 25), ("4.000", 8)])
def test_lengths_in_steps_of_half_a_metre(text: str, steps: int) -> None:
    assert parse_quantity(text, step_mm=500) == steps


@pytest.mark.parametrize(
    "text",
    ["", None, "0", "-1", "+1", "1_000", "1e3", "1.5", "1,5", "0x1", "NaN", "inf", "１２", "١٢", "1 2", "1\n", "\t1", "½",
     " 7 ", "7 ", " 7", "2.0", "1.0000", ".5", "1."],
)  # fmt: skip
def test_what_is_no_number_of_pieces(text: str | None) -> None:
    with pytest.raises(ValueError, match="no quantity"):
        parse_quantity(text)


@pytest.mark.parametrize("text", ["0.25", "0.3", "0", "0.0", "2.75", " 1.5", "1.5 ", "1.5.5"])
def test_what_is_no_length(text: str) -> None:
    with pytest.raises(ValueError, match="no quantity"):
        parse_quantity(text, step_mm=500)


@pytest.mark.parametrize("digits", [10, 30, 41, 1000])
def test_absurd_amounts_are_quantities_so_that_the_cart_can_say_what_is_left(digits: int) -> None:
    assert parse_quantity("9" * digits) == parse_quantity("9" * digits, step_mm=500) == MAX_QUANTITY


@given(st.text(max_size=20))
def test_whatever_is_typed_is_a_quantity_or_a_refusal(text: str) -> None:
    with suppress(ValueError):
        assert 1 <= parse_quantity(text, step_mm=500) <= MAX_QUANTITY


@pytest.mark.parametrize(
    "text", ["aina@example.com", "a.b+c@sub.example.co.uk", "o'neil@example.my", "ünï@exämple.com"]
)
def test_addresses_somebody_could_have(text: str) -> None:
    assert is_email(text)


@pytest.mark.parametrize(
    "text",
    ["", "aina", "@example.com", "aina@", "aina@example", "a b@example.com", "a@b@example.com", "a@example..com",
     ".a@example.com", "a.@example.com", "a@-example.com", "a@example.com\nBcc: x@y.zz", "a,b@example.com",
     "<a@example.com>", "a" * 65 + "@example.com", "a@" + "b" * 260 + ".com"],
)  # fmt: skip
def test_what_is_no_address(text: str) -> None:
    assert not is_email(text)


@pytest.mark.parametrize(
    ("typed", "country", "number"),
    [("012-345 6789", "MY", "+60123456789"), ("60123456789", "MY", "+60123456789"), ("+60 12 345 6789", "IN", "+60123456789"),
     ("98765 43210", "IN", "+919876543210"), ("(212) 555-0123", "US", "+12125550123"), ("0091 98765 43210", "MY", "+919876543210"),
     ("+60 98765 43210", "MY", "+609876543210")],
)  # fmt: skip
def test_phones_as_people_type_them(make_app: Callable[..., Flask], typed: str, country: str, number: str) -> None:
    with make_app(SHOP_COUNTRY=country).app_context():
        assert parse_phone(typed) == number


@pytest.mark.parametrize(
    "typed",
    ["", "abc", "12", "+", "0" * 50, "012-345\n6789", "999999999999999999", "98765 43210", "415 555 0123", "+91 98765"],
)
def test_what_is_no_phone(app: Flask, typed: str) -> None:
    with app.app_context():
        assert parse_phone(typed) is None


def test_a_good_form_has_no_messages_and_tidy_values(filled: Callable[..., Contact]) -> None:
    form = filled(email="  aina@example.com ", name="Zoe\u0308")
    assert form.messages() == []
    assert (form.email.data, form.name.data) == ("aina@example.com", "Zoë")


@pytest.mark.parametrize("bad", ["a\nb", "a\rb", "a\0b", "a\x1bb", "a\x7fb", "a\u0085b"])
def test_one_line_means_one_line(filled: Callable[..., Contact], bad: str) -> None:
    assert filled(email="a@example.com", name=bad).messages() == [("name", "This must be one line of plain text.")]


def test_messages_say_what_to_do(filled: Callable[..., Contact]) -> None:
    assert filled(email="", name="x" * 11).messages() == [
        ("email", "Enter your e-mail address"),
        ("name", "That is too long. Use at most 10 characters."),
    ]
    assert filled(email="aina", name="").messages() == [("email", "Enter an e-mail address like aina@example.com")]


def test_emoji_and_right_to_left_names_are_names(filled: Callable[..., Contact]) -> None:
    assert filled(email="a@example.com", name="عينا 🧵").messages() == []
