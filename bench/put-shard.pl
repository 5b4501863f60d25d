# put-shard: PUT of full shards, each another, with an order each, hashed, synced and recorded, over 4 connections; against nginx's
# WebDAV, which does none of that. On the disk, where it is the syncs that cost: against the disk with nothing else. In memory
# (/dev/shm), where syncs cost nothing: what is left is the host's own work. The last rows: one at a time.
use strict;
use warnings;
use Layr::Bench;
use Layr::Bench::Hosts;
use Layr::Bench::Load;
use Layr::Test;

my $count = size(96, 3);
my $few   = size(16, 2);

sub put { my ($n, $c, @to) = @_; return load('put', @to, '-n', $n, '-c', $c) }

sub settle { system 'sync'; return }

# The disk alone; a dav and a Layr host over one wire, in a folder.
sub floor_part {
    my ($dir) = @_;
    mkdir $dir;
    return sub { settle(); $_[0]->('disk alone', undef, sub { my $c = client(build('bench/disk'), $dir, '-n', $count); return {%{unjson($c->{out})}, cpu => $c->{cpu}} }) };
}

sub layr_part {
    my ($name, $hosts, @h2) = @_;
    my @to = ($hosts->url(0), @h2, '--host', $hosts->id(0));
    return sub {
        settle();
        $_[0]->("layr $name", $hosts, sub { put($count, 4, @to) });
        $_[0]->("layr $name, one", $hosts, sub { put($few, 1, @to) });
    };
}

sub dav_part {
    my ($name, $dav, @h2) = @_;
    return sub {
        settle();
        $_[0]->("nginx dav $name", $dav, sub { put($count, 4, $dav->url(0), @h2) });
        $dav->wipe;
        $_[0]->("nginx dav $name, one", $dav, sub { put($few, 1, $dav->url(0), @h2) });
        $dav->wipe;
    };
}

my @parts = floor_part(scratch('disk'));
my $memory = Layr::Bench::Hosts::folder("/dev/shm/layr-bench-$$");
my @rows;
for my $where ('disk', 'memory') {
    for ([h1 => '--plain'], [h2c => '--h2c'], ['TLS h2']) {
        my ($wire, @option) = @$_;
        my @h2 = $wire eq 'h1' ? () : '--h2';
        my $in = $where eq 'memory' ? $memory : scratch();
        my $hosts = Layr::Bench::Hosts->swarm_in("$in/$wire" =~ tr/ /-/r, 1, @option);
        my $dav = Layr::Bench::Hosts->dav($hosts, 1, in => $in);
        push @parts, layr_part("$wire, $where", $hosts, @h2), dav_part("$wire, $where", $dav, @h2);
        push @rows, [$wire, $where];
    }
}
my $s = rounds(@parts);
for (@rows) {
    my ($wire, $where) = @$_;
    row($s, figure => "put-shard $wire, $where", ours => "layr $wire, $where", peer => "nginx dav $wire, $where", want => '>= 0.8');
    row($s, figure => "put-shard $wire, $where", ours => "layr $wire, $where", peer => 'disk alone') if $where eq 'disk';
}
for (@rows) {
    my ($wire, $where) = @$_;
    row($s, figure => "put-shard $wire, $where, one at a time", ours => "layr $wire, $where, one", peer => "nginx dav $wire, $where, one",
        unit => 'ms', value => sub { $_[0]{median_ms} });
}
1;
