"""Working folders come and go."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from headbox.storage import Workspace


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


async def test_sweep_removes_all_but_what_is_in_use(workspace: Workspace, tmp_path: Path) -> None:
    for name in ("used", "left", "left too"):
        (tmp_path / "work" / name).mkdir()
        fill(tmp_path / "work" / name)
    (tmp_path / "work" / "stray").write_bytes(b"paper")

    await workspace.sweep(keep={"used"})

    assert [path.name for path in (tmp_path / "work").iterdir()] == ["used"]
    assert (tmp_path / "work" / "used" / "deep" / "deeper" / "file").exists()


async def test_sweep_does_not_follow_links_out_of_the_workspace(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").write_bytes(b"paper")
    (tmp_path / "work" / "link").symlink_to(tmp_path / "precious")

    await workspace.sweep()

    assert list((tmp_path / "work").iterdir()) == []
    assert (tmp_path / "precious" / "file").read_bytes() == b"paper"


@pytest.mark.parametrize("name", ["", "..", "../out", "a/b", "/tmp"])
async def test_a_name_that_leads_elsewhere_is_refused(workspace: Workspace, name: str) -> None:
    with pytest.raises(ValueError, match="path"):
        async with workspace.open(name):
            pytest.fail("the folder was opened")
