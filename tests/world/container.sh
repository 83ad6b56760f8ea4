# tests/world/container.sh: in_container DIRECTORY UID COMMAND...: the command (no word with a newline) in a container, under the seccomp profile and with the capabilities that podman
# and docker give by default: crun, a pid, mount, net, uts and ipc namespace of its own, / read-only but for DIRECTORY and /tmp. The environment goes in.
# Sourced, in a mount namespace of one's own. Needs root, crun, jq and the profile (golang-github-containers-common).
profile=/usr/share/containers/seccomp.json

in_container() {
	local dir=$1 uid=$2 status
	mkdir -p "$dir/bundle/root/var" && ln -s /run "$dir/bundle/root/var/run"
	jq -n --slurpfile p $profile --argjson uid "$uid" --arg dir "$dir" --argjson args "$(printf '%s\n' "${@:3}" | jq -Rn '[inputs]')" '
		["CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "NET_BIND_SERVICE", "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"] as $caps |
		($caps | map("CAP_" + .)) as $c |
		def bound(at; how): { destination: at, source: at, type: "bind", options: (["rbind"] + how) };
		{ ociVersion: "1.0.2", root: { path: "root", readonly: true }, hostname: "inside",
		  process: { args: $args, cwd: $dir, env: (env | to_entries | map("\(.key)=\(.value)")), user: { uid: $uid, gid: $uid },
			capabilities: { bounding: $c, effective: (if $uid == 0 then $c else [] end), permitted: (if $uid == 0 then $c else [] end) } },
		  mounts: ([bound("/usr"; ["ro"]), bound("/etc"; ["ro"]), bound("/tmp"; ["rw"]), bound($dir; ["rw"]), { destination: "/proc", type: "proc", source: "proc" },
			{ destination: "/dev", type: "tmpfs", source: "tmpfs", options: ["nosuid", "mode=755", "size=65536k"] },
			{ destination: "/run", type: "tmpfs", source: "tmpfs", options: ["nosuid", "nodev", "mode=755", "size=65536k"] },
			{ destination: "/dev/shm", type: "tmpfs", source: "shm", options: ["nosuid", "nodev", "noexec", "mode=1777", "size=65536k"] }] +
			[("/bin", "/lib", "/lib64", "/sbin") | bound(.; ["ro"])]),
		  linux: { namespaces: [("pid", "mount", "network", "uts", "ipc") | { type: . }], maskedPaths: ["/proc/kcore", "/proc/keys"], readonlyPaths: ["/proc/sys"],
			seccomp: { defaultAction: $p[0].defaultAction, defaultErrnoRet: 38, architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
			  syscalls: [$p[0].syscalls[] |
				select((.includes.caps // [] | all(. as $x | $c | index($x))) and (.excludes.caps // [] | all(. as $x | $c | index($x) | not))) |
				select((.includes.arches // ["amd64"] | index("amd64")) and (.excludes.arches // [] | index("amd64") | not)) |
				{ names, action } + (if .errnoRet then { errnoRet } else {} end) + (if .args then { args } else {} end)] } } }' >"$dir/bundle/config.json" || return 99
	# Where there are old and new control groups, crun refuses: it sees new ones only.
	[ "$(stat -fc %T /sys/fs/cgroup)" = cgroup2fs ] || mount -t cgroup2 none /sys/fs/cgroup || return 99
	crun --root "$dir/bundle/state" --cgroup-manager=disabled run -b "$dir/bundle" "fdw-$$-$RANDOM"
	status=$?
	rm -rf "$dir/bundle"
	return $status
}
