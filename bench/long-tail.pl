# long-tail: put and get of 1 GiB at 4/8 with 9 hosts, one of which is behind a link with a tenth of the speed that a host has when all
# are alike, against all alike. The ratio is that of the times.
use strict;
use warnings;
use IPC::Open2 qw(open2);
use Layr::Bench;
use Layr::Bench::File;
use Layr::Bench::Hosts;
use Layr::Test;

my $size  = size(1 << 30, 32 << 20);
my $file  = Layr::Bench::File->new($size);
my $hosts = Layr::Bench::Hosts->swarm(9);

# What a host gets and gives when all are alike, in bytes a second: the better of two runs.
sub normal {
    my %seconds;
    my $part = $file->layr('4/8', $hosts, name => 'first');
    for (1 .. 2) {
        $part->(sub {
            my ($name, undef, $run) = @_;
            my $s = $run->()->{seconds};
            $seconds{$name} = $s if !$seconds{$name} || $s < $seconds{$name};
        });
    }
    return map { int $_ } 2 * $size / 9 / $seconds{'first put'}, $size / 9 / $seconds{'first get'};
}

my ($up, $down) = map { int($_ / 10) } normal();
my ($address, $port) = $hosts->url(0) =~ m{//([^:]+):(\d+)};
open2(my $out, my $in, build('bench/slow'), $address, $address, $port, $up, $down);
chomp(my $through = <$out>);
my @all  = $hosts->urls;
my @slow = map { ('-H', $_) } $all[0] =~ s/:\d+#/:$through#/r, @all[1 .. 8];
note(sprintf 'the slow host: %.1f MB/s up, %.1f down', $up / 1e6, $down / 1e6);

my $s = rounds($file->layr('4/8', $hosts, name => 'all alike'), $file->layr('4/8', $hosts, name => 'one slow', hosts => \@slow));
row($s, figure => "long-tail $_", ours => "one slow $_", peer => "all alike $_", unit => 's', value => sub { $_[0]{seconds} }, want => '<= 1.3')
    for 'put', 'get';
close $in;
1;
