"""`headbox worker`: runs tasks; and the commands of the noun, such as `headbox worker list`."""

from __future__ import annotations

from pathlib import Path

import click

from headbox.cli.noun_process import NounProcess
from headbox.cli.options import data_dir_option
from headbox.cli.settings import load_settings

_QUEUES = ("high", "normal", "low")


def _worker(
    *,
    processes: int | None,
    threads: int | None,
    queues: tuple[str, ...],
    health_host: str | None,
    health_port: int | None,
    data_dir: Path | None,
) -> None:
    """Run tasks, in one of as many processes as are needed on as many hosts as are needed.

    It shares the work with `headbox api` and `headbox content` over PostgreSQL and Redis. Asked to end, it gives back
    what it cannot finish. Without one of the commands below, tasks are run.
    """
    context = click.get_current_context()
    if context.invoked_subcommand is not None:
        return
    from headbox.cli.processes.working import work  # noqa: PLC0415 - it imports all that runs tasks
    from headbox.cli.starting import run_process  # noqa: PLC0415

    given = {
        "processes": processes,
        "threads": threads,
        "queues": queues or None,
        "health_host": health_host,
        "health_port": health_port,
    }
    run_process(load_settings(data_dir=data_dir, worker=given), work)


command = NounProcess(
    "worker",
    callback=_worker,
    help=_worker.__doc__,
    invoke_without_command=True,
    params=[
        click.Option(
            ["processes", "--processes"],
            type=click.IntRange(1, 256),
            help="Processes to run tasks in.  [env var: HEADBOX_WORKER_PROCESSES; default: 1]",
        ),
        click.Option(
            ["threads", "--threads"],
            type=click.IntRange(1, 256),
            help="Tasks that each process runs side by side.  [env var: HEADBOX_WORKER_THREADS; default: 8]",
        ),
        click.Option(
            ["queues", "--queues"],
            type=click.Choice(_QUEUES),
            multiple=True,
            help="Priority whose tasks to run; may be given several times."
            "  [env var: HEADBOX_WORKER_QUEUES; default: all]",
        ),
        click.Option(
            ["health_host", "--health-host"],
            help="Address to show health and metrics on.  [env var: HEADBOX_WORKER_HEALTH_HOST; default: 127.0.0.1]",
        ),
        click.Option(
            ["health_port", "--health-port"],
            type=click.IntRange(0, 65535),
            help="Port to show health and metrics on, and the next ones for further processes; 0 takes free ones."
            "  [env var: HEADBOX_WORKER_HEALTH_PORT; default: 8642]",
        ),
        data_dir_option(),
    ],
)
