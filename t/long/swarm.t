#!/usr/bin/perl
# layr-swarm with many hosts, past 256, where the second byte of the address grows.
use strict;
use warnings;
use lib 't/lib';
use Layr::Test;
use Test::More;

my $n = 260;
my $swarm = Layr::Test->swarm($n);
my %seen;
$seen{$_}++ for map { (/^https:\/\/([\d.]+):\d+#[0-9a-f]{64}$/)[0] // "malformed: $_" } $swarm->urls;
is_deeply([sort keys %seen], [sort map { sprintf '127.%d.%d.1', 1 + int($_ / 256), $_ % 256 } 0 .. $n - 1], 'each host has its own address');
is(scalar(keys %{{map { /#(.*)/ => 1 } $swarm->urls}}), $n, 'and its own id');

sub up { return scalar grep { $_->{state} eq 'up' } @{unjson(tool('layr-swarm', 'status', '--json', $swarm->dir)->{out})} }
is(up(), $n, 'all are up');
my @half = grep { $_ % 2 } 0 .. $n - 1;
$swarm->kill(@half);
is(up(), $n / 2, 'half of them killed');
$swarm->revive(@half);
is(up(), $n, 'and revived');
$swarm->stop;
is(up(), 0, 'stopped');
ok($swarm->quiet, 'error logs are clean') or diag($swarm->noise);
done_testing;
