"""What has to be done so that everything is as the file wants it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from headbox.cli.applying.document import DocumentInvalid, Secret, Wanted
from headbox.cli.applying.reading import as_input, with_defaults
from headbox.cli.applying.resources import Noun, Resource
from headbox.cli.derived.references import Lookup, Reference, find_id
from headbox.client import Client

#: The label that says which file a thing is from.
LABEL = "headbox.apply"
#: What is printed in place of a secret.
HIDDEN = "(secret)"
#: Things that are listed at a time, to find those that are gone from the file.
PAGE = 500


class Action(StrEnum):
    """What a step does."""

    CREATE = "create"
    UPDATE = "update"
    UNCHANGED = "unchanged"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Change:
    """A field that gets another value.

    Attributes:
        field: Its name.
        old: What it has, as people read it; None when the thing is new.
        new: What it gets; secrets are hidden.
    """

    field: str
    old: Any
    new: Any


@dataclass(frozen=True, slots=True)
class Step:
    """What is done about one thing.

    Attributes:
        action: What is done.
        kind: What it is.
        key: Which one: its name, or its base path.
        changes: The fields that get another value.
        document: The mutation; None where nothing is done.
        variables: What it is given; names of things that are created before stand as references.
        not_compared: The secrets that the server may have others of: it does not show them, and they are not sent.
    """

    action: Action
    kind: str
    key: str
    changes: tuple[Change, ...] = ()
    document: str | None = None
    variables: Mapping[str, Any] | None = None
    not_compared: tuple[str, ...] = ()


_ERRORS = "errors { code message path hint retryable }"


class Planner:
    """Compares what is wanted with what is there.

    Args:
        client: The server.
        known: What a file can want, by kind, what is named by others before them.
        lookups: The queries that find things by name, by what inputs call their ids.
        name: What the label of the file's things says.
        renews_secrets: Whether secrets are sent that the server has some of already: it does not show them.
    """

    def __init__(
        self,
        client: Client,
        known: Mapping[str, Resource],
        lookups: Mapping[str, Lookup],
        *,
        name: str,
        renews_secrets: bool,
    ) -> None:
        self._client = client
        self._known = known
        self._lookups = lookups
        self._name = name
        self._renews_secrets = renews_secrets
        self._ids: dict[Reference, str | None] = {}

    async def plan(self, wanted: Sequence[Wanted], *, prunes: bool) -> list[Step]:
        """Return the steps in the order in which they can be done.

        Raises:
            DocumentInvalid: Something is named that neither is there nor is wanted.
            ClientError: The server does not answer, or refuses.
        """
        order = list(self._known)
        in_order = sorted(wanted, key=lambda each: order.index(each.resource.kind))
        problems = [problem for each in wanted for problem in await self._missing(each, wanted)]
        if problems:
            raise DocumentInvalid(sorted(problems))
        steps = [await self._step(each) for each in in_order]
        if prunes:
            steps += [step async for step in self._gone(wanted)]
        return steps

    async def _missing(self, each: Wanted, wanted: Sequence[Wanted]) -> list[tuple[int, str]]:
        """Look up what a thing names, and return what is wrong with that."""
        there = {(other.resource.noun.name, other.key) for other in wanted}
        problems = []
        for reference in _references(each.values):
            if reference not in self._ids:
                self._ids[reference] = await find_id(self._client, reference)
            lookup = reference.lookup
            if self._ids[reference] is None and (lookup.field, reference.name) not in there:
                problems.append((each.line, f"there is no {lookup.noun} {reference.text!r}, and the file has none"))
        return problems

    async def _step(self, each: Wanted) -> Step:
        resource = each.resource
        found = await self._find(resource, each.key)
        if found is None:
            return self._creation(each)
        if found["__typename"] != resource.type_name:
            told = f"the {resource.noun.name} {each.key!r} is there, and is a {found['__typename']}"
            raise DocumentInvalid([(each.line, told)])
        labels = each.values.get("labels")
        values = {**each.values, "labels": {**(found["labels"] if labels is None else labels), LABEL: self._name}}
        changes = {name: change for name, value in values.items() if (change := self._change(each, found, name, value))}
        given = {name: values[name] for name in changes}
        hidden = [name for name, value in values.items() if name not in resource.selection and value is not None]
        not_compared = tuple(name for name in hidden if name not in changes)
        if not given:
            return Step(Action.UNCHANGED, resource.kind, each.key, not_compared=not_compared)
        variables = {"input": {"id": found["id"], "expectedRevision": found["revision"], **given}}
        update = _document(resource.update)
        return Step(Action.UPDATE, resource.kind, each.key, tuple(changes.values()), update, variables, not_compared)

    def _creation(self, each: Wanted) -> Step:
        values = {**each.values, "labels": {**(each.values.get("labels") or {}), LABEL: self._name}}
        given = {name: value for name, value in values.items() if value is not None}
        changes = tuple(
            Change(name, None, _shown(value, is_secret=name not in each.resource.selection))
            for name, value in given.items()
        )
        resource = each.resource
        return Step(
            Action.CREATE, resource.kind, each.key, changes, _document(resource.create, resource.told), {"input": given}
        )

    def _change(self, each: Wanted, found: Mapping[str, Any], name: str, value: Any) -> Change | None:
        """Return how a field differs; None where it does not."""
        resource = each.resource
        if name not in resource.selection:
            is_due = value is not None and (self._renews_secrets or not found.get("hasCredentials", True))
            return Change(name, HIDDEN, HIDDEN) if is_due else None
        field = resource.fields[name]
        now = as_input(found[name], field, self._lookups.get(name))
        then = self._resolved(with_defaults(value, field.type))
        if now == then:
            return None
        new = _shown(value)
        return Change(name, HIDDEN if new == HIDDEN else _shown_object(found[name]), new)

    def _resolved(self, value: Any) -> Any:
        """Return a value with ids in place of references; those of things that are created yet stay."""
        if isinstance(value, Reference):
            return self._ids[value] or value
        if isinstance(value, dict):
            return {name: self._resolved(item) for name, item in value.items()}
        return [self._resolved(item) for item in value] if isinstance(value, list) else value

    async def _find(self, resource: Resource, key: str) -> dict[str, Any] | None:
        lookup = resource.noun.lookup
        selection = " ".join(value for name, value in resource.selection.items() if name != "labels")
        has_credentials = "hasCredentials " if resource.has_credentials else ""
        document = (
            f"query Find($key: String!) {{ found: {lookup.field}({lookup.argument}: $key) "
            f"{{ __typename id revision labels ... on {resource.type_name} {{ {has_credentials}{selection} }} }} }}"
        )
        found: dict[str, Any] | None = (await self._client.execute(document, {"key": key}))["found"]
        return found

    async def _gone(self, wanted: Sequence[Wanted]) -> AsyncIterator[Step]:
        """Yield the deletions of what has the file's label and is not in it, what names others before those."""
        nouns: dict[str, Noun] = {resource.noun.name: resource.noun for resource in self._known.values()}
        kept = {(each.resource.noun.name, each.key) for each in wanted}
        for noun in reversed(nouns.values()):
            async for node in self._labelled(noun):
                key = node["key"]
                if (noun.name, key) not in kept:
                    document = f"mutation Delete($id: ID!) {{ result: {noun.delete}(id: $id) {{ {_ERRORS} }} }}"
                    yield Step(Action.DELETE, noun.name, key, (), document, {"id": node["id"]})

    async def _labelled(self, noun: Noun) -> AsyncIterator[dict[str, Any]]:
        label = f'label: [{{ key: "{LABEL}", value: $value }}]'
        page = f"{noun.listing}(first: {PAGE}, after: $after, filter: {{ {label} }})"
        nodes = f"edges {{ node {{ id key: {noun.lookup.argument} }} }} pageInfo {{ hasNextPage endCursor }}"
        document = f"query Labelled($value: String!, $after: String) {{ found: {page} {{ {nodes} }} }}"
        after = None
        while True:
            found = (await self._client.execute(document, {"value": self._name, "after": after}))["found"]
            for edge in found["edges"]:
                yield edge["node"]
            if not found["pageInfo"]["hasNextPage"]:
                return
            after = found["pageInfo"]["endCursor"]


def _document(mutation: str, told: Iterable[str] = ()) -> str:
    given = f"{mutation[0].upper()}{mutation[1:]}Input"
    return f"mutation Apply($input: {given}!) {{ result: {mutation}(input: $input) {{ {' '.join(told)} {_ERRORS} }} }}"


def _references(value: Any) -> list[Reference]:
    """Return all references in a value."""
    if isinstance(value, Reference):
        return [value]
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    return [reference for item in inner for reference in _references(item)]


def _shown(value: Any, *, is_secret: bool = False) -> Any:
    """Return a value as it is printed."""
    if is_secret or isinstance(value, Secret):
        return HIDDEN
    if isinstance(value, Reference):
        return _shown(value.text)
    if isinstance(value, dict):
        inner = {name: _shown(item) for name, item in value.items()}
        # How a name is given to the API is of no interest.
        return next(iter(inner.values())) if inner.keys() in ({"id"}, {"create"}) else inner
    return [_shown(item) for item in value] if isinstance(value, list) else value


def _shown_object(value: Any) -> Any:
    """Return a value that the API shows as it is printed: things by their names."""
    if not isinstance(value, dict):
        return value
    if value.keys() <= {"id", "name", "basePath"} and "id" in value:
        return value.get("name") or value.get("basePath") or value["id"]
    return {name: _shown_object(item) for name, item in value.items() if name not in {"__typename", "id"}}
