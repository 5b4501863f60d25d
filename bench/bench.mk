# Benchmarks: make bench, or make bench T=get-shard; bench/run has the rest.
BENCH_LIB      := $(patsubst %.c,$(BUILD)/%.o,bench/wire.c bench/wire_h2.c)
BENCH_PROGRAMS := $(patsubst %,$(BUILD)/bench/%,load usage disk kernels stages slow boundaries lookup)

# The simulator of kad/, a folder: make kad-sim, or with options: make kad-sim ARGS='-n 10000 --dead 30'.
KAD_SIM     := $(BUILD)/bench/kad-sim
KAD_SIM_OBJ := $(patsubst %.c,$(BUILD)/%.o,$(sort $(wildcard bench/kad/*.c)))

# Tests run them, too.
units: $(BENCH_PROGRAMS) $(KAD_SIM)

bench:
	@./setup bench
	@$(MAKE) --no-print-directory all $(BENCH_PROGRAMS)
	@LAYR_BUILD=$(BUILD) bench/run $(T)

$(BENCH_PROGRAMS): $(BUILD)/bench/%: $(BUILD)/bench/%.o $(BENCH_LIB) $(TOOL_LIB) $(CORE)
	$(say) LD $@
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $< $(BENCH_LIB) $(TOOL_LIB) $(CORE) -lssl $(LIBS)

kad-sim:
	@./setup
	@$(MAKE) --no-print-directory $(KAD_SIM)
	@$(KAD_SIM) $(if $(ARGS),$(ARGS),--suite)

$(KAD_SIM): $(KAD_SIM_OBJ) $(CORE)
	$(say) LD $@
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $(KAD_SIM_OBJ) $(CORE) $(LIBS)

.PHONY: bench kad-sim
