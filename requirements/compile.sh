#!/usr/bin/env bash
# Resolve every lock from pyproject.toml, universally (markers for each platform), with hashes.
# Called by `make lock`; needs `uv` (pip install uv).  Installing needs plain pip only.
set -euo pipefail
cd "$(dirname "$0")/.."
compile() { # compile OUTPUT SOURCES EXTRA...
    local output=$1 sources=$2; shift 2
    local extras=(); for extra in "$@"; do extras+=(--extra "$extra"); done
    # shellcheck disable=SC2086  # the sources are two files at most, without spaces
    "${UV:-uv}" pip compile $sources "${extras[@]}" \
        --constraint requirements/constraints.in --universal --python-version 3.11 \
        --generate-hashes --upgrade --quiet --custom-compile-command "make lock" \
        --output-file "requirements/$output"
}
project=pyproject.toml
build=requirements/build.in
# A checkout: the build back end comes along, for the editable install.
compile runtime.txt "$project $build" cpu demo
compile runtime-gpu.txt "$project $build" gpu demo
compile train.txt "$project $build" cpu train
compile test.txt "$project $build" cpu demo train test
# An image: the back end only where the wheel is built, and no embedded broker.
compile build.txt "$build"
compile worker.txt "$project" cpu
compile worker-gpu.txt "$project" gpu
