#!/usr/bin/perl
# A host's store: what nginx -t and the first start make; a store that is gone, another's, or back; restarts and crashes.
use strict;
use warnings;
use lib 't/lib';
use Layr::Host;
use Layr::Raw;
use Layr::Test;
use Test::More;
use Time::HiRes ();

my $alice = owner();
sub mode { return sprintf '%04o', (stat $_[0])[2] & 07777 }
# The names in a folder; in scalar context their number.
sub entries { my ($dir) = @_; opendir my $d, $dir or return; my @names = sort grep { !/^\.\.?$/ } readdir $d; return @names }

subtest 'nginx -t: what is wrong, in words' => sub {
    my @cases = (
        ['layr_store maybe;', qr/invalid value "maybe" in "layr_store" directive, it must be "on" or "off"/],
        ['layr_store on; layr_capacity lots;', qr/"layr_capacity" directive invalid value/],
        ['layr_store on; layr_capacity 0;', qr/"layr_capacity" and "layr_max_shard" must be above zero/],
        ['layr_store on; layr_max_shard 0;', qr/"layr_capacity" and "layr_max_shard" must be above zero/],
        ['layr_store on; layr_price -1;', qr/"layr_price" directive invalid value/],
        ['layr_store on; layr_owner_quota x;', qr/"layr_owner_quota" directive invalid value/],
        ['layr_store on; layr_owners nowhere;', qr/cannot open "layr_owners" ".*nowhere"/],
        ['layr_store on; layr_owners /;', qr/"layr_owners" "\/" is not a file/],
        ['layr_store on; layr_path "";', qr/"layr_path" directive has an empty value/],
        ['layr_store on; layr_path a; layr_path b;', qr/"layr_path" directive is duplicate/],
        ['layr_store on; layr_path nginx.conf;', qr/"layr_path" is not a folder/],
        ['layr_store on; layr_key nginx.conf;', qr/nginx\.conf/],
        ['layr_store on; layr_zone small:1k;', qr/"layr_zone" directive is too small: it needs 64k/],
        ['layr_store on; layr_advertise https://h.example; layr_zone small:1m;', qr/"layr_zone" is too small: .* needs 2m/],
        ['layr_store on; layr_seed https://h.example;', qr/"layr_seed" needs "layr_advertise"/],
        ['layr_store on; layr_advertise https://h.example; layr_seed https://a.example h.example;', qr/"layr_seed" needs URLs .* not "h\.example"/],
        ['layr_store on; layr_advertise https://h.example; layr_seed https://a.example#12;', qr/"layr_seed" needs URLs/],
        ['layr_store on; layr_seed;', qr/invalid number of arguments in "layr_seed"/],
        ['layr_store on; layr_allow_private maybe;', qr/invalid value "maybe" in "layr_allow_private"/],
        ['layr_store on; layr_zone none;', qr/"layr_zone" directive must be NAME:SIZE/],
        map({ ["layr_store on; layr_advertise $_;", qr/"layr_advertise" directive needs a URL such as/] }
            'host.example', 'ftp://host.example', 'https://host.example/', 'https://host.example?x', 'https://u@host.example', '"https://host.example/a b"'),
    );
    for my $case (@cases) {
        my ($lines, $words) = @$case;
        my $own = join ' ', $lines =~ /layr_path/ ? () : 'layr_path store;', $lines =~ /layr_key/ ? () : 'layr_key node.key;';
        my $r = nginx_t("$lines $own");
        isnt($r->{status}, 0, "$lines refused");
        like($r->{err}, $words, "$lines its words");
        ok(!-e "$r->{prefix}/store" && !-e "$r->{prefix}/node.key", "$lines nothing was made");
    }
    my $r = nginx_t('', block => "location = /x { layr_store on; layr_path store; layr_key node.key; }");
    like($r->{err}, qr/"layr_store" directive needs a location with a prefix/, 'an exact location');
    $r = nginx_t('', block => "location ~ x { layr_store on; layr_path store; layr_key node.key; }");
    like($r->{err}, qr/"layr_store" directive needs a location with a prefix/, 'a regular expression');
    $r = nginx_t('', block => 'location /a/ { layr_store on; layr_path a; layr_key k; } location /b/ { layr_store on; layr_path b; layr_key k; }');
    like($r->{err}, qr/have the same "layr_key": every host needs its own/, 'two stores with one key');
    $r = nginx_t('', block => 'location /a/ { layr_store on; layr_path a; layr_key k; layr_price 1; } location /b/ { layr_store on; layr_path a; layr_key k; }');
    like($r->{err}, qr/locations that share the store .* differ in "layr_price"/, 'one store with two prices');
    my $owners = write_file(scratch('bad-owners'), "# fine\nnot a key\n");
    $r = nginx_t('', block => join ' ', map { "location /$_/ { layr_store on; layr_path a; layr_key k; layr_advertise http://h.example; layr_seed http://$_.example; }" } qw(a b));
    like($r->{err}, qr/differ in "layr_seed"/, 'locations of one store with other seeds');
    $r = nginx_t("layr_store on; layr_path store; layr_key node.key; layr_owners $owners;");
    like($r->{err}, qr/line 2 of ".*" is not an owner's public key/, 'a line of the owners\' file');
};

# A host from a configuration of its own, on a port that is free.
sub free_port {
    require IO::Socket::INET;
    return IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 0, Listen => 1)->sockport;
}

subtest 'the first start' => sub {
    my $port = free_port();
    my $lines = 'layr_store on; layr_path deep/er/store; layr_key keys/node.key;';
    my %o = (prefix => scratch('first'), listen => "127.0.0.1:$port");
    mkdir $o{prefix};
    mkdir "$o{prefix}/keys";
    my $r = nginx_t($lines, %o);
    is($r->{status}, 0, 'nginx -t') or diag($r->{err});
    is_deeply([entries("$o{prefix}/keys")], [], 'makes no key');
    ok(!-e "$o{prefix}/deep", 'and no store');

    $r = nginx_t($lines, %o, start => 1);
    is($r->{status}, 0, 'it starts') or diag($r->{err});
    my $pid = wait_for(10, sub { -s "$o{prefix}/nginx.pid" && read_file("$o{prefix}/nginx.pid") });
    chomp $pid;
    my $store = "$o{prefix}/deep/er/store";
    ok(wait_for(10, sub { http(GET => "http://127.0.0.1:$port/v1/status", version => '1.1')->{status} == 200 }), 'it answers');
    is(mode("$o{prefix}/keys/node.key"), '0600', 'the key\'s mode');
    like(read_file("$o{prefix}/keys/node.key"), qr/^layr-node-key-v1\n[0-9a-f]{64}\n\z/, 'and form');
    is(mode($_), '0700', "$_: mode") for $store, "$store/shards", "$store/tmp";
    is(mode("$store/$_"), '0600', "$_: mode") for 'host.id', 'layr.db';
    my $seed = pack 'H*', (split /\n/, read_file("$o{prefix}/keys/node.key"))[1];
    is(read_file("$store/host.id"), sha256_hex(owner($seed)->{public}) . "\n", 'host.id is SHA-256 of the key\'s public half');
    is_deeply([entries("$o{prefix}/keys")], ['node.key'], 'nothing else beside the key');
    my $a = http(GET => "http://127.0.0.1:$port/v1/node", version => '1.1');
    ok(!$a->{header}{'layr-contact'}, 'without layr_advertise no Layr-Contact');
    ok(!exists unjson(unb64url((split /\./, unjson($a->{body})->{contact})[1]))->{url}, 'and no URL in the contact, whatever Host says');
    kill 'QUIT', $pid;
    ok(wait_for(15, sub { !kill 0, $pid }), 'it ends');

    # The key is lost, the store is not: no new host on an old store.
    rename "$o{prefix}/keys/node.key", "$o{prefix}/keys/away" or die;
    for my $start (0, 1) {
        $r = nginx_t($lines, %o, start => $start);
        isnt($r->{status}, 0, ($start ? 'start' : 'nginx -t') . ' without the key is refused');
        like($r->{err}, qr/there is no host's key .* holds something already: put the key back/, 'and says what to do');
    }
    ok(!-e "$o{prefix}/keys/node.key", 'no key was made');
};

# Everything that needs the store, with the store gone: 503, never 404.
my $shard = shard_of(2, 'store');
my $missing = shard_of(1, 'missing');
my $file = owner();
my $place = sha256_hex($file->{public} . "\0");
my $record = sign($file, 'layr-record', 'root', v => 1, iat => time, exp => time + 86400, seq => '1', prev => []);
my $kept = random_hex(16);

sub unavailable {
    my ($w, $name, %o) = @_;
    my @ask = (
        [GET => "/v1/shards/$missing->{id}"], [PUT => "/v1/shards/$missing->{id}", auth => order($alice, $w->{id}, $missing), body => $missing->{bytes}],
        [GET => "/v1/records/$place"], [PUT => "/v1/records/$place", body => $record],
        [POST => '/v1/orders', body => orders($alice, $w->{id}, 'renew', [$kept])],
        $o{kept} ? () : [GET => "/v1/shards/$shard->{id}"],
    );
    for my $ask (@ask) {
        my ($method, $path, @more) = @$ask;
        my $a = ask($w, $method => $path, @more);
        my $good = $a->{status} == 503 && ($a->{header}{'retry-after'} // '') =~ /^\d+$/ && $a->{body} =~ /urn:layr:problem:store-unavailable"/
            && $a->{header}{'content-type'} eq 'application/problem+json';
        ok($good, "$name: $method " . substr($path, 0, 14) . '...: 503 with Retry-After') or diag("$a->{status} $a->{body}");
    }
    is(status($w)->{store}, 'unavailable', "$name: v1/status says so");
}

sub back {
    my ($w, $name) = @_;
    my $a;
    ok(wait_for(5, sub { $a = ask($w, GET => "/v1/shards/$shard->{id}"); $a->{status} == 200 && $a->{body} eq $shard->{bytes} }),
        "$name: the shard is there again, by itself") or diag("$a->{status} $a->{body}");
    ok(wait_for(5, sub { ask($w, GET => "/v1/records/$place")->{status} == 200 }), "$name: the record is");
    # another worker than the one that answered may be in the second in which it remembers that it failed
    wait_for(5, sub { ($a = put_shard($w, $shard, order($alice, $w->{id}, $shard, order => $kept)))->{status} != 503 });
    is($a->{status}, 200, "$name: the order is kept");
    my $s = status($w);
    is("$s->{store} $s->{shards} $s->{orders} $s->{records} $s->{shard_bytes}", 'ready 1 1 1 8224', "$name: the books");
}

subtest 'a store that is gone and comes back' => sub {
    for my $options ([], ['--workers', 2]) {
        my $swarm = Layr::Test->swarm(1, @$options);
        my $w = Layr::Host::wire('TLS HTTP/2', $swarm, '2');
        my $store = $swarm->path(0, 'store');
        is(put_shard($w, $shard, order($alice, $w->{id}, $shard, order => $kept))->{status}, 201, 'a shard');
        is(ask($w, PUT => "/v1/records/$place", body => $record)->{status}, 201, 'a record');

        rename $store, "$store.away" or die;
        unavailable($w, 'unmounted');
        ok(!-e $store, 'unmounted: nothing was made in its place');
        mkdir $store or die;
        unavailable($w, 'an empty folder in its place');
        is_deeply([entries($store)], [], 'an empty folder in its place: nothing was made in it');

        # Still away at a start.
        $swarm->kill(0);
        $swarm->revive(0);
        unavailable($w, 'started without it');
        is_deeply([entries($store)], [], 'started without it: nothing was made');
        rmdir $store or die;
        rename "$store.away", $store or die;
        back($w, 'mounted again');

        # Its sentinel.
        rename "$store/host.id", "$store/x" or die;
        unavailable($w, 'without host.id', kept => 1);
        ok(!-e "$store/host.id", 'without host.id: it was not made anew');
        my $a = ask($w, GET => "/v1/shards/$shard->{id}");
        ok($a->{status} == 503 || $a->{status} == 200 && $a->{body} eq $shard->{bytes}, 'without host.id: a blob that lies there is given out or 503') or diag($a->{status});
        write_file("$store/host.id", sha256_hex('another') . "\n");
        unavailable($w, 'another host\'s', kept => 1);
        write_file("$store/host.id", 'garbage');
        unavailable($w, 'garbage in host.id', kept => 1);
        rename "$store/x", "$store/host.id" or die;
        back($w, 'host.id put back');
        is(put_shard($w, $missing, order($alice, $w->{id}, $missing))->{status}, 201, 'and it takes shards');
        my $noise = join '', grep { !/layr: the store ".*" (?:is gone|cannot be opened|is not this host's)/ } map { "$_\n" } split /\n/, $swarm->noise;
        is($noise, '', 'the error log says that the store is gone and nothing else');
        isnt($swarm->noise, '', 'but that');
        $swarm->stop;
    }
};

# Bytes of blobs in the store, as the file system has them.
sub on_disk { my ($w) = @_; my $n = 0; $n += -s $_ for $w->{swarm}->blobs(0); return $n }

subtest 'restart with two workers' => sub {
    my $swarm = Layr::Test->swarm(1, '--workers', 2, '--plain');
    my $w = Layr::Host::wire('HTTP/1.1', $swarm, '1.1');
    my @shard = map { shard_of($_, "restart $_") } 1 .. 12;
    is(join(' ', map { put_shard($w, $_, order($alice, $w->{id}, $_))->{status} } @shard), join(' ', (201) x 12), 'twelve shards');
    my $bytes = 4112 * 78;
    my $check = sub {
        my ($name) = @_;
        my $s = status($w);
        is("$s->{used} $s->{shards} $s->{orders} $s->{reserved} " . on_disk($w), "$bytes 12 12 0 $bytes", "$name: to the byte");
        is(scalar(grep { ask($w, GET => "/v1/shards/$_->{id}")->{body} eq $_->{bytes} } @shard), 12, "$name: all shards");
    };
    # Both workers count alike, whichever answers.
    $check->('at first');
    $swarm->stop;
    $swarm->start('--workers', 2, '--plain');
    $check->('after a restart');
    $swarm->kill(0);
    $swarm->revive(0);
    $check->('after kill -9');
    ok($swarm->quiet, 'error logs are clean') or diag($swarm->noise);
};

# Its database is held by another program when the host starts: what is in the store is not known yet, and nothing is said of it.
subtest 'asked while the store is being opened' => sub {
    my $swarm = Layr::Test->swarm(1, '--plain');
    my $w = Layr::Host::wire('HTTP/1.1', $swarm, '1.1');
    my $shard = shard_of(3, 'early');
    is(put_shard($w, $shard, order($alice, $w->{id}, $shard))->{status}, 201, 'a shard');
    my $hold = 'import sqlite3, sys, time; d = sqlite3.connect(sys.argv[1], isolation_level=None); d.execute("BEGIN IMMEDIATE"); '
        . 'print("held", flush=True); time.sleep(2)';
    for (['status', qr/"shards":"1"/], ['metrics', qr/^layr_shards 1$/m]) {
        my ($call, $right) = @$_;
        $swarm->kill(0);
        my $p = spawn('python3', '-c', $hold, $swarm->path(0, 'store/layr.db'));
        ok(wait_for(10, sub { -s $p->{out} }), "$call: its database is held");
        $swarm->revive(0);
        my $a = ask($w, GET => "/v1/$call");
        ok($a->{status} == 200 && $a->{body} =~ $right, "$call: right at once") or diag($a->{status}, $a->{body});
        $p->kill;
    }
};

sub workers { my ($swarm) = @_; chomp(my $master = read_file($swarm->path(0, 'nginx.pid'))); return split ' ', read_file("/proc/$master/task/$master/children") }

subtest 'kill -9 of workers during uploads' => sub {
    my $swarm = Layr::Test->swarm(1, '--workers', 2, '--plain');
    my $w = Layr::Host::wire('HTTP/1.1', $swarm, '1.1');
    my (%acknowledged, $cut);
    for my $round (0 .. 2) {
        my @put = map { {shard => shard_of(256, "kill $round $_")} } 0 .. 5;
        for my $p (@put) {
            $p->{order} = order($alice, $w->{id}, $p->{shard});
            my $body = write_file(scratch("kill-$p->{shard}{id}"), $p->{shard}{bytes});
            $p->{curl} = spawn('curl', '-sS', '--noproxy', '*', '--http1.1', '-w', '%{http_code}', '-o', '/dev/null', '--limit-rate', '2M',
                '-H', 'Expect:', '-H', "Authorization: Layr $p->{order}", '-T', $body, "$w->{url}/v1/shards/$p->{shard}{id}");
        }
        ok(wait_for(5, sub { entries($swarm->path(0, 'store/tmp')) }), "round $round: bodies are under way");
        Time::HiRes::sleep(0.15 * $round);
        kill 'KILL', workers($swarm);
        for my $p (@put) {
            my $r = $p->{curl}->wait;
            if ($r->{out} eq '201') { $acknowledged{$p->{shard}{id}} = 1 }
            else                    { $cut++ }
        }
        ok(wait_for(10, sub { ask($w, GET => '/v1/status')->{status} == 200 }), "round $round: the next workers answer");
    }
    cmp_ok($cut // 0, '>', 0, 'uploads were cut off');
    ok(wait_for(5, sub { status($w)->{reserved} eq '0' }), 'what the dead had reserved is given back');
    $swarm->kill(0);
    $swarm->revive(0);
    ok(wait_for(5, sub { !entries($swarm->path(0, 'store/tmp')) }), 'after the restart no temporary file is left')
        or diag(join ' ', entries($swarm->path(0, 'store/tmp')));
    my $s = status($w);
    my $blobs = my @blobs = $swarm->blobs(0);
    is("$s->{shards} $s->{shard_bytes} $s->{reserved}", "$blobs " . on_disk($w) . ' 0', 'the books are what is on disk');
    is(scalar(grep { sha256_file($_) eq (m{/([^/]+)$})[0] } @blobs), $blobs, 'every blob is whole');
    is(scalar(grep { !-e $swarm->blob(0, $_) } keys %acknowledged), 0, 'all that was acknowledged is there: ' . keys %acknowledged);
    my $more = shard_of(2, 'after all this');
    is(put_shard($w, $more, order($alice, $w->{id}, $more))->{status}, 201, 'and it takes shards');
    unlike($swarm->noise, qr/Sanitizer|runtime error/, 'no sanitizer spoke');
};

done_testing;
