"""Building: every stage of a recipe in order, from labelled files to a bundle."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tidings_models.bundle import Bundle
from tidings_models.training.assemble import assemble
from tidings_models.training.dataset import read_split
from tidings_models.training.encoder import find_encoder
from tidings_models.training.export import export_network
from tidings_models.training.finetune import finetune
from tidings_models.training.quantize import quantize
from tidings_models.training.recipe import Recipe
from tidings_models.training.stages import StageError, WorkingDirectory

Progress = Callable[[str, float], None]
"""Told what is going on and the share of it that is done, 0..1."""


def build(
    recipe: Recipe,
    work: WorkingDirectory,
    output: Path,
    *,
    data_directory: Path,
    on_progress: Progress = lambda _what, _share: None,
) -> Bundle:
    """Fine-tune, export, quantize, calibrate, measure and gate; return the bundle in `output`.

    Weights that `work` holds from the same encoder, data and hyperparameters are used again.
    Raises RecipeError, DataError, EncoderError or GateError; then nothing is written to `output`.
    """
    split = read_split(recipe, data_directory)
    encoder = find_encoder(recipe.encoder)
    if not _is_trained(recipe, work, encoder.digest):
        finetune(recipe, split, encoder, work, on_progress=on_progress)
    on_progress("exporting", 0.0)
    export_network(work)
    on_progress("quantizing", 0.0)
    quantize(recipe, work, split.train)
    on_progress("calibrating and measuring", 0.0)
    return assemble(recipe, split, work, output, data_directory=data_directory)


def _is_trained(recipe: Recipe, work: WorkingDirectory, encoder_digest: str) -> bool:
    try:
        record = work.read_record()
    except StageError:
        return False
    return record.encoder_digest == encoder_digest and record.recipe.trains_like(recipe)
