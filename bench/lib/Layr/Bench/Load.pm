package Layr::Bench::Load;

# The load generator, bench/load.c.

use strict;
use warnings;

use Exporter qw(import);
use Layr::Bench;
use Layr::Test;

our @EXPORT = qw(load stored);

# A run of it as a sample. Empty arguments are dropped.
sub load {
    my $opt = ref $_[0] eq 'HASH' ? shift : {};
    my $c = client($opt, build('bench/load'), grep { $_ ne '' } @_);
    return {%{unjson($c->{out})}, rss => $c->{rss}};
}

# Store so many shards at a swarm's host 0; their ids.
sub stored {
    my ($swarm, $count) = @_;
    load('put', $swarm->url(0), $swarm->url(0) =~ /^https/ ? '--h2' : is_h2c($swarm), '--host', $swarm->id(0), '--keep', '-n', $count);
    return map { m{([^/]+)$} } $swarm->blobs(0);
}

sub is_h2c { my ($swarm) = @_; return read_file($swarm->path(0, 'nginx.conf')) =~ /listen .* http2/ ? '--h2' : '' }

1;
