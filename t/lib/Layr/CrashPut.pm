package Layr::CrashPut;

# An owner's programs that are killed, or whose disk fails, at every step that their journal takes: what is listed can be read,
# a put that was cut off can be gone on with or given up, and after the next layr-put or layr-rm nothing else of it is left, in the
# journal or at any host.

use strict;
use warnings;
use Crypt::Mac::BLAKE2b ();
use Exporter qw(import);
use Layr::Fault;
use Layr::Test;
use POSIX ();
use Test::More;

our @EXPORT = qw(crash_puts);

my @put  = qw(put.begin put.begun put.order put.order:3 put.ordered put.ordered:2 put.stored put.stored:3 put.note put.publish put.published put.finished);
my @rm   = qw(rm.begin rm.begun rm.published rm.end rm.ended put.forget);
my @give = qw(put.drop put.dropped put.forget);
# What gives a put up and tidies is itself killed: the point, and where the put before it was.
# And what goes on with it.
my @resume = (['put.resume', 'put.stored:2'], ['put.ordered', 'put.ordered'], ['put.note', 'put.stored:3'], ['put.published', 'put.published'], ['put.finished', 'put.published']);
my @tidy = (['put.reap', 'put.stored:2'], ['put.forget', 'put.stored:2'], ['put.strike', 'put.published']);

my ($swarm, $file, $small, %reached);
my ($serial, $turn, $removed) = (0, 0, 0);

sub journal { return (glob(scratch('home') . '/journal*.db'), glob(scratch('home') . '/*journal*'))[0] }

# The owner's catalogue is none of his files, and is told apart by who signs its record and by its group: docs/protocol.md 2, 4.6.
sub kdf { my ($key, $label) = @_; return Crypt::Mac::BLAKE2b::blake2b(32, $key, pack('V', length $label), $label) }
sub catalogue {
    my ($master) = read_file(scratch('home/key')) =~ /\n([0-9a-f]{64})\n/;
    my $W = kdf(pack('H*', $master), 'catalogue');
    return (b64url(owner(kdf($W, 'record'))->{public}), unpack 'H32', kdf(kdf($W, 'audit'), 'group'));
}

# Rows of the journal and of the hosts' databases. A record whose root is empty says that a file is gone.
my $look = <<'END';
import base64, json, sqlite3, sys, time
def rows(path, sql):
    db = sqlite3.connect('file:' + path + '?mode=ro', uri=True, timeout=10)
    got = db.execute(sql).fetchall()
    db.close()
    return got
catalogue, group, journal, hosts = sys.argv[1].encode(), sys.argv[2], sys.argv[3], sys.argv[4:]
out = {t: len(rows(journal, 'SELECT 1 FROM ' + t)) for t in ('put', 'put_order', 'release', 'gone', 'file', 'seen')}
out.update(orders=0, shards=0, records=0, lasting=0, catalogue=0)
for h in hosts:
    own = len(rows(h, "SELECT 1 FROM orders WHERE hex(grp) = upper('" + group + "')"))
    out['catalogue'] += own
    out['orders'] += len(rows(h, 'SELECT 1 FROM orders')) - own
    out['shards'] += len(rows(h, 'SELECT 1 FROM shard')) - own
    for jws, exp in rows(h, 'SELECT jws, exp FROM record'):
        if catalogue in base64.urlsafe_b64decode(jws.split(b'.')[0] + b'=='):
            continue
        there = jws.split(b'.')[1] != b''
        out['records'] += there
        out['lasting'] += not there and exp > time.time() + 660
print(json.dumps(out))
END

sub look {
    my $r = run('python3', '-c', $look, catalogue(), journal(), map { $swarm->path($_, 'store/layr.db') } 0 .. $swarm->count - 1);
    die "look: $r->{err}" if $r->{status} != 0;
    return unjson($r->{out});
}

sub listed { return sort map { $_->{name} } @{unjson(tool('layr-ls', '--json')->{out})->{files}} }

sub unfinished { return sort map { $_->{name} } @{unjson(tool('layr-ls', '--json')->{out})->{unfinished}} }

sub complaint {
    my ($seen, $files) = @_;
    my @shards = map { $swarm->blobs($_) } 0 .. $swarm->count - 1;
    my $of = grep { $_ ne 'small' } @$files;
    my %want = (put => 0, put_order => 0, release => 0, gone => 0, file => scalar @$files, orders => 3 * $of, shards => 3 * $of,
        records => 3 * $swarm->count * @$files);
    my @wrong = map { "$_ $seen->{$_}, not $want{$_}" } grep { $seen->{$_} != $want{$_} } sort keys %want;
    push @wrong, @shards - $seen->{catalogue} . ' shards on disk' if @shards != 3 * $of + $seen->{catalogue};
    return join '; ', @wrong;
}

sub remove {
    my ($name) = @_;
    my $r = tool('layr-rm', '-q', $name);
    $removed++ if $r->{status} == 0;
    return is($r->{status}, 0, "$name can be removed") || diag($r->{err});
}

# After a crash, by either of the programs that tidy up.
sub clean_after {
    my ($name, $what) = @_;
    $removed++ if ($what // '') eq 'rm';
    for my $cut (unfinished()) {
        my $r = $turn++ % 2 ? tool('layr-rm', $cut) : tool('layr-put', '-q', '--resume', '-n', $cut, $cut eq 'small' ? $small : $file);
        is($r->{status}, 0, "$name: $cut can be @{[$turn % 2 ? 'gone on with' : 'given up']}") or diag($r->{err});
    }
    for my $listed (listed()) {
        my $back = scratch('back');
        my $r = tool('layr-get', '-q', '-f', '-o', $back, $listed);
        ok($r->{status} == 0 && same_file($back, $listed eq 'small' ? $small : $file), "$name: $listed is listed and can be read") or diag($r->{err});
    }
    if ($serial++ % 2) {
        tool('layr-rm', 'nobody');
    } else {
        my $r = tool('layr-put', '-q', '-k', '1/3', '-n', 'after', $small);
        is($r->{status}, 0, "$name: the next layr-put works") or diag($r->{err});
        remove('after');
    }
    # A body whose put was killed while it waited for the disk may be stored after the release: its order finds the tombstone.
    my ($why, $seen);
    my @files = listed();
    wait_for(10, sub { $why = complaint($seen = look(), \@files); $why eq '' });
    # Of a file that was removed its record says so as long as it would have lived; of one that never was not an hour.
    $why .= "; $seen->{lasting} lasting records" if $seen->{lasting} > $removed * 3 * $swarm->count;
    ok($why eq '', "$name: then nothing of it is left, in the journal or at the hosts") or diag($why);
    return;
}

# No more than a file or none is left for the next one.
sub empty {
    remove($_) for listed();
    return;
}

sub spec { my ($point, $action) = @_; return ($point =~ /:/ ? $point : "$point:1") . ":$action" }

# fired: it came there. A fault that lasts is not ticked off: then, that the program failed.
sub with_fault {
    my ($spec, @command) = @_;
    my $armed = scratch('spec');
    write_file($armed, $spec);
    my $r = tool({timeout => 60, env => {LAYR_FAULT => "\@$armed"}}, @command);
    $r->{fired} = $spec =~ /\+:/ ? $r->{status} != 0 : !-e $armed;
    unlink $armed;
    $reached{$1} = 1 if $r->{status} == -9 && $spec =~ /^([a-z.]+)/;
    return $r;
}

sub put { return ('layr-put', '-k', '1/3', '-n', 'file', $file) }

# --- kills

sub killed_put {
    my ($point, $what) = @_;
    my $r = with_fault(spec($point, 'kill'), $what eq 'small' ? ('layr-put', '-n', 'small', '-k', '1/3', $small) : put());
    is($r->{status}, -9, "put of $what, $point: killed") or diag($r->{err});
    is($r->{out}, '', "put of $what, $point: no capability was printed");
    clean_after("put of $what killed at $point");
    empty();
    return;
}

sub killed_rm {
    my ($point) = @_;
    is(tool(put())->{status}, 0, 'a file to remove');
    my $r = with_fault(spec($point, 'kill'), 'layr-rm', 'file');
    is($r->{status}, -9, "rm, $point: killed") or diag($r->{err});
    clean_after("rm killed at $point", 'rm');
    empty();
    return;
}

sub killed_tidying {
    my ($point, $before) = @_;
    with_fault(spec($before, 'kill'), put());
    my $r = with_fault(spec($point, 'kill'), 'layr-rm', 'file');
    is($r->{status}, -9, "tidying up, $point: killed") or diag($r->{err});
    clean_after("tidying up killed at $point");
    empty();
    return;
}

sub killed_resume {
    my ($point, $before) = @_;
    with_fault(spec($before, 'kill'), put());
    my $r = with_fault(spec($point, 'kill'), put(), '--resume');
    is($r->{status}, -9, "going on, $point: killed") or diag($r->{err});
    clean_after("going on killed at $point");
    empty();
    return;
}

# A put of a stream that is stopped tidies up by itself; there it is killed.
sub killed_giving_up {
    my ($point) = @_;
    my $fifo = scratch('fifo' . $serial++);
    POSIX::mkfifo($fifo, 0600) or die "$fifo: $!";
    sysopen my $hold, $fifo, Fcntl::O_RDWR() or die "$fifo: $!";
    my $writer = spawn({stdout_file => $fifo}, 'cat', '/dev/zero');
    my $before = map { $swarm->blobs($_) } 0 .. $swarm->count - 1;
    my $put = spawn({stdin_file => $fifo, env => {LAYR_FAULT => spec($point, 'kill')}}, build('bin/layr-put'), '-k', '1/3', '-n', 'file', '-');
    ok(wait_for(60, sub { (map { $swarm->blobs($_) } 0 .. $swarm->count - 1) > $before }), 'some shards are stored');
    my $r = $put->kill('INT')->wait;
    is($r->{status}, -9, "giving up, $point: killed") or diag($r->{err});
    $reached{$point} = 1 if $r->{status} == -9;
    close $hold;
    $writer->kill;
    clean_after("giving up killed at $point");
    empty();
    return;
}

# --- the disk that the journal is on

# SQLite says why a write found no room, and not always why a sync failed.
my $fails = qr/^layr-\w+: journal \S+: disk I\/O error(?:: [\w\/ ]+)?: look after the disk that holds it, and try again$/m;
my $full  = qr/^layr-\w+: no room left on the disk that holds the journal \S+: make room there and try again$/m;

sub failing {
    my ($what, $point, $errno, @command) = @_;
    my $spec = "$point:$errno";
    my $r = with_fault($spec, @command);
    if ($r->{status} == 0) {
        my $there = grep { $_ eq 'file' } listed();
        is($there, $what eq 'put' ? 1 : 0, "$what, $spec: it says that it did it, and it did");
    } else {
        is($r->{status}, 1, "$what, $spec: exit status") or diag($r->{err});
        is($r->{out}, '', "$what, $spec: no capability");
        like($r->{err}, $errno eq 'EIO' ? $fails : $point =~ /write/ ? $full : qr/$full|$fails/m, "$what, $spec: what happened and what to do");
    }
    clean_after("$what, $spec", $what);
    empty();
    return $r->{fired};
}

# Each pass of a point until the program is done without coming there any more; every so many of them.
sub each_pass {
    my ($point, $stride, $code) = @_;
    my $n = 1 + $serial % $stride;
    $n += $stride while $code->("$point:$n");
    cmp_ok($n, '>', 3, "$point: $n passes");
    return;
}

sub killed_in_passes {
    my ($what, $stride) = @_;
    for my $point ('sqlite.write', 'sqlite.sync') {
        each_pass($point, $point eq 'sqlite.sync' ? 1 + int $stride / 4 : $stride, sub {
            tool(put()) if $what eq 'rm';
            my $r = with_fault("$_[0]:kill", $what eq 'rm' ? ('layr-rm', 'file') : put());
            $removed++ if $what eq 'rm' && $r->{status} == 0;
            clean_after("$what killed at $_[0]", $what) if $r->{status} != 0;
            empty();
            return $r->{status} == -9;
        });
    }
    return;
}

sub failing_in_passes {
    my ($what, $stride) = @_;
    for my $errno ('EIO', 'ENOSPC') {
        for my $point ('sqlite.write', 'sqlite.sync') {
            for my $from ('', '+') {
                each_pass($point, $point eq 'sqlite.sync' ? 1 + int $stride / 4 : $stride, sub {
                    tool(put()) if $what eq 'rm';
                    return failing($what, "$_[0]$from", $errno, $what eq 'rm' ? ('layr-rm', 'file') : put());
                });
            }
        }
    }
    return;
}

sub crash_puts {
    my ($stride) = @_;
    $swarm = Layr::Test->swarm(4);
    $file = make_file(scratch('file.bin'), 200_000);
    $small = make_file(scratch('small.bin'), 1000);
    is(tool('layr-key', 'new')->{status}, 0, 'a key');
    write_file(scratch('home/layr.conf'), join '', map { "host $_\n" } $swarm->urls);
    is(tool('layr-rm', 'nobody')->{status}, 1, 'a journal');

    subtest 'put, killed'            => sub { killed_put($_, 'file') for @put; killed_put($_, 'small') for qw(put.begun put.note put.publish put.published put.finished) };
    subtest 'rm, killed'             => sub { killed_rm($_) for @rm };
    subtest 'going on, killed'       => sub { killed_resume(@$_) for @resume };
    subtest 'tidying up, killed'     => sub { killed_tidying(@$_) for @tidy };
    subtest 'giving up, killed'      => sub { killed_giving_up($_) for @give };
    subtest 'put, killed at a write' => sub { killed_in_passes('put', $stride) };
    subtest 'rm, killed at a write'  => sub { killed_in_passes('rm', $stride) };
    subtest 'put, its disk fails'    => sub { failing_in_passes('put', 2 * $stride) };
    subtest 'rm, its disk fails'     => sub { failing_in_passes('rm', 2 * $stride) };

    my @all = grep { /^(?:put|rm)\./ } Layr::Fault->points;
    is(join(' ', grep { !$reached{$_} } @all, 'sqlite.write', 'sqlite.sync'), '', 'it was killed at every point of the journal');
    ok($swarm->quiet, 'the hosts\' error logs are clean') or diag($swarm->noise);
    return;
}

1;
