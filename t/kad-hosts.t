#!/usr/bin/perl
# Hosts find each other through one seed; the dead are evicted; records are given on; a restart, a reload and a new binary keep what was
# known. The hosts' periods pass 240 times as fast (LAYR_HASTE): an hour is 15 seconds.
use strict;
use warnings;
use lib 't/lib';
use Layr::Fault;
use Layr::Kad;
use Layr::Test;
use Test::More;
use Time::HiRes ();

my $haste = 240;
$ENV{LAYR_HASTE} = $haste;
my $n = 12;
my $swarm = Layr::Fault->swarm($n, '--seed');
my @id = map { $swarm->id($_) } 0 .. $n - 1;
my @url = map { $swarm->url($_) } 0 .. $n - 1;
my %up = map { $_ => 1 } 0 .. $n - 1;

# The hosts that are up and do not know exactly those others that are up.
sub strangers {
    return grep { my $i = $_; join(' ', known($url[$i])) ne join(' ', sort map { $id[$_] } grep { $_ != $i } keys %up) } sort { $a <=> $b } keys %up;
}
sub pid_in { my ($i, $name) = @_; chomp(my $pid = eval { read_file($swarm->path($i, $name // 'nginx.pid')) } // ''); return $pid }
sub manager {
    my ($pid) = @_;
    return (grep { (eval { read_file("/proc/$_/cmdline") } // '') =~ /cache manager/ } split ' ', eval { read_file("/proc/$pid/task/$pid/children") } // '')[0] // 0;
}
sub log_of { return read_file($swarm->path($_[0], 'error.log')) }

subtest 'they find each other' => sub {
    ok(wait_for(15, sub { !strangers() }), "all $n hosts know each other") or diag('not: ' . join ' ', strangers());
    my ($c) = closest($url[3], $id[5]);
    is(payload($c)->{host}, $id[5], 'the closest is the one asked for');
    is(payload($c)->{url}, $url[5], 'with where it is');
    my @order = map { payload($_)->{host} } closest($url[3], 'a5' x 32);
    is("@order", join(' ', by_distance('a5' x 32, grep { $_ ne $id[3] } @id)), 'the closest first');
    my $a = http(GET => "$url[3]/v1/closest/$id[5]");
    is($a->{header}{'cache-control'}, 'no-store', 'not to be kept by caches');
    is(http(GET => "$url[3]/v1/closest/" . ('x' x 64))->{status}, 400, 'no id: 400');
    is(http(POST => "$url[3]/v1/closest/$id[5]")->{status}, 405, 'no GET: 405');
    my $metrics = http(GET => "$url[3]/v1/metrics")->{body};
    like($metrics, qr/^layr_kad_contacts 11$/m, 'metrics count them');
};

# A record at one host, under one of its places; and three hosts that end without a word.
my $file = owner();
my $jws = record($file, 1);
my $given;
subtest 'a record, and three hosts gone' => sub {
    my ($first) = grep { $_ < 9 } map { my $x = $_; grep { $id[$_] eq $x } 0 .. $n - 1 } by_distance(place($file, 0), @id);
    is(http(PUT => "$url[$first]/v1/records/" . place($file, 0), body => $jws, header => ['Content-Type: application/jose'])->{status}, 201, 'stored at one host');
    $given = Time::HiRes::time();
    $swarm->kill(9, 10, 11);
    delete @up{9, 10, 11};
};

# An hour and a quarter, and what a ping takes.
subtest 'the dead are evicted' => sub {
    my $began = Time::HiRes::time();
    ok(wait_for(4500 / $haste + 6, sub { !strangers() }), 'nobody gives them out any more') or diag('not: ' . join ' ', strangers());
    ok(wait_for(4500 / $haste + 6 - (Time::HiRes::time() - $began), sub { !grep { kad($url[$_])->{contacts} != 8 } keys %up }), 'and all have forgotten them');
    cmp_ok(kad($url[4])->{evicted}, '>=', 3, 'which is counted');
};

subtest 'records are given on' => sub {
    for my $i (0 .. 2) {
        my @should = sort ((by_distance(place($file, $i), map { $id[$_] } keys %up))[0 .. 7]);
        my @has;
        ok(wait_for(4500 / $haste + 6 - (Time::HiRes::time() - $given), sub {
            @has = holders_of(place($file, $i), $jws, map { $url[$_] } keys %up);
            return @has >= 8;
        }), "place $i: an hour later 8 hosts have it") or diag(scalar @has);
        my %has = map { $_ => 1 } @has;
        ok(!(grep { my $x = $_; !grep { $id[$_] eq $x && $has{$url[$_]} } keys %up } @should), "place $i: the closest ones");
    }
};

# One of those that were gone, which is among the closest of some place, and has nothing.
subtest 'a newcomer that is closer is given it' => sub {
    my ($new, $i) = @{(grep { my ($new, $i) = @$_; (by_distance(place($file, $i), $id[$new], map { $id[$_] } keys %up))[-1] ne $id[$new] }
        map { my $new = $_; map { [$new, $_] } 0 .. 2 } 9 .. 11)[0]};
    is(scalar holders_of(place($file, $i), $jws, map { $url[$_] } keys %up), 8, 'the others have it');
    $swarm->revive($new);
    $up{$new} = 1;
    ok(wait_for(10, sub { !strangers() }), 'it is back, and known') or diag('not: ' . join ' ', strangers());
    ok(wait_for(8, sub { holders_of(place($file, $i), $jws, $url[$new]) }), 'and holds the record');
};

subtest 'a reload' => sub {
    my $pid = pid_in(6);
    my $old = manager($pid);
    my @before = known($url[6]);
    kill 'HUP', $pid;
    ok(wait_for(5, sub { my $new = manager($pid); $new && $new != $old && !kill(0, $old) }), 'another process has the background');
    is(join(' ', known($url[6])), join(' ', @before), 'the table stays');
    unlike(log_of(6), qr/known from before/, 'as it was in memory');
    my $lookups = kad($url[6])->{lookups};
    ok(wait_for(20, sub { kad($url[6])->{lookups} > $lookups }), 'and is kept up');
};

subtest 'a new binary' => sub {
    my $old = pid_in(7);
    my @before = known($url[7]);
    kill 'USR2', $old;
    ok(wait_for(10, sub { my $p = pid_in(7); $p && $p ne $old && manager($p) }), 'two masters');
    kill 'QUIT', $old;
    ok(wait_for(10, sub { !kill 0, $old }), 'the old one ends');
    ok(wait_for(5, sub { join(' ', known($url[7])) eq join ' ', @before }), 'the new one knows what it knew');
};

# The seed is gone, and all that it was named by is its URL in the configuration.
subtest 'a restart without a seed' => sub {
    $swarm->kill(0);
    delete $up{0};
    my $pid = pid_in(8);
    my $manager = manager($pid);
    my $began = Time::HiRes::time();
    kill 'TERM', $pid;
    ok(wait_for(5, sub { !kill 0, $manager }), 'the background ends');
    cmp_ok(Time::HiRes::time() - $began, '<', 1.2, 'within a second');
    ok(wait_for(5, sub { !kill 0, $pid }), 'and the host');
    ok(-s $swarm->path(8, 'store/kad.table'), 'and leaves what it knew');
    $swarm->revive(8);
    ok(wait_for(5, sub { (() = known($url[8])) >= 8 }), 'it starts with that');
    like(log_of(8), qr/layr: \d+ hosts known from before/, 'and says so');
    ok(wait_for(20, sub { kad($url[8])->{pings} >= 8 && !grep { $_ eq $id[0] } known($url[8]) }), 'it asks them, and the seed is no more');

    # One whose snapshot is not what it wrote has nobody, and no harm.
    $pid = pid_in(5);
    kill 'TERM', $pid;
    wait_for(5, sub { !kill 0, $pid });
    write_file($swarm->path(5, 'store/kad.table'), 'layrkad1' . ("\xff" x 5000));
    $swarm->revive(5);
    ok(wait_for(5, sub { log_of(5) =~ /kad\.table" is damaged/ }), 'a damaged snapshot is passed over');
    is(http(GET => "$url[5]/v1/closest/$id[5]")->{status}, 200, 'and the host answers');
};

ok($swarm->quiet, 'error logs are clean') or diag($swarm->noise);
done_testing;
