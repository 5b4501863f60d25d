#!/usr/bin/perl
# Ranges: the first and the last byte, across the edges of chunks, stripes and segments, past the end; compared with the
# original's bytes, and cheap. About 20 s.
use strict;
use warnings;
use lib 't/lib';
use Layr::Files;
use Layr::Test;
use Test::More;

my $swarm = Layr::Test->swarm(8, '--access-log');
my @all = $swarm->hosts;
my $tail = 1000;    # bytes of the last, short segment

# Bytes of shards that the hosts say they sent since the last call.
my @seen = map { 0 } 1 .. $swarm->count;
sub sent {
    my $sum = 0;
    for my $i (0 .. $swarm->count - 1) {
        open my $log, '<', $swarm->path($i, 'access.log') or next;
        seek $log, $seen[$i], 0;
        while (<$log>) {
            $sum += $1 if m{"GET [^"]*/v1/shards/[0-9a-f]{64}[^"]*" 20[06] (\d+)};
        }
        $seen[$i] = tell $log;
    }
    return $sum;
}

for my $scheme ('1/3', '4/8') {
    my ($k, $n) = kn($scheme);
    my $size = 2 * segment($scheme) + $tail;
    my $file = make_file(scratch('source'), $size, $scheme);
    my $cap = put_ok($swarm, $scheme, $file) or next;

    subtest "$scheme: single bytes" => sub {
        for my $at (0, 1, CHUNK - 1, CHUNK, stripe($scheme) - 1, stripe($scheme), segment($scheme) - 1, segment($scheme),
            2 * segment($scheme) - 1, 2 * segment($scheme), $size - 1)
        {
            sent();
            my $got = range_ok($cap, $file, \@all, $at, $at, "byte $at") or next;
            is($got->{wire_bytes}, sent(), "byte $at: bytes on the wire as the hosts count them");
            # a chunk, unless a host was late and another's stripe was asked for as well
            my $most = $got->{shards_late} ? 65536 * ($k + 1 + $got->{shards_late}) : 65536;
            cmp_ok($got->{wire_bytes}, '<=', $most, "byte $at: costs one chunk");
        }
    };

    subtest "$scheme: across edges" => sub {
        for my $edge (CHUNK, 2 * CHUNK, stripe($scheme), 2 * stripe($scheme), segment($scheme), 2 * segment($scheme)) {
            range_ok($cap, $file, \@all, $edge - 1, $edge, "the two bytes at $edge");
            range_ok($cap, $file, \@all, $edge - 300, $edge + 299, "600 bytes around $edge");
        }
        range_ok($cap, $file, \@all, 1, $size - 2, 'all but the ends');
        range_ok($cap, $file, \@all, 0, $size - 1, 'the whole, as a range');
        range_ok($cap, $file, \@all, segment($scheme) - 1, 2 * segment($scheme), 'one byte of each neighbour and a segment');
        range_ok($cap, $file, \@all, segment($scheme), 2 * segment($scheme) - 1, 'a segment exactly');
        range_ok($cap, $file, \@all, stripe($scheme), 3 * stripe($scheme) - 1, 'two stripes exactly');
        range_ok($cap, $file, \@all, CHUNK - 7, CHUNK + 100_000, 'over several chunks');
    };

    subtest "$scheme: at random" => sub {
        my $seed = srand;
        diag("srand($seed)") if $ENV{LAYR_KEEP};
        for (1 .. 12) {
            my $first = int(rand $size);
            my $last = $first + int(rand(rand() < 0.5 ? 2 * stripe($scheme) : $size - $first));
            $last = $size - 1 if $last >= $size;
            range_ok($cap, $file, \@all, $first, $last, "bytes $first to $last (srand $seed)");
        }
    };

    subtest "$scheme: open ends" => sub {
        for my $case (["-1", $size - 1], ["-$size", 0], ['-1500', $size - 1500], [($size - 1) . '-', $size - 1], ['0-', 0],
            [segment($scheme) . '-', segment($scheme)])
        {
            my ($range, $first) = @$case;
            my $r = get_file($cap, scratch('range'), \@all, '--range', $range);
            is($r->{status}, 0, "--range $range") or diag($r->{err});
            my $whole = read_file($file);
            ok(read_file(scratch('range')) eq substr($whole, $first), "--range $range: its bytes");
        }
    };

    subtest "$scheme: past the end" => sub {
        for my $range ("$size-$size", "0-$size", ($size - 1) . "-$size", "$size-", '-' . ($size + 1), '18446744073709551614-18446744073709551615') {
            my $r = get_file($cap, scratch('none'), \@all, '--range', $range);
            isnt($r->{status}, 0, "--range $range is refused");
            like($r->{err}, qr/\b$size\b/, "--range $range: the error says the size");
            ok(!-e scratch('none'), "--range $range: nothing was written");
        }
    };

    # Where a data shard is gone its bytes are decoded from a stripe of others.
    subtest "$scheme: with n - k hosts away" => sub {
        my @left = $swarm->hosts($n - $k .. $n - 1);
        for my $at (0, CHUNK, stripe($scheme) - 1, segment($scheme) - 1, segment($scheme), $size - 1) {
            my $got = range_ok($cap, $file, \@left, $at, $at, "byte $at") or next;
            my $most = 65536 * ($k + $got->{shards_late});
            cmp_ok($got->{wire_bytes}, '<=', $most, "byte $at: costs one stripe at most");
        }
        for my $edge (CHUNK, stripe($scheme), segment($scheme), 2 * segment($scheme)) {
            range_ok($cap, $file, \@left, $edge - 1000, $edge + 999, "2,000 bytes around $edge");
        }
        range_ok($cap, $file, \@left, 5, $size - 6, 'all but the ends');
    };
}

subtest 'an inline file' => sub {
    my $file = make_file(scratch('small'), 3000);
    my $cap = put_ok($swarm, '4/8', $file) or return;
    range_ok($cap, $file, \@all, @$_) for [0, 0], [2999, 2999], [17, 1234], [0, 2999];
    my $r = get_file($cap, scratch('none'), \@all, '--range', '2999-3000');
    isnt($r->{status}, 0, 'past the end is refused');
    like($r->{err}, qr/\b3,?000\b/, 'the error says the size');
};

subtest 'an empty file' => sub {
    my $file = write_file(scratch('empty'), '');
    my $cap = put_ok($swarm, '4/8', $file) or return;
    for my $range ('0-0', '0-', '-1') {
        my $r = get_file($cap, scratch('none'), \@all, '--range', $range);
        isnt($r->{status}, 0, "--range $range is refused");
        like($r->{err}, qr/\b0 bytes|empty/, "--range $range: the error says the size");
    }
};

no_traces($swarm);
done_testing;
