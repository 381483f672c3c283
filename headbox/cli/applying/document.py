"""The file: YAML documents, each of them one thing with the fields of its kind.

Every mistake is found before anything is asked of the server, with its line and the nearest name that would be right.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from graphql import (
    GraphQLEnumType,
    GraphQLID,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNamedType,
    GraphQLNonNull,
    get_named_type,
    get_nullable_type,
    is_required_input_field,
)

from headbox.cli.applying.resources import Resource
from headbox.cli.derived.references import Lookup, Reference
from headbox.cli.derived.values import choice, nearest

#: Most values in a file: aliases of aliases could stand for any number.
MOST_VALUES = 100_000
#: How deep values lie in one another at most.
MAX_DEPTH = 32
#: Longest file that `!file` reads, in bytes.
MAX_FILE_BYTES = 1024 * 1024

_TAG = "tag:yaml.org,2002:"
_KIND = "kind"
#: `${NAME}`, and `$${` for the characters themselves.
_VARIABLE = re.compile(r"\$\$\{|\$\{([^}]*)\}?")
_VARIABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
#: What the types of scalars are called in messages, and the tags that they take.
_SCALARS = {
    "Boolean": ("true or false", {"bool"}),
    "Int": ("a whole number", {"int"}),
    "BigInt": ("a whole number", {"int"}),
    "Float": ("a number", {"int", "float"}),
}


class Secret(str):
    """A text that comes from the environment or from a file, and is not shown."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Wanted:
    """A thing as a file wants it.

    Attributes:
        resource: What it is.
        key: Which one: its name, or its base path.
        values: What is given for its fields; references stand for names of other things.
        line: Where it stands in the file, from 1.
    """

    resource: Resource
    key: str
    values: Mapping[str, Any]
    line: int


@dataclass(slots=True)
class DocumentInvalid(Exception):
    """The file has mistakes.

    Attributes:
        problems: What is wrong, by line.
    """

    problems: list[tuple[int, str]] = field(default_factory=list)


def read_documents(
    text: str, folder: Path, known: Mapping[str, Resource], lookups: Mapping[str, Lookup], environ: Mapping[str, str]
) -> list[Wanted]:
    """Return what a file wants, in its order.

    Args:
        text: The file.
        folder: Where `!file` looks for relative paths.
        known: What a file can want, by kind.
        lookups: The queries that find things by name, by what inputs call their ids.
        environ: The variables that `${NAME}` stands for.

    Raises:
        DocumentInvalid: It has mistakes.
    """
    reader = _Reader(folder, known, lookups, environ)
    try:
        nodes = list(yaml.compose_all(text, yaml.SafeLoader))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise DocumentInvalid([(mark.line + 1 if mark else 1, f"this is not YAML: {error.problem}")]) from error
    except (yaml.YAMLError, RecursionError) as error:
        raise DocumentInvalid([(1, f"this is not YAML: {' '.join(str(error).split())}")]) from error
    wanted = [found for node in nodes if not _is_empty(node) and (found := reader.document(node))]
    reader.check_once(wanted)
    if reader.problems:
        raise DocumentInvalid(sorted(reader.problems))
    return wanted


def _is_empty(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag == f"{_TAG}null"


class _Reader:
    """Reads the values of a file by the types of the fields that they are for."""

    def __init__(
        self, folder: Path, known: Mapping[str, Resource], lookups: Mapping[str, Lookup], environ: Mapping[str, str]
    ) -> None:
        self._folder = folder
        self._known = known
        self._lookups = lookups
        self._environ = environ
        self._left = MOST_VALUES
        self.problems: list[tuple[int, str]] = []

    def document(self, node: yaml.Node) -> Wanted | None:
        """Return what one document wants; None where it has mistakes, which are noted."""
        entries = self._entries(node) if isinstance(node, yaml.MappingNode) else {}
        if _KIND not in entries:
            self._problem(node, f"a document has the field `kind`, one of {', '.join(self._known)}")
            return None
        kind_node = entries.pop(_KIND)[1]
        kind = kind_node.value if isinstance(kind_node, yaml.ScalarNode) else ""
        resource = self._known.get(kind)
        if resource is None:
            self._problem(kind_node, f"there is no kind {kind!r}{nearest(kind, self._known)}")
            return None
        before = len(self.problems)
        values = self._fields(node, entries, resource.kind, resource.fields, depth=1)
        if len(self.problems) > before:
            return None
        return Wanted(resource, str(values[resource.key]), values, _line(node))

    def check_once(self, wanted: Sequence[Wanted]) -> None:
        """Note what is wanted twice."""
        lines: dict[tuple[str, str], int] = {}
        for each in wanted:
            line = lines.setdefault((each.resource.noun.name, each.key), each.line)
            if line != each.line:
                self.problems.append(
                    (each.line, f"the {each.resource.noun.name} {each.key!r} stands in line {line}, too")
                )

    def _entries(self, node: yaml.MappingNode) -> dict[str, tuple[yaml.Node, yaml.Node]]:
        """Return the keys and values of a mapping by the keys; those that are no text or come twice are noted."""
        entries: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag != f"{_TAG}str":
                self._problem(key, "a key is a text")
            elif key.value in entries:
                self._problem(key, f"{key.value!r} stands in line {_line(entries[key.value][0])}, too")
            else:
                entries[key.value] = (key, value)
        return entries

    def _fields(
        self,
        node: yaml.Node,
        entries: Mapping[str, tuple[yaml.Node, yaml.Node]],
        what: str,
        fields: Mapping[str, GraphQLInputField],
        depth: int,
    ) -> dict[str, Any]:
        """Return the values of an object."""
        values = {}
        for name, (key, value) in entries.items():
            if name in fields:
                values[name] = self._value(value, fields[name].type, name, depth)
            else:
                self._problem(key, f"{what} has no field {name!r}{nearest(name, fields)}")
        for name, wanted in fields.items():
            if is_required_input_field(wanted) and values.get(name) is None and name not in entries:
                self._problem(node, f"{what} needs the field {name!r}")
        return values

    def _value(self, node: yaml.Node, wanted: GraphQLInputType, name: str, depth: int) -> Any:
        """Return a value for a type."""
        if not self._may_go_on(node, depth):
            return None
        if _is_empty(node):
            return self._problem(node, f"{name!r} is needed") if isinstance(wanted, GraphQLNonNull) else None
        inner = get_nullable_type(wanted)
        if isinstance(inner, GraphQLList):
            return self._list(node, inner.of_type, name, depth)
        return self._one(node, get_named_type(wanted), name, depth)

    def _list(self, node: yaml.Node, wanted: GraphQLInputType, name: str, depth: int) -> Any:
        if not isinstance(node, yaml.SequenceNode):
            return self._problem(node, f"{name!r} is a list")
        return [self._value(item, wanted, name, depth + 1) for item in node.value]

    def _one(self, node: yaml.Node, named: GraphQLNamedType, name: str, depth: int) -> Any:
        if isinstance(named, GraphQLInputObjectType):
            return self._object(node, named, name, depth)
        if named.name == "JSON":
            return self._plain(node, depth)
        if not isinstance(node, yaml.ScalarNode):
            return self._problem(node, f"{name!r} is one value")
        return self._scalar(node, named, name)

    def _object(self, node: yaml.Node, named: GraphQLInputObjectType, name: str, depth: int) -> Any:
        lookup = self._lookups.get(name)
        if named.is_one_of and "id" in named.fields and isinstance(node, yaml.ScalarNode):
            text = self._text(node, name)
            return {"id": Reference(text, lookup) if lookup else text}
        if not isinstance(node, yaml.MappingNode):
            return self._problem(node, f"{name!r} is a mapping")
        created = named.fields.get("create") if named.is_one_of else None
        if created is not None:
            inner = get_named_type(created.type)
            assert isinstance(inner, GraphQLInputObjectType), "what is created has fields"
            if lookup is not None:
                return self._problem(node, f"{name!r} is the name of one: it has a document of its own")
            return {"create": self._fields(node, self._entries(node), name, inner.fields, depth + 1)}
        values = self._fields(node, self._entries(node), name, named.fields, depth + 1)
        if named.is_one_of and len(node.value) != 1:
            return self._problem(node, f"{name!r} is exactly one of {', '.join(named.fields)}")
        return values

    def _scalar(self, node: yaml.ScalarNode, named: GraphQLNamedType, name: str) -> Any:
        if isinstance(named, GraphQLEnumType):
            by_word = {choice(value): value for value in named.values}
            found = by_word.get(choice(node.value))
            if found is None:
                return self._problem(
                    node, f"{name!r} is none of {', '.join(named.values)}{nearest(node.value, by_word)}"
                )
            return found
        if named.name in _SCALARS:
            words, tags = _SCALARS[named.name]
            if node.tag.removeprefix(_TAG) not in tags:
                return self._problem(node, f"{name!r} is {words}")
            return self._constructed(node)
        text = self._text(node, name)
        lookup = self._lookups.get(name) if named is GraphQLID else None
        return Reference(text, lookup) if lookup else text

    def _text(self, node: yaml.ScalarNode, name: str) -> str:
        """Return a text, with what it takes from the environment or from a file."""
        if node.tag == "!file":
            return self._file(node)
        if node.tag != f"{_TAG}str":
            self._problem(node, f"{name!r} is a text: put it in quotes")
            return ""
        text = self._expanded(node)
        try:
            text.encode()
        except UnicodeEncodeError:
            self._problem(node, f"{name!r} holds half a character")
        return text

    def _expanded(self, node: yaml.ScalarNode) -> str:

        def value_of(match: re.Match[str]) -> str:
            if match[1] is None:
                return "${"
            if not _VARIABLE_NAME.fullmatch(match[1]) or not match[0].endswith("}"):
                self._problem(node, f"{match[0]!r} names no variable; `$${{` stands for `${{`")
            elif match[1] not in self._environ:
                self._problem(node, f"the variable {match[1]} is not set")
            return self._environ.get(match[1], "")

        text = _VARIABLE.sub(value_of, node.value)
        return Secret(text) if any(match[1] is not None for match in _VARIABLE.finditer(node.value)) else text

    def _file(self, node: yaml.ScalarNode) -> str:
        path = self._folder / node.value
        try:
            with path.open("rb") as stream:
                body = stream.read(MAX_FILE_BYTES + 1)
            if len(body) <= MAX_FILE_BYTES:
                # Editors end a file with a line feed that is not meant.
                return Secret(body.decode().removesuffix("\n").removesuffix("\r"))
            self._problem(node, f"{path} is longer than {MAX_FILE_BYTES:,} bytes")
        except UnicodeDecodeError:
            self._problem(node, f"{path} is not UTF-8")
        except (OSError, ValueError) as error:
            self._problem(node, f"{path} cannot be read: {getattr(error, 'strerror', None) or error}")
        return ""

    def _plain(self, node: yaml.Node, depth: int) -> Any:
        """Return a value that may be any JSON."""
        if not self._may_go_on(node, depth):
            return None
        if isinstance(node, yaml.MappingNode):
            return {name: self._plain(value, depth + 1) for name, (_, value) in self._entries(node).items()}
        if isinstance(node, yaml.SequenceNode):
            return [self._plain(item, depth + 1) for item in node.value]
        assert isinstance(node, yaml.ScalarNode), "there are three sorts of nodes"
        if node.tag in {f"{_TAG}str", "!file"}:
            return self._text(node, "value")
        if node.tag.removeprefix(_TAG) in {"null", "bool", "int", "float"}:
            return self._constructed(node)
        return self._problem(node, "this is no value of JSON: put it in quotes")

    def _constructed(self, node: yaml.ScalarNode) -> Any:
        """Return a value that is no text, where JSON has it."""
        try:
            value = yaml.SafeLoader("").construct_object(node)
        except (ValueError, yaml.YAMLError):
            return self._problem(node, f"{node.value!r} cannot be read")
        if isinstance(value, float) and not math.isfinite(value):
            return self._problem(node, f"{node.value!r} is no number that can be sent")
        if isinstance(value, int) and abs(value) >= 2**63:
            return self._problem(node, f"{node.value!r} has more than 64 bits")
        return value

    def _may_go_on(self, node: yaml.Node, depth: int) -> bool:
        """Tell whether there may be another value; note once that there may not."""
        self._left -= 1
        if depth > MAX_DEPTH:
            self._problem(node, f"values lie in one another at most {MAX_DEPTH} deep")
        elif self._left == -1:
            self._problem(node, f"there are more than {MOST_VALUES:,} values")
        return self._left >= 0 and depth <= MAX_DEPTH

    def _problem(self, node: yaml.Node, message: str) -> None:
        self.problems.append((_line(node), message))


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1
