package Layr::Memory;

# A stream through a swarm and back, from pipe to pipe, and what the programs had resident:
#
#     my $m = through($swarm, '4/8', 4 << 30);    # {put, get: {rss, seconds}}, or nothing and failed tests
#
# Nothing of it is on the client's disk; a swarm's stores are emptied by its end.

use strict;
use warnings;

use Exporter qw(import);
use Layr::Files;
use Layr::Test;
use Test::More;

our @EXPORT = qw(through mib NOISE);

# Runs of one size differ by as much: where hosts are late, the oldest segment has up to k more shards under way (16 MiB at
# full size), and the order of threads moves a few MiB. What is meant to be seen, something kept for each segment, would be more.
use constant NOISE => 20 << 20;

sub mib { return sprintf '%.1f', $_[0] / (1 << 20) }

my $serial = 0;

# Files below the client's home and its working folder, in bytes: its journal, no data.
sub on_disk {
    my ($folder) = @_;
    return 1024 * (split ' ', run('du', '-sk', $folder)->{out})[0];
}

sub through {
    my ($swarm, $scheme, $size) = @_;
    my ($k, $n) = kn($scheme);
    my @hosts = $swarm->hosts(0 .. $n - 1);
    my $time = 60 + $size / (1 << 20);    # seconds a run may take: a machine with nothing else to do takes a tenth
    my $home = scratch('stream' . $serial++);
    my $env = {LAYR_HOME => $home, TMPDIR => "$home/tmp"};
    mkdir $_ for $home, "$home/tmp";
    my $what = "$scheme, " . ($size >> 20) . ' MiB';

    # the stream twice: one for its hash, by a program that is not ours, and one for layr-put
    my ($r, $w) = pipe_ends;
    my $from = spawn({timeout => $time, stdout_fh => $w}, stream($size));
    my ($want) = split ' ', spawn({timeout => $time, stdin_fh => $r}, qw(openssl dgst -sha256 -r))->wait->{out};
    $from->wait;

    my $key = tool({env => $env}, 'layr-key', 'new');
    die "layr-key new: $key->{err}" if $key->{status} != 0;
    ($r, $w) = pipe_ends;
    $from = spawn({timeout => $time, stdout_fh => $w}, stream($size));
    my $put = spawn({timeout => $time, stdin_fh => $r, env => $env, cwd => $home}, build('bin/layr-put'), '-q', '-k', $scheme, @hosts, '-')->wait;
    $from->wait;
    is($put->{status}, 0, "$what: put") or do { diag($put->{err}); return };
    my ($cap) = $put->{out} =~ /^(layr:r:\S+)$/m;
    my $kept = on_disk($home);

    ($r, $w) = pipe_ends;
    my $to = spawn({timeout => $time, stdin_fh => $r}, qw(openssl dgst -sha256 -r));
    my $get = spawn({timeout => $time, stdout_fh => $w, env => $env, cwd => $home}, build('bin/layr-get'), '-q', @hosts, '-o', '-', $cap)->wait;
    my ($got) = split ' ', $to->wait->{out};
    is($get->{status}, 0, "$what: get") or do { diag($get->{err}); return };
    is($got, $want, "$what: what came out of the pipe is what went in");
    cmp_ok($kept, '<', 8 << 20, "$what: put left a journal of few bytes");
    cmp_ok(on_disk($home) - $kept, '<', 1 << 20, "$what: get left nothing");
    diag(sprintf '%-8s %5d MiB: put %6.1f MiB resident, %5.1f s, %4.0f MiB/s; get %6.1f MiB, %5.1f s, %4.0f MiB/s', $scheme, $size >> 20,
        mib($put->{rss}), $put->{seconds}, ($size >> 20) / $put->{seconds}, mib($get->{rss}), $get->{seconds}, ($size >> 20) / $get->{seconds});
    return {put => $put, get => $get};
}

1;
