#!/usr/bin/perl
# The fuzz targets, in short: each over its corpus in the tree, then with a fixed seed for 20,000 inputs or a second.
# `make fuzz` runs them for longer.
use strict;
use warnings;
use lib 't/lib';
use File::Basename qw(basename);
use File::Path qw(make_path);
use Layr::Test;
use Test::More;

my $runs = 20000;
my $seconds = 1;

plan skip_all => 'the fuzz targets have sanitizers of their own' if ($ENV{LAYR_MODULE} // '') eq 'builtin';

# Is there a clang with libFuzzer?
sub has_fuzzer {
    my $source = write_file(scratch('probe.c'), "int LLVMFuzzerTestOneInput(void *p, unsigned long n) { return !p && n; }\n");
    return run('clang', '-fsanitize=fuzzer,address,undefined', '-o', scratch('probe'), $source)->{status} == 0;
}
plan skip_all => 'clang with libFuzzer is not here: ./setup fuzz installs it' if !has_fuzzer();

my $made = do {
    local %ENV = %ENV;
    delete @ENV{qw(MAKEFLAGS MAKELEVEL MFLAGS MAKEOVERRIDES CC CFLAGS SAN OPT)};
    run({timeout => 900}, 'make', '-s', '-j2', 'BUILD=' . ($ENV{LAYR_BUILD} // 'build'), 'fuzzers');
};
is($made->{status}, 0, 'they build') or BAIL_OUT($made->{err});

my @names = map { basename($_, '.c') } sort glob 't/fuzz/*.c';
cmp_ok(scalar @names, '>', 0, 'there are targets');
for my $name (@names) {
    my $target = build('fuzz') . "/t/fuzz/$name";
    my @corpus = sort glob "t/fuzz/corpus/$name/*";
    my $crash = build('fuzz') . "/crash/$name";
    my $dict = "t/fuzz/dict/$name.dict";
    my @common = ("-artifact_prefix=$crash/", '-timeout=10', '-rss_limit_mb=2048', -e $dict ? "-dict=$dict" : ());
    make_path($crash, scratch($name));
    cmp_ok(scalar @corpus, '>', 0, "$name: has a corpus");

    my $r = run({timeout => 60}, $target, @common, @corpus);
    is($r->{status}, 0, "$name: its corpus") or diag(substr $r->{err}, -3000);
    $r = run({timeout => 60}, $target, @common, '-seed=1', "-runs=$runs", "-max_total_time=$seconds", scratch($name),
        "t/fuzz/corpus/$name");
    is($r->{status}, 0, "$name: new inputs") or diag(substr($r->{err}, -3000) . "\nThe input is in $crash.");
}
is_deeply([sort map { basename $_ } glob 't/fuzz/corpus/*'], \@names, 'a corpus for each target, and no other');
done_testing;
