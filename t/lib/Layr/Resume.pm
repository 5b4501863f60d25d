package Layr::Resume;

# Puts that are killed at any moment and gone on with: what is there is not sent again, and in the end the file is what a put
# in one go would have left.

use strict;
use warnings;
use Exporter qw(import);
use File::Basename qw(basename);
use Layr::Test;
use Test::More;
use Time::HiRes ();

our @EXPORT = qw(resume_swarm look blobs killed_put put_under_way resumed_ok kills stops);

my $swarm;

# Hosts whose access logs say how many bytes of each request came, also of one that was cut off.
sub resume_swarm {
    my ($count, @options) = @_;
    $swarm = Layr::Test->swarm($count, '--access-log', @options);
    for my $i (0 .. $count - 1) {
        my $conf = $swarm->path($i, 'nginx.conf');
        my $text = read_file($conf);
        $text =~ s/access_log access\.log;/log_format bytes '\$request_method \$uri \$status \$request_length';\n    access_log access.log bytes;/
            or die "$conf: no access log";
        write_file($conf, $text);
        kill 'HUP', read_file($swarm->path($i, 'nginx.pid')) + 0;
    }
    for my $i (0 .. $count - 1) {
        wait_for(10, sub {
            http(GET => $swarm->url($i) . '/v1/node');
            return read_file($swarm->path($i, 'access.log')) =~ m{^GET /v1/node 200 \d+$}m;
        }) or die "host $i: its log is not the new one";
    }
    return $swarm;
}

sub forget_sent { truncate $swarm->path($_, 'access.log'), 0 for 0 .. $swarm->count - 1; return }

# Bytes of the shards' requests since then: of all, and of those that were stored.
sub sent {
    my ($all, $stored) = (0, 0);
    for my $i (0 .. $swarm->count - 1) {
        for (read_file($swarm->path($i, 'access.log')) =~ m{^PUT /v1/shards/\w+ (\d+ \d+)$}mg) {
            my ($status, $bytes) = split / /;
            $all += $bytes;
            $stored += $bytes if $status == 201;
        }
    }
    return ($all, $stored);
}

# What hosts and journal have in their books.
my $look = <<'END';
import json, sqlite3, sys
def rows(path, sql):
    db = sqlite3.connect('file:' + path + '?mode=ro', uri=True, timeout=10)
    got = db.execute(sql).fetchall()
    db.close()
    return got
journal, hosts = sys.argv[1], sys.argv[2:]
out = {t: len(rows(journal, 'SELECT 1 FROM ' + t)) for t in ('put', 'put_order', 'put_row', 'resume', 'release', 'gone')}
out['salts'] = {}
for salt, shard in rows(journal, 'SELECT DISTINCT salt, shard FROM put_row JOIN put_order USING (order_id)'):
    out['salts'].setdefault(salt.hex(), []).append(shard.hex())
out['orders'] = sorted(r[0].hex() for h in hosts for r in rows(h, 'SELECT shard FROM orders'))
print(json.dumps(out))
END

sub look {
    my $r = run('python3', '-c', $look, scratch('home/journal.db'), map { $swarm->path($_, 'store/layr.db') } 0 .. $swarm->count - 1);
    die "look: $r->{err}" if $r->{status} != 0;
    return unjson($r->{out});
}

sub blobs { return map { $swarm->blobs($_) } 0 .. $swarm->count - 1 }

# Until hosts have stored or dropped what came: nobody goes on as fast as a test.
sub settle {
    my ($seen, $since) = ('', 0);
    wait_for(20, sub {
        my $now = blobs() . ' ' . grep { -f } map { glob $swarm->path($_, 'store/tmp/*') } 0 .. $swarm->count - 1;
        ($seen, $since) = ($now, Time::HiRes::time()) if $now ne $seen;
        return $now =~ / 0$/ && Time::HiRes::time() - $since > 0.3;
    });
    return;
}

# A put that is killed as soon as so many shards are at the hosts; once more where it was done before it could be killed.
sub killed_put { return cut_put('KILL', @_) }

sub cut_put {
    my ($signal, $count, @args) = @_;
    for (1 .. 5) {
        my $status = cut_one($signal, $count, @args);
        my ($name) = "@args" =~ /-n (\S+)/;
        return $status if grep { $_->{name} eq $name } @{unjson(tool('layr-ls', '--json')->{out})->{unfinished}};
        tool('layr-rm', '-q', $name);
        $count = 1 + int($count / 2);
    }
    return 'it is always faster';
}

sub cut_one {
    my ($signal, $count, @args) = @_;
    my $before = blobs();
    forget_sent();
    my $p = spawn({}, build('bin/layr-put'), @args);
    my $there = wait_for(60, sub { blobs() - $before >= $count });
    my $r = $signal eq 'KILL' ? $p->kill : $p->kill($signal)->wait;
    settle();
    return $there ? $r->{status} : "$count shards did not come: $r->{err}";
}

# A put that knows of some shards which are stored, and stands still: CONT lets it go on. Once more where it was done before.
sub put_under_way {
    my (@args) = @_;
    for (1 .. 5) {
        my $p = spawn({}, build('bin/layr-put'), '-v', @args);
        my $known = sub { return -e "$p->{base}.err" && (() = read_file("$p->{base}.err") =~ /^segment \d+, shard \d+: http/mg) >= 2 };
        wait_for(60, $known) or last;
        stand_still($p);
        if (grep { $_->{running} } @{unjson(tool('layr-ls', '--json')->{out})->{unfinished}}) {
            pass('a put under way');
            return $p;
        }
        $p->kill('CONT')->wait;
        my ($name) = "@args" =~ /-n (\S+)/;
        tool('layr-rm', '-q', $name // basename($args[-1]));
    }
    die "no put under way: @args\n";
}

# Not in the middle of a change to the journal, which every other program would wait for.
sub stand_still {
    my ($p) = @_;
    my $free = 'import sqlite3, sys; sqlite3.connect(sys.argv[1], timeout=0, isolation_level=None).execute("BEGIN IMMEDIATE")';
    return wait_for(10, sub {
        $p->kill('STOP');
        return 1 if run('python3', '-c', $free, scratch('home/journal.db'))->{status} == 0;
        $p->kill('CONT');
        return 0;
    });
}

# After a resumed put: the books are those of one put in one go, and the bytes are right. Its answer.
sub resumed_ok {
    my ($what, $file, $r) = @_;
    is($r->{status}, 0, "$what: gone on with") or diag($r->{err});
    return if $r->{status} != 0;
    my $put = unjson($r->{out});
    my ($seen, @blobs);
    # what was let go of, or came whole and was not answered before its put was killed, is gone when its hosts have done it
    wait_for(10, sub {
        tool('layr-rm', '-q', 'nobody') if look()->{release};
        @blobs = blobs();
        return @blobs == $put->{shards} && @{look()->{orders}} == $put->{shards};
    });
    $seen = look();
    my %times;
    $times{$_}++ for @{$seen->{orders}};
    is_deeply([grep { $times{$_} > 1 } keys %times], [], "$what: no shard is ordered twice");
    is(@{$seen->{orders}} . ' orders, ' . @blobs . ' shards', "$put->{shards} orders, $put->{shards} shards",
        "$what: nothing is at the hosts that the manifest does not name");
    is(join(' ', map { "$_ $seen->{$_}" } qw(put put_order put_row resume release gone)),
        'put 0 put_order 0 put_row 0 resume 0 release 0 gone 0', "$what: the journal is clean");
    my $back = scratch('back');
    my $get = tool('layr-get', '-q', '-f', '-o', $back, $put->{cap});
    ok($get->{status} == 0 && same_file($back, $file), "$what: the file is right") or diag($get->{err});
    unlink $back;
    return $put;
}

# So many puts, each killed at a random moment and gone on with. What was under way when it was killed is sent again, some
# dozens of MiB at most, and nothing else: of a file much larger than that less than a tenth.
sub kills {
    my ($count, $file, $share) = @_;
    my $shards = 4 * int(((-s $file) + 2 * 64 * 65520 - 1) / (2 * 64 * 65520));
    for my $i (1 .. $count) {
        my $moment = 1 + int rand($shards - 8);
        my @put = ('-k', '2/4', '-n', 'killed', $file);
        my $what = "killed with $moment of $shards shards there";
        is(killed_put($moment, @put), -9, $what);
        my $put = resumed_ok($what, $file, tool('layr-put', '--json', '--resume', @put)) or last;
        my ($all, $stored) = sent();
        cmp_ok($put->{found}, '>=', 1, "$what: they are found");
        cmp_ok($stored / $put->{stored_bytes}, '<=', 1.01, "$what: nothing that was stored is sent again");
        cmp_ok($all / $put->{stored_bytes}, '<=', $share, "$what: and little of the rest") if $share;
        note(sprintf '%s: %d were found, %.3f of the need was sent', $what, $put->{found}, $all / $put->{stored_bytes});
        is(tool('layr-rm', 'killed')->{status}, 0, "$what: removed");
    }
    return;
}

# The same with Ctrl-C: what is under way may arrive, so that of a file of any size little is sent twice.
sub stops {
    my ($count, $file) = @_;
    for my $moment (map { 2 * $_ } 1 .. $count) {
        my @put = ('-k', '2/4', '-n', 'stopped', $file);
        my $what = "stopped with $moment shards there";
        is(cut_put('INT', $moment, @put), 1, $what);
        my $put = resumed_ok($what, $file, tool('layr-put', '--json', '--resume', @put)) or last;
        my ($all) = sent();
        cmp_ok($all / $put->{stored_bytes}, '<=', 1.1, "$what: and little is sent twice");
        note(sprintf '%s: %d were found, %.3f of the need was sent', $what, $put->{found}, $all / $put->{stored_bytes});
        is(tool('layr-rm', 'stopped')->{status}, 0, "$what: removed");
    }
    return;
}

1;
