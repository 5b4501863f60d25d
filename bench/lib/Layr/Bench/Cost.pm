package Layr::Bench::Cost;

# What a run cost its hosts: CPU seconds of all their processes, and the most memory that one of them had (master and workers
# together). Hosts are anything with ->masters, the process ids of the nginx masters.

use strict;
use warnings;

use List::Util qw(max sum0);
use POSIX ();

my $tick = POSIX::sysconf(&POSIX::_SC_CLK_TCK);

sub slurp {
    open my $f, '<', $_[0] or return '';
    local $/;
    return scalar <$f> // '';
}

# The processes of one host.
sub family {
    my ($master) = @_;
    return ($master, split ' ', slurp("/proc/$master/task/$master/children"));
}

# User and system seconds of a process, all its threads.
sub cpu {
    my ($pid) = @_;
    my @stat = split ' ', slurp("/proc/$pid/stat") =~ s/^.*\) //sr;
    return @stat > 12 ? ($stat[11] + $stat[12]) / $tick : 0;
}

sub peak {
    my ($pid) = @_;
    return slurp("/proc/$pid/status") =~ /^VmHWM:\s+(\d+) kB/m ? $1 * 1024 : 0;
}

# Let the peak begin anew (proc(5), clear_refs).
sub forget_peak {
    my ($pid) = @_;
    open my $f, '>', "/proc/$pid/clear_refs" or return;
    print {$f} 5;
    close $f;
    return;
}

# Run the code: its sample, with hosts_cpu and host_rss.
sub of {
    my ($hosts, $run) = @_;
    return $run->() if !$hosts;
    my @families = map { [family($_)] } $hosts->masters;
    my @all = map { @$_ } @families;
    forget_peak($_) for @all;
    my $before = sum0(map { cpu($_) } @all);
    my $sample = $run->();
    $sample->{hosts_cpu} = sum0(map { cpu($_) } @all) - $before;
    $sample->{host_rss} = max(map { my $f = $_; sum0(map { peak($_) } @$f) } @families);
    return $sample;
}

1;
