#!/usr/bin/perl
# What strangers may try on a host in the DHT: contacts that lie, that lead elsewhere, or come by the thousand; hosts whose answers have no
# end; floods of records. Refused or survived, in bounded time and memory, and counted in v1/status.
use strict;
use warnings;
use lib 't/lib';
use IO::Select ();
use IO::Socket::INET ();
use Layr::Host;
use Layr::Kad;
use Layr::Test;
use Test::More;
use Time::HiRes ();

# X-Real-IP says from which network a request seems to come.
my @real = map { ('--directive', $_) } 'set_real_ip_from 127.0.0.0/8;', 'real_ip_header X-Real-IP;';
my $open = Layr::Test->swarm(1, '--plain', @real, '--directive', 'layr_allow_private on;', '--capacity', '1g');
my $shut = Layr::Test->swarm(1, '--plain', @real, '--capacity', '64m');
my ($a, $b) = map { $_->url(0) } $open, $shut;
my $keeps = ($ENV{LAYR_MODULE} // '') eq 'builtin' ? 300 << 10 : 0;    # KiB: a sanitizer keeps what is freed for a while

sub show {
    my ($url, $contact, $from) = @_;
    return http(GET => "$url/v1/node", version => '1.1', header => ["Layr-Contact: $contact", defined $from ? "X-Real-IP: $from" : ()])->{status};
}
sub refused_by { my ($url, $why) = @_; return (kad($url) // {refused => {}})->{refused}{$why} // 0 }
sub counted {
    my ($url, $why, $n, $name) = @_;
    ok(wait_for(5, sub { refused_by($url, $why) >= $n }), "$name: counted as $why") or diag(json(kad($url)));
    return;
}
sub manager { my ($swarm) = @_; chomp(my $pid = read_file($swarm->path(0, 'nginx.pid'))); return split ' ', read_file("/proc/$pid/task/$pid/children") }
sub resident {
    my ($swarm) = @_;
    my $sum = 0;
    for (manager($swarm)) { my ($kib) = read_file("/proc/$_/status") =~ /^VmRSS:\s+(\d+)/m; $sum += $kib }
    return $sum;
}

# One that notes who connects, and says nothing.
my @listeners;
sub listener {
    my ($address) = @_;
    my $s = IO::Socket::INET->new(LocalAddr => $address, LocalPort => 0, Listen => 64, ReuseAddr => 1) // die "$address: $!";
    push @listeners, $s;
    return $s;
}
sub contacted { my ($s, $seconds) = @_; return scalar IO::Select->new($s)->can_read($seconds // 0) }

subtest 'contacts that are not what they say' => sub {
    my $key = owner();
    my $url = 'http://127.4.4.4:9';
    my $good = contact($key, $url);
    my ($head, $body, $signature) = split /\./, $good;
    my $other = contact(owner(), $url);
    my @bad = (
        ['a signature of another', 'signature', join('.', $head, $body, (split /\./, $other)[2])],
        ['the id of another', 'malformed|signature', contact($key, $url, host => 'ab' x 32)],
        ['expired', 'expired', contact($key, $url, iat => time - 90000, exp => time - 3600)],
        ['from the future', 'future', contact($key, $url, iat => time + 3600, exp => time + 90000)],
        ['without a URL', 'url', contact($key, undef)],
        ['garbage', 'malformed', 'x' x 300],
        ['an order', 'malformed', sign($key, 'layr-order', {v => 1, url => 'x' x 100})],
        ['too long', 'malformed', $good . 'A' x 1024],
        ['an unknown member', 'malformed', contact($key, $url, admin => 1)],
    );
    my $net = 0;
    for (@bad) {
        my ($name, $why, $text) = @$_;
        my @why = split /\|/, $why;
        my $before = refused_by($a, $why[0]) + (@why > 1 ? refused_by($a, $why[1]) : 0);
        is(show($a, $text, '203.0.' . $net++ . '.1'), 200, "$name: the request is answered");
        ok(wait_for(5, sub { my $sum = 0; $sum += refused_by($a, $_) for @why; $sum > $before }), "$name: refused as $why") or diag(json(kad($a)));
    }
    is(kad($a)->{contacts}, 0, 'none has entered');
};

subtest 'contacts that lead elsewhere' => sub {
    my $third = listener('127.8.8.8');
    my $port = $third->sockport;
    my $to = sub { contact(owner(), $_[0]) };
    my $before = refused_by($a, 'address');
    show($a, $to->("http://127.8.8.8:$port"), '198.18.7.7');
    show($a, $to->("http://localhost:$port"), '198.18.8.7');
    show($a, $to->("http://localhost:$port"));
    show($a, $to->("http://127.8.8.8.example:$port"));
    show($a, $to->('http://169.254.169.254'), '198.18.9.7');
    counted($a, 'address', $before + 4, 'a third party');

    # Of its own network, but nobody may be in there.
    show($b, $to->("http://127.8.8.8:$port"), '127.8.8.9');
    show($b, $to->("http://127.8.8.8:$port"));
    show($b, $to->('http://10.9.9.9:1'), '10.9.9.1');
    show($b, $to->('http://169.254.3.3:1'), '169.254.3.1');
    counted($b, 'address', 4, 'loopback, private, link-local');
    ok(!contacted($third, 1), 'nobody has connected there');

    show($a, $to->("http://127.8.8.8:$port"), '127.8.8.9');
    ok(contacted($third, 5), 'where it may be, it is pinged');
    @listeners = ();
};

# All from 198.51.100.0/24, over one connection: a thousand signed by keys of their own, each with nine that were altered.
subtest 'ten thousand of them from one network' => sub {
    my $now = time;
    my @flood = map {
        my $key = owner(pack 'N8', $_, 1 .. 7);
        my $id = sha256_hex($key->{public});
        my $input = b64url('{"alg":"EdDSA","kid":"' . b64url($key->{public}) . '","typ":"layr-contact"}') . '.' . b64url(
            qq({"capacity":"1","exp":@{[$now + 86400]},"free":"1","h2c":false,"host":"$id","iat":$now,"leaving":false,"pins":[],"price":"0","rails":[],"seq":"$_","url":"http://198.51.100.9:8080","v":1}));
        my $text = "$input." . b64url($key->{key}->sign_message($input));
        my $number = $_;
        map { substr($text, 0, -8) . ($_ ? sprintf('%dA%05dA', $_, $number) : substr $text, -8) } 0 .. 9;
    } 1 .. 1_000;
    my $rss = resident($open);
    my %before = %{kad($a)};
    my ($address, $port) = $a =~ m{//([^:]+):(\d+)};
    my $s = IO::Socket::INET->new(PeerAddr => $address, PeerPort => $port) // die $!;
    my $began = Time::HiRes::time();
    my $answers = 0;
    for my $chunk (0 .. 99) {
        print {$s} map { "GET /v1/node HTTP/1.1\r\nHost: x\r\nX-Real-IP: 198.51.100." . ($_ % 250) . "\r\nLayr-Contact: $flood[$_]\r\n\r\n" } 100 * $chunk .. 100 * $chunk + 99;
        my ($in, $n) = ('', 0);
        while ($n < 100 && sysread($s, $in, 1 << 20, length $in)) { $n = () = $in =~ /^HTTP\/1\.1 200 OK/mg }
        $answers += $n;
    }
    is($answers, 10_000, 'each request is answered');
    note(sprintf '%.1f s for them', Time::HiRes::time() - $began);
    my $k;
    ok(wait_for(10, sub { $k = kad($a); my $sum = $k->{offers} - $before{offers}; $sum += ($k->{refused}{queue} // 0) - ($before{refused}{queue} // 0); $sum >= 10_000 }), 'each is counted') or diag(json($k));
    cmp_ok(($k->{refused}{queue} // 0) - ($before{refused}{queue} // 0), '>', 9_000, 'nearly all as those that nobody has time for');
    cmp_ok($k->{pings} - $before{pings}, '<=', 3, 'hardly any was pinged');
    is($k->{contacts}, $before{contacts}, 'none entered');
    cmp_ok(resident($open) - $rss, '<', 8192 + $keeps, 'in bounded memory');
};

# A host that signs as it should, and whose answers are another matter.
sub vile {
    my ($address, $mode, $elsewhere) = @_;
    my $s = IO::Socket::INET->new(LocalAddr => $address, LocalPort => 0, Listen => 64, ReuseAddr => 1) // die "$address: $!";
    my $key = owner();
    my $url = "http://$address:" . $s->sockport;
    my $log = scratch("vile-$mode");
    my $pid = fork // die $!;
    if ($pid == 0) {
        $SIG{PIPE} = 'IGNORE';
        $SIG{CHLD} = 'IGNORE';
        while (my $c = $s->accept) {
            next if fork;
            my $head = '';
            while ($head !~ /\r\n\r\n/) { sysread($c, $head, 65536, length $head) or POSIX::_exit(0) }
            my ($path) = $head =~ /^GET (\S+)/;
            open my $f, '>>', $log; print {$f} "$path\n"; close $f;
            my $contact = contact($key, $url, seq => sprintf('%d', Time::HiRes::time() * 1e6));
            my $say = sub { my ($body, $status) = @_; print {$c} "HTTP/1.1 @{[$status // '200 OK']}\r\nContent-Type: application/json\r\nContent-Length: " . length($body) . "\r\n\r\n$body" };
            if ($path =~ /nonce=([\w-]+)/) {
                my $now = time;
                my $node = sign($key, 'layr-node', {v => 1, iat => $now, exp => $now + 60, host => sha256_hex($key->{public}), nonce => $1, contact => sha256_hex($contact)});
                $say->(json({contact => $contact, node => $node}));
            } elsif ($mode eq 'many') {
                $say->(json({contacts => [($contact) x 10_000]}));
            } elsif ($mode eq 'redirect') {
                print {$c} "HTTP/1.1 302 Found\r\nLocation: $elsewhere/v1/closest/" . '0' x 64 . "\r\nContent-Length: 0\r\n\r\n";
            } else {
                print {$c} "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{\"contacts\": [";
                1 while print {$c} '"' . 'A' x 100_000 . '",';
            }
            close $c;
            POSIX::_exit(0);
        }
        POSIX::_exit(0);
    }
    return {pid => $pid, url => $url, key => $key, log => $log, id => sha256_hex($key->{public}), address => $address};
}

subtest 'hosts whose answers are hostile' => sub {
    my $elsewhere = listener('127.8.9.1');
    my @vile = map { vile("127.9.$_->[1].1", $_->[0], 'http://127.8.9.1:' . $elsewhere->sockport) } ['many', 1], ['redirect', 2], ['endless', 3];
    my $rss = resident($open);
    show($a, contact($_->{key}, $_->{url}), $_->{address}) for @vile;
    ok(wait_for(10, sub { kad($a)->{contacts} == 3 }), 'they have answered a ping, and are in the table') or diag(json(kad($a)));
    ok(wait_for(15, sub { 3 == grep { -e $_->{log} && read_file($_->{log}) =~ m{/v1/closest/} } @vile }), 'and were asked by a lookup') or diag(json(kad($a)));
    Time::HiRes::sleep(1);
    ok(!contacted($elsewhere), 'no redirect was followed');
    is(kad($a)->{contacts}, 3, 'nobody else entered');
    cmp_ok(resident($open) - $rss, '<', 16384 + $keeps, 'in bounded memory');
    is(http(GET => "$a/v1/closest/$vile[0]{id}", version => '1.1')->{status}, 200, 'the host goes on');
    kill 'KILL', map { $_->{pid} } @vile;
    waitpid $_->{pid}, 0 for @vile;
    @listeners = ();
};

subtest 'records' => sub {
    my $put = sub {
        my ($url, $place, $jws, $from) = @_;
        return http(PUT => "$url/v1/records/$place", version => '1.1', body => $jws, header => ['Content-Type: application/jose', "X-Real-IP: $from"]);
    };
    my $file = owner();
    my $two = record($file, 2);
    is($put->($a, place($file, 0), $two, '192.0.2.1')->{status}, 201, 'a record');
    is($put->($a, place($file, 0), record($file, 1), '192.0.2.1')->{status}, 412, 'a lower sequence stays out');
    my ($h, $p) = split /\./, record($file, 3);
    is($put->($a, place($file, 0), join('.', $h, $p, (split /\./, $two)[2]), '192.0.2.1')->{status}, 403, 'so does another signer\'s');
    is($put->($a, place(owner(), 0), record($file, 3), '192.0.2.1')->{status}, 403, 'and one at a place that is not its own');
    is($put->($a, place($file, 0), record($file, 3, 'r' x 60_000), '192.0.2.1')->{status}, 413, 'and one too large');
    is(http(GET => "$a/v1/records/" . place($file, 0), version => '1.1')->{body}, $two, 'what was there stays');

    # The share is 16 MiB, a network's part of it 4 MiB; a record is 44 kB.
    my ($kept, $answer) = (0);
    while ($kept < 120) {
        my $key = owner();
        $answer = $put->($a, place($key, 0), record($key, 1, 'r' x 32_000), '192.0.2.' . $kept);
        last if $answer->{status} != 201;
        $kept++;
    }
    is("$answer->{status} " . (unjson($answer->{body})->{type} // ''), '507 urn:layr:problem:network-records', "a flood from one network ends after $kept");
    cmp_ok($kept, '<', 101, 'at its part');
    my $key = owner();
    is($put->($a, place($key, 0), record($key, 1), '192.1.2.1')->{status}, 201, 'another network\'s is taken');

    # The share is 1 MiB here: what is closest to the host stays.
    my (%there, @status);
    for my $i (1 .. 40) {
        my $k = owner();
        my $r = $put->($b, place($k, 0), record($k, 1, 'r' x 32_000), "192.2.$i.1");
        $status[$i] = $r->{status};
        $there{place($k, 0)} = 1;
    }
    my $s = unjson(http(GET => "$b/v1/status", version => '1.1')->{body});
    cmp_ok($s->{record_bytes}, '<=', 1 << 20, 'the share is kept to');
    cmp_ok($s->{kad}{records_evicted}, '>', 0, 'some gave way');
    my @closest = (by_distance($shut->id(0), keys %there))[0 .. $s->{records} - 1];
    is(scalar(grep { http(GET => "$b/v1/records/$_", version => '1.1')->{status} == 200 } @closest), $s->{records} + 0, 'and those that stayed are the closest to the host');
};

ok($_->quiet, 'error logs are clean') or diag($_->noise) for $open, $shut;
done_testing;
