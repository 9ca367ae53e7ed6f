"""`make map`: each domain with what it does and what it announces, read from the sources. Needs nothing installed.

python3 -m run.map [DOMAIN …]
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

APP = Path(__file__).resolve().parent.parent / "app"
SECTIONS = {"actions.py": ast.FunctionDef, "events.py": ast.ClassDef}


def main(names: list[str]) -> int:
    """Prints the named domains, by default all of them. 1 when a name is none."""
    unknown = [name for name in names if name not in domains()]
    if unknown:
        print(f"No such domain: {', '.join(unknown)}. There are {', '.join(domains())}.", file=sys.stderr)
        return 1
    print("\n\n".join(describe(name) for name in names or domains()))
    return 0


def domains() -> list[str]:
    """The packages of the shop that have actions or events of their own."""
    packages = sorted(path.parent for path in APP.glob("*/__init__.py"))
    return [package.name for package in packages if any(_files(package, file) for file in SECTIONS)]


def describe(domain: str) -> str:
    """The domain's docstring, then its actions and events with the first sentence about each."""
    lines = [domain.upper(), *_docstring(_parse(APP / domain / "__init__.py")).splitlines()]
    for file, kind in SECTIONS.items():
        found = _files(APP / domain, file)
        if found:
            lines += ["", f"  {file.removesuffix('.py')}"]
        for path in found:
            lines += [f"    {name:<46} {said}".rstrip() for name, said in _public(_parse(path), kind)]
    return "\n".join(lines)


def _files(package: Path, file: str) -> list[Path]:
    """A file of a domain, or the files of the package that it has become."""
    alone, parts = package / file, package / file.removesuffix(".py")
    return [alone] if alone.exists() else sorted(parts.glob("*.py"))


def _public(tree: ast.Module, kind: type[ast.FunctionDef | ast.ClassDef]) -> Iterator[tuple[str, str]]:
    for node in tree.body:
        if isinstance(node, kind) and not node.name.startswith("_"):
            yield _public_name(node), _docstring(node).partition("\n")[0]


def _public_name(node: ast.FunctionDef | ast.ClassDef) -> str:
    """A function's own name; an event's public one (`order.paid`)."""
    for part in node.body:
        if isinstance(part, ast.Assign) and isinstance(part.value, ast.Constant) and _targets(part) == ["name"]:
            return f"{node.name} ({part.value.value!s})"
    return node.name


def _targets(assignment: ast.Assign) -> list[str]:
    return [target.id for target in assignment.targets if isinstance(target, ast.Name)]


def _docstring(node: ast.Module | ast.FunctionDef | ast.ClassDef) -> str:
    return ast.get_docstring(node) or ""


def _parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
