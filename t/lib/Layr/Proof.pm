package Layr::Proof;

# Challenges, and the answers to them by another implementation: docs/protocol.md 3.5 in plain Perl, slow.
#
#     my $a = ask($w, POST => '/v1/audits', body => challenge($audit, $w->{id}, [map { $_->{id} } @shards], seed => $seed));
#     is($a->{body}, answer($seed, 0, @shards), ..);
#
# The key of Layr::Test's orders' group is audit_key().

use strict;
use warnings;
use Crypt::Digest::SHA256 ();
use Crypt::Stream::ChaCha ();
use Exporter qw(import);
use Layr::Test;

our @EXPORT = qw(audit_key challenge answer);

# Orders that name it are challenged by it.
sub audit_key {
    my ($name) = @_;
    return owner(Crypt::Digest::SHA256::sha256('audit ' . ($name // '')));
}

# A layr-challenge. Fields given override the usual ones; undef removes.
sub challenge {
    my ($audit, $host_id, $ids, %field) = @_;
    my $now = time;
    my %c = (v => 1, iat => $now, exp => $now + 300, host => $host_id, group => '00' x 16, seed => random_hex(32), sample => '0', shards => $ids, %field);
    delete @c{grep { !defined $c{$_} } keys %c};
    return sign($audit, 'layr-challenge', \%c);
}

# An element's two halves, low one first, times x: modulus x^128 + x^7 + x^2 + x + 1.
sub times_x {
    my ($lo, $hi) = @_;
    return (($lo << 1) ^ ($hi >> 63 ? 0x87 : 0), ($hi << 1) | ($lo >> 63));
}

# nu times each of the 16-byte elements of a string.
sub multiples {
    my ($nu, $elements) = @_;
    my @power;
    my @e = unpack 'Q<2', $nu;
    for (1 .. 128) {
        push @power, pack 'Q<2', @e;
        @e = times_x(@e);
    }
    my $out = '';
    for my $element (unpack '(a16)*', $elements) {
        my $bits = unpack 'b128', $element;
        my $sum = "\0" x 16;
        while ($bits =~ /1/g) { $sum ^= $power[pos($bits) - 1] }
        $out .= $sum;
    }
    return $out;
}

# The high 64 bits of a product, by 32-bit halves.
sub high {
    my ($w, $n) = @_;
    my ($low, $top) = ($w & 0xffffffff, $w >> 32);
    return ($top * $n + ($low * $n >> 32)) >> 32;    # n is small here
}

# Numbers of blocks and their coefficients.
sub drawn {
    my ($seed, $shard, $sample) = @_;
    my $blocks = $shard->{size} / 4112;
    my $key = Crypt::Digest::SHA256::sha256('layr-audit-v1', pack('H*', $seed), pack('H*', $shard->{id}), pack('Q<', $blocks));
    my $stream = Crypt::Stream::ChaCha->new($key, "\0" x 12, 0);
    my @number = 0 .. $blocks - 1;
    if ($sample && $sample < $blocks) {
        @number = map { high($_, $blocks) } unpack 'Q<*', $stream->keystream(8 * $sample);
    }
    return map { [$_, $stream->keystream(16)] } @number;
}

sub answer {
    my ($seed, $sample, @shards) = @_;
    my ($mu, $sigma) = ("\0" x 4096, "\0" x 16);
    for my $shard (@shards) {
        my $tags = $shard->{size} / 4112 * 4096;
        for (drawn($seed, $shard, $sample)) {
            my ($number, $nu) = @$_;
            $mu ^= multiples($nu, substr $shard->{bytes}, 4096 * $number, 4096);
            $sigma ^= multiples($nu, substr $shard->{bytes}, $tags + 16 * $number, 16);
        }
    }
    return $mu . $sigma;
}

1;
