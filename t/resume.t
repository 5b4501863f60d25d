#!/usr/bin/perl
# A put that is cut off goes on where it was: killed at any moment, by Ctrl-C, for want of hosts; of a source that changed
# meanwhile; given up; and left alone for too long.
use strict;
use warnings;
use lib 't/lib';
use Layr::Resume;
use Layr::Test;
use Test::More;

my $swarm = resume_swarm(6);
is(tool('layr-key', 'new')->{status}, 0, 'a key');
write_file(scratch('home/layr.conf'), join '', map { "host $_\n" } $swarm->urls);
srand(my $seed = $ENV{LAYR_SEED} // time);
note("LAYR_SEED=$seed");

my $file = make_file(scratch('file'), 32 << 20);
my @put = ('-k', '2/4', '-n', 'file', $file);

sub unfinished { return @{unjson(tool('layr-ls', '--json')->{out})->{unfinished}} }

subtest 'killed at any moment' => sub {
    kills(4, $file);
    my $large = make_file(scratch('large'), 280 << 20);
    kills(10, $large, 1.1);
    unlink $large;
};

subtest 'stopped' => sub { stops(4, $file) };

subtest 'what a person is told' => sub {
    my $p = put_under_way(@put);
    my ($u) = unfinished();
    is("$u->{name} $u->{running}", 'file 1', 'layr-ls lists it') if ok($u, 'layr-ls knows of it');
    my $r = tool('layr-put', '--resume', @put);
    ok($r->{status} == 1 && $r->{err} =~ /being stored by another layr-put/, 'nobody else goes on with it') or diag($r->{err});
    $r = tool('layr-rm', 'file');
    ok($r->{status} == 1 && $r->{err} =~ /being stored just now/, 'nor gives it up') or diag($r->{err});
    $p->kill('INT');
    $r = $p->kill('CONT')->wait;
    is("$r->{status} $r->{out}", '1 ', 'Ctrl-C: exit status');
    like($r->{err}, qr/^layr-put: stopped$/m, 'Ctrl-C: it says so');
    like($r->{err}, qr/kept for 7 days: `layr-put --resume -n 'file' '\Q$file\E'` goes on with it, `layr-rm 'file'` gives it up/,
        'and what can be done');
    $r = tool('layr-ls');
    like($r->{out}, qr/32\.0 MiB  2\/4 .* unfinished  file$/m, 'layr-ls shows it as unfinished') or diag($r->{out});
    $r = tool('layr-put', @put);
    ok($r->{status} == 1 && $r->{err} =~ /a put of file was cut off: go on with it \(layr-put --resume\), give it up \(layr-rm\)/,
        'without --resume nothing of it is lost') or diag($r->{err});
    $r = tool('layr-put', '--resume', '-k', '1/3', '-n', 'file', $file);
    ok($r->{status} == 2 && $r->{err} =~ /begun with scheme 2\/4/, 'its scheme stays') or diag($r->{err});
    $r = tool('layr-put', '--resume', '-n', 'file', $file);
    is($r->{status}, 0, 'no scheme need be given') or diag($r->{err});
    like($r->{err}, qr/^\d+ shards?, [\d.]+ MiB, (?:was|were) there from an earlier try; /m, 'what was there is said');
    is(scalar(blobs()), 20, 'its shards alone are at the hosts');
    $r = tool('layr-put', '--resume', @put);
    ok($r->{status} == 1 && $r->{err} =~ /you have a file named file already/, 'once it is done it is done') or diag($r->{err});
    is(tool('layr-rm', 'file')->{status}, 0, 'removed');
    $r = tool('layr-put', '--resume', '-n', 'new', '/bin/sh');
    ok($r->{status} == 0 && $r->{err} =~ /nothing to go on with/, 'without an earlier try it begins') or diag($r->{err});
    is(tool('layr-rm', 'new')->{status}, 0, 'removed');
    is(tool('layr-put', '--resume', '-n', 'x', '-')->{status}, 2, 'a stream cannot be gone on with');
};

subtest 'given up' => sub {
    is(killed_put(4, @put), -9, 'killed');
    my $r = tool('layr-rm', 'file');
    is($r->{status}, 0, 'layr-rm') or diag($r->{err});
    like($r->{err}, qr/gave up the put of file that was cut off/, 'and its words');
    ok(wait_for(10, sub { !blobs() }), 'nothing stays at the hosts');
    is_deeply([unfinished()], [], 'nor in the journal');
};

subtest 'left alone for too long' => sub {
    is(killed_put(4, @put), -9, 'killed');
    is(tool('layr-rm', 'nobody')->{status}, 1, 'another program');
    cmp_ok(scalar(blobs()), '>=', 4, 'leaves it alone');
    my $r = run('python3', '-c', 'import sqlite3, sys; d = sqlite3.connect(sys.argv[1]); d.execute("UPDATE resume SET expires = 1"); d.commit()',
        scratch('home/journal.db'));
    is($r->{status}, 0, 'its time is up') or diag($r->{err});
    $r = tool('layr-rm', 'nobody');
    like($r->{err}, qr/cut off was given up/, 'the next program gives it up');
    ok(wait_for(10, sub { !blobs() }), 'nothing stays at the hosts');
};

subtest 'for want of hosts' => sub {
    my @one = ('-k', '1/3', '-n', 'file', $file);
    my $p = put_under_way($swarm->hosts(0, 1, 2), @one);
    $swarm->kill(1);
    my $r = $p->kill('CONT')->wait;
    is("$r->{status} $r->{out}", '3 ', 'too few hosts: exit status') or diag($r->{err});
    like($r->{err}, qr/`layr-put --resume.*\nlayr-put: too few hosts/, 'the reason, and how it goes on');
    $swarm->revive(1);
    resumed_ok('with more hosts', $file, tool('layr-put', '--json', '--resume', $swarm->hosts, @one));
    is(tool('layr-rm', 'file')->{status}, 0, 'removed');
};

subtest 'a folder' => sub {
    my $dir = scratch('folder');
    mkdir $dir;
    make_file("$dir/$_", 3 << 20, $_) for 1 .. 12;
    my $p = put_under_way('-k', '2/4', $dir);
    $p->kill;
    my $r = tool('layr-put', '--json', '--resume', '-k', '2/4', $dir);
    is($r->{status}, 0, 'gone on with') or diag($r->{err});
    cmp_ok(unjson($r->{out})->{found}, '>=', 2, 'what was there is found');
    is(tool('layr-get', '-q', '-o', scratch('folder2'), 'folder')->{status}, 0, 'got');
    is(run('diff', '-r', $dir, scratch('folder2'))->{status}, 0, 'and the same');
    is(tool('layr-rm', 'folder')->{status}, 0, 'removed');
};

# The journal has the salt of every shard that was ever sent, and the shard's id is the hash of what was sealed with it.
subtest 'a source that changes between the tries' => sub {
    make_file($file, 96 << 20);
    is(killed_put(12, @put), -9, 'killed');
    my $first = look()->{salts};
    my $time = (stat $file)[9];
    open my $f, '+<:raw', $file or die "$file: $!";
    seek $f, 1000, 0;
    print {$f} 'changed';
    close $f;
    utime $time, $time, $file;
    is(killed_put(2, '--resume', @put), -9, 'the first segment changes, and neither size nor time tells; killed again');
    my $both = look()->{salts};
    cmp_ok(scalar(keys %$both), '>=', keys(%$first) + 4, 'what changed has other salts');
    is_deeply([grep { @{$both->{$_}} > 1 } keys %$both], [], 'no salt has sealed two contents');
    is_deeply([grep { !$both->{$_} } keys %$first], [], 'and the journal forgot none');
    my $r = tool('layr-put', '--json', '--resume', @put);
    my $put = resumed_ok('of the changed source', $file, $r);
    cmp_ok($put->{changed}, '>=', 4, 'the first segment\'s shards as they were are let go of');
    like($r->{err}, qr/^\Q$file\E changed after it was begun: what is stored is as it is now/m, 'and that is said');
    is(tool('layr-rm', 'file')->{status}, 0, 'removed');

    is(killed_put(8, @put), -9, 'killed');
    truncate $file, 90 << 20;
    $r = tool('layr-put', '--json', '--resume', @put);
    like($r->{err}, qr/^the file has changed since it was begun/m, 'a shorter source is noticed at once');
    resumed_ok('of the shorter source', $file, $r);
    is(tool('layr-rm', 'file')->{status}, 0, 'removed');
};

ok(wait_for(10, sub { !blobs() }), 'nothing stays at the end');
ok($swarm->quiet, 'error logs are clean') or diag($swarm->noise);
done_testing;
