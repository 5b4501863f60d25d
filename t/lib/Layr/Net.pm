package Layr::Net;

# Owners of a swarm whose hosts find each other, for tests that name a seed and nothing else:
#
#     my $swarm = Layr::Test->swarm(12, '--seed');
#     met($swarm, 0 .. 11);                                  # all know each other
#     my $me = home('me');                                   # {env}: a home of its own, for tool()
#     my $rows = shards(ls($me, @seed, 'name'));             # {host id => [rows]} by unit

use strict;
use warnings;

use Exporter qw(import);
use Layr::Kad;
use Layr::Test;
use List::Util qw(min sum0);
use Test::More;

our @EXPORT = qw(met home seed key_in ls live_of readable move);

# -s URL#id of a host.
sub seed { my ($swarm, $i) = @_; return ('-s', ($swarm->urls)[$i // 0]) }

# How many of these ids a table of the host with this id has room for: 20 for each length of the prefix that they share.
sub room {
    my ($own, @ids) = @_;
    my %bucket;
    $bucket{(unpack('B*', pack('H*', $own) ^ pack('H*', $_)) =~ /^(0*)/)[0]}++ for grep { $_ ne $own } @ids;
    return sum0(map { min($_, 20) } values %bucket);
}

# Each of them knows all of them, or as many as its table has room for.
sub met {
    my ($swarm, @which) = @_;
    my %want = map { $swarm->id($_) => 1 } @which;
    my $good = wait_for(60, sub {
        for my $i (@which) {
            return 0 if (kad($swarm->url($i)) // {contacts => 0})->{contacts} < room($swarm->id($i), keys %want);
            next if @which > 20;    # an answer has no more
            my %knows = map { $_ => 1 } known($swarm->url($i)), $swarm->id($i);
            return 0 if grep { !$knows{$_} } keys %want;
        }
        return 1;
    });
    return ok($good, scalar(@which) . ' hosts find each other');
}

# Start a host that is down at another port, with another seed (a number): its URL then. Its processes live in its folder, as the
# swarm's do, and end with them.
sub move {
    my ($swarm, $i, $seed) = @_;
    my ($old) = $swarm->url($i) =~ /:(\d+)$/;
    my $port = $old > 30000 ? $old - 7777 : $old + 7777;
    my $conf = $swarm->path($i, 'nginx.conf');
    my $lives = ($swarm->urls)[$seed];
    write_file($conf, read_file($conf) =~ s/:$old\b/:$port/gr =~ s/\n\s*layr_seed \S+;//r =~ s/(?=\n\s*layr_allow_private)/\nlayr_seed $lives;/r);
    my ($nginx) = grep { -x } $ENV{LAYR_NGINX} // (), '/usr/sbin/nginx';
    my $r = run('sh', '-c', 'cd "$1" && exec "$2" -p "$1" -c nginx.conf', 'sh', $swarm->path($i), $nginx);
    is($r->{status}, 0, "host $i listens at $port instead of $old") or diag($r->{err});
    return $swarm->url($i) =~ s/:$old$/:$port/r;
}

sub home {
    my ($name, %more) = @_;
    mkdir scratch($name);
    return {env => {LAYR_HOME => scratch($name)}, timeout => 120, %more};
}

sub key_in {
    my ($home) = @_;
    my $r = tool($home, 'layr-key', 'new');
    is($r->{status}, 0, 'a key') or diag($r->{err});
    return $r->{out};
}

# What layr-ls --json says of a file, whether it can be read or not.
sub ls {
    my ($home, @args) = @_;
    my $r = tool($home, 'layr-ls', '--json', @args);
    return $r->{out} ne '' ? unjson($r->{out}) : fail("layr-ls @args: $r->{err}");
}

# Rows of each segment at hosts that live, from what the manifest says: a list of counts.
sub live_of {
    my ($ls, %lives) = @_;
    my @host = map { $_->{id} } @{$ls->{hosts}};
    my @live;
    for my $u (grep { !$_->{page} } @{$ls->{units}}) {
        push @live, scalar grep { defined $_->{host} && $lives{$host[$_->{host}]} } @{$u->{rows}};
    }
    return @live;
}

# Is every segment of it?
sub readable { my ($ls, $k, %lives) = @_; return !grep { $_ < $k } live_of($ls, %lives) }

1;
