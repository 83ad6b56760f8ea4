# tests/world/enter.sh CASE: the first thing that runs in a case. Refuses a run that is not what it claims to be: preloaded
# without the library in the process would compare native with native.
if [ -n "${LD_PRELOAD:-}" ] && ! grep -qF -- "$LD_PRELOAD" /proc/self/maps; then
	echo "not preloaded: $LD_PRELOAD"
	exit 99
fi
. "$FDW_WORLD/lib.sh"
. "$FDW_WORLD/cases/$1.sh"
