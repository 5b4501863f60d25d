#!/usr/bin/perl
# The simulated network at full size: every scenario with 10,000 nodes, those 10,000 joining one by one, and 100,000. About 15 minutes of
# one core, 5 GiB of memory.
use strict;
use warnings;
use lib 't/lib';
use Layr::Test;
use Test::More;

my $sim = build('bench/kad-sim');

sub rows {
    my ($name, @options) = @_;
    my $r = run({timeout => 3600}, $sim, @options, '--json');
    is($r->{status}, 0, "$name: reaches its bounds") or diag($r->{err});
    return @{(eval { unjson($r->{out}) } // {})->{rows} // []};
}

is(scalar(rows('10,000 nodes, every scenario', qw(--suite --filled --nodes 10000 --lookups 3000 --hours 2))), 13, '13 rows');

for ([10000, 'joining one by one'], [100000, 'with tables as after a long life', '--filled']) {
    my ($nodes, $how, @more) = @$_;
    my ($row) = rows("$nodes nodes $how", '--nodes', $nodes, '--lookups', 5000, '--records', 100, @more) or next;
    diag(sprintf '%d nodes: %.2f hops, %.1f requests, %d s of one core', @{$row}{qw(nodes hops requests cpu_s)});
    cmp_ok($row->{hops}, '<=', log($nodes) / log(2) / 3, "$nodes nodes: hops");
    cmp_ok($row->{found_20}, '>=', 0.999, "$nodes nodes: the 20 closest are found");
    is($row->{records}, 1, "$nodes nodes: every record");
}
done_testing;
