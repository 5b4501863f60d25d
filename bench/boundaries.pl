# boundaries: what an update sends, in hundredths of the new version, by how the bytes are cut into segments: as layr-put --update
# does, at fixed places, and at places that the content has. Of trees: this one's history, nginx's source before and after Debian's
# work on it, and 1,000 files of 64 KiB of which 10 change each time; of files: some bytes more near the beginning, in the middle,
# and other bytes in the middle.
use strict;
use warnings;
use Layr::Bench;
use Layr::Test;

my $scheme = '4/8';
my $serial = 0;

sub sh { my ($command, @args) = @_; return run('sh', '-ec', $command, 'sh', @args)->{status} == 0 }

sub random_bytes { my ($n) = @_; open my $f, '<:raw', '/dev/urandom' or die $!; read $f, (my $bytes), $n; return $bytes }

# Every so many commits, oldest first.
sub history {
    my ($step, $count) = @_;
    my @commits = grep { length } split /\n/, run('git', 'log', '--first-parent', '--format=%h')->{out};
    my @some = reverse grep { defined } @commits[map { $step * $_ } 0 .. $count - 1];
    my @dirs = map { scratch("history-$_") } @some;
    sh('mkdir "$1"; git archive "$2" | tar -x -C "$1"', $dirs[$_], $some[$_]) or return for 0 .. $#some;
    return @dirs;
}

# Upstream's, and what Debian builds of it: of the newest revision that its mirrors still have.
sub nginx {
    return if short() || !sh('t/lib/nginx-source "$1"', scratch('nginx'));
    my $from = build('nginx-source');
    sh('cd "$1"
        own="-o Dir::Etc::SourceList=$1/sources.list -o Dir::Etc::SourceParts=- -o Dir::State::Lists=$1/lists -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= -o APT::Sandbox::User=$(id -un)"
        for v in $(apt-cache $own showsrc nginx | sed -n "s/^Version: //p" | sort -rV); do
            ls nginx_*.debian.tar.* && break
            apt-get -qq $own source --download-only --only-source nginx=$v || true
        done', $from) or return;
    my ($debian) = glob "$from/nginx_*.debian.tar.*";
    return if !$debian;
    my $ok = sh('cp -a "$1" "$2"; tar -x -C "$2" -f "$3"; cd "$2"; for p in $(grep -v "^#" debian/patches/series); do patch -s -p1 < debian/patches/$p; done',
        scratch('nginx'), scratch('nginx-debian'), $debian);
    return $ok ? (scratch('nginx'), scratch('nginx-debian')) : ();
}

sub small_files {
    my ($files, $versions) = @_;
    my @dirs = map { scratch("small-$_") } 1 .. $versions;
    mkdir $dirs[0] or die "$dirs[0]: $!";
    write_file("$dirs[0]/$_", random_bytes(65536)) for 1 .. $files;
    for my $i (1 .. $versions - 1) {
        sh('cp -al "$1" "$2"', $dirs[$i - 1], $dirs[$i]) or die 'cp';
        for (1 .. int($files / 100) || 1) {
            my $path = "$dirs[$i]/" . (1 + int rand $files);
            unlink $path;
            write_file($path, random_bytes(65536));
        }
    }
    return @dirs;
}

my $file = random_bytes(size(256 << 20, 1 << 20));

# The file, and with bytes put in at that place, after as many left out.
sub changed {
    my ($at, $out) = @_;
    my $bytes = $file;
    substr($bytes, $at, $out) = random_bytes(1000);
    return (scratch('file'), write_file(scratch('changed' . $serial++), $bytes));
}

write_file(scratch('file'), $file);
my @cases = (
    ["this tree's history", [history(size(4, 1), size(20, 2))], 1],
    ["nginx, Debian's",     [nginx()], 1],
    ['1,000 small files',   [small_files(size(1000, 10), size(12, 2))], 1],
    ['bytes more in front', [changed(1000, 0)], 0],
    ['in the middle',       [changed(length($file) / 2, 0)], 0],
    ['others in the middle', [changed(length($file) / 2, 1000)], 0],
);
undef $file;

for my $case (@cases) {
    my ($figure, $versions, $folder) = @$case;
    note("$figure: not to be had here"), next if @$versions < 2;
    my @layouts = ('layr', ('fixed') x $folder, 'content', 'content/1048576', ('content/65536') x $folder);
    my $s = rounds(map {
        my $layout = $_;
        sub {
            my ($m) = @_;
            $m->($layout, undef, sub {
                my $c = client(build('bench/boundaries'), $layout, $scheme, @$versions);
                return {%$c, %{unjson($c->{out})}};
            });
        }
    } @layouts);
    row($s, figure => "$figure: sent", ours => 'layr', peer => $_, unit => '%', value => sub { 100 * $_[0]{sent} / $_[0]{bytes} })
        for grep { $_ ne 'layr' } @layouts;
}
1;
