#!/usr/bin/perl
# A get that is cut off goes on with --resume: killed at several moments, stopped by Ctrl-C, for want of hosts; of a file and of a
# folder; what was left damaged, of another version, in use, too old, or not ours.
use strict;
use warnings;
use lib 't/lib';
use File::Path ();
use Layr::GetResume;
use Layr::Test;
use Layr::Tree;
use Test::More;

my $swarm = get_swarm(5, '--max-rate', '48m');
is(tool('layr-key', 'new')->{status}, 0, 'a key');
write_file(scratch('home/layr.conf'), join '', map { "host $_\n" } $swarm->urls);
srand(my $seed = $ENV{LAYR_SEED} // time);
note("LAYR_SEED=$seed");

my $dir = scratch('to');
mkdir $dir;
my $to = "$dir/file";
my $file = make_file(scratch('file'), 192 << 20);

sub put { my (@args) = @_; my $r = tool('layr-put', '-q', '-k', '2/4', @args); is($r->{status}, 0, 'put') or diag($r->{err}); chomp $r->{out}; return $r->{out} }
my $cap = put($file);

subtest 'killed' => sub {
    get_kills(3, $dir, $cap, $file);
    is(cut_get('KILL', $dir, 20 << 20, '-o', $to, $cap)->{status}, -9, 'without --resume, too');
    is(tool('layr-get', '--resume', '-o', "$dir/other", '--range', '0-9', $cap)->{status}, 2, 'ranges are not gone on with');
    is(tool('layr-get', '--resume', '-o', '-', $cap)->{status}, 2, 'nor is standard output');
    is(scalar(@{[partials($dir)]}), 1, 'neither touches what is there');
    is((stat +(partials($dir))[0])[2] & 07777, 0600, 'which is private');
    cmp_ok(resumed_get('by name', $dir, $file, $to, 'file')->{found_bytes}, '>=', 8 << 20, 'goes on');
};

subtest 'stopped' => sub {
    my $r = cut_get('INT', $dir, 40 << 20, '--resume', '-o', $to, $cap);
    is($r->{status}, 1, 'Ctrl-C: exit status');
    like($r->{err}, qr/^([\d.]+) MiB of it are kept for 7 days \(\Q$dir\E\/\.layr-get-\S+\): the same command goes on with it\nlayr-get: stopped$/m,
        'and what can be done') or diag($r->{err});
    my $got = resumed_get('stopped', $dir, $file, $to, $cap);
    cmp_ok($got->{found_bytes}, '>=', 40 << 20, 'what was there is found');
    is($got->{found_bytes} + $got->{stale_bytes}, $got->{found_bytes}, 'all of it was right');
    is(int($got->{found_bytes} / (1 << 20) + 0.5), int($1 + 0.5), 'it was as much as was said') if $r->{err} =~ /^([\d.]+) MiB of it/m;
    like($got->{words}, qr/MiB were there from an earlier try$/m, 'and that is said');
    $r = cut_get('INT', $dir, 40 << 20, '-o', $to, $cap);
    like($r->{err}, qr/MiB that came are given up: with --resume they are kept/, 'without --resume nothing stays, and that is said');
    is_deeply([partials($dir)], [], 'indeed');
    like(resumed_get('from the start', $dir, $file, $to, $cap)->{words}, qr/nothing to go on with: it was got from its start/, 'with nothing there it begins');
};

subtest 'for want of hosts' => sub {
    forget_served();
    my $p = under_way($dir, 40 << 20, '--resume', '-o', $to, $cap);
    $swarm->kill(0 .. 4);
    my $r = $p->wait;
    is($r->{status}, 4, 'all hosts gone: exit status') or diag($r->{err});
    like($r->{err}, qr/are kept for 7 days/, 'it stays');
    is(scalar(@{[partials($dir)]}), 1, 'indeed');
    is(tool('layr-get', '--resume', '-o', $to, $cap)->{status}, 3, 'with no host nothing more comes');
    is(scalar(@{[partials($dir)]}), 1, 'and nothing goes');
    $swarm->revive(0 .. 4);
    cmp_ok(resumed_get('with hosts again', $dir, $file, $to, $cap)->{found_bytes}, '>=', 40 << 20, 'what was there is found');
    cmp_ok(served() / -s $file, '<=', 1.15, 'and little is sent twice');
};

# A segment is 8 MiB less 32 KiB.
subtest 'damaged' => sub {
    is(cut_get('KILL', $dir, 60 << 20, '--resume', '-o', $to, $cap)->{status}, -9, 'killed');
    my ($left) = partials($dir);
    my $had = int((-s $left) / (64 * 2 * 65520));
    open my $f, '+<:raw', $left or die "$left: $!";
    seek $f, 20 << 20, 0;
    print {$f} 'no longer what it was';
    close $f;
    my $got = resumed_get('one segment damaged', $dir, $file, $to, $cap);
    is($got->{stale_bytes}, 64 * 2 * 65520, 'that segment is fetched anew');
    cmp_ok($got->{found_bytes}, '>=', ($had - 2) * 64 * 2 * 65520, 'the others not');
    like($got->{words}, qr/were there from an earlier try; 8\.0 MiB there were not right and were fetched anew/, 'and that is said');

    is(cut_get('KILL', $dir, 30 << 20, '--resume', '-o', $to, $cap)->{status}, -9, 'killed');
    write_file(($left) = partials($dir), 'x' x (210 << 20));
    is(resumed_get('all of it, and more', $dir, $file, $to, $cap)->{found_bytes}, 0, 'nothing of it is taken');
};

subtest 'in use, too old, not ours' => sub {
    my $p = under_way($dir, 20 << 20, '--resume', '-o', $to, $cap)->kill('STOP');
    my $r = tool('layr-get', '--resume', '-o', $to, $cap);
    is($r->{status}, 1, 'a second get to the same place: exit status');
    like($r->{err}, qr/another layr-get is getting it to the same place just now/, 'and why');
    is(tool('layr-get', '-q', '-o', "$dir/else", $cap)->{status}, 0, 'to another place it goes');
    $p->kill('KILL');
    my ($left) = partials($dir);
    my $size = -s $left;
    $r = tool('layr-get', '-o', $to, $cap);
    is($r->{status}, 0, 'without --resume it begins anew') or diag($r->{err});
    like($r->{err}, qr/what an earlier try had left \(\S+\) is given up: --resume would go on with it/, 'and says so');
    is_deeply([partials($dir)], [], 'nothing is left');
    ok(same_file($to, $file), 'and the file is right');

    my %old = map { $_ => "$dir/.layr-get-" . $_ x 16 . '-' . '0' x 8 } 1 .. 4;
    write_file($old{1}, 'old');
    mkdir $old{2};
    write_file("$old{2}/in", 'old');
    write_file($old{3}, 'new');
    write_file($old{4}, 'of two names');
    link $old{4}, "$dir/precious" or die $!;
    write_file("$dir/.layr-get-mine", 'none of ours');
    utime 1, time - 8 * 86400, $_ for @old{1, 2, 4}, "$dir/.layr-get-mine";
    unlink $to;
    $r = tool('layr-get', '-q', '-o', $to, $cap);
    is_deeply([sort(partials($dir))], [sort @old{3, 4}, "$dir/.layr-get-mine"], 'what is older than 7 days goes, and nothing else');
    unlink partials($dir);

    is(cut_get('KILL', $dir, 20 << 20, '-f', '--resume', '-o', $to, $cap)->{status}, -9, 'killed');
    ($left) = partials($dir);
    for my $way ('a link', 'a second name') {
        unlink $left;
        $way eq 'a link' ? symlink("$dir/precious", $left) : link("$dir/precious", $left) or die $!;
        $r = tool('layr-get', '-f', '--resume', '-o', $to, $cap);
        is($r->{status}, 1, "$way in its place: exit status");
        like($r->{err}, qr/\Q$left\E is in the way, and not this user's own/, "$way: and why");
        is(read_file("$dir/precious"), 'of two names', "$way: is not written through");
    }
    unlink $left, $to;
};

subtest 'another version' => sub {
    is(cut_get('KILL', $dir, 60 << 20, '--resume', '-o', $to, $cap)->{status}, -9, 'killed');
    open my $f, '+<:raw', $file or die "$file: $!";
    seek $f, 1000, 0;
    print {$f} 'changed';
    truncate $file, 180 << 20;
    close $f;
    my $r = tool('layr-put', '-q', '--update', 'file', $file);
    is($r->{status}, 0, 'changed') or diag($r->{err});
    my $got = resumed_get('another version', $dir, $file, $to, $cap);
    like($got->{words}, qr/it has changed since it was begun: what is the same in both versions is kept/, 'it is noticed');
    cmp_ok($got->{found_bytes}, '>=', 40 << 20, 'segments that are the same are kept');
    is($got->{stale_bytes}, 64 * 2 * 65520, 'those that are not are fetched');
};
unlink $file;

subtest 'a folder' => sub {
    my $src = scratch('source');
    mkdir $_ for $src, map { "$src/$_" } 'many', 'empty', 'closed';
    make_file("$src/many/$_", 60_000, $_) for 1 .. 100;
    make_file("$src/large", 64 << 20);
    write_file("$src/none", '');
    write_file("$src/closed/in", 'in');
    symlink 'large', "$src/link";
    open my $sparse, '>', "$src/sparse" or die $!;
    seek $sparse, 9 << 20, 0;
    print {$sparse} 'in the middle';
    truncate $sparse, 11 << 20;
    close $sparse;
    chmod 0400, "$src/many/7";
    chmod 0000, "$src/closed";
    my $want = shape($src);
    my $tree = put($src);
    for my $try (['killed', 'KILL', 24 << 20], ['killed late', 'KILL', 44 << 20], ['stopped', 'INT', 34 << 20]) {
        my ($what, $signal, $moment) = @$try;
        forget_served();
        isnt(cut_get($signal, $dir, $moment, '--resume', '-o', "$dir/tree", $tree)->{status}, 0, $what);
        my ($left) = partials($dir) or next;
        if ($what eq 'killed late') {    # by hand: more, less, links, and files and folders in each other's place
            write_file("$left/$_", 'foreign') for 'foreign', 'many/foreign', 'none';
            mkdir "$left/folder";
            symlink '/etc', "$left/empty/out";
            unlink "$left/many/1", "$left/many/2", "$left/many/3";
            symlink scratch('source/large'), "$left/many/2";
            mkdir "$left/many/3";
            write_file("$left/many/4", 'x' x 60_000);
            link scratch('source/many/5'), "$left/many/5.new" and rename "$left/many/5.new", "$left/many/5";
            chmod 0000, "$left/many/6", "$left/empty";
            rmdir "$left/closed" or File::Path::remove_tree("$left/closed");
            write_file("$left/closed", 'a file');
        }
        my $r = tool('layr-get', '--json', '--resume', '-o', "$dir/tree", $tree);
        is($r->{status}, 0, "$what: gone on with") or diag($r->{err});
        is_deeply(shape("$dir/tree"), $want, "$what: the folder is right");
        is_deeply([partials($dir)], [], "$what: nothing is left beside it");
        cmp_ok(unjson($r->{out})->{found_bytes}, '>=', $moment - (16 << 20), "$what: what was there is found");
        cmp_ok(served() - (81 << 20), '<=', 17 << 20, "$what: and little is sent twice") if $what ne 'killed late';
        is_deeply(shape($src), $want, "$what: nothing outside was touched");
        chmod 0700, "$dir/tree/closed";
        File::Path::remove_tree("$dir/tree");
    }
};

ok($swarm->quiet, 'error logs are clean') or diag($swarm->noise);
done_testing;
