#!/usr/bin/env bash
# Resolve the locks of the benchmark's environments from their .in files, with hashes.
# Needs `uv` (pip install uv).  PyTorch has the version that the tests have, so that it can be
# shared, except where a .in file asks for another.
#
#   benchmarks/requirements/compile.sh [NAME...]      (default: all)
set -euo pipefail
cd "$(dirname "$0")/../.."

shared=$(mktemp)
trap 'rm -f "$shared"' EXIT
names=("$@")
[ $# -gt 0 ] || names=(plot quixstreams mlserver infinity)
for name in "${names[@]}"; do
    source=benchmarks/requirements/$name.in
    : > "$shared"
    grep -q '^torch' "$source" ||
        grep -oE '^(torch|triton|nvidia-[a-z0-9-]+|cuda-[a-z]+)==[^ ;]+' requirements/test.txt > "$shared"
    "${UV:-uv}" pip compile "$source" --constraint "$shared" --python-version 3.11 \
        --generate-hashes --no-annotate --no-header --upgrade --quiet \
        --output-file "benchmarks/requirements/$name.txt"
done
