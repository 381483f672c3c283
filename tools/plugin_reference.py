"""Write the reference of the plugin API from the signatures and docstrings of what `headbox.plugin_api` offers."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from headbox import plugin_api, types

#: What is told together, in the order in which a plugin writer meets it.
GROUPS = {
    "The plugin": ("Plugin", "Example", "ClientSetup", "API_VERSION"),
    "Documents": ("ContentUnit", "FromUpload", "RemoteDocument", "SettingsDocument", "RepositoryDocument"),
    "Tasks": ("SyncTask", "PublishTask", "AddTask", "CopyTask", "TaskType", "exclusive", "shared"),
    "What coroutines are handed": ("TaskContext", "SyncContext", "PublishContext"),
    "What a sync declares": ("DeclaredContent", "DeclaredArtifact"),
    "Errors": ("HeadboxError", "TaskError", "Invalid", "MetadataInvalid"),
    "Values": ("Digest", "RelativePath", "ProgressUnit"),
}
#: Modules in which names that are neither classes nor functions are explained, by a comment that begins with `#:`.
EXPLAINING: tuple[ModuleType, ...] = (types, plugin_api)
#: How classes are extended with keywords: `class Thing(ContentUnit, kind=…)`.
EXTENDED = "__pydantic_init_subclass__"

_SECTION = re.compile(r"^(Args|Attributes|Returns|Raises|Source):[ ]*", re.MULTILINE)
_ENTRY = re.compile(r"^(\w+): ", re.MULTILINE)


def plugin_sections() -> str:
    """Return a section for each name, as Markdown.

    Raises:
        ValueError: A name that is offered has no group, or one of a group is not offered.
    """
    grouped = [name for names in GROUPS.values() for name in names]
    if sorted(grouped) != sorted(plugin_api.__all__):
        raise ValueError(f"GROUPS differs from __all__ in {set(grouped) ^ set(plugin_api.__all__)}")
    return "\n".join(line for group, names in GROUPS.items() for line in (f"## {group}\n", *map(_section, names)))


def _section(name: str) -> str:
    value = getattr(plugin_api, name)
    if inspect.isclass(value) or inspect.isfunction(value):
        [definition] = ast.parse(textwrap.dedent(inspect.getsource(value))).body
        assert isinstance(definition, ast.ClassDef | ast.FunctionDef)
        text = "\n\n".join(_described(definition))
    else:
        text = f"{_code(f'{name} = {value!r}' if isinstance(value, int) else name)}\n\n{_comment(name)}"
    return f"### {name} {{ #{name} }}\n\n{text}\n"


def _comment(name: str) -> str:
    for module in EXPLAINING:
        found = re.search(rf"((?:^#: .*\n)+)^{name} = ", inspect.getsource(module), re.MULTILINE)
        if found:
            return " ".join(line.removeprefix("#: ") for line in found[1].splitlines())
    raise ValueError(f"{name} is explained nowhere")


def _described(definition: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    yield _code(_signature(definition))
    if text := _text(ast.get_docstring(definition) or ""):
        yield text
    if isinstance(definition, ast.ClassDef):
        yield from _fields(definition)
        for statement in definition.body:
            if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef) and not statement.name.startswith("_"):
                yield f"#### {definition.name}.{statement.name}"
                yield from _described(statement)


def _signature(definition: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    if isinstance(definition, ast.ClassDef):
        makers = [each for each in definition.body if isinstance(each, ast.FunctionDef) and each.name == EXTENDED]
        keywords = [
            f"{argument.arg}={'…' if default is None else ast.unparse(default)}"
            for maker in makers
            for argument, default in zip(maker.args.kwonlyargs, maker.args.kw_defaults, strict=True)
        ]
        bases = ", ".join(map(ast.unparse, definition.bases))
        line = f"class {definition.name}({bases}):" if bases else f"class {definition.name}:"
        fields = [f"    {ast.unparse(each)}" for each in definition.body if _is_plain_field(each)]
        extended = [f"    # keywords of a class below it: {', '.join(keywords)}"] if keywords else []
        return "\n".join([line, *extended, *fields]) if extended or fields else f"{line} ..."
    decorators = "".join(f"@{ast.unparse(each)}\n" for each in definition.decorator_list)
    kind = "async def" if isinstance(definition, ast.AsyncFunctionDef) else "def"
    returns = f" -> {ast.unparse(definition.returns)}" if definition.returns else ""
    return f"{decorators}{kind} {definition.name}({ast.unparse(definition.args)}){returns}"


def _is_plain_field(statement: ast.stmt) -> bool:
    """Tell whether a statement declares a field that the docstring describes: of a dataclass or a named tuple."""
    match statement:
        case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation, value=value):
            return name[0] != "_" and not ast.unparse(annotation).startswith("ClassVar") and not _description(value)
    return False


def _fields(definition: ast.ClassDef) -> Iterator[str]:
    """Yield the fields that describe themselves, as a list of definitions, and the values of an enumeration."""
    lines = []
    for statement in definition.body:
        match statement:
            case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation, value=value) if name[0] != "_":
                if description := _description(value):
                    lines.append(f"`{name}` `{ast.unparse(annotation)}`{{ .type }}\n:   {description}\n")
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=value)) if name.isupper():
                lines.append(f"- `{name}`: {value!r}")
    if lines:
        yield "\n".join(lines)


def _description(value: ast.expr | None) -> str:
    if not isinstance(value, ast.Call):
        return ""
    given: dict[str | None, Any] = {each.arg: each.value for each in value.keywords}
    return str(ast.literal_eval(given["description"])) if "description" in given else ""


def _text(docstring: str) -> str:
    """Return a docstring in Google's style as Markdown."""
    [text, *sections] = _SECTION.split(docstring)
    parts = [text.strip()]
    for title, body in zip(sections[::2], sections[1::2], strict=True):
        inner = textwrap.dedent(body).strip()
        entries = _ENTRY.split(inner)[1:]
        if entries:
            inner = "\n".join(
                f"- `{name}`: {' '.join(said.split())}" for name, said in zip(entries[::2], entries[1::2], strict=True)
            )
            parts.append(f"**{title}**\n\n{inner}")
        else:
            parts.append(f"**{title}**: {' '.join(inner.split())}")
    return "\n\n".join(part for part in parts if part)


def _code(text: str) -> str:
    # Quotes as everywhere else in the project; ast writes single ones.
    return f"```py\n{text.replace(chr(39), chr(34))}\n```"
