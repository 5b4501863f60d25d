#!/usr/bin/perl
# A network of 32 hosts that join through one seed: 40 files, 8 and then 20 hosts killed, hosts at other ports, hosts that stall. About 2 minutes.
use strict;
use warnings;
use lib 't/lib';
use Layr::Net;
use Layr::Test;
use List::Util qw(shuffle);
use Test::More;

my $n = 32;
my $swarm = Layr::Test->swarm($n, '--seed');
my %number = map { $swarm->id($_) => $_ } 0 .. $n - 1;
my $me = home('home');
my @schemes = ('4/9', '4/12', '10/20');
my $files = 40;
my (@file, @cap, @rows);

met($swarm, 0 .. $n - 1);
key_in($me);

# Lookups of one client from a host: [median ms, longest, hosts found: median, least].
sub lookups {
    my ($i, $count) = @_;
    my $r = run({timeout => 120}, build('t/lib/lookups'), ($swarm->urls)[$i], $count);
    is($r->{status}, 0, "$count lookups") or diag($r->{err});
    my @line = map { [split] } split /\n/, $r->{out};
    my @ms = sort { $a <=> $b } map { $_->[0] } @line;
    my @found = sort { $a <=> $b } map { $_->[1] } @line;
    return [$ms[@ms / 2], $ms[-1], $found[@found / 2], $found[0]];
}

# All processes of a host.
sub processes {
    my ($i) = @_;
    my $folder = $swarm->path($i);
    return grep { (readlink("/proc/$_/cwd") // '') eq $folder } map { /(\d+)$/ } glob '/proc/[0-9]*';
}

subtest "$files files" => sub {
    for my $i (0 .. $files - 1) {
        $file[$i] = make_file(scratch("f$i"), 20_000 + 37_000 * $i + ($i % 13 == 0 ? 18_000_000 : 0));
        my $r = tool($me, 'layr-put', '-q', '-k', $schemes[$i % 3], seed($swarm), $file[$i]);
        is($r->{status}, 0, "file $i, $schemes[$i % 3]") or diag($r->{err});
        chomp($cap[$i] = $r->{out});
        $rows[$i] = ls($me, seed($swarm), $cap[$i]);
    }
};

subtest 'placed evenly' => sub {
    my %at;
    for my $ls (@rows) {
        my @host = map { $_->{id} } @{$ls->{hosts}};
        for my $u (@{$ls->{units}}) {
            my %here;
            $at{$host[$_->{host}]}++ for @{$u->{rows}};
            fail("two at one host, unit $u->{number}") if grep { $here{$_->{host}}++ } @{$u->{rows}};
        }
    }
    my @count = sort { $a <=> $b } map { $at{$_} // 0 } keys %number;
    my $mean = eval { my $s = 0; $s += $_ for @count; $s / $n };
    cmp_ok($count[-1], '<=', 2 * $mean, sprintf 'fullest %d, emptiest %d, mean %.1f shards', $count[-1], $count[0], $mean);
};

# Every file whose segments still have k shards is read, by one who knows a seed that lives; every other exits 4 and says why.
sub all_as_counted {
    my ($seed, $what, %lives) = @_;
    my %count = (0 => 0, 4 => 0);
    for my $i (0 .. $files - 1) {
        my ($k) = split m{/}, $schemes[$i % 3];
        my $want = readable($rows[$i], $k, %lives) ? 0 : 4;
        my $to = scratch('got');
        unlink $to;
        my $r = tool(home('reader'), 'layr-get', '-q', '-o', $to, seed($swarm, $seed), $cap[$i]);
        is($r->{status}, $want, "$what: file $i, $schemes[$i % 3]: " . join ' ', live_of($rows[$i], %lives)) or diag($r->{err});
        ok(same_file($to, $file[$i]), "$what: file $i is the same") if $want == 0;
        like($r->{err}, qr/segment \d+ needs $k good shards of \d+, and \d+ can be had; shard \d+: \S/, "$what: file $i says why") if $want == 4;
        $count{$want}++;
    }
    note("$what: $count{0} read, $count{4} not");
    return %count;
}

my @order = (0, shuffle(1 .. $n - 1));    # the seed goes first
my %lives = map { $swarm->id($_) => 1 } 0 .. $n - 1;

subtest '8 are killed at once' => sub {
    my @gone = @order[0 .. 7];
    $swarm->kill(@gone);
    delete @lives{map { $swarm->id($_) } @gone};
    my %count = all_as_counted($order[-1], '8 of 32 gone', %lives);
    cmp_ok($count{0}, '>=', 30, 'most are read');
    my $r = tool($me, 'layr-put', '-q', '-k', '4/9', '-n', 'after', seed($swarm, $order[-1]), $file[0]);
    is($r->{status}, 0, 'a put goes on') or diag($r->{err});
};

subtest 'and 12 more' => sub {
    my @gone = @order[8 .. 19];
    $swarm->kill(@gone);
    delete @lives{map { $swarm->id($_) } @gone};
    my %count = all_as_counted($order[-1], '20 of 32 gone', %lives);
    ok($count{4} > 0 && $count{0} > 0, 'some are read, some are not');
};

subtest 'they come back, five of them at another port' => sub {
    my @moved = @order[0 .. 4];
    $swarm->revive(@order[5 .. 19]);
    my %url = map { $_ => move($swarm, $_, $order[-1]) } @moved;
    for my $i (@moved) {
        my $url = $url{$i};
        my $id = $swarm->id($i);
        ok(wait_for(60, sub { tool($me, 'layr-find', '-q', seed($swarm, $order[-2]), $id)->{out} =~ /^ *\d+  \S{16} +256  answered .*\Q$url\E$/m }),
            "host $i is found by its id");
    }
    %lives = map { $swarm->id($_) => 1 } 0 .. $n - 1;
    my %count = all_as_counted($order[-1], 'all are back', %lives);
    is($count{0}, $files, 'and all files with them');
};

subtest 'a third of them stall' => sub {
    my $seed = $order[-1];
    my $before = lookups($seed, 30);
    my @pids = map { processes($_) } @order[0 .. 10];
    kill 'STOP', @pids;
    my $with = lookups($seed, 30);
    my $r = tool(home('patient'), 'layr-get', '-q', '-o', scratch('stalled'), seed($swarm, $seed), $cap[2]);
    kill 'CONT', @pids;
    cmp_ok($with->[0], '<=', 3 * $before->[0], "the median of 30 lookups: $with->[0] ms, $before->[0] ms without (longest $with->[1] and $before->[1])");
    cmp_ok($with->[2], '>=', 18, 'and who does not stall is found');
    cmp_ok($with->[3], '>=', 8, "by each lookup enough for a record (least $with->[3])");
    ok($r->{status} == 0 && same_file(scratch('stalled'), $file[2]), sprintf 'a 10/20 file is read in %.1f s', $r->{seconds}) or diag($r->{err});
};

ok($swarm->quiet, 'error logs') or diag($swarm->noise);
done_testing;
