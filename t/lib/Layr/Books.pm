package Layr::Books;

# A host's database beside its files: whether the two say the same.

use strict;
use warnings;
use Exporter qw(import);
use Layr::Host;
use Layr::Test;
use Test::More;

our @EXPORT = qw(books_agree);

my $read = <<'END';
import json, sqlite3, sys
db = sqlite3.connect('file:' + sys.argv[1] + '?mode=ro', uri=True, timeout=10)
db.execute('BEGIN')
column = lambda sql: [row[0] for row in db.execute(sql)]
print(json.dumps({
    'ordered': column('SELECT DISTINCT lower(hex(shard)) FROM orders'),
    'shards': column('SELECT lower(hex(id)) FROM shard'),
    'intents': column('SELECT lower(hex(shard)) FROM intent'),
    'loose': column('SELECT lower(hex(shard)) FROM loose'),
    'owed': column('SELECT sum(size) FROM orders')[0] or 0,
    'owned': column('SELECT sum(bytes) FROM owner')[0] or 0,
    'groups': column('SELECT count(*) FROM (SELECT audit, grp, sum(size) FROM orders GROUP BY audit, grp EXCEPT SELECT audit, id, bytes FROM grp)')[0]
        + column('SELECT count(*) FROM (SELECT audit, id, bytes FROM grp EXCEPT SELECT audit, grp, sum(size) FROM orders GROUP BY audit, grp)')[0],
    'check': column('PRAGMA integrity_check')[0]}))
END

sub database {
    my ($store) = @_;
    my $r = run('python3', '-c', $read, "$store/layr.db");
    die "layr.db: $r->{err}" if $r->{status} != 0;
    return unjson($r->{out});
}

sub name_of { return ($_[0] =~ m{/([^/]+)$})[0] }

# What disagrees, in words; '' when nothing does.
sub disagreement {
    my ($w) = @_;
    my $store = $w->{swarm}->path(0, 'store');
    my $db = database($store);
    my %file = map { name_of($_) => -s $_ } $w->{swarm}->blobs(0);
    my $bytes = 0;
    $bytes += $_ for values %file;
    my $s = status($w);
    my $names = join ' ', sort keys %file;
    return join '; ', map { "$_->[0]: $_->[1], not $_->[2]" } grep { $_->[1] ne $_->[2] } (
        ['shards in the database', join(' ', sort @{$db->{shards}}), $names],
        ['shards that orders name', join(' ', sort @{$db->{ordered}}), $names],
        ['v1/status shards', $s->{shards}, scalar keys %file],
        ['v1/status shard_bytes', $s->{shard_bytes}, $bytes],
        ['v1/status reserved', $s->{reserved}, 0],
        ['intents', "@{$db->{intents}}", ''],
        ['loose', "@{$db->{loose}}", ''],
        ['owners\' bytes', $db->{owned}, $db->{owed}],
        ['groups whose bytes are wrong', $db->{groups}, 0],
        ['integrity', $db->{check}, 'ok'],
    );
}

# No file without an order, no order without a file, every file whole, the sums to the byte. A host that has just started has
# a moment to get there; every worker opens the store when it first needs it.
sub books_agree {
    my ($w, $name) = @_;
    my $why;
    wait_for(10, sub {
        my $a = ask($w, GET => '/v1/records/' . '0' x 64);
        $why = $a->{status} == 404 ? eval { disagreement($w) } // $@ : "GET v1/records: $a->{status} $a->{err}";
        return $why eq '';
    });
    $why ||= join '; ', map { "$_ is not whole" } grep { sha256_file($_) ne name_of($_) } $w->{swarm}->blobs(0);
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return ok($why eq '', "$name: the books are what is on disk") || diag($why) && 0;
}

1;
