"""The door for plugins is versioned: what it offers is pinned, and changes only where somebody wants it to.

The pinned text is a stub of everything that `headbox.plugin_api` exports. Where a change is wanted, put what the failed
test shows into the file; where plugins that rely on the old one would break, raise `API_VERSION` too and rename it.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
import typing
from pathlib import Path
from typing import Any

from headbox import plugin_api

#: Methods that say how a class is made or extended.
MAKERS = {"__init__", "__pydantic_init_subclass__"}


def stub(name: str, value: Any) -> str:
    """Return the names, types, defaults and signatures of an exported thing, without bodies and descriptions."""
    if not (inspect.isclass(value) or inspect.isfunction(value)):
        return f"{name}: {(typing.get_origin(value) or type(value)).__name__}"
    [definition] = ast.parse(textwrap.dedent(inspect.getsource(value))).body
    return ast.unparse(_Stripped().visit(definition))


class _Stripped(ast.NodeTransformer):
    def visit_ClassDef(self, node: ast.ClassDef) -> ast.ClassDef:
        public = [self.visit(statement) for statement in node.body if _is_public(statement)]
        node.body = public or [ast.Expr(ast.Constant(...))]
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        node.body = [ast.Expr(ast.Constant(...))]
        return node

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AsyncFunctionDef:
        node.body = [ast.Expr(ast.Constant(...))]
        return node

    def visit_Call(self, node: ast.Call) -> ast.Call:
        node.keywords = [keyword for keyword in node.keywords if keyword.arg != "description"]
        return node


def _is_public(statement: ast.stmt) -> bool:
    match statement:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.AnnAssign(target=ast.Name(id=name)):
            return name in MAKERS or not name.startswith("_")
        case ast.Assign(targets=[ast.Name(id=name)]):
            return not name.startswith("_")
    return False


def test_names_and_signatures_are_the_pinned_ones() -> None:
    pinned = Path(__file__).with_name(f"plugin_api_{plugin_api.API_VERSION}.txt")

    offered = "\n\n".join(stub(name, getattr(plugin_api, name)) for name in plugin_api.__all__)

    assert offered.splitlines() == pinned.read_text().splitlines()


def test_exports_are_sorted_and_whole() -> None:
    tree = ast.parse(Path(plugin_api.__file__).read_text())
    imported = {
        alias.name
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and node.module != "__future__"
        for alias in node.names
    }

    assert plugin_api.__all__ == sorted(imported | {"API_VERSION"})
