#!/usr/bin/env bash
# Copy Apache Kafka's jars, which pom.xml names, into .cache/kafka/<version>.  Needs Java 17 and Maven.
# Prints the folder.  Does nothing where it is there already.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
version=$(sed -n '/<artifactId>kafka_2.13</,/<version>/s/.*<version>\(.*\)<.*/\1/p' "$here/pom.xml")
jars=$root/.cache/kafka/$version

if [ ! -d "$jars" ]; then
    for command in java mvn; do
        if ! command -v "$command" > /dev/null; then
            echo "The tests run a real Apache Kafka, which needs Java 17 and Maven; '$command' is missing." >&2
            echo "Debian and Ubuntu: apt-get install openjdk-17-jre-headless maven" >&2
            echo "macOS: brew install openjdk@17 maven" >&2
            exit 3
        fi
    done
    mkdir -p "$root/.cache/kafka"
    fetched=$(mktemp -d "$root/.cache/kafka/.fetching.XXXXXX")
    trap 'rm -rf "$fetched"' EXIT
    mvn -B -q -f "$here/pom.xml" dependency:copy-dependencies \
        -DincludeScope=runtime -DoutputDirectory="$fetched/jars" < /dev/null >&2
    mv -T "$fetched/jars" "$jars" 2> /dev/null || [ -d "$jars" ] # another run was faster
fi
echo "$jars"
