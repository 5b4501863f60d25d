package Layr::Tree;

# Folders for tests: what a folder on disk is, to be compared with another, and trees as docs/protocol.md 4.5 has them, good or
# not:
#
#     is_deeply(shape($back), shape($source), 'all of it');
#     my $cap = put_tree($swarm, $bytes, entry(0, ''), entry(1, 'a', offset => 0, bytes => 'x'), entry(2, 'l', target => '/etc'));

use strict;
use warnings;

use Exporter qw(import);
use Fcntl qw(:mode);
use Layr::Test;
use Time::HiRes ();

our @EXPORT = qw(shape entry tree put_tree);

# Path below the folder => "type mode time size SHA-256" or what a link leads to. Special files are left out, as are bits above
# 0777 of modes.
sub shape {
    my ($dir, $path, $all) = @_;
    $all //= {};
    my $at = defined $path ? "$dir/$path" : $dir;
    my $mode = (lstat $at)[2] // die "$at: $!";
    my $mtime = sprintf '%.6f', (Time::HiRes::lstat($at))[9];
    my $name = $path // '';
    if (S_ISLNK($mode)) {
        $all->{$name} = "link $mtime " . readlink $at;
    } elsif (S_ISREG($mode)) {
        $all->{$name} = sprintf 'file %04o %s %d %s', $mode & 0777, $mtime, -s _, sha256_file($at);
    } elsif (S_ISDIR($mode)) {
        $all->{$name} = sprintf 'folder %04o %s', $mode & 0777, $mtime;
        opendir my $d, $at or die "$at: $!";
        shape($dir, defined $path ? "$path/$_" : $_, $all) for grep { !/\A\.\.?\z/ } readdir $d;
    }
    return $all;
}

# An entry's bytes: entry(TYPE, PATH, field => value ..). bytes gives a file its size and SHA-256.
sub entry {
    my ($type, $path, %f) = @_;
    my $out = pack('CCvqVv/a*', $type, $f{flags} // 0, $f{mode} // ($type == 2 ? 0 : $type == 1 ? 0644 : 0755), $f{mtime} // 1e9,
        $f{ns} // 0, $path);
    my $bytes = $f{bytes} // '';
    $out .= pack('QQ', $f{offset} // 0, $f{size} // length $bytes) . pack('H*', $f{sha256} // sha256_hex($bytes)) if $type == 1;
    $out .= pack('v/a*', $f{target}) if $type == 2;
    return $out;
}

sub tree { return pack('CV', 1, scalar @_) . join '', @_ }

# Store such a folder; its read capability. First may stand [options of put-tree].
sub put_tree {
    my ($swarm, $data, @entries) = @_;
    my @options = ref $entries[0] ? @{shift @entries} : ();
    my $tree = tree(@entries);
    my $r = run({stdin => $data . $tree}, build('t/lib/put-tree'), $swarm->hosts, @options, length $tree);
    die "put-tree: $r->{err}" if $r->{status} != 0;
    chomp $r->{out};
    return $r->{out};
}

1;
