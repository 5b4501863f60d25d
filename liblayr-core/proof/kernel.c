/* Which kernels there are, and which this processor runs. */
#include "proof/kernel.h"

static const layr_kernel_ops_t *compiled(layr_kernel_t k)
{
    switch (k) {
    case LAYR_KERNEL_PORTABLE:
        return &layr_kernel_portable_ops;
#if defined(__x86_64__)
    case LAYR_KERNEL_PCLMUL:
        return &layr_kernel_pclmul_ops;
    case LAYR_KERNEL_VPCLMUL:
        return &layr_kernel_vpclmul_ops;
#endif
    default:
        return NULL;
    }
}

const layr_kernel_ops_t *layr_kernel_ops(layr_kernel_t k)
{
    static const layr_kernel_t fastest_first[] = {LAYR_KERNEL_VPCLMUL, LAYR_KERNEL_PCLMUL,
                                                  LAYR_KERNEL_PORTABLE};
    const layr_kernel_ops_t *ops = NULL;

    if (k != LAYR_KERNEL_AUTO) {
        ops = compiled(k);
        return ops && ops->usable() ? ops : NULL;
    }
    for (size_t i = 0; i < sizeof(fastest_first) / sizeof(fastest_first[0]); i++) {
        ops = layr_kernel_ops(fastest_first[i]);
        if (ops)
            break;
    }
    return ops;
}

int layr_kernel_usable(layr_kernel_t k)
{
    return layr_kernel_ops(k) != NULL;
}

const char *layr_kernel_name(layr_kernel_t k)
{
    static const char *const names[] = {"auto", "portable", "pclmul", "vpclmul"};

    return (unsigned)k < sizeof(names) / sizeof(names[0]) ? names[k] : "unknown";
}
