"""`tidings classify`: texts in, one JSON object a line out."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Annotated, BinaryIO, Literal

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from tidings_models.bundle import BundleError, find_bundle, load_bundle
from tidings_models.onnx_classifier import OnnxClassifier
from tidings_models.onnx_runtime import RuntimeUnavailableError
from tidings_models.prediction import Prediction
from tidings_services.settings import load_settings
from tidings_services.text_input import InputText, TextInputError, guess_format, read_texts

ALTERNATIVES = 3
TOGETHER = 256
BAD_INPUT = 2


def classify(
    bundle: Annotated[str, typer.Argument(help="A shipped bundle's name, or a directory.")],
    source: Annotated[
        str, typer.Option("--input", "-i", help="A file, or - for standard input.")
    ] = "-",
    text_column: Annotated[str, typer.Option(help="Column or field that holds the text.")] = "text",
    entity_column: Annotated[
        str | None, typer.Option(help="Column or field that holds the company, if any.")
    ] = None,
    text_format: Annotated[
        Literal["auto", "lines", "csv", "jsonl"],
        typer.Option("--format", help="auto goes by the file's suffix; standard input is lines."),
    ] = "auto",
) -> None:
    """Classify texts: one a line, or the text column of CSV or JSON lines.

    Prints one JSON object a line, in order: line, label, probability, alternatives (the three
    most likely), bundle.  Exit code 2 for a bundle or an input that cannot be read.

    Example: echo "My card never arrived" | tidings classify intents-banking77
    """
    settings = load_settings()
    chosen = guess_format(source) if text_format == "auto" else text_format
    try:
        classifier = OnnxClassifier(
            load_bundle(find_bundle(bundle)),
            provider=settings.provider,
            threads=settings.inference_threads,
        )
        if entity_column is not None and not classifier.bundle.manifest.pair_input:
            raise TextInputError(f"{bundle} reads no company: leave --entity-column out")
        with open_input(source) as stream, progress_bar() as progress:
            task = progress.add_task("classified", total=None)
            texts = read_texts(
                stream, text_format=chosen, text_column=text_column, entity_column=entity_column
            )
            while part := list(islice(texts, TOGETHER)):
                entities = [text.entity for text in part] if entity_column else None
                predictions = classifier.predict([text.text for text in part], entities)
                write_predictions(part, predictions, reference=classifier.reference)
                progress.update(task, advance=len(part))
    except (BundleError, RuntimeUnavailableError) as error:
        typer.echo(f"tidings: {error}", err=True)
        raise typer.Exit(BAD_INPUT) from None
    except (TextInputError, OSError) as error:
        if isinstance(error, BrokenPipeError):
            raise
        typer.echo(f"tidings: {'standard input' if source == '-' else source}: {error}", err=True)
        raise typer.Exit(BAD_INPUT) from None


def write_predictions(
    texts: Sequence[InputText], predictions: Sequence[Prediction], *, reference: str
) -> None:
    """Print one JSON object a line on standard output."""
    for text, prediction in zip(texts, predictions, strict=True):
        answer = {
            "line": text.line,
            "label": prediction.label,
            "probability": round(prediction.probability, 6),
            "alternatives": [
                {"label": label, "probability": round(probability, 6)}
                for label, probability in zip(
                    prediction.labels[:ALTERNATIVES],
                    prediction.probabilities[:ALTERNATIVES],
                    strict=True,
                )
            ],
            "bundle": reference,
        }
        sys.stdout.write(json.dumps(answer, ensure_ascii=False) + "\n")
    sys.stdout.flush()


@contextmanager
def open_input(source: str) -> Iterator[BinaryIO]:
    """Open a file, or standard input for `-`, as bytes."""
    if source == "-":
        yield sys.stdin.buffer
        return
    with Path(source).open("rb") as stream:
        yield stream


def progress_bar() -> Progress:
    """Return a progress bar on standard error; it shows nothing where that is no terminal."""
    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    )
