#!/usr/bin/perl
# layr-keep: files are renewed in time and restored when they lose shards; it survives being killed and being started twice, and stops
# when it is told to. A flaky host is no loss, nor is a store that is away, nor a host, until the grace is over. About 16 s.
use strict;
use warnings;
use lib 't/lib';
use File::Basename qw(basename);
use Layr::Test;
use Test::More;

my $swarm = Layr::Test->swarm(7, '--directive', 'layr_scrub off;');    # what is damaged here stays where it is
my %number = map { $swarm->id($_) => $_ } 0 .. 6;
my $day = 86400;

sub sql {
    my ($sql) = @_;
    my $r = run('python3', '-c', 'import json, sqlite3, sys
db = sqlite3.connect(sys.argv[1], timeout=10)
got = db.execute(sys.argv[2]).fetchall()
db.commit()
print(json.dumps(got))', scratch('home/journal.db'), $sql);
    die "sql: $r->{err}" if $r->{status} != 0;
    return unjson($r->{out});
}

# When the orders of shards end at a host: the sooner ones first.
sub ends {
    my ($host) = @_;
    my $r = run('python3', '-c', 'import json, sqlite3, sys
print(json.dumps([r[0] for r in sqlite3.connect(sys.argv[1], timeout=10).execute("SELECT exp FROM orders ORDER BY exp")]))',
        $swarm->path($host, 'store/layr.db'));
    return @{unjson($r->{out})};
}

sub keep { my ($what, @options) = @_; my $r = tool('layr-keep', '--once', @options); is($r->{status}, 0, $what) or diag($r->{err}); return $r }

# What the status says of a file.
sub state_of {
    my ($name) = @_;
    my $r = tool('layr-keep', 'status', '--json');
    return (grep { $_->{name} eq $name } @{unjson($r->{out})->{files}})[0];
}

# The file's shards that are where its manifest says: [host, id] each.
sub good_rows {
    my ($name) = @_;
    my $ls = unjson(tool('layr-ls', '--json', $name)->{out});
    my @at = map { $number{$_->{id}} } @{$ls->{hosts}};
    return map { $at[$_->{host}] } grep { $_->{state} eq 'good' } map { @{$_->{rows}} } grep { !$_->{page} } @{$ls->{units}};
}

tool('layr-key', 'new')->{status} == 0 or BAIL_OUT('no key');
write_file(scratch('home/layr.conf'), join '', map { "host $_\n" } $swarm->urls);
my $file = make_file(scratch('file'), 900_000);
tool('layr-put', '-q', '-k', '3/5', '--days', 10, $file)->{status} == 0 or BAIL_OUT('no file');
tool('layr-put', '-q', '--days', 10, '-n', 'note', write_file(scratch('note'), 'small'))->{status} == 0 or BAIL_OUT('no file');

subtest 'renewals' => sub {
    my $until = state_of('file')->{until};
    keep('nothing is due');
    is(state_of('file')->{until}, $until, 'more than half of its time is left');
    cmp_ok(state_of('file')->{last_audit}, '>', time - 60, 'but it was audited');
    sql("UPDATE file SET until = until - 6 * $day");
    my ($away) = good_rows('file');
    $swarm->kill($away);
    my $r = keep('a host is away when it is due', '--grace', 3600);
    like($r->{err}, qr/^file: renewed until \S+ by the hosts of 4 of 5 shards; the others are asked again/m, 'the others renew');
    like($r->{err}, qr/^note: renewed until \d{4}-\d\d-\d\d$/m, 'what rides in a record too');
    cmp_ok(state_of($_)->{until}, '>', time + 9 * $day, "$_ is kept for its ten days again") for qw(file note);
    $swarm->revive($away);
    sql('UPDATE watch SET next_renew = 0');
    keep('when it is back');
    is(scalar(grep { $_ < time + 9 * $day } map { ends($_) } 0 .. 6), 0, 'every order is kept as long');
    my ($renewed) = @{state_of('file')}{'until'};
    sql("UPDATE watch SET next_renew = 0");
    sql("UPDATE file SET until = until - 6 * $day");
    keep('with --no-renew', '--no-renew');
    cmp_ok(state_of('file')->{until}, '<', $renewed - 5 * $day, 'nothing is');
    write_file(scratch('home/layr.conf'), read_file(scratch('home/layr.conf')) . "keep-renew no\n");
    keep('nor with keep-renew no');
    cmp_ok(state_of('file')->{until}, '<', $renewed - 5 * $day, 'in layr.conf');
    write_file(scratch('home/layr.conf'), read_file(scratch('home/layr.conf')) =~ s/^keep-renew.*//mr);
    keep('and without');
    cmp_ok(state_of('file')->{until}, '>=', $renewed, 'it is again');
};

subtest 'records and the list' => sub {
    my $r = run('python3', '-c', 'import sqlite3, sys
db = sqlite3.connect(sys.argv[1], timeout=10)
db.execute("DELETE FROM record")
db.commit()', $swarm->path(3, 'store/layr.db'));
    is($r->{status}, 0, 'a host loses its records') or diag($r->{err});
    $r = keep('layr-keep');
    like($r->{err}, qr/^file: its record was missing/m, 'notices');
    my @have = unjson(run('python3', '-c', 'import json, sqlite3, sys
print(json.dumps(sqlite3.connect(sys.argv[1], timeout=10).execute("SELECT count(*) FROM record").fetchall()))', $swarm->path(3, 'store/layr.db'))->{out});
    cmp_ok($have[0][0][0], '>=', 9, 'and gives back those of two files and the list');
};

subtest 'a flaky host, one that is gone, and a store that is away' => sub {
    my ($victim) = (good_rows('file'))[0];
    for my $turn (1 .. 3) {
        $turn == 3 ? $swarm->revive($victim) : $swarm->kill($victim) if $turn != 2;
        keep("try $turn", '--threshold', 'n', '--grace', 3600);
    }
    is(state_of('file')->{last_patch}, 0, 'who answers every third time is no loss');
    is(state_of('file')->{weakest}{good}, 5, 'and all are good when it does');
    $swarm->kill($victim);
    my $r = keep('gone', '--threshold', 'n', '--grace', 3600);
    is(state_of('file')->{last_patch}, 0, 'who is gone is waited for');
    like($r->{err}, qr/^file: the hosts of \d shards? do not answer: they are waited for/m, 'and that is said');
    is(state_of('file')->{weakest}{good}, 4, 'the status has it');
    is(state_of('file')->{wrong}, '', 'nothing is wrong yet');
    sql('UPDATE score SET silent_since = silent_since - 3600 WHERE silent_since > 0');
    $r = keep('for the grace', '--threshold', 'n', '--grace', 3600);
    like($r->{err}, qr/^file: patched: 1 shard restored on 1 host/m, 'then it counts as lost');
    is(scalar(grep { $_ != $victim } good_rows('file')), 5, 'and others have its shards');
    $swarm->revive($victim);

    ($victim) = (good_rows('file'))[0];
    my $store = $swarm->path($victim, 'store');
    rename $store, "$store.away" or die "$store: $!";
    mkdir $store, 0700 or die "$store: $!";
    chown((stat "$store.away")[4, 5], $store);
    my $patched = state_of('file')->{last_patch};
    $r = keep('a store is not mounted', '--threshold', 'n', '--grace', 3600);
    is(state_of('file')->{last_patch}, $patched, 'is waited for, too');
    is(state_of('file')->{weakest}{good}, 4, 'and is seen');
    is(http(GET => $swarm->url($victim) . '/v1/shards/' . '0' x 64)->{status}, 503, 'its host says 503');
    File::Path::remove_tree($store);
    rename "$store.away", $store or die "$store: $!";
    wait_for(20, sub { http(GET => $swarm->url($victim) . '/v1/shards/' . '0' x 64)->{status} == 404 }) or diag('it is not back');
    keep('mounted again', '--threshold', 'n', '--grace', 3600);
    is(state_of('file')->{weakest}{good}, 5, 'nothing was lost');
};

# It answers for other files, so that nobody may call it silent.
subtest 'a host that withholds what it has of one file' => sub {
    my ($victim) = (good_rows('file'))[0];
    my @ids = map { basename($_) } $swarm->blobs($victim);
    my $other = make_file(scratch('other'), 700_000);
    is(tool('layr-put', '-q', '-k', '3/7', '--days', 10, $other)->{status}, 0, 'a second file, with a shard at every host');
    my $conf = $swarm->path($victim, 'nginx.conf');
    my $was = read_file($conf);
    my $pattern = join '|', @ids;
    $swarm->kill($victim);
    write_file($conf, $was =~ s/(?=\n\s*location \/ \{)/\n        location ~ "^\/v1\/shards\/($pattern)" { return 403; }/r);
    $swarm->revive($victim);
    my $r = keep('it refuses', '--threshold', 'n', '--grace', 3600);
    my $patched = state_of('file')->{last_patch};
    is(state_of('file')->{weakest}{good}, 4, 'what it has is not good');
    like($r->{err}, qr/^file: the hosts of \d shards? do not answer: they are waited for/m, 'but waited for');
    is(state_of('other')->{weakest}{good}, 7, 'the other file has all its shards');
    $r = tool('layr-audit', 'file');
    like($r->{out}, qr/^  \Q@{[$swarm->url($victim)]}\E .*  silent since \d{4}-/m, 'an audit names its host') or diag($r->{out});
    my $audit = unjson(tool('layr-audit', '--json', 'file')->{out});
    my ($host) = grep { $number{$_->{id}} == $victim } @{$audit->{hosts}};
    cmp_ok($host->{unproven_since}, '>', time - 60, 'and since when');
    is(scalar(grep { $_->{host} eq $host->{id} && $_->{unproven_since} >= $host->{unproven_since} } @{$audit->{bad}}), 1, 'and its shard');
    sql('UPDATE unproven SET since = since - 3600');
    $r = keep('for the grace', '--threshold', 'n', '--grace', 3600);
    like($r->{err}, qr/^file: patched: \d shards? restored on /m, 'it counts as lost') or diag($r->{err});
    is(scalar(grep { $_ != $victim } good_rows('file')), 5, 'and others have its shards');
    is(state_of('other')->{last_patch}, 0, 'the other file stays as it is');
    $swarm->kill($victim);
    write_file($conf, $was);
    $swarm->revive($victim);
    is(tool('layr-rm', '-q', 'other')->{status}, 0, 'the second file is removed');
};

# A list that does not fit its record has copies at hosts.
subtest 'the list of files' => sub {
    for my $i (1 .. 30) {
        my $r = tool('layr-put', '-q', '-n', "a rather long name so that the list grows, number $i", '--days', 10, scratch('note'));
        $r->{status} == 0 or return fail($r->{err});
    }
    my $r = keep('a longer list');
    unlike($r->{err}, qr/list of files/, 'is well');
    my @lists = grep { -s $_ < 40_000 } map { $swarm->blobs($_) } 0 .. 6;    # the file's are larger
    ok(@lists > 0, scalar(@lists) . ' copies of it');
    unlink @lists;
    $r = keep('all copies are gone');
    like($r->{err}, qr/^the list of files: \d+ of \d+ copies are lost; it is written again$/m, 'it is written again');
    mkdir scratch('blank');
    $r = run('cp', scratch('home/key'), scratch('home/layr.conf'), scratch('blank'));
    $r = tool({env => {LAYR_HOME => scratch('blank')}}, 'layr-ls', '--json');
    is(scalar @{unjson($r->{out})->{files}}, 32, 'and a machine with nothing but the key has it');
    tool('layr-rm', '-q', "a rather long name so that the list grows, number $_") for 1 .. 30;
};

subtest 'thresholds' => sub {
    my @rows = good_rows('file');
    $swarm->kill($rows[0]);
    my $r = keep('one of five, threshold 4', '--threshold', 4, '--grace', 0);
    unlike($r->{err}, qr/patched/, 'is left alone');
    $r = keep('threshold n', '--threshold', 'n', '--grace', 0);
    like($r->{err}, qr/^file: patched: 1 shard/m, 'is restored');
    $swarm->revive($rows[0]);
};

# Both of its ends, and what is in between.
sub serve { return spawn({timeout => 60}, build('bin/layr-keep'), @_) }
sub at_work { return -e scratch('home/keep.json') && unjson(read_file(scratch('home/keep.json')))->{running} }

subtest 'a service' => sub {
    sql('UPDATE watch SET next_sample = 0, last_sample = 0');
    my $keeper = serve('--threshold', 'n');
    ok(wait_for(30, sub { at_work() && !grep { !$_->{last_sample} } @{unjson(read_file(scratch('home/keep.json')))->{files}} }), 'does what is due, and its file says so');
    is((stat scratch('home/keep.json'))[2] & 0777, 0600, 'which others cannot read');
    my $r = tool('layr-keep', 'status');
    like($r->{err}, qr/^layr-keep is at work$/m, 'the status knows that it runs');
    like($r->{out}, qr/^file +5 of 5 /m, 'and the files');
    for my $second (['--once'], []) {
        $r = tool({timeout => 20}, 'layr-keep', @$second);
        is($r->{status}, 6, 'a second one ends at once');
        like($r->{err}, qr/^layr-keep: another layr-keep of this home is at work/m, 'and says why');
    }
    my $from = Time::HiRes::time();
    kill TERM => $keeper->pid;
    $r = $keeper->wait;
    is($r->{status}, 0, 'ends well when it is told to') or diag($r->{err});
    cmp_ok(Time::HiRes::time() - $from, '<', 5, 'at once');
    like($r->{err}, qr/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d layr-keep: watching over 2 files$/m, 'its log has times');
    like($r->{err}, qr/^\S+ \S+ layr-keep: stopped$/m, 'and its end');
    ok(!at_work(), 'the file says so');
    $r = tool('layr-keep', 'status');
    is($r->{status}, 0, 'all is well');
    unlike($r->{out}, qr/^HOST/m, 'files only');
    $r = tool('layr-keep', 'status', '-v');
    like($r->{out}, qr/^HOST .*^https:\S+ +[1-9]\d* +\d+ +\d+  \d{4}-/ms, '-v: and hosts') or diag($r->{out});
    my $status = unjson(tool('layr-keep', 'status', '--json')->{out});
    is(scalar(grep { $_->{url} eq $swarm->url($number{$_->{id}}) && $_->{passed} > 0 && $_->{last_good} > time - 300 } @{$status->{hosts}}), 7, 'how each did');
    ok((grep { $_->{silent} > 0 } @{$status->{hosts}}) >= 1, 'and that some did not answer');
};

subtest 'killed in the middle, and again' => sub {
    for my $try (1 .. 4) {
        sql('UPDATE watch SET next_audit = 0, next_renew = 0');
        unlink grep { -e } map { $swarm->blobs($_) } (good_rows('file'))[0];
        my $keeper = serve('--threshold', 'n');
        Time::HiRes::sleep(0.03 * $try);
        $keeper->kill;
        my $r = keep("killed after @{[30 * $try]} ms; the next one goes on", '--threshold', 'n');
        is(scalar(good_rows('file')), 5, 'all shards are there');
        is(state_of('file')->{weakest}{good}, 5, 'and known to be');
    }
    my $back = tool('layr-get', '-q', '-f', '-o', scratch('back'), 'file');
    ok($back->{status} == 0 && same_file(scratch('back'), $file), 'the file is whole') or diag($back->{err});
};

subtest 'what is due and no more' => sub {
    my $before = state_of('file');
    my $r = keep('--due when nothing is', '--due');
    is($r->{err}, '', 'says nothing');
    is_deeply(state_of('file'), $before, 'and does nothing');
    sql('UPDATE watch SET next_sample = 0');
    keep('--due when samples are', '--due');
    cmp_ok(state_of('file')->{next_sample}, '>', time + $day / 2, 'they are taken');
    is(state_of('file')->{last_audit}, $before->{last_audit}, 'and nothing else');
};

subtest 'no network' => sub {
    my $before = state_of('file');
    $swarm->kill(0 .. 6);
    my $r = tool('layr-keep', '--once', '--grace', 0);
    is($r->{status}, 3, 'nobody answers');
    is_deeply(state_of('file'), $before, 'which is nobody\'s loss');
    $swarm->revive(0 .. 6);
};

subtest 'usage' => sub {
    my %wrong = ('--threshold' => 'x', '--grace' => '-1', '--max-price' => 'cheap', '--sample' => 0);
    for my $option (sort keys %wrong) {
        my $r = tool('layr-keep', '--once', $option, $wrong{$option});
        is($r->{status}, 2, "$option $wrong{$option}");
        like($r->{err}, qr/'\Q$wrong{$option}\E'/, 'is named');
    }
    is(tool('layr-keep', @$_)->{status}, 2, "@$_") for ['--due'], ['dance'], ['status', '--once'], ['--json', '--once'];
};

my $noise = join '', grep { !/is the store mounted|was it unmounted|is not there any more/ } split /^/, $swarm->noise;
is($noise, '', 'error logs');
done_testing;
