# fdwarden: make help

PREFIX  ?= /usr/local
DESTDIR ?=
O       ?= build
CC      ?= gcc
CFLAGS  ?= -O2 -g
V       ?= 0
VERSION := 0.1.0
# Objects that are preloaded fit programs of their own class only: they lie below the directory of their architecture, where it has one.
MULTIARCH ?= $(shell $(CC) -print-multiarch 2>/dev/null)

WARN   := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wno-unused-parameter
COMMON := -std=gnu11 $(WARN) -I$(O)/gen -I. -DFDW_VERSION='"$(VERSION)"' -DFDW_MULTIARCH='"$(MULTIARCH)"' -MMD -MP
Q      := $(if $(filter 1,$(V)),,@)
say     = $(if $(filter 1,$(V)),,@printf '  %-7s %s\n' $(1) $(2);)

.PHONY: all deps demo check check-world check-loop bench install uninstall deb clean help
all: $(O)/libfdwarden.so $(O)/libfdwarden-ust.so $(O)/fdwarden $(O)/gen/fdwarden-calls.7 $(O)/libport.so $(O)/include/port.h ## build everything under build/

# ---- preload: runs inside somebody else's process; only libc in NEEDED -------------------------------------------------
# Exported is what FDW_EXPORT marks, unversioned, so that it satisfies references to every version; versions.map holds the exceptions.
# No nonnull attributes: NULL from the program must reach libc, so checks for it must stay; -fno-delete-null-pointer-checks keeps only some.
# initfirst: our constructor runs before the program's libraries call us. now: no lazy binding in handlers or vfork children.
# norelro, layout.ld: each mapping costs in every fork; libc's functions are reached through pointers of ours, which are writable anyhow.
# Wrappers are called through pointers: landing pads where the processor checks them.
# Programs, hand-written assembly and coroutines above all, call libc with a stack of any alignment, which it bears: no code of ours that does not.
MACHINE := $(shell $(CC) -dumpmachine)
ANY_STACK = $(if $(filter x86_64%,$(MACHINE)),-mgeneral-regs-only)
BRANCH_PROTECTION := $(if $(filter aarch64%,$(MACHINE)),-mbranch-protection=standard,-fcf-protection=branch)
PRELOAD_SRC := $(wildcard preload/*.c preload/*.S)
PRELOAD_OBJ := $(patsubst preload/%,$(O)/preload/%.o,$(PRELOAD_SRC))
PRELOAD_FLAGS = -fPIC -fvisibility=hidden -ftls-model=initial-exec -fno-exceptions -fasynchronous-unwind-tables \
	-fno-omit-frame-pointer -fno-stack-protector -U_FORTIFY_SOURCE -fno-builtin -D_GNU_SOURCE -fno-delete-null-pointer-checks '-D__attribute_nonnull__(params)=' \
	-Wno-missing-prototypes $(BRANCH_PROTECTION) $(ANY_STACK)
$(O)/gen/calls.h: preload/calls.def preload/calls.awk
	$(call say,GEN,$@)mkdir -p $(@D) && awk -f preload/calls.awk -v want=header preload/calls.def > $@
$(O)/gen/aliases.ld: preload/calls.def preload/calls.awk
	$(call say,GEN,$@)mkdir -p $(@D) && awk -f preload/calls.awk -v want=ld preload/calls.def > $@
$(O)/gen/fdwarden-calls.7: preload/calls.def preload/calls.awk tests/libc-exceptions.txt
	$(call say,GEN,$@)mkdir -p $(@D) && awk -f preload/calls.awk -v want=page -v exceptions=tests/libc-exceptions.txt preload/calls.def > $@
$(O)/preload/print.c.o: ANY_STACK =
$(O)/preload/%.c.o: preload/%.c $(O)/gen/calls.h
	$(call say,CC,$<)mkdir -p $(@D) && $(CC) $(COMMON) $(CFLAGS) $(PRELOAD_FLAGS) -c -o $@ $<
$(O)/preload/%.S.o: preload/%.S
	$(call say,AS,$<)mkdir -p $(@D) && $(CC) $(COMMON) $(CFLAGS) $(PRELOAD_FLAGS) -c -o $@ $<
PRELOAD_LINK = $(CC) -shared -o $@ $(1) $(O)/gen/aliases.ld -Wl,-z,initfirst -Wl,-z,now -Wl,-z,norelro -Wl,-z,nodelete -Wl,-z,noexecstack -Wl,-z,noseparate-code \
	-Wl,-T,preload/layout.ld -Wl,-Bsymbolic-functions -Wl,--version-script=preload/versions.map -Wl,-soname,libfdwarden.so
$(O)/libfdwarden.so: $(PRELOAD_OBJ) $(O)/gen/aliases.ld preload/versions.map preload/layout.ld
	$(call say,LD,$@)$(call PRELOAD_LINK,$(PRELOAD_OBJ))

# ---- trace: the provider (loaded into the program while recording) and the session (part of the command) ------------------
TRACE_PROVIDER_SRC := $(wildcard trace/provider*.c)
TRACE_SESSION_SRC  := $(filter-out $(TRACE_PROVIDER_SRC),$(wildcard trace/*.c))
TRACE_PROVIDER_OBJ := $(patsubst %.c,$(O)/%.o,$(TRACE_PROVIDER_SRC))
TRACE_SESSION_OBJ  := $(patsubst %.c,$(O)/%.o,$(TRACE_SESSION_SRC))
$(TRACE_PROVIDER_OBJ): $(O)/trace/%.o: trace/%.c $(O)/gen/calls.h
	$(call say,CC,$<)mkdir -p $(@D) && $(CC) $(COMMON) $(CFLAGS) -fPIC -fvisibility=hidden -Itrace -c -o $@ $<
$(O)/libfdwarden-ust.so: $(TRACE_PROVIDER_OBJ)
	$(call say,LD,$@)$(CC) -shared -o $@ $^ -Wl,-z,now -Wl,-z,nodelete -Wl,-soname,libfdwarden-ust.so -llttng-ust -ldl

# ---- analyzer: the command ---------------------------------------------------------------------------------------------------
ANALYZER_SRC := $(wildcard analyzer/*.c)
ANALYZER_OBJ := $(patsubst %.c,$(O)/%.o,$(ANALYZER_SRC)) $(O)/analyzer/charts.o
ANALYZER_LIBS = -llttng-ctl $(shell pkg-config --libs babeltrace2 jansson libdw smartcols 2>/dev/null) -lelf -liberty
$(TRACE_SESSION_OBJ) $(filter-out $(O)/analyzer/charts.o,$(ANALYZER_OBJ)): $(O)/%.o: %.c
	$(call say,CC,$<)mkdir -p $(@D) && $(CC) $(COMMON) $(CFLAGS) $(SANFLAGS) $(shell pkg-config --cflags babeltrace2 jansson smartcols 2>/dev/null) -c -o $@ $<
# The charts of HTML reports come from npm. Without it the reports have still pictures only.
$(O)/gen/charts.js: $(addprefix analyzer/charts/,bundle.sh charts.js package.json package-lock.json)
	$(call say,NPM,$@)mkdir -p $(@D) $(O)/charts && cp $^ $(O)/charts && cd $(O)/charts && ./bundle.sh ../gen/charts.js
$(O)/analyzer/charts.o: analyzer/charts.S $(O)/gen/charts.js
	$(call say,AS,$<)mkdir -p $(@D) && $(CC) $(COMMON) $(CFLAGS) -Wa,-I$(O)/gen -c -o $@ $<
$(O)/fdwarden: $(ANALYZER_OBJ) $(TRACE_SESSION_OBJ)
	$(call say,LD,$@)$(CC) $(SANFLAGS) -o $@ $^ $(ANALYZER_LIBS)

# ---- port: event ports, a library of its own ---------------------------------------------------------------------------------------
# Unversioned symbols, so that an interposer's take their place. exceptions: cancellation unwinds through it. now: no lazy binding in handlers.
PORT_OBJ := $(patsubst %.c,$(O)/%.o,$(wildcard port/*.c))
$(PORT_OBJ): $(O)/port/%.o: port/%.c
	$(call say,CC,$<)mkdir -p $(@D) && $(CC) $(COMMON) $(CFLAGS) -D_GNU_SOURCE -fPIC -fvisibility=hidden -fexceptions $(BRANCH_PROTECTION) -c -o $@ $<
$(O)/libport.so.1: $(PORT_OBJ)
	$(call say,LD,$@)$(CC) -shared -o $@ $^ -Wl,-z,now -Wl,-z,relro -Wl,-z,nodelete -Wl,-z,noexecstack -Wl,-soname,libport.so.1 -lpthread -ldl
$(O)/libport.so: $(O)/libport.so.1
	$(call say,LN,$@)ln -sf libport.so.1 $@
$(O)/include/port.h: port/port.h
	$(call say,CP,$@)mkdir -p $(@D) && cp $< $@

include tests/tests.mk

# ---- install -----------------------------------------------------------------------------------------------------------------------------
LIBDIR    ?= $(PREFIX)/lib$(addprefix /,$(MULTIARCH))
I         := $(DESTDIR)$(PREFIX)
IL        := $(DESTDIR)$(LIBDIR)
MAN       := $(wildcard docs/man/*.[1-8]) port/port_create.3 $(O)/gen/fdwarden-calls.7
man_place  = $(foreach page,$(1),share/man/man$(subst .,,$(suffix $(page)))/$(notdir $(page)))
# Pages that are another page under a name of their own.
ALIASES   := fdwarden-detach.1:fdwarden-attach.1 $(addsuffix .3:port_create.3,port_associate port_dissociate port_get port_getn port_send port_sendn port_alert)
alias      = $(firstword $(subst :, ,$(1)))
COMPLETIONS := bash-completion/completions/fdwarden zsh/site-functions/_fdwarden fish/vendor_completions.d/fdwarden.fish
install: all ## install under DESTDIR and PREFIX
	install -d $(I)/bin $(I)/include $(I)/share/fdwarden $(IL)/fdwarden $(IL)/pkgconfig $(addprefix $(I)/share/man/man,1 3 5 7) $(addprefix $(I)/share/,$(dir $(COMPLETIONS)))
	install -m 755 $(O)/fdwarden $(I)/bin/fdwarden
	install -m 644 $(O)/libfdwarden.so $(O)/libfdwarden-ust.so $(IL)/fdwarden/
	install -m 644 analyzer/report.schema.json $(I)/share/fdwarden/
	install -m 644 $(O)/include/port.h $(I)/include/port.h
	install -m 644 $(O)/libport.so.1 $(IL)/libport.so.1
	ln -sf libport.so.1 $(IL)/libport.so
	printf '%s\n' 'prefix=$(PREFIX)' 'libdir=$(LIBDIR)' 'includedir=$${prefix}/include' '' 'Name: libport' 'Description: event ports (port_create) over epoll' \
		'Version: $(VERSION)' 'Libs: -L$${libdir} -lport' 'Cflags: -I$${includedir}' >$(IL)/pkgconfig/libport.pc
	for page in $(MAN); do install -m 644 $$page $(I)/share/man/man$${page##*.}/; done
	for a in $(ALIASES); do echo ".so man$${a##*.}/$${a#*:}" >$(I)/share/man/man$${a##*.}/$${a%:*}; done
	install -m 644 analyzer/completions/fdwarden.bash $(I)/share/bash-completion/completions/fdwarden
	install -m 644 analyzer/completions/_fdwarden $(I)/share/zsh/site-functions/_fdwarden
	install -m 644 analyzer/completions/fdwarden.fish $(I)/share/fish/vendor_completions.d/fdwarden.fish
uninstall: ## remove what install put there
	rm -f $(addprefix $(I)/,bin/fdwarden include/port.h share/fdwarden/report.schema.json $(addprefix share/,$(COMPLETIONS)) \
		$(call man_place,$(MAN) $(foreach a,$(ALIASES),$(call alias,$(a)))))
	rm -f $(addprefix $(IL)/,fdwarden/libfdwarden.so fdwarden/libfdwarden-ust.so libport.so libport.so.1 pkgconfig/libport.pc)
	-rmdir $(IL)/fdwarden $(I)/share/fdwarden
# A copy of what is committed is packaged, so that the tree stays clean. As the version has no original archive of its own, one is made.
deb: ## Debian packages, into build/deb (debhelper)
	rm -rf $(O)/deb && mkdir -p $(O)/deb/fdwarden-$(VERSION)
	git archive HEAD | tar -x -C $(O)/deb/fdwarden-$(VERSION)
	tar -C $(O)/deb --exclude=debian -czf $(O)/deb/fdwarden_$(VERSION).orig.tar.gz fdwarden-$(VERSION)
	cd $(O)/deb/fdwarden-$(VERSION) && env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS -u O dpkg-buildpackage -us -uc -b
clean: ## remove build/
	rm -rf $(O)
help: ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

-include $(wildcard $(O)/preload/*.d $(O)/trace/*.d $(O)/analyzer/*.d $(O)/port/*.d)
