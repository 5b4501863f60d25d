#!/usr/bin/perl
# Hosts that cheat are caught, each by what it does, and only its own shards are named. What a host has is changed in its store;
# how it answers, by a modified host behind the real one (t/lib/cheat.py). About 5 s.
use strict;
use warnings;
use lib 't/lib';
use IO::Socket::INET;
use Layr::Test;
use Test::More;

my $python = '/usr/bin/python3';
my $swarm = Layr::Test->swarm(3, '--directive', 'layr_scrub off;');    # what is damaged here stays where it is
my @all = $swarm->hosts;
tool('layr-key', 'new')->{status} == 0 or BAIL_OUT('no key');
my $put = tool('layr-put', '-q', '-k', '1/3', '-n', 'file', @all, make_file(scratch('file'), 100_000));
$put->{status} == 0 or BAIL_OUT($put->{err});
chomp(my $read = $put->{out});
my $cheat = 1;    # the host
my ($blob) = $swarm->blobs($cheat);
my $whole = read_file($blob);
my $blocks = length($whole) / 4112;

sub audit {
    my $r = tool('layr-audit', '-q', '--json', @_, @all, 'file');
    return {status => $r->{status}, err => $r->{err}, $r->{out} =~ /^\{/ ? %{unjson($r->{out})} : (bad => [])};
}

sub is_caught {
    my ($verdict, $what) = @_;
    my $r = audit();
    my @bad = @{$r->{bad}};
    is("$r->{status} " . join(' ', map { $_->{verdict} } @bad), "1 $verdict", $what) or diag($r->{err});
    is($bad[0]{host}, $swarm->id($cheat), 'at that host') if @bad;
    return;
}

is(audit()->{status}, 0, 'all are honest');

# --- what it has

my $data = 4096 * $blocks;
my @other = grep { -s $_ == length $whole } map { $swarm->blobs($_) } 0, 2;
my %kept = (
    'only the SHA-256, and room of that size'   => "\0" x length $whole,
    'only the tags'                             => "\0" x $data . substr($whole, $data),
    'only the data'                             => substr($whole, 0, $data) . "\0" x (16 * $blocks),
    'all but a block'                           => substr($whole, 0, 4096 * 5) . "\0" x 4096 . substr($whole, 4096 * 6),
    'all but a byte'                            => substr($whole, 0, 70_000) . chr(ord(substr $whole, 70_000, 1) ^ 0x80) . substr($whole, 70_001),
    'half of it'                                => substr($whole, 0, $data / 2) . "\0" x ($data / 2) . substr($whole, $data),
    'the beginning, filled up'                  => substr($whole, 0, length($whole) - 4112) . "\0" x 4112,
    'a mirror copy from another host'           => read_file($other[0]),
    'two blocks in the other order, tags, too' => join('', substr($whole, 4096, 4096), substr($whole, 0, 4096), substr($whole, 8192, $data - 8192),
        substr($whole, $data + 16, 16), substr($whole, $data, 16), substr($whole, $data + 32)),
);
for my $what (sort keys %kept) {
    length $kept{$what} == length $whole or BAIL_OUT("$what: not of the size");
    write_file($blob, $kept{$what});
    is_caught('corrupt', "it keeps $what");
}
write_file($blob, substr $whole, 0, length($whole) - 4112);
is_caught('missing', 'it has cut the shard by a block, and says so');
write_file($blob, $whole);
is(audit()->{status}, 0, 'and with the shard as it was it passes');

# --- how it answers

my $conf = $swarm->path($cheat, 'nginx.conf');
my $was = read_file($conf);

sub modified {
    my ($nginx) = @_;
    $swarm->kill($cheat);
    write_file($conf, $was =~ s/(?=\n\s*location \/ \{)/\n        $nginx/r);
    $swarm->revive($cheat);
    return;
}

for my $case (['honest', ''], ['guess', 'it guesses'], ['zeros', 'it answers zeros'], ['replay', 'it gives an old answer again'],
    ['half', 'it answers from every other block'], ['other', 'it answers for another shard'], ['size', 'it claims another size']) {
    my ($mode, $what) = @$case;
    my $free = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1') or die $!;
    my $port = $free->sockport;
    close $free;
    my $host = spawn($python, 't/lib/cheat.py', $port, $mode, $swarm->path($cheat, 'store'));
    wait_for(10, sub { IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port") }) or BAIL_OUT('no modified host');
    modified("location = /v1/audits { proxy_pass http://127.0.0.1:$port; }");
    if ($mode eq 'honest' || $mode eq 'replay') {
        is(audit()->{status}, 0, $mode eq 'honest' ? 'an honest host in that place passes' : 'its first answer is right');
    }
    is_caught('corrupt', $what) if $mode ne 'honest';
    $host->kill;
}

modified('location ^~ /v1/shards/ { return 403; }');
is_caught('refused', 'it answers audits and refuses downloads');
modified('location ^~ /v1/shards/ { return 404; }');
is_caught('refused', 'it proves the shard and says to readers that there is none');

$swarm->kill($cheat);
write_file($conf, $was);
$swarm->revive($cheat);
is(audit()->{status}, 0, 'the host as it was passes');

# --- readers

my $forger = tool({env => {LAYR_HOME => scratch('reader')}}, 'layr-audit', '-q', @all, $read);
is($forger->{status}, 5, 'who has the read cap has no A: he can neither audit nor forge');

done_testing();
