# Layr's build. `make help` lists the targets.
BUILD   ?= build
CC      ?= gcc
VERSION := 0.1.0
OPT     ?= -O2 -g
WARN    := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wvla
DEFS    := -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -DLAYR_VERSION='"$(VERSION)"'
HARDEN  := -fstack-protector-strong -fPIC
CFLAGS_ALL = -std=c11 $(OPT) $(WARN) $(DEFS) $(HARDEN) -Iliblayr-core -I$(BUILD)/gen -MMD -MP $(SAN) $(CFLAGS)
LIBS    := -lsodium -lcrypto -lisal -lcurl -lcjson -lsqlite3 -lpthread
LDFLAGS_ALL = $(SAN) -Wl,-z,relro,-z,now $(LDFLAGS)

CORE_SRC := $(sort $(wildcard liblayr-core/*/*.c))
CORE_OBJ := $(CORE_SRC:%.c=$(BUILD)/%.o)
CORE     := $(BUILD)/liblayr-core.a
TOOL_SRC := $(sort $(wildcard tools/layr-*.c))
TOOLS    := $(TOOL_SRC:tools/%.c=$(BUILD)/bin/%)
TOOL_COMMON_OBJ := $(patsubst %.c,$(BUILD)/%.o,$(filter-out $(TOOL_SRC),$(wildcard tools/*.c)))
UNIT_SRC := $(sort $(wildcard t/unit/*.c))
UNITS    := $(UNIT_SRC:t/unit/%.c=$(BUILD)/t/unit/%.t)

all: tools module
core: $(CORE)
tools: $(TOOLS)
units: $(UNITS)

$(CORE): $(CORE_OBJ)
	@rm -f $@
	ar rcs $@ $^

# The recovery phrase's word list comes from Debian's python3-mnemonic at build time.
WORDS := /usr/lib/python3/dist-packages/mnemonic/wordlist/english.txt
$(BUILD)/gen/bip39_words.h: $(WORDS)
	@mkdir -p $(@D)
	@test "$$(sha256sum < $(WORDS) | cut -c1-64)" = 2f5eed53a4727b4bf8880d8f3f199efc90e58503646d9ff8eff3a2ed3b24dbda || { echo "$(WORDS): not BIP-39's English word list" >&2; exit 1; }
	sed 's/.*/"&",/' $(WORDS) > $@
$(BUILD)/liblayr-core/crypto/phrase.o: $(BUILD)/gen/bip39_words.h

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) -c -o $@ $<

$(BUILD)/bin/%: $(BUILD)/tools/%.o $(TOOL_COMMON_OBJ) $(CORE)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS_ALL) -o $@ $(filter %.o,$^) $(CORE) $(LIBS)

$(BUILD)/t/unit/%.t: $(BUILD)/t/unit/%.o $(CORE)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS_ALL) -o $@ $< $(CORE) $(LIBS)

clean:
	rm -rf build

.PHONY: all core tools units clean
.SECONDARY:
-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
