#!/usr/bin/perl
# Files in a network of hosts that find each other: one seed is all that an owner names. Placed by closeness, read when hosts and the
# seed are gone, found again where hosts have moved; 24 words and a seed bring everything back. About 40 s.
use strict;
use warnings;
use lib 't/lib';
use Layr::Net;
use Layr::Test;
use Test::More;

my $n = 12;
my $swarm = Layr::Test->swarm($n, '--seed');
my @seed = seed($swarm);
my %number = map { $swarm->id($_) => $_ } 0 .. $n - 1;
my $me = home('home');
my %size = (inline => 2_000, small => 200_000, two => 9_000_000, wide => 3_000_000);
my %scheme = (inline => '4/9', small => '4/9', two => '4/9', wide => '4/12');
my (%file, %cap);

met($swarm, 0 .. $n - 1);
my $words = key_in($me);

# What got back of a file is that file.
sub got {
    my ($home, $what, @args) = @_;
    my $to = scratch('got');
    unlink $to;
    my $r = tool($home, 'layr-get', '-o', $to, @args);
    ok($r->{status} == 0 && -e $to && same_file($to, $file{$what}), "$what comes back") or diag("$r->{status}: $r->{err}");
    return $r;
}

subtest 'put' => sub {
    for my $what (sort keys %size) {
        $file{$what} = make_file(scratch($what), $size{$what});
        my $r = tool($me, 'layr-put', '-q', '-k', $scheme{$what}, @seed, $file{$what});
        is($r->{status}, 0, "$what is put") or diag($r->{err});
        chomp($cap{$what} = $r->{out});
    }
    my $r = tool($me, 'layr-put', '--json', '-n', 'own', @seed, $file{small});
    is(unjson($r->{out})->{scheme}, '4/10', "without -k the scheme follows the $n hosts that are found");
    $r = tool($me, 'layr-put', '-k', '4/13', '-n', 'more', @seed, $file{small});
    is($r->{status}, 3, 'more hosts than there are');
    like($r->{err}, qr/13 distinct hosts, and 12 were found in the network/, 'says so');
    for my $what (qw(small two wide)) {
        my $ls = ls($me, @seed, $what);
        my ($k, $m) = split m{/}, $scheme{$what};
        is(join(' ', live_of($ls, map { $_ => 1 } keys %number)), join(' ', ($m) x $ls->{segments}), "$what: all shards are there");
        my @twice = grep { my %at; grep { $at{$_->{host}}++ } @{$_->{rows}} } grep { !$_->{page} } @{$ls->{units}};
        is(scalar @twice, 0, "$what: no two of a segment at one host");
    }
    my @free = map { unjson(http(GET => $swarm->url($_) . '/v1/status')->{body})->{shards} } 0 .. $n - 1;
    cmp_ok((sort { $a <=> $b } @free)[0], '>', 0, "every host has some: @free");
};

subtest 'a stranger with a capability and a seed' => sub {
    my $stranger = home('stranger');
    got($stranger, $_, '-q', seed($swarm, 5), $cap{$_}) for sort keys %cap;
    ok(-s scratch('stranger/contacts'), 'whom he found is kept');
};

subtest 'a record, hop by hop' => sub {
    my $r = tool($me, 'layr-find', '--json', @seed, $cap{small});
    is($r->{status}, 0, 'layr-find of a capability') or diag($r->{err});
    my $found = unjson($r->{out});
    is(scalar @{$found->{lookups}}, 3, 'three places');
    cmp_ok(scalar(grep { defined $_->{record_seq} } @{$_->{hosts}}), '>=', 5, "place $_->{place}: at its holders") for @{$found->{lookups}};
    is($found->{lookups}[0]{hosts}[0]{hop}, 1, 'the first hop');
    $r = tool($me, 'layr-find', @seed, $swarm->id(7));
    my $url = $swarm->url(7);
    like($r->{out}, qr/^ *\d+  \S{16} +256  answered .*\Q$url\E/m, 'a host by its id');
    like($r->{out}, qr/^closest, of those that answered:\n +256  ${\$swarm->id(7)}/m, 'is the closest');
    $r = tool($me, 'layr-find', '-r', @seed, 'ab' x 32);
    is($r->{status}, 1, 'a record that is not there');
    like($r->{err}, qr/no host that answered has this record/, 'says so');
};

subtest 'a new version, and a removal' => sub {
    my $old = $file{small};
    $file{small} = make_file(scratch('small.2'), 150_000);
    my $r = tool($me, 'layr-put', '-q', @seed, '--update', 'small', $file{small});
    is($r->{status}, 0, 'a new version') or diag($r->{err});
    got($me, 'small', '-q', @seed, $cap{small});
    $r = tool($me, 'layr-rm', '--json', @seed, 'own');
    my $rm = unjson($r->{out});
    is("$r->{status} $rm->{released} $rm->{pending}", '0 10 0', 'a removal: every shard is let go') or diag($r->{err});
    is(tool($me, 'layr-get', '-q', @seed, 'own')->{status}, 1, 'it is gone');
};

subtest 'on another machine, with 24 words and a seed' => sub {
    my $other = home('other');
    my $r = tool({%$other, stdin => $words}, 'layr-key', 'recover');
    is($r->{status}, 0, 'the key is back') or diag($r->{err});
    $r = tool($other, 'layr-ls', '--json', seed($swarm, 3));
    is(join(' ', sort map { $_->{name} } @{unjson($r->{out})->{files}}), 'inline small two wide', 'and the list of files') or diag($r->{err});
    got($other, 'two', '-q', seed($swarm, 3), 'two');
};

# Who is left has so many of each segment that all can be read, the seed not among them.
my @dead = (0, 4, 8);
my %lives = map { $_ => 1 } grep { my $i = $number{$_}; !grep { $_ == $i } @dead } keys %number;
subtest 'the seed and two more are gone' => sub {
    $swarm->kill(@dead);
    my $blank = home('blank');
    my $r = tool($blank, 'layr-get', @seed, $cap{small});
    is($r->{status}, 3, 'who knows only the seed that is gone');
    like($r->{err}, qr/^layr-get: the seed \Q${\$swarm->url(0)}\E does not answer: .* Give another seed with -s URL/m, 'is told so, and what to do');
    $r = got($me, 'two', @seed, 'two');
    like($r->{err}, qr/^note: \Q${\$swarm->url(0)}\E does not answer .* going on with hosts known from before/m, 'who has been here before goes on without it');
    my $ls = ls($me, @seed, 'wide');
    is(join(' ', live_of($ls, %lives)), '9', 'of 12 shards 9 are at hosts that live');
    is(join(' ', map { $_->{good} } grep { !$_->{page} } @{$ls->{units}}), '9', 'and so many are found');
    got($me, $_, '-q', seed($swarm, 2), $cap{$_}) for sort keys %cap;
    $r = tool($me, 'layr-put', '-q', '-k', '4/9', '-n', 'later', seed($swarm, 2), $file{small});
    is($r->{status}, 0, 'a put goes on') or diag($r->{err});
};

subtest 'a host comes back at another port' => sub {
    my $i = 4;
    my $url = move($swarm, $i, 6);
    my $id = $swarm->id($i);
    ok(wait_for(20, sub { tool($me, 'layr-find', '-q', seed($swarm, 6), $id)->{out} =~ /^ *\d+  \S{16} +256  answered .*\Q$url\E$/m }), 'it is found there by its id');
    my $ls = ls($me, seed($swarm, 6), 'wide');
    my ($host) = grep { $_->{id} eq $id } @{$ls->{hosts}};
    is("$host->{url} $host->{good}", "$url 1", 'and its shard with it');
    is(join(' ', map { $_->{good} } grep { !$_->{page} } @{$ls->{units}}), '10', 'so that 10 of 12 can be had');
};

subtest 'too few are left' => sub {
    my @gone = (1, 2, 3, 5, 7, 9, 10);
    $swarm->kill(@gone);
    my %left = map { $swarm->id($_) => 1 } 4, 6, 11;
    my $r = tool($me, 'layr-get', '-f', '-o', scratch('none'), seed($swarm, 6), $cap{wide});
    is($r->{status}, 4, 'three of twelve shards do not make a file');
    like($r->{err}, qr/segment 0 needs 4 good shards of 12, and 3 can be had; shard \d+: https:\S+: it does not answer, and is nowhere else/, 'says why');
    $r = tool($me, 'layr-put', '-k', '4/9', '-n', 'last', seed($swarm, 6), $file{small});
    is($r->{status}, 3, 'nor is there anywhere to put one');
    like($r->{err}, qr/4\/9 needs 9 distinct hosts, and 3 were found/, 'says so');
};

ok($swarm->quiet, 'error logs') or diag($swarm->noise);
done_testing;
