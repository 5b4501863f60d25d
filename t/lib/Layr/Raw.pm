package Layr::Raw;

# Requests that a well-behaved client would not make: bodies of another length than announced, connections that end half-way,
# thousands of requests over one connection. Plain HTTP/1.1 and HTTP/2 with prior knowledge.
#
#     my $c = Layr::Raw->h1($url);          # or h2; reconnects by itself
#     my $a = $c->request(PUT => "/v1/shards/$id", [Authorization => $order], body => $bytes, length => $announced);
#     $a->{status}, {header}, {body}        # status 0: the host closed without an answer

use strict;
use warnings;
use IO::Socket::INET ();

sub h1 { return bless {Layr::Raw::_where($_[1])}, 'Layr::Raw::H1' }
sub h2 { return bless {Layr::Raw::_where($_[1])}, 'Layr::Raw::H2' }

sub _where {
    my ($host, $port) = $_[0] =~ m{^http://([^:/]+):(\d+)$} or die "not a plain URL: $_[0]";
    return (host => $host, port => $port, buf => '');
}

sub _connect {
    my ($self) = @_;
    $self->{buf} = '';
    return $self->{socket} = IO::Socket::INET->new(PeerAddr => $self->{host}, PeerPort => $self->{port}, Timeout => 30)
        // die "$self->{host}:$self->{port}: $!";
}

# What is written after the other side has closed is lost, and no error: its answer may be there to be read.
sub _write {
    my ($self, $bytes) = @_;
    local $SIG{PIPE} = 'IGNORE';
    for (my $at = 0; $at < length $bytes;) {
        my $n = syswrite($self->{socket}, $bytes, 65536, $at) or return 0;
        $at += $n;
    }
    return 1;
}

# Read until there are so many bytes; false at the end, or after 20 seconds.
sub _need {
    my ($self, $n) = @_;
    while (length $self->{buf} < $n) {
        my $bits = '';
        vec($bits, fileno $self->{socket}, 1) = 1;
        return 0 if select($bits, undef, undef, 20) < 1;
        return 0 if !sysread($self->{socket}, $self->{buf}, 65536, length $self->{buf});
    }
    return 1;
}

sub close {
    my ($self) = @_;
    CORE::close delete $self->{socket} if $self->{socket};
    return;
}

package Layr::Raw::H1;
our @ISA = ('Layr::Raw');

# body: what is sent, length: what is announced. end => 1: no more will be sent; drop => 1: close without reading.
sub request {
    my ($self, $method, $path, $headers, %o) = @_;
    my $body = $o{body} // '';
    $self->_connect if !$self->{socket};
    my $head = "$method $path HTTP/1.1\r\nHost: $self->{host}\r\n";
    my @h = @{$headers // []};
    while (my ($name, $value) = splice @h, 0, 2) { $head .= "$name: $value\r\n" }
    $head .= 'Content-Length: ' . ($o{length} // length $body) . "\r\n" if !$o{no_length};
    $self->_write("$head\r\n$body");
    $self->{socket}->shutdown(1) if $o{end};
    if ($o{drop}) {
        $self->close;
        return {status => 0};
    }
    return $self->answer;
}

sub answer {
    my ($self) = @_;
    while ($self->{buf} !~ /\r\n\r\n/) {
        if (!$self->_need(1 + length $self->{buf})) {
            $self->close;
            return {status => 0, header => {}, body => ''};
        }
    }
    $self->{buf} =~ s/^(.*?)\r\n\r\n//s;
    my $head = $1;
    my ($status) = $head =~ m{^HTTP/1\.1 (\d+)};
    my %header = map { lc($1) => $2 if /^([^:]+):\s*(.*)$/ } grep { /:/ } split /\r\n/, $head;
    my $n = $header{'content-length'} // 0;
    $self->_need($n);
    my $body = substr $self->{buf}, 0, $n, '';
    $self->close if lc($header{connection} // '') eq 'close';
    return {status => $status || 0, header => \%header, body => $body};
}

package Layr::Raw::H2;
our @ISA = ('Layr::Raw');

# HPACK: literals that are not indexed, no Huffman.
sub _string {
    my ($s) = @_;
    my $n = length $s;
    return pack('C', $n) . $s if $n < 127;
    my $head = "\x7f";
    for ($n -= 127; $n >= 128; $n >>= 7) { $head .= pack 'C', $n & 127 | 128 }
    return $head . pack('C', $n) . $s;
}

sub _frame {
    my ($type, $flags, $stream, $payload) = @_;
    return pack('CnCCN', length($payload) >> 16, length($payload) & 0xffff, $type, $flags, $stream) . $payload;
}

# As H1's; length => undef announces none.
sub request {
    my ($self, $method, $path, $headers, %o) = @_;
    my $body = $o{body} // '';
    if (!$self->{socket}) {
        $self->_connect;
        $self->{stream} = -1;
        $self->_write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" . _frame(4, 0, 0, ''));
    }
    my $stream = $self->{stream} += 2;
    my @h = (':method', $method, ':scheme', 'http', ':path', $path, ':authority', $self->{host}, map { $_ } @{$headers // []});
    my $length = exists $o{length} ? $o{length} : length $body;
    push @h, 'content-length', $length if defined $length;
    my $block = '';
    while (my ($name, $value) = splice @h, 0, 2) { $block .= "\0" . _string(lc $name) . _string($value) }
    my $out = _frame(1, 4 | ($body eq '' ? 1 : 0), $stream, $block);
    for (my $at = 0; $at < length $body; $at += 16384) {
        my $last = $at + 16384 >= length $body;
        $out .= _frame(0, $last && !$o{drop} ? 1 : 0, $stream, substr $body, $at, 16384);
    }
    $self->_write($out);
    if ($o{drop}) {
        $self->close;
        return {status => 0};
    }
    return $self->answer($stream);
}

# nginx sends the status first: as an index of the static table, or as three digits.
sub _status {
    my ($block) = @_;
    my %index = (8 => 200, 9 => 204, 10 => 206, 11 => 304, 12 => 400, 13 => 404, 14 => 500);
    $block =~ s/^\x20//;
    my $first = ord $block;
    return $first & 0x80 ? $index{$first & 0x7f} // 0 : substr $block, 2, 3;
}

sub answer {
    my ($self, $stream) = @_;
    my $a = {status => 0, header => {}, body => ''};
    while ($self->_need(9)) {
        my ($high, $low, $type, $flags, $id) = unpack 'CnCCN', $self->{buf};
        my $n = $high << 16 | $low;
        last if !$self->_need(9 + $n);
        my $payload = substr substr($self->{buf}, 0, 9 + $n, ''), 9;
        $self->_write(_frame(4, 1, 0, '')) if $type == 4 && !($flags & 1);
        $self->_write(_frame(6, 1, 0, $payload)) if $type == 6 && !($flags & 1);
        last if $type == 7;
        next if $id != $stream;
        return {%$a, reset => unpack 'N', $payload} if $type == 3;
        $a->{status} = _status($payload) if $type == 1;
        $a->{body} .= $payload if $type == 0;
        return $a if $type < 2 && $flags & 1;
    }
    $self->close;
    return $a;
}

1;
