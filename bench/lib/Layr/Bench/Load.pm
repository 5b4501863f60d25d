package Layr::Bench::Load;

# The load generator, bench/load.c.

use strict;
use warnings;

use Exporter qw(import);
use Layr::Bench;
use Layr::Test;

our @EXPORT = qw(load get stored);

# A run of it as a sample. Empty arguments are dropped.
sub load {
    my $opt = ref $_[0] eq 'HASH' ? shift : {};
    my $c = client($opt, build('bench/load'), grep { $_ ne '' } @_);
    return {%{unjson($c->{out})}, rss => $c->{rss}};
}

# GETs of the paths in turn, over so many connections, for some seconds. h2: '--h2' or ''.
sub get {
    my ($url, $h2, $connections, @paths) = @_;
    return load({stdin => join('', map { "$_\n" } @paths)}, 'get', $url, $h2, '-c', $connections, '-t', size(3, 0.2));
}

# Store so many shards at a swarm's host 0, of so many bytes (4 MiB and their tags); their ids.
sub stored {
    my ($swarm, $count, $bytes) = @_;
    load('put', $swarm->url(0), $swarm->url(0) =~ /^https/ ? '--h2' : is_h2c($swarm), '--host', $swarm->id(0), '--keep', '-n', $count, defined $bytes ? ('-b', $bytes) : ());
    return map { m{([^/]+)$} } $swarm->blobs(0);
}

sub is_h2c { my ($swarm) = @_; return read_file($swarm->path(0, 'nginx.conf')) =~ /listen .* http2/ ? '--h2' : '' }

1;
