# ThreadSanitizer. (AddressSanitizer is in the Makefile: its target is all of t/.)
#   make tsan            what has threads, programs and host; T='t/store.t t/unit/net_call.c' runs these

TSAN       := build/tsan
TSAN_FLAGS := -fsanitize=thread -fno-omit-frame-pointer
TSAN_UNITS := $(filter $(addprefix $(TSAN)/t/unit/,base_thread.t net_%.t flow_%.t db_journal.t db_host_%.t),$(UNIT_SRC:t/unit/%.c=$(TSAN)/t/unit/%.t))
TSAN_TESTS := $(TSAN_UNITS) $(addprefix t/,swarm.t hand.t failover.t liars.t interrupt.t damage.t sizes.t store.t orders.t records.t reload.t audits.t audit.t scrub.t drain.t)
# gcc 12's runtime does not know the layout of a process whose addresses are as random as newer kernels make them.
TSAN_RUN   := $(shell [ "$$(cat /proc/sys/vm/mmap_rnd_bits 2>/dev/null || echo 0)" -le 28 ] || echo setarch -R)
# Reports go to files, one a process: a worker's too, whatever becomes of its error log. They are what fails the run.
TSAN_REPORTS := $(CURDIR)/$(TSAN)/reports

tsan: export TSAN_OPTIONS = suppressions=$(CURDIR)/t/lib/tsan.supp:log_path=$(TSAN_REPORTS)/report:exitcode=66:second_deadlock_stack=1
tsan:
	@./setup tsan
	@$(MAKE) --no-print-directory BUILD=$(TSAN) OPT='-O1 -g' SAN='$(TSAN_FLAGS)' tools units
	@test -e $(TSAN)/nginx/patched || { t/lib/nginx-source $(TSAN)/nginx && t/lib/nginx-tsan $(TSAN)/nginx && touch $(TSAN)/nginx/patched; }
	@$(call configure_nginx,$(TSAN)/nginx,-O1 -g $(TSAN_FLAGS) -Wno-error,$(TSAN_FLAGS))
	@$(MAKE) --no-print-directory -s -C $(TSAN)/nginx
	@rm -rf $(TSAN_REPORTS) && mkdir -m 1777 $(TSAN_REPORTS)
	@LAYR_NGINX=$(CURDIR)/$(TSAN)/nginx/objs/nginx LAYR_MODULE=builtin $(TSAN_RUN) $(MAKE) --no-print-directory BUILD=$(TSAN) ALL_TESTS='$(TSAN_TESTS)' prove; \
	    status=$$?; cat $(TSAN_REPORTS)/* 2>/dev/null && status=1; exit $$status

# Of the programs and unit tests alone, some: for t/tsan.t.
TSAN_SHORT := $(addprefix $(TSAN)/bin/,layr-key layr-put layr-get) \
              $(addprefix $(TSAN)/t/unit/,base_thread.t net_call.t net_transport.t flow_spare.t db_journal.t db_host_commit.t)
tsan-short:
	@$(MAKE) --no-print-directory BUILD=$(TSAN) OPT='-O1 -g' SAN='$(TSAN_FLAGS)' $(TSAN_SHORT)

# Memcheck on every unit test, and on files put, listed, read and removed; T=t/unit/net_call.c runs one.
valgrind:
	@./setup test
	@$(MAKE) --no-print-directory BUILD=$(BUILD) all units
	@LAYR_VALGRIND='$(if $(T),$(patsubst t/unit/%.c,%,$(T)),all)' LAYR_BUILD=$(BUILD) prove --timer -I t/lib t/valgrind.t

.PHONY: tsan tsan-short valgrind
