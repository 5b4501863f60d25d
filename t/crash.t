#!/usr/bin/perl
# A host is killed at every step of storing and of releasing a shard: what it has acknowledged is there and whole, what it has
# not is there or not, and nothing else stays.
use strict;
use warnings;
use lib 't/lib';
use Layr::Crash;
use Test::More;

crash_uploads(50);
done_testing;
