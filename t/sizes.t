#!/usr/bin/perl
# Every size at which something changes, at every scheme: what is got back by a stranger is what was put, byte for byte.
# (1 GiB: t/pages.t; 4 GiB: t/memory.t.) About 60 s.
use strict;
use warnings;
use lib 't/lib';
use Layr::Files;
use Layr::Test;
use Test::More;

my @schemes = qw(1/1 1/3 2/3 4/8 10/20 20/40);
my $swarm = Layr::Test->swarm(40);
my $source = make_file(scratch('source'), segment('20/40') + 1);

# A stripe's chunk is the smallest multiple of 4,096 stored bytes, 16 of them not the file's, that holds its share.
sub chunk_for {
    my ($scheme, $size) = @_;
    return CHUNK if $size > stripe($scheme);
    my ($k) = kn($scheme);
    my $share = int(($size + $k - 1) / $k);
    return 4096 * int(($share + 16 + 4095) / 4096) - 16;
}

# What must be stored: n blobs of each segment, each with a tag of 16 bytes for every 4,096.
sub stored_bytes {
    my ($scheme, $size) = @_;
    my ($k, $n) = kn($scheme);
    my $sum = 0;
    for (my $left = $size; $left > 0; $left -= segment($scheme)) {
        my $part = $left < segment($scheme) ? $left : segment($scheme);
        my $chunk = chunk_for($scheme, $part);
        my $rows = int(($part + $k * $chunk - 1) / ($k * $chunk));
        $sum += $n * $rows * ($chunk + 16) / 4096 * 4112;
    }
    return $sum;
}

for my $scheme (@schemes) {
    subtest $scheme => sub {
        my ($k, $n) = kn($scheme);
        my %size = map { $_ => 1 } 0, 1, 4095 .. 4097;
        for my $edge ($k * 4080, CHUNK, stripe($scheme), segment($scheme)) {
            $size{$_} = 1 for grep { $_ > 0 } $edge - 1 .. $edge + 1;
        }
        for my $size (sort { $a <=> $b } keys %size) {
            my $file = prefix($source, $size);
            my $put = put_json($swarm, $scheme, $file, "$size bytes") or next;
            my $got = get_json($put->{cap}, $file, [$swarm->hosts(0 .. $n - 1)], "$size bytes") or next;
            my $inline = $size <= 4096;
            is_deeply([@{$put}{qw(size segments shards stored_bytes sha256)}, !!$put->{inline}, @{$got}{qw(size bytes segments)}],
                [$size, $inline ? (0, 0, 0) : (segments($scheme, $size), $n * segments($scheme, $size), stored_bytes($scheme, $size)),
                    sha256_file($file), $inline, $size, $size, $inline ? 0 : segments($scheme, $size)],
                "$size bytes: what was stored and what was read");
        }
    };
}

# A stream's length is known when it ends: at the edges of a block read and of a segment.
subtest 'from a pipe' => sub {
    for my $size (0, 1, 4096, 4097, stripe('4/8'), segment('4/8') - 1, segment('4/8'), segment('4/8') + 1) {
        my $file = prefix($source, $size);
        my ($r, $w) = pipe_ends;
        my $from = spawn({stdout_fh => $w}, 'cat', $file);
        my $put = spawn({stdin_fh => $r}, build('bin/layr-put'), '-q', '-k', '4/8', $swarm->hosts(0 .. 7), '-')->wait;
        $from->wait;
        is($put->{status}, 0, "$size bytes: put") or diag($put->{err});
        my ($cap) = $put->{out} =~ /^(layr:r:\S+)$/m;

        ($r, $w) = pipe_ends;
        my $to = spawn({stdin_fh => $r, stdout_file => scratch('piped')}, 'cat');
        my $get = spawn({stdout_fh => $w}, build('bin/layr-get'), '-q', $swarm->hosts(0 .. 7), '-o', '-', $cap)->wait;
        $to->wait;
        ok($get->{status} == 0 && same_file(scratch('piped'), $file), "$size bytes: the same from a pipe to a pipe") or diag($get->{err});
    }
};

no_traces($swarm);
done_testing;
