"""Publications: release and deletion."""

from __future__ import annotations

from headbox.models import Publication
from headbox.resolvers.context import Context
from headbox.resolvers.edits import change, wanted
from headbox.services import publication as service
from headbox.tasking.engine import UnitOfWork


async def release(context: Context, id: str) -> Publication:
    """Let the distributions that follow its repository serve a publication that was held back.

    Raises:
        NotFound: There is none with this id.
    """

    async def step(work: UnitOfWork) -> Publication:
        return await service.release(work, await wanted(work, context, id, Publication, "id"))

    return await change(context, step)


async def delete(context: Context, id: str) -> Publication:
    """Delete a publication.

    Raises:
        NotFound: There is none with this id.
        RequestError: A distribution is pinned to it.
    """

    async def step(work: UnitOfWork) -> Publication:
        return await service.delete(work, await wanted(work, context, id, Publication, "id"))

    return await change(context, step)
