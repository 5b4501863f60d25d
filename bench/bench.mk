# Benchmarks: make bench, or make bench T=get-shard; bench/run has the rest.
BENCH_LIB      := $(patsubst %.c,$(BUILD)/%.o,bench/wire.c bench/wire_h2.c)
BENCH_PROGRAMS := $(patsubst %,$(BUILD)/bench/%,load usage disk kernels stages slow boundaries)

# Tests run them, too.
units: $(BENCH_PROGRAMS)

bench:
	@./setup bench
	@$(MAKE) --no-print-directory all $(BENCH_PROGRAMS)
	@LAYR_BUILD=$(BUILD) bench/run $(T)

$(BENCH_PROGRAMS): $(BUILD)/bench/%: $(BUILD)/bench/%.o $(BENCH_LIB) $(TOOL_LIB) $(CORE)
	$(say) LD $@
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $< $(BENCH_LIB) $(TOOL_LIB) $(CORE) -lssl $(LIBS)

.PHONY: bench
