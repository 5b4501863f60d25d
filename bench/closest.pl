# closest: GET of v1/closest from a host that knows 23 others, of 20 contacts each; and of nginx's `return 200` of the same length.
use strict;
use warnings;
use Layr::Bench;
use Layr::Bench::Hosts;
use Layr::Bench::Load;
use Layr::Test;

my $n = size(24, 4);
my @ids = map { random_hex(32) } 1 .. 64;

my (@parts, @wires, %length);
for ([h1 => '--plain'], [h2c => '--h2c'], ['TLS h2']) {
    my ($wire, @option) = @$_;
    my $h2 = $wire eq 'h1' ? '' : '--h2';
    my $hosts = Layr::Bench::Hosts->swarm($n, '--seed', @option);
    my $body = '';
    wait_for(60, sub {
        $body = http(GET => $hosts->url(0) . "/v1/closest/$ids[0]", version => $wire eq 'h2c' ? 'h2c' : '1.1')->{body};
        return $body =~ tr/"// == 2 + 2 * ($n > 20 ? 20 : $n - 1);
    }) or die "closest: the hosts did not find each other: $body\n";
    $length{$wire} = length $body;
    my ($whole, $rest) = (int(length($body) / 1000), '-' x (length($body) % 1000));
    my $peer = Layr::Bench::Hosts->plain($hosts, 1, "            set \$k " . 'x' x 1000 . ";\n            default_type application/json;\n"
        . '            return 200 "' . '$k' x $whole . "$rest\";");
    push @parts, sub { $_[0]->("layr $wire", $hosts, sub { get($hosts->url(0), $h2, 4, map { "/v1/closest/$_" } @ids) }) },
        sub { $_[0]->("nginx return $wire", $peer, sub { get($peer->url(0), $h2, 4, '/') }) };
    push @wires, $wire;
}
my $s = rounds(@parts);
row($s, figure => "closest $_", ours => "layr $_", peer => "nginx return $_", unit => '1/s', want => '>= 0.5', value => do {
    my $length = $length{$_};
    sub { $_[0]{bytes} / $length / $_[0]{seconds} };
}) for @wires;
1;
