"""Fixed texts are translated while a template is compiled, in every language, and mean the same as the slow way."""

import pytest
from flask import Flask, render_template, render_template_string
from flask_babel import Babel
from jinja2 import DictLoader

from app.web import translated_templates

WORDS = {
    "Cart": "Troli",
    "Only %(n)s left": "Tinggal %(n)s sahaja",
    "100 %% cotton": "100 %% kapas",
    "Fish & chips": "Ikan & kentang",
}
PAGES = {
    "frame.html": '<nav>{{ _("Cart") }}</nav>{% block body %}{% endblock %}{% include "part.html" %}',
    "part.html": '<i title="{{ _("Cart") }}">{{ gettext("100 %% cotton") }}</i>',
    "macros.html": "{% macro left(n) %}{{ _('Only %(n)s left', n=n) }}{% endmacro %}",
    "page.html": '{% extends "frame.html" %}{% from "macros.html" import left %}'
    "{% block body %}{{ left(n) }}{% endblock %}",
    "kinds.html": '{{ _("Fish & chips") }}|{{ ngettext("%(num)s item", "%(num)s items", n) }}|{{ _(word) }}',
    "plain.txt": '{{ _("Fish & chips") }} {{ _("Only %(n)s left", n=n) }}',
}


@pytest.fixture
def shop():
    """A small application whose language the test chooses, and the texts that were looked up."""
    app = Flask(__name__)
    app.chosen = "en"
    app.asked = []

    def translate(language, text):
        app.asked.append((language, text))
        return WORDS.get(text, text) if language == "ms" else text

    translated_templates.install(app, language=lambda: app.chosen, translate=translate)
    Babel(app)
    app.jinja_loader = DictLoader(PAGES)
    return app


def show(app, name, language, **values):
    app.chosen = language
    with app.test_request_context():
        return render_template(name, **values)


def test_parents_includes_and_macros_follow_the_language(shop):
    assert show(shop, "page.html", "en", n=3) == '<nav>Cart</nav>Only 3 left<i title="Cart">100 % cotton</i>'
    assert show(shop, "page.html", "ms", n=3) == '<nav>Troli</nav>Tinggal 3 sahaja<i title="Troli">100 % kapas</i>'
    assert show(shop, "page.html", "en", n=3) == '<nav>Cart</nav>Only 3 left<i title="Cart">100 % cotton</i>'


def test_a_text_is_looked_up_once_per_place_and_language(shop):
    show(shop, "page.html", "en", n=1)
    asked = list(shop.asked)
    show(shop, "page.html", "en", n=2)
    assert shop.asked == asked
    assert asked.count(("en", "Only %(n)s left")) == 1


def test_values_are_escaped_and_texts_are_not(shop):
    assert "Tinggal &lt;b&gt; sahaja<i" in show(shop, "page.html", "ms", n="<b>")
    assert show(shop, "kinds.html", "ms", n=1, word="Cart") == "Ikan & kentang|1 item|Cart"


def test_plain_text_is_not_escaped(shop):
    assert show(shop, "plain.txt", "ms", n="<b>") == "Ikan & kentang Tinggal <b> sahaja"


def test_plurals_and_computed_texts_are_left_to_the_request(shop):
    assert show(shop, "kinds.html", "en", n=2, word="Cart") == "Fish & chips|2 items|Cart"
    assert ("en", "%(num)s item") not in shop.asked


def test_a_template_without_a_name_still_works(shop):
    with shop.test_request_context():
        assert render_template_string('{{ _("Cart") }}') == "Cart"


def test_templates_are_listed_by_their_plain_names(shop):
    assert "page.html" in shop.jinja_env.list_templates()
