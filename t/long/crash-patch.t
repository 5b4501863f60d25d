#!/usr/bin/perl
# layr-patch is killed at each write and each sync of its journal, and at its other steps, and the journal's disk fails there.
use strict;
use warnings;
use lib 't/lib';
use Layr::CrashPatch;
use Test::More;

crash_patches(3, qw(put.begin put.begun put.order put.order:3 put.ordered put.ordered:3 put.stored put.stored:3 patch.audited patch.restored
    patch.restored:2 patch.pages update.publish update.published update.done));
done_testing;
