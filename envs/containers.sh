#!/bin/bash
# Apptainer and Podman on a Debian machine, for the tests and for trying converters out.
# Usage: envs/containers.sh [FOLDER]         (FOLDER: a cache, by default under ~/.cache)
#
# Uses what is on PATH; what is missing is installed from Debian. Podman is Debian's own package.
# Debian has Apptainer in sid alone, built against a newer libc, so it is unpacked into FOLDER with
# a libc of its own and nothing of the system changes. sid keeps one version at a time, so what is
# pinned is not a version but who signed it: apt checks Debian's archive key.
#
# FOLDER/environment tells how to run containers with what lies here: lines KEY=VALUE, of which PATH
# goes before the PATH there is. FOLDER/mini is a small image of Debian's static bash and busybox, as
# a folder, as FOLDER/mini.sif and as Podman's localhost/omero-ingest/mini: that both programs can
# make it and run it is the proof that they work here. The second call takes no time.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
folder=${1:-${XDG_CACHE_HOME:-$HOME/.cache}/omero-ingest/containers}
stamp=$folder/ready
mine=$(sha256sum "$here/containers.sh" | cut -d' ' -f1)

fail() {
    echo "$1" >&2
    exit 1
}

mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
exec 9>"$folder/.lock"
flock 9

# --- Debian's packages -------------------------------------------------------------------------
# uidmap and slirp4netns are what Podman needs of an ordinary user; debootstrap builds the images.
missing=
need() { command -v "$1" >/dev/null || [ -x "/usr/sbin/$1" ] || missing="$missing $2"; }
need podman podman
need runc runc
need newuidmap uidmap
need slirp4netns slirp4netns
need debootstrap debootstrap
if ! command -v apptainer >/dev/null; then
    need patchelf patchelf
    need mksquashfs squashfs-tools
fi
if [ -z "$missing" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$mine" ]; then
    exit 0
fi
rm -f "$stamp"
if [ -n "$missing" ]; then
    command -v apt-get >/dev/null ||
        fail "Install by hand what is missing, this is no Debian:$missing"
    install="apt-get install --yes --no-install-recommends$missing"
    [ "$(id -u)" = 0 ] || fail "Packages are missing. As root: apt-get update && $install"
    echo "installing Debian packages:$missing" >&2
    apt-get update --quiet=2
    DEBIAN_FRONTEND=noninteractive $install >/dev/null
fi

# --- Apptainer ---------------------------------------------------------------------------------
rm -rf "$folder"/work.*
work=$(mktemp -d "$folder/work.XXXXXX")
trap 'rm -rf "$work"' EXIT

# As root apt fetches as the user _apt, who may not enter a home folder.
apt() {
    apt-get -o APT::Sandbox::User=root -o Acquire::Languages=none -o Acquire::Retries=3 \
        --quiet=2 "$@"
}

install_apptainer() {
    echo "installing Apptainer from Debian sid into $folder/apptainer ..." >&2
    mirror=$(apt-get indextargets --format '$(ORIGIN)|$(REPO_URI)' |
        awk -F'|' '$1 == "Debian" && $2 !~ /security/ { print $2; exit }')
    [ -n "$mirror" ] || fail "apt knows no Debian mirror; install Apptainer by hand"
    new=$work/new
    mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$new/libc"
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror sid main" \
        >"$work/sources.list"
    own_lists=(-o Dir::State::lists="$work/lists" -o Dir::Cache="$work/cache"
        -o Dir::Etc::sourcelist="$work/sources.list" -o Dir::Etc::sourceparts=/dev/null)
    apt "${own_lists[@]}" update
    (cd "$work" && apt "${own_lists[@]}" download apptainer libc6 libseccomp2 libsqlite3-0)
    dpkg-deb --extract "$work"/apptainer_*.deb "$new"
    for package in libc6 libseccomp2 libsqlite3-0; do
        dpkg-deb --extract "$work/${package}"_*.deb "$new/libc"
    done
    # The final place is what goes into the binaries.
    triplet=$(uname -m)-linux-gnu
    libraries=$folder/apptainer/libc/usr/lib/$triplet
    loader=$(basename "$new/libc/usr/lib/$triplet"/ld-linux-*.so.*)
    patchelf --set-interpreter "$libraries/$loader" --force-rpath --set-rpath "$libraries" \
        "$new/usr/bin/apptainer" "$new/usr/lib/$triplet/apptainer/bin/starter"
    ln -s apptainer "$new/usr/bin/singularity"
    # A binary outside of /usr looks for its configuration and session folder beside itself.
    ln -s ../etc "$new/usr/etc"
    ln -s ../../etc "$new/usr/lib/etc"
    mkdir -p "$new/usr/lib/var/lib/apptainer/mnt/session"
    rm -rf "$folder/apptainer"
    mv "$new" "$folder/apptainer"
}

path=
if ! command -v apptainer >/dev/null; then
    install_apptainer
    path=$folder/apptainer/usr/bin:
fi

# --- what containers need to know of this machine ----------------------------------------------
# Podman keeps its images here and not among the machine's own, and asks for no more than a
# machine without systemd, with either kind of cgroups or without CAP_SYS_RESOURCE gives.
if [ "$(id -u)" = 0 ]; then
    run=/run/omero-ingest-podman
else
    run=${XDG_RUNTIME_DIR:-/tmp}/omero-ingest-podman-$(id -u)
fi
# OPTION MOST: the limit of this process, or MOST when that is less; Podman, too, lowers its own so.
limit() {
    local mine
    mine=$(ulimit -H "$1")
    [ "$mine" != unlimited ] && [ "$mine" -lt "$2" ] || mine=$2
    echo "$mine:$mine"
}
configure_podman() { # STORAGE DRIVER
    cat >"$folder/containers.conf" <<END
[containers]
default_ulimits = ["nofile=$(limit -n 65536)", "nproc=$(limit -u 32768)"]
log_driver = "k8s-file"
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
static_dir = "$folder/podman-$1/libpod"
tmp_dir = "$run/libpod-$1"
END
    cat >"$folder/storage.conf" <<END
[storage]
driver = "$1"
graphroot = "$folder/podman-$1"
runroot = "$run/storage-$1"
END
}
{
    echo "PATH=$path"
    echo "CONTAINERS_CONF=$folder/containers.conf"
    echo "CONTAINERS_STORAGE_CONF=$folder/storage.conf"
    # Apptainer asks for all of root's capabilities, also those that this root does not have.
    held=$(awk '/^CapBnd/ { print $2 }' /proc/self/status)
    resource=$((0x$(printf %s "$held" | tail -c 8) >> 24 & 1))
    [ "$resource" = 1 ] || echo "APPTAINER_DROP_CAPS=CAP_SYS_RESOURCE"
} >"$folder/environment"

# --- the small image, and with it the proof that both work ------------------------------------
make_mini() {
    local root=$work/mini applet
    (cd "$work" && apt download bash-static busybox-static)
    for package in bash-static busybox-static; do
        dpkg-deb --extract "$work/${package}"_*.deb "$work/static"
    done
    mkdir -p "$root"/{bin,dev,etc,home,mnt,proc,root,run,sys,tmp,usr/bin,var/tmp}
    chmod 1777 "$root/tmp" "$root/var/tmp"
    cp "$work"/static/bin/busybox "$root/bin/busybox"
    cp "$work"/static/bin/bash-static "$root/bin/bash"
    for applet in $("$root/bin/busybox" --list); do
        [ -e "$root/bin/$applet" ] || ln -s busybox "$root/bin/$applet"
    done
    ln -s ../../bin/env ../../bin/bash "$root/usr/bin"
    echo 'root:x:0:0:root:/root:/bin/sh' >"$root/etc/passwd"
    echo 'root:x:0:' >"$root/etc/group"
    touch "$root/etc/hosts" "$root/etc/resolv.conf"
    rm -rf "$folder/mini"
    mv "$root" "$folder/mini"
}

mini=localhost/omero-ingest/mini
try_apptainer() {
    apptainer build --force "$folder/mini.sif" "$folder/mini" &&
        apptainer exec "$folder/mini" true &&
        apptainer exec "$folder/mini.sif" true
}
try_podman() {
    configure_podman "$1"
    tar --create --numeric-owner --owner=0 --group=0 --directory "$folder/mini" . |
        podman import --quiet - "$mini" && podman run --rm "$mini" true
}
last_words() { tail -n 5 "$work/log" >&2; }

[ -d "$folder/mini" ] || make_mini
while IFS='=' read -r key value; do
    [ "$key" != PATH ] || value=$value$PATH
    export "$key=$value"
done <"$folder/environment"

try_apptainer >"$work/log" 2>&1 || {
    last_words
    fail "Apptainer does not work for user $(id -un 2>/dev/null || id -u). An ordinary user needs user namespaces and /dev/fuse."
}
# The kernel refuses an overlay upon another one, as in a container.
try_podman overlay >"$work/log" 2>&1 || try_podman vfs >"$work/log" 2>&1 || {
    last_words
    fail "Podman does not work for user $(id -un 2>/dev/null || id -u). An ordinary user needs lines in /etc/subuid and /etc/subgid."
}
echo "$mine" >"$stamp"
