"""Remotes."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import strawberry
from strawberry import UNSET

from headbox import models
from headbox.kinds import RemoteDocument
from headbox.resolvers import remote as resolver
from headbox.resolvers.current_remote import CurrentRemote
from headbox.resolvers.paging import Page
from headbox.schema.connection import After, Connection, First, page_arguments
from headbox.schema.documents import with_document_fields
from headbox.schema.errors import UserError
from headbox.schema.fields import field, mutation
from headbox.schema.filters import RemoteFilter
from headbox.schema.info import Info
from headbox.schema.inputs import LABELS, plain
from headbox.schema.node import Node
from headbox.schema.scalars import JSON


@strawberry.type(description="How a remote was configured from one update to the next.")
class RemoteRevision:
    """Stands over `models.RemoteRevision`."""

    number: int = strawberry.field(description="Its number, from 1.")
    created_at: datetime = strawberry.field(description="When it was made.")

    @field(description="The fields of the remote's kind and their values, without secrets.", graphql_type=JSON)
    @staticmethod
    def values(root: strawberry.Parent[models.RemoteRevision]) -> dict[str, Any]:
        return root.document

    @field(description="Whether it had secrets, which are never shown.", graphql_type=bool)
    @staticmethod
    def has_credentials(root: strawberry.Parent[models.RemoteRevision]) -> bool:
        return root.secrets is not None


@strawberry.interface(description="Where to sync from, and how.")
@with_document_fields(RemoteDocument)
class Remote(Node):
    """Stands over `resolvers.current_remote.CurrentRemote`; what all remotes declare is added to what stands here."""

    name: str = strawberry.field(description="Its name: no other remote has it; 1 to 255 characters.")
    labels: JSON = strawberry.field(description=LABELS)
    created_at: datetime = strawberry.field(description="When it was created.")
    revision: int = strawberry.field(
        description="One more at every change, from 1. A task keeps the revision that it was created with."
    )
    has_credentials: bool = strawberry.field(description="Whether it has secrets, which are never shown.")

    @field(
        description="Its revisions, the latest first: how it was configured for the tasks that were created then.",
        graphql_type=Connection[RemoteRevision],
    )
    @staticmethod
    async def revisions(
        root: strawberry.Parent[CurrentRemote], info: Info, first: First = UNSET, after: After = UNSET
    ) -> Page[Any]:
        return await resolver.revisions(info.context, root, page_arguments(first, after))


@strawberry.type(description="What became of a deletion.")
class DeleteRemotePayload:
    """See `resolvers.remote.delete`."""

    remote: Remote | None = strawberry.field(description="The remote as it was; null when it still is.")
    errors: list[UserError] = strawberry.field(description="Why it was not deleted.")


@strawberry.type
class RemoteQueries:
    """Where remotes are found."""

    @field(description="All remotes, by name.", graphql_type=Connection[Remote])
    async def remotes(
        self,
        info: Info,
        filter: Annotated[RemoteFilter | None, strawberry.argument(description="Which of them.")] = UNSET,
        first: First = UNSET,
        after: After = UNSET,
    ) -> Page[Any]:
        return await resolver.page(info.context, page_arguments(first, after), filter=plain(filter) or None)

    @field(description="The remote with a name; null where there is none.", graphql_type=Remote | None)
    async def remote(
        self, info: Info, name: Annotated[str, strawberry.argument(description="Its name.")]
    ) -> CurrentRemote | None:
        return await resolver.find(info.context, name)


@strawberry.type
class RemoteMutations:
    """How remotes of every kind are changed."""

    @mutation(
        description="Delete a remote; its revisions stay for the tasks and the on-demand content that need them."
        " Refused while a repository syncs from it.",
        graphql_type=DeleteRemotePayload,
    )
    async def delete_remote(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="Id of the remote.")]
    ) -> dict[str, Any]:
        return {"remote": await resolver.delete(info.context, id)}
