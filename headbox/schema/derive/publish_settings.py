"""Kinds of publish settings."""

from __future__ import annotations

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
    create = input_type(f"{name}Input", f"The values of {name}.", input_fields(kind))
    parts.references[name] = input_type(
        f"{name}Ref",
        f"{name}: existing ones, or those of some values.",
        {
            "id": (strawberry.ID | None, optional("Id of existing ones.")),
            "create": (create | None, optional("Their values; where the same exist already, those are taken.")),
        },
        one_of=True,
    )
