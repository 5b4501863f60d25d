package Layr::Restart;

# How soon a host with many shards serves after its start: after an orderly stop, and after a kill -9 that left a log of the database
# that was not yet moved into it, intents, and bodies of uploads that were cut off.

use strict;
use warnings;
use Exporter qw(import);
use Layr::Books;
use Layr::Host;
use Layr::Test;
use Test::More;
use Time::HiRes ();

our @EXPORT = qw(restarts);

# Shards of one block with an order each, written as the host writes them; those of the last argument are what a crash leaves:
# 'log': rows in the log alone; intents of dead processes, half of them with their blob in place; bodies in tmp.
my $fill = <<'END';
import hashlib, os, random, sqlite3, sys, time
store, count, crash = sys.argv[1], int(sys.argv[2]), len(sys.argv) > 3
db = sqlite3.connect(store + '/layr.db', isolation_level=None)
db.execute('PRAGMA synchronous=OFF')
if crash:
    db.execute('PRAGMA wal_autocheckpoint=0')
owner, rnd, made = os.urandom(32), random.Random(count), set()
def blob():
    data = rnd.randbytes(4112)
    shard = hashlib.sha256(data).digest()
    name = shard.hex()
    folder = store + '/shards/' + name[:2] + '/' + name[2:4]
    if folder not in made:
        os.makedirs(folder, exist_ok=True)
        made.add(folder)
    with open(folder + '/' + name, 'wb') as f:
        f.write(data)
    return shard
db.execute('BEGIN')
for i in range(count):
    shard = blob()
    db.execute('INSERT INTO shard VALUES (?, 4112)', (shard,))
    db.execute('INSERT INTO orders VALUES (?,?,?,?,?,4112,0,"none",?,?,NULL,NULL)', (os.urandom(16), shard, owner, bytes(16), bytes(32), int(time.time()), int(time.time()) + 86400))
db.execute('INSERT INTO owner VALUES (?, ?)', (owner, 4112 * count))
db.execute('INSERT INTO grp VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET bytes = bytes + excluded.bytes', (bytes(32), bytes(16), 4112 * count))
db.execute('UPDATE totals SET version = version + 1, bytes = bytes + ?, shards = shards + ?, orders = orders + ?', (4112 * count, count, count))
if crash:
    for i in range(200):
        db.execute('INSERT INTO intent (shard, pid) VALUES (?, 999999)', (blob() if i % 2 else os.urandom(32),))
        with open(store + '/tmp/%010d' % (90000 + i), 'wb') as f:
            f.write(bytes(65536))
db.execute('COMMIT')
print(shard.hex())
if crash:
    sys.stdout.flush()
    os.kill(os.getpid(), 9)
END

sub filled {
    my ($swarm, $count, @crash) = @_;
    my $r = run({timeout => 600}, 'python3', '-c', $fill, $swarm->path(0, 'store'), $count, @crash);
    chomp(my $id = $r->{out});
    like($id, qr/^[0-9a-f]{64}$/, "$count shards are in the store") or diag($r->{err});
    return $id;
}

# From nginx's start: until a shard is given out, until one is stored, and until the sums are right.
sub starts {
    my ($swarm, $name, $id, $want) = @_;
    my $start = Time::HiRes::time();
    my $starting = spawn(build('bin/layr-swarm'), 'revive', $swarm->dir, '0');
    my $w = {swarm => $swarm, url => $swarm->url(0), id => $swarm->id(0), version => '1.1', name => $name};
    my (%at, $s);
    wait_for(30, sub { my $a = ask($w, GET => "/v1/shards/$id"); $a->{status} == 200 && sha256_hex($a->{body}) eq $id });
    $at{GET} = Time::HiRes::time() - $start;
    my $new = shard_of(1, $name);
    wait_for(30, sub { put_shard($w, $new, order(owner(), $w->{id}, $new))->{status} == 201 });
    $at{PUT} = Time::HiRes::time() - $start;
    wait_for(30, sub { ($s = status($w))->{shards} == $want });
    $at{status} = Time::HiRes::time() - $start;
    is("$s->{shards} $s->{orders} $s->{shard_bytes}", join(' ', $want, $want, 4112 * $want), "$name: the sums");
    cmp_ok($at{$_}, '<', 2, sprintf '%s: %s after %.2f s', $name, $_, $at{$_}) for qw(GET PUT status);
    is($starting->wait->{status}, 0, "$name: started");
    return $w;
}

sub restarts {
    my ($count) = @_;
    my $swarm = Layr::Test->swarm(1, '--plain', '--workers', 2);
    $swarm->url(0);
    $swarm->stop;
    my $id = filled($swarm, $count);
    starts($swarm, "$count shards, stopped", $id, $count + 1);
    $swarm->kill(0);
    $id = filled($swarm, int($count / 10), 'crash');
    cmp_ok(-s $swarm->path(0, 'store/layr.db-wal') // 0, '>', 100_000, 'a log that was not moved into the database');
    my $all = $count + int($count / 10) + 2;
    my $w = starts($swarm, 'after kill -9, with a log, 200 intents and 200 bodies', $id, $all);
    books_agree($w, 'after it');
    is(join(' ', grep { -f } glob $swarm->path(0, 'store/tmp/*')), '', 'no temporary file');
    ok($swarm->quiet, 'error logs are clean') or diag($swarm->noise);
    return;
}

1;
