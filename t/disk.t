#!/usr/bin/perl
# A host whose disk is full, read-only, gone, or over its quota: it says so, gives out what it has where it can, harms nothing,
# and goes on by itself when the cause is gone. File systems of their own: needs root.
use strict;
use warnings;
use lib 't/lib';
use Layr::Books;
use Layr::Host;
use Layr::Test;
use Test::More;
use Time::HiRes ();

plan skip_all => 'mounting needs root' if $> != 0;

my $alice = owner();
my @mounted;
END { my $status = $?; run('umount', '-l', $_) for reverse @mounted; $? = $status }

sub mount_at {
    my ($at, @how) = @_;
    my $r = run('mount', @how, $at);
    push @mounted, $at if $r->{status} == 0;
    return $r->{status} == 0 ? '' : $r->{err};
}

sub image {
    my ($type, $megabytes) = @_;
    my $image = scratch("$type-" . @mounted . ".img");
    run('truncate', '-s', "${megabytes}m", $image);
    my $r = $type eq 'ext4' ? run('mkfs.ext4', '-q', '-F', '-m', '0', '-e', 'remount-ro', $image) : run('mkfs.btrfs', '-q', '-f', '-m', 'single', '-d', 'single', $image);
    return $r->{status} == 0 ? $image : undef;
}

# A host whose store lies on a file system of its own, with one shard in it; or why not.
sub host_on {
    my ($type, $megabytes) = @_;
    my $swarm = Layr::Test->swarm(1, '--plain', '--workers', 2);
    my $w = Layr::Host::wire($type, $swarm, '1.1');
    my $store = $swarm->path(0, 'store');
    $swarm->kill(0);
    rename $store, "$store.first" or die;
    mkdir $store or die;
    my $device = $type eq 'tmpfs' ? 'tmpfs' : image($type, $megabytes) // return "no mkfs.$type";
    $w->{mount} = $type eq 'tmpfs' ? ['-t', 'tmpfs', '-o', "size=${megabytes}m,mode=700", 'tmpfs'] : ['-o', 'loop', $device];
    my $why = mount_at($store, @{$w->{mount}});
    return "$type can't be mounted here: $why" if $why;
    run('cp', '-a', "$store.first/.", $store);
    run('sync', '-f', $store);    # what this copies must be there after a disk has failed
    $swarm->revive(0);
    $w->{kept} = shard_of(8, "kept $type");
    $w->{order} = random_hex(16);
    is(put_shard($w, $w->{kept}, order($alice, $w->{id}, $w->{kept}, order => $w->{order}))->{status}, 201, "$type: a shard");
    return $w;
}

my $serial = 0;
sub new_shard { return shard_of($_[0] // 1, 'disk' . $serial++) }
sub put_new { my ($w, $blocks) = @_; my $s = new_shard($blocks); return put_shard($w, $s, order($alice, $w->{id}, $s)) }
sub is_problem {
    my ($a, $status, $type, $name) = @_;
    my $good = $a->{status} =~ /^(?:$status)$/ && $a->{body} =~ /"urn:layr:problem:(?:$type)".*"detail": "[A-Z][^"]{10,}\."/ && $a->{header}{'content-type'} eq 'application/problem+json';
    return ok($good, "$name: $status $type") || diag("$a->{status} $a->{err} $a->{body}");
}
sub still_there { my ($w, $name) = @_; my $a = ask($w, GET => "/v1/shards/$w->{kept}{id}"); return ok($a->{status} == 200 && $a->{body} eq $w->{kept}{bytes}, "$name: what is there is given out") || diag($a->{status}) }

# The cause is gone: within seconds it stores again, and the books are right.
sub resumes {
    my ($w, $name, %o) = @_;
    my $a;
    ok(wait_for(10, sub { ($a = put_new($w))->{status} == 201 }), "$name: it stores again, by itself") or diag("$a->{status} $a->{body}");
    still_there($w, "$name, after");
    books_agree($w, $name);
    # A body that was cut off by the loss of its disk can't be removed there; the next start or hour does.
    $w->{swarm}->kill(0)->revive(0) if $o{restart};
    books_agree($w, "$name, started anew") if $o{restart};
    is(join(' ', grep { -f } glob $w->{swarm}->path(0, 'store/tmp/*')), '', "$name: no temporary file");
    my @alarms = grep { /\[(?:alert|emerg)\]|Sanitizer|runtime error/ } split /^/, read_file($w->{swarm}->path(0, 'error.log'));
    is_deeply(\@alarms, [], "$name: no alarm in the error log");
    return;
}

sub fill { my ($w) = @_; my $file = $w->{swarm}->path(0, 'store/filler'); run('dd', 'if=/dev/zero', "of=$file", 'bs=64k'); run('sh', '-c', "cat /dev/zero >> '$file'"); return $file }

# An upload that is under way: a body that comes slowly.
sub slow_put {
    my ($w, $blocks) = @_;
    my $s = new_shard($blocks);
    my $out = scratch("slow$serial");
    my $body = write_file("$out.body", $s->{bytes});
    my $curl = spawn('curl', '-sS', '--noproxy', '*', '--http1.1', '-w', '%{http_code}', '-o', $out, '--limit-rate', '1M', '-H', 'Expect:',
        '-H', 'Authorization: Layr ' . order($alice, $w->{id}, $s), '-T', $body, "$w->{url}/v1/shards/$s->{id}");
    ok(wait_for(5, sub { grep { -s } glob $w->{swarm}->path(0, 'store/tmp/*') }), 'a body is under way');
    return sub { my $r = $curl->wait; return {status => $r->{out}, body => -e $out ? read_file($out) : '', err => $r->{err}, header => {'content-type' => 'application/problem+json'}} };
}

for my $type ('tmpfs', 'ext4') {
    subtest "$type: filled up from outside" => sub {
        my $w = host_on($type, 64);
        plan skip_all => $w if !ref $w;
        my $slow = slow_put($w, 512);
        my $file = fill($w);
        is_problem(put_new($w), 507, 'host-full', 'PUT');
        is_problem($slow->(), 507, 'host-full', 'a body that was under way');
        still_there($w, 'full');
        # The log of the database finds no room either, or has some left from before.
        my @got = map { my $a = ask($w, POST => '/v1/orders', body => orders($alice, $w->{id}, 'renew', [$w->{order}], until => time + 3 * 86400 + $_)); $a } 1 .. 300;
        my @bad = grep { $_->{status} != 200 && !($_->{status} == 507 && $_->{body} =~ /host-full/) } @got;
        is(scalar @bad, 0, 'renewals: done, or 507') or diag("$bad[0]{status} $bad[0]{body}");
        cmp_ok(scalar(grep { $_->{status} == 507 } @got), '>', 0, 'the log of the database was full');
        unlink $file;
        resumes($w, 'room again');
    };

    subtest "$type: filled by uploads" => sub {
        my $w = host_on($type, 64);
        plan skip_all => $w if !ref $w;
        my @got;
        for (1 .. 4) {
            my @up = map { my $s = new_shard(768); my $body = write_file(scratch("fill$serial"), $s->{bytes});
                spawn('curl', '-sS', '--noproxy', '*', '--http1.1', '-w', '%{http_code}', '-o', '/dev/null', '-H', 'Expect:', '-H',
                    'Authorization: Layr ' . order($alice, $w->{id}, $s), '-T', $body, "$w->{url}/v1/shards/$s->{id}") } 1 .. 8;
            push @got, map { $_->wait->{out} } @up;
        }
        is(join(' ', grep { $_ ne '201' && $_ ne '507' } @got), '', '201 or 507 and nothing else');
        cmp_ok(scalar(grep { $_ eq '201' } @got), '>', 3, 'some were stored');
        is($got[-1], '507', 'and then it was full');
        still_there($w, 'full');
        is(ask($w, POST => '/v1/orders', body => orders($alice, $w->{id}, 'release', [$w->{order}]))->{status}, 200, 'a release is taken');
        books_agree($w, 'filled by uploads');
        is(join(' ', grep { -f } glob $w->{swarm}->path(0, 'store/tmp/*')), '', 'no temporary file');
    };
}

subtest 'read-only' => sub {
    my $w = host_on('ext4', 64);
    plan skip_all => $w if !ref $w;
    my $store = $w->{swarm}->path(0, 'store');
    # Files that are open for writing stand in the way of an orderly remount; a disk that fails asks nobody.
    my $slow = slow_put($w, 512);
    is(run('mount', '-o', 'remount,abort', $store)->{status}, 0, 'the file system turned itself read-only');
    is_problem(put_new($w), 503, 'store-unavailable', 'PUT');
    is_problem($slow->(), '503', 'store-unavailable', 'a body that was under way');
    is_problem(ask($w, POST => '/v1/orders', body => orders($alice, $w->{id}, 'release', [$w->{order}])), 503, 'store-unavailable', 'release');
    still_there($w, 'read-only');
    $w->{swarm}->kill(0);    # who holds the old mount keeps it as it is
    is(run('umount', $store)->{status}, 0, 'unmounted');
    is(mount_at($store, @{$w->{mount}}), '', 'mounted again');
    $w->{swarm}->revive(0);
    resumes($w, 'after a read-only disk');

    $w->{swarm}->kill(0);
    is(run('mount', '-o', 'remount,ro', $store)->{status}, 0, 'remounted read-only');
    $w->{swarm}->revive(0);
    is_problem(put_new($w), 503, 'store-unavailable', 'PUT, started on it');
    my $a = ask($w, GET => "/v1/shards/$w->{kept}{id}");
    is($a->{status}, 200, 'GET, started on it');
    is(run('mount', '-o', 'remount,rw', $store)->{status}, 0, 'writable again');
    resumes($w, 'writable again');
};

subtest 'lost and mounted again' => sub {
    my $w = host_on('ext4', 64);
    plan skip_all => $w if !ref $w;
    my $store = $w->{swarm}->path(0, 'store');
    my $slow = slow_put($w, 512);
    is(run('umount', '-l', $store)->{status}, 0, 'unmounted');
    is_problem(put_new($w), 503, 'store-unavailable', 'PUT');
    is_problem(ask($w, GET => "/v1/shards/$w->{kept}{id}"), 503, 'store-unavailable', 'GET');
    is_problem($slow->(), 503, 'store-unavailable', 'a body that was under way');
    is(mount_at($store, @{$w->{mount}}), '', 'mounted again');
    resumes($w, 'mounted again', restart => 1);
};

subtest 'over a quota' => sub {
    my $w = host_on('btrfs', 160);
    plan skip_all => $w if !ref $w;
    my $store = $w->{swarm}->path(0, 'store');
    plan skip_all => 'no quota here' if run('btrfs', 'quota', 'enable', $store)->{status} != 0 || run('btrfs', 'qgroup', 'limit', '24m', $store)->{status} != 0;
    my @got = map { put_new($w, 512) } 1 .. 20;
    is(join(' ', grep { $_ != 201 && $_ != 507 } map { $_->{status} } @got), '', '201 or 507 and nothing else') or diag(join "\n", map { $_->{body} } grep { $_->{status} !~ /201|507/ } @got);
    is_problem($got[-1], 507, 'host-full', 'the last');
    like(read_file($w->{swarm}->path(0, 'error.log')), qr/Disk quota exceeded/, 'the error log has the reason');
    still_there($w, 'over the quota');
    run('btrfs', 'qgroup', 'limit', 'none', $store);
    resumes($w, 'without the quota');
};

done_testing;
