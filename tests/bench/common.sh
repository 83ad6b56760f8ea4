# tests/bench/common.sh: what bench.sh and table.sh share. Sourced.

# middle FILE: median, smallest, largest of one number a line.
middle() { sort -g "$1" | awk '{ v[NR] = $1 } END { if (NR) printf "%s %s %s", v[int((NR + 1) / 2)], v[1], v[NR] }'; }

# Before a command: the milliseconds that it took by its own clock, so that the start and the end of a recording are not in it.
took=(perl -MTime::HiRes=time -e 'my $t = time; system(@ARGV) == 0 or exit 1; printf "%.1f\n", (time - $t) * 1000')
