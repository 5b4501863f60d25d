#!/usr/bin/perl
# valgrind: memcheck on unit tests and on files put, listed, read and removed while a host is down; no error, no lost block. In
# `make test` some; LAYR_VALGRIND=all (make valgrind): every unit test.
use strict;
use warnings;
use lib 't/lib';
use File::Basename qw(basename);
use Layr::Test;
use Test::More;

plan skip_all => 'valgrind and a sanitizer exclude each other' if ($ENV{LAYR_MODULE} // '') eq 'builtin';
plan skip_all => 'valgrind is not here: ./setup valgrind installs it' if !grep { -x "$_/valgrind" } split /:/, $ENV{PATH};

my $which = $ENV{LAYR_VALGRIND} // 'base_thread code_manifest';
my @all = map { basename($_, '.t') } sort glob(build('t/unit/*.t'));
my @units = $which eq 'all' ? @all : split ' ', $which;

# A test's own malloc stays its own: code_memory lets it fail.
my @memcheck = (qw(valgrind -q --error-exitcode=99 --leak-check=full --soname-synonyms=somalloc=nouserintercepts --suppressions=t/lib/memcheck.supp),
    map { "--$_-leak-kinds=definite,indirect,possible" } qw(show errors-for));

# Memcheck makes a program so slow that on a busy machine it does not reach enough hosts in time, says so (3), and is run again.
sub clean {
    my ($what, @command) = @_;
    my $r;
    for (1 .. 5) {
        $r = run({timeout => 1200}, @command);
        last if $r->{status} != 3;
        note($r->{err});
    }
    return $r if is($r->{status}, 0, $what);
    diag($r->{out} =~ s/^ok.*\n//gmr, $r->{err});
    return $r;
}

# Errors that are there are found: or all that follows says nothing.
my $bad = write_file(scratch('bad.c'), <<'END');
#include <stdlib.h>
int main(void)
{
    volatile char *p = malloc(1);
    return p[1] > 3 ? 0 : 0;
}
END
is(run('gcc', '-g', '-O0', '-o', scratch('bad'), $bad)->{status}, 0, 'a bad program is compiled');
is(run(@memcheck, scratch('bad'))->{status}, 99, 'memcheck finds what is wrong with it');

for my $unit (@units) {
    my $r = clean("memcheck: $unit", @memcheck, build("t/unit/$unit.t"));
    unlike($r->{out}, qr/^not ok/m, "$unit: all is well");
}

my $swarm = Layr::Test->swarm(6);
my $file = make_file(scratch('file'), 5_000_000);
my $tool = sub { my ($name, @args) = @_; return clean("memcheck: $name", @memcheck, build("bin/$name"), @args) };
$tool->('layr-key', 'new');
$swarm->kill(5);
chomp(my $cap = $tool->('layr-put', '--resume', '-k', '2/4', $swarm->hosts, $file)->{out});
like($cap, qr/^layr:r:/, 'stored, a host down');
$swarm->kill(4);
$tool->('layr-get', '-o', scratch('back'), $swarm->hosts, $cap);
ok(same_file($file, scratch('back')), 'the bytes come back, another down');
$swarm->revive(4, 5);
like($tool->('layr-ls', $swarm->hosts)->{out}, qr/^.*\bfile\b/m, 'it is listed');
$tool->('layr-ls', $swarm->hosts, 'file');
$tool->('layr-rm', $swarm->hosts, 'file');
my $gone = sub { return !map { $swarm->blobs($_) } 0 .. 5 };
# the next program asks again whom this one did not reach in time
ok(wait_for(30, sub { return $gone->() || tool('layr-rm', '-q', $swarm->hosts, 'nobody') && $gone->() }), 'and is gone');
ok($swarm->quiet, 'error logs are clean') or diag($swarm->noise);
done_testing;
