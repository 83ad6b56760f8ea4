# tests/tests.mk: tests, demo and bench. Included by the Makefile. What is a test is found by its place:
#	tests/programs/*.c	small wrong and right programs, judged by tests/programs/expect.tsv
#	tests/e2e/src/*.c	programs the bats files of tests/e2e run
#	tests/e2e/src/rows/*.c	one program that makes every interposed call, run by tests/e2e/rows.sh
#	tests/e2e/src/hazards/	programs that are hard on an interposer, run by tests/e2e/hazards.bats
#	tests/unit/*.c		cmocka, linked with the analyzer and the session
#	tests/fuzz/*.c		one fuzz target each, with its corpus; run by tests/fuzz/run, and over the corpora by make check
#	tests/bench/*.c		measured by make bench
#	tests/rearm/		close-before-rearm: programs that race, run by tests/rearm/run
#	tests/mutants/		patches that break the product, each with the test that must notice; run by tests/mutants/run
#	tests/ports/		event ports: one program, linked with libport; run by tests/ports/run, alone and under the interposer
#	tests/soak/		an hour of nginx with many connections: tests/soak/run
#	tests/forklock/		the fork lock: one program a file with main, and the interposer with FDW_STEPS; run by tests/forklock/run
comma := ,
T ?=
N ?= 50

TEST_CFLAGS := -std=gnu11 -O1 -g -Wall -Wextra -Wno-unused-parameter -MMD -MP -Itests/programs
TEST_BIN := $(patsubst tests/%.c,$(O)/tests/%,$(filter-out tests/programs/lib%er.c tests/bench/ports.c,$(wildcard tests/programs/*.c tests/e2e/src/*.c tests/bench/*.c tests/demo/*.c)))
ASKED_BIN := $(addprefix $(O)/tests/programs/numbers_asked_,O0 O2 other)
TEST_LIB := $(O)/tests/programs/libopener.so $(ASKED_BIN) $(O)/tests/e2e/src/static $(O)/tests/e2e/src/rows/rows \
	$(addprefix $(O)/tests/e2e/src/hazards/,hazards others own_close own_create early $(if $(shell command -v $(CXX)),statics) libuse.so libtls.so libsecond.so libbefore.so libfirst.so libraw.so libconfined.so libclock.so)
FORKLOCK_BIN := $(addprefix $(O)/tests/forklock/,stress handoff inherit flags hazards stepped held libfdwarden.so)
REARM_BIN := $(patsubst tests/%.c,$(O)/tests/%,$(wildcard tests/rearm/*.c)) \
	$(addprefix $(O)/tests/rearm/,pool_ports other/libother.so other/pool_ports other/ports_kept)
PORTS_BIN := $(O)/tests/ports/ports $(O)/tests/bench/ports
UNIT_BIN := $(patsubst tests/unit/%.c,$(O)/tests/unit/%,$(wildcard tests/unit/*.c))

$(filter $(O)/tests/programs/% $(O)/tests/e2e/% $(O)/tests/bench/% $(O)/tests/demo/%,$(TEST_BIN)): $(O)/tests/%: tests/%.c
	$(call say,CC,$<)mkdir -p $(@D) && $(CC) $(TEST_CFLAGS) -o $@ $< -lpthread -ldl
# now: to bind a function at its first call takes kilobytes, which would hide what is measured.
$(O)/tests/programs/sigstack_depth: TEST_CFLAGS += -Wl,-z,now
$(O)/tests/e2e/src/own_suppressions: TEST_CFLAGS += -rdynamic
# What a program asks for is read from its code: the same by other ways to compile it, and by another compiler where there is one.
$(O)/tests/programs/numbers_asked_other: CC := $(if $(shell command -v clang),clang,$(CC))
$(ASKED_BIN): $(O)/tests/programs/numbers_asked_%: tests/programs/numbers_asked.c
	$(call say,CC,$@)mkdir -p $(@D) && $(CC) $(TEST_CFLAGS) $(if $(filter other,$*),-O3,-$*) -o $@ $< -lpthread
$(O)/tests/programs/lib%.so: tests/programs/lib%.c
	$(call say,CC,$<)mkdir -p $(@D) && $(CC) $(TEST_CFLAGS) -shared -fPIC -o $@ $<
$(O)/tests/e2e/src/static: tests/e2e/src/first_open.c
	$(call say,CC,$@)mkdir -p $(@D) && $(CC) $(TEST_CFLAGS) -static -o $@ $<
$(O)/tests/e2e/src/rows/rows: $(patsubst %.c,$(O)/%.o,$(wildcard tests/e2e/src/rows/*.c))
	$(call say,LD,$@)$(CC) -o $@ $^ -lpthread -ldl
$(O)/tests/e2e/src/rows/%.o: tests/e2e/src/rows/%.c
	$(call say,CC,$<)mkdir -p $(@D) && $(CC) $(TEST_CFLAGS) -D_GNU_SOURCE -I. -c -o $@ $<
HAZARD = $(call say,CC,$@)mkdir -p $(@D) && $(1) -O1 -g -Wall -Wextra -Wno-unused-parameter -o $@ $(2) $< -lpthread -ldl
$(O)/tests/e2e/src/hazards/%: tests/e2e/src/hazards/%.c
	$(call HAZARD,$(CC),-std=gnu11 -rdynamic)
$(O)/tests/e2e/src/hazards/statics: tests/e2e/src/hazards/statics.cc
	$(call HAZARD,$(CXX))
$(O)/tests/e2e/src/hazards/lib%.so: tests/e2e/src/hazards/lib%.c
	$(call HAZARD,$(CC),-std=gnu11 -shared -fPIC)
$(O)/tests/e2e/src/hazards/libfirst.so: tests/e2e/src/hazards/libsecond.c
	$(call HAZARD,$(CC),-std=gnu11 -shared -fPIC -Wl$(comma)-z$(comma)initfirst)
$(O)/tests/rearm/%: tests/rearm/%.c
	$(call say,CC,$<)mkdir -p $(@D) && $(CC) $(TEST_CFLAGS) -D_GNU_SOURCE -I. -o $@ $< -lpthread
PORTS_CC = $(call say,CC,$@)mkdir -p $(@D) && $(CC) $(TEST_CFLAGS) -I$(O)/include -o $@ $(1) -L$(O) -lport -lpthread -Wl,-rpath,'$$ORIGIN/../..'
# The same programs with libport and with event ports of another library.
OTHER_CC = $(call say,CC,$@)mkdir -p $(@D) && $(CC) $(TEST_CFLAGS) -D_GNU_SOURCE -DPORTS -I. -I$(O)/include -o $@ $(1) -L$(@D) -lother -lpthread -Wl,-rpath,'$$ORIGIN'
$(O)/tests/rearm/pool_ports: tests/rearm/pool.c $(O)/libport.so $(O)/include/port.h
	$(call PORTS_CC,-D_GNU_SOURCE -DPORTS -I. $<)
$(O)/tests/rearm/ports_kept $(O)/tests/rearm/ports_wrong: $(O)/tests/rearm/%: tests/rearm/%.c $(O)/libport.so $(O)/include/port.h
	$(call PORTS_CC,-D_GNU_SOURCE -I. $<)
$(O)/tests/rearm/other/libother.so: tests/rearm/other/libother.c $(O)/include/port.h
	$(call say,CC,$<)mkdir -p $(@D) && $(CC) $(TEST_CFLAGS) -D_GNU_SOURCE -I$(O)/include -shared -fPIC -o $@ $<
$(O)/tests/rearm/other/pool_ports: tests/rearm/pool.c $(O)/tests/rearm/other/libother.so
	$(call OTHER_CC,$<)
$(O)/tests/rearm/other/ports_kept: tests/rearm/ports_kept.c $(O)/tests/rearm/other/libother.so
	$(call OTHER_CC,$<)
$(O)/tests/ports/ports: $(wildcard tests/ports/*.c) tests/ports/suite.h $(O)/libport.so $(O)/include/port.h
	$(call PORTS_CC,$(filter %.c,$^))
$(O)/tests/bench/ports: tests/bench/ports.c $(O)/libport.so $(O)/include/port.h
	$(call PORTS_CC,$<)
FORKLOCK_CC = $(call say,CC,$<)mkdir -p $(@D) && $(CC) $(TEST_CFLAGS) -D_GNU_SOURCE -I.
$(O)/tests/forklock/%.o: tests/forklock/%.c
	$(FORKLOCK_CC) -c -o $@ $<
$(O)/tests/forklock/sites.o: tests/forklock/sites.S
	$(FORKLOCK_CC) -c -o $@ $<
# now: to bind a function at its first call takes kilobytes, which a small signal stack has not.
$(addprefix $(O)/tests/forklock/,stress handoff inherit flags hazards stepped): %: %.o $(addprefix $(O)/tests/forklock/,calls.o ways.o tools.o)
	$(call say,LD,$@)$(CC) -Wl,-z,now -o $@ $^ -lpthread
$(O)/tests/forklock/handoff: $(O)/tests/forklock/sites.o
$(O)/tests/forklock/hazards: $(patsubst %.c,$(O)/%.o,$(wildcard tests/forklock/hazards_*.c))
$(O)/tests/forklock/held: tests/forklock/held.c
	$(FORKLOCK_CC) -static -o $@ $<
# The interposer again, with a place to lose time at each step of the fork lock.
STEPS_OBJ := $(patsubst $(O)/preload/%,$(O)/tests/forklock/preload/%,$(PRELOAD_OBJ)) $(O)/tests/forklock/preload/step.o
$(O)/tests/forklock/preload/print.c.o: ANY_STACK =
$(O)/tests/forklock/preload/%.o: preload/% $(O)/gen/calls.h
	$(call say,CC,$@)mkdir -p $(@D) && $(CC) $(COMMON) $(CFLAGS) $(PRELOAD_FLAGS) -DFDW_STEPS -c -o $@ $<
$(O)/tests/forklock/preload/step.o: tests/forklock/step.c $(O)/gen/calls.h
	$(call say,CC,$<)mkdir -p $(@D) && $(CC) $(COMMON) $(CFLAGS) $(PRELOAD_FLAGS) -DFDW_STEPS -c -o $@ $<
$(O)/tests/forklock/libfdwarden.so: $(STEPS_OBJ) $(O)/gen/aliases.ld preload/versions.map preload/layout.ld
	$(call say,LD,$@)$(call PRELOAD_LINK,$(STEPS_OBJ))
$(O)/tests/unit/%: tests/unit/%.c $(filter-out $(O)/analyzer/main.o,$(ANALYZER_OBJ)) $(TRACE_SESSION_OBJ)
	$(call say,CC,$<)mkdir -p $(@D) && $(CC) $(COMMON) $(CFLAGS) $(SANFLAGS) -o $@ $< $(filter %.o,$^) -lcmocka $(ANALYZER_LIBS)

# Fuzz targets, as programs that run the files they are given, and (make fuzz) with libFuzzer and sanitizers.
FUZZ := $(filter-out main,$(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/*.c)))
FUZZ_BIN := $(FUZZ:%=$(O)/tests/fuzz/%)
FUZZ_CC ?= clang
FUZZ_SAN := address,undefined -fno-sanitize-recover=undefined
$(FUZZ_BIN): $(O)/tests/fuzz/%: tests/fuzz/%.c tests/fuzz/main.c $(filter-out $(O)/analyzer/main.o,$(ANALYZER_OBJ)) $(TRACE_SESSION_OBJ)
	$(call say,CC,$<)mkdir -p $(@D) && $(CC) $(COMMON) $(CFLAGS) -o $@ $(filter %.c %.o,$^) -lcmocka $(ANALYZER_LIBS)
FUZZ_OBJ := $(patsubst $(O)/analyzer/%,$(O)/fuzz/analyzer/%,$(filter-out $(O)/analyzer/main.o $(O)/analyzer/charts.o,$(ANALYZER_OBJ)))
$(FUZZ_OBJ): $(O)/fuzz/%.o: %.c
	$(call say,CC,$@)mkdir -p $(@D) && $(FUZZ_CC) $(COMMON) -Wno-format-zero-length -O1 -g -fsanitize=fuzzer-no-link,$(FUZZ_SAN) $(shell pkg-config --cflags babeltrace2 jansson smartcols 2>/dev/null) -c -o $@ $<
$(FUZZ:%=$(O)/fuzz/%): $(O)/fuzz/%: tests/fuzz/%.c $(FUZZ_OBJ) $(TRACE_SESSION_OBJ) $(O)/analyzer/charts.o
	$(call say,LD,$@)$(FUZZ_CC) $(COMMON) -O1 -g -fsanitize=fuzzer,$(FUZZ_SAN) -o $@ $(filter %.c %.o,$^) -lcmocka $(ANALYZER_LIBS)

# Makes recordings larger, with the reader's own knowledge of them.
GROW := $(O)/tests/bench/analyzer/grow
$(GROW): tests/bench/analyzer/grow.c $(patsubst %.c,$(O)/%.o,$(wildcard analyzer/reader_*.c) analyzer/heap.c)
	$(call say,CC,$<)mkdir -p $(@D) && $(CC) $(COMMON) $(CFLAGS) -o $@ $(filter %.c %.o,$^) $(ANALYZER_LIBS)

.PHONY: fuzz bench-analyzer tests check-programs check-mutants forklock-table soak
tests: $(FUZZ_BIN) $(TEST_BIN) $(TEST_LIB) $(UNIT_BIN) $(FORKLOCK_BIN) $(REARM_BIN) $(PORTS_BIN)

deps: ## install what is missing to build and test (Debian)
	@tests/deps.sh build demo check check-world
# The packages come first, or the build fails; so the goals that promise to need nothing else build in a second make.
demo: ## record nginx under load and audit a program with planted bugs, under a minute
	@tests/deps.sh build demo
	@$(MAKE) --no-print-directory all $(O)/tests/demo/planted
	@tests/demo/demo.sh $(O)
check: ## unit and end-to-end tests, programs, a quick world: TAP
	@tests/deps.sh build check
	@$(MAKE) --no-print-directory all tests
	@FDW_BUILD=$(O) tests/check.sh
check-programs: all tests
	@FDW_BUILD=$(O) tests/programs/run $(T)
check-world: ## suites nobody here wrote, natively and in every mode, side by side, with a table at the end (T=CASE for one)
	@tests/deps.sh build check-world
	@$(MAKE) --no-print-directory all
	@tests/world/run --modes=enforce,observe,record,audit --lib=$(O)/libfdwarden.so $(T)
	@$(if $(T),,FDW_BUILD=$(O) tests/e2e/package.sh --root)
check-loop: all tests ## repeat one test until it fails: T=program, bats file or world case, N=50 times
	@FDW_BUILD=$(O) tests/check-loop.sh "$(T)" "$(N)"
check-mutants: all tests ## each invariant broken on purpose: its test must go red (T=MUTANT or I7 for one, N=times each)
	@FDW_BUILD=$(O) tests/mutants/run --times=$(if $(filter command line,$(origin N)),$(N),1) $(T)
forklock-table: ## the fork lock: each creating call with each way to start a child, 10,000 hand-offs a mode: minutes
	@$(MAKE) --no-print-directory all $(FORKLOCK_BIN)
	@FDW_BUILD=$(O) tests/forklock/run table handoff-all delays-all
soak: ## nginx with 10,000 connections in a flight recorder, for an hour (T=SECONDS for less)
	@tests/deps.sh build check
	@$(MAKE) --no-print-directory all
	@FDW_BUILD=$(O) tests/soak/run $(T)
bench: ## overheads, side by side with native, in one run
	@tests/deps.sh build check bench
	@$(MAKE) --no-print-directory all tests
	@FDW_BUILD=$(O) tests/bench/bench.sh
	@FDW_BUILD=$(O) tests/bench/table.sh
fuzz: ## each fuzz target with libFuzzer under ASan and UBSan: T=one of them, N=seconds for each (50)
	@tests/deps.sh build fuzz
	@$(MAKE) --no-print-directory all $(FUZZ:%=$(O)/fuzz/%)
	@tests/fuzz/run $(O) $(N) $(if $(T),$(T),$(FUZZ))
bench-analyzer: ## the report against babeltrace2, on recordings of nginx, redis and make -j, and those grown to 20 million events: minutes
	@tests/deps.sh build bench-analyzer
	@$(MAKE) --no-print-directory all $(GROW)
	@tests/bench/analyzer/run $(O)

-include $(wildcard $(O)/tests/forklock/preload/*.d $(O)/tests/*/*.d $(O)/tests/rearm/other/*.d $(O)/tests/e2e/src/*.d $(O)/tests/e2e/src/*/*.d)
