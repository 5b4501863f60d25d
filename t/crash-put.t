#!/usr/bin/perl
# layr-put and layr-rm are killed at every step that their journal takes, and its disk fails there: a file is there or it is gone,
# and nothing is left that nobody knows of.
use strict;
use warnings;
use lib 't/lib';
use Layr::CrashPut;
use Test::More;

crash_puts(20);
done_testing;
