#!/usr/bin/perl
# The whole story of keeping, six rounds of it: t/long/story.t has thirty. About 25 s.
use strict;
use warnings;
use lib 't/lib';
use Layr::Story;
use Test::More;

story(rounds => 6, seed => 20261126);
done_testing;
