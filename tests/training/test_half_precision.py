"""The fp16 network, run on a processor: what it answers, and that a bundle carries it."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from tidings_models.bundle import load_bundle
from tidings_models.onnx_network import OnnxNetwork
from tidings_models.onnx_runtime import open_session
from tidings_models.tokenization import TextTokenizer
from tidings_models.training.dataset import read_split
from tidings_models.training.recipe import Recipe
from tidings_models.training.stages import StageError, WorkingDirectory

pytestmark = pytest.mark.training
pytest.importorskip("torch", reason="needs the [train] extra")

import onnx  # noqa: E402

from tidings_models.training.assemble import assemble  # noqa: E402
from tidings_models.training.build import build  # noqa: E402
from tidings_models.training.export import export_network  # noqa: E402
from tidings_models.training.half_precision import halve  # noqa: E402


@pytest.fixture(scope="module")
def work(
    recipe: Recipe, tmp_path_factory: pytest.TempPathFactory, data_directory: Path
) -> WorkingDirectory:
    place = WorkingDirectory(tmp_path_factory.mktemp("work"))
    build(recipe, place, tmp_path_factory.mktemp("bundles"), data_directory=data_directory)
    halve(place)
    return place


def test_labels_are_those_of_fp32(
    recipe: Recipe, work: WorkingDirectory, data_directory: Path
) -> None:
    rows = read_split(recipe, data_directory).test["Made"]
    tokenizer = TextTokenizer(work.tokenizer, max_tokens=recipe.max_tokens)

    exact, half = (
        OnnxNetwork(open_session(file), tokenizer).logits(
            [row.text for row in rows], [row.entity for row in rows]
        )
        for file in (work.fp32, work.fp16)
    )

    assert half.dtype == np.float32
    assert np.abs(half - exact).max() < 0.02
    assert half.tobytes() != exact.tobytes()
    assert (half.argmax(axis=1) == exact.argmax(axis=1)).all()


def test_weights_are_halved_and_inputs_and_output_kept(work: WorkingDirectory) -> None:
    exact, half = onnx.load(work.fp32), onnx.load(work.fp16)

    assert [given.type for given in half.graph.input] == [g.type for g in exact.graph.input]
    assert half.graph.output[0].type == exact.graph.output[0].type
    assert onnx.TensorProto.FLOAT not in {
        tensor.data_type for tensor in half.graph.initializer if tensor.dims
    }


def test_bundle_carries_the_network_and_its_gate_has_measured_it(
    recipe: Recipe, work: WorkingDirectory, tmp_path: Path, data_directory: Path
) -> None:
    split = read_split(recipe, data_directory)

    bundle = assemble(recipe, split, work, tmp_path, data_directory=data_directory)

    fp16_file = load_bundle(bundle.directory).fp16_file
    assert fp16_file is not None
    assert fp16_file.read_bytes() == work.fp16.read_bytes()
    assert "Made: accuracy lost to fp16" in {check.name for check in bundle.manifest.gate.checks}


def test_another_export_leaves_no_older_fp16_network(
    work: WorkingDirectory, tmp_path: Path
) -> None:
    again = WorkingDirectory(shutil.copytree(work.directory, tmp_path / "again"))

    export_network(again)

    assert not again.fp16.exists()


def test_export_comes_first(tmp_path: Path) -> None:
    with pytest.raises(StageError, match="tidings models export"):
        halve(WorkingDirectory(tmp_path))
