#!/usr/bin/perl
# A put or a get that is cut off in the middle: by Ctrl-C, kill, kill -9, hosts that die, a source that changes, a disk that is
# full. Nothing half-written stays with the reader or at the hosts, and the same command works afterwards.
use strict;
use warnings;
use lib 't/lib';
use Fcntl qw(O_RDWR);
use POSIX ();
use Time::HiRes ();
use Layr::Test;
use Test::More;

my $large = make_file(scratch('large.bin'), 48 << 20);
my $serial = 0;

# A megabyte a second and answer: a get takes long enough to be cut off.
my $swarm = Layr::Test->swarm(5, '--max-rate', '1m');
is(tool('layr-key', 'new')->{status}, 0, 'a key');
write_file(scratch('home/layr.conf'), join '', map { "host $_\n" } $swarm->urls);

sub shards { return map { $swarm->blobs($_) } @_ ? @_ : 0 .. $swarm->count - 1 }
sub listed { my ($dir) = @_; opendir my $d, $dir or die "$dir: $!"; return sort grep { !/^\.\.?$/ } readdir $d }
sub folder { my $dir = scratch('dir' . $serial++); mkdir $dir or die "$dir: $!"; return $dir }
sub names  { return sort map { $_->{name} } @{unjson(tool('layr-ls', '--json')->{out})->{files}} }

# What a host's temp folder holds: bodies that were cut off.
sub parts { return grep { -f } map { glob $swarm->path($_, 'store/tmp/*') } 0 .. $swarm->count - 1 }

# A stream that goes on as long as somebody holds it: a put of it is always in its middle.
sub endless {
    my $fifo = scratch('fifo' . $serial++);
    POSIX::mkfifo($fifo, 0600) or die "$fifo: $!";
    sysopen my $hold, $fifo, O_RDWR or die "$fifo: $!";
    my $writer = spawn({stdout_file => $fifo}, 'cat', $large);
    return {path => $fifo, hold => $hold, writer => $writer};
}

# A put of such a stream, with some shards at the hosts already.
sub put_in_the_middle {
    my ($in, @args) = @_;
    my $before = shards();
    my $p = spawn({stdin_file => $in->{path}}, build('bin/layr-put'), @args, '-');
    ok(wait_for(60, sub { shards() >= $before + 6 }), 'some shards are stored');
    return $p;
}

# Until hosts have done what was sent to them in full: nobody is as fast as a test.
sub settle {
    my ($count, $since) = (-1, 0);
    wait_for(20, sub {
        my $now = shards() + parts();
        ($count, $since) = ($now, Time::HiRes::time()) if $now != $count;
        return Time::HiRes::time() - $since > 0.5;
    });
    return;
}

sub end_stream { my ($in) = @_; close $in->{hold}; $in->{writer}->kill; return }

# After it: nothing at the hosts, and a put under the same name works and finds nothing to tidy up.
sub works_again {
    my ($name, $tidied) = @_;
    is_deeply([parts()], [], 'no part of a shard stays in the hosts\' temp folders');
    my $r = tool('layr-put', '-k', '1/3', '-n', $name, '/bin/sh');
    is($r->{status}, 0, 'the same name can be put') or diag($r->{err});
    unlike($r->{err}, qr/cut off|no longer needed/, 'the journal is clean') if !$tidied;
    is(scalar(shards()), 3, 'its shards alone are at the hosts');
    is(tool('layr-rm', $name)->{status}, 0, 'and it can be removed');
    is(scalar(shards()), 0, 'then nothing is left');
    return;
}

for my $signal (qw(INT TERM HUP)) {
    subtest "put, SIG$signal" => sub {
        my $in = endless();
        my $p = put_in_the_middle($in, '-k', '1/3', '-n', "put$signal");
        my $before = time;
        my $r = $p->kill($signal)->wait;
        cmp_ok(time - $before, '<=', 10, 'it ends soon');
        is($r->{status}, 1, 'exit status');
        is($r->{out}, '', 'no capability');
        like($r->{err}, qr/^layr-put: stopped: nothing was stored$/m, 'and says so');
        is_deeply([shards()], [], 'no shard stays at a host');
        is_deeply([names()], [], 'no file is listed');
        works_again("put$signal");
        end_stream($in);
    };
}

subtest 'put, timeout' => sub {    # which signals twice: the process, and its group
    my $in = endless();
    my $r = run({stdin_file => $in->{path}}, 'timeout', '-s', 'INT', '3', build('bin/layr-put'), '-k', '1/3', '-n', 'timeout', '-');
    is($r->{status}, 124, 'its exit status');
    like($r->{err}, qr/stopped: nothing was stored/, 'it tidies up all the same');
    works_again('timeout');
    end_stream($in);
};

subtest 'put, Ctrl-C on a terminal' => sub {
    my $keys = scratch('keys');
    POSIX::mkfifo($keys, 0600);
    sysopen my $hold, $keys, O_RDWR or die "$keys: $!";
    my $in = endless();
    my $p = spawn({stdin_file => $keys}, 'script', '-qefc', "exec '@{[build('bin/layr-put')]}' -k 1/3 -n tty - < '$in->{path}'",
        scratch('typed'));
    ok(wait_for(60, sub { shards() >= 6 }), 'some shards are stored');
    syswrite $hold, "\x03";
    my $r = $p->wait;
    is($r->{status}, 1, 'exit status');
    like(read_file(scratch('typed')), qr/\n?layr-put: stopped: nothing was stored\r\n/, 'the words begin a line');
    works_again('tty');
    end_stream($in);
};

subtest 'put, kill -9' => sub {
    for my $next ('layr-put', 'layr-rm') {
        my $in = endless();
        my $r = put_in_the_middle($in, '-k', '1/3', '-n', 'nine')->kill('KILL');
        is($r->{status}, -9, 'killed');
        end_stream($in);
        cmp_ok(scalar(shards()), '>=', 6, 'its shards are still at the hosts');
        is_deeply([names()], [], 'no file is listed');
        $r = $next eq 'layr-put' ? tool('layr-put', '-k', '1/3', '-n', 'after', '/bin/sh') : tool('layr-rm', 'nobody');
        settle();    # a body that was whole when its put was killed is refused when its turn comes
        like($r->{err}, qr/cut off/, "the next $next gives it up");
        is(scalar(shards()), $next eq 'layr-put' ? 3 : 0, 'and has its shards released');
        tool('layr-rm', 'after') if $next eq 'layr-put';
        works_again('nine');
    }
};

subtest 'put, hosts die' => sub {
    # Two spares for three places: one host may go.
    my $in = endless();
    my $p = put_in_the_middle($in, '-v', '-k', '1/3', '-n', 'spare');
    $swarm->kill(1);
    end_stream($in);
    my $r = $p->wait;
    is($r->{status}, 0, 'with a spare host it goes on') or diag($r->{err});
    chomp(my $cap = $r->{out});
    $r = tool('layr-ls', 'spare');
    is($r->{status}, 0, 'it can be read') or diag($r->{out}, $r->{err});
    $swarm->revive(1);
    is(tool('layr-rm', 'spare')->{status}, 0, 'removed');
    tool('layr-put', '-k', '1/3', '-n', 'x', '/bin/sh');
    tool('layr-rm', 'x');
    is_deeply([shards()], [], 'nothing stays, at the host that had died neither');

    # No spare: hosts 0 to 2 for three places.
    my $before = time;
    $in = endless();
    $p = spawn({stdin_file => $in->{path}}, build('bin/layr-put'), $swarm->hosts(0, 1, 2), '-k', '1/3', '-n', 'none', '-');
    ok(wait_for(60, sub { shards() >= 6 }), 'some shards are stored');
    $swarm->kill(1);
    $r = $p->wait;
    is($r->{status}, 3, 'without a spare host it fails') or diag($r->{err});
    like($r->{err}, qr/^layr-put: too few hosts take segment \d+: .*3 have to.*\Q@{[$swarm->url(1)]}\E/m, 'and says which host');
    like($r->{err}, qr/could not be told to let go.*next layr-put or layr-rm/, 'and what stays there for now');
    is_deeply([shards(0, 2 .. 4)], [], 'nothing stays at the hosts that live');
    end_stream($in);
    $swarm->revive(1);
    tool('layr-rm', 'nobody');
    is_deeply([shards()], [], 'nor at the dead one after it is back');
    works_again('none');
};

subtest 'put, a source that changes' => sub {
    my $source = scratch('changing');
    my $change = sub {
        my ($what, $code, $words) = @_;
        make_file($source, 160 << 20);
        my $p = spawn({}, build('bin/layr-put'), '-k', '1/3', '-n', 'changing', $source);
        ok(wait_for(60, sub { shards() >= 1 }), "$what: under way");
        $p->kill('STOP');
        $code->();
        my $r = $p->kill('CONT')->wait;
        settle();
        is($r->{status}, 1, "$what: exit status");
        like($r->{err}, qr/^layr-put: \Q$source\E $words.*: it is not stored$/m, "$what: says so") or diag($r->{err});
        tool('layr-rm', 'changing') if $r->{err} =~ /`layr-rm 'changing'` gives it up/;    # where a host had answered before it failed
        is_deeply([shards()], [], "$what: nothing stays");
    };
    $change->('truncated', sub { truncate $source, 1 << 20 }, 'became shorter');
    $change->('longer', sub { open my $f, '>>', $source; print {$f} 'more' }, '(?:became longer|was changed)');
    $change->('written over', sub { utime 1e9, 1e9, $source }, 'was changed');
    works_again('changing');
};

subtest 'put, a writer that dies' => sub {
    my $r = run('bash', '-c', 'set -o pipefail; { head -c 3000000 "$1"; kill -9 $BASHPID; } | "$2" -k 1/3 -n dead -', 'x', $large,
        build('bin/layr-put'));
    is($r->{status}, 128 + 9, 'a shell that is asked tells');
    like($r->{err}, qr/stored dead: 2\.9 MiB/, 'and the size is said');
    is(tool('layr-rm', 'dead')->{status}, 0, 'removed');
    is_deeply([shards()], [], 'nothing stays');
};

my $r = tool('layr-put', '-k', '1/3', $large);
is($r->{status}, 0, 'a file to get') or diag($r->{err});
chomp(my $cap = $r->{out});

for my $signal (qw(INT TERM HUP)) {
    subtest "get, SIG$signal" => sub {
        my $dir = folder();
        write_file("$dir/old", 'precious');
        my $p = spawn({}, build('bin/layr-get'), '-f', '-o', "$dir/old", $cap);
        ok(wait_for(30, sub { grep { -s "$dir/$_" && /^\.layr-get-/ } listed($dir) }), 'it is under way');
        my $before = time;
        $r = $p->kill($signal)->wait;
        cmp_ok(time - $before, '<=', 5, 'it ends soon');
        is($r->{status}, 1, 'exit status');
        like($r->{err}, qr/^layr-get: stopped/m, 'and says so');
        is_deeply([listed($dir)], ['old'], 'no temporary file stays');
        is(read_file("$dir/old"), 'precious', 'the old file was left as it is');
    };
}

subtest 'get, to a reader that waits' => sub {
    my $fifo = scratch('waiting');
    POSIX::mkfifo($fifo, 0600);
    sysopen my $hold, $fifo, O_RDWR or die "$fifo: $!";
    my $p = spawn({stdout_file => $fifo}, build('bin/layr-get'), '-o', '-', $cap);
    sysread $hold, my $some, 10;
    is(length $some, 10, 'the first bytes are there before the last are fetched');
    my $before = time;
    $r = $p->kill('INT')->wait;
    is($r->{status}, 1, 'exit status');
    cmp_ok(time - $before, '<=', 5, 'it ends soon');
};

subtest 'get, the disk is full' => sub {
    my $dir = folder();
    $r = run('bash', '-c', 'cd "$1"; ulimit -f 1024; exec "$2" "$3"', 'x', $dir, build('bin/layr-get'), $cap);
    is($r->{status}, 1, 'a limit on the size of files: exit status') or diag($r->{err});
    like($r->{err}, qr/large\.bin.*(?:ulimit -f).*48\.0 MiB/, 'and what is needed');
    is_deeply([listed($dir)], [], 'nothing stays');
  SKIP: {
        skip 'a file system of its own needs root', 5 if $> != 0;
        my $mount = run('mount', '-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', $dir);
        skip "no tmpfs can be mounted here: $mount->{err}", 5 if $mount->{status} != 0;
        write_file("$dir/large.bin", 'precious');
        $r = run({cwd => $dir}, build('bin/layr-get'), '-f', $cap);
        my @left = listed($dir);
        my $old = read_file("$dir/large.bin");
        my $q = run({cwd => $dir}, 'bash', '-c', '"$1" -f -o - "$2" > piped', 'x', build('bin/layr-get'), $cap);
        run('umount', $dir);
        is($r->{status}, 1, 'a full file system: exit status');
        like($r->{err}, qr/no room for .*large\.bin.*48\.0 MiB.*needed.*(?:[\d.]+ [KM]iB) are free/, 'what is needed and what is free');
        is("@left $old", 'large.bin precious', 'nothing new stays, and the old file does');
        is($q->{status}, 1, 'redirected: exit status');
        like($q->{err}, qr/standard output: No space left/, 'redirected: says so');
    }
};

subtest 'get, hosts die' => sub {
    my $dir = folder();
    my $p = spawn({}, build('bin/layr-get'), '-o', "$dir/x", $cap);
    ok(wait_for(30, sub { grep { -s "$dir/$_" } listed($dir) }), 'it is under way');
    $swarm->kill(0 .. 4);
    $r = $p->wait;
    is($r->{status}, 4, 'all hosts gone: exit status') or diag($r->{err});
    like($r->{err}, qr/^layr-get: .*segment \d+/m, 'and what is missing');
    is_deeply([listed($dir)], [], 'nothing stays');
    $swarm->revive(0 .. 4);
    $r = tool('layr-get', '--range', '0-999999', '-o', "$dir/x", $cap);
    is($r->{status}, 0, 'the same command works when they are back') or diag($r->{err});
};

is(tool('layr-rm', 'large.bin')->{status}, 0, 'removed');
is_deeply([shards()], [], 'nothing stays at the end');
ok($swarm->quiet, 'error logs are clean') or diag($swarm->noise);
done_testing;
