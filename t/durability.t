#!/usr/bin/perl
# The simulator of durability against exact results computed here, in short: without repair the binomial, with a repair that has no
# memory the absorbing Markov chain; and that its figures move the right way. `make durability` is the long form.
use strict;
use warnings;
use lib 't/lib';
use Layr::Test;
use Test::More;

my $sim = build('bench/durability-sim');
my @hosts_alone = qw(--corrupt 0 --away-every 0);    # nothing but hosts that are lost

# --- nobody repairs: n - k + 1 hosts of n, or more, are lost

for (['1/3', 30], ['2/5', 5], ['4/8', 20], ['10/20', 30], ['20/40', 35], ['4/8', 30, '--plain']) {
    my ($scheme, $loss, @more) = @$_;
    my $r = row('-k', $scheme, '--host-loss', $loss, qw(--no-repair --trials 1000 --batches 20), @hosts_alone, @more);
    near($r, binomial($scheme, $loss / 100), "$scheme, $loss % lost @more: the binomial");
}

# A Weibull lifetime of shape 1/2 with a mean m has a scale of m / 2.
my $weibull = row(qw(-k 4/8 --host-loss 5 --weibull 0.5 --no-repair --trials 1000 --batches 20), @hosts_alone);
near($weibull, binomial('4/8', 1 - exp -sqrt(-log(0.95) * 2)), 'lifetimes of which many are short');

# --- a keeper whose audits come at an exponential time, and find and restore all that is lost at once

for (['4/8', 8, 60, 30], ['4/8', 6, 40, 20], ['1/3', 3, 20, 10], ['10/20', 16, 70, 30]) {
    my ($scheme, $threshold, $loss, $days) = @$_;
    my $r = row('-k', $scheme, '--threshold', $threshold, '--host-loss', $loss, '--sample-every', $days, @hosts_alone,
        qw(--exponential --audit-every 0 --grace 0 --repair-hours 0 --age 0 --years 1 --trials 1000 --batches 20));
    near($r, chain($scheme, $threshold, $loss / 100, $days), "$scheme, below $threshold, $loss % lost, $days days: the chain");
}

# --- layr-keep's way: the library's formula, and splitting against counting

for (['4/8', 8], ['4/8', 7], ['10/20', 13], ['3/6', 5]) {
    my ($scheme, $threshold) = @$_;
    my $r = row('-k', $scheme, '--threshold', $threshold, '--host-loss', 20, '--trials', 1000, @hosts_alone);
    my $ratio = $r->{foreseen} / $r->{loss_per_year};
    ok($ratio > 1 / 1.5 && $ratio < 2, sprintf "%s, below %d: the formula's %.1e for %.1e", $scheme, $threshold, $r->{foreseen}, $r->{loss_per_year});
}
my @often = (qw(--host-loss 70 --threshold 6 --flaky 30 --corrupt 20 --group 2 --group-loss 5 --trials 1000));
my ($split, $plain) = (row(@often), row(@often, '--plain'));
ok(abs($split->{loss_per_year} - $plain->{loss_per_year}) < 4 * sqrt($split->{error}**2 + $plain->{error}**2),
    "splitting and counting agree: $split->{loss_per_year}, $plain->{loss_per_year}");

# --- what makes it better or worse

my @kept = (qw(--host-loss 20 --trials 400));
my $usual = row(@kept);
more('loss_per_year', row(@kept, '--sample-every', 14), $usual, 'audits every two weeks');
more('loss_per_year', row(@kept, '--grace', 30), $usual, 'a grace of a month');
more('loss_per_year', row(@kept, '--threshold', 5), $usual, 'a low threshold');
more('loss_per_year', row(@kept, qw(--group 2 --group-loss 20)), $usual, 'networks that are lost as a whole');
more('loss_per_year', row(@kept, qw(--corrupt 10 --spoilt 0.1 --audit-every 0)), $usual, 'corruption that samples hardly find');
more('loss_per_year', row(@kept, qw(--corrupt 50 --sample 1)), row(@kept, qw(--corrupt 50 --sample 256)), 'a small sample');
more('loss_per_year', row(@kept, '--no-repair'), $usual, 'no keeper');
more('sent', row(@kept, qw(--flaky 100 --grace 0)), $usual, 'flaky hosts that are not waited for', 10);
more('sent', row(@kept, '--threshold', 8), $usual, 'repair of any loss');
my @shared = (qw(--hosts 12 --segments 10 --host-loss 60 --trials 50 --shard 64));
more('loss_per_year', row(@shared, '--bandwidth', 0.05), row(@shared), 'a line too thin for the repairs');
is(row(@kept, '--no-repair')->{sent}, 0, 'without a keeper nothing is sent');
my $rare = row(qw(-k 20/40 --trials 100));
ok($rare->{bound} && $rare->{loss_per_year} <= 1e-12, 'what is too rare is bounded');

# --- the same again, and in other forms

is_deeply(unseconds($usual), unseconds(row(@kept)), 'the same seed: the same figures');
isnt(row(@kept, qw(--seed 2))->{loss_per_year}, $usual->{loss_per_year}, 'another seed: others');
my $svg = scratch('d.svg');
my $r = run({timeout => 120}, $sim, qw(--thresholds --host-loss 30 --trials 200 --svg), $svg);
is($r->{status}, 0, 'every threshold');
is(scalar(grep { m{^\| (?:default)? *\| 4/8 } } split /\n/, $r->{out}), 4, 'a row each');
cmp_ok(scalar(() = read_file($svg) =~ /<circle /g), '>=', 7, 'and points in the plot');
is(system('python3', '-c', 'import sys, xml.dom.minidom as m; m.parse(sys.argv[1])', $svg), 0, 'which is XML');
$r = run({timeout => 120}, $sim, qw(--suite --trials 10 --batches 4));
is($r->{status}, 0, 'the suite');
is(scalar(grep { /^[A-Z].*\.$/ } split /\n/, $r->{out}), 7, 'has 7 tables');
unlike($r->{out}, qr/nan|inf/, 'of numbers');
is(run($sim, qw(--thresholds --trials 10 --batches 4 --svg /nowhere/x.svg))->{status}, 1, 'a plot that can not be written: 1');

for ([qw(--host-loss x)], [qw(--host-loss 101)], [qw(-k 8/4)], [qw(-k 4)], [qw(--threshold 4)], [qw(--threshold 9)], [qw(--trials 1.5)],
    [qw(--hosts 7)], ['--svg', $svg], [qw(--suite --plain)], ['more'], ['--what']) {
    my $wrong = run($sim, @$_);
    is($wrong->{status}, 2, "wrong use: @$_");
    like($wrong->{err}, qr/^durability-sim: .*\n?durability-sim --help lists the options\n|unrecognized option/s, 'and it is said');
}

done_testing;

# --- exact results

sub row {
    my $run = run({timeout => 120}, $sim, '--json', @_);
    is($run->{status}, 0, "@_") or diag($run->{err});
    return unjson($run->{out})->{rows}[0];
}

sub unseconds { return {map { $_ => $_[0]{$_} } grep { $_ ne 'cpu_s' } keys %{$_[0]}} }

sub near {
    my ($row, $want, $what) = @_;
    ok(abs($row->{loss_per_year} - $want) < 4 * $row->{error}, $what)
        or diag("$row->{loss_per_year} +- $row->{error}, and it is $want");
}

sub more {
    my ($field, $one, $other, $what, $times) = @_;
    cmp_ok($one->{$field}, '>', $other->{$field} * ($times // 1), "$what: more");
}

sub ways {
    my ($n, $m) = @_;
    my $ways = 1;
    $ways *= ($n - $_) / ($_ + 1) for 0 .. $m - 1;
    return $ways;
}

sub binomial {
    my ($k, $n) = split m{/}, shift;
    my $p = shift;
    my $sum = 0;
    $sum += ways($n, $_) * $p**$_ * (1 - $p)**($n - $_) for $n - $k + 1 .. $n;
    return $sum;
}

# Lost shards 0 .. n - k, and one state more that is never left, for a year. From i to i + 1 with a rate of n - i, to 0 at audits when
# fewer than the threshold are left. By uniformization: Poisson many steps of a chain that stays where it is in between.
sub chain {
    my ($scheme, $threshold, $p, $days) = @_;
    my ($k, $n) = split m{/}, $scheme;
    my ($rate, $audits, $end) = (-log(1 - $p), 365 / $days, $n - $k + 1);
    my $steps = $n * $rate + $audits;
    my ($poisson, $lost, @p) = (exp(-$steps), 0, 1, (0) x $end);
    for my $step (0 .. 20 + 4 * $steps) {
        $lost += $poisson * $p[$end];
        $poisson *= $steps / ($step + 1);
        my @next = (0) x ($end + 1);
        $next[$end] = $p[$end];
        for my $i (0 .. $end - 1) {
            my $on = ($n - $i) * $rate / $steps;
            my $back = $i > $n - $threshold ? $audits / $steps : 0;
            $next[$i + 1] += $p[$i] * $on;
            $next[0] += $p[$i] * $back;
            $next[$i] += $p[$i] * (1 - $on - $back);
        }
        @p = @next;
    }
    return $lost;
}
