#!/usr/bin/perl
# All 70 choices of 4 survivors of a file at 4/8 give it back to a stranger who has nothing but the capability and 4 URLs;
# every choice of 3 does not, and says so. About 40 s.
use strict;
use warnings;
use lib 't/lib';
use Layr::Files;
use Layr::Test;
use Test::More;

# All choices of m of 0 .. n - 1.
sub choices {
    my ($m, $from, $n) = @_;
    return [] if $m == 0;
    return map { my $first = $_; map { [$first, @$_] } choices($m - 1, $first + 1, $n) } $from .. $n - $m;
}

my $swarm = Layr::Test->swarm(8);
# two segments, the second of two stripes that end inside a chunk
my $file = make_file(scratch('source'), segment('4/8') + stripe('4/8') + CHUNK + 77);
my $put = put_json($swarm, '4/8', $file, 'the file');
is($put && $put->{hosts}, 8, 'a shard of each segment on each of 8 hosts') or BAIL_OUT('nothing to test');
is_deeply([map { scalar $swarm->blobs($_) } 0 .. 7], [(2) x 8], 'two blobs in each store');

my @four = choices(4, 0, 8);
is(scalar @four, 70, '70 choices');
for my $which (@four) {
    my $got = get_json($put->{cap}, $file, [$swarm->hosts(@$which)], "hosts @$which");
    is($got && $got->{shards_fetched}, 8, "hosts @$which: 4 shards of each segment") if $got;
}

# The same with the other four dead, not just unnamed: they are asked first and do not answer.
for my $which ([0 .. 3], [4 .. 7], [0, 2, 5, 7]) {
    my %left = map { $_ => 1 } @$which;
    my @dead = grep { !$left{$_} } 0 .. 7;
    $swarm->kill(@dead);
    get_ok($put->{cap}, $file, [$swarm->hosts], "hosts @dead are killed");
    $swarm->revive(@dead);
}

for my $which (choices(3, 0, 8)) {
    next if $which->[0] + $which->[1] + $which->[2] != 9;    # some of them
    my $r = get_file($put->{cap}, scratch('none'), [$swarm->hosts(@$which)]);
    is($r->{status}, 4, "hosts @$which: exit status");
    like($r->{err}, qr/needs 4 good shards of 8, and 3 can be had/, "hosts @$which: says what is missing");
    ok(!-e scratch('none'), "hosts @$which: nothing was written");
}

no_traces($swarm);
done_testing;
