"""Filters on what has a name: repositories, remotes, distributions and schedules."""

from __future__ import annotations

from typing import Any

import pytest

from headbox.models import Schedule
from headbox.plugins.file.kinds import FileRemote
from headbox.services import distribution as distributions
from headbox.services import remote as remotes
from headbox.types import MissedRuns
from tests.factories.repository import make_repository
from tests.integration.schema.api import Api
from tests.integration.schema.ids import gid
from tests.support.statements import plan_of, statements

#: Field of Query -> type of its filter.
LISTS = {
    "repositories": "RepositoryFilter",
    "fileRepositories": "RepositoryFilter",
    "remotes": "RemoteFilter",
    "fileRemotes": "RemoteFilter",
    "distributions": "DistributionFilter",
    "schedules": "ScheduleFilter",
}
LABELS = {"Debian main": {"team": "infra", "tier": "1"}, "debian_ports": {"team": "infra"}, "other": {}}


@pytest.fixture
async def named(api: Api) -> Api:
    """One of each with each of three names."""
    for name, labels in LABELS.items():
        repository = await make_repository(api.engine, name=name, labels=labels)
        async with api.engine.unit_of_work() as work:
            await remotes.create(
                work, FileRemote, name=name, values={"url": f"http://{len(name)}.test/"}, labels=labels
            )
            path = name.replace(" ", "/")
            await distributions.create(work, name=name, base_path=path, labels=labels, source=repository)
        await Schedule.create(
            name=name,
            labels=labels,
            cron="* * * * *",
            time_zone="UTC",
            missed_runs=MissedRuns.SKIP,
            enabled=name != "other",
            task_kind="file.sync",
            task_input={},
        )
    return api


async def names(api: Api, field: str, **filter: Any) -> list[str]:
    document = (
        f"query ($filter: {LISTS[field]}) {{ {field}(filter: $filter) {{ totalCount edges {{ node {{ name }} }} }} }}"
    )
    found = (await api.run(document, filter=filter))[field]
    assert found["totalCount"] == len(found["edges"])
    return [edge["node"]["name"] for edge in found["edges"]]


@pytest.mark.parametrize("field", LISTS)
async def test_list_by_name_and_labels(named: Api, field: str) -> None:
    async def found(**filter: Any) -> list[str]:
        return await names(named, field, **filter)

    assert await found() == list(LABELS)
    assert await found(name="DEBIAN") == ["Debian main", "debian_ports"]
    assert await found(name="n_p") == ["debian_ports"]
    assert await found(namePrefix="debian") == ["debian_ports"]
    assert await found(namePrefix="") == list(LABELS)
    assert await found(label=[{"key": "team"}, {"key": "tier", "value": "1"}]) == ["Debian main"]
    assert await found(**{"not": {"label": [{"key": "team"}]}}) == ["other"]
    assert await found(**{"or": [{"name": "other"}, {"namePrefix": "Deb"}]}) == ["Debian main", "other"]
    assert await found(**{"and": [{"name": "debian"}, {"not": {"name": "main"}}]}) == ["debian_ports"]


async def test_remotes_by_url_and_kind(named: Api) -> None:
    assert await names(named, "remotes", url="12.TEST") == ["debian_ports"]
    assert await names(named, "remotes", kind=["npm.remote"]) == []


async def test_distributions_by_path_and_repository(named: Api) -> None:
    repository = await make_repository(named.engine, None, "more", name="more")

    assert await names(named, "distributions", basePathPrefix="Debian/") == ["Debian main"]
    assert await names(named, "distributions", repository=gid("FileRepository", repository)) == ["more"]
    assert await names(named, "distributions", repository=gid("FileRemote", repository)) == []
    assert await names(named, "distributions", repository="rubbish") == []


async def test_schedules_by_task_and_pause(named: Api) -> None:
    assert await names(named, "schedules", enabled=False) == ["other"]
    assert await names(named, "schedules", enabled=True) == ["Debian main", "debian_ports"]
    assert await names(named, "schedules", taskKind=["file.publish"]) == []


@pytest.mark.parametrize("text", ["\0", "\ud800", "%", "'", "é", "É" * 300, "a" * 10_000_000, "\U0010ffff"])
async def test_hostile_text_finds_nothing(named: Api, text: str) -> None:
    for field in LISTS:
        for hostile in ({"name": text}, {"namePrefix": text}, {"label": [{"key": text}]}):
            assert await names(named, field, **hostile) == []
    found = await named.run(
        "query ($text: String!) { repository(name: $text) { id } remote(name: $text) { id }"
        " distribution(basePath: $text) { id } schedule(name: $text) { id } }",
        text=text,
    )
    assert found == {"repository": None, "remote": None, "distribution": None, "schedule": None}


@pytest.mark.parametrize("field", LISTS)
async def test_filter_of_10_000_terms_is_refused(api: Api, field: str) -> None:
    document = f"query ($filter: {LISTS[field]}) {{ {field}(filter: $filter) {{ edges {{ cursor }} }} }}"

    for terms in (10_000, 501):
        error = await api.fail(document, filter={"or": [{"name": str(number)} for number in range(terms)]})

        assert error["extensions"]["code"] == "LIMIT_EXCEEDED"


@pytest.mark.parametrize("field", LISTS)
async def test_prefix_of_a_name_is_found_by_the_index(named: Api, field: str) -> None:
    with statements() as asked:
        await names(named, field, namePrefix="deb")
    plan = await plan_of(named.engine.database.connection, next(page for page in asked if "query_number" in page))

    [row] = [line for line in plan.splitlines() if "name" in line and ("SEARCH" in line or "Index Cond" in line)]
    assert "name>" in row.replace(" ", "") or "name)::text >=" in row
