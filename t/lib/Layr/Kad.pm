package Layr::Kad;

# The DHT as a stranger sees it: what hosts say of whom they know, and where a record belongs.

use strict;
use warnings;
use Exporter qw(import);
use Layr::Test;

our @EXPORT = qw(contact closest known kad by_distance place record holders_of payload);

# The payload of a statement.
sub payload { my ($jws) = @_; return unjson(unb64url((split /\./, $jws)[1])) }

# A contact, signed by a host's key; fields given override the usual ones, undef removes.
sub contact {
    my ($key, $url, %field) = @_;
    my $now = time;
    my %c = (v => 1, iat => $now, exp => $now + 86400, host => sha256_hex($key->{public}), url => $url, h2c => JSON::PP::false(),
        seq => $now . '000000', capacity => '1000000', free => '1000000', price => '0', rails => [], leaving => JSON::PP::false(), pins => [], %field);
    delete @c{grep { !defined $c{$_} } keys %c};
    return sign($key, 'layr-contact', \%c);
}

# The contacts that a host gives for an id.
sub closest {
    my ($url, $id, %o) = @_;
    my $a = http(GET => "$url/v1/closest/$id", %o);
    return if $a->{status} != 200;
    return @{unjson($a->{body})->{contacts}};
}

# The ids of all that a host of a small network knows, sorted.
sub known {
    my ($url) = @_;
    return sort map { payload($_)->{host} } closest($url, '0' x 64);
}

# kad of v1/status.
sub kad {
    my ($url) = @_;
    my $a = http(GET => "$url/v1/status");
    return $a->{status} == 200 ? unjson($a->{body})->{kad} : undef;
}

# Ids, the closest to the target first.
sub by_distance {
    my ($target, @ids) = @_;
    my $t = pack 'H*', $target;
    return sort { (pack('H*', $a) ^ $t) cmp (pack('H*', $b) ^ $t) } @ids;
}

sub place { my ($key, $i) = @_; return sha256_hex($key->{public} . chr $i) }

# A record of a file's key: record($key, seq, root, header members..).
sub record {
    my ($key, $seq, $root, %head) = @_;
    my $now = time;
    return sign($key, 'layr-record', $root // "root $seq", v => 1, iat => $now, exp => $now + 86400, seq => "$seq", prev => [], %head);
}

# Which of the hosts (URLs) have this record at the place.
sub holders_of {
    my ($place, $jws, @urls) = @_;
    return grep { my $a = http(GET => "$_/v1/records/$place"); $a->{status} == 200 && $a->{body} eq $jws } @urls;
}

1;
