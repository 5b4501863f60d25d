#!/usr/bin/perl
# Connections that do nothing and uploads that stop: the room they had reserved, their temporary files and the workers' memory
# come back; and while 10,000 idle connections are open the host goes on working.
use strict;
use warnings;
use lib 't/lib';
use Layr::Books;
use Layr::Host;
use Layr::Server;
use Layr::Test;
use Test::More;
use Time::HiRes ();

my ($files) = run('sh', '-c', 'ulimit -Hn')->{out} =~ /(\w+)/;
plan skip_all => "ulimit -Hn is $files: 14,000 open files are needed" if $files ne 'unlimited' && $files < 14000;

# The sanitizers keep what is freed for a while, and are slow.
my $sanitized = ($ENV{LAYR_MODULE} // '') eq 'builtin';
my $idle = $sanitized ? 1000 : 10000;

my $hold = http_tool('http-hold');
my $server = Layr::Server->new(
    main => 'worker_rlimit_nofile 14000;', events => 'worker_connections 12000;',
    http => 'client_header_timeout 60s; client_body_timeout 800ms; send_timeout 2s; keepalive_timeout 60s; lingering_timeout 1s;',
    location => 'layr_capacity 10g;',
);
my $w = $server->wire;
my $alice = owner();
my ($master) = $server->workers;

# Connections of kinds, as http-hold says them; ended by ->('end').
sub hold {
    my (@kinds) = @_;
    pipe my $in, my $to or die "pipe: $!";
    pipe my $from, my $out or die "pipe: $!";
    my $process = spawn({timeout => 300, stdin_fh => $in, stdout_fh => $out}, $hold, '--host', $server->id, '--ports', join(',', $server->ports), @kinds);
    my $line = <$from> // '';
    like($line, qr/^ready (\d+)$/, "open: @kinds") or do { diag($process->wait->{err}); return };
    my ($count) = $line =~ /(\d+)/;
    return {process => $process, to => $to, from => $from, count => $count};
}

sub closed_by_host { my ($h) = @_; my $last = ''; my $from = $h->{from}; while (<$from>) { $last = $_ } return $last }
sub let_go { my ($h) = @_; close $h->{to}; close $h->{from}; return $h->{process}->wait }

sub good_upload {
    my ($name) = @_;
    my $shard = shard_of(64);
    my $start = Time::HiRes::time();
    my $order = random_hex(16);
    is(put_shard($w, $shard, order($alice, $w->{id}, $shard, order => $order))->{status}, 201, "$name: a good upload");
    is(ask($w, GET => "/v1/shards/$shard->{id}")->{body}, $shard->{bytes}, "$name: and download");
    is(ask($w, POST => '/v1/orders', body => orders($alice, $w->{id}, 'release', [$order]))->{status}, 200, "$name: and release");
    return Time::HiRes::time() - $start;
}

sub temporary { my @left = glob($server->path(0, 'store/tmp/*')); return scalar @left }

sub room_is_back {
    my ($name) = @_;
    ok(wait_for(20, sub { status($w)->{reserved} eq '0' }), "$name: no room is reserved") or diag(status($w)->{reserved});
    ok(wait_for(5, sub { temporary() == 0 }), "$name: no temporary file is left") or diag(temporary());
    return;
}

sub mib { return sprintf '%.1f MiB', $_[0] / (1 << 20) }

good_upload('at first');
subtest 'uploads that stop, until the host ends them' => sub {
    my @h1 = map { "$_:4" } qw(h1-put h1-half h1-slow tls-h1-half);
    my $h = hold(@h1) or return;
    ok(wait_for(3, sub { status($w)->{reserved} > 0 }), 'HTTP/1.1: room is reserved');
    is(closed_by_host($h), "closed 16\n", 'HTTP/1.1: all are closed by the host');
    let_go($h);
    room_is_back('HTTP/1.1');

    # there the connections stay, the streams end
    my @h2 = map { "$_:4" } qw(h2c-put h2c-half h2c-slow tls-h2-half);
    $h = hold(@h2) or return;
    ok(wait_for(3, sub { status($w)->{reserved} > 0 }), 'HTTP/2: room is reserved');
    room_is_back('HTTP/2');
    let_go($h);
};

my (@before, @after);
for my $round (1 .. 2) {
    subtest "$idle idle connections, round $round" => sub {
        push @before, $server->resident;
        my $h = hold(map { "$_->[0]:" . $idle * $_->[1] } ['h1', .3], ['h1-head', .1], ['h2c', .25], ['tls-h1', .175], ['tls-h2', .175]) or return;
        is($h->{count}, $idle, 'they are open');
        my $open = $server->resident;
        my $seconds = good_upload('among them');
        cmp_ok($seconds, '<', 10, 'in no long time');
        let_go($h);
        ok(wait_for(30, sub { connections() < 20 }), 'the host has let go of them') or diag(connections());
        push @after, $server->resident;
        diag(sprintf 'resident: %s before, %s with all connections, %s after; upload, download, release: %.2f s', mib($before[-1]), mib($open),
            mib($after[-1]), $seconds);
    };
}
sub connections { my ($pid) = $server->workers; my @fds = grep { (readlink($_) // '') =~ /^socket:/ } glob "/proc/$pid/fd/*"; return scalar @fds }

# What malloc keeps of the first round serves the second.
my $more = $after[1] - $after[0];
ok($sanitized || $more < 8 << 20, 'a second round takes no more memory') or diag(mib($more));

subtest 'uploads that stop, twice' => sub {
    my @resident;
    for my $round (1 .. 2) {
        for my $kind ('h1-half:100', 'h2c-half:100', 'h2c-put:100') {
            my $h = hold($kind) or next;
            Time::HiRes::sleep(0.3);
            let_go($h);
        }
        room_is_back("round $round, gone in the middle");
        push @resident, $server->resident;
    }
    ok($sanitized || $resident[1] - $resident[0] < 8 << 20, 'the second takes no more memory') or diag(join ' ', map { mib($_) } @resident);
};

good_upload('at last');
books_agree($w, 'at last');
is(($server->workers)[0], $master, 'the worker is the one of the start');
ok($server->quit, 'the host leaves when it is told to');
ok($server->quiet, 'the error log is clean') or diag($server->noise);
done_testing;
