#!/bin/bash
# Build a converter's image without a registry, from Debian's packages and PyPI. Needs root.
# Usage: containers/build.sh CONVERTER apptainer FILE.sif
#        containers/build.sh CONVERTER podman NAME
#
# CONVERTER is a folder beside this file. Debian comes from $MIRROR, by default the mirror that apt
# uses on this machine; a dated one (snapshot.debian.org) gives the same packages again.
set -euo pipefail

[ $# = 3 ] || {
    sed -n '3,4s/^# //p' "$0" >&2
    exit 2
}
converter=$1
runtime=$2
image=$3
repository=$(cd "$(dirname "$0")/.." && pwd)
[ "$runtime" != apptainer ] || image=$(realpath "$image")
cd "$repository" # the definitions name their files from here

if [ -z "${MIRROR:-}" ]; then
    MIRROR=$(apt-get indextargets --format '$(ORIGIN)|$(REPO_URI)' 2>/dev/null |
        awk -F'|' '$1 == "Debian" && $2 !~ /security/ { print $2; exit }') || true
    MIRROR=${MIRROR:-http://deb.debian.org/debian}
fi
# What this machine trusts, a site's own proxy say, is trusted during the build (install.sh).
certificates=/etc/ssl/certs
bind=()

case $runtime in
apptainer)
    [ ! -e "$certificates" ] || bind=(--bind "$certificates:/mnt:ro")
    apptainer build --force "${bind[@]}" --build-arg "MIRROR=$MIRROR" \
        "$image" "containers/$converter/$converter.def"
    ;;
podman)
    base=localhost/omero-ingest/bookworm
    if ! podman image exists "$base"; then
        root=$(mktemp -d)
        trap 'rm -rf "$root"' EXIT
        debootstrap --variant=minbase bookworm "$root/debian" "$MIRROR"
        rm -rf "$root"/debian/var/cache/apt/archives/*.deb "$root"/debian/var/lib/apt/lists/*
        tar --create --numeric-owner --one-file-system --directory "$root/debian" . |
            podman import --quiet - "$base"
    fi
    [ ! -e "$certificates" ] || bind=(--volume "$certificates:/mnt:ro")
    podman build --network host "${bind[@]}" --build-arg "BASE=$base" --tag "$image" \
        --file "containers/$converter/Containerfile" .
    ;;
*)
    echo "no such runtime: $runtime; apptainer and podman are known" >&2
    exit 2
    ;;
esac
