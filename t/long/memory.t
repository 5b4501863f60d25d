#!/usr/bin/perl
# The client's memory at every scheme up to 100/255: no larger at 1 GiB than at 256 MiB. About 3 minutes; 3 GiB of disk at a
# time, 255 hosts for the largest.
use strict;
use warnings;
use lib 't/lib';
use Layr::Files;
use Layr::Memory;
use Layr::Test;
use Test::More;

my @schemes = @ARGV ? @ARGV : qw(1/1 1/3 2/3 4/8 10/20 20/40 50/100 100/255);    # perl t/long/memory.t 4/8: that one alone
for my $scheme (@schemes) {
    my ($k, $n) = kn($scheme);
    my $swarm = Layr::Test->swarm($n);    # one each, so that its stores can go
    my $small = through($swarm, $scheme, 256 << 20);
    my $large = through($swarm, $scheme, 1 << 30);
    for my $way ('put', 'get') {
        my ($s, $l) = map { $_ ? $_->{$way}{rss} : undef } $small, $large;
        ok(defined $l && $l <= $s + NOISE, "$scheme: $way: no more for 1 GiB than for 256 MiB")
            or diag(defined $l ? mib($s) . ' and ' . mib($l) . ' MiB' : 'not measured');
    }
    ok($swarm->quiet, "$scheme: error logs are clean") or diag($swarm->noise);
    $swarm->remove;
}
done_testing;
