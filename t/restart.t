#!/usr/bin/perl
# A host with many shards serves soon after its start; the number that counts is in t/long/restart.t.
use strict;
use warnings;
use lib 't/lib';
use Layr::Restart;
use Test::More;

restarts(5000);
done_testing;
