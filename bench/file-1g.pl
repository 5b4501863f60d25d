# file-1g: a file of 1 GiB up and down over TLS: layr-put and layr-get with 9 hosts, at 4/8 and at 1/3, against rclone with its
# crypt over a union of 3 WebDAV hosts that each get all of it, and against restic with a repository on the same union.
use strict;
use warnings;
use Layr::Bench;
use Layr::Bench::File;
use Layr::Bench::Hosts;

my $size  = size(1 << 30, 4 << 20);
my $file  = Layr::Bench::File->new($size);
my $hosts = Layr::Bench::Hosts->swarm(9);
my $peers = Layr::Bench::Hosts->dav($hosts, 3);
my $s = rounds($file->layr('4/8', $hosts), $file->layr('1/3', $hosts), $file->rclone($peers), $file->restic($peers));

for my $way ('put', 'get') {
    row($s, figure => "$way 1/3", ours => "layr 1/3 $way", peer => "rclone $way", want => '> 1');
    row($s, figure => "$way 4/8", ours => "layr 4/8 $way", peer => "rclone $way", want => $way eq 'put' ? '>= 1.3' : '> 1');
    row($s, figure => "$way $_", ours => "layr $_ $way", peer => "restic $way") for '1/3', '4/8';
}
1;
