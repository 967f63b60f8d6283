from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tidings_models.bundle import BundleError, find_bundle, load_bundle, shipped_bundles

SHIPPED = ("intents-banking77", "sentiment-finance")


def edit(directory: Path, change: Callable[[dict[str, Any]], object]) -> None:
    file = directory / "manifest.json"
    values = json.loads(file.read_text(encoding="utf-8"))
    change(values)
    file.write_text(json.dumps(values), encoding="utf-8")


def test_whole_and_gated_bundle_loads(bundle_directory: Path) -> None:
    bundle = load_bundle(bundle_directory)

    assert bundle.manifest.labels == ("card_arrival", "lost_card")
    assert bundle.model_file.read_bytes() == b"a network"


def test_reference_is_name_and_digest_of_the_manifest(bundle_directory: Path) -> None:
    digest = hashlib.sha256((bundle_directory / "manifest.json").read_bytes()).hexdigest()

    bundle = load_bundle(bundle_directory)

    assert bundle.digest == digest
    assert bundle.reference == f"tiny@{digest[:12]}"


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json", "CARD.md"])
def test_one_changed_byte_refuses_the_bundle(bundle_directory: Path, name: str) -> None:
    file = bundle_directory / name
    expected = hashlib.sha256(file.read_bytes()).hexdigest()
    file.write_bytes(file.read_bytes()[:-1] + b"\x00")
    found = hashlib.sha256(file.read_bytes()).hexdigest()

    with pytest.raises(BundleError) as refusal:
        load_bundle(bundle_directory)

    message = str(refusal.value)
    assert name in message
    assert expected in message
    assert found in message
    assert "build it again" in message


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json", "CARD.md"])
def test_missing_file_refuses_the_bundle(bundle_directory: Path, name: str) -> None:
    (bundle_directory / name).unlink()

    with pytest.raises(BundleError, match=name):
        load_bundle(bundle_directory)


def test_directory_without_manifest_is_no_bundle(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"no bundle: manifest\.json"):
        load_bundle(tmp_path)


def test_manifest_that_is_no_json_is_refused(bundle_directory: Path) -> None:
    (bundle_directory / "manifest.json").write_text("labels: none", encoding="utf-8")

    with pytest.raises(BundleError, match="is not valid"):
        load_bundle(bundle_directory)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda m: m.update(surprise=1), "surprise"),
        (lambda m: m.update(format=2), "format"),
        (lambda m: m.update(labels=["one"]), "labels"),
        (lambda m: m.update(labels=["one", "one"]), "labels"),
        (lambda m: m.update(temperature=0.0), "temperature"),
        (lambda m: m.update(abstain_below=1.5), "abstain_below"),
        (lambda m: m.pop("max_tokens"), "max_tokens"),
        (lambda m: m["files"].pop("model.onnx"), "files"),
        (lambda m: m["files"].update({"../other": "0" * 64}), "files"),
        (lambda m: m["files"].update({"model.onnx": "short"}), "files"),
    ],
)
def test_manifest_out_of_range_is_refused_by_field(
    bundle_directory: Path, change: Callable[[dict[str, Any]], object], fault: str
) -> None:
    edit(bundle_directory, change)

    with pytest.raises(BundleError, match=fault):
        load_bundle(bundle_directory)


def test_bundle_that_missed_its_gate_is_refused(bundle_directory: Path) -> None:
    check = {"name": "Letters: accuracy", "bound": 0.95, "measured": 0.9, "passed": False}
    edit(bundle_directory, lambda m: m.update(gate={"passed": False, "checks": [check]}))

    with pytest.raises(BundleError, match=r"only a gated model serves.*accuracy is 0\.9"):
        load_bundle(bundle_directory)


def test_gate_that_contradicts_its_checks_is_refused(bundle_directory: Path) -> None:
    edit(bundle_directory, lambda m: m["gate"]["checks"][0].update(passed=False))

    with pytest.raises(BundleError, match="its checks do not"):
        load_bundle(bundle_directory)


def test_gate_without_checks_is_refused(bundle_directory: Path) -> None:
    edit(bundle_directory, lambda m: m.update(gate={"passed": True, "checks": []}))

    with pytest.raises(BundleError, match="gate"):
        load_bundle(bundle_directory)


def test_path_finds_a_bundle(bundle_directory: Path) -> None:
    assert find_bundle(bundle_directory) == bundle_directory


@pytest.mark.parametrize("name", SHIPPED)
def test_name_finds_a_shipped_bundle(name: str) -> None:
    assert load_bundle(find_bundle(name)).manifest.name == name


def test_unknown_name_lists_the_shipped_bundles() -> None:
    with pytest.raises(BundleError, match="intents-banking77, sentiment-finance"):
        find_bundle("no-such-bundle")


@pytest.mark.parametrize("directory", shipped_bundles().values(), ids=shipped_bundles())
def test_shipped_bundle_is_small_and_names_no_path(directory: Path) -> None:
    files = list(directory.iterdir())

    assert sum(file.stat().st_size for file in files) < 30_000_000
    for file in files:
        content = file.read_bytes()
        for path in (b"/home/", b"/root/", b"/tmp/", b"/work/", b"site-packages", b'.py"'):
            assert path not in content, f"{file.name} contains {path.decode()}"


def test_fp16_network_is_optional(bundle_directory: Path) -> None:
    assert load_bundle(bundle_directory).fp16_file is None


def test_fp16_network_that_is_listed_is_checked(bundle_directory: Path) -> None:
    file = bundle_directory / "model.fp16.onnx"
    file.write_bytes(b"half")
    digest = hashlib.sha256(b"half").hexdigest()
    edit(bundle_directory, lambda values: values["files"].update({file.name: digest}))

    assert load_bundle(bundle_directory).fp16_file == file

    file.write_bytes(b"another")
    with pytest.raises(BundleError, match=r"model\.fp16\.onnx is not the file"):
        load_bundle(bundle_directory)
