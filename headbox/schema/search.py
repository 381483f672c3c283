"""Search across everything that has a name, a path or a digest."""

from __future__ import annotations

from typing import Annotated, Any

import strawberry
from strawberry import UNSET

from headbox.resolvers import search as resolver
from headbox.resolvers.paging import Page
from headbox.resolvers.search import MAX_TEXT, MIN_DIGITS
from headbox.schema.connection import After, ConnectionFields, First, page_arguments
from headbox.schema.enums import MatchedBy
from headbox.schema.fields import field
from headbox.schema.info import Info
from headbox.schema.node import Node


@strawberry.type(description="Something that was found, and by what.")
class SearchEdge:
    """Stands over `resolvers.search.FoundEdge`."""

    cursor: str = strawberry.field(description="Where it stands: for `after`; opaque.")
    node: Node = strawberry.field(description="What was found: a repository, remote, distribution or content unit.")
    matched_by: MatchedBy = strawberry.field(description="What of it begins with the text.")
    matched: str = strawberry.field(description="The name, path, digest or value that begins with the text.")


@strawberry.type(description="A page of what was found.")
class SearchConnection(ConnectionFields):
    """Stands over a page of `resolvers.search.FoundEdge`."""

    edges: list[SearchEdge] = strawberry.field(description="What the page has, in the order of the list.")


@strawberry.type
class SearchQueries:
    """Where anything is looked for."""

    @field(
        description="Whatever begins with a text: repositories, remotes and distributions by name, distributions by"
        " base path, content units by the digests and paths of their files and by the texts that their kinds are"
        " searched by. A thing comes once for each of them that matches. The case of letters counts.",
        graphql_type=SearchConnection,
    )
    async def search(
        self,
        info: Info,
        text: Annotated[
            str,
            strawberry.argument(
                description=f"What it begins with, at most {MAX_TEXT:,} characters; white space around it does not"
                f" count, and an empty text finds nothing. Of a digest, at least {MIN_DIGITS} digits, with `sha256:`"
                " before them or without."
            ),
        ],
        first: First = UNSET,
        after: After = UNSET,
    ) -> Page[Any]:
        return await resolver.page(info.context, text, page_arguments(first, after))
