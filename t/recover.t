#!/usr/bin/perl
# The catalogue on the network: 24 words and one host's URL bring an owner's list back on a machine with nothing else, and all
# the programs work there; two machines that write at once lose nothing. About 20 s.
use strict;
use warnings;
use lib 't/lib';
use Layr::Files;
use Layr::Stored;
use Layr::Test;
use Test::More;

my $swarm = Layr::Test->swarm(9, '--access-log');
my @all   = $swarm->hosts;
my @one   = $swarm->hosts(4);
my $made  = tool('layr-key', 'new');
my $words = $made->{out};
my $big   = make_file(scratch('big'), 300_000);
my $small = write_file(scratch('small'), "a small one\n");

sub home { my ($name) = @_; return {env => {LAYR_HOME => scratch($name)}, timeout => 300} }

# What a home lists, by name.
sub listed {
    my ($home, @hosts) = @_;
    my $r = tool(home($home), 'layr-ls', '--json', @hosts);
    is($r->{err}, '', "$home: the list is read without a word");
    return $r->{status} == 0 ? {map { $_->{name} => $_ } @{unjson($r->{out})->{files}}} : {};
}

sub works {
    my ($what, $home, @call) = @_;
    my $r = tool(home($home), @call);
    ok($r->{status} == 0, $what) or diag($r->{err});
    unlike($r->{err}, qr/catalogue could not/, "$what: and the catalogue with it");
    return $r;
}

# A machine with nothing but the words.
sub machine {
    my ($name) = @_;
    mkdir scratch($name);
    my $r = tool({%{home($name)}, stdin => $words}, 'layr-key', 'recover');
    is($r->{status}, 0, "$name: the key is back") or diag($r->{err});
    return;
}

sub requests {
    my $sum = 0;
    for my $i (0 .. 8) { $sum += () = read_file($swarm->path($i, 'access.log')) =~ /^.*"(?:GET|PUT|POST)/mg }
    return $sum;
}

mkdir scratch('home');
mkdir scratch('folder');
write_file(scratch('folder/in'), 'in');
works('a large file', 'home', 'layr-put', '-q', '-n', 'big',   @all, $big);
works('a small one',  'home', 'layr-put', '-q', '-n', 'small', @all, $small);
works('a folder', 'home', 'layr-put', '-q', @all, scratch('folder'));
works('one to be removed', 'home', 'layr-put', '-q', '-n', 'gone', @all, $small);
works('which is', 'home', 'layr-rm', '-q', @all, 'gone');

subtest 'a blank machine and one host' => sub {
    machine('second');
    my $list = listed('second', @one);
    is(join(' ', sort keys %$list), 'big folder small', 'the files and the folder are listed, and no other');
    is($list->{big}{size}, -s $big, 'with their sizes');
    is(join(' ', map { $_->{name} } grep { $_->{folder} } values %$list), 'folder', 'and which is a folder');
    like(tool(home('second'), 'layr-ls', '-q')->{out}, qr{  folder/\n}, 'which is marked for people');
    works('the folder goes', 'home', 'layr-rm', '-q', @all, 'folder');
    works('the large one is read', 'second', 'layr-get', '-q', '-o', scratch('back'), @one, 'big');
    ok(same_file($big, scratch('back')), 'though its shards are at hosts that nobody named here');

    machine('third');
    works('a get may be the first', 'third', 'layr-get', '-q', '-o', scratch('back3'), @one, 'big');
    ok(same_file($big, scratch('back3')), 'and reads it');

    machine('fourth');
    works('and so may a put', 'fourth', 'layr-put', '-q', '-n', 'from4', @one, $small);
    works('a new version',    'second', 'layr-put', '-q', '--update', 'small', @one, write_file(scratch('changed'), "changed\n"));
    is(works('and its reader', 'home', 'layr-get', '-q', '-o', '-', @all, 'small')->{out}, "changed\n", 'has it at home');
    is(listed('home', @all)->{small}{size}, 8, 'and the list there its size');
    works('a removal', 'second', 'layr-rm', '-q', @one, 'big');
    is(join(' ', sort keys %{listed('home', @all)}), 'from4 small', 'the list at home follows');
    is(tool(home('third'), 'layr-get', '-q', '-o', '-', @one, 'big')->{status}, 1, 'what was removed is not read elsewhere');
};

subtest 'what could not be written' => sub {
    $swarm->kill(0 .. 4);
    my $r = tool(home('home'), 'layr-put', '-k', '1/3', '-n', 'lonely', $swarm->hosts(5 .. 8), $small);
    is($r->{status}, 0, 'a put at some of the hosts works') or diag($r->{err});
    $swarm->kill(5 .. 7);
    $r = tool(home('home'), 'layr-put', '-k', '1/1', '-n', 'alone', $swarm->hosts(5 .. 8), $small);
    is($r->{status}, 1, 'and at fewer than half not') if $r->{status};
    $swarm->revive(0 .. 7);
    listed('home', @all);
    machine('fifth');
    ok(exists listed('fifth', @one)->{lonely}, 'the next program tells all hosts');
};

subtest 'two machines at once' => sub {
    my @put;
    for my $i (0 .. 9) {
        push @put, spawn(home($i % 2 ? 'second' : 'home'), build('bin/layr-put'), '-n', "at-once-$i", @all, write_file(scratch("f$i"), "file $i\n"));
    }
    my @r = map { $_->wait } @put;
    is(join(' ', map { $_->{status} } @r), join(' ', (0) x 10), 'all ten are stored') or diag(map { $_->{err} } @r);
    is(join('', map { $_->{err} =~ /(.*catalogue could not.*)/g } @r), '', 'and told');
    for my $home ('home', 'second') {
        my $list = listed($home, @all);
        is(scalar(grep { /^at-once-\d$/ } keys %$list), 10, "$home lists all ten");
    }
    machine('beside');
    is(scalar(grep { /^at-once-\d$/ } keys %{listed('beside', @one)}), 10, 'and so does a blank machine');
    for my $home ('home', 'second') {
        my %bad = map { $_ => 1 } grep { tool(home($home), 'layr-get', '-q', '-o', '-', @all, "at-once-$_")->{out} ne "file $_\n" } 0 .. 9;
        is_deeply(\%bad, {}, "$home reads all ten");
    }
};

subtest 'the same name on two machines' => sub {
    works('here',  'home',   'layr-put', '-q', '-n', 'twin', @all, write_file(scratch('twin1'), 'one'));
    works('there', 'second', 'layr-put', '-q', '-n', 'twin', @all, write_file(scratch('twin2'), 'two'));
    my @names = grep { /^twin/ } sort keys %{listed('home', @all)};
    is(scalar @names, 2, "both are listed: @names");
    is(works('by its other name', 'home', 'layr-get', '-q', '-o', '-', @all, $names[1])->{out}, 'two', 'the other is read');
    is(works('by its own', 'home', 'layr-get', '-q', '-o', '-', @all, 'twin')->{out}, 'one', 'and one\'s own is what it was');
};

subtest 'a catalogue that outgrew its record' => sub {
    my $before = requests();
    works("file $_", 'home', 'layr-put', '-q', '-n', 'a rather long name, so that there are few to a record ' . '.' x 100 . $_, @all, $small) for 1 .. 12;
    my $each = (requests() - $before) / 12 / 9;
    cmp_ok($each, '<', 20, sprintf 'a small put and its catalogue cost %.1f requests a host', $each);
    machine('sixth');
    is(scalar(grep { /^a rather/ } keys %{listed('sixth', @one)}), 12, 'one host gives it whole');
    $swarm->kill(0 .. 3, 5 .. 8);
    machine('seventh');
    is(scalar(grep { /^a rather/ } keys %{listed('seventh', @one)}), 12, 'also when it is the only one that is up');
    $swarm->revive(0 .. 3, 5 .. 8);
};

sub journal {
    my ($home, $sql) = @_;
    my $r = run('python3', '-c', 'import json, sqlite3, sys
d = sqlite3.connect(sys.argv[1]); rows = d.execute(sys.argv[2]).fetchall(); d.commit(); print(json.dumps(rows))', scratch("$home/journal.db"), $sql);
    return unjson($r->{out});
}

# The shards of a file as it is now, as paths at their hosts.
sub shards_of {
    my ($cap) = @_;
    my $stored = Layr::Stored->new($swarm, $cap);
    return map { my $s = $_; map { $stored->blob($s, $_) } 0 .. $#{$stored->segment($s)->{rows}} } 0 .. $stored->segments - 1;
}

subtest 'a machine that is lost with hosts still to be told' => sub {
    machine('lost');
    chomp(my $doomed = works('a file', 'lost', 'layr-put', '-q', '-k', '1/9', '-n', 'doomed', @all, $big)->{out});
    chomp(my $changes = works('another', 'lost', 'layr-put', '-q', '-k', '1/9', '-n', 'changes', @all, $big)->{out});
    my ($left) = grep { index($_, $swarm->path(0, '')) == 0 } shards_of($doomed);
    my @old = shards_of($changes);
    works('a new version', 'lost', 'layr-put', '-q', '--update', 'changes', @all, make_file(scratch('changed'), 310_000, 'changed'));
    $swarm->kill(0);
    is(tool(home('lost'), 'layr-rm', '-q', @all, 'doomed')->{status}, 0, 'a removal while a host is away');
    $swarm->revive(0);
    is(scalar(grep { -e } $left, @old), 10, 'its shard there stays, and those of the old version');

    machine('heir');
    listed('heir', @one);
    is(journal('heir', 'SELECT count(*) FROM later')->[0][0], 9, 'another machine learns what waits for its time');
    works('it puts something', 'heir', 'layr-put', '-q', '-n', 'heir', @all, $small);
    ok(!-e $left, 'the host is told');
    is(scalar(grep { -e } @old), 9, 'and the others not before their time');
    journal('heir', 'UPDATE later SET due = due - 90000');
    works('a day later', 'heir', 'layr-put', '-q', '-n', 'heir2', @all, $small);
    is(scalar(grep { -e } @old), 0, 'then they are');
    ok(works('the new version', 'heir', 'layr-get', '-q', '-o', '-', @all, 'changes')->{out} eq read_file(scratch('changed')), 'is whole');
    machine('next');
    listed('next', @one);
    is(journal('next', 'SELECT (SELECT count(*) FROM later) + (SELECT count(*) FROM release)')->[0][0], 0, 'and nothing of it is listed any more');
};

subtest 'without hosts' => sub {
    $swarm->kill(0 .. 8);
    my $r = tool(home('home'), 'layr-ls', @all);
    is($r->{status}, 0, 'the list is this machine\'s');
    like($r->{err}, qr/no host can be used now: this is what this machine knows/, 'and says so');
};

no_traces($swarm);
done_testing;
