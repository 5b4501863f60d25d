#!/usr/bin/perl
# Reload (HUP) and the end of workers during slow uploads and downloads: each of them completes.
use strict;
use warnings;
use lib 't/lib';
use Layr::Host;
use Layr::Test;
use Test::More;
use Time::HiRes ();

my $alice = owner();
my @down = map { shard_of(256, "down $_") } 0 .. 2;

sub slow {
    my ($w, @more) = @_;
    my %version = ('1.1' => '--http1.1', '2' => '--http2', 'h2c' => '--http2-prior-knowledge');
    return spawn({timeout => 60}, 'curl', '-sSk', '--noproxy', '*', $version{$w->{version}}, '-w', '%{http_code}', '--limit-rate', '400k', @more);
}
sub master  { return $_[0]{swarm}->master(0) }
sub workers { return $_[0]{swarm}->children(0) }

# Three up, three down, at 400 KiB a second: two and a half seconds each.
sub start {
    my ($w, $seed) = @_;
    my @up = map { shard_of(256, "up $seed $_") } 0 .. 2;
    my @all;
    for my $i (0 .. 2) {
        my $body = write_file(scratch("up-$up[$i]{id}"), $up[$i]{bytes});
        push @all, {what => "upload $i", shard => $up[$i], want => 201, curl => slow($w, '-o', '/dev/null', '-H', 'Expect:',
            '-H', 'Authorization: Layr ' . order($alice, $w->{id}, $up[$i]), '-T', $body, "$w->{url}/v1/shards/$up[$i]{id}")};
        my $out = scratch('down-' . sha256_hex($seed) . "-$i");
        push @all, {what => "download $i", out => $out, shard => $down[$i], want => 200, curl => slow($w, '-o', $out, "$w->{url}/v1/shards/$down[$i]{id}")};
    }
    return @all;
}

sub finish {
    my ($w, @all) = @_;
    for my $x (@all) {
        my $r = $x->{curl}->wait;
        is($r->{out}, $x->{want}, "$w->{name}: $x->{what} completes") or diag($r->{err});
        cmp_ok($r->{seconds}, '>', 1, "$w->{name}: $x->{what} took its time");
        ok(read_file($x->{out}) eq $x->{shard}{bytes}, "$w->{name}: $x->{what}: the bytes") if $x->{out};
        is(sha256_file($w->{swarm}->blob(0, $x->{shard}{id})), $x->{shard}{id}, "$w->{name}: $x->{what}: stored whole") if !$x->{out};
    }
}

my @wires = wires('--workers', 2);
for my $w (@wires) {
    my $a = join ' ', map { put_shard($w, $_, order($alice, $w->{id}, $_))->{status} } @down;
    like($a, qr/^(?:201 201 201|200 200 200)$/, "$w->{name}: what will be downloaded");
}

# All wires at once; TLS twice, for both of its protocols.
subtest 'reload' => sub {
    my %old = map { $_->{name} => [workers($_)] } @wires;
    my @all = map { [$_, start($_, "reload $_->{name}")] } @wires;
    Time::HiRes::sleep(0.7);
    kill 'HUP', master($_) for @wires[0 .. 2];
    Time::HiRes::sleep(0.6);
    kill 'HUP', master($_) for @wires[0 .. 2];
    for my $w (@wires) {
        my %was = map { $_ => 1 } @{$old{$w->{name}}};
        ok(wait_for(10, sub { grep { !$was{$_} } workers($w) }), "$w->{name}: new workers");
        my $s = shard_of(1, "between $w->{name}");
        is(put_shard($w, $s, order($alice, $w->{id}, $s))->{status}, 201, "$w->{name}: new requests are served meanwhile");
    }
    finish(@$_) for @all;
    for my $w (@wires) {
        my %was = map { $_ => 1 } @{$old{$w->{name}}};
        ok(wait_for(20, sub { !grep { $was{$_} } workers($w) }), "$w->{name}: the old workers end when they are done");
    }
};

subtest 'the books after that' => sub {
    for my $w (@wires[0 .. 2]) {
        my $s = status($w);
        my $n = my @blobs = $w->{swarm}->blobs(0);
        my $bytes = 0;
        $bytes += -s $_ for @blobs;
        is("$s->{shards} $s->{shard_bytes} $s->{reserved}", "$n $bytes 0", "$w->{name}: what is on disk");
        my @left = glob $w->{swarm}->path(0, 'store/tmp/*');
        is_deeply(\@left, [], "$w->{name}: no temporary file");
    }
};

# layr-swarm stop sends QUIT: what is under way is finished.
subtest 'a graceful end' => sub {
    my $w = $wires[0];
    my @all = start($w, 'quit');
    Time::HiRes::sleep(0.7);
    kill 'QUIT', master($w);
    finish($w, @all);
    ok(wait_for(10, sub { !-e $w->{swarm}->path(0, 'nginx.pid') }), 'and then it ends');
};

# A reload with a configuration that is wrong changes nothing.
subtest 'a reload that fails' => sub {
    my $w = $wires[1];
    my $conf = $w->{swarm}->path(0, 'nginx.conf');
    my $good = read_file($conf);
    my @old = workers($w);
    write_file($conf, $good =~ s/layr_capacity [^;]*/layr_capacity lots/r);
    kill 'HUP', master($w);
    my $log = $w->{swarm}->path(0, 'error.log');
    ok(wait_for(5, sub { read_file($log) =~ /"layr_capacity" directive invalid value/ }), 'the error log says why');
    is_deeply([workers($w)], \@old, 'the same workers');
    is(ask($w, GET => "/v1/shards/$down[0]{id}")->{status}, 200, 'serve as before');

    # And one that is right, changed: the price and the capacity are the new ones.
    write_file($conf, $good =~ s/layr_capacity [^;]*/layr_capacity 50m; layr_price 7/r);
    kill 'HUP', master($w);
    ok(wait_for(10, sub { my $s = status($w); $s->{price} eq '7' && $s->{capacity} eq 50 << 20 }), 'a good one takes effect');
    my $s = shard_of(1, 'cheap');
    is(put_shard($w, $s, order($alice, $w->{id}, $s))->{status}, 402, 'with its price');
    my $contact = unjson(unb64url((split /\./, unjson(ask($w, GET => '/v1/node')->{body})->{contact})[1]));
    is($contact->{price}, '7', 'which the contact names');
};

# A bad reload is logged as emerg: it is what was asked for.
for my $w (@wires[0, 2]) {
    ok($w->{swarm}->quiet, "$w->{name}: error logs are clean") or diag($w->{swarm}->noise);
}
my @noise = grep { !/"layr_capacity" directive invalid value/ } split /^/, $wires[1]{swarm}->noise;
is_deeply(\@noise, [], "$wires[1]{name}: error log has nothing else");
done_testing;
