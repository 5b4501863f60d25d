package Layr::Crash;

# A host that is killed at every step of storing and of releasing, a worker of it or all of it, while others upload too.

use strict;
use warnings;
use Exporter qw(import);
use Layr::Fault;
use Layr::Books;
use Layr::Host;
use Layr::Test;
use Test::More;

our @EXPORT = qw(crash_uploads);

# Where a PUT passes. A number: the pass; a PUT commits twice.
my @put = ('host.admit', 'host.body', 'host.commit', 'sqlite.write', 'sqlite.write:2', 'sqlite.sync', 'host.committed', 'host.intent',
    'host.fdatasync', 'host.mkdir', 'host.mkdir-sync', 'host.rename', 'host.sync', 'host.order', 'host.commit:2', 'sqlite.write:4',
    'sqlite.sync:2', 'host.committed:2', 'host.stored', 'host.answer');
my @join    = ('host.admit', 'host.commit', 'sqlite.write', 'sqlite.sync', 'host.committed');
my @release = ('host.commit', 'sqlite.write', 'sqlite.sync', 'host.committed', 'host.released', 'host.unlink', 'host.unlinked',
    'host.commit:2', 'host.committed:2', 'host.unlink-sync', 'host.swept', 'host.commit:3', 'host.committed:3');

my $alice = owner();
my $serial = 0;
my %kept;    # acknowledged shards: id => {shard, order (its id)}

sub upload {
    my ($w, $shard, $order) = @_;
    my $body = write_file(scratch('body' . $serial++), $shard->{bytes});
    my $curl = spawn('curl', '-sS', '--noproxy', '*', '--http1.1', '-w', '%{http_code}', '-o', '/dev/null', '-H', 'Expect:', '-H',
        'Authorization: Layr ' . order($alice, $w->{id}, $shard, order => $order), '-T', $body, "$w->{url}/v1/shards/$shard->{id}");
    return {shard => $shard, order => $order, curl => $curl, body => $body};
}

# The answers; what was acknowledged must be there from here on.
sub answers {
    my (@uploads) = @_;
    return map {
        my $answer = $_->{curl}->wait->{out};
        unlink $_->{body};
        $kept{$_->{shard}{id}} = $_ if $answer eq '201' || $answer eq '200';
        $answer;
    } @uploads;
}

sub put_some {
    my ($w, $count) = @_;
    my @uploads = map { upload($w, shard_of(1 + $serial % 40, 'crash' . $serial), random_hex(16)) } 1 .. $count;
    my @got = answers(@uploads);
    my @cut = grep { !$kept{$_->{shard}{id}} } @uploads;
    $#cut = 0 if @cut;    # the others never come again
    return (@got, sub { again($w, @cut) });
}

# What was not acknowledged, sent again with the same order: it is stored now, or it had been.
sub again {
    my ($w, @uploads) = @_;
    return if !@uploads;
    my @got = answers(map { upload($w, $_->{shard}, $_->{order}) } @uploads);
    is(scalar(grep { $_ ne '201' && $_ ne '200' } @got), 0, 'what was cut off can be sent again') or diag("@got");
    return;
}

# Something that was acknowledged in an earlier round; it is put when there is none.
sub some_shard {
    my ($w) = @_;
    answers(upload($w, shard_of(2, 'first'), random_hex(16))) if !%kept;
    return $kept{(sort keys %kept)[$serial++ % keys %kept]};
}

sub join_one {
    my ($w) = @_;
    return answers(upload($w, some_shard($w)->{shard}, random_hex(16)));
}

# All orders of the shard: what becomes of it when the answer did not come may be either.
sub release_one {
    my ($w) = @_;
    my $shard = shard_of(3, 'released' . $serial++);
    my $order = random_hex(16);
    return sub {
        answers(upload($w, $shard, $order));
    }, sub {
        delete $kept{$shard->{id}};
        my $a = ask($w, POST => '/v1/orders', body => orders($alice, $w->{id}, 'release', [$order]), timeout => 10);
        return ($a->{status}, sub {
            my $again = ask($w, POST => '/v1/orders', body => orders($alice, $w->{id}, 'release', [$order]));
            is($again->{status}, 200, 'it can be released again');
            ok(!-e $w->{swarm}->blob(0, $shard->{id}), 'and then it is gone');
        });
    };
}

# One crash: prepare, arm, act; then the host is up again, by itself or started anew.
sub crash {
    my ($w, $point, $action, $act) = @_;
    my $spec = ($point =~ /:/ ? $point : "$point:1") . ":$action";
    Layr::Fault->arm($spec);
    my @got = $act->();
    ok(Layr::Fault->fired, "$spec: it happened") or Layr::Fault->disarm;
    Layr::Fault->revive($w->{swarm}) if $action eq 'kill-host';
    books_agree($w, "$spec, answers " . join ' ', grep { !ref } @got);
    my @temp = grep { -f } glob $w->{swarm}->path(0, 'store/tmp/*');
    is("@temp", '', "$spec: no temporary file") if $action eq 'kill-host';
    $_->() for grep { ref } @got;
    return grep { !ref } @got;
}

sub all_there {
    my ($w, $name) = @_;
    my @lost = grep {
        my $a = ask($w, GET => "/v1/shards/$_");
        $a->{status} != 200 || sha256_hex($a->{body}) ne $_;
    } sort keys %kept;
    is("@lost", '', "$name: all that was acknowledged is there and whole: " . keys %kept);
    return;
}

# So many uploads, spread over all points.
sub crash_uploads {
    my ($count) = @_;
    my $swarm = Layr::Fault->swarm(1, '--workers', 2, '--plain');
    my $w = Layr::Host::wire('HTTP/1.1', $swarm, '1.1');
    my ($sent, $answered) = (0, 0);
    my $each = $count / @put / 2 < 2 ? 2 : 4;
    for (my $round = 0; $sent < $count || $round < 1; $round++) {
        for my $action ('kill', 'kill-host') {
            for my $point (@put) {
                my @got = crash($w, $point, $action, sub { put_some($w, $each) });
                $sent += @got;
                $answered += grep { $_ eq '201' } @got;
            }
            crash($w, $_, $action, sub { join_one($w) }) for @join;
            for my $point (@release) {
                my ($prepare, $act) = release_one($w);
                $prepare->();
                crash($w, $point, $action, $act);
            }
        }
        all_there($w, "round $round");
    }
    my %tried = map { (split /:/)[0] => 1 } @put, @join, @release;
    my %elsewhere = map { $_ => 1 } qw(host.scrub host.damaged);    # t/scrub-faults.t
    is(join(' ', grep { /^host\./ && !$tried{$_} && !$elsewhere{$_} } Layr::Fault->points), '', 'at every point that a host has');
    cmp_ok($sent, '>=', $count, "uploads: $sent, acknowledged: $answered");
    Layr::Fault->revive($swarm);
    books_agree($w, 'after a last restart');
    my @temp = grep { -f } glob $swarm->path(0, 'store/tmp/*');
    is("@temp", '', 'no temporary file');
    all_there($w, 'after a last restart');
    unlike($swarm->noise, qr/Sanitizer|runtime error|\[emerg\]/, 'the error log');
    return;
}

1;
