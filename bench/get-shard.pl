# get-shard: GET of a full shard (4 MiB and its tags), of a Layr host and of nginx's own static files, which are the very same files.
use strict;
use warnings;
use Layr::Bench;
use Layr::Bench::Hosts;
use Layr::Bench::Load;

my (@parts, @wires);
for ([h1 => '--plain'], [h2c => '--h2c'], ['TLS h2']) {
    my ($wire, @option) = @$_;
    my @h2 = $wire eq 'h1' ? () : '--h2';
    my $hosts = Layr::Bench::Hosts->swarm(1, @option);
    my @id = stored($hosts, size(16, 2));
    my $peer = Layr::Bench::Hosts->plain($hosts, 1, '            root ' . $hosts->path(0, 'store/shards') . ';');
    push @parts, sub { $_[0]->("layr $wire", $hosts, sub { get($hosts->url(0), "@h2", 4, map { "/v1/shards/$_" } @id) }) },
        sub { $_[0]->("nginx static $wire", $peer, sub { get($peer->url(0), "@h2", 4, map { s{^(..)(..)}{/$1/$2/$1$2}r } @id) }) };
    push @wires, $wire;
}
my $s = rounds(@parts);
row($s, figure => "get-shard $_", ours => "layr $_", peer => "nginx static $_", want => '>= 0.97') for @wires;
1;
