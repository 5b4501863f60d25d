#!/usr/bin/perl
# The programs in the hands of their users: wrong arguments, no key, hosts that are down or full, files that can't be read or
# are there already, odd names, ranges, capabilities. Each message says what happened, to what, and what to do.
use strict;
use warnings;
use lib 't/lib';
use POSIX ();
use Fcntl qw(O_RDWR);
use Layr::Test;
use Test::More;

my @programs = qw(layr-audit layr-find layr-get layr-keep layr-key layr-ls layr-patch layr-put layr-rm layr-swarm);
my @secrets;    # that no program may say on stderr

# Root reads everything; without these two rights it does as others do.
sub as_others {
    my (@command) = @_;
    return @command if $> != 0;
    return ('setpriv', '--bounding-set=-dac_override,-dac_read_search', '--', @command);
}

# What holds for every complaint: a sentence from the program itself, with nothing of its inside and no secret in it.
sub well_said {
    my ($name, $err, $what) = @_;
    my @bad;
    my ($last) = (split /\n/, $err)[-1];
    push @bad, "the last line is not '$name: ...'" if ($last // '') !~ /^\Q$name\E: \S.{9,}/;
    push @bad, 'an empty part'     if $err =~ /\(null\)|: *: |(?<!starts with layr)(?<!layr:[rw]): *$|''|\(\)/m;
    push @bad, 'insides'           if $err =~ /\.[ch]:\d|LAYR_ERR|errno|curl_|sqlite3_|0x[0-9a-f]{6}/;
    push @bad, 'control bytes'     if $err =~ /[\x00-\x09\x0b-\x1f\x7f]/;
    push @bad, 'a secret'          if grep { index($err, $_) >= 0 } @secrets;
    return ok(!@bad, "$what: well said") || diag(join(', ', @bad), ": $err");
}

# fails($status, [words..], {options}, program => args): it fails so, all these words are on stderr, and nothing is on stdout.
sub fails {
    my ($status, $words, @rest) = @_;
    my $opt = ref $rest[0] eq 'HASH' ? shift @rest : {};
    my ($name, @args) = @rest;
    my $what = $opt->{what} // join ' ', $name, map { length > 40 ? substr($_, 0, 37) . '...' : $_ } @args;
    my @command = (build('bin', $name), @args);
    my $r = run($opt, $opt->{others} ? as_others(@command) : @command);
    is($r->{status}, $status, "$what: exit status") or diag($r->{err});
    is($r->{out}, '', "$what: no result");
    for (@$words) {
        my $words = ref $_ ? $_ : qr/\Q$_\E/;
        like($r->{err}, $words, "$what: says $_");
    }
    well_said($name, $r->{err}, $what);
    return $r;
}

sub works {
    my ($what, @call) = @_;
    my $r = tool(@call);
    is($r->{status}, 0, $what) or diag($r->{err});
    return $r;
}

# A put that works; its capability.
sub put {
    my (@args) = @_;
    my $r = works("layr-put @args[-1 .. -1]", ref $args[0] ? (shift @args) : {}, 'layr-put', @args);
    like($r->{out}, qr/\Alayr:r:[\w-]{43}:[\w-]{43}\n\z/, 'the read capability is the only line on stdout');
    chomp(my $cap = $r->{out});
    push @secrets, (split /:/, $cap)[3] if $cap;
    return $cap;
}

# All shards at all hosts of a swarm.
sub shards { my ($swarm) = @_; return map { $swarm->blobs($_) } 0 .. $swarm->count - 1 }

sub folder { my ($name) = @_; mkdir scratch($name) or die "$name: $!"; return scratch($name) }
sub listed { my ($dir) = @_; opendir my $d, $dir or die "$dir: $!"; return sort grep { !/^\.\.?$/ } readdir $d }

my $none  = scratch('none');
my $small = make_file(scratch('small.bin'), 100_000);
my $large = make_file(scratch('large.bin'), 9_000_000);

subtest 'help and version' => sub {
    for my $name (@programs) {
        my $r = works("$name --help", $name, '--help');
        my @lines = split /\n/, $r->{out};
        cmp_ok(scalar @lines, '<=', 24, "$name --help fits a screen");
        is_deeply([grep { length > 80 } @lines], [], "$name --help is no wider than a screen");
        is($r->{err}, '', "$name --help: nothing on stderr");
        like($r->{out}, qr/\Ausage: \Q$name\E /, "$name --help starts with its use");

        # The man page names every option that --help names, and no other.
        my $man = read_file("docs/man/$name.1") =~ s/\\-/-/gr;
        my %man = map { $_ => 1 } $man =~ /Fl +(-?[\w-]+)/g;
        my @help = $r->{out} =~ /^  (?:-(\w), |    )--([\w-]+)/mg;
        while (my ($letter, $long) = splice @help, 0, 2) {
            my $named = delete($man{"-$long"}) || 0;
            $named += delete($man{$letter}) // 0 if defined $letter;
            ok($named || $long =~ /^(?:help|version)$/, "$name.1 names --$long");
        }
        is_deeply([sort keys %man], [], "$name.1 names no other options");

        $r = works("$name --version", $name, '--version');
        like($r->{out}, qr/\A\Q$name\E \d+\.\d+\.\d+\n\z/, "$name --version");
        is(run({stdout_file => '/dev/full'}, build('bin', $name), '--help')->{status}, 1, "$name --help into a full disk");
    }
};

subtest 'usage' => sub {
    my %operand = ('layr-find' => 'ID', 'layr-get' => 'CAP', 'layr-key' => 'new', 'layr-put' => 'PATH', 'layr-rm' => 'NAME', 'layr-swarm' => 'DIR');
    fails(2, ['an argument is missing', $operand{$_}, "$_ --help"], $_) for sort keys %operand;
    for my $name (@programs) {
        fails(2, ['unknown option --dance', "$name --help"], $name, '--dance');
        fails(2, ['unknown option -Z'], $name, '-Z', 'x');
    }
    for my $name (qw(layr-get layr-ls layr-put layr-rm)) {
        fails(2, ['-H needs an argument'], $name, 'x', '-H');
        fails(2, ["--host needs an argument: URL"], $name, 'x', '--host');
        fails(2, ['--json takes no argument'], $name, 'x', '--json=1');
        fails(2, ["unexpected argument 'y'"], $name, 'x', 'y');
    }
    fails(2, ['-k', "'$_'", 'K/N', '4/8'], 'layr-put', '-k', $_, $small) for qw(5/2 0/3 1/256 4 4/ /8 x/y 4/8/9 -1/3 +1/3);
    fails(2, ['--days', "'$_'", '1 to 399'], 'layr-put', "--days=$_", $small) for qw(0 400 -1 1.5 9d 99999999999999999999);
    fails(2, ['--min-shards', '1/3', '1 to 3'], 'layr-put', '-k', '1/3', '--min-shards', 4, $small);
    fails(2, ['--max-price', "'cheap'"], 'layr-put', '--max-price', 'cheap', $small);
    fails(2, ['--dry-run', 'stream'], 'layr-put', '--dry-run', '-n', 'x', '/dev/zero');
    fails(2, ['--json', '-o -'], 'layr-get', '--json', '-o', '-', 'x');
    fails(2, ["'dance'", 'new, recover or id'], 'layr-key', 'dance');
    fails(2, ['no arguments'], 'layr-key', 'id', 'x');
    fails(2, ['--range', "'$_'", 'A-B', '-N'], 'layr-get', "--range=$_", 'x')
        for qw(1 a-b 5-2 - -- -0 0x1-2 1-2-3 -5- +1-2 18446744073709551616- 1-99999999999999999999999), ' 1-2', '1 -2';
};

subtest 'no key, no home' => sub {
    for my $case (['layr-put', $small], ['layr-get', 'x'], ['layr-ls'], ['layr-ls', 'x'], ['layr-rm', 'x'], ['layr-key', 'id']) {
        fails(1, ['no key yet', scratch('home/key'), 'layr-key new', 'layr-key recover'], @$case);
    }
    ok(!-e scratch('home'), 'and no folder was made');
    my %lost = (env => {LAYR_HOME => undef, HOME => undef, XDG_CONFIG_HOME => undef, XDG_STATE_HOME => undef});
    fails(2, ['HOME', '--home'], \%lost, $_->[0], $_->[1]) for ['layr-put', $small], ['layr-key', 'new'], ['layr-get', 'x'];

    my $locked = folder('locked');
    chmod 0500, $locked;
    fails(1, ["$locked/me", 'Permission denied'], {others => 1}, 'layr-key', 'new', '--home', "$locked/me");
    my $file = write_file(scratch('file'), '');
    fails(1, [$file, 'not a folder'], 'layr-key', 'new', '--home', $file);
    my $open = folder('open');
    chmod 0777, $open;
    fails(1, [$open, 'others', 'chmod 700'], 'layr-key', 'new', '--home', $open);
    is_deeply([listed($open)], [], 'no key was made where others may write');
};

subtest 'the key' => sub {
    my $r = works('layr-key new', 'layr-key', 'new');
    my @words = split ' ', $r->{out};
    is(scalar @words, 24, '24 words on stdout');
    push @secrets, join(' ', @words[0 .. 3]);
    like($r->{err}, qr{\Q@{[scratch('home/key')]}}, 'and where the key is on stderr');
    is((stat scratch('home/key'))[2] & 07777, 0600, 'mode 0600');
    my $key = read_file(scratch('home/key'));
    push @secrets, $1 if $key =~ /([A-Za-z0-9_\-+\/]{40,})/;
    chomp(my $id = works('layr-key id', 'layr-key', 'id')->{out});
    like($id, qr/\A[0-9a-f]{64}\z/, 'the id');

    fails(1, ['there is a key already', scratch('home/key'), '--home'], 'layr-key', 'new');
    fails(1, ['there is a key already'], {stdin => "@words\n"}, 'layr-key', 'recover');
    is(read_file(scratch('home/key')), $key, 'the key was left as it is');

    my @other = ('--home', scratch('again'));
    fails(2, ['standard input'], {what => 'words as arguments'}, 'layr-key', 'recover', @words);
    fails(1, [qr/24 words/], {stdin => "@words[0 .. 22]\n"}, 'layr-key', 'recover', @other);
    fails(1, [qr/word/], {stdin => "@words[0 .. 22] layr\n"}, 'layr-key', 'recover', @other);
    fails(1, [qr/word|check/], {stdin => "@words[1, 0, 2 .. 23]\n"}, 'layr-key', 'recover', @other) if $words[0] ne $words[1];
    fails(1, [qr/word|empty/], {stdin => ''}, 'layr-key', 'recover', @other);
    ok(!-e scratch('again/key'), 'no key came of that');
    works('recover', {stdin => "\n  " . uc(join "\n", @words) . "  \n"}, 'layr-key', 'recover', @other);
    is(works('its id', 'layr-key', 'id', @other)->{out}, "$id\n", 'the same key');
    is(unjson(works('id --json', 'layr-key', 'id', '--json')->{out})->{id}, $id, 'id --json');
    my $new = unjson(works('new --json', 'layr-key', 'new', '--json', '--home', scratch('third'))->{out});
    is(scalar(split ' ', $new->{words}), 24, 'new --json: the words');
    is($new->{file}, scratch('third/key'), 'new --json: the file');

    chmod 0644, scratch('third/key');
    fails(1, [scratch('third/key'), 'chmod 600'], 'layr-key', 'id', '--home', scratch('third'));
    chmod 0600, scratch('third/key');
    for my $damage ('', 'x', substr($key, 0, 50), $key =~ tr/A-Za-z/B-ZAb-za/r, "\0" x 77, 'x' x 100_000) {
        write_file(scratch('third/key'), $damage);
        fails(1, [scratch('third/key')], {what => 'a damaged key of ' . length($damage)}, 'layr-key', 'id', '--home', scratch('third'));
    }
    my $lost = run({stdout_file => '/dev/full'}, build('bin/layr-key'), 'new', '--home', scratch('fourth'));
    is($lost->{status}, 1, 'the words into a full disk');
    ok(!-e scratch('fourth/key'), 'no key is left whose words nobody saw') or diag($lost->{err});
};

subtest 'no hosts, bad hosts' => sub {
    fails(2, ['no network', '-s URL', 'seed URL', scratch('home/layr.conf')], 'layr-put', $small);
    for my $url ('nonsense', 'http://', 'ftp://example.org', 'https://example.org#12', 'https://', "https://x#" . 'G' x 64, 'https://a b') {
        fails(2, ["'$url' is not a host", 'https://'], 'layr-put', '-H', $url, $small);
    }
    fails(3, ['https://127.0.0.1:1', 'connect'], 'layr-put', '-H', 'https://127.0.0.1:1', $small);
    fails(3, ['https://127.0.0.1:1', 'connect'], 'layr-put', '-q', '-H', 'https://127.0.0.1:1', $small);
    fails(3, ['none of the 2 hosts', 'https://127.0.0.1:1', '-v'], 'layr-put', map({ ('-H', "https://127.0.0.1:$_") } 1, 2), $small);
    fails(3, ['https://no-such-host.invalid', 'resolve'], 'layr-put', '-H', 'https://no-such-host.invalid', $small);
    fails(1, ['--cacert', $none, 'No such file'], 'layr-put', '--cacert', $none, '-H', 'https://127.0.0.1:1', $small);

    my $conf = scratch('home/layr.conf');
    for my $case (["host https://127.0.0.1:1\ngarbage\n", 2], ["\xff\xfe\0\1\n", 1], ["# fine\n\nhost\n", 3], ["host a b\n", 1],
        ["hosts https://127.0.0.1:1\n", 1])
    {
        my ($text, $line) = @$case;
        write_file($conf, $text);
        fails(2, [$conf, "line $line", 'host URL'], {what => 'layr.conf with ' . json([$text])}, 'layr-put', $small);
    }
    write_file($conf, 'host https://' . 'x' x 5000 . "\n");
    fails(2, [$conf, 'line 1', 'too long'], 'layr-put', $small);
    write_file($conf, "host nonsense\n");
    fails(2, ["'nonsense' is not a host"], 'layr-put', $small);
    unlink $conf;
    mkdir $conf;
    fails(1, [$conf, 'directory'], 'layr-put', $small);
    rmdir $conf;
    write_file($conf, "host https://127.0.0.1:1\n");
    chmod 0, $conf;
    fails(1, [$conf, 'Permission denied'], {others => 1}, 'layr-put', $small);
    unlink $conf;
};

my $swarm = Layr::Test->swarm(5, '--max-rate', '3m');
write_file(scratch('home/layr.conf'), "# hosts\n" . join '', map { "host $_\n" } $swarm->urls);

subtest 'who the hosts are' => sub {
    my $url = $swarm->url(0);
    fails(3, [$url, 'certificate', 'after a #'], 'layr-put', '-k', '1/1', '-H', $url, $small);
    fails(3, [$url, 'another host'], 'layr-put', '-k', '1/1', '-H', $url . '#' . $swarm->id(1), $small);
    fails(3, ['1/9', '9 distinct hosts', '5', '-k'], 'layr-put', '-k', '1/9', $small);
    fails(3, ['3 hosts answered', '4 or more', '-k 1/3'], 'layr-put', $swarm->hosts(0, 1, 2), $small);
    fails(3, ['1 host answered', '-k 1/1'], 'layr-put', $swarm->hosts(0), $small);
    is_deeply([shards($swarm)], [], 'nothing was stored');
};

subtest 'what cannot be stored' => sub {
    fails(1, [$none, 'No such file'], 'layr-put', $none);
    my $closed = folder('closed');
    chmod 0, write_file("$closed/in", 'x');
    fails(1, ["$closed/in", 'Permission denied', 'nothing was stored'], {others => 1}, 'layr-put', $closed);
    my $locked = write_file(scratch('locked.bin'), 'x');
    chmod 0, $locked;
    fails(1, [$locked, 'Permission denied'], {others => 1}, 'layr-put', $locked);
    fails(1, ['/proc/self/mem', 'Input/output error'], 'layr-put', '/proc/self/mem');
    fails(2, ['empty name', '-n'], 'layr-put', '-n', '', $small);
    fails(2, ["'a/b'", '-n'], 'layr-put', '-n', 'a/b', $small);
    fails(2, ["'$_'", '-n'], 'layr-put', '-n', $_, $small) for '.', '..', 'layr:x', '@x', '-';
    fails(2, ['too long', '255'], 'layr-put', '-n', 'x' x 256, $small);
    is_deeply([shards($swarm)], [], 'nothing was stored');
};

my $cap = put($small);
subtest 'names' => sub {
    fails(1, ['small.bin already', '-n', 'layr-rm'], 'layr-put', $small);
    fails(1, ["'nobody'", 'layr-ls'], $_, 'nobody') for qw(layr-get layr-ls layr-rm);
    my $out = folder('names');
    my @names = ('two words', "M\xc3\xbcnchen \xe2\x82\xac.txt", "line\nfeed\e[31m", "\xff\xfe", 'x' x 255, '.hidden', '-n', '--help', '*', ' ');
    for my $name (@names) {
        my $shown = json([$name]);
        my $given = put('-n', $name, '/etc/hostname');
        my $r = works("layr-get $shown", {cwd => $out}, 'layr-get', '--', $name);
        unlike($r->{err}, qr/[\x00-\x09\x0b-\x1f\x7f]/, 'no control bytes on stderr');
        is_deeply([listed($out)], [$name], "layr-get gives it its name: $shown");
        unlink "$out/$name";
        if ($name =~ /[\x00-\x1f]|\xff|^\./) {
            fails(2, ['-o PATH'], {cwd => $out, what => "a stranger's $shown"}, 'layr-get', $given);
            is_deeply([listed($out)], [], 'and nothing is left');
        }
    }
    my $list = unjson(works('layr-ls --json', 'layr-ls', '--json')->{out})->{files};
    is(scalar @$list, @names + 1, 'layr-ls --json is JSON, whatever the names');
    unlike(works('layr-ls', 'layr-ls')->{out}, qr/[\x00-\x09\x0b-\x1f\x7f]/, 'no control bytes in the list');
    works('layr-rm ' . json([$_]), 'layr-rm', '--', $_) for @names;
    is(works('layr-ls', 'layr-ls', '-q')->{out} =~ tr/\n//, 1, 'one file is left');
};

subtest 'small things' => sub {
    my $empty = write_file(scratch('empty'), '');
    my $given = put($empty);
    works('get of an empty file', 'layr-get', '-o', scratch('empty.back'), $given);
    is(-s scratch('empty.back'), 0, 'is empty');
    fails(2, ['--range 0-0', '0 bytes'], 'layr-get', '--range', '0-0', '-o', '-', $given);
    works('layr-rm', 'layr-rm', 'empty');
    fails(1, ['removed'], 'layr-get', '-o', '-', $given);
    $given = put({stdin => 'from a pipe'}, '-');
    is(works('a file without a name', 'layr-get', '-o', '-', $given)->{out}, 'from a pipe', 'comes back');
    fails(2, ['no name', '-o PATH'], 'layr-get', $given);
    like(works('layr-ls', 'layr-ls')->{out}, qr/\Q$given/, 'layr-ls shows the capability of a file without a name');
    my $r = run({stdout_file => '/dev/full'}, build('bin/layr-put'), '-n', 'full', $small);
    is($r->{status}, 1, 'the capability into a full disk');
    like($r->{err}, qr/layr-ls --caps/, 'and how it can be seen still') or diag($r->{err});
    works('layr-rm', 'layr-rm', 'full');
};

subtest 'capabilities' => sub {
    my ($id, $R) = (split /:/, $cap)[2, 3];
    my $file = write_file(scratch('cap'), "$cap\n");
    my $bytes = read_file($small);
    is(works('as an argument', 'layr-get', '-o', '-', $cap)->{out}, $bytes, 'as an argument');
    is(works('@FILE', 'layr-get', '-o', '-', "\@$file")->{out}, $bytes, '@FILE');
    is(works('-', {stdin => " $cap \r\nmore\n"}, 'layr-get', '-o', '-', '-')->{out}, $bytes, 'from standard input');
    fails(5, ['not a capability', 'layr:r:'], 'layr-get', $_)
        for 'layr:', 'layr:r:', "layr:r:$id", "layr:r:$id:", substr($cap, 0, -1), "${cap}A", "$cap:", "layr:x:$id", "layr:r:$id:$R:$R",
        "layr:r:$id:" . '!' x 43, 'layr:' . 'x' x 5000;
    fails(5, ['not a capability'], {stdin => "@{[read_file($small)]}"}, 'layr-get', '-');
    fails(1, ['standard input', 'empty'], 'layr-get', '-');
    fails(1, [$none, 'No such file'], 'layr-get', "\@$none");
    fails(1, [scratch('open')], 'layr-get', '@' . scratch('open'));
    fails(2, ['@FILE'], 'layr-get', '@');
    fails(5, ['removing', 'layr:w:'], 'layr-rm', $cap);
    fails(5, ['reading', 'layr:r:'], 'layr-get', "layr:v:$id:$R:$R");
    my $w = b64url(pack 'H*', random_hex(32));
    push @secrets, $w;
    fails(1, [qr/no .*record|nothing|not found|no host/i], $_, "layr:w:$w") for qw(layr-get layr-ls layr-rm);

    # What others see of it while it runs: a reader that does not take what it is given keeps it waiting.
    my $fifo = scratch('fifo');
    POSIX::mkfifo($fifo, 0600);
    sysopen my $hold, $fifo, O_RDWR or die "$fifo: $!";
    my $p = spawn({stdout_file => $fifo}, build('bin/layr-get'), '-o', '-', $cap);
    my $seen = wait_for(10, sub { my $c = read_file('/proc/' . $p->pid . '/cmdline'); $c =~ /layr:\*{40}/ && $c });
    ok($seen, 'the capability is not in the process list');
    unlike($seen // $cap, qr/\Q$R/, 'nor its key');
    is($p->kill('TERM')->wait->{status}, 1, 'ended');
};

subtest 'where it goes' => sub {
    my $dir = folder('out');
    works('into a folder', 'layr-get', '-o', $dir, 'small.bin');
    ok(same_file("$dir/small.bin", $small), 'under its own name');
    is((stat "$dir/small.bin")[9], (stat $small)[9], 'with its time of change');
    is((stat "$dir/small.bin")[2] & 07777, 0666 & ~umask, 'and the usual mode');
    my $old = write_file("$dir/old", 'precious');
    fails(1, [$old, 'there already', '-f', '-o'], 'layr-get', '-o', $old, 'small.bin');
    is(read_file($old), 'precious', 'it was left as it is');
    works('-f', 'layr-get', '-f', '-o', $old, 'small.bin');
    ok(same_file($old, $small), '-f replaces it');
    fails(1, ['there is no folder', "$dir/no"], 'layr-get', '-o', "$dir/no/x", 'small.bin');
    fails(1, ['there is no folder', "$dir/no"], 'layr-get', '-o', "$dir/no/", 'small.bin');
    fails(1, [$old, 'Not a directory'], 'layr-get', '-o', "$old/x", 'small.bin');
    fails(2, ['-o', 'empty'], 'layr-get', '-o', '', 'small.bin');
    fails(1, ['/dev/null', '-o -'], 'layr-get', '-f', '-o', '/dev/null', 'small.bin');
    mkdir "$dir/sub";
    mkdir "$dir/sub/small.bin";
    fails(1, ["$dir/sub/small.bin is a folder"], 'layr-get', '-f', '-o', "$dir/sub", 'small.bin');
    my $locked = folder('out-locked');
    chmod 0500, $locked;
    fails(1, [$locked, 'Permission denied'], {others => 1}, 'layr-get', '-o', "$locked/x", 'small.bin');
    fails(1, ['standard output', 'No space left'], {stdout_file => '/dev/full'}, 'layr-get', '-o', '-', 'small.bin');
    my $r = run('bash', '-c', '"$@" | head -c 10; echo "${PIPESTATUS[0]}"', 'x', build('bin/layr-get'), '-o', '-', $cap);
    like($r->{out}, qr/1\n\z/, 'a reader that went away: exit status 1');
    is($r->{err}, '', 'and no words');
    is_deeply([listed($dir)], [qw(old small.bin sub)], 'no temporary file is left');
    is_deeply([listed($locked)], [], 'nor there');
};

subtest 'ranges' => sub {
    my $bytes = read_file($small);
    my $last = length($bytes) - 1;
    for my $case (['0-0', 0, 1], ["$last-$last", $last, 1], ['-1', $last, 1], ["-@{[$last + 1]}", 0, $last + 1], ['99990-', 99990, 10],
        ['0-', 0, $last + 1], ["0-$last", 0, $last + 1], ['65519-65520', 65519, 2])
    {
        my ($range, $from, $count) = @$case;
        my $r = works("--range $range", 'layr-get', "--range=$range", '-o', '-', 'small.bin');
        ok($r->{out} eq substr($bytes, $from, $count), "--range $range: the bytes");
    }
    for my $range ('100000-', '0-100000', '100000-100001', '-100001', '18446744073709551615-', '0-18446744073709551615') {
        fails(2, ["--range $range", 'the file has 100000 bytes'], 'layr-get', "--range=$range", '-o', '-', 'small.bin');
    }
};

subtest 'json' => sub {
    my $has = sub {
        my ($what, $object, @fields) = @_;
        is_deeply([sort keys %$object], [sort @fields], "$what: the documented fields");
    };
    my $put = unjson(works('layr-put --json', 'layr-put', '--json', '-n', 'j', $large)->{out});
    $has->('layr-put', $put, qw(cap name record_id sha256 size folder inline scheme segments pages shards moved kept kept_bytes kept_pages stored_bytes resumed found
        found_bytes changed hosts record_hosts until host_loss_per_year loss_per_year loss_per_year_kept seconds));
    cmp_ok($put->{loss_per_year_kept}, '<', $put->{loss_per_year} / 10, 'layr-put: a keeper makes a loss rarer');
    is("$put->{size} $put->{sha256}", '9000000 ' . sha256_file($large), 'layr-put: size and hash');
    $has->('--dry-run', unjson(works('--dry-run', 'layr-put', '--json', '--dry-run', $large)->{out}),
        qw(dry_run name size folder inline scheme segments shards kept kept_bytes stored_bytes hosts_usable until price_low price_high));
    my $get = unjson(works('layr-get --json', 'layr-get', '--json', '-o', scratch('j'), 'j')->{out});
    $has->('layr-get', $get, qw(name path size first bytes sha256 segments segments_recovered shards_fetched shards_bad shards_late
        wire_bytes resumed found_bytes stale_bytes seconds bad));
    ok(same_file(scratch('j'), $large), 'layr-get: the file');
    my $ls = unjson(works('layr-ls --json', 'layr-ls', '--json', '--caps')->{out});
    my ($j) = grep { $_->{name} eq 'j' } @{$ls->{files}};
    $has->('layr-ls', $j, qw(name record_id folder size scheme created until cap));
    is($j->{cap}, $put->{cap}, 'layr-ls --caps: the capability');
    my $one = unjson(works('layr-ls --json j', 'layr-ls', '--json', 'j')->{out});
    $has->('layr-ls j', $one, qw(record_id name type sha256 created mtime size scheme segments until seq record_hosts readable spare
        verdict hosts units));
    $has->('its hosts', $one->{hosts}[0], qw(id url shards good bytes trouble));
    $has->('its segments', $one->{units}[0], qw(page number needed good rows));
    $has->('its shards', $one->{units}[0]{rows}[0], qw(host state));
    $has->('layr-rm', unjson(works('layr-rm --json', 'layr-rm', '--json', 'j')->{out}), qw(released pending record_hosts already));
};

subtest 'quiet' => sub {
    my $r = works('layr-put -q', 'layr-put', '-q', '-n', 'q', $small);
    is($r->{err}, '', 'layr-put -q: nothing on stderr');
    is(works('layr-get -q', 'layr-get', '-q', '-o', scratch('q'), 'q')->{err}, '', 'layr-get -q');
    is(works('layr-ls -q', 'layr-ls', '-q', 'q')->{err}, '', 'layr-ls -q');
    is(works('layr-rm -q', 'layr-rm', '-q', 'q')->{err}, '', 'layr-rm -q');
};

subtest 'progress on a terminal only' => sub {
    my $put = join ' ', map { "'$_'" } build('bin/layr-put'), '-n', 'progress', $large;
    my $r = run('script', '-qec', $put, '/dev/null');
    is($r->{status}, 0, 'layr-put on a terminal');
    like($r->{out}, qr/\rput.*\d+ ?%.*\e\[K/, 'progress is shown');
    my $get = join ' ', map { "'$_'" } build('bin/layr-get'), '-f', '-o', scratch('progress'), 'progress';
    like(run('script', '-qec', $get, '/dev/null')->{out}, qr/\rget.*\d+ ?%.*\e\[K/, 'of layr-get too');
    unlike(run('script', '-qec', "$get -q", '/dev/null')->{out}, qr/\e|%/, 'not with -q');
    unlike(works('layr-get', 'layr-get', '-f', '-o', scratch('progress'), 'progress')->{err}, qr/[\r\e]|%/, 'not in a pipe');
    works('layr-rm', 'layr-rm', 'progress');
};

subtest 'two at a time with one home' => sub {
    my @both = map { spawn({}, build('bin/layr-put'), '-n', "both $_", $large) } 1, 2;
    for (map { $_->wait } @both) {
        is($_->{status}, 0, 'put') or diag($_->{err});
        unlike($_->{err}, qr/cut off/, 'neither takes the other for one that was cut off');
    }
    works("get of both $_", 'layr-get', '-o', scratch("both$_"), "both $_") for 1, 2;
    ok(same_file(scratch("both$_"), $large), "both $_") for 1, 2;
    works('layr-rm', 'layr-rm', "both $_") for 1, 2;
    my $before = shards($swarm);
    my @same = map { $_->wait } map { spawn({}, build('bin/layr-put'), '-n', 'same', $large) } 1, 2;
    is(join(' ', sort map { $_->{status} } @same), '0 1', 'of two that want one name one gets it');
    like((map { $_->{err} } grep { $_->{status} } @same)[0], qr/named same .*-n/, 'the other says why');
    works('layr-rm', 'layr-rm', 'same');
    is(scalar(shards($swarm)), $before, 'and leaves nothing at the hosts');
};

subtest 'hosts down' => sub {
    $swarm->kill(1 .. 4);
    fails(3, ['1/3', '3 distinct hosts', '1 of the 5', '-k'], 'layr-put', '-k', '1/3', $large);
    $swarm->kill(0);
    for my $case (['layr-put', $large], ['layr-get', $cap], ['layr-ls', 'small.bin'], ['layr-rm', 'small.bin']) {
        fails(3, ['none of the 5 hosts', $swarm->url(0), '-v'], @$case);
    }
    my $r = fails(3, [map { $swarm->url($_) } 0 .. 4], 'layr-put', '-v', $large);
    $swarm->revive(0 .. 4);
    is(works('all is there after that', 'layr-get', '-o', '-', $cap)->{out}, read_file($small), 'all is there after that');
};

subtest 'shards gone' => sub {
    my @hold = grep { $swarm->blobs($_) } 0 .. 4;
    my $given = put('-k', '2/3', '-n', 'gone', $large);
    my $out = folder('gone');
    write_file("$out/x", 'precious');
    my @now = map { $_->{url} } @{unjson(works('layr-ls', 'layr-ls', '--json', 'gone')->{out})->{hosts}};
    my @i = grep { my $u = $swarm->url($_); grep { $_ eq $u } @now } 0 .. 4;
    $swarm->kill(@i[0 .. @i - 2]);
    my $r = fails(4, [qr/segment \d+/], 'layr-get', '-f', '-o', "$out/x", 'gone');
    is(read_file("$out/x"), 'precious', 'with -f the old file stays until the new one is whole');
    is_deeply([listed($out)], ['x'], 'and nothing else is left');
    $r = tool('layr-ls', 'gone');
    is($r->{status}, 4, 'layr-ls: exit status of a file that cannot be read now');
    like($r->{out}, qr/cannot be read/, 'and its words') or diag($r->{out}, $r->{err});
    $swarm->revive(@i);
    works('after they are back', 'layr-get', '-f', '-o', "$out/x", 'gone');
    ok(same_file("$out/x", $large), 'it is whole');
    works('layr-rm', 'layr-rm', 'gone');
};

subtest 'hosts full' => sub {
    my $full = Layr::Test->swarm(3, '--capacity', '1m');
    fails(3, [(map { $full->url($_) } 0 .. 2), 'room', 'more hosts'], 'layr-put', $full->hosts, '-k', '1/3', '-n', 'f', $large);
    tool('layr-rm', $full->hosts, 'f');    # the last segment is small, and may have found room
    is_deeply([shards($full)], [], 'nothing stays at full hosts');
    $full->stop;
    my $quota = Layr::Test->swarm(3, '--quota', '7m');
    fails(3, [qr{https://127\.1\.\d\.1:\d+ answered}, 'share', 'more hosts'], 'layr-put', $quota->hosts, '-k', '1/3', '-n', 'f', $large);
    is(tool('layr-rm', $quota->hosts, 'f')->{status}, 0, 'what was stored when the quota was used up is kept, until it is given up');
    is_deeply([shards($quota)], [], 'then nothing stays');
    ok($_->quiet, 'error logs are clean') or diag($_->noise) for $full, $quota;
};

ok($swarm->quiet, 'error logs are clean') or diag($swarm->noise);
done_testing;
