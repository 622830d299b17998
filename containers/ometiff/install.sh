#!/bin/sh
# Turns a Debian 12 into the converter. Run within the image, by both definitions, as root.
# Usage: install.sh FOLDER        (FOLDER: what the definitions copy, as in the repository)
set -eu

from=$1
home=/opt/ometiff
export DEBIAN_FRONTEND=noninteractive PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1

apt-get update --quiet=2
apt-get install --yes --quiet=2 --no-install-recommends ca-certificates python3-venv >/dev/null

# Those of the machine that builds, when it lends them.
PIP_CERT=/mnt/ca-certificates.crt
[ -e "$PIP_CERT" ] || PIP_CERT=/etc/ssl/certs/ca-certificates.crt
export PIP_CERT

python3 -m venv "$home/venv"
"$home/venv/bin/pip" install --quiet --no-deps --require-hashes \
    --requirement "$from/containers/ometiff/requirements.lock" \
    --requirement "$from/envs/bioformats.lock"
"$home/venv/bin/pip" uninstall --quiet --yes pip setuptools

cp -r "$from/imageformats" "$from/containers/ometiff/ometiff" "$home/"
echo "$home" >"$("$home/venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/ometiff.pth"
find "$home" -name __pycache__ -path "$home/imageformats*" -prune -exec rm -rf {} +
"$home/venv/bin/python" -m compileall -q "$home/imageformats" "$home/ometiff"

# -I: neither variables nor packages of the user who runs it come in. Java takes the encoding of
# file names from the locale, and the image has no other than this one.
cat >/usr/local/bin/ometiff <<END
#!/bin/sh
export LC_ALL=C.UTF-8
exec $home/venv/bin/python -I -m ometiff "\$@"
END
chmod 755 /usr/local/bin/ometiff
chmod -R a+rX "$home"

dpkg-query --show >"$home/packages.txt"
apt-get clean
rm -rf /var/lib/apt/lists/* /var/cache/debconf/*-old /var/log/apt /var/log/dpkg.log "$from"
ometiff --version
