#!/usr/bin/env bash
# Make the benchmark's environments in .cache/bench: one for the plot, one for each peer.
#
#   benchmarks/setup.sh [plot] [quixstreams] [mlserver] [infinity]      (default: all)
#
#   PYTHON       their interpreter, and the environment that lends its PyTorch: .venv-test/bin/python
#
# An environment whose lock has not changed is left as it is.  Where one can not be installed, the
# reason stays in .cache/bench/NAME.failed, and the table shows it.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-.venv-test/bin/python}
names=("$@")
[ $# -gt 0 ] || names=(plot quixstreams mlserver infinity)

site() { "$1" -c 'import sysconfig; print(sysconfig.get_path("purelib"))'; }

install() { # install NAME: its environment, from its lock; && because `if` switches errexit off
    local lock=benchmarks/requirements/$1.txt home=.cache/bench/$1
    "$python" -m venv --clear "$home" &&
        "$python" benchmarks/share_torch.py "$lock" "$(site "$python")" "$(site "$home/bin/python")" \
            > "$home/install.txt" &&
        "$home/bin/python" -m pip --disable-pip-version-check --no-input install --quiet \
            --no-deps --require-hashes --requirement "$home/install.txt" &&
        sha256sum "$lock" > "$home/.locked"
}

mkdir -p .cache/bench
for name in "${names[@]}"; do
    sha256sum --check --status ".cache/bench/$name/.locked" 2> /dev/null && continue
    echo "Installing what benchmarks/requirements/$name.txt lists into .cache/bench/$name"
    rm -f ".cache/bench/$name.failed"
    if ! install "$name" > ".cache/bench/$name.log" 2>&1; then
        tail -n 3 ".cache/bench/$name.log" > ".cache/bench/$name.failed"
        echo "$name can not be installed: $(tail -n 1 ".cache/bench/$name.failed")" >&2
    fi
done
