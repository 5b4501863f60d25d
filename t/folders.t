#!/usr/bin/perl
# Folders: a real tree put, listed and read back by file, folder and whole, byte for byte and by mode and time; trees that are
# made to do harm write nothing outside. About 30 s.
use strict;
use warnings;
use lib 't/lib';
use Cwd qw(abs_path);
use File::Path ();
use Layr::Test;
use Layr::Tree;
use POSIX ();
use Socket;
use Test::More;

my $swarm = Layr::Test->swarm(9, '--access-log');
my @all = $swarm->hosts;
is(tool('layr-key', 'new')->{status}, 0, 'an owner');

sub put { my ($dir, @options) = @_; return tool({timeout => 300}, 'layr-put', @all, @options, $dir) }
sub get { my (@options) = @_; return tool({timeout => 300}, 'layr-get', @all, @options) }
sub ls  { my (@options) = @_; return unjson(tool('layr-ls', '--json', @all, @options)->{out}) }

# --- a real tree

my $src = scratch('source');
mkdir $src;
is(system('sh', '-c', 'tar c --exclude=./build --exclude=./.git . | tar x -C "$0"', $src), 0, 'a source tree') or BAIL_OUT('no tree');
mkdir "$src/$_" or die "$_: $!" for 'small', 'empty', "odd \n\xff\t", 'closed', 'deep';
make_file("$src/small/$_", 50 * $_, $_) for 1 .. 200;
make_file("$src/large", 40 << 20);
make_file("$src/larger", 17 << 20);
write_file("$src/odd \n\xff\t/ \xc3\x28 and spaces ", 'odd');
write_file("$src/$_", $_) for 'closed/in', 'none';
write_file("$src/nothing", '');
symlink '../../etc/passwd', "$src/out";
symlink '/etc/passwd',      "$src/absolute";
symlink 'small',            "$src/way";
symlink "\xfe nowhere\n",   "$src/dangling";
link "$src/large", "$src/large again" or die "link: $!";
my $path = "$src/deep";
mkdir $path .= '/' . 'd' x 40 or die "$path: $!" for 1 .. 60;
write_file("$path/end", 'the end');
open my $sparse, '>', "$src/sparse" or die $!;
seek $sparse, 5_000_000, 0;
print {$sparse} 'in the middle';
truncate $sparse, 20_000_000;
close $sparse;
POSIX::mkfifo("$src/pipe", 0600);
socket my $socket, PF_UNIX, SOCK_STREAM, 0;
bind $socket, sockaddr_un("$src/socket") or die "bind: $!";
chmod 0000, "$src/none", "$src/closed";
chmod 04755, "$src/small/1";
chmod 01777, "$src/empty";
utime 5, 1, "$src/small/2";
is(system('touch', '-h', '-d', '1965-05-05 05:05:05.5', "$src/way", "$src/nothing", "$src/deep"), 0, 'times of long ago');
my $want = shape($src);

my $r = put($src, '-n', 'tree', '--json');
is($r->{status}, 0, 'the tree is put') or BAIL_OUT($r->{err});
like($r->{err}, qr{/pipe is a named pipe: left out}, 'a pipe is named');
like($r->{err}, qr{/socket is a socket: left out},   'a socket is named');
like($r->{err}, qr/2 files have further names/,      'hard links are said');
my $put = unjson($r->{out});
is($put->{left_out}, 2, 'two are left out');
is($put->{links},    4, 'links are counted');
my $cap = $put->{cap};

subtest 'whole' => sub {
    my $to = scratch('back');
    $r = get('tree', '-o', $to);
    is($r->{status}, 0, 'got') or diag($r->{err});
    is_deeply(shape($to), $want, 'byte for byte, by mode and time');
    is((lstat "$to/small/1")[2] & 07000, 0, 'no bit above 0777');
    cmp_ok((lstat "$to/sparse")[12] * 512, '<', 1_000_000, 'holes are holes again');
    ok(!grep { /^\.layr-get/ } glob(scratch('.layr-get*')), 'nothing is left beside it');
    my $home = scratch('stranger');
    mkdir $home;
    $r = tool({env => {LAYR_HOME => $home}}, 'layr-get', @all, '-o', scratch('back2'), $cap);
    is($r->{status}, 0, 'by a stranger') or diag($r->{err});
    is_deeply(shape(scratch('back2')), $want, 'the same');
    $swarm->kill(0 .. 3);
    $r = get('tree', '-o', scratch('back3'));
    is($r->{status}, 0, 'with four hosts away') or diag($r->{err});
    is_deeply(shape(scratch('back3')), $want, 'the same');
    $swarm->revive(0 .. 3);
    File::Path::remove_tree(scratch('back2'), scratch('back3'));
};

subtest 'an existing folder' => sub {
    my $to = scratch('back');
    write_file("$to/mine", 'mine');
    mkdir scratch('there');
    mkdir scratch('there/tree');
    $r = get('tree', '-o', scratch('there'));
    is($r->{status}, 1, 'is not touched');
    like($r->{err}, qr/there already: -f replaces it/, 'and says so');
    is_deeply([glob scratch('there/tree/*')], [], 'nothing came');
    $r = get('tree', '-f', '--path', 'small', '-o', scratch('there'));
    is($r->{status}, 0, 'a part has its own name in it') or diag($r->{err});
    write_file(scratch('there/small/mine'), 'mine');
    $r = get('tree', '-f', '--path', 'small', '-o', scratch('there'));
    is($r->{status}, 0, 'with -f it is replaced') or diag($r->{err});
    ok(!-e scratch('there/small/mine'), 'wholly');
    write_file(scratch('file'), 'x');
    is(get('tree', '-f', '-o', scratch('file'))->{status}, 1, 'a file is no folder');
    is(read_file(scratch('file')), 'x', 'and stays');
};

subtest 'parts' => sub {
    my %part = map { /^small(?:\/(.*))?$/ ? ($1 // '' => $want->{$_}) : () } keys %$want;
    $r = get('tree', '--json', '--path', './small/', '-o', scratch('part'));
    is_deeply(shape(scratch('part')), \%part, 'a folder');
    # the tree, and the chunks that 200 files of 1 MB lie in
    cmp_ok(unjson($r->{out})->{wire_bytes}, '<', 2.5e6, 'only the chunks it needs');
    $r = get('tree', '--json', '--path', 'larger', '-o', scratch('one'));
    ok(same_file(scratch('one'), "$src/larger"), 'a file');
    my $got = unjson($r->{out});
    is_deeply([@$got{qw(size bytes sha256)}], [17 << 20, 17 << 20, sha256_file("$src/larger")], 'its size and SHA-256');
    cmp_ok($got->{wire_bytes}, '<', 1.05 * (17 << 20) + 1e6, 'only the chunks it needs');
    $r = get('tree', '--path', 'large', '--range', '1000-2999', '-o', '-');
    is($r->{out}, substr(read_file("$src/large"), 1000, 2000), 'a range of a file');
    is(get('tree', '--path', 'nothing', '-o', scratch('nothing'))->{status}, 0, 'an empty file');
    is(-s scratch('nothing'), 0, 'is empty');
    is((stat scratch('nothing'))[9], (lstat "$src/nothing")[9], 'its time');
    is(get('tree', '--path', "odd \n\xff\t/ \xc3\x28 and spaces ", '-o', '-')->{out}, 'odd', 'an odd name');
    is(get('tree', '--path', 'none', '-o', scratch('none'))->{status}, 0, 'a file of mode 000');
    is((stat scratch('none'))[2] & 0777, 0, 'has it again');
    for my $case (['small/nix', 1, qr/there is no small\/nix/], ['way', 1, qr/symbolic link to small/], ['way/1', 1, qr/there is no/],
        ['../source/none', 1, qr/there is no/], ['/etc/passwd', 1, qr/there is no/])
    {
        $r = get('tree', '--path', $case->[0]);
        is($r->{status}, $case->[1], "--path $case->[0]: refused");
        like($r->{err}, $case->[2], "--path $case->[0]: why");
    }
    is(get('tree', '-o', '-')->{status}, 2, 'a folder to standard output: refused');
    is(get('tree', '--range', '0-9')->{status}, 2, 'a range of a folder: refused');
};

subtest 'a list' => sub {
    my %entry = map { ($_->{path64} ? unb64url($_->{path64}) : $_->{path}) => $_ } @{ls('tree')->{entries}};
    is_deeply([sort map { utf8::decode(my $x = $_); $_ } keys %entry], [sort keys %$want], 'names all');
    is($entry{'small/7'}{sha256}, sha256_file("$src/small/7"), 'with SHA-256');
    is($entry{'small/1'}{mode}, 04755, 'and mode');
    is($entry{way}{target}, 'small', 'and where a link leads');
    is($entry{way}{mtime}, (lstat "$src/way")[9], 'and times');
    my $list = ls('--path', 'small', $cap);
    is(scalar @{$list->{entries}}, 201, 'a part of it, by capability');
    $r = tool('layr-ls', @all, 'tree');
    like($r->{out}, qr/^-rwxr-xr-x +50 B +\S+ \S+  small\/1$/m, 'for people');
    unlike($r->{out}, qr/[\xff\t]/, 'without what a terminal obeys');
    ok(ls('--health', 'tree')->{readable}, 'and its health');
    is(tool('layr-ls', @all, '--path', 'nix', 'tree')->{status}, 1, 'what is not there');
};

subtest 'small folders' => sub {
    mkdir scratch('tiny');
    write_file(scratch('tiny/a'), 'a');
    $want = shape(scratch('tiny'));
    $r = tool({cwd => scratch('tiny')}, 'layr-put', @all, '--json', '.');
    is($r->{status}, 0, 'in its record') or diag($r->{err});
    ok(unjson($r->{out})->{inline}, 'it is');
    is(unjson($r->{out})->{name}, 'tiny', 'named by its place');
    is(get('tiny', '-o', scratch('tiny2'))->{status}, 0, 'got');
    is_deeply(shape(scratch('tiny2')), $want, 'the same');
    mkdir scratch('bare');
    is(put(scratch('bare'))->{status}, 0, 'nothing in it');
    is(get('bare', '-o', scratch('bare2'))->{status}, 0, 'got');
    is_deeply(shape(scratch('bare2')), shape(scratch('bare')), 'the same');
    my $dry = unjson(put(scratch('tiny'), '--dry-run', '--json')->{out});
    ok($dry->{dry_run} && $dry->{files} == 1, 'a dry run counts');
};

# Programs as somebody who is not root, in a home of his own.
my @other = $> == 0 ? ('setpriv', '--reuid=nobody', '--clear-groups') : ();
sub other { my (@command) = @_; return run({env => {LAYR_HOME => scratch('other/home')}}, @other, map { m{^layr-} ? build("bin/$_") : $_ } @command) }
mkdir scratch($_) or die "$_: $!" for 'other', 'other/home';
chmod 0700, scratch('other/home');
chown((getpwnam 'nobody')[2], -1, scratch('other'), scratch('other/home')) if @other;
chmod 0711, scratch();

subtest 'closed folders, by one who is not root' => sub {
    my $dir = scratch('closed');
    mkdir "$dir$_" or die "$dir$_: $!" for '', '/in', '/in/it', '/fixed';
    write_file("$dir/$_/file", $_) for 'in', 'in/it', 'fixed';
    chmod 0, "$dir/in/file", "$dir/in/it", "$dir/in";
    chmod 0555, "$dir/fixed", $dir;
    $want = shape($dir) if @other;
    chmod 0700, $dir, "$dir/in", "$dir/in/it", "$dir/in/file" if !@other;    # or they could not be read
    chomp(my $closed = put($dir)->{out});
    for my $again ('', '-f') {
        $r = other('layr-get', @all, $again || (), '-o', scratch('other'), $closed);
        is($r->{status}, 0, "got $again") or diag($r->{err});
        is_deeply(shape(scratch('other/closed')), $want, 'with its modes') if @other;
        is_deeply([glob scratch('other/.layr*')], [], 'nothing is left over');
    }
};

subtest 'stopped' => sub {
    my $p = spawn(build('bin/layr-get'), @all, '-o', scratch('stopped'), $cap);
    ok(wait_for(20, sub { () = glob scratch('.layr-get-*/small') }), 'while it is got');
    $p->kill('INT');
    $r = $p->wait;
    is($r->{status}, 1, 'it ends');
    like($r->{err}, qr/stopped/, 'and says so');
    ok(!-e scratch('stopped'), 'nothing is there');
    is_deeply([glob scratch('.layr-get-*')], [], 'nothing is left over');
};

subtest 'trouble while it is put' => sub {
    my $dir = scratch('moving');
    mkdir $dir;
    make_file("$dir/$_", 1 << 20) for 1 .. 60;
    my $p = spawn(build('bin/layr-put'), '-v', @all, $dir);
    # while the first segments are on their way, the last files are not read yet
    ok(wait_for(10, sub { -s "$p->{base}.err" }), 'it is under way');
    write_file("$dir/$_", 'changed') for 50 .. 60;
    $r = $p->wait;
    is($r->{status}, 1, 'a file that changed ends it');
    like($r->{err}, qr{/\d+ (?:was changed|became shorter) while .*: nothing was stored}, 'and is named');
    chmod 0, "$dir/7";
    $r = other('layr-put', '--dry-run', @all, $dir);
    is($r->{status}, 1, 'a file that cannot be read ends it');
    like($r->{err}, qr{cannot read .*/7: Permission denied.*nothing was stored}s, 'and is named');
};

# --- trees of somebody else's making

# What would be written is looked for where it must not be: all of the scratch folder but the swarm.
sub outside {
    my @found = split /\n/, qx(find @{[scratch()]} -path '*/swarm*' -prune -o -name evil\\* -print);
    return grep { !m{/out/[^/]+/} } @found;
}

my $evil = 'evil content';
my $link = entry(2, 'evil', target => abs_path(scratch()));
my %hostile = (
    '..'                          => [entry(1, '../evil', bytes => $evil)],
    '.. within'                   => [entry(0, 'a'), entry(1, 'a/../../evil', bytes => $evil)],
    'absolute'                    => [entry(1, scratch('evil'), bytes => $evil)],
    'only a slash'                => [entry(0, '/'), entry(1, '/evil', bytes => $evil)],
    'through a link'              => [$link, entry(1, 'evil/evil2', bytes => $evil)],
    'a link, then a folder'       => [$link, entry(0, 'evil'), entry(1, 'evil/evil2', bytes => $evil)],
    'a folder, then a link'       => [entry(0, 'evil'), $link, entry(1, 'evil/evil2', bytes => $evil)],
    'a file, then a folder'       => [entry(1, 'evil', bytes => $evil), entry(0, 'evil'), entry(1, 'evil/x')],
    'a file in a file'            => [entry(1, 'evil', bytes => $evil), entry(1, 'evil/evil', size => 0)],
    'a link written over'         => [entry(2, 'evil', target => scratch('evil2')), entry(1, 'evil', bytes => $evil)],
    'no parent'                   => [entry(1, 'a/evil', bytes => $evil)],
    'the folder a link'           => ['root', entry(2, '', target => abs_path(scratch()))],
    'the folder a file'           => ['root', entry(1, '', bytes => $evil)],
    'another root'                => [entry(0, '')],
    'past the stream'             => [entry(1, 'evil', size => 1e15)],
    'into the tree'               => [entry(1, 'evil', offset => 1, bytes => $evil)],
    'two of the same bytes'       => [entry(1, 'evil', bytes => $evil), entry(1, 'evil2', bytes => $evil)],
    'an unknown type'             => [entry(3, 'evil')],
    'a NUL'                       => [entry(1, "evil\0", bytes => $evil)],
    'an empty step'               => [entry(0, 'a'), entry(1, 'a//evil', bytes => $evil)],
);
subtest 'refused whole' => sub {
    mkdir scratch('out');
    for my $name (sort keys %hostile) {
        my @entries = @{$hostile{$name}};
        @entries = $entries[0] eq 'root' ? $entries[1] : (entry(0, ''), @entries);
        my $bad = put_tree($swarm, $evil, @entries);
        $r = get('-o', scratch('out/x'), $bad);
        is($r->{status}, 4, "$name: refused");
        like($r->{err}, qr/tree is not valid/, "$name: why");
        ok(!-e scratch('out/x'), "$name: nothing is there");
        is(tool('layr-ls', @all, $bad)->{status}, 4, "$name: is not listed either");
    }
    is_deeply([outside()], [], 'nothing anywhere');
};

subtest 'harmless, whatever was meant' => sub {
    my $good = put_tree($swarm, $evil, entry(0, '', mode => 07777), entry(2, 'evil', target => abs_path(scratch())),
        entry(2, 'evil2', target => '../../../../etc/passwd'), entry(1, 'evil3', mode => 07777, bytes => $evil));
    $r = get('-o', scratch('out/y'), $good);
    is($r->{status}, 0, 'links that lead away') or diag($r->{err});
    is(readlink scratch('out/y/evil2'), '../../../../etc/passwd', 'are kept as they are');
    is((stat scratch('out/y/evil3'))[2] & 07777, 0777, 'no setuid');
    is((stat scratch('out/y'))[2] & 07777, 0777, 'nor on the folder');
    $r = get('-f', '-o', scratch('out/y/.'), '--path', 'evil3', $good);
    is($r->{status}, 0, 'over its like');
    my $wrong = put_tree($swarm, $evil, entry(0, ''), entry(1, 'evil', bytes => $evil, sha256 => '00' x 32));
    $r = get('-o', scratch('out/z'), $wrong);
    is($r->{status}, 4, 'a wrong SHA-256');
    like($r->{err}, qr{z/evil does not match its SHA-256}, 'names the file');
    ok(!-e scratch('out/z'), 'nothing is there');
    is(get('--path', 'evil', '-o', scratch('out/w'), $wrong)->{status}, 4, 'alone, too');
    ok(!-e scratch('out/w'), 'nothing is there');
    my $gaps = put_tree($swarm, 'b' x 3 . "\0" x 200_000 . 'aa' . 'z', entry(0, ''), entry(1, 'a', offset => 200_003, bytes => 'aa'),
        entry(1, 'b', bytes => 'bbb'));
    is(get('-o', scratch('out/gaps'), $gaps)->{status}, 0, 'gaps, and files in another order');
    is(read_file(scratch('out/gaps/a')) . read_file(scratch('out/gaps/b')), 'aabbb', 'are read');
    is_deeply([grep { !m{/out/} } outside()], [], 'nothing anywhere else');
    is_deeply([glob scratch('out/.layr*')], [], 'nothing is left over');
};

ok($swarm->quiet, 'error logs are clean') or diag($swarm->noise);
done_testing;
