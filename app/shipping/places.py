"""What a postcode says: the state it lies in (Malaysia by its first digits, India by its postal circle). Facts, pure.

Sources: Pos Malaysia's postcode ranges; India Post's PIN code zones.
"""

from __future__ import annotations

MALAYSIA: tuple[tuple[int, int, str], ...] = (  # first three digits, inclusive
    (10, 26, "Perlis"), (50, 98, "Kedah"), (100, 144, "Pulau Pinang"), (150, 186, "Kelantan"), (200, 243, "Terengganu"),
    (250, 287, "Pahang"), (300, 369, "Perak"), (390, 392, "Pahang"), (400, 486, "Selangor"), (490, 490, "Pahang"),
    (500, 604, "Kuala Lumpur"), (620, 629, "Putrajaya"), (630, 639, "Selangor"), (640, 640, "Selangor"),
    (680, 683, "Selangor"), (690, 690, "Pahang"), (700, 735, "Negeri Sembilan"), (750, 783, "Melaka"), (790, 869, "Johor"),
    (870, 870, "Labuan"), (880, 913, "Sabah"), (930, 988, "Sarawak"),
)  # fmt: skip
# Kuala Lumpur's range has a few places of Selangor in it and the other way round is rare enough to correct by hand.

INDIA: dict[str, str] = {
    "11": "Delhi", "12": "Haryana", "13": "Haryana", "14": "Punjab", "15": "Punjab", "16": "Chandigarh",
    "17": "Himachal Pradesh", "18": "Jammu and Kashmir", "19": "Jammu and Kashmir",
    **{str(n): "Uttar Pradesh" for n in (20, 21, 22, 23, 27, 28)}, "24": "Uttarakhand", "25": "Uttar Pradesh", "26": "Uttarakhand",
    **{str(n): "Rajasthan" for n in range(30, 35)}, **{str(n): "Gujarat" for n in range(36, 40)},
    **{str(n): "Maharashtra" for n in range(40, 45)}, **{str(n): "Madhya Pradesh" for n in range(45, 49)}, "49": "Chhattisgarh",
    **{str(n): "Telangana" for n in (50,)}, **{str(n): "Andhra Pradesh" for n in (51, 52, 53)},
    **{str(n): "Karnataka" for n in range(56, 60)}, **{str(n): "Tamil Nadu" for n in range(60, 65)},
    **{str(n): "Kerala" for n in (67, 68, 69)}, **{str(n): "West Bengal" for n in range(70, 75)},
    **{str(n): "Odisha" for n in (75, 76, 77)}, "78": "Assam", "79": "Arunachal Pradesh",
    **{str(n): "Bihar" for n in (80, 81, 82, 84, 85)}, "83": "Jharkhand",
}  # fmt: skip
INDIA_EXCEPTIONS: dict[str, str] = {
    "403": "Goa", "605": "Puducherry", "682": "Kerala", "744": "Andaman and Nicobar Islands", "737": "Sikkim",
    "793": "Meghalaya", "794": "Meghalaya", "795": "Manipur", "796": "Mizoram", "797": "Nagaland", "798": "Nagaland",
    "799": "Tripura", "194": "Ladakh", "160": "Chandigarh", "140": "Punjab", "244": "Uttar Pradesh", "245": "Uttar Pradesh",
    "246": "Uttarakhand", "247": "Uttar Pradesh", "249": "Uttarakhand", "261": "Uttar Pradesh", "262": "Uttar Pradesh",
    "814": "Jharkhand", "815": "Jharkhand", "816": "Jharkhand", "825": "Jharkhand", "826": "Jharkhand", "827": "Jharkhand",
    "828": "Jharkhand", "829": "Jharkhand",
}  # fmt: skip

ALIASES = {
    "wilayah persekutuan kuala lumpur": "Kuala Lumpur", "wp kuala lumpur": "Kuala Lumpur", "kl": "Kuala Lumpur",
    "penang": "Pulau Pinang", "malacca": "Melaka", "johore": "Johor", "wp labuan": "Labuan", "wp putrajaya": "Putrajaya",
    "orissa": "Odisha", "pondicherry": "Puducherry", "new delhi": "Delhi", "nct of delhi": "Delhi",
}  # fmt: skip


def state_of(country: str, postcode: str) -> str | None:
    """The state a (normal) postcode lies in; None where we do not know."""
    if country == "MY":
        prefix = int(postcode[:3])
        return next((name for low, high, name in MALAYSIA if low <= prefix <= high), None)
    if country == "IN":
        return INDIA_EXCEPTIONS.get(postcode[:3]) or INDIA.get(postcode[:2])
    return None


def normal_state(state: str) -> str:
    """The name we print for what somebody typed or chose."""
    text = " ".join(state.split())
    return ALIASES.get(text.casefold(), text)


def states(country: str) -> tuple[str, ...]:
    """The states we know by name, for a list to choose from."""
    if country == "MY":
        return tuple(sorted({name for _, _, name in MALAYSIA}))
    if country == "IN":
        return tuple(sorted(set(INDIA.values()) | set(INDIA_EXCEPTIONS.values())))
    return ()
