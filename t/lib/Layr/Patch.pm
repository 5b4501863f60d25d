package Layr::Patch;

# Files that lose shards and are patched. What their manifests say is read by t/second.
#
#     my $watch = Layr::Patch->new($swarm);
#     $watch->look($cap);                              # {seq, segments => [{rows => [{index, shard, salt, host}]}], pages => [..]}
#     $watch->sound($cap, $what);                      # n rows of each unit at n hosts, each there and whole, no salt used before
#     $watch->lose($row); $watch->flip($row);

use strict;
use warnings;

use Exporter qw(import);
use Layr::Files;
use Layr::Test;
use Test::More;

our @EXPORT = qw(patch_json patch_run journal);

# The swarm's hosts must look for no damage of their own (layr_scrub off): what is taken from them is found by their owner.
sub new {
    my ($class, $swarm) = @_;
    return bless {swarm => $swarm, salt => {}}, $class;
}

# The newest record that any living host has.
sub record {
    my ($self, $cap) = @_;
    my $place = 'v1/records/' . sha256_hex(unb64url((split /:/, $cap)[2]) . "\0");
    my ($best, $top) = (undef, -1);
    for my $i (0 .. $self->{swarm}->count - 1) {
        my $a = http(GET => $self->{swarm}->url($i) . "/$place");
        next if ($a->{status} // 0) != 200;
        my $seq = unjson(unb64url((split /\./, $a->{body})[0]))->{seq};
        ($best, $top) = ($a->{body}, $seq) if $seq > $top;
    }
    die 'no host has a record' if !defined $best;
    return $best;
}

sub look {
    my ($self, $cap) = @_;
    my $swarm = $self->{swarm};
    my $file = write_file(scratch('record'), $self->record($cap));
    my $r = run('t/lib/manifest', $cap, $file, map { $swarm->path($_, 'store') } 0 .. $swarm->count - 1);
    die "the manifest of $cap: $r->{err}" if $r->{status} != 0;
    my $m = unjson($r->{out});
    my %number = map { $swarm->id($_) => $_ } 0 .. $swarm->count - 1;
    for my $u (@{$m->{segments}}, @{$m->{pages}}) { $_->{host} = $number{$_->{host}} for @{$u->{rows}} }
    return $m;
}

sub path { my ($self, $row) = @_; return $self->{swarm}->blob($row->{host}, $row->{shard}) }
sub lose { my ($self, @rows) = @_; unlink $self->path($_) or die $self->path($_) . ": $!" for @rows; return }

sub flip {
    my ($self, @rows) = @_;
    for my $row (@rows) {
        open my $f, '+<:raw', $self->path($row) or die $self->path($row) . ": $!";
        seek $f, 1000, 0;
        read $f, my $byte, 1;
        seek $f, 1000, 0;
        print {$f} chr(ord($byte) ^ 1);
        close $f or die $self->path($row) . ": $!";
    }
    return;
}

# Every row where it should be: what is wrong with the unit, or ''.
sub complaint {
    my ($self, $unit, $rows, $name) = @_;
    my %host;
    return "$name has " . @{$unit->{rows}} . " rows, not $rows" if @{$unit->{rows}} != $rows;
    for my $row (@{$unit->{rows}}) {
        my $path = $self->path($row);
        return "$name: two rows at host $row->{host}" if $host{$row->{host}}++;
        return "$name, row $row->{index}: not at host $row->{host}" if !-e $path;
        return "$name, row $row->{index}: damaged" if sha256_file($path) ne $row->{shard};
        my $had = $self->{salt}{$row->{salt}} //= $row->{shard};
        return "$name, row $row->{index}: its salt was used for another shard" if $had ne $row->{shard};
    }
    return '';
}

# All of it is there, n rows of each segment and n - k + 1 of each page.
sub sound {
    my ($self, $cap, $what) = @_;
    my $m = $self->look($cap);
    my @wrong = grep { $_ ne '' } (map { $self->complaint($m->{segments}[$_], $m->{n}, "segment $_") } 0 .. $#{$m->{segments}}),
        map { $self->complaint($m->{pages}[$_], $m->{n} - $m->{k} + 1, "page $_") } 0 .. $#{$m->{pages}};
    ok(@wrong == 0, "$what: all shards are there, none at a sibling's host, no salt is used twice") or diag($_) for @wrong ? @wrong : '';
    return $m;
}

# Everything that hosts hold: shards by name, and records.
sub state {
    my ($self) = @_;
    my $swarm = $self->{swarm};
    my @all = map { my $i = $_; map { s{.*/}{$i }r } $swarm->blobs($i) } 0 .. $swarm->count - 1;
    my $r = run('python3', '-c', 'import hashlib, sqlite3, sys
for p in sys.argv[1:]:
    db = sqlite3.connect("file:" + p + "?mode=ro", uri=True, timeout=10)
    print(sorted(hashlib.sha256(r[0]).hexdigest() for r in db.execute("SELECT jws FROM record")), sorted(db.execute("SELECT hex(id) FROM orders")))',
        map { $swarm->path($_, 'store/layr.db') } 0 .. $swarm->count - 1);
    die $r->{err} if $r->{status} != 0;
    return join "\n", sort(@all), $r->{out};
}

# Orders of the file at all hosts, named by its manifest or not.
sub orders_of {
    my ($self, $cap) = @_;
    my $swarm = $self->{swarm};
    my $row = $self->look($cap)->{segments}[0]{rows}[0];
    my $r = run('python3', '-c', 'import sqlite3, sys
db = [sqlite3.connect("file:" + p + "?mode=ro", uri=True, timeout=10) for p in sys.argv[3:]]
(grp,) = db[int(sys.argv[1])].execute("SELECT grp FROM orders WHERE shard = ?", (bytes.fromhex(sys.argv[2]),)).fetchone()
print(sum(d.execute("SELECT count(*) FROM orders WHERE grp = ?", (grp,)).fetchone()[0] for d in db))',
        $row->{host}, $row->{shard}, map { $swarm->path($_, 'store/layr.db') } 0 .. $swarm->count - 1);
    die "orders: $r->{err}" if $r->{status} != 0;
    return $r->{out} + 0;
}

# Rows of the owner's journal.
sub journal {
    my ($sql) = @_;
    my $r = run('python3', '-c', 'import json, sqlite3, sys
db = sqlite3.connect(sys.argv[1], timeout=10)
got = db.execute(sys.argv[2]).fetchall()
db.commit()
print(json.dumps(got))', scratch('home/journal.db'), $sql);
    die "journal: $r->{err}" if $r->{status} != 0;
    return unjson($r->{out});
}

sub patch_run { my ($name, $hosts, @options) = @_; return tool({timeout => 300}, 'layr-patch', '--json', @$hosts, @options, $name) }

# What it says when it ends well, or with this exit status.
sub patch_json {
    my ($name, $hosts, $what, @options) = @_;
    my $status = @options && $options[0] =~ /^\d$/ ? shift @options : 0;
    my $r = patch_run($name, $hosts, @options);
    is($r->{status}, $status, "$what: exit status") or diag($r->{err});
    return {err => $r->{err}, %{$r->{out} ne '' ? unjson($r->{out}) : {}}};
}

1;
