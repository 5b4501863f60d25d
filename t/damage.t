#!/usr/bin/perl
# Damaged stores: up to n - k shards of every segment may be anything, and a file is read all the same, whole and by ranges. One more,
# and the segment is named, the status is 4, and no file is left.
use strict;
use warnings;
use lib 't/lib';
use Layr::Stored;
use Layr::Test;
use Test::More;

my ($K, $N) = (3, 6);
my $swarm = Layr::Test->swarm($N, '--directive', 'layr_scrub off;');    # what is damaged here stays where it is
tool('layr-key', 'new')->{status} == 0 or BAIL_OUT('no key');

# A file and where it lies.
sub put {
    my ($name, $size) = @_;
    my $path = make_file(scratch($name), $size, $name);
    my $r = tool('layr-put', '-k', "$K/$N", $swarm->hosts, $path);
    is($r->{status}, 0, "put $name") or BAIL_OUT($r->{err});
    chomp(my $cap = $r->{out});
    return {path => $path, cap => $cap, bytes => read_file($path), stored => Layr::Stored->new($swarm, $cap)};
}

sub get {
    my ($file, @args) = @_;
    return tool({timeout => 60}, 'layr-get', $swarm->hosts, @args, $file->{cap});
}

# Read the whole file: right bytes, and of the shards said to be bad only such as are. Gives those, as "segment/shard".
sub reads {
    my ($file, $what, %damaged) = @_;
    my $out = scratch('out');
    unlink $out;
    my $r = get($file, '--json', '-o', $out);
    my $good = $r->{status} == 0 && same_file($file->{path}, $out);
    ok($good, "$what: read") or diag("status $r->{status}: $r->{err}");
    return if !$good;
    my @bad = sort map { "$_->{segment}/$_->{shard}" } @{unjson($r->{out})->{bad}};
    is_deeply([grep { !$damaged{$_} } @bad], [], "$what: nothing else is blamed");
    return @bad;
}

# --- kinds of damage: code on a blob's path; it is given the paths of all shards in use too

sub change {
    my ($path, $code) = @_;
    my $bytes = read_file($path);
    $code->($bytes);    # in $_[0]
    return write_file($path, $bytes);
}

sub flip {
    my ($where) = @_;    # of the length; negative: from the end; a fraction: a share of it
    return sub {
        change($_[0], sub {
            my $at = abs $where < 1 && $where != 0 ? int(length($_[0]) * $where) : $where;
            substr($_[0], $at, 1) ^= "\x10";
        });
    };
}

sub cut {
    my ($to) = @_;
    return sub { my $size = -s $_[0]; truncate $_[0], $to < 0 ? $size + $to : $to < 1 ? int($size * $to) : $to or die "$_[0]: $!" };
}

my %damage = (
    'first bit flipped'          => flip(0),
    'a bit in the middle flipped'=> flip(0.5),
    'a bit of the first tag flipped' => sub { my $blocks = (-s $_[0]) / 4112; flip(4096 * $blocks)->($_[0]) },
    'last bit flipped'           => flip(-1),
    'zeros'                      => sub { change($_[0], sub { $_[0] = "\0" x length $_[0] }) },
    'one byte short'             => cut(-1),
    'its tags cut off'           => sub { truncate $_[0], 4096 * (-s $_[0]) / 4112 },
    'cut at half'                => cut(0.5),
    'one byte left'              => cut(1),
    'empty'                      => cut(0),
    'one byte more'              => sub { change($_[0], sub { $_[0] .= 'x' }) },
    'twice'                      => sub { change($_[0], sub { $_[0] x= 2 }) },
    'missing'                    => sub { unlink $_[0] },
    'a folder in its place'      => sub { unlink $_[0]; mkdir $_[0] or die "$_[0]: $!" },
);

my $large = put('large', 14 << 20);    # a full segment and a part of one
my $small = put('small', 100_000);     # one stripe of small chunks
my $other = put('other', 100_000);
is(scalar($large->{stored}->segments), 2, 'segments of the large file');

# The rows of every segment, as "segment/shard".
sub rows {
    my ($file, @shards) = @_;
    return map { my $s = $_; map { "$s/$_" } @shards } 0 .. $file->{stored}->segments - 1;
}

sub hurt {
    my ($file, $code, @rows) = @_;
    for my $row (@rows) {
        $file->{stored}->damage(split(m{/}, $row), $code);
    }
    return;
}

subtest 'each kind alone, at n - k hosts' => sub {
    for my $what (sort keys %damage) {
        hurt($small, $damage{$what}, rows($small, 0 .. 2));
        my @bad = reads($small, "data shards: $what", map { $_ => 1 } rows($small, 0 .. 2));
        is("@bad", '0/0 0/1 0/2', "data shards: $what: all are named");
        $small->{stored}->mend;

        hurt($small, $damage{$what}, rows($small, 3 .. 5));
        reads($small, "parity shards: $what");
        $small->{stored}->mend;
    }
};

subtest 'each kind in a file of several segments' => sub {
    my @sets = ([0 .. 2], [0, 4, 5], [1, 2, 3], [2, 3, 4]);
    my $turn = 0;
    for my $what ('first bit flipped', 'last bit flipped', 'its tags cut off', 'empty', 'missing') {
        my @rows = rows($large, @{$sets[$turn++ % @sets]});
        hurt($large, $damage{$what}, @rows);
        my @bad = reads($large, "rows @rows: $what", map { $_ => 1 } @rows);
        ok(scalar(grep { m{^0/} } @bad), "rows @rows: $what: it says so");
        $large->{stored}->mend;
    }
};

subtest 'all kinds mixed' => sub {
    my @kinds = sort keys %damage;
    for my $round (0 .. 3) {
        my %damaged;
        for my $s (0, 1) {
            for my $i (0 .. 2) {
                my $row = "$s/" . (($round + $s + 2 * $i) % $N);
                hurt($large, $damage{$kinds[($round * 6 + $s * 3 + $i) % @kinds]}, $row);
                $damaged{$row} = 1;
            }
        }
        reads($large, "round $round: " . join(' ', sort keys %damaged), %damaged);
        $large->{stored}->mend;
    }
};

# The content of one blob in the place of another, and the other way round.
sub swap {
    my ($a, $row_a, $b, $row_b) = @_;
    my ($path_a, $path_b) = ($a->{stored}->blob(split m{/}, $row_a), $b->{stored}->blob(split m{/}, $row_b));
    my ($bytes_a, $bytes_b) = (read_file($path_a), read_file($path_b));
    $a->{stored}->damage(split(m{/}, $row_a), sub { write_file($_[0], $bytes_b) });
    $b->{stored}->damage(split(m{/}, $row_b), sub { write_file($_[0], $bytes_a) });
    return;
}

subtest 'swapped' => sub {
    swap($small, '0/0', $small, '0/1');
    is(join(' ', reads($small, 'in a segment', '0/0' => 1, '0/1' => 1)), '0/0 0/1', 'in a segment: both are named');
    $small->{stored}->mend;

    swap($large, '0/0', $large, '1/0');
    reads($large, 'between segments', '0/0' => 1, '1/0' => 1);
    $large->{stored}->mend;

    swap($small, "0/$_", $other, "0/$_") for 0 .. 2;
    is(join(' ', reads($_, 'between files', map { ("0/$_" => 1) } 0 .. 2)), '0/0 0/1 0/2', 'between files: all are named')
        for $small, $other;
    $_->{stored}->mend for $small, $other;
};

# --- ranges

sub range_reads {
    my ($file, $what, $first, $last) = @_;
    my $r = get($file, '--range', "$first-$last", '-o', '-');
    my $good = $r->{status} == 0 && $r->{out} eq substr $file->{bytes}, $first, $last - $first + 1;
    return ok($good, "$what: bytes $first to $last") || diag("status $r->{status}, " . length($r->{out}) . " bytes: $r->{err}");
}

subtest 'ranges' => sub {
    my ($chunk, $segment) = (65520, $large->{stored}->segment(0)->{size});
    my @ranges = ([0, 0], [$chunk - 1, $chunk], [3 * $chunk, 7 * $chunk + 5], [$segment - 1, $segment], [$segment - $chunk, $segment + 2 * $chunk],
        [(14 << 20) - 1, (14 << 20) - 1], [$segment, (14 << 20) - 1]);
    my %kind = (
        'first bit flipped' => $damage{'first bit flipped'}, 'cut at half' => $damage{'cut at half'}, 'missing' => $damage{missing},
        'empty' => $damage{empty},
        'a bit of every chunk flipped' => sub {
            change($_[0], sub { for (my $at = 7; $at < length $_[0]; $at += 65536) { substr($_[0], $at, 1) ^= "\1" } });
        },
        'its chunks in another order' => sub { change($_[0], sub { $_[0] = substr($_[0], 65536) . substr($_[0], 0, 65536) }) },
    );
    for my $what (sort keys %kind) {
        hurt($large, $kind{$what}, rows($large, 0, 1, 2));
        range_reads($large, "data shards: $what", @$_) for @ranges;
        $large->{stored}->mend;
    }
    hurt($large, $damage{missing}, '0/0', '0/1', '0/2', '0/3');
    range_reads($large, 'beside a lost segment', @{$ranges[5]});
    my $r = get($large, '--range', '10-20', '-o', '-');
    is("$r->{status} $r->{out}", '4 ', 'in a lost segment: status 4 and no bytes');
    like($r->{err}, qr/^layr-get: .*\b0\b/m, 'in a lost segment: it is named');
    $large->{stored}->mend;
};

# --- one more

subtest 'one more than n - k' => sub {
    my $folder = scratch('into');
    mkdir $folder or die $!;
    for my $what ('first bit flipped', 'one byte short', 'empty', 'missing') {
        for my $shards ([0 .. 3], [2 .. 5]) {
            my @rows = map { "1/$_" } @$shards;
            hurt($large, $damage{$what}, @rows);
            my $r = get($large, '-o', "$folder/out");
            is($r->{status}, 4, "rows @rows: $what: status");
            like($r->{err}, qr/^layr-get: 1 of 2 segments cannot be recovered \(number 1\): segment 1 needs 3 good shards of 6, and 2 can be had/m,
                "rows @rows: $what: the segment is named");
            like($r->{err}, qr/shard $_: \Q@{[$swarm->url($large->{stored}->host(1, $_))]}/, "shard $_ and its host are named") for @$shards;
            is_deeply([glob "$folder/* $folder/.??*"], [], "rows @rows: $what: no file is left");
            $large->{stored}->mend;
        }
    }
    hurt($large, $damage{missing}, rows($large, 0, 1, 3, 5));
    write_file("$folder/out", 'mine');
    my $r = get($large, '-f', '-o', "$folder/out");
    is($r->{status}, 4, 'both segments: status');
    like($r->{err}, qr/^layr-get: 2 of 2 segments cannot be recovered \(numbers 0 to 1\)/m, 'both segments: named');
    is(read_file("$folder/out"), 'mine', 'with -f: the file that was there is there');
    is_deeply([glob "$folder/* $folder/.??*"], ["$folder/out"], 'with -f: and no other');
    $large->{stored}->mend;

    hurt($large, $damage{empty}, map { "1/$_" } 0 .. 3);
    $r = get($large, '-o', '-');
    is($r->{status}, 4, 'to standard output: status');
    ok(length $r->{out} <= length $large->{bytes} && $r->{out} eq substr($large->{bytes}, 0, length $r->{out}),
        'to standard output: what came is right');
    $large->{stored}->mend;
    reads($large, 'mended');
};

subtest 'words' => sub {
    hurt($small, $damage{missing}, '0/0');
    hurt($small, $damage{'first bit flipped'}, '0/1');
    my $r = get($small, '-f', '-o', scratch('out'));
    is($r->{status}, 0, 'status');
    like($r->{err}, qr/^2 shards could not be had, and others made up for them; the first: segment 0, shard \d: https:.* \(-v names all/m,
        'a count, an example, and where there is more');
    $r = get($small, '-v', '-f', '-o', scratch('out'));
    my @url = map { $swarm->url($small->{stored}->host(0, $_)) } 0 .. 5;
    like($r->{err}, qr/^segment 0, shard 0: \Q$url[0]\E answered 404 no-such-shard: /m, '-v: the missing one');
    like($r->{err}, qr/^segment 0, shard 1: \Q$url[1]\E: gave a damaged shard$/m, '-v: the damaged one');
    like($r->{err}, qr/^segment 0, shard $_: \d+ bytes from \Q$url[$_]\E$/m, "-v: good shard $_") for 2 .. 4;
    $r = get($small, '-q', '-f', '-o', scratch('out'));
    is("$r->{status} $r->{err}", '0 ', '-q: nothing');
    $small->{stored}->mend;
};

# What is damaged on purpose may be told as such.
my $noise = join '', grep { !/is not a regular file/ } $swarm->noise =~ /^.*\n/mg;
is($noise, '', 'error logs');
done_testing;
