#!/usr/bin/perl
# A host with 100,000 shards serves within two seconds of its start.
use strict;
use warnings;
use lib 't/lib';
use Layr::Restart;
use Test::More;

restarts(100000);
done_testing;
