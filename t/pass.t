#!/usr/bin/perl
# A key wrapped with a passphrase: from a file, from the environment, typed on a terminal; wrong, empty, too long, nobody to ask.
use strict;
use warnings;
use lib 't/lib';
use Fcntl qw(O_RDWR);
use POSIX ();
use Layr::Test;
use Test::More;

my $secret = 'correct horse';
my $pass = write_file(scratch('pass'), "$secret\nsecond line\n");
chmod 0600, $pass;
my ($home, $serial) = (scratch('me'), 0);

sub key { return tool(ref $_[0] ? shift : {}, 'layr-key', @_, '--home', $home) }

sub fails {
    my ($words, $r, $what) = @_;
    is($r->{status}, 1, "$what: exit status") or diag($r->{err});
    is($r->{out}, '', "$what: no result");
    like($r->{err}, qr/^layr-key: .*$words/m, "$what: says why");
    unlike($r->{err}, qr/correct|horse|\(null\)/, "$what: nothing of a passphrase is said");
}

# What comes of a program on a terminal of its own: each pair is a prompt to wait for and what is typed then. setsid: without
# one of the test's own it must not be asked there. exec: else a Ctrl-C ends the shell between too, and its status is what shows.
sub typed {
    my ($dialogue, @command) = @_;
    my $n = $serial++;
    my ($keys, $log) = (scratch("keys$n"), scratch("typed$n"));
    POSIX::mkfifo($keys, 0600);
    sysopen my $hold, $keys, O_RDWR or die "$keys: $!";
    my $p = spawn({stdin_file => $keys, timeout => 60}, 'script', '-qefc', join(' ', 'exec', map { "'$_'" } @command), $log);
    my $seen = 0;
    for (@$dialogue) {
        my ($prompt, $answer) = @$_;
        my $at;
        ok(wait_for(20, sub { -e $log && ($at = index(read_file($log), $prompt, $seen)) >= 0 }), "asked: $prompt") or last;
        $seen = $at + length $prompt;
        syswrite $hold, $answer;
    }
    my $r = $p->wait;
    $r->{screen} = read_file($log) =~ s/\AScript started.*?\n//r =~ s/\n?Script done.*\z//sr;
    return $r;
}

my $id;
subtest 'from a file' => sub {
    my $r = key('new', '--passphrase-file', $pass);
    is($r->{status}, 0, 'new') or diag($r->{err});
    my $words = $r->{out};
    is(scalar(split ' ', $words), 24, '24 words');
    unlike($r->{err}, qr/open to others/, 'no word about a file of mode 0600');
    $r = key('id', '--passphrase-file', $pass);
    is($r->{status}, 0, 'id');
    $id = $r->{out};
    is(key({env => {LAYR_PASSPHRASE_FILE => $pass}}, 'id')->{out}, $id, 'named by LAYR_PASSPHRASE_FILE');
    $r = tool({stdin => $words}, 'layr-key', 'recover', '--home', scratch('bare'));
    is(tool('layr-key', 'id', '--home', scratch('bare'))->{out}, $id, 'the words bring the key back without it');

    chmod 0644, $pass;
    like(key('id', '--passphrase-file', $pass)->{err}, qr/\Q$pass\E is open to others.*chmod 600/, 'a file that others can read');
    chmod 0600, $pass;
    write_file(scratch('crlf'), "$secret\r\n");
    is(key('id', '--passphrase-file', scratch('crlf'))->{out}, $id, 'a line that ends as on Windows');
    write_file(scratch('bare-line'), $secret);
    is(key('id', '--passphrase-file', scratch('bare-line'))->{out}, $id, 'a line without an end');
};

subtest 'refused' => sub {
    my $wrong = write_file(scratch('wrong'), "correct horsf\n");
    fails(qr/passphrase/, key('id', '--passphrase-file', $wrong), 'a wrong one');
    fails(qr/\Q@{[scratch('none')]}\E: No such file/, key('id', '--passphrase-file', scratch('none')), 'no file');
    fails(qr/empty/, key('id', '--passphrase-file', write_file(scratch('empty'), "\nx\n")), 'an empty line');
    fails(qr/at most/, key('id', '--passphrase-file', write_file(scratch('long'), 'x' x 5000)), 'a long one');
    fails(qr/\Q@{[scratch('')]}\E/, key('id', '--passphrase-file', scratch('')), 'a folder');
    my $r = run('setsid', '-w', build('bin/layr-key'), 'id', '--home', $home);
    fails(qr/no terminal.*--passphrase-file/, $r, 'nobody to ask');
    $r = tool('layr-key', 'new', '--passphrase-file', scratch('empty'), '--home', scratch('other'));
    fails(qr/empty/, $r, 'an empty one for a new key');
    ok(!-e scratch('other/key'), 'and no key was made');
};

subtest 'on a terminal' => sub {
    my @new = (build('bin/layr-key'), 'new', '--passphrase', '--home', scratch('tty'));
    my $r = typed([['new passphrase: ', "$secret\n"], ['once more: ', "$secret!\n"]], @new);
    is($r->{status}, 1, 'two that differ');
    like($r->{screen}, qr/differ: nothing was done/, 'and says so');
    ok(!-e scratch('tty/key'), 'no key was made');
    $r = typed([['new passphrase: ', "\n"]], @new);
    is($r->{status}, 1, 'an empty one');
    $r = typed([['new passphrase: ', "\x03"]], @new);
    is($r->{status}, 1, 'Ctrl-C at the prompt');
    ok(!-e scratch('tty/key'), 'still no key');

    $r = typed([['new passphrase: ', "$secret\n"], ['once more: ', "$secret\n"]], @new);
    is($r->{status}, 0, 'a new key') or diag($r->{screen});
    unlike($r->{screen}, qr/correct|horse/, 'what is typed is not shown');
    $r = typed([['passphrase: ', "$secret\n"]], build('bin/layr-key'), 'id', '--home', scratch('tty'));
    is($r->{status}, 0, 'id');
    like($r->{screen}, qr/^[0-9a-f]{64}\r$/m, 'is shown');
    $r = typed([['passphrase: ', "x\n"]], build('bin/layr-key'), 'id', '--home', scratch('tty'));
    is($r->{status}, 1, 'a wrong one');
};

subtest 'the other programs' => sub {
    my @all = (['layr-put', '/bin/sh'], ['layr-ls'], ['layr-get', 'x'], ['layr-rm', 'x']);
    for (@all) {
        my $r = run('setsid', '-w', build('bin', $_->[0]), '--home', $home, @{$_}[1 .. $#$_]);
        is($r->{status}, 1, "$_->[0] without a terminal");
        like($r->{err}, qr/--passphrase-file/, 'says how');
    }
    my $r = tool('layr-ls', '--home', $home, '--passphrase-file', $pass);
    is($r->{status}, 0, 'layr-ls with a file') or diag($r->{err});
};

done_testing;
