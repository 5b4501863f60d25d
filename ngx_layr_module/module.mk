# The module for Debian's nginx, built against nginx-dev. All of the server's own configure flags are needed:
# one left out makes the module 'not binary compatible'.
NGINX_SRC   ?= /usr/share/nginx/src
MODULE      := $(BUILD)/ngx_layr_module.so
MODULE_DIR  := $(BUILD)/nginx
MODULE_DEPS := config $(wildcard ngx_layr_module/*.[ch]) $(wildcard liblayr-core/*/*.h) \
               $(wildcard liblayr-core/base/*.c liblayr-core/crypto/*.c liblayr-core/db/host*.c liblayr-core/db/fault_vfs.c \
               liblayr-core/flow/dht*.c liblayr-core/kad/*.c liblayr-core/net/*.c liblayr-core/proof/*.c)

module: $(MODULE)

# Objects keep nothing of a source that changed: nginx's makefile knows the headers of `config`.
$(MODULE): $(MODULE_DIR)/objs/Makefile $(MODULE_DEPS)
	$(say) NGINX $@
	$(Q)$(MAKE) $(if $(Q),-s) --no-print-directory -C $(MODULE_DIR) -f objs/Makefile modules
	$(Q)cp $(MODULE_DIR)/objs/ngx_http_layr_module.so $@.new
	$(Q)mv $@.new $@   # never into a file that a running nginx has mapped

$(MODULE_DIR)/objs/Makefile: config ngx_layr_module/module.mk $(NGINX_SRC)/conf_flags
	@rm -rf $(MODULE_DIR)
	@mkdir -p $(MODULE_DIR)
	$(Q)cp -R $(NGINX_SRC)/. $(MODULE_DIR)
	$(Q)root=$$PWD && cd $(MODULE_DIR) && bash -c '. ./conf_flags && \
	    ./configure "$${NGX_CONF_FLAGS[@]}" --builddir=objs --add-dynamic-module='"$$root"' \
	    --with-cc-opt="$(MODULE_CC_OPT)" --with-ld-opt="$(MODULE_LD_OPT)" > configure.log' \
	    || { tail -20 configure.log; exit 1; }

MODULE_CC_OPT ?= $(shell nginx -V 2>&1 | sed -n "s/.*--with-cc-opt='\([^']*\)'.*/\1/p" | sed 's/-ffile-prefix-map=[^ ]*//')
ifneq ($(FAULTS),)
MODULE_CC_OPT += -DLAYR_FAULTS
endif
MODULE_LD_OPT ?= $(shell nginx -V 2>&1 | sed -n "s/.*--with-ld-opt='\([^']*\)'.*/\1/p")

.PHONY: module
