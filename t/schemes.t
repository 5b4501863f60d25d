#!/usr/bin/perl
# Schemes: where the shards of each lie, that any k of them are enough and k - 1 are not, which scheme is taken for how many
# hosts, and what is said when there are too few. About 30 s.
use strict;
use warnings;
use lib 't/lib';
use List::Util qw(shuffle);
use Layr::Files;
use Layr::Test;
use Test::More;

my $swarm = Layr::Test->swarm(48);
my $source = make_file(scratch('source'), 8 << 20);
my $seed = srand;

# Shards that hosts hold now and did not before: {host => [ids]}.
my %before;
sub fresh {
    my ($n) = @_;
    my %fresh;
    for my $i (0 .. $n - 1) {
        $fresh{$i} = [grep { !$before{"$i $_"}++ } map { m{([^/]+)$} } $swarm->blobs($i)];
    }
    return \%fresh;
}

for my $scheme (qw(1/1 1/3 2/3 4/8 10/20 20/40 5/5 7/12)) {
    subtest $scheme => sub {
        my ($k, $n) = kn($scheme);
        my $size = segment($scheme) < 4 << 20 ? segment($scheme) + 12345 : 3 * stripe($scheme) + 12345;
        my $file = prefix($source, $size);
        my $segments = segments($scheme, $size);
        fresh($n);
        my $put = put_json($swarm, $scheme, $file, 'put') or return;
        is($put->{hosts}, $n, "$n hosts");

        my $fresh = fresh($n);
        is_deeply([map { scalar @{$fresh->{$_}} } 0 .. $n - 1], [($segments) x $n], 'one shard of each segment at each host');
        my %id = map { $_ => 1 } map { @$_ } values %$fresh;
        is(scalar keys %id, $n * $segments, 'no two alike');
        is((grep { sha256_file($swarm->blob($_, $fresh->{$_}[0])) ne $fresh->{$_}[0] } 0 .. $n - 1), 0, 'named by their SHA-256');

        # the last k: as much parity as there is; then at random
        for my $which ([$n - $k .. $n - 1], map { [(shuffle 0 .. $n - 1)[0 .. $k - 1]] } 1 .. 4) {
            get_ok($put->{cap}, $file, [$swarm->hosts(@$which)], "hosts @$which (srand $seed)");
        }
        return if $k == 1;
        my @short = (shuffle 0 .. $n - 1)[0 .. $k - 2];
        my $r = get_file($put->{cap}, scratch('none'), [$swarm->hosts(@short)]);
        is($r->{status}, 4, "k - 1 hosts: exit status");
        like($r->{err}, qr/needs $k good shards of $n, and @{[$k - 1]} can be had/, 'k - 1 hosts: says what is missing');
        ok(!-e scratch('none'), 'k - 1 hosts: nothing was written');
    };
}

# Data shards hold nothing of the file, and mirrors are not alike.
subtest 'what hosts see' => sub {
    my $file = write_file(scratch('zeros'), 'known plaintext ' x 65536);
    fresh(3);
    my $put = put_json($swarm, '1/3', $file, 'put') or return;
    my $fresh = fresh(3);
    my @blob = map { read_file($swarm->blob($_, $fresh->{$_}[0])) } 0 .. 2;
    is((grep { /known plaintext/ } @blob), 0, 'no plaintext');
    my %block;
    $block{substr $blob[$_ % 3], 4096 * int($_ / 3), 4096}++ for 0 .. 3 * 256 - 1;
    is(scalar keys %block, 3 * 256, 'no block of 4,096 bytes twice, in one mirror or in two');
};

subtest 'the scheme that is taken' => sub {
    my $file = prefix($source, 5000);
    for my $case ([4, '1/3'], [6, '1/3'], [7, '3/6'], [8, '3/6'], [9, '4/8'], [11, '4/8'], [12, '4/10'], [23, '4/10'], [24, '10/20'], [47, '10/20'], [48, '20/40']) {
        my ($hosts, $scheme) = @$case;
        my $r = tool('layr-put', '-q', '--json', '-n', "by-$hosts", $swarm->hosts(0 .. $hosts - 1), $file);
        is($r->{status}, 0, "$hosts hosts") or diag($r->{err});
        is($r->{status} == 0 && unjson($r->{out})->{scheme}, $scheme, "$hosts hosts: $scheme");
    }
    my $r = tool('layr-put', '-q', '-n', 'by-3', $swarm->hosts(0 .. 2), $file);
    is($r->{status}, 3, '3 hosts: exit status');
    like($r->{err}, qr/3 hosts.*-k 1\/3/s, '3 hosts: says what to do');
};

subtest 'too few hosts' => sub {
    my $file = prefix($source, 5000);
    my $r = tool('layr-put', '-q', '-k', '4/8', $swarm->hosts(0 .. 6), $file);
    is($r->{status}, 3, '7 hosts for 4/8: exit status');
    like($r->{err}, qr/needs 8 distinct hosts, and 7/, 'says how many');
    is($r->{out}, '', 'no capability');
    $r = tool('layr-put', '-q', '-k', '2/3', $swarm->hosts(0, 1, 1, 1), $file);
    is($r->{status}, 3, 'one host named three times is one host');

    # one dies: not all n, which --min-shards may allow
    $swarm->kill(7);
    $r = tool('layr-put', '-q', '-k', '4/8', $swarm->hosts(0 .. 7), $file);
    is($r->{status}, 3, 'one of 8 is down: exit status');
    $r = tool('layr-put', '-q', '--json', '-k', '4/8', '--min-shards', 7, '-n', 'seven', $swarm->hosts(0 .. 7), $file);
    is($r->{status}, 0, '--min-shards 7') or diag($r->{err});
    my $put = $r->{status} == 0 ? unjson($r->{out}) : return;
    is($put->{shards}, 7, '7 shards');
    get_ok($put->{cap}, $file, [$swarm->hosts(3 .. 6)], 'which give the file back');
    $swarm->revive(7);
    get_ok($put->{cap}, $file, [$swarm->hosts(0 .. 7)], 'and with the eighth host that has none');
};

for my $bad (qw(0/3 4/3 1/256 256/256 1 1/ /3 4/8/9 -1/3 a/b), '1 /3', '') {
    my $r = tool('layr-put', '-k', $bad, $swarm->hosts(0 .. 2), $source);
    is($r->{status}, 2, "-k '$bad' is a wrong usage");
}

no_traces($swarm);
done_testing;
