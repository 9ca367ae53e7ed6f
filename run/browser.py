"""Finds a Chromium: the machine's, else Playwright's, else the one packed in the npm package @sparticuz/chromium.

python -m run.browser        prints the path of a browser that starts
"""

from __future__ import annotations

import io
import os
import platform
import shlex
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from run import environment, locks
from run import home as homes
from run.problem import Problem

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
# A container has no user namespaces for the sandbox and little shared memory.
ARGUMENTS = ("--no-sandbox", "--headless", "--disable-gpu", "--disable-dev-shm-usage")


def find(home: Path | None = None) -> Path:
    """The path of a Chromium that starts here, to be started with ARGUMENTS. `home` is where one may be unpacked to.

    CHROMIUM_PATH in the environment goes before everything else. Raises Problem when there is none.
    """
    home = home or environment.home_of(os.environ)
    for candidate in _candidates(home):
        if _starts(candidate):
            return candidate
    raise Problem(
        "No browser was found and none could be unpacked: install chromium, or run make test, "
        "which brings one in node_modules/@sparticuz/chromium."
    )


def _candidates(home: Path) -> Iterator[Path]:
    if os.environ.get("CHROMIUM_PATH"):
        yield Path(os.environ["CHROMIUM_PATH"])
    yield from (Path(found) for name in NAMES if (found := shutil.which(name)))
    yield from _playwrights()
    packed = environment.PROJECT / "node_modules" / "@sparticuz" / "chromium" / "bin"
    if packed.is_dir():
        yield unpack(packed, home / "chromium")


def unpack(packed: Path, folder: Path) -> Path:
    """Unpacks the npm package's archives into `folder` unless they are there, and returns a script that starts it.

    The package is made for Amazon's machines: it brings the libraries and fonts that a bare one lacks, and the script
    points to them.
    """
    script = folder / "chromium"
    with locks.exclusive(_lock_in(folder)):
        if not script.exists():
            (folder / "chrome").write_bytes(_decompressed(packed / "chromium.br"))
            (folder / "chrome").chmod(0o755)
            for archive in sorted(packed.rglob("*.tar.br")):
                if _fits(archive):
                    _extract(archive, folder)
            (folder / "our-fonts.conf").write_text(_FONTS)  # the packed one names folders that only Amazon has
            draft = folder / "draft"
            draft.write_text(_SCRIPT.format(folder=shlex.quote(str(folder))))
            draft.chmod(0o755)
            draft.replace(script)
    return script


def _lock_in(folder: Path) -> Path:
    homes.make(folder)
    return folder / "unpack.lock"


def _playwrights() -> Iterator[Path]:
    """The browsers that `playwright install` left, newest first."""
    place = os.environ.get("PLAYWRIGHT_BROWSERS_PATH") or Path.home() / ".cache" / "ms-playwright"
    for pattern in ("chromium-*/chrome-linux*/chrome", "chromium_headless_shell-*/chrome-*/*headless*shell"):
        yield from sorted(Path(place).glob(pattern), reverse=True)


def _starts(browser: Path) -> bool:
    """Whether it really runs: some distributions put a script there that only says how to install it."""
    try:
        answer = subprocess.run([str(browser), *ARGUMENTS, "--version"], capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return answer.returncode == 0 and "Chrom" in answer.stdout


def _fits(archive: Path) -> bool:
    """Whether an archive in a folder named after a processor is for this one."""
    names = {"x64": "x86_64", "arm64": "aarch64"}
    return names.get(archive.parent.name, platform.machine()) == platform.machine()


def _extract(archive: Path, folder: Path) -> None:
    with tarfile.open(fileobj=io.BytesIO(_decompressed(archive))) as tar:
        careful: dict[str, Any] = (
            {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
        )  # Debian 12's Python is too old for it
        tar.extractall(folder, **careful)  # noqa: S202 npm has compared the archive with the lock file's checksum  # nosec B202


def _decompressed(path: Path) -> bytes:
    import brotli  # noqa: PLC0415 only needed on a machine without a browser

    return bytes(brotli.decompress(path.read_bytes()))


_SCRIPT = """\
#!/bin/sh
here={folder}
export LD_LIBRARY_PATH="$here/lib:$LD_LIBRARY_PATH" FONTCONFIG_FILE="$here/our-fonts.conf"
exec "$here/chrome" "$@"
"""

_FONTS = """\
<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <include ignore_missing="yes">/etc/fonts/fonts.conf</include>
  <dir prefix="relative">fonts</dir>
  <cachedir prefix="relative">font-cache</cachedir>
</fontconfig>
"""


if __name__ == "__main__":
    try:
        print(find())
    except Problem as problem:
        sys.exit(str(problem))
