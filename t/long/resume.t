#!/usr/bin/perl
# As t/resume.t, a hundred times: what is sent over all tries of a large file is at most a tenth more than it takes. About 8 minutes.
use strict;
use warnings;
use lib 't/lib';
use File::Path qw(remove_tree);
use Layr::Resume;
use Layr::Test;
use Test::More;

my $swarm = resume_swarm(6);
srand(my $seed = $ENV{LAYR_SEED} // time);
note("LAYR_SEED=$seed");

# Another owner each time: the list of one who has removed dozens of files no longer fits its record, and lies at hosts as well.
sub kills_of_an_owner {
    remove_tree(scratch('home'));
    is(tool('layr-key', 'new')->{status}, 0, 'a key');
    write_file(scratch('home/layr.conf'), join '', map { "host $_\n" } $swarm->urls);
    kills(@_);
    return;
}

my ($small, $large) = (make_file(scratch('file'), 32 << 20), make_file(scratch('large'), 280 << 20));
kills_of_an_owner(10, $small) for 1 .. 2;
kills_of_an_owner(10, $large, 1.1) for 1 .. 10;
ok(wait_for(10, sub { !blobs() }), 'nothing stays at the end');
ok($swarm->quiet, 'error logs are clean') or diag($swarm->noise);
done_testing;
