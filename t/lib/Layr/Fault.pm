package Layr::Fault;

# The build with fault points (liblayr-core/base/fault.h), which is made when it is missing; whoever uses this runs its programs
# and its module, in stock nginx.
#
#     my $swarm = Layr::Fault->swarm(1, '--plain');       # hosts that can be told
#     Layr::Fault->arm('host.rename:1:kill');             # ... as soon as one of them passes there
#     ok(Layr::Fault->fired, ..);
#     Layr::Fault->disarm;

use strict;
use warnings;
use Layr::Test;

our $release;    # the other build

BEGIN {
    $release = build();
    my $dir = build('faults');
    local %ENV = %ENV;
    delete @ENV{qw(MAKEFLAGS MAKELEVEL MFLAGS MAKEOVERRIDES CFLAGS SAN OPT)};
    my $made = run({timeout => 900}, 'make', '-s', '-j2', 'FAULTS=1', "BUILD=$dir", 'all');
    die "make FAULTS=1: $made->{out}$made->{err}" if $made->{status} != 0;
}
$ENV{LAYR_BUILD} = build('faults');
delete @ENV{qw(LAYR_NGINX LAYR_MODULE LAYR_FAULT)};

sub file { return scratch('fault') }

sub swarm {
    my (undef, @options) = @_;
    local $ENV{LAYR_FAULT} = '@' . file();
    return Layr::Test->swarm(@options);
}

# Start it again as it was.
sub revive {
    my (undef, $swarm) = @_;
    local $ENV{LAYR_FAULT} = '@' . file();
    $swarm->kill(0);
    $swarm->revive(0);
    return;
}

sub arm {
    my (undef, $spec) = @_;
    write_file(file() . '.new', $spec);
    rename file() . '.new', file() or die file() . ": $!";
    return;
}

sub fired  { return !-e file() }
sub disarm { unlink file(); return }

# All points in the sources.
sub points {
    my %points;
    for my $source (glob 'liblayr-core/*/*.c ngx_layr_module/*.c tools/*.c') {
        $points{$_} = 1 for read_file($source) =~ /LAYR_FAULT(?:_POINT)?\("([^"]+)"\)/g;
    }
    return sort keys %points;
}

1;
