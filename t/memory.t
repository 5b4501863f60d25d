#!/usr/bin/perl
# The client's memory for a stream at 4/8, pipe in and pipe out: under 300 MiB, and no more for 4 GiB than for 256 MiB.
# About 100 s, and 9 GiB of disk. (Every scheme at 256 MiB and 1 GiB: t/long/memory.t.)
use strict;
use warnings;
use lib 't/lib';
use Layr::Memory;
use Layr::Test;
use Test::More;

plan skip_all => 'a sanitizer takes memory of its own' if ($ENV{LAYR_BUILD} // '') =~ m{asan$};

my $swarm = Layr::Test->swarm(8);
my $small = through($swarm, '4/8', 256 << 20);
my $large = through($swarm, '4/8', 4 << 30);
for my $way ('put', 'get') {
    my ($s, $l) = map { $_ ? $_->{$way}{rss} : undef } $small, $large;
    ok(defined $l && $l < 300 << 20, "$way: under 300 MiB for 4 GiB") or next;
    cmp_ok($l, '<=', $s + NOISE, "$way: no more for 4 GiB than for 256 MiB");
}
ok($swarm->quiet, 'error logs are clean') or diag($swarm->noise);
done_testing;
