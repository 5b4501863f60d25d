package Layr::Bench::Folder;

# As Layr::Bench::File, with a folder of small files: each program takes the folder itself. Requests to the hosts are counted, where
# these write access logs.
#
#     my $folder = Layr::Bench::Folder->new(1000, 65536);

use strict;
use warnings;

use File::Path ();
use Layr::Bench;
use Layr::Test;

our @ISA = ('Layr::Bench::File');

sub new {
    my ($class, $count, $size) = @_;
    my $self = $class->SUPER::new($count * $size);
    my $bytes = read_file($self->{path});
    $self->{path} = scratch('folder');
    mkdir $self->{path} or die "$self->{path}: $!";
    write_file("$self->{path}/$_", substr $bytes, $_ * $size, $size) for 0 .. $count - 1;
    return $self;
}

sub settle {
    my ($self, $copies) = @_;
    system 'sync';
    touch_memory($copies * $self->{size});
    read_file($_) for glob "$self->{path}/*";
    return;
}

sub check {
    my ($self, $who) = @_;
    system('diff', '-r', '-q', $self->{path}, $self->{back}) == 0 or die "$who: what came back is not what was sent\n";
    File::Path::remove_tree($self->{back});
    return;
}

# Lines of the hosts' access logs: of a run, those that came with it.
sub lines {
    my ($hosts) = @_;
    my $n = 0;
    for my $log ($hosts->logs) {
        open my $f, '<', $log or next;
        $n++ while <$f>;
    }
    return $n;
}

sub measure {
    my ($self, $m, $name, $hosts, @command) = @_;
    my $before = lines($hosts);
    $m->($name, $hosts, sub {
        my $sample = $self->timed(@command);
        $sample->{requests} = lines($hosts) - $before;
        return $sample;
    });
    return;
}

1;
