package Layr::Stored;

# Where a file's shards lie in a swarm, as its manifest says (read by t/second), and ways to damage them and mend them again.
#
#     my $stored = Layr::Stored->new($swarm, $cap);
#     my $path = $stored->blob($segment, $shard);
#     $stored->damage($segment, $shard, sub { truncate $_[0], 100 });
#     $stored->mend;

use strict;
use warnings;

use Layr::Test;

sub new {
    my ($class, $swarm, $cap) = @_;
    my $self = bless {swarm => $swarm, cap => $cap, hurt => {}}, $class;
    my $file = scratch('record-' . substr(sha256_hex($cap), 0, 16));
    write_file($file, $self->record(0));
    my $r = run('t/lib/manifest', $cap, $file);
    die "the manifest of $cap: $r->{err}" if $r->{status} != 0;
    $self->{manifest} = unjson($r->{out});
    my %number = map { $swarm->id($_) => $_ } 0 .. $swarm->count - 1;
    for my $segment ($self->segments) {
        $_->{host} = $number{$_->{host}} for @{$segment->{rows}};
    }
    return $self;
}

# The path of the file's record at a host.
sub place {
    my ($self, $i) = @_;
    return 'v1/records/' . sha256_hex(unb64url((split /:/, $self->{cap})[2]) . chr($i // 0));
}

# The record that a host has.
sub record {
    my ($self, $host) = @_;
    my $a = http(GET => $self->{swarm}->url($host) . '/' . $self->place);
    die "host $host has no record: $a->{status} $a->{err}" if $a->{status} != 200;
    return $a->{body};
}

sub segments { return @{$_[0]{manifest}{segments}} }
sub segment  { my ($self, $segment) = @_; return $self->{manifest}{segments}[$segment] }
sub host     { my ($self, $segment, $shard) = @_; return $self->segment($segment)->{rows}[$shard]{host} }

sub blob {
    my ($self, $segment, $shard) = @_;
    my $row = $self->segment($segment)->{rows}[$shard];
    return $self->{swarm}->blob($row->{host}, $row->{shard});
}

# Run code on the blob's path; what it was is kept for mend.
sub damage {
    my ($self, $segment, $shard, $code) = @_;
    my $path = $self->blob($segment, $shard);
    $self->{hurt}{$path} //= read_file($path);
    $code->($path);
    return;
}

sub mend {
    my ($self) = @_;
    for my $path (keys %{$self->{hurt}}) {
        rmdir $path if -d $path;
        write_file($path, $self->{hurt}{$path});
    }
    $self->{hurt} = {};
    return;
}

1;
