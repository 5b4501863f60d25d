#!/usr/bin/perl
# Nobody gets in: every order that a host must refuse, over each protocol, with the right problem and without a trace. And what
# an owner may do: store, renew, release.
use strict;
use warnings;
use lib 't/lib';
use Crypt::Mac::HMAC ();
use Layr::Host;
use Layr::Raw;
use Layr::Test;
use Test::More;

my $now = time;
my ($alice, $bob, $carol, $mallory) = map { owner(pack 'A32', $_) } qw(alice bob carol mallory);
my $owners = write_file(scratch('owners'), join '', "# who may store here\n\n", b64url($alice->{public}) . " alice\n",
    unpack('H*', $bob->{public}) . "\n", '  ' . b64url($carol->{public}) . "# carol\n");

# Room for 128 blocks, 40 of them for one owner; the largest shard has 16.
my @wires = wires('--capacity', 128 * 4112, '--quota', 40 * 4112, '--directive', 'layr_price 5;', '--directive', "layr_owners $owners;",
    '--directive', 'layr_max_shard ' . 16 * 4112 . ';');
my $shard = shard_of(1, 'one');
my $other = shard_of(1, 'other');

sub good { my ($w, %field) = @_; return order($alice, $w->{id}, $field{of} // $shard, price => '5', map { $_ => $field{$_} } grep { $_ ne 'of' } keys %field) }

# A JWS whose header and payload are the texts given.
sub jws {
    my ($owner, $head, $payload) = @_;
    my $input = b64url($head) . '.' . b64url($payload);
    return "$input." . b64url($owner->{key}->sign_message($input));
}

# The payload and header of a good order as text, changed by the code given.
sub edited {
    my ($w, $part, $edit) = @_;
    my @part = map { unb64url($_) } (split /\./, good($w))[0, 1];
    $part[$part] = $edit->($part[$part]) // die;
    return jws($alice, @part);
}

sub payload { my ($w, $from, $to) = @_; return edited($w, 1, sub { $_[0] =~ s/$from/$to/r }) }
sub header  { my ($w, $from, $to) = @_; return edited($w, 0, sub { $_[0] =~ s/$from/$to/r }) }

sub without_signature { return (join '.', (split /\./, $_[0])[0, 1]) . '.' }

# The classic confusion: a MAC with the public key as its key.
sub hs256 {
    my ($w) = @_;
    my $input = join '.', b64url(json({alg => 'HS256', typ => 'layr-order', kid => b64url($alice->{public})})), (split /\./, good($w))[1];
    return "$input." . b64url(Crypt::Mac::HMAC::hmac('SHA256', $alice->{public}, $input));
}

# Not an order.
my %malformed = (
    'no JWS' => sub { 'hello' },
    'two parts' => sub { $_[0] =~ s/\.[^.]*$//r },
    'four parts' => sub { "$_[0].AAAA" },
    'alg none, without a signature' => sub { without_signature(header($_[1], '"EdDSA"', '"none"')) },
    'alg none, signed' => sub { header($_[1], '"EdDSA"', '"none"') },
    'HS256 with the public key as its key' => sub { hs256($_[1]) },
    'alg twice' => sub { header($_[1], '^\{', '{"alg":"EdDSA",') },
    'alg missing' => sub { header($_[1], '"alg":"EdDSA",', '') },
    'typ of another kind' => sub { header($_[1], 'layr-order', 'layr-orders') },
    'typ JWT' => sub { header($_[1], 'layr-order', 'JWT') },
    'crit in the header' => sub { header($_[1], '^\{', '{"crit":["b64"],') },
    'b64 in the header' => sub { header($_[1], '^\{', '{"b64":false,') },
    'jwk in the header' => sub { header($_[1], '^\{', '{"jwk":{},') },
    'kid too short' => sub { sign($alice, 'layr-order', {}, kid => b64url('x' x 31)) },
    'v 2' => sub { payload($_[1], '"v":1', '"v":2') },
    'v as a string' => sub { payload($_[1], '"v":1', '"v":"1"') },
    'v missing' => sub { payload($_[1], ',"v":1', '') },
    'a member twice' => sub { payload($_[1], '^\{', '{"price":"5",') },
    'a member twice, once escaped' => sub { payload($_[1], '^\{', '{"\u0070rice":"9",') },
    'an unknown member' => sub { payload($_[1], '^\{', '{"admin":true,') },
    'no order id' => sub { payload($_[1], '"order":"[^"]*",', '') },
    'no host' => sub { payload($_[1], '"host":"[^"]*",', '') },
    'no exp' => sub { payload($_[1], '"exp":\d+,', '') },
    'no audit key' => sub { payload($_[1], '"audit":"[^"]*",', '') },
    'size as a number' => sub { payload($_[1], '"size":"4112"', '"size":4112') },
    'size 0' => sub { payload($_[1], '"4112"', '"0"') },
    'size not of whole blocks' => sub { payload($_[1], '"4112"', '"4113"') },
    'size with a leading zero' => sub { payload($_[1], '"4112"', '"04112"') },
    'size negative' => sub { payload($_[1], '"4112"', '"-4112"') },
    'size beyond 64 bits' => sub { payload($_[1], '"4112"', '"18446744073709555728"') },
    'exp with a fraction' => sub { payload($_[1], '("exp":\d+)', '"exp":' . ($now + 9) . '.5') },
    'exp with an exponent' => sub { payload($_[1], '("exp":\d+)', '"exp":2e9') },
    'exp before iat' => sub { payload($_[1], '("exp":\d+)', '"exp":' . ($now - 9)) },
    'shard in upper case' => sub { payload($_[1], '"shard":"[^"]*"', '"shard":"' . uc($shard->{id}) . '"') },
    'audit with padding' => sub { payload($_[1], '("audit":"[^"]*)', '"audit":"' . b64url("\x58" . "\x66" x 31) . '=') },
    'rail too long' => sub { payload($_[1], '"none"', '"' . 'r' x 17 . '"') },
    'a NUL' => sub { payload($_[1], '"none"', '"none\u0000"') },
    'white space before the object' => sub { payload($_[1], '^', ' ') },
    'bytes after the object' => sub { payload($_[1], '$', "\n") },
    'an array' => sub { payload($_[1], '^(.*)$', '[]') },
    'nested too deep' => sub { payload($_[1], '^\{', '{"lock":' . '[' x 100 . ']' x 100 . ',') },
    'padding after the signature' => sub { "$_[0]==" },
    'a byte more of signature' => sub { "$_[0]AA" },
    'over 2,048 characters' => sub { payload($_[1], '^\{', '{"note":"' . 'x' x 2048 . '",') },
);

# Well formed and refused: status, type, the order's fields, the request's.
my @wrong = (
    ['another owner\'s key in its header', 401, 'order-signature', sub { header($_[0], '"kid":"[^"]*"', '"kid":"' . b64url($bob->{public}) . '"') }],
    ['a key of low order', 401, 'order-signature', sub { header($_[0], '"kid":"[^"]*"', '"kid":"' . b64url("\1" . "\0" x 31) . '"') }],
    ['a signature of zeros', 401, 'order-signature', sub { without_signature(good($_[0])) . b64url("\0" x 64) }],
    ['the signature of another order', 401, 'order-signature', sub { without_signature(good($_[0])) . (split /\./, good($_[0]))[2] }],
    ['a price below the host\'s', 402, 'price', sub { good($_[0], price => '4') }],
    ['for another host', 403, 'order-host', sub { good($_[0], host => sha256_hex('elsewhere')) }],
    ['for another shard', 403, 'order-shard', sub { good($_[0], of => $other) }],
    ['for another size', 403, 'order-size', sub { good($_[0], size => '8224') }],
    ['expired', 403, 'order-expired', sub { good($_[0], iat => $now - 1000, exp => $now - 400) }],
    ['from the future', 403, 'order-future', sub { good($_[0], iat => $now + 1200, exp => $now + 9999) }],
    ['for more than 400 days', 403, 'order-too-long', sub { good($_[0], exp => $now + 34_560_000 + 1200) }],
    ['paid by an unknown rail', 403, 'order-rail', sub { good($_[0], rail => 'stellar') }],
    ['of an owner who is not in the list', 403, 'owner-not-allowed', sub { order($mallory, $_[0]{id}, $shard, price => '5') }],
);

sub refusals {
    my ($w, $turn) = @_;
    # All of them over one protocol; over the others a third each: they part before an order is parsed.
    my $n = 0;
    for my $name (sort keys %malformed) {
        next if $turn != 0 && $n++ % 3 != $turn - 1;
        refused($w, put_shard($w, $shard, $malformed{$name}->(good($w), $w)), 401, 'order-malformed', $name);
    }
    for my $case (@wrong) {
        my ($name, $status, $type, $order) = @$case;
        refused($w, put_shard($w, $shard, $order->($w)), $status, $type, $name);
    }
}

sub bodies {
    my ($w) = @_;
    my $large = shard_of(17, 'large');
    refused($w, put_shard($w, $large, good($w, of => $large)), 413, 'too-large', 'a shard over layr_max_shard');
    refused($w, put_shard($w, $shard, good($w), body => $other->{bytes}), 422, 'hash-mismatch', 'the body of another shard');
    my $bytes = $shard->{bytes};
    substr($bytes, 4111, 1) ^= "\1";
    refused($w, put_shard($w, $shard, good($w), body => $bytes), 422, 'hash-mismatch', 'the last bit of the body');
    refused($w, put_shard($w, $shard, good($w), body => substr $bytes, 1), 403, 'order-size', 'a body that is a byte shorter than ordered');
    refused($w, put_shard($w, $shard, good($w), body => "$bytes!"), 403, 'order-size', 'a body that is a byte longer than ordered');
    refused($w, ask($w, PUT => "/v1/shards/$shard->{id}", auth => good($w), body => ''), 403, 'order-size', 'no body');
    refused($w, put_shard($w, $shard, good($w), header => ['Transfer-Encoding: chunked']), 411, 'length-required', 'a body in chunks')
        if $w->{version} eq '1.1';
}

sub authorization {
    my ($w) = @_;
    my $try = sub { ask($w, PUT => "/v1/shards/$shard->{id}", body => $shard->{bytes}, header => [@_]) };
    refused($w, $try->(), 401, 'order-missing', 'no Authorization');
    is($try->()->{header}{'www-authenticate'}, 'Layr', "$w->{name}: 401 names the scheme");
    refused($w, $try->('Authorization: Basic YWRtaW46YWRtaW4='), 401, 'order-missing', 'Authorization: Basic');
    refused($w, $try->('Authorization: Bearer ' . good($w)), 401, 'order-missing', 'Authorization: Bearer');
    refused($w, $try->('Authorization: Layr'), 401, 'order-missing', 'Authorization: Layr and nothing');
    refused($w, $try->('Authorization: Layr  ' . good($w)), 401, 'order-malformed', 'two spaces');
    # These nginx refuses before it knows of a location, in its own words.
    for my $case (['twice', map { 'Authorization: Layr ' . good($w) } 1, 2], ['of 40,000 characters', 'Authorization: Layr ' . 'A' x 40000]) {
        my ($name, @header) = @$case;
        my $a = $try->(@header);
        ok(($a->{status} >= 400 && $a->{status} < 500 || $a->{status} == 0) && unchanged($w, $name), "$w->{name}: Authorization $name: refused")
            or diag("$a->{status} $a->{body}");
    }
}

# Order ids, quota and room; all of it is released again.
sub books {
    my ($w) = @_;
    my $id = random_hex(16);
    my $a = put_shard($w, $shard, my $order = good($w, order => $id));
    is($a->{status}, 201, "$w->{name}: a good order is taken: 201") or diag("$a->{err}$a->{body}");
    is($a->{header}{'content-type'}, 'application/json', "$w->{name}: its answer's type");
    my $got = unjson($a->{body});
    is("$got->{shard} $got->{order}", "$shard->{id} $id", "$w->{name}: and what it says");
    cmp_ok(abs($got->{exp} - $now - 86400), '<', 300, "$w->{name}: until when");
    my $s = status($w);
    is("$s->{used} $s->{shards} $s->{orders} $s->{reserved}", '4112 1 1 0', "$w->{name}: it is in the books");
    is_deeply([$w->{swarm}->holders($shard->{id})], [0], "$w->{name}: and in the store");
    $w->{state} = state($w);

    is(put_shard($w, $shard, $order)->{status}, 200, "$w->{name}: the same again: 200");
    ok(unchanged($w, 'the same again'), "$w->{name}: and kept once");
    refused($w, put_shard($w, $other, good($w, of => $other, order => $id)), 409, 'order-conflict', 'its id for another shard');
    refused($w, put_shard($w, $shard, good($w, order => $id, group => '11' x 16)), 409, 'order-conflict', 'its id for another group');
    refused($w, put_shard($w, $shard, order($bob, $w->{id}, $shard, price => '5', order => $id)), 409, 'order-conflict', 'its id by another owner');

    my $sixteen = shard_of(16, 'sixteen');
    my @bob = map { {shard => shard_of(16, "bob $_"), order => random_hex(16)} } 0, 1;
    my $put = sub { my ($who, $what) = @_; put_shard($w, $what->{shard}, order($who, $w->{id}, $what->{shard}, price => '5', order => $what->{order})) };
    is($put->($bob, $_)->{status}, 201, "$w->{name}: 16 blocks of bob's") for @bob;
    $w->{state} = state($w);
    refused($w, $put->($bob, {shard => $sixteen, order => random_hex(16)}), 507, 'owner-quota', 'past the owner\'s share');
    # Alice now has 1 block of 40 and bob 32: 128 are full when carol has 32 and the two what they still may.
    my @carol = map { {shard => shard_of(16, "carol $_"), order => random_hex(16)} } 0, 1;
    my @alice = map { {shard => shard_of($_, "alice $_"), order => random_hex(16)} } 15, 16;
    is($put->($carol, $_)->{status}, 201, "$w->{name}: 16 blocks of carol's") for @carol;
    is($put->($alice, $_)->{status}, 201, "$w->{name}: $_->{shard}{size} bytes of alice's") for @alice;
    is($put->($bob, my $more = {shard => shard_of(8, 'bob more'), order => random_hex(16)})->{status}, 201, "$w->{name}: 8 more of bob's");
    $w->{state} = state($w);
    my $ten = {shard => shard_of(8, 'carol more'), order => random_hex(16)};
    my $left = status($w)->{free};
    is($left, (128 - 1 - 32 - 32 - 31 - 8) * 4112, "$w->{name}: free to the byte");
    is($put->($carol, $ten)->{status}, 201, "$w->{name}: and 8 of carol's");
    $w->{state} = state($w);
    return {alice => [{order => $id}, @alice], bob => [@bob, $more], carol => [@carol, $ten]};
}

sub release_all {
    my ($w, $kept) = @_;
    for my $who ([$alice, 'alice'], [$bob, 'bob'], [$carol, 'carol']) {
        my ($owner, $name) = @$who;
        my $a = ask($w, POST => '/v1/orders', body => orders($owner, $w->{id}, 'release', [map { $_->{order} } @{$kept->{$name}}]));
        is($a->{status}, 200, "$w->{name}: $name releases all") or diag($a->{body});
    }
    my $s = wait_for(5, sub { my $s = status($w); $s->{shards} == 0 ? $s : undef }) // status($w);
    is("$s->{used} $s->{shards} $s->{orders} $s->{reserved} $s->{free}", '0 0 0 0 ' . 128 * 4112, "$w->{name}: the host is as empty as before");
    is_deeply([$w->{swarm}->blobs(0)], [], "$w->{name}: no file is left");
    $w->{state} = state($w);
}

for my $turn (0 .. 3) {
    my $w = $wires[$turn];
    subtest "$w->{name}: what is no order" => sub { authorization($w); refusals($w, $turn); unchanged($w, 'all of these') };
    subtest "$w->{name}: bodies" => sub { bodies($w); unchanged($w, 'all of these') };
    subtest "$w->{name}: quota and room, and a good upload after all this" => sub {
        # Over TLS it is one host for two protocols.
        $w->{state} = state($w);
        release_all($w, books($w));
    };
}

subtest 'a host that is full' => sub {
    my $swarm = Layr::Test->swarm(1, '--plain', '--capacity', 20 * 4112);
    my $w = Layr::Host::wire('HTTP/1.1', $swarm, '1.1');
    my $first = shard_of(16, 'first');
    my $of = sub { order($alice, $w->{id}, $_[0]) };
    is(put_shard($w, $first, $of->($first))->{status}, 201, '16 blocks of 20');
    $w->{state} = state($w);
    my $five = shard_of(5, 'five');
    refused($w, put_shard($w, $five, $of->($five)), 507, 'host-full', 'five more');
    my $huge = shard_of(21, 'huge');
    refused($w, put_shard($w, $huge, $of->($huge)), 507, 'host-full', 'more than there ever is');
    my $four = shard_of(4, 'four');
    is(put_shard($w, $four, $of->($four))->{status}, 201, 'four fit, to the byte');
    is(status($w)->{free}, '0', 'and nothing is free');
    ok($swarm->quiet, 'error logs are clean') or diag($swarm->noise);
};

# Every bit of a good order, over one connection.
subtest 'one bit altered' => sub {
    my $w = $wires[0];
    $w->{state} = state($w);
    my $c = Layr::Raw->h1($w->{url});
    my $order = good($w);
    my (%got, @bad);
    for my $at (0 .. length($order) - 1) {
        for my $bit (map { 1 << $_ } 0 .. 7) {
            my $altered = $order;
            substr($altered, $at, 1) ^= chr $bit;
            my $a = $c->request(PUT => "/v1/shards/$shard->{id}", [Authorization => "Layr $altered"], body => $shard->{bytes});
            $got{$a->{status}}++;
            # A line feed or NUL in it is no HTTP any more: nginx's own 400.
            my $fine = $a->{status} == 401 && $a->{body} =~ /problem:order-(?:malformed|signature)"/
                || $a->{status} == 400 && substr($altered, $at, 1) =~ /[\0\n\r]/;
            push @bad, "byte $at, bit $bit: $a->{status}" if !$fine;
        }
    }
    is(scalar @bad, 0, 'each of ' . 8 * length($order) . ' is refused as malformed or for its signature') or diag(join "\n", splice @bad, 0, 10);
    diag(join ', ', map { "$_: $got{$_}" } sort keys %got) if @bad;
    ok(unchanged($w, 'bits'), 'nothing changed');
    is($c->request(PUT => "/v1/shards/$shard->{id}", [Authorization => "Layr $order"], body => $shard->{bytes})->{status}, 201,
        'unaltered it is good');
    my $id = unjson(unb64url((split /\./, $order)[1]))->{order};
    is(ask($w, POST => '/v1/orders', body => orders($alice, $w->{id}, 'release', [$id]))->{status}, 200, 'and released');
};

# Bodies that are not what was announced, which curl would not send.
subtest 'bodies shorter and longer than announced' => sub {
    for my $case ([$wires[0], Layr::Raw->h1($wires[0]{url})], [$wires[1], Layr::Raw->h2($wires[1]{url})]) {
        my ($w, $c) = @$case;
        $w->{state} = state($w);
        my $put = sub { my ($body, %o) = @_; $c->request(PUT => "/v1/shards/$shard->{id}", [Authorization => 'Layr ' . good($w)], body => $body, %o) };
        my $h2 = $w->{version} eq 'h2c';

        for my $n (1, 2000, 4111) {
            my $a = $put->(substr($shard->{bytes}, 0, $n), length => 4112, end => 1);
            # Whoever ends an HTTP/1.1 connection in the middle of a body is not listening.
            ok($h2 ? $a->{status} == 400 && $a->{body} =~ /problem:body-short"/ : $a->{status} == 0 || $a->{status} == 400,
                "$w->{name}: the end after $n of 4,112 bytes") or diag("$a->{status} $a->{body}");
            ok(unchanged($w, 'short'), "$w->{name}: and nothing changed");
            $put->(substr($shard->{bytes}, 0, $n), length => 4112, drop => 1);
            ok(unchanged($w, 'cut off'), "$w->{name}: a connection cut off after $n bytes: nothing changed");
            $c->close;
        }

        if ($h2) {
            my $a = $put->("$shard->{bytes}!", length => 4112);
            ok(grep({ $a->{status} == $_ } 400, 413) || $a->{reset}, "$w->{name}: a byte more than announced") or diag("$a->{status} $a->{body}");
            ok(unchanged($w, 'long'), "$w->{name}: and nothing changed");
            $c->close;
            $a = $put->(substr($shard->{bytes}, 1), length => undef);
            ok($a->{status} == 400 && $a->{body} =~ /problem:body-short"/, "$w->{name}: a byte less than ordered, none announced") or diag("$a->{status} $a->{body}");
            ok(unchanged($w, 'short'), "$w->{name}: and nothing changed");
            $a = $put->("$shard->{bytes}!", length => undef);
            ok($a->{status} == 413 && $a->{body} =~ /problem:too-large"/, "$w->{name}: a byte more than ordered, none announced") or diag("$a->{status} $a->{body}");
            ok(unchanged($w, 'long'), "$w->{name}: and nothing changed");
            $c->close;
        } else {
            # What comes after the announced length is the next request, and no good one.
            my $a = $put->("$shard->{bytes}garbage\r\n\r\n", length => 4112);
            is($a->{status}, 201, "$w->{name}: a body with more behind it: the body is taken");
            is($c->answer->{status}, 400, "$w->{name}: what is behind it is not");
            my $s = status($w);
            is("$s->{used} $s->{shards} $s->{orders} $s->{reserved}", '4112 1 1 0', "$w->{name}: to the byte");
            $c->close;
        }
        my $id = random_hex(16);
        my $a = $c->request(PUT => "/v1/shards/$shard->{id}", [Authorization => 'Layr ' . good($w, order => $id)], body => $shard->{bytes},
            $h2 ? (length => undef) : ());
        ok($a->{status} == 201 || $a->{status} == 200, "$w->{name}: a good one after that") or diag("$a->{status} $a->{body}");
    }
};

# Renewal and release, by whom and how often.
my $w = $wires[3];
sub post { my ($body, %o) = @_; return ask($w, POST => '/v1/orders', body => $body, header => ['Content-Type: application/jose'], %o) }
sub kept_until { my ($s, $o) = @_; my $a = put_shard($w, $s, $o); return $a->{status} == 200 ? unjson($a->{body})->{exp} : "status $a->{status}" }

subtest 'statements about orders that are refused' => sub {
    my $id = random_hex(16);
    for my $x (@wires) {
        put_shard($x, $shard, good($x, order => $id));
        $x->{state} = state($x);
    }
    my $edit = sub {
        my ($x, $part, $from, $to) = @_;
        my @part = map { unb64url($_) } (split /\./, orders($alice, $x->{id}, 'release', [$id]))[0, 1];
        $part[$part] =~ s/$from/$to/ or die $from;
        return jws($alice, @part);
    };
    my @cases = (
        ['another\'s signature', 403, 'statement-signature', sub { $edit->($_[0], 0, '"kid":"[^"]*"', '"kid":"' . b64url($bob->{public}) . '"') }],
        ['for another host', 403, 'statement-host', sub { orders($alice, sha256_hex('x'), 'release', [$id]) }],
        ['expired', 403, 'statement-expired', sub { orders($alice, $_[0]{id}, 'release', [$id], iat => $now - 900, exp => $now - 400) }],
        ['from the future', 403, 'statement-future', sub { orders($alice, $_[0]{id}, 'release', [$id], iat => $now + 1200, exp => $now + 1300) }],
        ['another owner\'s order', 403, 'not-your-order', sub { orders($bob, $_[0]{id}, 'release', [$id]) }],
        ['another owner\'s order, renewed', 403, 'not-your-order', sub { orders($bob, $_[0]{id}, 'renew', [$id]) }],
        ['another group\'s order', 403, 'not-your-order', sub { orders($alice, $_[0]{id}, 'release', [$id], group => '01' x 16) }],
        ['another\'s among unknown ones', 403, 'not-your-order', sub { orders($bob, $_[0]{id}, 'release', [random_hex(16), $id, random_hex(16)]) }],
        ['unknown orders', 404, 'no-such-order', sub { orders($alice, $_[0]{id}, 'release', [random_hex(16), random_hex(16)]) }],
        ['257 orders', 400, 'statement-malformed', sub { orders($alice, $_[0]{id}, 'release', [$id, map { random_hex(16) } 1 .. 256]) }],
        ['no orders', 400, 'statement-malformed', sub { orders($alice, $_[0]{id}, 'release', []) }],
        ['an order twice', 400, 'statement-malformed', sub { orders($alice, $_[0]{id}, 'release', [$id, $id]) }],
        ['an unknown action', 400, 'statement-malformed', sub { orders($alice, $_[0]{id}, 'burn', [$id]) }],
        ['until with a release', 400, 'statement-malformed', sub { orders($alice, $_[0]{id}, 'release', [$id], until => $now + 86400) }],
        ['a renewal without until', 400, 'statement-malformed', sub { orders($alice, $_[0]{id}, 'renew', [$id], until => undef) }],
        ['a statement that is good for too long', 400, 'statement-malformed', sub { orders($alice, $_[0]{id}, 'release', [$id], exp => $now + 1500) }],
        ['renewed for more than 400 days', 400, 'statement-malformed', sub { orders($alice, $_[0]{id}, 'renew', [$id], until => $now + 34_560_000 + 1200) }],
        ['an order instead', 400, 'statement-malformed', sub { good($_[0], order => $id) }],
        ['alg none', 400, 'statement-malformed', sub { without_signature($edit->($_[0], 0, 'EdDSA', 'none')) }],
        ['a member twice', 400, 'statement-malformed', sub { $edit->($_[0], 1, '^\{', '{"v":1,') }],
        ['white space behind it', 400, 'statement-malformed', sub { orders($alice, $_[0]{id}, 'release', [$id]) . "\n" }],
        ['an empty body', 400, 'statement-malformed', sub { '' }],
        ['JSON', 400, 'statement-malformed', sub { json({release => [$id]}) }],
        ['65,537 bytes', 413, 'too-large', sub { 'A' x 65537 }],
    );
    for my $turn (0 .. 3) {
        my ($x, $n) = ($wires[$turn], 0);
        for my $case (@cases) {
            my ($name, $status, $type, $body) = @$case;
            next if $turn != 0 && $n++ % 3 != $turn - 1;
            refused($x, ask($x, POST => '/v1/orders', body => $body->($x)), $status, $type, $name);
        }
        unchanged($x, 'all of these');
        refused($x, ask($x, POST => '/v1/orders', body => orders($alice, $x->{id}, 'release', [$id]), header => ['Transfer-Encoding: chunked']),
            411, 'length-required', 'a statement in chunks') if $x->{version} eq '1.1';
    }
    my $order = good($w, order => $id);
    is(post(orders($alice, $w->{id}, 'release', [$id]))->{status}, 200, 'the owner releases it');
};

subtest 'renew' => sub {
    my @shard = map { shard_of(1, "renew $_") } 0 .. 2;
    my @id = map { random_hex(16) } 0 .. 2;
    my @order = map { good($w, of => $shard[$_], order => $id[$_], exp => $now + 86400) } 0 .. 2;
    is(put_shard($w, $shard[$_], $order[$_])->{status}, 201, "shard $_") for 0 .. 2;
    my $unknown = random_hex(16);
    my $a = post(orders($alice, $w->{id}, 'renew', [$id[0], $unknown, $id[2]], until => $now + 10 * 86400));
    is($a->{status}, 200, 'some known, one not: 200') or diag($a->{body});
    my $got = unjson($a->{body});
    is_deeply([sort @{$got->{done}}], [sort @id[0, 2]], 'done');
    is_deeply($got->{missing}, [$unknown], 'missing');
    is(kept_until($shard[0], $order[0]), $now + 10 * 86400, 'it is kept until then');
    is(kept_until($shard[1], $order[1]), $now + 86400, 'one that was not named is not');
    is(post(orders($alice, $w->{id}, 'renew', [$id[0]], until => $now + 5 * 86400))->{status}, 200, 'an earlier date: 200');
    is(kept_until($shard[0], $order[0]), $now + 10 * 86400, 'and it never shortens');
    is(post(orders($alice, $w->{id}, 'renew', [$id[0]], until => $now + 34_560_000 - 60))->{status}, 200, 'almost 400 days: 200');
    is(kept_until($shard[0], $order[0]), $now + 34_560_000 - 60, 'kept until then');
    is(post(orders($alice, $w->{id}, 'release', \@id))->{status}, 200, 'released together');
    is(status($w)->{shards}, 0, 'and gone');
};

subtest 'release and replay' => sub {
    my $id = random_hex(16);
    my $order = good($w, order => $id);
    is(put_shard($w, $shard, $order)->{status}, 201, 'stored');
    my $release = orders($alice, $w->{id}, 'release', [$id]);
    is(post($release)->{status}, 200, 'released');
    ok(!$w->{swarm}->holders($shard->{id}), 'the file is gone');
    is(ask($w, GET => "/v1/shards/$shard->{id}")->{status}, 404, 'and can\'t be had');
    $w->{state} = state($w);
    refused($w, put_shard($w, $shard, $order), 409, 'order-released', 'the order again');
    refused($w, put_shard($w, $shard, good($w, order => $id, exp => $now + 9 * 86400)), 409, 'order-released', 'its id with a later exp');
    my $a = post($release);
    is($a->{status}, 200, 'the release again: 200');
    is_deeply(unjson($a->{body}), {done => [$id], missing => []}, 'done already');
    ok(unchanged($w, 'release again'), 'and nothing more');
    refused($w, post(orders($alice, $w->{id}, 'renew', [$id])), 404, 'no-such-order', 'renewed after its release');
    refused($w, put_shard($w, $shard, $order), 409, 'order-released', 'and the order again');
    my $new = random_hex(16);
    is(put_shard($w, $shard, good($w, order => $new))->{status}, 201, 'a new order brings it back');
    is(post(orders($alice, $w->{id}, 'release', [$new, $id]))->{status}, 200, 'released with the old one');
};

subtest 'one blob, two owners' => sub {
    my ($a, $b) = (random_hex(16), random_hex(16));
    my $bobs = order($bob, $w->{id}, $shard, price => '5', order => $b);
    is(put_shard($w, $shard, good($w, order => $a))->{status}, 201, 'alice\'s');
    is(put_shard($w, $shard, $bobs)->{status}, 200, 'bob\'s order for the same blob: 200');
    my $s = status($w);
    is("$s->{shards} $s->{orders} $s->{used}", '1 2 4112', 'one blob, two orders');
    is(post(orders($alice, $w->{id}, 'release', [$a]))->{status}, 200, 'alice releases hers');
    is_deeply([$w->{swarm}->holders($shard->{id})], [0], 'the file stays');
    is(ask($w, GET => "/v1/shards/$shard->{id}")->{body}, $shard->{bytes}, 'whole');
    $w->{state} = state($w);
    refused($w, post(orders($alice, $w->{id}, 'release', [$b])), 403, 'not-your-order', 'alice releases bob\'s');
    is(post(orders($bob, $w->{id}, 'release', [$b]))->{status}, 200, 'bob releases his');
    ok(!$w->{swarm}->holders($shard->{id}), 'the file goes with the last');
    $s = status($w);
    is("$s->{shards} $s->{orders} $s->{used}", '0 0 0', 'and out of the books');
};

for my $x (@wires[0 .. 2]) {
    ok($x->{swarm}->quiet, "$x->{name}: error logs are clean") or diag($x->{swarm}->noise);
}
done_testing;
