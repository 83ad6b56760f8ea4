# what: gcc and binutils: 80 objects, an archive, its members out again, linked, stripped; what opens without closing: awk, perl, Python, sort's runs
# time: 90
exec 2>&1
mkdir d; many 300 'i % 9' d/f
for i in $(seq 80); do echo "int f$i(void) { return $i; }" >f$i.c; done; echo 'int f1(void); int main(void) { return f1() - 1; }' >m.c
gcc -c f*.c; echo "gcc $?"; ar rcs lib.a f*.o; ar t lib.a | wc -l; ar d lib.a f7.o; ar r lib.a f7.o f8.o; ranlib lib.a; rm f*.o; ar x lib.a; ls f*.o | wc -l
gcc m.c lib.a -o m && ./m; echo "status $?"; gcc -r -nostdlib f?.o -o all.o; nm lib.a | grep -c ' T '; strip -o m2 m; objcopy --only-keep-debug m m3; size lib.a | wc -l; readelf -h m3 | grep -c ELF
awk 'BEGIN { for (i = 1; i <= 300; i++) { getline line <("d/f" i); n += line } print n }'
perl -e 'for (1 .. 300) { open my $f, "<", "d/f$_"; push @kept, $f } print scalar(@kept), "\n"'
/usr/bin/python3 -c 'kept = [open("d/f%d" % i, "rb") for i in range(1, 301)]; print(len(kept))' 2>/dev/null
seq 200000 | shuf --random-source=lib.a | sort -n --parallel=2 -S 300k | md5sum
gcc -c nothing.c 2>/dev/null; echo "status $?"; ar t nothing.a 2>/dev/null; echo "status $?"
