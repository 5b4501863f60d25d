#!/usr/bin/perl
# A new version of a file under the same capabilities: only what has changed is sent, a reader in the middle of the old one
# finishes, what the new one does not name goes a day later and nothing else does, and a cut loses neither. About 15 s.
use strict;
use warnings;
use lib 't/lib';
use Layr::Files;
use Layr::Test;
use Test::More;

my $scheme = '1/3';
my $full   = segment($scheme);
my $swarm  = Layr::Test->swarm(4, '--access-log');
my @all    = $swarm->hosts;
my $old    = make_file(scratch('old'), 5 * $full + 1000, 'old');
my $new    = scratch('new');
my $name   = 'file';

# The old content with the bytes of one segment changed and some more at the end.
sub change {
    my ($from, $to, $segment, $more) = @_;
    my $bytes = read_file($from);
    substr($bytes, $segment * $full + 77, 5) = random_hex(5) =~ s/(..)/chr hex $1/ger;
    return write_file($to, $bytes . $more);
}

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

sub shards { return scalar map { $swarm->blobs($_) } 0 .. $swarm->count - 1 }

sub update {
    my ($path, $what, @options) = @_;
    my $r = tool('layr-put', '--json', '--update', $name, @options, @all, $path);
    ok($r->{status} == 0, $what) or diag($r->{err});
    return $r->{status} == 0 ? unjson($r->{out}) : {};
}

sub reads {
    my ($cap, $path, $what) = @_;
    return get_ok($cap, $path, \@all, $what);
}

tool('layr-key', 'new')->{status} == 0 or BAIL_OUT('no key');
my $first = unjson(tool('layr-put', '--json', '-k', $scheme, '-n', $name, '--days', 10, @all, $old)->{out});
my $cap   = $first->{cap};
change($old, $new, 2, 'and some more');

subtest 'a reader of the old version' => sub {
    my ($r, $w) = pipe_ends();
    my $get = spawn({stdout_fh => $w}, build('bin/layr-get'), '-q', '-o', '-', @all, $cap);
    sysread $r, my $bytes, 1 << 16;
    my $put = update($new, 'a new version while it reads');
    is($put->{cap},  $cap, 'the capability is the same');
    is($put->{kept}, 4,    'four of six segments were not sent again');
    is($put->{shards}, 6,  'the one that changed and the last were');
    while (my $n = sysread $r, my $more, 1 << 20) { $bytes .= $more }
    is($get->wait->{status}, 0, 'the reader ends well') or diag($get->wait->{err});
    is(sha256_hex($bytes), sha256_file($old), 'and has the old version');
    reads($cap, $new, 'who reads now has the new one');
    is(shards(), 18 + 6, 'nothing was released');
};

subtest 'the list' => sub {
    my ($f) = @{unjson(tool('layr-ls', '--json')->{out})->{files}};
    is($f->{size}, -s $new, 'has its size');
    cmp_ok($f->{until}, '>', time + 80 * 86400, 'and its end');
    my $sooner = unjson(run('python3', '-c', 'import json, sqlite3, sys
print(json.dumps([sqlite3.connect(p).execute("SELECT count(*) FROM orders WHERE exp < ?", (int(sys.argv[1]),)).fetchone()[0] for p in sys.argv[2:]]))',
        time + 80 * 86400, map { $swarm->path($_, 'store/layr.db') } 0 .. 3)->{out});
    my $sum = 0;
    $sum += $_ for @$sooner;
    is($sum, 0, 'every order lives as long, those of kept segments too');
};

subtest 'a day later' => sub {
    is(sql('SELECT count(*) FROM later')->[0][0], 6, 'six orders wait');
    tool('layr-put', '-q', '-n', 'early', @all, write_file(scratch('early'), 'x'));
    is(shards(), 24, 'and are not released before');
    sql('UPDATE later SET due = due - 90000');
    tool('layr-put', '-q', '-n', 'late', @all, write_file(scratch('late'), 'x'));
    is(shards(), 18, 'then they are');
    is(sql('SELECT count(*) FROM later')->[0][0], 0, 'and forgotten');
    reads($cap, $new, 'the new version is whole');
};

subtest 'cut off between the hosts and the journal' => sub {
    my $next = change($new, scratch('next'), 0, '!');
    my $put = spawn(build('bin/layr-put'), '-q', '--update', $name, @all, $next);
    wait_for(30, sub { @{sql('SELECT 1 FROM later')} > 0 }) or diag('it never came that far');
    $put->kill;
    sql('UPDATE later SET due = due - 90000');
    my $r = tool('layr-put', '-n', 'tidy', @all, write_file(scratch('tidy'), 'x'));
    is($r->{status}, 0, 'the next put goes on') or diag($r->{err});
    my $got = get_file($cap, scratch('got'), \@all);
    ok($got->{status} == 0 && (same_file(scratch('got'), $next) || same_file(scratch('got'), $new)), 'one version or the other is whole');
    is(shards(), 18, 'and the other has gone');
    update($next, 'the same again');
    reads($cap, $next, 'then it is the newest');
    $new = $next;
};

subtest 'small and large' => sub {
    my $small = write_file(scratch('small'), "small\n");
    is(update($small, 'what fits the record')->{inline}, JSON::PP::true(), 'rides in it');
    reads($cap, $small, 'and is read');
    is(update($new, 'and back')->{kept}, 0, 'is sent anew');
    reads($cap, $new, 'and is read');
};

subtest 'a host that has lost its shards' => sub {
    my ($from) = grep { $swarm->blobs($_) > 6 } 0 .. 3;
    $swarm->kill($from);
    my $again = update($new, 'the same content');
    cmp_ok($again->{kept}, '<', 6, 'what it had is sent again');
    is($again->{kept} * 3 + $again->{shards}, 18, 'and nothing else');
    $swarm->revive($from);
    reads($cap, $new, 'it is whole');
};

subtest 'two at once' => sub {
    my @source = map { change($new, scratch("two$_"), $_, $_) } 0, 1;
    my @put = map { spawn(build('bin/layr-put'), '-q', '--update', $name, @all, $_) } @source;
    my @status = map { $_->wait->{status} } @put;
    ok((grep { $_ == 0 } @status) >= 1 || "@status" eq '1 1', "one wins, or both say so: @status");
    sql('UPDATE later SET due = due - 90000');
    tool('layr-put', '-q', '-n', 'tidy2', @all, write_file(scratch('tidy2'), 'x'));
    my $got = get_file($cap, scratch('got'), \@all);
    ok($got->{status} == 0 && grep({ same_file(scratch('got'), $_) } @source), 'one of the two is whole') or diag($got->{err});
};

my $r = tool('layr-rm', @all, $name);
is($r->{status}, 0, 'it is removed') or diag($r->{err});
sql('UPDATE later SET due = due - 90000');
tool('layr-rm', '-q', @all, 'early');
is(shards(), 0, 'and nothing of any version is left');
no_traces($swarm);
done_testing;
