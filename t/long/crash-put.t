#!/usr/bin/perl
# As t/crash-put.t, at every write and every sync of the journal.
use strict;
use warnings;
use lib 't/lib';
use Layr::CrashPut;
use Test::More;

crash_puts(1);
done_testing;
