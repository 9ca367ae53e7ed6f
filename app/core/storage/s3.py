"""Pictures in a bucket of S3 or of what speaks like it. The bucket lets everybody read; only we write."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from app.core.storage import FOREVER, KINDS, WIDTHS, Rendition, StorageFailed, file_name

CONNECT_SECONDS = 5
READ_SECONDS = 20


def from_url(media_url: str, *, home: Path) -> Bucket:
    parts = urlsplit(media_url)
    bucket = parts.path.strip("/")
    if not (parts.username and parts.password and parts.hostname and bucket):
        raise ValueError("MEDIA_URL must look like s3://KEY:SECRET@ENDPOINT/BUCKET")
    options = {name: values[0] for name, values in parse_qs(parts.query).items()}
    endpoint = f"{'http' if options.get('tls') == '0' else 'https'}://{parts.netloc.rpartition('@')[2]}"
    return Bucket(
        bucket,
        endpoint=endpoint,
        key=unquote(parts.username),
        secret=unquote(parts.password),
        region=options.get("region", "us-east-1"),
        public=options.get("public", f"{endpoint}/{bucket}").rstrip("/"),
    )


class Bucket:
    def __init__(self, name: str, *, endpoint: str, key: str, secret: str, region: str, public: str) -> None:
        self.name, self.endpoint, self.key, self.secret, self.region = name, endpoint, key, secret, region
        self.public = public
        self._guard = threading.Lock()

    @cached_property
    def _client(self) -> Any:
        import boto3  # noqa: PLC0415 - twenty megabytes that only shops with a bucket need
        from botocore.config import Config  # noqa: PLC0415 - twenty megabytes that only shops with a bucket need

        config = Config(
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            retries={"max_attempts": 3, "mode": "standard"},
            s3={"addressing_style": "path"},
        )
        with self._guard:  # making a client is not thread-safe, using one is
            return boto3.session.Session().client(
                "s3",
                endpoint_url=self.endpoint,
                aws_access_key_id=self.key,
                aws_secret_access_key=self.secret,
                region_name=self.region,
                config=config,
            )

    def save(self, public_id: str, renditions: Sequence[Rendition]) -> None:
        with _translated():
            for each in renditions:
                self._client.put_object(
                    Bucket=self.name,
                    Key=file_name(public_id, each.width, each.kind),
                    Body=each.read(),
                    ContentType=f"image/{each.kind}",
                    CacheControl=FOREVER,
                )

    def url(self, public_id: str, width: int, kind: str) -> str:
        return f"{self.public}/{public_id}-{width}.{kind}"

    def delete(self, public_id: str) -> None:
        keys = [{"Key": file_name(public_id, width, kind)} for width in WIDTHS for kind in KINDS]
        with _translated():
            answer = self._client.delete_objects(Bucket=self.name, Delete={"Objects": keys, "Quiet": True})
        if answer.get("Errors"):
            raise StorageFailed(str(answer["Errors"][0].get("Code", "")))


@contextmanager
def _translated() -> Iterator[None]:
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - twenty megabytes that only shops with a bucket need

    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise StorageFailed(type(error).__name__) from error
