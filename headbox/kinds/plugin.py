"""The manifest of a plugin."""

from __future__ import annotations

from dataclasses import dataclass

from headbox.kinds.documents import Document
from headbox.kinds.tasks import TaskType


@dataclass(frozen=True, slots=True)
class Example:
    """A worked GraphQL operation, shown as a tab of GraphiQL."""

    name: str
    query: str
    variables: str = ""


@dataclass(frozen=True, slots=True)
class Plugin:
    """What a plugin brings. Its entry point in the group `headbox.plugins` names one of these.

    Attributes:
        name: First part of all its kinds: lower-case letters and digits.
        version: Version of the distribution that ships it.
        description: One sentence for people.
        documents: Its content units, remotes, repositories and publish settings.
        tasks: Its task types.
        examples: Worked operations for GraphiQL.
    """

    name: str
    version: str
    description: str
    documents: tuple[type[Document], ...]
    tasks: tuple[type[TaskType], ...]
    examples: tuple[Example, ...] = ()
