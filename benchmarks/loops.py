"""What a user writes first, measured: one message at a time, and in batches of 32."""

from __future__ import annotations

import subprocess
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.contestants import Contestant, ContestantFailed, Program, group_name
from benchmarks.kafka_bench import BenchKafka
from benchmarks.plan import BUNDLE, ROOT, Plan
from benchmarks.throughput import saturate

PROGRAMS = ROOT / "benchmarks" / "programs"
OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}
LOOPS = {"one at a time": 1, "batches of 32": 32}


def model_folder(plan: Plan, kind: str) -> Path:
    """The folder of the `pytorch` or the `onnx` model, made where it is not there yet."""
    folder = plan.work / "models"
    if not (folder / "onnx" / "model.onnx").exists():
        script = PROGRAMS / "make_models.py"
        subprocess.run(
            [str(plan.user_python), str(script), str(BUNDLE), str(folder)],
            check=True,
            capture_output=True,
        )
    return folder / kind


def measure_loops(plan: Plan, kafka: BenchKafka) -> dict[str, Any]:
    """Both loops, saturated."""
    figures = {}
    for name, batch in LOOPS.items():
        program = Program(
            command=[
                str(plan.user_python),
                str(PROGRAMS / "pipeline_loop.py"),
                *(kafka.servers, group_name(), str(model_folder(plan, "pytorch")), str(batch)),
            ],
            environment=OFFLINE,
        )
        contestant = Contestant(name=f"pipeline {name}", measured=[program])
        figures[name] = measured_or_failed(plan, kafka, contestant)
    return figures


def measured_or_failed(plan: Plan, kafka: BenchKafka, contestant: Contestant) -> dict[str, Any]:
    """A contestant's figures, or why it has none."""
    try:
        return asdict(
            saturate(
                kafka,
                contestant,
                period=plan.durations.period,
                cores=plan.cores,
                logs=plan.logs,
            )
        )
    except (ContestantFailed, ValueError) as error:
        return {"failed": str(error)}
