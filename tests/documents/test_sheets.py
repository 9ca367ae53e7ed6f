"""What documents say: both languages, the taxes of each market, every kind of money; nobody's name can rearrange it."""

import json

import pytest

from app.core import catalogues
from app.documents import sheets, wording
from app.documents.rules import GST_STATES
from app.shipping import places
from app.tax.rules import Tax
from tests.documents.sales import IGST, INDIAN_SELLER, SELLER, sale, sheet

INDIA = {"currency": "INR", "tax": IGST, "country": "IN", "shipping": 5000}


@pytest.fixture(autouse=True)
def _seller(seller):
    seller()


def said(order, kind="invoice", **options):
    return sheet(order, kind, **options).facts


def labels(rows):
    return [row[0] for row in rows]


def test_an_invoice_names_seller_buyer_and_number():
    printed = sheet(sale())
    assert printed.facts["seller"]["lines"] == [
        "Murni Batik Sdn. Bhd.", "18 Jalan Sultanah Zainab", "15050 Kota Bharu", "Kelantan", "Malaysia",
        "Registration number 202601000000 (0000000-D)", "SST number D10-0000-00000000", "hello@murnibatik.example",
    ]  # fmt: skip
    assert printed.buyer["lines"] == [
        "Aina Rahman", "12 Jalan Kiara", "50480 Kuala Lumpur", "Malaysia", "aina@example.com",
    ]  # fmt: skip
    assert printed.facts["details"] == [
        ["Invoice number", "INV-2026-00001"], ["Date of issue", "25 Nov 2026"], ["Order", "MB-10482"], ["Order date", "25 Nov 2026"],
    ]  # fmt: skip
    assert printed.facts["total"] == ["Total", "RM\xa0386.00"]


def test_the_buyer_stands_in_the_encrypted_part_alone():
    printed = sheet(sale())
    for secret in ("Aina Rahman", "12 Jalan Kiara", "aina@example.com"):
        assert secret in json.dumps(printed.buyer)
        assert secret not in json.dumps(printed.facts)


def test_sst_is_told_as_contained_and_untaxed_delivery_apart():
    facts = said(sale())
    assert facts["title"] == "Invoice"
    assert facts["remarks"] == ["Includes SST\xa010\xa0%: RM\xa034.36", "Paid on 25 Nov 2026, Online banking (FPX)"]
    assert facts["tables"][0]["rows"] == [
        ["SST\xa010\xa0%", "RM\xa0343.64", "RM\xa034.36"],
        ["Untaxed", "RM\xa08.00", "RM\xa00.00"],
    ]


def test_gst_inside_the_state_is_two_halves_with_hsn_on_each_line(seller):
    seller(INDIAN_SELLER)
    facts = said(sale(("Saree", 1, 33333), ("Stole", 1, 11111), **INDIA, state="Karnataka", postcode="560001"))
    assert facts["title"] == "Tax invoice"
    assert ["Place of supply", "Karnataka (29)"] in facts["details"]
    assert [each["label"] for each in facts["columns"]] == [
        "Item",
        "HSN",
        "Quantity",
        "Price",
        "Net",
        "CGST",
        "SGST",
        "Amount",
    ]
    assert [line["cells"][0] for line in facts["lines"]] == ["6205", "6205"]
    assert facts["lines"][0]["cells"][3:] == ["₹333.33", "₹8.34\n2.5\xa0%", "₹8.33\n2.5\xa0%", "₹350.00"]
    assert labels(facts["sums"]) == ["Subtotal", "Delivery (Standard)", "CGST\xa02.5\xa0%", "SGST\xa02.5\xa0%"]
    assert "GSTIN 29ABCDE1234F1Z5" in facts["seller"]["lines"]
    assert "No tax is payable on reverse charge." in facts["notes"]


def test_gst_across_states_is_one_tax(seller):
    seller(INDIAN_SELLER)
    facts = said(sale(("Saree", 1, 33333), **INDIA, state="Maharashtra", postcode="400001"))
    assert [each["label"] for each in facts["columns"]][-2:] == ["IGST", "Amount"]
    assert facts["tables"][0]["rows"] == [["IGST\xa05\xa0%", "₹383.33", "₹19.17"]]


def test_every_state_we_deliver_to_has_its_gst_code():
    assert set(places.states("IN")) <= set(GST_STATES)


@pytest.mark.parametrize("state", ["Karnataka", "Maharashtra"])
def test_the_printed_figures_add_up(seller, state):
    """C18: items, delivery and taxes are the total; the tax table is what the order stored."""
    seller(INDIAN_SELLER)
    order = sale(("Saree", 3, 33333), ("Stole", 7, 1111), **INDIA, state=state)
    facts = said(order)
    paise = lambda text: int(text.lstrip("₹").replace(",", "").replace(".", ""))  # noqa: E731
    assert sum(paise(amount) for _, amount in facts["sums"]) == order.total_minor == paise(facts["total"][1])
    assert sum(paise(row[2]) for row in facts["tables"][0]["rows"]) == order.tax_added_minor
    groups = sheets.sale_of(order).groups
    assert sum(each.total_minor for each in groups) == order.total_minor


@pytest.mark.parametrize(
    ("currency", "total"), [("INR", "₹1,26,808.00"), ("JPY", "JPY\xa012,680,800"), ("KWD", "KWD\xa012,680.800")]
)
def test_money_is_printed_as_the_shop_prints_it(currency, total):
    assert said(sale(("Saree", 1, 12680000), currency=currency, tax=Tax()))["total"][1] == total


def test_an_order_without_tax_has_no_tax_table():
    facts = said(sale(tax=Tax(), country="US"))
    assert facts["tables"] == []
    assert facts["lines"][0]["cells"][2] == "–"


def test_an_order_from_before_the_delivery_told_its_tax_still_adds_up(seller):
    seller(INDIAN_SELLER)
    order = sale(("Saree", 1, 33333), **INDIA, state="Goa")
    for name in ("shipping_tax_name", "shipping_tax_basis_points", "lines"):
        del order.snapshot[name]
    [group] = sheets.sale_of(order).groups
    assert (group.name, group.basis_points, group.total_minor) == ("IGST", 500, order.total_minor)


@pytest.mark.parametrize("kind", ["invoice", "receipt", "credit_note"])
def test_everything_is_said_in_malay(kind):
    english, malay = (
        json.dumps(said(sale(locale=each), kind, credited=5000), ensure_ascii=False) for each in ("en", "ms")
    )
    title = {"invoice": "Invois", "receipt": "Resit", "credit_note": "Nota kredit"}[kind]
    assert f'"title": "{title}"' in malay
    for word in ("Seller", "Date of issue", "Order", "Amount", "Page", "Made by computer"):
        assert f'"{word}' in english
        assert f'"{word}' not in malay
    assert "Malaysia" in malay


def test_a_language_we_do_not_speak_becomes_our_first():
    assert sheet(sale(locale="xx")).language == next(iter(catalogues.LANGUAGES))


def test_a_credit_note_names_its_invoice_and_shares_the_tax():
    facts = said(sale(), "credit_note", credited=19300)
    assert ["Credits invoice", "INV-2026-00001"] in facts["details"]
    assert [line["cells"] for line in facts["lines"]] == [
        ["RM\xa0171.82", "RM\xa017.18", "RM\xa0189.00"],
        ["RM\xa04.00", "RM\xa00.00", "RM\xa04.00"],
    ]
    assert facts["total"] == ["Total credited", "RM\xa0193.00"]


def test_marks_of_direction_and_controls_are_not_printed():
    """C15."""
    assert wording.plain("\u202eRM 0.01\u202c\u2066\u200f\x07\x85 x\r\ny\u2028z") == "RM 0.01 x\ny\nz"
    assert wording.plain("👨‍👩‍👧 க்ஷ «தமிழ்» 陈大文 مرحبا") == "👨‍👩‍👧 க்ஷ «தமிழ்» 陈大文 مرحبا"


def test_a_shop_that_gave_no_address_prints_none(seller):
    seller(type(SELLER)(tax_number="D10"))
    assert said(sale())["seller"]["lines"] == ["Murni Batik Sdn. Bhd.", "SST number D10", "hello@murnibatik.example"]
