#!/usr/bin/perl
# layr-patch: what hosts lost is made anew from the rest, or moved from a host that leaves, and nothing else is touched; no salt is used
# twice, no host has two shards of a segment, and whatever goes wrong the file is as readable as before. About 30 s.
use strict;
use warnings;
use lib 't/lib';
use File::Path ();
use Layr::Files;
use Layr::Patch;
use Layr::Test;
use Layr::Tree;
use Test::More;

my $swarm = Layr::Test->swarm(12, '--directive', 'layr_scrub off;');
my @all   = $swarm->hosts;
my $full  = segment('4/8');
my $file  = make_file(scratch('file'), 2 * $full + 5000, 'file');
my $watch = Layr::Patch->new($swarm);

tool('layr-key', 'new')->{status} == 0 or BAIL_OUT('no key');

sub put {
    my ($name, $scheme, $path, @which) = @_;
    my $r = tool('layr-put', '-q', '-n', $name, '-k', $scheme, $swarm->hosts(@which), $path);
    ok($r->{status} == 0, "$name is put") or diag($r->{err});
    return $r->{out} =~ s/\n//r;
}

my $cap = put('file', '4/8', $file, 0 .. 7);
my $write = run('python3', 't/second/write_cap.py', scratch('home'), $cap)->{out} =~ s/\n//r;

subtest 'a file that is whole' => sub {
    $watch->sound($cap, 'put');
    my $before = $watch->state;
    my $r = patch_json('file', \@all, 'a whole file');
    is($r->{state}, 'whole', 'it says so');
    is("$r->{units} $r->{whole}", '3 3', 'of all its segments');
    is($watch->state, $before, 'and touches nothing');
    my $small = put('small', '4/8', write_file(scratch('small'), "small\n"), 0 .. 7);
    my $s = patch_json('small', \@all, 'one that rides in its record');
    ok($s->{state} eq 'whole' && $s->{inline}, 'has nothing to restore');
};

subtest 'deleted and damaged shards' => sub {
    my $old = $watch->look($cap);
    $watch->lose(map { $old->{segments}[0]{rows}[$_] } 0, 3);
    $watch->flip(map { $old->{segments}[0]{rows}[$_] } 5, 7);
    $watch->lose($old->{segments}[2]{rows}[1]);
    my $before = $watch->state;
    my $r = patch_json('file', \@all, 'a dry run', '--dry-run');
    is("$r->{state} $r->{damaged} $r->{whole}", 'damaged 5 1', 'says what it would do');
    is($watch->state, $before, 'and changes nothing');
    $r = patch_json('file', \@all, 'with a threshold', '--threshold', 4);
    is("$r->{state} $r->{left_alone} $r->{restored}", 'waiting 5 0', 'a segment that has enough is left alone');
    is($watch->state, $before, 'and nothing changed');
    $r = patch_json('file', \@all, 'with a threshold above what is left', '--threshold', 5);
    is("$r->{state} $r->{restored} $r->{left_alone} $r->{patched}", 'restored 4 1 1', 'the segment that has not is restored, whole');
    $r = patch_json('file', \@all, 'patched');
    is("$r->{state} $r->{restored} $r->{copied} $r->{patched}", 'restored 1 0 1', 'and the other without one');
    my $new = $watch->sound($cap, 'patched');
    is($new->{seq}, $old->{seq} + 2, 'two new records');
    is_deeply($new->{segments}[1], $old->{segments}[1], 'a segment that is whole is what it was');
    is_deeply($new->{segments}[0]{rows}[$_], $old->{segments}[0]{rows}[$_], "shard $_, which was good, stays") for 1, 2, 4, 6;
    get_ok($cap, $file, \@all, 'it is read');
    is(patch_json('file', \@all, 'once more')->{state}, 'whole', 'then it is whole');
};

subtest 'hosts that are gone' => sub {
    my $m = $watch->look($cap);
    my ($dead) = grep { my $h = $_; !grep { my $s = $_; !grep { $_->{host} == $h } @{$s->{rows}} } @{$m->{segments}} } 0 .. 11;
    $swarm->kill($dead);
    my $before = $watch->look($cap);
    my $r = patch_json('file', \@all, 'a host is silent');
    is("$r->{state} $r->{waiting} $r->{restored}", 'waiting 3 0', 'that is no loss yet');
    is_deeply($watch->look($cap), $before, 'and nothing changes');
    journal('UPDATE score SET silent_since = silent_since - 700000 WHERE silent_since > 0');
    $r = patch_json('file', \@all, 'silent for longer than a week');
    is("$r->{state} $r->{restored}", 'restored 3', 'it is one');
    $watch->sound($cap, 'patched');
    $swarm->revive($dead);
    get_ok($cap, $file, \@all, 'and it is read when the host is back');
    is(patch_json('file', \@all, 'once more')->{state}, 'whole', 'which changes nothing');
};

subtest 'any k hosts that had nothing of it before' => sub {
    my $one = put('other', '4/8', $file, 0 .. 7);
    my $old = $watch->look($one);
    $swarm->kill(0 .. 3);
    my $r = patch_json('other', \@all, 'half of the hosts gone', '--grace', 0);
    is("$r->{state} $r->{restored}", 'restored 12', 'half of it is made anew');
    $swarm->revive(0 .. 3);
    my $m = $watch->sound($one, 'patched');
    is_deeply([sort { $a <=> $b } map { $_->{host} } map { @{$_->{rows}} } $m->{segments}[1]], [4 .. 11], 'at the hosts that had none');
    get_ok($one, $file, [$swarm->hosts(8 .. 11)], 'and these alone give it back');
    # a day later
    my @gone = grep { $_->{host} < 4 } map { @{$_->{rows}} } @{$old->{segments}};
    is(scalar(grep { -e $watch->path($_) } @gone), 12, 'what was replaced is there for a day');
    journal('UPDATE later SET due = due - 90000');
    is(tool('layr-rm', '-q', @all, 'small')->{status}, 0, 'a day later');
    is(scalar(grep { -e $watch->path($_) } @gone), 0, 'it is released');
    is(journal('SELECT count(*) FROM later')->[0][0] + journal('SELECT count(*) FROM release')->[0][0], 0, 'and nothing more is to be');
    $watch->sound($_, 'and all that is named stays') for $cap, $one;
    get_ok($one, $file, [$swarm->hosts(8 .. 11)], 'it is read as before');
    tool('layr-rm', '-q', @all, 'other');
};

subtest 'mirrors' => sub {
    my $source = make_file(scratch('mirror'), 2 * segment('1/3') + 100);
    my $one = put('mirror', '1/3', $source, 0 .. 2);
    $watch->sound($one, 'put');
    $swarm->kill(0, 2);
    my $r = patch_json('mirror', \@all, 'two of three hosts gone', '--grace', 0);
    is("$r->{state} $r->{restored}", 'restored 6', 'two copies of three segments');
    $swarm->revive(0, 2);
    my $m = $watch->sound($one, 'patched');
    is(scalar(keys %{{map { $_->{shard} => 1 } map { @{$_->{rows}} } @{$m->{segments}}}}), 9, 'no copy is like another');
    $swarm->kill(1);
    get_ok($one, $source, \@all, 'it is read without the host that had it alone');
    $swarm->revive(1);
};

subtest 'pages' => sub {
    my $count = 560;
    my $data = join '', map { pack 'A5000', "file $_" } 1 .. $count;
    my $read = put_tree($swarm, $data, ['-k', '1/3', '--segment', 5000], entry(0, ''));
    my ($name) = grep { /^folder/ } map { $_->{name} } @{unjson(tool('layr-ls', '--json')->{out})->{files}};
    my $old = $watch->sound($read, 'put');
    is(scalar @{$old->{pages}}, 3, 'its manifest has three pages');
    $watch->lose($old->{pages}[1]{rows}[0]);
    my $audited = sub {
        my $r = tool('layr-audit', '--json', @all, $name);
        return join ' ', $r->{status}, map { ($_->{page} ? 'page ' : 'segment ') . "$_->{unit}.$_->{shard} $_->{verdict}" } @{unjson($r->{out})->{bad}};
    };
    is($audited->(), '1 page 1.0 missing', 'an audit sees that a copy of a page is gone, and which');
    $watch->flip($old->{pages}[0]{rows}[2]);
    is($audited->(), '1 page 0.2 corrupt page 1.0 missing', 'and that another is damaged');
    $watch->flip($old->{pages}[0]{rows}[2]);
    my $r = patch_json($name, \@all, 'a copy of a page is lost');
    is("$r->{state} $r->{restored} $r->{pages}", 'restored 1 0', 'one is made anew');
    my $new = $watch->sound($read, 'patched');
    is_deeply($new->{pages}[$_], $old->{pages}[$_], "page $_ is what it was") for 0, 2;
    is_deeply([@{$new->{pages}[1]{rows}}[1, 2]], [@{$old->{pages}[1]{rows}}[1, 2]], 'so are the other copies');
    is_deeply($new->{segments}, $old->{segments}, 'and all segments');
    $watch->lose($new->{segments}[300]{rows}[1], $new->{pages}[1]{rows}[2]);
    $r = patch_json($name, \@all, 'a shard and a copy of its page are lost');
    is("$r->{state} $r->{patched} $r->{pages}", 'restored 1 1', 'the shard and its page are made anew');
    my $last = $watch->sound($read, 'patched');
    is_deeply($last->{pages}[$_], $new->{pages}[$_], "page $_ is what it was") for 0, 2;
    is(patch_json($name, \@all, 'once more')->{state}, 'whole', 'then it is whole');
    $watch->lose(@{$last->{pages}[2]{rows}});
    my $before = $watch->state;
    $r = patch_run($name, \@all);
    is($r->{status}, 4, 'all copies of a page lost: exit status') or diag($r->{err});
    like($r->{err}, qr/manifest page 2/, 'says which');
    is($watch->state, $before, 'and changes nothing');
};

subtest 'fewer than k' => sub {
    my $one = put('lost', '4/8', $file, 0 .. 7);
    my $m = $watch->look($one);
    $watch->lose(@{$m->{segments}[1]{rows}}[0 .. 4], $m->{segments}[0]{rows}[0]);
    my $before = $watch->state;
    for my $options ([], ['--dry-run'], ['--threshold', 4]) {
        my $r = patch_json('lost', \@all, "fewer than k @$options", 4, @$options);
        like($r->{err}, qr/^layr-patch: lost: .*fewer than 4 good shards are left of 1 of 3 segments \(number 1\): nothing was changed$/m, 'names file and segment');
        is("$r->{state} $r->{lost}", 'lost 1', 'in JSON, too');
    }
    is($watch->state, $before, 'nothing is changed');
    tool('layr-rm', '-q', @all, 'lost');
};

subtest 'not enough hosts' => sub {
    my $one = put('few', '4/8', $file, 0 .. 7);
    my $m = $watch->look($one);
    $swarm->kill(7);
    $watch->lose(grep { $_->{host} == 3 } @{$m->{segments}[0]{rows}});
    my $r = patch_json('few', [$swarm->hosts(0 .. 7)], 'seven hosts for eight shards', 3, '--grace', 0);
    is("$r->{state} $r->{restored} $r->{missing}", 'partly 1 3', 'what can be restored is');
    like($r->{err}, qr/^layr-patch: few: 3 shards found no host .*\(segments: numbers 0 to 2\): give more hosts/m, 'and it says what is missing');
    $swarm->revive(7);
    $r = patch_json('few', [$swarm->hosts(0 .. 8)], 'with the host that is back');
    is($r->{missing}, 0, 'nothing is missing any more');
    $watch->sound($one, 'then');
    tool('layr-rm', '-q', @all, 'few');
};

subtest 'a reader in the middle of it' => sub {
    my ($r, $w) = pipe_ends();
    my $get = spawn({stdout_fh => $w}, build('bin/layr-get'), '-q', '-o', '-', @all, $cap);
    sysread $r, my $bytes, 1 << 16;
    my $m = $watch->look($cap);
    $watch->lose(map { $m->{segments}[$_]{rows}[$_] } 0 .. 2);
    is(patch_json('file', \@all, 'patched while somebody reads')->{state}, 'restored', 'it is restored');
    while (my $n = sysread $r, my $more, 1 << 20) { $bytes .= $more }
    is($get->wait->{status}, 0, 'the reader ends well') or diag($get->wait->{err});
    is(sha256_hex($bytes), sha256_file($file), 'and has the file');
};

# Half of each segment is lost; a patch that has sent something.
sub half_way {
    my $m = $watch->look($cap);
    $watch->lose(map { my $s = $_; map { $m->{segments}[$s]{rows}[$_] } 0 .. 3 } 0 .. 2);
    my $patch = spawn(build('bin/layr-patch'), '-v', @all, 'file');
    my $end = time + 30;
    select undef, undef, undef, 0.002 while $patch->slurp("$patch->{base}.err") !~ /shard \d+: https/ && time < $end;
    return $patch;
}

subtest 'stopped' => sub {
    my $before = $watch->orders_of($cap);
    my $r = half_way()->kill('INT')->wait;
    isnt($r->{status}, 0, 'it ends');
    like($r->{err}, qr/^layr-patch: file: stopped: .*run it again/m, 'and says what to do');
    is($watch->orders_of($cap), $before, 'what it had sent is released');
    is(journal("SELECT count(*) FROM $_")->[0][0], 0, "nothing is left in the journal: $_") for qw(put put_order release);
    get_ok($cap, $file, \@all, 'it is read as before');
    is(patch_json('file', \@all, 'run again')->{restored}, 12, 'and then restored');
    $watch->sound($cap, 'then');
};

subtest 'another writer meanwhile' => sub {
    mkdir scratch('second');
    write_file(scratch('second/key'), read_file(scratch('home/key')));
    chmod 0600, scratch('second/key');
    my $new = make_file(scratch('new'), 5000, 'new');
    my $patch = half_way();
    kill STOP => $patch->pid;
    my $put = tool({env => {LAYR_HOME => scratch('second')}}, 'layr-put', '-q', '--update', $write, @all, $new);
    is($put->{status}, 0, 'another machine publishes a version') or diag($put->{err});
    kill CONT => $patch->pid;
    my $r = $patch->wait;
    is($r->{status}, 1, 'the patch gives way');
    like($r->{err}, qr/another writer changed the file/, 'and says so');
    get_ok($cap, $new, \@all, 'the new version stands');
    for (1, 2) {    # the second time with what the other machine let go of, which the catalogue says
        journal('UPDATE later SET due = due - 90000');
        tool('layr-put', '-q', '-n', "tidy$_", @all, write_file(scratch('tidy'), 'x'));
    }
    is($watch->orders_of($cap), 8, 'a day later hosts have nothing else of the file');
    get_ok($cap, $new, \@all, 'and the new version is whole');
    is(patch_json('file', \@all, 'once more')->{state}, 'whole', 'as a patch says');
};

sub drains {
    my ($i) = @_;
    return $swarm->reload($i, 'layr_drain on;') && unjson(http(GET => $swarm->url($i) . '/v1/status')->{body})->{draining};
}

subtest 'a host that leaves' => sub {
    my $one = put('moved', '4/8', $file, 0 .. 7);
    my $m = $watch->look($one);
    ok(drains(2), 'host 2 drains');
    my $r = patch_json('moved', \@all, 'a host leaves', '--threshold', 4);
    is("$r->{state} $r->{copied} $r->{restored}", 'restored 3 0', 'what it has is moved');
    my $new = $watch->sound($one, 'then');
    for my $s (0 .. 2) {
        my @was = map { [@$_{qw(index shard salt)}] } @{$m->{segments}[$s]{rows}};
        is_deeply([map { [@$_{qw(index shard salt)}] } @{$new->{segments}[$s]{rows}}], \@was, "segment $s: the same shards");
        is(scalar(grep { $_->{host} == 2 } @{$new->{segments}[$s]{rows}}), 0, 'none at that host');
    }
    is(scalar(grep { -e $swarm->blob(2, $_->{shard}) } map { @{$_->{rows}} } @{$new->{segments}}), 3, 'which has them for a day');
    get_ok($one, $file, [$swarm->hosts(grep { $_ != 2 } 0 .. 11)], 'it is read without it');
    journal('UPDATE later SET due = due - 90000');
    tool('layr-put', '-q', '-n', 'tidy3', @all, write_file(scratch('tidy'), 'x'));
    is(scalar(grep { -e $swarm->blob(2, $_->{shard}) } map { @{$_->{rows}} } @{$new->{segments}}), 0, 'and then no more');
    # it gives nothing of what it has: that is made anew
    my $two = put('given', '4/8', $file, 0, 1, 3 .. 8);
    my $at = $watch->look($two);
    ok(drains(4), 'host 4 drains');
    $watch->flip(grep { $_->{host} == 4 } @{$at->{segments}[0]{rows}});
    $r = patch_json('given', \@all, 'a host leaves and has lost one');
    is("$r->{state} $r->{copied} $r->{restored}", 'restored 2 1', 'that one is made anew');
    $watch->sound($two, 'then');
};

subtest 'who may' => sub {
    my $r = tool('layr-patch', @all, $cap);
    is($r->{status}, 5, 'a read capability: exit status');
    like($r->{err}, qr/does not allow patching: it takes the write capability \(layr:w:\)/, 'and why');
    $r = tool({env => {LAYR_HOME => scratch('stranger')}}, 'layr-patch', @all, $write);
    is($r->{status}, 5, 'no key: exit status');
    like($r->{err}, qr/ordered with the owner's key, and there is none/, 'and why');
    is(tool('layr-patch', '--json', @all, $write)->{status}, 0, 'the write capability and the key');
    is(tool('layr-patch', @all, @$_)->{status}, 2, "wrong use: @$_") for [], ['--all', 'file'], ['--threshold', 0, 'file'];
};

no_traces($swarm);
done_testing;
