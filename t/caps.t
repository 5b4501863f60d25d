#!/usr/bin/perl
# Capabilities do what they say and no more: whatever is not theirs ends with 5, a sentence, and nothing changed. About 5 s.
use strict;
use warnings;
use lib 't/lib';
use Layr::Test;
use Test::More;

my $swarm = Layr::Test->swarm(4);
my @all   = $swarm->hosts;
my $file  = make_file(scratch('file'), 200_000);
my $other = make_file(scratch('other'), 200_000, 'other');
tool('layr-key', 'new')->{status} == 0 or BAIL_OUT('no key');
my $put = tool('layr-put', '-q', '-n', 'file', @all, $file);
$put->{status} == 0 or BAIL_OUT($put->{err});

# The other two capabilities, from the journal's secret by way of a second reader of docs/protocol.md.
chomp(my $read = $put->{out});
my ($id, $R) = $read =~ /^layr:r:([\w-]{43}):([\w-]{43})$/ or BAIL_OUT('no read capability');

# KDF(key, label): BLAKE2b-256 keyed, over label and its length.
sub kdf {
    my ($key, $label) = @_;
    my $r = run({stdin => unpack('H*', $key) . " $label"}, 'python3', '-c', 'import hashlib, sys
key, label = sys.stdin.read().split()
label = label.encode()
print(hashlib.blake2b(len(label).to_bytes(4, "little") + label, digest_size=32, key=bytes.fromhex(key)).hexdigest())');
    chomp(my $hex = $r->{out});
    return pack 'H*', $hex;
}

# The owner's catalogue, as docs/protocol.md 4.6 has it: it follows from the master secret, and the files' write secrets are in it.
my ($master) = read_file(scratch('home/key')) =~ /\n([0-9a-f]{64})\n/ or BAIL_OUT('no master secret');
my $catalogue = tool('layr-get', '-q', '-o', '-', @all, 'layr:w:' . b64url(kdf(pack('H*', $master), 'catalogue')))->{out};
my ($version, $hosts) = unpack 'CV', $catalogue;
is("$version $hosts", '1 4', 'the catalogue is there, with the hosts');
my $at = 5;
$at += 33 + ord substr $catalogue, $at + 32, 1 for 1 .. $hosts;
my ($count, $kind, $of, undef, undef, $W) = unpack 'VCa32Q<Q<a32', substr $catalogue, $at;
is("$count $kind " . b64url($of), "1 1 $id", 'and the file');
my %cap = (r => $read, w => 'layr:w:' . b64url($W),
    v => sprintf('layr:v:%s:%s:%s', $id, b64url(kdf(unb64url($R), 'place')), b64url(kdf($W, 'audit'))));

sub state { return join ' ', map { scalar $swarm->blobs($_) } 0 .. $swarm->count - 1 }

sub refused {
    my ($what, $words, @call) = @_;
    my $before = state();
    for my $home ('home', 'elsewhere') {
        mkdir scratch($home);
        tool({env => {LAYR_HOME => scratch($home)}}, 'layr-key', 'new') if !-e scratch("$home/key");
        my $r = tool({env => {LAYR_HOME => scratch($home)}}, @call);
        is($r->{status}, 5, "$what, $home: refused");
        is($r->{out}, '', "$what, $home: nothing comes out");
        like($r->{err}, $words, "$what, $home: and says why");
        unlike($r->{err}, qr/layr:[rvw]:[\w-]{20}/, "$what, $home: not with the capability");
    }
    is(state(), $before, "$what: nothing is sent or released");
    my $back = tool('layr-get', '-q', '-f', '-o', scratch('back'), @all, $read);
    ok($back->{status} == 0 && same_file($file, scratch('back')), "$what: the file is what it was");
    return;
}

# What no capability is, in all the forms that one can be given.
sub no_cap {
    my ($what, $bad) = @_;
    my $at = write_file(scratch('bad'), "$bad\n");
    for my $form (['an argument', $bad], ['@FILE', "\@$at"], ['stdin', '-']) {
        for my $call (['layr-get', '-o', scratch('nothing')], ['layr-ls'], ['layr-rm'], ['layr-put', '--update']) {
            my ($program, @options) = @$call;
            next if $program eq 'layr-put' && $form->[1] eq '-';    # standard input is what it stores
            my @file = $program eq 'layr-put' ? $other : ();
            my $r = tool({stdin => "$bad\n"}, $program, @all, @options, $form->[1], @file);
            is($r->{status}, 5, "$what, as $form->[0]: $program refuses it") or diag($r->{err});
            ok($r->{err} =~ /capability/ && $r->{out} eq '' && $r->{err} !~ /layr:[rvw]:[\w-]{20}/, "$what, as $form->[0]: and says why");
        }
    }
    ok(!-e scratch('nothing'), "$what: nothing is written");
    return;
}

my $write = qr/takes the write capability \(layr:w:\)/;
refused('a read capability changes',  $write, 'layr-put', @all, '--update', $cap{r}, $other);
refused('a read capability removes',  $write, 'layr-rm', @all, $cap{r});
refused('a read capability audits', qr/does not allow auditing: it takes the file's name, or its write or verify capability/, 'layr-audit', @all, $cap{r});
refused('a verify capability changes', $write, 'layr-put', @all, '--update', $cap{v}, $other);
refused('a verify capability removes', $write, 'layr-rm', @all, $cap{v});
refused('a verify capability reads', qr/does not allow reading: it takes one that starts with layr:r:/, 'layr-get', @all, '-o', '-', $cap{v});
for my $way (['as @FILE', '@' . write_file(scratch('vcap'), "$cap{v}\n")], ['with --path', '--path', 'x', $cap{v}],
    ['with --resume', '--resume', '-o', scratch('nothing'), $cap{v}], ['as JSON', '--json', $cap{v}]) {
    my ($how, @call) = @$way;
    refused("it reads $how", qr/does not allow reading/, 'layr-get', @all, '-q', grep({ $_ eq '-o' || $_ eq '--json' } @call) ? () : ('-o', '-'), @call);
}
refused('it lists names',              qr/--path: this capability does not allow reading/, 'layr-ls', @all, '--path', 'x', $cap{v});
refused('it shows a read capability',  qr/--caps: this capability does not allow reading/, 'layr-ls', @all, '--caps', $cap{v});
refused('it removes, as @FILE',        $write, 'layr-rm', @all, '@' . scratch('vcap'));
refused('it changes, as @FILE',        $write, 'layr-put', @all, '--update', '@' . scratch('vcap'), $other);
refused('a read capability changes from a stream',  $write, 'layr-put', @all, '--update', $cap{r}, '-');
ok(!-e scratch('nothing'), 'nothing is written');
no_cap('one that was cut off', substr $cap{r}, 0, -5);
no_cap('one with a letter too much', "$cap{w}A");
no_cap('one of another kind', 'layr:x:' . ('A' x 43));
no_cap('a verify capability without its second half', $cap{v} =~ s/:[\w-]+$//r);
no_cap('no capability at all', 'layr:');
refused('it reads a range', qr/does not allow reading/, 'layr-get', @all, '--range', '0-9', '-o', '-', $cap{v});
refused('a broken capability reads', qr/capability/, 'layr-get', @all, '-o', '-', substr($cap{r}, 0, -2) . ($cap{r} =~ /A.$/ ? 'BA' : 'AA'));

subtest 'what they are for' => sub {
    my $r = tool({env => {LAYR_HOME => scratch('stranger')}}, 'layr-get', '-q', '-o', '-', @all, $cap{r});
    ok($r->{status} == 0 && $r->{out} eq read_file($file), 'a read capability reads');
    $r = tool('layr-ls', @all, $cap{r});
    is($r->{status}, 0, 'and lists');
    like($r->{out}, qr/^name +file$/m, 'with the name');
    for my $form (['@FILE', '@' . write_file(scratch('cap'), "$cap{v}\n")], ['an argument', $cap{v}], ['stdin', '-']) {
        $r = tool({stdin => "$cap{v}\n"}, 'layr-ls', @all, $form->[1]);
        is($r->{status}, 0, "a verify capability locates, as $form->[0]") or diag($r->{err});
        unlike($r->{out}, qr/^(?:name|type|sha256|stored|changed) /m, 'and tells no name, hash or time');
    }
    $r = tool({env => {LAYR_HOME => scratch('stranger')}}, 'layr-audit', '--sample', 4, @all, $cap{v});
    is($r->{status}, 0, 'it audits') or diag($r->{err});
    $r = tool('layr-ls', '--json', @all, $cap{v});
    is_deeply([grep { exists unjson($r->{out})->{$_} } qw(name type sha256 created mtime cap)], [], 'nor in JSON');
};

subtest 'a write capability' => sub {
    my $r = tool('layr-put', '-q', @all, '--update', '@' . write_file(scratch('wcap'), "$cap{w}\n"), $other);
    is($r->{status}, 0, 'changes, as @FILE') or diag($r->{err});
    $r = tool('layr-get', '-q', '-o', '-', @all, $cap{r});
    ok($r->{out} eq read_file($other), 'under the same read capability');
    $r = tool({stdin => "$cap{w}\n"}, 'layr-rm', @all, '-');
    is($r->{status}, 0, 'removes, from stdin') or diag($r->{err});
    is(tool('layr-get', '-q', '-o', '-', @all, $cap{r})->{status}, 1, 'and nobody reads it any more');
};

is($swarm->noise, '', 'error logs are clean');
done_testing;
