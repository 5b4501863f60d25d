#!/usr/bin/perl
# Another binary in the place of a running one (USR2, then WINCH and QUIT), and back again, during slow uploads and downloads:
# all of them complete, both masters' workers share the store, and the one that stays goes on alone. And a reload during as many.
use strict;
use warnings;
use lib 't/lib';
use Layr::Books;
use Layr::Host;
use Layr::Test;
use Test::More;
use Time::HiRes ();

my $alice = owner();
my $swarm = Layr::Test->swarm(1, '--plain', '--workers', 2);
my $w = Layr::Host::wire('HTTP/1.1', $swarm, '1.1');
# nginx keeps its environment from another binary, and with it a sanitizer's options.
my $conf = $swarm->path(0, 'nginx.conf');
write_file($conf, join('', map { "env $_;\n" } sort grep { /^[A-Z]+SAN_OPTIONS$/ } keys %ENV) . read_file($conf));
my @down = map { shard_of(512, "down $_") } 0 .. 9;
is(put_shard($w, $_, order($alice, $w->{id}, $_))->{status}, 201, 'what will be downloaded') for @down;

sub pid_in   { chomp(my $pid = eval { read_file($swarm->path(0, $_[0])) } // ''); return $pid }
# Its workers; a new binary's master is its child, too.
sub children {
    my ($pid) = @_;
    return grep { (eval { read_file("/proc/$_/cmdline") } // '') =~ /worker process/ } split ' ', eval { read_file("/proc/$pid/task/$pid/children") } // '';
}

# Ten up and ten down, at 400 KiB a second: five seconds each.
sub start {
    my ($what) = @_;
    my @all;
    for my $i (0 .. 9) {
        my $s = shard_of(512, "$what $i");
        my $body = write_file(scratch("up-$s->{id}"), $s->{bytes});
        my $out = scratch("down-$i-" . substr $s->{id}, 0, 8);
        my @slow = ('curl', '-sS', '--noproxy', '*', '--http1.1', '-w', '%{http_code}', '--limit-rate', '400k');
        push @all, {what => "upload $i", shard => $s, want => 201, curl => spawn({timeout => 60}, @slow, '-o', '/dev/null', '-H', 'Expect:',
            '-H', 'Authorization: Layr ' . order($alice, $w->{id}, $s), '-T', $body, "$w->{url}/v1/shards/$s->{id}")};
        push @all, {what => "download $i", out => $out, shard => $down[$i], want => 200,
            curl => spawn({timeout => 60}, @slow, '-o', $out, "$w->{url}/v1/shards/$down[$i]{id}")};
    }
    Time::HiRes::sleep(0.7);
    return @all;
}

sub finish {
    my ($name, @all) = @_;
    for my $x (@all) {
        my $r = $x->{curl}->wait;
        my $file = $x->{out} // $swarm->blob(0, $x->{shard}{id});
        my $good = $r->{out} eq $x->{want} && -e $file && sha256_file($file) eq $x->{shard}{id};
        ok($good, "$name: $x->{what} completes, with its bytes") or diag("$r->{out} $r->{err}");
    }
    return;
}

sub still_works {
    my ($name) = @_;
    my $s = shard_of(1, $name);
    is(put_shard($w, $s, order($alice, $w->{id}, $s))->{status}, 201, "$name: a shard is stored") for 1;
    is(ask($w, GET => "/v1/shards/$s->{id}")->{body} eq $s->{bytes} ? 'same' : 'other', 'same', "$name: and given out");
    return;
}

# The new master beside the old.
sub second_master {
    my ($old) = @_;
    kill 'USR2', $old;
    ok(wait_for(15, sub { my $new = pid_in('nginx.pid'); $new && $new ne $old && pid_in('nginx.pid.oldbin') eq $old && children($new) >= 2 }), 'two masters')
        or diag(read_file($swarm->path(0, 'error.log')));
    return pid_in('nginx.pid');
}

subtest 'a reload' => sub {
    my @all = start('reload');
    my @old = children(pid_in('nginx.pid'));
    kill 'HUP', pid_in('nginx.pid');
    ok(wait_for(10, sub { my %old = map { $_ => 1 } @old; grep { !$old{$_} } children(pid_in('nginx.pid')) }), 'new workers');
    still_works('while two generations of workers are there');
    finish('reload', @all);
    books_agree($w, 'after it');
};

subtest 'a new binary' => sub {
    my $old = pid_in('nginx.pid');
    my @all = start('upgrade');
    my $new = second_master($old);
    still_works("both masters, request $_") for 1 .. 6;
    kill 'WINCH', $old;
    Time::HiRes::sleep(0.5);
    still_works("the new master's workers, request $_") for 1 .. 3;
    finish('upgrade', @all);
    ok(wait_for(20, sub { !children($old) }), 'the old workers end when they are done');
    kill 'QUIT', $old;
    ok(wait_for(15, sub { !kill(0, $old) && !-e $swarm->path(0, 'nginx.pid.oldbin') }), 'the old master ends');
    is(pid_in('nginx.pid'), $new, 'the new one is the host');
    still_works('the new one alone');
    books_agree($w, 'after it');
};

subtest 'and back' => sub {
    my $old = pid_in('nginx.pid');
    my @all = start('rollback');
    my $new = second_master($old);
    kill 'WINCH', $old;
    Time::HiRes::sleep(0.5);
    my @more = start('on the new one');
    kill 'HUP', $old;
    ok(wait_for(10, sub { children($old) >= 2 }), 'the old master has workers again');
    kill 'QUIT', $new;
    still_works("the old one's workers, request $_") for 1 .. 3;
    finish('rollback', @all, @more);
    ok(wait_for(20, sub { !kill(0, $new) }), 'the new master ends');
    ok(wait_for(5, sub { pid_in('nginx.pid') eq $old }), 'the old one is the host again');
    still_works('the old one alone');
    books_agree($w, 'after it');
};

is(join(' ', grep { -f } glob $swarm->path(0, 'store/tmp/*')), '', 'no temporary file');
ok($swarm->quiet, 'error logs are clean') or diag($swarm->noise);
done_testing;
