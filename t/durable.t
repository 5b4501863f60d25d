#!/usr/bin/perl
# The order of a host's system calls, by strace: what an answer promises was on the disk before the answer was on its way. A PUT's
# 201, a 200 for a blob that was there, and a release, whose orders are durably gone before their shard is.
use strict;
use warnings;
use lib 't/lib';
use Layr::Host;
use Layr::Test;
use Layr::Trace;
use Test::More;

my $missing = Layr::Trace::missing();
plan skip_all => $missing if $missing;

my $alice = owner();

sub workers { return $_[0]{swarm}->children(0) }

# --- what must hold, as sentences about a trace; those that don't

# The first call that fits, among those that begin after another has ended.
sub find {
    my ($calls, $after, $fits) = @_;
    return (grep { (!$after || $_->{start} > $after->{end}) && $fits->($_) } @$calls)[0];
}
sub is_write { return $_[0]{name} =~ /^(?:p?writev?2?|pwrite64)$/ }
sub is_wal   { return ($_[0]{fd} // '') =~ m{/layr\.db-wal$} }
sub is_send  { return ($_[0]{fd} // '') =~ /^TCP/ && $_[0]{name} =~ /^(?:writev?|send)/ }
sub is_dir   { my ($c, $path) = @_; return $c->{name} eq 'fsync' && ($c->{fd} // '') =~ m{\Q$path\E$} }

# A transaction that has these bytes in it: written to the log, and the log synced. The sync, or what is missing.
sub committed {
    my ($calls, $after, $bytes, $what) = @_;
    my $written = find($calls, undef, sub { is_write($_[0]) && is_wal($_[0]) && index($_[0]{data}, $bytes) >= 0 });
    return "$what: not written to the log" if !$written;
    return "$what: written to the log too early" if $after && $written->{start} < $after->{end};
    my $synced = find($calls, $written, sub { $_[0]{name} eq 'fdatasync' && is_wal($_[0]) });
    return "$what: the log was not synced" if !$synced;
    return "$what: the sync of the log failed" if $synced->{ret} ne '0';
    return $synced;
}

# An answer is a write to the connection that shows what was asked for or, where nobody can read it, the first one after the
# commit, with none between the body's end and the commit.
sub answered {
    my ($calls, $commit, $quiet_from, $shown) = @_;
    my $first = find($calls, undef, $shown ? sub { is_send($_[0]) && $_[0]{data} =~ $shown } : sub { is_send($_[0]) && $_[0]{start} > $quiet_from->{end} });
    return 'no answer' if !$first;
    return 'the answer left before the commit was on the disk' if $first->{start} < $commit->{end};
    return $first->{ret} > 0 ? '' : 'the answer was not sent';
}

# fresh: the shard is the first in its folder. clear: the answer can be read in the trace.
sub stored {
    my ($calls, $shard, $order, %o) = @_;
    my ($ab, $cd) = $shard->{id} =~ /^(..)(..)/;
    my $rename = find($calls, undef, sub { $_[0]{name} =~ /^rename/ && $_[0]{path}[-1] =~ m{/shards/$ab/$cd/$shard->{id}$} });
    return 'no rename' if !$rename;
    return 'the rename failed' if $rename->{ret} ne '0';
    my $temp = $rename->{path}[0];
    my @body = grep { is_write($_) && ($_->{fd} // '') eq $temp } @$calls;
    my $bytes = 0;
    $bytes += $_->{ret} for @body;
    return "of the body $bytes bytes were written" if $bytes != $shard->{size};
    my $whole = (sort { $a->{end} <=> $b->{end} } @body)[-1];
    my $synced = find($calls, $whole, sub { $_[0]{name} eq 'fdatasync' && $_[0]{fd} eq $temp });
    return 'the body was not synced' if !$synced;
    return 'the sync of the body failed' if $synced->{ret} ne '0';
    return 'renamed before the body was synced' if $rename->{start} < $synced->{end};

    my $intent = committed($calls, undef, pack('H*', $shard->{id}), 'the intent');
    return $intent if !ref $intent;
    return 'renamed before the intent was durable' if $rename->{start} < $intent->{end};

    my $folder = find($calls, $rename, sub { is_dir($_[0], "/shards/$ab/$cd") });
    return 'the folder was not synced after the rename' if !$folder;
    return 'the sync of the folder failed' if $folder->{ret} ne '0';
    my $commit = committed($calls, $folder, pack('H*', $order), 'the order');
    return $commit if !ref $commit;
    my $above = $o{fresh} ? above($calls, $ab, $cd, $rename) : '';
    return $above if $above;
    return answered($calls, $commit, $whole, $o{clear} ? qr{^HTTP/1\.1 201 .*$shard->{id}}s : undef);
}

# A new folder's own name is durable before a shard is put into it.
sub above {
    my ($calls, $ab, $cd, $rename) = @_;
    for my $pair (["/shards/$ab", '/shards'], ["/shards/$ab/$cd", "/shards/$ab"]) {
        my ($made, $in) = @$pair;
        my $mkdir = find($calls, undef, sub { $_[0]{name} =~ /^mkdir/ && $_[0]{path}[0] =~ /\Q$made\E$/ });
        return "$made was not made" if !$mkdir;
        my $sync = find($calls, $mkdir, sub { is_dir($_[0], $in) });
        return "the sync of $in failed, or there was none" if !$sync || $sync->{ret} ne '0';
        return "renamed before $in was synced" if $rename->{start} < $sync->{end};
    }
    return '';
}

sub joined {
    my ($calls, $shard, $order) = @_;
    my $commit = committed($calls, undef, pack('H*', $order), 'the order');
    return $commit if !ref $commit;
    return answered($calls, $commit, undef, qr{^HTTP/1\.1 200 .*$shard->{id}}s);
}

sub released {
    my ($calls, $shard, $order) = @_;
    my $commit = committed($calls, undef, pack('H*', $order), 'the release');
    return $commit if !ref $commit;
    my $unlink = find($calls, undef, sub { $_[0]{name} =~ /^unlink/ && $_[0]{path}[0] =~ m{/$shard->{id}$} });
    return 'no unlink' if !$unlink;
    return 'the unlink failed' if $unlink->{ret} ne '0';
    return 'unlinked before the release was durable' if $unlink->{start} < $commit->{end};
    return answered($calls, $commit, undef, qr{^HTTP/1\.1 200 }s);
}

# --- traces

sub traced {
    my ($w, $act, %o) = @_;
    my $trace = Layr::Trace->attach([workers($w)], %o);
    $act->();
    return $trace->calls;
}

sub traced_put {
    my ($w, $shard, $order, $want) = @_;
    return traced($w, sub {
        is(put_shard($w, $shard, order($alice, $w->{id}, $shard, order => $order))->{status}, $want, "$w->{name}: $want");
    });
}

# Another shard for the same folder: the same first four digits.
sub neighbour {
    my ($shard) = @_;
    my ($like, $bytes, $id, $i) = (substr($shard->{id}, 0, 4), undef, '', 0);
    $id = sha256_hex($bytes = pack('N', $i++) . 'x' x 4108) until substr($id, 0, 4) eq $like;
    return {id => $id, size => length $bytes, bytes => $bytes};
}

my ($plain, undef, @tls) = wires();
my $first = shard_of(1, 'first');
put_shard($_, $first, order($alice, $_->{id}, $first)) for $plain, @tls;

my $shard = shard_of(2, 'durable');
my $order = random_hex(16);
my @put;
subtest 'HTTP/1.1: a first shard, another in its folder, another order, a release' => sub {
    @put = traced_put($plain, $shard, $order, 201);
    is(stored(\@put, $shard, $order, fresh => 1, clear => 1), '', 'the first shard of a folder');
    my ($near, $its) = (neighbour($shard), random_hex(16));
    my @calls = traced_put($plain, $near, $its, 201);
    is(stored(\@calls, $near, $its, clear => 1), '', 'the second');
    is(scalar(grep { $_->{name} =~ /^mkdir/ } @calls), 0, 'for which no folder is made');
    my $second = random_hex(16);
    @calls = traced_put($plain, $shard, $second, 200);
    is(joined(\@calls, $shard, $second), '', 'the same shard by another order');
    my @orders = ($order, $second);
    @calls = traced($plain, sub { is(ask($plain, POST => '/v1/orders', body => orders($alice, $plain->{id}, 'release', \@orders))->{status}, 200, 'released') });
    is(released(\@calls, $shard, $_), '', 'a release') for @orders;
};

subtest 'over TLS' => sub {
    for my $w (@tls) {
        my ($s, $o) = (shard_of(2, "tls $w->{name}"), random_hex(16));
        my @calls = traced_put($w, $s, $o, 201);
        is(stored(\@calls, $s, $o, fresh => 1), '', "$w->{name}: the order of calls");
        my %sockets = map { $_->{fd} => 1 } grep { is_send($_) } @calls;
        is(scalar(keys %sockets), 1, "$w->{name}: one connection");
    }
};

# Slow syncs, so that threads work beside each other and commits are shared.
subtest 'several at a time' => sub {
    my @all = map { {shard => shard_of(1 + $_ % 3, "beside $_"), order => random_hex(16)} } 0 .. 7;
    my @calls = traced($plain, sub {
        my @curl = map {
            my $body = write_file(scratch("beside-$_->{shard}{id}"), $_->{shard}{bytes});
            spawn('curl', '-sS', '--noproxy', '*', '--http1.1', '-w', '%{http_code}', '-o', '/dev/null', '-H', 'Expect:', '-H',
                'Authorization: Layr ' . order($alice, $plain->{id}, $_->{shard}, order => $_->{order}), '-T', $body, "$plain->{url}/v1/shards/$_->{shard}{id}")
        } @all;
        is(join(' ', map { $_->wait->{out} } @curl), join(' ', (201) x @all), 'eight shards at a time');
    }, delay => 100_000);
    is(stored(\@calls, $_->{shard}, $_->{order}, clear => 1), '', substr($_->{shard}{id}, 0, 8) . ' of them') for @all;
    my %threads = map { $_->{tid} => 1 } grep { $_->{name} =~ /^rename/ } @calls;
    cmp_ok(scalar(keys %threads), '>', 1, 'by more than one thread');
    my %commits = map { $_->{start} => 1 } map { committed(\@calls, undef, pack('H*', $_->{order}), '') } @all;
    cmp_ok(scalar(keys %commits), '<', scalar(@all), 'with commits that serve more than one');
};

# --- the sentences can be false: the first trace with one thing wrong in it

sub copy { my $at = 0; return map { $at++; +{%$_, start => $at, end => $at} } @_ }
sub moved {    # the calls that fit, to before the first that fits the other
    my ($calls, $what, $before) = @_;
    my @rest = grep { !$what->($_) } @$calls;
    my ($at) = grep { $before->($rest[$_]) } 0 .. $#rest;
    splice @rest, $at, 0, grep { $what->($_) } @$calls;
    return [copy(@rest)];
}
sub without { my ($calls, $what) = @_; return [copy(grep { !$what->($_) } @$calls)] }
sub failed  { my ($calls, $what) = @_; return [copy(map { $what->($_) ? {%$_, ret => '-1', error => 'EIO'} : $_ } @$calls)] }

subtest 'a trace with something wrong is noticed' => sub {
    my $is_temp   = sub { ($_[0]{fd} // '') =~ m{/store/tmp/} };
    my $body_sync = sub { $_[0]{name} eq 'fdatasync' && $is_temp->($_[0]) };
    my $wal_sync  = sub { $_[0]{name} eq 'fdatasync' && is_wal($_[0]) };
    my $rename    = sub { $_[0]{name} =~ /^rename/ };
    my $send      = sub { is_send($_[0]) };
    my $dir       = sub { is_dir($_[0], '/shards/' . join '/', $shard->{id} =~ /^(..)(..)/) };
    my $of_order  = sub { is_wal($_[0]) && index($_[0]{data}, pack 'H*', $order) >= 0 };
    my ($last_sync) = reverse grep { $wal_sync->($_) } @put;
    my $commit = sub { $_[0]{data} eq '' && $_[0]{name} eq 'fdatasync' && is_wal($_[0]) && $_[0]{tag} };
    my @tagged = map { $_ == $last_sync ? {%$_, tag => 1} : $_ } @put;
    my @cases = (
        ['as it was',                       [copy(@put)],                                   qr/^$/],
        ['no sync of the body',             without(\@put, $body_sync),                     qr/the body was not synced/],
        ['a sync of the body that fails',   failed(\@put, $body_sync),                      qr/sync of the body failed/],
        ['the body synced before it is whole', moved(\@put, $body_sync, $is_temp),          qr/the body was not synced/],
        ['renamed before that',             moved(\@put, $rename, $body_sync),              qr/renamed before the body was synced/],
        ['renamed before the intent',       moved(\@put, sub { $is_temp->($_[0]) || $rename->($_[0]) }, $wal_sync),
            qr/renamed before the intent was durable/],
        ['no sync of the folder',           without(\@put, $dir),                           qr/folder was not synced/],
        ['the folder synced before the rename', moved(\@put, $dir, $rename),                qr/folder was not synced/],
        ['a sync of the folder that fails', failed(\@put, $dir),                            qr/sync of the folder failed/],
        ['folders above that are not synced', without(\@put, sub { is_dir($_[0], '/shards') }), qr/sync of \/shards failed, or there was none/],
        ['the order before the folder',     moved(\@put, $of_order, $dir),                  qr/order: written to the log too early/],
        ['a commit that is not synced',     without(\@tagged, $commit),                     qr/order: the log was not synced/],
        ['a commit whose sync fails',       failed(\@tagged, $commit),                      qr/order: the sync of the log failed/],
        ['201 before the commit',           moved(\@tagged, $send, $commit),                qr/answer left before the commit/],
        ['201 before all of it',            moved(\@put, $send, sub { 1 }),                 qr/answer left before the commit/],
        ['half of the body',                [map { $is_temp->($_) && is_write($_) ? {%$_, ret => $_->{ret} / 2} : $_ } @put], qr/of the body 4112 bytes/],
        ['no answer',                       without(\@put, $send),                          qr/no answer/],
    );
    like(stored($_->[1], $shard, $order, fresh => 1, clear => 1), $_->[2], $_->[0]) for @cases;
    # One thread's end seen after another's beginning: strace writes such a call on two lines.
    my @two = Layr::Trace::parse("7 1.0 fdatasync(3</s/layr.db-wal> <unfinished ...>\n8 1.1 writev(4<TCP:[1->2]>, [], 0) = 5\n7 1.2 <... fdatasync resumed>) = 0\n");
    like(answered(\@two, $two[0], undef, qr//), qr/before the commit/, 'a sync is over when it is over');
};

for my $w ($plain, $tls[0]) {
    ok($w->{swarm}->quiet, "$w->{name}: error logs are clean") or diag($w->{swarm}->noise);
}
done_testing;
