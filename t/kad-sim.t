#!/usr/bin/perl
# The network of hosts, simulated with the library's own code, in short: 300 nodes, each scenario with what it must reach.
# t/long/kad-sim.t has 10,000 and 100,000.
use strict;
use warnings;
use lib 't/lib';
use Layr::Test;
use Test::More;

my $sim = build('bench/kad-sim');
my @short = (qw(--nodes 300 --lookups 200 --records 40 --hours 1));

my $r = run({timeout => 600}, $sim, '--suite', @short);
is($r->{status}, 0, 'every scenario reaches its bounds') or diag($r->{err});
my ($head, undef, @rows) = grep { /^\|/ } split /\n/, $r->{out};
is(scalar @rows, 13, 'there are 13');
is(scalar(grep { tr/|// == $head =~ tr/|// } @rows), 13, 'in one table');
my %suite = map { (cell($_, 0) => $_) } @rows;
cmp_ok(cell($suite{'nothing fails'}, 3), '<', 3, 'a way among 300 nodes has fewer than 3 hops') if $suite{'nothing fails'};
cmp_ok(cell($suite{'nothing fails'}, 3), '>', 1, 'and more than 1');

# Bounds are checked, not printed: a network that can't hold them fails.
$r = run({timeout => 240}, $sim, '--suite', @short, '--loss', 60, qw(--nodes 40 --lookups 20 --records 2 --hours 0.1));
is($r->{status}, 1, 'a network in which most messages are lost does not');
like($r->{err}, qr/nothing fails, 40 nodes: .* must be at/, 'and it is said which');

my @small = ($sim, qw(--nodes 150 --lookups 50 --records 10));
my ($first, $second) = map { run({timeout => 240}, @small, '--json')->{out} =~ s/"cpu_s":[\d.]+//r } 1 .. 2;
is($first, $second, 'the same seed: the same figures');
my $json = unjson($first =~ s/,\}/}/r);
is($json->{rows}[0]{nodes}, 150, 'as JSON');
isnt(run({timeout => 240}, @small, '--json', '--seed', 2)->{out} =~ s/"cpu_s":[\d.]+//r =~ s/"seed":\d+//r, $first =~ s/"seed":\d+//r,
    'another seed: others');

my $svg = scratch('hops.svg');
$r = run({timeout => 240}, $sim, '--sizes', '50,100,200', qw(--lookups 50 --records 0 --svg), $svg);
is($r->{status}, 0, 'sizes');
is(scalar(grep { /^\| as asked / } split /\n/, $r->{out}), 3, 'a row each');
my $plot = read_file($svg);
is(scalar(() = $plot =~ /<circle /g), 3, 'and a point each in the plot');
is(system('python3', '-c', 'import sys, xml.dom.minidom as m; m.parse(sys.argv[1])', $svg), 0, 'which is XML');
is(run($sim, qw(--nodes 50 --lookups 5 --records 0 --sizes 50 --svg /nowhere/x.svg))->{status}, 1, 'a plot that can not be written: 1');
is(run($sim, @$_)->{status}, 2, "wrong use: @$_") for [qw(--nodes x)], [qw(--nodes 1)], [qw(--churn none)], ['--svg', $svg], ['more'], ['--what'];

done_testing;

sub cell { return (map { s/^\s+|\s+$//gr } split /\|/, $_[0] // '')[$_[1] + 1] }
