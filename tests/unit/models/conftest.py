"""A small bundle that is whole and gated; its network is never opened."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

Manifest = dict[str, Any]


@pytest.fixture
def manifest_values() -> Manifest:
    network = {
        "accuracy": 0.9,
        "macro_f1": 0.88,
        "calibration_error_before": 0.05,
        "calibration_error_after": 0.02,
    }
    return {
        "format": 1,
        "name": "tiny",
        "task": "intent",
        "description": "A bundle for tests.",
        "created_at": "2026-01-02T03:04:05Z",
        "labels": ["card_arrival", "lost_card"],
        "max_tokens": 32,
        "pair_input": False,
        "temperature": 1.25,
        "abstain_below": 0.6,
        "out_of_scope_above": -1.5,
        "encoder": {"name": "tiny", "digest": "0" * 64, "licence": "MIT"},
        "data": [
            {
                "name": "Letters",
                "use": "train",
                "file": "letters.csv",
                "sha256": "1" * 64,
                "rows": 10,
                "licence": "CC0",
                "source": "written for tests",
                "note": "Invented.",
            }
        ],
        "recipe": {"name": "tiny", "digest": "2" * 64},
        "figures": {
            "training": {
                "train_rows": 8,
                "validation_rows": 2,
                "dropped_rows": 0,
                "epoch": 1.0,
                "accuracy": 1.0,
                "macro_f1": 1.0,
                "precision": "fp32",
                "seconds": 1.0,
            },
            "tests": [
                {
                    "name": "Letters",
                    "rows": 100,
                    "fp32": network,
                    "int8": network,
                    "labels_changed": 1,
                    "coverage": 0.8,
                    "error_when_decided": 0.03,
                }
            ],
            "out_of_scope": None,
            "messages_per_second": 500.0,
            "messages_per_second_fp32": 200.0,
            "measured_on": "a test",
        },
        "gate": {
            "passed": True,
            "checks": [
                {"name": "Letters: accuracy", "bound": 0.8, "measured": 0.9, "passed": True}
            ],
        },
        "limits": ["Knows two intents."],
    }


@pytest.fixture
def bundle_directory(tmp_path: Path, manifest_values: Manifest) -> Path:
    directory = tmp_path / "tiny"
    directory.mkdir()
    files = {"model.onnx": b"a network", "tokenizer.json": b"{}", "CARD.md": b"# tiny\n"}
    for name, content in files.items():
        (directory / name).write_bytes(content)
    manifest_values["files"] = {
        name: hashlib.sha256(content).hexdigest() for name, content in files.items()
    }
    write_manifest(directory, manifest_values)
    return directory


def write_manifest(directory: Path, values: Manifest) -> None:
    (directory / "manifest.json").write_text(json.dumps(values), encoding="utf-8")
