#!/usr/bin/perl
# ThreadSanitizer, in short: unit tests of what has threads, and a put and a get past hosts that are down. `make tsan` has more,
# the host among it.
use strict;
use warnings;
use lib 't/lib';
use Cwd ();
use Layr::Test;
use Test::More;

plan skip_all => 'these programs have a sanitizer of their own' if ($ENV{LAYR_MODULE} // '') eq 'builtin';

my $tsan = Cwd::getcwd() . '/build/tsan';
my @units = qw(base_thread net_call net_transport flow_spare db_journal db_host_commit);

# gcc's runtime does not know the layout of a process whose addresses are as random as newer kernels make them.
my $bits = -e '/proc/sys/vm/mmap_rnd_bits' ? read_file('/proc/sys/vm/mmap_rnd_bits') : 0;
my @fixed = $bits > 28 ? qw(setarch -R) : ();
my %env = (TSAN_OPTIONS => 'exitcode=66:suppressions=' . Cwd::getcwd() . '/t/lib/tsan.supp');

sub checked { return run({timeout => 300, env => \%env}, @fixed, @_) }

my $made = do {
    local %ENV = %ENV;
    delete @ENV{qw(MAKEFLAGS MAKELEVEL MFLAGS MAKEOVERRIDES CC CFLAGS SAN OPT BUILD)};
    run({timeout => 900}, qw(make -s -j2 tsan-short));
};
is($made->{status}, 0, 'they build') or BAIL_OUT($made->{err});

# A race that is there is found: or all that follows says nothing.
my $racer = write_file(scratch('racer.c'), <<'END');
#include <pthread.h>
static int n;
static void *add(void *p) { n++; return p; }
int main(void)
{
    pthread_t t;
    pthread_create(&t, 0, add, 0);
    n++;
    return pthread_join(t, 0);
}
END
is(run('gcc', '-g', '-fsanitize=thread', '-o', scratch('racer'), $racer)->{status}, 0, 'a race is compiled');
my $race = checked(scratch('racer'));
like($race->{err}, qr/ThreadSanitizer: data race/, 'and found');
is($race->{status}, 66, 'by its exit status too');

for my $unit (@units) {
    my $r = checked("$tsan/t/unit/$unit.t");
    is($r->{status}, 0, $unit) or diag($r->{out} =~ s/^ok.*\n//gmr, $r->{err});
    unlike($r->{out} . $r->{err}, qr/^not ok|ThreadSanitizer/m, "$unit: all is well");
}

my $swarm = Layr::Test->swarm(6);
my $file = make_file(scratch('file'), 9_000_000);
is(checked("$tsan/bin/layr-key", 'new')->{status}, 0, 'layr-key new');
$swarm->kill(5);
my $r = checked("$tsan/bin/layr-put", '-k', '2/4', $swarm->hosts, $file);
is($r->{status}, 0, 'layr-put, a host down') or diag($r->{err});
chomp(my $cap = $r->{out});
$swarm->kill(4);
$r = checked("$tsan/bin/layr-get", '-o', scratch('back'), $swarm->hosts, $cap);
is($r->{status}, 0, 'layr-get, another down') or diag($r->{err});
ok(same_file($file, scratch('back')), 'the bytes');
done_testing;
