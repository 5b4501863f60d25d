#!/usr/bin/perl
# A host that leaves (layr_drain): its contact says so, it takes no more shards, serves what it has, and puts pass it over, with
# hosts given and in the network. About 5 s.
use strict;
use warnings;
use lib 't/lib';
use Layr::Kad;
use Layr::Net;
use Layr::Test;
use Test::More;

my $swarm = Layr::Test->swarm(6, '--seed');
my @all = $swarm->hosts;
my $file = make_file(scratch('file'), 300_000);
tool('layr-key', 'new')->{status} == 0 or BAIL_OUT('no key');
met($swarm, 0 .. 5);
is(tool('layr-put', '-q', '-k', '3/6', '-n', 'before', @all, $file)->{status}, 0, 'six hosts have a file');

my $leaver = 2;

sub status { return unjson(http(GET => $swarm->url($leaver) . '/v1/status')->{body}) }
sub says { return unjson(http(GET => $swarm->url($leaver) . '/v1/node?nonce=' . 'A' x 22)->{body}) }

ok(!payload(says()->{contact})->{leaving}, 'its contact says nothing of it');
ok(!status()->{draining}, 'nor does its status');
ok($swarm->reload($leaver, 'layr_drain on;'), 'a reload');
ok(status()->{draining}, 'draining');
ok(payload(says()->{contact})->{leaving}, 'and its contact says so');
like(http(GET => $swarm->url($leaver) . '/v1/metrics')->{body}, qr/^layr_draining 1$/m, 'metrics, too');

# --- what it does

my $w = {id => $swarm->id($leaver), url => $swarm->url($leaver)};
my $shard = shard_of(2, 'new');
my $put = http(PUT => "$w->{url}/v1/shards/$shard->{id}", header => ['Authorization: Layr ' . order(owner(), $w->{id}, $shard)], body => $shard->{bytes});
is($put->{status}, 507, 'a new shard: 507');
like($put->{body}, qr/urn:layr:problem:draining/, 'draining');
is(scalar $swarm->blobs($leaver), 1, 'and nothing of it stays');

my $r = tool('layr-get', '-q', '-o', scratch('back'), @all, 'before');
ok($r->{status} == 0 && same_file($file, scratch('back')), 'what was there before is read') or diag($r->{err});
is(tool('layr-audit', '-q', @all, 'before')->{status}, 0, 'and proved');

# --- what owners do

sub at_leaver { my ($name, @hosts) = @_; my $ls = ls({}, @hosts, $name); return scalar grep { $_->{id} eq $w->{id} } @{$ls->{hosts}} }

$r = tool('layr-put', '-q', '-k', '2/5', '-n', 'after', @all, $file);
is($r->{status}, 0, 'a put with hosts given') or diag($r->{err});
is(at_leaver('after', @all), 0, 'passes it over');
my @seed = seed($swarm, 0);
ok(wait_for(30, sub {
    my ($c) = grep { $_->{host} eq $w->{id} } map { payload($_) } closest($swarm->url(0), $w->{id});
    return $c && $c->{leaving};
}), 'others learn of it');
$r = tool('layr-put', '-q', '-k', '2/5', '-n', 'found', @seed, $file);
is($r->{status}, 0, 'a put in the network') or diag($r->{err});
is(at_leaver('found', @seed), 0, 'passes it over, too');
$r = tool('layr-put', '-q', '-k', '3/6', '-n', 'six', @all, $file);
is($r->{status}, 3, 'six hosts wanted, and five stay: 3');
like($r->{err}, qr/leav/, 'and it says that one is leaving') or diag($r->{err});

is(tool('layr-rm', '-q', @all, 'before')->{status}, 0, 'it lets go of what is released');
ok(wait_for(20, sub { status()->{shards} == 0 }), 'until nothing is left') or diag(explain(status()));
ok($swarm->quiet, 'error logs are clean') or diag($swarm->noise);
done_testing;
