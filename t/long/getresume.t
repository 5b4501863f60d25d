#!/usr/bin/perl
# As t/getresume.t: thirty gets of a large file killed at random moments, each gone on with; hosts send at most a tenth more than
# it takes.
use strict;
use warnings;
use lib 't/lib';
use Layr::GetResume;
use Layr::Test;
use Test::More;

my $swarm = get_swarm(9, '--max-rate', '48m');
is(tool('layr-key', 'new')->{status}, 0, 'a key');
write_file(scratch('home/layr.conf'), join '', map { "host $_\n" } $swarm->urls);
srand(my $seed = $ENV{LAYR_SEED} // time);
note("LAYR_SEED=$seed");

mkdir scratch('to');
for my $scheme ('2/4', '4/8') {
    my $file = make_file(scratch("file-$scheme" =~ tr{/}{-}r), $scheme eq '2/4' ? 280 << 20 : 448 << 20);
    my $r = tool('layr-put', '-q', '-k', $scheme, $file);
    is($r->{status}, 0, "put at $scheme") or diag($r->{err});
    chomp(my $cap = $r->{out});
    get_kills($scheme eq '2/4' ? 20 : 10, scratch('to'), $cap, $file);
    unlink $file;
}
ok($swarm->quiet, 'error logs are clean') or diag($swarm->noise);
done_testing;
