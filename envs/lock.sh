#!/bin/sh
# Write the lock files anew from the .in files: versions and hashes, no addresses. Needs pip-tools.
set -eu
cd "$(dirname "$0")"
compile() {
    pip-compile --quiet --generate-hashes --strip-extras --allow-unsafe --no-header \
        --no-build-isolation --no-emit-index-url --no-emit-trusted-host --no-emit-find-links \
        "$1" --output-file "$2"
    # zeroc-ice comes as a wheel of its own making, whose hash no lock can know.
    sed -i '/^zeroc-ice==/,/^    # via/d' "$2"
}
compile build.in build.lock
compile requirements.in requirements.lock
compile dev.in dev.lock
compile ../containers/ometiff/requirements.in ../containers/ometiff/requirements.lock
