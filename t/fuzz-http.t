#!/usr/bin/perl
# Hostile requests over raw connections, by the thousand (t/fuzz/http): right ones among them get what is theirs, wrong ones a
# refusal; and afterwards the host is as it was. FUZZ_HTTP: how many connections; `make fuzz-http` has 32,000 of them, 100,000 requests, against nginx
# and the module under the sanitizers. FUZZ_SEED: another seed.
use strict;
use warnings;
use lib 't/lib';
use Layr::Books;
use Layr::Host;
use Layr::Server;
use Layr::Test;
use Test::More;

my $count = $ENV{FUZZ_HTTP} // 4000;
my $seed = $ENV{FUZZ_SEED} // 1;

my $fuzz = http_tool('fuzz-http');

my $server = Layr::Server->new(
    workers => 2, log => 'info',
    http => 'client_header_timeout 10s; client_body_timeout 10s; send_timeout 10s; keepalive_timeout 10s; lingering_timeout 2s;',
    location => 'layr_owner_quota 16m; layr_capacity 2g; layr_max_shard 4m;',
);
my $w = $server->wire;
my @ports = $server->ports;
my @host = ('--host', $server->id, '--ports', join(',', @ports));
my @workers = sort $server->workers;

sub fuzz {
    my ($name, @more) = @_;
    my $r = run({timeout => 14400}, $fuzz, @host, @more);
    my $good = is($r->{status}, 0, $name);
    diag($r->{out} . $r->{err}) if !$good || $count > 10000;
    return $good;
}

# Cases that found something once.
my @found = map { s/\s*#.*//r } grep { /^\d/ } split /\n/, read_file('t/fuzz/http/found');
for (@found) {
    my ($with, $from, $proto) = split ' ';
    fuzz("found once: seed $with, case $from, $proto", '--seed', $with, '--from', $from, '--proto', $proto, '--count', 1, '--jobs', 1);
}
fuzz("$count connections, seed $seed", '--seed', $seed, '--count', $count, '--jobs', 16);

is_deeply([sort $server->workers], \@workers, 'the workers are those of the start');
ok(wait_for(40, sub { status($w)->{reserved} eq '0' }), 'no room is reserved any more') or diag(status($w)->{reserved});
ok(wait_for(40, sub { my @left = glob($server->path(0, 'store/tmp/*')); !@left }), 'no temporary file is left')
    or diag(join ' ', glob($server->path(0, 'store/tmp/*')));
books_agree($w, 'after it');
my $alice = owner();
my $shard = shard_of(20);
is(put_shard($w, $shard, order($alice, $w->{id}, $shard))->{status}, 201, 'a good upload');
is(ask($w, GET => "/v1/shards/$shard->{id}")->{body}, $shard->{bytes}, 'and download');
# A condition that does not hold makes no refusal of what has been done.
my @condition = (header => ['If-Match: "x"', 'If-Unmodified-Since: Thu, 01 Jan 1970 00:00:00 GMT']);
my ($other, $id) = (shard_of(1), random_hex(16));
is(put_shard($w, $other, order($alice, $w->{id}, $other, order => $id), @condition)->{status}, 201, 'an upload with conditions');
is(ask($w, POST => '/v1/orders', body => orders($alice, $w->{id}, 'release', [$id]), @condition)->{status}, 200, 'a release with conditions');
is(ask($w, GET => '/v1/status', @condition)->{status}, 200, 'v1/status with conditions');
ok($server->quit, 'the host leaves when it is told to');
ok($server->quiet, 'the error log has no alarm, and nothing of sanitizers') or diag(substr $server->noise, 0, 6000);
done_testing;
