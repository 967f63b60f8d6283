"""The peers from PyPI, each in an environment of its own, as their documentation sets them up."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.contestants import Contestant, Program, answers, group_name
from benchmarks.kafka_bench import BenchKafka
from benchmarks.loops import OFFLINE, PROGRAMS, measured_or_failed, model_folder
from benchmarks.plan import BUNDLE, Plan

from harness.processes import LOOPBACK, free_port

# What a peer must not see: our packages on the path.
ALONE = {**OFFLINE, "PYTHONPATH": "", "ORT_DISABLE_TELEMETRY": "1"}


def measure_peer(plan: Plan, kafka: BenchKafka, name: str) -> dict[str, Any]:
    """A peer's figures, or why it has none."""
    failed = plan.work / f"{name}.failed"
    if failed.exists():
        return {"failed": f"can not be installed: {failed.read_text(encoding='utf-8')}"}
    if not (plan.work / name / ".locked").exists():
        return {"failed": f"not installed: benchmarks/setup.sh {name}"}
    return measured_or_failed(plan, kafka, CONTESTANTS[name](plan, kafka))


def quixstreams(plan: Plan, kafka: BenchKafka) -> Contestant:
    """Quix Streams, the session called message by message."""
    return Contestant(
        name="quixstreams",
        measured=[
            Program(
                command=[
                    str(plan.work / "quixstreams" / "bin" / "python"),
                    *(str(PROGRAMS / "quix_loop.py"), kafka.servers, group_name(), str(BUNDLE)),
                ],
                environment=ALONE,
                folder=_folder(plan, "quixstreams"),
            )
        ],
    )


def mlserver(plan: Plan, kafka: BenchKafka) -> Contestant:
    """MLServer's Hugging Face runtime on Optimum's ONNX Runtime, without its pool of processes."""
    ports = free_port(), free_port(), free_port()
    folder = _folder(plan, "mlserver")
    (folder / "intents").mkdir(exist_ok=True)
    server = {
        "host": LOOPBACK,
        **dict(zip(("http_port", "grpc_port", "metrics_port"), ports, strict=True)),
        "parallel_workers": 0,
        "debug": False,
        "gzip_enabled": False,
    }
    extra = {
        "task": "text-classification",
        "pretrained_model": str(model_folder(plan, "onnx")),
        "optimum_model": True,
        "framework": "pt",
    }
    model = {
        "name": "intents",
        "implementation": "mlserver_huggingface.HuggingFaceRuntime",
        "parameters": {"extra": extra},
    }
    (folder / "settings.json").write_text(json.dumps(server), encoding="utf-8")
    (folder / "intents" / "model-settings.json").write_text(json.dumps(model), encoding="utf-8")
    address = f"http://{LOOPBACK}:{ports[0]}/v2/models/intents"
    command = _one_thread(plan, "mlserver", "mlserver", "start", str(folder))
    return Contestant(
        name="mlserver",
        measured=[
            Program(
                command=command,
                environment=ALONE,
                folder=folder,
                is_ready=answers(f"{address}/ready"),
            )
        ],
        feeder=_feeder(plan, kafka, "v2", f"{address}/infer", rows=32, concurrency=4),
    )


def infinity(plan: Plan, kafka: BenchKafka) -> Contestant:
    """Infinity's classify endpoint on its engine for ONNX."""
    port = free_port()
    address = f"http://{LOOPBACK}:{port}"
    # A relative name: with an absolute one it does not find the network in the folder.
    command = _one_thread(
        plan,
        *("infinity", "infinity_emb", "v2", "--model-id", ".", "--served-model-name", "intents"),
        *("--engine", "optimum", "--device", "cpu", "--batch-size", "32"),
        *("--onnx-disable-optimize", "--no-bettertransformer", "--no-model-warmup"),
        *("--host", LOOPBACK, "--port", str(port), "--log-level", "warning"),
    )
    return Contestant(
        name="infinity",
        measured=[
            Program(
                command=command,
                environment={**ALONE, "DO_NOT_TRACK": "1", "INFINITY_ANONYMOUS_USAGE_STATS": "0"},
                folder=model_folder(plan, "onnx"),
                is_ready=answers(f"{address}/health"),
            )
        ],
        feeder=_feeder(plan, kafka, "infinity", f"{address}/classify", rows=128, concurrency=4),
    )


CONTESTANTS: dict[str, Callable[[Plan, BenchKafka], Contestant]] = {
    "quixstreams": quixstreams,
    "mlserver": mlserver,
    "infinity": infinity,
}


def _folder(plan: Plan, peer: str) -> Path:
    """A folder in which a peer runs and may leave what it keeps."""
    folder = plan.work / "running" / peer
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _one_thread(plan: Plan, peer: str, script: str, *arguments: str) -> list[str]:
    folder: Path = plan.work / peer / "bin"
    launcher = str(PROGRAMS / "one_thread.py")
    return [str(folder / "python"), launcher, str(folder / script), *arguments]


def _feeder(
    plan: Plan, kafka: BenchKafka, protocol: str, url: str, *, rows: int, concurrency: int
) -> Program:
    return Program(
        command=[
            str(plan.user_python),
            str(PROGRAMS / "feeder.py"),
            *(kafka.servers, group_name(), protocol, url, str(rows), str(concurrency)),
        ]
    )
