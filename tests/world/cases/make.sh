# what: make -j4 of a generated tree with recursion and a C compiler
# time: 60
# quick: yes
mkdir -p tree/sub
for i in $(seq 12); do
	printf '#include "all.h"\nint f%d(void) { return %d; }\n' $i $((i * i)) >tree/f$i.c
	echo "int f$i(void);" >>tree/all.h
done
{ echo '#include <stdio.h>'; echo '#include "all.h"'; echo 'int main(void) { printf("%d\n", 0'
	for i in $(seq 12); do echo " + f$i()"; done; echo '); return 0; }'; } >tree/main.c
cat >tree/Makefile <<'END'
all: sum sub-done $(addsuffix .txt,$(shell seq 40))
sum: $(patsubst %.c,%.o,$(wildcard *.c))
	$(CC) -o $@ $^
%.o: %.c all.h
	$(CC) -O1 -c -o $@ $<
sub-done:
	+$(MAKE) -C sub
	touch $@
%.txt:
	echo $@ | sha256sum | cut -c1-16 >$@
END
cat >tree/sub/Makefile <<'END'
all: $(addprefix p,$(shell seq 30))
p%:
	sh -c 'sleep 0.01; echo $* | tr 0-9 a-j' >$@
END
make -C tree -j4 2>&1 | sort
echo "status ${PIPESTATUS[0]}"
tree/sum
cat tree/*.txt tree/sub/p* | sha256sum
make -C tree -j4 all; echo "status $?"
make -C tree -k -j2 nothing 2>&1; echo "status $?"
