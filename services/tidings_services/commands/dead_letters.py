"""`tidings dead-letters`: look at what could not be processed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from tidings_services.commands import dead_letter_replay
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

if TYPE_CHECKING:
    from tidings_services.dead_letter_selection import Letter
    from tidings_services.dead_letter_view import Shown
    from tidings_services.topic_reading import TopicReader

app = typer.Typer(help="Records that could not be processed.", no_args_is_help=True)

LIST = "tidings dead-letters list"
SHOW = "tidings dead-letters show"
ROWS = 50


@app.command("list")
def list_letters(  # noqa: PLR0913, PLR0917 - one for each option
    reason: Reasons = None,
    source_topic: SourceTopics = None,
    application: Applications = None,
    since: Since = None,
    until: Until = None,
    limit: Annotated[
        int | None,
        typer.Option(min=1, help=f"Only the newest so many; in a table {ROWS} unless told."),
    ] = None,
    summary: Annotated[bool, typer.Option("--summary", help="Only count them.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object a line.")] = False,
) -> None:
    """List the dead letters: where each stands, when and why it failed, and of which record it is.

    Example: tidings dead-letters list --reason output_refused --since 2h
    """
    from tidings_services import dead_letter_view as view
    from tidings_services.dead_letter_reading import LetterTally, newest_letters, read_letters

    tally = LetterTally()
    shown: list[Letter] = []

    with one_line_faults(LIST), reading_progress() as on_progress:
        wanted = make_filter(
            reasons=reason,
            source_topics=source_topic,
            applications=application,
            period=(since, until),
        )

        async def read(reader: TopicReader) -> None:
            letters = read_letters(reader, wanted, tally, on_progress=on_progress)
            if not summary and not (as_json and limit is None):
                shown.extend(await newest_letters(letters, limit or ROWS))
                return
            async for letter in letters:
                if not summary:
                    typer.echo(json.dumps(view.letter_json(letter)))

        with_reader(read)
    if as_json:
        lines = [view.summary_json(tally)] if summary else map(view.letter_json, shown)
        for line in lines:
            typer.echo(json.dumps(line))
        return
    if tally.letters:
        Console().print(view.summary_table(tally) if summary else view.letter_table(shown))
    typer.echo(view.summary_line(tally, shown=tally.letters if summary else len(shown)))


@app.command()
def show(
    place: Annotated[str, typer.Argument(help="PARTITION:OFFSET of the letter.")],
    original: Annotated[
        bool, typer.Option("--original", help="Show the original's bytes: personal data!")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object.")] = False,
) -> None:
    """Show one dead letter whole, the replays behind it, and where its original is.

    Example: tidings dead-letters show 0:17 --original
    """
    from tidings_services import dead_letter_view as view
    from tidings_services.dead_letter_originals import find_originals
    from tidings_services.dead_letter_reading import chain_behind, fetch_letters
    from tidings_services.dead_letter_selection import parse_letter_place

    async def read(reader: TopicReader) -> Shown | None:
        for letter in (await fetch_letters(reader, [parse_letter_place(place)])).values():
            chain = await chain_behind(reader, letter)
            originals = await find_originals(reader, [letter])
            return view.Shown(letter=letter, chain=chain, original=originals[letter.place])
        return None

    with one_line_faults(SHOW):
        shown = with_reader(read)
    if shown is None:
        raise bad_usage(SHOW, f"there is no dead letter at {place}; `{LIST}` names those there are")
    if as_json:
        typer.echo(json.dumps(view.show_json(shown, with_original=original)))
        return
    for line in view.show_lines(shown, with_original=original):
        typer.echo(line)


app.command()(dead_letter_replay.replay)
