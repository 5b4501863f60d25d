#!/usr/bin/perl
# layr-swarm: hosts come up, are killed, come back at the same place with the same identity, and go away with all their processes.
use strict;
use warnings;
use lib 't/lib';
use IO::Socket::INET ();
use Layr::Test;
use Test::More;

sub swarm_tool { return tool('layr-swarm', @_) }

# The state of each host as `status` has it: up, silent or down.
sub states {
    my ($dir) = @_;
    my $r = swarm_tool('status', '--json', $dir);
    return join ' ', map { $_->{state} } @{unjson($r->{out})};
}

# Processes that live in a host's folder.
sub processes {
    my ($prefix) = @_;
    return grep { (readlink("$_/cwd") // '') eq $prefix } glob '/proc/[0-9]*';
}

sub node {
    my ($url) = @_;
    return http(GET => "$url/v1/node", timeout => 5);
}

subtest 'usage' => sub {
    for my $case ([[], 'an argument is missing'], [['start'], 'more arguments'], [['dance', scratch('x')], 'unknown command'],
        [['start', '--dance', scratch('x')], 'unknown option --dance'], [['start', '-n', '0', scratch('x')], "'0' is not a whole number"],
        [['start', '-n'], '-n needs an argument'], [['start', '--plain', '--h2c', scratch('x')], 'exclude each other'],
        [['stop', scratch('x'), '1'], 'unexpected argument'], [['kill', scratch('x')], 'numbers of the hosts'])
    {
        my ($args, $words) = @$case;
        my $r = swarm_tool(@$args);
        is($r->{status}, 2, "layr-swarm @$args: exit status");
        like($r->{err}, qr/\Q$words/, "layr-swarm @$args: says why");
    }
    ok(!-e scratch('x'), 'nothing was made');
    my $r = swarm_tool('--help');
    is($r->{status}, 0, '--help');
    cmp_ok(scalar(split /\n/, $r->{out}), '<', 40, '--help fits a screen');
    ok(!(grep { length > 80 } split /\n/, $r->{out}), '--help is no wider than 80');
};

subtest 'life of a swarm' => sub {
    my $swarm = Layr::Test->swarm(4);
    my $dir = $swarm->dir;
    my @urls = $swarm->urls;
    is(scalar @urls, 4, 'a URL a host');
    for my $i (0 .. 3) {
        like($urls[$i], qr{^https://127\.1\.$i\.1:\d+#[0-9a-f]{64}$}, "host $i: its address and id");
        my $a = node($swarm->url($i));
        is("$a->{status} $a->{version}", '200 2', "host $i answers over HTTP/2");
        is(read_file($swarm->path($i, 'store/host.id')), $swarm->id($i) . "\n", "host $i: the id is its store's");
    }
    is(states($dir), 'up up up up', 'status');

    my $r = swarm_tool('start', $dir);
    is($r->{status}, 1, 'a second start is refused');
    like($r->{err}, qr/is running/, 'and says why');

    my @pids = processes($swarm->path(1));
    cmp_ok(scalar @pids, '>=', 2, 'host 1 has master and worker');
    $swarm->kill(1, 3);
    is_deeply([processes($swarm->path(1))], [], 'after kill it has none');
    is(states($dir), 'up down up down', 'only those named are down');
    isnt(node($swarm->url(1))->{curl}, 0, 'a killed host does not answer');
    is(swarm_tool('kill', $dir, 1)->{status}, 0, 'killing it again is no error');
    $r = swarm_tool('kill', $dir, 4);
    is($r->{status}, 2, 'there is no host 4');
    is(states($dir), 'up down up down', 'and nothing happened');

    $swarm->revive(1, 3, 0);
    is(states($dir), 'up up up up', 'revived');
    is_deeply([split /\n/, swarm_tool('urls', $dir)->{out}], \@urls, 'same URLs and ids');

    # A master that dies alone leaves workers that still listen.
    my ($master) = grep { read_file("$_/cmdline") =~ /^nginx: master/ } processes($swarm->path(2));
    kill 'KILL', $master =~ /(\d+)$/;
    $swarm->kill(2);
    is_deeply([processes($swarm->path(2))], [], 'workers without a master are ended too');

    $swarm->stop;
    is(states($dir), 'down down down down', 'stopped');
    is(swarm_tool('stop', $dir)->{status}, 0, 'stopping it again is no error');
    $r = swarm_tool('start', '-n', 3, $dir);
    is($r->{status}, 2, 'a swarm does not shrink');
    $swarm->start('-n', 5);
    my @more = split /\n/, swarm_tool('urls', $dir)->{out};
    is_deeply([@more[0 .. 3]], \@urls, 'started again: same URLs and ids');
    is(scalar @more, 5, 'and one host more');
    ok($swarm->quiet, 'error logs are clean') or diag($swarm->noise);
};

subtest 'plain http and h2c' => sub {
    my $plain = Layr::Test->swarm(1, '--plain');
    is(http(GET => $plain->url(0) . '/v1/node', version => '1.1')->{version}, '1.1', 'http/1.1');
    my $h2c = Layr::Test->swarm(1, '--h2c');
    my $a = http(GET => $h2c->url(0) . '/v1/node', version => 'h2c');
    is("$a->{status} $a->{version}", '200 2', 'HTTP/2 with prior knowledge');
    $_->stop for $plain, $h2c;
};

subtest 'what goes wrong' => sub {
    my $full = scratch('full');
    mkdir $full;
    write_file("$full/precious", 'x');
    my $r = swarm_tool('start', $full);
    is($r->{status}, 1, 'a folder with other things in it is left alone');
    is_deeply([glob "$full/*"], ["$full/precious"], 'nothing was added');

    $r = swarm_tool('stop', $full);
    is($r->{status}, 1, 'stop where no swarm is');

    $r = swarm_tool('start', '--nginx', '/nowhere/nginx', scratch('none'));
    is($r->{status}, 1, 'no nginx');
    like($r->{err}, qr{/nowhere/nginx}, 'and says which');

    my $taken = IO::Socket::INET->new(LocalAddr => '127.1.1.1', LocalPort => 0, Listen => 1) or die "listen: $!";
    my $port = $taken->sockport;
    $r = swarm_tool('start', '-n', 2, '--port', $port, scratch('taken'));
    is($r->{status}, 1, 'a port that is taken at one address');
    like($r->{err}, qr/port $port .* 127\.1\.1\.1/, 'and says where');

    $r = swarm_tool('start', '-n', 2, '--directive', 'layr_nonsense on;', scratch('bad'));
    is($r->{status}, 1, 'a directive that nginx does not know');
    like($r->{err}, qr/unknown directive "layr_nonsense"/, "nginx's words");
    is(states(scratch('bad')), 'down down', 'nothing is left running');
};

subtest 'a path that has to be quoted' => sub {
    my $dir = scratch(q{a "b" $c \d});
    my $r = swarm_tool('start', '-n', 1, $dir);
    is($r->{status}, 0, 'start') or diag($r->{err});
    is(states($dir), 'up', 'up');
    is(swarm_tool('stop', $dir)->{status}, 0, 'stop');
};

done_testing;
