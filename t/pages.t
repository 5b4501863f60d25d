#!/usr/bin/perl
# Files whose manifest does not fit its record: pages. Among them 1 GiB. A range in such a file fetches the pages on its way
# and no others; a page is there as long as one of its n - k + 1 copies is. About 60 s.
use strict;
use warnings;
use lib 't/lib';
use Layr::Files;
use Layr::Test;
use Test::More;

my $swarm = Layr::Test->swarm(40, '--access-log', '--directive', 'layr_scrub off;');    # a page is altered by hand

# Lines of the access logs since the last call that are reads of shards.
my @seen = map { 0 } 1 .. $swarm->count;
sub reads {
    my $lines = 0;
    for my $i (0 .. $swarm->count - 1) {
        open my $log, '<', $swarm->path($i, 'access.log') or next;
        seek $log, $seen[$i], 0;
        while (<$log>) { $lines++ if m{"GET [^"]*/v1/shards/[0-9a-f]{64}} }
        $seen[$i] = tell $log;
    }
    return $lines;
}

# Rows of a page's size, sealed: what it costs to fetch one.
sub page_blob {
    my ($bytes) = @_;
    my $blocks = int(($bytes + 16 + 4095) / 4096);
    return $blocks <= 16 ? 4112 * $blocks : 4112 * 16 * int(($bytes + CHUNK - 1) / CHUNK);
}

# Bytes of a page of so many segments: docs/protocol.md 4.2.
sub page_size {
    my ($scheme, $entries) = @_;
    my ($k, $n) = kn($scheme);
    return 64 + 32 * $n + $entries * (36 + 50 * $n);    # 64: more than the fixed fields take
}

# Mirrors on 40 hosts: an entry takes 2 KiB, so a root holds 11 of them.
subtest '1/40: copies at 40 hosts' => sub {
    my $scheme = '1/40';
    my $size = 11 * segment($scheme) + 5000;
    my $file = make_file(scratch('forty'), $size);
    my $put = put_json($swarm, $scheme, $file, 'put') or return;
    is($put->{segments}, 12, 'segments');
    is($put->{pages}, 1, 'a page');
    my @few = (3, 17, 39);
    reads();
    my $got = get_json($put->{cap}, $file, [$swarm->hosts(@few)], 'all of it from 3 hosts') or return;
    # of a copy that is late another is read, where a host is left to ask: or the late one comes first after all
    my $read = reads();
    cmp_ok($read, '>=', 12 + 1, 'a copy of each segment and one of the page were read');
    cmp_ok($read, '<=', 12 + 1 + $got->{shards_late}, 'and no more, but for those that were late');
    $got = range_ok($put->{cap}, $file, [$swarm->hosts(@few)], $size - 1, $size - 1, 'the last byte');
    # a short last segment is one small chunk
    cmp_ok($got->{wire_bytes}, '<=', (8192 + page_blob(page_size($scheme, 12))) * (1 + $got->{shards_late}), 'costs a chunk and a page') if $got;
    get_ok($put->{cap}, $file, [$swarm->hosts(21)], 'from one host');

    # One segment fewer and the manifest fits its record.
    my $small = prefix($file, 11 * segment($scheme));
    $put = put_json($swarm, $scheme, $small, 'put 11 segments') or return;
    is($put->{pages}, 0, '11 segments: no page');
    get_ok($put->{cap}, $small, [$swarm->hosts(5)], '11 segments from one host');
    unlink $file, $small;
};

# 1 GiB at 1/3: 257 segments, so two pages, one of 256 and one of 1.
subtest '1 GiB at 1/3' => sub {
    my ($scheme, $size) = ('1/3', 1 << 30);
    my @hosts = $swarm->hosts(0 .. 2);
    my $file = scratch('gib');
    run({stdout_file => $file}, stream($size))->{status} == 0 && -s $file == $size or die 'no source';
    my $put = put_json($swarm, $scheme, $file, 'put') or return;
    is($put->{size}, $size, 'size');
    is($put->{segments}, segments($scheme, $size), 'segments');
    is($put->{segments}, 257, 'which are 257');
    is($put->{pages}, 2, 'two pages');

    my $page = page_blob(page_size($scheme, 256));
    my $last = $size - 256 * segment($scheme);
    for my $case ([0, 'the first byte', $page], [100 * segment($scheme), 'a byte in the middle', $page], [256 * segment($scheme) - 1, 'the last byte of page 0', $page],
        [256 * segment($scheme), 'the first byte of page 1', 4112], [$size - 1, 'the last byte', 4112])
    {
        my ($at, $what, $page) = @$case;
        reads();
        my $got = range_ok($put->{cap}, $file, \@hosts, $at, $at, $what) or next;
        my $reads = reads();
        is($reads, 2 + $got->{shards_late}, "$what: a page and a chunk are read");
        cmp_ok($got->{wire_bytes}, '<=', (65536 + $page) * (1 + $got->{shards_late}), "$what: costs a chunk and a page");
    }
    range_ok($put->{cap}, $file, \@hosts, $_ * segment($scheme) - 100, $_ * segment($scheme) + 99, "200 bytes around segment $_") for 1, 128, 255, 256;
    my $beyond = get_file($put->{cap}, scratch('none'), \@hosts, '--range', "$size-$size");
    like($beyond->{err}, qr/\b$size\b/, 'past the end: the error says the size');

    # pages have 3 copies: two hosts may go
    $swarm->kill(0, 2);
    my $got = get_json($put->{cap}, $file, \@hosts, 'all of it from one host of three');
    is($got->{sha256}, sha256_file($file), 'and its SHA-256') if $got;
    diag(sprintf '1 GiB at 1/3: put %.0f MiB/s, get %.0f MiB/s', 1024 / $put->{seconds}, 1024 / $got->{seconds}) if $got;

    # a host's page that was altered is not believed
    $swarm->revive(0, 2);
    my ($alter) = grep { -s $_ == $page } $swarm->blobs(1);
    ok(defined $alter, "host 1's copy of page 0") or return;
    open my $f, '+<:raw', $alter or die "$alter: $!";
    seek $f, 4000, 0;
    print {$f} 'altered';
    close $f;
    my $r = get_file($put->{cap}, scratch('one'), [$swarm->hosts(1)], '--range', '0-0');
    is($r->{status}, 4, 'an altered page alone: exit status');
    like($r->{err}, qr/manifest page 0/, 'and says which');
    range_ok($put->{cap}, $file, \@hosts, 0, 0, 'with the others: the first byte');
};

no_traces($swarm);
done_testing;
