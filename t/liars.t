#!/usr/bin/perl
# Hosts that lie, stall, cut off, or answer a byte a second cost some seconds at most: others are asked meanwhile, and what arrives is right.
use strict;
use warnings;
use lib 't/lib';
use Layr::Liar;
use Layr::Stored;
use Layr::Test;
use Test::More;

my ($K, $N, $SPARE) = (2, 5, 1);    # the last host gets nothing in the first puts
my $BOUND  = 40;                    # seconds that a vice may cost on a busy machine
my $AT_ONCE = 8;                   # programs: they mostly wait

my $swarm = Layr::Test->swarm($N + $SPARE);
tool('layr-key', 'new')->{status} == 0 or BAIL_OUT('no key');

my %size = (small => 50_000, middle => 1_300_000, large => 9 << 20);    # a chunk a shard; many; two segments
my %file = map { $_ => make_file(scratch($_), $size{$_}, $_) } keys %size;
my %cap = map { $_ => put_plain($_, $file{$_}) } sort keys %file;

sub put_plain {
    my ($name, $path) = @_;
    my $r = tool('layr-put', '-k', "$K/$N", '-n', $name, $swarm->hosts(0 .. $N - 1), $path);
    is($r->{status}, 0, "put $name") or BAIL_OUT($r->{err});
    return $r->{out} =~ s/\n//r;
}

# Run jobs {name, command [..], check code}, some at a time, the slow ones first; each check gets the result.
sub run_all {
    my @todo = sort { ($b->{slow} // 0) <=> ($a->{slow} // 0) } @_;
    my @now;
    while (@todo || @now) {
        while (@todo && @now < $AT_ONCE) {
            my $job = shift @todo;
            $job->{process} = spawn({timeout => 120, env => $job->{env} // {}}, @{$job->{command}});
            push @now, $job;
        }
        my ($ended) = grep { has_ended($now[$_]{process}->pid) } 0 .. $#now;
        select undef, undef, undef, 0.02 if !defined $ended;
        my ($job) = splice @now, $ended // 0, defined $ended || time > $now[0]{process}{started} + 2 * $BOUND ? 1 : 0;
        next if !$job;
        my $r = $job->{process}->wait;
        cmp_ok($r->{seconds}, '<', $job->{bound} // $BOUND, sprintf '%s: in time (%.1f s)', $job->{name}, $r->{seconds});
        $job->{check}->($r);
        delete $job->{liar};
    }
    return;
}

# Of a vice: does it make wait?
sub is_slow { return $_[0] =~ /never|half a|no more|a second|handshake/ ? 1 : 0 }

sub has_ended {
    my ($pid) = @_;
    return read_file("/proc/$pid/stat") =~ /^\d+ \(.*\) Z/;
}

sub home {    # a fresh one, which has seen nothing
    my ($name) = @_;
    return {LAYR_HOME => scratch("home-$name")};
}

# --- get

# n - k hosts have the vice. All of them at once, each between the client and a good host.
sub get_job {
    my ($name, $what, @vice) = @_;
    my $liar = Layr::Liar->new($swarm, map { [$_, @vice] } 0 .. $N - $K - 1);
    my $out = scratch("got-$name" =~ tr/ :/--/r);
    return {
        name => "get, $name", slow => is_slow($name), liar => $liar, env => home('reader'),
        command => [build('bin/layr-get'), '-v', '-f', '-o', $out, (map { ('-H', $liar->url($_)) } 0 .. $N - $K - 1),
            $swarm->hosts($N - $K .. $N - 1), $cap{$what}],
        check => sub {
            my ($r) = @_;
            ok($r->{status} == 0 && same_file($file{$what}, $out), "get, $name: read") or diag("status $r->{status}: $r->{err}");
            unlink $out;
        },
    };
}

my @get_vices = (
    ['never answers', get => 'never'], ['half a head', get => 'half'], ['a head and no more', get => 'head'],
    ['half a shard and no more', get => 'stop'], ['a byte a second', get => 'trickle'], ['cut off', get => 'cut'],
    ['one bit wrong', get => 'flip:0.5'], ['last bit wrong', get => 'flip:1'], ['zeros', get => 'zeros'],
    ['a byte short', get => 'length:-1'], ['a byte long', get => 'length:1'], ['no end', get => 'endless'],
    ['no end of headers', get => 'endlesshead'], ['404', get => 'problem:404:no-such-shard'], ['500', get => 'status:500'],
    ['503', get => 'problem:503:store-unavailable'], ['429', get => 'problem:429:rate'], ['403', get => 'status:403'],
    ['a redirect', get => 'redirect:302'], ['another redirect', get => 'redirect:307'], ['a page', get => 'ok:200'],
    ['garbage', get => 'garbage'], ['binary problem', get => 'badproblem:500:binary'], ['huge problem', get => 'badproblem:404:huge'],
    ['deep problem', get => 'badproblem:503:deep'], ['closes', accept => 'close'], ['another key', tls => 'other'],
    ['no handshake', tls => 'stall'], ['no TLS', tls => 'garbage'],
);

my @node_vices = (
    ['never answers', node => 'never'], ['a byte a second', node => 'trickle'], ['garbage', node => 'garbage'], ['zeros', node => 'zeros'],
    ['a page', node => 'ok:200'], ['no end', node => 'endless'], ['503', node => 'problem:503:store-unavailable'],
    ['a redirect', node => 'redirect:301'], ['one bit wrong', node => 'flip:0.3'],
);
my @record_vices = (
    ['never answers', getrecord => 'never'], ['a byte a second', getrecord => 'trickle'], ['cut off', getrecord => 'cut'],
    ['404', getrecord => 'problem:404:no-such-record'], ['no end', getrecord => 'endless'],
);

# One host more than n - k never gives a shard: an end is found, and it says what happened.
sub one_more {
    my $liar = Layr::Liar->new($swarm, map { [$_, get => 'never'] } 0 .. $N - $K);
    my $out = scratch('none');
    return {
        name => 'get, one more that never answers', liar => $liar, slow => 1, bound => 90, env => home('reader'),
        command => [build('bin/layr-get'), '-o', $out, (map { ('-H', $liar->url($_)) } 0 .. $N - $K), $swarm->hosts($N - 1), $cap{small}],
        check => sub {
            my ($r) = @_;
            is($r->{status}, 4, 'get, one more: status');
            like($r->{err}, qr/^layr-get: 1 of 1 segments cannot be recovered \(number 0\): .*did not answer in time/m, 'get, one more: what happened');
            ok(!-e $out, 'get, one more: no file');
        },
    };
}

subtest 'get: n - k hosts with a vice, from the start or later' => sub {
    run_all(one_more(),
        (map { get_job($_->[0], $_->[0] =~ /shard|second|cut/ ? 'large' : 'middle', @$_[1 .. $#$_]) } @get_vices),
        (map { get_job("node, $_->[0]", 'small', @$_[1 .. $#$_]) } @node_vices),
        (map { get_job("record, $_->[0]", 'small', @$_[1 .. $#$_]) } @record_vices));
};

subtest 'get: a range' => sub {
    my ($first, $last) = (70_000, 400_000);
    my $want = substr read_file($file{middle}), $first, $last - $first + 1;
    my @vices = (grep { $_->[0] =~ /^(?:never|half a shard|a byte a second|one bit|a byte short|404|503|a redirect|another key)/ } @get_vices);
    run_all(map {
        my $job = get_job("range, $_->[0]", 'middle', @$_[1 .. $#$_]);
        my $name = $job->{name};
        splice @{$job->{command}}, 1, 4, '--range', "$first-$last", '-o', '-';
        $job->{check} = sub { ok($_[0]{status} == 0 && $_[0]{out} eq $want, "$name: read") or diag("status $_[0]{status}: $_[0]{err}") };
        $job;
    } @vices, ['the whole shard', get => 'whole']);
};

subtest 'get: words' => sub {
    my $liar = Layr::Liar->new($swarm, [0, get => 'flip:0.1'], [1, get => 'badproblem:403:escape'], [2, get => 'never']);
    my $r = tool({env => home('reader')}, 'layr-get', '-v', '-f', '-o', scratch('out'), (map { ('-H', $liar->url($_)) } 0 .. 2),
        $swarm->hosts(3, 4), $cap{small});
    is($r->{status}, 0, 'read');
    unlike($r->{err}, qr/[^\n\x20-\x7e]/, 'nothing for the terminal to obey');
    my $where = (Layr::Stored->new($swarm, $cap{small})->segment(0)->{rows});
    my %row = map { $_->{host} => $_->{index} } @$where;
    my ($url, $index) = ($liar->url(0) =~ /^([^#]*)/, $row{0});
    like($r->{err}, qr/^segment 0, shard $index: \Q$url\E: gave a damaged shard$/m, 'a wrong bit is called what it is') if $index < $K;
};

# --- records

my $second = put_plain('second', $file{small});    # another file's record, for the wrong place
my $stored = Layr::Stored->new($swarm, $cap{small});
my $record = $stored->record(0);
my %record = (
    'another file' => Layr::Stored->new($swarm, $second)->record(0), 'truncated' => substr($record, 0, -20), 'empty' => '',
    'one character' => substr($record, 0, 300) . (substr($record, 300, 1) eq 'A' ? 'B' : 'A') . substr($record, 301),
    'more behind it' => "$record\n", 'garbage' => join('', map { chr int rand 256 } 1 .. 5000), 'too long' => $record . 'A' x 70_000,
    'unsigned' => $record =~ s/[^.]*$//r,
);

sub record_get {
    my ($name, $liars, @vice) = @_;
    my $liar = Layr::Liar->new($swarm, map { [$_, @vice] } 0 .. $liars - 1);
    my $r = tool({env => home('reader')}, 'layr-get', '-f', '-o', scratch('out'), (map { ('-H', $liar->url($_)) } 0 .. $liars - 1),
        ($liars < $N ? $swarm->hosts($liars .. $N - 1) : ()), $cap{small});
    return $r;
}

subtest 'records: all but one host lie' => sub {
    for my $what (sort keys %record) {
        my $file = write_file(scratch('record-lie'), $record{$what});
        my $r = record_get($what, $N - 1, getrecord => "file:$file");
        ok($r->{status} == 0 && same_file($file{small}, scratch('out')), "$what: read") or diag("status $r->{status}: $r->{err}");
        cmp_ok($r->{seconds}, '<', $BOUND, sprintf '%s: in time (%.1f s)', $what, $r->{seconds});
    }
    my $file = write_file(scratch('record-lie'), $record{garbage});
    my $r = record_get('garbage', $N, getrecord => "file:$file");
    is($r->{status}, 4, 'all lie: status');
    like($r->{err}, qr/^layr-get: $N of the $N hosts given answered with a record of this file that is not valid/m, 'all lie: says so');
};

# --- versions

subtest 'a version that was seen is not taken back' => sub {
    my $cap = put_plain('versions', $file{small});
    my $place = Layr::Stored->new($swarm, $cap);
    my $old = write_file(scratch('old'), $place->record(0));
    my $get = sub {
        my ($home, $liars) = @_;
        my $liar = Layr::Liar->new($swarm, map { [$_, getrecord => "file:$old"] } 0 .. $liars - 1);
        return tool({env => home($home)}, 'layr-get', '-f', '-o', scratch('out'), (map { ('-H', $liar->url($_)) } 0 .. $liars - 1),
            ($liars < $N ? $swarm->hosts($liars .. $N - 1) : ()), $cap);
    };
    is(tool('layr-rm', $swarm->hosts, 'versions')->{status}, 0, 'removed');
    unlink scratch('out');
    my $r = $get->('one', $N - 1);
    is($r->{status}, 1, 'one honest host among those that hide the removal: status');
    like($r->{err}, qr/^layr-get: the owner removed this file$/m, 'it is believed');
    $r = $get->('one', $N);
    is($r->{status}, 4, 'all of them hide it from one who has seen it: status');
    like($r->{err}, qr/^layr-get: the hosts give version 1 of this file, but version 2 was seen before: /m, 'the older version is refused');
    ok(!-e scratch('out'), 'no file');
    $r = $get->('two', $N);
    is($r->{status}, 4, 'one who has not finds no shards: status');
    like($r->{err}, qr/segment 0 needs $K good shards of $N, and \d can be had/, 'and is told');
};

# --- put

# One host has the vice, and there is one host more than needed: the file is stored, and can be read from the good hosts alone.
sub put_job {
    my ($name, $expect, @vice) = @_;
    my $liar = Layr::Liar->new($swarm, [0, @vice]);
    my ($size) = $name =~ /(large|middle)/;
    my $file = $file{$size // 'small'};
    return {
        name => "put, $name", slow => is_slow($name), liar => $liar,
        command => [build('bin/layr-put'), '-v', '-k', "$K/$N", '-n', $name =~ tr/ :/--/r, '-H', $liar->url(0), $swarm->hosts(1 .. $N), $file],
        check => sub {
            my ($r) = @_;
            is($r->{status}, 0, "put, $name: stored") or diag($r->{err});
            return if $r->{status} != 0;
            chomp(my $cap = $r->{out});
            unlike($r->{err}, qr/[^\n\x20-\x7e]/, "put, $name: nothing for the terminal to obey");
            like($r->{err}, $expect, "put, $name: says why") if defined $expect;
            my $get = tool({env => home('reader')}, 'layr-get', '-f', '-o', scratch('out'), $swarm->hosts(1 .. $N), $cap);
            ok($get->{status} == 0 && same_file($file, scratch('out')), "put, $name: is there") or diag($get->{err});
        },
    };
}

my @put_vices = (
    ['never answers', qr/another host is asked/, put => 'never'], ['large, never answers', undef, put => 'never'],
    ['never reads', undef, put => 'noread'], ['large, never reads', qr/another host is asked/, put => 'noread'],
    ['large, a byte a second', qr/another host is asked/, put => 'slow:1'], ['large, 600 bytes a second', qr/another host is asked/, put => 'slow:600'],
    ['600 bytes a second', qr/another host is asked/, put => 'slow:600'], ['middle, 600 bytes a second', qr/another host is asked/, put => 'slow:600'],
    ['half a head', undef, put => 'half'], ['a head and no more', undef, put => 'head'], ['cut off', undef, put => 'cut'],
    ['large, cut off', undef, put => 'cut'], ['lies', undef, put => 'lie'], ['201 of something else', undef, put => 'ok:201'],
    ['a page', undef, put => 'ok:200'], ['full', qr/507 host-full/, put => 'problem:507:host-full'],
    ['large, full at once', qr/507|cut the request short|another host/, put => 'early:507'],
    ['quota', qr/507 owner-quota/, put => 'problem:507:owner-quota'], ['price', qr/402 price/, put => 'problem:402:price'],
    ['not allowed', qr/403 owner-not-allowed/, put => 'problem:403:owner-not-allowed'], ['429', undef, put => 'problem:429:rate'],
    ['503', undef, put => 'problem:503:store-unavailable'], ['500', undef, put => 'status:500'], ['422', undef, put => 'problem:422:hash-mismatch'],
    ['a redirect', undef, put => 'redirect:307'], ['garbage', undef, put => 'garbage'], ['binary problem', undef, put => 'badproblem:507:binary'],
    ['huge problem', undef, put => 'badproblem:403:huge'], ['escapes in a problem', undef, put => 'badproblem:403:escape'],
    ['closes', undef, accept => 'close'], ['another key', undef, tls => 'other'], ['no handshake', undef, tls => 'stall'],
    ['record refused', undef, putrecord => 'problem:507:too-many-records'], ['record never answered', undef, putrecord => 'never'],
    ['record in conflict', undef, putrecord => "file:" . write_file(scratch('foreign'), $record{'another file'})],
    ['record in conflict with garbage', undef, putrecord => "file:" . write_file(scratch('nonsense'), $record{garbage})],
    ['record said to be stored', undef, putrecord => 'ok:201'],
);

# No host to spare.
sub put_alone_job {
    my ($name, @vice) = @_;
    my $liar = Layr::Liar->new($swarm, [0, @vice]);
    my ($url) = $liar->url(0) =~ /^([^#]*)/;
    return {
        name => "put without a spare, $name", slow => is_slow($name), bound => 90, liar => $liar,
        command => [build('bin/layr-put'), '-k', "$K/$N", '-n', "none $name", '-H', $liar->url(0), $swarm->hosts(1 .. $N - 1), $file{small}],
        check => sub {
            my ($r) = @_;
            is("$r->{status} $r->{out}", '3 ', "put without a spare, $name: status, and no capability");
            like($r->{err}, qr/^layr-put: too few hosts take segment 0: .*\Q$url\E/m, "put without a spare, $name: says which host and why");
        },
    };
}

subtest 'put: a host with a vice, and one to spare; or none' => sub {
    run_all((map { put_job(@$_) } @put_vices), map { put_alone_job(@$_) } ['full', put => 'problem:507:host-full'],
        ['never answers', put => 'never'], ['not allowed', put => 'problem:403:owner-not-allowed']);
};

ok($swarm->quiet, 'error logs') or diag($swarm->noise);
done_testing;
