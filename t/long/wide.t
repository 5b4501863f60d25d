#!/usr/bin/perl
# 255 hosts: 100/255 with any 100 of them; and 1/255, whose manifest needs pages of pages. About 3 minutes; 10 GiB of disk.
use strict;
use warnings;
use lib 't/lib';
use List::Util qw(shuffle);
use Layr::Files;
use Layr::Test;
use Test::More;

my $swarm = Layr::Test->swarm(255);
my $seed = srand;

subtest '100/255' => sub {
    my $file = make_file(scratch('wide'), segment('100/255') + stripe('100/255') + 4711);
    my $put = put_json($swarm, '100/255', $file, 'put') or return;
    is($put->{hosts}, 255, 'hosts');
    is($put->{segments}, 2, 'segments');
    is($put->{pages}, 1, 'a page: two entries of 12.8 KiB are more than a root holds');
    for my $which ([0 .. 99], [155 .. 254], [(shuffle 0 .. 254)[0 .. 99]]) {
        my $got = get_json($put->{cap}, $file, [$swarm->hosts(@$which)], "100 hosts from $which->[0] to $which->[-1] (srand $seed)") or next;
        is($got->{shards_fetched}, 201, "100 shards of each segment, and a page of the manifest");
    }
    range_ok($put->{cap}, $file, [$swarm->hosts(155 .. 254)], segment('100/255') - 1000, segment('100/255') + 999, 'across the segments');
    my $r = get_file($put->{cap}, scratch('none'), [$swarm->hosts(0 .. 98)]);
    is($r->{status}, 4, '99 hosts: exit status');
    ok(!-e scratch('none'), '99 hosts: nothing was written');
};

# An entry takes 12.8 KiB: the root holds one, a page 81.
subtest '1/255: pages of pages' => sub {
    my $size = 84 * segment('1/255') + 100;
    my $file = make_file(scratch('deep'), $size);
    my $put = put_json($swarm, '1/255', $file, 'put') or return;
    is($put->{segments}, 85, 'segments');
    is($put->{pages}, 3, 'two pages, and one that lists them');
    get_ok($put->{cap}, $file, [$swarm->hosts(200)], 'all of it from one host');
    for my $at (0, 80 * segment('1/255'), 81 * segment('1/255') - 1, 81 * segment('1/255'), 82 * segment('1/255'), $size - 1) {
        range_ok($put->{cap}, $file, [$swarm->hosts(7, 77)], $at, $at, "byte $at");
    }
    range_ok($put->{cap}, $file, [$swarm->hosts(254)], 70 * segment('1/255') + 5, $size - 5, 'across the pages');
};

no_traces($swarm);
done_testing;
