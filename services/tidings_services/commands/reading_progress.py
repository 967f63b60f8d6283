"""How far a command that reads topics has come, on a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)


@contextmanager
def reading_progress() -> Iterator[Callable[[str, int, int], None]]:
    """A bar for each thing that is read; to be called with its name, what was read, what is left.

    Nothing is shown where standard error is no terminal.
    """
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    tasks: dict[str, TaskID] = {}
    with Progress(
        *columns, console=console, disable=not console.is_terminal, transient=True
    ) as progress:

        def show(what: str, done: int, left: int) -> None:
            if what not in tasks:
                tasks[what] = progress.add_task(what)
            progress.update(tasks[what], completed=done, total=done + left)

        yield show
