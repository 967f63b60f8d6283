"""From labelled files to a bundle that answers: every stage, then load and classify."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tidings_models.bundle import Bundle, load_bundle
from tidings_models.onnx_classifier import OnnxClassifier
from tidings_models.onnx_network import OnnxNetwork
from tidings_models.onnx_runtime import open_session
from tidings_models.tokenization import TextTokenizer
from tidings_models.training.dataset import read_split
from tidings_models.training.gate import GateError
from tidings_models.training.recipe import Gate, Recipe
from tidings_models.training.stages import StageError, WorkingDirectory

pytestmark = pytest.mark.training
pytest.importorskip("torch", reason="needs the [train] extra")

from tidings_models.training.assemble import assemble  # noqa: E402
from tidings_models.training.build import build  # noqa: E402
from tidings_models.training.export import export_network  # noqa: E402
from tidings_models.training.finetune import Rows, pad  # noqa: E402
from tidings_models.training.mean_pooling import MeanPoolingClassifier  # noqa: E402

LARGEST_DIFFERENCE = 1e-5
"""Between a probability of ONNX Runtime in fp32 and PyTorch's on the same text."""


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> WorkingDirectory:
    return WorkingDirectory(tmp_path_factory.mktemp("work"))


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bundles")


@pytest.fixture(scope="module")
def bundle(recipe: Recipe, work: WorkingDirectory, output: Path, data_directory: Path) -> Bundle:
    return build(recipe, work, output, data_directory=data_directory)


def test_built_bundle_loads_and_classifies(bundle: Bundle) -> None:
    classifier = OnnxClassifier(load_bundle(bundle.directory), provider="cpu")

    bad, good = classifier.predict(
        ["Acme weak loss warning", "Globex record profit strong"], ["Acme", "Globex"]
    )

    assert (bad.label, good.label) == ("negative", "positive")


def test_manifest_holds_what_was_measured(bundle: Bundle) -> None:
    manifest = bundle.manifest

    assert manifest.labels == ("negative", "neutral", "positive")
    assert manifest.figures.tests[0].int8.accuracy >= 0.8
    assert manifest.figures.out_of_scope is not None
    assert manifest.figures.out_of_scope.rows == 2
    assert manifest.gate.passed
    assert {data.use for data in manifest.data} == {"train", "test", "out_of_scope"}


def test_bundle_names_no_path_of_the_machine_that_built_it(
    bundle: Bundle, encoder_directory: Path
) -> None:
    for file in bundle.directory.iterdir():
        content = file.read_bytes()
        assert str(encoder_directory.parent).encode() not in content
        assert b"site-packages" not in content


def test_fp32_export_answers_as_pytorch_does(
    bundle: Bundle, recipe: Recipe, work: WorkingDirectory, data_directory: Path
) -> None:
    import torch  # noqa: PLC0415

    split = read_split(recipe, data_directory)
    rows = split.test["Made"]
    model = MeanPoolingClassifier.from_pretrained(work.weights).eval()
    tokenizer = TextTokenizer(work.tokenizer, max_tokens=recipe.max_tokens)
    network = OnnxNetwork(open_session(work.fp32), tokenizer)

    exported = torch.softmax(
        torch.from_numpy(network.logits([row.text for row in rows], [row.entity for row in rows])),
        dim=1,
    ).numpy()
    batch = pad(list(Rows(rows, split.labels, tokenizer)))
    batch.pop("labels")
    with torch.no_grad():
        original = torch.softmax(model(**batch).logits, dim=1).numpy()

    assert (exported.argmax(axis=1) == original.argmax(axis=1)).all()
    assert np.abs(exported - original).max() < LARGEST_DIFFERENCE


def test_tiny_int8_network_is_bit_identical_in_any_batch(
    bundle: Bundle, recipe: Recipe, data_directory: Path
) -> None:
    classifier = OnnxClassifier(bundle, provider="cpu")
    texts = [row.text for row in read_split(recipe, data_directory).test["Made"]]

    together = classifier.logits(texts)

    assert all(
        together[row].tobytes() == classifier.logits([text])[0].tobytes()
        for row, text in enumerate(texts)
    )


def test_weights_are_used_again_where_only_the_gate_differs(
    bundle: Bundle, recipe: Recipe, work: WorkingDirectory, output: Path, data_directory: Path
) -> None:
    before = work.record.read_bytes()
    stricter = recipe.model_copy(update={"gate": Gate(minimum_accuracy={"Made": 0.81},
        maximum_quantization_loss=0.05, maximum_calibration_error=0.5)})  # fmt: skip

    build(stricter, work, output, data_directory=data_directory)

    assert work.record.read_bytes() == before


def test_missed_gate_writes_no_bundle(
    bundle: Bundle, recipe: Recipe, work: WorkingDirectory, tmp_path: Path, data_directory: Path
) -> None:
    impossible = recipe.model_copy(
        update={"gate": Gate(minimum_accuracy={"Made": 0.8}, maximum_bytes=10)}
    )

    with pytest.raises(GateError, match="no bundle was written: bytes is"):
        assemble(
            impossible,
            read_split(recipe, data_directory),
            work,
            tmp_path / "out",
            data_directory=data_directory,
        )

    assert not list(tmp_path.rglob("*.json"))


def test_stage_without_the_one_before_names_it(tmp_path: Path) -> None:
    with pytest.raises(StageError, match="tidings models finetune"):
        export_network(WorkingDirectory(tmp_path))


def test_record_tells_every_epoch(bundle: Bundle, work: WorkingDirectory) -> None:
    record = json.loads(work.record.read_text(encoding="utf-8"))

    assert [epoch["epoch"] for epoch in record["epochs"]] == [1, 2, 3]
    assert record["train_rows"] + record["validation_rows"] + record["dropped_rows"] == 400
