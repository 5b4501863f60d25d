#!/usr/bin/perl
# Hosts that die in the middle: of a put, with others to go on with and without; of a get; and that come back.
use strict;
use warnings;
use lib 't/lib';
use IO::Handle ();
use Layr::Test;
use POSIX ();
use Test::More;

my ($K, $N) = (2, 4);
my $size = 20 << 20;
my $swarm = Layr::Test->swarm(6);
tool('layr-key', 'new')->{status} == 0 or BAIL_OUT('no key');
my $path = make_file(scratch('file'), $size);

# A program whose standard input or output is a pipe that the test feeds or empties: it is in the middle as long as the test likes.
sub pipe_file {
    my ($name) = @_;
    my $fifo = scratch($name);
    unlink $fifo;
    POSIX::mkfifo($fifo, 0600) or die "$fifo: $!";
    return $fifo;
}

# A put from a pipe: two thirds are sent, then the code runs when some shards are stored, then the rest is sent.
sub put_and {
    my ($hosts, $code, @args) = @_;
    my $fifo = pipe_file('in');
    my $process = spawn({stdin_file => $fifo, timeout => 90}, build('bin/layr-put'), '-v', '-k', "$K/$N", @args, @$hosts, '-');
    open my $in, '>:raw', $fifo or die "$fifo: $!";
    local $SIG{PIPE} = 'IGNORE';
    my $bytes = read_file($path);
    my %before = map { $_ => 1 } map { $swarm->blobs($_) } 0 .. $swarm->count - 1;
    print {$in} substr $bytes, 0, $size / 3 * 2;
    $in->flush;
    my $some = wait_for(20, sub { (grep { !$before{$_} } map { $swarm->blobs($_) } 0 .. $swarm->count - 1) >= $N });
    ok($some, 'some shards are stored');
    $code->($process);
    print {$in} substr $bytes, $size / 3 * 2;
    close $in;
    return $process->wait;
}

sub get_ok {
    my ($cap, $hosts, $what) = @_;
    my $r = tool('layr-get', '-f', '-o', scratch('out'), @$hosts, $cap);
    return ok($r->{status} == 0 && same_file($path, scratch('out')), $what) || diag("status $r->{status}: $r->{err}");
}

subtest 'put: two hosts die, two are to spare' => sub {
    my $r = put_and([$swarm->hosts], sub { $swarm->kill(0, 3) });
    is($r->{status}, 0, 'stored') or diag($r->{err});
    cmp_ok($r->{seconds}, '<', 40, sprintf 'in time (%.1f s)', $r->{seconds});
    chomp(my $cap = $r->{out});
    # the first segment may have had its shards at the dead ones: k of n are elsewhere
    get_ok($cap, [$swarm->hosts], 'it can be read');
    $swarm->revive(0, 3);
    my $ls = tool('layr-ls', '--json', $swarm->hosts, $cap);
    my $health = unjson($ls->{out});
    is_deeply([grep { $_->{good} != $N } @{$health->{units}}], [], 'when they are back all shards are there') or diag($ls->{out});
};

subtest 'put: a host dies, none is to spare' => sub {
    my @hosts = (0 .. 3);
    my %before = map { $_ => [$swarm->blobs($_)] } 0 .. 5;
    my $r = put_and([$swarm->hosts(@hosts)], sub { $swarm->kill(1) });
    is("$r->{status} $r->{out}", '3 ', 'status 3, and no capability');
    cmp_ok($r->{seconds}, '<', 40, sprintf 'in time (%.1f s)', $r->{seconds});
    like($r->{err}, qr/^layr-put: too few hosts take segment \d+: .*\Q@{[$swarm->url(1)]}\E can't be reached/m, 'says which host');
    like($r->{err}, qr/^some hosts could not be told to let go/m, 'says that something is left at it');
    is_deeply([$swarm->blobs($_)], $before{$_}, "nothing stays at host $_") for 0, 2, 3;
    cmp_ok(scalar($swarm->blobs(1)), '>', scalar(@{$before{1}}), 'something does at the dead one');
    $swarm->revive(1);
    $r = tool('layr-put', '-k', "$K/$N", '-n', 'small', $swarm->hosts(@hosts), make_file(scratch('small'), 5000));
    is($r->{status}, 0, 'another put');
    is(scalar($swarm->blobs(1)), @{$before{1}} + 1, 'it has told the one that came back');
};

# Its first try failed and its second did not: the order is one and the same, and must not be released for the first one's sake.
subtest 'put: a host dies, comes back, and takes its shards after all' => sub {
    my $large = make_file(scratch('large'), 120 << 20);
    my $before = map { $swarm->blobs($_) } 0 .. 2;
    my $p = spawn({}, build('bin/layr-put'), '-v', '-k', '1/3', '-n', 'back', $swarm->hosts(0 .. 2), $large);
    ok(wait_for(60, sub { -e "$p->{base}.err" && read_file("$p->{base}.err") =~ /^segment \d+, shard \d+: http/m }), 'some shards are stored');
    $swarm->kill(1);
    $swarm->revive(1);
    my $r = $p->wait;
    is($r->{status}, 0, 'stored') or diag($r->{err});
    like($r->{err}, qr/another host is asked/, 'some shards needed a second try');
    tool('layr-put', '-q', '-n', 'tidies', $swarm->hosts(0 .. 2), '-k', '1/3', make_file(scratch('small'), 10));
    my $ls = unjson(tool('layr-ls', '--json', '--health', $swarm->hosts(0 .. 2), 'back')->{out});
    is_deeply([grep { $_->{good} != 3 } @{$ls->{units}}], [], 'all are there, also after the next program has tidied up');
    is(tool('layr-rm', $swarm->hosts(0 .. 2), $_)->{status}, 0, "$_ is removed") for 'back', 'tidies';
};

subtest 'put: fewer shards are allowed' => sub {
    my $r = put_and([$swarm->hosts(0 .. 3)], sub { $swarm->kill(2) }, '--min-shards', 3);
    is($r->{status}, 0, 'stored') or diag($r->{err});
    chomp(my $cap = $r->{out});
    get_ok($cap, [$swarm->hosts(0 .. 3)], 'it can be read while the host is dead');
    $swarm->revive(2);
};

subtest 'put: all hosts die' => sub {
    my $r = put_and([$swarm->hosts(0 .. 3)], sub { $swarm->kill(0 .. 3) });
    is("$r->{status} $r->{out}", '3 ', 'status 3, and no capability');
    cmp_ok($r->{seconds}, '<', 60, sprintf 'in time (%.1f s)', $r->{seconds});
    $swarm->revive(0 .. 3);
};

# --- get

# Ten segments, and layr-get has at most eight of them under way: as long as the first is not read from the pipe, the last are not asked for.
my ($copies, $segments) = (3, 10);
$path = make_file(scratch('long'), $segments * 64 * 65520);
my $r = tool('layr-put', '-k', "1/$copies", '-n', 'long', $swarm->hosts(0 .. $copies - 1), $path);
is($r->{status}, 0, 'put') or BAIL_OUT($r->{err});
chomp(my $cap = $r->{out});

# A get into a pipe: the code runs when the first bytes have come, then the rest is read.
sub get_and {
    my ($code) = @_;
    my $fifo = pipe_file('out-pipe');
    my $process = spawn({stdout_file => $fifo, timeout => 90}, build('bin/layr-get'), '-v', '-o', '-', $swarm->hosts(0 .. $copies - 1), $cap);
    open my $out, '<:raw', $fifo or die "$fifo: $!";
    read $out, my $bytes, 100_000;
    $code->();
    my $rest = do { local $/; <$out> };
    return ($process->wait, $bytes . ($rest // ''));
}

subtest 'get: n - k hosts die' => sub {
    my ($r, $bytes) = get_and(sub { $swarm->kill(0, 1) });
    is($r->{status}, 0, 'read') or diag($r->{err});
    ok($bytes eq read_file($path), 'the bytes are right');
    cmp_ok($r->{seconds}, '<', 40, sprintf 'in time (%.1f s)', $r->{seconds});
    $swarm->revive(0, 1);
};

subtest 'get: one more dies' => sub {
    my ($r, $bytes) = get_and(sub { $swarm->kill(0, 1, 2) });
    is($r->{status}, 4, 'status 4');
    like($r->{err}, qr/^layr-get: \d of 10 segments cannot be recovered \(numbers? .*\b9\b.*\): segment \d needs 1 good shards? of 3/m, 'the segments are named');
    ok($bytes eq substr(read_file($path), 0, length $bytes), 'the bytes that came are right');
    cmp_ok(length $bytes, '<', -s $path, 'and not all');
    cmp_ok($r->{seconds}, '<', 60, sprintf 'in time (%.1f s)', $r->{seconds});
    $swarm->revive(0, 1, 2);
};

subtest 'get: all die, and come back' => sub {
    my ($r, $bytes) = get_and(sub { $swarm->kill(0 .. 2); $swarm->revive(0 .. 2) });
    is($r->{status}, 0, 'read') or diag($r->{err});
    ok($bytes eq read_file($path), 'the bytes are right');
};

subtest 'get: k hosts are up' => sub {
    $swarm->kill(0, 1);
    my $r = tool('layr-get', '-f', '-o', scratch('out'), $swarm->hosts(0 .. $copies - 1), $cap);
    is($r->{status}, 0, 'read') or diag($r->{err});
    ok(same_file($path, scratch('out')), 'the bytes are right');
    like($r->{err}, qr/^2 of 3 hosts cannot be used now/m, 'says so');
    $swarm->revive(0, 1);
};

ok($swarm->quiet, 'error logs') or diag($swarm->noise);
done_testing;
