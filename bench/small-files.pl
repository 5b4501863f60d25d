# small-files: a folder of 1,000 files of 64 KiB up and down over TLS: layr-put and layr-get with 9 hosts, at 4/8 and at 1/3, against
# rclone with its crypt over a union of 3 WebDAV hosts that each get all of it, and against restic with a repository on the same
# union.
use strict;
use warnings;
use Layr::Bench;
use Layr::Bench::File;
use Layr::Bench::Folder;
use Layr::Bench::Hosts;

my $folder = Layr::Bench::Folder->new(size(1000, 20), 65536);
my $hosts  = Layr::Bench::Hosts->swarm(9, '--access-log');
my $peers  = Layr::Bench::Hosts->dav($hosts, 3);
my $s = rounds($folder->layr('4/8', $hosts), $folder->layr('1/3', $hosts), $folder->rclone($peers), $folder->restic($peers));

for my $way ('put', 'get') {
    for my $scheme ('1/3', '4/8') {
        row($s, figure => "$way $scheme", ours => "layr $scheme $way", peer => "restic $way", want => '>= 1');
        row($s, figure => "$way $scheme", ours => "layr $scheme $way", peer => "rclone $way", want => '>= 5');
    }
    row($s, figure => "$way 4/8, requests", ours => "layr 4/8 $way", peer => "$_ $way", unit => 'number', value => sub { $_[0]{requests} })
        for 'restic', 'rclone';
}
1;
