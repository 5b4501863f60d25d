# fuzz-http: requests by the thousand against a real host; t/fuzz/http/*.c.
#   make fuzz-http               FUZZ_HTTP connections, 100,000 requests, against nginx and the module under the sanitizers
HTTP_SRC  := $(sort $(wildcard t/fuzz/http/*.c))
HTTP_OBJ  := $(patsubst %.c,$(BUILD)/%.o,$(filter-out %/hold.c,$(HTTP_SRC)))
HOLD_OBJ  := $(addprefix $(BUILD)/t/fuzz/http/,hold.o wire.o gen.o frame.o req.o signed.o)
FUZZ_HTTP ?= 32000
FORMATTED += $(wildcard t/fuzz/http/*.[ch])

$(BUILD)/bin/fuzz-http: $(HTTP_OBJ) $(CORE)
	$(say) LD $@
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $(HTTP_OBJ) $(CORE) $(LIBS) -lssl -lnghttp2

$(BUILD)/bin/http-hold: $(HOLD_OBJ) $(CORE)
	$(say) LD $@
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $(HOLD_OBJ) $(CORE) $(LIBS) -lssl -lnghttp2

http-tools: $(BUILD)/bin/fuzz-http $(BUILD)/bin/http-hold

fuzz-http: export LSAN_OPTIONS = suppressions=$(CURDIR)/t/lib/lsan.supp:print_suppressions=0
fuzz-http: export UBSAN_OPTIONS = suppressions=$(CURDIR)/t/lib/ubsan.supp:print_stacktrace=1
fuzz-http:
	@./setup asan
	@$(MAKE) --no-print-directory BUILD=$(BUILD) all http-tools
	@$(MAKE) --no-print-directory asan-nginx
	@LAYR_NGINX=$(CURDIR)/$(ASAN_NGINX) LAYR_MODULE=builtin FUZZ_HTTP=$(FUZZ_HTTP) LAYR_BUILD=$(BUILD) prove -v -I t/lib t/fuzz-http.t

.PHONY: fuzz-http http-tools
