# audit: what proofs cost. A file of 1 GiB at 4/8 on 9 hosts: bytes that an audit of all of it moves, its CPU, and its time against `cat` of
# the very same shards, cold and warm. And the 99th percentile of GETs of a small shard from one host, while that host is audited for
# 1 GiB again and again, against the same host at rest.
use strict;
use warnings;
use Layr::Bench;
use Layr::Bench::File;
use Layr::Bench::Hosts;
use Layr::Bench::Load;
use Layr::Test;
use List::Util qw(max);

my $size = size(1 << 30, 32 << 20);
my $file = Layr::Bench::File->new($size)->{path};

# --- bytes, CPU and time

my $hosts = Layr::Bench::Hosts->swarm(9, '--access-log');
for my $i (0 .. 8) {
    my $conf = read_file($hosts->path($i, 'nginx.conf'));
    $conf =~ s/    access_log access.log;/    log_format wire '\$request_method \$uri \$request_length \$bytes_sent';\n    access_log access.log wire;/;
    $hosts->reload($i, $conf) or die "host $i kept its configuration\n";
}

sub put {
    my ($name, $scheme, @hosts) = @_;
    my $r = tool('layr-put', '-q', '-k', $scheme, '-n', $name, @hosts, $file);
    die "layr-put: $r->{err}" if $r->{status} != 0;
    system 'sync';
    return;
}
put('file', '4/8', $hosts->hosts);

# An auditor has the verify capability and nothing else. (Who has the key asks for the list of files as well: 2.4 KB of each host.)
my $ls = tool('layr-ls', '--caps', '--json', $hosts->hosts, 'file');
my $cap = unjson($ls->{out})->{verify_cap} // die "layr-ls: $ls->{err}\n";

# Out of memory: for a cold start.
sub forget {
    my (@paths) = @_;
    my $r = run({stdin => join("\n", @paths)}, 'python3', '-c', <<'PY');
import os, sys
for path in sys.stdin.read().split('\n'):
    fd = os.open(path, os.O_RDONLY)
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(fd)
PY
    die "posix_fadvise: $r->{err}" if $r->{status} != 0;
    return;
}

# What went in and out at each host since the last time: bytes of HTTP without pieces of shards, which are one chunk's.
my @seen = (0) x 9;
sub moved {
    my (@in, @out);
    for my $i (0 .. 8) {
        open my $log, '<', $hosts->path($i, 'access.log') or die "access.log: $!";
        seek $log, $seen[$i], 0;
        my ($in, $out) = (0, 0);
        while (<$log>) {
            my ($method, $uri, $got, $gave) = /^([A-Z]+) (\S+) (\d+) (\d+)$/ or next;    # others are of before
            $in += $got;
            $out += $gave if "$method $uri" !~ m{^GET /v1/shards/};
        }
        $seen[$i] = tell $log;
        push @in, $in;
        push @out, $out;
    }
    return (max(@in), max(@out));
}

my @blobs = map { $hosts->blobs($_) } 0 .. 8;
my $stored = 0;
$stored += -s for @blobs;

sub audit {
    my $c = client({env => {LAYR_HOME => scratch('auditor')}}, build('bin/layr-audit'), '-q', $hosts->hosts, $cap);
    my ($in, $out) = moved();
    return {%$c, bytes => $stored, in => $in, out => $out};
}

# All of it, by one process, as an audit reads it: to the end and no further.
sub cat { return {%{client({stdout_file => '/dev/null'}, 'cat', @blobs)}, bytes => $stored} }

moved();
my $s = rounds(
    sub { cat(); $_[0]->('audit warm', $hosts, \&audit) },
    sub { cat(); $_[0]->('cat warm', undef, \&cat) },
    sub { forget(@blobs); $_[0]->('audit cold', $hosts, \&audit) },
    sub { forget(@blobs); $_[0]->('cat cold', undef, \&cat) });
row($s, figure => 'audit, to a host at most', ours => 'audit warm', unit => 'bytes', value => sub { $_[0]{in} });
row($s, figure => 'audit, from a host at most', ours => 'audit warm', unit => 'bytes', value => sub { $_[0]{out} });
row($s, figure => "audit $_", ours => "audit $_", peer => "cat $_", unit => 's', value => sub { $_[0]{seconds} }, want => '<= 1.2') for 'warm', 'cold';
$hosts->remove;

# --- others meanwhile

my $one = Layr::Bench::Hosts->swarm(3);
my @small = map { "/v1/shards/$_" } stored($one, 16, 4112);
my ($serial, $now) = (0);

# The hosts bound what may be read of a file in a day: each run has another file.
sub another {
    if (defined $now) {
        my $r = tool('layr-rm', '-q', $one->hosts, $now);
        die "layr-rm: $r->{err}" if $r->{status} != 0;
    }
    $now = 'other' . $serial++;
    put($now, '1/3', $one->hosts);
    return;
}

sub gets { return get($one->url(0), '--h2', 1, @small) }

# Audits one after the other until the code is through. The other two hosts are not asked.
sub during {
    my ($code) = @_;
    my $audits = spawn('sh', '-c', 'trap "exit 0" TERM; while :; do "$0" "$@"; done', build('bin/layr-audit'), '-q', $one->hosts(0), $now);
    my $got = $code->();
    $audits->kill('TERM')->wait;
    return $got;
}

sub answered { return unjson(http(GET => $one->url(0) . '/v1/status')->{body})->{audits} }

my $l = rounds(
    sub { $_[0]->('GET at rest', $one, \&gets) },
    sub {
        another();
        my $before = answered();
        $_[0]->('GET meanwhile', $one, sub { during(\&gets) });
        my $after = answered();
        die "no audit was answered meanwhile\n" if $after->{bytes} <= $before->{bytes};
    });
row($l, figure => 'GET while audited, 99th percentile', ours => 'GET meanwhile', peer => 'GET at rest', unit => 'ms', value => sub { $_[0]{p99_ms} }, want => '<= 3');
row($l, figure => 'GET while audited, median', ours => 'GET meanwhile', peer => 'GET at rest', unit => 'ms', value => sub { $_[0]{median_ms} });
1;
