#!/usr/bin/perl
# New versions of a folder: what has changed is sent, whatever lies beside it, and the version is right after every kind of change;
# a reader of the old one finishes; what is unused stays in bounds; pages that have not changed are kept. About 20 s.
use strict;
use warnings;
use lib 't/lib';
use File::Path ();
use Layr::Test;
use Layr::Tree;
use Test::More;

my $swarm = Layr::Test->swarm(9, '--access-log');
my @all = $swarm->hosts;
my ($name, $dir) = ('tree', scratch('tree'));
tool('layr-key', 'new')->{status} == 0 or BAIL_OUT('no key');

sub blobs  { return map { $swarm->blobs($_) } 0 .. $swarm->count - 1 }
sub stored { my $sum = 0; $sum += -s $_ for blobs(); return $sum }

sub sql {
    my $r = run('python3', '-c', 'import sqlite3, sys
db = sqlite3.connect(sys.argv[1], timeout=10)
db.execute(sys.argv[2])
db.commit()', scratch('home/journal.db'), $_[0]);
    die "sql: $r->{err}" if $r->{status} != 0;
    return;
}

# What is to be released a day later, now.
sub a_day_later {
    sql('UPDATE later SET due = due - 90000');
    return tool('layr-put', '-q', '-n', 'tidy' . random_hex(4), @all, write_file(scratch('tidy'), 'x'))->{status} == 0;
}

# How often hosts were asked for something that changes them.
sub changes {
    my $n = 0;
    for my $i (0 .. $swarm->count - 1) { $n += () = read_file($swarm->path($i, 'access.log')) =~ /"(?:PUT|POST) /g }
    return $n;
}

my $last;    # what the last update said on standard error

sub update {
    my ($what, @options) = @_;
    my $before = stored();
    my $r = tool('layr-put', '--json', '-v', '--update', $name, @all, @options, $dir);
    $last = $r->{err};
    ok($r->{status} == 0, "$what: a new version") or diag($r->{err});
    return {} if $r->{status} != 0;
    my $put = unjson($r->{out});
    is(stored() - $before, $put->{stored_bytes}, "$what: hosts got what it says");
    return $put;
}

sub is_right {
    my ($what) = @_;
    my $to = scratch('back');
    File::Path::remove_tree($to);
    my $r = tool('layr-get', '-q', '-o', $to, @all, $name);
    ok($r->{status} == 0, "$what: got") or diag($r->{err});
    return is_deeply(shape($to), shape($dir), "$what: all of it as it is");
}

mkdir $dir;
make_file("$dir/$_", 65536, "file $_") for 1 .. 1000;
make_file("$dir/large", 17 << 20, 'large');
my $r = tool('layr-put', '--json', '-n', 'tree', @all, $dir);
is($r->{status}, 0, 'a tree') or BAIL_OUT($r->{err});
my $first = unjson($r->{out});

subtest 'a hundredth of its files' => sub {
    my ($read, $write) = pipe_ends();
    my $old = sha256_file("$dir/large");
    my $get = spawn({stdout_fh => $write}, build('bin/layr-get'), '-q', '-o', '-', '--path', 'large', @all, $first->{cap});
    sysread $read, my $bytes, 1 << 16;
    make_file("$dir/" . (100 * $_ + 1), 65536, "other $_") for 0 .. 9;
    my $changes = changes();
    $r = tool('layr-put', '--json', '--dry-run', '--update', 'tree', @all, $dir);
    is($r->{status}, 0, 'a dry run') or diag($r->{err});
    my $dry = unjson($r->{out});
    is(changes(), $changes, 'changes nothing');
    my $put = update('files');
    is($put->{cap}, $first->{cap}, 'the capability is the same');
    cmp_ok($put->{stored_bytes}, '<', 0.05 * $first->{stored_bytes}, 'less than a twentieth was sent');
    is($put->{kept}, $first->{segments} - 1, 'every segment stays but that of the old tree');
    is($dry->{$_}, $put->{$_}, "the dry run knew: $_") for qw(size segments shards stored_bytes kept kept_bytes unused_bytes files);
    is($put->{unused_bytes}, 10 * 65536, 'ten files in them are unused');
    like($last, qr/of files that are there no more, or changed/, 'to people too');
    while (my $n = sysread $read, my $more, 1 << 20) { $bytes .= $more }
    is($get->wait->{status}, 0, 'a reader of the old version ends well') or diag($get->wait->{err});
    is(sha256_hex($bytes), $old, 'and has it');
    is_right('files');
};

# A smaller one, in segments of 4 MiB.
($name, $dir) = ('small', scratch('small'));
mkdir $dir;
mkdir "$dir/$_" or die "$dir/$_: $!" for 'a', 'b', 'empty';
make_file("$dir/" . ($_ % 2 ? 'a' : 'b') . "/$_", 30000, "file $_") for 1 .. 200;
make_file("$dir/large", 5 << 20, 'large');
symlink 'large', "$dir/link";
$r = tool('layr-put', '--json', '-k', '1/3', @all, $dir);
is($r->{status}, 0, 'a smaller tree') or BAIL_OUT($r->{err});
$first = unjson($r->{out});

my %change = (
    'more and less'       => sub { write_file("$dir/more", 'more' x 2000) and unlink "$dir/b/16" and system('cp', '-p', "$dir/b/12", "$dir/copy") == 0 },
    'other names'         => sub { rename "$dir/b/18", "$dir/eighteen" and rename "$dir/b/2", "$dir/x" and rename "$dir/b/4", "$dir/b/2" and rename "$dir/x", "$dir/b/4" },
    'a folder\'s name'    => sub { rename "$dir/a", "$dir/z" },
    'modes, times, links' => sub { chmod(0600, "$dir/b/6", "$dir/large") and utime 5, 5, "$dir/b/8", "$dir/large" and unlink "$dir/link" and symlink 'b/8', "$dir/link" },
    'a file, a folder'    => sub { unlink "$dir/b/10"; mkdir "$dir/b/10"; rmdir "$dir/empty"; write_file("$dir/empty", '') },
    'nothing'             => sub { 1 },
    # by size and time nobody would see it
    'bytes, not time'     => sub {
        my $time = (stat "$dir/b/14")[9];
        write_file("$dir/b/14", 'y' . substr read_file("$dir/b/14"), 1);
        utime $time, $time, "$dir/b/14";
    },
);
for my $what (sort keys %change) {
    subtest $what => sub {
        ok($change{$what}->(), 'it changes');
        my $put = update($what);
        cmp_ok($put->{stored_bytes}, '<', 0.05 * $first->{stored_bytes}, 'little is sent');
        is_right($what) if $what ne 'nothing';
    };
}

subtest 'a byte in a large file' => sub {
    my $bytes = read_file("$dir/large");
    substr($bytes, 1 << 20, 1) = 'x';
    write_file("$dir/large", $bytes);
    my $put = update('large');
    cmp_ok($put->{stored_bytes}, '<', 3.2 * (4 << 20), 'costs a segment');
    is_right('large');
};

subtest 'cut off' => sub {
    make_file("$dir/new", 9 << 20, 'new');
    my $before = blobs();
    my $put = spawn(build('bin/layr-put'), '-q', '--update', $name, @all, $dir);
    ok(wait_for(30, sub { blobs() > $before }), 'while it sends');
    $put->kill;
    File::Path::remove_tree(scratch('back'));
    $r = tool('layr-get', '-q', '-o', scratch('back'), @all, $name);
    is($r->{status}, 0, 'the old version is whole') or diag($r->{err});
    ok(!-e scratch('back/new'), 'and the old one') or return;
    ok(a_day_later(), 'what was sent to no end goes');
    update('again');
    is_right('again');
};

subtest 'a day later' => sub {
    my $put = update('the same');
    is(tool('layr-rm', '-q', @all, 'tree')->{status}, 0, 'the other tree is removed');
    ok(a_day_later(), 'what old versions needed goes');
    is(stored(), $put->{stored_bytes} + $put->{kept_bytes}, 'and what the new one needs is there, and nothing else');
    is_right('a day later');
};

subtest 'much that is unused' => sub {
    unlink "$dir/new", map { "$dir/z/" . (2 * $_ - 1), "$dir/b/" . 2 * $_ } 20 .. 100;
    my $put = update('many less');
    cmp_ok($put->{repacked_bytes}, '>', 0, 'is repacked');
    like($last, qr/of files that had not changed were repacked/, 'and that is said');
    cmp_ok($put->{unused_bytes}, '<=', $put->{size} / 4, 'so that a quarter is unused at most');
    is_right('many less');
    is(tool('layr-get', '-o', '-', @all, '--path', 'b/40', $name)->{status}, 1, 'what was deleted is not there');
    $put = update('repacked', '--repack');
    is($put->{unused_bytes}, 0, '--repack: nothing is unused');
    is_right('repacked');
    ok(a_day_later(), 'a day later');
    is(stored(), $put->{stored_bytes} + $put->{kept_bytes}, 'no byte of what was deleted is at a host');
};

subtest 'a file, a folder, another scheme' => sub {
    my $file = write_file(scratch('file'), 'x' x 5000);
    is(tool('layr-put', '-q', '--update', $name, @all, $file)->{status}, 0, 'a folder becomes a file');
    $r = tool('layr-get', '-q', '-o', '-', @all, $name);
    is($r->{out}, 'x' x 5000, 'it is');
    update('and a folder');
    is_right('a folder again');
    is(update('another scheme', '-k', '3/5')->{kept}, 0, 'with another scheme nothing stays');
    is_right('another scheme');
};

# The name of the one put since the last time that is not ours.
my %known;
sub named {
    my ($new) = grep { /^folder/ && !$known{$_} } map { $_->{name} } @{unjson(tool('layr-ls', '--json')->{out})->{files}};
    $known{$new} = 1;
    return $new;
}

subtest 'pages' => sub {
    my $count = 560;
    my %bytes = map { $_ => pack('A5000', "file $_") } 1 .. $count;
    my @names = sort map { "f$_" } 1 .. $count;
    my $data = join '', map { $bytes{substr $_, 1} } @names;
    my $at = 0;
    put_tree($swarm, $data, ['-k', '1/3', '--segment', 5000], entry(0, ''), map { my $e = entry(1, $_, offset => $at, bytes => $bytes{substr $_, 1}); $at += 5000; $e } @names);
    my $from = scratch('many');
    mkdir $from;
    write_file("$from/$_", $bytes{substr $_, 1}) for @names;
    unlink "$from/$names[10]";
    $r = tool('layr-put', '--json', '--update', named(), @all, $from);
    is($r->{status}, 0, 'a new version of many segments') or diag($r->{err});
    my $put = unjson($r->{out});
    cmp_ok($put->{kept}, '>', 500, 'most segments are kept');
    is($put->{pages}, 3, 'its manifest has three pages');
    is($put->{kept_pages}, 1, 'of which the middle one is kept');
    ok(a_day_later(), 'a day later');
    $r = tool('layr-get', '-q', '-o', scratch('many2'), @all, $put->{cap});
    is($r->{status}, 0, 'it is read') or diag($r->{err});
    is_deeply(shape(scratch('many2')), shape($from), 'all of it');
};

subtest 'a tree of evil' => sub {
    put_tree($swarm, 'x' x 10_000, entry(0, ''), entry(1, '../evil', bytes => 'x' x 10_000));
    $r = tool('layr-put', '--json', '--update', named(), @all, "$dir/z");
    is($r->{status}, 0, 'is replaced') or diag($r->{err});
    like($r->{err}, qr/tree is not valid .*: all of it is sent anew/, 'and that is said');
    is(tool('layr-get', '-q', '-o', scratch('z'), @all, unjson($r->{out})->{cap})->{status}, 0, 'by a good one');
    is_deeply(shape(scratch('z')), shape("$dir/z"), 'all of it');
};

ok($swarm->quiet, 'error logs are clean') or diag($swarm->noise);
done_testing;
