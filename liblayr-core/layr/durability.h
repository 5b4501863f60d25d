/*
 * How files are kept whole: when a segment is repaired, how long a silent host is waited for, how often hosts are audited.
 * docs/durability.md has the reasons.
 */
#ifndef LAYR_DURABILITY_H
#define LAYR_DURABILITY_H

#include "layr/code.h"

/* A host that does not answer counts as lost after so many seconds: fewer outages last longer than hosts are lost. */
#define LAYR_GRACE_S (7 * 86400)
/* Audits: of a few blocks of every shard so often, and of every block so often. */
#define LAYR_SAMPLE_EVERY_S 86400
#define LAYR_AUDIT_EVERY_S (30 * 86400)
/* Blocks of each shard that a sample asks for. */
#define LAYR_SAMPLE_BLOCKS 16

/*
 * A segment with fewer good shards than this is restored to n: above k by three fifths of n - k, rounded up, and by three at
 * least, as far as n allows; 0 for a scheme that is none.
 */
#define LAYR_THRESHOLD_ABOVE 3u
unsigned layr_default_threshold(layr_scheme_t s);

/*
 * Probability of losing a file within a year while a keeper restores segments with fewer than `threshold` good shards (more than
 * k, where there is room), when each host is lost for good within a year with probability p, alone, and that is noticed so many
 * seconds later: after the grace and half a period of audits.  Of a file of any age; bench/durability agrees (t/durability.t).
 */
double layr_loss_with_repair(layr_scheme_t s, unsigned threshold, double p, double noticed,
                             uint64_t segments);

#endif
