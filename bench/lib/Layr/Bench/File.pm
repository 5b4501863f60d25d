package Layr::Bench::File;

# A file up to hosts and down again, by us and by others: parts for rounds. What came back is compared, and what was uploaded is
# removed and synced away, outside of the clock.
#
#     my $file = Layr::Bench::File->new(1 << 30);
#     rounds($file->layr('4/8', $swarm), $file->rclone($peers), $file->restic($peers));
#     row($s, ours => 'layr 4/8 put', peer => 'rclone put');

use strict;
use warnings;

use File::Path ();
use Layr::Bench;
use Layr::Test;

my $serial = 0;

sub new {
    my ($class, $size) = @_;
    my $path = scratch('file');
    run({stdout_file => $path}, stream($size))->{status} == 0 or die "$path could not be made\n";
    my $r = tool('layr-key', 'new');
    die "layr-key new: $r->{err}" if $r->{status} != 0 && !-e scratch('home/key');
    return bless {size => $size, path => $path, back => scratch('back')}, $class;
}

# The clock starts with nothing left to be written, the file in memory, and as much free memory as a run uses touched.
sub settle {
    my ($self, $copies) = @_;
    system 'sync';
    touch_memory($copies * $self->{size});
    open my $f, '<', $self->{path} or die "$self->{path}: $!";
    1 while sysread $f, my $buf, 1 << 20;
    return;
}

sub timed {
    my ($self, @command) = @_;
    my $c = client(@command);
    return {%$c, bytes => $self->{size}, out => undef};
}

sub measure {
    my ($self, $m, $name, $hosts, @command) = @_;
    $m->($name, $hosts, sub { $self->timed(@command) });
    return;
}

sub check {
    my ($self, $who) = @_;
    die "$who: what came back is not what was sent\n" if !same_file($self->{path}, $self->{back});
    unlink $self->{back};
    return;
}

# hosts: those that are given to the programs, when these are not simply the swarm's; name: of the runs ("layr 4/8").
sub layr {
    my ($self, $scheme, $swarm, %o) = @_;
    my ($k, $n) = split m{/}, $scheme;
    my $name  = $o{name} // "layr $scheme";
    my @hosts = $o{hosts} ? @{$o{hosts}} : $swarm->hosts;
    my @put   = (build('bin/layr-put'), '-q', '-k', $scheme, @hosts);
    my @get   = (build('bin/layr-get'), '-q', '-f', @hosts, '-o', $self->{back});
    return sub {
        my ($m) = @_;
        my $file = 'file' . $serial++;
        $self->settle($n / $k);
        $self->measure($m, "$name put", $swarm, @put, '-n', $file, $self->{path});
        $self->settle(1);
        $self->measure($m, "$name get", $swarm, @get, $file);
        $self->check($name);
        my $r = tool('layr-rm', '-q', @hosts, $file);
        die "layr-rm: $r->{err}" if $r->{status} != 0;
    };
}

# Everything to all of the peers; what is read comes from any. HTTP/1.1: with HTTP/2 it takes a quarter longer.
sub rclone_config {
    my ($peers) = @_;
    my $obscured = run('rclone', 'obscure', 'a passphrase for the benchmark')->{out};
    my $conf = scratch('rclone.conf');
    my ($i, $text) = (0, '');
    $text .= "[h$i]\ntype = webdav\nvendor = other\nurl = $_\n" and $i++ for $peers->urls;
    my $all = join ' ', map { "h$_:" } 0 .. $i - 1;
    write_file($conf, "$text\[u]\ntype = union\nupstreams = $all\ncreate_policy = all\naction_policy = all\nsearch_policy = ff\n"
        . "[c]\ntype = crypt\nremote = u:data\npassword = $obscured\n");
    return {RCLONE_CONFIG => $conf, RCLONE_NO_CHECK_CERTIFICATE => 'true', RCLONE_DISABLE_HTTP2 => 'true',
        HTTPS_PROXY => undef, https_proxy => undef};
}

sub rclone {
    my ($self, $peers) = @_;
    my $opt = {env => rclone_config($peers)};
    return sub {
        my ($m) = @_;
        $self->settle(3);
        $self->measure($m, 'rclone put', $peers, $opt, 'rclone', '-q', 'copyto', $self->{path}, 'c:file');
        $self->settle(1);
        $self->measure($m, 'rclone get', $peers, $opt, 'rclone', '-q', 'copyto', 'c:file', $self->{back});
        $self->check('rclone');
        $peers->wipe(all => 1);
    };
}

sub restic {
    my ($self, $peers) = @_;
    my $opt = {env => {%{rclone_config($peers)}, RESTIC_PASSWORD => 'a passphrase', RESTIC_REPOSITORY => 'rclone:u:restic'}};
    my @restic = ('restic', '-q', '--no-cache');
    return sub {
        my ($m) = @_;
        my $r = run($opt, @restic, 'init');
        die "restic init: $r->{err}" if $r->{status} != 0;
        $self->settle(3);
        $self->measure($m, 'restic put', $peers, $opt, @restic, 'backup', $self->{path});
        $self->settle(1);
        my $to = scratch('restored');
        $self->measure($m, 'restic get', $peers, $opt, @restic, 'restore', 'latest', '--target', $to);
        rename $to . $self->{path}, $self->{back} or die "restic restored nothing: $!";
        File::Path::remove_tree($to);
        $self->check('restic');
        $peers->wipe(all => 1);
    };
}

1;
