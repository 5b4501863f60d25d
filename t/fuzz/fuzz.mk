# The fuzz targets, t/fuzz/*.c: everything built apart, with clang, libFuzzer's coverage and the sanitizers.
#   make fuzz                    each for FUZZ_SECONDS; what they find is kept in build/fuzz
#   make fuzz T=statement        one
#   make fuzzers                 only build them
FUZZ_SECONDS ?= 60
FUZZ         := $(BUILD)/fuzz
FUZZ_CC      ?= clang
FUZZ_SAN     := -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
FUZZ_NAMES   := $(sort $(patsubst t/fuzz/%.c,%,$(wildcard t/fuzz/*.c)))
FORMATTED    += $(wildcard t/fuzz/*.[ch])

fuzzers:
	@$(MAKE) --no-print-directory BUILD=$(FUZZ) CC=$(FUZZ_CC) OPT='-O1 -g' SAN='$(FUZZ_SAN)' fuzz-targets

fuzz:
	@./setup fuzz
	@$(MAKE) --no-print-directory fuzzers
	@t/fuzz/run $(FUZZ) $(FUZZ_SECONDS) $(if $(T),$(T),$(FUZZ_NAMES))

# Of the make that `fuzzers` starts: there BUILD is the folder of this build.
fuzz-targets: $(FUZZ_NAMES:%=$(BUILD)/t/fuzz/%)

$(BUILD)/t/fuzz/%: $(BUILD)/t/fuzz/%.o $(TOOL_LIB) $(CORE)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS_ALL) -fsanitize=fuzzer -o $@ $< $(TOOL_LIB) $(CORE) $(LIBS)

# Some include a source whose parser is static.
$(BUILD)/t/fuzz/%.o: CFLAGS_ALL += -Itools

.PHONY: fuzz fuzzers fuzz-targets
