#!/usr/bin/perl
# Core files: the programs leave none, whatever the limit; the host's have no key in them, not even those of its master.
use strict;
use warnings;
use lib 't/lib';
use Layr::Test;
use Test::More;

plan skip_all => 'under a sanitizer memory is another' if ($ENV{LAYR_MODULE} // '') eq 'builtin';

my $pattern = read_file('/proc/sys/kernel/core_pattern');
my $files = $pattern =~ m{^[^|/%]+$};    # cores are files in a process's own folder

sub cores { my ($dir) = @_; return grep { /\bcore(?:\.\d+)?$/ } glob "$dir/*" }

# Would anything leave one here?
my $dir = scratch('abort');
mkdir $dir;
run({cwd => $dir}, 'bash', '-c', 'ulimit -c unlimited; bash -c "kill -ABRT \$\$"');
my $possible = $files && cores($dir);
unlink cores($dir);

my $swarm = do {
    # nginx's processes inherit it
    write_file(scratch('swarm.sh'), qq{#!/bin/bash\nulimit -c unlimited\nexec /usr/sbin/nginx "\$@"\n});
    chmod 0755, scratch('swarm.sh');
    Layr::Test->swarm(2, '--nginx', scratch('swarm.sh'));
};

subtest 'programs' => sub {
    is(tool('layr-key', 'new')->{status}, 0, 'a key');
    my ($r, $w) = pipe_ends();
    my $p = spawn({cwd => $dir, stdin_fh => $r, timeout => 60}, 'bash', '-c', 'ulimit -c unlimited; exec "$@"', 'x', build('bin/layr-put'), '-q', '-k', '1/2',
        $swarm->hosts, '-');
    syswrite $w, 'x' x 1000;
    my $pid = $p->pid;
    ok(wait_for(20, sub { read_file("/proc/$pid/limits") =~ /^Max core file size\s+0\s+0\s/m }), 'their limit is 0, also the hard one');
    # what a process that is not dumpable owns in /proc is root's; for root that says nothing
    $p->kill('ABRT');
    is($p->wait->{status}, -6, 'it is aborted in the middle');
    close $w;
    is_deeply([cores($dir)], [], 'and leaves no core');
};

# The flags of every mapping that the kernel leaves out of cores.
sub undumped { my ($pid) = @_; return scalar(() = read_file("/proc/$pid/smaps") =~ /^VmFlags:.* dd\b/mg) }

subtest 'host' => sub {
    my ($key) = (glob($swarm->path(0, "*.key")), glob($swarm->path(0, "*/*.key")));
    my $text = read_file($key);
    my ($hex) = $text =~ /^([0-9a-f]{64})$/m or die 'no key';
    my $seed = pack 'H*', $hex;
    is(http(GET => $swarm->url(0) . '/v1/node?nonce=AAAAAAAAAAAAAAAAAAAAAA')->{status}, 200, 'it has signed');
    chomp(my $master = read_file($swarm->path(0, 'nginx.pid')));
    my @children = split ' ', read_file("/proc/$master/task/$master/children");
    cmp_ok(undumped($_), '>=', 1, "process $_ keeps memory out of cores") for $master, @children;
  SKIP: {
        skip 'core files do not go to the folder of the process here', 1 if !$possible;
        my $cores = 0;
        for my $pid (@children, $master) {
            my $cwd = readlink "/proc/$pid/cwd";
            chmod 0777, $cwd;
            kill 'ABRT', $pid;
            wait_for(20, sub { !-e "/proc/$pid" || read_file("/proc/$pid/stat") =~ /\) Z/ });
            for my $core (cores($cwd)) {
                my $bytes = read_file($core);
                $cores++;
                cmp_ok(index($bytes, $swarm->id(0)), '>=', 0, "a core of the host: its id is there");
                is(index($bytes, $seed), -1, 'the seed is not');
                is(index(lc $bytes, $hex), -1, 'nor as text');
                unlink $core;
            }
        }
        cmp_ok($cores, '>=', 1, 'there were cores');
    }
};
done_testing;
