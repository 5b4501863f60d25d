package Layr::Story;

# The whole story of keeping: 12 hosts and some more to come, 20 files of mixed sizes and schemes, and a script, which follows from
# a seed, that kills and revives hosts, flips bits, deletes shards, empties stores and adds hosts, round after round, but leaves k
# good shards of each segment. After each round's
#
#     layr-keep --once --threshold n --grace 0
#
# every segment has n good shards on n distinct hosts. That is looked at without layr-keep's help: the rows from the manifests as
# t/second reads them, the bytes in the hosts' stores.
#
#     story(rounds => 6, seed => 1);

use strict;
use warnings;

use Exporter qw(import);
use Layr::Test;
use Test::More;

our @EXPORT = qw(story);

my @schemes = qw(1/3 4/8 2/5 3/6 4/9 1/4 6/9 2/8);
my @sizes   = (12, 4096, 4097, 20_000, 65_520, 65_521, 300_000, 1_000_000, 2_500_000, 9_000_000);
use constant {HOSTS => 12, MORE => 3, DEAD => 3};

# --- the network

sub new {
    my ($class, $seed) = @_;
    my $self = bless {swarm => Layr::Test->swarm(HOSTS + MORE), known => HOSTS, dead => {}, random => $seed, files => []}, $class;
    my $swarm = $self->{swarm};
    $self->{number} = {map { $swarm->id($_) => $_ } 0 .. HOSTS + MORE - 1};
    $self->{url} = [$swarm->urls];
    $swarm->kill(HOSTS .. HOSTS + MORE - 1);
    tool('layr-key', 'new')->{status} == 0 or die 'no key';
    $self->configure;
    return $self;
}

# Which hosts the owner knows.
sub configure {
    my ($self) = @_;
    return write_file(scratch('home/layr.conf'), join '', map { "host $self->{url}[$_]\n" } 0 .. $self->{known} - 1);
}

# 0 .. n - 1, the same for the same seed.
sub any {
    my ($self, $n) = @_;
    $self->{random} = ($self->{random} * 6364136223 + 1442695041) % (1 << 31);
    return ($self->{random} >> 8) % $n;
}

sub live { my ($self) = @_; return grep { !$self->{dead}{$_} } 0 .. $self->{known} - 1 }

# --- the files

sub put_all {
    my ($self, $count) = @_;
    for my $i (0 .. $count - 1) {
        my ($size, $scheme) = ($sizes[$i % @sizes] + $i, $schemes[$i % @schemes]);
        my $path = make_file(scratch("file$i"), $size, "story $i");
        my $r = tool('layr-put', '-q', '-k', $scheme, $path);
        $r->{status} == 0 or die "put: $r->{err}";
        chomp(my $cap = $r->{out});
        push @{$self->{files}}, {name => "file$i", path => $path, cap => $cap, scheme => $scheme};
    }
    return;
}

# What the newest record of each file says that a live host has: {seq, k, n, segments => [[{shard, host (number)}, ..], ..]}.
sub manifests {
    my ($self, @files) = @_;
    my $r = run({stdin => join '', map { "$_->{cap}\n" } @files}, 't/lib/manifests', map { $self->{swarm}->path($_, 'store/layr.db') } $self->live);
    die "manifests: $r->{err}" if $r->{status} != 0;
    my @all = @{unjson($r->{out})};
    for my $m (@all) {
        die 'no live host has a record of a file' if !$m;
        $_->{host} = $self->{number}{$_->{host} // ''} for map { @$_ } @{$m->{segments}};
    }
    return @all;
}

# Is this row's shard at its host, live and whole?
sub is_good {
    my ($self, $row) = @_;
    return 0 if !defined $row->{host} || $self->{dead}{$row->{host}};
    my $path = $self->{swarm}->blob($row->{host}, $row->{shard});
    return -e $path && sha256_file($path) eq $row->{shard};
}

# All files are whole: n good shards of each segment, on n distinct hosts.
sub whole {
    my ($self, $what) = @_;
    my (@bad, $segments);
    my @manifests = $self->manifests(@{$self->{files}});
    for my $file (@{$self->{files}}) {
        my $m = $file->{manifest} = shift @manifests;
        my ($n) = $file->{scheme} =~ m{/(\d+)};
        for my $s (0 .. $#{$m->{segments}}) {
            my @rows = @{$m->{segments}[$s]};
            my @good = grep { $self->is_good($_) } @rows;
            my %at = map { $_->{host} => 1 } @good;
            $segments++;
            push @bad, "$file->{name}, segment $s: @{[scalar @good]} good of $n on @{[scalar keys %at]} hosts" if @rows != $n || @good != $n || keys %at != $n;
        }
    }
    ok(!@bad, "$what: $segments segments have all their shards, each on a host of its own") or diag(join "\n", @bad);
    return !@bad;
}

# --- what happens to them

# Rows that a step would take, {"host shard" => 1}, beside those that are gone: does each segment keep k?
sub bearable {
    my ($self, %take) = @_;
    for my $file (@{$self->{files}}) {
        for my $rows (@{$file->{manifest}{segments}}) {
            my $left = grep { !$self->{gone}{"$_->{host} $_->{shard}"} && !$take{"$_->{host} $_->{shard}"} } @$rows;
            return 0 if $left < $file->{manifest}{k};
        }
    }
    $self->{gone} = {%{$self->{gone}}, %take};
    return 1;
}

# All rows of the files, and those at one host.
sub rows {
    my ($self, $host) = @_;
    my @rows = map { map { @$_ } @{$_->{manifest}{segments}} } @{$self->{files}};
    return defined $host ? grep { $_->{host} == $host } @rows : @rows;
}
sub all_of { my ($self, $host) = @_; return map { ("$_->{host} $_->{shard}" => 1) } $self->rows($host) }

sub kill_one {
    my ($self) = @_;
    my @live = $self->live;
    my $i = $live[$self->any(scalar @live)];
    return if keys %{$self->{dead}} >= DEAD || !$self->bearable($self->all_of($i));
    $self->{swarm}->kill($i);
    $self->{dead}{$i} = 1;
    return "host $i dies";
}

sub revive_one {
    my ($self) = @_;
    my @dead = sort { $a <=> $b } keys %{$self->{dead}};
    return if !@dead;
    my $i = $dead[$self->any(scalar @dead)];
    $self->{swarm}->revive($i);
    delete $self->{dead}{$i};
    return "host $i is back";
}

sub empty_one {
    my ($self) = @_;
    my @live = $self->live;
    my $i = $live[$self->any(scalar @live)];
    return if !$self->bearable($self->all_of($i));
    unlink $self->{swarm}->blobs($i);
    return "host $i loses all its shards";
}

sub add_one {
    my ($self) = @_;
    return if $self->{known} == HOSTS + MORE;
    $self->{swarm}->revive($self->{known}++);
    $self->configure;
    return 'host ' . ($self->{known} - 1) . ' is new';
}

sub some_shard {
    my ($self) = @_;
    my @rows = grep { $self->is_good($_) } $self->rows;
    my $row = $rows[$self->any(scalar @rows)];
    return $row && $self->bearable("$row->{host} $row->{shard}" => 1) ? $row : undef;
}

sub delete_one {
    my ($self) = @_;
    my $row = $self->some_shard or return;
    unlink $self->{swarm}->blob($row->{host}, $row->{shard});
    return 'a shard is deleted at host ' . $row->{host};
}

sub flip_one {
    my ($self) = @_;
    my $row = $self->some_shard or return;
    my $path = $self->{swarm}->blob($row->{host}, $row->{shard});
    chmod 0600, $path;
    open my $f, '+<:raw', $path or die "$path: $!";
    my $at = $self->any(-s $path);
    seek $f, $at, 0;
    read $f, my $byte, 1;
    seek $f, $at, 0;
    print {$f} chr(ord($byte) ^ 1 << $self->any(8));
    close $f or die "$path: $!";
    return "a bit flips at host $row->{host}";
}

my @steps = (\&kill_one, \&flip_one, \&flip_one, \&delete_one, \&delete_one, \&delete_one, \&revive_one, \&kill_one, \&empty_one, \&flip_one, \&revive_one);

sub damage {
    my ($self, $round) = @_;
    my @did;
    $self->{gone} = {};
    push @did, $self->add_one if $round % 3 == 2;
    push @did, $steps[$self->any(scalar @steps)]->($self) for 1 .. 8;
    return grep { defined } @did;
}

# --- the end

sub keep { return tool({timeout => 600}, 'layr-keep', '--once', '--threshold', 'n', '--grace', 0, @_) }

sub read_all {
    my ($self) = @_;
    my @bad;
    for my $file (@{$self->{files}}) {
        my $to = scratch('back');
        my $r = tool('layr-get', '-q', '-f', '-o', $to, $file->{cap});
        push @bad, "$file->{name}: $r->{err}" if $r->{status} != 0 || !same_file($to, $file->{path});
    }
    return ok(!@bad, 'every file reads back byte for byte') || diag(join "\n", @bad);
}

# One segment falls below k: it is named, and nothing of the file is changed.
sub below_k {
    my ($self) = @_;
    my ($file) = grep { @{$_->{manifest}{segments}} > 0 && $_->{manifest}{k} > 1 } @{$self->{files}};
    my @rows = grep { !$self->{dead}{$_->{host}} } @{$file->{manifest}{segments}[0]};
    my @take = @rows[0 .. @rows - $file->{manifest}{k}];
    unlink $self->{swarm}->blob($_->{host}, $_->{shard}) for @take;
    my $r = keep();
    is($r->{status}, 4, "$file->{name} has fewer than k shards of a segment: exit 4") or diag($r->{err});
    like($r->{err}, qr/^layr-keep: \Q$file->{name}\E: .*segment.*number 0/m, 'the file and the segment are named');
    is_deeply(($self->manifests($file))[0], $file->{manifest}, 'nothing of it was changed');
    my @lost = grep { $_->{lost_segments} } @{unjson(tool('layr-keep', 'status', '--json')->{out})->{files}};
    is("@{[map { $_->{name} } @lost]}", $file->{name}, 'the status says which');
    return;
}

sub story {
    my (%o) = @_;
    my $self = Layr::Story->new($o{seed});
    $self->put_all($o{files} // 20);
    $self->whole('at first') or return;
    for my $round (1 .. $o{rounds}) {
        my @did = $self->damage($round);
        note("round $round: ", join '; ', @did);
        my $r = keep();
        is($r->{status}, 0, "round $round: " . @did . ' things happen, and layr-keep copes') or diag(join("\n", @did), "\n$r->{err}");
        $self->whole("round $round") or last;
    }
    $self->read_all;
    $self->below_k;
    my $noise = join '', grep { !/the shard \S+ is not there any more|damaged/ } split /^/, $self->{swarm}->noise;
    is($noise, '', 'error logs');
    return;
}

1;
