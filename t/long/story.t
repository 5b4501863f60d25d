#!/usr/bin/perl
# The whole story of keeping, thirty rounds of it. About 2 minutes.
use strict;
use warnings;
use lib 't/lib';
use Layr::Story;
use Test::More;

story(rounds => 30, seed => $ENV{LAYR_STORY_SEED} // 30);
done_testing;
