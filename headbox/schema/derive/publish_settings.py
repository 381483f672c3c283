"""Kinds of publish settings."""

from __future__ import annotations

from typing import Any

import strawberry

from headbox.kinds import SettingsDocument
from headbox.schema.derive.classes import input_type, object_type
from headbox.schema.derive.parts import Parts, check_fields
from headbox.schema.documents import description_of, input_fields, output_fields, read_document
from headbox.schema.inputs import optional
from headbox.schema.publish_settings import PublishSettings


def add(parts: Parts, kind: type[SettingsDocument]) -> None:
    """Add the type of a kind of publish settings, and its inputs."""
    name = kind.__name__
    check_fields(kind, kind.model_fields, PublishSettings)
    fields = output_fields(kind, read_document)
    parts.types[name] = object_type(name, description_of(kind), fields, interface=PublishSettings)
    references: dict[str, Any] = {"id": (strawberry.ID | None, optional("Id of existing ones."))}
    # GraphQL has no input without fields, and there is nothing to tell of these but that they are the defaults.
    if kind.model_fields:
        create = input_type(f"{name}Input", f"The values of {name}.", input_fields(kind))
        values = "Their values; where the same exist already, those are taken."
        references["create"] = (create | None, optional(values))
    description = f"{name}: existing ones, or those of some values."
    parts.references[name] = input_type(f"{name}Ref", description, references, one_of=True)
