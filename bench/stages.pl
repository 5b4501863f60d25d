# stages: the steps of put and get, each alone, in seconds per GiB of file, beside the CPU time of the whole: the ratio is a step's
# share of it. What computes runs on one thread; `send` and `receive` are libcurl with as many bytes, to and from WebDAV hosts
# in memory. The last rows: all steps, and the whole's time on the clock.
use strict;
use warnings;
use Layr::Bench;
use Layr::Bench::File;
use Layr::Bench::Hosts;
use Layr::Test;

my $hosts  = Layr::Bench::Hosts->swarm(9);
my $memory = Layr::Bench::Hosts->dav($hosts, 9, in => Layr::Bench::Hosts::folder("/dev/shm/layr-bench-$$"));
my $file   = Layr::Bench::File->new(size(1 << 30, 4 << 20));
my %steps  = (
    put => [['read' => 'read'], ['hash', 'hash of the file'], ['hash', 'hash of segments'], ['make', 'code, seal, tag, name in one pass'], ['send', 'send']],
    get => [['receive', 'receive'], ['check', 'check of names'], ['open', 'open'], ['hash', 'hash of the file'], ['write', 'write']],
);
my @apart = qw(code seal tag name decode);    # not in the sums: parts of `make`, and what a get of whole hosts has not

sub stage {
    my ($stage, $scheme) = @_;
    my @where = $stage eq 'read' ? $file->{path} : $stage eq 'write' ? scratch('written') : $stage =~ /^(?:send|receive)$/ ? ($memory->pin, $memory->urls) : ();
    my $c = client(build('bench/stages'), $stage, $scheme, size(0.6, 0.02), @where);
    unlink scratch('written');
    return {%{unjson($c->{out})}, rss => $c->{rss}};
}

my %stages = map { $_ => 1 } @apart, map { $_->[0] } map { @$_ } values %steps;
my @parts = map {
    my $scheme = $_;
    ($file->layr($scheme, $hosts), map { my $stage = $_; sub { $_[0]->("$stage $scheme", $stage =~ /^(?:send|receive)$/ ? $memory : undef, sub { stage($stage, $scheme) }) } } sort keys %stages);
} '4/8', '1/3';
my $s = rounds(@parts);

sub per_gib { my ($what) = @_; return sub { $_[0]{$what} / $_[0]{bytes} * (1 << 30) } }

# A stage's CPU time, as if it were the whole's: its sum over stages, round by round.
sub sum {
    my ($name, @of) = @_;
    my $rounds = $s->{$of[0]};
    $s->{$name} = [map {
        my $i = $_;
        my $cpu = 0;
        $cpu += per_gib('cpu')->($s->{$_}[$i]) for @of;
        {seconds => $cpu, cpu => $cpu, bytes => 1 << 30};
    } 0 .. $#$rounds];
    return;
}

for my $scheme ('4/8', '1/3') {
    for my $way ('put', 'get') {
        my $whole = "layr $scheme $way";
        my @cpu = (unit => 's/GiB', peer => $whole, value => per_gib('cpu'));
        row($s, figure => "$way $scheme: $_->[1]", ours => "$_->[0] $scheme", @cpu) for @{$steps{$way}};
        sum("steps $scheme $way", map { "$_->[0] $scheme" } @{$steps{$way}});
        row($s, figure => "$way $scheme: all of these", ours => "steps $scheme $way", @cpu);
        row($s, figure => "$way $scheme: $_ alone", ours => "$_ $scheme", @cpu) for $way eq 'put' ? grep { $_ ne 'decode' } @apart : 'decode';
        $s->{"$whole, clock"} = [map { {%$_, cpu => $_->{seconds}} } @{$s->{$whole}}];
        row($s, figure => "$way $scheme: on the clock", ours => "$whole, clock", @cpu);
    }
}
1;
