package Layr::GetResume;

# Gets that are cut off and gone on with: in the end the file is right, nothing is left beside it, and hosts sent little more
# than it takes.

use strict;
use warnings;
use Exporter qw(import);
use File::Find ();
use File::Path ();
use Layr::Test;
use Test::More;
use Time::HiRes ();

our @EXPORT = qw(get_swarm served forget_served partials under_way cut_get resumed_get get_kills);

my $swarm;

# Hosts whose access logs say how many bytes of each body they sent, also of one that was cut off.
sub get_swarm {
    my ($count, @options) = @_;
    $swarm = Layr::Test->swarm($count, '--access-log', @options);
    for my $i (0 .. $count - 1) {
        my $conf = $swarm->path($i, 'nginx.conf');
        my $text = read_file($conf);
        $text =~ s/access_log access\.log;/log_format bytes '\$request_method \$uri \$status \$body_bytes_sent';\n    access_log access.log bytes;/
            or die "$conf: no access log";
        write_file($conf, $text);
        kill 'HUP', read_file($swarm->path($i, 'nginx.pid')) + 0;
    }
    for my $i (0 .. $count - 1) {
        wait_for(10, sub {
            http(GET => $swarm->url($i) . '/v1/node');
            return read_file($swarm->path($i, 'access.log')) =~ m{^GET /v1/node 200 \d+$}m;
        }) or die "host $i: its log is not the new one";
    }
    return $swarm;
}

sub forget_served { truncate $swarm->path($_, 'access.log'), 0 for 0 .. $swarm->count - 1; return }

# Bytes of shards that hosts sent since then, when all of them have written what they have to say.
sub served {
    my $sum = sub {
        my $all = 0;
        for my $i (0 .. $swarm->count - 1) { $all += $_ for read_file($swarm->path($i, 'access.log')) =~ m{^GET /v1/shards/\w+ \d+ (\d+)$}mg }
        return $all;
    };
    my ($was, $since) = (-1, 0);
    wait_for(10, sub {
        my $now = $sum->();
        ($was, $since) = ($now, Time::HiRes::time()) if $now != $was;
        return Time::HiRes::time() - $since > 0.3;
    });
    return $was;
}

# What unfinished gets left in a folder.
sub partials { my ($dir) = @_; my @all = glob "$dir/.layr-get-*"; return @all }

# Bytes that were written to the files in a folder: without holes, and without what a file system keeps in store behind a file's end.
sub weight {
    my ($dir) = @_;
    my $sum = 0;
    File::Find::find({no_chdir => 1, wanted => sub {
        my @s = lstat;    # it may be gone by now
        $sum += $s[7] < 512 * $s[12] ? $s[7] : 512 * $s[12] if @s && -f _;
    }}, $dir);
    return $sum;
}

# A get that has written so many bytes into the folder.
sub under_way {
    my ($dir, $bytes, @args) = @_;
    my $p = spawn({}, build('bin/layr-get'), @args);
    my $size = sub { my $sum = 0; $sum += -d $_ ? weight($_) : -s _ // 0 for partials($dir); return $sum };
    wait_for(60, sub { kill(0, $p->pid) && $size->() >= $bytes });
    return $p;
}

# It is cut off there by a signal; its exit status. On a busy machine it may be done before the signal comes: then once more.
sub cut_get {
    my ($signal, $dir, $bytes, @args) = @_;
    my ($to) = map { $args[$_ + 1] } grep { $args[$_] eq '-o' } 0 .. $#args;
    my $r;
    for (1 .. 5) {
        my $p = under_way($dir, $bytes, @args);
        $p->kill($signal);
        $r = $p->wait;
        last if $r->{status} != 0;
        chmod 0700, glob "$to/*";
        File::Path::remove_tree($to);
    }
    return $r;
}

sub resumed_get {
    my ($what, $dir, $want, $to, @args) = @_;
    my $r = tool('layr-get', '--json', '--resume', '-o', $to, @args);
    is($r->{status}, 0, "$what: gone on with") or diag($r->{err});
    ok(same_file($to, $want), "$what: the file is right");
    is_deeply([partials($dir)], [], "$what: nothing is left beside it");
    unlink $to;
    return $r->{status} == 0 ? {%{unjson($r->{out})}, words => $r->{err}} : {};
}

# So many gets, each killed at a random moment and gone on with: less than a tenth of a large file is sent twice.
sub get_kills {
    my ($count, $dir, $cap, $file) = @_;
    for my $i (1 .. $count) {
        my $moment = int rand(0.9 * -s $file);
        my $what = sprintf 'killed with %.1f MiB there', $moment / (1 << 20);
        forget_served();
        is(cut_get('KILL', $dir, $moment, '--resume', '-o', "$dir/file", $cap)->{status}, -9, $what);
        my $got = resumed_get($what, $dir, $file, "$dir/file", $cap);
        cmp_ok($got->{found_bytes} // 0, '>=', $moment - (16 << 20), "$what: what was there is found");
        my $sent = served() / (-s $file) / 4112 * 4096;    # of the blocks; there are tags with them
        cmp_ok($sent, '<=', 1.1, "$what: and little is sent twice");
        note(sprintf '%s: %.3f of the need was sent', $what, $sent);
    }
    return;
}

1;
