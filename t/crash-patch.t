#!/usr/bin/perl
# layr-patch is killed at every step: the file is as readable as before, and the next one ends it and leaves nothing behind. About 12 s.
use strict;
use warnings;
use lib 't/lib';
use Layr::CrashPatch;
use Test::More;

crash_patches(0, qw(put.begun put.ordered:2 put.stored:2 patch.audited patch.restored patch.pages update.publish update.published update.done));
done_testing;
