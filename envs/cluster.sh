#!/bin/bash
# What the tests need to start a Slurm cluster of their own: Debian's packages, nothing more.
# Usage: envs/cluster.sh
#
# Nothing of the system is configured and no service is started: the packages would start theirs when
# they are installed, so that is forbidden while this runs. MariaDB comes as the programs alone
# (-core), which have no service. The second call takes no time.
set -euo pipefail

fail() {
    echo "$1" >&2
    exit 1
}

missing=
need() { command -v "$1" >/dev/null || [ -x "/usr/sbin/$1" ] || missing="$missing $2"; }
need munged munge
need slurmctld slurmctld
need slurmd slurmd
need sbatch slurm-client
need slurmdbd slurmdbd
need mariadbd mariadb-server-core
need mariadb-install-db mariadb-server-core
need mariadb mariadb-client-core
[ -n "$missing" ] || exit 0

missing=$(printf '%s\n' $missing | sort -u | tr '\n' ' ')
command -v apt-get >/dev/null || fail "Install by hand what is missing, this is no Debian: $missing"
install="apt-get install --yes --no-install-recommends $missing"
[ "$(id -u)" = 0 ] || fail "Packages are missing. As root: apt-get update && $install"
echo "installing Debian packages: $missing" >&2

policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
fi
apt-get update --quiet=2
DEBIAN_FRONTEND=noninteractive $install >/dev/null
