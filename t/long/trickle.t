#!/usr/bin/perl
# Uploads at a byte a second, which no client_body_timeout ends: the host does after a minute, and their room is back. A good
# upload that takes longer than that goes through. About 2 minutes.
use strict;
use warnings;
use lib 't/lib';
use Layr::Host;
use Layr::Server;
use Layr::Test;
use Test::More;

my $hold = http_tool('http-hold');
my $server = Layr::Server->new(http => 'client_body_timeout 30s; lingering_timeout 1s;');
my $w = $server->wire;

pipe my $in, my $to or die "pipe: $!";
my $slow = spawn({timeout => 300, stdin_fh => $in}, $hold, '--host', $server->id, '--ports', join(',', $server->ports), 'h1-slow:4', 'h2c-slow:4');
ok(wait_for(20, sub { status($w)->{reserved} == 8 * 256 * 4112 }), 'room is reserved');

# 1 MiB at 10 KiB a second
my $alice = owner();
my $shard = shard_of(255);
my $put = put_shard($w, $shard, order($alice, $w->{id}, $shard), timeout => 200, curl => ['--limit-rate', '10k']);
is($put->{status}, 201, 'a slow upload of 100 seconds goes through');
is(status($w)->{reserved}, '0', 'those that trickled are ended, their room is back');
my @left = glob($server->path(0, 'store/tmp/*'));
is(scalar @left, 0, 'and their temporary files are gone');
close $to;
$slow->wait;
ok($server->quit, 'the host leaves when it is told to');
ok($server->quiet, 'the error log is clean') or diag($server->noise);
done_testing;
