"""What becomes of a plugin's declarations, and which ones are refused."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from types import new_class
from typing import Any
from uuid import UUID

import pytest
from graphql import GraphQLInputObjectType, GraphQLObjectType
from pydantic import BaseModel, Field

from headbox.kinds import (
    ContentUnit,
    Document,
    FromUpload,
    Plugin,
    PluginInvalid,
    PublishTask,
    Registry,
    RepositoryDocument,
    SettingsDocument,
    TaskType,
)
from headbox.schema import build_schema
from headbox.schema.build import ApiSchema
from headbox.schema.names import list_name


def plugin_of(*declared: type[Document], name: str = "thing") -> Plugin:
    """Return a plugin that brings these."""
    tasks = tuple(item for item in declared if issubclass(item, TaskType))
    documents = tuple(item for item in declared if not issubclass(item, TaskType))
    return Plugin(name=name, version="1", description="Things.", documents=documents, tasks=tasks)


def schema_of(*declared: type[Document]) -> ApiSchema:
    """Return the schema with a plugin that brings these."""
    return build_schema(Registry([plugin_of(*declared)]))


def fields_of(schema: ApiSchema, name: str) -> dict[str, str]:
    """Return the fields of a type with their types."""
    type_ = schema.graphql.type_map[name]
    assert isinstance(type_, GraphQLObjectType | GraphQLInputObjectType)
    return {field: str(declared.type) for field, declared in type_.fields.items()}


class Colour(StrEnum):
    """What a thing looks like."""

    RED = "red"
    DARK_BLUE = "dark_blue"


class Size(BaseModel):
    """How large a thing is."""

    width: int


class Everything(ContentUnit, kind="thing.content", natural_key=("text",)):
    """A thing with a field of each type."""

    text: str = Field(description="Text.")
    whole: int = Field(description="Whole.")
    maybe: int | None = Field(None, description="Maybe.")
    real: float = Field(description="Real.")
    yes: bool = Field(description="Yes.")
    time: datetime = Field(description="Time.")
    colour: Colour = Field(Colour.RED, description="Colour.")
    tags: list[str] = Field(default_factory=list, description="Tags.")
    free: dict[str, Any] = Field(default_factory=dict, description="Free.")
    nested: Size = Field(description="Nested.")


def test_fields_become_fields_of_the_api() -> None:
    schema = schema_of(Everything)

    fields = fields_of(schema, "Everything")

    assert {name: fields[name] for name in fields.keys() - {"id", "kind", "createdAt", "labels", "artifacts"}} == {
        "text": "String!",
        "whole": "BigInt!",
        "maybe": "BigInt",
        "real": "Float!",
        "yes": "Boolean!",
        "time": "DateTime!",
        "colour": "Colour!",
        "tags": "[String!]!",
        "free": "JSON!",
        "nested": "JSON!",
        "repositories": "RepositoryConnection!",
        "versions": "MembershipConnection!",
        "distributions": "ServedFileConnection!",
    }
    assert schema.graphql.type_map["Everything"].description == "A thing with a field of each type."
    colour = schema.graphql.type_map["Colour"]
    assert {name: value.description for name, value in colour.values.items()} == {  # type: ignore[attr-defined]
        "RED": "Red.",
        "DARK_BLUE": "Dark blue.",
    }
    assert "everythings" in fields_of(schema, "Query")


class Paint(TaskType, kind="thing.paint"):
    """Paint a repository."""

    repository: UUID = Field(description="What to paint.")
    publication: UUID | None = Field(None, description="What to paint it like.")
    colour: Colour = Field(Colour.DARK_BLUE, description="How.")
    layers: int = Field(1, description="How often.")


def test_task_type_becomes_type_input_mutation_and_list() -> None:
    schema = schema_of(Paint)

    fields = fields_of(schema, "Paint")
    given = fields_of(schema, "CreatePaintInput")

    assert (fields["repository"], fields["publication"], fields["colour"], fields["layers"]) == (
        "Repository", "Publication", "Colour!", "Int!"
    )  # fmt: skip
    assert given == {
        "repository": "ID!",
        "publication": "ID",
        "colour": "Colour",
        "layers": "Int",
        "priority": "TaskPriority",
        "labels": "JSON",
        "idempotencyKey": "String",
    }
    assert fields_of(schema, "CreatePaintPayload") == {"task": "Paint", "errors": "[UserError!]!"}
    assert fields_of(schema, "Mutation")["createPaint"] == "CreatePaintPayload!"
    assert fields_of(schema, "Query")["paints"] == "PaintConnection!"


class PlainSettings(SettingsDocument, kind="thing.settings"):
    """Has nothing to set."""


class PlainRepository(RepositoryDocument, kind="thing.plain", publish_settings=PlainSettings, content=(Everything,)):
    """Has no fields of its own."""


class PlainPublish(PublishTask[PlainRepository, PlainSettings], kind="thing.publish"):
    """Publish things."""


def test_settings_without_fields_are_named_by_id_alone() -> None:
    schema = schema_of(Everything, PlainSettings, PlainRepository, PlainPublish)

    assert fields_of(schema, "PlainSettingsRef") == {"id": "ID"}
    assert "PlainSettingsInput" not in schema.graphql.type_map
    assert fields_of(schema, "CreatePlainPublishInput")["settings"] == "PlainSettingsRef"
    assert fields_of(schema, "CreatePlainRepositoryInput")["publishSettings"] == "PlainSettingsRef"


class Repository(ContentUnit, kind="thing.repository", natural_key=("name",)):
    """Has the name of a type of core."""

    name: str = Field(description="Name.")


class Odd(ContentUnit, kind="thing.odd", natural_key=("price",)):
    """Has a field of a type that the API does not have."""

    price: Decimal = Field(description="Price.")


class Hiding(ContentUnit, kind="thing.hiding", natural_key=("labels",)):
    """Has a field that all content has."""

    labels: str = Field(description="Labels.")


class Lost(TaskType, kind="thing.lost"):
    """Has an id of nothing known."""

    something: UUID = Field(description="Something.")


class Task(ContentUnit, kind="thing.task", natural_key=("name",)):
    """Is listed as core's tasks are."""

    name: str = Field(description="Name.")


class TaskPlan(TaskType, kind="thing.plan"):
    """Fine by itself."""

    count: int = Field(1, description="Count.")


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        (Repository, "taken|core has"),
        (Odd, "Odd.price has the type .*Decimal"),
        (Hiding, "Hiding.labels has the name of a field that every Content has"),
        (Lost, "Lost.something is a UUID of nothing known"),
        (Task, "taken|core has"),
    ],
)
def test_plugin_that_cannot_be_shown_is_refused(declared: type[Document], message: str) -> None:
    with pytest.raises(PluginInvalid, match=message):
        schema_of(declared)


def test_plugins_that_take_the_same_list_are_refused() -> None:
    class Thing(ContentUnit, kind="one.thing", natural_key=("name",)):
        """A thing."""

        name: str = Field(description="Name.")

    class thing(ContentUnit, kind="two.thing", natural_key=("name",)):  # noqa: N801
        """Another thing."""

        name: str = Field(description="Name.")

    plugins = [plugin_of(Thing, name="one"), plugin_of(thing, name="two")]
    with pytest.raises(PluginInvalid, match=r"Two plugins bring the field Query\.things"):
        build_schema(Registry(plugins))


@pytest.mark.parametrize(
    ("type_name", "expected"),
    [
        ("FileRepository", "fileRepositories"),
        ("FileContent", "fileContents"),
        ("FilePublish", "filePublishes"),
        ("FileSync", "fileSyncs"),
        ("Key", "keys"),
        ("Box", "boxes"),
    ],
)
def test_lists_have_plural_names(type_name: str, expected: str) -> None:
    assert list_name(type_name) == expected


class Parcel(
    ContentUnit, kind="thing.parcel", natural_key=("place",), from_upload=FromUpload("place", sha256="digest")
):
    """A parcel."""

    place: str = Field(description="Where it lies.")
    digest: str = Field(description="What is in it.")
    heavy: bool = Field(False, description="Whether it is heavy.")


def test_content_is_made_of_what_the_bytes_do_not_tell() -> None:
    schema = schema_of(Parcel)

    assert fields_of(schema, "CreateParcelInput") == {
        "place": "String!",
        "heavy": "Boolean",
        "upload": "ID",
        "sha256": "String",
    }
    assert fields_of(schema, "CreateParcelPayload") == {"content": "Parcel", "errors": "[UserError!]!"}
    assert fields_of(schema, "CreateParcelsInput") == {"items": "[CreateParcelInput!]!", "onError": "OnError"}
    assert fields_of(schema, "CreateParcelsPayload") == {
        "results": "[CreateParcelPayload!]!",
        "errors": "[UserError!]!",
    }


def test_content_that_comes_by_sync_alone_cannot_be_made() -> None:
    class Letter(ContentUnit, kind="thing.letter", natural_key=("text",)):
        """A letter."""

        text: str = Field(description="What it says.")

    assert "CreateLetterInput" not in schema_of(Letter).graphql.type_map


@pytest.mark.parametrize("name", ["upload", "sha256", "repository"])
def test_field_that_hides_what_every_creation_takes_is_refused(name: str) -> None:
    body = {
        "__module__": __name__,
        "__doc__": "A hidden thing.",
        "__annotations__": {"place": str, name: str},
        "place": Field(description="Where it lies."),
        name: Field(description="Something."),
    }
    keywords = {"kind": "thing.hidden", "natural_key": ("place",), "from_upload": FromUpload("place")}
    hidden = new_class("Hidden", (ContentUnit,), keywords, lambda namespace: namespace.update(body))

    with pytest.raises(PluginInvalid, match=f"Hidden.{name} has the name of a field that the input"):
        schema_of(hidden)
