"""Changes while the database is away: made once, or told as what they are."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from headbox.errors import ChangeUnconfirmed, DatabaseUnavailable
from headbox.models import TaskGroup
from headbox.models.database import CommitUnconfirmed, Contended, fetch
from headbox.resolvers.edits import change
from headbox.tasking.engine import UnitOfWork
from tests.integration.schema.api import Api
from tests.support.engine import LocalEngine
from tests.support.services import PostgresServer
from tests.support.waiting import PATIENCE_SECONDS

CREATE_REMOTE = """
mutation { createFileRemote(input: {name: "r", url: "https://example.org/PULP_MANIFEST"}) {
  remote { id }
  errors { __typename code message hint path retryable }
} }
"""

#: Makes each commit that adds a group take a second.
SLOW_COMMITS = """
CREATE FUNCTION wait_a_second() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(1); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER slow_commit AFTER INSERT ON task_group DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW EXECUTE FUNCTION wait_a_second();
"""


class Grouping:
    """A step that fails before its end, as often as it is told to."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.tries = 0

    async def __call__(self, work: UnitOfWork) -> str:
        self.tries += 1
        await TaskGroup.create(description="made", using_db=work.connection)
        if self.errors:
            raise self.errors.pop()
        return "made"


async def commits(api: Api) -> None:
    """Wait until a transaction is about to be committed."""
    active = "SELECT 1 FROM pg_stat_activity WHERE query = 'COMMIT' AND state = 'active'"
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await fetch(api.engine.database.connection, active):  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.01)


async def test_change_that_was_not_made_is_made_again(api: Api) -> None:
    step = Grouping(Contended("deadlock"), Contended("deadlock"))

    assert await change(api.context(), step) == "made"

    assert (step.tries, await TaskGroup.all().count()) == (3, 1)


async def test_change_that_is_never_made_is_a_typed_error(api: Api) -> None:
    step = Grouping(*[Contended("deadlock")] * 9)

    with pytest.raises(DatabaseUnavailable):
        await change(api.context(), step)

    assert await TaskGroup.all().count() == 0


async def test_change_that_may_be_made_is_not_made_again(api: Api) -> None:
    step = Grouping(CommitUnconfirmed("gone"))

    with pytest.raises(ChangeUnconfirmed):
        await change(api.context(), step)

    assert step.tries == 1


async def test_change_that_may_be_made_twice_is_made_again(api: Api) -> None:
    step = Grouping(CommitUnconfirmed("gone"))

    assert await change(api.context(), step, is_repeatable=True) == "made"

    assert step.tries == 2


@pytest.mark.distributed
async def test_change_outlives_a_restart_of_the_server(api: Api, postgres_server: PostgresServer) -> None:
    tries: list[int] = []

    async def step(work: UnitOfWork) -> None:
        tries.append(1)
        await TaskGroup.create(description="made", using_db=work.connection)
        if len(tries) == 1:
            await asyncio.to_thread(postgres_server.restart)

    await change(api.context(), step)

    assert (len(tries), await TaskGroup.all().count()) == (2, 1)


@pytest.mark.distributed
async def test_server_that_dies_while_it_commits_leaves_the_change_unconfirmed(
    api: Api, postgres_server: PostgresServer
) -> None:
    await api.engine.database.connection.execute_script(SLOW_COMMITS)
    step = Grouping()
    changing = asyncio.create_task(change(api.context(), step))
    await commits(api)

    await asyncio.to_thread(postgres_server.kill)
    await asyncio.to_thread(postgres_server.start)

    with pytest.raises(ChangeUnconfirmed):
        await changing
    assert step.tries == 1


@pytest.mark.distributed
async def test_session_that_is_ended_before_it_commits_is_made_again(api: Api) -> None:
    connection = api.engine.database.connection
    await connection.execute_script(SLOW_COMMITS)
    step = Grouping()
    changing = asyncio.create_task(change(api.context(), step))
    await commits(api)

    await fetch(connection, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = 'COMMIT'")

    assert await changing == "made"
    assert (step.tries, await TaskGroup.all().count()) == (2, 1)


@pytest.mark.distributed
async def test_mutation_and_query_tell_that_the_database_is_away(
    data_dir: Path, postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADBOX_DATABASE_WAIT_SECONDS", "0.3")
    async with LocalEngine(data_dir).connected() as engine:
        api = Api(engine)
        await asyncio.to_thread(postgres_server.stop)
        try:
            payload = (await api.run(CREATE_REMOTE))["createFileRemote"]
            error = await api.fail("{ remotes(first: 1) { edges { node { id } } } }")
        finally:
            await asyncio.to_thread(postgres_server.start)
        made = (await api.run(CREATE_REMOTE))["createFileRemote"]

    assert payload == {
        "remote": None,
        "errors": [
            {
                "__typename": "PlainError",
                "code": "DATABASE_UNAVAILABLE",
                "message": "The database cannot be used now; nothing was changed.",
                "hint": "Try again in a moment; `status` tells whether the database is back.",
                "path": [],
                "retryable": True,
            }
        ],
    }
    assert error["extensions"]["code"] == "DATABASE_UNAVAILABLE"
    assert made["errors"] == []
