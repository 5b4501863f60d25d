#!/usr/bin/perl
# Ids, paths, methods and calls that a host does not know; and what GET of a shard gives: ranges, conditions, headers.
use strict;
use warnings;
use lib 't/lib';
use Layr::Host;
use Layr::Raw;
use Layr::Test;
use MIME::Base64 ();
use Test::More;

my $alice = owner();
my @wires = wires();
my $shard = shard_of(3, 'paths');
my $id = $shard->{id};
for my $w (@wires) {
    my $a = put_shard($w, $shard, order($alice, $w->{id}, $shard));
    ok($a->{status} == 201 || $a->{status} == 200, "$w->{name}: a shard to ask for") or diag("$a->{err}$a->{body}");
    $w->{state} = state($w);
}

# What is asked, and the refusal.
my @paths = (
    ['63 digits', 'bad-id', '/v1/shards/' . substr $id, 1],
    ['65 digits', 'bad-id', "/v1/shards/${id}0"],
    ['upper case', 'bad-id', '/v1/shards/' . uc $id],
    ['a digit that is none', 'bad-id', '/v1/shards/' . 'g' x 64],
    ['no digits', 'bad-id', '/v1/shards/'],
    ['spaces', 'bad-request', '/v1/shards/' . '%20' x 64],
    ['one more part', 'bad-id', "/v1/shards/$id/x"],
    ['a slash at the end', 'bad-id', "/v1/shards/$id/"],
    ['a name', 'bad-id', '/v1/shards/host.id'],
    ['the database', 'bad-id', '/v1/shards/layr.db'],
    ['dots', 'bad-request', '/v1/shards/../layr.db'],
    ['dots to a good path', 'bad-request', "/v1/shards/../shards/$id"],
    ['a dot', 'bad-request', "/v1/shards/./$id"],
    ['escaped dots', 'bad-request', '/v1/shards/%2e%2e/layr.db'],
    ['escaped dots and slash', 'bad-request', '/v1/shards/..%2flayr.db'],
    ['an escaped slash', 'bad-request', "/v1/shards%2f$id"],
    ['an escaped slash in the id', 'bad-request', '/v1/shards/' . substr($id, 0, 32) . '%2F' . substr($id, 32)],
    ['an escaped digit', 'bad-request', '/v1/shards/' . '%61' . substr $id, 1],
    ['doubled slashes', 'bad-request', "/v1//shards/$id"],
    ['a backslash', 'bad-request', "/v1/shards/..\\$id"],
    ['UTF-8', 'bad-request', '/v1/shards/%c3%a4' . substr $id, 2],
    ['a record\'s id too short', 'bad-id', '/v1/records/abc'],
    ['a record\'s id with dots', 'bad-request', '/v1/records/../../etc/passwd'],
);
my @unknown = ('/', '/v1', '/v1/', '/v2/node', '/v1/shard', '/v1/shards', '/v1/shardsx/' . $id, '/v1/node/', '/v1/nodes', '/v1/orders/x',
    '/v1/closest', '/v1/closes/' . $id, '/v1/audit', '/v1/audits/' . $id, '/index.html', '/v1/statuses', "/shards/$id", '/V1/node');

for my $turn (0 .. 3) {
    my $w = $wires[$turn];
    subtest "$w->{name}: paths" => sub {
        $w->{state} = state($w);    # over TLS it is one host for two protocols
        my $n = 0;
        for my $case (@paths) {
            my ($name, $type, $path) = @$case;
            next if $turn != 0 && $n++ % 3 != $turn - 1;
            refused($w, ask($w, GET => $path), 400, $type, "GET, $name");
            refused($w, ask($w, PUT => $path, auth => order($alice, $w->{id}, $shard), body => $shard->{bytes}), 400, $type, "PUT, $name")
                if $path !~ m{/records/};
        }
        $n = 0;
        for my $path (@unknown) {
            next if $turn != 0 && $n++ % 4 != $turn - 1;
            refused($w, ask($w, GET => $path), 404, 'not-found', "GET $path");
        }
        refused($w, ask($w, GET => '/v1/shards/' . '0' x 64), 404, 'no-such-shard', 'a shard that is not here');
        refused($w, ask($w, GET => '/v1/records/' . '0' x 64), 404, 'no-such-record', 'a record that is not here');
        refused($w, ask($w, GET => '/v1/node?nonce=' . 'x' x 15), 400, 'bad-request', 'a nonce too short');
        refused($w, ask($w, GET => '/v1/node?nonce=' . 'x' x 65), 400, 'bad-request', 'a nonce too long');
        refused($w, ask($w, GET => '/v1/node?nonce=' . 'x' x 20 . '%22'), 400, 'bad-request', 'a nonce with a quote');
        unchanged($w, 'all of these');
    };
    subtest "$w->{name}: methods" => sub {
        $w->{state} = state($w);
        my @cases = (["/v1/shards/$id", 'GET, HEAD, PUT', qw(DELETE POST PATCH OPTIONS MKCOL)], ["/v1/records/$id", 'GET, HEAD, PUT', qw(DELETE POST)],
            ['/v1/node', 'GET, HEAD', qw(PUT POST DELETE)], ['/v1/orders', 'POST', qw(GET HEAD PUT DELETE)], ['/v1/audits', 'POST', qw(GET PUT)], ['/v1/status', 'GET, HEAD', 'POST'],
            ['/v1/metrics', 'GET, HEAD', 'DELETE']);
        for my $case (@cases) {
            my ($path, $allow, @methods) = @$case;
            for my $method ($turn == 0 ? @methods : $methods[$turn % @methods]) {
                my $a = ask($w, $method => $path, $method =~ /^P/ ? (body => $shard->{bytes}) : ());
                if ($method eq 'HEAD') { is($a->{status}, 405, "$w->{name}: HEAD $path: 405") }
                else                   { refused($w, $a, 405, 'method-not-allowed', "$method $path") }
                is($a->{header}{allow}, $allow, "$w->{name}: $method $path: Allow");
            }
        }
        unchanged($w, 'all of these');
    };
}

# What a GET gives, by its headers.
sub get { my ($w, @header) = @_; return ask($w, GET => "/v1/shards/$id", header => \@header) }

for my $w (@wires) {
    subtest "$w->{name}: GET" => sub {
        $w->{state} = state($w);
        my $bytes = $shard->{bytes};
        my $size = length $bytes;
        my $a = get($w);
        is("$a->{status} $a->{version}", $w->{version} =~ /^1/ ? '200 1.1' : '200 2', 'GET');
        ok($a->{body} eq $bytes, 'the bytes');
        my %want = (
            'content-type' => 'application/octet-stream', 'content-length' => $size, etag => qq("$id"), 'accept-ranges' => 'bytes',
            'cache-control' => 'public, max-age=31536000, immutable',
            'repr-digest' => 'sha-256=:' . MIME::Base64::encode_base64(pack('H*', $id), '') . ':',
        );
        is($a->{header}{$_}, $want{$_}, $_) for sort keys %want;
        like($a->{header}{'layr-contact'}, qr/^[\w-]+\.[\w-]+\.[\w-]+$/, 'Layr-Contact');
        my $h = ask($w, HEAD => "/v1/shards/$id");
        is($h->{status}, 200, 'HEAD');
        is($h->{header}{$_}, $want{$_}, "HEAD: $_") for sort keys %want;

        for my $range (['0-0', 0, 0], ['0-4095', 0, 4095], ['4096-8191', 4096, 8191], ["100-", 100, $size - 1], ['-1', $size - 1, $size - 1],
            ['-4112', $size - 4112, $size - 1], ['-999999', 0, $size - 1], ['12000-999999', 12000, $size - 1])
        {
            my ($text, $from, $to) = @$range;
            $a = get($w, "Range: bytes=$text");
            my $good = $a->{status} == 206 && ($a->{header}{'content-range'} // '') eq "bytes $from-$to/$size"
                && $a->{body} eq substr($bytes, $from, $to - $from + 1) && ($a->{header}{'content-length'} // 0) == $to - $from + 1
                && ($a->{header}{'repr-digest'} // '') eq $want{'repr-digest'};
            ok($good, "Range: bytes=$text") or diag("$a->{status} " . ($a->{header}{'content-range'} // ''));
        }
        for my $range ($size . '-', '20000-30000', '-0') {
            $a = get($w, "Range: bytes=$range");
            refused($w, $a, 416, 'range', "Range: bytes=$range");
            is($a->{header}{'content-range'}, "bytes */$size", 'with the size');
            ok(!$a->{header}{'repr-digest'} && !$a->{header}{etag} && ($a->{header}{'cache-control'} // '') !~ /immutable/,
                'and none of the shard\'s headers');
        }
        # RFC 9110 14.2: a Range that can't be read may be refused or passed over.
        for my $range ('x-y', '5-2', '1-2,') {
            $a = get($w, "Range: bytes=$range");
            ok($a->{status} == 200 || $a->{status} == 416 || $a->{status} == 206, "Range: bytes=$range: $a->{status}");
        }
        is(get($w, 'Range: lines=1-2')->{status}, 200, 'a unit that is not known: the whole');

        $a = get($w, 'Range: bytes=0-9,8000-8009,-5');
        is($a->{status}, 206, 'three ranges');
        my ($mark) = ($a->{header}{'content-type'} // '') =~ m{^multipart/byteranges; boundary=(\S+)$};
        ok($mark, 'as multipart/byteranges');
        my $line = quotemeta '--' . ($mark // 'none');
        my @part = split /\r\n$line(?:--)?\r\n/, $a->{body};
        is_deeply([map { s/.*?\r\n\r\n//sr } @part[1 .. 3]], [substr($bytes, 0, 10), substr($bytes, 8000, 10), substr $bytes, -5], 'their bytes');
        is_deeply([map { /content-range: (.*?)\r\n/i } @part[1 .. 3]],
            ["bytes 0-9/$size", "bytes 8000-8009/$size", 'bytes ' . ($size - 5) . '-' . ($size - 1) . "/$size"], 'their places');

        $a = get($w, qq(If-None-Match: "$id"));
        is("$a->{status} " . length $a->{body}, '304 0', 'If-None-Match: 304');
        is($a->{header}{etag}, qq("$id"), 'with its ETag');
        is(get($w, 'If-None-Match: *')->{status}, 304, 'If-None-Match: *');
        is(get($w, qq(If-None-Match: W/"$id", "x"))->{status}, 304, 'If-None-Match, weak, in a list');
        is(get($w, 'If-None-Match: "x"')->{status}, 200, 'If-None-Match of another');
        is(get($w, qq(If-Range: "$id"), 'Range: bytes=5-9')->{status}, 206, 'If-Range: 206');
        is(get($w, 'If-Range: "x"', 'Range: bytes=5-9')->{status}, 200, 'If-Range of another: 200');
        is(get($w, qq(If-Match: "$id"))->{status}, 200, 'If-Match');
        is(get($w, 'If-Match: "x"')->{status}, 412, 'If-Match of another: 412');
        is(http(GET => "$w->{url}/v1/shards/$id?x=../../host.id", version => $w->{version})->{body}, $bytes, 'a query changes nothing');
        unchanged($w, 'all of these');
    };
}

# What curl does not send.
subtest 'paths that are none' => sub {
    for my $case ([$wires[0], Layr::Raw->h1($wires[0]{url})], [$wires[1], Layr::Raw->h2($wires[1]{url})]) {
        my ($w, $c) = @$case;
        for my $path ("/v1/shards/$id\0", '/v1/shards/%00', '/v1/shards/%', '/v1/shards/%zz', '/../../../../etc/passwd', '..', '*', '',
            '/v1/shards/' . 'a' x 9000, "/v1/shards/\xff\xfe", '/v1/shards/..;/host.id', "http://$w->{swarm}/v1/shards/../../host.id")
        {
            my $a = $c->request(GET => $path, [], length => undef, no_length => 1);
            my $shown = substr $path =~ s/[^!-~]/?/gr, 0, 40;
            # Some of these nginx does not take for HTTP.
            ok($a->{status} == 0 || $a->{status} >= 400 && $a->{status} < 500, "$w->{name}: $shown: $a->{status}") or diag($a->{body});
            unlike($a->{body} // '', qr/$w->{id}|root:/, "$w->{name}: $shown: tells nothing");
        }
        $c->close;
        is(get($w)->{status}, 200, "$w->{name}: it is up as before");
        unchanged($w, 'all of these');
    }
};

# Below a prefix, and beside other things that the server serves.
subtest 'v1/node and v1/status' => sub {
    my $w = $wires[3];
    my $nonce = 'A-_z' x 5;
    my $a = ask($w, GET => "/v1/node?nonce=$nonce");
    is($a->{header}{'content-type'}, 'application/json', 'type');
    my $got = unjson($a->{body});
    my ($contact, $node) = map { unjson(unb64url((split /\./, $got->{$_})[1])) } qw(contact node);
    is($node->{nonce}, $nonce, 'the nonce comes back');
    is($node->{contact}, sha256_hex($got->{contact}), 'with the contact\'s SHA-256');
    is($contact->{host}, $w->{id}, 'whose id is the host\'s');
    is($contact->{host}, sha256_hex(unb64url(unjson(unb64url((split /\./, $got->{contact})[0]))->{kid})), 'the SHA-256 of its key');
    is($contact->{url}, $w->{url}, 'and the URL that it advertises');
    is(scalar @{$contact->{pins}}, 1, 'one certificate is pinned');
    is($a->{header}{'layr-contact'}, $got->{contact}, 'Layr-Contact is the same');
    ok(!exists unjson(ask($w, GET => '/v1/node')->{body})->{node}, 'without a nonce no answer to it');
    is(unjson(unb64url((split /\./, unjson(ask($_, GET => '/v1/node')->{body})->{contact})[1]))->{h2c}, $_->{version} eq 'h2c' ? JSON::PP::true() : JSON::PP::false(),
        "$_->{name}: h2c") for @wires[0, 1];
    my $s = status($w);
    is("$s->{host} $s->{store}", "$w->{id} ready", 'status');
    my $m = ask($w, GET => '/v1/metrics');
    like($m->{header}{'content-type'}, qr{^application/openmetrics-text}, 'metrics');
    like($m->{body}, qr/\n# EOF\n\z/, 'to their end');
};

for my $w (@wires[0 .. 2]) {
    ok($w->{swarm}->quiet, "$w->{name}: error logs are clean") or diag($w->{swarm}->noise);
}
done_testing;
