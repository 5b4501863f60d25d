#!/usr/bin/perl
# The client's memory for a stream at 4/8, pipe in and pipe out: under 300 MiB, and no more for 4 GiB than for 256 MiB.
# About 2 minutes, and 9 GiB of disk. (Every scheme at 256 MiB and 1 GiB: t/long/memory.t.)
use strict;
use warnings;
use lib 't/lib';
use Layr::Memory;
use Layr::Test;
use Test::More;

plan skip_all => 'a sanitizer takes memory of its own' if ($ENV{LAYR_BUILD} // '') =~ m{asan$};

my $swarm = Layr::Test->swarm(8);
# The most that 256 MiB take: how far buffers fill up depends on how busy the machine is, and a short run may be lucky.
my @small = grep { $_ } map { through($swarm, '4/8', 256 << 20) } 1 .. 3;
my $large = through($swarm, '4/8', 4 << 30);
for my $way ('put', 'get') {
    my ($s) = sort { $b <=> $a } map { $_->{$way}{rss} } @small;
    my $l = $large ? $large->{$way}{rss} : undef;
    ok(defined $s && defined $l && $l < 300 << 20, "$way: under 300 MiB for 4 GiB") or next;
    cmp_ok($l, '<=', $s + NOISE, "$way: no more for 4 GiB than for 256 MiB");
}
ok($swarm->quiet, 'error logs are clean') or diag($swarm->noise);
done_testing;
