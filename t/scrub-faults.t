#!/usr/bin/perl
# A disk that fails while a host looks after its shards: once is no damage, always is; a host that dies in the middle of moving one aside
# has it in one place or the other, and goes on. About 20 s.
use strict;
use warnings;
use lib 't/lib';
use Layr::Books;
use Layr::Fault;
use Layr::Host;
use Layr::Test;
use Test::More;

my $swarm = Layr::Fault->swarm(1, '--plain');
my $w = {id => $swarm->id(0), url => $swarm->url(0)};
my $conf = $swarm->path(0, 'nginx.conf');
write_file($conf, read_file($conf) =~ s/(?=\n\s*layr_capacity)/\n            layr_scrub 10m 1s;/r);
Layr::Fault->revive($swarm);
my $alice = owner();
my @shard = map { shard_of(3, "scrub $_") } 1 .. 6;
my %order = map { $_->{id} => order($alice, $w->{id}, $_) } @shard;
is(join(' ', map { put_shard($w, $_, $order{$_->{id}})->{status} } @shard), join(' ', (201) x 6), 'six shards');

sub scrub { my $a = http(GET => "$w->{url}/v1/status"); return $a->{status} == 200 ? unjson($a->{body})->{scrub} : {began => 0, damaged => -1, missing => -1} }
sub path  { my ($s, $aside) = @_; my ($a, $b) = $s->{id} =~ /^(..)(..)/; return $swarm->path(0, 'store', $aside ? 'damaged' : "shards/$a/$b", $s->{id}) }
sub passes { my $now = time + 1; return wait_for(40, sub { my $s = scrub(); $s->{began} > $now && $s->{finished} >= $s->{began} }) }

ok(passes(), 'a pass');
Layr::Fault->arm('host.scrub:2:EIO');
ok(wait_for(20, sub { Layr::Fault->fired }), 'the disk fails once');
ok(passes(), 'it is tried again');
is(scrub()->{damaged}, 0, 'and nothing is damaged');

sub spoil { my ($s) = @_; open my $f, '+<:raw', path($s) or die $!; print {$f} "\xff\xfe\xfd"; close $f }

for my $where ('host.damaged', 'host.damaged:2', 'host.commit') {
    my $s = shift @shard;
    my ($point, $nth) = split /:/, $where;
    spoil($s);
    Layr::Fault->arm("$point:" . ($nth // 1) . ':kill-host');
    ok(wait_for(20, sub { Layr::Fault->fired }), "the host dies at $where");
    Layr::Fault->revive($swarm);
    ok(wait_for(20, sub { !-e path($s) && -e path($s, 1) && scrub()->{began} }), 'after it the damaged one is aside');
    is(http(GET => "$w->{url}/v1/shards/$s->{id}")->{status}, 404, 'it is not served');
    is(put_shard($w, $s, $order{$s->{id}})->{status}, 201, 'and the owner brings it back');
    is(http(GET => "$w->{url}/v1/shards/$s->{id}")->{body}, $s->{bytes}, 'whole');
}

Layr::Fault->arm('host.damaged:1:EIO');
spoil($shard[0]);
ok(wait_for(20, sub { Layr::Fault->fired }), 'it cannot be moved');
ok(wait_for(30, sub { -e path($shard[0], 1) }), 'and is at the next try');
Layr::Fault->arm('host.scrub:1+:EIO');
ok(wait_for(60, sub { scrub()->{damaged} >= 2 }), 'a disk that never gives a shard has lost it');
Layr::Fault->disarm;
my $status = unjson(http(GET => "$w->{url}/v1/status")->{body});
my $there = 0;
$there += -s $_ for $swarm->blobs(0);
is($status->{shard_bytes}, $there, 'the books have what is there, to the byte');
is($status->{reserved}, 0, 'and nothing is reserved');
done_testing();
