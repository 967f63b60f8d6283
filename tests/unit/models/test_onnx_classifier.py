from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
from pathlib import Path

import pytest

from harness.classifiers import make_texts, shipped
from tidings_models.bundle import BundleError, find_bundle, load_bundle
from tidings_models.onnx_classifier import OnnxClassifier
from tidings_models.onnx_runtime import Provider, RuntimeUnavailableError, is_cuda_offered
from tidings_models.prediction import Classifier, InferenceError

BUNDLES = ("intents-banking77", "sentiment-finance")


def test_is_a_classifier() -> None:
    classifier: Classifier = shipped("intents-banking77")

    assert classifier.reference.startswith("intents-banking77@")


@pytest.mark.parametrize("name", BUNDLES)
def test_no_text_gets_no_prediction(name: str) -> None:
    assert shipped(name).predict([]) == []


@pytest.mark.parametrize("name", BUNDLES)
def test_every_label_has_a_probability_most_likely_first(name: str) -> None:
    for prediction in shipped(name).predict(make_texts(20, seed=3)):
        assert sorted(prediction.labels) == sorted(shipped(name).bundle.manifest.labels)
        assert list(prediction.probabilities) == sorted(prediction.probabilities, reverse=True)
        assert sum(prediction.probabilities) == pytest.approx(1, abs=1e-9)


def test_predictions_come_in_the_order_of_the_texts() -> None:
    texts = ["How do I cancel a transfer? " * 3, "My card was stolen", "Top-up failed again"]

    labels = [prediction.label for prediction in shipped("intents-banking77").predict(texts)]

    assert labels == ["cancel_transfer", "lost_or_stolen_card", "top_up_failed"]


def test_one_headline_means_different_things_for_two_companies() -> None:
    headline = "Nokia rallies, Ericsson slumps"

    nokia, ericsson = shipped("sentiment-finance").predict([headline] * 2, ["Nokia", "Ericsson"])

    assert (nokia.label, ericsson.label) == ("positive", "negative")


def test_energy_is_higher_for_what_no_bank_does() -> None:
    known, strange = shipped("intents-banking77").predict(
        ["I lost my card, please block it", "what is the capital of mongolia"]
    )

    assert strange.energy > known.energy


@pytest.mark.parametrize("name", BUNDLES)
@pytest.mark.parametrize("text", ["", " ", "https://t.co/x", "\x00", "\ud83d", "🙂" * 500])
def test_odd_text_gets_an_answer(name: str, text: str) -> None:
    (prediction,) = shipped(name).predict([text])

    assert 0 < prediction.probability <= 1


@pytest.mark.parametrize("name", BUNDLES)
def test_predicting_is_tokenizing_and_predicting_the_tokens(name: str) -> None:
    texts = make_texts(40, seed=6)
    classifier = shipped(name)

    tokens = classifier.tokenize(texts)

    assert classifier.predict_tokens(tokens) == classifier.predict(texts)
    assert max(len(text) for text in tokens) <= classifier.bundle.manifest.max_tokens


def test_words_beyond_max_tokens_change_nothing() -> None:
    words = "my card has not arrived yet " * 60

    short, long = shipped("intents-banking77").predict([words, words + "cancel my transfer"])

    assert short == long


def test_entity_for_a_bundle_that_reads_none_is_an_error() -> None:
    with pytest.raises(ValueError, match="pair_input"):
        shipped("intents-banking77").tokenize(["a text"], ["Nokia"])


def test_no_entity_is_fine_for_a_bundle_that_reads_none() -> None:
    classifier = shipped("intents-banking77")

    assert classifier.predict(["a text"], [None]) == classifier.predict(["a text"])


def test_entities_of_another_count_than_texts_are_an_error() -> None:
    with pytest.raises(ValueError, match="shorter"):
        shipped("sentiment-finance").predict(["one", "two"], ["Nokia"])


def test_stages_are_told_their_seconds_once_a_call() -> None:
    told: list[tuple[str, float]] = []
    bundle = load_bundle(find_bundle("sentiment-finance"))
    classifier = OnnxClassifier(bundle, provider="cpu", on_stage=lambda *stage: told.append(stage))

    classifier.predict(make_texts(40, seed=5))

    assert [stage for stage, _ in told] == ["tokenize", "infer"]
    assert all(seconds > 0 for _, seconds in told)


def test_provider_is_what_the_session_runs_on() -> None:
    assert shipped("intents-banking77").provider == "cpu"


def test_cuda_demanded_and_not_there_is_an_error() -> None:
    if is_cuda_offered():
        pytest.skip("this ONNX Runtime has CUDA")
    with pytest.raises(RuntimeUnavailableError, match=r"tidings\[gpu\]"):
        OnnxClassifier(shipped("sentiment-finance").bundle, provider="cuda")


@pytest.mark.parametrize("provider", ["auto", "cpu"])
def test_fp16_file_of_a_bundle_changes_nothing_on_a_processor(
    tmp_path: Path, provider: Provider
) -> None:
    plain = shipped("sentiment-finance")
    directory = shutil.copytree(plain.bundle.directory, tmp_path / "with-fp16")
    (directory / "model.fp16.onnx").write_bytes(b"opened on a GPU only")
    manifest = json.loads((directory / "manifest.json").read_text(encoding="utf-8"))
    manifest["files"]["model.fp16.onnx"] = hashlib.sha256(b"opened on a GPU only").hexdigest()
    (directory / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")

    classifier = OnnxClassifier(load_bundle(directory), provider=provider)

    assert (classifier.variant, classifier.provider) == ("int8", "cpu")
    assert classifier.predict(["Nokia rises"]) == plain.predict(["Nokia rises"])


def test_labels_that_do_not_fit_the_network_are_refused() -> None:
    bundle = load_bundle(find_bundle("sentiment-finance"))
    manifest = bundle.manifest.model_copy(update={"labels": ("negative", "positive")})

    with pytest.raises(BundleError, match="3 classes and the manifest 2 labels"):
        OnnxClassifier(dataclasses.replace(bundle, manifest=manifest), provider="cpu")


def test_failing_session_names_the_bundle_and_no_text(tmp_path: Path) -> None:
    bundle = load_bundle(find_bundle("sentiment-finance"))
    # More positions than the encoder has: its embedding lookup fails.
    manifest = bundle.manifest.model_copy(update={"max_tokens": 600})
    classifier = OnnxClassifier(dataclasses.replace(bundle, manifest=manifest), provider="cpu")

    with pytest.raises(InferenceError) as failure:
        classifier.predict(["secret " * 590])

    assert bundle.reference in str(failure.value)
    assert "secret" not in str(failure.value)
