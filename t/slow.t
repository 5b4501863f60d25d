#!/usr/bin/perl
# A host behind a slow line: shards on their way to it go to others, and nothing of them stays there.
use strict;
use warnings;
use lib 't/lib';
use IPC::Open2 qw(open2);
use Layr::Test;
use Test::More;

my $RATE  = 200_000;                   # bytes a second: a full shard takes 20 s
my $size  = 32 << 20;
my $swarm = Layr::Test->swarm(5);
tool('layr-key', 'new')->{status} == 0 or BAIL_OUT('no key');
my $path = make_file(scratch('file'), $size);

my ($address, $port) = $swarm->url(0) =~ m{//([^:]+):(\d+)};
my $line = open2(my $out, my $in, build('bench/slow'), $address, $address, $port, $RATE, $RATE);
chomp(my $through = <$out>);
my @all  = $swarm->hosts;
my @slow = map { s/\Q$address:$port\E/$address:$through/r } @all;

sub get_ok {
    my ($name, @hosts) = @_;
    my $r = tool('layr-get', '-f', '-o', scratch('out'), @hosts, $name);
    return ok($r->{status} == 0 && same_file($path, scratch('out')), "$name comes back") || diag("status $r->{status}: $r->{err}");
}

subtest 'another host is to spare' => sub {
    my $r = tool('layr-put', '-v', '-k', '2/4', '-n', 'spare', @slow, $path);
    is($r->{status}, 0, 'stored') or diag($r->{err});
    cmp_ok($r->{seconds}, '<', 15, sprintf 'in %.1f s, less than one shard takes on that line', $r->{seconds});
    like($r->{err}, qr{^segment \d+, shard \d: \Qhttps://$address:$through\E is far slower than the others}m, 'which says what moved, and why');
    my $ls = unjson(tool('layr-ls', '--json', @all, 'spare')->{out});
    is_deeply([grep { $_->{good} != 4 } @{$ls->{units}}], [], 'all shards are there') or diag($r->{err});
    my ($told) = grep { $_->{url} =~ /\Q$address\E/ } @{$ls->{hosts}};
    cmp_ok(scalar($swarm->blobs(0)), q{==}, $told ? $told->{good} : 0, 'none that is no longer needed stays at the slow one');
    get_ok('spare', @all);
    get_ok('spare', @slow);
};

# The kernel takes most of a shard at once and delivers it for longer than a host may stand still.
subtest 'no other host is to spare' => sub {
    my $small = make_file($path, 6 << 20);
    my @four = @slow[0 .. 7];
    my $r = tool('layr-put', '-v', '-k', '2/4', '-n', 'none', @four, $small);
    is($r->{status}, 0, 'stored, as fast as the slow line lets through') or diag($r->{err});
    cmp_ok($r->{seconds}, '>', 10, sprintf 'in %.1f s', $r->{seconds});
    unlike($r->{err}, qr/another host/, 'nothing moves where there is nowhere to go');
    get_ok('none', @all);
};

close $in;
waitpid $line, 0;
done_testing;
