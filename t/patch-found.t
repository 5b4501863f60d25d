#!/usr/bin/perl
# layr-patch in a network whose hosts are found: the new shards are at hosts close to their ids, without a sibling, and the file is
# read without those that were gone. About 6 s.
use strict;
use warnings;
use lib 't/lib';
use Layr::Files;
use Layr::Kad;
use Layr::Net;
use Layr::Patch;
use Layr::Test;
use Test::More;

my $swarm = Layr::Test->swarm(14, '--seed', '--directive', 'layr_scrub off;');
my $watch = Layr::Patch->new($swarm);
tool('layr-key', 'new')->{status} == 0 or BAIL_OUT('no key');
met($swarm, 0 .. 13);
my @seed = seed($swarm, 0);
my $file = make_file(scratch('file'), segment('4/8') + 1000);
my $r = tool('layr-put', '-q', '-n', 'file', '-k', '4/8', @seed, $file);
is($r->{status}, 0, 'put') or diag($r->{err});
my $cap = $r->{out} =~ s/\n//r;
my $old = $watch->sound($cap, 'put');
my @dead = (grep { $_ != 0 } sort { $a <=> $b } map { $_->{host} } @{$old->{segments}[0]{rows}})[0 .. 2];
my %dead = map { $_ => 1 } @dead;
my $lost = grep { $dead{$_->{host}} } map { @{$_->{rows}} } @{$old->{segments}};

$swarm->kill(@dead);
my $p = patch_json('file', \@seed, 'hosts are gone', '--grace', 0);
is("$p->{state} $p->{restored}", "restored $lost", 'what they had is restored');
$swarm->revive(@dead);
my $new = $watch->sound($cap, 'patched');
for my $s (0, 1) {
    my @stay = grep { !$dead{$old->{segments}[$s]{rows}[$_]{host}} } 0 .. 7;
    is_deeply([@{$new->{segments}[$s]{rows}}[@stay]], [@{$old->{segments}[$s]{rows}}[@stay]], "segment $s: the others are what they were");
}
get_ok($cap, $file, [$swarm->hosts(grep { !$dead{$_} } 0 .. 13)], 'it is read without those that were gone');

no_traces($swarm);
done_testing;
