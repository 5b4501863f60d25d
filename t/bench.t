#!/usr/bin/perl
# The benchmarks, in short: tiny sizes, one round. Each runs to its end, gives rows with figures in them, and JSON that has them all.
# How fast anything is, is not looked at.
use strict;
use warnings;
use lib 't/lib';
use Layr::Test;
use Test::More;

my @names = map { m{([^/]+)\.pl$} } sort glob 'bench/*.pl';
cmp_ok(scalar @names, '>', 0, 'there are benchmarks');
for my $name (@names) {
    my $r = run({timeout => 300, env => {BENCH_SHORT => 1, TMPDIR => scratch()}}, 'bench/run', $name);
    is($r->{status}, 0, "$name: ends well") or diag($r->{err}), next;
    my ($file) = $r->{out} =~ /^(\S+\.json)$/m;
    my $json = eval { unjson(read_file($file)) };
    ok($json, "$name: writes JSON") or diag($r->{out} . $@), next;
    unlink $file;
    is(join(' ', grep { !length($json->{$_} // '') } qw(date commit cpu cores kernel os runs)), '', "$name: says when and where");
    cmp_ok(scalar @{$json->{rows}}, '>', 0, "$name: has rows");
    is(join('; ', map { insane($_) } @{$json->{rows}}), '', "$name: its rows are sane");
    my @lines = grep { /^\| / } split /\n/, $r->{out};
    is(scalar @lines, 1 + @{$json->{rows}}, "$name: as many lines in the table");
}

# What is wrong with a row.
sub insane {
    my ($r) = @_;
    my @wrong;
    push @wrong, 'no value' if ($r->{value} // 0) <= 0;
    push @wrong, 'no single runs' if grep { !@$_ } values %{$r->{samples}};
    push @wrong, 'a peer without a ratio' if defined $r->{peer} && ($r->{ratio} // 0) <= 0;
    push @wrong, 'the spread' if defined $r->{ratio} && !($r->{ratio_low} <= $r->{ratio} && $r->{ratio} <= $r->{ratio_high});
    for my $sample (map { @$_ } values %{$r->{samples}}) {
        push @wrong, 'a run took no time' if ($sample->{seconds} // 0) <= 0;
        push @wrong, 'hosts without memory' if defined $sample->{hosts_cpu} && ($sample->{host_rss} // 0) <= 0;
    }
    return map { "$r->{figure}: $_" } @wrong;
}

done_testing;
