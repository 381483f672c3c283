"""Working folders come and go."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from headbox.storage import Workspace, own_workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "work")


def fill(folder: Path) -> None:
    (folder / "deep" / "deeper").mkdir(parents=True)
    (folder / "deep" / "deeper" / "file").write_bytes(b"paper")


async def test_a_folder_is_private_and_empty_and_goes_with_all_that_is_in_it(
    workspace: Workspace, tmp_path: Path
) -> None:
    async with workspace.open("task") as folder:
        assert folder == tmp_path / "work" / "task"
        assert folder.stat().st_mode & 0o777 == 0o700
        assert list(folder.iterdir()) == []
        fill(folder)

    assert list((tmp_path / "work").iterdir()) == []


async def test_the_root_is_private(workspace: Workspace, tmp_path: Path) -> None:
    assert (tmp_path / "work").stat().st_mode & 0o777 == 0o700


async def test_a_folder_goes_when_the_work_fails(workspace: Workspace, tmp_path: Path) -> None:
    async def work() -> None:
        async with workspace.open("task") as folder:
            fill(folder)
            raise RuntimeError("failed")

    with pytest.raises(RuntimeError, match="failed"):
        await work()

    assert list((tmp_path / "work").iterdir()) == []


async def test_a_folder_goes_when_the_work_is_canceled_twice(workspace: Workspace, tmp_path: Path) -> None:
    opened = asyncio.Event()

    async def work() -> None:
        async with workspace.open("task") as folder:
            fill(folder)
            opened.set()
            await asyncio.sleep(60)

    task = asyncio.create_task(work())
    await opened.wait()
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])

    assert task.cancelled()
    async with asyncio.timeout(5):
        while list((tmp_path / "work").iterdir()):  # noqa: ASYNC110 - nothing announces the end of a thread
            await asyncio.sleep(0.01)


async def test_a_folder_that_a_killed_process_left_is_emptied_first(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "work" / "task").mkdir()
    fill(tmp_path / "work" / "task")

    async with workspace.open("task") as folder:
        assert list(folder.iterdir()) == []


def test_workspaces_that_dead_processes_left_are_removed(tmp_path: Path) -> None:
    root = tmp_path / "own"
    (root / "dead").mkdir(parents=True)
    fill(root / "dead")
    (root / "stray").write_bytes(b"paper")

    with own_workspace(root) as workspace:
        assert list(root.iterdir()) == [workspace.folder("task").parent]
    assert list(root.iterdir()) == []


def test_workspace_of_a_living_process_stays(tmp_path: Path) -> None:
    with own_workspace(tmp_path / "own") as workspace:
        fill(workspace.folder("task").parent)

        with own_workspace(tmp_path / "own") as other:
            assert other.folder("task") != workspace.folder("task")

        assert (workspace.folder("task").parent / "deep" / "deeper" / "file").exists()


def test_sweep_does_not_follow_links_out_of_the_workspaces(tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").write_bytes(b"paper")
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "link").symlink_to(tmp_path / "precious")

    with own_workspace(tmp_path / "own"):
        pass

    assert list((tmp_path / "own").iterdir()) == []
    assert (tmp_path / "precious" / "file").read_bytes() == b"paper"


@pytest.mark.parametrize("name", ["", "..", "../out", "a/b", "/tmp"])
async def test_a_name_that_leads_elsewhere_is_refused(workspace: Workspace, name: str) -> None:
    with pytest.raises(ValueError, match="path"):
        async with workspace.open(name):
            pytest.fail("the folder was opened")
