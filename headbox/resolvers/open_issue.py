"""Open issues: what repositories miss."""

from __future__ import annotations

from uuid import UUID

from headbox.filters.conditions import Condition
from headbox.models import OpenIssue
from headbox.resolvers.context import Context
from headbox.resolvers.paging import Edge, Listing, Page, PageArguments, edges_of, request


async def page(context: Context, repository_id: UUID, arguments: PageArguments) -> Page[Edge[OpenIssue]]:
    """Return a page of the open issues of a repository, by their ids."""
    return await context.loaders.page(request(_of(repository_id), arguments, edges_of(OpenIssue)))


async def count(context: Context, repository_id: UUID) -> int:
    """Return how many open issues a repository has."""
    return await context.loaders.row_count.load(_of(repository_id))


def _of(repository_id: UUID) -> Listing:
    where = Condition("open_issue.repository_id = ?", (str(repository_id),))
    return Listing("open_issue.*", "open_issue", "open_issue.id", "id", where=where)
