"""The build of what browsers download: complete, small, hashed, compressed, and only done when something changed."""

import gzip
import hashlib
import io
import json
import re
import shutil
import time
from base64 import b64encode
from pathlib import Path

import brotli
import pytest
from fontTools.ttLib import TTFont

from app.web import assets

ROOT = Path(__file__).parents[2]
NODE_MODULES = ROOT / "node_modules"
KB = 1000


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The folder of one real build, and its manifest."""
    out = tmp_path_factory.mktemp("dist")
    return out, assets.build(ROOT / "static", NODE_MODULES, out)


def file_of(built, name):
    out, manifest = built
    return out / manifest[name].url.rsplit("/", 1)[1]


def weight(built, *names):
    """Bytes on the wire with gzip, of all the names together."""
    return sum(len(gzip.compress(file_of(built, name).read_bytes(), 9)) for name in names)


@pytest.mark.parametrize(
    ("names", "budget"),
    [
        (["storefront.css"], 12 * KB),
        (["admin.css"], 13 * KB),
        (["print.css"], 0.8 * KB),
        (["htmx.js", "shop.js"], 21 * KB),
        (["htmx.js", "checkout.js"], 21 * KB),
        (["htmx.js", "admin.js"], 26 * KB),
        (["passkey.js"], 1.5 * KB),
        (["icons.svg"], 7 * KB),
    ],
)
def test_every_page_stays_within_its_budget(built, names, budget):
    assert weight(built, *names) <= budget


def test_the_display_font_is_a_small_subset_of_one_weight(built):
    content = file_of(built, "fraunces.woff2").read_bytes()
    font = TTFont(io.BytesIO(content))
    assert len(content) <= 14 * KB
    assert "fvar" not in font
    assert set(map(ord, "Kedai Murni Batik – “Ação” é ü")) <= set(font.getBestCmap())


def test_names_carry_the_content_and_the_manifest_its_digest(built):
    out, manifest = built
    for name, asset in manifest.items():
        content = file_of(built, name).read_bytes()
        digest = hashlib.sha384(content).digest()
        assert asset.integrity == "sha384-" + b64encode(digest).decode()
        assert digest.hex()[:10] in asset.url
        assert asset.url.startswith("/static/dist/")
    assert assets.load_manifest(out) == manifest


def test_text_comes_with_twins_that_unpack_to_the_same_bytes(built):
    for name in built[1]:
        file = file_of(built, name)
        if file.suffix == ".woff2":
            continue
        assert gzip.decompress(file.with_name(file.name + ".gz").read_bytes()) == file.read_bytes()
        assert brotli.decompress(file.with_name(file.name + ".br").read_bytes()) == file.read_bytes()


def test_style_sheets_name_only_files_that_were_built(built):
    out, _ = built
    for name in ("storefront.css", "admin.css"):
        for url in re.findall(r"url\(([^)]+)\)", file_of(built, name).read_text()):
            assert (out / url.strip('"')).is_file()


def test_style_sheets_use_layers_and_no_important():
    for sheet in (ROOT / "static/css").glob("*.css"):
        text = sheet.read_text()
        assert "!important" not in text
        assert "@layer" in text


def test_templates_and_scripts_need_neither_eval_nor_inline_code():
    inline = r"\bstyle=|\bhx-on|\son[a-z]+="
    evaluated = r"hx-(?:vals|headers)='js:|\beval\(|new Function|hx-trigger=\"[^\"]*\["
    forbidden = re.compile(f"{inline}|{evaluated}")
    files = [*(ROOT / "templates").rglob("*.html"), *(ROOT / "static/js").glob("*.js")]
    mails = ROOT / "templates" / "email"
    found = [file.name for file in files if mails not in file.parents and forbidden.search(file.read_text())]
    assert found == []


def test_every_icon_that_a_template_names_is_drawn():
    drawn = set(re.findall(r'<symbol id="([\w-]+)"', (ROOT / "static/img/icons.svg").read_text()))
    for template in (ROOT / "templates").rglob("*.html"):
        text = template.read_text()
        named = re.findall(r'\b_?icon\("([\w-]+)"', text) + re.findall(r'\bicon="([\w-]+)"', text)
        assert set(named) <= drawn, template.name


def test_an_unchanged_build_writes_nothing_and_takes_no_time(built):
    out, manifest = built
    before = {file: file.stat().st_mtime_ns for file in out.iterdir()}
    started = time.perf_counter()
    assert assets.build(ROOT / "static", NODE_MODULES, out) == manifest
    assert time.perf_counter() - started < 0.3
    assert {file: file.stat().st_mtime_ns for file in out.iterdir()} == before


def test_a_changed_source_gives_a_new_name_and_removes_the_old_file(tmp_path):
    static, out = tmp_path / "static", tmp_path / "dist"
    for part in ("css", "js", "img"):
        shutil.copytree(ROOT / "static" / part, static / part)
    first = assets.build(static, NODE_MODULES, out)
    with (static / "css/5-print.css").open("a") as sheet:
        sheet.write("@layer print { em { font-style: normal; } }\n")
    second = assets.build(static, NODE_MODULES, out)
    assert second["print.css"] != first["print.css"]
    assert second["storefront.css"] == first["storefront.css"]
    assert not (out / first["print.css"].url.rsplit("/", 1)[1]).exists()


def test_a_deleted_output_is_built_again(tmp_path):
    manifest = assets.build(ROOT / "static", NODE_MODULES, tmp_path)
    lost = tmp_path / manifest["shop.js"].url.rsplit("/", 1)[1]
    lost.unlink()
    assets.build(ROOT / "static", NODE_MODULES, tmp_path)
    assert lost.is_file()


def test_missing_packages_are_named(tmp_path):
    with pytest.raises(assets.AssetsMissingError, match="npm ci"):
        assets.build(ROOT / "static", tmp_path / "node_modules", tmp_path / "dist")


def test_a_manifest_that_is_not_there_says_what_to_run(tmp_path):
    with pytest.raises(assets.AssetsMissingError, match="assets build"):
        assets.load_manifest(tmp_path)


def test_a_broken_manifest_is_replaced(tmp_path):
    (tmp_path / "manifest.json").write_text("{")
    assets.build(ROOT / "static", NODE_MODULES, tmp_path)
    assert json.loads((tmp_path / "manifest.json").read_text())["assets"]


def test_css_keeps_its_meaning_when_squeezed():
    source = '/* a */ .a > .b , .c { color: red; content: "  ; x  "; width: calc(1px + 2px) }\n.d :hover { top: 0; }'
    squeezed = '.a>.b,.c{color:red;content:"  ; x  ";width:calc(1px + 2px)}.d :hover{top:0}'
    assert assets.squeeze_css(source) == squeezed


def test_modules_are_joined_in_scopes_of_their_own():
    joined = assets.join_modules(
        {
            "app": "// words\nconst secret = 1;\nexport function announce(text) {\n  return text;\n}\n",
            "lock": 'import { announce } from "./app.js";\n\nconst secret = 2;\nannounce(secret);\n',
        }
    )
    assert joined.splitlines() == [
        *("const $app = (() => {", "const secret = 1;", "function announce(text) {", "return text;", "}"),
        *("return { announce };", "})();"),
        *("const $lock = (() => {", "const { announce } = $app;", "const secret = 2;", "announce(secret);"),
        *("return {  };", "})();"),
    ]


@pytest.mark.parametrize(
    "source",
    ['import { a } from "./later.js";', 'import a from "./app.js";', "export default 1;", "export const a = 1;"],
)
def test_a_form_of_import_or_export_that_is_not_known_is_refused(source):
    with pytest.raises(ValueError, match=r"one\.js"):
        assets.join_modules({"one": source, "later": ""})
