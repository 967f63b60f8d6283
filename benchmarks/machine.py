"""The machine and the versions, as a run's results name them."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path
from typing import Any

FLAGS = ("avx2", "avx512f", "avx512_vnni", "avx_vnni", "avx512_bf16", "amx_int8")
DISTRIBUTIONS = (
    "onnxruntime",
    "tokenizers",
    "numpy",
    "faust-streaming",
    "mode-streaming",
    "aiokafka",
    "uvloop",
    "msgspec",
    "kafka-python",
    "torch",
    "transformers",
    "quixstreams",
    "confluent-kafka",
    "mlserver",
    "mlserver-huggingface",
    "optimum",
    "infinity-emb",
)


def describe_machine() -> dict[str, Any]:
    """The processor, its flags that int8 products use, the cores and the memory."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    fields = dict(line.split(":", 1) for line in reversed(lines) if ":" in line)
    named = {name.strip(): value.strip() for name, value in fields.items()}
    flags = set(named.get("flags", "").split())
    memory = Path("/proc/meminfo").read_text(encoding="ascii").split()[1]
    return {
        "processor": named.get("model name", platform.machine()),
        "flags": [flag for flag in FLAGS if flag in flags],
        "cores": os.cpu_count(),
        "memory_gb": round(int(memory) * 1024 / 1e9, 1),
        "kernel": platform.release(),
    }


def versions(python: Path) -> dict[str, str]:
    """What an environment has of the distributions that matter, and its Python; empty if none."""
    if not python.exists():
        return {}
    script = (
        "import importlib.metadata as m, platform, sys\n"
        "print('Python', platform.python_version())\n"
        "for name in sys.argv[1:]:\n"
        "    try: print(name, m.version(name))\n"
        "    except m.PackageNotFoundError: pass\n"
    )
    done = subprocess.run(
        [str(python), "-c", script, *DISTRIBUTIONS], check=True, capture_output=True, text=True
    )
    return dict(line.split(" ", 1) for line in done.stdout.splitlines())
