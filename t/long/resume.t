#!/usr/bin/perl
# As t/resume.t, a hundred times: what is sent over all tries of a large file is at most a tenth more than it takes.
use strict;
use warnings;
use lib 't/lib';
use Layr::Resume;
use Layr::Test;
use Test::More;

my $swarm = resume_swarm(6);
is(tool('layr-key', 'new')->{status}, 0, 'a key');
write_file(scratch('home/layr.conf'), join '', map { "host $_\n" } $swarm->urls);
srand(my $seed = $ENV{LAYR_SEED} // time);
note("LAYR_SEED=$seed");

kills(80, make_file(scratch('file'), 32 << 20));
kills(20, make_file(scratch('large'), 280 << 20), 1.1);
ok(wait_for(10, sub { !blobs() }), 'nothing stays at the end');
ok($swarm->quiet, 'error logs are clean') or diag($swarm->noise);
done_testing;
