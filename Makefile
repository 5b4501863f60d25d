# Layr's build. `make help` lists the targets.
# make FAULTS=1: with the fault points that tests use, into build/faults.
BUILD   ?= $(if $(FAULTS),build/faults,build)
ifeq ($(origin CC),default)
CC      := gcc
endif
VERSION := 0.1.0
OPT     ?= -O2 -g
WARN    := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wvla
PREFIX  ?= /usr/local
MODULES ?= /usr/lib/nginx/modules
DEFS    := -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -DLAYR_VERSION='"$(VERSION)"' -DLAYR_MODULES_DIR='"$(MODULES)"'
ifneq ($(FAULTS),)
DEFS    += -DLAYR_FAULTS
endif
HARDEN  := -fstack-protector-strong -fPIC
CFLAGS_ALL = -std=c11 $(OPT) $(WARN) $(DEFS) $(HARDEN) -Iliblayr-core -I$(BUILD)/gen -MMD -MP $(SAN) $(CFLAGS)
LIBS    := -lsodium -lcrypto -lisal -lcurl -lcjson -lsqlite3 -lpthread -lm
LDFLAGS_ALL = $(SAN) -Wl,-z,relro,-z,now $(LDFLAGS)

# make V=1 shows the commands themselves.
ifeq ($(V),1)
Q    :=
say  := @:
else
Q    := @
say   = @printf '  %-6s %s\n'
endif

CORE_SRC := $(sort $(wildcard liblayr-core/*/*.c))
CORE_OBJ := $(CORE_SRC:%.c=$(BUILD)/%.o)
CORE     := $(BUILD)/liblayr-core.a
TOOL_SRC := $(sort $(wildcard tools/layr-*.c))
TOOLS    := $(TOOL_SRC:tools/%.c=$(BUILD)/bin/%)
# What programs share, and the parts of larger ones; an archive, so that each takes only what it uses.
TOOL_LIB := $(BUILD)/tools.a
TOOL_LIB_OBJ := $(patsubst %.c,$(BUILD)/%.o,$(filter-out $(TOOL_SRC),$(sort $(wildcard tools/*.c))))
UNIT_SRC := $(sort $(wildcard t/unit/*.c))
UNITS    := $(UNIT_SRC:t/unit/%.c=$(BUILD)/t/unit/%.t)
HELPERS  := $(patsubst t/lib/%.c,$(BUILD)/t/lib/%,$(wildcard t/lib/*.c))
MODULE   := $(BUILD)/ngx_layr_module.so

all: tools module
core: $(CORE)
tools: $(TOOLS)
units: $(UNITS) $(HELPERS)
module: $(MODULE)

$(CORE): $(CORE_OBJ)
	$(say) AR $@
	@rm -f $@
	$(Q)ar rcs $@ $^

$(TOOL_LIB): $(TOOL_LIB_OBJ)
	$(say) AR $@
	@rm -f $@
	$(Q)ar rcs $@ $^

# The recovery phrase's word list comes from Debian's python3-mnemonic at build time.
WORDS := /usr/lib/python3/dist-packages/mnemonic/wordlist/english.txt
$(BUILD)/gen/bip39_words.h: $(WORDS)
	@mkdir -p $(@D)
	@test "$$(sha256sum < $(WORDS) | cut -c1-64)" = 2f5eed53a4727b4bf8880d8f3f199efc90e58503646d9ff8eff3a2ed3b24dbda || { echo "$(WORDS): not BIP-39's English word list" >&2; exit 1; }
	$(Q)sed 's/.*/"&",/' $(WORDS) > $@
$(BUILD)/liblayr-core/crypto/phrase.o: $(BUILD)/gen/bip39_words.h

$(BUILD)/%.o: %.c
	$(say) CC $<
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_ALL) -c -o $@ $<

$(BUILD)/bin/%: $(BUILD)/tools/%.o $(TOOL_LIB) $(CORE)
	$(say) LD $@
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $< $(TOOL_LIB) $(CORE) $(LIBS)

# A unit test may look at a program's parts too.
$(BUILD)/t/unit/%.t: $(BUILD)/t/unit/%.o $(TOOL_LIB) $(CORE)
	$(say) LD $@
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $< $(TOOL_LIB) $(CORE) $(LIBS)

$(BUILD)/t/unit/net_again.t: LIBS += -lssl

# A program that tests run, not one of ours.
$(BUILD)/t/lib/%: $(BUILD)/t/lib/%.o $(TOOL_LIB) $(CORE)
	$(say) LD $@
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $< $(TOOL_LIB) $(CORE) $(LIBS)
$(HELPERS:%=%.o): CFLAGS_ALL += -Itools

# nginx's module, built against Debian's nginx-dev.
-include ngx_layr_module/module.mk

# --- tests

# make test T='t/range.t t/unit/crypto_seal.c' runs these alone.
ALL_TESTS = $(UNITS) $(sort $(wildcard t/*.t))
TESTS     = $(if $(T),$(patsubst t/unit/%.c,$(BUILD)/t/unit/%.t,$(T)),$(ALL_TESTS))
# Unit tests beside anything; of those that run whole swarms one at a time.
PROVE     = LAYR_BUILD=$(BUILD) prove -I t/lib -j 2 --rules 'seq=t/{,long/}*.t' --rules 'par=**'

test:
	@./setup test
	@$(MAKE) --no-print-directory -j "$$(nproc)" BUILD=$(BUILD) all units
	@$(PROVE) $(TESTS)

test-long:
	@./setup test
	@$(MAKE) --no-print-directory -j "$$(nproc)" BUILD=$(BUILD) all units
	@$(PROVE) --timer $(if $(T),$(T),$(sort $(wildcard t/long/*.t)))

# Everything under AddressSanitizer and UndefinedBehaviorSanitizer, and nginx with the module compiled in: all of t/ again, on these.
ASAN       := build/asan
ASAN_FLAGS := -fsanitize=address,undefined -fno-omit-frame-pointer
asan: export LSAN_OPTIONS = suppressions=$(CURDIR)/t/lib/lsan.supp:print_suppressions=0
asan: export UBSAN_OPTIONS = suppressions=$(CURDIR)/t/lib/ubsan.supp:print_stacktrace=1
asan:
	@./setup asan
	@$(MAKE) --no-print-directory BUILD=$(ASAN) OPT='-O1 -g' SAN='$(ASAN_FLAGS) -fno-sanitize-recover=undefined' tools units
	@$(MAKE) --no-print-directory asan-nginx
	@LAYR_NGINX=$(CURDIR)/$(ASAN_NGINX) LAYR_MODULE=builtin $(MAKE) --no-print-directory BUILD=$(ASAN) prove
# Each piece that nginx takes from a pool on its own, so that AddressSanitizer sees where it ends.
ASAN_NGINX := $(ASAN)/nginx/objs/nginx
ASAN_CC    := -O1 -g $(ASAN_FLAGS) -DNGX_DEBUG_PALLOC=1 -Wno-error
asan-nginx:
	@test -x $(ASAN)/nginx/configure || t/lib/nginx-source $(ASAN)/nginx
	@$(call configure_nginx,$(ASAN)/nginx,$(ASAN_CC),$(ASAN_FLAGS))
	@$(MAKE) --no-print-directory -s -C $(ASAN)/nginx
prove:
	@$(PROVE) --timer $(TESTS)
STOCK := --with-compat --with-threads --with-http_ssl_module --with-http_v2_module --with-http_realip_module
# $(call configure_nginx,FOLDER,CFLAGS,LDFLAGS): with the module compiled in. Anew when the flags or the sources' names change:
# nginx's makefile knows no source that came later.
NGINX_KEY       = $(STOCK) $(shell cksum < config) $(wildcard ngx_layr_module/*.c liblayr-core/*/*.c)
configure_nginx = cd $(1) && { test "$$(cat configured 2>/dev/null)" = '$(2) $(NGINX_KEY)' || { \
    ./configure $(STOCK) --with-debug --add-module=$(CURDIR) --with-cc-opt='$(2)' --with-ld-opt='$(3)' > configure.log && \
    echo '$(2) $(NGINX_KEY)' > configured; }; }

# --- other checks

# Whose loop macros cppcheck has to know.
MACROS    := $(wildcard /usr/include/*/sys/queue.h /usr/include/cjson/cJSON.h)
FORMATTED := $(wildcard liblayr-core/*/*.[ch] tools/*.[ch] t/unit/*.[ch] t/lib/*.[ch] bench/*.[ch] bench/*/*.[ch])
lint:
	@./setup lint
	@$(MAKE) --no-print-directory $(BUILD)/gen/bip39_words.h
	clang-format --dry-run -Werror $(FORMATTED)
	@$(MAKE) --no-print-directory CC=clang BUILD=build/clang all units
	printf '%s\n' $(CORE_SRC) $(wildcard tools/*.c bench/*.c bench/*/*.c) | xargs -P 2 -I{} clang-tidy --quiet {} -- -std=c11 $(DEFS) -Iliblayr-core -I$(BUILD)/gen 2>/dev/null
	cppcheck --quiet --error-exitcode=1 --std=c11 --enable=warning,performance,portability --inline-suppr --suppress=missingIncludeSystem $(MACROS:%=--include=%) $(DEFS) -Iliblayr-core -I$(BUILD)/gen $(sort $(dir $(CORE_SRC))) tools bench $(wildcard ngx_layr_module/*.c)

# ThreadSanitizer: make tsan.
-include t/lib/checkers.mk

# Fuzz targets: make fuzz.
-include t/fuzz/fuzz.mk
-include t/fuzz/http/http.mk

# Benchmarks: make bench.
-include bench/bench.mk

# --- for people

demo:
	@./setup
	@$(MAKE) --no-print-directory all
	@t/demo $(BUILD)/bin $(if $(FILE),'$(abspath $(FILE))')

install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/doc/layr $(DESTDIR)$(PREFIX)/share/man/man1
	install $(TOOLS) $(DESTDIR)$(PREFIX)/bin
	install -m 644 $(wildcard README.md docs/*.md docs/*.svg) $(DESTDIR)$(PREFIX)/share/doc/layr
	$(if $(wildcard docs/man/*.1),install -m 644 $(wildcard docs/man/*.1) $(DESTDIR)$(PREFIX)/share/man/man1)
	install -d $(DESTDIR)$(PREFIX)/lib/systemd/user
	for u in $(notdir $(wildcard tools/systemd/*)); do sed 's|@BINDIR@|$(PREFIX)/bin|' tools/systemd/$$u > $(DESTDIR)$(PREFIX)/lib/systemd/user/$$u && chmod 644 $(DESTDIR)$(PREFIX)/lib/systemd/user/$$u || exit 1; done
	install -d $(DESTDIR)$(PREFIX)/share/bash-completion/completions
	for p in $(notdir $(TOOLS)); do install -m 644 tools/completion.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/$$p; done
	install -d $(DESTDIR)$(MODULES) $(DESTDIR)/usr/share/nginx/modules-available $(DESTDIR)/etc/nginx/modules-enabled
	install -m 644 $(MODULE) $(DESTDIR)$(MODULES)
	echo 'load_module modules/$(notdir $(MODULE));' > $(DESTDIR)/usr/share/nginx/modules-available/mod-http-layr.conf
	ln -sf /usr/share/nginx/modules-available/mod-http-layr.conf $(DESTDIR)/etc/nginx/modules-enabled/50-mod-http-layr.conf

help:
	@echo 'make             build the programs and the nginx module, into build/'
	@echo 'make demo        see it work: hosts, upload, loss, download; FILE=path puts yours'
	@echo 'make test        all tests; T=t/range.t runs one'
	@echo 'make test-long   the tests that take long'
	@echo 'make FAULTS=1    with fault points, for the tests of crashes: into build/faults'
	@echo 'make asan        all tests under AddressSanitizer and UndefinedBehaviorSanitizer'
	@echo 'make tsan        what has threads, programs and host, under ThreadSanitizer'
	@echo 'make valgrind    unit tests, and a put, get, ls and rm, under valgrind; T=t/unit/net_call.c runs one'
	@echo 'make fuzz        the fuzz targets, each for FUZZ_SECONDS (60); T=statement runs one'
	@echo 'make bench       the benchmarks: one table, and JSON in build/bench; T=get-shard runs one; 33 minutes'
	@echo 'make kad-sim     a network of hosts simulated: lookups under churn, loss, liars; ARGS=--help lists its options'
	@echo 'make durability  years of hosts lost and a keeper at work simulated: yearly loss, traffic of repairs; ARGS=--help lists its options'
	@echo 'make fuzz-http   hostile requests over raw connections against a host under the sanitizers'
	@echo 'make lint        clang-format, clang (all of it), clang-tidy, cppcheck'
	@echo 'make install     into PREFIX (/usr/local), the module into MODULES (/usr/lib/nginx/modules); DESTDIR goes in front'
	@echo 'make clean       remove build/'
	@echo 'demo, test, test-long, asan, tsan, valgrind, fuzz, bench and lint install what they miss, on Debian 12, with ./setup.'

clean:
	rm -rf build

.PHONY: all core tools units module test test-long asan asan-nginx prove lint demo install help clean
.SECONDARY:
-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
