# lookup: lookups of kad/ alone on one thread, among 500 hosts that answer at once out of their tables; against those answers alone.
use strict;
use warnings;
use Layr::Bench;
use Layr::Test;

sub lookups {
    my ($what) = @_;
    my $c = client(build('bench/lookup'), size(1, 0.05), $what);
    return unjson($c->{out});
}

my $s = rounds(map { my $what = $_; sub { $_[0]->("lookup $what", undef, sub { lookups($what) }) } } 'whole', 'answers');
row($s, figure => 'lookup', ours => 'lookup whole', peer => 'lookup answers', unit => '1/s', value => sub { $_[0]{lookups} / $_[0]{seconds} });
row($s, figure => 'lookup, questions', ours => 'lookup whole', unit => 'number', value => sub { $_[0]{asked} });
row($s, figure => 'lookup, bytes of a table', ours => 'lookup whole', unit => 'number', value => sub { $_[0]{table} });
1;
