#!/usr/bin/env bash
# Make sure that the programs are there which the tests run: Java 17, Maven and with them Apache
# Kafka; Chromium; Prometheus.  As root on Debian, the last two are installed where missing.
set -euo pipefail
cd "$(dirname "$0")/.."

missing=()
for program in chromium prometheus; do
    command -v "$program" > /dev/null || missing+=("$program")
done
if [ ${#missing[@]} -gt 0 ]; then
    if [ "$(id -u)" = 0 ] && command -v apt-get > /dev/null; then
        echo "Installing ${missing[*]} (Debian packages)"
        export DEBIAN_FRONTEND=noninteractive
        apt=(apt-get -qq -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300)
        "${apt[@]}" update < /dev/null
        "${apt[@]}" install --yes --no-install-recommends "${missing[@]}" < /dev/null > /dev/null
    else
        echo "The tests need: ${missing[*]}" >&2
        echo "Debian: apt-get install ${missing[*]}" >&2
        exit 3
    fi
fi

tests/integration/kafka/fetch.sh > /dev/null
