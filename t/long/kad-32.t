#!/usr/bin/perl
# Thirty-two hosts, joined through one seed: every one finds every other; eight end at once and are forgotten in the stated time; some come
# back at another port and are found by their id; the seed ends, and all goes on. An hour of theirs is 30 seconds here (LAYR_HASTE).
use strict;
use warnings;
use lib 't/lib';
use Layr::Fault;
use Layr::Kad;
use Layr::Test;
use Test::More;
use Time::HiRes ();

my $haste = 120;
$ENV{LAYR_HASTE} = $haste;
my $n = 32;
my $swarm = Layr::Fault->swarm($n, '--seed');
my @id = map { $swarm->id($_) } 0 .. $n - 1;
my @url = map { $swarm->url($_) } 0 .. $n - 1;
my %number = map { $id[$_] => $_ } 0 .. $n - 1;
my %up = map { $_ => 1 } 0 .. $n - 1;

# The contact of an id, from a host's table or from those that it names, as a lookup goes; (links, contact).
sub find {
    my ($from, $id) = @_;
    my (%asked, @next);
    @next = ($url[$from]);
    for my $links (1 .. 3) {
        my @found = map { my $u = $_; $asked{$u} = 1; closest($u, $id) } @next;
        my ($c) = grep { $_->{host} eq $id } map { payload($_) } @found;
        return ($links, $c) if $c;
        @next = grep { !$asked{$_} } (map { payload($_)->{url} } @found)[0 .. 2];
    }
    return;
}
# Pairs [from, to] of which the first can't find the second.
sub lost {
    my (@to) = @_;
    my @lost;
    for my $i (sort { $a <=> $b } keys %up) {
        my %known = map { $_ => 1 } known($url[$i]);
        for my $j (grep { $_ != $i && !$known{$id[$_]} } @to) {
            my (undef, $c) = find($i, $id[$j]);
            push @lost, [$i, $j] if !$c || $c->{url} ne $url[$j];
        }
    }
    return @lost;
}
sub said { return join ' ', map { "$_->[0]-$_->[1]" } @_ }

my @lost;
ok(wait_for(60, sub { @lost = lost(keys %up); !@lost }), 'every host finds every other') or diag(said(@lost));
my $before = 0;
$before += kad($_)->{pings} for @url;
cmp_ok($before / $n, '<', 150, sprintf 'it took them %d pings each', $before / $n);

my @gone = (3, 7, 11, 15, 19, 23, 27, 31);
$swarm->kill(@gone);
delete @up{@gone};
my $began = Time::HiRes::time();
my @left;
ok(wait_for(4500 / $haste + 15, sub {
    @left = grep { my %known = map { $_ => 1 } known($url[$_]); grep { $known{$id[$_]} } @gone } sort { $a <=> $b } keys %up;
    return !@left;
}), 'eight that are gone are given out by nobody, an hour and a quarter later') or diag("@left");
diag(sprintf '%.0f s of %.0f', Time::HiRes::time() - $began, 4500 / $haste);
ok(!(@lost = lost(keys %up)), 'those that live find each other') or diag(said(@lost));
ok(wait_for(4500 / $haste, sub { !grep { my $k = kad($url[$_]); $k->{failing} } keys %up }), 'nobody waits for them any more');

# Another port, and what they knew.
for my $i (7, 19) {
    my ($address, $port) = $url[$i] =~ m{//([^:]+):(\d+)};
    my $new = do { require IO::Socket::INET; IO::Socket::INET->new(LocalAddr => $address, LocalPort => 0, Listen => 1)->sockport };
    my $conf = read_file($swarm->path($i, 'nginx.conf'));
    $conf =~ s/:$port\b/:$new/g;
    write_file($swarm->path($i, 'nginx.conf'), $conf);
    my $r = run($ENV{LAYR_NGINX} // '/usr/sbin/nginx', '-p', $swarm->path($i) . '/', '-c', 'nginx.conf', '-e', 'error.log');
    is($r->{status}, 0, "host $i comes back at another port") or diag($r->{err});
    $url[$i] = "https://$address:$new";
    $up{$i} = 1;
}
ok(wait_for(60, sub { @lost = lost(7, 19); !@lost }), 'and is found there by its id') or diag(said(@lost));

$swarm->kill(0);
delete $up{0};
ok(wait_for(4500 / $haste + 15, sub { !grep { my $u = $_; grep { $_ eq $id[0] } known($url[$u]) } keys %up }), 'the seed is gone, and forgotten');
ok(!(@lost = lost(keys %up)), 'all others find each other') or diag(said(@lost));

for my $i (7, 19) {
    chomp(my $pid = read_file($swarm->path($i, 'nginx.pid')));
    kill 'TERM', $pid;
    wait_for(10, sub { !kill 0, $pid });
}
ok($swarm->quiet, 'error logs are clean') or diag($swarm->noise);
done_testing;
