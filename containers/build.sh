#!/bin/bash
# Build a converter's image without a registry, from Debian's packages and PyPI. Needs root.
# Usage: containers/build.sh FOLDER apptainer FILE.sif
#        containers/build.sh FOLDER podman NAME
#
# FOLDER holds the converter's definitions, containers/ometiff for one. Debian comes from $MIRROR, by
# default the mirror that apt uses on this machine; a dated one gives the same packages again.
set -euo pipefail

[ $# = 3 ] || {
    sed -n '3,4s/^# *//p' "$0" >&2
    exit 2
}
repository=$(cd "$(dirname "$0")/.." && pwd)
folder=$(realpath --relative-to "$repository" "$1")
runtime=$2
image=$3
[ "$runtime" != apptainer ] || image=$(realpath "$image")
cd "$repository" # the definitions name their files from here

if [ -z "${MIRROR:-}" ]; then
    MIRROR=$(apt-get indextargets --format '$(ORIGIN)|$(REPO_URI)' 2>/dev/null |
        awk -F'|' '$1 == "Debian" && $2 !~ /security/ { print $2; exit }') || true
    [ -n "$MIRROR" ] || {
        echo "apt knows no mirror of Debian here: set MIRROR to the address of one." >&2
        exit 1
    }
fi
# What this machine trusts, a site's own proxy say, is trusted during the build (install.sh).
certificates=/etc/ssl/certs
bind=()

case $runtime in
apptainer)
    [ ! -e "$certificates" ] || bind=(--bind "$certificates:/mnt:ro")
    apptainer build --force "${bind[@]}" --build-arg "MIRROR=$MIRROR" \
        "$image" "$folder/$(basename "$folder").def"
    ;;
podman)
    # BASE=localhost/omero-ingest/<release of Debian>
    base=$(sed -n 's/^ARG BASE=//p' "$folder/Containerfile")
    if ! podman image exists "$base"; then
        root=$(mktemp -d)
        trap 'rm -rf "$root"' EXIT
        debootstrap --variant=minbase "$(basename "$base")" "$root/debian" "$MIRROR"
        rm -rf "$root"/debian/var/cache/apt/archives/*.deb "$root"/debian/var/lib/apt/lists/*
        tar --create --numeric-owner --one-file-system --directory "$root/debian" . |
            podman import --quiet - "$base"
    fi
    [ ! -e "$certificates" ] || bind=(--volume "$certificates:/mnt:ro")
    podman build --network host "${bind[@]}" --tag "$image" \
        --file "$folder/Containerfile" .
    ;;
*)
    echo "no such runtime: $runtime; apptainer and podman are known" >&2
    exit 2
    ;;
esac
