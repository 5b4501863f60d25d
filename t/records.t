#!/usr/bin/perl
# Records at a host: rules (a) to (d) of docs/protocol.md 4.4, and what is refused.
use strict;
use warnings;
use lib 't/lib';
use Layr::Host;
use Layr::Test;
use Test::More;

my $now = time;
my @wires = wires();
my $file = owner();
my @jose = (header => ['Content-Type: application/jose']);

sub place { my ($key, $i) = @_; return sha256_hex($key->{public} . chr $i) }

# A record: record(seq, [prev], root), further members of the header override.
sub record {
    my ($seq, $prev, $root, %head) = @_;
    return sign($head{key} // $file, 'layr-record', $root // "root $seq", v => 1, iat => $now, exp => $now + 86400, seq => "$seq",
        prev => $prev // [], map { $_ => $head{$_} } grep { $_ ne 'key' } keys %head);
}

sub put { my ($w, $place, $jws, %o) = @_; return ask($w, PUT => "/v1/records/$place", body => $jws, @jose, %o) }
sub get { my ($w, $place) = @_; return ask($w, GET => "/v1/records/$place") }

# Refused with the record that stays.
sub conflict {
    my ($w, $place, $jws, $own, $name) = @_;
    my $a = put($w, $place, $jws);
    is("$a->{status} " . ($a->{header}{'content-type'} // ''), '412 application/jose', "$w->{name}: $name: 412");
    ok($a->{body} eq $own, "$w->{name}: $name: with its own");
    ok(get($w, $place)->{body} eq $own, "$w->{name}: $name: which stays");
}

for my $turn (0 .. 3) {
    my $w = $wires[$turn];
    subtest "$w->{name}: which record stays" => sub {
        # A file and a place of its own: over TLS it is one host for two protocols.
        $file = owner();
        my $place = place($file, $turn % 3);
        my $one = record(1);
        is(get($w, $place)->{status}, 404, 'none yet');
        is(put($w, $place, $one)->{status}, 201, '(a) the first: 201');
        my $a = get($w, $place);
        is("$a->{status} $a->{header}{'content-type'}", '200 application/jose', 'GET');
        ok($a->{body} eq $one, 'the same bytes');
        is(put($w, $place, $one)->{status}, 200, '(b) the identical one: 200');
        conflict($w, $place, record(1, [], 'another'), $one, 'another of the same sequence');
        conflict($w, $place, record(1, [sha256_hex($one)], 'another'), $one, 'one of the same sequence that names it');
        conflict($w, $place, record(2), $one, 'the next that does not name it');
        conflict($w, $place, record(2, [sha256_hex('x')]), $one, 'the next that names another');
        my $two = record(2, [sha256_hex('x'), sha256_hex($one)]);
        is(put($w, $place, $two)->{status}, 200, '(c) the next that names it: 200');
        ok(get($w, $place)->{body} eq $two, 'and replaces it');
        conflict($w, $place, $one, $two, '(d) the one before');
        conflict($w, $place, record(1, [sha256_hex($two)]), $two, 'a lower one that names it');
        conflict($w, $place, record(3), $two, 'the next that names none');
        my $far = record(4);
        is(put($w, $place, $far)->{status}, 200, '(c) two higher, naming none: 200');
        ok(get($w, $place)->{body} eq $far, 'and replaces it');
        my $named = record(9, [sha256_hex($far)]);
        is(put($w, $place, $named)->{status}, 200, 'much higher, naming it');
        my $last = record('18446744073709551614', [], '');
        is(put($w, $place, $last)->{status}, 200, 'a sequence near its end, an empty payload');
        conflict($w, $place, record('18446744073709551615'), $last, 'the last sequence, which names none');
        is(put($w, $place, record('18446744073709551615', [sha256_hex($last)]))->{status}, 200, 'the last sequence, naming it');

        my $s = status($w);
        is(get($w, place($file, ($turn + 1) % 3))->{status}, 404, 'other places have none');
        is($s->{records}, $turn == 3 ? 2 : 1, 'one record is in the books');
        $w->{state} = state($w);
    };
}

subtest 'the three places' => sub {
    my $w = $wires[3];
    $file = owner();
    my $jws = record(1, [], 'r' x 32768);
    is(put($w, place($file, $_), $jws)->{status}, 201, "place $_") for 0 .. 2;
    ok(get($w, place($file, $_))->{body} eq $jws, "place $_: the bytes, with the largest root") for 0 .. 2;
    my $s = status($w);
    cmp_ok($s->{record_bytes}, '>=', 3 * length $jws, 'its bytes are in the books');
    is($s->{used}, $s->{shard_bytes} + $s->{record_bytes}, 'and used counts them');
    $w->{state} = state($w);
};

# A header as text, changed; signed anew.
sub edited {
    my ($from, $to) = @_;
    my ($head, $payload) = map { unb64url($_) } (split /\./, record(1))[0, 1];
    $head =~ s/$from/$to/ or die $from;
    my $input = b64url($head) . '.' . b64url($payload);
    return "$input." . b64url($file->{key}->sign_message($input));
}

my %malformed = (
    'garbage' => sub { 'garbage' },
    'nothing' => sub { '' },
    'zeros' => sub { "\0" x 1000 },
    'a line feed behind it' => sub { record(1) . "\n" },
    'a space before it' => sub { ' ' . record(1) },
    'an order' => sub { order($file, 'a' x 64, shard_of(1)) },
    'alg none' => sub { edited('EdDSA', 'none') },
    'v 2' => sub { edited('"v":1', '"v":2') },
    'seq 0' => sub { record(0) },
    'seq as a number' => sub { edited('"seq":"1"', '"seq":1') },
    'no seq' => sub { record(1, [], undef, seq => undef) },
    'no prev' => sub { record(1, [], undef, prev => undef) },
    'nine before it' => sub { record(2, [map { sha256_hex($_) } 1 .. 9]) },
    'one before it, twice' => sub { record(2, [map { sha256_hex('x') } 1 .. 2]) },
    'an unknown member' => sub { record(1, [], undef, admin => 1) },
    'a member twice' => sub { edited('^\{', '{"v":1,') },
    'exp before iat' => sub { record(1, [], undef, exp => $now - 1) },
    'for more than 400 days' => sub { record(1, [], undef, exp => $now + 34_560_000 + 1200) },
    'a root of 32,769 bytes' => sub { record(1, [], 'r' x 32769) },
);
my @wrong = (
    ['a signature that is another\'s', 403, 'statement-signature', sub { edited('"kid":"[^"]*"', '"kid":"' . b64url(owner()->{public}) . '"') }],
    ['expired', 403, 'statement-expired', sub { record(1, [], undef, iat => $now - 900, exp => $now - 400) }],
    ['from the future', 403, 'statement-future', sub { record(1, [], undef, iat => $now + 1200, exp => $now + 9999) }],
    ['at a place of another file', 403, 'statement-host', sub { record(1, [], undef, key => owner()) }],
    ['of 65,537 characters', 413, 'too-large', sub { 'A' x 65537 }],
);
for my $turn (0 .. 3) {
    my ($w, $n) = ($wires[$turn], 0);
    subtest "$w->{name}: what is refused" => sub {
        $w->{state} = state($w);
        $file = owner();
        my $place = place($file, 0);
        for my $name (sort keys %malformed) {
            next if $turn != 0 && $n++ % 3 != $turn - 1;
            refused($w, put($w, $place, $malformed{$name}->()), 400, 'statement-malformed', $name);
        }
        refused($w, put($w, $place, $_->[3]->()), $_->[1], $_->[2], $_->[0]) for @wrong;
        refused($w, put($w, place($file, 3), record(1)), 403, 'statement-host', 'a fourth place');
        refused($w, put($w, unpack('H*', $file->{public}), record(1)), 403, 'statement-host', 'its key as the place');
        refused($w, put($w, $place, record(1), header => ['Transfer-Encoding: chunked']), 411, 'length-required', 'in chunks') if $w->{version} eq '1.1';
        unchanged($w, 'all of these');
        is(put($w, $place, record(1))->{status}, 201, 'a good one after that');
        $w->{state} = state($w);
    };
}

# A host forgets a record that has expired: then any is the first. (exp holds until 300 s after it.)
subtest 'expiry' => sub {
    my $w = $wires[3];
    $file = owner();
    my $place = place($file, 0);
    my $old = record(7, [], 'old', iat => $now - 900, exp => time - 297);
    is(put($w, $place, $old)->{status}, 201, 'a record in its last seconds');
    is(get($w, $place)->{status}, 200, 'it is there');
    ok(wait_for(10, sub { get($w, $place)->{status} == 404 }), 'when it has expired it is not');
    is(put($w, $place, record(1))->{status}, 201, 'a lower sequence is the first now');
};

subtest 'restart' => sub {
    my $w = $wires[0];
    $file = owner();
    my $place = place($file, 1);
    my $jws = record(1);
    is(put($w, $place, $jws)->{status}, 201, 'a record');
    my $before = status($w);
    $w->{swarm}->kill(0);
    $w->{swarm}->revive(0);
    ok(get($w, $place)->{body} eq $jws, 'it outlives kill -9');
    my $after = status($w);
    is($after->{$_}, $before->{$_}, $_) for qw(records record_bytes used);
};

for my $w (@wires[0 .. 2]) {
    ok($w->{swarm}->quiet, "$w->{name}: error logs are clean") or diag($w->{swarm}->noise);
}
done_testing;
