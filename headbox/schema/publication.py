"""Publications."""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import datetime
from typing import Annotated, Any

import strawberry

from headbox import models
from headbox.resolvers import publication as resolver
from headbox.schema.errors import UserError
from headbox.schema.fields import field, mutation
from headbox.schema.info import Info, lazy
from headbox.schema.node import Node

Row = strawberry.Parent[models.Publication]
PublicationId = Annotated[strawberry.ID, strawberry.argument(description="Id of the publication.")]


@strawberry.type(description="What clients read of one repository version under one publish settings. Immutable.")
class Publication(Node):
    """Stands over `models.Publication`."""

    created_at: datetime = strawberry.field(description="When it was made.")
    distributable: bool = strawberry.field(
        description="False: held back from the distributions that follow its repository, until releasePublication."
    )
    reused: bool = strawberry.field(
        description="On a task: whether an identical publication stood already, and this is it. False elsewhere."
    )

    @field(description="The version that it is made of.", graphql_type=lazy("RepositoryVersion", "version"))
    @staticmethod
    def repository_version(root: Row, info: Info) -> Awaitable[models.RepositoryVersion | None]:
        return info.context.loaders.version.load(root.repository_version_id)

    @field(description="The settings that it is made with.", graphql_type=lazy("PublishSettings", "publish_settings"))
    @staticmethod
    def settings(root: Row, info: Info) -> Awaitable[models.PublishSettings | None]:
        return info.context.loaders.publish_settings.load(root.settings_id)


@strawberry.type(description="What became of a release.")
class ReleasePublicationPayload:
    """See `resolvers.publication.release`."""

    publication: Publication | None = strawberry.field(description="The publication; null when it was not released.")
    errors: list[UserError] = strawberry.field(description="Why it was not released.")


@strawberry.type(description="What became of a deletion.")
class DeletePublicationPayload:
    """See `resolvers.publication.delete`."""

    publication: Publication | None = strawberry.field(description="The publication as it was; null when it still is.")
    errors: list[UserError] = strawberry.field(description="Why it was not deleted.")


@strawberry.type
class PublicationMutations:
    """How publications are changed."""

    @mutation(
        description="Let the distributions that follow its repository serve a publication that was held back.",
        graphql_type=ReleasePublicationPayload,
    )
    async def release_publication(self, info: Info, id: PublicationId) -> dict[str, Any]:
        return {"publication": await resolver.release(info.context, id)}

    @mutation(
        description="Delete a publication; distributions that follow its repository serve the one before. Refused while"
        " a distribution is pinned to it.",
        graphql_type=DeletePublicationPayload,
    )
    async def delete_publication(self, info: Info, id: PublicationId) -> dict[str, Any]:
        return {"publication": await resolver.delete(info.context, id)}
