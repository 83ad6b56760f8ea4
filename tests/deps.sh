#!/bin/bash
# tests/deps.sh GROUP...: installs what is missing of Debian's packages for the groups named (build, demo, check, check-world, bench, bench-analyzer, fuzz).
# Context: called by make before build and tests. Says what it installs; does nothing, and asks nobody, when all is there.
# May not: start, stop or configure services. Exit 1 with the command to run when it may not install.
set -u -o pipefail

build="gcc libc6-dev make pkg-config liblttng-ust-dev lttng-tools liblttng-ctl-dev libbabeltrace2-dev libunwind-dev libunwind8
	libjansson-dev libdw-dev libelf-dev libdebuginfod-dev libsmartcols-dev uthash-dev libiberty-dev"
demo="nginx-light wrk jq"
check="crun golang-github-containers-common g++ patch gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user-static libcmocka-dev bats mksh ksh93u+m babeltrace2 nginx-light apache2-utils wrk curl git jq strace gdb python3 libpython3.11-testsuite
	binutils util-linux procps chromium python3-jsonschema mandoc zsh fish debhelper lintian dpkg-dev"
servers="haproxy memcached nodejs redis-server redis-tools postgresql postgresql-contrib"
check_world="$servers openssh-client stress-ng perl tar gzip binutils coreutils sqlite3
	curl rsync vim tmux openssh-sftp-server bsdutils valgrind golang-go gccgo-12 default-jdk-headless mmdebstrap gcc clang libclang-rt-14-dev gdb
	fakeroot faketime libjemalloc2 libtcmalloc-minimal4 libmimalloc2.0 cpio dpkg-dev"
bench="$servers nginx-light wrk python3 valgrind strace procps"
bench_analyzer="babeltrace2 nginx-light wrk redis-server redis-tools jq time util-linux"
fuzz="clang libclang-rt-14-dev libcmocka-dev"

wanted() {
	local group
	for group in "$@"; do
		case $group in
		build) echo $build ;;
		demo) echo $build $demo ;;
		check) echo $build $check ;;
		fuzz) echo $build $fuzz ;;
		bench) echo $build $bench ;;
		bench-analyzer) echo $build $bench_analyzer ;;
		check-world) echo $build $check $check_world ;;
		*) echo "deps: unknown group '$group'; use build, demo, check, check-world, bench, bench-analyzer or fuzz" >&2; return 2 ;;
		esac
	done
}

# A package counts as there when it is installed, or when an installed one provides it.
missing() {
	local have package
	have=$(dpkg-query -W -f '${db:Status-Abbrev}\t${Package}\t${Provides}\n' 2>/dev/null | awk -F'\t' '$1 ~ /^ii/ {
		print $2; n = split($3, p, /, */); for (i = 1; i <= n; i++) { sub(/ .*/, "", p[i]); print p[i] } }')
	for package in "$@"; do
		grep -qxF -- "$package" <<<"$have" || echo "$package"
	done
}

if ! command -v dpkg-query >/dev/null; then
	echo "deps: this is not a Debian system; install the counterparts of these packages by hand: $(wanted "${@:-build}" | xargs)" >&2
	exit 0
fi
list=$(wanted "${@:-build}") || exit 2
todo=$(missing $(tr ' ' '\n' <<<"$list" | sort -u))
[ -z "$todo" ] && exit 0
todo=$(echo $todo)
echo "deps: installing $todo"
sudo=
if [ "$(id -u)" -ne 0 ]; then
	if ! command -v sudo >/dev/null; then
		echo "deps: not root and no sudo here; run as root:  apt-get install $todo" >&2
		exit 1
	fi
	sudo=sudo
fi
install() {
	$sudo env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install $todo >/dev/null
}
# The package lists are fetched only when the present ones do not lead to the packages.
if ! install 2>/dev/null; then
	$sudo apt-get -qq update && install || { echo "deps: apt-get could not install: $todo" >&2; exit 1; }
fi
