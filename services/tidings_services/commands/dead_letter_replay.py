"""`tidings dead-letters replay`: write the originals of dead letters again."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from tidings_services.commands.dead_letter_options import (
    Applications,
    Reasons,
    Since,
    SourceTopics,
    Until,
    make_filter,
    with_reader,
)
from tidings_services.commands.faults import bad_usage, one_line_faults
from tidings_services.commands.reading_progress import reading_progress
from tidings_services.settings import load_settings

if TYPE_CHECKING:
    from tidings_services.dead_letter_choice import Choices
    from tidings_services.dead_letter_replay import ReplayResult
    from tidings_services.dead_letter_selection import LetterPlace
    from tidings_services.topic_reading import TopicReader

COMMAND = "tidings dead-letters replay"
MOST_NAMES = 20


def replay(  # noqa: PLR0913, PLR0917 - one for each option
    places: Annotated[
        list[str] | None, typer.Argument(help="PARTITION:OFFSET of letters, or else a filter.")
    ] = None,
    reason: Reasons = None,
    source_topic: SourceTopics = None,
    application: Applications = None,
    since: Since = None,
    until: Until = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="At most so many: those that failed first.")
    ] = None,
    to: Annotated[str | None, typer.Option(help="Another topic than the source's.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All, without a filter.")] = False,
    again: Annotated[
        bool, typer.Option("--again", help="Those too that were replayed before.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only tell what would be written.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object.")] = False,
) -> None:
    """Write the originals of dead letters to their topics again: bytes, key and headers.

    A letter whose replay stands in the topic already is left out.  Exit code 1 where an original is
    gone or is refused; the others are written.

    Example: tidings dead-letters replay --reason inference_failed --since 2h --dry-run
    """
    from tidings_services.dead_letter_choice import ReplayPlan, choose_letters

    with one_line_faults(COMMAND), reading_progress() as on_progress:
        wanted = make_filter(
            reasons=reason,
            source_topics=source_topic,
            applications=application,
            period=(since, until),
            places=places,
        )
        if wanted.accepts_all and not everything:
            raise bad_usage(COMMAND, "name letters (PARTITION:OFFSET), a filter, or --all")
        plan = ReplayPlan(wanted=wanted, target=to, limit=limit, again=again)
        choices = with_reader(lambda reader: choose_letters(reader, plan, on_progress=on_progress))
    if choices.absent:
        raise bad_usage(COMMAND, f"there is no such dead letter at {_names(choices.absent)}")
    if choices.before:
        typer.echo(f"{COMMAND}: replayed before: {_names(choices.before)} (see --again)", err=True)
    if not dry_run and not yes and choices.letters:
        confirm(choices)
    result, rows = run(choices, dry_run=dry_run)
    report(choices, result, rows, as_json=as_json, dry_run=dry_run)
    raise typer.Exit(0 if result.complete else 1)


def confirm(choices: Choices) -> None:
    """Ask on a terminal, and leave where the answer is no; without a terminal --yes is needed."""
    targets = ", ".join(f"{count:,} to {topic}" for topic, count in choices.targets.items())
    if not sys.stdin.isatty():
        raise bad_usage(COMMAND, f"{targets}: nobody can be asked here; say --yes or --dry-run")
    typer.confirm(f"Write {targets}?", abort=True, err=True)


def run(choices: Choices, *, dry_run: bool) -> tuple[ReplayResult, list[dict[str, Any]]]:
    """Replay the letters; in a dry run only the records that would be written, as rows."""
    from tidings_services import dead_letter_replay as replays
    from tidings_services.connection import kafka_connection
    from tidings_services.dead_letter_view import replay_row

    rows: list[dict[str, Any]] = []

    async def tell(reader: TopicReader) -> ReplayResult:
        result = replays.ReplayResult()
        async for records in replays.prepare(reader, choices.letters, result):
            rows.extend(map(replay_row, records))
        return result

    with one_line_faults(COMMAND), reading_progress() as on_progress:
        if dry_run:
            return with_reader(tell), rows
        connection = kafka_connection(load_settings())
        return (
            with_reader(
                lambda reader: replays.replay(
                    reader, connection, choices.letters, on_progress=on_progress
                )
            ),
            rows,
        )


def report(
    choices: Choices,
    result: ReplayResult,
    rows: list[dict[str, Any]],
    *,
    as_json: bool,
    dry_run: bool,
) -> None:
    """Print what was written, or would be, and what was not."""
    from tidings_services.dead_letter_view import place_name, replay_table

    if as_json:
        line = {
            "dry_run": dry_run,
            "replayed": result.replayed,
            "replayed_before": [place_name(place) for place in choices.before],
            "without_original": [place_name(place) for place in result.without_original],
            "refused": {place_name(place): why for place, why in result.refused.items()},
        }
        typer.echo(json.dumps(line | {"records": rows} if dry_run else line))
        return
    if rows:
        Console().print(replay_table(rows))
    said = f"{len(rows):,} would be replayed" if dry_run else f"{result.replayed:,} replayed"
    typer.echo(said)
    if result.without_original:
        gone = _names(result.without_original)
        typer.echo(f"{COMMAND}: the original is gone of {gone}", err=True)
    for place, why in result.refused.items():
        typer.echo(f"{COMMAND}: {place_name(place)} is refused: {why}", err=True)


def _names(places: Sequence[LetterPlace]) -> str:
    from tidings_services.dead_letter_view import place_name

    more = len(places) - MOST_NAMES
    named = ", ".join(place_name(place) for place in places[:MOST_NAMES])
    return f"{named} and {more:,} more" if more > 0 else named
