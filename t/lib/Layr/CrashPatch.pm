package Layr::CrashPatch;

# layr-patch that is killed at every step, or whose journal's disk fails: the file is as readable as before, the next one ends what it
# began, and a day later nothing is at the hosts that the manifest does not name.

use strict;
use warnings;
use Exporter qw(import);
use Layr::Fault;
use Layr::Files;
use Layr::Patch;
use Layr::Test;
use Layr::Tree;
use Test::More;

our @EXPORT = qw(crash_patches);

my ($swarm, $watch, $file, $cap, $name, %reached);

# Three small segments at 1/3, as hosts let an owner read only so much of a file in a day: one lost a shard, another two, of which one
# is damaged.
sub hurt {
    my $m = $watch->look($cap);
    $watch->lose($m->{segments}[0]{rows}[1], $m->{segments}[1]{rows}[2]);
    $watch->flip($m->{segments}[1]{rows}[0]);
    return;
}

sub with_fault {
    my ($spec) = @_;
    my $armed = write_file(scratch('spec'), $spec);
    my $r = tool({timeout => 60, env => {LAYR_FAULT => "\@$armed"}}, 'layr-patch', '-q', $swarm->hosts, $name);
    $r->{fired} = $spec =~ /\+:/ ? $r->{status} != 0 : !-e $armed;
    unlink $armed;
    $reached{$1} = 1 if $r->{status} == -9 && $spec =~ /^([a-z.]+)/;
    return $r;
}

sub left { return join ' ', map { "$_ " . journal("SELECT count(*) FROM $_")->[0][0] } qw(put put_order release later) }

sub after {
    my ($what) = @_;
    my $got = get_file($cap, scratch('back'), [$swarm->hosts], '--path', 'file');
    ok($got->{status} == 0 && same_file($file, scratch('back')), "$what: it is read as before") or diag($got->{err});
    my $r = patch_json($name, [$swarm->hosts], "$what: the next one");
    like($r->{state} // '', qr/^(?:restored|whole)$/, "$what: ends it");
    my $m = $watch->sound($cap, $what);
    journal('UPDATE later SET due = due - 90000');
    is(patch_json($name, [$swarm->hosts], "$what: a day later")->{state}, 'whole', "$what: it is whole");
    is(left(), 'put 0 put_order 0 release 0 later 0', "$what: the journal has nothing more to do");
    is($watch->orders_of($cap), 9, "$what: and hosts have an order for each shard");
    return;
}

sub killed {
    my ($point) = @_;
    hurt();
    my $r = with_fault(($point =~ /:/ ? $point : "$point:1") . ':kill');
    is($r->{status}, -9, "$point: killed") or diag($r->{err});
    after($point);
    return;
}

# Each pass of a point, every so many of them, until the program does not come there any more.
sub in_passes {
    my ($point, $stride, $action) = @_;
    my ($n, $fired) = (1, 1);
    while ($fired) {
        hurt();
        my $r = with_fault("$point:$n:$action");
        $fired = $r->{fired};
        isnt($r->{status}, 0, "$point:$n:$action: it says so") if $fired && $point =~ /\+/;
        after("$point:$n:$action");
        $n += $stride;
    }
    cmp_ok($n, '>', 3, "$point: $n passes");
    return;
}

sub crash_patches {
    my ($stride, @points) = @_;
    $swarm = Layr::Test->swarm(5, '--directive', 'layr_scrub off;');
    $watch = Layr::Patch->new($swarm);
    $file  = make_file(scratch('file.bin'), 10_000);
    is(tool('layr-key', 'new')->{status}, 0, 'a key');
    {
        my $bytes = read_file($file);
        local $ENV{LAYR_BUILD} = $Layr::Fault::release;    # put-tree is there
        $cap = put_tree($swarm, $bytes, ['-k', '1/3', '--segment', 5000], entry(0, ''), entry(1, 'file', offset => 0, bytes => $bytes));
    }
    ($name) = map { $_->{name} } @{unjson(tool('layr-ls', '--json')->{out})->{files}};
    subtest "killed at $_" => sub { killed($_) } for @points;
    if ($stride) {
        for my $action (qw(kill EIO ENOSPC)) {
            subtest "$action at each write" => sub { in_passes($_->[0], $_->[1], $action) for ['sqlite.write', $stride], ['sqlite.sync', 1 + int $stride / 4] };
        }
    }
    is(join(' ', grep { !$reached{$_} && /^(?:patch|update)\./ } Layr::Fault->points), '', 'it was killed at every point of its own');
    no_traces($swarm);
    return;
}

1;
