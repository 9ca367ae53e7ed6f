"""Builds what browsers download: joined style sheets and scripts, the display font's subset, hashed names, a manifest.

Pure Python, so that a machine without Node can build too; the packages themselves come from `npm ci`. The sources stay
readable: comments and indentation are removed here, and nothing else about the code changes.
"""

import base64
import gzip
import hashlib
import io
import json
import os
import re
from pathlib import Path
from typing import Any, NamedTuple

STYLES = {
    "storefront.css": ("0-tokens.css", "1-base.css", "2-layout.css", "3-forms.css", "4-shop.css"),
    "admin.css": ("0-tokens.css", "1-base.css", "2-layout.css", "3-forms.css", "8-admin.css"),
    "print.css": ("5-print.css",),
}
# A module stands after the modules that it imports.
SCRIPTS = {
    "shop.js": ("app.js", "focus.js", "dialog.js", "combobox.js", "gallery.js"),
    "checkout.js": ("app.js", "focus.js", "dialog.js", "lock.js"),
    "passkey.js": ("passkey.js",),
    "admin.js": ("app.js", "focus.js", "dialog.js", "live.js"),
}
HTMX = "htmx.org/dist/htmx.min.js"
FRAUNCES = "@fontsource-variable/fraunces/files/fraunces-latin-wght-normal.woff2"
# What headings are written with in English and Malay, names with accents included. No prices: there is no rupee sign.
FRAUNCES_TEXT = (
    *range(0x20, 0x7F),
    *(0xA0, 0xA3, 0xA9, 0xAB, 0xB0, 0xB7, 0xBB, 0xD7),
    *(code for code in range(0xC0, 0x100) if code not in (0xD7, 0xF7)),
    *(0x2013, 0x2014, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2026),
)
MANIFEST = "manifest.json"
COMPRESSED = (".css", ".js", ".svg")


class AssetsMissingError(RuntimeError):
    """The front-end packages or the build itself are not there; the message says which command brings them."""


class Asset(NamedTuple):
    """Where a browser gets a file, and the digest that it must have (Subresource Integrity)."""

    url: str
    integrity: str


def build(
    static_dir: Path, node_modules: Path, out_dir: Path, *, url_prefix: str = "/static/dist/"
) -> dict[str, Asset]:
    """Write every asset with its compressed twins and the manifest into `out_dir`; return the manifest.

    When no source changed since the last build, nothing is written. Raises AssetsMissingError without the npm packages.
    """
    for package in (HTMX, FRAUNCES):
        if not (node_modules / package).is_file():
            raise AssetsMissingError(f"{node_modules / package} is missing. Run `npm ci` (or `make run`) first.")
    sources = _digest_of_sources(static_dir, node_modules)
    if _is_current(out_dir, sources):
        return load_manifest(out_dir)
    out_dir.mkdir(parents=True, exist_ok=True)
    return _Build(static_dir, node_modules, out_dir, url_prefix).run(sources)


def load_manifest(out_dir: Path) -> dict[str, Asset]:
    """The assets by their plain names, such as `storefront.css`. Raises AssetsMissingError before the first build."""
    try:
        entries = json.loads((out_dir / MANIFEST).read_text())["assets"]
    except FileNotFoundError:
        raise AssetsMissingError("The assets are not built. Run `flask --app wsgi assets build`.") from None
    return {name: Asset(**entry) for name, entry in entries.items()}


class _Build:
    """One build: pictures and the font first, because the style sheets name them by their hashed names."""

    def __init__(self, static_dir: Path, node_modules: Path, out_dir: Path, url_prefix: str):
        self.static_dir = static_dir
        self.node_modules = node_modules
        self.out_dir = out_dir
        self.url_prefix = url_prefix
        self.assets: dict[str, Asset] = {}

    def run(self, sources: str) -> dict[str, Asset]:
        self._write("fraunces.woff2", subset_font(self.node_modules / FRAUNCES))
        for drawing in sorted((self.static_dir / "img").glob("*.svg")):
            self._write(drawing.name, drawing.read_bytes())
        for name, parts in STYLES.items():
            text = "\n".join((self.static_dir / "css" / part).read_text() for part in parts)
            self._write(name, self._with_hashed_urls(squeeze_css(text)).encode())
        for name, parts in SCRIPTS.items():
            modules = {part.removesuffix(".js"): (self.static_dir / "js" / part).read_text() for part in parts}
            self._write(name, join_modules(modules).encode())
        self._write("htmx.js", (self.node_modules / HTMX).read_bytes())
        self._remove_stale()
        manifest = {"sources": sources, "assets": {name: asset._asdict() for name, asset in self.assets.items()}}
        _replace(self.out_dir / MANIFEST, json.dumps(manifest, indent=1).encode())
        return self.assets

    def _write(self, name: str, content: bytes) -> None:
        digest = hashlib.sha384(content).digest()
        stem, suffix = os.path.splitext(name)
        hashed = f"{stem}.{digest.hex()[:10]}{suffix}"
        _replace(self.out_dir / hashed, content)
        if suffix in COMPRESSED:
            _write_twins(self.out_dir / hashed, content)
        self.assets[name] = Asset(self.url_prefix + hashed, "sha384-" + base64.b64encode(digest).decode())

    def _with_hashed_urls(self, css: str) -> str:
        def hashed(match: re.Match[str]) -> str:
            return f'url("{self.assets[match[1]].url.rsplit("/", 1)[1]}")'

        return re.sub(r'url\("([^"]+)"\)', hashed, css)

    def _remove_stale(self) -> None:
        wanted = {asset.url.rsplit("/", 1)[1] for asset in self.assets.values()} | {MANIFEST}
        for file in self.out_dir.iterdir():
            if file.name.removesuffix(".gz").removesuffix(".br") not in wanted:
                file.unlink(missing_ok=True)


def squeeze_css(text: str) -> str:
    """Style sheets without comments and needless white space; what stands in quotes is left as it is."""
    pieces = re.split(r'("[^"]*")', re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL))
    return "".join(piece if piece.startswith('"') else _squeeze_css_piece(piece) for piece in pieces).strip()


def _squeeze_css_piece(piece: str) -> str:
    piece = re.sub(r"\s+", " ", piece)
    piece = re.sub(r" ?([{};,>]) ?", r"\1", piece)
    return re.sub(r"(?<![ ({]): ", ":", piece).replace(";}", "}")


def join_modules(modules: dict[str, str]) -> str:
    """One script out of ES modules in the order of their imports; each keeps a scope of its own.

    The modules use two forms only: `import { a, b } from "./name.js";` and `export function name`. Raises ValueError
    for any other form or for an import of a module that does not come before.
    """
    joined: list[str] = []
    for name, source in modules.items():
        body, exported = _inline_imports(name, source, known=_names(joined)), _exports(source)
        body = re.sub(r"^export (?=(?:async )?function )", "", body, flags=re.MULTILINE)
        if re.search(r"^\s*(import|export)\b(?! ?\()", body, flags=re.MULTILINE):
            raise ValueError(f"{name}.js imports or exports in a form that the build does not know")
        joined.append(f"const ${name} = (() => {{\n{_squeeze_js(body)}\nreturn {{ {', '.join(exported)} }};\n}})();")
    return "\n".join(joined) + "\n"


def _names(joined: list[str]) -> set[str]:
    return {piece.split(" ", 2)[1].removeprefix("$") for piece in joined}


def _inline_imports(name: str, source: str, *, known: set[str]) -> str:
    def inline(match: re.Match[str]) -> str:
        if match[2] not in known:
            raise ValueError(f"{name}.js imports {match[2]}.js, which comes after it or is not part of the bundle")
        return f"const {{{match[1]}}} = ${match[2]};"

    return re.sub(r'^import \{([\w, ]+)\} from "\./(\w+)\.js";$', inline, source, flags=re.MULTILINE)


def _exports(source: str) -> list[str]:
    return re.findall(r"^export (?:async )?function (\w+)", source, flags=re.MULTILINE)


def _squeeze_js(source: str) -> str:
    """Only whole comment lines and indentation go: telling a comment from a string elsewhere would take a parser."""
    source = re.sub(r"^\s*/\*.*?\*/\s*$", "", source, flags=re.MULTILINE | re.DOTALL)
    lines = (line.strip() for line in source.splitlines())
    return "\n".join(line for line in lines if line and not line.startswith("//"))


def subset_font(source: Path) -> bytes:
    """Fraunces at weight 500 with the letters of FRAUNCES_TEXT, as woff2."""
    from fontTools import subset  # noqa: PLC0415 - slow to import, and needed only when a source changed
    from fontTools.ttLib import TTFont  # noqa: PLC0415
    from fontTools.varLib.instancer import instantiateVariableFont  # noqa: PLC0415

    font: Any = instantiateVariableFont(TTFont(source, recalcTimestamp=False), {"wght": 500})
    options = subset.Options(layout_features=["kern"], hinting=False, name_IDs=[1, 2])
    options.drop_tables += ["STAT", "HVAR", "MVAR", "avar", "gasp"]
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=FRAUNCES_TEXT)
    subsetter.subset(font)
    font.flavor = "woff2"
    content = io.BytesIO()
    font.save(content)
    return content.getvalue()


def _digest_of_sources(static_dir: Path, node_modules: Path) -> str:
    own = [*(static_dir / "css").glob("*.css"), *(static_dir / "js").glob("*.js"), *(static_dir / "img").glob("*.svg")]
    digest = hashlib.sha256()
    for file in [*sorted(own), node_modules / HTMX, node_modules / FRAUNCES, Path(__file__)]:
        digest.update(f"{file.name}\0".encode() + hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def _is_current(out_dir: Path, sources: str) -> bool:
    try:
        manifest = json.loads((out_dir / MANIFEST).read_text())
    except (FileNotFoundError, ValueError):
        return False
    files = (out_dir / entry["url"].rsplit("/", 1)[1] for entry in manifest["assets"].values())
    return manifest["sources"] == sources and all(file.is_file() for file in files)


def _write_twins(path: Path, content: bytes) -> None:
    import brotli  # noqa: PLC0415 - as above

    _replace(path.with_name(path.name + ".gz"), gzip.compress(content, 9, mtime=0))
    _replace(path.with_name(path.name + ".br"), brotli.compress(content, quality=11))


def _replace(path: Path, content: bytes) -> None:
    """Whole or not at all: another process may be reading the last build."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_bytes(content)
    beside.replace(path)
