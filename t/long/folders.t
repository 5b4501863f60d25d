#!/usr/bin/perl
# A real tree: Debian's nginx source, 1,000 files of 64 KiB and one of 1 GiB, put, listed, and read back by file, folder and
# whole, byte for byte and by mode and time; half of the hosts away. About 3 minutes; 6 GiB of disk at a time.
use strict;
use warnings;
use lib 't/lib';
use Layr::Test;
use Layr::Tree;
use Test::More;

my $swarm = Layr::Test->swarm(9);
my @all = $swarm->hosts;
is(tool('layr-key', 'new')->{status}, 0, 'an owner');

sub get { my (@options) = @_; return tool({timeout => 1200}, 'layr-get', '--json', @all, @options) }

my $src = scratch('tree');
mkdir $src;
my $r = run({timeout => 600}, 't/lib/nginx-source', "$src/nginx");
is($r->{status}, 0, "nginx's source") or BAIL_OUT("$r->{out}$r->{err}");
mkdir "$src/files";
make_file("$src/files/$_", 65536, $_) for 1 .. 1000;
is(run({stdout_file => "$src/large", timeout => 600}, stream(1 << 30))->{status}, 0, 'a file of 1 GiB');
my $want = shape($src);

$r = tool({timeout => 1200}, 'layr-put', '--json', @all, '-k', '4/8', $src);
is($r->{status}, 0, 'put') or BAIL_OUT($r->{err});
my $put = unjson($r->{out});
diag(sprintf 'put: %d files, %.1f MiB in %.1f s, %d MiB of memory', $put->{files}, $put->{size} / (1 << 20), $put->{seconds}, $r->{rss} >> 20);

$r = tool('layr-ls', '--json', @all, 'tree');
is($r->{status}, 0, 'listed') or diag($r->{err});
is_deeply([sort map { $_->{path} } @{unjson($r->{out})->{entries}}], [sort keys %$want], 'all of it');

$r = get('--path', 'files/77', '-o', scratch('one'), 'tree');
is($r->{status}, 0, 'a file') or diag($r->{err});
ok(same_file(scratch('one'), "$src/files/77"), 'its bytes');
# the tree, and the chunks of 65,520 bytes that 65,536 bytes lie in
cmp_ok(unjson($r->{out})->{wire_bytes}, '<', 1 << 20, 'for little traffic');

$r = get('--path', 'nginx/src', '-o', scratch('part'), 'tree');
is($r->{status}, 0, 'a folder') or diag($r->{err});
is_deeply(shape(scratch('part')), shape("$src/nginx/src"), 'all of it');

$swarm->kill(0 .. 3);
$r = get('tree', '-o', scratch('whole'));
is($r->{status}, 0, 'the whole, with four hosts of nine away') or diag($r->{err});
my $got = unjson($r->{out});
diag(sprintf 'get: %.1f s, %d MiB of memory', $got->{seconds}, $r->{rss} >> 20);
is_deeply(shape(scratch('whole')), $want, 'byte for byte, by mode and time');
$swarm->revive(0 .. 3);
ok($swarm->quiet, 'error logs are clean') or diag($swarm->noise);
done_testing;
