"""Content units."""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import datetime
from typing import Annotated, Any

import strawberry
from strawberry import UNSET

from headbox import models
from headbox.resolvers import content as resolver
from headbox.resolvers import content_labels, whereabouts
from headbox.resolvers import repository as repository_resolver
from headbox.resolvers.content import PlacedArtifact
from headbox.resolvers.current_remote import CurrentRemote
from headbox.resolvers.paging import Page
from headbox.resolvers.version import MemberEdge
from headbox.schema.connection import After, ConnectionFields, First, connection_of, page_arguments
from headbox.schema.enums import Availability, ContentChangeKind, Origin
from headbox.schema.errors import UserError
from headbox.schema.fields import field, mutation
from headbox.schema.filters import ContentFilter
from headbox.schema.info import Info, lazy
from headbox.schema.inputs import ADDED_BY_USER, LABELS, optional, plain
from headbox.schema.node import Node
from headbox.schema.scalars import JSON, BigInt
from headbox.schema.whereabouts import ServedFileConnection
from headbox.services.source import shown_url

Row = strawberry.Parent[models.Content]
Member = strawberry.Parent[MemberEdge]
Placed = strawberry.Parent[PlacedArtifact]
Source = strawberry.Parent[models.ArtifactSource]


@strawberry.type(description="Where the bytes of a file can be fetched. Whatever comes from there is checked.")
class ArtifactSource:
    """Stands over `models.ArtifactSource`."""

    failed_at: datetime | None = strawberry.field(
        description="When it last failed, or sent other bytes than it should; null where it did not since it last"
        " worked. For a while it is tried only after all others."
    )
    error: str | None = strawberry.field(description="How it failed.")

    @field(description="Its address, without credentials.", graphql_type=str)
    @staticmethod
    def url(root: Source) -> str:
        return shown_url(root)

    @field(
        description="The remote that declared it, a deleted one too; null when its plugin is not installed.",
        graphql_type=lazy("Remote", "remote") | None,
    )
    @staticmethod
    def remote(root: Source, info: Info) -> Awaitable[CurrentRemote | None]:
        return info.context.loaders.remote.load(root.remote_id)


@strawberry.type(description="One file of a content unit.")
class ContentArtifact:
    """Stands over `resolvers.content.PlacedArtifact`."""

    relative_path: str = strawberry.field(description="Where it lies below a distribution's base path.")
    sha256: str | None = strawberry.field(
        description="SHA-256 of its bytes, 64 hexadecimal digits; null until known: a remote need not tell."
    )
    size: BigInt | None = strawberry.field(description="How many bytes it has; null until known.")
    availability: Availability = strawberry.field(description="Where its bytes can be had.")

    @field(description="Where its bytes can be fetched, first known first.", graphql_type=list[ArtifactSource])
    @staticmethod
    def sources(root: Placed, info: Info) -> Awaitable[list[models.ArtifactSource]]:
        return resolver.sources(info.context, root)


@strawberry.interface(
    description="One immutable thing of some kind. The same thing is the same node in all repositories."
)
class Content(Node):
    """Stands over `models.Content`."""

    kind: str = strawberry.field(description="Its kind: plugin and type, such as `file.content`.")
    created_at: datetime = strawberry.field(description="When headbox first saw it.")
    labels: JSON = strawberry.field(description=LABELS)

    @field(description="Its files, by path.", graphql_type=list[ContentArtifact])
    @staticmethod
    async def artifacts(root: Row, info: Info) -> list[PlacedArtifact]:
        return await resolver.artifacts(info.context, root)

    @field(
        description="The repositories whose latest version has it, by name.",
        graphql_type=connection_of(lazy("Repository", "repository")),
    )
    @staticmethod
    async def repositories(root: Row, info: Info, first: First = UNSET, after: After = UNSET) -> Page[Any]:
        return await repository_resolver.holding(info.context, root, page_arguments(first, after))

    @field(
        description="The versions that have it, of all repositories, in the order in which it came into them.",
        graphql_type=connection_of(lazy("Membership", "whereabouts")),
    )
    @staticmethod
    async def versions(root: Row, info: Info, first: First = UNSET, after: After = UNSET) -> Page[Any]:
        return await whereabouts.memberships(info.context, root, page_arguments(first, after))

    @field(
        description="The distributions that serve it now, once for each of its files, by address.",
        graphql_type=ServedFileConnection,
    )
    @staticmethod
    async def distributions(root: Row, info: Info, first: First = UNSET, after: After = UNSET) -> Page[Any]:
        return await whereabouts.serving_content(info.context, root, page_arguments(first, after))


@strawberry.type(description="A content unit in a repository version, and how it came there.")
class ContentEdge:
    """Stands over `resolvers.version.MemberEdge`."""

    cursor: str = strawberry.field(description="Where it stands: for `after`; opaque.")
    node: Content = strawberry.field(description="The content unit.")

    @field(description="Where it came from.", graphql_type=Origin)
    @staticmethod
    def origin(root: Member) -> Origin:
        return root.membership.origin

    @field(description="When it came in: with the first of the versions in a row that have it.", graphql_type=datetime)
    @staticmethod
    def added_at(root: Member) -> datetime:
        return root.membership.added_at

    @field(description="The task that brought it in; null when that is gone.", graphql_type=lazy("Task", "task") | None)
    @staticmethod
    def added_by(root: Member, info: Info) -> Awaitable[models.Task | None]:
        return info.context.loaders.task.load(root.membership.added_by_id)

    @field(description=ADDED_BY_USER, graphql_type=str | None)
    @staticmethod
    def added_by_user(root: Member) -> str | None:
        return root.membership.added_by_user


@strawberry.type(description="A page of the content units of a repository version.")
class ContentConnection(ConnectionFields):
    """Stands over a page of `resolvers.version.MemberEdge`."""

    edges: list[ContentEdge] = strawberry.field(description="What the page has, in the order of the list.")


@strawberry.type(description="A content unit that one of two versions has and the other has not.")
class ContentDiffEdge:
    """Stands over `resolvers.version.DiffEdge`."""

    cursor: str = strawberry.field(description="Where it stands: for `after`; opaque.")
    node: Content = strawberry.field(description="The content unit.")
    change: ContentChangeKind = strawberry.field(
        description="ADDED where the newer version has it, REMOVED where the older one has."
    )


@strawberry.type(description="A page of what lies between two repository versions.")
class ContentDiffConnection(ConnectionFields):
    """Stands over a page of `resolvers.version.DiffEdge`."""

    edges: list[ContentDiffEdge] = strawberry.field(description="What the page has, in the order of the list.")


@strawberry.type(description="A content unit in a list of all.")
class ContentUnitEdge:
    """Stands over `resolvers.paging.Edge`."""

    cursor: str = strawberry.field(description="Where it stands: for `after`; opaque.")
    node: Content = strawberry.field(description="The content unit.")


@strawberry.type(description="A page of content units, whether a repository has them or not.")
class ContentUnitConnection(ConnectionFields):
    """Stands over a page of `resolvers.paging.Edge`."""

    edges: list[ContentUnitEdge] = strawberry.field(description="What the page has, in the order of the list.")


@strawberry.input(description="Changes of the labels of content units.")
class UpdateContentLabelsInput:
    """See `resolvers.content_labels.update`."""

    ids: list[strawberry.ID] = strawberry.field(
        description=f"Ids of the content units, at most {content_labels.MAX_UNITS}."
    )
    set: JSON | None = optional(f"{LABELS} They take the place of those with the same keys; all others stay.")
    remove: list[str] | None = optional("Keys of labels to take away.")


@strawberry.type(description="What became of an update.")
class UpdateContentLabelsPayload:
    """See `resolvers.content_labels.update`."""

    contents: list[Content] = strawberry.field(
        description="The content units, in the order of their ids in the input; none when nothing was changed."
    )
    errors: list[UserError] = strawberry.field(description="Why nothing was changed.")


@strawberry.type(description="A kind of content.")
class ContentType:
    """Stands over what a plugin declares."""

    kind: str = strawberry.field(description="The kind, such as `file.content`.")
    graphql_type: str = strawberry.field(description="Name of its type in this schema.")
    description: str = strawberry.field(description="What its units are.")
    searched_fields: list[str] = strawberry.field(
        description="The fields that `ContentFilter.field` can name, in snake_case."
    )


@strawberry.type
class ContentQueries:
    """Where content of all kinds is found."""

    @field(description="The kinds of content, by name.", graphql_type=list[ContentType])
    def content_types(self, info: Info) -> list[dict[str, Any]]:
        return [
            {
                "kind": unit.kind,
                "graphql_type": unit.__name__,
                "description": (unit.__doc__ or "").strip(),
                "searched_fields": list(unit.searched),
            }
            for unit in sorted(info.context.registry.contents, key=lambda unit: unit.kind)
        ]

    @field(
        description="The content units of all kinds, in the order of their ids, whether a repository has them or not.",
        graphql_type=ContentUnitConnection,
    )
    async def contents(
        self,
        info: Info,
        filter: Annotated[ContentFilter | None, strawberry.argument(description="Which of them.")] = UNSET,
        first: First = UNSET,
        after: After = UNSET,
    ) -> Page[Any]:
        return await resolver.page(info.context, page_arguments(first, after), filter=plain(filter) or None)


@strawberry.type
class ContentMutations:
    """What of content changes."""

    @mutation(
        description="Give labels to content units, and take others away: from all of them, or from none. They have"
        " them in all repositories.",
        graphql_type=UpdateContentLabelsPayload,
        contents=[],
    )
    async def update_content_labels(
        self, info: Info, input: Annotated[UpdateContentLabelsInput, strawberry.argument(description="What to change.")]
    ) -> dict[str, Any]:
        return {"contents": await content_labels.update(info.context, plain(input))}
