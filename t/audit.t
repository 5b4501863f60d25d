#!/usr/bin/perl
# layr-audit: what hosts have and have not is told apart and named exactly, by the whole and by samples, with a name, a write cap
# and a verify cap alone; a read cap cannot; what hosts did is remembered, and puts go by it. About 25 s.
use strict;
use warnings;
use lib 't/lib';
use Layr::Test;
use Test::More;

my $swarm = Layr::Test->swarm(9, '--directive', 'layr_scrub off;');    # what is damaged here stays where it is
my @all = $swarm->hosts;
my %number = map { $swarm->id($_) => $_ } 0 .. 8;
tool('layr-key', 'new')->{status} == 0 or BAIL_OUT('no key');
my $put = tool('layr-put', '-q', '-k', '4/8', '-n', 'file', @all, make_file(scratch('file'), 40_000_000));
$put->{status} == 0 or BAIL_OUT($put->{err});
chomp(my $read = $put->{out});

# The objects that --json prints, one after another.
sub audit {
    my $opt = ref $_[0] eq 'HASH' ? shift : {};
    my $r = tool($opt, 'layr-audit', '-q', '--json', @all, @_);
    $r->{list} = $r->{out} eq '' ? [] : [JSON::PP->new->utf8->incr_parse($r->{out})];
    $r->{one} = $r->{list}[0];
    return $r;
}

# unit.shard => verdict of all that did not pass.
sub bad { return {map { (($_->{page} ? 'page ' : '') . "$_->{unit}.$_->{shard}") => $_->{verdict} } @{$_[0]{bad}}} }

# The rows of a file: [unit, shard, host number, id], as layr-ls has them; ids from what the host has.
sub rows {
    my ($name) = @_;
    my $ls = unjson(tool('layr-ls', '--json', @all, $name)->{out});
    my @at = map { $number{$_->{id}} } @{$ls->{hosts}};
    my @rows;
    for my $u (grep { !$_->{page} } @{$ls->{units}}) {
        push @rows, map { [$u->{number}, $_, $at[$u->{rows}[$_]{host}]] } 0 .. $#{$u->{rows}};
    }
    return @rows;
}
my @rows = rows('file');

sub poke { my ($path, $at) = @_; open my $f, '+<:raw', $path or die "$path: $!"; seek $f, $at, 0; read $f, my $b, 1; seek $f, $at, 0; print {$f} chr(ord($b) ^ 1); close $f }

my $caps = tool('layr-ls', '--json', '--caps', @all, 'file');
my $verify = unjson($caps->{out})->{verify_cap};
like($verify, qr/^layr:v:/, 'layr-ls gives the verify cap');

subtest 'all is well' => sub {
    my $r = audit('file');
    is($r->{status}, 0, 'exit 0') or diag($r->{err});
    is($r->{one}{passed}, 24, 'all 24 shards passed');
    is($r->{one}{challenges}, 9, 'by one challenge a host');
    is($r->{one}{chunks}, 9, 'and a chunk of each was fetched');
    cmp_ok($r->{one}{received_bytes} + $r->{one}{sent_bytes}, '<', 9 * 10240, 'less than 10 KiB a host moved besides');
    cmp_ok($r->{one}{proved_bytes}, '>', 80_000_000, 'every byte was read for it');
    my $s = audit('--sample', 10, 'file');
    is("$s->{status} $s->{one}{passed}", '0 24', 'a sample of 10 blocks passes');
    is($s->{one}{proved_bytes}, 24 * 10 * 4112, 'and only those were read');
    mkdir scratch('blank');
    my $v = audit({env => {LAYR_HOME => scratch('blank')}}, $verify);
    is("$v->{status} $v->{one}{passed}", '0 24', 'a verify cap is enough, without a key');
    ok(!exists $v->{one}{name}, 'and reads no name');
    my $no = audit({env => {LAYR_HOME => scratch('blank')}}, $read);
    is($no->{status}, 5, 'a read cap is refused');
    like($no->{err}, qr/does not allow auditing/, 'with a sentence');
};

subtest 'each thing by its name' => sub {
    my ($flip, $tag, $gone, $cut) = map { my $i = $_; (grep { $_->[2] == $i } @rows)[0] } 1 .. 4;
    my %want = map { ("$_->[0][0].$_->[0][1]" => $_->[1]) } [$flip, 'corrupt'], [$tag, 'corrupt'], [$gone, 'missing'], [$cut, 'missing'];
    my %blob;    # the blob of a row, by asking for each file of the host in turn
    for my $row ($flip, $tag, $gone, $cut) {
        my ($path) = blob_of($row) or BAIL_OUT('no blob');
        $blob{$row} = $path;
    }
    my $size = -s $blob{$flip};
    poke($blob{$flip}, int rand $size * 256 / 257);
    poke($blob{$tag}, int($size * 256 / 257) + 5);
    rename $blob{$gone}, scratch('gone') or die;
    truncate $blob{$cut}, $size - 1 or die;
    my $r = audit('file');
    is($r->{status}, 1, 'exit 1');
    is_deeply(bad($r->{one}), \%want, 'the bad ones are named, and no others');
    is("$r->{one}{passed} $r->{one}{corrupt} $r->{one}{missing}", '20 2 2', 'counted');

    $swarm->kill(5);
    $want{"$_->[0].$_->[1]"} = 'unreachable' for grep { $_->[2] == 5 } @rows;
    my $conf = $swarm->path(6, 'nginx.conf');
    my $was = read_file($conf);
    $swarm->kill(6);
    write_file($conf, $was =~ s/layr_store on;/layr_store on;\n            if (\$request_uri = \/v1\/audits) { return 403; }/r);
    $swarm->revive(6);
    $want{"$_->[0].$_->[1]"} = 'refused' for grep { $_->[2] == 6 } @rows;
    $swarm->kill(7);
    rename $swarm->path(7, 'store'), $swarm->path(7, 'away') or die;
    mkdir $swarm->path(7, 'store');
    $swarm->revive(7);
    $want{"$_->[0].$_->[1]"} = 'unreachable' for grep { $_->[2] == 7 } @rows;
    $r = audit('file');
    is($r->{status}, 1, 'exit 1') or diag($r->{err});
    is_deeply(bad($r->{one}), \%want, 'a host that is down, one that refuses, one without its store');
    my ($down) = grep { $number{$_->{id}} == 5 } @{$r->{one}{hosts}};
    cmp_ok($down->{silent_since}, '>', time - 60, 'since when it does not answer is kept');
    my $since = $down->{silent_since};
    sleep 1;
    ($down) = grep { $number{$_->{id}} == 5 } @{audit('--sample', 1, 'file')->{one}{hosts}};
    is($down->{silent_since}, $since, 'and stays');
    $swarm->kill(7);
    rmdir $swarm->path(7, 'store') or File::Path::remove_tree($swarm->path(7, 'store'));
    rename $swarm->path(7, 'away'), $swarm->path(7, 'store') or die;
    $swarm->kill(6);
    write_file($conf, $was);
    $swarm->revive(5, 6, 7);
    ($down) = grep { $number{$_->{id}} == 5 } @{audit('--sample', 1, 'file')->{one}{hosts}};
    is($down->{silent_since}, 0, 'until it is back');
    poke($blob{$flip}, 0), poke($blob{$flip}, 0);
    rename scratch('gone'), $blob{$gone} or die;
    is(audit('file')->{one}{missing}, 1, 'and a shard that is back is there again');
};

# The file of a row at its host: the one whose removal that row misses.
sub blob_of {
    my ($row) = @_;
    for my $path ($swarm->blobs($row->[2])) {
        rename $path, "$path.away" or die;
        my $b = bad(audit('--sample', 1, 'file')->{one});
        rename "$path.away", $path or die;
        return $path if ($b->{"$row->[0].$row->[1]"} // '') eq 'missing';
    }
    return;
}

subtest 'a host that asks for patience' => sub {
    my $conf = $swarm->path(0, 'nginx.conf');
    my $was = read_file($conf);
    $swarm->kill(0);
    write_file($conf, $was =~ s/(\n\s*server \{)/\n    map \$request_uri \$audit { \/v1\/audits 1; default ""; }\n    limit_req_zone \$audit zone=audit:1m rate=30r\/m;\n    limit_req_status 429;$1/r
        =~ s/layr_store on;/layr_store on;\n            limit_req zone=audit;/r);
    $swarm->revive(0);
    my %of;
    for (1 .. 2) {    # the second comes too early, or the machine is slow
        my ($h) = grep { $number{$_->{id}} == 0 } @{audit('--sample', 1, 'file')->{one}{hosts}};
        $of{"$h->{refused} " . ($h->{passed} == $h->{shards} ? 'all' : $h->{trouble})}++;
    }
    is_deeply(\%of, {'0 all' => 2}, 'is asked again, and passes');
    $swarm->kill(0);
    write_file($conf, $was);
    $swarm->revive(0);
};

subtest 'a host that stands still' => sub {
    my @pid = grep { (readlink("/proc/$_/cwd") // '') eq $swarm->path(8) } map { /(\d+)$/ } glob '/proc/[0-9]*';
    kill STOP => @pid;
    my $r = audit('file');
    kill CONT => @pid;
    is($r->{status}, 1, 'exit 1') or diag($r->{err});
    my %want = map { ("$_->[0].$_->[1]" => 'timed_out') } grep { $_->[2] == 8 } @rows;
    my $bad = bad($r->{one});
    my %late = map { ($_ => $bad->{$_}) } grep { $bad->{$_} !~ /^(?:corrupt|missing)$/ } keys %$bad;
    is_deeply(\%late, \%want, 'its shards are not lost: timed out');
};

subtest 'all files' => sub {
    tool('layr-put', '-q', '-n', 'small', @all, write_file(scratch('small'), 'x' x 100));
    tool('layr-put', '-q', '-k', '1/3', '-n', 'three', @all, make_file(scratch('three'), 300_000));
    my $r = audit('--all');
    is(scalar @{$r->{list}}, 3, 'three reports');
    my %by = map { $_->{name} => $_ } @{$r->{list}};
    is("$by{small}{shards} $by{three}{passed}", '0 3', 'one lies in its record, one has three shards');
    like($by{small}{verdict}, qr/nothing to audit/, 'and that is said');
    is($r->{status}, 1, 'the gravest of all is the status');
    is(join(' ', grep { /[12348]/ } map { $_->[2] } rows('three')), '', 'who lost something, or was silent last, is passed over where others do');
    for my $i (map { $_->[2] } rows('three')) {
        rename $_, "$_.away" or die for $swarm->blobs($i);
    }
    $r = audit('three');
    is($r->{status}, 4, 'a file that is lost: 4');
    is($r->{one}{lost}, 1, 'its segment is counted');
    like($r->{one}{verdict}, qr/^lost: .*segment 0 with 0 of 1/, 'and named');
};

is(tool('layr-audit', @all)->{status}, 2, 'of which file?');
is(tool('layr-audit', '--all', @all, 'file')->{status}, 2, 'not both');
my $none = tool('layr-audit', @all, 'nothing');
is($none->{status}, 1, 'no such file');
like($none->{err}, qr/no file named/, 'says so');

done_testing();
