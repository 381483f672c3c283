"""Uploads: bytes that clients bring, which never travel through GraphQL."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import strawberry

from headbox import models
from headbox.resolvers import upload as resolver
from headbox.schema.errors import UserError
from headbox.schema.fields import field, mutation
from headbox.schema.info import Info
from headbox.schema.inputs import optional, plain
from headbox.schema.node import Node
from headbox.schema.scalars import BigInt

Row = strawberry.Parent[models.Upload]

_FILENAME = "What the client calls the bytes, for people: one segment of a path, at most 255 characters."


@strawberry.type(
    description="Bytes that a client brings, in one request or in many: they are sent to `url` by the tus protocol,"
    " version 1.0. The upload is removed when it expires; what was made of it stays."
)
class Upload(Node):
    """Stands over `models.Upload`."""

    size: BigInt = strawberry.field(description="How many bytes it has in the end.")
    sha256: str | None = strawberry.field(
        description="SHA-256 of all bytes, 64 hexadecimal digits, as it was declared or, in the end, found; null until"
        " known. Other bytes than the declared ones are refused, and the upload with them."
    )
    filename: str | None = strawberry.field(description=_FILENAME)
    created_at: datetime = strawberry.field(description="When it was created.")
    completed_at: datetime | None = strawberry.field(
        description="When all of its bytes were stored, so that content can be made of it; null before."
    )
    expires_at: datetime = strawberry.field(description="When it is removed, unless more bytes come before.")

    @field(description="Where its bytes are sent to.", graphql_type=str)
    @staticmethod
    def url(root: Row, info: Info) -> str:
        return resolver.url(info.context, root)

    @field(description="How many bytes are here for good: where to go on.", graphql_type=BigInt)
    @staticmethod
    def offset(root: Row) -> int:
        return int(root.received)


@strawberry.input(description="An upload to create.")
class CreateUploadInput:
    """See `resolvers.upload.create`."""

    size: BigInt = strawberry.field(description="How many bytes it has; at most as the server is set.")
    sha256: str | None = optional(
        "SHA-256 of all bytes, 64 hexadecimal digits. Where they are stored already, the upload is complete at once,"
        " and nothing need be sent."
    )
    filename: str | None = optional(_FILENAME)


@strawberry.type(description="What became of a creation.")
class CreateUploadPayload:
    """See `resolvers.upload.create`."""

    upload: Upload | None = strawberry.field(description="The upload; null when there is none.")
    errors: list[UserError] = strawberry.field(description="Why it was not created.")


@strawberry.type
class UploadMutations:
    """How uploads are created. The rest is the protocol's."""

    @mutation(description="Create an upload, to send bytes to its `url`.", graphql_type=CreateUploadPayload)
    async def create_upload(
        self, info: Info, input: Annotated[CreateUploadInput, strawberry.argument(description="What to create.")]
    ) -> dict[str, Any]:
        return {"upload": await resolver.create(info.context, plain(input))}
