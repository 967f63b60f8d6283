#!/usr/bin/env bash
# Resolve the locks of the benchmark's environments from their .in files, with hashes.
# Needs `uv` (pip install uv).  PyTorch has the version that the tests have, so that it can be shared.
set -euo pipefail
cd "$(dirname "$0")/../.."

torch=$(mktemp)
trap 'rm -f "$torch"' EXIT
grep -oE '^(torch|triton|nvidia-[a-z0-9-]+|cuda-[a-z]+)==[^ ;]+' requirements/test.txt > "$torch"
names=("$@")
[ $# -gt 0 ] || names=(plot quixstreams mlserver infinity)
for each in "${names[@]}"; do
    "${UV:-uv}" pip compile "benchmarks/requirements/$each.in" --constraint "$torch" \
        --python-version 3.11 --generate-hashes --no-annotate --no-header --upgrade --quiet \
        --output-file "benchmarks/requirements/$each.txt"
done
