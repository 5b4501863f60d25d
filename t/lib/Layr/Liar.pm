package Layr::Liar;

# Hosts with a vice: each stands before a host of a swarm and has its TLS key (see t/lib/liar for the vices).
#
#     my $liar = Layr::Liar->new($swarm, [0, get => 'never'], [1, put => 'status:507', node => 'never'], ..);
#     tool('layr-get', '-H', $liar->url(0), ..);
#
# The liars end with the object.

use strict;
use warnings;

use IPC::Open2 qw(open2);
use Layr::Test;

my $serial = 0;

sub new {
    my ($class, $swarm, @liars) = @_;
    my @config = map {
        my ($i, %vice) = @$_;
        my $other = ($i + 1) % $swarm->count;
        my ($address) = $swarm->url($i) =~ m{^https://([^:/]+)} or die 'a liar needs a swarm with TLS';
        {   address => $address, real => $swarm->url($i), vice => \%vice,
            cert => $swarm->path($i, 'tls.crt'), key => $swarm->path($i, 'tls.key'),
            other_cert => $swarm->path($other, 'tls.crt'), other_key => $swarm->path($other, 'tls.key'),
        }
    } @liars;
    my $file = scratch("liars-$config[0]{address}-" . ++$serial);
    write_file($file, json(\@config));
    my $self = bless {}, $class;
    $self->{pid} = open2(my $out, $self->{stdin}, 't/lib/liar', $file);
    my $ports = unjson(scalar <$out> // die 'the liar did not start');
    $self->{urls} = [map { "https://$config[$_]{address}:$ports->[$_]#" . $swarm->id($liars[$_][0]) } 0 .. $#config];
    return $self;
}

sub url { my ($self, $n) = @_; return $self->{urls}[$n] }

sub DESTROY {
    my ($self) = @_;
    local ($?, $!);
    close $self->{stdin};
    waitpid $self->{pid}, 0;
    return;
}

1;
