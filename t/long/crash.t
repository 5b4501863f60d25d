#!/usr/bin/perl
# As t/crash.t, with more uploads at a time.
use strict;
use warnings;
use lib 't/lib';
use Layr::Crash;
use Test::More;

crash_uploads(500);
done_testing;
