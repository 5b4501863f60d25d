#!/usr/bin/perl
# The npm package jose verifies our statements: those of a real host, and those that layr-put and layr-rm send, taken off the
# wire by a forwarder between them and the host.
use strict;
use warnings;
use lib 't/lib';
use Cwd ();
use IO::Select ();
use IO::Socket::INET ();
use Layr::Test;
use Test::More;

my $npm = Cwd::abs_path('build/npm') // '';
plan skip_all => 'node is not installed' if run('node', '--version')->{status} != 0;
plan skip_all => 'jose is not in build/npm (./setup test installs it)' if !-e "$npm/node_modules/jose/package.json";

# Forward all connections to a host, and write down what goes there. Ends with the test.
my @forwarders;
END { my $status = $?; kill 'KILL', @forwarders if @forwarders; waitpid $_, 0 for @forwarders; $? = $status }

sub forwarder {
    my ($url, $record) = @_;
    my ($host, $port) = $url =~ m{^http://([^:]+):(\d+)$} or die $url;
    my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 0, Listen => 64) or die "listen: $!";
    my $pid = fork // die "fork: $!";
    if ($pid == 0) {
        $SIG{PIPE} = 'IGNORE';
        open my $log, '>:raw', $record or POSIX::_exit(1);
        $log->autoflush(1);
        forward($listen, $host, $port, $log);
        POSIX::_exit(0);
    }
    push @forwarders, $pid;
    return 'http://127.0.0.1:' . $listen->sockport;
}

sub forward {
    my ($listen, $host, $port, $log) = @_;
    my $all = IO::Select->new($listen);
    my (%peer, %client);
    while (1) {
        for my $s ($all->can_read) {
            if ($s == $listen) {
                my $c = $listen->accept or next;
                my $h = IO::Socket::INET->new(PeerAddr => $host, PeerPort => $port) or next;
                @peer{$c, $h} = ($h, $c);
                $client{$c} = 1;
                $all->add($c, $h);
                next;
            }
            my $peer = $peer{$s} or next;
            if (sysread $s, my $bytes, 65536) {
                print {$log} $bytes if $client{$s};
                for (my $at = 0; $at < length $bytes;) { $at += syswrite($peer, $bytes, 65536, $at) || last }
                next;
            }
            $all->remove($s, $peer);
            delete @peer{$s, $peer};
            close $_ for $s, $peer;
        }
    }
}

my $swarm = Layr::Test->swarm(1, '--plain');
my $wire = scratch('wire');
my $url = forwarder($swarm->url(0), $wire);
my @host = ('-H', "$url#" . $swarm->id(0));
tool('layr-key', 'new');
my $identity = tool('layr-key', 'id')->{out};
my $r = tool('layr-put', @host, '-k', '1/1', '-n', 'file', make_file(scratch('file'), 5000));
is($r->{status}, 0, 'layr-put through the forwarder') or diag($r->{err});
my ($record_id, $record) = unb64url(($r->{out} =~ /^layr:r:([^:]+)/)[0]);
$record = http(GET => $swarm->url(0) . '/v1/records/' . sha256_hex($record_id . "\0"))->{body};
is(tool('layr-rm', @host, 'file')->{status}, 0, 'layr-rm through it');
my $tombstone = http(GET => $swarm->url(0) . '/v1/records/' . sha256_hex($record_id . "\1"))->{body};
my $node = http(GET => $swarm->url(0) . '/v1/node?nonce=' . 'n' x 43);
my $answer = unjson($node->{body});

my $sent = read_file($wire);
my ($order) = $sent =~ /^Authorization: Layr (\S+)\r$/m;
my $jws = qr/[\w-]+\.[\w-]*\.[\w-]+/;
# What follows a body begins without a gap: its length says where it ends.
my $head = $sent =~ m{^POST /v1/orders HTTP/1\.1\r\n(.*?\r\n\r\n)}msg ? $1 : q{};
my $orders = substr $sent, pos($sent) // 0, $head =~ /^Content-Length: (\d+)/mi ? $1 : 0;
my @statements = (
    {name => 'contact', typ => 'layr-contact', jws => $answer->{contact}},
    {name => 'Layr-Contact header', typ => 'layr-contact', jws => $node->{header}{'layr-contact'}},
    {name => 'node', typ => 'layr-node', jws => $answer->{node}},
    {name => 'order', typ => 'layr-order', jws => $order},
    {name => 'orders', typ => 'layr-orders', jws => $orders},
    {name => 'record', typ => 'layr-record', jws => $record},
    {name => 'record of a removed file', typ => 'layr-record', jws => $tombstone},
);
like($_->{jws} // 'none', qr/^$jws$/, "there is a statement: $_->{name}") for @statements;

$r = run({stdin => json(\@statements)}, 'node', 't/jose.mjs', $npm);
is($r->{status}, 0, 'jose.mjs') or diag($r->{err});
my $result = eval { unjson($r->{out}) } // [];
my @result = @$result;
is(scalar @result, scalar @statements, 'a result for each');
for my $i (0 .. $#result) {
    my ($s, $got) = ($statements[$i], $result[$i]);
    ok($got->{ok}, "$s->{name}: jose verifies it") or diag($got->{error});
    is($got->{header}{typ}, $s->{typ}, "$s->{name}: typ");
    is($got->{header}{alg}, 'EdDSA', "$s->{name}: alg");
    cmp_ok($got->{altered}, '>=', 9, "$s->{name}: altered in $got->{altered} ways");
    is_deeply($got->{accepted}, [], "$s->{name}: jose refuses all of them");
    $s->{payload} = unb64url($got->{payload} // '');
    $s->{kid} = $got->{header}{kid};
}

# What jose read is what it says.
my ($contact, undef, $signed, $asked, $released, $root, $empty) = map { $_->{payload} } @statements;
is(unjson($contact)->{host}, $swarm->id(0), 'the contact is the host\'s');
is(unjson($signed)->{contact}, sha256_hex($answer->{contact}), 'the node statement names the contact');
is(unjson($asked)->{host}, $swarm->id(0), 'the order is for the host');
is(unjson($released)->{action}, 'release', 'the other releases');
is_deeply(unjson($released)->{orders}, [unjson($asked)->{order}], 'that order');
is($statements[3]{kid}, $statements[4]{kid}, 'both by the same owner');
like($identity, qr/\Q$statements[3]{kid}\E|@{[unpack 'H*', unb64url($statements[3]{kid})]}/, 'whose public key layr-key id prints');
is(unb64url($statements[5]{kid}), $record_id, 'the record is signed by the file\'s key');
is(ord $root, 1, 'its payload is a root');
is($empty, '', 'that of the removed file is empty');
ok($swarm->quiet, 'error logs are clean') or diag($swarm->noise);
done_testing;
