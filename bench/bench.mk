# Benchmarks: make bench, or make bench T=get-shard; bench/run has the rest.
BENCH_LIB      := $(patsubst %.c,$(BUILD)/%.o,bench/wire.c bench/wire_h2.c)
BENCH_PROGRAMS := $(patsubst %,$(BUILD)/bench/%,load usage disk kernels stages slow boundaries lookup)

# The simulator of kad/, a folder: make kad-sim, or with options: make kad-sim ARGS='-n 10000 --dead 30'.
KAD_SIM     := $(BUILD)/bench/kad-sim
KAD_SIM_OBJ := $(patsubst %.c,$(BUILD)/%.o,bench/random.c $(sort $(wildcard bench/kad/*.c)))

# The simulator of shards, hosts and a keeper over years: make durability, or make durability ARGS='-k 10/20 --grace 3'.
DURABILITY     := $(BUILD)/bench/durability-sim
DURABILITY_OBJ := $(patsubst %.c,$(BUILD)/%.o,bench/random.c $(sort $(wildcard bench/durability/*.c)))

# Tests run them, too.
units: $(BENCH_PROGRAMS) $(KAD_SIM) $(DURABILITY)

bench:
	@./setup bench
	@$(MAKE) --no-print-directory all $(BENCH_PROGRAMS)
	@LAYR_BUILD=$(BUILD) bench/run $(T)

$(BENCH_PROGRAMS): $(BUILD)/bench/%: $(BUILD)/bench/%.o $(BENCH_LIB) $(TOOL_LIB) $(CORE)
	$(say) LD $@
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $< $(BENCH_LIB) $(TOOL_LIB) $(CORE) -lssl $(LIBS)

kad-sim:    SIM := $(KAD_SIM)
durability: SIM := $(DURABILITY)
kad-sim durability:
	@./setup
	@$(MAKE) --no-print-directory $(SIM)
	@$(SIM) $(if $(ARGS),$(ARGS),--suite)

$(KAD_SIM): $(KAD_SIM_OBJ)
$(DURABILITY): $(DURABILITY_OBJ)
$(KAD_SIM) $(DURABILITY): $(CORE)
	$(say) LD $@
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $(filter %.o,$^) $(CORE) $(LIBS)

.PHONY: bench kad-sim durability
