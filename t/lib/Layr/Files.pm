package Layr::Files;

# Files on a swarm, for tests that put many and compare what comes back:
#
#     my $swarm = Layr::Test->swarm(8);
#     my $cap = put_ok($swarm, '4/8', $file);                  # on the swarm's first 8 hosts
#     get_ok($cap, $file, [$swarm->hosts(0 .. 3)]);            # by a stranger: nothing but the capability and the URLs
#     range_ok($cap, $file, [$swarm->hosts], $first, $last);
#
# Sizes that follow from docs/protocol.md section 3: CHUNK, stripe(scheme), stripes(scheme), segment(scheme).

use strict;
use warnings;

use Exporter qw(import);
use Layr::Test;
use Test::More;

our @EXPORT = qw(CHUNK kn stripe stripes segment segments put_ok put_json get_file get_ok get_json range_ok prefix no_traces);

use constant CHUNK => 65520;    # plaintext bytes of a full chunk; 65,536 stored

my $serial = 0;

sub kn { return split m{/}, $_[0] }

# Of a full segment: a shard is the smaller of 4 MiB and 96 MiB / n, in whole chunks.
sub stripes {
    my ($k, $n) = kn($_[0]);
    my $shard = (96 << 20) / $n;
    $shard = 4 << 20 if $shard > 4 << 20;
    return int($shard / 65536);
}
sub stripe  { return (kn($_[0]))[0] * CHUNK }
sub segment { return stripe($_[0]) * stripes($_[0]) }
sub segments { my ($scheme, $size) = @_; return int(($size + segment($scheme) - 1) / segment($scheme)) }

# The owner's key, once a test.
sub have_key {
    return if -e scratch('home/key');
    my $r = tool('layr-key', 'new');
    die "layr-key new: $r->{err}" if $r->{status} != 0;
    return;
}

# Put a file on the first n hosts (or on those given by number) with a name of its own; what layr-put --json says, or nothing
# and a failed test.
sub put_json {
    my ($swarm, $scheme, $file, $what, @which) = @_;
    my ($k, $n) = kn($scheme);
    have_key();
    @which = 0 .. $n - 1 if !@which;
    my $r = tool({timeout => 600}, 'layr-put', '-q', '--json', '-k', $scheme, '-n', 'file' . $serial++, $swarm->hosts(@which), $file);
    return unjson($r->{out}) if $r->{status} == 0;
    fail("$what: put");
    diag($r->{err});
    return;
}

sub put_ok {
    my ($swarm, $scheme, $file, $what, @which) = @_;
    my $put = put_json($swarm, $scheme, $file, $what // "$scheme", @which);
    return $put && $put->{cap};
}

# A get by somebody who has the capability, the URLs of hosts, and an empty home: {status, out, err, json}; the file is in $to.
sub get_file {
    my ($cap, $to, $hosts, @options) = @_;
    my $home = scratch('stranger' . $serial++);
    mkdir $home;
    my $r = tool({timeout => 600, env => {LAYR_HOME => $home}}, 'layr-get', '-q', '-f', '--json', @$hosts, '-o', $to, @options, $cap);
    $r->{json} = unjson($r->{out}) if $r->{status} == 0;
    $r->{home} = $home;
    return $r;
}

# The same as a test: gives layr-get's JSON when all of the file came back.
sub get_json {
    my ($cap, $file, $hosts, $what) = @_;
    my $to = scratch('back');
    my $r = get_file($cap, $to, $hosts);
    my $same = $r->{status} == 0 && same_file($file, $to);
    ok($same, $what) or diag($r->{status} == 0 ? 'other bytes' : $r->{err});
    unlink $to;
    return $same ? $r->{json} : undef;
}
sub get_ok { return defined get_json(@_) }

# Bytes first to last, compared with the original's. Gives layr-get's JSON.
sub range_ok {
    my ($cap, $file, $hosts, $first, $last, $what) = @_;
    my $to = scratch('range');
    my $r = get_file($cap, $to, $hosts, '--range', "$first-$last");
    my $got = $r->{status} == 0 ? read_file($to) : undef;
    open my $f, '<:raw', $file or die "$file: $!";
    seek $f, $first, 0;
    read $f, my $want, $last - $first + 1;
    my $same = defined $got && $got eq $want && length($want) == $last - $first + 1;
    ok($same, $what // "bytes $first to $last") or diag(defined $got ? length($got) . ' bytes, not those' : $r->{err});
    unlink $to;
    return $same ? $r->{json} : undef;
}

# The first so many bytes of a file, as a file.
sub prefix {
    my ($from, $size) = @_;
    my $to = scratch('prefix');
    open my $in,  '<:raw', $from or die "$from: $!";
    open my $out, '>:raw', $to   or die "$to: $!";
    for (my $left = $size; $left > 0; $left -= 1 << 22) {
        read $in, my $bytes, $left < 1 << 22 ? $left : 1 << 22;
        print {$out} $bytes or die "$to: $!";
    }
    close $out or die "$to: $!";
    -s $to == $size or die "$from is smaller than $size";
    return $to;
}

# What the error logs say that they must not.
sub no_traces {
    my ($swarm) = @_;
    return ok($swarm->quiet, 'error logs are clean') || diag($swarm->noise);
}

1;
