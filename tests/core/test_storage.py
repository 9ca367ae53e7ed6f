"""The three places pictures can live: files, an S3 server (moto's, over HTTP), Cloudinary (its SDK against a server here)."""

from __future__ import annotations

import hashlib
import io
import json
import threading
import uuid
from collections.abc import Iterator
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote

import boto3
import pytest
from moto.server import ThreadedMotoServer
from PIL import Image

from app.core import storage
from app.core.storage import KINDS, WIDTHS, Rendition, StorageFailed

SECRET = "s3cret/with+signs=="


@pytest.fixture
def upload() -> bytes:
    buffer = io.BytesIO()
    Image.radial_gradient("L").resize((1200, 1500)).convert("RGB").save(buffer, "JPEG")
    return buffer.getvalue()


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Make this process use the storage of a MEDIA_URL."""

    def choose(media_url: str) -> storage.ImageService:
        service = storage.make(media_url, home=tmp_path)
        monkeypatch.setattr(storage, "_service", service)
        return service

    return choose


class TestFiles:
    def test_store_url_delete(self, use: Any, upload: bytes, tmp_path: Path):
        use("file:media")
        stored = storage.store(upload)
        assert (stored.width, stored.height) == (1000, 1250)
        assert stored.image_url == f"/media/{stored.public_id}-1000.webp"
        files = sorted(
            path.relative_to(tmp_path / "media").as_posix()
            for path in (tmp_path / "media").rglob("*")
            if path.is_file()
        )
        assert files == sorted(f"{stored.public_id}-{width}.{kind}" for width in WIDTHS for kind in KINDS)
        assert Image.open(io.BytesIO((tmp_path / "media" / files[0]).read_bytes())).format in ("AVIF", "WEBP")
        storage.delete(stored.public_id)
        storage.delete(stored.public_id)
        assert not [path for path in (tmp_path / "media").rglob("*") if path.is_file()]

    def test_adopted_files_take_no_room(self, use: Any, tmp_path: Path):
        use("file:media")
        drawn = tmp_path / "drawn.webp"
        drawn.write_bytes(b"picture")
        storage.adopt("cloth", [Rendition(240, "webp", drawn)])
        kept = tmp_path / "media" / "cloth-240.webp"
        assert kept.read_bytes() == b"picture"
        assert kept.samefile(drawn)
        storage.delete("cloth")
        assert drawn.exists()

    @pytest.mark.parametrize(
        "name", ["../etc", "a/../b", "/etc/passwd", "", "a\x00b", "A", "a b", "a" * 101, "a//b", ".hidden", "a/b/c/d/e"]
    )
    def test_x16_names_never_lead_elsewhere(self, use: Any, tmp_path: Path, name: str):
        use("file:media")
        with pytest.raises(ValueError, match="no name of a picture"):
            storage.adopt(name, [Rendition(240, "webp", b"x")])
        with pytest.raises(ValueError, match="no name of a picture"):
            storage.delete(name)
        assert list(tmp_path.iterdir()) == []

    def test_a_full_or_missing_disk_is_told(self, use: Any, upload: bytes, tmp_path: Path):
        (tmp_path / "media").write_text("a file where a folder should be")
        use("file:media")
        with pytest.raises(StorageFailed):
            storage.store(upload)


@pytest.fixture(scope="module")
def s3_port() -> Iterator[int]:
    server = ThreadedMotoServer(port=0)
    server.start()
    yield server.get_host_and_port()[1]
    server.stop()


@pytest.fixture
def bucket(s3_port: int) -> Any:
    session = boto3.session.Session(aws_access_key_id="key", aws_secret_access_key=SECRET, region_name="us-east-1")
    made = session.resource("s3", endpoint_url=f"http://127.0.0.1:{s3_port}").Bucket(f"shop-{uuid.uuid4().hex}")
    made.create()
    return made


class TestS3:
    def address(self, port: int, name: str, **options: str) -> str:
        more = "".join(f"&{key}={quote(value, safe='')}" for key, value in options.items())
        return f"s3://key:{quote(SECRET, safe='')}@127.0.0.1:{port}/{name}?tls=0{more}"

    def test_store_url_delete(self, use: Any, upload: bytes, bucket: Any, s3_port: int):
        use(self.address(s3_port, bucket.name))
        stored = storage.store(upload)
        keys = {item.key for item in bucket.objects.all()}
        assert keys == {f"{stored.public_id}-{width}.{kind}" for width in WIDTHS for kind in KINDS}
        kept = bucket.Object(f"{stored.public_id}-240.avif").get()
        assert (kept["ContentType"], kept["CacheControl"]) == ("image/avif", storage.FOREVER)
        assert Image.open(io.BytesIO(kept["Body"].read())).size == (240, 300)
        assert stored.image_url == f"http://127.0.0.1:{s3_port}/{bucket.name}/{stored.public_id}-1000.webp"
        storage.delete(stored.public_id)
        storage.delete(stored.public_id)
        assert list(bucket.objects.all()) == []

    def test_browsers_may_read_from_elsewhere(self, use: Any, s3_port: int):
        address = self.address(s3_port, "shop", public="https://cdn.example/pictures")
        use(address)
        assert storage.url("p/1", 240, "webp") == "https://cdn.example/pictures/p/1-240.webp"
        assert storage.origin_of(address) == "https://cdn.example"

    def test_failures_are_told_and_nothing_is_kept(self, use: Any, upload: bytes, s3_port: int):
        use(self.address(s3_port, "no-such-bucket"))
        with pytest.raises(StorageFailed):
            storage.store(upload)
        use("s3://key:secret@127.0.0.1:1/shop?tls=0")
        with pytest.raises(StorageFailed):
            storage.delete("p/1")


class Cloudinary(BaseHTTPRequestHandler):
    """Speaks enough of Cloudinary's upload API to check what its SDK sends, signature included."""

    secret = "cloud-secret"
    seen: ClassVar[list[tuple[str, dict[str, Any]]]] = []
    answer: ClassVar[tuple[int, dict[str, Any]]] = (200, {"result": "ok"})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        message = message_from_bytes(f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode() + body)
        fields = {
            part.get_param("name", header="content-disposition"): part.get_payload(decode=True)
            for part in message.get_payload()
        }
        Cloudinary.seen.append((self.path, fields))
        status, answer = (
            Cloudinary.answer if self.is_signed(fields) else (401, {"error": {"message": "Invalid Signature"}})
        )
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode())

    def is_signed(self, fields: dict[str, Any]) -> bool:
        """Cloudinary's rule: sorted parameters but for file, api_key and the like, then the secret, SHA-1."""
        signed = {
            name: value.decode()
            for name, value in fields.items()
            if name not in ("file", "api_key", "signature", "resource_type")
        }
        text = "&".join(f"{name}={signed[name]}" for name in sorted(signed)) + Cloudinary.secret
        return fields["signature"].decode() == hashlib.sha1(text.encode()).hexdigest()

    def log_message(self, *_args: object) -> None:
        """Quiet."""


@pytest.fixture
def cloudinary() -> Iterator[str]:
    """A MEDIA_URL whose uploads go to a server of ours."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Cloudinary)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    Cloudinary.seen, Cloudinary.answer = [], (200, {"result": "ok"})
    prefix = quote(f"http://127.0.0.1:{server.server_port}", safe="")
    yield f"cloudinary://cloud-key:{Cloudinary.secret}@murni?upload_prefix={prefix}"
    server.shutdown()
    server.server_close()


class TestCloudinary:
    def test_upload_is_signed_and_clean(self, use: Any, upload: bytes, cloudinary: str):
        use(cloudinary)
        stored = storage.store(upload)
        path, fields = Cloudinary.seen[0]
        assert path == "/v1_1/murni/image/upload"
        assert fields["public_id"].decode() == stored.public_id
        assert fields["api_key"] == b"cloud-key"
        picture = Image.open(io.BytesIO(fields["file"]))
        assert (picture.format, picture.size) == ("WEBP", (1000, 1250))

    def test_addresses_ask_for_width_and_format(self, use: Any, cloudinary: str):
        use(cloudinary)
        address = storage.url("p/1", 480, "avif")
        assert address.startswith("https://res.cloudinary.com/murni/image/upload/")
        assert address.endswith("/p/1")
        assert {"w_480", "f_avif", "c_limit"} <= set(address.split("/upload/")[1].split("/")[0].split(","))
        assert storage.origin_of(cloudinary) == "https://res.cloudinary.com"

    def test_delete(self, use: Any, cloudinary: str):
        use(cloudinary)
        storage.delete("p/1")
        assert (Cloudinary.seen[0][0], Cloudinary.seen[0][1]["public_id"]) == ("/v1_1/murni/image/destroy", b"p/1")
        Cloudinary.answer = (200, {"result": "not found"})
        storage.delete("p/1")

    def test_failures_are_told(self, use: Any, upload: bytes, cloudinary: str):
        use(cloudinary)
        Cloudinary.answer = (500, {"error": {"message": "down"}})
        with pytest.raises(StorageFailed):
            storage.store(upload)
        use(cloudinary.replace(Cloudinary.secret, "wrong"))
        with pytest.raises(StorageFailed):
            storage.delete("p/1")


@pytest.mark.parametrize(
    "address", ["ftp://x", "media", "s3://bucket", "s3://key:secret@endpoint", "cloudinary://cloud", ""]
)
def test_addresses_that_cannot_be_one(tmp_path: Path, address: str):
    with pytest.raises(ValueError, match="MEDIA_URL"):
        storage.make(address, home=tmp_path)


def test_own_pictures_need_no_foreign_origin():
    assert storage.origin_of("file:media") == ""
