#!/bin/bash
# tests/e2e/package.sh [--root]: the Debian packages: built from what is committed, without an error of lintian's; with --root also installed in a fresh
# root made by mmdebstrap (a minute and 180 MB below /tmp), where they do the main job and are purged. TAP. FDW_BUILD: the build directory.
set -u -o pipefail
cd "$(dirname "$0")/../.." || exit 2
tmp=$(mktemp -d /tmp/fdw-package-XXXXXX) || exit 2
trap 'rm -rf "$tmp"' EXIT
number=0 failed=0

result() { # STATUS TEXT [FILE]
	number=$((number + 1))
	if [ "$1" = 0 ]; then echo "ok $number - $2"; return; fi
	failed=$((failed + 1))
	echo "not ok $number - $2"
	[ -z "${3:-}" ] || tail -25 "$3" | sed 's/^/#   /'
}

if ! command -v dpkg-buildpackage dh >/dev/null; then
	echo "ok 1 - package # SKIP no debhelper here"; echo "1..1"; exit 0
fi
if ! git rev-parse HEAD >/dev/null 2>&1; then
	echo "ok 1 - package # SKIP not a git checkout"; echo "1..1"; exit 0
fi
make -s deb O="$tmp/build" >"$tmp/log" 2>&1
result $? "packages are built" "$tmp/log"
cd "$tmp/build/deb" 2>/dev/null || { echo "1..$number"; exit 1; }
ls ./*.deb >"$tmp/debs" 2>&1
[ "$(grep -vc dbgsym "$tmp/debs")" = 4 ]
result $? "there are four, and their debugging symbols" "$tmp/debs"
if command -v lintian >/dev/null; then
	lintian --allow-root ./*.changes >"$tmp/lintian" 2>&1
	! grep -E '^E:' "$tmp/lintian" >"$tmp/errors"
	result $? "lintian finds no error" "$tmp/errors"
fi

# The root has its own mounts, in a namespace that ends with them: the host's /dev and /run are not written to.
in_root() {
	unshare --mount --pid --fork bash -c '
		mount --make-rprivate /
		mount -t proc proc "$1/proc"
		mount -t tmpfs tmpfs "$1/run"
		mount -t tmpfs tmpfs "$1/dev"
		for d in null zero full random urandom tty; do : >"$1/dev/$d"; mount --bind "/dev/$d" "$1/dev/$d"; done
		mkdir "$1/dev/shm"
		root=$1; shift
		exec chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive bash -c "$@"' - "$tmp/root" "$@"
}

if [ "${1:-}" = --root ]; then
	if [ "$(id -u)" != 0 ] || ! command -v mmdebstrap >/dev/null || ! timeout 500 mmdebstrap --quiet --variant=minbase bookworm "$tmp/root" >"$tmp/log" 2>&1; then
		result 0 "a fresh root # SKIP none to be had: $(tail -1 "$tmp/log")"
	else
		(cd "$tmp/root" && find . -xdev \( -path ./var -o -path ./proc -o -path ./run -o -path ./dev -o -path ./tmp -o -path ./etc \) -prune -o -print | sort) >"$tmp/before"
		mkdir "$tmp/root/debs" && cp $(grep -v dbgsym "$tmp/debs") "$tmp/root/debs"
		in_root 'apt-get -qq update && apt-get -qq -y --no-install-recommends install /debs/*.deb' >"$tmp/log" 2>&1
		result $? "a fresh root: they are installed, with what they need" "$tmp/log"
		in_root 'cd /tmp && fdwarden doctor && fdwarden record -o t -- ls / && fdwarden report t && fdwarden audit -- ls /' >"$tmp/log" 2>&1
		result $? "a fresh root: doctor, record, report and audit do their job" "$tmp/log"
		in_root 'LD_PRELOAD=/usr/lib/x86_64-linux-gnu/fdwarden/libfdwarden.so FDWARDEN_OPTIONS=help /bin/true 2>&1 | grep -q FDWARDEN_MODE' >"$tmp/log" 2>&1
		result $? "a fresh root: the library alone" "$tmp/log"
		in_root 'rm -rf /tmp/t; apt-get -qq -y purge fdwarden libfdwarden libport1 libport-dev && apt-get -qq -y --purge autoremove' >"$tmp/log" 2>&1
		result $? "a fresh root: they are purged" "$tmp/log"
		rm -rf "$tmp/root/debs"
		(cd "$tmp/root" && find . -xdev \( -path ./var -o -path ./proc -o -path ./run -o -path ./dev -o -path ./tmp -o -path ./etc \) -prune -o -print | sort) >"$tmp/after"
		comm -13 "$tmp/before" "$tmp/after" | grep -E 'fdwarden|libport|port_' >"$tmp/left"
		[ ! -s "$tmp/left" ]
		result $? "a fresh root: nothing of theirs is left" "$tmp/left"
	fi
fi
echo "1..$number"
[ "$failed" -eq 0 ]
