#!/usr/bin/perl
# POST v1/audits: the right answer, compared with another implementation's, over each protocol; every challenge that a host must
# refuse, with the right problem, and nothing read for it; what it admits to have lost; how much it has read for whom.
use strict;
use warnings;
use lib 't/lib';
use Layr::Host;
use Layr::Proof;
use Layr::Server;
use Layr::Test;
use Layr::Trace;
use Test::More;

my $alice = owner(pack 'A32', 'alice');
my ($key, $other_key) = (audit_key('one'), audit_key('other'));
my ($group, $other_group) = ('a1' x 16, 'b2' x 16);
my @shards = map { shard_of($_, "audited $_") } 1, 2, 5;
my $shared = shard_of(1, 'shared');
my $now = time;

sub put_for {
    my ($w, $shard, $audit, $of) = @_;
    return put_shard($w, $shard, order($alice, $w->{id}, $shard, audit => b64url($audit->{public}), group => $of))->{status};
}
sub ids   { return [map { $_->{id} } @_] }
sub asked { my ($w, %field) = @_; return challenge($key, $w->{id}, ids(@shards), group => $group, %field) }
sub audit { my ($w, $challenge, %o) = @_; return ask($w, POST => '/v1/audits', body => $challenge, %o) }
sub counts { my ($w) = @_; return status($w)->{audits} }
sub bytes { my ($w) = @_; return counts($w)->{bytes} }

my @wires = wires('--directive', 'layr_max_shard 64m; layr_scrub off;', '--quota', 4 << 30, '--capacity', 8 << 30);

subtest 'answers' => sub {
    for my $w (@wires) {
        like(put_for($w, $_, $key, $group), qr/^20[01]$/, "$w->{name}: $_->{size} bytes") for @shards, $shared;
        put_for($w, $shared, $other_key, $other_group);
        my $seed = random_hex(32);
        my $before = bytes($w);
        my $a = audit($w, asked($w, seed => $seed));
        is($a->{status}, 200, "$w->{name}: 200") or diag($a->{body});
        is($a->{header}{'content-type'}, 'application/octet-stream', "$w->{name}: its type");
        is($a->{header}{'cache-control'}, 'no-store', "$w->{name}: and for nobody else");
        ok($a->{body} eq answer($seed, 0, @shards), "$w->{name}: the answer over all blocks is the other implementation's");
        is(bytes($w) - $before, 8 * 4112, "$w->{name}: every shard was read once");
    }
    $_->{state} = state($_) for @wires;
    # What the wire has no part in.
    my $w = $wires[0];
    my $seed = random_hex(32);
    for my $case ([3, @shards], [1, $shards[2]], [5, @shards], [1000, reverse @shards], [0, $shared], [0, reverse @shards]) {
        my ($sample, @of) = @$case;
        my $a = audit($w, challenge($key, $w->{id}, ids(@of), group => $group, seed => $seed, sample => "$sample"));
        ok($a->{body} eq answer($seed, $sample, @of), "a sample of $sample of " . @of . ' shards');
    }
    my $c = asked($w, seed => $seed);
    my ($first, $again) = map { audit($w, $c)->{body} } 1, 2;
    ok($first eq $again && $first eq answer($seed, 0, @shards), 'a challenge that comes again has the same answer');
    my $a = audit($w, challenge($other_key, $w->{id}, [$shared->{id}], group => $other_group, seed => $seed));
    ok($a->{body} eq answer($seed, 0, $shared), 'a blob that two groups have ordered is audited by each');
    $a = audit($w, challenge($key, $w->{id}, [$shards[0]{id}], group => $group, seed => $seed, iat => time - 890, exp => time - 290));
    is($a->{status}, 200, 'clocks may differ by five minutes');
};

# The payload of a good challenge as text, changed.
sub edited {
    my ($w, $from, $to) = @_;
    my $payload = unb64url((split /\./, asked($w))[1]);
    (my $changed = $payload) =~ s/$from/$to/ or die "$from is not in $payload";
    return sign($key, 'layr-challenge', $changed);
}

my @wrong = (
    ['nothing', 400, 'statement-malformed', sub { '' }],
    ['no JWS', 400, 'statement-malformed', sub { 'hello' }],
    ['an order', 400, 'statement-malformed', sub { order($alice, $_[0]{id}, $shards[0]) }],
    ['a member too many', 400, 'statement-malformed', sub { edited($_[0], '^\{', '{"all":true,') }],
    ['no seed', 400, 'statement-malformed', sub { asked($_[0], seed => undef) }],
    ['no shard', 400, 'statement-malformed', sub { asked($_[0], shards => []) }],
    ['a shard twice', 400, 'statement-malformed', sub { asked($_[0], shards => [map { $_->{id} } @shards, $shards[0]]) }],
    ['257 shards', 400, 'statement-malformed', sub { asked($_[0], shards => [map { sha256_hex($_) } 1 .. 257]) }],
    ['a sample that is a number', 400, 'statement-malformed', sub { edited($_[0], '"sample":"0"', '"sample":0') }],
    ['a longer life than ten minutes', 400, 'statement-malformed', sub { asked($_[0], exp => $now + 900) }],
    ['60,000 bytes of nothing', 400, 'statement-malformed', sub { 'x' x 60000 }],
    ['over 65,536 bytes', 413, 'too-large', sub { 'x' x 65537 }],
    ['another key in its header', 403, 'statement-signature', sub { sign($key, 'layr-challenge', unb64url((split /\./, asked($_[0]))[1]), kid => b64url($alice->{public})) }],
    ['one bit of its payload', 403, 'statement-signature', sub { my @p = split /\./, asked($_[0]); my $x = unb64url($p[1]); substr($x, 20, 1) ^= "\1"; "$p[0]." . b64url($x) . ".$p[2]" }],
    ['signed by the owner, not by the audit key', 403, 'not-your-group', sub { challenge($alice, $_[0]{id}, ids(@shards), group => $group) }],
    ['signed by another group\'s key', 403, 'not-your-group', sub { challenge($other_key, $_[0]{id}, ids(@shards), group => $group) }],
    ['signed by another group\'s key, for a blob that is its, too', 403, 'not-your-group', sub { challenge($other_key, $_[0]{id}, [$shared->{id}], group => $group) }],
    ['for another host', 403, 'statement-host', sub { asked($_[0], host => sha256_hex('elsewhere')) }],
    ['expired', 403, 'statement-expired', sub { asked($_[0], iat => $now - 1000, exp => $now - 400) }],
    ['from the future', 403, 'statement-future', sub { asked($_[0], iat => $now + 1200, exp => $now + 1300) }],
    ['of a group that is not here', 404, 'shards-missing', sub { challenge($key, $_[0]{id}, ids(@shards), group => 'c3' x 16) }],
    ['of another group\'s shard', 404, 'shards-missing', sub { challenge($other_key, $_[0]{id}, ids($shards[0], $shared), group => $other_group) }],
    ['of a shard that was never here', 404, 'shards-missing', sub { asked($_[0], shards => [map { $_->{id} } @shards, shard_of(1)]) }],
);

subtest 'refusals, over each protocol' => sub {
    for my $w (@wires) {
        my $before = bytes($w);
        refused($w, audit($w, $_->[3]->($w)), @$_[1, 2, 0]) for @wrong;
        is(bytes($w), $before, "$w->{name}: for none of these a byte was read");
        ok(unchanged($w, 'all of these'), "$w->{name}: and nothing changed");
        is(counts($w)->{running}, '0', "$w->{name}: nothing runs");
    }
    refused($wires[0], ask($wires[0], GET => '/v1/audits'), 405, 'method-not-allowed', 'GET');
    refused($wires[0], audit($wires[0], asked($wires[0]), header => ['Transfer-Encoding: chunked']), 411, 'length-required', 'in chunks');
};

# The counter is the host's own word; strace's is the kernel's.
SKIP: {
    my $missing = Layr::Trace->missing;
    skip "strace can't be used: $missing", 2 if $missing;
    my $w = $wires[0];
    chomp(my $master = read_file($w->{swarm}->path(0, 'nginx.pid')));
    my @workers = split ' ', read_file("/proc/$master/task/$master/children");
    my $opened = sub {
        my ($challenge) = @_;
        my $trace = Layr::Trace->attach(\@workers, calls => 'openat,open,pread64,read');
        audit($w, $challenge);
        return scalar grep { join(' ', @{$_->{path}}, $_->{fd} // '') =~ m{/shards/../../} } $trace->calls;
    };
    is($opened->(challenge($other_key, $w->{id}, ids(@shards), group => $group)), 0, 'strace: no blob is opened for another key');
    cmp_ok($opened->(asked($w)), '>=', 9, 'strace: each is opened, and read, for the group\'s own');
}

subtest 'what was lost' => sub {
    my $w = $wires[0];
    my @own = map { shard_of($_, "lost $_") } 1 .. 6;
    put_for($w, $_, $key, $group) for @own;
    my $blob = sub { $w->{swarm}->blob(0, $own[$_[0]]{id}) };
    my $seed = random_hex(32);
    my $ask = sub { audit($w, challenge($key, $w->{id}, ids(@_), group => $group, seed => $seed)) };
    my $said = sub { return join ' ', sort @{unjson($_[0]{body})->{missing}} };
    unlink $blob->(1) or die;
    truncate $blob->(2), 4112 * 3 - 1;
    write_file($blob->(3), read_file($blob->(3)) . 'x');
    unlink $blob->(4);
    mkdir $blob->(4);
    my $before = bytes($w);
    my $count = counts($w)->{missing};
    my $a = $ask->(@own);
    is($a->{status}, 404, 'shards that vanished, were cut, grew and are no files: 404');
    is(unjson($a->{body})->{type}, 'urn:layr:problem:shards-missing', 'shards-missing');
    is($said->($a), join(' ', sort map { $own[$_]{id} } 1 .. 4), 'each of them is named, and no other');
    is(bytes($w), $before, 'and nothing was read');
    is(counts($w)->{missing} - $count, 4, 'they are counted');
    ok($ask->(@own[0, 5])->{body} eq answer($seed, 0, @own[0, 5]), 'without them there is an answer');
    rmdir $blob->(4);
    # One byte that rotted: the host does not know, and the answer tells.
    my $bytes = read_file($blob->(5));
    substr($bytes, 5000, 1) ^= "\1";
    write_file($blob->(5), $bytes);
    $a = $ask->($own[5]);
    is($a->{status}, 200, 'of a damaged blob there is an answer');
    ok($a->{body} ne answer($seed, 0, $own[5]), 'which is wrong');
    ok($a->{body} eq answer($seed, 0, {%{$own[5]}, bytes => $bytes}), 'as the damage has it');
    $a = $ask->(map { {id => sha256_hex("none $_")} } 1 .. 256);
    is(scalar @{unjson($a->{body})->{missing}}, 256, '256 can be missing');
    cmp_ok(length $a->{body}, '<', 20480, 'in less than 20,480 bytes');
    $w->{state} = state($w);
};

# Blobs of zeros with holes: large, and on no disk.
sub large {
    my ($w, $mib, $number, $audit, $of) = @_;
    my $size = int($mib * 1048576 / 4112) * 4112;
    my $bytes = pack('N', $number) . "\0" x ($size - 4);
    my $s = {id => sha256_hex($bytes), size => $size, bytes => $bytes};
    is(put_for($w, $s, $audit, $of), 201, "a blob of $mib MiB");
    my ($file) = grep { m{/$s->{id}$} } $w->{swarm}->blobs;
    truncate $file, 0;
    truncate $file, $size;
    return {id => $s->{id}, size => $size};
}

subtest 'how much is read' => sub {
    my $server = Layr::Server->new(location => 'layr_max_shard 300m; layr_owner_quota 4g;', main => 'thread_pool default threads=4;');
    my $w = $server->wire;
    my @large = map { large($w, 205, $_, $key, $group) } 1 .. 5;
    my $small = shard_of(1, 'small');
    put_for($w, $small, $other_key, $other_group);
    my $ask = sub { audit($w, challenge($key, $w->{id}, ids(@_), group => $group), timeout => 120) };
    $w->{state} = join "\n\n", '', Layr::Host::files($w);
    refused($w, $ask->(@large), 413, 'challenge-too-large', 'over 1 GiB');
    my $a = audit($w, challenge($key, $w->{id}, ids(@large), group => $group, sample => '10'));
    is($a->{status}, 200, 'a sample of the same is not');
    is(length $a->{body}, 4112, 'and has an answer of the same length');
    # Four days of twice 1,025 MiB and 256 MiB more: 9,224 MiB.
    my $read = 50 * 4112;
    my $most = 4 * (2 * 5 * $large[0]{size} + (256 << 20));
    while ($read + 4 * $large[0]{size} <= $most) {
        $a = $ask->(@large[0 .. 3]);
        last if !is($a->{status}, 200, 'all of it again and again');
        $read += 4 * $large[0]{size};
    }
    $a = $ask->(@large[0 .. 3]);
    refused($w, $a, 429, 'too-many-audits', 'until the group had what it may');
    my $wait = ($read + 4 * $large[0]{size} - $most) / $most * 4 * 86400;
    cmp_ok(abs($a->{header}{'retry-after'} - $wait), '<', 600, 'Retry-After says when it may again');
    is(bytes($w), $read, 'nothing was read for the refusal');
    is(audit($w, challenge($other_key, $w->{id}, [$small->{id}], group => $other_group))->{status}, 200, 'another group may');
    $w->{state} = undef;
    chomp(my $master = read_file($server->path(0, 'nginx.pid')));
    kill 'HUP', $master;
    ok(wait_for(20, sub { read_file($server->path(0, 'error.log')) =~ /reconfiguring/ && status($w) }), 'a reload');
    is($ask->(@large[0 .. 3])->{status}, 429, 'does not forget it');
    ok($server->quiet, 'error log is clean') or diag($server->noise);
};

for my $w (@wires[0 .. 2]) { ok($w->{swarm}->quiet, "$w->{name}: error logs are clean") or diag($w->{swarm}->noise) }
done_testing;
