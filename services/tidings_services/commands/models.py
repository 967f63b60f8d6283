"""`tidings models`: make a bundle from a recipe, stage by stage or at once, and evaluate it."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from tidings_models.bundle import Bundle, BundleError, find_bundle, load_bundle
from tidings_models.onnx_classifier import OnnxClassifier
from tidings_models.onnx_runtime import RuntimeUnavailableError
from tidings_models.training.dataset import DataError, read_examples, read_split
from tidings_models.training.encoder import EncoderError, find_encoder
from tidings_models.training.evaluate import Evaluation, evaluate_classifier
from tidings_models.training.gate import GateError
from tidings_models.training.recipe import (
    LabelledData,
    Recipe,
    RecipeError,
    find_recipe,
    read_recipe,
)
from tidings_models.training.stages import StageError, WorkingDirectory
from tidings_services.settings import load_settings

GATE_MISSED, BAD_INPUT, EXTRA_MISSING = 1, 2, 3
WORK = Path(".cache/models")

app = typer.Typer(
    help="Make, measure and check model bundles.", no_args_is_help=True, rich_markup_mode="rich"
)

RecipeArgument = Annotated[str, typer.Argument(help="A recipe's file or a shipped one's name.")]
WorkArgument = Annotated[Path, typer.Argument(help="The working directory of `finetune`.")]
WorkOption = Annotated[
    Path | None, typer.Option("--work", help="Working directory; .cache/models/NAME where unset.")
]
OutputOption = Annotated[
    Path, typer.Option("--output", help="Directory that gets the bundle, as a folder NAME.")
]


@app.command()
def build(recipe: RecipeArgument, output: OutputOption = Path(), work: WorkOption = None) -> None:
    """Fine-tune, export, quantize, calibrate, measure, gate: from a recipe to a bundle.

    Weights in the working directory are used again where encoder, data and hyperparameters are
    the same.  Exit code 1 where the gate is missed (then no bundle is written), 2 for a faulty
    recipe or data, 3 without the [train] extra.

    Example: tidings models build intents-banking77 --output bundles
    """
    with told(), progress_bar() as show:
        plan = read_recipe(find_recipe(recipe))
        bundle = training("build").build(
            plan,
            working_directory(plan, work),
            output,
            data_directory=load_settings().data_directory,
            on_progress=show,
        )
    _tell_bundle(bundle)


@app.command()
def finetune(recipe: RecipeArgument, work: WorkOption = None) -> None:
    """Fine-tune a recipe's encoder and keep the best epoch; the first of four stages.

    Example: tidings models finetune intents-banking77 --work work
    """
    with told(), progress_bar() as show:
        plan = read_recipe(find_recipe(recipe))
        place = working_directory(plan, work)
        split = read_split(plan, load_settings().data_directory)
        record = training("finetune").finetune(
            plan, split, find_encoder(plan.encoder), place, on_progress=show
        )
    best = record.best_epoch
    typer.echo(
        f"{place.weights}: epoch {best.epoch:.0f}, accuracy {best.accuracy:.4f} on "
        f"{record.validation_rows} validation rows.  Next: tidings models export {place.directory}"
    )


@app.command()
def export(work: WorkArgument) -> None:
    """Export fine-tuned weights to ONNX, through Optimum; the second stage.

    Example: tidings models export work
    """
    with told():
        file = training("export").export_network(WorkingDirectory(work))
    typer.echo(f"{file}: {megabytes(file)}.  Next: tidings models quantize {work}")


@app.command()
def quantize(work: WorkArgument) -> None:
    """Quantize the exported network to static int8; the third stage.

    Example: tidings models quantize work
    """
    with told():
        place = WorkingDirectory(work)
        plan = place.read_record().recipe
        split = read_split(plan, load_settings().data_directory)
        file = training("quantize").quantize(plan, place, split.train)
    typer.echo(f"{file}: {megabytes(file)}.  Next: tidings models gate {work}")


@app.command()
def halve(work: WorkArgument) -> None:
    """Write the exported network in half precision, for GPUs; before the last stage, if at all.

    The bundle grows by it: raise the gate's maximum_bytes in the recipe.

    Example: tidings models halve work
    """
    with told():
        place = WorkingDirectory(work)
        training("half_precision").halve(place)
    typer.echo(f"{place.fp16}: {megabytes(place.fp16)}.  Next: tidings models gate {work}")


@app.command()
def gate(
    work: WorkArgument,
    output: OutputOption = Path(),
    recipe: Annotated[
        str | None, typer.Option(help="A recipe with other bounds; the fine-tuned one where unset.")
    ] = None,
) -> None:
    """Calibrate, measure and check the quantized network, then write the bundle; the last stage.

    Exit code 1 where a bound of the recipe is missed: then no bundle is written.

    Example: tidings models gate work --output bundles
    """
    with told():
        place = WorkingDirectory(work)
        plan = read_recipe(find_recipe(recipe)) if recipe else place.read_record().recipe
        directory = load_settings().data_directory
        bundle = training("assemble").assemble(
            plan, read_split(plan, directory), place, output, data_directory=directory
        )
    _tell_bundle(bundle)


@app.command()
def evaluate(
    bundle: Annotated[str, typer.Argument(help="A shipped bundle's name, or a directory.")],
    data: Annotated[Path, typer.Option("--data", help="CSV file with a header.")],
    text_column: Annotated[str, typer.Option(help="Column of the text.")] = "text",
    label_column: Annotated[str, typer.Option(help="Column of the true label.")] = "label",
    entity_column: Annotated[str | None, typer.Option(help="Column of the company.")] = None,
    rename: Annotated[
        list[str] | None,
        typer.Option(help="THEIRS=OURS: what the bundle calls a label of the file; repeatable."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Measure a bundle on a labelled CSV file: accuracy, macro-F1, calibration error, speed.

    Example: tidings models evaluate sentiment-finance --data tweets.csv --rename bullish=positive
    """
    settings = load_settings()
    with told():
        examples = read_examples(
            LabelledData(
                name=data.name,
                licence="",
                source="",
                text_column=text_column,
                label_column=label_column,
                entity_column=entity_column,
                label_names=dict(_pair(given) for given in rename or ()),
            ),
            str(data),
            Path(),
        )
        classifier = OnnxClassifier(
            load_bundle(find_bundle(bundle)),
            provider=settings.provider,
            threads=settings.inference_threads,
        )
        if entity_column is not None and not classifier.bundle.manifest.pair_input:
            raise DataError(f"{bundle} reads no company: leave --entity-column out")
        result = evaluate_classifier(classifier, examples, labels=classifier.bundle.manifest.labels)
    typer.echo(result.model_dump_json() if as_json else _describe(result))


def training(module: str) -> ModuleType:
    """Import a module of the training package; exit code 3 without the [train] extra."""
    try:
        return importlib.import_module(f"tidings_models.training.{module}")
    except ModuleNotFoundError as error:
        typer.echo(
            f"tidings: {error.name} is not installed; this command needs the training extra: "
            "pip install 'tidings[cpu,train]'",
            err=True,
        )
        raise typer.Exit(EXTRA_MISSING) from None


def working_directory(recipe: Recipe, given: Path | None) -> WorkingDirectory:
    """Return the given working directory, or the recipe's own below .cache."""
    return WorkingDirectory(given or WORK / recipe.name)


@contextmanager
def told() -> Iterator[None]:
    """Tell what went wrong in one line, with an exit code that says of which kind it was."""
    try:
        yield
    except GateError as error:
        typer.echo(f"tidings: {error}", err=True)
        raise typer.Exit(GATE_MISSED) from None
    except (
        RecipeError,
        DataError,
        EncoderError,
        StageError,
        BundleError,
        RuntimeUnavailableError,
    ) as error:
        typer.echo(f"tidings: {error}", err=True)
        raise typer.Exit(BAD_INPUT) from None


@contextmanager
def progress_bar() -> Iterator[Callable[[str, float], None]]:
    """Show what is going on: a bar on a terminal, otherwise a line at every change of it."""
    console = Console(stderr=True)
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        console=console,
        disable=not console.is_terminal,
    )
    latest = ""
    with bar:
        task = bar.add_task("reading data", total=1.0)

        def show(what: str, share: float) -> None:
            nonlocal latest
            bar.update(task, description=what, completed=share)
            if what != latest and not console.is_terminal:
                typer.echo(f"{what} ...", err=True)
            latest = what

        yield show


def megabytes(file: Path) -> str:
    """Return a file's size for people."""
    return f"{file.stat().st_size / 1e6:.1f} MB"


def _pair(given: str) -> tuple[str, str]:
    theirs, separator, ours = given.partition("=")
    if not separator or not theirs or not ours:
        raise DataError(f"--rename {given}: write THEIRS=OURS, as bullish=positive")
    return theirs, ours


def _describe(result: Evaluation) -> str:
    rows: list[tuple[str, Any]] = [
        ("bundle", result.bundle),
        ("rows", result.rows),
        ("accuracy", f"{result.accuracy:.4f}"),
        ("macro-F1", f"{result.macro_f1:.4f}"),
        ("expected calibration error", f"{result.expected_calibration_error:.4f}"),
        ("messages a second", f"{result.messages_per_second:.1f}"),
    ]
    return "\n".join(f"{name:<27}{value}" for name, value in rows)


def _tell_bundle(bundle: Bundle) -> None:
    checks = "\n".join(
        f"  {check.name}: {check.measured:g} (bound {check.bound:g})"
        for check in bundle.manifest.gate.checks
    )
    typer.echo(f"{bundle.reference} in {bundle.directory}\n{checks}")
