"""From a quantized network to a bundle: calibrate, measure, gate, write."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from tidings_models.bundle import MANIFEST_FILE, Bundle, load_bundle
from tidings_models.manifest import (
    CARD_FILE,
    FP16_FILE,
    MODEL_FILE,
    TOKENIZER_FILE,
    DataUsed,
    EncoderUsed,
    Manifest,
    RecipeUsed,
)
from tidings_models.onnx_network import OnnxNetwork
from tidings_models.onnx_runtime import open_session
from tidings_models.tokenization import TextTokenizer
from tidings_models.training.card import write_card
from tidings_models.training.dataset import Split, digest_file
from tidings_models.training.encoder import encoder_name
from tidings_models.training.evaluate import label_indices, network_logits
from tidings_models.training.gate import GateError, check_gate
from tidings_models.training.measure import calibrate, measure, measure_accuracy
from tidings_models.training.recipe import Recipe
from tidings_models.training.stages import WorkingDirectory


def assemble(
    recipe: Recipe, split: Split, work: WorkingDirectory, output: Path, *, data_directory: Path
) -> Bundle:
    """Make the bundle `output/NAME` of the stages' files, replacing an older one.

    Raises GateError, and writes nothing, where a bound of the recipe is missed.
    """
    record = work.read_record()
    int8 = _open(recipe, work, work.require(work.int8, stage="quantize"))
    fp32 = _open(recipe, work, work.require(work.fp32, stage="export"))
    calibration = calibrate(
        network_logits(int8, split.validation),
        label_indices(split.validation, split.labels),
        recipe.abstention,
    )
    figures = measure(record, split, int8, fp32, calibration)
    networks = {MODEL_FILE: work.int8, TOKENIZER_FILE: work.tokenizer}
    fp16_accuracy: dict[str, float] = {}
    if work.fp16.is_file():
        networks[FP16_FILE] = work.fp16
        fp16_accuracy = measure_accuracy(_open(recipe, work, work.fp16), split)
    gate = check_gate(
        recipe.gate,
        figures,
        total_bytes=sum(file.stat().st_size for file in networks.values()),
        fp16_accuracy=fp16_accuracy,
    )
    if not gate.passed:
        raise GateError(gate)
    manifest = Manifest(
        format=1,
        name=recipe.name,
        task=recipe.task,
        description=recipe.description,
        created_at=datetime.now(UTC).replace(microsecond=0),
        labels=split.labels,
        max_tokens=recipe.max_tokens,
        pair_input=recipe.pair_input,
        temperature=calibration.temperature,
        abstain_below=calibration.abstain_below,
        out_of_scope_above=calibration.out_of_scope_above,
        encoder=EncoderUsed(
            name=encoder_name(recipe.encoder),
            digest=record.encoder_digest,
            licence=recipe.encoder_licence,
        ),
        data=tuple(_data_used(recipe, split, data_directory)),
        recipe=RecipeUsed(name=recipe.name, digest=recipe.digest),
        figures=figures,
        gate=gate,
        limits=recipe.limits,
        files={name: digest_file(file) for name, file in networks.items()},
    )
    return write_bundle(manifest, work, output)


def write_bundle(manifest: Manifest, work: WorkingDirectory, output: Path) -> Bundle:
    """Write the files beside their place, check them as serving does, then rename."""
    output.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{manifest.name}-", dir=output))
    try:
        scratch.chmod(0o755)
        shutil.copyfile(work.int8, scratch / MODEL_FILE)
        shutil.copyfile(work.tokenizer, scratch / TOKENIZER_FILE)
        if FP16_FILE in manifest.files:
            shutil.copyfile(work.fp16, scratch / FP16_FILE)
        (scratch / CARD_FILE).write_text(write_card(manifest), encoding="utf-8")
        listed = {**manifest.files, CARD_FILE: digest_file(scratch / CARD_FILE)}
        content = manifest.model_copy(update={"files": listed}).model_dump_json(indent=2) + "\n"
        (scratch / MANIFEST_FILE).write_text(content, encoding="utf-8")
        load_bundle(scratch)
        final = output / manifest.name
        if final.exists():
            shutil.rmtree(final)
        scratch.rename(final)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return load_bundle(final)


def _open(recipe: Recipe, work: WorkingDirectory, model: Path) -> OnnxNetwork:
    tokenizer = TextTokenizer(work.tokenizer, max_tokens=recipe.max_tokens)
    return OnnxNetwork(open_session(model), tokenizer)


def _data_used(recipe: Recipe, split: Split, data_directory: Path) -> Iterator[DataUsed]:
    for data in recipe.data:
        if data.train:
            yield DataUsed(
                name=data.name,
                use="train",
                file=data.train,
                sha256=digest_file(data_directory / data.train),
                rows=split.rows_read[data.train],
                licence=data.licence,
                source=data.source,
                note=data.note,
            )
        if data.test:
            yield DataUsed(
                name=data.name,
                use="test",
                file=data.test,
                sha256=digest_file(data_directory / data.test),
                rows=split.rows_read[data.test],
                licence=data.licence,
                source=data.source,
                note=data.note,
            )
    if (outside := recipe.out_of_scope) is not None:
        left_out = ", ".join(outside.exclude_domains)
        yield DataUsed(
            name=outside.name,
            use="out_of_scope",
            file=outside.file,
            sha256=digest_file(data_directory / outside.file),
            rows=split.rows_read[outside.file],
            licence=outside.licence,
            source=outside.source,
            note=f"Without the domains {left_out}." if left_out else "",
        )
