package Layr::Bench::Report;

# The table, and the JSON with all single runs.

use strict;
use warnings;

use Exporter qw(import);
use Layr::Bench;
use Layr::Bench::Cost;
use Layr::Test;
use POSIX ();

our @EXPORT = qw(table machine save);

sub number {
    my ($v) = @_;
    return '' if !defined $v;
    return sprintf $v >= 100 ? '%.0f' : $v >= 10 ? '%.1f' : '%.2f', $v;
}

sub mib { my ($v) = @_; return $v ? sprintf '%.0f', $v / (1 << 20) : '' }

# ours / peer's, when there is either.
sub pair {
    my ($form, $ours, $peer) = @_;
    my ($o, $p) = map { $form->($_) } $ours, $peer;
    return $o eq '' ? '' : $p eq '' ? $o : "$o / $p";
}

my @head = ('figure', 'unit', 'ours', 'peer', 'ratio', 'min..max', 'want', 'CPU s/GiB client', 'hosts', 'peak MiB client', 'host', 'against');

sub cells {
    my ($r) = @_;
    my $peer = $r->{peer_cost} // {};
    my $met = !defined $r->{want} || !defined $r->{ratio} ? '' : eval "$r->{ratio} $r->{want}" ? '' : ' !';
    return (
        $r->{figure}, $r->{unit}, number($r->{value}), number($r->{peer_value}), number($r->{ratio}) . $met,
        defined $r->{ratio} ? number($r->{ratio_low}) . '..' . number($r->{ratio_high}) : number($r->{low}) . '..' . number($r->{high}),
        $r->{want} // '', pair(\&number, $r->{cost}{client_cpu}, $peer->{client_cpu}),
        pair(\&number, $r->{cost}{hosts_cpu}, $peer->{hosts_cpu}), pair(\&mib, $r->{cost}{client_rss}, $peer->{client_rss}),
        pair(\&mib, $r->{cost}{host_rss}, $peer->{host_rss}), $r->{peer} // '',
    );
}

# As Markdown, in columns.
sub table {
    my @lines = ([@head], map { [cells($_)] } rows());
    my @width = (0) x @head;
    for my $line (@lines) {
        for my $i (0 .. $#head) { $width[$i] = length $line->[$i] if length $line->[$i] > $width[$i] }
    }
    my $text = sub { return '| ' . join(' | ', map { sprintf $_ && $_ < $#head ? '%*s' : '%2$-*1$s', $width[$_], $_[0][$_] } 0 .. $#head) . " |\n" };
    my ($first, @rest) = map { $text->($_) } @lines;
    return join '', $first, '|' . join('|', map { '-' x ($width[$_] + 1) . ($_ && $_ < $#head ? ':' : '-') } 0 .. $#head) . "|\n", @rest;
}

sub output { my (@command) = @_; my $r = run(@command); return $r->{status} == 0 ? $r->{out} =~ s/\s+\z//r : '' }

sub machine {
    my ($model) = Layr::Bench::Cost::slurp('/proc/cpuinfo') =~ /^model name\s*:\s*(.*)$/m;
    my ($os) = Layr::Bench::Cost::slurp('/etc/os-release') =~ /^PRETTY_NAME="(.*)"$/m;
    my ($memory) = Layr::Bench::Cost::slurp('/proc/meminfo') =~ /^MemTotal:\s+(\d+)/m;
    return {
        date => POSIX::strftime('%Y-%m-%dT%H:%M:%SZ', gmtime), commit => output('git', 'describe', '--always', '--dirty', '--abbrev=12'),
        cpu => $model // '', cores => 0 + output('nproc'), memory => ($memory // 0) * 1024, os => $os // '', kernel => (POSIX::uname())[2],
        runs => runs(), load => Layr::Bench::Cost::slurp('/proc/loadavg') =~ s/\s.*//sr,
    };
}

sub save {
    my ($path, $machine) = @_;
    write_file($path, JSON::PP->new->canonical->pretty->encode({%$machine, rows => [rows()]}));
    return;
}

1;
