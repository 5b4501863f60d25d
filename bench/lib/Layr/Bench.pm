package Layr::Bench;

# What the benchmarks share: rounds of interleaved runs, what a run cost its client and its hosts, rows of a table, JSON.
#
#     my $s = rounds(
#         sub { my ($m) = @_; $m->('layr', $swarm, sub { client('layr-put', ..) }) },
#         sub { my ($m) = @_; $m->('rclone', $peers, sub { client('rclone', ..) }) });
#     row($s, figure => 'put', ours => 'layr', peer => 'rclone', unit => 'MB/s', want => '>= 1');
#
# A part does what has to be done around its runs, and gives each run to $m: {seconds, bytes, cpu, rss}, of the client.  Each round
# has all parts, in an order that turns by one; the first round warms up and is dropped.
#
# BENCH_RUNS: rounds (5). BENCH_SHORT: tiny sizes, 1 round, no warm-up: to see that all works.

use strict;
use warnings;

use Exporter qw(import);
use Layr::Bench::Cost;
use Layr::Test;
use List::Util qw(max min);
use POSIX ();

our @EXPORT = qw(short runs size client rounds row rows median mib_s note touch_memory);

my (@rows, %all);

sub short { return $ENV{BENCH_SHORT} }
sub runs  { return short() ? 1 : $ENV{BENCH_RUNS} // 5 }
# The size for the long form, or for the short one.
sub size  { return $_[short() ? 1 : 0] }
sub note  { print STDERR "bench: @_\n" if !short(); return }

# Touch so much memory and give it back. A virtual machine gets memory from its host only when it is first touched, at up to 3 s a
# GiB, and may give back what is free for a while: not while something is measured.
sub touch_memory {
    my ($size) = @_;
    my ($free) = Layr::Bench::Cost::slurp('/proc/meminfo') =~ /^MemAvailable:\s+(\d+)/m;
    $size = $free * 1024 / 2 if $size > $free * 1024 / 2;
    my $pid = fork // die "fork: $!";
    if ($pid == 0) {
        my $touched = "\1" x $size;
        POSIX::_exit(0);
    }
    waitpid $pid, 0;
    return;
}

# Run a program for a run: {seconds, cpu, rss, out}; dies when it fails.
sub client {
    my $opt = ref $_[0] eq 'HASH' ? shift : {};
    my $file = scratch('usage');
    my $r = run({timeout => 900, %$opt}, build('bench/usage'), $file, @_);
    die "$_[0] failed: $r->{out}$r->{err}\n" if $r->{status} != 0;
    my ($seconds, $cpu, $rss) = split ' ', read_file($file);
    return {seconds => $seconds, cpu => $cpu, rss => $rss, out => $r->{out}};
}

sub one_round {
    my ($into, $turn, @parts) = @_;
    for my $i (map { ($_ + $turn) % @parts } 0 .. $#parts) {
        $parts[$i]->(sub {
            my ($name, $hosts, $run) = @_;
            my $sample = Layr::Bench::Cost::of($hosts, $run);
            push @{$into->{$name}}, $sample if $into;
        });
    }
    return;
}

sub rounds {
    my (@parts) = @_;
    my %samples;
    one_round(undef, 0, @parts) if !short();
    for my $round (0 .. runs() - 1) {
        note('round ' . ($round + 1) . ' of ' . runs());
        one_round(\%samples, $round, @parts);
    }
    return \%samples;
}

sub median {
    my @v = sort { $a <=> $b } grep { defined } @_;
    return @v ? @v % 2 ? $v[$#v / 2] : ($v[$#v / 2] + $v[@v / 2]) / 2 : undef;
}

sub mib_s { return $_[0]{bytes} / $_[0]{seconds} / 1e6 }

# A row of the table from the samples. ours, peer: their names (no peer: a figure alone). unit: MB/s (the default), or another with
# value => sub ($sample). The ratio is ours / peer, run by run; spread: its least and most.
sub row {
    my ($samples, %r) = @_;
    my $value = delete $r{value} // \&mib_s;
    my ($ours, $peer) = map { defined $_ ? $samples->{$_} // die "no run is called $_" : [] } @r{qw(ours peer)};
    my @ours = map { $value->($_) } @$ours;
    my @peer = map { $value->($_) } @$peer;
    my @ratio = map { $ours[$_] / $peer[$_] } 0 .. min($#ours, $#peer);
    my $cost = sub {
        my ($of) = @_;
        return {
            client_cpu => median(map { $_->{bytes} && $_->{cpu} / $_->{bytes} * (1 << 30) } @$of),
            hosts_cpu => median(map { $_->{bytes} && defined $_->{hosts_cpu} ? $_->{hosts_cpu} / $_->{bytes} * (1 << 30) : undef } @$of),
            client_rss => max(map { $_->{rss} // 0 } @$of), host_rss => max(map { $_->{host_rss} // 0 } @$of),
        };
    };
    push @rows, {
        %r, unit => $r{unit} // 'MB/s', value => median(@ours), runs => scalar @ours, low => min(@ours), high => max(@ours),
        cost => $cost->($ours), samples => {map { $_ => $samples->{$_} } grep { defined } @r{qw(ours peer)}},
        @ratio ? (peer_value => median(@peer), ratio => median(@ratio), ratio_low => min(@ratio), ratio_high => max(@ratio),
            peer_cost => $cost->($peer)) : (),
    };
    return;
}

sub rows { return @rows }

1;
