"""Static files and pictures (OPS-47): kept for ever, never executed, never from outside their folder."""

from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.core import storage
from app.core.storage import Rendition
from app.web import files


@pytest.fixture
def dist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small build instead of the real one."""
    (tmp_path / "shop.abc.css").write_text("body{}" * 100)
    (tmp_path / "shop.abc.css.br").write_bytes(b"brotli")
    (tmp_path / "shop.abc.css.gz").write_bytes(b"gzip twin")
    monkeypatch.setattr(files, "STATIC", tmp_path)
    return tmp_path


@pytest.fixture
def client(dist: Path, make_app: Callable[..., Flask], tmp_path: Path) -> FlaskClient:
    return make_app(SHOP_HOME=str(tmp_path / "home")).test_client()


@pytest.mark.parametrize(
    ("accepted", "sent"), [("gzip, deflate, br", b"brotli"), ("gzip", b"gzip twin"), ("", b"body{}" * 100)]
)
def test_a_built_file_comes_in_its_smallest_form_and_for_ever(client: FlaskClient, accepted: str, sent: bytes) -> None:
    answer = client.get("/static/dist/shop.abc.css", headers={"Accept-Encoding": accepted})
    assert (answer.status_code, answer.data) == (200, sent)
    assert answer.mimetype == "text/css"
    assert "immutable" in answer.headers["Cache-Control"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "Accept-Encoding" in answer.headers["Vary"]
    assert "Set-Cookie" not in answer.headers


def test_a_picture_that_came_later_is_found_and_one_that_went_is_gone(client: FlaskClient) -> None:
    assert client.get("/media/p/new-240.webp").status_code == 404
    storage.adopt("p/new", [Rendition(240, "webp", b"a picture")])
    answer = client.get("/media/p/new-240.webp")
    assert (answer.status_code, answer.data, answer.content_type) == (200, b"a picture", "image/webp")
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert "immutable" in answer.headers["Cache-Control"]
    storage.delete("p/new")
    assert client.get("/media/p/new-240.webp").status_code == 404


@pytest.mark.parametrize(
    "path",
    ["/media/../settings.json", "/media/..%2fsettings.webp", "/media/%2e%2e/secret.webp", "/media//etc/hosts.webp",
     "/media/.hidden.webp", "/media/p/../../x.webp", "/media/p\\x.webp", "/media/", "/media/p", "/static/dist/../x",
     "/static/dist/manifest.json.gz", "/media/a%00.webp", "/media/" + "a" * 5000 + ".webp"],
)  # fmt: skip
def test_nothing_leads_out_of_the_folders(client: FlaskClient, tmp_path: Path, path: str) -> None:
    for name in ("secret.webp", "x.webp", "settings.webp"):
        (tmp_path / "home").mkdir(exist_ok=True)
        (tmp_path / "home" / name).write_bytes(b"treasure")
    answer = client.get(path)
    assert answer.status_code in (400, 404)
    assert b"treasure" not in answer.data


def test_a_known_picture_is_not_sent_again(client: FlaskClient) -> None:
    storage.adopt("p/known", [Rendition(240, "avif", b"a picture")])
    first = client.get("/media/p/known-240.avif")
    again = client.get("/media/p/known-240.avif", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


@pytest.mark.parametrize("base_url", ["http://localhost", "https://localhost"])
def test_files_carry_the_headers_of_every_answer(
    dist: Path, make_app: Callable[..., Flask], tmp_path: Path, base_url: str
) -> None:
    client = make_app(SHOP_HOME=str(tmp_path / "home"), BASE_URL=base_url).test_client()
    storage.adopt("p/new", [Rendition(240, "webp", b"a picture")])
    names = {"X-Frame-Options", "X-Content-Type-Options", "X-XSS-Protection", "Referrer-Policy", "Permissions-Policy"}
    if base_url.startswith("https"):
        names.add("Strict-Transport-Security")
    page = client.get("/no/such/page", base_url=base_url).headers
    for path in ("/static/dist/shop.abc.css", "/media/p/new-240.webp"):
        sent = client.get(path, base_url=base_url).headers
        assert {name: sent.getlist(name) for name in names} == {name: [page[name]] for name in names}, path
        assert sent.getlist("Content-Security-Policy") == ["default-src 'none'; sandbox"]
        assert sent["Cross-Origin-Resource-Policy"] == "same-origin"


def test_pages_are_compressed_when_the_browser_can(client: FlaskClient) -> None:
    plain = client.get("/about")
    packed = client.get("/about", headers={"Accept-Encoding": "gzip, br"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert len(packed.data) < len(plain.data) / 2
    assert "Content-Encoding" not in plain.headers
    assert "Accept-Encoding" in plain.headers["Vary"]
