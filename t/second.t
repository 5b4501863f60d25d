#!/usr/bin/perl
# A second implementation, written in Python from docs/protocol.md alone: it reads what layr-put stored from the hosts' store
# folders and a read cap, byte for byte, and checks every tag with the write cap.
use strict;
use warnings;
use lib 't/lib';
use Layr::Test;
use Test::More;

my $python = '/usr/bin/python3';
plan skip_all => 'python3-cryptography is not installed' if run($python, '-c', 'import cryptography')->{status} != 0;

sub reader { my ($out, $cap, $stores, @more) = @_; return run({stdout_file => $out, timeout => 120}, $python, 't/second/layr_read.py', $cap, @$stores, @more) }

for my $script (qw(test_vectors test_roundtrip)) {
    subtest "$script.py" => sub {
        my $r = run({timeout => 240}, $python, "t/second/$script.py");
        my @lines = grep { /^(?:not )?ok / } split /\n/, $r->{out};
        ok(!/^not /, s/^(?:not )?ok \d+ - //r) for @lines;
        is($r->{status}, 0, 'it ends well') or diag($r->{out}, $r->{err});
        my ($planned) = $r->{out} =~ /^1\.\.(\d+)$/m;
        is(scalar @lines, $planned, 'with all it planned');
    };
}

my $swarm = Layr::Test->swarm(20, '--directive', 'layr_scrub off;');    # its shards are lost and damaged by hand
my @stores = map { $swarm->path($_, 'store') } 0 .. 19;
my @urls = map { ('--record-url', $swarm->url($_)) } 0 .. 2;
is(tool('layr-key', 'new')->{status}, 0, 'an owner');

# A file stored under a scheme at the first n hosts.
sub put {
    my ($size, $scheme) = @_;
    my ($n) = $scheme =~ m{/(\d+)$};
    my $file = make_file(scratch("in-$size"), $size);
    my $r = tool('layr-put', $swarm->hosts(0 .. $n - 1), '-k', $scheme, $file);
    is($r->{status}, 0, "$size bytes at $scheme are stored") or diag($r->{err});
    chomp(my $cap = $r->{out});
    return {file => $file, cap => $cap, n => $n};
}

sub same {
    my ($f, $name, @more) = @_;
    my $r = reader(scratch('out'), $f->{cap}, \@stores, @urls, @more);
    is($r->{status}, 0, "$name: read and verified") or diag($r->{err});
    ok(same_file(scratch('out'), $f->{file}), "$name: the same bytes");
    return $r;
}

subtest 'kept inside the record' => sub {
    same(put($_, '1/3'), "$_ bytes") for 0, 1, 4096;
};

# Of every segment (the stores hold only this file) the shards of so many hosts go.
sub lose {
    my ($hosts, $from) = @_;
    for my $i ($from .. $from + $hosts - 1) { rename $_, "$_.lost" or die "$_: $!" for $swarm->blobs($i) }
}
sub restore { for my $i (0 .. 19) { rename $_, s/\.lost$//r or die "$_: $!" for grep { /\.lost$/ } $swarm->blobs($i) } }
sub clear   { for my $i (0 .. 19) { unlink $swarm->blobs($i) } }

for my $case ([4097, '1/3'], [12241, '4/8'], [200_000, '4/8'], [5_500_000, '4/8'], [300_001, '10/20'], [3 << 20, '10/20'], [5 << 20, '1/3']) {
    my ($size, $scheme) = @$case;
    my ($k, $n) = split m{/}, $scheme;
    subtest "$size bytes at $scheme" => sub {
        clear();
        my $f = put($size, $scheme);
        same($f, 'all shards');

        lose($n - $k, 0);
        same($f, 'without the first n - k');
        restore();
        lose($n - $k + 1, 0);
        my $r = reader(scratch('out'), $f->{cap}, \@stores, @urls);
        is($r->{status}, 4, 'one more: it is lost, and said so');
        is(scalar(() = $r->{err} =~ /shard \d+ skipped/g), $n - $k + 1, 'with each shard that is gone');
        restore();

        my ($blob) = $swarm->blobs(0);
        my $bytes = read_file($blob);
        substr($bytes, int(length($bytes) / 3), 1) ^= "\x10";
        write_file($blob, $bytes);
        same($f, 'one bit wrong in a shard');
        substr($bytes, int(length($bytes) / 3), 1) ^= "\x10";
        write_file($blob, $bytes);

        if ($size < 1 << 20) {
            my $w = run($python, 't/second/write_cap.py', scratch('home'), $f->{cap});
            is($w->{status}, 0, 'the write cap') or diag($w->{err});
            chomp(my $write = $w->{out});
            $r = same($f, 'every tag', '--verify-tags', $write);
            like($r->{err}, qr/tags: $n blobs checked, 0 wrong, 0 missing or damaged/, 'all tags are right') or diag($r->{err});
        }
    };
}

# What the second implementation asks real hosts with a verify cap, and how it judges their answers.
subtest 'audits' => sub {
    clear();
    my $r = tool('layr-put', '-q', '-k', '4/8', '-n', 'audited', $swarm->hosts(0 .. 7), make_file(scratch('audited'), 900_000));
    is($r->{status}, 0, 'a file is stored') or diag($r->{err});
    my $cap = unjson(tool('layr-ls', '--json', '--caps', $swarm->hosts(0 .. 7), 'audited')->{out})->{verify_cap};
    my @call = ($python, 't/second/layr_audit.py', $cap, @urls, map { ('--host', $swarm->id($_) . '=' . $swarm->url($_)) } 0 .. 7);
    for my $sample (0, 7) {
        $r = run({timeout => 120}, @call, '--sample', $sample);
        is("$r->{status} " . join(' ', $r->{out} =~ /(\w+)$/gm), '0' . ' passed' x 8, 'eight hosts pass' . ($sample ? ', a sample' : '')) or diag($r->{err});
    }
    my ($blob) = $swarm->blobs(2);
    my $bytes = read_file($blob);
    substr($bytes, length($bytes) / 2, 1) ^= "\1";
    write_file($blob, $bytes);
    unlink $swarm->blobs(5);
    $r = run({timeout => 120}, @call);
    my %said = $r->{out} =~ /^(\w+) 1 (.+)$/gm;
    is($said{$swarm->id(2)}, 'corrupt', 'one byte wrong: corrupt');
    like($said{$swarm->id(5)}, qr/^404 .*shards-missing$/, 'a shard gone: missing');
    is(scalar(grep { $_ eq 'passed' } values %said), 6, 'the others pass');
};

subtest 'removed' => sub {
    my $name = make_file(scratch('named'), 6000);
    my $r = tool('layr-put', $swarm->hosts(0 .. 2), '-k', '1/3', '-n', 'gone', $name);
    chomp(my $cap = $r->{out});
    is(tool('layr-rm', $swarm->hosts(0 .. 2), 'gone')->{status}, 0, 'layr-rm');
    $r = reader(scratch('out'), $cap, \@stores, @urls);
    is($r->{status}, 3, 'the reader sees that the owner removed it') or diag($r->{err});
};

subtest 'a folder' => sub {
    mkdir scratch('folder');
    mkdir scratch('folder/in it');
    make_file(scratch("folder/$_"), length() * 60_000, $_) for 'a', "in it/b\xff", 'no bytes of zeros';
    write_file(scratch('folder/empty'), '');
    symlink '/etc/passwd', scratch('folder/link');
    my $r = tool('layr-put', $swarm->hosts(0 .. 7), '-k', '4/8', scratch('folder'));
    is($r->{status}, 0, 'is stored') or diag($r->{err});
    chomp(my $cap = $r->{out});
    for my $path ('a', "in it/b\xff", 'no bytes of zeros', 'empty') {
        $r = reader(scratch('out'), $cap, \@stores, @urls, '--path', $path);
        is($r->{status}, 0, 'read and verified') or diag($r->{err});
        ok(same_file(scratch('out'), scratch("folder/$path")), 'the same bytes');
    }
    is(reader(scratch('out'), $cap, \@stores, @urls, '--path', 'none')->{status}, 1, 'what is not in it');
};

subtest 'a wrong key' => sub {
    my $f = put(7000, '1/3');
    my $wrong = $f->{cap} =~ s/:[^:]*$/':' . b64url('x' x 32)/er;
    my $r = reader(scratch('out'), $wrong, \@stores, @urls);
    is($r->{status}, 1, 'nothing opens') or diag($r->{err});
    is(-s scratch('out'), 0, 'and nothing is given out');
};

ok($swarm->quiet, 'error logs are clean') or diag($swarm->noise);
done_testing;
