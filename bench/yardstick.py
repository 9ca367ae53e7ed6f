"""Y: what Flask and Jinja can do at all. A page of the size asked for, rendered from memory; no database, no session."""

from __future__ import annotations

from flask import Flask, render_template

CARD = """<li class="card"><picture>
<source type="image/avif" srcset="/media/{{ each.slug }}-360.avif 360w,/media/{{ each.slug }}-480.avif 480w" sizes="46vw">
<img src="/media/{{ each.slug }}-480.webp" width="1000" height="1250" alt=""></picture>
<h3><a href="/p/{{ each.slug }}">{{ each.name }}</a></h3>
<p class="price">{{ each.price }}</p>{% if each.is_new %}<span class="badge">New</span>{% endif %}</li>
"""
PAGE = (
    """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{{ title }}</title></head>
<body><header><a href="/">{{ title }}</a></header><main><h1>{{ title }}</h1><ul>
{% for each in cards %}"""
    + CARD
    + """{% endfor %}</ul></main><footer>{{ title }}</footer></body></html>
"""
)
MARKER = "</footer></body></html>"

app = Flask(__name__)
_template = app.jinja_env.from_string(PAGE)
_products = [
    {"slug": f"kemeja-lelaki-{n}", "name": f"Kemeja “Teluk” {n}", "price": f"RM {n}.90", "is_new": n % 3 == 0}
    for n in range(1000)
]


@app.get("/<int:size>")
def show(size: int) -> str:
    """About `size` bytes of HTML: as many cards as it takes."""
    return render_template(_template, title="Yardstick", cards=_products[: cards_for(size)])


def cards_for(size: int) -> int:
    return max(1, round((size - _FRAME) / _CARD))


with app.test_request_context():
    _FRAME = len(render_template(_template, title="Yardstick", cards=[]).encode())
    _CARD = (len(render_template(_template, title="Yardstick", cards=_products[100:200]).encode()) - _FRAME) / 100
