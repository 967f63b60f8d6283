#!/usr/bin/env bash
# Resolve every lock from pyproject.toml, universally (markers for each platform), with hashes.
# Called by `make lock`; needs `uv` (pip install uv).  Installing needs plain pip only.
set -euo pipefail
cd "$(dirname "$0")/.."
compile() { # compile OUTPUT EXTRA...
    local output=$1; shift
    local extras=(); for extra in "$@"; do extras+=(--extra "$extra"); done
    "${UV:-uv}" pip compile pyproject.toml requirements/build.in "${extras[@]}" \
        --constraint requirements/constraints.in --universal --python-version 3.11 \
        --generate-hashes --upgrade --quiet --custom-compile-command "make lock" \
        --output-file "requirements/$output"
}
compile runtime.txt cpu demo
compile runtime-gpu.txt gpu demo
compile train.txt cpu train
compile test.txt cpu demo train test
